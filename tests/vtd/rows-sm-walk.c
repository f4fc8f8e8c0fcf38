/*
 * VT-d tests: ends of a request's way through the tables of scalable mode
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns a row for each check of the second stage (3.2, 3.3), the first (4, 4.1)
 * and of both (4.2), for accessed and dirty bits (3.4), and for what is
 * ignored.  See way-sm.h.
 */

#include "qemu/osdep.h"
#include "tests/vtd/rows.h"
#include "tests/vtd/way-sm.h"

#define BIT(n)                  (1ull << (n))
#define PE(n)                   (W_PASID + (n))
#define SS(n)                   (W_SS + (n))
#define FS(n)                   (W_FS + (n))
#define OVER(n)                 (W_OVER + (n))

#define US                      QVTD_FS_US
#define USER                    (QVTD_FS_USER | QVTD_FS_A)
#define AD                      (QVTD_FS_A | QVTD_FS_D)
#define SNOOPED                 QVTD_ECAP_SMPWCS

/* The second stage, alone or under a first */

static const SmRow second[] = {
    { "SS entry zero", M_SECOND, { SM_PUT(W_SS, 0) },
      SM_BOTH, QVTD_F_SS, .from = 1, .to = 5 },
    { "SS entry without R and W, reserved bits set", M_SECOND,
      { { W_SS, QVTD_RW, BIT(51) | BIT(62) | BIT(11) } },
      SM_BOTH, QVTD_F_SS, .from = 1, .to = 5 },
    { "SS entry read-only", M_SECOND, { SM_CLEAR(W_SS, QVTD_W) },
      SM_WRITE, QVTD_F_SM_WRITE, .from = 1, .to = 5 },
    { "SS entry read-only, read", M_SECOND, { SM_CLEAR(W_SS, QVTD_W) },
      SM_READ, .from = 1, .to = 5 },
    { "SS entry, ignored bits", M_SECOND,
      { SM_SET(W_SS, QVTD_BITS(6, 2) | BIT(10) | QVTD_BITS(61, 52) | BIT(63) |
        QVTD_SS_A | QVTD_SS_D) },
      SM_BOTH, .from = 1, .to = 5 },
    { "SS entry, bit HAW", M_SECOND, { SM_HAW(W_SS) },
      SM_BOTH, QVTD_F_SS_RESERVED, .from = 1, .to = 5 },
    { "SS entry, bit 62", M_SECOND, { SM_SET(W_SS, QVTD_TM) },
      SM_BOTH, QVTD_F_SS_RESERVED, .from = 1, .to = 5 },
    { "SS entry, bit 11", M_SECOND, { SM_SET(W_SS, BIT(11)) },
      SM_BOTH, QVTD_F_SS_RESERVED, .from = 2, .to = 5 },
    { "SS leaf write-only", M_SECOND, { SM_CLEAR(SS(1), QVTD_R) },
      SM_READ, QVTD_F_SM_READ },
    { "SS leaf write-only, write", M_SECOND, { SM_CLEAR(SS(1), QVTD_R) },
      SM_WRITE },
    { "SS level 2 write-only", M_SECOND, { SM_CLEAR(SS(2), QVTD_R) },
      SM_READ, QVTD_F_SM_READ },
    { "SS level 5 write-only", M(SM_SS5), { SM_CLEAR(SS(5), QVTD_R) },
      SM_READ, QVTD_F_SM_READ },
    { "SS read-only above write-only, read", M_SECOND,
      { SM_CLEAR(SS(2), QVTD_W), SM_CLEAR(SS(1), QVTD_R) },
      SM_READ, QVTD_F_SS },
    { "SS write-only above read-only, write", M_SECOND,
      { SM_CLEAR(SS(2), QVTD_R), SM_CLEAR(SS(1), QVTD_W) },
      SM_WRITE, QVTD_F_SS },
    { "SS read-only above zero: first error wins", M_SECOND,
      { SM_CLEAR(SS(2), QVTD_W), SM_PUT(SS(1), 0) },
      SM_WRITE, QVTD_F_SM_WRITE },
    { "SS leaf, SNP, no SC", M_SECOND, { SM_SET(SS(1), QVTD_SNP) },
      SM_BOTH, QVTD_F_SS_RESERVED, .without = QVTD_ECAP_SC },
    { "SS leaf, SNP", M_SECOND, { SM_SET(SS(1), QVTD_SNP) },
      SM_BOTH, .with = QVTD_ECAP_SC },
    { "SS leaf, PS", M_SECOND, { SM_SET(SS(1), QVTD_PS) }, SM_BOTH },
    { "SS leaf read-only, reserved bit", M_SECOND,
      { { SS(1), QVTD_W, QVTD_TM } }, SM_BOTH, QVTD_F_SS_RESERVED },
    { "SS level 4, bit 7", M_SECOND, { SM_SET(SS(4), QVTD_PS) },
      SM_BOTH, QVTD_F_SS_RESERVED },
    { "SS level 5, bit 7", M_SECOND, { SM_SET(SS(5), QVTD_PS) },
      SM_BOTH, QVTD_F_SS_RESERVED },
    { "SS 2 MiB", M_SECOND,
      { { SS(2), UINT64_MAX, QVTD_PS | QVTD_RW, B_MIB2 } }, SM_BOTH },
    { "SS 2 MiB, bit 12", M_SECOND,
      { { SS(2), UINT64_MAX, BIT(12) | QVTD_PS | QVTD_RW, B_MIB2 } },
      SM_BOTH, QVTD_F_SS_RESERVED },
    { "SS 2 MiB, bit 20", M_SECOND,
      { { SS(2), UINT64_MAX, BIT(20) | QVTD_PS | QVTD_RW, B_MIB2 } },
      SM_BOTH, QVTD_F_SS_RESERVED },
    { "SS 1 GiB", M_SECOND,
      { { SS(3), UINT64_MAX, QVTD_PS | QVTD_RW, B_GIB } }, SM_BOTH },
    { "SS 1 GiB, bit 12", M_SECOND,
      { { SS(3), UINT64_MAX, BIT(12) | QVTD_PS | QVTD_RW, B_GIB } },
      SM_BOTH, QVTD_F_SS_RESERVED },
    { "SS 1 GiB, bit 29", M_SECOND,
      { { SS(3), UINT64_MAX, BIT(29) | QVTD_PS | QVTD_RW, B_GIB } },
      SM_BOTH, QVTD_F_SS_RESERVED },
    { "SS table of level 1 in a hole", M_SECOND,
      { SM_PUT(SS(2), QVTD_HOLE | QVTD_RW) }, SM_BOTH, QVTD_F_SS_ACCESS },
    { "SS table of level 2 in a hole", M_SECOND,
      { SM_PUT(SS(3), QVTD_HOLE | QVTD_RW) }, SM_BOTH, QVTD_F_SS_ACCESS },
    { "SS table of level 3 in a hole", M_SECOND,
      { SM_PUT(SS(4), QVTD_HOLE | QVTD_RW) }, SM_BOTH, QVTD_F_SS_ACCESS },
    { "SS table of level 4 in a hole", M_SECOND,
      { SM_PUT(SS(5), QVTD_HOLE | QVTD_RW) }, SM_BOTH, QVTD_F_SS_ACCESS },
    { "top SS table in a hole", M_SECOND,
      { { PE(0), QVTD_BITS(63, 12), QVTD_HOLE } },
      SM_BOTH, QVTD_F_SS_TOP_ACCESS },
    { "beyond 39 bits", M(SM_SS3), { }, SM_BOTH, QVTD_F_SM_ADDRESS,
      .flip = BIT(39) },
    { "beyond 48 bits", M(SM_SS4), { }, SM_BOTH, QVTD_F_SM_ADDRESS,
      .flip = BIT(48) },
    { "beyond 57 bits", M(SM_SS5), { }, SM_BOTH, QVTD_F_SM_ADDRESS,
      .flip = BIT(57) },
    { "bit 63", M_SS, { }, SM_BOTH, QVTD_F_SM_ADDRESS, .flip = BIT(63) },
    { "all upper bits", M_SS, { }, SM_BOTH, QVTD_F_SM_ADDRESS,
      .flip = QVTD_BITS(63, 39) },
    { "SS leaf to the interrupt range", M_SECOND,
      { SM_PUT(SS(1), QVTD_MSI_ADDR | QVTD_RW) }, SM_BOTH, QVTD_F_SM_OUTPUT },
    { "SS leaf to its end", M_SECOND,
      { SM_PUT(SS(1), 0xfeeff000 | QVTD_RW) }, SM_BOTH, QVTD_F_SM_OUTPUT },
    { "SS 2 MiB over the interrupt range", M_SECOND,
      { SM_PUT(SS(2), QVTD_MSI_ADDR | QVTD_PS | QVTD_RW) },
      SM_BOTH, QVTD_F_SM_OUTPUT },
};

