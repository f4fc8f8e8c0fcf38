/*
 * Random steps of devices with shadows: what is checked after each
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns a run of random edits and events, by a seed, and all that must be so
 * after each step.  See vtd-shadow-events.h.
 */

#include "qemu/osdep.h"
#include "vtd-shadow-events.h"

static const char *const seen_names[] = {
    [PAGES] = "PAGES",
    [DOMAIN_FLUSH] = "DOMAIN_FLUSH",
    [GLOBAL_FLUSH] = "GLOBAL_FLUSH",
    [CONTEXT_GLOBAL] = "CONTEXT_GLOBAL",
    [CONTEXT_DOMAIN] = "CONTEXT_DOMAIN",
    [CONTEXT_DEVICE] = "CONTEXT_DEVICE",
    [ROOT_TABLE] = "ROOT_TABLE",
    [TRANSLATION] = "TRANSLATION",
    [RESET] = "RESET",
    [LISTENER] = "LISTENER",
    [REPLAY_NOBODY] = "REPLAY_NOBODY",
    [DIRTY_TRACKING] = "DIRTY_TRACKING",
    [IDLE_SYNC] = "IDLE_SYNC",
    [GONE] = "GONE",
    [CHANGED] = "CHANGED",
    [FRESH] = "FRESH",
    [SPLIT] = "SPLIT",
    [KEPT_2M] = "KEPT_2M",
    [KEPT_1G] = "KEPT_1G",
    [MANY_IN_ONE] = "MANY_IN_ONE",
    [SHARER_BROUGHT] = "SHARER_BROUGHT",
    [MOVED] = "MOVED",
    [UNSENDABLE] = "UNSENDABLE",
    [PAUSED] = "PAUSED",
    [LIMITED] = "LIMITED",
    [LEFT_STALE] = "LEFT_STALE",
    [TRANSLATED] = "TRANSLATED",
    [REPLAYED] = "REPLAYED",
    [TOLD] = "TOLD",
    [WRITE_BUFFER] = "WRITE_BUFFER",
    [PASID_FLUSH] = "PASID_FLUSH",
    [PASID_PAGES] = "PASID_PAGES",
    [PASID_CACHE] = "PASID_CACHE",
    [OTHER_MODE] = "OTHER_MODE",
    [MEMORY] = "MEMORY",
    [MAPPED_SECOND] = "MAPPED_SECOND",
    [MAPPED_FIRST] = "MAPPED_FIRST",
    [MAPPED_NESTED] = "MAPPED_NESTED",
    [MOVED_STAGE] = "MOVED_STAGE",
};

/* Checks */

/* Pages from @first to @last are as they were */
static void check_unchanged(Test *t, const Member *m, const GArray *after,
                            uint64_t first, uint64_t last)
{
    RunPair pair = { .next = first };

    while (first <= last && runs_pair(m->before_runs, after, &pair) &&
           pair.first <= last) {
        CHECK(t, pair.was == pair.now, "0x%" PRIx64 " was 0x%" PRIx64
              ", is 0x%" PRIx64 ", neither reached nor right", pair.first,
              pair.was, pair.now);
    }
    seen[LEFT_STALE]++;
}

/* What the device reaches is what its tables say */
static void check_shadow(Test *t, const Member *m, const GArray *after,
                         const GArray *truth)
{
    RunPair pair = { 0 };

    while (runs_pair(after, truth, &pair)) {
        if (pair.was == pair.now || (t->limit && !pair.was)) {
            continue;
        }
        CHECK(t, !m->reached || pair.first > m->last || pair.last < m->first,
              "device 0x%x at 0x%" PRIx64 ": shadow 0x%" PRIx64
              ", tables 0x%" PRIx64, m->d->sid, MAX(pair.first, m->first),
              pair.was, pair.now);
        check_unchanged(t, m, after, pair.first, pair.last);
    }
}

/* With a limit: what was mapped and still is in the tables stays */
static void check_limit(Test *t, const Member *m, const GArray *after,
                        const GArray *truth)
{
    RunPair pair = { 0 };

    while (runs_pair(m->before_runs, truth, &pair)) {
        if (pair.was && pair.was == pair.now) {
            check_unchanged(t, m, after, pair.first, pair.last);
        }
    }
    CHECK(t, t->h->over_limits <= 1, "told %u times", t->h->over_limits);
    seen[LIMITED] += t->h->over_limits;
}

