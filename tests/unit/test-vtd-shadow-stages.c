/*
 * The VT-d engine's shadow of a first stage, and of two that are nested
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a strict host holds is compared, page for page, with a plain walk of
 * what the guest wrote, after each of the ways in which software tells of a
 * change; and a page that leads where it led before has no notice between.
 * Accessed and dirty bits are set ahead of use.  TEST_SEED=N repeats a run.
 */

#include "qemu/osdep.h"
#include "hw/i386/vtd/look.h"
#include "vtd-mirror.h"

#define SID                     0x18
#define PAGES                   (3 * 512)       /* from BASE on */
#define BASE                    0x40000000ull
#define PAGE                    QVTD_PAGE
#define ROUNDS                  150
#define SSADE                   BIT(9)

typedef enum Mode {
    MODE_SECOND,
    MODE_FIRST_4,
    MODE_FIRST_5,
    MODE_NESTED_4,
    MODE_NESTED_5,
    MODE_PASS_THROUGH,
    MODES,
} Mode;

typedef struct Trial {
    Host *h;
    Device *d;
    Strict *s;
    Plain plain;
    QVtdDomain second;
    QVtdFirst first[MODES];
    Mode mode;
    bool ss_dirty;              /* the second stage has A and D as well */
    GRand *rand;
} Trial;

static bool is_nested(Mode mode)
{
    return mode == MODE_NESTED_4 || mode == MODE_NESTED_5;
}

static void follow(Trial *t, Mode mode)
{
    QVtd *vtd = &t->h->vtd;

    t->mode = mode;
    if (mode == MODE_SECOND) {
        qvtd_sm_attach_second(vtd, SID, &t->second);
    } else if (mode == MODE_PASS_THROUGH) {
        qvtd_sm_attach_pass_through(vtd, SID, 1);
    } else {
        qvtd_sm_attach_first(vtd, SID, &t->first[mode]);
    }
    if (t->ss_dirty) {
        uint64_t entry = qvtd_pasid_entry(vtd, SID, 0);

        qvtd_put(vtd, entry, qvtd_get(vtd, entry) | SSADE);
    }
    qvtd_invalidate_all(vtd);
    host_pump(t->h);
}

static void start(Trial *t)
{
    VtdConfig config = host_full_config(57);
    QVtd *vtd;

    config.caching_mode = true;
    config.write_buffer = true;
    config.snoop_control = false;       /* so that SNP is reserved */
    config.max_mappings = 1 << 20;
    *t = (Trial) { .h = host_new(&config) };
    vtd = &t->h->vtd;
    t->d = device_new(t->h, SID);
    host_add_region(t->h, TARGET, TARGET + TARGET_SIZE - 1, true);
    qvtd_use_scalable(vtd);
    t->second = qvtd_domain_new(vtd, 7, 4);
    for (Mode mode = MODE_FIRST_4; mode <= MODE_NESTED_5; mode++) {
        t->first[mode] = qvtd_first_new(vtd, 7, mode == MODE_FIRST_4 ||
                                        mode == MODE_NESTED_4 ? 4 : 5,
                                        is_nested(mode) ? &t->second : NULL);
    }
    qvtd_enable(vtd);
    t->plain = plain_of(t->h);
    t->s = strict_listen(t->d, true);
}

static void stop(Trial *t)
{
    assert_strict(t->s);
    strict_unlisten(t->s);
    device_free(t->d);
    host_free(t->h);
}

/* What a device gets at @iova by the tables; no perm: nothing */
static Run truth_at(Trial *t, const PlainContext *context, uint64_t iova)
{
    PlainAnswer answer;
    VtdRam ram;

    if (context->kind != PLAIN_TABLES) {
        return (Run) { 0 };
    }
    plain_sm_request(&t->plain, context, iova, 0, &answer);
    if (answer.reason || !answer.leaf.perm) {
        return (Run) { 0 };
    }
    host_ram(t->h, answer.leaf.addr + (iova - answer.leaf.first), &ram);
    return ram.ram ? answer.leaf : (Run) { 0 };
}

static void assert_exact_now(Trial *t)
{
    PlainContext context = plain_context(&t->plain,
                                         qvtd_read64(&t->h->vtd, QVTD_RTADDR),
                                         SID);

    assert_strict(t->s);
    for (uint64_t i = 0; i < PAGES; i++) {
        uint64_t iova = BASE + i * PAGE;
        Run truth = truth_at(t, &context, iova), held = { 0 };

        strict_lookup(t->s, iova, &held);
        g_assert_cmphex(held.perm, ==, truth.perm);
        if (truth.perm) {
            g_assert_cmphex(held.addr + (iova - held.first), ==,
                            truth.addr + (iova - truth.first));
        }
    }
}

static void flush_write_buffer(Trial *t)
{
    qvtd_write32(&t->h->vtd, QVTD_GCMD, BIT(27) |
                 (qvtd_read32(&t->h->vtd, QVTD_GSTS) & 0x96ffffff));
    host_pump(t->h);
    g_assert_false(qvtd_read32(&t->h->vtd, QVTD_GSTS) & BIT(27));
}

