/*
 * Intel VT-d engine: the state of a unit, and the calls between files
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns struct Vtd and struct VtdSpace.  Every field says what guards it:
 *
 *   bql      read and written by [bql] calls alone (see vtd.h)
 *   lock     written with the lock beside it held; that of Vtd is held for a
 *            few instructions, never over a walk or a call that may call back
 *   atomic   read by any thread without a lock
 *
 * Each struct names the file that writes it; other files read it, or call.
 * A comment before each group of prototypes names the file that has them, and
 * says, as vtd.h does, from where they may be called.
 */

#ifndef HW_I386_VTD_INTERNAL_H
#define HW_I386_VTD_INTERNAL_H

#include "qemu/atomic.h"
#include "qemu/thread.h"
#include "vtd.h"
#include "look.h"
#include "seen.h"
#include "notify.h"
#include "iotlb.h"
#include "paging.h"
#include "refused.h"
#include "extents.h"
#include "walk.h"

/* Whose request it is */
typedef struct VtdRequest {
    uint16_t sid;
    uint32_t pasid;             /* VTD_NO_PASID, or what it came with */
    bool supervisor;            /* it is privileged; with a PASID alone */
} VtdRequest;

/*
 * The entry that says what becomes of a request, decoded: a context entry
 * (2.1), or in scalable mode one of a PASID table (2.2).  Immutable, freed
 * through defer_free.
 */
typedef struct VtdContext {
    VtdRequest request;
    bool scalable;
    bool fpd;
    bool pass_through;
    VtdTables tables;           /* did and pasid alone, if pass_through */
    VtdIotlbKey key;            /* of these tables */
    uint64_t lo, hi;            /* the entry, for traces; the first 16 bytes */
    uint64_t epoch;             /* VtdContexts.epoch when it was read */
} VtdContext;

/* First stages, by who makes the request */
enum {
    VTD_FIRST_USER,
    VTD_FIRST_ALL,              /* privileged, */
    VTD_FIRST_WPE,              /* and with write protection */
    VTD_FIRST_COUNT,
};

#define VTD_PASIDS_CACHED       4       /* of each space */
#define VTD_RAMS                4
#define VTD_REACHED             16
#define VTD_IEC_SLOTS           256
#define VTD_PAGES_TOGETHER      64

/* context.c: the root table, and when contexts may be cached */
typedef struct VtdContexts {
    bool translating;               /* atomic: GSTS.TES */
    uint64_t root;                  /* atomic: RTADDR, as SRTP latched it */
    QemuMutex lock;
    uint64_t epoch;                 /* lock: counts invalidations */
    uint64_t read;                  /* atomic: by spaces that are gone */
} VtdContexts;

/* A cached interrupt remapping entry */
typedef struct VtdIecSlot {
    bool valid;
    uint16_t index;
    uint64_t lo, hi;
} VtdIecSlot;

/* interrupt.c: the interrupt remapping table, and the cache of its entries */
typedef struct VtdInterrupts {
    bool remapping;                 /* atomic: GSTS.IRES */
    bool compatibility;             /* atomic: GSTS.CFIS */
    uint64_t irta;                  /* atomic: IRTA, as SIRTP latched it */
    QemuMutex lock;
    uint64_t epoch;                 /* atomic, lock: counts invalidations */
    VtdIecSlot slot[VTD_IEC_SLOTS]; /* lock */
} VtdInterrupts;

/* A descriptor that was read before its turn */
typedef struct VtdQueueAhead {
    bool valid;
    bool readable;
    uint16_t index;
    uint64_t entry[4];
} VtdQueueAhead;

/* A descriptor as it was read, for what is told of it */
typedef struct VtdDescriptorRead {
    uint64_t entry[4];          /* the last two are 0 of those of 128 bits */
    bool reserved;              /* one of its reserved bits is set */
} VtdDescriptorRead;

/* queue.c: the invalidation queue */
typedef struct VtdQueue {
    bool enabled;               /* GSTS.QIES; the next three as then latched: */
    uint64_t base;              /* its address */
    uint32_t entries;           /* its size in descriptors */
    bool wide;                  /* descriptors have 256 bits: IQA.DW, */
    bool too_wide;              /* and where that is not supported */
    uint16_t head;              /* index of a descriptor */
    uint16_t tail;              /* up to where the run goes */
    unsigned steps;             /* since the time was looked at */
    uint8_t last_type;          /* of the last that completed, 0 for none */
    bool held;                  /* that at head is carried out, not complete */
    VtdQueueAhead ahead;
    /* Page flushes that are carried out together, */
    VtdRange range[VTD_PAGES_TOGETHER];
    uint16_t end[VTD_PAGES_TOGETHER];   /* and the last descriptor of each */
} VtdQueue;

