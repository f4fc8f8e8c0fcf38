/*
 * A PCI device that tests IOMMUs: its registers
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The layout that the device (hw/misc/vtd-testdev.c) and its drivers share.
 *
 * The device listens to its IOMMU address space as vfio-pci does: for each
 * IOMMU section it registers a notifier and asks for a replay; when the
 * section goes, it forgets what was mapped there.  It keeps the rules of
 * VFIO's type1v2, or of iommufd: a MAP must not meet a mapping, an UNMAP must
 * not cut one, the target of a MAP lies in one RAM section.  What breaks a
 * rule is counted by kind and changes nothing in the table of mappings; the
 * IOMMU hears of a MAP that is refused as it hears from VFIO (iommu-refusal.h).
 * The device's requests have no PASID, so nothing it is told is of one.
 *
 * Properties:
 *   unmap-only=on   register for UNMAP alone, without replay, as vhost does
 *   device-tlb=on   register for DEVIOTLB_UNMAP alone: vhost with ATS
 *   record=off      keep no log
 *   table=off       keep no table of mappings and check no rule.  With
 *                   record=off too, a notification is only counted
 *   host-aw-bits=N  belong to a device of the host whose IOMMU has addresses
 *                   of N bits, which is shown to the guest's: as vfio-pci
 *   limit=N         so many mappings at once, 0 for no limit
 *   iommufd=on      keep the rules of iommufd: while dirty pages are tracked,
 *                   what is unmapped has to be mapped
 *   floor=on        use an address space of the device's own, whose
 *                   translation is the address itself, found at once: the
 *                   zero of measurements, and the way to test the device
 *
 * BAR 0: registers of 64 bits, little endian, and from TESTDEV_BUFFER on a
 * buffer for DMA.  Reset changes nothing of this.
 */

#ifndef HW_MISC_VTD_TESTDEV_H
#define HW_MISC_VTD_TESTDEV_H

#define TYPE_VTD_TESTDEV        "vtd-testdev"
#define VTD_TESTDEV_DEVICE_ID   0x11e9

#define TESTDEV_BAR_BYTES       0x2000
#define TESTDEV_BUFFER          0x1000
#define TESTDEV_BUFFER_BYTES    0x1000

#define TESTDEV_COMMAND         0x00    /* write: carry it out, with ARGs */
#define TESTDEV_STATUS          0x08    /* of the last command */
#define TESTDEV_RESULT          0x10    /* of the last command */
#define TESTDEV_FAIL_MAP        0x18    /* the n-th MAP from now on fails, */
#define TESTDEV_FAIL_ERRNO(e)   ((uint64_t)(e) << 32)   /* with this errno */
#define TESTDEV_LIMIT           0x20    /* as the property */
#define TESTDEV_ARG(n)          (0x40 + 8 * (n))
#define TESTDEV_ARGS            8
#define TESTDEV_COUNTER(n)      (0x100 + 8 * (n))

/* TESTDEV_STATUS */
#define TESTDEV_OK              0
#define TESTDEV_REFUSED         1       /* unknown command, bad argument */
#define TESTDEV_FAILED          2       /* the memory access failed */

/*
 * Commands.  Records go from and to the RAM at a guest physical address.
 */
/* Forget the log, zero the counters but those of what is mapped now */
#define TESTDEV_CLEAR           1
/* Log to (0) address, from (1) index, (2) records at most; result: number */
#define TESTDEV_READ_LOG        2
/* Mappings in order to (0), from (1) IOVA, (2) at most; result: number */
#define TESTDEV_READ_TABLE      3
/*
 * Take all notifiers back, forget what is mapped, and register them again
 * for (0) flags as of IOMMUNotifierFlag, with a replay if MAP is among them.
 */
#define TESTDEV_REGISTER        4
/* Replay into the log alone, by a MAP notifier that is not registered */
#define TESTDEV_REPLAY          5
/*
 * Fill in (1) TestdevProbe at (0) for an access of (2): 0 asks the region
 * for all permissions, 1 and 2 take the way of a read or a write of vhost.
 * With TESTDEV_PROBE_FLAGS the lower bits are an IOMMUAccessFlags, of any
 * version of QEMU, with which the region is asked.
 */
#define TESTDEV_PROBE           6
#define TESTDEV_PROBE_FLAGS     0x100
/* A DMA of (1) bytes at IOVA (0), from the buffer if (2), else to it */
#define TESTDEV_DMA             7
/*
 * DMA in a thread of its own: (3) times (4) bytes, from memory or to it if
 * (5) has TESTDEV_LOOP_WRITE.  It goes to the page (i * (2)) mod (1) after
 * IOVA (0), or with TESTDEV_LOOP_RANDOM to one of the (1) pages at random
 * with the seed (6).  Ends the loop before it; (3) may be 0.
 */
#define TESTDEV_LOOP            8
#define TESTDEV_LOOP_WRITE      1
#define TESTDEV_LOOP_RANDOM     2
/*
 * A thread that reads without a break through the table of mappings: (1)
 * TestdevWatch from (0), which must all stay mapped.  With (2) each
 * notification lets it read all of them before the next can come.  Ends the
 * reader before it; (1) may be 0.
 */
#define TESTDEV_READER          9
/* Dirty tracking of memory on or off: (0) */
#define TESTDEV_DIRTY           10
/*
 * With floor=on: let the region notify of (0) type, (1) IOVA, (2) mask, (3)
 * target, (4) permission, (5) PASID and 1; 0 for none.  Refused if this
 * QEMU's notifications have no PASID.
 */
