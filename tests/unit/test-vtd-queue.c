/*
 * The VT-d unit's invalidation queue: descriptors, errors, recovery
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What invalidations do to the caches is test-vtd-cache.c's.
 */

#include "qemu/osdep.h"
#include "tests/vtd/rows.h"
#include "vtd-host.h"

static uint64_t wait_lo(uint32_t data)
{
    return 5 | QVTD_WAIT_SW | (uint64_t)data << 32;
}

/* Each size, filled to the brim from each of some places, and wrapping */
static void test_sizes(void)
{
    for (unsigned qs = 0; qs < 8; qs++) {
        Host *h = host_new(NULL);

        queue_start(h, qs);
        for (unsigned round = 0; round < 3; round++) {
            /* full: all but one descriptor (1.12) */
            for (unsigned i = 1; i < h->vtd.entries; i++) {
                queue_put(h, wait_lo(round * h->vtd.entries + i),
                          h->vtd.status);
            }
            queue_kick(h);
            assert_queue(h, h->vtd.tail, 0);
            g_assert_cmphex((uint32_t)host_get(h, h->vtd.status), ==,
                            round * h->vtd.entries + h->vtd.entries - 1);
        }
        g_assert_cmpuint(h->vtd.tail, ==, h->vtd.entries - 3);

        /* one by one over the end, where the head wraps to 0 */
        for (unsigned i = 0; i < 6; i++) {
            submit_wait(h);
        }
        g_assert_cmpuint(h->vtd.tail, ==, 3);
        host_free(h);
    }
}

/* A tail beyond the end stops the queue until software mends it */
static void test_tail_beyond(void)
{
    for (unsigned qs = 0; qs < 7; qs++) {
        Host *h = host_new(NULL);
        uint32_t beyond[] = { 256u << qs, (256u << qs) + 1, 32767 };

        queue_start(h, qs);
        submit_wait(h);
        for (unsigned i = 0; i < G_N_ELEMENTS(beyond); i++) {
            wr32(h, QVTD_IQT, beyond[i] << 4);
            assert_queue(h, h->vtd.tail, QVTD_IQEI_TAIL);
            /* still wrong: found again */
            wr32(h, QVTD_FSTS, QVTD_FSTS_IQE);
            assert_queue(h, h->vtd.tail, QVTD_IQEI_TAIL);
            queue_kick(h);
            wr32(h, QVTD_FSTS, QVTD_FSTS_IQE);
            assert_queue(h, h->vtd.tail, 0);
            submit_wait(h);
        }
        host_free(h);
    }
}

/* The rows that the qtests have too */

static void test_descriptors(void)
{
    for (unsigned on = 0; on < 2; on++) {
        VtdConfig config = host_config;
        Host *h;

        config.device_iotlb = on;
        h = host_new(&config);
        qvtd_rows_descriptors(&h->vtd, on);
        qvtd_rows_refused(&h->vtd, on);
        host_free(h);
    }
}

static void test_types(void)
{
    static const struct {
        bool device_iotlb, intr_remap;
    } configs[] = { { false, false }, { true, false }, { false, true } };

    for (unsigned i = 0; i < G_N_ELEMENTS(configs); i++) {
        VtdConfig config = host_config;
        Host *h;

        config.device_iotlb = configs[i].device_iotlb;
        config.intr_remap = config.eim = configs[i].intr_remap;
        h = host_new(&config);
        qvtd_rows_types(&h->vtd, config.device_iotlb, config.intr_remap);
        host_free(h);
    }
}

static void test_reserved_bits(void)
{
    VtdConfig config = host_config;
    Host *h;

    config.device_iotlb = true;
    h = host_new(&config);
    qvtd_rows_reserved(&h->vtd);
    host_free(h);
}

