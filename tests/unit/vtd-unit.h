/*
 * A VT-d unit with one device, for its tests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what tests of single requests start from: a unit that translates, and
 * a device that is attached to tables of its own.
 */

#ifndef TESTS_UNIT_VTD_UNIT_H
#define TESTS_UNIT_VTD_UNIT_H

#include "vtd-host.h"

typedef struct Unit {
    Host *h;
    Device *d;
    uint64_t table;             /* the top table */
    unsigned levels;
} Unit;

/* As of host_new(); with 0 levels as many as the unit's width asks for */
Unit unit_new(const VtdConfig *config, uint16_t sid, unsigned levels,
              uint16_t did);

#endif
