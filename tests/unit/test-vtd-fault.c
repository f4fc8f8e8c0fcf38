/*
 * The VT-d unit's fault record, overflow and fault event
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sched.h>
#include <stdatomic.h>
#include "vtd-host.h"

#define IOVA                    0x112233445000ull
#define OUTPUT                  0x77000ull

#define EVENT_ADDR              0x00abcd00fee03000ull
#define EVENT_DATA              0x4142

/* A unit with two devices that share tables and domain */
typedef struct Unit {
    Host *h;
    Device *d[2];
    uint64_t table;
} Unit;

/* All as it should be: whatever was broken is mended */
static void mend(Unit *u, bool fpd)
{
    Host *h = u->h;
    uint64_t entry = h->vtd.root + (u->d[0]->sid >> 8) * 16;

    host_set_ram(h, h->vtd.root, true);
    host_put(h, entry, host_get(h, entry) & ~0xfffull);
    if (host_get(h, entry)) {
        host_put(h, entry, host_get(h, entry) | QVTD_P);
    }
    host_set_ram(h, context_entry(h, u->d[0]->sid) & ~0xfffull, true);
    for (unsigned i = 0; i < 2; i++) {
        set_context(h, u->d[i]->sid, u->table | QVTD_P | (fpd ? QVTD_FPD : 0),
                    context_hi(4, 9));
    }
    host_set_ram(h, table_entry(h, u->table, 4, IOVA, 1) & ~0xfffull, true);
    map(h, u->table, 4, IOVA, 1, OUTPUT | QVTD_RW);
    if (rd64(h, QVTD_RTADDR) != h->vtd.root) {
        set_root_table(h, h->vtd.root);
    }
    inv_context(h, QVTD_GLOBAL, 0, 0, 0);
    inv_iotlb(h, QVTD_GLOBAL, 0, 0, 0);
}

static Unit unit_new(void)
{
    Unit u = { .h = host_new(NULL) };

    u.d[0] = device_new(u.h, 0x03f9);
    u.d[1] = device_new(u.h, 0x03fa);
    u.table = host_pages(u.h, 1);
    host_enable(u.h);
    mend(&u, false);
    wr32(u.h, QVTD_FEDATA, EVENT_DATA);
    wr32(u.h, QVTD_FEADDR, (uint32_t)EVENT_ADDR);
    wr32(u.h, QVTD_FEUADDR, EVENT_ADDR >> 32);
    return u;
}

/* The reasons of legacy mode (6.1); 0x0d takes requests of ATS */
static const struct {
    uint8_t reason;
    bool qualified;
} reasons[] = {
    { QVTD_F_ROOT, false },
    { QVTD_F_CONTEXT, true },
    { QVTD_F_CONTEXT_INVALID, true },
    { QVTD_F_ADDRESS, true },
    { QVTD_F_WRITE, true },
    { QVTD_F_READ, true },
    { QVTD_F_TABLE_ACCESS, true },
    { QVTD_F_ROOT_ACCESS, false },
    { QVTD_F_CONTEXT_ACCESS, false },
    { QVTD_F_ROOT_RESERVED, false },
    { QVTD_F_CONTEXT_RESERVED, true },
    { QVTD_F_RESERVED, true },
    { QVTD_F_OUTPUT, true },
    { QVTD_F_RTADDR, false },
};