/* invalidate.c: what the embedder was not told yet, see vtd_iec_notify() */
typedef struct VtdIecChange {
    bool any;
    bool global;                /* all entries, or 2^order from index on */
    uint32_t index;
    uint32_t order;
} VtdIecChange;

/* command.c: what GCMD has switched and GSTS does not show yet */
typedef struct VtdCommands {
    uint32_t pending_on;        /* bits of GSTS; until shadows are in step, */
    uint32_t pending_off;       /* and accesses that were under way are over */
} VtdCommands;

/* piece.c: the piece of work that runs */
typedef struct VtdPiece {
    int64_t end;                /* by VtdOps.now, in ns; 0: not looked at yet */
    bool scheduled;             /* VtdOps.schedule was called */
} VtdPiece;

/* ram.c: where guest memory is, as VtdOps.ram said in this call */
typedef struct VtdRamPiece {
    VtdRam ram;
    bool noted;                 /* send.c: it is in VtdTargets.reached */
} VtdRamPiece;

typedef struct VtdRams {
    VtdRamPiece piece[VTD_RAMS];
    unsigned next;              /* of these, the next to be replaced */
    const uint8_t *queue;       /* all of it; NULL: to be read by calls */
    bool kept;                  /* a run of the queue keeps them */
} VtdRams;

/* send.c: where in memory leaves lead to */
typedef struct VtdTargets {
    VtdRange reached[VTD_REACHED];      /* all that leaves ever led to */
    unsigned reached_count;
} VtdTargets;

/* share.c: what was last seen of a table, and the spaces that follow it */
typedef struct VtdShare {
    Vtd *v;
    VtdTables tables;           /* of the first space: not the tag of others */
    VtdSeen *seen;
    GPtrArray *spaces;
    uint64_t generation;        /* of the update that synced all of it last */
    bool pending;               /* a sync stopped, and has still to look at */
    uint64_t next, last;        /* this range */
    uint16_t did;               /* what that sync is for, in traces */
    const char *reason;         /* the same */
} VtdShare;

/* share.c: all tables of which something was seen */
typedef struct VtdShadows {
    GPtrArray *shares;          /* of VtdShare */
    unsigned pending;           /* how many of them are */
    VtdSeenConfig config;
    VtdSeenStats stats;
    bool limit_told;            /* VtdOps.over_limit was called */
} VtdShadows;

/* drain.c: accesses that began before an invalidation */
typedef struct VtdDrain {
    bool owed;                  /* something was dropped since the last */
    bool waiting;               /* VtdOps.drain has said: not yet */
} VtdDrain;

/* space.c: the address spaces of all devices */
typedef struct VtdSpaces {
    GPtrArray *all;             /* of VtdSpace */
    GPtrArray *watched;         /* those of them that have listeners */
    unsigned pending;           /* how many updates are */
    bool updating;              /* an update runs */
    uint64_t generation;        /* counts updates */
} VtdSpaces;

/* history.c: the faults that came last */
#define VTD_HISTORY             32
typedef struct VtdHistory {
    QemuMutex lock;
    struct VtdPast *past;           /* lock: a ring of VTD_HISTORY */
    uint64_t count;                 /* lock: of all that it ever took */
} VtdHistory;

/* log.c: what users were told, by VtdCause: reasons of faults, and others */
#define VTD_REASONS             0x100
#define VTD_LOG_CAUSES          (VTD_REASONS + 32)
typedef struct VtdLog {
    bool told[VTD_LOG_CAUSES];          /* it ever was */
    unsigned lines[VTD_LOG_CAUSES];     /* told and held back lately */
    bool due;                           /* VtdOps.log_later was called */
} VtdLog;

struct Vtd {
    /* unit.c; set before the guest runs */
    const VtdOps *ops;
    void *opaque;
    VtdConfig config;
    uint64_t cap, ecap;
    uint64_t haw_mask;              /* address bits of a page */
    VtdFormat format;               /* of legacy mode */
    VtdFormat second;               /* of scalable mode */
    VtdFormat first[VTD_FIRST_COUNT];
    VtdFormat composed;             /* of both stages as one, for shadows */

