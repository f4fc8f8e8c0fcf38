/*
 * Intel IOMMU (VT-d) device
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what ties the VT-d engine (hw/i386/vtd/) to QEMU: the QOM type, the
 * memory regions of each device's address space, PCI, the APIC.  It decides
 * nothing that the VT-d specification decides.
 *
 * Everything runs under the big lock, but for the translation of a DMA
 * (intel_iommu_translate) and what the engine calls from there: that runs
 * in any thread, inside an RCU read section.
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu/rcu.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "exec/address-spaces.h"
#include "hw/boards.h"
#include "hw/i386/apic-msidef.h"
#include "hw/i386/apic_internal.h"
#include "hw/i386/pc.h"
#include "hw/pci-host/q35.h"
#include "hw/pci/pci.h"
#include "hw/pci/pci_bus.h"
#include "system/dma.h"
#include "system/system.h"
#include "intel_iommu_parts.h"
#include "vtd/trace.h"

#define TYPE_INTEL_IOMMU_MEMORY_REGION "intel-iommu-iommu-memory-region"
OBJECT_DECLARE_SIMPLE_TYPE(IntelIOMMURegion, INTEL_IOMMU_MEMORY_REGION)

struct IntelIOMMURegion {
    IOMMUMemoryRegion iommu;
};

/* The registers are given a page, which the DMAR table names */
#define INTEL_IOMMU_REGISTERS_SIZE  0x1000

/* Mappings that VFIO's type1 takes for a device, unless told otherwise */
#define INTEL_IOMMU_DMA_ENTRY_LIMIT 65535u

/* What takes its addresses before the view below it */
#define INTEL_IOMMU_OVERLAY_PRIORITY 1

/*
 * A device's address space: a root region that holds either system memory
 * or the translating region, and the interrupt window above.  With
 * pass-through what is beyond the address width is a fault.
 */
typedef struct IntelIOMMUSpace {
    struct rcu_head rcu;
    PCIBus *bus;                /* NULL for the I/O APIC, and when it is gone */
    int devfn;
    IntelIOMMUState *s;
    VtdSpace *vtd;
    AddressSpace as;
    MemoryRegion root;
    MemoryRegion direct;
    MemoryRegion beyond;
    IntelIOMMURegion translated;
    MemoryRegion window;
    IOMMUNotifier *replaying;   /* about to hear all, so told nothing else */
} IntelIOMMUSpace;

/* The operations that the engine asks for */

/* The engine's structures live in RAM; elsewhere they are unreadable */
static const MemTxAttrs ram_only = { .memory = 1 };

static bool intel_iommu_read(void *host, uint64_t gpa, void *buf, size_t len)
{
    return address_space_read(&address_space_memory, gpa, ram_only, buf,
                              len) == MEMTX_OK;
}

static bool intel_iommu_write(void *host, uint64_t gpa, const void *buf,
                              size_t len)
{
    return address_space_write(&address_space_memory, gpa, ram_only, buf,
                               len) == MEMTX_OK;
}

static void intel_iommu_send_msi(MSIMessage *msi)
{
    APICCommonClass *apic = apic_get_class(&error_abort);

    apic->send_msi(msi);
}

static void intel_iommu_inject_bh(void *opaque)
{
    g_autofree MSIMessage *msi = opaque;

    intel_iommu_send_msi(msi);
}

/* A fault's thread may not have the big lock, which the APIC needs */
static void intel_iommu_inject(void *host, uint64_t addr, uint32_t data)
{
    MSIMessage msi = { .address = addr, .data = data };

    if (bql_locked()) {
        intel_iommu_send_msi(&msi);
    } else {
        aio_bh_schedule_oneshot(qemu_get_aio_context(),
                                intel_iommu_inject_bh,
                                g_memdup2(&msi, sizeof(msi)));
    }
}

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

