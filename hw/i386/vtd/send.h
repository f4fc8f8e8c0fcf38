/*
 * Intel VT-d engine: sending MAPs and UNMAPs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the state of a sink (see notify.h), and the calls that send.  [bql]
 * calls only.
 */

#ifndef HW_I386_VTD_SEND_H
#define HW_I386_VTD_SEND_H

#include "seen.h"

/*
 * So many MAPs may a listener refuse in one sync, each with a message of its
 * own; what comes after them is not tried.  A listener that has no room at all
 * gets a few only.  An UNMAP makes room for one more, so many times.
 */
#define VTD_MAP_TRIES           256

/* Pages that follow on evenly from @leaf */
typedef struct VtdPages {
    uint64_t first;
    uint64_t last;
    uint64_t leaf;
} VtdPages;

typedef struct VtdExtent {
    uint64_t first;
    uint64_t last;
    uint64_t addr;
} VtdExtent;

typedef struct VtdSink {
    VtdSpace *space;
    const char *reason;
    uint64_t kept;              /* bytes that stay as they are */
    bool record_only;
    bool exact;                 /* one UNMAP a mapping, with what it was */
    bool was_ram;               /* all that goes, whatever is there now */
    unsigned tries;             /* MAPs that may still be refused */
    unsigned tries_for_room;    /* and if none, when an UNMAP made room */
    uint64_t first;             /* of the range that is looked at */
    uint64_t free_from;         /* nothing from here on stays mapped */
    uint64_t told;              /* the last address told of */
    VtdDiff run;                /* what the next difference may join */
    bool running;
    GArray *changed;            /* VtdPages: of a run, with what it was */
    GArray *gone;               /* VtdRange; NULL before the first */
    GArray *fresh;              /* VtdPages; NULL before the first */
    GArray *split;              /* VtdExtent: to be sent anew; as above */
} VtdSink;

/* Nothing was sent to @space yet */
void vtd_sent_init(VtdSpace *space);
void vtd_sent_destroy(VtdSpace *space);

/* Whether any leaf ever led to @first to @last, since vtd_targets_reset() */
bool vtd_targets_reached(const Vtd *v, uint64_t first, uint64_t last);
void vtd_targets_reset(Vtd *v);

/* The last byte of the largest aligned power of two at @first */
uint64_t vtd_aligned_last(uint64_t first, uint64_t last);
/* The MAP of a range with @leaf, whose address and permission it takes */
VtdNotice vtd_notice_map(const Vtd *v, uint64_t first, uint64_t last,
                         uint64_t leaf);
void vtd_trace_notice(const VtdSpace *space, const VtdNotice *notice);

/* Note that a range is refused, or is no more */
void vtd_space_set_refused(VtdSpace *space, uint64_t first, uint64_t last,
                           bool is);
/*
 * A MAP was refused.  It is remembered, and not tried again before the next
 * sync; @tries is how many more may be.
 */
void vtd_space_map_refused(VtdSpace *space, const char *reason,
                           const VtdNotice *notice, int error, unsigned *tries);

/*
 * The end of the piece at @first, of a range with target @gpa, that can be
 * sent as one, or as one cannot be sent: what is no RAM cannot.
 */
uint64_t vtd_target_piece(Vtd *v, uint64_t first, uint64_t last, uint64_t gpa,
                          bool *sendable);
/* MAP a range within one leaf in the aligned pieces of it that are RAM */
void vtd_send_map(VtdSink *sink, uint64_t first, uint64_t last,
                  uint64_t leaf);
/* UNMAP a range; @addr is 0 unless it is one mapping with that target */
void vtd_send_unmap(VtdSink *sink, uint64_t first, uint64_t last,
                    uint64_t addr);

/* The first extent that meets a range */
bool vtd_space_find_extent(const VtdSpace *space, uint64_t first, uint64_t last,
                           VtdExtent *extent);
void vtd_space_drop_extent(VtdSpace *space, const VtdExtent *extent);

#endif
