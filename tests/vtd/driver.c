/*
 * VT-d tests: a guest's driver for the remapping unit
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the register sequences that software has to follow; the memory
 * structures are in tables.c.
 */

#include "qemu/osdep.h"
#include "tests/vtd/driver.h"

/* How often software looks before it says that the unit hangs */
#define PATIENCE                10000

void qvtd_init(QVtd *d, QVtdPort *port, uint64_t first_page)
{
    *d = (QVtd) {
        .port = port,
        .qts = d->qts,
        .pci = d->pci,
        .next_page = first_page,
    };
    d->mailbox = qvtd_alloc(d, 1);
    d->status = qvtd_alloc(d, 1);
}

uint32_t qvtd_read32(QVtd *d, unsigned offset)
{
    return d->port->reg_read(d->port, offset, 4);
}

uint64_t qvtd_read64(QVtd *d, unsigned offset)
{
    return d->port->reg_read(d->port, offset, 8);
}

void qvtd_write32(QVtd *d, unsigned offset, uint32_t value)
{
    d->port->reg_write(d->port, offset, value, 4);
}

void qvtd_write64(QVtd *d, unsigned offset, uint64_t value)
{
    d->port->reg_write(d->port, offset, value, 8);
}

uint64_t qvtd_stat(QVtd *d, const char *name)
{
    return d->port->stat(d->port, name);
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
        d->port->pump(d->port);
    }
    return status;
}

bool qvtd_flush_write_buffer(QVtd *d)
{
    uint32_t levels = qvtd_read32(d, QVTD_GSTS) & QVTD_GCMD_LEVELS;

    qvtd_write32(d, QVTD_GCMD, levels | QVTD_WBF);
    for (int i = 0; i < PATIENCE; i++) {
        if (!(qvtd_read32(d, QVTD_GSTS) & QVTD_WBF)) {
            return true;
        }
        d->port->pump(d->port);
    }
    return false;
}

void qvtd_queue_start(QVtd *d, unsigned order)
{
    qvtd_queue_stop(d);
    d->queue = qvtd_alloc(d, 1u << order);
    d->entries = (QVTD_PAGE << order) / qvtd_desc_size(d);
    d->tail = 0;
    qvtd_write32(d, QVTD_IQT, 0);
    qvtd_write64(d, QVTD_IQA, d->queue | order |
                 (d->wide ? QVTD_IQA_DW : 0));
    qvtd_command(d, QVTD_QIE, true);
}

void qvtd_queue_stop(QVtd *d)
{
    qvtd_command(d, QVTD_QIE, false);
    d->queue = 0;
}

unsigned qvtd_desc_size(const QVtd *d)
{
    return d->wide ? 32 : 16;
}

void qvtd_queue_put(QVtd *d, QVtdDesc desc)
{
    uint64_t at = d->queue + d->tail * qvtd_desc_size(d);

    qvtd_put(d, at, desc.lo);
    qvtd_put(d, at + 8, desc.hi);
    if (d->wide) {
        qvtd_put(d, at + 16, desc.upper[0]);
        qvtd_put(d, at + 24, desc.upper[1]);
    }
    d->tail = (d->tail + 1) % d->entries;
}

void qvtd_queue_kick(QVtd *d)
{
    qvtd_write32(d, QVTD_IQT, d->tail * qvtd_desc_size(d));
}

bool qvtd_queue_sync(QVtd *d)
{
    uint32_t cookie = ++d->waits;

    qvtd_queue_put(d, QVTD_WAIT(QVTD_WAIT_SW, cookie, d->status));
    qvtd_queue_kick(d);
    for (int i = 0; i < PATIENCE; i++) {
        if (qvtd_get32(d, d->status) == cookie) {
            return true;
        }
        d->port->pump(d->port);
    }
    return false;
}

bool qvtd_expect_queue(QVtd *d, unsigned head, unsigned iqei)
{
    bool ok = expect_eq(qvtd_read64(d, QVTD_IQH), head * qvtd_desc_size(d));

    ok &= expect_eq(qvtd_read32(d, QVTD_FSTS) & QVTD_FSTS_IQE,
                    iqei ? QVTD_FSTS_IQE : 0);
    ok &= expect_eq(qvtd_read64(d, QVTD_IQERCD), iqei);
    return ok;
}

unsigned qvtd_queue_error(QVtd *d, QVtdDesc desc)
{
    uint64_t at = d->queue + d->tail * qvtd_desc_size(d);
    unsigned head = d->tail, iqei = 0;

    qvtd_queue_put(d, desc);
    qvtd_queue_kick(d);
    if (qvtd_read32(d, QVTD_FSTS) & QVTD_FSTS_IQE) {
        iqei = qvtd_read64(d, QVTD_IQERCD);
        qvtd_expect_queue(d, head, iqei);
        for (unsigned i = 0; i < qvtd_desc_size(d); i += 8) {
            qvtd_put(d, at + i, i ? 0 : QVTD_WAIT(0, 0, 0).lo);
        }
        qvtd_write32(d, QVTD_FSTS, QVTD_FSTS_IQE);
    }
    expect_true(qvtd_queue_sync(d));
    qvtd_expect_done(d);
    return iqei;
}

