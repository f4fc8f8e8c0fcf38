/*
 * VT-d qtests: shadows of random tables
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two devices over a few page tables that point to one another at random.
 * In each round tables, contexts or the root change, then come invalidations
 * that do not cover that, then some that do; after these the devices'
 * tables, the unit's translation and a plain walk agree page for page, and
 * no page that did not change was touched (shadow_expect()).
 *
 * TEST_SEED gives another sequence than the default one, TEST_ROUNDS its
 * length; -m slow takes fifty times the rounds.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "vtd-board.h"

#define DEFAULT_SEED            1
#define DEFAULT_ROUNDS          250

#define TABLES                  40
#define DEVICES                 2
#define MAX_DID                 3

/* Tables by level, and the entries that those above level 1 have */
static const uint8_t tables_of_level[] = { 0, 22, 9, 5, 4 };
static const uint16_t slots[][5] = {
    { }, { },
    { 0, 1, 2, 0x1f7, 511 },    /* the interrupt range is in 0x1f7 */
    { 0, 1, 3, 4, 511 },        /* and in 3 */
    { 0, 1, 255, 256, 511 },
};

typedef struct Table {
    uint64_t addr;
    unsigned level;
} Table;

/* A context entry as it was last written */
typedef struct Attached {
    unsigned did;
    bool valid;
} Attached;

typedef struct Random {
    QVtd d;
    Plain plain;
    GRand *rand;
    uint32_t seed;
    unsigned round;
    unsigned aw_bits;
    Table table[TABLES];
    uint64_t other_root;        /* where the root table goes next */
    Testdev t[DEVICES];
    Shadow s[DEVICES];
    Attached now[DEVICES], before[DEVICES];
    GArray *leaves[DEVICES];    /* as of the last round */
    bool pages_changed, contexts_changed;
    bool leaves_only;           /* of what changed in tables */
    GString *story;             /* what the round did */
} Random;

/* What has to occur for the default seed */
typedef enum Seen {
    LEAF_4K, LEAF_2M, LEAF_1G, POINTER, SHARED, CLEARED, TABLE_CLEARED,
    TO_PAGES, TO_SUPERPAGE, RESERVED, UNREADABLE, PERMISSION, NOT_RAM,
    OVER_INTERRUPTS,
    CONTEXT_MOVED, CONTEXT_BROKEN, PASSED_THROUGH, NARROW, ROOT_MOVED,
    TWO_DEVICES_ONE_TABLE, ONE_ID_TWO_TABLES,
    NOT_COVERED, BY_GLOBAL, BY_DOMAIN, BY_PAGES, BY_PAGES_IH, BY_CONTEXT,
    BY_DEVICE, BY_CONTEXT_DOMAIN, BY_ROOT, BY_TRANSLATION, BY_REGISTER,
    DIRTY, MAPPED, UNMAPPED, SPLIT, SECTIONS, READ, WRITTEN, BLOCKED, N_SEEN,
} Seen;

static unsigned seen[N_SEEN];

static unsigned below(Random *r, unsigned n)
{
    return g_rand_int_range(r->rand, 0, n);
}

static bool one_in(Random *r, unsigned n)
{
    return !below(r, n);
}

static void G_GNUC_PRINTF(3, 4)
say(Random *r, Seen what, const char *fmt, ...)
{
    va_list ap;

    seen[what]++;
    va_start(ap, fmt);
    g_string_append_vprintf(r->story, fmt, ap);
    va_end(ap);
    qvtd_row("seed %u, round %u:%s", r->seed, r->round, r->story->str);
}

/* Tables */

static PlainContext context_of(Random *r, unsigned device)
{
    return plain_context(&r->plain, r->d.root, r->t[device].sid);
}

static Table *any_table(Random *r, unsigned level)
{
    unsigned first = 0;

    for (unsigned i = 1; i < level; i++) {
        first += tables_of_level[i];
    }
    return &r->table[first + below(r, tables_of_level[level])];
}