/* A new mapping of a first stage is told of by GCMD.WBF alone */
static void test_write_buffer(void)
{
    Trial t;
    Run run;

    start(&t);
    for (Mode mode = MODE_FIRST_4; mode <= MODE_NESTED_5; mode++) {
        follow(&t, mode);
        strict_clear_log(t.s);
        qvtd_first_map(&t.h->vtd, &t.first[mode], BASE, TARGET, 1,
                       QVTD_FS_USER);
        g_assert_false(strict_lookup(t.s, BASE, &run));
        flush_write_buffer(&t);
        g_assert_true(strict_lookup(t.s, BASE, &run));
        g_assert_cmphex(run.addr, ==, TARGET);
        g_assert_cmphex(run.perm, ==, 3);
        assert_exact_now(&t);
    }
    stop(&t);
}

/* What a device may use is marked as used, and only that */
static void test_marks(void)
{
    Trial t;
    QVtd *vtd;

    start(&t);
    vtd = &t.h->vtd;
    for (Mode mode = MODE_FIRST_4; mode <= MODE_NESTED_5; mode++) {
        const QVtdFirst *first = &t.first[mode];
        uint64_t iova = BASE + mode * 0x200000ull;
        uint64_t all = QVTD_FS_A | QVTD_FS_D, entry;

        follow(&t, mode);
        qvtd_first_map(vtd, first, iova, TARGET, 1, QVTD_FS_USER);
        qvtd_first_map(vtd, first, iova + PAGE, TARGET, 1,
                       QVTD_FS_P | QVTD_FS_US);
        qvtd_first_map(vtd, first, iova + 2 * PAGE, TARGET, 1,
                       QVTD_FS_P | QVTD_FS_RW);
        flush_write_buffer(&t);
        for (unsigned i = 0; i < 3; i++) {
            static const uint64_t wanted[] = {
                QVTD_FS_A | QVTD_FS_D, QVTD_FS_A, 0,
            };

            entry = qvtd_get(vtd, qvtd_first_entry(vtd, first,
                                                   iova + i * PAGE, 1));
            g_assert_cmphex(entry & all, ==, wanted[i]);
        }

        /* They come back after software has cleared them */
        entry = qvtd_first_entry(vtd, first, iova, 1);
        qvtd_put(vtd, entry, qvtd_get(vtd, entry) & ~all);
        strict_clear_log(t.s);
        flush_write_buffer(&t);
        g_assert_cmphex(qvtd_get(vtd, entry) & all, ==, all);
        g_assert_cmpuint(t.s->log->len, ==, 0);

        /* So does that of a level above, though one page alone is named */
        entry = qvtd_first_entry(vtd, first, iova, 2);
        qvtd_put(vtd, entry, qvtd_get(vtd, entry) & ~QVTD_FS_A);
        qvtd_invalidate(vtd, QVTD_INV_PASID_IOTLB_PAGES(7, 0, iova, 0));
        host_pump(t.h);
        g_assert_cmphex(qvtd_get(vtd, entry) & QVTD_FS_A, ==, QVTD_FS_A);
        g_assert_cmpuint(t.s->log->len, ==, 0);
    }
    stop(&t);
}

/* The same bits of a second stage, under a first one or alone (3.4) */
static void test_marks_below(void)
{
    Trial t;
    QVtd *vtd;
    const QVtdFirst *first = &t.first[MODE_NESTED_5];
    uint64_t below, table, all = BIT(8) | BIT(9);

    start(&t);
    vtd = &t.h->vtd;
    t.ss_dirty = true;
    follow(&t, MODE_NESTED_5);
    qvtd_first_map(vtd, first, BASE, TARGET, 1, QVTD_FS_P | QVTD_FS_US);
    qvtd_first_map(vtd, first, BASE + PAGE, TARGET + PAGE, 1, QVTD_FS_USER);
    flush_write_buffer(&t);
    for (unsigned i = 0; i < 2; i++) {
        below = qvtd_entry(vtd, &t.second,
                           qvtd_guest_address(first, TARGET) + i * PAGE, 1);
        g_assert_cmphex(qvtd_get(vtd, below) & all, ==, i ? all : BIT(8));
    }
    /* Bits were set in the first stage's table, so its page is dirty */
    table = qvtd_first_entry(vtd, first, BASE, 1) & ~0xfffull;
    below = qvtd_entry(vtd, &t.second, qvtd_guest_address(first, table), 1);
    g_assert_cmphex(qvtd_get(vtd, below) & all, ==, all);

    /* A page that was mapped before is marked when SSADE is set */
    t.ss_dirty = false;
    follow(&t, MODE_SECOND);
    qvtd_map(vtd, &t.second, BASE, TARGET, 1, QVTD_RW);
    qvtd_invalidate(vtd, QVTD_INV_IOTLB_DOMAIN(7));
    host_pump(t.h);
    g_assert_cmphex(qvtd_get(vtd, qvtd_entry(vtd, &t.second, BASE, 1)) & all,
                    ==, 0);
    t.ss_dirty = true;
    strict_clear_log(t.s);
    follow(&t, MODE_SECOND);
    g_assert_cmpuint(t.s->log->len, ==, 0);
    g_assert_cmphex(qvtd_get(vtd, qvtd_entry(vtd, &t.second, BASE, 1)) & all,
                    ==, all);
    stop(&t);
}

