/*
 * The sweep: each sequence of a unit test again, with one refusal
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A sequence is what a test did to one unit: calls into the engine's outside
 * (vtd.h) and writes to guest memory, in order, with what the made-up host was
 * like.  vtd-record.c has the linker put itself before these calls and records
 * it; when the unit ends, vtd-sweep.c replays it on new hosts, where the n-th
 * thing of a kind that the engine asks of its host is refused.
 *
 * One thread.
 */

#ifndef TESTS_UNIT_VTD_SWEEP_H
#define TESTS_UNIT_VTD_SWEEP_H

#include "vtd-strict.h"

typedef enum ActKind {
    ACT_PUT,                    /* @value to guest memory at @addr */
    ACT_LAYOUT,                 /* of memory: @layout */
    ACT_HOST,                   /* what else the host is like: @flags */
    ACT_SID,                    /* of @device, as its number changes */
    ACT_LISTEN,                 /* to @device from now on, as @listening says */
    ACT_SPACE_NEW,
    ACT_SPACE_FREE,
    ACT_WATCH,                  /* by hand, without a listener */
    ACT_REPLAY,
    ACT_MEMORY_CHANGED,         /* @count of @changes */
    ACT_WRITE,                  /* @value to the register at @addr */
    ACT_TRANSLATE,
    ACT_INTERRUPT,
    ACT_SEND_EVENTS,
    ACT_CONTINUE,
    ACT_RESET,
    ACT_CACHING_MODE,
    ACT_SOURCES,
    ACT_SAVE,
    ACT_LOAD,
    ACT_LOADED,
} ActKind;

typedef enum Listening {
    LISTENING_NOT,
    LISTENING_FORGETS,          /* as vhost does */
    LISTENING_MAPS,             /* as VFIO does */
} Listening;

typedef struct Layout {
    bool hole[RAM_SIZE / QVTD_PAGE];
    bool behind_io[RAM_SIZE / QVTD_PAGE];
    bool rom[RAM_SIZE / QVTD_PAGE];
    GArray *regions;            /* VtdRam */
} Layout;

typedef struct Flags {
    bool dirty_tracking;
    bool cannot_inject;
    int64_t tick;
} Flags;

/* What a request met */
typedef struct Met {
    bool passed;
    bool recorded;              /* a fault, of @reason */
    unsigned reason;
    VtdTranslation t;           /* if it passed */
    VtdVerdict verdict;
    VtdInterrupt interrupt;     /* if it is remapped */
} Met;

typedef struct Act {
    ActKind kind;
    bool idle;                  /* nothing was left to be gone on with */
    unsigned device;            /* index of Sequence.devices */
    uint64_t addr;
    uint64_t value;
    unsigned size;              /* of a write */
    union {
        struct {
            uint16_t sid;
            bool map, any;
        };
        Listening listening;
        struct {
            VtdAccess access;
            uint32_t pasid;     /* or VTD_NO_PASID */
            bool supervisor;
        };
        struct {
            uint32_t requester;
            uint32_t data;
            bool record;
        };
        Flags flags;
        Layout *layout;
        VtdSaved *saved;
        struct {
            VtdRamChange *changes;
            unsigned count;
        };
    };
    Met met;
} Act;

typedef struct Sequence {
    char *name;                 /* the test's path, '#', which unit of it */
    VtdConfig config;
    GArray *acts;               /* Act */
    unsigned devices;
    unsigned notices;           /* how many there were */
    bool interrupted;           /* acts came amid others, and follow them */
    uint64_t *ram;              /* of the guest, in the end */
    uint64_t regs[QVTD_SIZE / 8];
} Sequence;

/* g_memdup2(), which is newer than the oldest GLib */
static inline void *sweep_copy(const void *from, size_t len)
{
    return len ? memcpy(g_malloc(len), from, len) : NULL;
}

/* Replay @q with every refusal; failures go to the test that runs */
void sweep_sequence(const Sequence *q);
/* The host of a replay asks before it does what may be refused */
const VtdOps *sweep_ops(const VtdOps *ops);
int sweep_replayed(const VtdNotice *notice, VtdNoticeFn *fn, void *opaque);
bool sweep_replaying(void);
/* A sequence that is not replayed, or not all of it */
void sweep_left_out(const char *name, const char *why);

#endif