static void break_for(Unit *u, unsigned reason)
{
    Host *h = u->h;
    uint16_t sid = u->d[0]->sid;
    uint64_t root = h->vtd.root + (sid >> 8) * 16;
    uint64_t context = context_entry(h, sid);
    uint64_t leaf = table_entry(h, u->table, 4, IOVA, 1);

    switch (reason) {
    case QVTD_F_ROOT:
        host_put(h, root, host_get(h, root) & ~QVTD_P);
        break;
    case QVTD_F_CONTEXT:
        host_put(h, context, host_get(h, context) & ~QVTD_P);
        break;
    case QVTD_F_CONTEXT_INVALID:
        host_put(h, context, host_get(h, context) | QVTD_TT(3));
        break;
    case QVTD_F_WRITE:
        host_put(h, leaf, OUTPUT | QVTD_R);
        break;
    case QVTD_F_READ:
        host_put(h, leaf, OUTPUT | QVTD_W);
        break;
    case QVTD_F_TABLE_ACCESS:
        host_set_ram(h, leaf & ~0xfffull, false);
        break;
    case QVTD_F_ROOT_ACCESS:
        host_set_ram(h, h->vtd.root, false);
        break;
    case QVTD_F_CONTEXT_ACCESS:
        host_set_ram(h, context & ~0xfffull, false);
        break;
    case QVTD_F_ROOT_RESERVED:
        host_put(h, root, host_get(h, root) | BIT(1));
        break;
    case QVTD_F_CONTEXT_RESERVED:
        host_put(h, context, host_get(h, context) | BIT(11));
        break;
    case QVTD_F_RESERVED:
        host_put(h, leaf, OUTPUT | QVTD_RW | BIT(62));
        break;
    case QVTD_F_OUTPUT:
        host_put(h, leaf, QVTD_MSI_ADDR | QVTD_RW);
        break;
    case QVTD_F_RTADDR:
        set_root_table(h, h->vtd.root | 2 << 10);
        break;
    }
    inv_context(h, QVTD_GLOBAL, 0, 0, 0);
    inv_iotlb(h, QVTD_GLOBAL, 0, 0, 0);
}

/* What the request is for @reason to be met */
static uint64_t iova_for(unsigned reason)
{
    return (reason == QVTD_F_ADDRESS ? IOVA | BIT(50) : IOVA) | 0x678;
}

/* Every reason with its record, hidden by FPD or not, and life after it */
static void test_reasons(void)
{
    Unit u = unit_new();

    for (unsigned i = 0; i < G_N_ELEMENTS(reasons); i++) {
        unsigned reason = reasons[i].reason;

        g_test_message("reason 0x%02x", reason);
        for (unsigned access = 0; access <= VTD_ACCESS_WRITE; access++) {
            for (unsigned fpd = 0; fpd < 2; fpd++) {
                bool hidden = access == VTD_ACCESS_PROBE ||
                              (fpd && reasons[i].qualified);

                if ((reason == QVTD_F_WRITE && access != VTD_ACCESS_WRITE) ||
                    (reason == QVTD_F_READ && access != VTD_ACCESS_READ)) {
                    continue;
                }
                mend(&u, fpd);
                break_for(&u, reason);
                for (unsigned again = 0; again < 2; again++) {
                    assert_blocked(u.d[0], iova_for(reason), access,
                                   hidden ? SILENT : reason);
                }
                mend(&u, fpd);
                assert_maps(u.d[0], IOVA, VTD_ACCESS_WRITE, OUTPUT);
                assert_maps(u.d[1], IOVA, VTD_ACCESS_READ, OUTPUT);
            }
        }
    }
    host_free(u.h);
}

static void fault(Device *d, uint64_t iova)
{
    VtdTranslation t;

    g_assert_false(device_translate(d, iova, VTD_ACCESS_READ, &t));
}

static void assert_record(Host *h, uint32_t status, uint16_t sid,
                          uint64_t iova)
{
    g_assert_cmphex(rd32(h, QVTD_FSTS), ==, status);
    g_assert_cmphex(rd64(h, QVTD_FRCD_LO), ==, iova);
    g_assert_cmphex(rd64(h, QVTD_FRCD_HI), ==,
                    BITS(63, 62) | 0x06ull << 32 | sid);
}