/* A page of the second stage comes, moves and goes under a first stage */
static void test_below(void)
{
    Trial t;
    QVtd *vtd;
    const QVtdFirst *first = &t.first[MODE_NESTED_4];
    uint64_t gpa;
    Run run;

    start(&t);
    vtd = &t.h->vtd;
    gpa = qvtd_guest_address(first, TARGET);
    follow(&t, MODE_NESTED_4);
    for (unsigned i = 0; i < 512; i++) {
        qvtd_map(vtd, &t.second, gpa + i * PAGE, TARGET + i * PAGE, 1,
                 QVTD_RW);
    }
    /* One leaf of 2 MiB above 512 pages */
    qvtd_put(vtd, qvtd_first_entry(vtd, first, BASE, 2),
             gpa | QVTD_FS_USER | QVTD_PS);
    flush_write_buffer(&t);
    assert_exact_now(&t);
    g_assert_true(strict_lookup(t.s, BASE + 511 * PAGE, &run));

    strict_clear_log(t.s);
    qvtd_map(vtd, &t.second, gpa + 5 * PAGE, TARGET + GIB, 1, QVTD_RW);
    qvtd_map(vtd, &t.second, gpa + 7 * PAGE, 0, 1, 0);
    qvtd_invalidate(vtd, QVTD_INV_IOTLB_PAGES(7, gpa + 5 * PAGE, 3));
    host_pump(t.h);
    assert_exact_now(&t);
    g_assert_cmpuint(strict_unmaps(t.s), ==, 2);
    g_assert_cmpuint(strict_maps(t.s), ==, 1);
    stop(&t);
}

/* What a page of a first stage maps ends with what it is under */
static void expect_held(Trial *t, bool held)
{
    Run run;

    flush_write_buffer(t);
    qvtd_invalidate(&t->h->vtd, QVTD_INV_IOTLB_GLOBAL);
    host_pump(t->h);
    g_assert_true(strict_lookup(t->s, BASE, &run) == held);
}

/* Put @value in the place of a word, look, and put back what was there */
static void expect_ends(Trial *t, uint64_t gpa, uint64_t value)
{
    uint64_t before = qvtd_get(&t->h->vtd, gpa);

    qvtd_put(&t->h->vtd, gpa, value);
    expect_held(t, false);
    assert_exact_now(t);
    qvtd_put(&t->h->vtd, gpa, before);
    expect_held(t, true);
}

/* Each way in which what lies below can stop a first stage */
static void test_stopped(void)
{
    Trial t;

    start(&t);
    for (Mode mode = MODE_NESTED_4; mode <= MODE_NESTED_5; mode++) {
        QVtd *vtd = &t.h->vtd;
        const QVtdFirst *first = &t.first[mode];
        uint64_t leaf, above, table, below, bad;

        follow(&t, mode);
        qvtd_first_map(vtd, first, BASE, TARGET, 1,
                       QVTD_FS_USER | QVTD_FS_A | QVTD_FS_D);
        expect_held(&t, true);
        leaf = qvtd_first_entry(vtd, first, BASE, 1);
        above = qvtd_first_entry(vtd, first, BASE, 2);
        table = qvtd_guest_address(first, leaf & ~0xfffull);
        below = qvtd_entry(vtd, &t.second, table, 1);
        bad = qvtd_guest_address(first, TARGET);

        /* The page: absent, reserved, wider than the second stage */
        expect_ends(&t, leaf, 0);
        expect_ends(&t, leaf, BIT(50) | QVTD_FS_USER);
        expect_ends(&t, above, bad | QVTD_FS_USER | QVTD_PS | BIT(13));
        expect_ends(&t, above, BIT(50) | QVTD_FS_USER | QVTD_FS_A);
        expect_ends(&t, qvtd_entry(vtd, &t.second, bad, 1), 0);
        expect_ends(&t, qvtd_entry(vtd, &t.second, bad, 1),
                    TARGET | QVTD_RW | BIT(11));
        expect_ends(&t, qvtd_entry(vtd, &t.second, bad, 2),
                    qvtd_get(vtd, qvtd_entry(vtd, &t.second, bad, 2)) |
                    BIT(11));
        /* The table: not readable, or nowhere */
        expect_ends(&t, below, (qvtd_get(vtd, below) & ~QVTD_RW) | QVTD_W);
        expect_ends(&t, below, QVTD_HOLE | QVTD_RW);

        /* It is read alone: bits that are missing there cannot be set */
        qvtd_put(vtd, below, (qvtd_get(vtd, below) & ~QVTD_RW) | QVTD_R);
        expect_held(&t, true);
        qvtd_put(vtd, leaf, qvtd_get(vtd, leaf) & ~QVTD_FS_D);
        expect_held(&t, false);
        qvtd_put(vtd, below, qvtd_get(vtd, below) | QVTD_RW);
        expect_held(&t, true);
        g_assert_cmphex(qvtd_get(vtd, leaf) & QVTD_FS_D, ==, QVTD_FS_D);
    }
    stop(&t);
}