/* What is before an error is done, what is after it waits for the cure */
static void test_error_stops(void)
{
    Host *h = host_new(NULL);
    unsigned bad;

    queue_start(h, 0);
    queue_put(h, wait_lo(1), h->vtd.status);
    bad = h->vtd.tail;
    queue_put(h, 0xf, 0);
    queue_put(h, wait_lo(2), h->vtd.status);
    queue_put(h, 1, 0);                         /* another error behind */
    queue_put(h, wait_lo(3), h->vtd.status);
    queue_kick(h);
    assert_queue(h, bad, QVTD_IQEI_TYPE);
    g_assert_cmphex(host_get(h, h->vtd.status), ==, 1);

    /* a tail written meanwhile is taken, and acted on later */
    queue_put(h, wait_lo(4), h->vtd.status);
    queue_kick(h);
    g_assert_cmphex(rd64(h, QVTD_IQT), ==, h->vtd.tail << 4);
    assert_queue(h, bad, QVTD_IQEI_TYPE);
    g_assert_cmphex(host_get(h, h->vtd.status), ==, 1);

    /* cleared but not mended: it is fetched again */
    wr32(h, QVTD_FSTS, QVTD_FSTS_IQE);
    assert_queue(h, bad, QVTD_IQEI_TYPE);

    queue_replace(h, bad, 5, 0);
    /* neither the tail nor other bits of FSTS start it */
    queue_kick(h);
    assert_queue(h, bad, QVTD_IQEI_TYPE);
    wr32(h, QVTD_FSTS, ~QVTD_FSTS_IQE);
    assert_queue(h, bad, QVTD_IQEI_TYPE);
    g_assert_cmphex(host_get(h, h->vtd.status), ==, 1);
    wr32(h, QVTD_FSTS, QVTD_FSTS_IQE);
    assert_queue(h, bad + 2, QVTD_IQEI_RESERVED);
    g_assert_cmphex(host_get(h, h->vtd.status), ==, 2);
    queue_recover(h);
    g_assert_cmphex(host_get(h, h->vtd.status), ==, 4);
    submit_wait(h);
    host_free(h);
}

static void test_fetch(void)
{
    Host *h = host_new(NULL);

    queue_start(h, 1);
    host_set_ram(h, h->vtd.queue + QVTD_PAGE, false);
    for (unsigned i = 0; i < 300; i++) {
        queue_put(h, wait_lo(i), h->vtd.status);
    }
    queue_kick(h);
    assert_queue(h, 256, QVTD_IQEI_FETCH);
    g_assert_cmphex(host_get(h, h->vtd.status), ==, 255);
    wr32(h, QVTD_FSTS, QVTD_FSTS_IQE);
    assert_queue(h, 256, QVTD_IQEI_FETCH);
    host_set_ram(h, h->vtd.queue + QVTD_PAGE, true);
    wr32(h, QVTD_FSTS, QVTD_FSTS_IQE);
    assert_queue(h, 300, 0);
    g_assert_cmphex(host_get(h, h->vtd.status), ==, 299);
    host_free(h);

    /* a base that no memory has */
    h = host_new(NULL);
    wr64(h, QVTD_IQA, BITS(63, 12));
    gcmd(h, QVTD_QIE, true);
    assert_queue(h, 0, 0);
    wr32(h, QVTD_IQT, 0x10);
    assert_queue(h, 0, QVTD_IQEI_FETCH);
    gcmd(h, QVTD_QIE, false);
    queue_start(h, 0);
    submit_wait(h);
    host_free(h);
}

/* The same where page flushes lead up to it, which are read ahead */
static void test_fetch_ahead(void)
{
    Host *h = host_new(NULL);
    QVtdDesc pages = QVTD_INV_IOTLB_PAGES(5, 0x3000, 0);

    queue_start(h, 1);
    host_set_ram(h, h->vtd.queue + QVTD_PAGE, false);
    for (unsigned i = 0; i < 300; i++) {
        queue_put(h, pages.lo, pages.hi);
    }
    queue_kick(h);
    assert_queue(h, 256, QVTD_IQEI_FETCH);
    host_set_ram(h, h->vtd.queue + QVTD_PAGE, true);
    wr32(h, QVTD_FSTS, QVTD_FSTS_IQE);
    assert_queue(h, 300, 0);
    g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_INV_IOTLB_PAGE), ==, 300);
    host_free(h);
}

/* 256-bit descriptors need scalable mode */
static void test_width(void)
{
    Host *h = host_new(NULL);
    uint64_t queue = host_pages(h, 1);

    wr64(h, QVTD_IQA, queue | BIT(11));
    gcmd(h, QVTD_QIE, true);
    wr32(h, QVTD_IQT, 2 << 4);
    assert_queue(h, 0, QVTD_IQEI_WIDTH);
    gcmd(h, QVTD_QIE, false);
    queue_start(h, 0);
    submit_wait(h);
    host_free(h);
}

