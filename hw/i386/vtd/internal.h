/*
 * Intel VT-d engine: the state of a unit and the calls between its rooms
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns struct Vtd and struct VtdSpace.  Every field says what guards it:
 *
 *   bql      changed by [bql] calls only (see vtd.h)
 *   lock     Vtd.lock, the unit's lock: held for a few instructions, never
 *            over a walk, and never over a call that may call back
 *   atomic   read by any thread without a lock
 *
 * A room (one .c file) keeps to its own fields; the comment before each
 * group of prototypes names the room.
 */

#ifndef HW_I386_VTD_INTERNAL_H
#define HW_I386_VTD_INTERNAL_H

#include "qemu/atomic.h"
#include "qemu/thread.h"
#include "vtd.h"
#include "seen.h"
#include "notify.h"
#include "iotlb.h"
#include "refused.h"
#include "extents.h"
#include "walk.h"

/* A context entry decoded (2.1); immutable, freed through defer_free */
typedef struct VtdContext {
    uint16_t sid;
    bool fpd;
    bool pass_through;
    VtdTables tables;           /* did alone, if pass_through */
    uint64_t lo, hi;            /* the entry; for traces, as the next */
    uint64_t epoch;             /* of the cache, when it was read */
} VtdContext;

#define VTD_TARGETS             4
#define VTD_REACHED             16
#define VTD_IEC_SLOTS           256

/* context.c */
typedef struct VtdContexts {
    bool translating;               /* atomic: GSTS.TES */
    uint64_t root;                  /* atomic: RTADDR latched */
    QemuMutex lock;
    uint64_t epoch;                         /* lock */
} VtdContexts;

typedef struct VtdIecSlot {
    bool valid;
    uint16_t index;
    uint64_t lo, hi;
} VtdIecSlot;

/* interrupt.c */
typedef struct VtdInterrupts {
    bool remapping;                 /* atomic: GSTS.IRES */
    bool compatibility;             /* atomic: GSTS.CFIS */
    uint64_t irta;                  /* atomic: IRTA latched */
    QemuMutex lock;
    uint64_t epoch;                 /* atomic; set in lock */
    VtdIecSlot slot[VTD_IEC_SLOTS];         /* lock */
} VtdInterrupts;

/* queue.c */
typedef struct VtdQueue {
    bool enabled;                           /* bql: GSTS.QIES */
    uint64_t base;                          /* bql: latched with it */
    uint32_t entries;                       /* bql: likewise */
    bool wide;                              /* bql: IQA.DW, likewise */
    uint16_t head;                          /* bql: index of a descriptor */
    uint8_t last_type;                      /* bql: completed; 0 for none */
    bool held;                              /* bql: at one not done yet */
} VtdQueue;

/* invalidate.c: what the embedder was not told yet, see vtd_iec_notify() */
typedef struct VtdIecChange {
    bool any;
    bool global;                /* all entries, or 2^order from index on */
    uint32_t index;
    uint32_t order;
} VtdIecChange;

/* command.c */
typedef struct VtdCommands {
    uint32_t pending_status;    /* GSTS bits to be set once all is in step */
} VtdCommands;

/* piece.c: work that takes long is done in pieces */
typedef struct VtdPiece {
    int64_t end;                /* of the one that runs, in ns */
    bool scheduled;             /* vtd_continue() is going to be called */
} VtdPiece;

/* A range of addresses, inclusive */
typedef struct VtdRange {
    uint64_t first;
    uint64_t last;
} VtdRange;

/* send.c: where in memory leaves lead to */
typedef struct VtdTargets {
    VtdRam ram[VTD_TARGETS];    /* a cache, for one call */
    unsigned next;              /* in ram[], to be replaced */
    VtdRange reached[VTD_REACHED];      /* at any time */
    unsigned reached_count;
} VtdTargets;

/* share.c: what was last seen of a table, and the spaces that follow it */
typedef struct VtdShare {
    Vtd *v;
    VtdTables tables;           /* of the first space: not the tag of others */
    VtdSeen *seen;
    GPtrArray *spaces;
    uint64_t generation;        /* of the update that synced all of it last */
    bool pending;               /* a sync has stopped at: */
    uint64_t next, last;
    uint16_t did;               /* of that sync, as the next */
    const char *reason;
} VtdShare;

/* share.c */
typedef struct VtdShadows {
    GPtrArray *shares;          /* of VtdShare */
    VtdSeenConfig config;
    VtdSeenStats stats;
    bool limit_told;            /* VtdOps.over_limit was called */
} VtdShadows;

/* space.c */
typedef struct VtdSpaces {
    GPtrArray *all;             /* of VtdSpace */
    bool updating;              /* an update runs */
    uint64_t generation;        /* counts updates */
} VtdSpaces;