static uint64_t entry_of(Random *r, const Table *t)
{
    unsigned slot = t->level == 1 ? below(r, 512)
                                  : slots[t->level][below(r, 5)];

    return t->addr + slot * 8;
}

static uint64_t random_bits(Random *r)
{
    return one_in(r, 6) ? (one_in(r, 2) ? QVTD_R : QVTD_W) : QVTD_RW;
}

/* A target for a leaf of @level; now and then it is not all RAM */
static uint64_t random_target(Random *r, unsigned level)
{
    uint64_t size = QVTD_PAGE << 9 * (level - 1);

    if (level == 3) {
        /* The GiB with all of RAM, or one with a part of it */
        return one_in(r, 3) ? size : 0;
    }
    if (one_in(r, 40)) {
        seen[NOT_RAM]++;
        return one_in(r, 2) ? BOARD_END_OF_RAM : QVTD_HOLE;
    }
    return BOARD_RAM + below(r, 0x4000000 / size) * size;
}

/* A run of pages of one table: to follow on, or to lie anywhere */
static void edit_pages(Random *r)
{
    Table *t = any_table(r, 1);
    unsigned n = one_in(r, 8) ? 512 : 1 + below(r, one_in(r, 3) ? 64 : 4);
    unsigned at = below(r, 513 - n);
    unsigned how = below(r, 8);
    uint64_t target = random_target(r, 1), bits = random_bits(r);
    uint64_t entries[512];

    if (how == 0 && n == 512) {
        target = random_target(r, 2);
        bits = QVTD_RW;
    }
    for (unsigned i = 0; i < n; i++) {
        uint64_t value = how < 4 ? (target + i * QVTD_PAGE) | bits :
                         how < 5 ? target | bits :
                         how < 6 ? random_target(r, 1) | random_bits(r) : 0;

        entries[i] = cpu_to_le64(value);
    }
    qtest_bufwrite(r->d.qts, t->addr + at * 8, entries, n * 8);
    say(r, how < 6 ? LEAF_4K : CLEARED, " %s of %u pages", how < 6 ? "run" :
        "hole", n);
}

/* An entry that says where another table is: any of the levels below */
static void edit_pointer(Random *r)
{
    unsigned level = 2 + below(r, 3);
    Table *t = any_table(r, level);
    /* As a loop now and then; never to a table with other slots */
    Table *to = any_table(r, one_in(r, 10) ? level : level - 1);
    uint64_t entry = entry_of(r, t);

    qtest_writeq(r->d.qts, entry, to->addr | random_bits(r));
    r->leaves_only = false;
    say(r, to->level == level ? SHARED : POINTER, " level %u to table %u",
        level, (unsigned)(to - r->table));
}

static void edit_superpage(Random *r)
{
    unsigned level = one_in(r, 12) ? 3 : 2;
    uint64_t entry = entry_of(r, any_table(r, level));

    qtest_writeq(r->d.qts, entry,
                 random_target(r, level) | random_bits(r) | QVTD_PS);
    r->leaves_only = false;
    say(r, level == 3 ? LEAF_1G : LEAF_2M, " superpage at level %u", level);
}

/* A superpage, or pages of the same bytes: the one instead of the other */
static void edit_size(Random *r)
{
    Table *t = any_table(r, 2), *pages = any_table(r, 1);
    uint64_t entry = entry_of(r, t);
    uint64_t value = qtest_readq(r->d.qts, entry), page[512];
    uint64_t target = value & ~0x1fffffull & QVTD_ADDR_MASK;

    r->leaves_only = false;
    if ((value & QVTD_PS) && (value & QVTD_RW)) {
        for (unsigned i = 0; i < 512; i++) {
            page[i] = cpu_to_le64((target + i * QVTD_PAGE) | (value & QVTD_RW));
        }
        qtest_bufwrite(r->d.qts, pages->addr, page, sizeof(page));
        qtest_writeq(r->d.qts, entry, pages->addr | QVTD_RW);
        say(r, TO_PAGES, " superpage to pages in table %u",
            (unsigned)(pages - r->table));
    } else {
        target = qtest_readq(r->d.qts, target);
        qtest_writeq(r->d.qts, entry, (target & ~0x1fffffull &
                                       QVTD_ADDR_MASK) | QVTD_RW | QVTD_PS);
        say(r, TO_SUPERPAGE, " superpage where the first page was");
    }
}

