/*
 * The VT-d unit in scalable mode against a plain twin, on random tables
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The twin does each request by itself, from memory (tests/vtd/plain-sm.c),
 * through first and second stages and both; see vtd-legal.h for what caches
 * may add.  Accessed and dirty bits are set where it says, and nowhere else.
 */

#include "qemu/osdep.h"
#include "vtd-twins.h"

/* A few indices at each level meet often, also around QVTD_MSI_ADDR */
static const uint16_t indices[INDICES] = { 0, 1, 3, 0x1f7, 511 };

/* Tables */

static uint64_t some_iova(Twins *w)
{
    uint64_t iova = 0;
    unsigned width;

    do {
        iova = rnd(QVTD_PAGE);
        for (unsigned level = 1; level <= LEVELS; level++) {
            iova |= (uint64_t)indices[rnd(INDICES)] << (12 + 9 * (level - 1));
        }
        width = chance(40) ? 39 : chance(60) ? 47 : 56;
        iova &= BITS(width - 1, 0);
        if (chance(15)) {
            iova |= BITS(63, width);
        } else if (chance(5)) {
            iova |= BIT(39 + rnd(25));
        }
    } while (QVTD_IS_MSI(iova));
    return iova;
}

static uint64_t some_table(Twins *w, unsigned level)
{
    return w->table[chance(95) ? 4 * (level - 1) + rnd(4) : rnd(TABLES)];
}

static uint64_t some_output(Twins *w)
{
    static const uint64_t special[] = {
        QVTD_MSI_ADDR, 0xfeeff000, 0xfec00000, 0xc0000000, 0xfef00000,
    };

    if (chance(10)) {
        return special[rnd(G_N_ELEMENTS(special))];
    }
    /* what a second stage has something for */
    if (chance(50)) {
        return some_iova(w) & BITS(w->h->config.haw_bits - 1, 12);
    }
    return chance(40) ? rnd(512) * QVTD_PAGE
                      : rnd64() & BITS(w->h->config.haw_bits - 1, 12);
}

/* Permissions and marks of both stages, which know each their own */
static uint64_t some_bits(void)
{
    uint64_t bits = QVTD_FS_USER;

    if (chance(15)) {
        bits = rnd(8);
    }
    if (chance(70)) {
        bits |= QVTD_FS_A;
    }
    if (chance(50)) {
        bits |= QVTD_FS_D | QVTD_SS_A;
    }
    if (chance(30)) {
        bits |= QVTD_SS_D | QVTD_FS_EA;
    }
    if (chance(10)) {           /* what is ignored */
        bits |= rnd64() & (BITS(61, 52) | BIT(63) | BITS(4, 3));
    }
    return bits;
}

static uint64_t some_entry(Twins *w, unsigned level, uint64_t before)
{
    bool table = level >= 4 || (level > 1 && chance(75));
    unsigned what = rnd(100);
    uint64_t addr;

    if (what < 80) {
        if (table) {
            return some_table(w, level - 1) | some_bits();
        }
        addr = some_output(w);
        if (chance(95)) {
            addr &= ~(BIT(12 + 9 * (level - 1)) - 1);
        }
        return addr | some_bits() | (level > 1 ? QVTD_PS
                                               : rnd(2) * QVTD_PS);
    }
    if (what < 90) {
        return before ^ BIT(rnd(64));
    }
    if (what < 92) {
        return w->hole | some_bits();
    }
    /* the marks alone change: software clears them, or sets them */
    return what < 97 ? before ^ (some_bits() & ~QVTD_FS_USER) : 0;
}

/* Leads to root, context and PASID entries, where marks would do harm */
static bool astray(Twins *w, uint64_t entry)
{
    uint64_t page = entry & BITS(51, 12);

    return page >= QVTD_PAGE && page < w->hole;
}

static void put_some_entry(Twins *w, unsigned i)
{
    unsigned level = i < TABLES * INDICES ? i / INDICES / 4 + 1
                                          : (i - TABLES * INDICES) / INDICES +
                                            1;
    uint64_t value;

    do {
        value = some_entry(w, level, host_get(w->h, w->word[i]));
    } while (astray(w, value));
    host_put(w->h, w->word[i], value);
}

/* The way to the tables themselves, and a few entries beside it */
static void put_one_to_one(Twins *w)
{
    unsigned leaf = 1 + rnd(3);

    for (unsigned level = 1; level <= LEVELS; level++) {
        uint64_t bits = some_bits() | QVTD_R | (chance(90) ? QVTD_W : 0);

        host_put(w->h, w->one_to_one[level - 1],
                 level > leaf ? w->one_to_one[level - 2] | bits :
                 level > 1 ? bits | QVTD_PS : bits);
    }
    for (unsigned i = 1; i < 512; i++) {
        host_put(w->h, w->one_to_one[0] + i * 8,
                 i * QVTD_PAGE | some_bits() | QVTD_R |
                 (chance(90) ? QVTD_W : 0));
    }
}

