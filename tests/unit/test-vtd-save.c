/*
 * The VT-d unit's state on its way to another unit
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two hosts: guest memory is copied from one to the other, and the unit's
 * state goes through VtdSaved.  TEST_SEED=N in the environment repeats the
 * random one.
 */

#include "qemu/osdep.h"
#include "vtd-host.h"

#define SID                     0x0108
#define IOVA                    0x5000ull
#define MESSAGE                 0xfee00010ull

/* A unit with all of its state in use, and where it moves to */
typedef struct Move {
    Host *from, *to;
    Device *d, *arrived;
    uint64_t table, irt, page, other;
} Move;

static void move_start(Move *m, const VtdConfig *config)
{
    Host *h = host_new(config);

    *m = (Move) {
        .from = h,
        .to = host_new(config),
        .d = device_new(h, SID),
        .table = host_pages(h, 1),
        .irt = host_pages(h, 1),
        .page = host_pages(h, 1),
        .other = host_pages(h, 1),
    };
    m->arrived = device_new(m->to, SID);
    host_enable(h);
    attach(m->d, m->table, 4, 1);
    map(h, m->table, 4, IOVA, 1, m->page | QVTD_RW);
    queue_start(h, 0);
    host_put(h, m->irt, QVTD_P | 0x11 << 16);
    set_irta(h, m->irt);
    gcmd(h, QVTD_IRE, true);
    submit_wait(h);
}

static char *move_load(Move *m, const VtdSaved *saved)
{
    Host *to = m->to;

    memcpy(to->ram, m->from->ram, RAM_SIZE);
    to->vtd = m->from->vtd;
    to->vtd.port = &to->port;
    return vtd_load(to->v, saved);
}

static void move(Move *m)
{
    VtdSaved saved;

    vtd_save(m->from->v, &saved);
    g_assert_null(move_load(m, &saved));
    vtd_load_finish(m->to->v);
}