static void intel_iommu_defer_free(void *host, void *ptr,
                                   void (*free_fn)(void *))
{
    IntelIOMMUDeferred *deferred = g_new(IntelIOMMUDeferred, 1);

    deferred->ptr = ptr;
    deferred->free_fn = free_fn;
    call_rcu(deferred, intel_iommu_deferred, rcu);
}

/* Firmware numbers the buses after the spaces were made, so ask each time */
static uint16_t intel_iommu_source_id(void *space_host)
{
    IntelIOMMUSpace *space = space_host;
    PCIBus *bus = qatomic_read(&space->bus);

    return PCI_BUILD_BDF(bus ? pci_bus_num(bus) : Q35_PSEUDO_BUS_PLATFORM,
                         space->devfn);
}

static void intel_iommu_switch_to(void *space_host, VtdView view)
{
    IntelIOMMUSpace *space = space_host;
    bool translated = view == VTD_VIEW_TRANSLATED;

    memory_region_transaction_begin();
    memory_region_set_enabled(&space->direct, !translated);
    memory_region_set_enabled(&space->beyond,
                              view == VTD_VIEW_PASS_THROUGH);
    memory_region_set_enabled(MEMORY_REGION(&space->translated), translated);
    memory_region_transaction_commit();
}

static void intel_iommu_iec_changed(void *host, bool global, uint32_t index,
                                    uint32_t mask)
{
    x86_iommu_iec_notify_all(X86_IOMMU_DEVICE(host), global, index, mask);
}

typedef struct IntelIOMMUFind {
    hwaddr gpa;
    VtdRam *ram;                /* so far: the hole behind what was passed */
} IntelIOMMUFind;

static bool intel_iommu_find_ram(Int128 start, Int128 len,
                                 const MemoryRegion *mr,
                                 hwaddr offset, void *opaque)
{
    MemoryRegion *region = (MemoryRegion *)mr;
    IntelIOMMUFind *find = opaque;
    hwaddr first = int128_get64(start);
    hwaddr last = int128_get64(int128_sub(int128_add(start, len),
                                          int128_one()));

    if (find->gpa > last) {
        find->ram->first = last + 1;
        return false;
    }
    if (find->gpa < first) {
        find->ram->last = first - 1;
        return true;
    }
    *find->ram = (VtdRam) { first, last, memory_region_is_ram(region) };
    if (find->ram->ram && !memory_region_is_ram_device(region)) {
        find->ram->data = (uint8_t *)memory_region_get_ram_ptr(region) +
                          offset;
    }
    return true;
}

/* In place while the big lock is held: only that changes the layout */
static void intel_iommu_ram(void *host, uint64_t gpa, VtdRam *ram)
{
    IntelIOMMUFind find = { .gpa = gpa, .ram = ram };

    RCU_READ_LOCK_GUARD();
    *ram = (VtdRam) { 0, UINT64_MAX };
    flatview_for_each_range(address_space_to_flatview(&address_space_memory),
                            intel_iommu_find_ram, &find);
}

/*
 * Tell one notifier of what falls into its range, in aligned pieces: the
 * core asserts that an event is within, and masks are of powers of two.
 */
static void intel_iommu_tell(IOMMUNotifier *n, IOMMUNotifierFlag type,
                             hwaddr first, hwaddr last, hwaddr addr,
                             IOMMUAccessFlags perm)
{
    hwaddr from = MAX(first, n->start), to = MIN(last, n->end);

    while (from <= to) {
        uint64_t mask = dma_aligned_pow2_mask(from, to, 64);
        IOMMUTLBEvent event = {
            .type = type,
            .entry = {
                .target_as = &address_space_memory,
                .iova = from,
                .translated_addr = addr || perm ? addr + (from - first) : 0,
                .addr_mask = mask,
                .perm = perm,
            },
        };

        memory_region_notify_iommu_one(n, &event);
        if (to - from <= mask) {
            break;
        }
        from += mask + 1;
    }
}