/* One record: the first fault is kept (6.4) */
static void test_overflow(void)
{
    Unit u = unit_new();
    Host *h = u.h;

    fault(u.d[0], 0x1000);
    assert_record(h, QVTD_FSTS_PPF, 0x03f9, 0x1000);
    /* of the same source: one and the same */
    fault(u.d[0], 0x2000);
    assert_record(h, QVTD_FSTS_PPF, 0x03f9, 0x1000);
    /* of another: lost, and told */
    fault(u.d[1], 0x3000);
    assert_record(h, QVTD_FSTS_PPF | QVTD_FSTS_PFO, 0x03f9, 0x1000);

    /* a record that is free again is not used while PFO is set */
    wr32(h, QVTD_FRCD_HI + 4, BIT(31));
    g_assert_cmphex(rd32(h, QVTD_FSTS), ==, QVTD_FSTS_PFO);
    fault(u.d[1], 0x4000);
    fault(u.d[0], 0x4000);
    g_assert_cmphex(rd32(h, QVTD_FSTS), ==, QVTD_FSTS_PFO);
    g_assert_cmphex(rd32(h, QVTD_FRCD_HI + 4) & BIT(31), ==, 0);
    wr32(h, QVTD_FSTS, ~QVTD_FSTS_PFO);
    g_assert_cmphex(rd32(h, QVTD_FSTS), ==, QVTD_FSTS_PFO);
    wr32(h, QVTD_FSTS, QVTD_FSTS_PFO);
    g_assert_cmphex(rd32(h, QVTD_FSTS), ==, 0);
    fault(u.d[1], 0x5000);
    assert_record(h, QVTD_FSTS_PPF, 0x03fa, 0x5000);

    /* PFO cleared and the record not: full again at the next */
    fault(u.d[0], 0x6000);
    assert_record(h, QVTD_FSTS_PPF | QVTD_FSTS_PFO, 0x03fa, 0x5000);
    wr32(h, QVTD_FSTS, QVTD_FSTS_PFO);
    assert_record(h, QVTD_FSTS_PPF, 0x03fa, 0x5000);
    fault(u.d[0], 0x6000);
    assert_record(h, QVTD_FSTS_PPF | QVTD_FSTS_PFO, 0x03fa, 0x5000);
    g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_FAULTS_RECORDED), ==, 2);
    g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_FAULTS_LOST), ==, 6);

    /* as Linux clears it all (10.7) */
    wr32(h, QVTD_FRCD_HI + 4, BIT(31));
    wr32(h, QVTD_FSTS, QVTD_FSTS_PFO | QVTD_FSTS_PPF | BIT(7));
    assert_no_fault(h);
    g_assert_cmpuint(vtd_stat(h->v, VTD_STAT_FAULTS_RECORDED), ==, 2);
    host_free(u.h);
}

/* What clears F, with PPF after it, and what does not */
static void test_clear(void)
{
    static const struct {
        uint16_t offset;
        uint8_t size;
        uint64_t value;
        bool clears;
    } table[] = {
        { QVTD_FRCD_HI + 4, 4, BIT(31), true },
        { QVTD_FRCD_HI + 4, 4, UINT32_MAX, true },
        { QVTD_FRCD_HI, 8, BIT(63), true },
        { QVTD_FRCD_HI, 8, UINT64_MAX, true },
        { QVTD_FRCD_HI + 4, 4, 0, false },
        { QVTD_FRCD_HI + 4, 4, BITS(30, 0), false },
        { QVTD_FRCD_HI, 8, BITS(62, 0), false },
        { QVTD_FRCD_HI, 4, UINT32_MAX, false },
        { QVTD_FRCD_LO, 8, UINT64_MAX, false },
        { QVTD_FRCD_LO + 4, 4, UINT32_MAX, false },
        { QVTD_FSTS, 4, UINT32_MAX, false },
    };
    Unit u = unit_new();

    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        g_test_message("row %u", i);
        fault(u.d[0], 0x9000);
        assert_record(u.h, QVTD_FSTS_PPF, 0x03f9, 0x9000);
        vtd_mmio_write(u.h->v, table[i].offset, table[i].value,
                       table[i].size);
        if (table[i].clears) {
            assert_no_fault(u.h);
        } else {
            assert_fault(u.h, QVTD_F_READ, 0x03f9, 0x9000, true);
        }
    }

    /* neither translation off and on nor a new root table clears it */
    fault(u.d[0], 0x9000);
    gcmd(u.h, QVTD_TE, false);
    gcmd(u.h, QVTD_TE, true);
    set_root_table(u.h, u.h->vtd.root);
    assert_fault(u.h, QVTD_F_READ, 0x03f9, 0x9000, true);
    host_free(u.h);
}

static void assert_messages(Host *h, unsigned n)
{
    g_assert_cmpuint(h->messages->len, ==, n);
    for (unsigned i = 0; i < n; i++) {
        Message *message = &g_array_index(h->messages, Message, i);

        g_assert_cmphex(message->addr, ==, EVENT_ADDR);
        g_assert_cmphex(message->data, ==, EVENT_DATA);
    }
}

static void clear(Host *h)
{
    wr32(h, QVTD_FRCD_HI + 4, BIT(31));
    wr32(h, QVTD_FSTS, QVTD_FSTS_PFO);
    assert_no_fault(h);
}

