/*
 * Short names for what unit tests do to a made-up host
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See vtd-host.h.  The driver of tests/vtd/ does it.
 */

#include "qemu/osdep.h"
#include "vtd-host.h"

uint32_t rd32(Host *h, unsigned offset)
{
    uint64_t value = vtd_mmio_read(h->v, offset, 4);

    g_assert_cmphex(value, <=, UINT32_MAX);
    return value;
}

uint64_t rd64(Host *h, unsigned offset)
{
    return qvtd_read64(&h->vtd, offset);
}

void wr32(Host *h, unsigned offset, uint32_t value)
{
    qvtd_write32(&h->vtd, offset, value);
}

void wr64(Host *h, unsigned offset, uint64_t value)
{
    qvtd_write64(&h->vtd, offset, value);
}

void gcmd(Host *h, uint32_t bit, bool on)
{
    g_assert_cmphex(qvtd_command(&h->vtd, bit, on) & bit, ==, on ? bit : 0);
}

void set_root_table(Host *h, uint64_t rtaddr)
{
    qvtd_latch_root(&h->vtd, rtaddr);
}

void set_irta(Host *h, uint64_t irta)
{
    wr64(h, QVTD_IRTA, irta);
    gcmd(h, QVTD_SIRTP, true);
}

void host_enable(Host *h)
{
    h->vtd.root = host_pages(h, 1);
    set_root_table(h, h->vtd.root);
    gcmd(h, QVTD_TE, true);
}

uint64_t context_entry(Host *h, uint16_t sid)
{
    return qvtd_context_entry(&h->vtd, sid);
}

void set_context(Host *h, uint16_t sid, uint64_t lo, uint64_t hi)
{
    qvtd_set_context(&h->vtd, sid, lo, hi);
}

uint64_t context_hi(unsigned levels, uint16_t did)
{
    return QVTD_CONTEXT_DID(did) | (levels - 2);
}

void attach(Device *d, uint64_t table, unsigned levels, uint16_t did)
{
    set_context(d->h, d->sid, table | QVTD_P, context_hi(levels, did));
}

void detach(Device *d)
{
    set_context(d->h, d->sid, 0, 0);
}

uint64_t table_entry(Host *h, uint64_t table, unsigned levels, uint64_t iova,
                     unsigned level)
{
    return qvtd_entry(&h->vtd, &(QVtdDomain) { 0, levels, table }, iova,
                      level);
}

void map(Host *h, uint64_t table, unsigned levels, uint64_t iova,
         unsigned level, uint64_t leaf)
{
    qvtd_map(&h->vtd, &(QVtdDomain) { 0, levels, table }, iova, leaf, level,
             0);
}

void queue_start(Host *h, unsigned qs)
{
    qvtd_queue_start(&h->vtd, qs);
    assert_queue(h, 0, 0);
}

void queue_replace(Host *h, unsigned index, uint64_t lo, uint64_t hi)
{
    host_put(h, h->vtd.queue + index * 16, lo);
    host_put(h, h->vtd.queue + index * 16 + 8, hi);
}

void queue_put(Host *h, uint64_t lo, uint64_t hi)
{
    /* Even if the unit cannot read it, as not through the port */
    queue_replace(h, h->vtd.tail, lo, hi);
    h->vtd.tail = (h->vtd.tail + 1) % h->vtd.entries;
}

void queue_kick(Host *h)
{
    qvtd_queue_kick(&h->vtd);
}

void assert_queue(Host *h, unsigned head, unsigned iqei)
{
    g_assert_true(qvtd_expect_queue(&h->vtd, head, iqei));
}

void submit(Host *h, uint64_t lo, uint64_t hi)
{
    queue_put(h, lo, hi);
    queue_kick(h);
}

void queue_recover(Host *h)
{
    queue_replace(h, rd64(h, QVTD_IQH) >> 4, 5, 0);
    wr32(h, QVTD_FSTS, QVTD_FSTS_IQE);
    assert_queue(h, h->vtd.tail, 0);
}