static void intel_iommu_tell_notice(IOMMUNotifier *n,
                                    const VtdNotice *notice)
{
    IOMMUAccessFlags perm = IOMMU_ACCESS_FLAG(notice->read, notice->write);

    intel_iommu_tell(n, perm == IOMMU_NONE ? IOMMU_NOTIFIER_UNMAP
                                           : IOMMU_NOTIFIER_MAP,
                     notice->first, notice->last, notice->addr, perm);
}

static void intel_iommu_notify(void *space_host, const VtdNotice *notice)
{
    IntelIOMMUSpace *space = space_host;
    IOMMUNotifier *n;

    IOMMU_NOTIFIER_FOREACH(n, &space->translated.iommu) {
        if ((n->notifier_flags & IOMMU_NOTIFIER_MAP) &&
            n != space->replaying) {
            intel_iommu_tell_notice(n, notice);
        }
    }
}

static void intel_iommu_invalidate(void *space_host, uint64_t first,
                                   uint64_t last, bool device_tlb)
{
    IntelIOMMUSpace *space = space_host;
    IOMMUNotifierFlag type = device_tlb ? IOMMU_NOTIFIER_DEVIOTLB_UNMAP
                                        : IOMMU_NOTIFIER_UNMAP;
    IOMMUNotifier *n;

    IOMMU_NOTIFIER_FOREACH(n, &space->translated.iommu) {
        if (n->notifier_flags == type) {
            intel_iommu_tell(n, type, first, last, 0, IOMMU_NONE);
        }
    }
}

static bool intel_iommu_dirty_tracking(void *host)
{
    return global_dirty_tracking != 0;
}

static void intel_iommu_over_limit(void *host)
{
    IntelIOMMUState *s = host;

    warn_report("intel-iommu: the guest maps more than max-mappings=%" PRIu64
                " pages for a device; the device cannot reach the rest",
                s->max_mappings);
}

/* Who is assigned fails by itself, with a message that names no remedy */
static void intel_iommu_many_mappings(void *host)
{
    IntelIOMMUState *s = host;

    if (s->assigned) {
        warn_report("intel-iommu: the guest maps more than %u pages for a "
                    "device; if VFIO has no space left, raise "
                    "dma_entry_limit of the host's module vfio_iommu_type1",
                    INTEL_IOMMU_DMA_ENTRY_LIMIT);
    }
}

