/*
 * Intel IOMMU (VT-d) device: the address spaces of devices
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns IntelIOMMUSpace: the regions of one device's address space, which of
 * them is the view, and the notifiers of whoever listens to it.
 *
 * Everything runs under the big lock, but for the translation of a DMA
 * (intel_iommu_translate) and intel_iommu_source_id(): these run in any
 * thread, inside an RCU read section.
 */

#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/rcu.h"
#include "qapi/error.h"
#include "system/address-spaces.h"
#include "hw/misc/iommu-refusal.h"
#include "hw/pci-host/q35.h"
#include "hw/pci/pci.h"
#include "hw/pci/pci_bus.h"
#include "system/dma.h"
#include "intel_iommu_compat.h"
#include "intel_iommu_internal.h"

#define TYPE_INTEL_IOMMU_MEMORY_REGION "intel-iommu-iommu-memory-region"
OBJECT_DECLARE_SIMPLE_TYPE(IntelIOMMURegion, INTEL_IOMMU_MEMORY_REGION)

struct IntelIOMMURegion {
    IOMMUMemoryRegion iommu;
};

/* Of the regions that lie over the view and hide it where they are */
#define INTEL_IOMMU_OVERLAY_PRIORITY 1

/*
 * A device's address space: a root region with system memory (@direct) or the
 * translating region (@translated) enabled in it, and over both the interrupt
 * window.  In the pass-through view @beyond hides what lies above physical
 * addresses, and faults.
 */
typedef struct IntelIOMMUSpace {
    struct rcu_head rcu;
    PCIBus *bus;                /* NULL for the I/O APIC, and when it is gone */
    const uint8_t *bus_number;  /* atomic: where it is */
    uint8_t fixed_number;       /* of a bus that no bridge numbers */
    int devfn;
    bool ioapic;
    IntelIOMMUState *s;
    VtdSpace *vtd;
    AddressSpace as;
    MemoryRegion root;
    MemoryRegion direct;
    MemoryRegion beyond;
    IntelIOMMURegion translated;
    MemoryRegion window;
    hwaddr refused_end;         /* in the window; 0: no write was refused */
    IOMMUNotifier *replaying;   /* hears all from the replay that runs */
} IntelIOMMUSpace;

/* What the engine asks of a space */

/*
 * Firmware numbers the buses after the spaces were made, so look each time: as
 * pci_bus_num() does, but for its casts, which each DMA would pay for.
 */
uint16_t intel_iommu_source_id(void *space_opaque)
{
    const IntelIOMMUSpace *space = space_opaque;
    const uint8_t *number = qatomic_read(&space->bus_number);

    return PCI_BUILD_BDF(qatomic_read(number), space->devfn);
}

/* Where intel_iommu_source_id() finds the number of space->bus */
static void intel_iommu_number_bus(IntelIOMMUSpace *space)
{
    PCIBus *bus = space->bus;

    if (bus && !pci_bus_is_root(bus)) {
        qatomic_set(&space->bus_number,
                    bus->parent_dev->config + PCI_SECONDARY_BUS);
        return;
    }
    /* The number of a root bus is a property */
    space->fixed_number = bus ? pci_bus_num(bus) : Q35_PSEUDO_BUS_PLATFORM;
    qatomic_set(&space->bus_number, &space->fixed_number);
}

void intel_iommu_switch_to(void *space_opaque, VtdView view)
{
    IntelIOMMUSpace *space = space_opaque;
    bool translated = view == VTD_VIEW_TRANSLATED;

    memory_region_transaction_begin();
    memory_region_set_enabled(&space->direct, !translated);
    memory_region_set_enabled(&space->beyond,
                              view == VTD_VIEW_PASS_THROUGH);
    memory_region_set_enabled(MEMORY_REGION(&space->translated), translated);
    memory_region_transaction_commit();
}

