/*
 * VT-d qtests: what interrupt a CPU was given
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns two looks at the local APICs.  One is a CPU's request register, as
 * the monitor shows it.  No CPU runs under qtest, so an interrupt that was
 * delivered stays requested until reset; a test uses each vector once.  The
 * other is the log of the messages that came to the APICs, with what does
 * not show in a request register.
 */

#ifndef TESTS_VTD_LAPIC_H
#define TESTS_VTD_LAPIC_H

#include "libqtest.h"
#include "vtd-trace.h"

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

/* The log is QEMU's trace of one event */
typedef TraceLog LapicLog;

typedef struct LapicMessage {
    uint8_t dest;               /* its low eight bits */
    bool logical;
    uint8_t delivery_mode;
    uint8_t vector;
    bool level;
} LapicMessage;

void lapic_log_start(LapicLog *log);
void lapic_log_stop(LapicLog *log);
/* The next message, or false if there was none since the last one. */
bool lapic_log_take(LapicLog *log, LapicMessage *message);

#endif
