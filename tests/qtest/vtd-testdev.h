/*
 * VT-d qtests: the IOMMU test device as the one that is notified
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns one vtd-testdev, whose registers include/hw/misc/vtd-testdev.h
 * explains: its commands as calls, its log and table as arrays.
 */

#ifndef TESTS_VTD_TESTDEV_H
#define TESTS_VTD_TESTDEV_H

#include "hw/misc/vtd-testdev.h"
#include "vtd-driver.h"

/*
 * A device at "@slot.@function" of the first bus, for the command line; and
 * one that keeps iommufd's rules
 */
#define TESTDEV_DEVICE(at)      " -device vtd-testdev,addr=" at
#define TESTDEV_IOMMUFD(at)     " -device vtd-testdev,iommufd=on,addr=" at

struct Testdev {
    QVtd *d;
    Testdev *next;              /* of those of the port */
    QPCIDevice *pci;
    QPCIBar bar;
    uint16_t sid;
    uint64_t scratch;           /* guest memory for the records */
};

/* Find the device @sid, give it its BAR and make it bus master. */
void testdev_start(Testdev *t, QVtd *d, uint16_t sid);
void testdev_stop(Testdev *t);

uint64_t testdev_read_reg(Testdev *t, unsigned offset);
void testdev_write_reg(Testdev *t, unsigned offset, uint64_t value);
/* A command with its @n arguments; returns its status. */
uint64_t testdev_command(Testdev *t, unsigned command, unsigned n, ...);
/* The counter TESTDEV_... */
uint64_t testdev_count(Testdev *t, unsigned counter);
/* No rule was broken; says which one was. */
bool testdev_expect_no_error(Testdev *t);

/* Forget the log, zero the counters. */
void testdev_clear(Testdev *t);
/* TestdevLog from index @from on, TestdevMapping in order; free them. */
GArray *testdev_log(Testdev *t, uint64_t from);
GArray *testdev_table(Testdev *t);

/* What the unit translates @iova to, without fault and for any access. */
TestdevProbe testdev_probe(Testdev *t, uint64_t iova);
/* The same for @n addresses, for an access as TESTDEV_PROBE has it. */
void testdev_probe_all(Testdev *t, TestdevProbe *probes, unsigned n,
                       unsigned access);

/* DMA of eight bytes; false if it failed. */
bool testdev_dma_read(Testdev *t, uint64_t iova, uint64_t *value);
bool testdev_dma_write(Testdev *t, uint64_t iova, uint64_t value);

/* The reader, for these pages; in lockstep it misses nothing that happens. */
void testdev_reader_start(Testdev *t, const TestdevWatch *watch, unsigned n,
                          bool lockstep);
/* Wait until it went once through all of them. */
void testdev_reader_pass(Testdev *t);
/* End it; returns how often it missed a page. */
uint64_t testdev_reader_stop(Testdev *t);

#endif
