/*
 * VT-d qtests: a QEMU with the remapping unit, and a guest's driver in it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the machine under test.
 */

#include "qemu/osdep.h"
#include "vtd-driver.h"

/* Where memory to be given out begins: above all that firmware uses */
#define FIRST_PAGE              0x1000000ull

void qvtd_connect(QVtd *d, QTestState *qts)
{
    *d = (QVtd) { .qts = qts, .port = qtest_port_new(qts) };
}

static void forget(QVtd *d)
{
    d->pci = qpci_new_pc(d->qts, NULL);
    qvtd_init(d, d->port, FIRST_PAGE);
}

void qvtd_take(QVtd *d, QTestState *qts)
{
    qvtd_connect(d, qts);
    forget(d);
}

void qvtd_start(QVtd *d, const char *machine, const char *props,
                const char *args)
{
    qvtd_take(d, qtest_initf("-machine q35%s -nodefaults "
                             "-device intel-iommu,id=iommu%s %s",
                             machine, props, args));
}

void qvtd_stop(QVtd *d)
{
    qpci_free_pc(d->pci);
    qtest_quit(d->qts);
    g_free(qtest_port(d->port));
}

void qvtd_reset(QVtd *d)
{
    qtest_system_reset(d->qts);
    qpci_free_pc(d->pci);
    qtest_port(d->port)->devices = NULL;
    forget(d);
}
