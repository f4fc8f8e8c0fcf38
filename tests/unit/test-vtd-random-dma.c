/*
 * The VT-d unit's DMA remapping against a plain twin, on random tables
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The twin does each request by itself, from memory (tests/vtd/plain.h); see
 * vtd-legal.h for what caches may add.
 */

#include "qemu/osdep.h"
#include "vtd-legal.h"
#include "vtd-old.h"
#include "vtd-strict.h"
#include "hw/i386/vtd/look.h"

#define DEVICES                 3
#define TABLES                  16
#define IOVAS                   24
#define QUERIES                 (DEVICES * IOVAS * 3)
#define TABLE_MASK              0x1fffffull     /* what one table is for */

typedef struct Query {
    Device *d;
    uint64_t iova;
    VtdAccess access;
    Legal legal;
    OldTables old;              /* since they were invalidated */
} Query;

typedef struct Twins {
    Host *h;
    Plain plain;
    Device *d[DEVICES];
    uint64_t table[TABLES];     /* four a level, mostly */
    uint64_t hole;
    Query query[QUERIES];
    bool clean;                 /* nothing was edited since all was dropped */
    uint64_t passed, blocked, stale, sure;
} Twins;

static PlainContext context_now(Twins *w, const Device *d)
{
    return plain_context(&w->plain, w->h->vtd.root, d->sid);
}

static void plain_request(Twins *w, const PlainContext *context,
                          uint64_t iova, VtdAccess access, Outcome *o)
{
    PlainEnd end = plain_lookup(&w->plain, context, iova,
                                access == VTD_ACCESS_READ ? QVTD_R :
                                access == VTD_ACCESS_WRITE ? QVTD_W : 0);

    o->reason = end.reason;
    o->cacheable = !end.reason || end.denied;
    if (end.reason) {
        return;
    }
    o->result = end.leaf.addr + (iova - end.leaf.first);
    if (QVTD_IS_MSI(o->result)) {
        o->reason = QVTD_F_OUTPUT;
        o->cacheable = false;
        return;
    }
    o->read = end.leaf.perm & QVTD_R;
    o->write = end.leaf.perm & QVTD_W;
}

static Outcome plain(Twins *w, const Device *d, uint64_t iova,
                     VtdAccess access)
{
    const VtdConfig *c = &w->h->config;
    PlainContext context = context_now(w, d);
    Outcome o = { .reason = context.reason };

    o.context_cacheable = !o.reason || c->caching_mode;
    if (!o.reason) {
        bool pass_through = context.kind == PLAIN_PASS_THROUGH;

        if (iova >> (pass_through ? c->haw_bits :
                     context.levels == 4 ? 48 : 39)) {
            o.reason = QVTD_F_ADDRESS;
            o.cacheable = true;
        } else if (pass_through) {
            o.result = iova;
            o.read = o.write = o.cacheable = true;
        } else {
            plain_request(w, &context, iova, access, &o);
        }
    }
    if (o.reason && (access == VTD_ACCESS_PROBE || context.fpd)) {
        o.reason = SILENT;
    }
    o.cacheable |= c->caching_mode;
    return o;
}

/* Every page of a piece is translated as the piece says */
static void check_piece(Twins *w, const Query *q, const VtdTranslation *t)
{
    for (unsigned i = 0; i < 3; i++) {
        uint64_t offset = i == 0 ? 0 : i == 1 ? t->mask & ~0xfffull :
                          rnd64() & t->mask & ~0xfffull;
        Outcome o = plain(w, q->d, t->iova | offset, q->access);

        g_assert_false(QVTD_IS_MSI(t->iova | offset));
        g_assert_cmphex(o.reason, ==, 0);
        g_assert_cmphex(o.result, ==, t->addr | offset);
        g_assert_true(o.read == t->read && o.write == t->write);
    }
}

/* What is explained is what memory says, and what comes unless a cache is */
static bool check_explained(Twins *w, const Query *q, VtdExplained *e)
{
    Outcome o = plain(w, q->d, q->iova, q->access);

    vtd_explain(q->d->space, VTD_NO_PASID, q->iova, q->access, e);
    if (o.reason == SILENT) {
        g_assert_cmphex(e->reason, !=, 0);
    } else {
        g_assert_cmphex(e->reason, ==, o.reason);
    }
    if (!o.reason) {
        g_assert_cmphex(e->out.addr | (q->iova & e->out.mask), ==, o.result);
        g_assert_true(e->out.read == o.read && e->out.write == o.write);
    }
    return !e->context_stale && !e->iotlb_stale && !e->table_stale;
}

