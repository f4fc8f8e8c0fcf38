/*
 * Intel VT-d engine: its whole outside
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the calls into the engine, and VtdOps, all that the engine asks of
 * the embedder: QEMU's device model, or a unit test.  Two kinds of call:
 *
 *   [any]   any thread, inside an RCU read section: what the engine hands to
 *           VtdOps.defer_free stays readable until the section ends.
 *   [bql]   under QEMU's big lock; a unit test serialises them.  Operations
 *           so marked are called from these calls alone, with none of the
 *           engine's locks held, so they may call back.
 *
 * Section numbers are those of docs/specs/intel-vtd.rst.
 */

#ifndef HW_I386_VTD_VTD_H
#define HW_I386_VTD_VTD_H

#include "spec.h"

typedef struct Vtd Vtd;
typedef struct VtdSpace VtdSpace;

/* A piece of the guest's address space that is one RAM region, or none */
typedef struct VtdRam {
    uint64_t first;
    uint64_t last;
    bool ram;                   /* a device may be given it */
    const uint8_t *data;        /* of @first; NULL if not readable in place */
} VtdRam;

/* The piece around @gpa */
typedef void VtdRamFn(void *opaque, uint64_t gpa, VtdRam *ram);

/* Read @len bytes of memory at @gpa; false if not all of them are memory */
typedef bool VtdReadFn(void *opaque, uint64_t gpa, void *buf, size_t len);

/*
 * What a listener that maps for the device is told.  @first to @last is a
 * naturally aligned power of two of bytes.  For an UNMAP @write and @read
 * are false, and @addr is 0 unless one mapping alone is unmapped (see
 * VtdOps.dirty_tracking).
 */
typedef struct VtdNotice {
    uint64_t first;
    uint64_t last;
    uint64_t addr;
    bool read;
    bool write;
} VtdNotice;

/* Returns 0, or for a MAP that is refused -errno */
typedef int VtdNoticeFn(void *opaque, const VtdNotice *notice);

/*
 * What is remembered of one table of the guest's takes no more than so many
 * bytes for each of VtdConfig.max_mappings, but may take the minimum.
 */
#define VTD_SEEN_BYTES_PER_MAPPING     16
#define VTD_SEEN_BYTES_MIN             (16ull << 20)
/* What was sent to one device: at most this part of it more */
#define VTD_EXTENTS_PART                   16
/* VtdSeenConfig.work: some milliseconds */
#define VTD_SYNC_WORK                   (1u << 16)

/* What the user asked for; resolved before vtd_new() */
typedef struct VtdConfig {
    uint8_t aw_bits;            /* 39 or 48: width of input addresses */
    uint8_t haw_bits;           /* of physical ones: that at least, up to 52 */
    bool caching_mode;
    bool snoop_control;
    bool device_iotlb;
    bool pass_through;
    bool intr_remap;
    bool eim;
    bool dma_drain;
    bool dma_translation;
    bool stale_tm;              /* leaf bit 62 is not reserved */
    uint64_t max_mappings;      /* leaves that a shadow may hold */
    uint64_t sync_work;         /* VtdSeenConfig.work; 0 for what is usual */
} VtdConfig;

/* What a device's memory requests meet */
typedef enum VtdView {
    VTD_VIEW_DIRECT,            /* system memory: translation is off */
    VTD_VIEW_PASS_THROUGH,      /* system memory, below 2^haw_bits */
    VTD_VIEW_TRANSLATED,        /* vtd_translate() */
} VtdView;

#define VTD_LOG_CAUSES          64

