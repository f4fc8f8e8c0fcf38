/*
 * Random steps of devices with shadows: the state of a run, and its events
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the model of what an event means: which table each device follows
 * since, and which part of its shadow must be right after it.  For
 * vtd-shadow-checks.c, which checks that.
 */

#ifndef TESTS_UNIT_VTD_SHADOW_EVENTS_H
#define TESTS_UNIT_VTD_SHADOW_EVENTS_H

#include "vtd-strict.h"
#include "vtd-guest.h"

#define MEMBERS         4               /* devices with a listener */
#define VHOST           3               /* the one that listens as vhost */
#define NOBODY          4               /* a device that has none */

/* What happened; in all worlds together each must have */
typedef enum Seen {
    PAGES,
    DOMAIN_FLUSH,
    GLOBAL_FLUSH,
    CONTEXT_GLOBAL,
    CONTEXT_DOMAIN,
    CONTEXT_DEVICE,
    ROOT_TABLE,
    TRANSLATION,
    RESET,
    LISTENER,
    REPLAY_NOBODY,
    DIRTY_TRACKING,
    IDLE_SYNC,
    GONE,
    CHANGED,
    FRESH,
    SPLIT,
    KEPT_2M,
    KEPT_1G,
    MANY_IN_ONE,
    SHARER_BROUGHT,
    MOVED,
    UNSENDABLE,
    PAUSED,
    LIMITED,
    LEFT_STALE,
    TRANSLATED,
    REPLAYED,
    TOLD,
    /* Of scalable mode */
    WRITE_BUFFER,
    PASID_FLUSH,
    PASID_PAGES,
    PASID_CACHE,
    OTHER_MODE,
    MEMORY,
    MAPPED_SECOND,
    MAPPED_FIRST,
    MAPPED_NESTED,
    MOVED_STAGE,
    N_SEEN,
} Seen;

extern unsigned seen[N_SEEN];

typedef struct Setting {
    const char *name;
    unsigned steps;             /* of the fixed seed; a new one has 3 in 10 */
    VtdConfig config;
    bool queue;                 /* invalidations by the queue */
    bool dirty;                 /* dirty tracking comes and goes */
    bool odd;
    bool pieces;                /* each sync stops again and again */
    bool memory;                /* RAM that tables lead to comes and goes */
} Setting;

typedef struct Member {
    Device *d;
    Strict *s;                  /* NULL while it does not listen */
    PlainContext followed;      /* as of the last invalidation of contexts */
    bool reached;               /* by this event, from first to last */
    uint64_t first, last;
    bool shared;                /* only since it shares a table */
    bool known;                 /* no older context may be cached */
    unsigned switches;          /* before the event, as the next */
    GArray *before;             /* Run: the mappings, and joined */
    GArray *before_runs;
    PlainContext followed_before;
} Member;

typedef struct Test {
    const Setting *setting;
    guint32 seed;
    unsigned step;
    char *event;
    Guest *g;
    Host *h;
    Plain plain;
    Member member[MEMBERS + 1];
    bool limit;
    uint64_t splits, splits_before;
    bool flushed;               /* the event drops what the IOTLB has */
    bool gone;                  /* memory is, from gone_first to gone_last */
    uint64_t gone_first, gone_last;
} Test;

#define CHECK(t, condition, ...) \
    do { \
        if (!(condition)) { \
            check_failed(t, #condition, __VA_ARGS__); \
        } \
    } while (0)

void G_GNUC_NORETURN G_GNUC_PRINTF(3, 4)
check_failed(Test *t, const char *condition, const char *format, ...);

bool same_context(const PlainContext *a, const PlainContext *b);
/* The same memory, looked at in the same way */
bool same_tables(const PlainContext *a, const PlainContext *b);
/* What @m's context entry says now */
PlainContext member_context(Test *t, const Member *m);
/* Whether @m has a shadow now */
bool member_mirrors(const Member *m);
/* Let something happen, and note whom it reaches and with what */
void some_event(Test *t);
/* A global invalidation of contexts, which reaches everything */
void event_context_global(Test *t);
/* One of the IOTLB, which leaves no difference to the tables followed */
void event_global(Test *t);
/* RAM comes or goes; only that differs from what was seen */
void event_memory(Test *t);

/* Of vtd-shadow-checks.c: tests PATH/fixed-NAME and PATH/new-NAME */
#define SHADOW_FIXED_SEED       1
void shadow_add_fixed(const char *path, const Setting *settings, unsigned n);
void shadow_add_new(const char *path, const Setting *settings, unsigned n);
/* After the fixed ones: all has happened but for @rare */
void shadow_expect_seen(const Seen *rare, unsigned n);

#endif