/* What the engine has counted in this step */
static uint64_t counted_splits(Test *t)
{
    return vtd_stat(t->h->v, VTD_STAT_SPLITS) - t->splits_before;
}

/* What was unmapped had to be, and by the fewest UNMAPs */
static void check_touch(Test *t, const Member *m)
{
    /* In pieces, what a split sends anew may have been seen by the last one */
    bool all = m->reached && !m->first && m->last == UINT64_MAX &&
               !t->setting->pieces;
    bool unsendable = t->gone_last ||
                      vtd_stat(t->h->v, VTD_STAT_UNSENDABLE);
    g_autoptr(GArray) after = strict_mappings(m->s), nothing = runs_new();
    g_autoptr(Judgement) j = judge(&(JudgeStep) {
        .before = m->before,
        .after = after,
        .log = m->s->log,
        .plain = &t->plain,
        .context = all ? &m->followed : NULL,
        .unsent = unsendable || t->limit ? NULL : nothing,
        .dirty = t->h->dirty_tracking,
    });

    CHECK(t, !j->wrong, "device 0x%x: %s", m->d->sid, j->wrong);
    /*
     * What a split sends anew is what was seen last.  All of that may go in
     * a later piece, so that nothing in @j tells of the split.
     */
    CHECK(t, !j->passing || (t->setting->pieces && counted_splits(t)),
          "device 0x%x: %d mapped and unmapped again", m->d->sid,
          j->passing);
    seen[SPLIT] += j->splits;
    seen[KEPT_2M] += j->kept_2m;
    seen[KEPT_1G] += j->kept_1g;
    seen[GONE] += j->gone->len;
    seen[CHANGED] += j->changed;
    seen[FRESH] += j->fresh;
    t->splits += j->splits;
    if (unsendable || j->splits || t->setting->pieces) {
        /*
         * The engine also tells of what was not sent, and of whole splits;
         * and what lies in two pieces is two
         */
    } else if (t->h->dirty_tracking) {
        CHECK(t, strict_unmaps(m->s) == j->removed, "device 0x%x: %u "
              "UNMAPs for %u mappings", m->d->sid, strict_unmaps(m->s),
              j->removed);
    } else {
        unsigned least = judge_fewest(j, MIN(j->first, m->first),
                                      MAX(j->last, m->last));

        CHECK(t, j->unmaps_gone <= least, "device 0x%x: %u UNMAPs for what "
              "went away, %u would do", m->d->sid, j->unmaps_gone, least);
        seen[MANY_IN_ONE] += j->gone->len > j->unmaps_gone;
    }
}

static void check_replay(Test *t, const Member *m)
{
    uint64_t first = one_in(t->g, 2) ? some_address(t->g) : 0;
    uint64_t last =
        first ? first + (QVTD_PAGE << pick(t->g, 20)) - 1 : UINT64_MAX;
    Strict *s = strict_replay(m->d, first, last);
    GArray *held = strict_mappings(m->s), *told = strict_mappings(s);
    unsigned j = 0;

    CHECK(t, !s->errors, "replay: %s", s->error);
    for (unsigned i = 0; i < held->len; i++) {
        const Run *run = &RUN(held, i);
        const Run *other = j < told->len ? &RUN(told, j)
                                         : NULL;

        if (run->first > last || run->last < first) {
            continue;
        }
        CHECK(t, other && other->first == run->first &&
              other->last == run->last && other->addr == run->addr &&
              other->perm == run->perm, "replay has not 0x%" PRIx64,
              run->first);
        j++;
    }
    CHECK(t, j == told->len, "replay has %u, the host %u", told->len, j);
    seen[REPLAYED] += j > 0;
    g_array_free(held, TRUE);
    g_array_free(told, TRUE);
    strict_free(s);
}

