/*
 * VT-d qtests: a machine that moves from one QEMU to another
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the ways that a machine's state can take, and the two kinds of QEMU
 * at their ends.
 */

#ifndef TESTS_VTD_MIGRATE_H
#define TESTS_VTD_MIGRATE_H

#include "vtd-driver.h"

/*
 * Environment variables that name a QEMU, and may add arguments to it.  The
 * second is one with QEMU's own device, and with our test device; what needs
 * it is only tested if it is set.
 */
#define VTD_OURS                "QTEST_QEMU_BINARY"
#define VTD_STOCK               "QTEST_STOCK_BINARY"

/* The machine of vtd_start() with its @props and @args, as a command line */
char *vtd_command_line(const char *props, const char *args);

/*
 * Start the QEMU that @binary names, to wait for a state; @errors is the
 * file that its messages go to, or NULL.
 */
QTestState *vtd_wait_for_state(const char *binary, const char *command_line,
                               const char *errors);
/* Take the state from @uri; false if QEMU refuses it, and then waits. */
bool vtd_take_state(QTestState *qts, const char *uri);
/* Save the state to @uri.  The machine has stopped then. */
void vtd_save_state(QTestState *qts, const char *uri);

typedef enum VtdWay {
    VTD_WAY_FILE,
    VTD_WAY_SOCKET,
    VTD_WAY_SNAPSHOT,           /* back into the same QEMU, after a reset */
} VtdWay;

/* Drives of the machine that VTD_WAY_SNAPSHOT needs; NULL without qemu-img */
char *vtd_snapshot_drive(const char *directory);

/*
 * Move the machine of @d to another QEMU, started as above; files are put
 * into @directory.  @d goes on there, with all its structures; devices that
 * have no migrated state have to be started anew.
 */
void vtd_move(VtdDriver *d, VtdWay way, const char *binary,
              const char *command_line, const char *directory);

#endif