/* The range that a device-TLB descriptor's size is coded for (7.5) */
static void test_device_tlb(void)
{
    static const struct {
        uint64_t hi;
        uint64_t first, last;
    } table[] = {
        { 0x5000, 0x5000, 0x5fff },
        /* bits from 48 up are not looked at, but for the size */
        { 0xfffffffffffff000, 0xfffffffff000, 0xffffffffffff },
        { 0xffff000040005000, 0x40005000, 0x40005fff },
        { 0x8001000000005000 | 1, 0x4000, 0x7fff },
        { 0x0000ffffffffe000 | 1, 0xffffffffe000, 0xffffffffffff },
        { 0x4000 | 1, 0x4000, 0x5fff },
        { 0x5000 | 1, 0x4000, 0x7fff },
        { 0x3000 | 1, 0, 0x7fff },
        { 0x12340ff000 | 1, 0x1234000000, 0x12341fffff },
        { 0x7ffff000 | 1, 0, 0xffffffff },
        { 0x7ffffffffffff000 | 1, 0, UINT64_MAX },
    };
    VtdConfig config = host_config;
    Device *d[2];
    Host *h;

    config.device_iotlb = true;
    h = host_new(&config);
    d[0] = device_new(h, 0x1234);
    d[1] = device_new(h, 0x1235);
    vtd_space_watch(d[0]->space, false, true);
    vtd_space_watch(d[1]->space, false, true);
    queue_start(h, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        Forget *forget;

        g_array_set_size(h->forgets, 0);
        submit(h, 3 | 31 << 16 | 0x1235ull << 32, table[i].hi);
        assert_queue(h, h->vtd.tail, 0);
        g_assert_cmpuint(h->forgets->len, ==, 1);
        forget = &g_array_index(h->forgets, Forget, 0);
        g_assert_cmphex(forget->sid, ==, 0x1235);
        g_assert_cmphex(forget->first, ==, table[i].first);
        g_assert_cmphex(forget->last, ==, table[i].last);
        g_assert_true(forget->device_tlb);
    }
    host_free(h);
}

/* Off and on again, also as a way out of an error (7.6) */
static void test_disable(void)
{
    Host *h = host_new(NULL);

    queue_start(h, 0);
    submit_wait(h);
    gcmd(h, QVTD_QIE, false);
    g_assert_cmphex(rd64(h, QVTD_IQH), ==, 0);
    wr32(h, QVTD_IQT, 0x20);
    g_assert_cmphex(rd64(h, QVTD_IQH), ==, 0);

    queue_start(h, 0);
    submit(h, 0xf, 0);
    assert_queue(h, 0, QVTD_IQEI_TYPE);
    g_assert_cmphex(rd32(h, QVTD_FECTL), ==, QVTD_ECTL_IM | QVTD_ECTL_IP);
    gcmd(h, QVTD_QIE, false);
    g_assert_cmphex(rd64(h, QVTD_IQH), ==, 0);
    /* the error was the event's only cause */
    g_assert_cmphex(rd32(h, QVTD_FECTL), ==, QVTD_ECTL_IM);
    queue_start(h, 3);
    submit_wait(h);

    /* what stands before the tail when it is switched on is carried out */
    gcmd(h, QVTD_QIE, false);
    queue_replace(h, 0, 5 | QVTD_WAIT_SW | 0x99ull << 32, h->vtd.status);
    wr32(h, QVTD_IQT, 0x10);
    gcmd(h, QVTD_QIE, true);
    assert_queue(h, 1, 0);
    g_assert_cmphex((uint32_t)host_get(h, h->vtd.status), ==, 0x99);
    host_free(h);
}

/* The tail is all in the low half; the high one starts nothing */
static void test_tail_halves(void)
{
    Host *h = host_new(NULL);

    queue_start(h, 0);
    queue_put(h, wait_lo(1), h->vtd.status);
    wr32(h, QVTD_IQT + 4, UINT32_MAX);
    assert_queue(h, 0, 0);
    g_assert_cmphex(rd64(h, QVTD_IQT), ==, 0);
    wr64(h, QVTD_IQT, 0xffffffff0000001full);    /* reserved bits as well */
    assert_queue(h, 1, 0);
    g_assert_cmphex(rd64(h, QVTD_IQT), ==, 0x10);
    g_assert_cmphex(host_get(h, h->vtd.status), ==, 1);
    host_free(h);
}

