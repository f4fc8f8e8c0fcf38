/*
 * VT-d qtests: shadows of random tables in scalable mode
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two devices that follow a second stage, first ones of 4 and 5 levels, or both
 * nested, over tables that change at random; the second one passes through at
 * times, and both go to legacy mode and back.  After each round the devices'
 * tables, the unit's translation and a plain walk agree page for page, and no
 * page that did not change was touched (shadow_expect()).  Meanwhile a thread
 * reads pages that each kind of tables has, and misses none.
 *
 * TEST_SEED gives another sequence than the default one, TEST_ROUNDS its
 * length; -m slow takes twenty times the rounds.
 */

#include "qemu/osdep.h"
#include "vtd-board.h"

#define DEFAULT_SEED            1
#define DEFAULT_ROUNDS          120

#define DEVICES                 2
#define DID                     7
#define BASE                    0x40000000ull   /* where most is mapped */
#define PAGES                   (3 * 512)
#define BLOCK                   0x200000ull
#define BLOCKS                  8               /* of RAM, for nested tables */
/* Pages that stay, in every kind of tables, from here and to there */
#define STABLE                  (BASE + 8 * BLOCK)
#define STABLE_RAM              (BOARD_RAM + 16 * BLOCK)
#define STABLE_PAGES            4

typedef enum Mode {
    SECOND, FIRST_4, NESTED_4, FIRST_5, NESTED_5, PASS_THROUGH, MODES,
} Mode;

/* What has to occur for the default seed, beside each mode */
typedef enum Seen {
    BY_WRITE_BUFFER = MODES, BY_DOMAIN, BY_GLOBAL, BY_PAGES, BY_PASID, LEGACY,
    DIRTY, TOGETHER, MAPPED, UNMAPPED, READ_ON, N_SEEN,
} Seen;

static unsigned seen[N_SEEN];

typedef struct Random {
    QVtd d;
    Plain plain;
    GRand *rand;
    unsigned round;
    bool five;                  /* levels */
    uint64_t root[2];           /* of legacy mode, and of scalable mode */
    QVtdDomain second;
    QVtdFirst first[MODES];
    Mode mode[DEVICES];
    Testdev t[DEVICES];
    Shadow s[DEVICES];
    bool below_changed;         /* what nested tables lead to */
} Random;

static unsigned below(Random *r, unsigned n)
{
    return g_rand_int_range(r->rand, 0, n);
}

static bool one_in(Random *r, unsigned n)
{
    return !below(r, n);
}

static bool is_first(Mode mode)
{
    return mode >= FIRST_4 && mode <= NESTED_5;
}

static unsigned modes(const Random *r)
{
    return r->five ? NESTED_5 + 1 : NESTED_4 + 1;
}

/* Tables */

static uint64_t some_target(Random *r, unsigned level)
{
    return level > 1 ? BOARD_RAM + below(r, 4) * BLOCK
                     : BOARD_RAM + below(r, 4) * QVTD_PAGE;
}

static void edit_first(Random *r)
{
    static const uint64_t bits[] = {
        QVTD_FS_USER, QVTD_FS_USER, QVTD_FS_USER | QVTD_FS_A | QVTD_FS_D,
        QVTD_FS_P | QVTD_FS_US, QVTD_FS_P | QVTD_FS_RW, QVTD_FS_US,
    };
    const QVtdFirst *first = &r->first[FIRST_4 + below(r, modes(r) - FIRST_4)];
    uint64_t iova = BASE + below(r, PAGES) * QVTD_PAGE;
    uint64_t free = r->d.next_page;
    uint64_t above = qvtd_get(&r->d, qvtd_first_entry(&r->d, first, iova, 2));
    unsigned level = above & QVTD_PS || one_in(r, 8) ? 2 : 1;
    uint64_t entry = qvtd_first_entry(&r->d, first, iova, level);

    qvtd_put(&r->d, entry, one_in(r, 4) ? 0 :
             qvtd_guest_address(first, some_target(r, level)) |
             bits[below(r, ARRAY_SIZE(bits))] | (level > 1 ? QVTD_PS : 0));
    /* A new table is mapped by the second stage */
    r->below_changed |= r->d.next_page != free;
}

static void edit_second(Random *r)
{
    uint64_t iova = BASE + below(r, PAGES) * QVTD_PAGE;

    qvtd_map(&r->d, &r->second, iova, some_target(r, 1), 1, below(r, 4));
}

static void edit_below(Random *r)
{
    uint64_t gpa = qvtd_guest_address(&r->first[NESTED_4],
                                      BOARD_RAM + below(r, BLOCKS) * BLOCK);

    r->below_changed = true;
    qvtd_map(&r->d, &r->second, gpa, some_target(r, 2), 2,
             one_in(r, 3) ? below(r, 4) : QVTD_RW);
}

static void edit_some(Random *r)
{
    for (unsigned n = below(r, 12); n; n--) {
        switch (below(r, 8)) {
        case 0:
            edit_below(r);
            break;
        case 1:
        case 2:
            edit_second(r);
            break;
        default:
            edit_first(r);
            break;
        }
    }
}