    QemuMutex lock;
    uint8_t csr[VTD_REG_SIZE];      /* lock: registers as they read; csr.c */
    uint8_t rows[VTD_REG_SIZE / 4]; /* regs.c: of each 4 bytes; 0 for none */
    uint64_t life;                  /* atomic, lock: counts resets; regs.c */

    VtdContexts contexts;
    VtdInterrupts interrupts;
    VtdIotlb *iotlb;
    VtdPaging *paging;
    VtdHistory history;
    VtdQueue queue;                 /* bql */
    VtdCommands commands;           /* bql */
    VtdIecChange iec_change;        /* bql */
    VtdPiece piece;                 /* bql */
    VtdDrain drain;                 /* bql */
    VtdRams rams;                   /* bql */
    VtdTargets targets;             /* bql */
    VtdShadows shadows;             /* bql */
    VtdSpaces spaces;               /* bql */

    VtdLog log;                     /* atomic */
    uint64_t stats[VTD_STAT_COUNT]; /* atomic: by vtd_count() of all files */
};

/* notify.c: how many MAPs may still be refused in the sync that runs */
typedef struct VtdSpaceTries {
    unsigned first;             /* of those that were not refused before */
    unsigned again;             /* of those that were */
    unsigned for_room;          /* after none, one for each UNMAP, so often */
} VtdSpaceTries;

/* send.c: what the listeners of a space hold */
typedef struct VtdSpaceSent {
    VtdExtents *extents;        /* what was sent wider than a page */
    VtdRefused *refused;        /* what they refused, and do not hold */
    uint64_t retry_from;        /* the address where trying was given up */
    VtdSink *sink;
} VtdSpaceSent;

/* space.c: how far a space is in the update that runs */
typedef enum VtdUpdate {
    VTD_UPDATE_NONE,
    VTD_UPDATE_PENDING,         /* not looked at yet, or a sync is pending */
    VTD_UPDATE_RUNNING,
} VtdUpdate;

struct VtdSpace {
    /* space.c */
    Vtd *v;
    void *opaque;
    VtdView view;                   /* bql */
    bool shadowed;                  /* bql: a listener wants MAPs */
    bool watched;                   /* bql: a listener wants anything */
    VtdUpdate update;               /* bql */
    /* context.c */
    VtdContext *context;            /* atomic, VtdContexts.lock: the cached */
    VtdContext *pasid_context[VTD_PASIDS_CACHED];   /* likewise, by PASID */
    uint64_t contexts_read;         /* atomic: by requests that got one */
    /*
     * translate.c.  A device's threads may lose a hit when they count at the
     * same time: else each would wait for the others' cache line.
     */
    uint64_t hits;                  /* atomic: of the IOTLB */
    uint64_t misses;                /* atomic */
    uint64_t missed;                /* atomic: the page of the last one */
    uint64_t faults;                /* atomic */
    /* send.c */
    uint64_t maps, unmaps;          /* bql: that were sent */
    /* share.c */
    VtdShare *share;                /* bql: what is followed, or NULL */
    uint16_t did;                   /* bql: by which domain, */
    uint32_t pasid;                 /* bql: and PASID table entry */

    VtdSpaceTries tries;            /* bql */
    VtdSpaceSent sent;              /* bql */
};

/*
 * What an invalidation of mappings is about (7.7).  One of pages of a domain
 * is about all that has a first stage there, since its own input is that of a
 * second stage.
 */
typedef struct VtdScope {
    const char *reason;         /* for traces */
    bool global;                /* all domains */
    uint16_t did;
    bool by_pasid;              /* first stages of this PASID alone */
    uint32_t pasid;
    uint64_t first, last;
} VtdScope;

static inline bool vtd_scope_has(const VtdScope *scope, const VtdTables *tables,
                                 uint16_t did, uint32_t pasid)
{
    return scope->global ||
           (did == scope->did &&
            (!scope->by_pasid || (tables->first && pasid == scope->pasid)));
}

/* The input addresses in @tables that are meant */
static inline VtdRange vtd_scope_range(const VtdScope *scope,
                                       const VtdTables *tables)
{
    return tables->first && !scope->by_pasid
           ? (VtdRange) { 0, UINT64_MAX }
           : (VtdRange) { scope->first, scope->last };
}

/* Whether translation is on.  [any] */
static inline bool vtd_translating(const Vtd *v)
{
    return qatomic_load_acquire(&v->contexts.translating);
}

