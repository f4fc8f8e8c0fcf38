/*
 * The VT-d unit's state on its way to another unit
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What comes along, and how the unit goes on with it.
 */

#include "qemu/osdep.h"
#include "vtd-move.h"

static void move(Move *m)
{
    VtdSaved saved;

    vtd_save(m->from->v, &saved);
    g_assert_null(move_load(m, &saved));
    vtd_load_finish(m->to->v);
}

static void assert_same_registers(Move *m)
{
    for (unsigned offset = 0; offset < QVTD_SIZE; offset += 4) {
        g_assert_cmphex(rd32(m->to, offset), ==, rd32(m->from, offset));
    }
}

static unsigned vector(Host *h)
{
    VtdInterrupt interrupt;

    g_assert_cmpint(vtd_interrupt(h->v, SID, MESSAGE, 0, true, &interrupt),
                    ==, VTD_INTERRUPT_REMAPPED);
    return interrupt.vector;
}

/* All works at once, and what comes out is what went in */
static void test_all(void)
{
    VtdSaved saved, again;
    Move m;

    move_start(&m, NULL);
    vtd_save(m.from->v, &saved);
    g_assert_cmphex(saved.root, ==, m.from->vtd.root);
    g_assert_cmphex(saved.intr_root, ==, m.irt);
    g_assert_cmpuint(saved.intr_size, ==, 2);
    g_assert_false(saved.intr_eime);
    g_assert_cmphex(saved.iq, ==, m.from->vtd.queue);
    g_assert_cmpuint(saved.iq_size, ==, 256);
    g_assert_cmpuint(saved.iq_head, ==, 1);
    g_assert_cmpuint(saved.iq_tail, ==, 1);
    g_assert_cmpuint(saved.next_frcd_reg, ==, 0);
    g_assert_cmpuint(saved.iq_last_desc_type, ==, 5);
    g_assert_true(saved.dmar_enabled && saved.qi_enabled &&
                  saved.intr_enabled);

    g_array_set_size(m.to->iec_changes, 0);
    g_assert_null(move_load(&m, &saved));
    g_assert_cmpuint(m.to->iec_changes->len, ==, 1);
    vtd_load_finish(m.to->v);
    assert_same_registers(&m);
    vtd_save(m.to->v, &again);
    g_assert_cmpint(memcmp(&again, &saved, sizeof(saved)), ==, 0);
    assert_maps(m.arrived, IOVA, VTD_ACCESS_WRITE, m.page);
    assert_blocked(m.arrived, IOVA + QVTD_PAGE, VTD_ACCESS_READ, 6);
    g_assert_cmphex(vector(m.to), ==, 0x11);
    submit_wait(m.to);
    move_end(&m);
}

static void test_nothing_on(void)
{
    Host *from = host_new(NULL), *to = host_new(NULL);
    Device *d = device_new(to, SID);
    VtdSaved saved;

    vtd_save(from->v, &saved);
    g_assert_null(vtd_load(to->v, &saved));
    vtd_load_finish(to->v);
    for (unsigned offset = 0; offset < QVTD_SIZE; offset += 4) {
        g_assert_cmphex(rd32(to, offset), ==, rd32(from, offset));
    }
    g_assert_cmpint(d->view, ==, VTD_VIEW_DIRECT);
    host_free(to);
    host_free(from);
}

/* A stale entry does not come along: memory counts */
static void test_caches(void)
{
    Move m;

    move_start(&m, NULL);
    assert_maps(m.d, IOVA, VTD_ACCESS_READ, m.page);
    g_assert_cmphex(vector(m.from), ==, 0x11);
    map(m.from, m.table, 4, IOVA, 1, m.other | QVTD_RW);
    host_put(m.from, m.irt, QVTD_P | 0x22 << 16);
    assert_maps(m.d, IOVA, VTD_ACCESS_READ, m.page);
    g_assert_cmphex(vector(m.from), ==, 0x11);

    /* Nor what the destination had cached before */
    m.to->vtd.root = m.from->vtd.root;
    move(&m);
    assert_maps(m.arrived, IOVA, VTD_ACCESS_READ, m.other);
    g_assert_cmphex(vector(m.to), ==, 0x22);
    map(m.from, m.table, 4, IOVA, 1, m.page | QVTD_RW);
    host_put(m.from, m.irt, QVTD_P | 0x33 << 16);
    move(&m);
    assert_maps(m.arrived, IOVA, VTD_ACCESS_READ, m.page);
    g_assert_cmphex(vector(m.to), ==, 0x33);
    move_end(&m);
}