static void edit_clear(Random *r)
{
    Table *t = any_table(r, 1 + below(r, 4));

    r->leaves_only &= t->level == 1;
    if (t->level == 1 && one_in(r, 2)) {
        qtest_memset(r->d.qts, t->addr, 0, QVTD_PAGE);
        say(r, TABLE_CLEARED, " empty table");
    } else {
        qtest_writeq(r->d.qts, entry_of(r, t), 0);
        say(r, CLEARED, " clear at level %u", t->level);
    }
}

/* An entry with something else about it that matters */
static void edit_bits(Random *r)
{
    static const uint64_t reserved[] = {
        1ull << 48, 1ull << 51, QVTD_TM, QVTD_SNP, QVTD_PS,
    };
    Table *t = any_table(r, 1 + below(r, 4));
    uint64_t entry = entry_of(r, t);
    uint64_t value = qtest_readq(r->d.qts, entry);

    r->leaves_only &= t->level == 1;
    switch (below(r, 3)) {
    case 0:
        value ^= reserved[below(r, ARRAY_SIZE(reserved))];
        say(r, RESERVED, " reserved bit at level %u", t->level);
        break;
    case 1:
        value ^= 1 + below(r, 3);
        say(r, PERMISSION, " permission at level %u", t->level);
        break;
    case 2:
        value = (value & ~QVTD_ADDR_MASK) | (one_in(r, 2) ? QVTD_HOLE
                                                         : QVTD_BASE);
        say(r, UNREADABLE, " nowhere at level %u", t->level);
        break;
    }
    qtest_writeq(r->d.qts, entry, value);
}

static void edit_tables(Random *r)
{
    static void (*const edits[])(Random *) = {
        edit_pages, edit_pages, edit_pages, edit_pages, edit_pointer,
        edit_pointer, edit_superpage, edit_size, edit_size, edit_clear,
        edit_bits,
    };

    r->pages_changed = true;
    for (unsigned n = 1 + below(r, 6); n; n--) {
        edits[below(r, one_in(r, 3) ? 4 : ARRAY_SIZE(edits))](r);
    }
}

/* Contexts */

static void edit_context(Random *r, unsigned i)
{
    uint64_t entry = qvtd_context_entry(&r->d, r->t[i].sid);
    bool narrow = r->aw_bits == 39 || one_in(r, 4);
    unsigned did = 1 + below(r, MAX_DID);
    uint64_t lo = any_table(r, narrow ? 3 : 4)->addr | QVTD_P;
    uint64_t hi = QVTD_CONTEXT_DID(did) | (narrow ? QVTD_AW_39 : QVTD_AW_48);

    r->contexts_changed = true;
    r->now[i] = (Attached) { did, true };
    if (one_in(r, 8)) {
        lo = QVTD_TT(2) | QVTD_P;
        hi = QVTD_CONTEXT_DID(did) | (r->aw_bits == 39 ? QVTD_AW_39
                                                      : QVTD_AW_48);
        say(r, PASSED_THROUGH, " device %u passes through", i);
    } else if (one_in(r, 8)) {
        const uint64_t lows[] = { 1, QVTD_TT(3), 1 << 5, 1ull << 50 };
        const uint64_t highs[] = { 7, 1 << 7, 1ull << 40 };

        if (one_in(r, 2)) {
            lo ^= lows[below(r, ARRAY_SIZE(lows))];
        } else {
            hi |= highs[below(r, ARRAY_SIZE(highs))];
        }
        r->now[i].valid = false;
        say(r, CONTEXT_BROKEN, " device %u broken", i);
    } else {
        lo |= QVTD_TT(below(r, 2));
        say(r, narrow ? NARROW : CONTEXT_MOVED, " device %u moves to 0x%"
            PRIx64 " id %u", i, lo, did);
    }
    qtest_writeq(r->d.qts, entry + 8, hi);
    qtest_writeq(r->d.qts, entry, lo);
}