static void move_end(Move *m)
{
    host_free(m->to);
    host_free(m->from);
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

static void put32(VtdSaved *saved, unsigned offset, uint32_t value)
{
    value = GUINT32_TO_LE(value);
    memcpy(saved->csr + offset, &value, sizeof(value));
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

/* Refused: with these words, and nothing is changed */
static void assert_refused(Move *m, const VtdSaved *saved, const char *words)
{
    VtdSaved before, after;
    g_autofree char *error = NULL;

    vtd_save(m->to->v, &before);
    error = vtd_load(m->to->v, saved);
    vtd_save(m->to->v, &after);
    if (!error || !strstr(error, words)) {
        g_test_message("\"%s\" instead of \"%s\"", error ?: "", words);
        g_test_fail();
    }
    g_assert_cmpint(memcmp(&after, &before, sizeof(after)), ==, 0);
}

static void test_refused(void)
{
    VtdConfig config = host_config;
    VtdSaved good, saved;
    Move m;

    config.eim = false;
    move_start(&m, &config);
    vtd_save(m.from->v, &good);
    g_assert_null(move_load(&m, &good));
#define REFUSED(field, value) do { \
        saved = good; \
        saved.field = (value); \
        assert_refused(&m, &saved, #field); \
    } while (0)
    REFUSED(root, 1);
    REFUSED(root, BIT(48));
    REFUSED(root, ~0ull);
    REFUSED(intr_root, 0x800);
    REFUSED(intr_root, BIT(63));
    REFUSED(iq, 0xfff);
    REFUSED(iq, BIT(48));
    REFUSED(intr_size, 1);
    REFUSED(intr_size, 3);
    REFUSED(intr_size, 1 << 17);
    REFUSED(intr_size, ~0u);
    REFUSED(iq_size, 0);
    REFUSED(iq_size, 1);
    REFUSED(iq_size, 128);
    REFUSED(iq_size, 257);
    REFUSED(iq_size, 65535);
    REFUSED(iq_head, 256);
    REFUSED(iq_head, 65535);
    REFUSED(iq_tail, 32768);
    REFUSED(next_frcd_reg, 1);
    REFUSED(intr_eime, true);
#undef REFUSED
    /* Not refused: of what a guest can do itself, or harmless */
    saved = good;
    saved.iq_tail = 32767;
    saved.iq_last_desc_type = 255;
    saved.root = saved.iq = saved.intr_root = BIT(48) - QVTD_PAGE;
    g_assert_null(vtd_load(m.to->v, &saved));
    saved = good;
    saved.qi_enabled = false;
    saved.iq_size = saved.iq_head = saved.iq = 0;
    g_assert_null(vtd_load(m.to->v, &saved));
    move_end(&m);

    config.intr_remap = false;
    m.to = host_new(&config);
    vtd_save(m.to->v, &saved);
    saved.intr_enabled = true;
    assert_refused(&m, &saved, "intr_enabled");
    host_free(m.to);
}

/*
 * How wide physical addresses are is the machine's, and no register tells:
 * only an address that the other one cannot have is refused.
 */
static void test_physical_width(void)
{
    const uint64_t high = BIT(45);
    VtdConfig config = host_config;
    VtdSaved saved;
    Move m;

    config.aw_bits = 39;
    config.haw_bits = 46;
    m.from = host_new(&config);
    host_add_alias(m.from, high);
    host_enable(m.from);
    set_root_table(m.from, m.from->vtd.root | high);
    queue_start(m.from, 0);
    submit_wait(m.from);
    gcmd(m.from, QVTD_QIE, false);
    wr32(m.from, QVTD_IQT, 0);
    wr64(m.from, QVTD_IQA, m.from->vtd.queue | high);
    gcmd(m.from, QVTD_QIE, true);
    m.from->vtd.tail = 0;
    submit_wait(m.from);
    set_irta(m.from, high);
    vtd_save(m.from->v, &saved);
    g_assert_cmphex(saved.root, ==, m.from->vtd.root | high);
    g_assert_cmphex(saved.iq, ==, m.from->vtd.queue | high);
    g_assert_cmphex(saved.intr_root, ==, high);

    for (config.haw_bits = 45; config.haw_bits <= 52; config.haw_bits++) {
        m.to = host_new(&config);
        host_add_alias(m.to, high);
        if (config.haw_bits == 45) {
            assert_refused(&m, &saved, "root");
        } else {
            g_assert_null(move_load(&m, &saved));
            vtd_load_finish(m.to->v);
            submit_wait(m.to);
        }
        host_free(m.to);
    }
    config.haw_bits = 39;
    m.to = host_new(&config);
    saved.root = 0;
    assert_refused(&m, &saved, "intr_root");
    saved.intr_root = 0;
    assert_refused(&m, &saved, "iq");
    saved.iq = m.from->vtd.queue;
    g_assert_null(vtd_load(m.to->v, &saved));
    host_free(m.to);
    host_free(m.from);
}

/* Units of other properties: each is named, with its value */
static void test_unlike(void)
{
    static const struct {
        size_t offset;
        uint8_t value;
        const char *words, *back;
    } rows[] = {
        { offsetof(VtdConfig, aw_bits), 39,
          "intel-iommu,aw-bits=39, unlike", "intel-iommu,aw-bits=48, unlike" },
        { offsetof(VtdConfig, caching_mode), true,
          ",caching-mode=on,", ",caching-mode=off," },
        { offsetof(VtdConfig, snoop_control), true,
          ",snoop-control=on,", ",snoop-control=off," },
        { offsetof(VtdConfig, device_iotlb), true,
          ",device-iotlb=on,", ",device-iotlb=off," },
        { offsetof(VtdConfig, pass_through), false,
          ",pt=off,", ",pt=on," },
        { offsetof(VtdConfig, intr_remap), false,
          ",intremap=off,", ",intremap=on," },
        { offsetof(VtdConfig, eim), false, ",eim=off,", ",eim=on," },
        { offsetof(VtdConfig, dma_drain), false,
          ",dma-drain=off,", ",dma-drain=on," },
        { offsetof(VtdConfig, dma_translation), false,
          ",dma-translation=off,", ",dma-translation=on," },
    };
    VtdConfig config;
    VtdSaved saved;
    Move m = { };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        config = host_config;
        memcpy((char *)&config + rows[i].offset, &rows[i].value, 1);
        m.from = host_new(&config);
        m.to = host_new(NULL);
        vtd_save(m.from->v, &saved);
        assert_refused(&m, &saved, rows[i].words);
        g_assert_cmpint(vtd_saved_caching_mode(&saved), ==,
                        config.caching_mode);
        host_free(m.to);
        m.to = m.from;
        m.from = host_new(NULL);
        vtd_save(m.from->v, &saved);
        assert_refused(&m, &saved, rows[i].back);
        host_free(m.from);
        host_free(m.to);
    }

    /* Capabilities that no property of ours makes */
    m.to = host_new(NULL);
    vtd_save(m.to->v, &saved);
    saved.csr[QVTD_ECAP + 5] ^= 1 << 3;
    assert_refused(&m, &saved, ",x-scalable-mode=on,");
    saved.csr[QVTD_ECAP + 5] ^= 1 << 3;
    saved.csr[QVTD_CAP + 7] ^= 1 << 3;
    assert_refused(&m, &saved, "csr");
    host_free(m.to);
}

/*
 * CAP.ESRTPS may differ, since a unit without it does the same.  The guest goes
 * on with what it has read, also at a third place, until it is reset.
 */
static void test_esrtps(void)
{
    for (unsigned bits = 0; bits < 4; bits++) {
        VtdConfig config = host_config;
        Host *from, *to;
        VtdSaved saved, again;
        uint64_t cap;

        config.esrtps = bits & 1;
        from = host_new(&config);
        config.esrtps = bits >> 1;
        to = host_new(&config);
        cap = rd64(from, QVTD_CAP);
        g_assert_cmpuint(cap >> 63, ==, bits & 1);
        vtd_save(from->v, &saved);
        g_assert_null(vtd_load(to->v, &saved));
        g_assert_cmphex(rd64(to, QVTD_CAP), ==, cap);
        vtd_save(to->v, &again);
        g_assert_cmpmem(&again, sizeof(again), &saved, sizeof(saved));
        vtd_reset(to->v);
        g_assert_cmphex(rd64(to, QVTD_CAP) ^ cap, ==,
                        ((bits & 1) ^ (bits >> 1)) * BIT(63));
        host_free(to);
        host_free(from);
    }
}

/* What no write and no fault makes of a register does not come in */
static void test_impossible(void)
{
    VtdConfig config = host_config;
    VtdSaved good, saved;
    Move m;

    config.eim = false;
    move_start(&m, &config);
    vtd_save(m.from->v, &good);

    /* Every bit of every register, but for CAP and ECAP, which must agree */
    saved = good;
    memset(saved.csr, 0xff, sizeof(saved.csr));
    memcpy(saved.csr + 8, good.csr + 8, 16);
    g_assert_null(move_load(&m, &saved));
    g_assert_cmphex(rd32(m.to, QVTD_VER), ==, 0x10);
    g_assert_cmphex(rd32(m.to, 0x04), ==, 0);
    g_assert_cmphex(rd64(m.to, QVTD_RTADDR), ==, ~0x3ffull);
    g_assert_cmphex(rd64(m.to, QVTD_CCMD), ==,
                    BITS(62, 59) | BITS(33, 0));
    g_assert_cmphex(rd64(m.to, QVTD_IOTLB), ==,
                    BITS(61, 60) | BITS(58, 57) | BITS(49, 32));
    g_assert_cmphex(rd32(m.to, QVTD_FSTS), ==, 0x73);
    g_assert_cmphex(rd32(m.to, QVTD_FECTL), ==, QVTD_ECTL_IM | QVTD_ECTL_IP);
    g_assert_cmphex(rd32(m.to, QVTD_FEDATA), ==, 0xffff);
    g_assert_cmphex(rd64(m.to, QVTD_IQA), ==, ~0xfffull | BIT(11) | 7);
    g_assert_cmphex(rd64(m.to, QVTD_IQERCD), ==, 0xf);
    g_assert_cmphex(rd64(m.to, QVTD_IRTA), ==, ~0xfffull | 0xf);
    g_assert_cmphex(rd64(m.to, QVTD_IVA), ==, 0);
    g_assert_cmphex(rd64(m.to, QVTD_FRCD_LO), ==, ~0xfffull);
    g_assert_cmphex(rd32(m.to, QVTD_ICS), ==, 1);

    /* F alone: PPF follows, and the event that nobody raised is raised */
    saved = good;
    put32(&saved, QVTD_FRCD_HI + 4, 1u << 31 | 6);
    put32(&saved, QVTD_FECTL, 0);
    g_array_set_size(m.to->messages, 0);
    g_assert_null(move_load(&m, &saved));
    g_assert_cmphex(rd32(m.to, QVTD_FSTS), ==, QVTD_FSTS_PPF);
    g_assert_cmpuint(m.to->messages->len, ==, 0);
    vtd_load_finish(m.to->v);
    g_assert_cmpuint(m.to->messages->len, ==, 1);
    g_assert_cmphex(rd32(m.to, QVTD_FECTL), ==, 0);

    /* PPF alone would hide each later cause */
    saved = good;
    put32(&saved, QVTD_FSTS, QVTD_FSTS_PPF);
    put32(&saved, QVTD_FECTL, QVTD_ECTL_IP);
    put32(&saved, QVTD_IECTL, QVTD_ECTL_IP);
    g_array_set_size(m.to->messages, 0);
    g_assert_null(move_load(&m, &saved));
    vtd_load_finish(m.to->v);
    g_assert_cmphex(rd32(m.to, QVTD_FSTS), ==, 0);
    g_assert_cmphex(rd32(m.to, QVTD_FECTL), ==, 0);
    g_assert_cmphex(rd32(m.to, QVTD_IECTL), ==, 0);
    g_assert_cmpuint(m.to->messages->len, ==, 0);
    assert_blocked(m.arrived, 0x9000, VTD_ACCESS_READ, 6);
    g_assert_cmpuint(m.to->messages->len, ==, 1);

    /* A message that was under way when the state was saved */
    saved = good;
    put32(&saved, QVTD_ICS, 1);
    put32(&saved, QVTD_IECTL, QVTD_ECTL_IP);
    g_array_set_size(m.to->messages, 0);
    g_assert_null(move_load(&m, &saved));
    vtd_load_finish(m.to->v);
    g_assert_cmpuint(m.to->messages->len, ==, 1);
    g_assert_cmphex(rd32(m.to, QVTD_IECTL), ==, 0);
    move_end(&m);

    /* Without interrupt remapping its status bits and table are not there */
    config.intr_remap = false;
    m.to = host_new(&config);
    vtd_save(m.to->v, &saved);
    put32(&saved, QVTD_GSTS, QVTD_SIRTP | QVTD_CFI | QVTD_SRTP);
    put32(&saved, QVTD_IRTA, 0xfff00000);
    g_assert_null(vtd_load(m.to->v, &saved));
    g_assert_cmphex(rd32(m.to, QVTD_GSTS), ==, QVTD_SRTP);
    g_assert_cmphex(rd64(m.to, QVTD_IRTA), ==, 0);
    host_free(m.to);
}

/* Anything that is let in can be lived with */
static void use(Move *m, GRand *rand)
{
    Host *h = m->to;
    VtdInterrupt interrupt;
    VtdTranslation t;

    vtd_load_finish(h->v);
    for (unsigned i = 0; i < 30; i++) {
        device_translate(m->arrived, (uint64_t)g_rand_int(rand) << 12,
                         i % 3, &t);
        vtd_interrupt(h->v, g_rand_int_range(rand, 0, 0x10001),
                      QVTD_MSI_ADDR | (g_rand_int(rand) & 0xffffc),
                      g_rand_int_range(rand, 0, 0x20000), true, &interrupt);
        rd64(h, g_rand_int_range(rand, 0, QVTD_SIZE / 8) * 8);
        wr32(h, g_rand_int_range(rand, 0, QVTD_SIZE / 4) * 4,
             g_rand_int(rand));
    }
    vtd_reset(h->v);
}

static void test_hostile(void)
{
    const char *text = g_getenv("TEST_SEED");
    guint32 seed = text ? g_ascii_strtoull(text, NULL, 0) : 1;
    GRand *rand = g_rand_new_with_seed(seed);
    unsigned loaded = 0, refused = 0;
    VtdSaved good, saved;
    Move m;

    g_test_message("TEST_SEED=%u", seed);
    move_start(&m, NULL);
    vtd_save(m.from->v, &good);
    g_free(move_load(&m, &good));
    for (unsigned round = 0; round < 3000; round++) {
        unsigned edits = g_rand_int_range(rand, 1, 6);
        uint8_t *bytes = (uint8_t *)&saved;
        g_autofree char *error = NULL;

        saved = good;
        for (unsigned i = 0; i < edits; i++) {
            static const uint64_t odd[] = {
                0, 1, ~0ull, 0x8000, 0x100, BIT(63), BIT(47), 0x7fff, 0xfff
            };
            uint64_t value = g_rand_boolean(rand)
                ? odd[g_rand_int_range(rand, 0, G_N_ELEMENTS(odd))]
                : (uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand);

            switch (g_rand_int_range(rand, 0, 15)) {
            case 0:
                saved.root = value;
                break;
            case 1:
                saved.intr_root = value & ~0xfffull;
                break;
            case 2:
                saved.iq = value & BITS(47, 12);
                break;
            case 3:
                saved.intr_size = value;
                break;
            case 4:
                saved.intr_size = 1u << (value & 31);
                break;
            case 5:
                saved.intr_eime = value & 1;
                break;
            case 6:
                saved.iq_size = value;
                break;
            case 7:
                saved.iq_size = 256u << (value & 7);
                break;
            case 8:
                saved.iq_head = value & 0x1ff;
                break;
            case 9:
                saved.iq_tail = value;
                break;
            case 10:
                saved.next_frcd_reg = value & 1;
                break;
            case 11:
                saved.iq_last_desc_type = value;
                break;
            case 12:
                saved.dmar_enabled = value & 1;
                break;
            case 13:
                saved.qi_enabled = value & 1;
                break;
            default:
                bytes = saved.csr + 8 * g_rand_int_range(rand, 0,
                                                         QVTD_SIZE / 8);
                memcpy(bytes, &value, 8);
                break;
            }
        }
        error = vtd_load(m.to->v, &saved);
        if (error) {
            refused++;
        } else {
            loaded++;
            use(&m, rand);
        }
    }
    g_test_message("%u loaded, %u refused", loaded, refused);
    g_assert_cmpuint(loaded, >, 500);
    g_assert_cmpuint(refused, >, 500);
    move_end(&m);
    g_rand_free(rand);
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
    g_test_add_func("/vtd/save/refused", test_refused);
    g_test_add_func("/vtd/save/physical-width", test_physical_width);
    g_test_add_func("/vtd/save/unlike", test_unlike);
    g_test_add_func("/vtd/save/esrtps", test_esrtps);
    g_test_add_func("/vtd/save/impossible", test_impossible);
    g_test_add_func("/vtd/save/hostile", test_hostile);

    return g_test_run();
}
