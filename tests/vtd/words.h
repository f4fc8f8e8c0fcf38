/*
 * VT-d tests: the words on a request's way through the tables
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the short names by which rows-*.c say which word they change.
 */

#ifndef TESTS_VTD_WORDS_H
#define TESTS_VTD_WORDS_H

#include "tests/vtd/driver.h"

typedef enum Word {
    NOWHERE,
    ROOT_LO, ROOT_HI, CONTEXT_LO, CONTEXT_HI,
    LEVEL_4, LEVEL_3, LEVEL_2, LEVEL_1,
} Word;

static inline uint64_t word_address(QVtd *d, uint16_t sid,
                                    const QVtdDomain *domain, uint64_t iova,
                                    Word word)
{
    switch (word) {
    case ROOT_LO:
    case ROOT_HI:
        return qvtd_root_entry(d, sid) + (word - ROOT_LO) * 8;
    case CONTEXT_LO:
    case CONTEXT_HI:
        return qvtd_context_entry(d, sid) + (word - CONTEXT_LO) * 8;
    default:
        return qvtd_entry(d, domain, iova, LEVEL_1 - word + 1);
    }
}

#endif