static uint64_t root_of(Random *r, unsigned i)
{
    return qtest_readq(r->d.qts, qvtd_context_entry(&r->d, r->t[i].sid)) &
           QVTD_ADDR_MASK;
}

static void edit_contexts(Random *r)
{
    unsigned which = 1 + below(r, 3);

    for (unsigned i = 0; i < DEVICES; i++) {
        if (which >> i & 1) {
            edit_context(r, i);
        }
    }
}

/* The root table goes elsewhere; what it says stays */
static void move_root(Random *r)
{
    uint64_t root = r->other_root;
    uint8_t page[QVTD_PAGE];

    r->other_root = r->d.root;
    qtest_bufread(r->d.qts, r->d.root, page, sizeof(page));
    qtest_bufwrite(r->d.qts, root, page, sizeof(page));
    r->d.root = root;
    say(r, ROOT_MOVED, " root moves");
}

/* Invalidations */

/* The domain id that the unit has a device's context under; 0 for none */
static unsigned cached_did(const Random *r, unsigned i)
{
    return r->before[i].valid ? r->before[i].did : 0;
}

static void put(Random *r, QVtdDesc desc)
{
    qvtd_queue_put(&r->d, desc);
}

static void sync_queue(Random *r)
{
    expect_true(qvtd_queue_sync(&r->d));
}

/* Anything, wherever */
static void invalidate_anything(Random *r)
{
    unsigned did = below(r, MAX_DID + 2), am = below(r, 19);
    uint64_t iova = (uint64_t)g_rand_int(r->rand) << 16;

    switch (below(r, 6)) {
    case 0:
        put(r, QVTD_INV_IOTLB_DOMAIN(did));
        break;
    case 1:
        put(r, QVTD_INV_CONTEXT_DEVICE(did, r->t[below(r, 2)].sid, 0));
        break;
    case 2:
        put(r, QVTD_INV_CONTEXT_DOMAIN(did));
        break;
    case 3:
        put(r, QVTD_INV_DEVICE_TLB(r->t[0].sid, 0));
        break;
    default:
        iova &= (1ull << r->aw_bits) - 1;
        put(r, QVTD_INV_IOTLB_PAGES(did, iova, am));
    }
}

/* The smallest naturally aligned range around the run, in pages, as an AM */
static unsigned am_of(const Run *run)
{
    uint64_t differ = (run->first ^ run->last) >> 12;

    return differ ? 64 - __builtin_clzll(differ) : 0;
}

/* Cover the runs, or say that this takes a larger cannon */
static bool put_pages(Random *r, unsigned did, const GArray *runs, bool ih)
{
    if (runs->len > 20) {
        return false;
    }
    for (unsigned i = 0; i < runs->len; i++) {
        const Run *run = &RUN(runs, i);
        unsigned am = am_of(run);

        if (am > 18) {
            return false;
        }
        put(r, QVTD_INV_IOTLB_PAGES(did, run->first & (-QVTD_PAGE << am),
                                   am | (ih ? QVTD_IVA_IH : 0)));
    }
    return true;
}

/* The pages that are mapped otherwise than in the last round */
static GArray *differences(const GArray *old, const GArray *new)
{
    g_autoptr(GArray) common = runs_common(old, new);
    g_autoptr(GArray) same = runs_cover(common);
    g_autoptr(GArray) both = runs_new();

    for (unsigned pass = 0; pass < 2; pass++) {
        const GArray *runs = pass ? new : old;

        for (unsigned i = 0; i < runs->len; i++) {
            const Run *run = &RUN(runs, i);

            if (!runs_around(same, run->first, run->last)) {
                g_array_append_val(both, *run);
            }
        }
    }
    return runs_union(both);
}