/* Tables of both stages that are there by calls alone */
static void test_behind_io(void)
{
    Trial t;

    start(&t);
    for (Mode mode = MODE_FIRST_4; mode <= MODE_NESTED_5; mode++) {
        QVtd *vtd = &t.h->vtd;
        const QVtdFirst *first = &t.first[mode];

        follow(&t, mode);
        qvtd_first_map(vtd, first, BASE, TARGET, 1, QVTD_FS_USER);
        for (unsigned level = 1; level <= 4; level++) {
            host_put_behind_io(t.h, qvtd_first_entry(vtd, first, BASE, level) &
                                    ~0xfffull);
            if (is_nested(mode)) {
                uint64_t gpa = qvtd_guest_address(first, TARGET);

                host_put_behind_io(t.h, qvtd_entry(vtd, &t.second, gpa,
                                                   level) & ~0xfffull);
            }
            expect_held(&t, true);
            assert_exact_now(&t);
        }
        qvtd_put(vtd, qvtd_first_entry(vtd, first, BASE, 1), 0);
        expect_held(&t, false);
    }
    stop(&t);
}

/* Entries that want bits which cannot be set: a request would be blocked */
static void test_not_marked(void)
{
    Trial t;

    start(&t);
    for (Mode mode = MODE_FIRST_4; mode <= MODE_NESTED_5; mode++) {
        QVtd *vtd = &t.h->vtd;
        const QVtdFirst *first = &t.first[mode];
        uint64_t entry = qvtd_pasid_entry(vtd, SID, 0), leaf;

        follow(&t, mode);
        leaf = qvtd_first_entry(vtd, first, BASE, 1);
        host_set_rom(t.h, leaf & ~0xfffull, true);
        qvtd_first_map(vtd, first, BASE, TARGET, 1, QVTD_FS_USER);
        expect_held(&t, false);
        host_set_rom(t.h, leaf & ~0xfffull, false);

        /* Walks are not snooped (3.4) */
        qvtd_put(vtd, entry + 8, qvtd_get(vtd, entry + 8) & ~BIT(23));
        qvtd_invalidate_all(vtd);
        expect_held(&t, false);
        g_assert_cmphex(qvtd_get(vtd, leaf) & QVTD_FS_A, ==, 0);
        qvtd_put(vtd, leaf, qvtd_get(vtd, leaf) | QVTD_FS_A | QVTD_FS_D);
        expect_held(&t, true);
    }
    stop(&t);
}

/* A long flush shows in WBFS until all is in step */
static void test_long_flush(void)
{
    Trial t;
    QVtd *vtd;
    Run run;

    start(&t);
    vtd = &t.h->vtd;
    follow(&t, MODE_FIRST_4);
    for (unsigned i = 0; i < 40; i++) {
        qvtd_first_map(vtd, &t.first[MODE_FIRST_4], BASE + i * GIB, TARGET, 3,
                       QVTD_FS_USER);
    }
    t.h->tick = 1000 * 1000 * 1000;
    qvtd_write32(vtd, QVTD_GCMD, BIT(27) |
                 (qvtd_read32(vtd, QVTD_GSTS) & 0x96ffffff));
    g_assert_true(qvtd_read32(vtd, QVTD_GSTS) & BIT(27));
    host_pump(t.h);
    g_assert_false(qvtd_read32(vtd, QVTD_GSTS) & BIT(27));
    g_assert_true(strict_lookup(t.s, BASE + 39 * GIB, &run));
    stop(&t);
}

/* All addresses, and then a page: neither cuts the other's range short */
static void test_all_pages(void)
{
    static const QVtdDesc all[] = {
        QVTD_INV_IOTLB_PAGES(7, 0, 52), QVTD_INV_PASID_IOTLB_PAGES(7, 0, 0, 52),
    };
    Trial t;
    QVtd *vtd;
    Run run;

    start(&t);
    vtd = &t.h->vtd;
    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
        qvtd_map(vtd, &t.second, BASE, TARGET, 1, QVTD_RW);
        qvtd_first_map(vtd, &t.first[MODE_FIRST_4], BASE, TARGET, 1,
                       QVTD_FS_USER);
        follow(&t, i ? MODE_FIRST_4 : MODE_SECOND);
        g_assert_true(strict_lookup(t.s, BASE, &run));
        qvtd_map(vtd, &t.second, BASE, 0, 1, 0);
        qvtd_put(vtd, qvtd_first_entry(vtd, &t.first[MODE_FIRST_4], BASE, 1),
                 0);
        qvtd_queue_put(vtd, all[i]);
        qvtd_queue_put(vtd, QVTD_INV_IOTLB_PAGES(7, 0, 0));
        g_assert_true(qvtd_queue_sync(vtd));
        host_pump(t.h);
        g_assert_false(strict_lookup(t.s, BASE, &run));
    }
    stop(&t);
}