/* Modes */

static void follow(Random *r, unsigned i, Mode mode)
{
    uint16_t sid = r->t[i].sid;

    r->mode[i] = mode;
    seen[mode]++;
    if (!r->d.scalable) {
        qvtd_attach(&r->d, sid, &r->second);
    } else if (mode == SECOND) {
        qvtd_sm_attach_second(&r->d, sid, &r->second);
    } else if (mode == PASS_THROUGH) {
        qvtd_sm_attach_pass_through(&r->d, sid, DID);
    } else {
        qvtd_sm_attach_first(&r->d, sid, &r->first[mode]);
    }
}

/* The first device is always translated: its reader goes on */
static void follow_others(Random *r)
{
    for (unsigned i = 0; i < DEVICES; i++) {
        if (one_in(r, 2)) {
            follow(r, i, i && one_in(r, 4) ? PASS_THROUGH
                                           : below(r, modes(r)));
        }
    }
    qvtd_invalidate_all(&r->d);
}

static void start_reader(Random *r)
{
    TestdevWatch watch[STABLE_PAGES];

    for (unsigned i = 0; i < STABLE_PAGES; i++) {
        watch[i] = (TestdevWatch) {
            STABLE + i * QVTD_PAGE, STABLE_RAM + i * QVTD_PAGE,
        };
    }
    testdev_reader_start(&r->t[0], watch, STABLE_PAGES, true);
}

static void stop_reader(Random *r)
{
    testdev_reader_pass(&r->t[0]);
    expect_eq(testdev_reader_stop(&r->t[0]), 0);
    seen[READ_ON]++;
}

/* With translation off, to the other mode */
static void switch_mode(Random *r)
{
    stop_reader(r);
    qvtd_disable(&r->d);
    r->d.scalable = !r->d.scalable;
    r->d.root = r->root[r->d.scalable];
    seen[LEGACY] += !r->d.scalable;
    for (unsigned i = 0; i < DEVICES; i++) {
        r->s[i].root = r->d.root | (r->d.scalable ? QVTD_TTM_SCALABLE : 0);
        follow(r, i, r->d.scalable ? below(r, modes(r)) : SECOND);
    }
    qvtd_enable(&r->d);
    start_reader(r);
}

/* Tell of all that may have changed, in one of the ways that may be used */
static void tell(Random *r)
{
    unsigned how = below(r, r->below_changed ? 3 : r->d.scalable ? 5 : 4);

    switch (how) {
    case 0:
        seen[BY_WRITE_BUFFER]++;
        expect_true(qvtd_flush_write_buffer(&r->d));
        /* A second stage has its news by invalidations */
        qvtd_invalidate(&r->d, QVTD_INV_IOTLB_DOMAIN(DID));
        break;
    case 1:
        seen[BY_DOMAIN]++;
        qvtd_invalidate(&r->d, QVTD_INV_IOTLB_DOMAIN(DID));
        break;
    case 2:
        seen[BY_GLOBAL]++;
        qvtd_invalidate(&r->d, QVTD_INV_IOTLB_GLOBAL);
        break;
    case 4:
        seen[BY_PASID]++;
        qvtd_invalidate(&r->d, QVTD_INV_PASID_IOTLB_ALL(DID, 0));
        /* fall through */
    default:
        seen[BY_PAGES]++;
        qvtd_invalidate(&r->d, QVTD_INV_IOTLB_PAGES(DID, BASE, 11));
        break;
    }
}

static void look(Random *r, unsigned i)
{
    ShadowSteps steps = shadow_expect(&r->s[i]);
    uint64_t value = 0, want = g_rand_int(r->rand);
    uint64_t page = below(r, STABLE_PAGES) * QVTD_PAGE;

    seen[MAPPED] += steps.maps;
    seen[UNMAPPED] += steps.unmaps;
    if (r->mode[i] == PASS_THROUGH) {
        return;
    }
    shadow_expect_translation(&r->s[i]);
    /* Beside what the reader looks at */
    qtest_writeq(r->d.qts, STABLE_RAM + page + 0x800, want);
    expect_true(testdev_dma_read(&r->t[i], STABLE + page + 0x800, &value));
    expect_eq(value, want);
}

static void one_round(Random *r)
{
    bool dirty = one_in(r, 12);

    qvtd_row("round %u, %s mode, tables %d and %d", r->round,
             r->d.scalable ? "scalable" : "legacy", r->mode[0], r->mode[1]);
    if (dirty != r->s[0].dirty) {
        testdev_command(&r->t[0], TESTDEV_DIRTY, 1, (uint64_t)dirty);
        r->s[0].dirty = r->s[1].dirty = dirty;
        seen[DIRTY] += dirty;
    }
    r->below_changed = false;
    edit_some(r);
    if (one_in(r, r->d.scalable ? 16 : 4)) {
        switch_mode(r);
    } else if (r->d.scalable && one_in(r, 4)) {
        follow_others(r);
    } else {
        tell(r);
    }
    for (unsigned i = 0; i < DEVICES; i++) {
        look(r, i);
    }
    seen[TOGETHER] += is_first(r->mode[0]) && r->mode[0] == r->mode[1];

    /* All is in step: nothing more is told */
    tell(r);
    for (unsigned i = 0; i < DEVICES; i++) {
        shadow_expect_quiet(&r->s[i]);
    }
}

