/*
 * VT-d qtests: the IOMMU test device as the one that is notified
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the way to the device's registers and records.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/pci/pci_regs.h"
#include "vtd-testdev.h"

/* Pages of guest memory that records go through */
#define SCRATCH_PAGES           256u
#define SCRATCH_BYTES           (SCRATCH_PAGES * QVTD_PAGE)

void testdev_start(Testdev *t, QVtd *d, uint16_t sid)
{
    *t = (Testdev) {
        .d = d,
        .sid = sid,
        .pci = qpci_device_find(d->pci, sid),
        .scratch = qvtd_alloc(d, SCRATCH_PAGES),
        .next = qtest_port(d->port)->devices,
    };
    qtest_port(d->port)->devices = t;
    g_assert_nonnull(t->pci);
    g_assert_cmphex(qpci_config_readw(t->pci, PCI_DEVICE_ID), ==,
                    VTD_TESTDEV_DEVICE_ID);
    t->bar = qpci_iomap(t->pci, 0, NULL);
    qpci_device_enable(t->pci);
}

void testdev_stop(Testdev *t)
{
    Testdev **at = &qtest_port(t->d->port)->devices;

    while (*at && *at != t) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = t->next;
    }
    g_free(t->pci);
}

uint64_t testdev_read_reg(Testdev *t, unsigned offset)
{
    return qpci_io_readq(t->pci, t->bar, offset);
}

void testdev_write_reg(Testdev *t, unsigned offset, uint64_t value)
{
    qpci_io_writeq(t->pci, t->bar, offset, value);
}

uint64_t testdev_command(Testdev *t, unsigned command, unsigned n, ...)
{
    va_list ap;

    va_start(ap, n);
    for (unsigned i = 0; i < n; i++) {
        testdev_write_reg(t, TESTDEV_ARG(i), va_arg(ap, uint64_t));
    }
    va_end(ap);
    testdev_write_reg(t, TESTDEV_COMMAND, command);
    return testdev_read_reg(t, TESTDEV_STATUS);
}

uint64_t testdev_count(Testdev *t, unsigned counter)
{
    return testdev_read_reg(t, TESTDEV_COUNTER(counter));
}

bool testdev_expect_no_error(Testdev *t)
{
    static const char *const names[] = TESTDEV_ERROR_TEXTS;
    bool ok = !testdev_count(t, TESTDEV_ALL_ERRORS);

    for (unsigned i = 1; !ok && i < TESTDEV_ERROR_END; i++) {
        uint64_t n = testdev_count(t, TESTDEV_ALL_ERRORS + i);

        if (n) {
            qvtd_expect_at(__FILE__, __LINE__, names[i], n, 0);
        }
    }
    return ok;
}

/* As uint64_t, which is what testdev_command() takes */
#define U(value)                ((uint64_t)(value))

void testdev_clear(Testdev *t)
{
    expect_eq(testdev_command(t, TESTDEV_CLEAR, 0), TESTDEV_OK);
}

GArray *testdev_log(Testdev *t, uint64_t from)
{
    GArray *all = g_array_new(false, false, sizeof(TestdevLog));
    unsigned max = SCRATCH_BYTES / sizeof(TestdevLog), n;

    do {
        unsigned old = all->len;

        expect_eq(testdev_command(t, TESTDEV_READ_LOG, 3, t->scratch,
                                  from + old, U(max)), TESTDEV_OK);
        n = testdev_read_reg(t, TESTDEV_RESULT);
        g_array_set_size(all, old + n);
        if (n) {
            qtest_bufread(t->d->qts, t->scratch,
                          &g_array_index(all, TestdevLog, old),
                          n * sizeof(TestdevLog));
        }
    } while (n == max);
    for (unsigned i = 0; i < all->len; i++) {
        TestdevLog *log = &g_array_index(all, TestdevLog, i);

        le64_to_cpus(&log->ns);
        le64_to_cpus(&log->iova);
        le64_to_cpus(&log->last);
        le64_to_cpus(&log->target);
        le64_to_cpus(&log->mappings);
        le32_to_cpus(&log->notifier);
    }
    return all;
}