/* The first stage, alone or over a second */

static const SmRow first[] = {
    { "FS entry zero", M_FIRST, { SM_PUT(W_FS, 0) },
      SM_BOTH, QVTD_F_FS, .from = 1, .to = 5 },
    { "FS entry not present, reserved bits set", M_FIRST,
      { { W_FS, QVTD_FS_P, BIT(51) | QVTD_PS } },
      SM_BOTH, QVTD_F_FS, .from = 1, .to = 5 },
    { "FS entry read-only", M_FIRST, { SM_CLEAR(W_FS, QVTD_FS_RW) },
      SM_WRITE, QVTD_F_SM_WRITE, .from = 1, .to = 5 },
    { "FS entry read-only, read", M_FIRST, { SM_CLEAR(W_FS, QVTD_FS_RW) },
      SM_READ, .from = 1, .to = 5 },
    { "FS entry not a user's", M_FIRST, { SM_CLEAR(W_FS, US) },
      SM_BOTH, QVTD_F_USER, .from = 1, .to = 5 },
    { "FS entry, bit HAW", M_FIRST, { SM_HAW(W_FS) },
      SM_BOTH, QVTD_F_FS_RESERVED, .from = 1, .to = 5 },
    { "FS entry, ignored bits", M_FIRST,
      { SM_SET(W_FS, BIT(3) | BIT(4) | QVTD_BITS(11, 8) | QVTD_BITS(63, 52)) },
      SM_BOTH, .from = 1, .to = 5 },
    { "FS read-only with WPE", M_FIRST,
      { SM_SET(PE(2), QVTD_WPE), SM_CLEAR(FS(1), QVTD_FS_RW) },
      SM_WRITE, QVTD_F_SM_WRITE },
    { "FS leaf, PAT", M_FIRST, { SM_SET(FS(1), QVTD_PS) }, SM_BOTH },
    { "FS table with D", M_FIRST, { SM_SET(FS(2), QVTD_FS_D) }, SM_BOTH },
    { "FS level 4, bit 7", M_FIRST, { SM_SET(FS(4), QVTD_PS) },
      SM_BOTH, QVTD_F_FS_RESERVED },
    { "FS level 5, bit 7", M_FIRST, { SM_SET(FS(5), QVTD_PS) },
      SM_BOTH, QVTD_F_FS_RESERVED },
    { "FS 2 MiB", M_FIRST,
      { { FS(2), UINT64_MAX, QVTD_PS | USER | AD, B_MIB2 } }, SM_BOTH },
    { "FS 2 MiB, PAT", M_FIRST,
      { { FS(2), UINT64_MAX, BIT(12) | QVTD_PS | USER | AD, B_MIB2 } },
      SM_BOTH },
    { "FS 2 MiB, bit 13", M_FIRST,
      { { FS(2), UINT64_MAX, BIT(13) | QVTD_PS | USER | AD, B_MIB2 } },
      SM_BOTH, QVTD_F_FS_RESERVED },
    { "FS 2 MiB, bit 20", M_FIRST,
      { { FS(2), UINT64_MAX, BIT(20) | QVTD_PS | USER | AD, B_MIB2 } },
      SM_BOTH, QVTD_F_FS_RESERVED },
    { "FS 1 GiB", M_FIRST,
      { { FS(3), UINT64_MAX, QVTD_PS | USER | AD, B_GIB } },
      SM_BOTH, .cap_with = QVTD_CAP_FS1GP },
    { "FS 1 GiB, PAT", M_FIRST,
      { { FS(3), UINT64_MAX, BIT(12) | QVTD_PS | USER | AD, B_GIB } },
      SM_BOTH, .cap_with = QVTD_CAP_FS1GP },
    { "FS 1 GiB, bit 13", M_FIRST,
      { { FS(3), UINT64_MAX, BIT(13) | QVTD_PS | USER | AD, B_GIB } },
      SM_BOTH, QVTD_F_FS_RESERVED, .cap_with = QVTD_CAP_FS1GP },
    { "FS 1 GiB, bit 29", M_FIRST,
      { { FS(3), UINT64_MAX, BIT(29) | QVTD_PS | USER | AD, B_GIB } },
      SM_BOTH, QVTD_F_FS_RESERVED, .cap_with = QVTD_CAP_FS1GP },
    { "FS 1 GiB, no FS1GP", M_FIRST,
      { { FS(3), UINT64_MAX, QVTD_PS | USER | AD, B_GIB } },
      SM_BOTH, QVTD_F_FS_RESERVED, .cap_without = QVTD_CAP_FS1GP },
    { "FS table of level 1 in a hole", M_FS,
      { SM_PUT(FS(2), QVTD_HOLE | USER) }, SM_BOTH, QVTD_F_FS_ACCESS },
    { "FS table of level 2 in a hole", M_FS,
      { SM_PUT(FS(3), QVTD_HOLE | USER) }, SM_BOTH, QVTD_F_FS_ACCESS },
    { "FS table of level 3 in a hole", M_FS,
      { SM_PUT(FS(4), QVTD_HOLE | USER) }, SM_BOTH, QVTD_F_FS_ACCESS },
    { "FS table of level 4 in a hole", M_FS,
      { SM_PUT(FS(5), QVTD_HOLE | USER) }, SM_BOTH, QVTD_F_FS_ACCESS },
    { "top FS table in a hole", M_FS,
      { { PE(2), QVTD_BITS(63, 12), QVTD_HOLE } },
      SM_BOTH, QVTD_F_FS_TOP_ACCESS },
    { "bit 47 alone", M_FS_4 | M(SM_N34) | M(SM_N44), { },
      SM_BOTH, QVTD_F_CANONICAL, .flip = BIT(47) },
    { "bit 48 alone", M_FS_4 | M(SM_N34) | M(SM_N44), { },
      SM_BOTH, QVTD_F_CANONICAL, .flip = BIT(48) },
    { "bit 56 alone", M_FIRST, { },
      SM_BOTH, QVTD_F_CANONICAL, .flip = BIT(56) },
    { "bit 63 alone", M_FIRST, { },
      SM_BOTH, QVTD_F_CANONICAL, .flip = BIT(63) },
    { "bits 63:48 without 47", M_FS_4, { },
      SM_BOTH, QVTD_F_CANONICAL, .flip = QVTD_BITS(63, 48) },
    { "canonical, nothing there", M_FS_4, { },
      SM_BOTH, QVTD_F_FS, .flip = QVTD_BITS(63, 47) },
    { "canonical with 5 levels, nothing there", M_FS_5, { },
      SM_BOTH, QVTD_F_FS, .flip = QVTD_BITS(63, 56) },
    { "not canonical with 4 levels, nothing there", M_FS_5, { },
      SM_BOTH, QVTD_F_FS, .flip = BIT(47) },
    { "FS leaf to the interrupt range", M_FS,
      { SM_PUT(FS(1), QVTD_MSI_ADDR | USER | AD) },
      SM_BOTH, QVTD_F_SM_OUTPUT },
    { "FS leaf to its end", M_FS,
      { SM_PUT(FS(1), 0xfeeff000 | USER | AD) }, SM_BOTH, QVTD_F_SM_OUTPUT },
    { "FS 2 MiB over the interrupt range", M_FS,
      { SM_PUT(FS(2), QVTD_MSI_ADDR | QVTD_PS | USER | AD) },
      SM_BOTH, QVTD_F_SM_OUTPUT },
};

