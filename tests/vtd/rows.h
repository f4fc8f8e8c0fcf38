/*
 * VT-d tests: rows that the unit tests and the qtests have in common
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what both harnesses see of the tables in rows-*.c: a call goes through
 * all rows of one.  A row that is added there is tested in both.
 */

#ifndef TESTS_VTD_ROWS_H
#define TESTS_VTD_ROWS_H

#include "tests/vtd/driver.h"

/*
 * The queue (rows-queue.c), which each of these starts.  With a unit that has
 * device-IOTLBs these are the descriptors for them, otherwise all others.
 */
void qvtd_rows_descriptors(QVtd *d, bool device_iotlb);
void qvtd_rows_refused(QVtd *d, bool device_iotlb);
/* Each type, by what the unit has */
void qvtd_rows_types(QVtd *d, bool device_iotlb, bool intr_remap);
/* Each bit; the unit has device-IOTLBs and remaps interrupts */
void qvtd_rows_reserved(QVtd *d);

/*
 * What each wrong word on the way of @sid's requests is recorded as
 * (rows-fault.c), and that nothing gets through.  Each of the properties, up
 * to NULL, has rows of its own for a unit that is just set up.
 */
extern const char *const qvtd_fault_props[];
void qvtd_rows_faults(QVtd *d, uint16_t sid, const char *props);
/* The same of RTADDR */
void qvtd_rows_root(QVtd *d, uint16_t sid);

/*
 * What invalidations drop (rows-cache.c), in a unit that is just set up, with
 * devices of these ids, or up to 0
 */
#define QVTD_SID_A              0x18
#define QVTD_SID_B              0x20
void qvtd_rows_iotlb(QVtd *d);
void qvtd_rows_appearances(QVtd *d, bool caching_mode);
void qvtd_rows_disappearances(QVtd *d);
extern const uint16_t qvtd_context_sids[];
void qvtd_rows_contexts(QVtd *d);

#endif