/* Where the context of a request with @pasid is cached */
static inline VtdContext **vtd_context_slot(VtdSpace *space, uint32_t pasid)
{
    return pasid == VTD_NO_PASID
           ? &space->context
           : &space->pasid_context[pasid % VTD_PASIDS_CACHED];
}

/* The context of a request from the cache, valid in the read section.  [any] */
static inline const VtdContext *vtd_context_cached(VtdSpace *space,
                                                   VtdRequest request)
{
    const VtdContext *context =
        qatomic_load_acquire(vtd_context_slot(space, request.pasid));

    return context && context->request.sid == request.sid &&
           context->request.pasid == request.pasid &&
           context->request.supervisor == request.supervisor ? context : NULL;
}

/* What was last seen of the table that @space follows, or NULL */
static inline VtdSeen *vtd_space_seen(const VtdSpace *space)
{
    return space->share ? space->share->seen : NULL;
}

/* How many bits an input address of a second stage has (3.3) */
static inline unsigned vtd_width_bits(const Vtd *v, const VtdTables *tables)
{
    unsigned bits = vtd_level_shift(tables->levels + 1);

    return MIN(v->config.aw_bits, bits);
}

/* Whether a sync or an update is pending */
static inline bool vtd_spaces_pending(const Vtd *v)
{
    return v->shadows.pending || v->spaces.pending;
}

/* The last address that a device can use */
static inline uint64_t vtd_width_last(const Vtd *v)
{
    return VTD_BIT(v->config.aw_bits) - 1;
}

/*
 * The first byte of the range around @addr, whose size is @mask + 1.  No
 * request with bits above the width is translated, so they are not looked at
 * (1.9); a wider range is all of it.
 */
static inline uint64_t vtd_range_first(const Vtd *v, uint64_t addr,
                                       uint64_t mask)
{
    return addr & ~mask & vtd_width_last(v);
}

/* 2^@am pages around @addr, in bytes */
static inline VtdRange vtd_pages_range(const Vtd *v, uint64_t addr,
                                       unsigned am)
{
    uint64_t mask = (VTD_BIT(am) << VTD_PAGE_SHIFT) - 1;
    uint64_t first = vtd_range_first(v, addr, mask);

    return (VtdRange) { first, first | mask };
}

static inline void vtd_count_more(Vtd *v, VtdStat stat, uint64_t more)
{
    qatomic_add(&v->stats[stat], more);
}

static inline void vtd_count(Vtd *v, VtdStat stat)
{
    vtd_count_more(v, stat, 1);
}

/* The same for what only [bql] calls count, which needs no locked access */
static inline void vtd_count_bql(Vtd *v, VtdStat stat, uint64_t more)
{
    qatomic_set(&v->stats[stat], v->stats[stat] + more);
}

/*
 * csr.c: the register image.  Calls that end in _locked want Vtd.lock held;
 * the others take it.  @offset is of a register of 32 or 64 bits.  [any]
 */
void vtd_csr_clear_locked(Vtd *v);
uint32_t vtd_reg32_locked(const Vtd *v, unsigned offset);
void vtd_reg32_set_locked(Vtd *v, unsigned offset, uint32_t value);
uint64_t vtd_reg64_locked(const Vtd *v, unsigned offset);
void vtd_reg64_set_locked(Vtd *v, unsigned offset, uint64_t value);
uint32_t vtd_reg32(Vtd *v, unsigned offset);
uint64_t vtd_reg64(Vtd *v, unsigned offset);
/* Clear @clear, then set @set */
void vtd_reg32_change(Vtd *v, unsigned offset, uint32_t clear, uint32_t set);
void vtd_reg64_change(Vtd *v, unsigned offset, uint64_t clear, uint64_t set);
/*
 * What was latched from the register at @offset, with all of its bits.
 * Migration carries the address alone, @saved.  The others are still in the
 * register, unless that was written since.  Then @mode of them, which software
 * may change only before it latches anything, are still the same ones; none
 * without scalable mode.  After vtd_regs_load().
 */
uint64_t vtd_saved_latched(Vtd *v, uint64_t saved, unsigned offset,
                           uint64_t mode);

/* regs.c: the table of registers.  [bql] */
void vtd_regs_reset(Vtd *v);
void vtd_regs_save(Vtd *v, VtdSaved *saved);
void vtd_regs_load(Vtd *v, const VtdSaved *saved);

/* piece.c: how long one call into the engine may hold the BQL.  [bql] */