/*
 * Each kind of listener takes another kind of event.  The core asserts that an
 * UNMAP is within the notifier's range, and cuts a DEVIOTLB_UNMAP to it.
 *
 *   MAP and UNMAP (VFIO, vhost-vdpa): these map, and hear of each change of
 *   the shadow in naturally aligned powers of two.  They are not told to
 *   forget ranges as caches are: the host cannot cut a mapping.
 *   UNMAP alone (vhost): a cache, which forgets any range of bytes whose
 *   length fits 64 bits.  vhost-user answers each message, so a notifier gets
 *   one.  A CPU's TLB (TCG) listens like this, too, and is flushed whole.
 *   DEVIOTLB_UNMAP alone (vhost, while the guest has ATS on): a cache that is
 *   told of device-TLB invalidations.  The guest can switch ATS on also where
 *   the unit offers no device-TLB.  Then such invalidations never come, and
 *   the cache is told of all others.
 */
static void intel_iommu_tell(IOMMUNotifier *n, IOMMUNotifierFlag type,
                             hwaddr first, hwaddr last, hwaddr addr,
                             IOMMUAccessFlags perm)
{
    IOMMUTLBEvent event = {
        .type = type,
        .entry = {
            .target_as = &address_space_memory,
            .iova = first,
            .translated_addr = addr,
            .addr_mask = last - first,
            .perm = perm,
            INTEL_IOMMU_NO_PASID
        },
    };

    memory_region_notify_iommu_one(n, &event);
}

/* What became of a notice */
typedef struct IntelIOMMUAnswer {
    unsigned told;              /* in so many parts, all listeners' */
    int refused;                /* -errno of one of them, or 0 */
} IntelIOMMUAnswer;

/* What falls into the notifier's range, in powers of two */
static void intel_iommu_tell_notice(IOMMUNotifier *n, const VtdNotice *notice,
                                    IntelIOMMUAnswer *answer)
{
    IOMMUAccessFlags perm = IOMMU_ACCESS_FLAG(notice->read, notice->write);
    IOMMUNotifierFlag type = perm == IOMMU_NONE ? IOMMU_NOTIFIER_UNMAP
                                                : IOMMU_NOTIFIER_MAP;
    hwaddr from = MAX(notice->first, n->start);
    hwaddr to = MIN(notice->last, n->end);
    /* Then it is one power of two already */
    bool whole = from == notice->first && to == notice->last;
    bool map = type == IOMMU_NOTIFIER_MAP;

    while (from <= to) {
        uint64_t mask = whole ? to - from : dma_aligned_pow2_mask(from, to, 64);
        hwaddr offset = from - notice->first;

        if (map) {
            iommu_map_set_result(0);
        }
        intel_iommu_tell(n, type, from, from + mask,
                         notice->addr || map ? notice->addr + offset : 0,
                         perm);
        if (map) {
            int result = iommu_map_take_result();

            answer->told++;
            if (!answer->refused || answer->refused == -EEXIST) {
                answer->refused = result ?: answer->refused;
            }
        }
        if (to - from <= mask) {
            break;
        }
        from += mask + 1;
    }
}

/*
 * 0, or -errno if a listener refused to map.  One of several that has it
 * already is told again for the sake of another.  To a single one nothing is
 * told twice: what it has there is something else.
 */
static int intel_iommu_refusal(const IntelIOMMUAnswer *answer)
{
    return answer->refused == -EEXIST && answer->told > 1 ? 0
                                                          : answer->refused;
}

int intel_iommu_notify(void *space_opaque, const VtdNotice *notice)
{
    IntelIOMMUSpace *space = space_opaque;
    IntelIOMMUAnswer answer = { 0 };
    IOMMUNotifier *n;

    IOMMU_NOTIFIER_FOREACH(n, &space->translated.iommu) {
        if ((n->notifier_flags & IOMMU_NOTIFIER_MAP) &&
            n != space->replaying) {
            intel_iommu_tell_notice(n, notice, &answer);
        }
    }
    return intel_iommu_refusal(&answer);
}

