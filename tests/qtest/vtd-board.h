/*
 * VT-d qtests: a machine with devices that keep shadows
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the machine that the tests of shadows start from.
 */

#ifndef TESTS_VTD_BOARD_H
#define TESTS_VTD_BOARD_H

#include "tests/vtd/edits.h"
#include "vtd-shadow.h"

/* RAM that nothing else uses, for targets; 64 MiB with default memory */
#define BOARD_RAM               EDIT_RAM
#define BOARD_END_OF_RAM        0x8000000ull
#define BOARD_GIB               EDIT_GIB
#define BOARD_GIB_2             EDIT_GIB_2

/*
 * Two devices, at 00:03.0 by the rules of iommufd and at 00:04.0 by those of
 * type1; both have the domain 1
 */
typedef struct Board {
    QVtd d;
    Plain plain;
    Testdev a, b;
    Shadow sa, sb;
    QVtdDomain domain;
} Board;

/*
 * @props as for vtd_start(), beside caching-mode=on; @b is what follows
 * "-device vtd-testdev" for the second device, "" or with a leading comma.
 * Only the first device is attached, and the first look has been taken.
 */
void board_start(Board *w, const char *props, const char *b,
                 const char *args);
/* As board_start() with nothing special. */
void board_start_plain(Board *w);
/* With the GiBs BOARD_GIB and BOARD_GIB_2 as targets of large leaves. */
void board_start_big(Board *w);
void board_stop(Board *w);

/* Give the second device the domain too, and take its first look. */
void board_attach_b(Board *w);

#define BOARD_EDIT(w, ...) \
    qvtd_edit(&(w)->d, &(w)->domain, (const Edit[]) { __VA_ARGS__ }, \
              sizeof((const Edit[]) { __VA_ARGS__ }) / sizeof(Edit))

/* Rows of edits one after the other; each is looked at by @w->sa. */
void board_rows(Board *w, const EditRow *rows, unsigned n);
void board_rows_of(Board *w, const char *name);

/* Largest AM of a page-selective invalidation. */
unsigned board_mamv(Board *w);

/* Power a root port's slot: the guest's part when a device comes or goes. */
void board_slot_power(QVtd *d, uint16_t port, bool on);

/* Addresses for what is on a bus and behind it, of sixteen buses in a row */
#define BOARD_WINDOW_BYTES      (1u << 24)
#define BOARD_WINDOW(bus)       (0xd0000000u + (bus) % 16 * BOARD_WINDOW_BYTES)

/*
 * What firmware does to the bridge @bridge: the buses @bus to @last are behind
 * it, with their windows.  The next BAR goes into the first of these.
 */
void board_number_bus(QVtd *d, uint16_t bridge, uint8_t bus, uint8_t last);

#endif