static void test_event(void)
{
    Unit u = unit_new();
    Host *h = u.h;

    /* masked after reset: held until unmasked, then sent once */
    fault(u.d[0], 0x1000);
    g_assert_cmphex(rd32(h, QVTD_FECTL), ==, QVTD_ECTL_IM | QVTD_ECTL_IP);
    assert_messages(h, 0);
    wr32(h, QVTD_FECTL, QVTD_ECTL_IM);
    g_assert_cmphex(rd32(h, QVTD_FECTL), ==, QVTD_ECTL_IM | QVTD_ECTL_IP);
    wr32(h, QVTD_FECTL, 0);
    g_assert_cmphex(rd32(h, QVTD_FECTL), ==, 0);
    assert_messages(h, 1);
    wr32(h, QVTD_FECTL, QVTD_ECTL_IM);
    wr32(h, QVTD_FECTL, 0);
    assert_messages(h, 1);

    /* more faults, an overflow too, are no new event while PPF is set */
    fault(u.d[0], 0x2000);
    fault(u.d[1], 0x2000);
    assert_messages(h, 1);
    clear(h);
    assert_messages(h, 1);

    /* unmasked: at once, each time that PPF is set anew */
    fault(u.d[1], 0x3000);
    assert_messages(h, 2);
    g_assert_cmphex(rd32(h, QVTD_FECTL), ==, 0);
    clear(h);
    fault(u.d[0], 0x3000);
    assert_messages(h, 3);
    clear(h);

    /* masked, and the cause gone first: never sent */
    wr32(h, QVTD_FECTL, QVTD_ECTL_IM);
    fault(u.d[0], 0x4000);
    g_assert_cmphex(rd32(h, QVTD_FECTL), ==, QVTD_ECTL_IM | QVTD_ECTL_IP);
    clear(h);
    g_assert_cmphex(rd32(h, QVTD_FECTL), ==, QVTD_ECTL_IM);
    wr32(h, QVTD_FECTL, 0);
    assert_messages(h, 3);

    /* IP is not software's to set */
    wr32(h, QVTD_FECTL, QVTD_ECTL_IP);
    g_assert_cmphex(rd32(h, QVTD_FECTL), ==, 0);
    wr32(h, QVTD_FECTL, QVTD_ECTL_IM | QVTD_ECTL_IP);
    g_assert_cmphex(rd32(h, QVTD_FECTL), ==, QVTD_ECTL_IM);

    /* one write of both unmasks with the data that it brings */
    wr32(h, QVTD_FECTL, QVTD_ECTL_IM);
    fault(u.d[0], 0x4000);
    wr32(h, QVTD_FEDATA, 0);
    wr64(h, QVTD_FECTL, (uint64_t)EVENT_DATA << 32);
    assert_messages(h, 4);
    clear(h);

    /* what is not recorded is no event */
    wr32(h, QVTD_FECTL, 0);
    mend(&u, true);
    fault(u.d[0], 0x5000);
    assert_messages(h, 4);
    assert_no_fault(h);
    host_free(u.h);
}

/* The event has several causes, and is one as long as one of them is there */
static void test_joint_causes(void)
{
    Unit u = unit_new();
    Host *h = u.h;

    queue_start(h, 0);
    wr32(h, QVTD_FECTL, 0);
    fault(u.d[0], 0x1000);
    assert_messages(h, 1);
    submit(h, 0, 0);
    assert_queue(h, 0, 3);
    assert_messages(h, 1);
    wr32(h, QVTD_FRCD_HI + 4, BIT(31));
    g_assert_cmphex(rd32(h, QVTD_FSTS), ==, QVTD_FSTS_IQE);
    fault(u.d[1], 0x2000);
    g_assert_cmphex(rd32(h, QVTD_FSTS), ==, QVTD_FSTS_IQE | QVTD_FSTS_PPF);
    assert_messages(h, 1);
    clear(h);
    queue_recover(h);
    g_assert_cmphex(rd32(h, QVTD_FSTS), ==, 0);
    assert_messages(h, 1);

    /* masked: pending until the last cause has gone */
    wr32(h, QVTD_FECTL, QVTD_ECTL_IM);
    fault(u.d[0], 0x3000);
    submit(h, 0, 0);
    assert_queue(h, h->vtd.tail - 1, 3);
    g_assert_cmphex(rd32(h, QVTD_FECTL), ==, QVTD_ECTL_IM | QVTD_ECTL_IP);
    wr32(h, QVTD_FRCD_HI + 4, BIT(31));
    g_assert_cmphex(rd32(h, QVTD_FECTL), ==, QVTD_ECTL_IM | QVTD_ECTL_IP);
    queue_recover(h);
    g_assert_cmphex(rd32(h, QVTD_FECTL), ==, QVTD_ECTL_IM);

    /* an overflow is none of them: it does not keep the event pending */
    fault(u.d[0], 0x4000);
    fault(u.d[1], 0x4000);
    g_assert_cmphex(rd32(h, QVTD_FSTS), ==, QVTD_FSTS_PPF | QVTD_FSTS_PFO);
    wr32(h, QVTD_FRCD_HI + 4, BIT(31));
    g_assert_cmphex(rd32(h, QVTD_FECTL), ==, QVTD_ECTL_IM);
    wr32(h, QVTD_FECTL, 0);
    assert_messages(h, 1);
    clear(h);
    submit_wait(h);
    host_free(u.h);
}

