/*
 * A host that maps for a device as VFIO does, and forgives nothing
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what the device can reach, by the rules that the test device's table
 * has for iommufd (hw/misc/vtd-testdev-table.h), which are type1's and more,
 * and every notice in order.  What breaks a rule, lies outside of what QEMU's
 * notifiers cover, or names an address to unmap while nobody asks what was
 * written there, is an error: it is kept as a text, and changes nothing.  One
 * thread.
 */

#ifndef TESTS_UNIT_VTD_STRICT_H
#define TESTS_UNIT_VTD_STRICT_H

#include "hw/misc/vtd-testdev-table.h"
#include "tests/vtd/judge.h"
#include "vtd-host.h"

typedef struct Strict {
    Device *d;
    uint64_t width_last;        /* of the addresses that a notice may have */
    TestdevTable table;
    GArray *log;                /* JudgeRecord */
    Run bad;                    /* nothing maps in here; no @last: none */
    bool in_replay;             /* which tells all that there is */
    unsigned errors;
    char *error;                /* the first, or NULL */
} Strict;

/* Not listening: strict_notice() has to be called */
Strict *strict_new(Device *d);
void strict_free(Strict *s);
/*
 * 0, or -errno for a MAP that is refused, as VFIO does: past the limit of
 * the table, or in @bad.  That is no error of the unit's.
 */
int strict_notice(Strict *s, const VtdNotice *notice);
/* Forget the notices, not the mappings */
void strict_clear_log(Strict *s);
/* No errors so far */
void assert_strict(const Strict *s);
/* The mappings in order, to be freed by the caller: as joined runs, or not */
GArray *strict_runs(const Strict *s);
GArray *strict_mappings(const Strict *s);
unsigned strict_count(const Strict *s);
/* MAPs and UNMAPs in the log */
unsigned strict_maps(const Strict *s);
unsigned strict_unmaps(const Strict *s);
/* What @iova is mapped to; false: nothing */
bool strict_lookup(const Strict *s, uint64_t iova, Run *mapping);

/*
 * A host for @d that listens from now on, as QEMU would let it: only while
 * the device's view is translated; what was mapped ends with that, and
 * replay tells what there is.  With @map false it only hears what to forget
 * (vhost), and that is in Host.forgets.
 */
Strict *strict_listen(Device *d, bool map);
/* Stop, keep nothing mapped */
void strict_unlisten(Strict *s);
/* Tell a new host of what is mapped in a range; to be freed by the caller */
Strict *strict_replay(Device *d, uint64_t first, uint64_t last);

/* The truth to compare with, by the unit's configuration */
Plain plain_of(Host *h);

#endif