static void cover_tables(Random *r, GArray *const *diff)
{
    unsigned how = below(r, 7);

    for (unsigned i = 0; how < 3 && i < DEVICES; i++) {
        bool ih = r->leaves_only && one_in(r, 2);

        if (!put_pages(r, r->now[i].did, diff[i], ih)) {
            say(r, BY_DOMAIN, " (pages, or domain %u)", r->now[i].did);
            put(r, QVTD_INV_IOTLB_DOMAIN(r->now[i].did));
        } else {
            say(r, ih ? BY_PAGES_IH : BY_PAGES, " (pages of %u)",
                r->now[i].did);
        }
    }
    switch (how) {
    case 3:
        say(r, BY_GLOBAL, " (global)");
        put(r, QVTD_INV_IOTLB_GLOBAL);
        break;
    case 4:
    case 5:
        for (unsigned i = 0; i < DEVICES; i++) {
            say(r, BY_DOMAIN, " (domain %u)", r->now[i].did);
            put(r, QVTD_INV_IOTLB_DOMAIN(r->now[i].did));
        }
        break;
    case 6:
        say(r, BY_CONTEXT, " (context global)");
        put(r, QVTD_INV_CONTEXT_GLOBAL);
        break;
    }
    sync_queue(r);
}

static void cover_contexts(Random *r)
{

    /* In several steps pages could come and go again: no fewest then */
    switch (r->pages_changed ? 0 : below(r, 3)) {
    case 0:
        say(r, BY_CONTEXT, " (context global)");
        put(r, QVTD_INV_CONTEXT_GLOBAL);
        break;
    case 1:
        for (unsigned i = 0; i < DEVICES; i++) {
            unsigned fm = below(r, 4);
            uint16_t sid = r->t[i].sid ^ (below(r, 8) & qvtd_functions(fm));

            say(r, BY_DEVICE, " (device %u, FM %u)", i, fm);
            put(r, QVTD_INV_CONTEXT_DEVICE(cached_did(r, i), sid, fm));
        }
        break;
    case 2:
        for (unsigned i = 0; i < DEVICES; i++) {
            say(r, BY_CONTEXT_DOMAIN, " (contexts of %u)", cached_did(r, i));
            put(r, QVTD_INV_CONTEXT_DOMAIN(cached_did(r, i)));
        }
        break;
    }
    sync_queue(r);
}

/* Rare events that make everything right, whatever changed */
static void cover_rarely(Random *r)
{
    switch (below(r, 3)) {
    case 0:
        say(r, BY_ROOT, " (root)");
        qvtd_write64(&r->d, QVTD_RTADDR, r->d.root);
        qvtd_command(&r->d, QVTD_SRTP, true);
        break;
    case 1:
        say(r, BY_TRANSLATION, " (translation off and on)");
        qvtd_disable(&r->d);
        qvtd_write64(&r->d, QVTD_RTADDR, r->d.root);
        qvtd_command(&r->d, QVTD_SRTP, true);
        qvtd_command(&r->d, QVTD_TE, true);
        break;
    case 2:
        say(r, BY_REGISTER, " (registered anew)");
        qvtd_invalidate(&r->d, QVTD_INV_CONTEXT_GLOBAL);
        shadow_expect(&r->s[1]);
        testdev_command(&r->t[1], TESTDEV_REGISTER, 1, 3ull);
        shadow_restart(&r->s[1]);
        break;
    }
}

/* Judgement */

static void look(Random *r)
{
    for (unsigned i = 0; i < DEVICES; i++) {
        ShadowSteps steps = shadow_expect(&r->s[i]);

        seen[MAPPED] += steps.maps;
        seen[UNMAPPED] += steps.unmaps;
        seen[SPLIT] += steps.remapped != 0;
        seen[SECTIONS] += steps.sections;
    }
}