struct Vtd {
    const VtdOps *ops;
    void *opaque;
    VtdConfig config;
    uint64_t cap, ecap;                     /* fixed, as the next */
    uint64_t haw_mask;                      /* of pages that there can be */
    VtdFormat format;

    QemuMutex lock;
    uint8_t csr[VTD_REG_SIZE];              /* lock: registers as read */
    uint64_t life;                  /* atomic; set in lock: resets */

    VtdContexts contexts;
    VtdInterrupts interrupts;
    VtdQueue queue;                         /* bql */
    VtdCommands commands;                   /* bql */
    VtdIecChange iec_change;                /* bql */
    VtdPiece piece;                         /* bql */
    VtdTargets targets;                     /* bql */
    VtdShadows shadows;                     /* bql */
    VtdSpaces spaces;                       /* bql */
    VtdIotlb *iotlb;

    uint64_t logged;                /* atomic: causes, by bit */
    uint64_t stats[VTD_STAT_COUNT];
};

/* notify.c: how often the next piece of a sync may be refused */
typedef struct VtdSpaceTries {
    unsigned first;             /* what was not refused before */
    unsigned again;             /* what was */
    unsigned for_room;          /* after an UNMAP, which makes room */
} VtdSpaceTries;

/* send.c: what the listeners of a space hold */
typedef struct VtdSpaceSent {
    VtdExtents *extents;        /* sent wider than a page */
    VtdRefused *refused;
    uint64_t retry_from;        /* where the last retry was given up */
} VtdSpaceSent;

/* space.c: how far a space is in the update that runs */
typedef enum VtdUpdate {
    VTD_UPDATE_NONE,
    VTD_UPDATE_PENDING,
    VTD_UPDATE_RUNNING,
} VtdUpdate;

struct VtdSpace {
    Vtd *v;
    void *opaque;
    VtdView view;                           /* bql */
    VtdContext *context;            /* atomic; set in context_lock */
    uint64_t hits;                  /* of the IOTLB */
    uint64_t context_hits;
    bool shadowed;                          /* bql: MAPs are wanted */
    bool watched;                           /* bql: anything is wanted */
    VtdShare *share;                        /* bql: NULL for no tables */
    uint16_t did;                           /* bql: of share */
    VtdUpdate update;                       /* bql */
    VtdSpaceTries tries;                    /* bql */
    VtdSpaceSent sent;                      /* bql */
};

/* What the shadow of a space follows, or NULL */
static inline VtdSeen *vtd_space_seen(const VtdSpace *space)
{
    return space->share ? space->share->seen : NULL;
}

/* Memory may have moved since the last call: ask for targets anew */
static inline void vtd_targets_forget(Vtd *v)
{
    memset(v->targets.ram, 0, sizeof(v->targets.ram));
}

/* The last address that a device can use */
static inline uint64_t vtd_width_last(const Vtd *v)
{
    return VTD_BIT(v->config.aw_bits) - 1;
}

static inline void vtd_count_more(Vtd *v, VtdStat stat, uint64_t more)
{
    qatomic_add(&v->stats[stat], more);
}

static inline void vtd_count(Vtd *v, VtdStat stat)
{
    vtd_count_more(v, stat, 1);
}

/*
 * csr.c: the register image.  _locked ones want Vtd.lock; the others take
 * it.  @offset names a 32- or 64-bit register as the name says.
 */
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
 * What was latched from the register at @offset, of which migration
 * carries the address alone: the other bits are still in the register, unless
 * that was written since.  After vtd_regs_load().
 */
uint64_t vtd_saved_latched(Vtd *v, uint64_t saved, unsigned offset);

/* regs.c: the image as after reset; its part of migration.  [bql] */
void vtd_regs_reset(Vtd *v);
void vtd_regs_save(Vtd *v, VtdSaved *saved);
void vtd_regs_load(Vtd *v, const VtdSaved *saved);

/*
 * piece.c: how long one call may hold the BQL.  [bql]
 *
 * vtd_piece_begin() starts the time that all of the call has.  Who finds it
 * over calls vtd_piece_schedule(), and goes on in vtd_continue().
 */
void vtd_piece_begin(Vtd *v);
bool vtd_piece_over(Vtd *v);
void vtd_piece_schedule(Vtd *v);
/* vtd_continue() was called */
void vtd_piece_resume(Vtd *v);

/* command.c: what a write to GCMD, CCMD or IOTLB sets off.  [bql] */
void vtd_commands_reset(Vtd *v);
void vtd_gcmd_written(Vtd *v);
void vtd_ccmd_written(Vtd *v);
void vtd_iotlb_written(Vtd *v);
/* No shadow is pending: say that what waits for that is done */
void vtd_commands_done(Vtd *v);

