/*
 * A VT-d unit's state on its way to another unit
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns two hosts: guest memory is copied from one to the other, and the unit's
 * state goes through VtdSaved.
 */

#ifndef TESTS_UNIT_VTD_MOVE_H
#define TESTS_UNIT_VTD_MOVE_H

#include "vtd-host.h"

/* The device, the page that it has, and the interrupt that is good for it */
#define SID                     0x0108
#define IOVA                    0x5000ull
#define MESSAGE                 0xfee00010ull

/* A unit with all of its state in use, and where it moves to */
typedef struct Move {
    Host *from, *to;
    Device *d, *arrived;
    uint64_t table, irt, page, other;
} Move;

/* Both of @config; NULL: host_config */
void move_start(Move *m, const VtdConfig *config);
void move_end(Move *m);
/* Copy memory, and load @saved without vtd_load_finish(); as vtd_load() */
char *move_load(Move *m, const VtdSaved *saved);
/* The register at @offset comes in as @value */
void put32(VtdSaved *saved, unsigned offset, uint32_t value);

#endif
