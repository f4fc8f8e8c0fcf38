/*
 * Intel VT-d: words for numbers of the specification
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what users read in place of numbers: reasons of faults, errors of the
 * queue, bits of registers and entries by name.  Constants; no state.
 */

#ifndef HW_I386_VTD_WORDS_H
#define HW_I386_VTD_WORDS_H

#include <stdbool.h>
#include <stdint.h>

/* Why a request was blocked, as a part of a sentence (6.1, 6.2, 6.3) */
const char *vtd_reason_words(unsigned reason);
/* The entry that it is about, unless that is one of a page table: NULL */
const char *vtd_reason_place(unsigned reason);
/* Whether that entry, or a page table's, could not be read */
bool vtd_reason_unread(unsigned reason);
/* Why the queue stopped, by IQERCD.IQEI; 0 is an error that has no code */
const char *vtd_iqei_words(unsigned iqei);

/* A name for bits of a register or an entry that are all set */
typedef struct VtdBitName {
    uint64_t bits;
    const char *name;
} VtdBitName;

/* Each ends with a row without a name */
extern const VtdBitName vtd_cap_names[];
extern const VtdBitName vtd_ecap_names[];
extern const VtdBitName vtd_fsts_names[];
extern const VtdBitName vtd_ss_names[];         /* second-stage entries, */
extern const VtdBitName vtd_fs_names[];         /* and those of first stages */

#endif