/* Translation of some addresses that the event reached is as the tables say */
static void check_translation(Test *t, const Member *m, const GArray *leaves)
{
    for (unsigned i = 0; i < 4; i++) {
        uint64_t iova = some_address(t->g), addr;
        const Run *run = runs_find(leaves, iova);
        VtdTranslation out;
        bool maps, is = device_translate(m->d, iova, VTD_ACCESS_PROBE, &out);

        maps = run && run->first <= iova;
        addr = maps ? run->addr + (iova - run->first) : 0;
        if (QVTD_IS_MSI(iova)) {
            CHECK(t, !is, "0x%" PRIx64 " is an interrupt", iova);
            continue;
        }
        if (iova < m->first || iova > m->last) {
            continue;
        }
        if (maps && QVTD_IS_MSI(addr)) {
            CHECK(t, !is, "0x%" PRIx64 " meets interrupts", iova);
            continue;
        }
        CHECK(t, is == maps, "0x%" PRIx64 " passes: %d", iova, is);
        CHECK(t, !is || ((out.addr | (iova & out.mask)) == addr &&
                         out.read == !!(run->perm & QVTD_R) &&
                         out.write == !!(run->perm & QVTD_W)),
              "0x%" PRIx64 " goes to 0x%" PRIx64, iova, out.addr);
        seen[TRANSLATED] += is;
    }
}

/* Where something was before the step, or anywhere */
static uint64_t some_mapped(Test *t, const Member *m)
{
    const Run *run;

    if (!m->before || !m->before->len || one_in(t->g, 2)) {
        return some_address(t->g);
    }
    run = &RUN(m->before, pick(t->g, m->before->len));
    return one_in(t->g, 2) ? run->first : run->last & ~7ull;
}

/*
 * The same in scalable mode, where a probe may set bits or leave them: reads
 * and writes do what they do in the plain walk.
 */
static void check_requests(Test *t, const Member *m, const PlainContext *now)
{
    for (unsigned i = 0; i < 6; i++) {
        uint64_t iova = some_mapped(t, m);
        bool write = pick(t->g, 2), is;
        PlainAnswer answer;
        VtdTranslation out;

        if (QVTD_IS_MSI(iova) || iova < m->first || iova > m->last) {
            continue;
        }
        plain_sm_request(&t->plain, now, iova, write ? QVTD_W : QVTD_R,
                         &answer);
        is = device_translate(m->d, iova,
                              write ? VTD_ACCESS_WRITE : VTD_ACCESS_READ, &out);
        CHECK(t, is == !answer.reason, "0x%" PRIx64 " passes: %d, reason 0x%x",
              iova, is, answer.reason);
        CHECK(t, !is || (out.addr | (iova & out.mask)) ==
              answer.leaf.addr + (iova - answer.leaf.first),
              "0x%" PRIx64 " goes to 0x%" PRIx64, iova, out.addr);
        seen[TRANSLATED] += is;
    }
}

/*
 * Whether two mappings should have been one: halves of an aligned range that
 * is in one leaf and one piece of RAM
 */
static bool are_halves(Test *t, const Member *m, const Run *a, const Run *b)
{
    uint64_t size = a->last - a->first + 1;
    VtdRam ram;
    Run leaf;

    if (b->last - b->first + 1 != size || b->first != a->first + size ||
        (a->first & size) || b->addr != a->addr + size || a->perm != b->perm) {
        return false;
    }
    host_ram(t->h, a->addr, &ram);
    return ram.last - a->addr >= 2 * size - 1 &&
           plain_leaf(&t->plain, &m->followed, a->first, &leaf) &&
           leaf.last >= b->last &&
           !(a->first <= 0xfeefffff && b->last >= QVTD_MSI_ADDR);
}

static bool is_among(const GArray *mappings, const Run *run)
{
    const Run *found = runs_find(mappings, run->first);

    return found && found->first == run->first && found->last == run->last &&
           found->addr == run->addr && found->perm == run->perm;
}

/* What was mapped took the fewest MAPs that the leaves allow */
static void check_widest(Test *t, const Member *m)
{
    GArray *held = strict_mappings(m->s);

    for (unsigned i = 1; i < held->len; i++) {
        const Run *b = &RUN(held, i), *a = b - 1;

        CHECK(t, !are_halves(t, m, a, b) || is_among(m->before, a) ||
              is_among(m->before, b), "device 0x%x: 0x%" PRIx64 " and 0x%"
              PRIx64 " are mapped apart", m->d->sid, a->first, b->first);
    }
    g_array_free(held, TRUE);
}