/* What a register holds need not be what was latched from it */
static void test_latched(void)
{
    static const uint64_t high = BIT(48) | BIT(52) | BIT(63);
    Move m;

    move_start(&m, NULL);
    wr64(m.from, QVTD_RTADDR, 0x123000 | 3 << 10);
    wr64(m.from, QVTD_IRTA, 0x456000 | 15);
    wr64(m.from, QVTD_IQA, 0x789000 | 7);
    move(&m);
    assert_same_registers(&m);
    assert_maps(m.arrived, IOVA, VTD_ACCESS_READ, m.page);
    g_assert_cmphex(vector(m.to), ==, 0x11);
    submit_wait(m.to);

    /* What the stream cuts off is still latched, for the faults it makes */
    set_root_table(m.from, m.from->vtd.root | high);
    gcmd(m.from, QVTD_QIE, false);
    wr64(m.from, QVTD_IQT, 0);
    wr64(m.from, QVTD_IQA, m.from->vtd.queue | high);
    gcmd(m.from, QVTD_QIE, true);
    set_irta(m.from, m.irt | high);
    move(&m);
    assert_blocked(m.arrived, IOVA, VTD_ACCESS_READ, QVTD_F_RTADDR);
    wr32(m.to, QVTD_IQT, 0x10);
    assert_queue(m.to, 0, 2);
    g_assert_cmpint(vtd_interrupt(m.to->v, SID, MESSAGE, 0, false,
                                  &(VtdInterrupt) { }),
                    ==, VTD_INTERRUPT_BLOCKED);
    set_root_table(m.from, m.from->vtd.root | 3 << 10);
    move(&m);
    assert_blocked(m.arrived, IOVA, VTD_ACCESS_READ, QVTD_F_RTADDR);
    move_end(&m);
}

/* The bits that say how all the rest is to be read */
static void test_modes(void)
{
    VtdInterrupt interrupt;
    VtdSaved saved;
    Move m;

    move_start(&m, NULL);
    move(&m);
    g_assert_cmpint(vtd_interrupt(m.to->v, SID, 0xfee01000, 0x41, false,
                                  &interrupt), ==, VTD_INTERRUPT_BLOCKED);
    gcmd(m.from, QVTD_CFI, true);
    move(&m);
    g_assert_cmpint(vtd_interrupt(m.to->v, SID, 0xfee01000, 0x41, true,
                                  &interrupt), ==, VTD_INTERRUPT_PASS);

    host_put(m.from, m.irt, QVTD_P | 0x11 << 16 | 0x12345ull << 32);
    set_irta(m.from, m.irt | BIT(11));
    vtd_save(m.from->v, &saved);
    g_assert_true(saved.intr_eime);
    move(&m);
    g_assert_cmpint(vtd_interrupt(m.to->v, SID, MESSAGE, 0, true, &interrupt),
                    ==, VTD_INTERRUPT_REMAPPED);
    g_assert_cmphex(interrupt.dest, ==, 0x12345);

    gcmd(m.from, QVTD_QIE, false);
    wr64(m.from, QVTD_IQT, 0);
    wr64(m.from, QVTD_IQA, m.from->vtd.queue | BIT(11));
    gcmd(m.from, QVTD_QIE, true);
    move(&m);
    wr32(m.to, QVTD_IQT, 0x10);
    assert_queue(m.to, 0, 5);
    move_end(&m);
}

/* Tables and queues of each size go on with as many entries as they had */
static void test_sizes(void)
{
    VtdSaved saved, again;
    Move m;

    move_start(&m, NULL);
    gcmd(m.from, QVTD_QIE, false);
    m.irt = host_pages(m.from, 256);
    for (unsigned order = 0; order < 16; order++) {
        unsigned n = 2u << order, qs = order % 8;

        set_irta(m.from, m.irt | order);
        queue_start(m.from, qs);
        /* One is left up to the end */
        for (unsigned i = 1; i < m.from->vtd.entries; i++) {
            queue_put(m.from, 5, 0);
        }
        queue_kick(m.from);
        vtd_save(m.from->v, &saved);
        g_assert_cmpuint(saved.intr_size, ==, n);
        g_assert_cmpuint(saved.iq_size, ==, 256u << qs);
        move(&m);
        vtd_save(m.to->v, &again);
        g_assert_cmpint(memcmp(&again, &saved, sizeof(saved)), ==, 0);

        host_put(m.to, m.irt + (n - 1) * 16, QVTD_P | 0x44 << 16);
        for (unsigned past = 0; past < 2; past++) {
            uint64_t addr = 0xfee00018 | ((n - 1) & 0x7fff) << 5 |
                            (n - 1) >> 15 << 2;
            VtdInterrupt interrupt;

            g_assert_cmpint(vtd_interrupt(m.to->v, SID, addr, past, false,
                                          &interrupt), ==,
                            past ? VTD_INTERRUPT_BLOCKED
                                 : VTD_INTERRUPT_REMAPPED);
        }
        submit_wait(m.to);
        g_assert_cmphex(rd64(m.to, QVTD_IQH), ==, 0);
        gcmd(m.from, QVTD_QIE, false);
    }
    move_end(&m);
}

