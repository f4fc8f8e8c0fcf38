/*
 * VT-d qtests: a QEMU with the remapping unit, and a guest's driver in it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns a QEMU under qtest.  What a driver does there is in tests/vtd/driver.h;
 * every qtest of the unit is written on these calls.
 */

#ifndef TESTS_QTEST_VTD_DRIVER_H
#define TESTS_QTEST_VTD_DRIVER_H

#include "libqtest.h"
#include "libqos/pci-pc.h"
#include "tests/vtd/driver.h"
#include "vtd-port.h"

/* The address of tests that need just one, whichever it is */
#define IOVA                    GIB

/* CAP of a unit without options; that of QEMU's own, too, since 10.2 */
#define QVTD_CAP_USUAL \
    (0x00d2008c222f0606ull | \
     (QEMU_VERSION_MAJOR * 100 + QEMU_VERSION_MINOR >= 1002 ? \
      QVTD_CAP_ESRTPS : 0))

/*
 * Start QEMU with the unit (qdev id "iommu") and nothing else: @machine is
 * what follows "-machine q35", @props what follows "-device intel-iommu",
 * each "" or with a leading comma; @args are more arguments.
 */
void qvtd_start(QVtd *d, const char *machine, const char *props,
                const char *args);
/* Drive a QEMU that runs already; vtd_stop() ends it. */
void qvtd_take(QVtd *d, QTestState *qts);
void qvtd_stop(QVtd *d);

/* Reset the machine and forget all that was set up. */
void qvtd_reset(QVtd *d);

/* No more than a way to the unit: for registers, when nothing is set up. */
void qvtd_connect(QVtd *d, QTestState *qts);

#endif