static const VtdOps intel_iommu_ops = {
    .read = intel_iommu_read,
    .write = intel_iommu_write,
    .inject = intel_iommu_inject,
    .defer_free = intel_iommu_defer_free,
    .source_id = intel_iommu_source_id,
    .switch_to = intel_iommu_switch_to,
    .iec_changed = intel_iommu_iec_changed,
    .ram = intel_iommu_ram,
    .notify = intel_iommu_notify,
    .invalidate = intel_iommu_invalidate,
    .dirty_tracking = intel_iommu_dirty_tracking,
    .over_limit = intel_iommu_over_limit,
    .many_mappings = intel_iommu_many_mappings,
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

/* Interrupts */

/* The message to deliver for @in, or false for one that is blocked */
static bool intel_iommu_remap(IntelIOMMUState *s, uint32_t sid, bool record,
                              const MSIMessage *in, MSIMessage *out)
{
    VtdInterrupt remapped;
    X86IOMMUIrq irq;

    switch (vtd_interrupt(s->vtd, sid, in->address, in->data, record,
                          &remapped)) {
    case VTD_INTERRUPT_PASS:
        *out = *in;
        return true;
    case VTD_INTERRUPT_REMAPPED:
        irq = (X86IOMMUIrq) {
            .trigger_mode = remapped.level,
            .vector = remapped.vector,
            .delivery_mode = remapped.delivery_mode,
            .dest = remapped.dest,
            .dest_mode = remapped.logical,
            .redir_hint = remapped.redirection_hint,
            .msi_addr_last_bits = in->address & 3,
        };
        x86_iommu_irq_to_msi_message(&irq, out);
        return true;
    default:
        return false;
    }
}

/* To the logical destination 0, which no CPU is a part of */
static const MSIMessage intel_iommu_nobody = {
    .address = APIC_DEFAULT_ADDRESS | 1 << MSI_ADDR_DEST_MODE_SHIFT,
};

/*
 * KVM's routes and the split I/O APIC.  They are set up ahead of use, so a
 * blocked one is no fault of the guest's.  Nor is it an error: the route
 * would stay as it was, and deliver what is blocked now.
 */
static int intel_iommu_int_remap(X86IOMMUState *iommu, MSIMessage *src,
                                 MSIMessage *dst, uint16_t sid)
{
    uint32_t source = sid == X86_IOMMU_SID_INVALID ? VTD_SID_UNKNOWN : sid;

    if (!intel_iommu_remap(INTEL_IOMMU_DEVICE(iommu), source, false, src,
                           dst)) {
        *dst = intel_iommu_nobody;
    }
    trace_vtd_ir_remap_msi(src->address, src->data, dst->address, dst->data);
    return 0;
}

/* Reads of the range are no interrupts: they are aborted (5.1) */
static MemTxResult intel_iommu_window_read(void *opaque, hwaddr addr,
                                           uint64_t *data, unsigned size,
                                           MemTxAttrs attrs)
{
    return MEMTX_ERROR;
}

static MemTxResult intel_iommu_window_write(void *opaque, hwaddr addr,
                                            uint64_t value, unsigned size,
                                            MemTxAttrs attrs)
{
    IntelIOMMUSpace *space = opaque;
    uint16_t sid = attrs.unspecified ? intel_iommu_source_id(space)
                                     : attrs.requester_id;
    MSIMessage in = { VTD_INTERRUPT_FIRST + addr, value };
    MSIMessage out;

    if (size != 4 || !intel_iommu_remap(space->s, sid, true, &in, &out)) {
        return MEMTX_ERROR;
    }
    intel_iommu_send_msi(&out);
    return MEMTX_OK;
}

/* Takes every size, or the core would cut a long write into messages */
static const MemoryRegionOps intel_iommu_window_ops = {
    .read_with_attrs = intel_iommu_window_read,
    .write_with_attrs = intel_iommu_window_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8 },
    .impl = { .min_access_size = 1, .max_access_size = 8 },
};

/* Translation */

static IOMMUTLBEntry intel_iommu_translate(IOMMUMemoryRegion *iommu,
                                           hwaddr addr,
                                           IOMMUAccessFlags flag,
                                           int iommu_idx)
{
    IntelIOMMUSpace *space = container_of(iommu, IntelIOMMUSpace,
                                          translated.iommu);
    VtdAccess access = flag & IOMMU_WO ? VTD_ACCESS_WRITE :
                       flag & IOMMU_RO ? VTD_ACCESS_READ : VTD_ACCESS_PROBE;
    VtdTranslation out;

    if (!vtd_translate(space->vtd, addr, access, &out)) {
        return (IOMMUTLBEntry) {
            .target_as = &address_space_memory,
            .iova = addr & VTD_PAGE_MASK,
            .addr_mask = ~VTD_PAGE_MASK,
            .perm = IOMMU_NONE,
        };
    }
    return (IOMMUTLBEntry) {
        .target_as = &address_space_memory,
        .iova = out.iova,
        .translated_addr = out.addr,
        .addr_mask = out.mask,
        .perm = IOMMU_ACCESS_FLAG(out.read, out.write),
    };
}

/* The engine records the fault */
static void intel_iommu_beyond(void *opaque, hwaddr addr, VtdAccess access)
{
    IntelIOMMUSpace *space = opaque;
    VtdTranslation out;

    vtd_translate(space->vtd, addr + BIT_ULL(space->s->aw_bits), access,
                  &out);
}