/* Where registers and fields say different things, fields count */
static void test_fields_count(void)
{
    VtdSaved saved;
    Move m;

    move_start(&m, NULL);
    vtd_save(m.from->v, &saved);
    memset(saved.csr + QVTD_IQH, 0x55, 8);
    memset(saved.csr + QVTD_IQT, 0x55, 8);
    memset(saved.csr + QVTD_GSTS, 0, 4);
    g_assert_null(move_load(&m, &saved));
    vtd_load_finish(m.to->v);
    assert_queue(m.to, 1, 0);
    g_assert_cmphex(rd64(m.to, QVTD_IQT), ==, 0x10);
    g_assert_cmphex(rd32(m.to, QVTD_GSTS), ==, QVTD_TE | QVTD_QIE | QVTD_IRE);
    assert_maps(m.arrived, IOVA, VTD_ACCESS_READ, m.page);
    move_end(&m);
}

/* Stopped by an error: it stays so, and goes on when that is cleared */
static void test_queue_error(void)
{
    Move m;

    move_start(&m, NULL);
    queue_put(m.from, 0, 0);
    queue_put(m.from, 5 | QVTD_WAIT_SW | 0x77ull << 32, m.from->vtd.status);
    queue_kick(m.from);
    assert_queue(m.from, 1, 3);
    move(&m);
    assert_same_registers(&m);
    queue_replace(m.to, 1, 5 | QVTD_WAIT_SW, m.to->vtd.status);
    g_assert_cmphex((uint32_t)host_get(m.to, m.to->vtd.status), !=, 0x77);
    wr32(m.to, QVTD_FSTS, QVTD_FSTS_IQE);
    g_assert_cmphex((uint32_t)host_get(m.to, m.to->vtd.status), ==, 0x77);
    assert_queue(m.to, 3, 0);
    move_end(&m);
}

/* A unit may leave work in the queue that ours would not */
static void test_queue_work(void)
{
    VtdSaved saved;
    Move m;

    move_start(&m, NULL);
    queue_put(m.from, 5 | QVTD_WAIT_SW | 0x77ull << 32, m.from->vtd.status);
    vtd_save(m.from->v, &saved);
    saved.iq_tail = 2;
    g_assert_null(move_load(&m, &saved));
    g_assert_cmphex((uint32_t)host_get(m.to, m.to->vtd.status), !=, 0x77);
    vtd_load_finish(m.to->v);
    g_assert_cmphex((uint32_t)host_get(m.to, m.to->vtd.status), ==, 0x77);
    assert_queue(m.to, 2, 0);
    move_end(&m);
}

static void test_fault_pending(void)
{
    VtdTranslation t;
    Move m;

    move_start(&m, NULL);
    wr32(m.from, QVTD_FECTL + 4, 0x41);
    wr32(m.from, QVTD_FECTL + 8, 0xfee01000);
    g_assert_false(device_translate(m.d, 0x9000, VTD_ACCESS_READ, &t));
    move(&m);
    assert_same_registers(&m);
    g_assert_cmphex(rd32(m.to, QVTD_FECTL), ==, QVTD_ECTL_IM | QVTD_ECTL_IP);
    g_assert_cmpuint(m.to->messages->len, ==, 0);
    wr32(m.to, QVTD_FECTL, 0);
    g_assert_cmpuint(m.to->messages->len, ==, 1);
    g_assert_cmphex(g_array_index(m.to->messages, Message, 0).data, ==, 0x41);
    assert_fault(m.to, 6, SID, 0x9000, true);
    assert_blocked(m.arrived, 0x9000, VTD_ACCESS_WRITE, 5);
    move_end(&m);
}