GArray *testdev_table(Testdev *t)
{
    GArray *all = g_array_new(false, false, sizeof(TestdevMapping));
    unsigned max = SCRATCH_BYTES / sizeof(TestdevMapping), n;
    uint64_t from = 0;

    do {
        unsigned old = all->len;

        expect_eq(testdev_command(t, TESTDEV_READ_TABLE, 3, t->scratch, from,
                                  U(max)), TESTDEV_OK);
        n = testdev_read_reg(t, TESTDEV_RESULT);
        g_array_set_size(all, old + n);
        if (n) {
            qtest_bufread(t->d->qts, t->scratch,
                          &g_array_index(all, TestdevMapping, old),
                          n * sizeof(TestdevMapping));
        }
        for (unsigned i = old; i < all->len; i++) {
            TestdevMapping *m = &g_array_index(all, TestdevMapping, i);

            le64_to_cpus(&m->iova);
            le64_to_cpus(&m->last);
            le64_to_cpus(&m->target);
            le64_to_cpus(&m->perm);
            from = m->last + 1;
        }
    } while (n == max);
    return all;
}

static void probe_chunk(Testdev *t, TestdevProbe *probes, unsigned n,
                        unsigned access)
{
    QTestState *qts = t->d->qts;

    for (unsigned i = 0; i < n; i++) {
        cpu_to_le64s(&probes[i].iova);
    }
    qtest_bufwrite(qts, t->scratch, probes, n * sizeof(*probes));
    expect_eq(testdev_command(t, TESTDEV_PROBE, 3, t->scratch, U(n),
                              U(access)), TESTDEV_OK);
    qtest_bufread(qts, t->scratch, probes, n * sizeof(*probes));
    for (unsigned i = 0; i < n; i++) {
        le64_to_cpus(&probes[i].iova);
        le64_to_cpus(&probes[i].target);
        le64_to_cpus(&probes[i].mask);
        le64_to_cpus(&probes[i].perm);
    }
}

void testdev_probe_all(Testdev *t, TestdevProbe *probes, unsigned n,
                       unsigned access)
{
    unsigned max = SCRATCH_BYTES / sizeof(TestdevProbe);

    for (unsigned i = 0; i < n; i += max) {
        probe_chunk(t, probes + i, MIN(n - i, max), access);
    }
}

TestdevProbe testdev_probe(Testdev *t, uint64_t iova)
{
    TestdevProbe probe = { .iova = iova };

    testdev_probe_all(t, &probe, 1, 0);
    return probe;
}

bool testdev_dma_read(Testdev *t, uint64_t iova, uint64_t *value)
{
    bool ok = testdev_command(t, TESTDEV_DMA, 3, iova, U(8), U(false)) ==
              TESTDEV_OK;

    *value = testdev_read_reg(t, TESTDEV_BUFFER);
    return ok;
}

bool testdev_dma_write(Testdev *t, uint64_t iova, uint64_t value)
{
    testdev_write_reg(t, TESTDEV_BUFFER, value);
    return testdev_command(t, TESTDEV_DMA, 3, iova, U(8), U(true)) ==
           TESTDEV_OK;
}

void testdev_reader_start(Testdev *t, const TestdevWatch *watch, unsigned n,
                          bool lockstep)
{
    g_autofree TestdevWatch *le = g_new(TestdevWatch, n);

    g_assert_cmpuint(n * sizeof(*le), <=, SCRATCH_BYTES);
    for (unsigned i = 0; i < n; i++) {
        le[i].iova = cpu_to_le64(watch[i].iova);
        le[i].target = cpu_to_le64(watch[i].target);
    }
    qtest_bufwrite(t->d->qts, t->scratch, le, n * sizeof(*le));
    expect_eq(testdev_command(t, TESTDEV_READER, 3, t->scratch, U(n),
                              U(lockstep)), TESTDEV_OK);
}

void testdev_reader_pass(Testdev *t)
{
    /* The pass that goes on now began before: it does not count */
    uint64_t enough = testdev_count(t, TESTDEV_READER_PASSES) + 2;

    while (testdev_count(t, TESTDEV_READER_PASSES) < enough) {
        g_usleep(100);
    }
}

uint64_t testdev_reader_stop(Testdev *t)
{
    testdev_command(t, TESTDEV_READER, 3, U(0), U(0), U(0));
    return testdev_count(t, TESTDEV_READER_MISSES);
}