typedef struct VtdOps {
    /*
     * Read or write @len bytes of guest memory at @gpa: an entry, or a table.
     * Memory is what a CPU can use as such, which need not be RAM; false for
     * registers and holes, on which nothing is done.  [any]
     */
    VtdReadFn *read;
    bool (*write)(void *opaque, uint64_t gpa, const void *buf, size_t len);
    /*
     * Send the message of an event of the unit, not remapped.  False if this
     * thread cannot: then vtd_send_events() is to be called soon.  [any]
     */
    bool (*inject)(void *opaque, uint64_t addr, uint32_t data);
    /* Call free_fn(ptr) once no read section can hold @ptr.  [any] */
    void (*defer_free)(void *opaque, void *ptr, void (*free_fn)(void *));
    /* The requester id that a space has now: bus numbers change.  [any] */
    uint16_t (*source_id)(void *space_opaque);
    /* Bring a space's view about; called on changes only.  [bql] */
    void (*switch_to)(void *space_opaque, VtdView view);
    /*
     * Remapping of interrupts changed: of 2^@mask entries from @index, or of
     * all if @global.  [bql]
     */
    void (*iec_changed)(void *opaque, bool global, uint32_t index,
                        uint32_t mask);
    /*
     * The RAM around @gpa, in place until the call into the engine returns.
     * [bql]
     */
    VtdRamFn *ram;
    /*
     * A MAP, or an UNMAP, for whoever maps for the device.  0, or for a MAP
     * that is refused -errno.  [bql]
     */
    int (*notify)(void *space_opaque, const VtdNotice *notice);
    /* A MAP was refused, in notify or in a replay: @error is -errno.  [bql] */
    void (*refused)(void *opaque, int error);
    /*
     * Whoever caches translations of the device (vhost) forgets @first to
     * @last: caches filled through ATS if @device_tlb, else the others.
     * [bql]
     */
    void (*invalidate)(void *space_opaque, uint64_t first, uint64_t last,
                       bool device_tlb);
    /*
     * Whether UNMAPs must tell what was mapped, one by one, since the listener
     * notes which pages the device wrote.  [bql]
     */
    bool (*dirty_tracking)(void *opaque);
    /* A clock that never goes back, in ns.  [bql] */
    int64_t (*now)(void *opaque);
    /* Call vtd_continue() soon, outside of calls into the engine.  [bql] */
    void (*schedule)(void *opaque);
    /*
     * A line on a mistake of the guest's, @first of its cause or one of those
     * that log_more() wanted.  Guests can make many: what log_more() says for
     * a cause, below VTD_LOG_CAUSES, must come fast and be yes rarely.  [any]
     */
    void (*log)(void *opaque, bool first, const char *line);
    bool (*log_more)(void *opaque, unsigned cause);
    /* A table holds more than VtdConfig.max_mappings: told once.  [bql] */
    void (*over_limit)(void *opaque);
} VtdOps;

/* Where the layout of the guest's memory changed, all of it alike */
typedef struct VtdRamChange {
    uint64_t first;
    uint64_t last;              /* inclusive */
    bool was;                   /* RAM */
    bool is;                    /* RAM; if @was too, other RAM */
} VtdRamChange;

/* One translated piece; inclusive last bytes are iova | mask, addr | mask */
typedef struct VtdTranslation {
    uint64_t iova;
    uint64_t addr;
    uint64_t mask;
    bool read;
    bool write;
} VtdTranslation;

typedef enum VtdAccess {
    VTD_ACCESS_PROBE,           /* tell the permissions, record no fault */
    VTD_ACCESS_READ,
    VTD_ACCESS_WRITE,
} VtdAccess;

/* A remapped interrupt (8.3) */
typedef struct VtdInterrupt {
    uint32_t dest;
    uint8_t vector;
    uint8_t delivery_mode;
    bool logical;
    bool redirection_hint;
    bool level;
} VtdInterrupt;

typedef enum VtdVerdict {
    VTD_INTERRUPT_PASS,         /* deliver the message as it came */
    VTD_INTERRUPT_REMAPPED,     /* deliver the VtdInterrupt */
    VTD_INTERRUPT_BLOCKED,
} VtdVerdict;

/*
 * Beside a source id, or alone for a requester that is unknown: it is not
 * compared to what the interrupt entry names (8.5).
 */
#define VTD_SID_UNVERIFIED      0x10000u