/* DMA agrees with the walk: to RAM, or not at all */
static void look_by_dma(Random *r, Testdev *t, const GArray *leaves)
{
    Run run;
    uint64_t iova, target, value, last, want = g_rand_int(r->rand);

    if (!leaves->len || !testdev_count(t, TESTDEV_SECTIONS)) {
        return;
    }
    run = RUN(leaves, below(r, leaves->len));
    iova = run.first + (g_rand_int(r->rand) & (run.last - run.first) & ~7ull);
    target = run.addr + (iova - run.first);
    if (target < BOARD_RAM ||
        !r->plain.port->ram(r->plain.port, target, &last) ||
        QVTD_IS_MSI(iova)) {
        return;
    }
    qtest_writeq(r->d.qts, target, want);
    expect_eq(testdev_dma_read(t, iova, &value), !!(run.perm & 1));
    if (run.perm & 1) {
        expect_eq(value, want);
    }
    expect_eq(testdev_dma_write(t, iova, ~want), !!(run.perm & 2));
    expect_eq(qtest_readq(r->d.qts, target), run.perm & 2 ? ~want : want);
    seen[READ] += run.perm & 1;
    seen[WRITTEN] += !!(run.perm & 2);
    seen[BLOCKED] += run.perm != 3;
}

static void look_at_translation(Random *r)
{
    for (unsigned i = 0; i < DEVICES; i++) {
        PlainContext context = context_of(r, i);
        g_autoptr(GArray) leaves = plain_leaves(&r->plain, &context);

        if (context.kind != PLAIN_PASS_THROUGH) {
            shadow_expect_translation(&r->s[i]);
            look_by_dma(r, &r->t[i], leaves);
        }
        /* DMA that was blocked is known about */
        while (qvtd_take_fault(&r->d, &(QVtdFault) { })) {
            continue;
        }
    }
}

static void one_round(Random *r)
{
    GArray *leaves[DEVICES], *diff[DEVICES];
    bool rarely = one_in(r, 12);
    bool dirty = one_in(r, 16);

    g_string_truncate(r->story, 0);
    r->pages_changed = r->contexts_changed = false;
    r->leaves_only = true;
    memcpy(r->before, r->now, sizeof(r->before));
    if (dirty != r->s[0].dirty) {
        testdev_command(&r->t[0], TESTDEV_DIRTY, 1, (uint64_t)dirty);
        r->s[0].dirty = r->s[1].dirty = dirty;
        seen[DIRTY] += dirty;
    }
    if (!one_in(r, 6)) {
        edit_tables(r);
    }
    if (!r->pages_changed || one_in(r, 4)) {
        edit_contexts(r);
    }
    if (rarely) {
        move_root(r);
    }
    seen[TWO_DEVICES_ONE_TABLE] += root_of(r, 0) == root_of(r, 1);
    seen[ONE_ID_TWO_TABLES] += r->now[0].did == r->now[1].did &&
                               root_of(r, 0) != root_of(r, 1);

    for (unsigned i = 0; i < DEVICES; i++) {
        PlainContext context = context_of(r, i);

        leaves[i] = plain_leaves(&r->plain, &context);
        diff[i] = differences(r->leaves[i], leaves[i]);
        seen[OVER_INTERRUPTS] += runs_meet(diff[i], QVTD_MSI_ADDR, 0xfeefffff);
    }
    if (!rarely && !r->contexts_changed && one_in(r, 3)) {
        say(r, NOT_COVERED, " (anything)");
        for (unsigned n = 1 + below(r, 4); n; n--) {
            invalidate_anything(r);
        }
        sync_queue(r);
        for (unsigned i = 0; i < DEVICES; i++) {
            shadow_expect_between(&r->s[i], diff[i]);
        }
    }
    if (rarely) {
        cover_rarely(r);
    } else if (r->contexts_changed) {
        cover_contexts(r);
    } else {
        cover_tables(r, diff);
    }
    look(r);

    /* What caches of translations still have goes, and nothing else */
    put(r, QVTD_INV_IOTLB_GLOBAL);
    sync_queue(r);
    for (unsigned i = 0; i < DEVICES; i++) {
        shadow_expect_quiet(&r->s[i]);
        g_array_free(diff[i], true);
        g_array_free(r->leaves[i], true);
        r->leaves[i] = leaves[i];
    }
    look_at_translation(r);
}

