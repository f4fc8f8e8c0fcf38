/*
 * VT-d qtests: a guest's driver for the remapping unit
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the machine under test and the register sequences that software has
 * to follow; the memory structures are in vtd-tables.c.
 */

#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "vtd-driver.h"

/* Where memory to be given out begins: above all that firmware uses */
#define FIRST_PAGE              0x1000000ull

/* How often software looks before it says that the unit hangs */
#define PATIENCE                1000

static void forget(QVtd *d)
{
    QTestState *qts = d->qts;

    *d = (QVtd) {
        .qts = qts,
        .pci = qpci_new_pc(qts, NULL),
        .next_page = FIRST_PAGE,
    };
    qtest_port_init(&d->port, qts);
    d->mailbox = qvtd_alloc(d, 1);
    d->status = qvtd_alloc(d, 1);
}

void qvtd_take(QVtd *d, QTestState *qts)
{
    d->qts = qts;
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
}

void qvtd_reset(QVtd *d)
{
    qtest_system_reset(d->qts);
    qpci_free_pc(d->pci);
    forget(d);
}

uint32_t qvtd_read32(QVtd *d, unsigned offset)
{
    return qtest_readl(d->qts, QVTD_BASE + offset);
}

uint64_t qvtd_read64(QVtd *d, unsigned offset)
{
    return qtest_readq(d->qts, QVTD_BASE + offset);
}

void qvtd_write32(QVtd *d, unsigned offset, uint32_t value)
{
    qtest_writel(d->qts, QVTD_BASE + offset, value);
}

void qvtd_write64(QVtd *d, unsigned offset, uint64_t value)
{
    qtest_writeq(d->qts, QVTD_BASE + offset, value);
}

uint32_t qvtd_command(QVtd *d, uint32_t bit, bool set)
{
    uint32_t levels = qvtd_read32(d, QVTD_GSTS) & QVTD_GCMD_LEVELS;
    uint32_t status;

    qvtd_write32(d, QVTD_GCMD, set ? levels | bit : levels & ~bit);
    for (int i = 0; i < PATIENCE; i++) {
        status = qvtd_read32(d, QVTD_GSTS);
        if (!(status & bit) == !set) {
            break;
        }
    }
    return status;
}

uint64_t qvtd_alloc(QVtd *d, unsigned n)
{
    uint64_t size = n * QVTD_PAGE;
    uint64_t page = ROUND_UP(d->next_page, size);

    qtest_memset(d->qts, page, 0, size);
    d->next_page = page + size;
    return page;
}

void qvtd_queue_start(QVtd *d, unsigned order)
{
    qvtd_queue_stop(d);
    d->queue = qvtd_alloc(d, 1u << order);
    d->queue_bytes = QVTD_PAGE << order;
    d->tail = 0;
    qvtd_write32(d, QVTD_IQT, 0);
    qvtd_write64(d, QVTD_IQA, d->queue | order);
    qvtd_command(d, QVTD_QIE, true);
}

void qvtd_queue_stop(QVtd *d)
{
    qvtd_command(d, QVTD_QIE, false);
    d->queue = 0;
}

void qvtd_queue_put(QVtd *d, QVtdDesc desc)
{
    qtest_writeq(d->qts, d->queue + d->tail, desc.lo);
    qtest_writeq(d->qts, d->queue + d->tail + 8, desc.hi);
    d->tail = (d->tail + 16) % d->queue_bytes;
}

void qvtd_queue_kick(QVtd *d)
{
    qvtd_write32(d, QVTD_IQT, d->tail);
}

bool qvtd_queue_sync(QVtd *d)
{
    uint32_t cookie = ++d->waits;

    qvtd_queue_put(d, QVTD_WAIT(QVTD_WAIT_SW, cookie, d->status));
    qvtd_queue_kick(d);
    for (int i = 0; i < PATIENCE; i++) {
        if (qtest_readl(d->qts, d->status) == cookie) {
            return true;
        }
    }
    return false;
}

void qvtd_invalidate(QVtd *d, QVtdDesc desc)
{
    qvtd_queue_put(d, desc);
    expect_true(qvtd_queue_sync(d));
}

void qvtd_invalidate_all(QVtd *d)
{
    qvtd_queue_put(d, QVTD_INV_CONTEXT_GLOBAL);
    qvtd_queue_put(d, QVTD_INV_IOTLB_GLOBAL);
    expect_true(qvtd_queue_sync(d));
}

void qvtd_set_root(QVtd *d, uint64_t rtaddr)
{
    qvtd_write64(d, QVTD_RTADDR, rtaddr);
    qvtd_command(d, QVTD_SRTP, true);
    qvtd_invalidate_all(d);
}

void qvtd_enable(QVtd *d)
{
    if (!d->queue) {
        qvtd_queue_start(d, 0);
    }
    if (!d->root) {
        d->root = qvtd_alloc(d, 1);
    }
    qvtd_set_root(d, d->root);
    expect_true(qvtd_command(d, QVTD_TE, true) & QVTD_TE);
}

void qvtd_disable(QVtd *d)
{
    expect_true(!(qvtd_command(d, QVTD_TE, false) & QVTD_TE));
}

void qvtd_remap_enable(QVtd *d, unsigned s, uint64_t flags)
{
    unsigned pages = (32u << s) / QVTD_PAGE;

    if (!d->queue) {
        qvtd_queue_start(d, 0);
    }
    d->irt = qvtd_alloc(d, pages ?: 1);
    qvtd_write64(d, QVTD_IRTA, d->irt | flags | s);
    qvtd_command(d, QVTD_SIRTP, true);
    qvtd_invalidate(d, QVTD_INV_IEC_GLOBAL);
    expect_true(qvtd_command(d, QVTD_IRE, true) & QVTD_IRE);
}

bool qvtd_take_fault(QVtd *d, QVtdFault *fault)
{
    uint64_t lo = qvtd_read64(d, QVTD_FRCD_LO);
    uint64_t hi = qvtd_read64(d, QVTD_FRCD_HI);

    if (!(hi & QVTD_FRCD_F)) {
        return false;
    }
    *fault = (QVtdFault) {
        .reason = hi >> 32,
        .sid = hi,
        .read = hi >> 62 & 1,
        .info = lo,
    };
    qvtd_write32(d, QVTD_FRCD_HI + 4, QVTD_FRCD_F >> 32);
    qvtd_write32(d, QVTD_FSTS, QVTD_FSTS_PFO);
    return true;
}

bool qvtd_expect_fault(QVtd *d, uint8_t reason, uint16_t sid,
                       uint64_t info, bool read)
{
    QVtdFault fault;

    /* One expectation after the other: each that is wrong is to be seen */
    return expect_true(qvtd_take_fault(d, &fault)) &&
        expect_eq(fault.reason, reason) &
        expect_eq(fault.sid, sid) &
        expect_eq(fault.info, info) &
        expect_eq(fault.read, read);
}

bool qvtd_expect_no_fault(QVtd *d)
{
    QVtdFault fault;

    return !qvtd_take_fault(d, &fault) || expect_eq(fault.reason, 0);
}

uint64_t qvtd_stat(QVtd *d, const char *name)
{
    QDict *response, *stats;
    uint64_t value;

    response = qtest_qmp(d->qts, "{ 'execute': 'qom-get', 'arguments': {"
                         " 'path': '/machine/peripheral/iommu',"
                         " 'property': 'stats' } }");
    stats = qdict_get_qdict(response, "return");
    g_assert_nonnull(stats);
    g_assert_true(qdict_haskey(stats, name));
    value = qdict_get_int(stats, name);
    qobject_unref(response);
    return value;
}