static void check(Twins *w, Query *q)
{
    Outcome found = { 0 };
    VtdExplained e;
    bool sure = check_explained(w, q, &e);
    VtdTranslation t;

    found.reason = outcome(q->d, q->iova, q->access, &t);
    if (!found.reason) {
        found.result = t.addr | (q->iova & t.mask);
        found.read = t.read;
        found.write = t.write;
        w->passed++;
    } else {
        w->blocked++;
    }
    if (sure) {
        g_assert_cmpint(!found.reason, ==, !e.reason);
        w->sure++;
    }
    if (!is_legal(&q->legal, &found)) {
        PlainContext context = context_now(w, q->d);

        g_test_message("source 0x%04x iova 0x%" PRIx64 " access %u: context "
                       "of kind %u, reason 0x%x, %u levels from 0x%" PRIx64,
                       q->d->sid, q->iova, q->access, context.kind,
                       context.reason, context.levels, context.top);
        g_test_fail();
        g_assert_not_reached();
    }
    w->stale += !outcome_equal(&q->legal.now, &found);
    if (!found.reason && w->clean) {
        check_piece(w, q, &t);
    }
}

static void check_some(Twins *w, unsigned n)
{
    while (n--) {
        check(w, &w->query[rnd(QUERIES)]);
    }
}

static uint16_t did_of(Twins *w, const Device *d)
{
    return context_now(w, d).did;
}

/* Tables that may be cached from now on, and what all those lead to now */
static void add_old_tables(Twins *w, Query *q)
{
    PlainContext context = context_now(w, q->d);

    old_tables_see(&q->old, &w->plain, &context, q->iova);
    old_tables_add(&q->old, &w->plain, q->iova, q->access, &q->legal);
}

static void settle_query(Twins *w, Query *q, bool leaves)
{
    legal_settle(&q->legal);
    if (!leaves) {
        q->old.n = 0;
    }
    add_old_tables(w, q);
}

static void edited(Twins *w, bool context)
{
    w->clean = false;
    for (unsigned i = 0; i < QUERIES; i++) {
        Query *q = &w->query[i];

        legal_add(&q->legal, plain(w, q->d, q->iova, q->access), context);
        add_old_tables(w, q);
    }
}

/* A few indices at each level meet often, also around QVTD_MSI_ADDR */
static const uint16_t indices[] = { 0, 1, 3, 0x1f7, 511 };
#define INDICES                 G_N_ELEMENTS(indices)

static unsigned some_index(void)
{
    return indices[rnd(INDICES)];
}

static uint64_t some_iova(Twins *w)
{
    uint64_t iova = 0;

    do {
        iova = rnd(QVTD_PAGE);
        for (unsigned level = 1; level <= 4; level++) {
            iova |= (uint64_t)some_index() << (12 + 9 * (level - 1));
        }
        if (chance(60)) {
            iova &= BITS(38, 0);
        } else if (chance(10)) {
            iova |= BIT(39 + rnd(25));
        }
    } while (QVTD_IS_MSI(iova));
    return iova;
}

static uint64_t some_table(Twins *w, unsigned level)
{
    return w->table[chance(95) ? 4 * (level - 1) + rnd(4) : rnd(TABLES)];
}

static uint64_t some_leaf(Twins *w, unsigned level)
{
    static const uint64_t special[] = {
        QVTD_MSI_ADDR, 0xfeeff000, 0xfec00000, 0xc0000000, 0xfef00000,
    };
    uint64_t addr = chance(15) ? special[rnd(G_N_ELEMENTS(special))]
                               : rnd64() & BITS(w->h->config.haw_bits - 1, 12);

    if (chance(95)) {
        addr &= ~(BIT(12 + 9 * (level - 1)) - 1);
    }
    if (chance(30)) {           /* what is ignored */
        addr |= rnd64() & (BITS(61, 52) | BIT(63) | 0x77c);
    }
    return addr | (level > 1 ? QVTD_PS : rnd(2) * QVTD_PS);
}

/*
 * Whether an entry leads to memory that is no paging table: contexts, the
 * queue.  The twin's edits are of one kind at a time.
 */
static bool astray(Twins *w, uint64_t entry)
{
    uint64_t page = entry & BITS(47, 12);

    return page < RAM_SIZE && page != w->hole &&
           (page < w->table[0] || page > w->table[TABLES - 1]);
}

static uint64_t some_entry(Twins *w, unsigned level, uint64_t before)
{
    uint64_t perm = chance(85) ? QVTD_RW : rnd(4);
    bool table = level == 4 || (level > 1 && chance(70));
    unsigned what = rnd(100);

    if (what < 80) {
        return perm | (table ? some_table(w, level - 1)
                             : some_leaf(w, level));
    }
    if (what < 90) {
        return before ^ BIT(rnd(64));
    }
    if (what < 93) {
        return w->hole | perm;
    }
    return chance(50) ? 0 : rnd64() & ~QVTD_RW;
}

