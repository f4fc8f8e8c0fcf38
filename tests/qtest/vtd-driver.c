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

static void forget(VtdDriver *d)
{
    QTestState *qts = d->qts;

    *d = (VtdDriver) {
        .qts = qts,
        .pci = qpci_new_pc(qts, NULL),
        .next_page = FIRST_PAGE,
    };
    qtest_port_init(&d->port, qts);
    d->mailbox = vtd_alloc(d, 1);
    d->status = vtd_alloc(d, 1);
}

void vtd_take(VtdDriver *d, QTestState *qts)
{
    d->qts = qts;
    forget(d);
}

void vtd_start(VtdDriver *d, const char *machine, const char *props,
               const char *args)
{
    vtd_take(d, qtest_initf("-machine q35%s -nodefaults "
                            "-device intel-iommu,id=iommu%s %s",
                            machine, props, args));
}

void vtd_stop(VtdDriver *d)
{
    qpci_free_pc(d->pci);
    qtest_quit(d->qts);
}

void vtd_reset(VtdDriver *d)
{
    qtest_system_reset(d->qts);
    qpci_free_pc(d->pci);
    forget(d);
}

uint32_t vtd_read32(VtdDriver *d, unsigned offset)
{
    return qtest_readl(d->qts, VTD_BASE + offset);
}

uint64_t vtd_read64(VtdDriver *d, unsigned offset)
{
    return qtest_readq(d->qts, VTD_BASE + offset);
}

void vtd_write32(VtdDriver *d, unsigned offset, uint32_t value)
{
    qtest_writel(d->qts, VTD_BASE + offset, value);
}

void vtd_write64(VtdDriver *d, unsigned offset, uint64_t value)
{
    qtest_writeq(d->qts, VTD_BASE + offset, value);
}

uint32_t vtd_command(VtdDriver *d, uint32_t bit, bool set)
{
    uint32_t levels = vtd_read32(d, VTD_GSTS) & VTD_GCMD_LEVELS;
    uint32_t status;

    vtd_write32(d, VTD_GCMD, set ? levels | bit : levels & ~bit);
    for (int i = 0; i < PATIENCE; i++) {
        status = vtd_read32(d, VTD_GSTS);
        if (!(status & bit) == !set) {
            break;
        }
    }
    return status;
}

uint64_t vtd_alloc(VtdDriver *d, unsigned n)
{
    uint64_t size = n * VTD_PAGE;
    uint64_t page = ROUND_UP(d->next_page, size);

    qtest_memset(d->qts, page, 0, size);
    d->next_page = page + size;
    return page;
}

void vtd_queue_start(VtdDriver *d, unsigned order)
{
    vtd_queue_stop(d);
    d->queue = vtd_alloc(d, 1u << order);
    d->queue_bytes = VTD_PAGE << order;
    d->tail = 0;
    vtd_write32(d, VTD_IQT, 0);
    vtd_write64(d, VTD_IQA, d->queue | order);
    vtd_command(d, VTD_QIE, true);
}

void vtd_queue_stop(VtdDriver *d)
{
    vtd_command(d, VTD_QIE, false);
    d->queue = 0;
}

void vtd_queue_put(VtdDriver *d, VtdDesc desc)
{
    qtest_writeq(d->qts, d->queue + d->tail, desc.lo);
    qtest_writeq(d->qts, d->queue + d->tail + 8, desc.hi);
    d->tail = (d->tail + 16) % d->queue_bytes;
}

void vtd_queue_kick(VtdDriver *d)
{
    vtd_write32(d, VTD_IQT, d->tail);
}

bool vtd_queue_sync(VtdDriver *d)
{
    uint32_t cookie = ++d->waits;

    vtd_queue_put(d, VTD_WAIT(VTD_WAIT_SW, cookie, d->status));
    vtd_queue_kick(d);
    for (int i = 0; i < PATIENCE; i++) {
        if (qtest_readl(d->qts, d->status) == cookie) {
            return true;
        }
    }
    return false;
}

void vtd_invalidate(VtdDriver *d, VtdDesc desc)
{
    vtd_queue_put(d, desc);
    expect_true(vtd_queue_sync(d));
}

void vtd_invalidate_all(VtdDriver *d)
{
    vtd_queue_put(d, VTD_INV_CONTEXT_GLOBAL);
    vtd_queue_put(d, VTD_INV_IOTLB_GLOBAL);
    expect_true(vtd_queue_sync(d));
}

void vtd_set_root(VtdDriver *d, uint64_t rtaddr)
{
    vtd_write64(d, VTD_RTADDR, rtaddr);
    vtd_command(d, VTD_SRTP, true);
    vtd_invalidate_all(d);
}

void vtd_enable(VtdDriver *d)
{
    if (!d->queue) {
        vtd_queue_start(d, 0);
    }
    if (!d->root) {
        d->root = vtd_alloc(d, 1);
    }
    vtd_set_root(d, d->root);
    expect_true(vtd_command(d, VTD_TE, true) & VTD_TE);
}

void vtd_disable(VtdDriver *d)
{
    expect_true(!(vtd_command(d, VTD_TE, false) & VTD_TE));
}

void vtd_remap_enable(VtdDriver *d, unsigned s, uint64_t flags)
{
    unsigned pages = (32u << s) / VTD_PAGE;

    if (!d->queue) {
        vtd_queue_start(d, 0);
    }
    d->irt = vtd_alloc(d, pages ?: 1);
    vtd_write64(d, VTD_IRTA, d->irt | flags | s);
    vtd_command(d, VTD_SIRTP, true);
    vtd_invalidate(d, VTD_INV_IEC_GLOBAL);
    expect_true(vtd_command(d, VTD_IRE, true) & VTD_IRE);
}

bool vtd_take_fault(VtdDriver *d, VtdFault *fault)
{
    uint64_t lo = vtd_read64(d, VTD_FRCD_LO);
    uint64_t hi = vtd_read64(d, VTD_FRCD_HI);

    if (!(hi & VTD_FRCD_F)) {
        return false;
    }
    *fault = (VtdFault) {
        .reason = hi >> 32,
        .sid = hi,
        .read = hi >> 62 & 1,
        .info = lo,
    };
    vtd_write32(d, VTD_FRCD_HI + 4, VTD_FRCD_F >> 32);
    vtd_write32(d, VTD_FSTS, VTD_FSTS_PFO);
    return true;
}

bool vtd_expect_fault(VtdDriver *d, uint8_t reason, uint16_t sid,
                      uint64_t info, bool read)
{
    VtdFault fault;

    /* One expectation after the other: each that is wrong is to be seen */
    return expect_true(vtd_take_fault(d, &fault)) &&
        expect_eq(fault.reason, reason) &
        expect_eq(fault.sid, sid) &
        expect_eq(fault.info, info) &
        expect_eq(fault.read, read);
}

bool vtd_expect_no_fault(VtdDriver *d)
{
    VtdFault fault;

    return !vtd_take_fault(d, &fault) || expect_eq(fault.reason, 0);
}

uint64_t vtd_stat(VtdDriver *d, const char *name)
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