/* The event that makes a listener forget; NONE if it must not be told */
static IOMMUNotifierFlag intel_iommu_forget_type(IntelIOMMUState *s,
                                                 IOMMUNotifierFlag flags,
                                                 bool device_tlb)
{
    IOMMUNotifierFlag by_ats = flags & IOMMU_NOTIFIER_DEVIOTLB_UNMAP;

    if (flags & IOMMU_NOTIFIER_MAP) {
        return IOMMU_NOTIFIER_NONE;
    }
    if (device_tlb) {
        return by_ats;
    }
    if (flags & IOMMU_NOTIFIER_UNMAP) {
        return IOMMU_NOTIFIER_UNMAP;
    }
    return X86_IOMMU_DEVICE(s)->dt_supported ? IOMMU_NOTIFIER_NONE : by_ats;
}

void intel_iommu_invalidate(void *space_opaque, uint64_t first, uint64_t last,
                            bool device_tlb)
{
    IntelIOMMUSpace *space = space_opaque;
    /*
     * Addresses up to the width of physical ones, not of DMA: a cache may
     * still have RAM from when translation was off.
     */
    hwaddr width_last = BIT_ULL(space->s->haw_bits) - 1;
    IOMMUNotifier *n;

    IOMMU_NOTIFIER_FOREACH(n, &space->translated.iommu) {
        IOMMUNotifierFlag type = intel_iommu_forget_type(space->s,
                                                         n->notifier_flags,
                                                         device_tlb);
        hwaddr from = MAX(first, n->start);
        hwaddr to = MIN(MIN(last, width_last), n->end);

        if (type != IOMMU_NOTIFIER_NONE && from <= to) {
            intel_iommu_tell(n, type, from, to, 0, IOMMU_NONE);
        }
    }
}

/* The interrupt window */

/* Reads of the range are no interrupts: they are aborted (5.1) */
static MemTxResult intel_iommu_window_read(void *opaque, hwaddr addr,
                                           uint64_t *data, unsigned size,
                                           MemTxAttrs attrs)
{
    IntelIOMMUSpace *space = opaque;

    space->refused_end = 0;
    return MEMTX_ERROR;
}

/*
 * A request is one aligned write of four bytes (8.1).  The memory core cuts a
 * longer one into powers of two of at most 8 bytes: what goes on where a
 * refused piece ended is the rest of it.  But no request crosses a page, so
 * what begins there is one of its own.  What cannot be told from a message: the
 * first four bytes of a write of 5 to 7, and the last four of one that begins
 * before the window.
 */
static bool intel_iommu_window_refuses(IntelIOMMUSpace *space, hwaddr addr,
                                       unsigned size)
{
    bool refused = size != 4 || addr % 4 ||
                   (addr == space->refused_end && addr & ~VTD_PAGE_MASK);

    space->refused_end = refused ? addr + size : 0;
    return refused;
}

/*
 * The I/O APIC is part of the platform, and no guest assigns it to anybody.
 * Some guests do not name it in their entries, so its id is not verified.
 */
static MemTxResult intel_iommu_window_write(void *opaque, hwaddr addr,
                                            uint64_t value, unsigned size,
                                            MemTxAttrs attrs)
{
    IntelIOMMUSpace *space = opaque;
    uint32_t sid = attrs.unspecified ? intel_iommu_source_id(space)
                                     : attrs.requester_id;

    if (intel_iommu_window_refuses(space, addr, size)) {
        return MEMTX_ERROR;
    }
    if (space->ioapic) {
        sid |= VTD_SID_UNVERIFIED;
    }
    return intel_iommu_interrupt(space->s, sid, VTD_INTERRUPT_FIRST + addr,
                                 value);
}

/*
 * Accesses of all sizes come to the window's own functions.  If it took four
 * bytes alone, the core would cut a longer write into several messages.
 */
static const MemoryRegionOps intel_iommu_window_ops = {
    .read_with_attrs = intel_iommu_window_read,
    .write_with_attrs = intel_iommu_window_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8,
               .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
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

    intel_iommu_note_translation();
    if (!vtd_translate(space->vtd, addr, access, &out)) {
        return (IOMMUTLBEntry) {
            .target_as = &address_space_memory,
            .iova = addr & VTD_PAGE_MASK,
            .addr_mask = ~VTD_PAGE_MASK,
            .perm = IOMMU_NONE,
            INTEL_IOMMU_NO_PASID
        };
    }
    return (IOMMUTLBEntry) {
        .target_as = &address_space_memory,
        .iova = out.iova,
        .translated_addr = out.addr,
        .addr_mask = out.mask,
        .perm = IOMMU_ACCESS_FLAG(out.read, out.write),
        INTEL_IOMMU_NO_PASID
    };
}