static void put_some_entry(Twins *w, unsigned table, unsigned index)
{
    uint64_t entry = w->table[table] + index * 8, value;

    do {
        value = some_entry(w, table / 4 + 1, host_get(w->h, entry));
    } while (astray(w, value));
    host_put(w->h, entry, value);
}

/* A paging entry changes */
static void edit_table(Twins *w)
{
    put_some_entry(w, rnd(TABLES), some_index());
    edited(w, false);
}

/* What an invalidation has ended; with @leaves it was of leaves alone */
static void ended(Twins *w, unsigned granularity, uint16_t did, uint64_t iova,
                  unsigned am, bool leaves)
{
    uint64_t mask = (QVTD_PAGE << am) - 1;

    for (unsigned i = 0; i < QUERIES; i++) {
        Query *q = &w->query[i];
        uint64_t off = granularity == QVTD_SELECT ? q->iova ^ iova : 0;

        if (granularity != QVTD_GLOBAL && did_of(w, q->d) != did) {
            continue;
        }
        if (!(off & ~mask)) {
            settle_query(w, q, leaves);
        } else if (!leaves && !(off & ~(mask | TABLE_MASK))) {
            /* the table goes for all pages that it is for */
            q->old.n = 0;
            add_old_tables(w, q);
        }
    }
}

static void invalidate_some(Twins *w)
{
    unsigned granularity =
        chance(10) ? QVTD_GLOBAL : chance(30) ? QVTD_DOMAIN : QVTD_SELECT;
    const Query *target = &w->query[rnd(QUERIES)];
    uint16_t did = did_of(w, target->d);
    unsigned am = rnd(19);
    bool leaves = granularity == QVTD_SELECT && chance(50);

    inv_iotlb(w->h, granularity, did, (target->iova & ~0xfffull) |
              (leaves ? QVTD_IVA_IH : 0), am);
    ended(w, granularity, did, target->iova, am, leaves);
}

/*
 * Page flushes in one go: neighbours, up and down, of one domain mostly, more
 * than are carried out together
 */
static void invalidate_many(Twins *w)
{
    unsigned n = chance(70) ? 1 + rnd(8) : 1 + rnd(100);
    const Query *target = &w->query[rnd(QUERIES)];
    uint64_t iova = target->iova;
    unsigned am = 0;
    bool leaves = chance(50);

    while (n--) {
        uint16_t did = did_of(w, target->d);

        if (chance(30)) {
            iova += chance(70) ? QVTD_PAGE << am : -QVTD_PAGE;
        } else {
            target = &w->query[rnd(QUERIES)];
            iova = target->iova;
            did = chance(80) ? did : did_of(w, target->d);
        }
        am = chance(70) ? 0 : rnd(19);
        leaves ^= chance(10);
        queue_put(w->h, 2 | QVTD_SELECT << 4 | (uint64_t)did << 16,
                  (iova & ~0xfffull) | (leaves ? QVTD_IVA_IH : 0) | am);
        ended(w, QVTD_SELECT, did, iova, am, leaves);
    }
    submit_wait(w->h);
}

static void settle(Twins *w, bool sweep)
{
    inv_iotlb(w->h, QVTD_GLOBAL, 0, 0, 0);
    w->clean = true;
    for (unsigned i = 0; i < QUERIES; i++) {
        settle_query(w, &w->query[i], false);
        if (sweep) {
            check(w, &w->query[i]);
        }
    }
}

static void put_some_context(Twins *w, uint16_t sid)
{
    unsigned levels = w->h->config.aw_bits == 48 && chance(70) ? 4 : 3;
    uint64_t lo = some_table(w, levels);
    uint64_t hi = context_hi(levels, 1 + rnd(3));

    lo |= chance(90) ? QVTD_P : 0;
    lo |= chance(30) ? QVTD_FPD : 0;
    if (chance(20)) {
        lo |= QVTD_TT(chance(70) ? 2 : rnd(4));
    }
    if (chance(8)) {
        lo = (lo & 0xfff) | (chance(50) ? w->hole : BIT(24 + rnd(40)));
    }
    if (chance(10)) {
        uint64_t *half = chance(50) ? &lo : &hi;

        *half ^= BIT(rnd(64));
    }
    if (!astray(w, lo)) {
        set_context(w->h, sid, lo, hi);
    }
}