static MemTxResult intel_iommu_beyond_read(void *opaque, hwaddr addr,
                                           uint64_t *data, unsigned size,
                                           MemTxAttrs attrs)
{
    intel_iommu_beyond(opaque, addr, VTD_ACCESS_READ);
    return MEMTX_ERROR;
}

static MemTxResult intel_iommu_beyond_write(void *opaque, hwaddr addr,
                                            uint64_t value, unsigned size,
                                            MemTxAttrs attrs)
{
    intel_iommu_beyond(opaque, addr, VTD_ACCESS_WRITE);
    return MEMTX_ERROR;
}

static const MemoryRegionOps intel_iommu_beyond_ops = {
    .read_with_attrs = intel_iommu_beyond_read,
    .write_with_attrs = intel_iommu_beyond_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
};

static int intel_iommu_notify_flag_changed(IOMMUMemoryRegion *iommu,
                                           IOMMUNotifierFlag old_flags,
                                           IOMMUNotifierFlag new_flags,
                                           Error **errp)
{
    IntelIOMMUSpace *space = container_of(iommu, IntelIOMMUSpace,
                                          translated.iommu);
    IntelIOMMUState *s = space->s;
    IOMMUNotifierFlag added = new_flags & ~old_flags;

    if (added && s->snoop_control) {
        error_setg(errp, "a device whose DMA happens outside of QEMU (vfio, "
                   "vhost) needs -device intel-iommu,snoop-control=off");
        return -ENOTSUP;
    }
    if ((added & IOMMU_NOTIFIER_MAP) && !s->caching_mode) {
        error_setg(errp, "device %02x.%x needs "
                   "-device intel-iommu,caching-mode=on",
                   PCI_SLOT(space->devfn), PCI_FUNC(space->devfn));
        return -ENOTSUP;
    }
    if ((added & IOMMU_NOTIFIER_DEVIOTLB_UNMAP) &&
        !X86_IOMMU_DEVICE(s)->dt_supported) {
        error_setg(errp, "device %02x.%x needs "
                   "-device intel-iommu,device-iotlb=on",
                   PCI_SLOT(space->devfn), PCI_FUNC(space->devfn));
        return -ENOTSUP;
    }
    vtd_space_watch(space->vtd, new_flags & IOMMU_NOTIFIER_MAP,
                    new_flags != IOMMU_NOTIFIER_NONE);
    return 0;
}

static void intel_iommu_replay_notice(void *opaque, const VtdNotice *notice)
{
    intel_iommu_tell_notice(opaque, notice);
}

static void intel_iommu_replay(IOMMUMemoryRegion *iommu, IOMMUNotifier *n)
{
    IntelIOMMUSpace *space = container_of(iommu, IntelIOMMUSpace,
                                          translated.iommu);

    space->replaying = n;
    vtd_space_replay(space->vtd, n->start, n->end, intel_iommu_replay_notice,
                     n);
    space->replaying = NULL;
}

static void intel_iommu_region_class_init(ObjectClass *klass, void *data)
{
    IOMMUMemoryRegionClass *imrc = IOMMU_MEMORY_REGION_CLASS(klass);

    imrc->translate = intel_iommu_translate;
    imrc->notify_flag_changed = intel_iommu_notify_flag_changed;
    imrc->replay = intel_iommu_replay;
}

/* Address spaces */

static guint intel_iommu_space_hash(gconstpointer key)
{
    const IntelIOMMUSpace *space = key;

    return g_direct_hash(space->bus) ^ space->devfn;
}

static gboolean intel_iommu_space_equal(gconstpointer a, gconstpointer b)
{
    const IntelIOMMUSpace *space = a, *other = b;

    return space->bus == other->bus && space->devfn == other->devfn;
}

