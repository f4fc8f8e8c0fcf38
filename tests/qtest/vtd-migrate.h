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
#define QVTD_OURS               "QTEST_QEMU_BINARY"
#define QVTD_STOCK              "QTEST_STOCK_BINARY"

/* Whether there is a @device with this option. */
bool qvtd_has_option(const char *binary, const char *device, const char *name);

/*
 * Whether @binary is there and is QEMU 10.0, whose own device's words ours
 * are compared with.
 */
bool qvtd_has_words(const char *binary);

/* The machine of vtd_start() with its @props and @args, as a command line */
char *qvtd_command_line(const char *props, const char *args);

/*
 * Start the QEMU that @binary names, to wait for a state; @errors is the
 * file that its messages go to, or NULL.
 */
QTestState *qvtd_wait_for_state(const char *binary, const char *command_line,
                                const char *errors);
/* Take the state from @uri; false if QEMU refuses it, and then waits. */
bool qvtd_take_state(QTestState *qts, const char *uri);
/* Save the state to @uri.  The machine has stopped then. */
void qvtd_save_state(QTestState *qts, const char *uri);
/*
 * The same in two parts: all memory is saved, and what is written from then on
 * once more.  The machine has stopped in between.
 */
void qvtd_save_memory(QTestState *qts, const char *uri);
void qvtd_save_rest(QTestState *qts);

typedef enum QVtdWay {
    QVTD_WAY_FILE,
    QVTD_WAY_SOCKET,
    QVTD_WAY_SNAPSHOT,           /* back into the same QEMU, after a reset */
} QVtdWay;

/* Drives of the machine that VTD_WAY_SNAPSHOT needs; NULL without qemu-img */
char *qvtd_snapshot_drive(const char *directory);

/*
 * Move the machine of @d to another QEMU, started as above; files are put
 * into @directory.  @d goes on there, with all its structures; devices that
 * have no migrated state have to be started anew.
 */
void qvtd_move(QVtd *d, QVtdWay way, const char *binary,
               const char *command_line, const char *directory);

#endif