/* A context or root entry changes, and the invalidations come that have to */
static void edit_context(Twins *w)
{
    Host *h = w->h;
    Device *d = w->d[rnd(DEVICES)];
    uint64_t root = h->vtd.root + (d->sid >> 8) * 16;
    PlainContext context = context_now(w, d);
    unsigned old = context.reason;
    uint16_t did = context.did;
    unsigned granularity, fm;

    settle(w, false);
    if (chance(15)) {
        uint64_t before = host_get(h, root);

        /* made and mended in turn: the table's address has to stay */
        host_put(h, root, before & ~0xffeull ? before ^ QVTD_P : before);
        edited(w, true);
        check_some(w, 40);
        host_put(h, root, before);
        old = 0x01;
    } else if (old == 0x01) {
        return;
    } else {
        put_some_context(w, d->sid);
    }
    edited(w, true);
    check_some(w, 20);

    granularity = QVTD_GLOBAL + rnd(3);
    fm = rnd(4);
    /* from not present or faulty: caching mode only has to be told */
    if (old && !h->config.caching_mode && chance(70)) {
        inv_context(h, QVTD_SELECT, 0, d->sid, 0);   /* for the view */
    } else if (old == 0x02) {
        inv_context(h, granularity, 0, d->sid, fm);
    } else if (old) {
        inv_context(h, QVTD_GLOBAL, 0, 0, 0);
    } else {
        inv_context(h, granularity, did, d->sid, fm);
    }
    check_some(w, 20);
    if (old || chance(30)) {
        inv_iotlb(h, QVTD_GLOBAL, 0, 0, 0);
    } else {
        inv_iotlb(h, QVTD_DOMAIN, did, 0, 0);
    }
    for (unsigned i = 0; i < QUERIES; i++) {
        settle_query(w, &w->query[i], false);
    }
    for (unsigned i = 0; i < DEVICES; i++) {
        context = context_now(w, w->d[i]);
        g_assert_cmpint(w->d[i]->view, ==,
                        context.kind == PLAIN_PASS_THROUGH
                        ? VTD_VIEW_PASS_THROUGH : VTD_VIEW_TRANSLATED);
    }
    check_some(w, 40);
}

static void make_twins(Twins *w)
{
    static const uint16_t sids[DEVICES] = { 0x0100, 0x0101, 0x0208 };
    VtdConfig config = host_config;

    config.aw_bits = chance(30) ? 39 : 48;
    config.haw_bits = config.aw_bits + (chance(30) ? rnd(5) : 0);
    config.snoop_control = chance(30);
    config.device_iotlb = chance(30);
    config.stale_tm = chance(50);
    config.caching_mode = chance(30);
    config.pass_through = chance(80);
    w->h = host_new(&config);
    w->plain = plain_of(w->h);
    host_enable(w->h);
    if (chance(50)) {
        queue_start(w->h, rnd(3));
    }
    for (unsigned i = 0; i < DEVICES; i++) {
        w->d[i] = device_new(w->h, sids[i]);
    }
    w->hole = host_pages(w->h, 1);
    host_set_ram(w->h, w->hole, false);
    for (unsigned i = 0; i < TABLES; i++) {
        w->table[i] = host_pages(w->h, 1);
    }
    for (unsigned i = 0; i < TABLES * INDICES; i++) {
        put_some_entry(w, i / INDICES, indices[i % INDICES]);
    }
    for (unsigned i = 0; i < DEVICES; i++) {
        put_some_context(w, sids[i]);
    }
    inv_context(w->h, QVTD_GLOBAL, 0, 0, 0);
    for (unsigned i = 0; i < QUERIES; i++) {
        Query *q = &w->query[i];

        q->d = w->d[i % DEVICES];
        q->access = i / DEVICES % 3;
        q->iova = i % 9 ? w->query[i - i % 9].iova : some_iova(w);
        q->legal.n = 0;
        q->old.n = 0;
    }
    edited(w, false);
}

static void test_dma(void)
{
    unsigned worlds = g_test_slow() ? 2000 : 150;
    Twins *w = g_new0(Twins, 1);

    for (unsigned world = 0; world < worlds; world++) {
        make_twins(w);
        settle(w, true);
        for (unsigned step = 0; step < 60; step++) {
            for (unsigned edits = rnd(4); edits; edits--) {
                edit_table(w);
                check_some(w, 10);
            }
            if (chance(60)) {
                if (w->h->vtd.entries && chance(30)) {
                    invalidate_many(w);
                } else {
                    invalidate_some(w);
                }
                check_some(w, 20);
            }
            if (chance(15)) {
                edit_context(w);
            } else if (chance(20)) {
                settle(w, true);
            }
        }
        host_free(w->h);
    }
    g_test_message("%" PRIu64 " passed, %" PRIu64 " blocked, of all %" PRIu64
                   " from before an edit", w->passed, w->blocked, w->stale);
    /* the tables are neither all wrong nor all right, and caches cache */
    g_assert_cmpuint(w->passed, >, worlds * 100);
    g_assert_cmpuint(w->sure, >, worlds * 100);
    g_assert_cmpuint(w->blocked, >, worlds * 100);
    g_assert_cmpuint(w->stale, >, worlds);
    g_free(w);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/vtd/random/dma", test_dma);

    return g_test_run();
}
