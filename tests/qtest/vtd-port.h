/*
 * VT-d qtests: the port of tests/vtd/ to a QEMU under qtest
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the way from the port's calls to qtest's, and what of the machine's
 * addresses is memory, which qtest does not tell.
 */

#ifndef TESTS_QTEST_VTD_PORT_H
#define TESTS_QTEST_VTD_PORT_H

#include "libqtest.h"
#include "tests/vtd/port.h"

typedef struct Testdev Testdev;

typedef struct QtestPort {
    QVtdPort port;
    QTestState *qts;
    Testdev *devices;           /* that can do DMA, and probe */
    /*
     * Ends of RAM below and above 4 GiB, 0 for none there: by the machine's
     * size as soon as one is asked for, or as a test has put them.
     */
    uint64_t ram, high_ram;
    bool vga;                   /* there is one, and its hole */
} QtestPort;

QVtdPort *qtest_port_new(QTestState *qts);      /* to be freed with g_free() */
QtestPort *qtest_port(QVtdPort *port);

#endif