void submit_wait(Host *h)
{
    g_assert_true(qvtd_queue_sync(&h->vtd));
    assert_queue(h, h->vtd.tail, 0);
}

void inv_context(Host *h, unsigned granularity, uint16_t did, uint16_t sid,
                 unsigned fm)
{
    qvtd_invalidate(&h->vtd, QVTD_INV_CONTEXT(granularity, did, sid, fm));
}

void inv_iotlb(Host *h, unsigned granularity, uint16_t did, uint64_t addr,
               unsigned am)
{
    qvtd_invalidate(&h->vtd, QVTD_INV_IOTLB(granularity, did, addr | am));
}

void inv_iec(Host *h, bool global, uint16_t index, unsigned im)
{
    qvtd_invalidate(&h->vtd, global ? QVTD_INV_IEC_GLOBAL
                                    : QVTD_INV_IEC_INDEX(index, im));
}

void assert_fault(Host *h, unsigned reason, uint16_t sid, uint64_t info,
                  bool read)
{
    /* one record: FRI is 0 */
    g_assert_cmphex(rd32(h, QVTD_FSTS) & ~QVTD_FSTS_IQE, ==, QVTD_FSTS_PPF);
    g_assert_cmphex(rd64(h, QVTD_FRCD_HI), ==,
                    QVTD_FRCD_F | (read ? QVTD_FRCD_READ : 0) |
                    QVTD_FRCD_REASON(reason) | sid);
    g_assert_true(qvtd_expect_fault(&h->vtd, reason, sid, info, read));
    assert_no_fault(h);
}

void assert_no_fault(Host *h)
{
    g_assert_cmphex(rd32(h, QVTD_FSTS) & (QVTD_FSTS_PPF | QVTD_FSTS_PFO), ==,
                    0);
    g_assert_cmphex(rd32(h, QVTD_FRCD_HI + 4) & BIT(31), ==, 0);
}

unsigned outcome(Device *d, uint64_t iova, VtdAccess access,
                 VtdTranslation *out)
{
    Host *h = d->h;
    unsigned reason;

    if (device_translate(d, iova, access, out)) {
        g_assert_cmphex(out->mask & (out->mask + 1), ==, 0);
        g_assert_cmphex(out->mask, >=, QVTD_PAGE - 1);
        g_assert_cmphex(out->iova, ==, iova & ~out->mask);
        g_assert_cmphex(out->addr & out->mask, ==, 0);
        g_assert_true(access == VTD_ACCESS_READ ? out->read :
                      access == VTD_ACCESS_WRITE ? out->write :
                      out->read || out->write);
        assert_no_fault(h);
        return 0;
    }
    if (!(rd32(h, QVTD_FSTS) & QVTD_FSTS_PPF)) {
        assert_no_fault(h);
        return SILENT;
    }
    g_assert_cmpint(access, !=, VTD_ACCESS_PROBE);
    reason = rd32(h, QVTD_FRCD_HI + 4) & 0xff;
    assert_fault(h, reason, d->sid, iova & BITS(63, 12),
                 access == VTD_ACCESS_READ);
    return reason;
}

VtdTranslation assert_maps(Device *d, uint64_t iova, VtdAccess access,
                           uint64_t addr)
{
    VtdTranslation t;

    g_assert_cmphex(outcome(d, iova, access, &t), ==, 0);
    g_assert_cmphex(t.addr | (iova & t.mask), ==, addr);
    return t;
}

void assert_blocked(Device *d, uint64_t iova, VtdAccess access,
                    unsigned reason)
{
    VtdTranslation t;

    g_assert_cmphex(outcome(d, iova, access, &t), ==, reason);
}

void assert_cached(Device *d, uint64_t iova, uint64_t addr, bool cached)
{
    unsigned before = d->h->reads;

    assert_maps(d, iova, VTD_ACCESS_READ, addr);
    if (cached) {
        g_assert_cmpuint(d->h->reads, ==, before);
    } else {
        g_assert_cmpuint(d->h->reads, >, before);
    }
}