/* Counters: (name in C, name for the user) */
#define VTD_STATS(X) \
    X(TRANSLATIONS, "translations") \
    X(PASS_THROUGH, "pass-through") \
    X(IOTLB_HITS, "iotlb-hits") \
    X(IOTLB_MISSES, "iotlb-misses") \
    X(CONTEXT_HITS, "context-hits") \
    X(CONTEXT_MISSES, "context-misses") \
    X(VIEW_SWITCHES, "view-switches") \
    X(FAULTS_RECORDED, "faults-recorded") \
    X(FAULTS_LOST, "faults-lost") \
    X(INV_CONTEXT_GLOBAL, "inv-context-global") \
    X(INV_CONTEXT_DOMAIN, "inv-context-domain") \
    X(INV_CONTEXT_DEVICE, "inv-context-device") \
    X(INV_IOTLB_GLOBAL, "inv-iotlb-global") \
    X(INV_IOTLB_DOMAIN, "inv-iotlb-domain") \
    X(INV_IOTLB_PAGE, "inv-iotlb-page") \
    X(INV_DEVICE_TLB, "inv-device-tlb") \
    X(INV_IEC_GLOBAL, "inv-iec-global") \
    X(INV_IEC_INDEX, "inv-iec-index") \
    X(INV_WAIT, "inv-wait") \
    X(INV_ERRORS, "inv-errors") \
    X(INTERRUPTS_REMAPPED, "interrupts-remapped") \
    X(INTERRUPTS_PASSED, "interrupts-passed") \
    X(INTERRUPTS_BLOCKED, "interrupts-blocked") \
    X(IEC_HITS, "iec-hits") \
    X(IEC_MISSES, "iec-misses") \
    X(SYNCS, "shadow-syncs") \
    X(MAPS, "shadow-maps") \
    X(UNMAPS, "shadow-unmaps") \
    X(UNMAPPED_PAGES, "shadow-unmapped-pages") \
    X(SPLITS, "shadow-splits") \
    X(SYNC_PAUSES, "shadow-sync-pauses") \
    X(UNSENDABLE, "shadow-unsendable") \
    X(OVER_LIMIT, "shadow-over-limit") \
    X(REFUSED, "shadow-refused") \
    X(REFUSED_PAGES, "shadow-refused-pages") \
    X(REFUSED_LOST, "shadow-refused-lost") \
    X(LAYOUTS, "shadow-layouts") \
    X(COMPARED, "shadow-compared") \
    X(UNCHANGED, "shadow-unchanged") \
    X(SHADOW_LEAVES, "shadow-leaves") \
    X(SHADOW_BYTES, "shadow-bytes")

typedef enum VtdStat {
#define VTD_STAT_ENUM(id, name) VTD_STAT_##id,
    VTD_STATS(VTD_STAT_ENUM)
#undef VTD_STAT_ENUM
    VTD_STAT_COUNT,
} VtdStat;

/* A new unit, as after reset.  @config is copied, @ops is not.  [bql] */
Vtd *vtd_new(const VtdConfig *config, const VtdOps *ops, void *opaque);
/* Free a unit; its spaces must be gone.  [bql] */
void vtd_free(Vtd *v);
/*
 * Back to the state after vtd_new(): registers, queue, caches; the spaces
 * stay and get the direct view.  [bql]
 */
void vtd_reset(Vtd *v);
/*
 * Caching mode on, known late: before the guest runs, so before any
 * register was written.  [bql]
 */
void vtd_use_caching_mode(Vtd *v);

/* Go on with what took too long for one call: see VtdOps.schedule.  [bql] */
void vtd_continue(Vtd *v);

/*
 * A device's address space, in the direct view unless translation is on by
 * then.  @space_opaque goes to VtdOps.source_id and VtdOps.switch_to.  [bql]
 */
VtdSpace *vtd_space_new(Vtd *v, void *space_opaque);
/* Forget a space that no thread translates through any more.  [bql] */
void vtd_space_free(VtdSpace *space);

/* The source ids of some spaces are others now.  [bql] */
void vtd_sources_changed(Vtd *v);