/* queue.c: the invalidation queue (1.12, 7).  [bql] */
void vtd_queue_reset(Vtd *v);
void vtd_queue_save(Vtd *v, VtdSaved *saved);
/* After vtd_regs_load(); IQH, IQT and QIES follow */
void vtd_queue_load(Vtd *v, const VtdSaved *saved);
void vtd_queue_enable(Vtd *v, bool enable);
/*
 * Process descriptors until the queue is empty, stopped by an error, or a
 * shadow is pending
 */
void vtd_queue_run(Vtd *v);

/*
 * event.c: event messages (6.4).  @ctl is FECTL or IECTL; _locked ones want
 * Vtd.lock.  [any]
 */
/* A new cause: send the message, or hold it pending while it is masked */
void vtd_event_raise_locked(Vtd *v, unsigned ctl);
/* Software wrote the control register, or cleared causes of the event */
void vtd_event_settle_locked(Vtd *v, unsigned ctl, bool caused);
/* A wait descriptor wants the completion event; after ICS or IECTL */
void vtd_completion_raise(Vtd *v);
void vtd_completion_written(Vtd *v);

/* fault.c: fault records (6.4).  [any] */
typedef struct VtdFault {
    VtdReason reason;
    uint16_t sid;
    uint64_t life;              /* Vtd.life when the request came */
    bool fpd;                   /* hides a qualified fault */
    bool read;
    uint64_t info;              /* what FRCD.FI shows */
    /* For users: the address asked for, or of a message, with its data */
    uint64_t addr;
    uint32_t data;
    /* and the entry to blame, of the table at @level or of another kind */
    uint8_t level;
    uint64_t lo, hi;
} VtdFault;

/* Reasons of remapping interrupts are apart from those of DMA (6.2) */
static inline bool vtd_fault_of_interrupt(VtdReason reason)
{
    return reason >= VTD_FAULT_IR_REQUEST_RESERVED &&
           reason <= VTD_FAULT_IR_SOURCE;
}
void vtd_fault_record(Vtd *v, const VtdFault *fault);
/* Set @status in FSTS, raise the fault event if it is a new cause */
void vtd_fault_status(Vtd *v, uint32_t status);
/* After a write to FRCD, FSTS or FECTL */
void vtd_fault_written(Vtd *v);
/* After the registers came in, and if the queue is on; wants Vtd.lock */
void vtd_fault_load_locked(Vtd *v, bool queued);

/*
 * log.c: the line for a user on each mistake, once or more often.  [any]
 */
void vtd_log_fault(Vtd *v, const VtdFault *fault);
/* What stopped the queue, VTD_IQEI_..., at this descriptor */
void vtd_log_descriptor(Vtd *v, unsigned iqei, uint64_t lo, uint64_t hi);
/* IQT beyond the queue: an index */
void vtd_log_tail(Vtd *v, uint32_t tail);
/* The status of this wait descriptor is nowhere that can be written */
void vtd_log_status(Vtd *v, uint64_t lo, uint64_t hi);
void vtd_log_register_invalidation(Vtd *v);

/*
 * context.c: the latched root table, root and context entries and their cache
 * (1.7, 2.1, 7.1).  What is cached is dropped apart, see invalidate.c.
 */
void vtd_contexts_init(Vtd *v);
void vtd_contexts_destroy(Vtd *v);
void vtd_contexts_reset(Vtd *v);                                /* [bql] */
void vtd_contexts_save(Vtd *v, VtdSaved *saved);                /* [bql] */
void vtd_contexts_load(Vtd *v, const VtdSaved *saved);          /* [bql] */
void vtd_contexts_set_root(Vtd *v, uint64_t rtaddr);            /* [bql] */
void vtd_contexts_set_translating(Vtd *v, bool on);             /* [bql] */
/* Whether translation is on.  [any] */
bool vtd_translating(Vtd *v);
/*
 * vtd_context_get returns the context of @space, valid in the read section,
 * or NULL with @fault's reason and fpd filled in.  [any]
 */
const VtdContext *vtd_context_get(VtdSpace *space, uint16_t sid,
                                  VtdFault *fault);
/* Read the entries past the cache.  Errors as above.  [any] */
bool vtd_context_read(Vtd *v, uint16_t sid, VtdContext *context,
                      VtdFault *fault);
/*
 * What the tables say of @space now: its view.  @context is set if it has
 * @tables.  Past the cache.  [bql]
 */