/* Four bytes at STADDR, and nothing beside them */
static void test_wait_status(void)
{
    Host *h = host_new(NULL);
    unsigned bad;

    queue_start(h, 0);
    for (unsigned at = 0; at < 16; at += 4) {
        uint64_t want[2] = { UINT64_MAX, UINT64_MAX };
        uint32_t data = 0x12345678 + at;

        host_put(h, h->vtd.status, UINT64_MAX);
        host_put(h, h->vtd.status + 8, UINT64_MAX);
        submit(h, wait_lo(data), h->vtd.status + at);
        assert_queue(h, h->vtd.tail, 0);
        memcpy((char *)want + at, &data, 4);
        g_assert_cmphex(host_get(h, h->vtd.status), ==, want[0]);
        g_assert_cmphex(host_get(h, h->vtd.status + 8), ==, want[1]);

        /* without SW: none */
        submit(h, 5 | 0xabcdull << 32, h->vtd.status + at);
        assert_queue(h, h->vtd.tail, 0);
        g_assert_cmphex(host_get(h, h->vtd.status), ==, want[0]);
    }
    /* a status that goes nowhere: the wait is not complete (7.5) */
    bad = h->vtd.tail;
    submit(h, wait_lo(1) | QVTD_WAIT_IF, BITS(63, 2));
    g_assert_cmphex(rd32(h, QVTD_FSTS), ==, QVTD_FSTS_IQE);
    g_assert_cmphex(rd64(h, QVTD_IQH), ==, bad * 16);
    g_assert_cmphex(rd64(h, QVTD_IQERCD), ==, 0);
    g_assert_cmphex(rd32(h, QVTD_ICS), ==, 0);
    host_put(h, h->vtd.queue + bad * 16, wait_lo(2));
    host_put(h, h->vtd.queue + bad * 16 + 8, h->vtd.status);
    wr32(h, QVTD_FSTS, QVTD_FSTS_IQE);
    assert_queue(h, h->vtd.tail, 0);
    g_assert_cmphex(host_get(h, h->vtd.status) & UINT32_MAX, ==, 2);
    host_free(h);
}

static void assert_messages(Host *h, unsigned n, uint64_t addr, uint32_t data)
{
    g_assert_cmpuint(h->messages->len, ==, n);
    if (n) {
        Message *last = &g_array_index(h->messages, Message, n - 1);

        g_assert_cmphex(last->addr, ==, addr);
        g_assert_cmphex(last->data, ==, data);
    }
}

/* The completion event: ICS and IECTL (1.12) */
static void test_completion_event(void)
{
    const uint64_t addr = 0x12345600fee01000;
    Host *h = host_new(NULL);

    wr32(h, QVTD_IEDATA, 0x4041);
    wr32(h, QVTD_IEADDR, (uint32_t)addr);
    wr32(h, QVTD_IEUADDR, addr >> 32);
    wr32(h, QVTD_FEADDR, 0xdead0000);
    queue_start(h, 0);

    /* masked: held until unmasked */
    submit(h, 5 | QVTD_WAIT_IF, 0);
    assert_queue(h, h->vtd.tail, 0);
    g_assert_cmphex(rd32(h, QVTD_ICS), ==, 1);
    g_assert_cmphex(rd32(h, QVTD_IECTL), ==, QVTD_ECTL_IM | QVTD_ECTL_IP);
    assert_messages(h, 0, 0, 0);
    wr32(h, QVTD_IECTL, QVTD_ECTL_IP);
    g_assert_cmphex(rd32(h, QVTD_IECTL), ==, 0);
    assert_messages(h, 1, addr, 0x4041);

    /* IWC is still set: no new event */
    submit(h, 5 | QVTD_WAIT_IF, 0);
    assert_queue(h, h->vtd.tail, 0);
    assert_messages(h, 1, addr, 0x4041);
    g_assert_cmphex(rd32(h, QVTD_IECTL), ==, 0);

    /* a 0 does not clear it, a 1 does; then the next one is sent at once */
    wr32(h, QVTD_ICS, ~1u);
    g_assert_cmphex(rd32(h, QVTD_ICS), ==, 1);
    wr32(h, QVTD_ICS, 1);
    g_assert_cmphex(rd32(h, QVTD_ICS), ==, 0);
    assert_messages(h, 1, addr, 0x4041);
    wr32(h, QVTD_IEDATA, 0x99);
    submit(h, wait_lo(7) | QVTD_WAIT_IF, h->vtd.status);
    assert_messages(h, 2, addr, 0x99);
    g_assert_cmphex(host_get(h, h->vtd.status), ==, 7);
    g_assert_cmphex(rd32(h, QVTD_IECTL), ==, 0);

    /* masked, and the cause cleared first: no message */
    wr32(h, QVTD_ICS, 1);
    wr32(h, QVTD_IECTL, QVTD_ECTL_IM);
    submit(h, 5 | QVTD_WAIT_IF, 0);
    g_assert_cmphex(rd32(h, QVTD_IECTL), ==, QVTD_ECTL_IM | QVTD_ECTL_IP);
    wr32(h, QVTD_ICS, 1);
    g_assert_cmphex(rd32(h, QVTD_IECTL), ==, QVTD_ECTL_IM);
    wr32(h, QVTD_IECTL, 0);
    assert_messages(h, 2, addr, 0x99);

    /* waits without IF, and other descriptors, raise none */
    submit_wait(h);
    inv_iotlb(h, QVTD_GLOBAL, 0, 0, 0);
    g_assert_cmphex(rd32(h, QVTD_ICS), ==, 0);
    assert_messages(h, 2, addr, 0x99);
    host_free(h);
}