/* A message that was about to be sent is sent at the other end */
static void test_event_pending(void)
{
    VtdTranslation t;
    Move m;

    move_start(&m, NULL);
    wr32(m.from, QVTD_FECTL + 4, 0x41);
    wr32(m.from, QVTD_FECTL + 8, 0xfee01000);
    wr32(m.from, QVTD_FECTL, 0);
    m.from->cannot_inject = true;
    g_assert_false(device_translate(m.d, 0x9000, VTD_ACCESS_READ, &t));
    move(&m);
    g_assert_cmphex(rd32(m.to, QVTD_FECTL), ==, 0);
    g_assert_cmpuint(m.to->messages->len, ==, 1);
    g_assert_cmphex(g_array_index(m.to->messages, Message, 0).data, ==, 0x41);
    /* and at this one, if it goes on */
    m.from->cannot_inject = false;
    vtd_send_events(m.from->v);
    g_assert_cmpuint(m.from->messages->len, ==, 1);
    move_end(&m);
}

/* Causes of events, and what a guest could meet of them (6.4) */
static const struct {
    bool queue;
    uint32_t f, fsts, fectl, ics, iectl;        /* f: the record's high word */
    uint32_t fsts_after, fectl_after, iectl_after;
    unsigned messages;
} causes[] = {
    { true, 0, QVTD_FSTS_PPF, 0, 0, 0, 0, 0, 0, 0 },
    { true, 0, QVTD_FSTS_PPF, QVTD_ECTL_IM | QVTD_ECTL_IP, 0, 0, 0,
      QVTD_ECTL_IM, 0, 0 },
    { true, 0, QVTD_FSTS_PPF | QVTD_FSTS_PFO, QVTD_ECTL_IP, 0, 0, QVTD_FSTS_PFO,
      0, 0, 0 },
    { true, BIT(31), 0, 0, 0, 0, QVTD_FSTS_PPF, 0, 0, 1 },
    { true, BIT(31), 0, QVTD_ECTL_IM, 0, 0, QVTD_FSTS_PPF,
      QVTD_ECTL_IM | QVTD_ECTL_IP, 0, 0 },
    { true, BIT(31), QVTD_FSTS_PPF, 0, 0, 0, QVTD_FSTS_PPF, 0, 0, 0 },
    { true, BIT(31), QVTD_FSTS_PPF, QVTD_ECTL_IM, 0, 0, QVTD_FSTS_PPF,
      QVTD_ECTL_IM, 0, 0 },
    { true, BIT(31), QVTD_FSTS_PPF, QVTD_ECTL_IP, 0, 0, QVTD_FSTS_PPF, 0, 0,
      1 },
    { true, 0, QVTD_FSTS_IQE, QVTD_ECTL_IM | QVTD_ECTL_IP, 0, 0, QVTD_FSTS_IQE,
      QVTD_ECTL_IM | QVTD_ECTL_IP, 0, 0 },
    { true, BIT(31), QVTD_FSTS_IQE, 0, 0, 0, QVTD_FSTS_IQE | QVTD_FSTS_PPF, 0,
      0, 0 },
    { false, 0, QVTD_FSTS_IQE, QVTD_ECTL_IM | QVTD_ECTL_IP, 0, 0, 0,
      QVTD_ECTL_IM, 0, 0 },
    { false, BIT(31), QVTD_FSTS_PPF | QVTD_FSTS_IQE,
      QVTD_ECTL_IM | QVTD_ECTL_IP, 0, 0, QVTD_FSTS_PPF,
      QVTD_ECTL_IM | QVTD_ECTL_IP, 0, 0 },
    { true, 0, 0, QVTD_ECTL_IP, 0, QVTD_ECTL_IP, 0, 0, 0, 0 },
    { true, 0, 0, QVTD_ECTL_IM, 0, QVTD_ECTL_IM | QVTD_ECTL_IP, 0, QVTD_ECTL_IM,
      QVTD_ECTL_IM, 0 },
    { true, 0, 0, 0, 1, QVTD_ECTL_IM | QVTD_ECTL_IP, 0, 0,
      QVTD_ECTL_IM | QVTD_ECTL_IP, 0 },
    { true, 0, 0, 0, 1, QVTD_ECTL_IP, 0, 0, 0, 1 },
    { true, 0, 0, 0, 1, 0, 0, 0, 0, 0 },
};