static void edit_table(Twins *w)
{
    twins_look(w, false);
    /* the way to the tables breaks rarely */
    if (chance(90)) {
        put_some_entry(w, rnd(TABLES * INDICES));
    } else if (chance(80)) {
        put_one_to_one(w);
    } else {
        put_some_entry(w, TABLES * INDICES + rnd(LEVELS * INDICES));
    }
    twins_edited(w, false);
}

/* Invalidations */

static void invalidate(Twins *w, QVtdDesc desc)
{
    qvtd_invalidate(&w->h->vtd, desc);
}

static void settle(Twins *w, bool sweep)
{
    twins_look(w, false);
    invalidate(w, QVTD_INV_IOTLB_GLOBAL);
    w->clean = true;
    for (unsigned i = 0; i < QUERIES; i++) {
        legal_settle(&w->query[i].legal);
        w->query[i].old.n = 0;
    }
    twins_look(w, false);
    for (unsigned i = 0; sweep && i < QUERIES; i++) {
        twins_check(w, &w->query[i], false);
    }
}

/* Nothing is cached: all marks are seen to be set */
static void check_fresh(Twins *w)
{
    Query *q = &w->query[rnd(QUERIES)];

    settle(w, false);
    twins_check(w, q, true);
}

/* What each descriptor drops (7.7) */
static void invalidate_some(Twins *w)
{
    const Query *target = &w->query[rnd(QUERIES)];
    PlainContext context = twins_context(w, target->d);
    unsigned am = rnd(19), kind = rnd(10);
    uint64_t mask = (QVTD_PAGE << am) - 1, addr = target->iova & ~0xfffull;
    bool pages = kind >= 5, leaves = pages && chance(50);
    uint64_t hint = leaves ? QVTD_IVA_IH : 0;

    if (context.reason) {
        return;
    }
    twins_look(w, false);
    if (kind == 0) {
        invalidate(w, QVTD_INV_IOTLB_GLOBAL);
    } else if (kind < 3) {
        invalidate(w, QVTD_INV_IOTLB_DOMAIN(context.did));
    } else if (kind < 5) {
        invalidate(w, QVTD_INV_PASID_IOTLB_ALL(context.did, context.pasid));
    } else if (kind < 7) {
        invalidate(w, QVTD_INV_IOTLB_PAGES(context.did, addr | hint, am));
    } else {
        invalidate(w, QVTD_INV_PASID_IOTLB_PAGES(context.did, context.pasid,
                                                 addr | hint, am));
    }
    for (unsigned i = 0; i < QUERIES; i++) {
        Query *q = &w->query[i];
        PlainContext c = twins_context(w, q->d);
        bool first = c.pgtt == QVTD_PGTT_FIRST || c.pgtt == QVTD_PGTT_NESTED;
        bool by_pasid = (kind >= 3 && kind < 5) || kind >= 7;
        bool all = !pages || (first && !by_pasid);
        bool in_range = all || !((q->iova ^ addr) & ~mask);
        /* the table goes for all pages that it is for */
        bool in_table = all || (!leaves &&
                                !((q->iova ^ addr) & ~(mask | TABLE_MASK)));

        if (kind != 0 && (c.reason || c.did != context.did ||
                          (by_pasid && !first))) {
            continue;
        }
        if (in_range) {
            legal_settle(&q->legal);
        }
        if (in_table) {
            q->old.n = 0;
        }
    }
    twins_look(w, false);
}

/* Contexts and PASID entries */