/* The same first stage above another second one, or with other bits */
static void test_other_tables(void)
{
    Trial t;
    QVtd *vtd;
    QVtdDomain other;
    QVtdFirst moved;
    uint64_t entry, leaf;
    Run run;

    start(&t);
    vtd = &t.h->vtd;
    follow(&t, MODE_NESTED_4);
    qvtd_first_map(vtd, &t.first[MODE_NESTED_4], BASE, TARGET, 1,
                   QVTD_FS_USER);
    expect_held(&t, true);

    /* Another top table of the second stage, which maps but these tables */
    other = qvtd_domain_new(vtd, 7, 4);
    moved = t.first[MODE_NESTED_4];
    moved.under = &other;
    qvtd_sm_attach_first(vtd, SID, &moved);
    qvtd_invalidate_all(vtd);
    host_pump(t.h);
    g_assert_false(strict_lookup(t.s, BASE, &run));
    /* One of another width in the same place */
    other.levels = 5;
    qvtd_sm_attach_first(vtd, SID, &moved);
    qvtd_invalidate_all(vtd);
    host_pump(t.h);
    assert_exact_now(&t);

    /* EA is wanted as well (4) */
    follow(&t, MODE_FIRST_5);
    qvtd_first_map(vtd, &t.first[MODE_FIRST_5], BASE, TARGET, 1,
                   QVTD_FS_USER);
    expect_held(&t, true);
    leaf = qvtd_first_entry(vtd, &t.first[MODE_FIRST_5], BASE, 1);
    g_assert_cmphex(qvtd_get(vtd, leaf) & BIT(10), ==, 0);
    entry = qvtd_pasid_entry(vtd, SID, 0) + 16;
    qvtd_put(vtd, entry, qvtd_get(vtd, entry) | BIT(7));
    strict_clear_log(t.s);
    qvtd_invalidate_all(vtd);
    host_pump(t.h);
    g_assert_cmphex(qvtd_get(vtd, leaf) & BIT(10), ==, BIT(10));
    g_assert_cmpuint(t.s->log->len, ==, 0);

    /* Another PASID's invalidation is none of this one's */
    qvtd_put(vtd, leaf, 0);
    qvtd_invalidate(vtd, QVTD_INV_PASID_IOTLB_ALL(7, 1));
    host_pump(t.h);
    g_assert_true(strict_lookup(t.s, BASE, &run));
    qvtd_invalidate(vtd, QVTD_INV_PASID_IOTLB_ALL(7, 0));
    host_pump(t.h);
    g_assert_false(strict_lookup(t.s, BASE, &run));
    stop(&t);
}

/*
 * A page of a second stage may lie below any of a first one: all of those are
 * looked at, also where the context is cached
 */
static void test_page_below(void)
{
    Trial t;
    QVtd *vtd;
    VtdTranslation out;
    Run run;

    start(&t);
    vtd = &t.h->vtd;
    for (Mode mode = MODE_FIRST_4; mode <= MODE_NESTED_5; mode++) {
        const QVtdFirst *first = &t.first[mode];
        uint64_t iova = BASE + 9 * PAGE;

        follow(&t, mode);
        qvtd_first_map(vtd, first, iova, TARGET, 1, QVTD_FS_USER);
        qvtd_invalidate_all(vtd);
        host_pump(t.h);
        g_assert_true(device_translate(t.d, iova, VTD_ACCESS_READ, &out));
        g_assert_true(strict_lookup(t.s, iova, &run));
        qvtd_put(vtd, qvtd_first_entry(vtd, first, iova, 1), 0);
        qvtd_invalidate(vtd, QVTD_INV_IOTLB_PAGES(7, BASE, 0));
        host_pump(t.h);
        g_assert_false(strict_lookup(t.s, iova, &run));
    }
    stop(&t);
}

/* Whoever only forgets is told as much, by the context that is cached */
static void test_forgets_below(void)
{
    Trial t;
    QVtd *vtd;
    Device *d;
    Strict *s;
    VtdTranslation out;
    const Forget *forget;
    uint16_t sid = SID + 8;

    start(&t);
    vtd = &t.h->vtd;
    follow(&t, MODE_PASS_THROUGH);
    d = device_new(t.h, sid);
    s = strict_listen(d, false);
    qvtd_sm_attach_first(vtd, sid, &t.first[MODE_NESTED_4]);
    qvtd_first_map(vtd, &t.first[MODE_NESTED_4], BASE, TARGET, 1,
                   QVTD_FS_USER);
    qvtd_invalidate_all(vtd);
    for (unsigned cached = 0; cached < 2; cached++) {
        g_array_set_size(t.h->forgets, 0);
        qvtd_invalidate(vtd, QVTD_INV_IOTLB_PAGES(7, BASE, 0));
        g_assert_cmpuint(t.h->forgets->len, ==, 1);
        forget = &g_array_index(t.h->forgets, Forget, 0);
        g_assert_cmphex(forget->sid, ==, sid);
        g_assert_cmphex(forget->first, ==, 0);
        g_assert_cmphex(forget->last, ==, UINT64_MAX);
        g_assert_true(device_translate(d, BASE, VTD_ACCESS_READ, &out));
    }
    strict_unlisten(s);
    device_free(d);
    stop(&t);
}