static void test_random(const void *opaque)
{
    unsigned aw_bits = GPOINTER_TO_UINT(opaque);
    const char *seed = g_getenv("TEST_SEED");
    const char *rounds = g_getenv("TEST_ROUNDS");
    unsigned n = rounds ? g_ascii_strtoull(rounds, NULL, 0)
                        : DEFAULT_ROUNDS * (g_test_slow() ? 50 : 1);
    Random r = {
        .seed = seed ? g_ascii_strtoull(seed, NULL, 0) : DEFAULT_SEED,
        .aw_bits = aw_bits,
        .story = g_string_new(NULL),
    };
    Table *t = r.table;

    g_test_message("TEST_SEED=%u TEST_ROUNDS=%u", r.seed, n);
    r.rand = g_rand_new_with_seed(r.seed);
    qvtd_start(&r.d, "", aw_bits == 39
               ? ",caching-mode=on,device-iotlb=on,aw-bits=39"
               : ",caching-mode=on,device-iotlb=on",
               TESTDEV_DEVICE("3") TESTDEV_IOMMUFD("4"));
    plain_init(&r.plain, &r.d, aw_bits);
    r.plain.device_iotlb = true;
    for (unsigned level = 1; level <= 4; level++) {
        for (unsigned i = 0; i < tables_of_level[level]; i++) {
            *t++ = (Table) { qvtd_alloc(&r.d, 1), level };
        }
    }
    g_assert_true(t == r.table + TABLES);
    for (unsigned i = 0; i < DEVICES; i++) {
        testdev_start(&r.t[i], &r.d, QPCI_DEVFN(3 + i, 0));
        r.leaves[i] = runs_new();
    }
    r.other_root = qvtd_alloc(&r.d, 1);
    qvtd_enable(&r.d);
    for (unsigned i = 0; i < DEVICES; i++) {
        shadow_start(&r.s[i], &r.t[i], &r.plain);
    }
    /* Enough pointers for what follows to be seen */
    for (unsigned i = 0; i < 120; i++) {
        (i % 3 ? edit_pointer : edit_pages)(&r);
    }
    for (r.round = 0; r.round < n && !g_test_failed(); r.round++) {
        one_round(&r);
    }
    for (unsigned i = 0; i < DEVICES; i++) {
        shadow_stop(&r.s[i]);
        g_array_free(r.leaves[i], true);
        testdev_stop(&r.t[i]);
    }
    plain_end(&r.plain);
    g_rand_free(r.rand);
    g_string_free(r.story, true);
    qvtd_stop(&r.d);
}

/* Chance may leave something out for a seed, but not for the default one */
static void test_seen(void)
{
    bool all = true;

    for (unsigned i = 0; i < N_SEEN; i++) {
        if (!seen[i]) {
            g_test_message("nothing of kind %u occurred", i);
            all = false;
        }
    }
    g_test_message("%u maps, %u unmaps, %u splits", seen[MAPPED],
                   seen[UNMAPPED], seen[SPLIT]);
    qvtd_row("all kinds");
    expect_true(all || g_getenv("TEST_SEED") || g_getenv("TEST_ROUNDS"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_data_func("/intel-iommu/random/48", GUINT_TO_POINTER(48),
                        test_random);
    qtest_add_data_func("/intel-iommu/random/39", GUINT_TO_POINTER(39),
                        test_random);
    qtest_add_func("/intel-iommu/random/seen", test_seen);
    return g_test_run();
}
