/*
 * A PCI device that tests IOMMUs: what the IOMMU notifies of
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the listener and its notifiers, what goes into the table of mappings,
 * and the log.  All of it runs under the big lock; the table changes under
 * table_lock as well, for the reader.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/lockable.h"
#include "qemu/rcu.h"
#include "qemu/timer.h"
#include "system/address-spaces.h"
#include "system/ram-discard-manager.h"
#include "hw/misc/iommu-refusal.h"
#include "vtd-testdev-state.h"

/* The table of mappings */

/* What VFIO and vDPA can map is RAM in one piece, and is not discarded */
static uint8_t *find_ram(void *opaque, const TestdevExtent *e)
{
    hwaddr at, size = e->last - e->iova + 1;
    MemoryRegionSection section;
    MemoryRegion *region;

    RCU_READ_LOCK_GUARD();
    region = address_space_translate(&address_space_memory, e->target, &at,
                                     &size, e->perm & IOMMU_WO,
                                     MEMTXATTRS_UNSPECIFIED);
    if (!memory_region_is_ram(region) || size != e->last - e->iova + 1) {
        return NULL;
    }
    section = (MemoryRegionSection) {
        .mr = region,
        .offset_within_region = at,
        .size = int128_make64(size),
    };
    if (memory_region_has_ram_discard_manager(region) &&
        !ram_discard_manager_is_populated(
            memory_region_get_ram_discard_manager(region), &section)) {
        return NULL;
    }
    return (uint8_t *)memory_region_get_ram_ptr(region) + at;
}

/* With the lock: what readers of the counters see of the table */
static void count_table(VtdTestdev *s)
{
    s->counters[TESTDEV_MAPPINGS] = testdev_table_count(&s->mappings);
    s->counters[TESTDEV_MAPPED_PAGES] = s->mappings.pages;
}

static int table_update(VtdTestdev *s, uint64_t iova, IOMMUTLBEntry *entry,
                        int kind, uint64_t *n)
{
    TestdevExtent e = {
        .iova = iova,
        .last = iova + entry->addr_mask,
        .target = entry->translated_addr,
        .perm = entry->perm & IOMMU_RW,
    };
    int error;

    if (kind == TESTDEV_MAP && entry->target_as != &address_space_memory) {
        return TESTDEV_ERROR_SPACE;
    }
    QEMU_LOCK_GUARD(&s->table_lock);
    error = testdev_table_update(&s->mappings, &e, global_dirty_tracking, n);
    count_table(s);
    return error;
}

/* Notifications */

void testdev_count_error(VtdTestdev *s, int error)
{
    s->counters[TESTDEV_ALL_ERRORS]++;
    s->counters[TESTDEV_ALL_ERRORS + error]++;
}

static void log_add(VtdTestdev *s, const TestdevLog *log)
{
    TestdevLog le = {
        .ns = cpu_to_le64(log->ns),
        .iova = cpu_to_le64(log->iova),
        .last = cpu_to_le64(log->last),
        .target = cpu_to_le64(log->target),
        .mappings = cpu_to_le64(log->mappings),
        .kind = log->kind,
        .perm = log->perm,
        .error = log->error,
        .notifier = cpu_to_le32(log->notifier),
    };

    if (log->error) {
        testdev_count_error(s, log->error);
    }
    if (!s->record) {
        return;
    }
    if (s->log->len == TESTDEV_MAX_LOG) {
        s->counters[TESTDEV_LOST]++;
        return;
    }
    g_array_append_val(s->log, le);
    s->counters[TESTDEV_LOGGED]++;
}

