/*
 * Intel IOMMU (VT-d) device: the calls between its files
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_I386_INTEL_IOMMU_INTERNAL_H
#define HW_I386_INTEL_IOMMU_INTERNAL_H

#include "hw/i386/intel_iommu.h"
#include "hw/i386/vtd/look.h"
#include "migration/vmstate.h"
#include "qapi/qapi-types-vtd.h"
#include "system/host_iommu_device.h"

/* intel_iommu_props.c: what the user asks for */

void intel_iommu_class_init_props(ObjectClass *klass);
/* Resolve eim=auto; false, with @errp set, for what cannot be had. */
bool intel_iommu_check_props(IntelIOMMUState *s, Error **errp);

/* intel_iommu_scalable.c: what the user asks for of scalable mode */

/* False, with @errp set, for what cannot be had; aw-bits is looked at, too. */
bool intel_iommu_check_scalable(IntelIOMMUState *s, Error **errp);
/* Fill in what of @config is for scalable mode; the rest is zeroed before. */
void intel_iommu_set_scalable(const IntelIOMMUState *s, VtdConfig *config);
/* How wide the addresses are at which a device of the host can be mapped to */
unsigned intel_iommu_mapped_bits(const IntelIOMMUState *s);

/* intel_iommu_drain.c: accesses that an invalidation waits for */

extern __thread bool intel_iommu_thread_noted;
void intel_iommu_init_drain(IntelIOMMUState *s);
/* VtdOps.drain */
bool intel_iommu_drain(void *opaque);
void intel_iommu_note_thread(void);
/* Before each translation, inside the RCU read section of its access: [any] */
static inline void intel_iommu_note_translation(void)
{
    if (!intel_iommu_thread_noted) {
        intel_iommu_note_thread();
    }
}

/* intel_iommu_bus.c: buses come, change their numbers and go */

/* From now on, and for the bridges that are there already. */
void intel_iommu_watch_buses(void);

/* intel_iommu_space.c: the address spaces of devices */

void intel_iommu_init_spaces(IntelIOMMUState *s);
/*
 * PCIIOMMUOps.get_address_space: the same one for the same place, however
 * often it is filled.  @bus is NULL for the I/O APIC, which is no PCI device.
 */
AddressSpace *intel_iommu_address_space(PCIBus *bus, void *opaque, int devfn);
/* A bus goes; the devices on it were unrealized before. */
void intel_iommu_forget_bus(IntelIOMMUState *s, PCIBus *bus);
/* What the engine asks of a space: see VtdOps */
uint16_t intel_iommu_source_id(void *space_opaque);
void intel_iommu_switch_to(void *space_opaque, VtdView view);
int intel_iommu_notify(void *space_opaque, const VtdNotice *notice);
void intel_iommu_invalidate(void *space_opaque, uint64_t first, uint64_t last,
                            bool device_tlb);

/* What monitors are told of a space */
typedef struct IntelIOMMUSpaceInfo {
    VtdSpace *vtd;
    AddressSpace *as;
    uint16_t sid;
    PCIDevice *dev;             /* whose requests come by that id, or NULL */
    bool map, cache, device_tlb;        /* who listens, by kind */
} IntelIOMMUSpaceInfo;
/* IntelIOMMUSpaceInfo of all spaces in the order of source ids; free it. */
GArray *intel_iommu_list_spaces(IntelIOMMUState *s);
/* The same of the one that VtdOps are called with as space_opaque */
IntelIOMMUSpaceInfo intel_iommu_space_info(void *space_opaque);

IntelIOMMUState *intel_iommu_of_space(void *space_opaque);

/* intel_iommu_query.c: what monitors ask for, under the big lock */

/*
 * What x-query-vtd returns.  In a coroutine all of @limit ranges of @device
 * are found, else what a part of a millisecond is enough for.
 */
IntelIommuInfo *intel_iommu_query(const char *device, uint64_t first,
                                  uint64_t last, uint32_t limit, Error **errp);
/* The unit, or NULL with @errp set if the machine has none */
IntelIOMMUState *intel_iommu_find(Error **errp);
/* bus:slot.function of a source id; free it. */
char *intel_iommu_sid_name(uint16_t sid);
/* The id of a device on the command line; NULL if it has none */
const char *intel_iommu_device_id(PCIDevice *dev);
/* The same of the device with a source id now */
const char *intel_iommu_sid_id(IntelIOMMUState *s, uint16_t sid);
IntelIommuFault *intel_iommu_qmp_fault(IntelIOMMUState *s,
                                       const VtdPastFault *past);