/* Both at once */

static const SmRow both[] = {
    { "FSPTPTR beyond the second stage", M_N, { { PE(2), 0, 0, B_WIDTH } },
      SM_BOTH, QVTD_F_FS_ADDRESS },
    { "FS table of level 1 beyond it", M_N, { { FS(2), 0, 0, B_WIDTH } },
      SM_BOTH, QVTD_F_FS_ADDRESS },
    { "FS table of level 3 beyond it", M_N, { { FS(4), 0, 0, B_WIDTH } },
      SM_BOTH, QVTD_F_FS_ADDRESS },
    { "FS output beyond it", M_N, { { FS(1), 0, 0, B_WIDTH } },
      SM_BOTH, QVTD_F_SM_ADDRESS },
    { "FS output beyond it, read-only", M_N,
      { { FS(1), QVTD_FS_RW, 0, B_WIDTH } }, SM_WRITE, QVTD_F_SM_WRITE },
    { "no FS table where SS leads, top", M_N,
      { SM_PUT(W_OVER_TOP, QVTD_HOLE | QVTD_RW) },
      SM_BOTH, QVTD_F_FS_TOP_ACCESS },
    { "no FS table where SS leads", M_N,
      { SM_PUT(W_OVER, QVTD_HOLE | QVTD_RW) },
      SM_BOTH, QVTD_F_FS_ACCESS, .from = 1, .to = 3 },
    { "FS table write-only, top", M_N, { SM_CLEAR(W_OVER_TOP, QVTD_R) },
      SM_BOTH, QVTD_F_FS_TOP_READ },
    { "FS table write-only", M_N, { SM_CLEAR(W_OVER, QVTD_R) },
      SM_BOTH, QVTD_F_FS_READ, .from = 1, .to = 3 },
    { "FS table read-only, nothing to be set", M_N,
      { SM_CLEAR(W_OVER, QVTD_W) },
      SM_BOTH, .from = 1, .to = 5 },
    { "SS leaf over an FS table, reserved bit", M_N,
      { SM_SET(W_OVER, QVTD_TM) },
      SM_BOTH, QVTD_F_SS_RESERVED, .from = 1, .to = 5 },
    { "FS table read-only, A to be set", M_N,
      { SM_CLEAR(W_FS, QVTD_FS_A), SM_CLEAR(W_OVER, QVTD_W) },
      SM_BOTH, QVTD_F_FS_WRITE, SNOOPED, .from = 1, .to = 5 },
    { "FS table read-only, EA to be set", M_N,
      { SM_SET(PE(2), QVTD_EAFE), SM_SET(W_FS, AD), SM_CLEAR(W_OVER, QVTD_W) },
      SM_BOTH, QVTD_F_FS_WRITE, SNOOPED | QVTD_ECAP_EAFS, .from = 1, .to = 4 },
    { "FS table read-only, D to be set", M_N,
      { SM_CLEAR(FS(1), QVTD_FS_D), SM_CLEAR(OVER(1), QVTD_W) },
      SM_WRITE, QVTD_F_FS_WRITE, SNOOPED },
    { "FS table read-only, D missing, read", M_N,
      { SM_CLEAR(FS(1), QVTD_FS_D), SM_CLEAR(OVER(1), QVTD_W) }, SM_READ },
    { "FS denies before SS does", M_N,
      { SM_CLEAR(FS(1), US), SM_PUT(SS(1), 0) }, SM_BOTH, QVTD_F_USER },
    { "read-only in FS, absent in SS", M_N,
      { SM_CLEAR(FS(1), QVTD_FS_RW), SM_PUT(SS(1), 0) },
      SM_WRITE, QVTD_F_SM_WRITE },
    { "read-only in FS, write-only in SS", M_N,
      { SM_CLEAR(FS(1), QVTD_FS_RW), SM_CLEAR(SS(1), QVTD_R) },
      SM_READ, QVTD_F_SM_READ },
    { "2 MiB in both", M_N,
      { { FS(2), UINT64_MAX, QVTD_PS | USER | AD, B_MIB2 },
        { SS(2), UINT64_MAX, QVTD_PS | QVTD_RW, B_MIB2 } }, SM_BOTH },
    { "2 MiB over 1 GiB", M_N,
      { { FS(2), UINT64_MAX, QVTD_PS | USER | AD, B_MIB2 },
        { SS(3), UINT64_MAX, QVTD_PS | QVTD_RW, B_GIB } }, SM_BOTH },
    { "1 GiB over 2 MiB", M_N,
      { { FS(3), UINT64_MAX, QVTD_PS | USER | AD, B_GIB },
        { SS(2), UINT64_MAX, QVTD_PS | QVTD_RW, B_MIB2 } }, SM_BOTH,
      .cap_with = QVTD_CAP_FS1GP },
};