void qvtd_expect_done(QVtd *d)
{
    expect_eq(qvtd_read64(d, QVTD_IQH), d->tail * qvtd_desc_size(d));
    expect_eq(qvtd_read64(d, QVTD_IQT), d->tail * qvtd_desc_size(d));
    expect_eq(qvtd_read32(d, QVTD_FSTS), 0);
}

void qvtd_expect_stopped(QVtd *d, uint32_t head, unsigned iqei)
{
    expect_eq(qvtd_read64(d, QVTD_IQH), head);
    expect_eq(qvtd_read32(d, QVTD_FSTS), QVTD_FSTS_IQE);
    if (iqei) {
        expect_eq(qvtd_read64(d, QVTD_IQERCD), iqei);
    }
}

void qvtd_invalidate(QVtd *d, QVtdDesc desc)
{
    if (qvtd_read32(d, QVTD_GSTS) & QVTD_QIE) {
        qvtd_queue_put(d, desc);
        expect_true(qvtd_queue_sync(d));
    } else {
        qvtd_invalidate_by_register(d, desc);
    }
}

/* Write @value, whose bit 63 says that the unit is to act, and wait for it */
static uint64_t act(QVtd *d, unsigned offset, uint64_t value)
{
    qvtd_write64(d, offset, value | 1ull << 63);
    for (int i = 0; i < PATIENCE; i++) {
        value = qvtd_read64(d, offset);
        if (!(value >> 63)) {
            break;
        }
        d->port->pump(d->port);
    }
    expect_eq(value >> 63, 0);
    return value;
}

void qvtd_invalidate_by_register(QVtd *d, QVtdDesc desc)
{
    bool queue = qvtd_read32(d, QVTD_GSTS) & QVTD_QIE;
    unsigned granularity = desc.lo >> 4 & 3;
    uint16_t did = desc.lo >> 16;
    uint64_t value;

    if (queue) {
        qvtd_queue_stop(d);
    }
    switch (desc.lo & 0xf) {
    case 1:
        value = act(d, QVTD_CCMD, QVTD_CCMD_CIRG(granularity) |
                    QVTD_CCMD_DID(did) |
                    QVTD_CCMD_SID(desc.lo >> 32 & 0xffff) |
                    QVTD_CCMD_FM(desc.lo >> 48 & 3));
        expect_eq(QVTD_CCMD_CAIG(value), granularity);
        break;
    case 2:
        qvtd_write64(d, QVTD_IVA, desc.hi);
        value = act(d, QVTD_IOTLB, QVTD_IOTLB_IIRG(granularity) |
                    QVTD_IOTLB_DID(did));
        expect_eq(QVTD_IOTLB_IAIG(value), granularity);
        break;
    default:
        g_assert_not_reached();
    }
    if (queue) {
        qvtd_queue_start(d, 0);
    }
}

void qvtd_invalidate_all(QVtd *d)
{
    qvtd_queue_put(d, QVTD_INV_CONTEXT_GLOBAL);
    if (d->scalable) {
        qvtd_queue_put(d, QVTD_INV_PASID_CACHE_GLOBAL);
    }
    qvtd_queue_put(d, QVTD_INV_IOTLB_GLOBAL);
    expect_true(qvtd_queue_sync(d));
}

void qvtd_latch_root(QVtd *d, uint64_t rtaddr)
{
    qvtd_write64(d, QVTD_RTADDR, rtaddr);
    qvtd_command(d, QVTD_SRTP, true);
}

void qvtd_set_root(QVtd *d, uint64_t rtaddr)
{
    qvtd_latch_root(d, rtaddr);
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
    qvtd_set_root(d, d->root | (d->scalable ? QVTD_TTM_SCALABLE : 0));
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
        .read = !!(hi & QVTD_FRCD_READ),
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
    bool ok = expect_true(qvtd_take_fault(d, &fault));

    /* QEMU's own device has a PASID in the record, too */
    if (ok) {
        ok &= expect_eq(fault.reason, reason);
        ok &= expect_eq(fault.sid, sid);
        ok &= expect_eq(fault.info, info);
        ok &= expect_eq(fault.read, read);
    }
    return ok;
}

bool qvtd_expect_no_fault(QVtd *d)
{
    QVtdFault fault;

    return !qvtd_take_fault(d, &fault) || expect_eq(fault.reason, 0);
}