static void put_some_pasid(Twins *w, unsigned i)
{
    static const unsigned kinds[] = {
        QVTD_PGTT_FIRST, QVTD_PGTT_FIRST, QVTD_PGTT_SECOND, QVTD_PGTT_NESTED,
        QVTD_PGTT_NESTED, QVTD_PGTT_NESTED, QVTD_PGTT_PASS_THROUGH, 0,
    };
    uint64_t at = qvtd_pasid_entry(&w->h->vtd, w->d[i]->sid, w->pasid[i]);
    const VtdConfig *c = &w->h->config;
    unsigned most = (c->aw_bits - 12) / 9;
    unsigned levels = chance(70) ? most : 3 + rnd(most - 2);
    unsigned fs_levels = c->aw_bits == 57 && chance(60) ? 5 : 4;
    uint64_t words[3] = {
        QVTD_PGTT(kinds[rnd(G_N_ELEMENTS(kinds))]) | QVTD_PE_AW(levels - 2) |
        (chance(70) ? w->one_to_one[levels - 1] : some_table(w, levels)),
        1 + i + (chance(30) ? DEVICES : 0),
        QVTD_FSPM(fs_levels - 4) | some_table(w, fs_levels),
    };

    words[0] |= chance(92) ? QVTD_P : 0;
    words[0] |= chance(20) ? QVTD_FPD : 0;
    words[0] |= c->ss_dirty && chance(60) ? QVTD_SSADE : 0;
    words[1] |= c->snooped_walks && chance(85) ? QVTD_PWSNP : 0;
    words[2] |= c->extended_accessed && chance(40) ? QVTD_EAFE : 0;
    words[2] |= chance(20) ? QVTD_WPE : 0;
    if (chance(5)) {
        words[rnd(3)] ^= BIT(rnd(64));
    }
    if (chance(5)) {
        words[0] = (words[0] & 0xfff) | w->hole;
    }
    if (chance(5)) {
        words[2] = (words[2] & 0xfff) | w->hole;
    }
    if (astray(w, words[0]) || astray(w, words[2])) {
        return;
    }
    for (unsigned n = 3; n--; ) {
        host_put(w->h, at + n * 8, words[n]);
    }
}

/* One word above the tables, bad for a while */
static uint64_t some_upper_word(Twins *w, const Device *d, unsigned i)
{
    QVtd *vtd = &w->h->vtd;

    switch (rnd(3)) {
    case 0:
        return qvtd_sm_root_entry(vtd, d->sid);
    case 1:
        return qvtd_sm_context_entry(vtd, d->sid) + rnd(4) * 8;
    default:
        return qvtd_pasid_dir_entry(vtd, d->sid, w->pasid[i]);
    }
}

static void drop_contexts(Twins *w)
{
    invalidate(w, QVTD_INV_CONTEXT_GLOBAL);
    invalidate(w, QVTD_INV_PASID_CACHE_GLOBAL);
    w->old_contexts = false;
}

static void edit_context(Twins *w)
{
    unsigned i = rnd(DEVICES);
    Device *d = w->d[i];
    PlainContext old = twins_context(w, d);

    settle(w, false);
    twins_keep_contexts(w);
    if (chance(20)) {
        uint64_t at = some_upper_word(w, d, i), good = host_get(w->h, at);
        /* P, FPD, or what is reserved: no other table is found */
        unsigned bit = chance(60) ? rnd(2) : 48 + rnd(16);

        host_put(w->h, at, good ^ BIT(bit));
        twins_edited(w, true);
        twins_check_some(w, 20);
        drop_contexts(w);
        settle(w, false);
        twins_check_some(w, 20);
        twins_keep_contexts(w);
        host_put(w->h, at, good);
        twins_edited(w, true);
        drop_contexts(w);
    } else {
        put_some_pasid(w, i);
        twins_edited(w, true);
        twins_check_some(w, 20);
        if (chance(50) || old.reason) {
            drop_contexts(w);
        } else if (chance(50)) {
            invalidate(w, QVTD_INV_PASID_CACHE_DOMAIN(old.did));
            w->old_contexts = false;
        } else {
            invalidate(w, QVTD_INV_PASID_CACHE_ONE(old.did, w->pasid[i]));
            w->old_contexts = false;
        }
    }
    twins_check_some(w, 10);
    settle(w, false);
    for (i = 0; i < DEVICES; i++) {
        PlainContext context = twins_context(w, w->d[i]);

        g_assert_cmpint(w->d[i]->view, ==,
                        context.kind == PLAIN_PASS_THROUGH
                        ? VTD_VIEW_PASS_THROUGH : VTD_VIEW_TRANSLATED);
    }
    twins_check_some(w, 20);
}

/* Worlds */

static VtdConfig some_config(void)
{
    VtdConfig config = host_config;

    config.aw_bits = chance(50) ? 57 : chance(80) ? 48 : 39;
    config.haw_bits = MIN(config.aw_bits, 52);
    if (config.aw_bits < 50 && chance(30)) {
        config.haw_bits = 50;
    }
    config.scalable_mode = true;
    config.first_stage = config.second_stage = true;
    config.nested = chance(90);
    config.fs_1g = chance(70);
    config.ss_dirty = chance(80);
    config.snooped_walks = chance(80);
    config.rid_pasid = chance(70);
    config.extended_accessed = chance(70);
    config.supervisor = chance(50);
    config.pasid_bits = chance(50) ? 20 : 0;
    config.snoop_control = chance(30);
    config.device_iotlb = chance(30);
    config.caching_mode = chance(30);
    config.pass_through = chance(80);
    return config;
}