/* Accessed and dirty bits; where they are set is seen in every row */

static const SmRow marks[] = {
    { "A missing", M_FIRST, { SM_CLEAR(W_FS, QVTD_FS_A) },
      SM_BOTH, 0, SNOOPED, .from = 1, .to = 5 },
    { "A missing, not snooped", M_FIRST,
      { SM_CLEAR(W_FS, QVTD_FS_A), SM_CLEAR(PE(1), QVTD_PWSNP) },
      SM_BOTH, QVTD_F_FS_NOT_SNOOPED, SNOOPED, .from = 1, .to = 5 },
    /* memory is coherent anyway */
    { "A missing, no snooped walks at all", M_FIRST,
      { SM_CLEAR(W_FS, QVTD_FS_A) },
      SM_BOTH, 0, .without = SNOOPED, .from = 1, .to = 5 },
    { "EA missing", M_FIRST,
      { SM_SET(PE(2), QVTD_EAFE), SM_CLEAR(W_FS, QVTD_FS_EA) },
      SM_BOTH, 0, SNOOPED | QVTD_ECAP_EAFS, .from = 1, .to = 5 },
    { "A there in one SS entry", M_SECOND,
      { SM_SET(PE(0), QVTD_SSADE), SM_SET(W_SS, QVTD_SS_A) },
      SM_BOTH, 0, SNOOPED | QVTD_ECAP_SSADS, .from = 1, .to = 5 },
    { "FS table that is written", M_N,
      { SM_SET(PE(0), QVTD_SSADE), SM_CLEAR(W_FS, QVTD_FS_A) },
      SM_BOTH, 0, SNOOPED | QVTD_ECAP_SSADS, .from = 1, .to = 5 },
    { "D missing", M_FIRST, { SM_CLEAR(FS(1), QVTD_FS_D) },
      SM_WRITE, 0, SNOOPED },
    { "D missing, read", M_FIRST, { SM_CLEAR(FS(1), QVTD_FS_D) }, SM_READ },
    { "D missing, not snooped", M_FIRST,
      { SM_CLEAR(FS(1), QVTD_FS_D), SM_CLEAR(PE(1), QVTD_PWSNP) },
      SM_WRITE, QVTD_F_FS_NOT_SNOOPED, SNOOPED },
    { "D missing, not snooped, read", M_FIRST,
      { SM_CLEAR(FS(1), QVTD_FS_D), SM_CLEAR(PE(1), QVTD_PWSNP) }, SM_READ },
    { "A, D missing in a 2-MiB leaf", M_FIRST,
      { { FS(2), UINT64_MAX, QVTD_PS | QVTD_FS_USER, B_MIB2 } },
      SM_BOTH, 0, SNOOPED },
    { "A missing in a read-only leaf", M_FIRST,
      { SM_CLEAR(FS(1), QVTD_FS_RW | AD) },
      SM_WRITE, QVTD_F_SM_WRITE },
    { "A missing in a leaf that is not a user's", M_FIRST,
      { SM_CLEAR(FS(1), US | AD) }, SM_BOTH, QVTD_F_USER },
    { "A missing in a leaf to the interrupt range", M_FS,
      { SM_PUT(FS(1), QVTD_MSI_ADDR | QVTD_FS_USER) },
      SM_BOTH, QVTD_F_SM_OUTPUT },
    { "nothing missing, not snooped", M_FIRST,
      { SM_CLEAR(PE(1), QVTD_PWSNP) }, SM_BOTH },
    { "SS without SSADE", M_SS, { }, SM_BOTH },
    { "SS without SSADE, not snooped", M_SS,
      { SM_CLEAR(PE(1), QVTD_PWSNP) }, SM_BOTH },
    { "SSADE, not snooped", M_SECOND,
      { SM_SET(PE(0), QVTD_SSADE), SM_CLEAR(PE(1), QVTD_PWSNP) },
      SM_BOTH, QVTD_F_SS_NOT_SNOOPED, SNOOPED | QVTD_ECAP_SSADS },
    { "SS 2 MiB, SSADE", M_SECOND,
      { { SS(2), UINT64_MAX, QVTD_PS | QVTD_RW, B_MIB2 },
        SM_SET(PE(0), QVTD_SSADE) },
      SM_BOTH, 0, SNOOPED | QVTD_ECAP_SSADS },
    { "SS 1 GiB, SSADE", M_SECOND,
      { { SS(3), UINT64_MAX, QVTD_PS | QVTD_RW, B_GIB },
        SM_SET(PE(0), QVTD_SSADE) },
      SM_BOTH, 0, SNOOPED | QVTD_ECAP_SSADS },
    { "SS leaf read-only, SSADE", M_SECOND,
      { SM_SET(PE(0), QVTD_SSADE), SM_CLEAR(SS(1), QVTD_W) },
      SM_WRITE, QVTD_F_SM_WRITE, SNOOPED | QVTD_ECAP_SSADS },
    { "SS leaf zero, SSADE", M_SECOND,
      { SM_SET(PE(0), QVTD_SSADE), SM_PUT(SS(1), 0) },
      SM_BOTH, QVTD_F_SS, SNOOPED | QVTD_ECAP_SSADS },
    { "SS leaf to the interrupt range, SSADE", M_SECOND,
      { SM_SET(PE(0), QVTD_SSADE),
        SM_PUT(SS(1), QVTD_MSI_ADDR | QVTD_RW) },
      SM_BOTH, QVTD_F_SM_OUTPUT, SNOOPED | QVTD_ECAP_SSADS },
};