/*
 * What listeners want to hear of a space: @map, each mapping (VFIO), and
 * the space has a shadow; @any, at least what to forget (vhost).  Whoever
 * comes first has seen nothing yet: vtd_space_replay() tells what there is.
 * [bql]
 */
void vtd_space_watch(VtdSpace *space, bool map, bool any);
/*
 * Tell @notice of each mapping that meets the range @first to @last, as it
 * was sent to other listeners: not clipped to the range.  The shadow is
 * brought in step first, which may notify those others by VtdOps.notify; the
 * embedder must not pass that on to the listener behind @notice, which hears
 * everything here.  [bql]
 */
void vtd_space_replay(VtdSpace *space, uint64_t first, uint64_t last,
                      VtdNoticeFn *notice, void *opaque);

/*
 * The layout of memory has changed at @n places, in order and apart; what
 * VtdOps.ram tells is the new one.  What leads to RAM that went is unmapped,
 * what leads to RAM that came is mapped; nothing else is touched.  Costs
 * nothing where no leaf led to any of the places.  [bql]
 */
void vtd_memory_changed(Vtd *v, const VtdRamChange *changes, unsigned n);

/*
 * Access the registers: @offset below VTD_REG_SIZE, aligned to @size, 4 or 8
 * bytes (1.2).  Everything else reads 0 and writes nothing.  [bql]
 */
uint64_t vtd_mmio_read(Vtd *v, uint64_t offset, unsigned size);
void vtd_mmio_write(Vtd *v, uint64_t offset, uint64_t value, unsigned size);

/*
 * Translate the request of @access to @iova (5.1).  True fills in @out, whose
 * permissions include the one asked for; false means that the request is
 * blocked, and then the fault is recorded unless @access is a probe.  [any]
 */
bool vtd_translate(VtdSpace *space, uint64_t iova, VtdAccess access,
                   VtdTranslation *out);

/*
 * Remap the interrupt message (@addr, @data) of requester @sid (8.2), which
 * is verified unless VTD_SID_UNVERIFIED is in it.  A blocked one records its
 * fault if @record.  [any]
 */
VtdVerdict vtd_interrupt(Vtd *v, uint32_t sid, uint64_t addr, uint32_t data,
                         bool record, VtdInterrupt *out);

/* Send the messages that VtdOps.inject could not.  [bql] */
void vtd_send_events(Vtd *v);

/*
 * What migration carries, field by field as on QEMU's wire.  The register
 * image holds the rest, CAP and ECAP included.
 */
typedef struct VtdSaved {
    uint64_t root;              /* latched by SRTP: the address */
    uint64_t intr_root;         /* latched by SIRTP: the address, */
    uint32_t intr_size;         /* the number of entries */
    bool intr_eime;             /* and EIME */
    uint64_t iq;                /* latched by QIE: the address */
    uint16_t iq_size;           /* and the number of descriptors */
    uint16_t iq_head;           /* index of a descriptor */
    uint16_t iq_tail;
    uint16_t next_frcd_reg;     /* with one record: 0 */
    uint8_t csr[VTD_REG_SIZE];
    uint8_t iq_last_desc_type;  /* of the last completed, 0 for none */
    bool dmar_enabled;
    bool qi_enabled;
    bool intr_enabled;
} VtdSaved;

void vtd_save(Vtd *v, VtdSaved *saved);
/* Whether the unit that was saved has caching mode.  [any] */
bool vtd_saved_caching_mode(const VtdSaved *saved);
/*
 * Take over what came in.  NULL, or why not, with nothing changed: the name
 * of a field with a value that no unit can have, or the properties that the
 * two units differ in; to be freed.  Until vtd_load_finish(), when all is there
 * that the tables speak of (the devices' bus numbers, the layout of memory),
 * no space has the direct view while translation is on.  [bql]
 */
char *vtd_load(Vtd *v, const VtdSaved *saved);
void vtd_load_finish(Vtd *v);

/* The value of a counter, and its name for users.  [bql] */
uint64_t vtd_stat(Vtd *v, VtdStat stat);
const char *vtd_stat_name(VtdStat stat);

#endif