static void make_structures(Twins *w)
{
    static const uint16_t sids[DEVICES] = { 0x0100, 0x0181, 0x0208 };
    QVtd *vtd = &w->h->vtd;

    qvtd_use_scalable(vtd);
    qvtd_enable(vtd);
    for (unsigned i = 0; i < DEVICES; i++) {
        w->d[i] = device_new(w->h, sids[i]);
        w->pasid[i] = w->h->config.rid_pasid && chance(50) ? rnd(8192) : 0;
        host_put(w->h, qvtd_sm_context_entry(vtd, sids[i]) + 8, w->pasid[i]);
        qvtd_pasid_entry(vtd, sids[i], w->pasid[i]);
    }
}

static void make_twins(Twins *w)
{
    VtdConfig config = some_config();

    w->h = host_new(&config);
    w->plain = plain_of(w->h);
    make_structures(w);
    w->hole = host_pages(w->h, 1);
    host_set_ram(w->h, w->hole, false);
    for (unsigned i = 0; i < TABLES; i++) {
        w->table[i] = host_pages(w->h, 1);
        host_set_rom(w->h, w->table[i], chance(3));
    }
    for (unsigned i = 0; i < LEVELS; i++) {
        w->one_to_one[i] = host_pages(w->h, 1);
    }
    for (unsigned i = 0; i < WORDS; i++) {
        unsigned table = i / INDICES;

        w->word[i] = (table < TABLES ? w->table[table]
                                     : w->one_to_one[table - TABLES]) +
                     indices[i % INDICES] * 8;
        put_some_entry(w, i);
    }
    put_one_to_one(w);
    for (unsigned i = 0; i < DEVICES; i++) {
        put_some_pasid(w, i);
    }
    drop_contexts(w);
    for (unsigned i = 0; i < QUERIES; i++) {
        Query *q = &w->query[i];

        q->d = w->d[i % DEVICES];
        q->access = i / DEVICES % 3;
        q->iova = i % 9 ? w->query[i - i % 9].iova : some_iova(w);
        q->legal.n = 0;
        q->old.n = 0;
    }
    twins_edited(w, false);
}

/* Reasons that random worlds come across; the others have rows */
static const uint8_t expected_reasons[] = {
    QVTD_F_SM_ROOT, QVTD_F_SM_CONTEXT, QVTD_F_PASID, QVTD_F_PASID_INVALID,
    QVTD_F_FS_ACCESS, QVTD_F_FS, QVTD_F_FS_RESERVED, QVTD_F_FS_ADDRESS,
    QVTD_F_FS_READ, QVTD_F_FS_WRITE, QVTD_F_SS_ACCESS, QVTD_F_SS,
    QVTD_F_SS_RESERVED, QVTD_F_SS_TOP_ACCESS, QVTD_F_SS_NOT_SNOOPED,
    QVTD_F_SS_UPDATE, QVTD_F_CANONICAL, QVTD_F_USER, QVTD_F_PASS_THROUGH,
    QVTD_F_SM_ADDRESS, QVTD_F_SM_WRITE, QVTD_F_SM_READ, QVTD_F_SM_OUTPUT,
    QVTD_F_FS_NOT_SNOOPED, QVTD_F_FS_UPDATE,
};

static void test_dma(void)
{
    unsigned worlds = g_test_slow() ? 2000 : 100;
    Twins *w = g_new0(Twins, 1);

    for (unsigned world = 0; world < worlds; world++) {
        make_twins(w);
        settle(w, true);
        for (unsigned step = 0; step < 30; step++) {
            for (unsigned edits = rnd(4); edits; edits--) {
                edit_table(w);
                twins_check_some(w, 10);
            }
            if (chance(60)) {
                invalidate_some(w);
                twins_check_some(w, 20);
            }
            if (chance(15)) {
                edit_context(w);
            } else if (chance(20)) {
                settle(w, true);
            }
            for (unsigned n = 5; n--; ) {
                check_fresh(w);
            }
        }
        host_free(w->h);
    }
    g_test_message("%" PRIu64 " passed, %" PRIu64 " blocked, of all %" PRIu64
                   " from before an edit; %" PRIu64 " entries marked",
                   w->passed, w->blocked, w->stale, w->marked);
    /* the tables are neither all wrong nor all right, and caches cache */
    g_assert_cmpuint(w->passed, >, worlds * 50);
    g_assert_cmpuint(w->blocked, >, worlds * 50);
    g_assert_cmpuint(w->stale, >, worlds);
    g_assert_cmpuint(w->marked, >, worlds * 10);
    for (unsigned i = 0; i < G_N_ELEMENTS(expected_reasons); i++) {
        if (!w->reasons[expected_reasons[i]]) {
            g_test_message("reason 0x%x was never met", expected_reasons[i]);
        }
    }
    g_free(w);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/vtd/scalable/random/dma", test_dma);

    return g_test_run();
}