/* A call begins, and with it the time that it has */
void vtd_piece_begin(Vtd *v);
/* Whether that time is over: then stop where that can be, and schedule */
bool vtd_piece_over(Vtd *v);
/* Have vtd_continue() called soon */
void vtd_piece_schedule(Vtd *v);
/* It was called; the next piece begins */
void vtd_piece_resume(Vtd *v);

/* drain.c: accesses that began before an invalidation.  [bql] */

/* Something that translations used was dropped */
static inline void vtd_drain_owe(Vtd *v)
{
    v->drain.owed = true;
}
/*
 * Whether all accesses are over that used what was dropped.  If not, nothing
 * may be shown as complete, and vtd_continue() goes on when they are.
 */
bool vtd_drain(Vtd *v);
void vtd_drain_reset(Vtd *v);

/* ram.c: where guest memory is.  [bql] */

/* Memory may have moved: ask anew */
void vtd_rams_forget(Vtd *v);
/* The same, unless what is known is kept */
void vtd_rams_refresh(Vtd *v);
/* A run of the queue begins, or ends: nothing moves in between */
void vtd_rams_keep(Vtd *v, bool keep);
/* The piece around @gpa, until the next one is asked for */
VtdRamPiece *vtd_ram_at(Vtd *v, uint64_t gpa);
/* Where @len bytes from @gpa on can be read in place; NULL if not */
const uint8_t *vtd_ram_data(Vtd *v, uint64_t gpa, uint64_t len);

/* command.c: GCMD, CCMD and IOTLB (1.6 to 1.9).  [bql] */
void vtd_commands_reset(Vtd *v);
/* The guest wrote the register: do what it says */
void vtd_gcmd_written(Vtd *v);
void vtd_ccmd_written(Vtd *v);
void vtd_iotlb_written(Vtd *v);
/* No shadow is pending any more: show commands that waited as done */
void vtd_commands_done(Vtd *v);

/* queue.c: the invalidation queue (1.12, 7).  [bql] */
void vtd_queue_reset(Vtd *v);
void vtd_queue_save(Vtd *v, VtdSaved *saved);
/* Whether descriptors may have 256 bits (1.12) */
bool vtd_queue_takes_wide(const Vtd *v);
/* After vtd_regs_load() */
void vtd_queue_load(Vtd *v, const VtdSaved *saved);
/* GCMD.QIE has changed: IQA is latched, the head is 0 */
void vtd_queue_enable(Vtd *v, bool enable);
/*
 * Carry out descriptors until the queue is empty or in error, a shadow is
 * pending, or the time of this call is over
 */
void vtd_queue_run(Vtd *v);

/*
 * event.c: event messages (6.4).  @ctl is the offset of the event's control
 * register, FECTL or IECTL; _locked as above.  [any]
 */

/* A new cause: send the message, or hold it pending while it is masked */
void vtd_event_raise_locked(Vtd *v, unsigned ctl);
/*
 * Software wrote the control register, or cleared a cause: send what is
 * pending and not masked any more, or forget it if no cause is left (@caused)
 */
void vtd_event_settle_locked(Vtd *v, unsigned ctl, bool caused);
/* A wait descriptor asks for the completion event (1.12) */
void vtd_completion_raise(Vtd *v);
/* Software wrote ICS or IECTL */
void vtd_completion_written(Vtd *v);

/*
 * history.c: the faults that came last.  [any], but for vtd_history_get(),
 * which fills in the one that came @n-th last; false if there is none.  [bql]
 */
typedef struct VtdFault VtdFault;
void vtd_history_init(Vtd *v);
void vtd_history_destroy(Vtd *v);
void vtd_history_add(Vtd *v, const VtdFault *fault, bool hidden);
typedef struct VtdPast VtdPast;
bool vtd_history_get(Vtd *v, unsigned n, VtdPast *past);

/* fault.c: fault records (6.4).  [any] */

/* Who wants to know what is read on the way of a request */
typedef struct VtdNotes {
    void (*note)(void *opaque, const VtdStep *step);
    void *opaque;
} VtdNotes;

/* A request that is blocked */
struct VtdFault {
    VtdReason reason;
    uint16_t sid;               /* of the requester */
    uint32_t pasid;             /* of a request with one, or VTD_NO_PASID */
    bool supervisor;            /* such a request, privileged */
    uint64_t life;              /* Vtd.life when the request came */
    bool fpd;                   /* FPD of an entry on the way to it */
    bool read;                  /* the request is no write */
    uint64_t info;              /* what FRCD.FI shows */
    /* For log.c: the address of the request, the data of an interrupt's */
    uint64_t addr;
    uint32_t data;
    /* and the entry to blame; of a page table, at @level, or 0 */
    uint8_t level;
    uint64_t lo, hi;
    /* For explain.c: what is read is written down, and nothing is changed */
    const VtdNotes *notes;
};

