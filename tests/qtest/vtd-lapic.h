/*
 * VT-d qtests: what interrupt a CPU was given
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the look at a local APIC's request register.  No CPU runs under
 * qtest, so an interrupt that was delivered stays requested until reset; a
 * test uses each vector once.
 */

#ifndef TESTS_VTD_LAPIC_H
#define TESTS_VTD_LAPIC_H

#include "libqtest.h"

#define LAPIC_NONE              -1
#define LAPIC_SEVERAL           -2

typedef struct Lapic {
    QTestState *qts;
    unsigned id;
    bool seen[256];
    bool level;                 /* the last one taken was level triggered */
} Lapic;

/* The local APIC @id, from now on. */
void lapic_start(Lapic *lapic, QTestState *qts, unsigned id);

/*
 * The vector requested since the last call (or the start): LAPIC_NONE if
 * there is none, LAPIC_SEVERAL if there is more than one.
 */
int lapic_take(Lapic *lapic);

#endif