VtdView vtd_context_view(VtdSpace *space, VtdContext *context, bool *tables);
/* Which cached contexts an invalidation names: NULL @match for all.  [bql] */
typedef bool VtdContextMatch(const VtdContext *context, const void *key);
void vtd_context_drop(Vtd *v, VtdContextMatch *match, const void *key);
/* Drop the one of a space that goes.  [bql] */
void vtd_context_forget(VtdSpace *space);

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
typedef enum VtdFollow {
    VTD_FOLLOW_SEND,
    VTD_FOLLOW_RECORD,          /* as if it had been sent */
    VTD_FOLLOW_AT_ONCE,         /* record, and stop at no piece's end */
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
 * A space, its update in this state, that follows @share, and other tables or
 * none by the guest's contexts; NULL if there is none
 */
VtdSpace *vtd_share_leaving(const VtdShare *share, VtdUpdate update);
/* Sync all that @space follows, unless that is pending */
void vtd_share_sync(VtdSpace *space, const char *reason);
/*
 * After mappings from @first to @last may have changed, of @did or, with
 * @global, of every domain: bring shadows in step
 */
void vtd_shares_sync_pages(Vtd *v, bool global, uint16_t did, uint64_t first,
                           uint64_t last);
bool vtd_shares_pending(Vtd *v);
/* Another piece of each sync that is pending; true if none is any more */
bool vtd_shares_continue(Vtd *v);
/* Forget tables that no space follows */
void vtd_shares_sweep(Vtd *v);

/* space.c: views, and when a space changes to other tables.  [bql] */
void vtd_spaces_init(Vtd *v);
void vtd_spaces_destroy(Vtd *v);
/*
 * After the context of each space with @sid in the bits of @mask may have
 * changed: its view, the table that it follows, and its shadow.
 */
void vtd_spaces_update(Vtd *v, uint16_t sid, uint16_t mask);
/* The views of all spaces after a load, until the next update */
void vtd_spaces_load(Vtd *v);
bool vtd_spaces_pending(Vtd *v);
void vtd_spaces_continue(Vtd *v);
/* The same: listeners that cache translations forget these */
void vtd_spaces_invalidate(Vtd *v, bool global, uint16_t did, uint64_t first,
                           uint64_t last);
/* The device @sid forgets what ATS told it of @first to @last */
void vtd_spaces_device_tlb(Vtd *v, uint16_t sid, uint64_t first,
                           uint64_t last);

/* tracewalk.c: tell whoever traces it what a sync is to look at.  [bql] */
void vtd_trace_sync(Vtd *v, const VtdTables *tables, VtdSeen *held,
                    uint64_t first, uint64_t last);

/* invalidate.c: what an invalidation does to each cache (7).  [bql] */
void vtd_invalidate_context_global(Vtd *v);
void vtd_invalidate_context_domain(Vtd *v, uint16_t did);
/* @fm: function bits of @sid to be ignored, as in CCMD.FM */
void vtd_invalidate_context_device(Vtd *v, uint16_t did, uint16_t sid,
                                   unsigned fm);
void vtd_invalidate_iotlb_global(Vtd *v);
void vtd_invalidate_iotlb_domain(Vtd *v, uint16_t did);
/* 2^@am pages around @addr */
void vtd_invalidate_iotlb_pages(Vtd *v, uint16_t did, uint64_t addr,
                                unsigned am);
void vtd_invalidate_device_tlb(Vtd *v, uint16_t sid, uint64_t addr,
                               bool sized);
void vtd_invalidate_iec_global(Vtd *v);
/* 2^@im entries around @index */
void vtd_invalidate_iec_index(Vtd *v, uint32_t index, unsigned im);

/*
 * The embedder has copies of interrupt entries, too (KVM's routes), and
 * bringing them in step is dear.  So it hears of the changes of several
 * descriptors at once, before the guest can know that one of them is done.
 */
void vtd_iec_notify(Vtd *v);
/*
 * Nothing cached before serves a request after this: contexts and the IOTLB;
 * interrupt entries, the embedder's copies of them included.
 */
void vtd_drop_translations(Vtd *v);
void vtd_drop_interrupts(Vtd *v);

/*
 * interrupt.c: the latched table, and the cache of its entries (1.13, 8).
 * What is cached is dropped apart, see invalidate.c.  [bql]
 */
void vtd_interrupts_init(Vtd *v);
void vtd_interrupts_destroy(Vtd *v);
void vtd_interrupts_reset(Vtd *v);
void vtd_interrupts_save(Vtd *v, VtdSaved *saved);
void vtd_interrupts_load(Vtd *v, const VtdSaved *saved);
void vtd_interrupts_set_table(Vtd *v, uint64_t irta);
void vtd_interrupts_set_remapping(Vtd *v, bool on);
void vtd_interrupts_set_compatibility(Vtd *v, bool on);
/* Forget entries @first to @last */
void vtd_iec_drop(Vtd *v, uint32_t first, uint32_t last);

#endif