/* An error raises the fault event, not the completion event */
static void test_error_event(void)
{
    const uint64_t addr = 0xfee02000;
    Host *h = host_new(NULL);

    wr32(h, QVTD_FEDATA, 0x51);
    wr32(h, QVTD_FEADDR, addr);
    wr32(h, QVTD_FECTL, 0);
    wr32(h, QVTD_IECTL, 0);
    queue_start(h, 0);
    submit(h, 0, 0);
    assert_messages(h, 1, addr, 0x51);
    g_assert_cmphex(rd32(h, QVTD_FSTS), ==, QVTD_FSTS_IQE);
    g_assert_cmphex(rd32(h, QVTD_FECTL), ==, 0);

    /* each time that it is set anew */
    wr32(h, QVTD_FSTS, QVTD_FSTS_IQE);
    assert_messages(h, 2, addr, 0x51);
    queue_recover(h);
    assert_messages(h, 2, addr, 0x51);

    /* masked: held, and gone with the cause */
    wr32(h, QVTD_FECTL, QVTD_ECTL_IM);
    submit(h, 0, 0);
    g_assert_cmphex(rd32(h, QVTD_FECTL), ==, QVTD_ECTL_IM | QVTD_ECTL_IP);
    queue_recover(h);
    g_assert_cmphex(rd32(h, QVTD_FECTL), ==, QVTD_ECTL_IM);
    wr32(h, QVTD_FECTL, 0);
    assert_messages(h, 2, addr, 0x51);
    host_free(h);
}

/*
 * The host's copies of interrupt entries are brought in step once for many
 * descriptors, and before a wait descriptor behind them completes.
 */
static void test_iec_together(void)
{
    Host *h = host_new(NULL);
    IecChange *change;

    queue_start(h, 7);
    g_array_set_size(h->iec_changes, 0);
    for (unsigned i = 0; i < 4096; i++) {
        queue_put(h, 4 | BIT(4) | (uint64_t)(i & 0xff) << 32, 0);
    }
    queue_kick(h);
    assert_queue(h, 4096, 0);
    g_assert_cmpuint(h->iec_changes->len, ==, 1);
    change = &g_array_index(h->iec_changes, IecChange, 0);
    g_assert_true(change->global);

    /* One range, named twice, is that range */
    g_array_set_size(h->iec_changes, 0);
    for (unsigned i = 0; i < 2; i++) {
        queue_put(h, 4 | BIT(4) | 3ull << 27 | 0x40ull << 32, 0);
    }
    queue_kick(h);
    g_assert_cmpuint(h->iec_changes->len, ==, 1);
    change = &g_array_index(h->iec_changes, IecChange, 0);
    g_assert_false(change->global);
    g_assert_cmpuint(change->index, ==, 0x40);
    g_assert_cmpuint(change->mask, ==, 3);

    /* A wait between two: told before each of them is over */
    g_array_set_size(h->iec_changes, 0);
    host_put(h, h->vtd.status, 7);
    queue_put(h, 4, 0);
    queue_put(h, 5 | QVTD_WAIT_IF | QVTD_WAIT_SW | 8ull << 32, h->vtd.status);
    queue_put(h, 4, 0);
    queue_put(h, 0, 0);         /* an error ends the run */
    queue_kick(h);
    assert_queue(h, 4101, 3);
    g_assert_cmpuint(h->iec_changes->len, ==, 2);
    for (unsigned i = 0; i < 2; i++) {
        change = &g_array_index(h->iec_changes, IecChange, i);
        g_assert_cmpuint(change->status, ==, 7 + i);
        g_assert_cmphex(change->ics, ==, i);
        g_assert_cmphex(change->fsts, ==, 0);
    }
    host_free(h);
}

