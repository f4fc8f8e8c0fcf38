/*
 * VT-d qtests: what interrupt a CPU was given
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the reading of the monitor's "info lapic" and of the messages in the
 * trace.
 */

#include "qemu/osdep.h"
#include "vtd-lapic.h"

int lapic_take(Lapic *lapic)
{
    g_autofree char *text = qtest_hmp(lapic->qts, "info lapic %u", lapic->id);
    char *at = strstr(text, "\nIRR\t ");
    int taken = LAPIC_NONE;

    /* "IRR\t 48 49(level) \r\n", or "IRR\t (none)\r\n" */
    g_assert_nonnull(at);
    at += strlen("\nIRR\t ");
    while (g_ascii_isdigit(*at)) {
        int vector = g_ascii_strtoll(at, &at, 10);
        bool level = g_str_has_prefix(at, "(level)");

        g_assert_cmpint(vector, <, ARRAY_SIZE(lapic->seen));
        at = strchr(at, ' ') + 1;
        if (lapic->seen[vector]) {
            continue;
        }
        lapic->seen[vector] = true;
        lapic->level = level;
        taken = taken == LAPIC_NONE ? vector : LAPIC_SEVERAL;
    }
    return taken;
}

void lapic_start(Lapic *lapic, QTestState *qts, unsigned id)
{
    *lapic = (Lapic) { .qts = qts, .id = id };
    lapic_take(lapic);
}

void lapic_log_start(LapicLog *log)
{
    trace_log_start(log, "apic_deliver_irq");
}

void lapic_log_stop(LapicLog *log)
{
    trace_log_stop(log);
}

bool lapic_log_take(LapicLog *log, LapicMessage *message)
{
    g_autofree char *line = trace_log_take(log, "apic_deliver_irq");
    unsigned dest, logical, mode, vector, level;

    if (!line) {
        return false;
    }
    g_assert_cmpint(sscanf(line, "apic_deliver_irq dest %u dest_mode %u "
                           "delivery_mode %u vector %u trigger_mode %u",
                           &dest, &logical, &mode, &vector, &level), ==, 5);
    *message = (LapicMessage) { dest, logical, mode, vector, level };
    return true;
}