static IntelIOMMUSpace *intel_iommu_space_new(IntelIOMMUState *s,
                                              PCIBus *bus, int devfn)
{
    IntelIOMMUSpace *space = g_new0(IntelIOMMUSpace, 1);
    Object *owner = OBJECT(s);
    g_autofree char *name =
        bus ? g_strdup_printf("vtd-%02x.%x", PCI_SLOT(devfn), PCI_FUNC(devfn))
            : g_strdup("vtd-ioapic");
    g_autofree char *root_name = g_strdup_printf("%s-root", name);

    space->s = s;
    space->bus = bus;
    space->devfn = devfn;

    memory_region_init(&space->root, owner, root_name, UINT64_MAX);
    memory_region_init_alias(&space->direct, owner, "vtd-direct",
                             get_system_memory(), 0, UINT64_MAX);
    memory_region_init_iommu(&space->translated, sizeof(space->translated),
                             TYPE_INTEL_IOMMU_MEMORY_REGION, owner, name,
                             UINT64_MAX);
    memory_region_set_enabled(MEMORY_REGION(&space->translated), false);
    memory_region_init_io(&space->beyond, owner, &intel_iommu_beyond_ops,
                          space, "vtd-beyond",
                          UINT64_MAX - BIT_ULL(s->aw_bits) + 1);
    memory_region_set_enabled(&space->beyond, false);
    memory_region_init_io(&space->window, owner, &intel_iommu_window_ops,
                          space, "vtd-interrupts",
                          VTD_INTERRUPT_LAST - VTD_INTERRUPT_FIRST + 1);

    memory_region_add_subregion(&space->root, 0, &space->direct);
    memory_region_add_subregion(&space->root, 0,
                                MEMORY_REGION(&space->translated));
    memory_region_add_subregion_overlap(&space->root, VTD_INTERRUPT_FIRST,
                                        &space->window,
                                        INTEL_IOMMU_OVERLAY_PRIORITY);
    memory_region_add_subregion_overlap(&space->root, BIT_ULL(s->aw_bits),
                                        &space->beyond,
                                        INTEL_IOMMU_OVERLAY_PRIORITY);
    address_space_init(&space->as, &space->root, root_name);

    return space;
}

/*
 * Spaces outlive their bus, since it takes long until no flat view has their
 * regions any more; so they are used again.
 */
static IntelIOMMUSpace *intel_iommu_space_take(IntelIOMMUState *s, int devfn)
{
    for (GSList *link = s->spare_spaces; link; link = link->next) {
        IntelIOMMUSpace *space = link->data;

        if (space->devfn == devfn) {
            s->spare_spaces = g_slist_delete_link(s->spare_spaces, link);
            return space;
        }
    }
    return NULL;
}

static IntelIOMMUSpace *intel_iommu_space_get(IntelIOMMUState *s,
                                              PCIBus *bus, int devfn)
{
    IntelIOMMUSpace *space = intel_iommu_space_take(s, devfn) ?:
                             intel_iommu_space_new(s, bus, devfn);

    space->bus = bus;
    space->vtd = vtd_space_new(s->vtd, space);
    g_hash_table_add(s->spaces, space);
    return space;
}

/* Whoever used it is finalized by now, as a rule; else it loses its view */
static void intel_iommu_space_retire(IntelIOMMUSpace *space)
{
    intel_iommu_switch_to(space, VTD_VIEW_DIRECT);
    vtd_space_free(space->vtd);
    space->vtd = NULL;
    space->s->spare_spaces = g_slist_prepend(space->s->spare_spaces, space);
}

/* Its bridge has no configuration space any more, so no number either */
void intel_iommu_forget_bus(IntelIOMMUState *s, PCIBus *bus)
{
    IntelIOMMUSpace *space;
    GHashTableIter iter;

    g_hash_table_iter_init(&iter, s->spaces);
    while (g_hash_table_iter_next(&iter, (gpointer *)&space, NULL)) {
        if (space->bus == bus) {
            g_hash_table_iter_steal(&iter);
            qatomic_set(&space->bus, NULL);
            call_rcu(space, intel_iommu_space_retire, rcu);
        }
    }
}

