/*
 * Intel VT-d engine: sending MAPs and UNMAPs
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns VtdSpace.sent, Vtd.targets, the state of a sink (see notify.h), and the
 * calls that send.  [bql] calls only.
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

/* Pages with targets that are contiguous from that of @leaf on */
typedef struct VtdPages {
    uint64_t first;
    uint64_t last;
    uint64_t leaf;
    bool small;                 /* fresh: each is a leaf of its own */
} VtdPages;

/* A mapping that was sent wider than a page */
typedef struct VtdExtent {
    uint64_t first;
    uint64_t last;
    uint64_t addr;              /* the target, where it is known */
} VtdExtent;

/* Each space has one, so that a sync takes no memory for it */
typedef struct VtdSink {
    VtdSpace *space;
    const char *reason;
    uint64_t kept;              /* bytes that stayed as they are */
    bool record_only;
    bool exact;                 /* an UNMAP for each mapping, with its target */
    bool was_ram;               /* see vtd_sink_was_ram() */
    unsigned tries;             /* MAPs that may still be refused */
    unsigned tries_for_room;    /* if there are none: see VtdSpaceTries */
    uint64_t first;             /* of the range that is looked at */
    uint64_t free_from;         /* no page from here on stays, so far */
    uint64_t told;              /* the last address of a difference so far */
    VtdDiff run;                /* a difference that the next one may join */
    bool running;               /* there is one */
    bool large;                 /* one of these became too large to be kept: */
    GArray *changed;            /* VtdPages: what changed pages of it were */
    GArray *gone;               /* VtdRange: to be unmapped */
    GArray *fresh;              /* VtdPages: to be mapped after that */
    GArray *split;              /* VtdExtent: to be mapped anew at the end */
} VtdSink;

/* Empty ones, and the end of their memory */
void vtd_sink_make_arrays(VtdSink *sink);
void vtd_sink_free_arrays(VtdSink *sink);

/* Nothing was sent to @space yet */
void vtd_sent_init(VtdSpace *space);
void vtd_sent_destroy(VtdSpace *space);

/* Whether any leaf ever led to @first to @last, since vtd_targets_reset() */
bool vtd_targets_reached(const Vtd *v, uint64_t first, uint64_t last);
void vtd_targets_reset(Vtd *v);

/* The last byte of the largest aligned power of two at @first */
uint64_t vtd_aligned_last(uint64_t first, uint64_t last);
/* A MAP of a range, to the address and with the permission of @leaf */
VtdNotice vtd_notice_map(const Vtd *v, uint64_t first, uint64_t last,
                         uint64_t leaf);
void vtd_trace_notice(const VtdSpace *space, const VtdNotice *notice);

/* Remember that a range is refused, or is not any more */
void vtd_space_set_refused(VtdSpace *space, uint64_t first, uint64_t last,
                           bool is);
/*
 * A MAP was refused: remember that, until the next sync tries it again.
 * *@tries, how many more may be refused, goes down.
 */
void vtd_space_map_refused(VtdSpace *space, const char *reason,
                           const VtdNotice *notice, int error, unsigned *tries);

/*
 * Of a range whose target is @gpa and what follows: the last address of the
 * first piece that can be sent as one mapping, or, if not *@sendable, that
 * cannot be sent, since it leads to no RAM
 */
uint64_t vtd_target_piece(Vtd *v, uint64_t first, uint64_t last, uint64_t gpa,
                          bool *sendable);
/* MAP a range within one leaf, in aligned pieces; what is no RAM is left out */
void vtd_send_map(VtdSink *sink, uint64_t first, uint64_t last,
                  uint64_t leaf);
/* UNMAP a range; @addr is 0, or the target of the one mapping that it is */
void vtd_send_unmap(VtdSink *sink, uint64_t first, uint64_t last,
                    uint64_t addr);

/* The first extent that meets a range */
bool vtd_space_find_extent(const VtdSpace *space, uint64_t first, uint64_t last,
                           VtdExtent *extent);
void vtd_space_drop_extent(VtdSpace *space, const VtdExtent *extent);

#endif