static void check_mirror(Test *t, Member *m)
{
    bool tables = m->followed.kind == PLAIN_TABLES;
    g_autoptr(GArray) truth = plain_mapped(&t->plain, &m->followed);
    g_autoptr(GArray) after = strict_runs(m->s);

    CHECK(t, !m->s->errors, "%s", m->s->error);
    check_shadow(t, m, after, truth);
    if (tables && after->len && m->followed.pgtt) {
        seen[m->followed.pgtt == QVTD_PGTT_SECOND ? MAPPED_SECOND :
             m->followed.pgtt == QVTD_PGTT_FIRST ? MAPPED_FIRST
                                                 : MAPPED_NESTED]++;
    }
    if (m->switches == m->d->switches && m->before) {
        check_touch(t, m);
        if (!t->setting->pieces) {
            check_widest(t, m);
        }
        if (t->limit && same_context(&m->followed, &m->followed_before)) {
            check_limit(t, m, after, truth);
        }
        seen[IDLE_SYNC] += m->reached && m->before->len && !m->s->log->len;
        seen[SHARER_BROUGHT] += m->shared && m->s->log->len;
        if (tables && m->followed_before.kind == PLAIN_TABLES) {
            seen[MOVED] += !same_tables(&m->followed, &m->followed_before);
            seen[MOVED_STAGE] += m->followed.pgtt != m->followed_before.pgtt;
        }
    }
}

/* vhost forgot all that the event reached */
static void check_told(Test *t, const Member *m, const PlainContext *now)
{
    bool told = false;

    if (!m->reached || m->d->view != VTD_VIEW_TRANSLATED ||
        m->switches != m->d->switches || !same_context(now, &m->followed)) {
        return;
    }
    if (plain_has_first(now) && !m->known) {
        return;                 /* by an older context it may be less (7.7) */
    }
    for (unsigned i = 0; i < t->h->forgets->len; i++) {
        const Forget *forget = &g_array_index(t->h->forgets, Forget, i);

        told |= forget->sid == m->d->sid && !forget->device_tlb &&
                forget->first <= m->first && forget->last >= m->last;
    }
    CHECK(t, told, "0x%" PRIx64 " to 0x%" PRIx64 " not told", m->first,
          m->last);
    seen[TOLD]++;
}

static void check_view(Test *t, const Member *m)
{
    VtdView view = !(rd32(t->h, QVTD_GSTS) & QVTD_TE) ? VTD_VIEW_DIRECT :
                   m->followed.kind == PLAIN_PASS_THROUGH
                   ? VTD_VIEW_PASS_THROUGH : VTD_VIEW_TRANSLATED;

    CHECK(t, m->d->view == view, "device 0x%x", m->d->sid);
}

static void check_member(Test *t, Member *m)
{
    PlainContext now = member_context(t, m);

    if (m->s) {
        if (member_mirrors(m)) {
            check_mirror(t, m);
        } else {
            CHECK(t, !strict_count(m->s) && !m->s->errors, "%s",
                  m->s->error);
        }
        if (!m->d->notify) {
            check_told(t, m, &now);
        }
    }
    check_view(t, m);
    if (t->flushed && m->reached && !m->shared && m->known &&
        same_context(&now, &m->followed) && now.kind == PLAIN_TABLES) {
        if (now.pgtt) {
            check_requests(t, m, &now);
        } else {
            g_autoptr(GArray) leaves = plain_leaves(&t->plain, &now);

            check_translation(t, m, leaves);
        }
    }
}

/* A step */

static void remember(Member *m)
{
    m->reached = m->shared = false;
    m->switches = m->d->switches;
    m->followed_before = m->followed;
    if (m->s) {
        m->before = strict_mappings(m->s);
        m->before_runs = strict_runs(m->s);
        strict_clear_log(m->s);
    }
}

static void forget(Member *m)
{
    if (m->before) {
        g_array_free(m->before, TRUE);
        g_array_free(m->before_runs, TRUE);
        m->before = m->before_runs = NULL;
    }
}

static void step_with(Test *t, unsigned edits, void (*happens)(Test *t))
{
    for (unsigned i = 0; i < edits; i++) {
        guest_edit(t->g);
    }
    for (unsigned i = 0; i <= MEMBERS; i++) {
        remember(&t->member[i]);
    }
    t->splits = 0;
    t->splits_before = vtd_stat(t->h->v, VTD_STAT_SPLITS);
    t->flushed = false;
    g_array_set_size(t->h->forgets, 0);
    happens(t);
    host_pump(t->h);
    for (unsigned i = 0; i <= MEMBERS; i++) {
        check_member(t, &t->member[i]);
        forget(&t->member[i]);
    }
    for (unsigned i = 0; i < MEMBERS; i++) {
        if (member_mirrors(&t->member[i]) && one_in(t->g, 8)) {
            check_replay(t, &t->member[i]);
            host_pump(t->h);
        }
    }
    CHECK(t, t->splits <= counted_splits(t), "%" PRIu64 " splits, %" PRIu64
          " counted", t->splits, counted_splits(t));
}