/* A context that is cached, while its entry says something else */
static void test_stale(void)
{
    static const Mode then[] = { MODE_FIRST_4, MODE_SECOND, MODE_FIRST_4 };
    static const Mode now[] = { MODE_PASS_THROUGH, MODE_FIRST_4, MODE_SECOND };
    Trial t;

    start(&t);
    for (unsigned i = 0; i < G_N_ELEMENTS(then); i++) {
        QVtd *vtd = &t.h->vtd;
        VtdTranslation out;
        VtdExplained e;

        follow(&t, then[i]);
        g_assert_true(device_translate(t.d, vtd->mailbox, VTD_ACCESS_READ,
                                       &out));
        vtd_explain(t.d->space, VTD_NO_PASID, vtd->mailbox, VTD_ACCESS_READ,
                    &e);
        g_assert_true(e.context_cached && !e.context_stale);
        if (now[i] == MODE_PASS_THROUGH) {
            qvtd_sm_attach_pass_through(vtd, SID, 7);
        } else if (now[i] == MODE_SECOND) {
            qvtd_sm_attach_second(vtd, SID, &t.second);
        } else {
            qvtd_sm_attach_first(vtd, SID, &t.first[now[i]]);
        }
        vtd_explain(t.d->space, VTD_NO_PASID, vtd->mailbox, VTD_ACCESS_READ,
                    &e);
        g_assert_true(e.context_cached && e.context_stale);
    }
    stop(&t);
}

/* What a query says of a request is what the shadow and the tables say */
static void test_explained(void)
{
    Trial t;
    VtdExplained e;

    start(&t);
    for (Mode mode = 0; mode < MODES; mode++) {
        QVtd *vtd = &t.h->vtd;
        const QVtdFirst *first = &t.first[mode];

        follow(&t, mode);
        if (mode == MODE_SECOND) {
            qvtd_map(vtd, &t.second, BASE, TARGET, 1, QVTD_RW);
        } else if (mode != MODE_PASS_THROUGH) {
            qvtd_first_map(vtd, first, BASE, TARGET, 1, QVTD_FS_USER);
        }
        flush_write_buffer(&t);
        qvtd_invalidate(vtd, QVTD_INV_IOTLB_GLOBAL);
        host_pump(t.h);
        vtd_explain(t.d->space, VTD_NO_PASID, BASE, VTD_ACCESS_WRITE, &e);
        g_assert_cmphex(e.reason, ==, 0);
        g_assert_true(e.pass_through == (mode == MODE_PASS_THROUGH));
        g_assert_cmphex(e.out.addr | (BASE & e.out.mask), ==,
                        e.pass_through ? BASE : TARGET);
        g_assert_true(e.seen == !e.pass_through && !e.shadow_stale);
        if (e.pass_through) {
            continue;
        }
        g_assert_cmphex(e.shadow.addr + (BASE - e.shadow.iova), ==, TARGET);

        /* A page that moves, of which nobody was told yet */
        if (mode == MODE_SECOND) {
            qvtd_map(vtd, &t.second, BASE, TARGET + PAGE, 1, QVTD_R);
        } else {
            qvtd_first_map(vtd, first, BASE, TARGET + PAGE, 1,
                           QVTD_FS_P | QVTD_FS_US);
        }
        vtd_explain(t.d->space, VTD_NO_PASID, BASE, VTD_ACCESS_READ, &e);
        g_assert_true(e.shadow_stale);
        vtd_explain(t.d->space, VTD_NO_PASID, BASE, VTD_ACCESS_WRITE, &e);
        g_assert_cmphex(e.reason, ==, 0x85);
        vtd_explain(t.d->space, 5, BASE, VTD_ACCESS_READ, &e);
        g_assert_cmphex(e.reason, !=, 0);
    }
    stop(&t);
}

/* A GiB of both stages is one MAP; a page of it that goes is one less */
static void test_large(void)
{
    Trial t;
    QVtd *vtd;
    const QVtdFirst *first = &t.first[MODE_NESTED_4];
    uint64_t gpa;

    start(&t);
    vtd = &t.h->vtd;
    gpa = qvtd_guest_address(first, TARGET);
    follow(&t, MODE_NESTED_4);
    strict_clear_log(t.s);
    qvtd_first_map(vtd, first, BASE, TARGET, 3, QVTD_FS_USER);
    flush_write_buffer(&t);
    g_assert_cmpuint(strict_maps(t.s), ==, 1);
    assert_exact_now(&t);

    /* The same in pages of 2 MiB changes nothing */
    strict_clear_log(t.s);
    qvtd_put(vtd, qvtd_entry(vtd, &t.second, gpa, 3), 0);
    for (unsigned i = 0; i < 512; i++) {
        qvtd_map(vtd, &t.second, gpa + i * 0x200000ull,
                 TARGET + i * 0x200000ull, 2, QVTD_RW);
    }
    qvtd_invalidate(vtd, QVTD_INV_IOTLB_DOMAIN(7));
    host_pump(t.h);
    g_assert_cmpuint(t.s->log->len, ==, 0);
    qvtd_map(vtd, &t.second, gpa + 0x200000, 0, 2, 0);
    qvtd_invalidate(vtd, QVTD_INV_IOTLB_DOMAIN(7));
    host_pump(t.h);
    assert_exact_now(&t);
    g_assert_cmpuint(strict_unmaps(t.s), ==, 1);
    stop(&t);
}