static void test_causes(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(causes); i++) {
        VtdTranslation t;
        VtdSaved saved;
        Move m;

        g_test_message("row %u", i);
        move_start(&m, NULL);
        vtd_save(m.from->v, &saved);
        saved.qi_enabled = causes[i].queue;
        put32(&saved, QVTD_FRCD_HI + 4, causes[i].f);
        put32(&saved, QVTD_FSTS, causes[i].fsts);
        put32(&saved, QVTD_FECTL, causes[i].fectl);
        put32(&saved, QVTD_ICS, causes[i].ics);
        put32(&saved, QVTD_IECTL, causes[i].iectl);
        g_assert_null(move_load(&m, &saved));
        vtd_load_finish(m.to->v);
        g_assert_cmphex(rd32(m.to, QVTD_FSTS), ==, causes[i].fsts_after);
        g_assert_cmphex(rd32(m.to, QVTD_FECTL), ==, causes[i].fectl_after);
        g_assert_cmphex(rd32(m.to, QVTD_IECTL), ==, causes[i].iectl_after);
        g_assert_cmpuint(m.to->messages->len, ==, causes[i].messages);

        /* Served as drivers do; the next cause is an event */
        wr32(m.to, QVTD_FRCD_HI + 4, BIT(31));
        wr32(m.to, QVTD_FSTS, QVTD_FSTS_PFO | QVTD_FSTS_IQE);
        wr32(m.to, QVTD_FECTL, 0);
        g_array_set_size(m.to->messages, 0);
        g_assert_cmphex(rd32(m.to, QVTD_FSTS), ==, 0);
        g_assert_false(device_translate(m.arrived, 0x9000, VTD_ACCESS_READ,
                                        &t));
        g_assert_cmpuint(m.to->messages->len, ==, 1);
        move_end(&m);
    }
}

/* No request gets past the tables, however early it comes */
static void test_views(void)
{
    VtdSaved saved;
    Move m;

    move_start(&m, NULL);
    set_context(m.from, SID, QVTD_P | QVTD_TT(2), context_hi(4, 1));
    inv_context(m.from, QVTD_GLOBAL, 0, 0, 0);
    g_assert_cmpint(m.d->view, ==, VTD_VIEW_PASS_THROUGH);
    vtd_save(m.from->v, &saved);
    m.arrived->sid = 0;             /* its bridge does not know yet */
    g_assert_null(move_load(&m, &saved));
    g_assert_cmpint(m.arrived->view, ==, VTD_VIEW_TRANSLATED);
    m.arrived->sid = SID;
    assert_maps(m.arrived, 0x7000, VTD_ACCESS_READ, 0x7000);
    vtd_load_finish(m.to->v);
    g_assert_cmpint(m.arrived->view, ==, VTD_VIEW_PASS_THROUGH);

    gcmd(m.from, QVTD_TE, false);
    move(&m);
    g_assert_cmpint(m.arrived->view, ==, VTD_VIEW_DIRECT);
    move_end(&m);
}

/* Memory is sent before the state: what saving writes there is lost */
static void test_waiting(void)
{
    g_autofree uint64_t *sent = g_malloc(RAM_SIZE);
    VtdSaved saved;
    Move m;

    move_start(&m, NULL);
    m.from->drains_later = true;
    queue_put(m.from, 2 | QVTD_DOMAIN << 4 | 1 << 16, 0);
    queue_put(m.from, 5 | QVTD_WAIT_SW | 77ull << 32, m.from->vtd.status);
    queue_kick(m.from);
    g_assert_cmphex(host_get(m.from, m.from->vtd.status), !=, 77);
    memcpy(sent, m.from->ram, RAM_SIZE);
    vtd_save(m.from->v, &saved);
    g_assert_cmpint(memcmp(sent, m.from->ram, RAM_SIZE), ==, 0);

    g_assert_null(move_load(&m, &saved));
    vtd_load_finish(m.to->v);
    g_assert_cmphex(host_get(m.to, m.to->vtd.status), ==, 77);
    assert_queue(m.to, m.to->vtd.tail, 0);
    /* It failed, and the guest goes on here */
    host_pump(m.from);
    g_assert_cmphex(host_get(m.from, m.from->vtd.status), ==, 77);
    assert_queue(m.from, m.from->vtd.tail, 0);
    move_end(&m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/vtd/save/all", test_all);
    g_test_add_func("/vtd/save/nothing-on", test_nothing_on);
    g_test_add_func("/vtd/save/caches", test_caches);
    g_test_add_func("/vtd/save/latched", test_latched);
    g_test_add_func("/vtd/save/modes", test_modes);
    g_test_add_func("/vtd/save/sizes", test_sizes);
    g_test_add_func("/vtd/save/fields-count", test_fields_count);
    g_test_add_func("/vtd/save/queue-error", test_queue_error);
    g_test_add_func("/vtd/save/queue-work", test_queue_work);
    g_test_add_func("/vtd/save/fault-pending", test_fault_pending);
    g_test_add_func("/vtd/save/event-pending", test_event_pending);
    g_test_add_func("/vtd/save/causes", test_causes);
    g_test_add_func("/vtd/save/views", test_views);
    g_test_add_func("/vtd/save/waiting", test_waiting);

    return g_test_run();
}