static void notify_kept(TestdevSection *section, IOMMUTLBEntry *entry, int kind)
{
    VtdTestdev *s = section->s;
    uint64_t iova = entry->iova + section->offset;
    int64_t begin = get_clock();
    TestdevLog log = {
        .ns = begin,
        .iova = iova,
        .last = iova + entry->addr_mask,
        .target = entry->translated_addr,
        .kind = kind,
        .perm = entry->perm,
        .notifier = section->number,
    };

    if (entry->iova < section->n.start ||
        entry->iova + entry->addr_mask > section->n.end) {
        log.error = TESTDEV_ERROR_RANGE;
    } else if (testdev_pasid(entry) != PCI_NO_PASID) {
        log.error = TESTDEV_ERROR_PASID;
    } else if (kind == TESTDEV_MAP && s->fail_map && !--s->fail_map) {
        log.error = TESTDEV_ERROR_FORCED;
    } else if (s->table && (kind == TESTDEV_MAP || kind == TESTDEV_UNMAP) &&
               s->flags & IOMMU_NOTIFIER_MAP) {
        log.error = table_update(s, iova, entry, kind, &log.mappings);
    }
    log_add(s, &log);
    if (kind == TESTDEV_MAP) {
        iommu_map_set_result(log.error == TESTDEV_ERROR_FORCED
                             ? -s->fail_errno
                             : testdev_error_result(log.error));
    }
    testdev_reader_pass(s);
    s->counters[TESTDEV_OWN_NS] += get_clock() - begin;
}

static void testdev_notify(IOMMUNotifier *n, IOMMUTLBEntry *entry)
{
    static const int counter_of[] = {
        [TESTDEV_UNMAP] = TESTDEV_UNMAPS,
        [TESTDEV_MAP] = TESTDEV_MAPS,
        [TESTDEV_DEVICE_UNMAP] = TESTDEV_DEVICE_UNMAPS,
        [TESTDEV_REPLAY_MAP] = TESTDEV_REPLAYED,
    };
    TestdevSection *section = container_of(n, TestdevSection, n);
    VtdTestdev *s = section->s;
    int kind = section->replaying ? TESTDEV_REPLAY_MAP :
               n->notifier_flags & IOMMU_NOTIFIER_DEVIOTLB_UNMAP ?
               TESTDEV_DEVICE_UNMAP :
               entry->perm & IOMMU_RW ? TESTDEV_MAP : TESTDEV_UNMAP;

    s->counters[counter_of[kind]]++;
    if (s->record || s->table) {
        notify_kept(section, entry, kind);
    }
}

static void section_register(TestdevSection *section)
{
    VtdTestdev *s = section->s;

    if (!s->flags) {
        return;
    }
    section->n.notifier_flags = s->flags;
    if (memory_region_register_iommu_notifier(MEMORY_REGION(section->iommu),
                                              &section->n, NULL)) {
        s->counters[TESTDEV_NOT_REGISTERED]++;
        return;
    }
    section->registered = true;
    if (s->flags & IOMMU_NOTIFIER_MAP) {
        memory_region_iommu_replay(section->iommu, &section->n);
    }
}

/* Returns how many mappings are forgotten */
static uint64_t section_unregister(TestdevSection *section)
{
    VtdTestdev *s = section->s;
    uint64_t n;

    if (section->registered) {
        memory_region_unregister_iommu_notifier(MEMORY_REGION(section->iommu),
                                                &section->n);
        section->registered = false;
    }
    QEMU_LOCK_GUARD(&s->table_lock);
    n = testdev_table_forget(&s->mappings, section->n.start + section->offset,
                             section->n.end + section->offset);
    count_table(s);
    s->counters[TESTDEV_FORGOTTEN] += n;
    return n;
}

/*
 * The listener unmaps what goes with its section at once.  Nobody tells it the
 * targets then, so pages that the device wrote there would be lost.
 */
static void log_section(TestdevSection *section, int kind, uint64_t mappings)
{
    TestdevLog log = {
        .ns = get_clock(),
        .iova = section->n.start + section->offset,
        .last = section->n.end + section->offset,
        .mappings = mappings,
        .kind = kind,
        .notifier = section->number,
        .error = mappings && global_dirty_tracking ? TESTDEV_ERROR_LEFT
                                                   : TESTDEV_NO_ERROR,
    };

    log_add(section->s, &log);
}

