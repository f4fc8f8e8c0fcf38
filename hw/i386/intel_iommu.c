/*
 * Intel IOMMU (VT-d) device
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what ties the VT-d engine (hw/i386/vtd/) to QEMU: the QOM type, the
 * registers' memory region, and the operations that the engine asks for.  It
 * decides nothing that the VT-d specification decides.
 *
 * Everything runs under the big lock, but for intel_iommu_defer_free(), which
 * a translation of DMA needs: in any thread, inside an RCU read section.
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/rcu.h"
#include "qemu/timer.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "cpu.h"
#include "system/address-spaces.h"
#include "hw/core/boards.h"
#include "hw/i386/pc.h"
#include "hw/pci-host/q35.h"
#include "hw/pci/pci.h"
#include "monitor/monitor.h"
#include "system/system.h"
#include "intel_iommu_compat.h"
#include "intel_iommu_internal.h"
#include "vtd/trace.h"

/* The registers are given a page, which the DMAR table names */
#define INTEL_IOMMU_REGISTERS_SIZE  0x1000

/* No table entry has room for more bits of a physical address */
#define MAX_HAW_BITS                52

/* The operations that the engine asks for */

typedef struct IntelIOMMUDeferred {
    struct rcu_head rcu;
    void *ptr;
    void (*free_fn)(void *);
} IntelIOMMUDeferred;

static void intel_iommu_deferred(IntelIOMMUDeferred *deferred)
{
    deferred->free_fn(deferred->ptr);
    g_free(deferred);
}

static void intel_iommu_defer_free(void *opaque, void *ptr,
                                   void (*free_fn)(void *))
{
    IntelIOMMUDeferred *deferred = g_new(IntelIOMMUDeferred, 1);

    deferred->ptr = ptr;
    deferred->free_fn = free_fn;
    call_rcu(deferred, intel_iommu_deferred, rcu);
}

static void intel_iommu_iec_changed(void *opaque, bool global, uint32_t index,
                                    uint32_t mask)
{
    x86_iommu_iec_notify_all(X86_IOMMU_DEVICE(opaque), global, index, mask);
}

static bool intel_iommu_dirty_tracking(void *opaque)
{
    return global_dirty_tracking != 0;
}

static const char *intel_iommu_user_option(void *opaque, const char *name)
{
    return intel_iommu_option_name(name);
}

static int64_t intel_iommu_now(void *opaque)
{
    return get_clock();
}

static void intel_iommu_schedule(void *opaque)
{
    IntelIOMMUState *s = opaque;

    qemu_bh_schedule(s->continue_bh);
}

static void intel_iommu_continue(void *opaque)
{
    IntelIOMMUState *s = opaque;

    /* Invalidations read contexts that RCU guards, as below a guest's write */
    RCU_READ_LOCK_GUARD();
    vtd_continue(s->vtd);
}

static const VtdOps intel_iommu_ops = {
    .read = intel_iommu_read,
    .write = intel_iommu_write,
    .swap = intel_iommu_swap,
    .inject = intel_iommu_inject,
    .defer_free = intel_iommu_defer_free,
    .source_id = intel_iommu_source_id,
    .switch_to = intel_iommu_switch_to,
    .iec_changed = intel_iommu_iec_changed,
    .ram = intel_iommu_ram,
    .notify = intel_iommu_notify,
    .invalidate = intel_iommu_invalidate,
    .dirty_tracking = intel_iommu_dirty_tracking,
    .refused = intel_iommu_refused,
    .now = intel_iommu_now,
    .schedule = intel_iommu_schedule,
    .drain = intel_iommu_drain,
    .log = intel_iommu_log,
    .log_more = intel_iommu_log_more,
    .log_later = intel_iommu_log_later,
    .fault = intel_iommu_fault,
    .queue_stopped = intel_iommu_queue_stopped,
    .over_limit = intel_iommu_over_limit,
    .option_name = intel_iommu_user_option,
};

/* Registers */

static uint64_t intel_iommu_mmio_read(void *opaque, hwaddr addr,
                                      unsigned size)
{
    IntelIOMMUState *s = opaque;

    return vtd_mmio_read(s->vtd, addr, size);
}

static void intel_iommu_mmio_write(void *opaque, hwaddr addr, uint64_t value,
                                   unsigned size)
{
    IntelIOMMUState *s = opaque;

    vtd_mmio_write(s->vtd, addr, value, size);
}

static const MemoryRegionOps intel_iommu_mmio_ops = {
    .read = intel_iommu_mmio_read,
    .write = intel_iommu_mmio_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 4, .max_access_size = 8 },
    .impl = { .min_access_size = 4, .max_access_size = 8 },
};

/*
 * Of what later versions ask an IOMMU for, supports_address_space is left out:
 * every device has one here.  So is get_viommu_flags: no host has to nest
 * tables, or to track dirty pages, for this unit.
 */
static const PCIIOMMUOps intel_iommu_pci_ops = {
    .get_address_space = intel_iommu_address_space,
    .set_iommu_device = intel_iommu_set_host_device,
    .unset_iommu_device = intel_iommu_unset_host_device,
};

/* The device */

static void intel_iommu_machine_done(Notifier *notifier, void *data)
{
    IntelIOMMUState *s = container_of(notifier, IntelIOMMUState,
                                      machine_done);
    Error *err = NULL;

    if (!intel_iommu_settle_caching_mode(s, &err)) {
        error_report_err(err);
        exit(1);
    }
}