static VtdConfig scalable_config(void)
{
    VtdConfig config = host_config;

    config.scalable_mode = config.first_stage = config.second_stage = true;
    config.abort_dma = true;
    return config;
}

/* Pages are carried out together: what is wrong with one stops there */
static void test_wrong_page(void)
{
    VtdConfig config = scalable_config();

    for (unsigned i = 0; i < 4; i++) {
        Host *h = host_new(&config);
        QVtd *vtd = &h->vtd;
        QVtdDesc bad = QVTD_INV_IOTLB_PAGES(5, 0x3000, 0);
        unsigned at;

        qvtd_use_scalable(vtd);
        qvtd_latch_root(vtd, qvtd_alloc(vtd, 1) | QVTD_TTM_SCALABLE);
        qvtd_queue_start(vtd, 0);
        if (i < 2) {
            bad.upper[i] = BIT(63);
        } else {
            bad.hi |= i == 2 ? BIT(7) : 63;
        }
        for (unsigned n = 1; n <= 2; n++) {
            qvtd_queue_put(vtd, QVTD_INV_IOTLB_PAGES(5, n * QVTD_PAGE, 0));
        }
        at = vtd->tail;
        qvtd_queue_put(vtd, bad);
        qvtd_queue_put(vtd, QVTD_INV_IOTLB_PAGES(5, 4 * QVTD_PAGE, 0));
        qvtd_queue_kick(vtd);
        qvtd_expect_queue(vtd, at, QVTD_IQEI_RESERVED);
        host_free(h);
    }
}

/* Descriptors of scalable mode want the mode, not only the width */
static void test_abort_mode(void)
{
    static const QVtdDesc refused[] = {
        QVTD_INV_PASID_IOTLB_ALL(5, 7), QVTD_INV_PASID_CACHE_GLOBAL,
    };

    for (unsigned scalable = 0; scalable < 2; scalable++) {
        VtdConfig config = scalable ? scalable_config() : host_config;

        for (unsigned abort = 0; abort < 2; abort++) {
            Host *h;
            QVtd *vtd;

            config.abort_dma = abort;
            h = host_new(&config);
            vtd = &h->vtd;
            if (scalable || abort) {
                qvtd_use_scalable(vtd);
            }
            qvtd_latch_root(vtd, qvtd_alloc(vtd, 1) | 3 << 10);
            qvtd_queue_start(vtd, 0);
            if (scalable && !abort) {
                qvtd_queue_put(vtd, QVTD_INV_IOTLB_GLOBAL);
                qvtd_queue_kick(vtd);
                qvtd_expect_queue(vtd, 0, QVTD_IQEI_TTM);
            } else {
                qvtd_queue_put(vtd, QVTD_INV_IOTLB_GLOBAL);
                g_assert_true(qvtd_queue_sync(vtd));
                for (unsigned i = 0; i < G_N_ELEMENTS(refused); i++) {
                    g_assert_cmpuint(qvtd_queue_error(vtd, refused[i]), ==,
                                     QVTD_IQEI_TYPE);
                }
            }
            host_free(h);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/vtd/queue/sizes", test_sizes);
    g_test_add_func("/vtd/queue/tail-beyond", test_tail_beyond);
    g_test_add_func("/vtd/queue/descriptors", test_descriptors);
    g_test_add_func("/vtd/queue/types", test_types);
    g_test_add_func("/vtd/queue/reserved-bits", test_reserved_bits);
    g_test_add_func("/vtd/queue/error-stops", test_error_stops);
    g_test_add_func("/vtd/queue/fetch", test_fetch);
    g_test_add_func("/vtd/queue/fetch-ahead", test_fetch_ahead);
    g_test_add_func("/vtd/queue/width", test_width);
    g_test_add_func("/vtd/queue/device-tlb", test_device_tlb);
    g_test_add_func("/vtd/queue/disable", test_disable);
    g_test_add_func("/vtd/queue/tail-halves", test_tail_halves);
    g_test_add_func("/vtd/queue/wait-status", test_wait_status);
    g_test_add_func("/vtd/queue/completion-event", test_completion_event);
    g_test_add_func("/vtd/queue/error-event", test_error_event);

    g_test_add_func("/vtd/queue/iec-together", test_iec_together);
    g_test_add_func("/vtd/queue/wrong-page", test_wrong_page);
    g_test_add_func("/vtd/queue/abort-mode", test_abort_mode);
    return g_test_run();
}