static void testdev_region_add(MemoryListener *listener,
                               MemoryRegionSection *mrs)
{
    VtdTestdev *s = container_of(listener, VtdTestdev, listener);
    uint64_t start = mrs->offset_within_region;
    uint64_t last = start + int128_get64(int128_sub(mrs->size, int128_one()));
    TestdevSection *section;

    if (!memory_region_is_iommu(mrs->mr)) {
        s->counters[TESTDEV_DIRECT] += memory_region_is_ram(mrs->mr);
        return;
    }
    section = g_new0(TestdevSection, 1);
    section->s = s;
    section->iommu = IOMMU_MEMORY_REGION(mrs->mr);
    section->offset = mrs->offset_within_address_space - start;
    section->number = s->next_section++;
    iommu_notifier_init(&section->n, testdev_notify, s->flags, start, last,
                        memory_region_iommu_attrs_to_index(
                            section->iommu, MEMTXATTRS_UNSPECIFIED));
    memory_region_ref(mrs->mr);
    QLIST_INSERT_HEAD(&s->sections, section, next);
    s->counters[TESTDEV_SECTIONS]++;
    s->counters[TESTDEV_SECTIONS_ADDED]++;
    log_section(section, TESTDEV_SECTION, 0);
    section_register(section);
}

static void testdev_region_del(MemoryListener *listener,
                               MemoryRegionSection *mrs)
{
    VtdTestdev *s = container_of(listener, VtdTestdev, listener);
    TestdevSection *section, *next;

    if (!memory_region_is_iommu(mrs->mr)) {
        s->counters[TESTDEV_DIRECT] -= memory_region_is_ram(mrs->mr);
        return;
    }
    QLIST_FOREACH_SAFE(section, &s->sections, next, next) {
        if (MEMORY_REGION(section->iommu) != mrs->mr ||
            section->n.start != mrs->offset_within_region) {
            continue;
        }
        log_section(section, TESTDEV_SECTION_GONE,
                    section_unregister(section));
        s->counters[TESTDEV_SECTIONS]--;
        s->counters[TESTDEV_SECTIONS_GONE]++;
        QLIST_REMOVE(section, next);
        memory_region_unref(mrs->mr);
        g_free(section);
    }
}

void testdev_register(VtdTestdev *s, unsigned flags)
{
    TestdevSection *section;

    QLIST_FOREACH(section, &s->sections, next) {
        section_unregister(section);
    }
    s->flags = flags;
    QLIST_FOREACH(section, &s->sections, next) {
        section_register(section);
    }
}

void testdev_replay(VtdTestdev *s)
{
    TestdevSection *section;

    QLIST_FOREACH(section, &s->sections, next) {
        TestdevSection temporary = *section;

        /* What the region's other notifiers hear meanwhile is no replay */
        temporary.replaying = true;
        iommu_notifier_init(&temporary.n, testdev_notify, IOMMU_NOTIFIER_MAP,
                            section->n.start, section->n.end,
                            section->n.iommu_idx);
        memory_region_iommu_replay(section->iommu, &temporary.n);
    }
}

void testdev_listen(VtdTestdev *s, AddressSpace *as)
{
    s->flags = s->unmap_only ? IOMMU_NOTIFIER_UNMAP :
               s->device_tlb ? IOMMU_NOTIFIER_DEVIOTLB_UNMAP :
               IOMMU_NOTIFIER_IOTLB_EVENTS;
    s->log = g_array_new(false, false, sizeof(TestdevLog));
    qemu_mutex_init(&s->table_lock);
    testdev_table_init(&s->mappings, find_ram, NULL);
    s->as = as;
    s->listener = (MemoryListener) {
        .name = TYPE_VTD_TESTDEV,
        .region_add = testdev_region_add,
        .region_del = testdev_region_del,
    };
    memory_listener_register(&s->listener, as);
}

void testdev_forget(VtdTestdev *s)
{
    /* All sections go, and the mappings with them */
    memory_listener_unregister(&s->listener);
    g_array_free(s->log, true);
    testdev_table_destroy(&s->mappings);
    qemu_mutex_destroy(&s->table_lock);
}
