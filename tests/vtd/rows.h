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
 * The queue of scalable mode (rows-queue-sm.c): types, reserved bits and
 * values of 256-bit descriptors, and what is wrong with the queue itself
 */
void qvtd_rows_sm_types(QVtd *d);
void qvtd_rows_sm_reserved(QVtd *d);
void qvtd_rows_sm_queue(QVtd *d);

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
 * The same in scalable mode (rows-sm.c, rows-sm-walk.c): each kind of PASID
 * entry and each number of levels that the unit has, whose physical addresses
 * have @haw bits.  Each call wants a unit that is just set up.
 */
void qvtd_rows_sm_entries(QVtd *d, uint16_t sid, unsigned haw);
void qvtd_rows_sm_second(QVtd *d, uint16_t sid, unsigned haw);
void qvtd_rows_sm_first(QVtd *d, uint16_t sid, unsigned haw);
void qvtd_rows_sm_nested(QVtd *d, uint16_t sid, unsigned haw);
void qvtd_rows_sm_marks(QVtd *d, uint16_t sid, unsigned haw);
void qvtd_rows_sm_pass_through(QVtd *d, uint16_t sid, unsigned haw);
/* What has to be invalidated when words come and go, in every mode */
void qvtd_rows_sm_appearances(QVtd *d, uint16_t sid, unsigned haw);
void qvtd_rows_sm_disappearances(QVtd *d, uint16_t sid, unsigned haw);

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
/*
 * The same in scalable mode (rows-cache-sm.c), of the IOTLB and of PASID
 * entries, with the devices qvtd_context_sids; the unit has all modes
 */
void qvtd_rows_sm_iotlb(QVtd *d);
void qvtd_rows_sm_pasids(QVtd *d);

#endif
