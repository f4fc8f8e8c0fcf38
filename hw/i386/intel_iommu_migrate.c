/*
 * Intel IOMMU (VT-d) device: migration
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the section of the stream, which is that of QEMU 10.0's own device:
 * name, order and width of the fields are fixed.  What they mean and which
 * values are refused is the engine's (hw/i386/vtd/save.c).  All of it runs
 * under the big lock.
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/rcu.h"
#include "system/runstate.h"
#include "intel_iommu_internal.h"

static int intel_iommu_pre_save(void *opaque)
{
    IntelIOMMUState *s = opaque;

    vtd_save(s->vtd, &s->saved);
    return 0;
}

static int intel_iommu_post_load(void *opaque, int version_id)
{
    IntelIOMMUState *s = opaque;
    g_autofree char *error = NULL;

    /*
     * caching-mode=auto may be on because of a device that was unplugged
     * before the migration: then this end has none, and the stream decides.
     */
    if (s->caching_mode_option == ON_OFF_AUTO_AUTO &&
        vtd_saved_caching_mode(&s->saved)) {
        intel_iommu_use_caching_mode(s);
    }
    error = vtd_load(s->vtd, &s->saved);
    if (error) {
        error_report("intel-iommu: the incoming state does not fit: %s",
                     error);
        return -EINVAL;
    }
    if (vtd_misses_mappings(s->vtd) && g_hash_table_size(s->host_devices)) {
        error_report("intel-iommu: the incoming guest does not tell of its "
                     "mappings of the first stage, which the assigned device "
                     "needs");
        return -EINVAL;
    }
    s->loaded = true;
    return 0;
}

/*
 * When the VM starts, all of the state has come that tables and views depend
 * on: guest memory, which is loaded before devices, and where memory regions
 * and bus numbers are, which the devices' own sections tell.
 */
static void intel_iommu_vm_state(void *opaque, bool running, RunState state)
{
    IntelIOMMUState *s = opaque;

    if (!running) {
        /* Messages change the state of CPUs: send them before that is saved */
        vtd_send_events(s->vtd);
    } else if (s->loaded) {
        /* The queue may run; invalidations read contexts that RCU guards */
        RCU_READ_LOCK_GUARD();

        s->loaded = false;
        vtd_load_finish(s->vtd);
    }
}

void intel_iommu_init_migration(IntelIOMMUState *s)
{
    qemu_add_vm_change_state_handler(intel_iommu_vm_state, s);
}

/* The fields have the names of QEMU 10.0's stream, without "saved." */
#define SAVED(_field, _info, _type) { \
    .name = #_field, \
    .size = sizeof(_type), \
    .info = &(_info), \
    .flags = VMS_SINGLE, \
    .offset = vmstate_offset_value(IntelIOMMUState, saved._field, _type), \
}
#define SAVED_U64(_field)       SAVED(_field, vmstate_info_uint64, uint64_t)
#define SAVED_U32(_field)       SAVED(_field, vmstate_info_uint32, uint32_t)
#define SAVED_U16(_field)       SAVED(_field, vmstate_info_uint16, uint16_t)
#define SAVED_U8(_field)        SAVED(_field, vmstate_info_uint8, uint8_t)
#define SAVED_BOOL(_field)      SAVED(_field, vmstate_info_bool, bool)

const VMStateDescription vmstate_intel_iommu = {
    .name = "iommu-intel",
    .version_id = 1,
    .minimum_version_id = 1,
    .priority = MIG_PRI_IOMMU,
    .pre_save = intel_iommu_pre_save,
    .post_load = intel_iommu_post_load,
    .fields = (const VMStateField[]) {
        SAVED_U64(root),
        SAVED_U64(intr_root),
        SAVED_U64(iq),
        SAVED_U32(intr_size),
        SAVED_U16(iq_head),
        SAVED_U16(iq_tail),
        SAVED_U16(iq_size),
        SAVED_U16(next_frcd_reg),
        {
            .name = "csr",
            .num = VTD_REG_SIZE,
            .size = sizeof(uint8_t),
            .info = &vmstate_info_uint8,
            .flags = VMS_ARRAY,
            .offset = vmstate_offset_array(IntelIOMMUState, saved.csr,
                                           uint8_t, VTD_REG_SIZE),
        },
        SAVED_U8(iq_last_desc_type),
        VMSTATE_UNUSED(1),
        SAVED_BOOL(dmar_enabled),
        SAVED_BOOL(qi_enabled),
        SAVED_BOOL(intr_enabled),
        SAVED_BOOL(intr_eime),
        VMSTATE_END_OF_LIST()
    },
};