/* The engine records the fault */
static void intel_iommu_beyond(void *opaque, hwaddr addr, VtdAccess access)
{
    IntelIOMMUSpace *space = opaque;
    VtdTranslation out;

    vtd_translate(space->vtd, addr + BIT_ULL(space->s->haw_bits), access,
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

/*
 * Sections come and go by what the guest does, and for some listeners it is
 * the end of QEMU to be refused then.  Only MAP is, without caching mode: of
 * those who ask for it, a device of the host was refused when it was plugged
 * (intel_iommu_host.c), and vhost-vdpa goes on without.
 */
static int intel_iommu_notify_flag_changed(IOMMUMemoryRegion *iommu,
                                           IOMMUNotifierFlag old_flags,
                                           IOMMUNotifierFlag new_flags,
                                           Error **errp)
{
    IntelIOMMUSpace *space = container_of(iommu, IntelIOMMUSpace,
                                          translated.iommu);
    IntelIOMMUState *s = space->s;
    IOMMUNotifierFlag added = new_flags & ~old_flags;

    if ((added & IOMMU_NOTIFIER_MAP) && !s->caching_mode) {
        error_setg(errp, "device %02x.%x needs "
                   "-device intel-iommu,caching-mode=on",
                   PCI_SLOT(space->devfn), PCI_FUNC(space->devfn));
        return -ENOTSUP;
    }
    if ((added & IOMMU_NOTIFIER_DEVIOTLB_UNMAP) &&
        !X86_IOMMU_DEVICE(s)->dt_supported) {
        warn_report_once("intel-iommu: the guest uses ATS of device %02x.%x, "
                         "which wants -device intel-iommu,device-iotlb=on; "
                         "it is told of each IOTLB invalidation",
                         PCI_SLOT(space->devfn), PCI_FUNC(space->devfn));
    }
    vtd_space_watch(space->vtd, new_flags & IOMMU_NOTIFIER_MAP,
                    new_flags != IOMMU_NOTIFIER_NONE);
    return 0;
}

static int intel_iommu_replay_notice(void *opaque, const VtdNotice *notice)
{
    IntelIOMMUAnswer answer = { 0 };

    intel_iommu_tell_notice(opaque, notice, &answer);
    return intel_iommu_refusal(&answer);
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

static void intel_iommu_region_class_init(ObjectClass *klass,
                                          IntelIOMMUClassData data)
{
    IOMMUMemoryRegionClass *imrc = IOMMU_MEMORY_REGION_CLASS(klass);

    imrc->translate = intel_iommu_translate;
    imrc->notify_flag_changed = intel_iommu_notify_flag_changed;
    imrc->replay = intel_iommu_replay;
}

/* Life */

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
                          UINT64_MAX - BIT_ULL(s->haw_bits) + 1);
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
    memory_region_add_subregion_overlap(&space->root, BIT_ULL(s->haw_bits),
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
    intel_iommu_number_bus(space);
    space->ioapic = !bus;
    space->vtd = vtd_space_new(s->vtd, space);
    g_hash_table_add(s->spaces, space);
    return space;
}

/*
 * Runs a grace period after the bus went.  A device that still uses the space
 * by then, against the rules, reaches plain memory and no freed region.
 */
static void intel_iommu_space_retire(IntelIOMMUSpace *space)
{
    intel_iommu_switch_to(space, VTD_VIEW_DIRECT);
    vtd_space_free(space->vtd);
    space->vtd = NULL;
    space->s->spare_spaces = g_slist_prepend(space->s->spare_spaces, space);
}

/*
 * @bus is NULL from here on: its number would be read from the configuration
 * space of its bridge, which is gone.
 */
void intel_iommu_forget_bus(IntelIOMMUState *s, PCIBus *bus)
{
    IntelIOMMUSpace *space;
    GHashTableIter iter;

    g_hash_table_iter_init(&iter, s->spaces);
    while (g_hash_table_iter_next(&iter, (gpointer *)&space, NULL)) {
        if (space->bus == bus) {
            g_hash_table_iter_steal(&iter);
            space->bus = NULL;
            intel_iommu_number_bus(space);
            call_rcu(space, intel_iommu_space_retire, rcu);
        }
    }
}

/* The same address space for the same place, however often it is filled */
AddressSpace *intel_iommu_address_space(PCIBus *bus, void *opaque, int devfn)
{
    IntelIOMMUState *s = opaque;
    IntelIOMMUSpace key = { .bus = bus, .devfn = devfn };
    IntelIOMMUSpace *space = g_hash_table_lookup(s->spaces, &key);

    if (!space) {
        space = intel_iommu_space_get(s, bus, devfn);
    }
    return &space->as;
}

typedef struct IntelIOMMUUser {
    IntelIOMMUSpace *space;
    PCIDevice *dev;
} IntelIOMMUUser;

static void intel_iommu_find_user(PCIBus *bus, PCIDevice *dev, void *opaque)
{
    IntelIOMMUUser *user = opaque;

    if (!user->dev &&
        pci_device_iommu_address_space(dev) == &user->space->as) {
        user->dev = dev;
    }
}

/*
 * The device at a space's place.  Where a bridge makes requests its own, there
 * may be none: then one on that bus.
 */
static PCIDevice *intel_iommu_space_device(IntelIOMMUSpace *space)
{
    IntelIOMMUUser user = { space };

    if (space->bus) {
        user.dev = space->bus->devices[space->devfn];
        if (!user.dev) {
            pci_for_each_device_under_bus(space->bus, intel_iommu_find_user,
                                          &user);
        }
    }
    return user.dev;
}

IntelIOMMUSpaceInfo intel_iommu_space_info(void *space_opaque)
{
    IntelIOMMUSpace *space = space_opaque;
    IntelIOMMUSpaceInfo info = {
        .vtd = space->vtd,
        .as = &space->as,
        .sid = intel_iommu_source_id(space),
        .dev = intel_iommu_space_device(space),
    };
    IOMMUNotifier *n;

    IOMMU_NOTIFIER_FOREACH(n, &space->translated.iommu) {
        info.map |= !!(n->notifier_flags & IOMMU_NOTIFIER_MAP);
        info.cache |= (n->notifier_flags & IOMMU_NOTIFIER_IOTLB_EVENTS) ==
                      IOMMU_NOTIFIER_UNMAP;
        info.device_tlb |= !!(n->notifier_flags &
                              IOMMU_NOTIFIER_DEVIOTLB_UNMAP);
    }
    return info;
}

IntelIOMMUState *intel_iommu_of_space(void *space_opaque)
{
    IntelIOMMUSpace *space = space_opaque;

    return space->s;
}

static gint intel_iommu_space_order(gconstpointer a, gconstpointer b)
{
    const IntelIOMMUSpaceInfo *x = a, *y = b;

    return x->sid - y->sid;
}

GArray *intel_iommu_list_spaces(IntelIOMMUState *s)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(IntelIOMMUSpaceInfo));
    IntelIOMMUSpace *space;
    GHashTableIter iter;

    g_hash_table_iter_init(&iter, s->spaces);
    while (g_hash_table_iter_next(&iter, (gpointer *)&space, NULL)) {
        IntelIOMMUSpaceInfo info = intel_iommu_space_info(space);

        g_array_append_val(list, info);
    }
    g_array_sort(list, intel_iommu_space_order);
    return list;
}

void intel_iommu_init_spaces(IntelIOMMUState *s)
{
    s->spaces = g_hash_table_new(intel_iommu_space_hash,
                                 intel_iommu_space_equal);
}

static const TypeInfo intel_iommu_region_type = {
    .name = TYPE_INTEL_IOMMU_MEMORY_REGION,
    .parent = TYPE_IOMMU_MEMORY_REGION,
    .instance_size = sizeof(IntelIOMMURegion),
    .class_init = intel_iommu_region_class_init,
};

static void intel_iommu_register_region_type(void)
{
    type_register_static(&intel_iommu_region_type);
}

type_init(intel_iommu_register_region_type)