static const SmRow pass_through[] = {
    { "HAW", M_PT, { }, SM_BOTH, QVTD_F_PASS_THROUGH, .flip = BIT(52) },
    { "bit 63", M_PT, { }, SM_BOTH, QVTD_F_PASS_THROUGH, .flip = BIT(63) },
};

static void run(QVtd *d, uint16_t sid, unsigned haw, const SmRow *rows,
                unsigned n, uint64_t ecap)
{
    SmWay way;

    sm_way_init(&way, d, sid, haw);
    if (way.ecap & ecap) {
        expect_true(sm_rows(&way, rows, n));
    }
}

void qvtd_rows_sm_second(QVtd *d, uint16_t sid, unsigned haw)
{
    run(d, sid, haw, second, ARRAY_SIZE(second), QVTD_ECAP_SSTS);
}

void qvtd_rows_sm_first(QVtd *d, uint16_t sid, unsigned haw)
{
    run(d, sid, haw, first, ARRAY_SIZE(first), QVTD_ECAP_FSTS);
}

void qvtd_rows_sm_nested(QVtd *d, uint16_t sid, unsigned haw)
{
    run(d, sid, haw, both, ARRAY_SIZE(both), QVTD_ECAP_NEST);
}

void qvtd_rows_sm_marks(QVtd *d, uint16_t sid, unsigned haw)
{
    SmWay way;

    sm_way_init(&way, d, sid, haw);
    if (way.ecap & (QVTD_ECAP_SSTS | QVTD_ECAP_FSTS)) {
        expect_true(sm_rows(&way, marks, ARRAY_SIZE(marks)));
        /* a probe sets no bit, and so leaves nothing in a cache */
        way.probe_first = true;
        expect_true(sm_rows(&way, marks, ARRAY_SIZE(marks)));
    }
}

void qvtd_rows_sm_pass_through(QVtd *d, uint16_t sid, unsigned haw)
{
    run(d, sid, haw, pass_through, ARRAY_SIZE(pass_through), QVTD_ECAP_PT);
}
