/*
 * VT-d tests: a plain walk of what the guest wrote
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what a device's address space is by the structures in guest memory,
 * found in the slowest way that is surely right: from root and context entry
 * down through each table, entry by entry, with every reserved bit: plain.c,
 * and plain-sm.c for scalable mode, with plain-sm-leaves.c.  It shares nothing
 * with the engine.  Section numbers are those of docs/specs/intel-vtd.rst.  One
 * thread.
 */

#ifndef TESTS_VTD_PLAIN_H
#define TESTS_VTD_PLAIN_H

#include "tests/vtd/port.h"
#include "tests/vtd/runs.h"

/* A unit, as far as it decides what entries mean */
typedef struct Plain {
    QVtdPort *port;
    unsigned aw_bits;
    unsigned haw_bits;          /* of physical addresses */
    bool pass_through;
    bool snoop_control;
    bool device_iotlb;
    bool stale_tm;
    /* Of scalable mode, as in VtdConfig; all false without @scalable */
    bool scalable;
    bool first_stage, second_stage, nested;
    bool fs_1g;
    bool fs_5_levels;
    bool ss_dirty;
    bool snooped_walks;
    bool supervisor;
    bool rid_pasid;
    bool extended_accessed;
    bool pasid;
    /* Whether the word at @gpa can be written; NULL: all can */
    bool (*writable)(QVtdPort *port, uint64_t gpa);
    /*
     * Pages that were read since the last plain_context(); NULL to read each
     * entry when it is looked at
     */
    GHashTable *pages;
} Plain;

/* What a context entry means for requests (2.1) */
typedef enum PlainKind {
    PLAIN_BLOCKED,              /* no request gets through */
    PLAIN_PASS_THROUGH,
    PLAIN_TABLES,
} PlainKind;

typedef struct PlainContext {
    PlainKind kind;
    unsigned reason;            /* of the fault, 0 for none */
    bool fpd;                   /* no fault is recorded */
    uint64_t top;               /* the top table */
    unsigned levels;
    uint16_t did;

    /* Of scalable mode only (2.2); @top and @levels are the second stage's */
    unsigned pgtt;              /* 0 in legacy mode */
    uint32_t pasid;
    uint64_t fs_top;
    unsigned fs_levels;
    bool ss_marks;              /* SSADE */
    bool snooped;               /* PWSNP */
    bool ea;                    /* EAFE */
    unsigned or_reason;         /* may be given instead, if it is not 0 */
} PlainContext;

/*
 * From now on read each page once in a look, as reading takes long; until
 * plain_end().
 */
void plain_keep_pages(Plain *p);
void plain_end(Plain *p);

/*
 * What the device @sid gets, by the root table at @rtaddr.  A new look
 * begins: what plain_keep_pages() kept is read anew.
 */
PlainContext plain_context(Plain *p, uint64_t rtaddr, uint16_t sid);

/* How a walk ends */
typedef struct PlainEnd {
    unsigned reason;            /* of the fault, 0 for none */
    bool denied;                /* by an entry that permits something else */
    Run leaf;                   /* if there is no fault, with what it permits */
} PlainEnd;

/* The walk for one address; @wanted are the permissions, as a run's */
PlainEnd plain_lookup(Plain *p, const PlainContext *context, uint64_t iova,
                      unsigned wanted);
/* Accessed and dirty bits that a walk sets in one entry (3.4, 4.1) */
typedef struct PlainMark {
    uint64_t gpa;
    uint64_t bits;              /* that were not set before */
    bool first_stage;           /* it is set for, or with, an FS entry */
    bool maybe;                 /* it is left open whether they are */
} PlainMark;

/* Five levels, each entry of which five others lead to, and the page */
#define PLAIN_MARKS             64
#define PLAIN_REASONS           8

/* What a request meets in scalable mode */
typedef struct PlainAnswer {
    unsigned reason;            /* of the fault, 0 for none */
    unsigned or_reason[PLAIN_REASONS];  /* that may be given instead */
    unsigned n_or_reasons;
    bool denied;                /* by an entry that permits something else */
    bool clean;                 /* a dirty bit is missing for writes */
    Run leaf;                   /* if there is no fault, with what it permits */
    PlainMark marks[PLAIN_MARKS];
    unsigned n_marks;
} PlainAnswer;

/*
 * The whole way of a request that is no interrupt: @wanted are the
 * permissions, as a run's, 0 to know them.
 */
void plain_sm_request(Plain *p, const PlainContext *context, uint64_t iova,
                   unsigned wanted, PlainAnswer *answer);
/* Whether that reason is given, or may be */
bool plain_answer_is(const PlainAnswer *answer, unsigned reason);
/* Whether FPD can hide a fault of @reason (6.1, 6.3) */
bool plain_qualified(unsigned reason);
/* Whether a first stage has a part in it */
bool plain_has_first(const PlainContext *context);
/* How @port's unit is, by CAP and ECAP; @haw_bits are not in them */
Plain plain_by_registers(QVtdPort *port, unsigned haw_bits);

/* The leaf at @iova; false if there is none */
bool plain_leaf(Plain *p, const PlainContext *context, uint64_t iova,
                Run *leaf);

/* All leaves of the tables, one run each; none without tables */
GArray *plain_leaves(Plain *p, const PlainContext *context);
/*
 * What of them a shadow has, joined: whole pages of one piece of RAM that
 * are not in the interrupt range
 */
GArray *plain_shadow(Plain *p, const GArray *leaves);
/* Both at once */
GArray *plain_mapped(Plain *p, const PlainContext *context);

/* What plain.c and plain-sm.c share: an entry; false if it is no memory, */
bool plain_read(Plain *p, uint64_t gpa, uint64_t *entry);
/* bits that must not be set in an SS entry that is present (3.2), */
uint64_t plain_ss_reserved(const Plain *p, unsigned level, bool leaf);
/* and root, context and PASID entries of scalable mode; the reason, or 0 */
unsigned plain_sm_context(Plain *p, uint64_t rtaddr, uint16_t sid,
                          PlainContext *context);
/* FS entries likewise (4) */
uint64_t plain_fs_reserved(const Plain *p, unsigned level, bool leaf);
/* Whether @bits are set in the entry at @gpa, or can be (3.4) */
bool plain_marked(const Plain *p, const PlainContext *context, uint64_t gpa,
                  uint64_t entry, uint64_t bits);
/* All leaves of a second stage that permit something of @wanted, */
GArray *plain_ss_leaves(Plain *p, const PlainContext *context,
                        unsigned wanted);
/* and of a first stage, alone or nested, for users, in its lower half */
void plain_sm_leaves(Plain *p, const PlainContext *context, GArray *leaves);

#endif