/* An entry of @n qwords at @gpa was read; NULL: it is not in memory */
static inline void vtd_note(const VtdFault *fault, VtdStepKind kind,
                            uint64_t gpa, const uint64_t *entry, unsigned n)
{
    if (fault->notes) {
        fault->notes->note(fault->notes->opaque, &(VtdStep) {
            .kind = kind,
            .addr = gpa,
            .readable = entry,
            .lo = entry ? entry[0] : 0,
            .hi = entry && n > 1 ? entry[1] : 0,
            .wide = n > 1,
        });
    }
}

/* One that came before */
struct VtdPast {
    VtdFault fault;
    bool hidden;                /* by FPD: the guest was not told */
    int64_t time;               /* of the last of them, by VtdOps.now */
    uint64_t count;             /* how often it came in a row */
};

/* Reasons of remapping interrupts are apart from those of DMA (6.2) */
static inline bool vtd_fault_of_interrupt(VtdReason reason)
{
    return reason >= VTD_FAULT_IR_REQUEST_RESERVED &&
           reason <= VTD_FAULT_IR_SOURCE;
}

/* Log a fault, and record it unless FPD hides it or no record is free */
void vtd_fault_record(Vtd *v, const VtdFault *fault);
/* Set bits of FSTS, and raise the fault event if that is a new cause */
void vtd_fault_status(Vtd *v, uint32_t status);
/* Software wrote FRCD, FSTS or FECTL */
void vtd_fault_written(Vtd *v);
/* The registers came in, and whether the queue is on; Vtd.lock is held */
void vtd_fault_load_locked(Vtd *v, bool queued);

/* log.c: lines for users on the guest's mistakes.  [any] */
void vtd_log_fault(Vtd *v, const VtdFault *fault);
/* The queue stopped at this descriptor; @iqei is one of VTD_IQEI_... */
void vtd_log_descriptor(Vtd *v, unsigned iqei, const VtdDescriptorRead *read);
/* The queue stopped, since IQT is beyond it: the index @tail */
void vtd_log_tail(Vtd *v, uint32_t tail);
/* The status of this wait descriptor is nowhere that can be written */
void vtd_log_status(Vtd *v, uint64_t lo, uint64_t hi);
/* An invalidation by register, while the queue is on (1.8) */
void vtd_log_register_invalidation(Vtd *v);

/*
 * context.c: the root table as latched; root and context entries, and their
 * cache (1.7, 2.1, 7.1).  The calls that change what is latched leave the
 * cache as it is: invalidate.c drops that.
 */
void vtd_contexts_init(Vtd *v);
void vtd_contexts_destroy(Vtd *v);
void vtd_contexts_reset(Vtd *v);                                /* [bql] */
void vtd_contexts_save(Vtd *v, VtdSaved *saved);                /* [bql] */
void vtd_contexts_load(Vtd *v, const VtdSaved *saved);          /* [bql] */
void vtd_contexts_set_root(Vtd *v, uint64_t rtaddr);            /* [bql] */
void vtd_contexts_set_translating(Vtd *v, bool on);             /* [bql] */
/*
 * The context of a request of @space, read and put into the cache; valid in
 * the read section.  NULL for none: then the reason, FPD and the entry are in
 * @fault.  [any]
 */
const VtdContext *vtd_context_load(VtdSpace *space, const VtdRequest *request,
                                   VtdFault *fault);
/* Read a context from the tables.  False for none; @fault as above.  [any] */
bool vtd_context_read(Vtd *v, const VtdRequest *request, VtdContext *context,
                      VtdFault *fault);
/* RTADDR.TTM as latched.  [any] */
unsigned vtd_contexts_ttm(Vtd *v);
/* Whether the root table that is latched is one of scalable mode.  [any] */
bool vtd_scalable(Vtd *v);
/*
 * The view that @space is to have by what is in the tables now.  If it has
 * @tables that translate, @context is filled in.  [bql]
 */