/* Superpages that each stage has alike stay, whichever is followed */
static void test_same_large(void)
{
    Trial t;
    QVtd *vtd;

    start(&t);
    vtd = &t.h->vtd;
    follow(&t, MODE_PASS_THROUGH);
    for (unsigned level = 2; level <= 3; level++) {
        uint64_t iova = level == 2 ? BASE : 8 * GIB;

        qvtd_map(vtd, &t.second, iova, TARGET, level, QVTD_RW);
        for (Mode mode = MODE_FIRST_4; mode <= MODE_NESTED_5; mode++) {
            qvtd_first_map(vtd, &t.first[mode], iova, TARGET, level,
                           QVTD_FS_USER);
        }
    }
    follow(&t, MODE_SECOND);
    for (Mode mode = MODE_SECOND; mode <= MODE_NESTED_5; mode++) {
        Run run;

        follow(&t, mode);
        strict_clear_log(t.s);
        follow(&t, mode == MODE_NESTED_5 ? MODE_FIRST_4 : mode + 1);
        for (unsigned i = 0; i < t.s->log->len; i++) {
            run = g_array_index(t.s->log, JudgeRecord, i).run;
            g_assert_true(run.last < BASE || run.first > BASE + 0x1fffff);
            g_assert_true(run.last < 8 * GIB || run.first > 9 * GIB - 1);
        }
        g_assert_true(strict_lookup(t.s, BASE + 511 * PAGE, &run));
        g_assert_true(strict_lookup(t.s, 9 * GIB - 1, &run));
    }
    stop(&t);
}

/* Random changes */

static uint32_t pick(Trial *t, uint32_t n)
{
    return g_rand_int_range(t->rand, 0, n);
}

static uint64_t pick_target(Trial *t, unsigned level)
{
    uint64_t size = level == 2 ? 0x200000 : PAGE;

    return TARGET + pick(t, 4) * size;
}

/* An entry of level 1 where there is no leaf above it, else that one */
static void edit_first(Trial *t)
{
    QVtd *vtd = &t->h->vtd;
    const QVtdFirst *first = &t->first[MODE_FIRST_4 + pick(t, 4)];
    uint64_t iova = BASE + pick(t, PAGES) * PAGE;
    uint64_t above = qvtd_get(vtd, qvtd_first_entry(vtd, first, iova, 2));
    unsigned level = (above & QVTD_PS) || pick(t, 8) == 0 ? 2 : 1;
    uint64_t entry = qvtd_first_entry(vtd, first, iova, level);
    static const uint64_t bits[] = {
        QVTD_FS_USER, QVTD_FS_USER | QVTD_FS_A | QVTD_FS_D,
        QVTD_FS_P | QVTD_FS_US, QVTD_FS_P | QVTD_FS_RW, QVTD_FS_P,
        QVTD_FS_US, QVTD_FS_USER | BIT(52) | BIT(63), QVTD_FS_USER | BIT(58),
    };
    uint64_t leaf = qvtd_guest_address(first, pick_target(t, level)) |
                    bits[pick(t, G_N_ELEMENTS(bits))] |
                    (level > 1 ? QVTD_PS : 0);

    qvtd_put(vtd, entry, pick(t, 4) ? leaf : 0);
}

static void edit_second(Trial *t)
{
    QVtd *vtd = &t->h->vtd;
    uint64_t gpa = qvtd_guest_address(&t->first[MODE_NESTED_4],
                                      pick_target(t, 1 + pick(t, 2)));

    qvtd_map(vtd, &t->second, gpa, pick_target(t, 1), 1, pick(t, 4));
    qvtd_map(vtd, &t->second, BASE + pick(t, PAGES) * PAGE, pick_target(t, 1),
             1, pick(t, 4));
}

/* Tell of whatever may have changed, in one of the ways that may be used */
static void tell(Trial *t)
{
    QVtd *vtd = &t->h->vtd;

    switch (pick(t, 4)) {
    case 0:
        flush_write_buffer(t);
        /* The second stage alone has its news by invalidations */
        qvtd_invalidate(vtd, QVTD_INV_IOTLB_DOMAIN(7));
        break;
    case 1:
        qvtd_invalidate(vtd, QVTD_INV_IOTLB_GLOBAL);
        break;
    case 2:
        qvtd_invalidate(vtd, QVTD_INV_IOTLB_PAGES(7, BASE, 11));
        break;
    default:
        qvtd_invalidate(vtd, QVTD_INV_PASID_IOTLB_ALL(7, 0));
        qvtd_invalidate(vtd, QVTD_INV_IOTLB_PAGES(7, BASE, 11));
        break;
    }
    host_pump(t->h);
}

static void random_step(Trial *t)
{
    g_autoptr(GArray) before = strict_mappings(t->s), after = NULL;
    g_autoptr(GArray) unsent = runs_new();
    g_autoptr(Judgement) j = NULL;

    strict_clear_log(t->s);
    for (unsigned n = pick(t, 12); n; n--) {
        if (pick(t, 3)) {
            edit_first(t);
        } else {
            edit_second(t);
        }
    }
    if (pick(t, 5)) {
        tell(t);
    } else {
        t->ss_dirty = pick(t, 2);
        follow(t, pick(t, MODES));
    }
    assert_exact_now(t);
    after = strict_mappings(t->s);
    if (t->d->view != VTD_VIEW_TRANSLATED) {
        return;
    }
    j = judge(&(JudgeStep) {
        .before = before, .after = after, .log = t->s->log,
        .plain = &t->plain, .unsent = unsent,
    });
    if (j->wrong) {
        g_test_message("%s", j->wrong);
    }
    g_assert_cmpstr(j->wrong, ==, NULL);
}