static void step(Test *t)
{
    if (t->setting->memory && one_in(t->g, 16)) {
        step_with(t, 0, event_global);
        step_with(t, 0, event_memory);
    } else {
        step_with(t, pick(t->g, 6), some_event);
    }
}

/* Nothing stays cut off for good once there is room for all */
static void check_settled(Test *t)
{
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned j = 0; j <= MEMBERS; j++) {
            remember(&t->member[j]);
        }
        t->flushed = false;
        event_context_global(t);
        t->limit = false;
        for (unsigned j = 0; j <= MEMBERS; j++) {
            const PlainContext *followed = &t->member[j].followed;

            g_autoptr(GArray) leaves = plain_leaves(&t->plain, followed);

            t->limit |= leaves->len > t->h->config.max_mappings;
        }
        t->limit |= i < 2 && t->h->over_limits;
        for (unsigned j = 0; j <= MEMBERS; j++) {
            check_member(t, &t->member[j]);
            forget(&t->member[j]);
        }
    }
}

static void run(const Setting *setting, guint32 seed, unsigned steps)
{
    Test t = {
        .setting = setting,
        .seed = seed,
        .limit = setting->config.max_mappings < 1000,
    };

    t.g = guest_new(&setting->config, setting->odd, t.seed);
    t.h = t.g->h;
    t.plain = plain_of(t.h);
    t.h->tick = setting->pieces ? 1000 * 1000 * 1000 : 0;
    for (unsigned i = 0; i <= MEMBERS; i++) {
        Member *m = &t.member[i];

        m->d = device_new(t.h, guest_sid(i));
        m->s = i == NOBODY ? NULL : strict_listen(m->d, i != VHOST);
    }
    if (setting->queue) {
        queue_start(t.h, 0);
    }
    set_root_table(t.h, guest_rtaddr(t.g));
    gcmd(t.h, QVTD_TE, true);
    for (unsigned i = 0; i <= MEMBERS; i++) {
        t.member[i].followed = member_context(&t, &t.member[i]);
        t.member[i].known = true;
    }
    for (t.step = 0; t.step < steps; t.step++) {
        step(&t);
    }
    if (t.limit) {
        check_settled(&t);
    }
    seen[PAUSED] += vtd_stat(t.h->v, VTD_STAT_SYNC_PAUSES);
    seen[UNSENDABLE] += vtd_stat(t.h->v, VTD_STAT_UNSENDABLE);
    for (unsigned i = 0; i <= MEMBERS; i++) {
        if (t.member[i].s) {
            strict_unlisten(t.member[i].s);
        }
        device_free(t.member[i].d);
    }
    guest_free(t.g);
    g_free(t.event);
}

static void test_fixed(const void *opaque)
{
    const Setting *setting = opaque;

    run(setting, SHADOW_FIXED_SEED, setting->steps);
}

static void test_new(const void *opaque)
{
    const Setting *setting = opaque;
    const char *text = g_getenv("TEST_SEED");
    guint32 seed = text ? g_ascii_strtoull(text, NULL, 0) : g_random_int();

    g_test_message("TEST_SEED=%u", seed);
    run(setting, seed, g_test_slow() ? 50000 : setting->steps * 3 / 10);
}

static void add(const char *path, const char *name, GTestDataFunc func,
                const Setting *settings, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        g_autofree char *test = g_strdup_printf("%s/%s-%s", path, name,
                                                settings[i].name);

        g_test_add_data_func(test, &settings[i], func);
    }
}

void shadow_add_fixed(const char *path, const Setting *settings, unsigned n)
{
    add(path, "fixed", test_fixed, settings, n);
}

void shadow_add_new(const char *path, const Setting *settings, unsigned n)
{
    add(path, "new", test_new, settings, n);
}

void shadow_expect_seen(const Seen *rare, unsigned n)
{
    bool all = true;

    for (unsigned i = 0; i < N_SEEN; i++) {
        bool wanted = true;

        for (unsigned j = 0; j < n; j++) {
            wanted &= i != rare[j];
        }
        g_test_message("%s: %u", seen_names[i], seen[i]);
        all &= seen[i] > 0 || !wanted;
    }
    g_assert_true(all);
}
