/*
 * A PCI device that tests IOMMUs: what its parts share
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the state of the device.  The big lock guards everything.  The
 * threads run without it: the table changes, and is read by the reader,
 * under table_lock as well, and so do the counters that the threads write.
 */

#ifndef HW_MISC_VTD_TESTDEV_STATE_H
#define HW_MISC_VTD_TESTDEV_STATE_H

#include "qemu/queue.h"
#include "qemu/thread.h"
#include "system/memory.h"
#include "hw/misc/vtd-testdev.h"
#include "hw/pci/pci_bus.h"
#include "hw/pci/pci_device.h"
#include "system/host_iommu_device.h"
#include "vtd-testdev-table.h"

OBJECT_DECLARE_SIMPLE_TYPE(VtdTestdev, VTD_TESTDEV)

/* What class_init gets besides the class: a pointer, const or not */
typedef typeof_field(TypeInfo, class_data) TestdevClassData;

/*
 * The PASID that an entry is of, and whether it could be made one of @pasid:
 * entries of older QEMUs cannot say so, and are of none.  No interface tells.
 */
#if QEMU_VERSION_MAJOR * 100 + QEMU_VERSION_MINOR >= 1001
static inline uint32_t testdev_pasid(const IOMMUTLBEntry *entry)
{
    return entry->pasid;
}

static inline bool testdev_set_pasid(IOMMUTLBEntry *entry, uint32_t pasid)
{
    entry->pasid = pasid;
    return true;
}
#else
static inline uint32_t testdev_pasid(const IOMMUTLBEntry *entry)
{
    return PCI_NO_PASID;
}

static inline bool testdev_set_pasid(IOMMUTLBEntry *entry, uint32_t pasid)
{
    return pasid == PCI_NO_PASID;
}
#endif

/* Records that the log can have: 192 MiB */
#define TESTDEV_MAX_LOG         (4u << 20)

typedef struct TestdevFloor {
    IOMMUMemoryRegion iommu;
} TestdevFloor;

/* An IOMMU section of the address space and the notifier for it */
typedef struct TestdevSection {
    IOMMUNotifier n;
    VtdTestdev *s;
    IOMMUMemoryRegion *iommu;
    uint64_t offset;            /* from the region to the address space */
    uint32_t number;
    bool registered;
    bool replaying;             /* into the log alone */
    QLIST_ENTRY(TestdevSection) next;
} TestdevSection;

/* A thread that runs until it is through or is asked to stop */
typedef struct TestdevWorker {
    QemuThread thread;
    bool created;
    bool stop;                  /* atomic */
    uint64_t args[TESTDEV_ARGS]; /* fixed while it runs */
} TestdevWorker;

struct VtdTestdev {
    PCIDevice parent_obj;

    MemoryRegion bar;
    TestdevFloor floor;
    AddressSpace floor_as;

    bool unmap_only;
    bool device_tlb;
    bool use_floor;
    bool record;
    bool table;
    uint8_t host_aw_bits;       /* 0: no device of the host */
    HostIOMMUDevice *host;

    uint64_t counters[TESTDEV_COUNTER_END];
    uint64_t args[TESTDEV_ARGS];
    uint64_t status, result;
    uint8_t buffer[TESTDEV_BUFFER_BYTES];
    bool dirty;
    void *held;                 /* memory that is mapped */
    uint64_t held_bytes;

    /* vtd-testdev-listener.c */
    AddressSpace *as;
    MemoryListener listener;
    QLIST_HEAD(, TestdevSection) sections;
    uint32_t next_section;
    unsigned flags;             /* IOMMUNotifierFlag */
    QemuMutex table_lock;
    TestdevTable mappings;
    uint32_t fail_map;
    int fail_errno;
    GArray *log;                /* TestdevLog */

    /* vtd-testdev-threads.c */
    TestdevWorker loop;
    TestdevWorker reader;
    TestdevWatch *watch;
    QemuCond pass_done;         /* the reader was through; table_lock */
};

/* A rule was broken */
void testdev_count_error(VtdTestdev *s, int error);
/* Listen to @as from now on, until testdev_forget(). */
void testdev_listen(VtdTestdev *s, AddressSpace *as);
void testdev_forget(VtdTestdev *s);
/* Register all notifiers anew, for @flags; what is mapped is forgotten. */
void testdev_register(VtdTestdev *s, unsigned flags);
/* Replay into the log alone. */
void testdev_replay(VtdTestdev *s);

/* One DMA in the calling thread. */
MemTxResult testdev_dma(VtdTestdev *s, uint64_t iova, void *buf,
                        uint64_t len, bool write);
/* Start a thread, with s->args, or wait for its end; there may be none. */
void testdev_loop_start(VtdTestdev *s);
void testdev_loop_stop(VtdTestdev *s);
/* @watch has s->args[1] pages and is the reader's from now on. */
void testdev_reader_start(VtdTestdev *s, TestdevWatch *watch);
void testdev_reader_stop(VtdTestdev *s);
/* In lockstep, let the reader go once through all its pages. */
void testdev_reader_pass(VtdTestdev *s);

#endif