VtdView vtd_context_view(VtdSpace *space, VtdContext *context, bool *tables);
/* Drop cached contexts that @match says yes to; all, if it is NULL.  [bql] */
typedef bool VtdContextMatch(const VtdContext *context, const void *key);
void vtd_context_drop(Vtd *v, VtdContextMatch *match, const void *key);
/* Drop the cached context of a space that goes.  [bql] */
void vtd_context_forget(VtdSpace *space);

/*
 * pasid.c: the same in scalable mode, by the root table at @root (2.2).  [any]
 */
bool vtd_pasid_read(Vtd *v, uint64_t root, const VtdRequest *request,
                    VtdContext *context, VtdFault *fault);

/*
 * stages.c: an address through first and second stage (3, 4).  [any]
 *
 * 0, and @out is filled in; or the reason of a fault, whose entry goes to
 * @fault.  Unless @access is a probe, accessed and dirty bits are set in guest
 * memory; a probe that left some out is not to be @cacheable.  @now: the
 * epoch from before the context was read, see paging.h; 0: without the cache.
 */
VtdReason vtd_stages_walk(Vtd *v, const VtdTables *tables, uint64_t iova,
                          VtdAccess access, uint64_t now, VtdIotlbEntry *out,
                          bool *cacheable, VtdFault *fault);
/*
 * @n pages, a power of two up to VTD_AHEAD_LEAVES, around @iova and aligned, as
 * far as they can be cached without a walk: read and write are false of the
 * others.  False if there is no table of leaves in the cache.
 */
bool vtd_stages_ahead(Vtd *v, const VtdTables *tables, uint64_t iova,
                      unsigned n, VtdIotlbEntry *out);
/* The largest page at @iova that the interrupt range is not in */
unsigned vtd_unchanged_level(uint64_t iova);

/*
 * share.c: what was last seen of tables, and who follows them.  [bql]
 *
 * A sync that takes long stops, and its share is pending; so is an update
 * that needs its end.  Until nothing is pending, the invalidation that began
 * it is not complete.
 */
void vtd_shadows_init(Vtd *v);
void vtd_shadows_destroy(Vtd *v);
/* What is remembered of all tables: leaves, and bytes of memory */
void vtd_shadows_size(Vtd *v, uint64_t *leaves, uint64_t *bytes);
/* The share of the tables in this memory, or NULL */
VtdShare *vtd_share_find(Vtd *v, const VtdTables *tables);
/* What the listeners of a space that changes tables hear */
typedef enum VtdFollow {
    VTD_FOLLOW_SEND,
    VTD_FOLLOW_RECORD,          /* nothing, but it counts as sent */
    VTD_FOLLOW_AT_ONCE,         /* the same; the sync is not done in pieces */
} VtdFollow;
/*
 * Let a space follow the tables of @context, NULL for none, and bring it
 * from what it holds to what they say.  False, and nothing done, if what is
 * known of them is not in step yet: what the space holds may be in the part
 * that was not looked at, and what nobody maps any more may be there as well.
 */
bool vtd_share_follow(VtdSpace *space, const VtdContext *context,
                      const char *reason, VtdFollow how);
/* Follow nothing: what the space held is nobody's any more */
void vtd_share_leave(VtdSpace *space);
/*
 * A space that follows @share, but is to follow other tables, or none, by what
 * is in its context now; only those whose update is in this state.  NULL if
 * there is none.
 */
VtdSpace *vtd_share_leaving(const VtdShare *share, VtdUpdate update);
/* Sync all of the table that @space follows, unless a sync is pending */
void vtd_share_sync(VtdSpace *space, const char *reason);
/* After mappings in @scope may have changed: bring shadows in step */
void vtd_shares_sync_scope(Vtd *v, const VtdScope *scope);
/* After mappings of any first stage may have */
void vtd_shares_sync_first(Vtd *v);
/* Another piece of each sync that is pending; true if none is any more */
bool vtd_syncs_continue(Vtd *v);
/* Forget tables that no space follows */
void vtd_shares_drop_unused(Vtd *v);

/*
 * translate.c: what the tables make of a request, if @fault has notes: no
 * cache is asked or filled, no counter changes, no fault is recorded, nothing
 * is written to guest memory.  VTD_FAULT_NONE: @out is filled in.  [any]
 */
VtdReason vtd_translate_uncached(Vtd *v, const VtdContext *context,
                                 uint64_t iova, VtdAccess access,
                                 VtdFault *fault, VtdTranslation *out);

/* space.c: views, and when a space changes to other tables.  [bql] */
void vtd_spaces_init(Vtd *v);
void vtd_spaces_destroy(Vtd *v);
/*
 * After the context of each space with @sid in the bits of @mask may have
 * changed: its view, the table that it follows, and its shadow.
 */
