/*
 * VT-d tests: the way of a request through scalable mode's tables
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns a good set of tables for each kind of PASID entry and each number of
 * levels, the names of the words on a request's way through them, and rows
 * that break it in one or two words (rows-sm-*.c).  What a row says is seen
 * in the unit, and in the plain walk (plain.h), too.
 */

#ifndef TESTS_VTD_WAY_SM_H
#define TESTS_VTD_WAY_SM_H

#include "tests/vtd/driver.h"
#include "tests/vtd/plain.h"

/* Kinds of address spaces, and sets of them */
typedef enum SmMode {
    SM_SS3, SM_SS4, SM_SS5, SM_FS4, SM_FS5, SM_FS4_HIGH, SM_FS5_HIGH,
    SM_N34, SM_N44, SM_N45, SM_N54, SM_N55, SM_PT, SM_MODES,
} SmMode;

#define M(mode)                 (1u << (mode))
#define M_SS                    (M(SM_SS3) | M(SM_SS4) | M(SM_SS5))
#define M_FS_4                  (M(SM_FS4) | M(SM_FS4_HIGH))
#define M_FS_5                  (M(SM_FS5) | M(SM_FS5_HIGH))
#define M_FS                    (M_FS_4 | M_FS_5)
#define M_N                     (M(SM_N34) | M(SM_N44) | M(SM_N45) | \
                                 M(SM_N54) | M(SM_N55))
#define M_PT                    M(SM_PT)
/* What has a second stage, a first one; all */
#define M_SECOND                (M_SS | M_N)
#define M_FIRST                 (M_FS | M_N)
#define M_ALL                   (M(SM_MODES) - 1)

/* Words on the way; what a mode lacks has no row there */
typedef enum SmWord {
    W_NONE,
    W_ROOT, W_ROOT_OTHER,       /* the half that counts, and the other */
    W_CONTEXT,                  /* of four words */
    W_DIR = W_CONTEXT + 4,
    W_PASID,                    /* of eight */
    /* SS entries to the page: of level 1 to 5, which _TOP is one of */
    W_SS = W_PASID + 8,
    W_SS_TOP = W_SS + 6,
    W_FS = W_SS_TOP + 1,        /* the same of the first stage */
    W_FS_TOP = W_FS + 6,
    /* Nested: SS leaves that lead to the FS table of that level */
    W_OVER = W_FS_TOP + 1,
    W_OVER_TOP = W_OVER + 6,
    W_WORDS,
} SmWord;

/* What of the way's own addresses a patch sets, too */
typedef enum SmBase {
    B_NONE,
    B_HAW,                      /* the bit HAW; no row if entries lack it */
    B_WIDTH,                    /* the first bit beyond the second stage */
    B_MIB2, B_GIB,              /* where a leaf of level 2, 3 has to lead */
} SmBase;

typedef struct SmPatch {
    SmWord word;
    uint64_t clear, set;
    SmBase base;
} SmPatch;

#define SM_SET(word, bits)      { (word), 0, (bits) }
#define SM_CLEAR(word, bits)    { (word), (bits), 0 }
#define SM_PUT(word, value)     { (word), UINT64_MAX, (value) }
#define SM_HAW(word)            { (word), 0, 0, B_HAW }

typedef enum SmAccesses { SM_READ = 1, SM_WRITE = 2, SM_BOTH = 3 } SmAccesses;

/*
 * With @to, it is a row for each level from @from to @to, and the words W_SS,
 * W_FS and W_OVER are those of that level.
 */
typedef struct SmRow {
    const char *name;
    unsigned modes;
    SmPatch patches[3];
    SmAccesses accesses;
    uint8_t reason;             /* 0: they get through */
    uint64_t with, without;     /* bits of ECAP */
    uint64_t cap_with, cap_without;
    uint64_t flip;              /* bits of the address asked for */
    unsigned from, to;
} SmRow;

typedef struct SmWay {
    QVtd *d;
    uint16_t sid;
    unsigned haw;
    uint64_t cap, ecap;
    Plain plain;
    SmMode mode;
    QVtdDomain second;
    QVtdFirst first;
    uint64_t iova;
    uint64_t gpa;               /* what the first stage makes of it, nested */
    uint64_t page;              /* where it leads */
    bool probe_first;           /* each access comes after a probe for it */
} SmWay;

/*
 * The unit is just set up; its physical addresses have @haw bits.  Translation
 * is on afterwards, with no address space yet.
 */
void sm_way_init(SmWay *way, QVtd *d, uint16_t sid, unsigned haw);
const char *sm_mode_name(SmMode mode);
/* Build that kind, if the unit has it; false if it has not */
bool sm_way_build(SmWay *way, SmMode mode);
/* The address of a word; 0 if the way has none */
uint64_t sm_word(SmWay *way, SmWord word);

/* Reads and writes get through, and nothing is recorded */
void sm_expect_good(SmWay *way);
/*
 * Each row in each of its modes that the unit has: each access meets @reason,
 * as in the plain walk, and with FPD where the entry above was read it is not
 * recorded.  Accessed and dirty bits are set where the plain walk says, and no
 * other word on the way changes.  The number of rows that were run.
 */
unsigned sm_rows(SmWay *way, const SmRow *rows, unsigned n);

#endif