/* The same address space for the same place, however often it is filled */
static AddressSpace *intel_iommu_address_space(PCIBus *bus, void *opaque,
                                               int devfn)
{
    IntelIOMMUState *s = opaque;
    IntelIOMMUSpace key = { .bus = bus, .devfn = devfn };
    IntelIOMMUSpace *space = g_hash_table_lookup(s->spaces, &key);

    if (!space) {
        space = intel_iommu_space_get(s, bus, devfn);
    }
    return &space->as;
}

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

static void intel_iommu_realize(DeviceState *dev, Error **errp)
{
    IntelIOMMUState *s = INTEL_IOMMU_DEVICE(dev);
    X86IOMMUState *x86_iommu = X86_IOMMU_DEVICE(dev);
    MachineState *ms = MACHINE(qdev_get_machine());
    PCIBus *bus = PC_MACHINE(ms)->pcibus;
    IntelIOMMUSpace *ioapic;

    if (!intel_iommu_check_order(errp) || !intel_iommu_check_props(s, errp)) {
        return;
    }

    s->vtd = vtd_new(&(VtdConfig) {
        .aw_bits = s->aw_bits,
        .caching_mode = s->caching_mode,
        .snoop_control = s->snoop_control,
        .device_iotlb = x86_iommu->dt_supported,
        .pass_through = x86_iommu->pt_supported,
        .intr_remap = x86_iommu_ir_supported(x86_iommu),
        .eim = s->eim == ON_OFF_AUTO_ON,
        .dma_drain = s->dma_drain,
        .dma_translation = s->dma_translation,
        .stale_tm = s->stale_tm,
        .max_mappings = s->max_mappings,
        .warn_mappings = INTEL_IOMMU_DMA_ENTRY_LIMIT,
    }, &intel_iommu_ops, s);
    s->host_devices = g_hash_table_new(NULL, NULL);
    s->spaces = g_hash_table_new(intel_iommu_space_hash,
                                 intel_iommu_space_equal);

    memory_region_init_io(&s->registers, OBJECT(s), &intel_iommu_mmio_ops, s,
                          "intel_iommu", INTEL_IOMMU_REGISTERS_SIZE);
    memory_region_add_subregion(get_system_memory(),
                                Q35_HOST_BRIDGE_IOMMU_ADDR, &s->registers);

    /* The I/O APIC has no PCI function: a space of its own, with the
     * source id that the DMAR table gives it */
    ioapic = intel_iommu_space_get(s, NULL, Q35_PSEUDO_DEVFN_IOAPIC);
    X86_MACHINE(ms)->ioapic_as = &ioapic->as;

    pci_setup_iommu(bus, &intel_iommu_pci_ops, s);
    intel_iommu_watch_buses();

    /* Not the class's, since it is nothing that -device could set */
    object_property_add(OBJECT(s), "stats", "dict", intel_iommu_get_stats,
                        NULL, NULL, NULL);

    intel_iommu_init_migration(s);
    s->machine_done.notify = intel_iommu_machine_done;
    qemu_add_machine_init_done_notifier(&s->machine_done);
}

/* Last of all devices, when no DMA is on its way any more */
static void intel_iommu_reset_exit(Object *obj, ResetType type)
{
    vtd_reset(INTEL_IOMMU_DEVICE(obj)->vtd);
}

static void intel_iommu_class_init(ObjectClass *klass, void *data)
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

static const TypeInfo intel_iommu_types[] = {
    {
        .name = TYPE_INTEL_IOMMU_DEVICE,
        .parent = TYPE_X86_IOMMU_DEVICE,
        .instance_size = sizeof(IntelIOMMUState),
        .class_init = intel_iommu_class_init,
    }, {
        .name = TYPE_INTEL_IOMMU_MEMORY_REGION,
        .parent = TYPE_IOMMU_MEMORY_REGION,
        .instance_size = sizeof(IntelIOMMURegion),
        .class_init = intel_iommu_region_class_init,
    },
};

DEFINE_TYPES(intel_iommu_types)
