/*
 * VT-d qtests: the port of tests/vtd/ to a QEMU under qtest
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See vtd-port.h.
 */

#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "vtd-testdev.h"

#define HIGH_RAM                0x100000000ull
/* What a q35 has below 4 GiB if it has more than fits there */
#define LOW_RAM_MAX             0xb0000000ull
#define LOW_RAM_SPLIT           0x80000000ull
#define VGA_HOLE                0xa0000ull
#define VGA_HOLE_LAST           0xbffffull

QtestPort *qtest_port(QVtdPort *port)
{
    return container_of(port, QtestPort, port);
}

static uint64_t port_reg_read(QVtdPort *port, unsigned offset, unsigned size)
{
    QTestState *qts = qtest_port(port)->qts;

    return size == 4 ? qtest_readl(qts, QVTD_BASE + offset)
                     : qtest_readq(qts, QVTD_BASE + offset);
}

static void port_reg_write(QVtdPort *port, unsigned offset, uint64_t value,
                           unsigned size)
{
    QTestState *qts = qtest_port(port)->qts;

    if (size == 4) {
        qtest_writel(qts, QVTD_BASE + offset, value);
    } else {
        qtest_writeq(qts, QVTD_BASE + offset, value);
    }
}

static void find_ram(QtestPort *p)
{
    QDict *response = qtest_qmp(p->qts, "{ 'execute':"
                                " 'query-memory-size-summary' }");
    uint64_t size = qdict_get_int(qdict_get_qdict(response, "return"),
                                  "base-memory");

    qobject_unref(response);
    p->ram = size >= LOW_RAM_MAX ? LOW_RAM_SPLIT : size;
    if (size > p->ram && !p->high_ram) {
        p->high_ram = HIGH_RAM + size - p->ram;
    }
}

static bool port_ram(QVtdPort *port, uint64_t gpa, uint64_t *last)
{
    QtestPort *p = qtest_port(port);
    uint64_t end;
    bool ram;

    if (!p->ram) {
        find_ram(p);
    }
    if (p->vga && gpa <= VGA_HOLE_LAST) {
        *last = gpa < VGA_HOLE ? VGA_HOLE - 1 : VGA_HOLE_LAST;
        return gpa < VGA_HOLE;
    }
    end = gpa < HIGH_RAM ? p->ram : p->high_ram;
    ram = gpa < end;
    *last = ram ? end - 1 : gpa < HIGH_RAM ? HIGH_RAM - 1 : UINT64_MAX;
    return ram;
}

static bool is_memory(QVtdPort *port, uint64_t gpa, size_t len)
{
    uint64_t last;

    return port_ram(port, gpa, &last) && last - gpa >= len - 1;
}

static bool port_mem_read(QVtdPort *port, uint64_t gpa, void *buf, size_t len)
{
    QtestPort *p = qtest_port(port);
    bool there = is_memory(port, gpa, len);

    if (there) {
        qtest_bufread(p->qts, gpa, buf, len);
    }
    return there;
}

static bool port_mem_write(QVtdPort *port, uint64_t gpa, const void *buf,
                           size_t len)
{
    QtestPort *p = qtest_port(port);
    bool there = is_memory(port, gpa, len);

    if (there) {
        qtest_bufwrite(p->qts, gpa, buf, len);
    }
    return there;
}

static Testdev *port_device(QVtdPort *port, uint16_t sid)
{
    Testdev *t = qtest_port(port)->devices;

    while (t && t->sid != sid) {
        t = t->next;
    }
    g_assert_nonnull(t);
    return t;
}

static bool port_dma(QVtdPort *port, uint16_t sid, uint64_t iova, bool write,
                     uint64_t *value)
{
    Testdev *t = port_device(port, sid);

    return write ? testdev_dma_write(t, iova, *value)
                 : testdev_dma_read(t, iova, value);
}

static void port_probe(QVtdPort *port, uint16_t sid, QVtdProbe *probes,
                       unsigned n)
{
    g_autofree TestdevProbe *found = g_new0(TestdevProbe, n);

    for (unsigned i = 0; i < n; i++) {
        found[i].iova = probes[i].iova;
    }
    testdev_probe_all(port_device(port, sid), found, n, 0);
    for (unsigned i = 0; i < n; i++) {
        probes[i] = (QVtdProbe) {
            found[i].iova, found[i].target, found[i].mask, found[i].perm,
        };
    }
}

static uint64_t port_stat(QVtdPort *port, const char *name)
{
    QDict *response = qtest_qmp(qtest_port(port)->qts,
                                "{ 'execute': 'qom-get', 'arguments': {"
                                " 'path': '/machine/peripheral/iommu',"
                                " 'property': 'stats' } }");
    QDict *stats = qdict_get_qdict(response, "return");
    uint64_t value;

    g_assert_nonnull(stats);
    g_assert_true(qdict_haskey(stats, name));
    value = qdict_get_int(stats, name);
    qobject_unref(response);
    return value;
}

/* The machine gets on by itself, while the caller looks again */
/* QEMU goes on by itself; a drain waits for a thread that lost its CPU */
static void port_pump(QVtdPort *port)
{
    g_usleep(1000);
}

QVtdPort *qtest_port_new(QTestState *qts)
{
    QtestPort *port = g_new(QtestPort, 1);

    *port = (QtestPort) {
        .port = {
            .reg_read = port_reg_read,
            .reg_write = port_reg_write,
            .mem_read = port_mem_read,
            .mem_write = port_mem_write,
            .ram = port_ram,
            .dma = port_dma,
            .probe = port_probe,
            .stat = port_stat,
            .pump = port_pump,
        },
        .qts = qts,
    };
    return &port->port;
}