/* NULL if it is off */
IntelIommuQueue *intel_iommu_qmp_queue(const VtdUnitLook *look);

/* intel_iommu_hmp.c: the same for people */

void hmp_info_vtd(Monitor *mon, const QDict *qdict);

/* intel_iommu_log.c: lines on the guest's mistakes */

void intel_iommu_init_log(IntelIOMMUState *s);
/* VtdOps.log */
void intel_iommu_log(void *opaque, bool first, uint32_t sid, const char *text);
/* VtdOps.log_more */
bool intel_iommu_log_more(void *opaque);
/* VtdOps.log_later */
void intel_iommu_log_later(void *opaque);

/* intel_iommu_event.c: events of QMP */

void intel_iommu_init_events(IntelIOMMUState *s);
/* VtdOps.fault */
void intel_iommu_fault(void *opaque);
/* VtdOps.queue_stopped */
void intel_iommu_queue_stopped(void *opaque);
/* VtdOps.over_limit */
void intel_iommu_over_limit(void *opaque);
/* A MAP was refused; @remedy is NULL if there is none */
void intel_iommu_tell_refused(IntelIOMMUState *s,
                              const IntelIOMMUSpaceInfo *space,
                              const VtdNotice *notice, int error,
                              const char *remedy);

/* intel_iommu_memory.c: the guest's memory; VtdOps.read and VtdOps.write */

bool intel_iommu_read(void *opaque, uint64_t gpa, void *buf, size_t len);
bool intel_iommu_write(void *opaque, uint64_t gpa, const void *buf, size_t len);
bool intel_iommu_swap(void *opaque, uint64_t gpa, uint64_t old, uint64_t new);
void intel_iommu_init_memory(IntelIOMMUState *s);
/* The layout has changed: what was written to may be elsewhere. */
void intel_iommu_forget_written(IntelIOMMUState *s);

/* intel_iommu_layout.c: the layout of the guest's memory */

/* VtdOps.ram */
void intel_iommu_ram(void *opaque, uint64_t gpa, VtdRam *ram);
/*
 * Copy from RAM without a way through QEMU's memory API.  False if it is not
 * all in one piece of RAM, which says nothing of whether it can be read.  Any
 * thread, inside an RCU read section.
 */
bool intel_iommu_read_in_place(IntelIOMMUState *s, uint64_t gpa, void *buf,
                               size_t len);
/* From now on, tell the engine when RAM comes or goes. */
void intel_iommu_watch_memory(IntelIOMMUState *s);

/* intel_iommu_intr.c: interrupts */

void intel_iommu_init_interrupts(IntelIOMMUState *s);
/* VtdOps.inject; without the big lock the message waits for it */
bool intel_iommu_inject(void *opaque, uint64_t addr, uint32_t data);
/* X86IOMMUClass.int_remap */
int intel_iommu_int_remap(X86IOMMUState *iommu, MSIMessage *src,
                          MSIMessage *dst, uint16_t sid);
/* Deliver the message of requester @sid, or record why it is blocked. */
MemTxResult intel_iommu_interrupt(IntelIOMMUState *s, uint32_t sid,
                                  uint64_t addr, uint32_t data);

/* intel_iommu_host.c: devices of the host that are assigned */

/* False, with @errp set, if one was made before the unit. */
bool intel_iommu_check_order(Error **errp);
/* PCIIOMMUOps.set_iommu_device: refuses what could not work. */
bool intel_iommu_set_host_device(PCIBus *bus, void *opaque, int devfn,
                                 HostIOMMUDevice *host, Error **errp);
/* PCIIOMMUOps.unset_iommu_device, also of one that was never set. */
void intel_iommu_unset_host_device(PCIBus *bus, void *opaque, int devfn);
/*
 * Settle caching-mode=auto: the machine is complete, and the guest does not
 * run yet.  False, with @errp set, for caching-mode=off where it is needed.
 */
bool intel_iommu_settle_caching_mode(IntelIOMMUState *s, Error **errp);
/* VtdOps.refused: say what helps, once for each kind of @error. */
void intel_iommu_refused(void *space_opaque, const VtdNotice *notice,
                         int error);
/* Caching mode on, before the guest can see that it was not. */
void intel_iommu_use_caching_mode(IntelIOMMUState *s);

/* intel_iommu_migrate.c */

extern const VMStateDescription vmstate_intel_iommu;
void intel_iommu_init_migration(IntelIOMMUState *s);

#endif