#define TESTDEV_NOTIFY          11
/*
 * Map (1) bytes at IOVA (0) to write to them, and hold them until the next of
 * these commands, which copies the buffer there first; (1) may be 0.
 */
#define TESTDEV_HOLD            12

/* What breaks a rule, as in TestdevLog.error and the counters */
enum {
    TESTDEV_NO_ERROR,
    TESTDEV_ERROR_OVERLAP,
    TESTDEV_ERROR_SPLIT,
    TESTDEV_ERROR_TARGET,
    TESTDEV_ERROR_ALIGN,
    TESTDEV_ERROR_LIMIT,
    TESTDEV_ERROR_FORCED,
    TESTDEV_ERROR_SPACE,
    TESTDEV_ERROR_RANGE,
    TESTDEV_ERROR_INEXACT,
    TESTDEV_ERROR_LEFT,
    TESTDEV_ERROR_PASID,
    TESTDEV_ERROR_END,
};

/* The same in words */
#define TESTDEV_ERROR_TEXTS { \
    [TESTDEV_NO_ERROR] = "no error", \
    [TESTDEV_ERROR_OVERLAP] = "MAP over a mapping", \
    [TESTDEV_ERROR_SPLIT] = "UNMAP that cuts a mapping", \
    [TESTDEV_ERROR_TARGET] = "target not in one RAM section", \
    [TESTDEV_ERROR_ALIGN] = "range not a power of two, naturally aligned", \
    [TESTDEV_ERROR_LIMIT] = "more mappings than the limit", \
    [TESTDEV_ERROR_FORCED] = "MAP that was to fail", \
    [TESTDEV_ERROR_SPACE] = "target not in system memory", \
    [TESTDEV_ERROR_RANGE] = "outside of the notifier's range", \
    [TESTDEV_ERROR_INEXACT] = \
        "UNMAP of not just one mapping by its target, in dirty tracking", \
    [TESTDEV_ERROR_LEFT] = \
        "mappings that go with their section, in dirty tracking", \
    [TESTDEV_ERROR_PASID] = "of a PASID, though no request has one", \
}

/* Counters, read-only; those with "now" are no counts since the start */
enum {
    TESTDEV_MAPS,               /* MAP notifications */
    TESTDEV_UNMAPS,             /* UNMAP notifications */
    TESTDEV_DEVICE_UNMAPS,      /* DEVIOTLB_UNMAP notifications */
    TESTDEV_REPLAYED,           /* by TESTDEV_REPLAY */
    TESTDEV_OWN_NS,             /* the device's own time for record and table */
    TESTDEV_LOGGED,             /* records in the log, now */
    TESTDEV_LOST,               /* records that were too many for the log */
    TESTDEV_MAPPINGS,           /* now */
    TESTDEV_MAPPED_PAGES,       /* of 4 KiB, now */
    TESTDEV_SECTIONS,           /* IOMMU sections, now */
    TESTDEV_DIRECT,             /* RAM sections, now */
    TESTDEV_SECTIONS_ADDED,     /* IOMMU sections that came */
    TESTDEV_SECTIONS_GONE,      /* IOMMU sections that went */
    TESTDEV_FORGOTTEN,          /* mappings that went with their section */
    TESTDEV_NOT_REGISTERED,     /* notifiers that the IOMMU refused */
    TESTDEV_LOOP_RUNNING,       /* now */
    TESTDEV_LOOP_DONE,          /* accesses of the last loop */
    TESTDEV_LOOP_FAILURES,      /* how many of them failed */
    TESTDEV_LOOP_NS,            /* the time that it took */
    TESTDEV_READER_PASSES,      /* how often the reader was through */
    TESTDEV_READER_MISSES,      /* pages that it did not find as they were */
    TESTDEV_ALL_ERRORS,         /* of all kinds; behind it one for each kind */
    TESTDEV_COUNTER_END = TESTDEV_ALL_ERRORS + TESTDEV_ERROR_END,
};

/* How many broke the rule @id, for TESTDEV_COUNTER() */
#define TESTDEV_ERRORS_OF(id)   (TESTDEV_ALL_ERRORS + TESTDEV_ERROR_##id)

/* Records are little endian, ends of ranges inclusive. */

typedef enum TestdevKind {
    TESTDEV_UNMAP = 1,
    TESTDEV_MAP,
    TESTDEV_DEVICE_UNMAP,
    TESTDEV_REPLAY_MAP,         /* answer to TESTDEV_REPLAY */
    TESTDEV_SECTION,            /* an IOMMU section came */
    TESTDEV_SECTION_GONE,
} TestdevKind;

typedef struct TestdevLog {
    uint64_t ns;                /* of the host's monotonic clock */
    uint64_t iova;
    uint64_t last;
    uint64_t target;
    uint64_t mappings;          /* UNMAP, SECTION_GONE: that went by it */
    uint8_t kind;               /* TestdevKind */
    uint8_t perm;               /* bit 0 read, bit 1 write */
    uint8_t error;              /* TESTDEV_ERROR_... or TESTDEV_NO_ERROR */
    uint8_t zero;
    uint32_t notifier;          /* number of the section, from 0 up */
} TestdevLog;

typedef struct TestdevMapping {
    uint64_t iova;
    uint64_t last;
    uint64_t target;
    uint64_t perm;
} TestdevMapping;

typedef struct TestdevProbe {
    uint64_t iova;              /* asked for */
    uint64_t target;            /* of that very address */
    uint64_t mask;
    uint64_t perm;              /* 0: blocked */
} TestdevProbe;

typedef struct TestdevWatch {
    uint64_t iova;
    uint64_t target;
} TestdevWatch;

#endif