/* From a thread that cannot send it, the message waits in the registers */
static void test_event_later(void)
{
    Unit u = unit_new();
    Host *h = u.h;

    wr32(h, QVTD_FECTL, 0);
    h->cannot_inject = true;
    fault(u.d[0], 0x1000);
    g_assert_cmphex(rd32(h, QVTD_FECTL), ==, QVTD_ECTL_IP);
    assert_messages(h, 0);
    h->cannot_inject = false;
    vtd_send_events(h->v);
    g_assert_cmphex(rd32(h, QVTD_FECTL), ==, 0);
    assert_messages(h, 1);
    vtd_send_events(h->v);
    assert_messages(h, 1);
    clear(h);

    /* masked meanwhile: held, as any other */
    h->cannot_inject = true;
    fault(u.d[0], 0x1000);
    h->cannot_inject = false;
    wr32(h, QVTD_FECTL, QVTD_ECTL_IM);
    vtd_send_events(h->v);
    g_assert_cmphex(rd32(h, QVTD_FECTL), ==, QVTD_ECTL_IM | QVTD_ECTL_IP);
    assert_messages(h, 1);
    wr32(h, QVTD_FECTL, 0);
    assert_messages(h, 2);
    clear(h);

    /* nobody waits for it any more: served, or reset */
    h->cannot_inject = true;
    fault(u.d[0], 0x1000);
    clear(h);
    fault(u.d[0], 0x1000);
    vtd_reset(h->v);
    h->cannot_inject = false;
    wr32(h, QVTD_FECTL, 0);
    vtd_send_events(h->v);
    assert_messages(h, 2);
    host_free(u.h);
}

#define STORM                   3000

typedef struct Storm {
    Device *d;
    _Atomic bool stop;
} Storm;

static void *storm(void *opaque)
{
    Storm *s = opaque;

    while (!atomic_load(&s->stop)) {
        fault(s->d, 0x1000);
        sched_yield();
    }
    return NULL;
}

/* A fault at the very moment of the clear is an event, or software waits on */
static void test_event_storm(void)
{
    Unit u = unit_new();
    Host *h = u.h;
    Storm s = { .d = u.d[0] };
    pthread_t thread;

    wr32(h, QVTD_FECTL, 0);
    h->concurrent = true;
    g_assert_cmpint(pthread_create(&thread, NULL, storm, &s), ==, 0);
    while (vtd_stat(h->v, VTD_STAT_FAULTS_RECORDED) < STORM) {
        wr32(h, QVTD_FRCD_HI + 4, BIT(31));
        sched_yield();          /* one CPU alone may run both */
    }
    atomic_store(&s.stop, true);
    pthread_join(thread, NULL);
    assert_messages(h, vtd_stat(h->v, VTD_STAT_FAULTS_RECORDED));
    clear(h);
    host_free(u.h);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/vtd/fault/reasons", test_reasons);
    g_test_add_func("/vtd/fault/overflow", test_overflow);
    g_test_add_func("/vtd/fault/clear", test_clear);
    g_test_add_func("/vtd/fault/event", test_event);
    g_test_add_func("/vtd/fault/joint-causes", test_joint_causes);
    g_test_add_func("/vtd/fault/event-later", test_event_later);
    g_test_add_func("/vtd/fault/event-storm", test_event_storm);

    return g_test_run();
}