/* Pages that stay, and what nested tables may lead to */
static void make_tables(Random *r)
{
    r->second = qvtd_domain_new(&r->d, DID, 4);
    for (Mode mode = FIRST_4; mode < modes(r); mode++) {
        bool nested = mode == NESTED_4 || mode == NESTED_5;

        r->first[mode] = qvtd_first_new(&r->d, DID, mode < FIRST_5 ? 4 : 5,
                                        nested ? &r->second : NULL);
        for (unsigned i = 0; i < STABLE_PAGES; i++) {
            qvtd_first_map(&r->d, &r->first[mode], STABLE + i * QVTD_PAGE,
                           STABLE_RAM + i * QVTD_PAGE, 1, QVTD_FS_USER);
        }
    }
    for (unsigned i = 0; i < STABLE_PAGES; i++) {
        qvtd_map(&r->d, &r->second, STABLE + i * QVTD_PAGE,
                 STABLE_RAM + i * QVTD_PAGE, 1, QVTD_RW);
    }
    for (unsigned i = 0; i < BLOCKS; i++) {
        qvtd_map(&r->d, &r->second,
                 qvtd_guest_address(&r->first[NESTED_4], BOARD_RAM) + i * BLOCK,
                 BOARD_RAM + i * BLOCK, 2, QVTD_RW);
    }
}

static void test_random(const void *opaque)
{
    unsigned aw_bits = GPOINTER_TO_UINT(opaque);
    const char *seed = g_getenv("TEST_SEED");
    const char *rounds = g_getenv("TEST_ROUNDS");
    unsigned n = rounds ? g_ascii_strtoull(rounds, NULL, 0)
                        : DEFAULT_ROUNDS * (g_test_slow() ? 20 : 1);
    guint32 number = seed ? g_ascii_strtoull(seed, NULL, 0) : DEFAULT_SEED;
    g_autofree char *props =
        g_strdup_printf(",x-scalable-mode=on,x-scalable-full=on,aw-bits=%u"
                        ",caching-mode=on", aw_bits);
    Random r = { .five = aw_bits == 57 };

    g_test_message("TEST_SEED=%u TEST_ROUNDS=%u", number, n);
    r.rand = g_rand_new_with_seed(number);
    qvtd_start(&r.d, "", props, TESTDEV_DEVICE("3") TESTDEV_IOMMUFD("4"));
    r.plain = plain_by_registers(r.d.port, MIN(aw_bits, 52));
    plain_keep_pages(&r.plain);
    for (unsigned i = 0; i < DEVICES; i++) {
        testdev_start(&r.t[i], &r.d, QPCI_DEVFN(3 + i, 0));
    }
    r.root[0] = qvtd_alloc(&r.d, 1);
    qvtd_use_scalable(&r.d);
    qvtd_sm_root_entry(&r.d, 0);
    r.root[1] = r.d.root;
    make_tables(&r);
    qvtd_enable(&r.d);
    for (unsigned i = 0; i < DEVICES; i++) {
        shadow_start(&r.s[i], &r.t[i], &r.plain);
        r.s[i].root = r.d.root | QVTD_TTM_SCALABLE;
        follow(&r, i, SECOND);
    }
    qvtd_invalidate_all(&r.d);
    for (unsigned i = 0; i < DEVICES; i++) {
        shadow_expect(&r.s[i]);
    }
    start_reader(&r);
    for (r.round = 0; r.round < n && !g_test_failed(); r.round++) {
        one_round(&r);
    }
    stop_reader(&r);
    expect_true(qvtd_expect_no_fault(&r.d));
    for (unsigned i = 0; i < DEVICES; i++) {
        shadow_stop(&r.s[i]);
        testdev_stop(&r.t[i]);
    }
    plain_end(&r.plain);
    g_rand_free(r.rand);
    qvtd_stop(&r.d);
}

/* Chance may leave something out for a seed, but not for the default one */
static void test_seen(void)
{
    bool all = true;

    for (unsigned i = 0; i < N_SEEN; i++) {
        g_test_message("of kind %u: %u", i, seen[i]);
        all &= seen[i] > 0;
    }
    qvtd_row("all kinds");
    expect_true(all || g_getenv("TEST_SEED") || g_getenv("TEST_ROUNDS"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_data_func("/intel-iommu/random-modes/57", GUINT_TO_POINTER(57),
                        test_random);
    qtest_add_data_func("/intel-iommu/random-modes/48", GUINT_TO_POINTER(48),
                        test_random);
    qtest_add_func("/intel-iommu/random-modes/seen", test_seen);
    return g_test_run();
}