static void intel_iommu_get_stats(Object *obj, Visitor *v, const char *name,
                                  void *opaque, Error **errp)
{
    IntelIOMMUState *s = INTEL_IOMMU_DEVICE(obj);

    if (!visit_start_struct(v, name, NULL, 0, errp)) {
        return;
    }
    for (VtdStat stat = 0; stat < VTD_STAT_COUNT; stat++) {
        uint64_t value = vtd_stat(s->vtd, stat);

        if (!visit_type_uint64(v, vtd_stat_name(stat), &value, errp)) {
            goto out;
        }
    }
    visit_check_struct(v, errp);
out:
    visit_end_struct(v, NULL);
}

/*
 * The width of physical addresses is that of the CPUs, which exist before any
 * device.  Guest software that sizes its table entries by aw-bits works on
 * where the CPUs have fewer bits, so it is aw-bits at least.
 */
static unsigned intel_iommu_haw_bits(IntelIOMMUState *s)
{
    return MAX(X86_CPU(first_cpu)->phys_bits,
               MIN(s->input_bits, MAX_HAW_BITS));
}

static void intel_iommu_realize(DeviceState *dev, Error **errp)
{
    IntelIOMMUState *s = INTEL_IOMMU_DEVICE(dev);
    X86IOMMUState *x86_iommu = X86_IOMMU_DEVICE(dev);
    MachineState *ms = MACHINE(qdev_get_machine());
    PCIBus *bus = PC_MACHINE(ms)->pcibus;
    VtdConfig config;

    if (!intel_iommu_check_order(errp) || !intel_iommu_check_props(s, errp)) {
        return;
    }

    s->haw_bits = intel_iommu_haw_bits(s);
    s->aw_bits = MIN(s->input_bits, MAX_HAW_BITS);
    s->continue_bh = qemu_bh_new(intel_iommu_continue, s);
    intel_iommu_init_events(s);
    intel_iommu_init_log(s);
    intel_iommu_init_drain(s);
    intel_iommu_init_memory(s);
    config = (VtdConfig) {
        .aw_bits = s->input_bits,
        .haw_bits = s->haw_bits,
        .caching_mode = s->caching_mode,
        .snoop_control = s->snoop_control,
        .device_iotlb = x86_iommu->dt_supported,
        .pass_through = object_property_get_bool(OBJECT(s), "pt",
                                                 &error_abort),
        .intr_remap = x86_iommu_ir_supported(x86_iommu),
        .eim = s->eim == ON_OFF_AUTO_ON,
        .dma_drain = s->dma_drain,
        .dma_translation =
            object_property_get_bool(OBJECT(s), "dma-translation",
                                     &error_abort),
        .esrtps = INTEL_IOMMU_ESRTPS,
        .stale_tm = s->stale_tm,
        .max_mappings = s->max_mappings,
    };
    intel_iommu_set_scalable(s, &config);
    s->vtd = vtd_new(&config, &intel_iommu_ops, s);
    s->host_devices = g_hash_table_new(NULL, NULL);
    intel_iommu_init_spaces(s);
    intel_iommu_init_interrupts(s);

    memory_region_init_io(&s->registers, OBJECT(s), &intel_iommu_mmio_ops, s,
                          "intel_iommu", INTEL_IOMMU_REGISTERS_SIZE);
    memory_region_add_subregion(get_system_memory(),
                                Q35_HOST_BRIDGE_IOMMU_ADDR, &s->registers);

    /*
     * The I/O APIC has no PCI function: a space of its own, with the source
     * id that the DMAR table gives it.
     */
    X86_MACHINE(ms)->ioapic_as =
        intel_iommu_address_space(NULL, s, Q35_PSEUDO_DEVFN_IOAPIC);

    pci_setup_iommu(bus, &intel_iommu_pci_ops, s);
    intel_iommu_watch_buses();

    /* A property of the object alone: -device must not offer to set it */
    object_property_add(OBJECT(s), "stats", "dict", intel_iommu_get_stats,
                        NULL, NULL, NULL);

    intel_iommu_watch_memory(s);
    intel_iommu_init_migration(s);
    s->machine_done.notify = intel_iommu_machine_done;
    qemu_add_machine_init_done_notifier(&s->machine_done);
}

/*
 * The exit phase comes after the hold phase of all devices, which ends their
 * DMA: no DMA may meet memory untranslated because the unit was reset first.
 */
static void intel_iommu_reset_exit(Object *obj, ResetType type)
{
    vtd_reset(INTEL_IOMMU_DEVICE(obj)->vtd);
}

static void intel_iommu_class_init(ObjectClass *klass,
                                   IntelIOMMUClassData data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    X86IOMMUClass *x86_class = X86_IOMMU_DEVICE_CLASS(klass);
    ResettableClass *rc = RESETTABLE_CLASS(klass);

    dc->desc = "Intel IOMMU (VT-d) DMA Remapping device";
    dc->vmsd = &vmstate_intel_iommu;
    dc->hotpluggable = false;
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    intel_iommu_class_init_props(klass);
    x86_class->realize = intel_iommu_realize;
    x86_class->int_remap = intel_iommu_int_remap;
    rc->phases.exit = intel_iommu_reset_exit;
}

static const TypeInfo intel_iommu_type = {
    .name = TYPE_INTEL_IOMMU_DEVICE,
    .parent = TYPE_X86_IOMMU_DEVICE,
    .instance_size = sizeof(IntelIOMMUState),
    .class_init = intel_iommu_class_init,
};

static void intel_iommu_register_type(void)
{
    type_register_static(&intel_iommu_type);
    monitor_register_hmp("vtd", true, hmp_info_vtd);
}

type_init(intel_iommu_register_type)
