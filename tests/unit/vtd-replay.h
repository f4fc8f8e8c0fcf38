/*
 * The sweep: one replay, and what is right in it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See vtd-sweep.h.  Inside of the sweep only.
 */

#ifndef TESTS_UNIT_VTD_REPLAY_H
#define TESTS_UNIT_VTD_REPLAY_H

#include "vtd-sweep.h"

#define PIECES                  (1u << 16)

typedef enum RefuseKind {
    REFUSE_NOTHING,
    REFUSE_READ,                /* of guest memory, tables included */
    REFUSE_PLACE,               /* memory is not readable in place */
    REFUSE_RAM,                 /* memory is no RAM for a while */
    REFUSE_WRITE,               /* the status of a wait */
    REFUSE_INJECT,              /* a message */
    REFUSE_PAGE,                /* a MAP, for this page */
    REFUSE_ROOM,                /* a MAP, for want of room */
    REFUSE_KINDS,
} RefuseKind;

/* An act when nothing is refused */
typedef struct Seen {
    Met met;
    uint64_t iqh;
    uint32_t fsts;
    unsigned count[REFUSE_KINDS];       /* asked for up to its end */
} Seen;

typedef struct Replay {
    const Sequence *q;
    Seen *seen;                 /* by act; filled in if @n is 0 */
    Host *h;
    const VtdOps *ops;          /* that host's own */
    Device **device;            /* by index of the sequence; or NULL */
    Strict **strict;            /* who listens to it, or NULL */
    unsigned index;             /* of the act */
    bool alias;                 /* there are tables that a plain walk misses */
    bool of_another;            /* who is told now listens to nothing else */

    RefuseKind kind;
    unsigned n;                 /* 0: nothing is refused */
    unsigned target;            /* the act in which it is */
    bool by_calls;              /* memory is never readable in place */
    bool quiet;                 /* nothing counts any more */
    unsigned count[REFUSE_KINDS];

    /* In this act */
    bool refused;
    unsigned entries, entries128;       /* reads before it, by size */
    uint64_t entry_at[2];               /* where the first of 8 bytes were */
    uint64_t last_entry;                /* where the last of them was */
    unsigned after;                     /* reads after it, or it was ahead */
    uint64_t gpa;               /* what was refused, as the next */
    size_t len;
    VtdRam ram;
    VtdNotice notice;

    Vtd *fresh;                 /* a unit that has nothing cached */
    GArray *met;                /* Prior */
    GArray **before;            /* Run: mappings before the target */
    unsigned *switches;         /* of views, likewise */
    uint32_t fsts;              /* likewise */

    char *wrong;                /* the first thing that is, or NULL */
} Replay;

void G_GNUC_PRINTF(2, 3) wrong(Replay *r, const char *format, ...);
/* vtd_continue() until it is not wanted any more */
void replay_pump(Replay *r);

void replay_judge_new(Replay *r);
/* The act with the refusal comes */
void judge_begin(Replay *r);
/* It is over.  What went wrong by it is mended as a driver does. */
void judge_refused(Replay *r, const Act *act, const Met *met);
void judge_request(Replay *r, const Act *act, const Met *met,
                   const Met *seen);
/* After each act */
void judge_step(Replay *r);
/* Nothing is refused any more: after invalidations all must be in step */
void judge_settled(Replay *r);
/* The devices are gone */
void judge_end(Replay *r);

#endif