static void test_random(void)
{
    const char *text = g_getenv("TEST_SEED");
    guint32 seed = text ? g_ascii_strtoull(text, NULL, 0) : g_random_int();
    Trial t;

    start(&t);
    g_test_message("TEST_SEED=%u", seed);
    t.rand = g_rand_new_with_seed(seed);
    for (unsigned i = 0; i < ROUNDS; i++) {
        random_step(&t);
    }
    g_rand_free(t.rand);
    stop(&t);
}

static void expect_request(Trial *t, bool write, unsigned reason)
{
    VtdAccess access = write ? VTD_ACCESS_WRITE : VTD_ACCESS_READ;
    VtdTranslation out;

    g_assert_true(device_translate(t->d, BASE, access, &out) == !reason);
    g_assert_true(reason
                  ? qvtd_expect_fault(&t->h->vtd, reason, SID, BASE, !write)
                  : qvtd_expect_no_fault(&t->h->vtd));
}

/* Requests, too, end where bits of either stage cannot be set */
static void test_not_writable_below(void)
{
    Trial t;
    QVtd *vtd;
    const QVtdFirst *first = &t.first[MODE_NESTED_4];
    uint64_t leaf, below, table, all = BIT(8) | BIT(9);

    start(&t);
    vtd = &t.h->vtd;
    t.ss_dirty = true;
    qvtd_first_map(vtd, first, BASE, TARGET, 1, QVTD_FS_USER);
    leaf = qvtd_first_entry(vtd, first, BASE, 1);
    follow(&t, MODE_NESTED_4);
    expect_request(&t, true, 0);

    /* D of the page, in the second stage's leaf */
    below = qvtd_entry(vtd, &t.second, qvtd_guest_address(first, TARGET), 1);
    qvtd_put(vtd, below, qvtd_get(vtd, below) & ~BIT(9));
    host_set_rom(t.h, below & ~0xfffull, true);
    qvtd_invalidate_all(vtd);
    expect_request(&t, false, 0);
    expect_request(&t, true, 0x7d);
    host_set_rom(t.h, below & ~0xfffull, false);
    expect_request(&t, true, 0);
    g_assert_cmphex(qvtd_get(vtd, below) & all, ==, all);

    /* D of the first stage's table, whose A is to be set */
    table = qvtd_guest_address(first, leaf & ~0xfffull);
    below = qvtd_entry(vtd, &t.second, table, 1);
    qvtd_put(vtd, leaf, qvtd_get(vtd, leaf) & ~(QVTD_FS_A | QVTD_FS_D));
    qvtd_put(vtd, below, qvtd_get(vtd, below) & ~BIT(9));
    host_set_rom(t.h, below & ~0xfffull, true);
    qvtd_invalidate_all(vtd);
    expect_request(&t, false, 0x7d);
    g_assert_cmphex(qvtd_get(vtd, leaf) & QVTD_FS_A, ==, 0);
    host_set_rom(t.h, below & ~0xfffull, false);
    expect_request(&t, false, 0);
    g_assert_cmphex(qvtd_get(vtd, leaf) & QVTD_FS_A, ==, QVTD_FS_A);
    g_assert_cmphex(qvtd_get(vtd, below) & all, ==, all);
    stop(&t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vtd/shadow/stages/write-buffer", test_write_buffer);
    g_test_add_func("/vtd/shadow/stages/marks", test_marks);
    g_test_add_func("/vtd/shadow/stages/marks-below", test_marks_below);
    g_test_add_func("/vtd/shadow/stages/below", test_below);
    g_test_add_func("/vtd/shadow/stages/stopped", test_stopped);
    g_test_add_func("/vtd/shadow/stages/behind-io", test_behind_io);
    g_test_add_func("/vtd/shadow/stages/not-marked", test_not_marked);
    g_test_add_func("/vtd/shadow/stages/long-flush", test_long_flush);
    g_test_add_func("/vtd/shadow/stages/all-pages", test_all_pages);
    g_test_add_func("/vtd/shadow/stages/other-tables", test_other_tables);
    g_test_add_func("/vtd/shadow/stages/page-below", test_page_below);
    g_test_add_func("/vtd/shadow/stages/forgets-below", test_forgets_below);
    g_test_add_func("/vtd/shadow/stages/stale", test_stale);
    g_test_add_func("/vtd/shadow/stages/explained", test_explained);
    g_test_add_func("/vtd/shadow/stages/not-writable-below",
                    test_not_writable_below);
    g_test_add_func("/vtd/shadow/stages/large", test_large);
    g_test_add_func("/vtd/shadow/stages/same-large", test_same_large);
    g_test_add_func("/vtd/shadow/stages/random", test_random);
    return g_test_run();
}