void vtd_spaces_update(Vtd *v, uint16_t sid, uint16_t mask);
/* After a load: no space has the direct view if translation is on */
void vtd_spaces_load(Vtd *v);
/* Another piece of what is pending */
void vtd_spaces_continue(Vtd *v);
/* The same scope: listeners that cache (vhost) forget it */
void vtd_spaces_invalidate(Vtd *v, const VtdScope *scope);
/* Caches of the device @sid that ATS filled forget @first to @last */
void vtd_spaces_device_tlb(Vtd *v, uint16_t sid, uint64_t first,
                           uint64_t last);

/*
 * tracewalk.c: the trace events that QEMU's own device has for its walk, of
 * a sync of @tables, of which @held was seen, that is about to begin.  [bql]
 */
void vtd_trace_sync(Vtd *v, const VtdTables *tables, VtdSeen *held,
                    uint64_t first, uint64_t last);

/* invalidate.c: what an invalidation does to each cache (7).  [bql] */
void vtd_invalidate_context_global(Vtd *v);
void vtd_invalidate_context_domain(Vtd *v, uint16_t did);
/* @fm is which bits of @sid are not compared: see vtd_function_mask() */
void vtd_invalidate_context_device(Vtd *v, uint16_t did, uint16_t sid,
                                   unsigned fm);
void vtd_invalidate_iotlb_global(Vtd *v);
void vtd_invalidate_iotlb_domain(Vtd *v, uint16_t did);
/*
 * @n ranges of pages.  How many of them are over: less than @n, one at least,
 * if the last of these left something pending; then go on with the others
 * when nothing is pending any more.  @leaves: no other entries have changed.
 */
unsigned vtd_invalidate_iotlb_pages(Vtd *v, uint16_t did,
                                    const VtdRange *range, unsigned n,
                                    bool leaves);
/* The page at @addr, or with @sized a range whose size its low bits tell */
void vtd_invalidate_device_tlb(Vtd *v, uint16_t sid, uint64_t addr,
                               bool sized);
/* In scalable mode: what comes of PASID table entries */
void vtd_invalidate_pasid_cache_global(Vtd *v);
void vtd_invalidate_pasid_cache_domain(Vtd *v, uint16_t did);
void vtd_invalidate_pasid_cache_pasid(Vtd *v, uint16_t did, uint32_t pasid);
/* and mappings of a first stage: all, or 2^@am pages around @addr */
void vtd_invalidate_pasid_iotlb(Vtd *v, uint16_t did, uint32_t pasid);
void vtd_invalidate_pasid_iotlb_pages(Vtd *v, uint16_t did, uint32_t pasid,
                                      uint64_t addr, unsigned am,
                                      bool leaves);
void vtd_invalidate_iec_global(Vtd *v);
/* 2^@im entries around @index */
void vtd_invalidate_iec_index(Vtd *v, uint32_t index, unsigned im);

/*
 * Tell the embedder which interrupt entries were invalidated.  It has copies
 * (KVM's routes), and bringing them in step is dear.  So it is told of several
 * descriptors at once, before the guest can know that one of them is done.
 */
void vtd_iec_notify(Vtd *v);
/* Drop all contexts and all of the IOTLB */
void vtd_drop_translations(Vtd *v);
/* Drop all interrupt entries, the embedder's copies too */
void vtd_drop_interrupts(Vtd *v);

/*
 * interrupt.c: the interrupt remapping table as latched, and the cache of its
 * entries (1.13, 8).  The calls that change what is latched leave the cache
 * as it is: invalidate.c drops that.  [bql]
 */
void vtd_interrupts_init(Vtd *v);
void vtd_interrupts_destroy(Vtd *v);
void vtd_interrupts_reset(Vtd *v);
void vtd_interrupts_save(Vtd *v, VtdSaved *saved);
void vtd_interrupts_load(Vtd *v, const VtdSaved *saved);
void vtd_interrupts_set_table(Vtd *v, uint64_t irta);
void vtd_interrupts_set_remapping(Vtd *v, bool on);
void vtd_interrupts_set_compatibility(Vtd *v, bool on);
/* Drop cached entries @first to @last */
void vtd_iec_drop(Vtd *v, uint32_t first, uint32_t last);
/* How many of VTD_IEC_SLOTS are in use */
unsigned vtd_iec_used(Vtd *v);

#endif
