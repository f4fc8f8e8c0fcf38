/*
 * The VT-d engine's shadow under random edits and invalidations
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Random edits of random tables, shared by devices in several domains, and
 * random events.  After each event, for each device: what its strict host
 * holds is, page for page, what a plain walk of the tables says, as far as
 * the event reaches; elsewhere it is that or what it was.  No page that is
 * as before was touched, but in a superpage that had to be split.  Pages that
 * went away took the fewest UNMAPs.  Translation and replay agree.
 *
 * TEST_SEED=N in the environment repeats or changes a run; -m slow makes it
 * fifty times as long.
 */

#include "qemu/osdep.h"
#include "vtd-strict.h"
#include "vtd-world.h"

#define DEFAULT_SEED    1
#define STEPS           1000
#define MEMBERS         4               /* devices with a listener */
#define VHOST           3               /* the one that listens as vhost */
#define NOBODY          4               /* a device that has none */

/* What happened; in all worlds together each must have */
#define SEEN(X) \
    X(PAGES) X(DOMAIN_FLUSH) X(GLOBAL_FLUSH) X(CONTEXT_GLOBAL) \
    X(CONTEXT_DOMAIN) X(CONTEXT_DEVICE) X(ROOT_TABLE) X(TRANSLATION) \
    X(RESET) X(LISTENER) X(REPLAY_NOBODY) X(DIRTY_TRACKING) \
    X(IDLE_SYNC) X(GONE) X(CHANGED) X(FRESH) X(SPLIT) X(KEPT_2M) X(KEPT_1G) \
    X(MANY_IN_ONE) X(SHARER_BROUGHT) X(MOVED) X(UNSENDABLE) \
    X(LIMITED) X(LEFT_STALE) X(TRANSLATED) X(REPLAYED) X(TOLD)

typedef enum Seen {
#define SEEN_ENUM(name) name,
    SEEN(SEEN_ENUM)
#undef SEEN_ENUM
    N_SEEN,
} Seen;

static const char *const seen_names[] = {
#define SEEN_NAME(name) #name,
    SEEN(SEEN_NAME)
#undef SEEN_NAME
};

static unsigned seen[N_SEEN];

typedef struct Setting {
    const char *name;
    VtdConfig config;
    bool queue;                 /* invalidations by the queue */
    bool dirty;                 /* dirty tracking comes and goes */
    bool odd;
} Setting;

typedef struct Member {
    Device *d;
    Strict *s;                  /* NULL while it does not listen */
    PlainContext followed;      /* as of the last invalidation of contexts */
    bool reached;               /* by this event, from first to last */
    uint64_t first, last;
    bool shared;                /* only since it shares a table */
    bool known;                 /* no older context may be cached */
    unsigned switches;          /* before the event, as the next */
    GArray *before;             /* Run: the mappings, and joined */
    GArray *before_runs;
    PlainContext followed_before;
} Member;

typedef struct Test {
    const Setting *setting;
    guint32 seed;
    unsigned step;
    char *event;
    World *w;
    Host *h;
    Member member[MEMBERS + 1];
    bool limit;
    uint64_t splits;
    bool flushed;               /* the event drops what the IOTLB has */
} Test;

#define CHECK(t, condition, ...) \
    do { \
        if (!(condition)) { \
            check_failed(t, #condition, __VA_ARGS__); \
        } \
    } while (0)

static void G_GNUC_NORETURN G_GNUC_PRINTF(3, 4)
check_failed(Test *t, const char *condition, const char *format, ...)
{
    va_list args;
    char *what;

    va_start(args, format);
    what = g_strdup_vprintf(format, args);
    va_end(args);
    g_error("%s, TEST_SEED=%u, step %u, %s: not so: %s: %s",
            t->setting->name, t->seed, t->step, t->event, condition, what);
}

static void G_GNUC_PRINTF(3, 4)
event(Test *t, Seen which, const char *format, ...)
{
    va_list args;

    seen[which]++;
    g_free(t->event);
    va_start(args, format);
    t->event = g_strdup_vprintf(format, args);
    va_end(args);
}

/* Who is reached by an event */

static bool member_mirrors(const Member *m)
{
    return m->s && m->d->notify && m->d->view == VTD_VIEW_TRANSLATED;
}

static bool member_shares(const Member *m, const PlainContext *context)
{
    return member_mirrors(m) && m->followed.kind == PLAIN_TABLES &&
           context->kind == PLAIN_TABLES && m->followed.root == context->root &&
           m->followed.levels == context->levels;
}

static PlainContext member_context(Test *t, const Member *m)
{
    PlainContext none = { .kind = PLAIN_BLOCKED };

    return rd32(t->h, REG_GSTS) & TE
           ? plain_context(t->h, t->w->root_table[t->w->active], m->d->sid)
           : none;
}

/* The table of @context was looked at, for all that follow it */
static void reach_table(Test *t, const PlainContext *context, uint64_t first,
                        uint64_t last)
{
    for (unsigned i = 0; i < MEMBERS; i++) {
        Member *m = &t->member[i];

        if (!m->reached && member_shares(m, context)) {
            m->reached = true;
            m->shared = true;
            m->first = first;
            m->last = last;
        }
    }
}

static void reach(Test *t, Member *m, uint64_t first, uint64_t last)
{
    m->reached = true;
    m->shared = false;
    m->first = first;
    m->last = last;
    if (member_mirrors(m)) {
        reach_table(t, &m->followed, first, last);
    }
}

static bool same_context(const PlainContext *a, const PlainContext *b)
{
    return a->kind == b->kind && a->root == b->root &&
           a->levels == b->levels && a->did == b->did;
}

/* @all: not only cached contexts of one domain are dropped */
static void reach_contexts(Test *t, uint16_t sid, uint16_t mask, bool all)
{
    for (unsigned i = 0; i <= MEMBERS; i++) {
        Member *m = &t->member[i];

        if (!((m->d->sid ^ sid) & mask)) {
            PlainContext now = member_context(t, m);

            m->known = all || (m->known && same_context(&now, &m->followed));
            m->followed = now;
            reach(t, m, 0, UINT64_MAX);
        }
    }
}

static void reach_domain(Test *t, bool all, uint16_t did, uint64_t first,
                         uint64_t last)
{
    t->flushed = true;
    for (unsigned i = 0; i < MEMBERS; i++) {
        Member *m = &t->member[i];

        if (all || (m->followed.kind == PLAIN_TABLES &&
                    m->followed.did == did)) {
            reach(t, m, first, last);
        }
    }
}

/* Events */

static void event_pages(Test *t)
{
    static const uint8_t orders[] = { 0, 0, 0, 1, 2, 3, 8, 9, 10, 17, 18 };
    uint16_t did = 1 + pick(t->w, WORLD_DOMAINS);
    unsigned am = orders[pick(t->w, ARRAY_SIZE(orders))];
    uint64_t mask = (PAGE << am) - 1;
    uint64_t iova = some_address(t->w);

    event(t, PAGES, "pages of domain %u at 0x%" PRIx64 ", order %u", did,
          iova, am);
    inv_iotlb(t->h, SELECT, did, iova, am);
    reach_domain(t, false, did, iova & ~mask, iova | mask);
}

static void event_domain(Test *t)
{
    uint16_t did = 1 + pick(t->w, WORLD_DOMAINS);

    event(t, DOMAIN_FLUSH, "all of domain %u", did);
    inv_iotlb(t->h, DOMAIN, did, 0, 0);
    reach_domain(t, false, did, 0, UINT64_MAX);
}

static void event_global(Test *t)
{
    event(t, GLOBAL_FLUSH, "all pages");
    inv_iotlb(t->h, GLOBAL, 0, 0, 0);
    reach_domain(t, true, 0, 0, UINT64_MAX);
}

static void event_context_global(Test *t)
{
    event(t, CONTEXT_GLOBAL, "all contexts");
    inv_context(t->h, GLOBAL, 0, 0, 0);
    reach_contexts(t, 0, 0, true);
}

/* The engine looks at all of them, since what the domain was may be gone */
static void event_context_domain(Test *t)
{
    uint16_t did = pick(t->w, WORLD_DOMAINS + 1);

    event(t, CONTEXT_DOMAIN, "contexts of domain %u", did);
    inv_context(t->h, DOMAIN, did, 0, 0);
    reach_contexts(t, 0, 0, false);
}

static void event_context_device(Test *t)
{
    static const uint16_t ignored[] = { 0, 4, 6, 7 };
    unsigned fm = one_in(t->w, 3) ? pick(t->w, 4) : 0;
    uint16_t sid = world_sid(pick(t->w, WORLD_DEVICES));

    event(t, CONTEXT_DEVICE, "context of 0x%x, mask %u", sid, fm);
    inv_context(t->h, SELECT, pick(t->w, WORLD_DOMAINS + 1), sid, fm);
    reach_contexts(t, sid, ~ignored[fm], true);
}

static void event_root_table(Test *t)
{
    t->w->active = pick(t->w, 2);
    event(t, ROOT_TABLE, "root table %u", t->w->active);
    set_root_table(t->h, t->w->root_table[t->w->active]);
    t->flushed = true;
    reach_contexts(t, 0, 0, true);
}

static void check_all_direct(Test *t)
{
    for (unsigned i = 0; i <= MEMBERS; i++) {
        Member *m = &t->member[i];

        CHECK(t, m->d->view == VTD_VIEW_DIRECT, "device %u", i);
        CHECK(t, !m->s || !m->s->mappings->len, "device %u", i);
        CHECK(t, !m->s || !m->s->errors, "%s", m->s->error);
    }
    CHECK(t, !vtd_stat(t->h->v, VTD_STAT_SHADOW_LEAVES), "leaves are left");
}

static void event_translation(Test *t)
{
    event(t, TRANSLATION, "translation off and on");
    gcmd(t->h, TE, false);
    check_all_direct(t);
    world_edit(t->w);
    gcmd(t->h, TE, true);
    t->flushed = true;
    reach_contexts(t, 0, 0, true);
}

static void queue_again(Test *t)
{
    if (t->setting->queue) {
        t->h->tail = 0;
        wr32(t->h, REG_IQT, 0);
        wr64(t->h, REG_IQA, t->h->queue);
        gcmd(t->h, QIE, true);
    }
}

static void event_reset(Test *t)
{
    event(t, RESET, "reset, then translation on");
    vtd_reset(t->h->v);
    check_all_direct(t);
    set_root_table(t->h, t->w->root_table[t->w->active]);
    queue_again(t);
    gcmd(t->h, TE, true);
    t->flushed = true;
    reach_contexts(t, 0, 0, true);
}

static void event_listener(Test *t)
{
    unsigned i = pick(t->w, MEMBERS);
    Member *m = &t->member[i];

    event(t, LISTENER, "listener of device %u %s", i, m->s ? "off" : "on");
    if (m->s) {
        strict_unlisten(m->s);
        m->s = NULL;
        return;
    }
    m->s = strict_listen(m->d, i != VHOST);
    if (member_mirrors(m)) {
        PlainContext now = member_context(t, m);

        m->known &= same_context(&now, &m->followed);
        m->followed = now;
        reach(t, m, 0, UINT64_MAX);
    }
}

/* A replay that nobody registered for, as for a dirty page log */
static void event_replay_nobody(Test *t)
{
    Member *m = &t->member[NOBODY];
    PlainContext context = member_context(t, m);
    Strict *s;

    event(t, REPLAY_NOBODY, "replay for an unwatched device");
    s = strict_replay(m->d, 0, UINT64_MAX);
    CHECK(t, !s->errors, "%s", s->error);
    if (context.kind == PLAIN_TABLES) {
        GArray *truth = plain_walk(t->h, context.root, context.levels, true);
        GArray *told = strict_runs(s);
        uint64_t from = 0;
        RunPair pair;

        while (runs_pair(told, truth, &from, &pair)) {
            CHECK(t, pair.was == pair.now || (t->limit && !pair.was),
                  "0x%" PRIx64 ": told 0x%" PRIx64 ", is 0x%" PRIx64,
                  pair.first, pair.was, pair.now);
        }
        g_array_free(told, TRUE);
        g_array_free(truth, TRUE);
        reach_table(t, &context, 0, UINT64_MAX);
    } else {
        CHECK(t, !s->log->len, "something for nothing");
    }
    strict_free(s);
}

static void event_dirty(Test *t)
{
    event(t, DIRTY_TRACKING, "dirty tracking %s",
          t->h->dirty_tracking ? "off" : "on");
    t->h->dirty_tracking = !t->h->dirty_tracking;
}

static void some_event(Test *t)
{
    unsigned n = pick(t->w, 64);

    if (n < 26) {
        event_pages(t);
    } else if (n < 42) {
        event_domain(t);
    } else if (n < 47) {
        event_global(t);
    } else if (n < 49) {
        event_context_global(t);
    } else if (n < 51) {
        event_context_domain(t);
    } else if (n < 56) {
        event_context_device(t);
    } else if (n < 58) {
        event_root_table(t);
    } else if (n < 59) {
        event_translation(t);
    } else if (n < 60 && one_in(t->w, 4)) {
        event_reset(t);
    } else if (n < 61) {
        event_listener(t);
    } else if (n < 62 || !t->setting->dirty) {
        event_replay_nobody(t);
    } else {
        event_dirty(t);
    }
}

/* Checks */

/* Pages from @first to @last are as they were */
static void check_unchanged(Test *t, const Member *m, const GArray *after,
                            uint64_t first, uint64_t last)
{
    uint64_t from = first;
    RunPair pair;

    while (first <= last && runs_pair(m->before_runs, after, &from, &pair) &&
           pair.first <= last) {
        CHECK(t, pair.was == pair.now, "0x%" PRIx64 " was 0x%" PRIx64
              ", is 0x%" PRIx64 ", neither reached nor right", pair.first,
              pair.was, pair.now);
        if (from > last || !from) {
            break;
        }
    }
    seen[LEFT_STALE]++;
}

/* What the device reaches is what its tables say */
static void check_shadow(Test *t, const Member *m, const GArray *after,
                         const GArray *truth)
{
    uint64_t from = 0;
    RunPair pair;

    while (runs_pair(after, truth, &from, &pair)) {
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
    uint64_t from = 0;
    RunPair pair;

    while (runs_pair(m->before_runs, truth, &from, &pair)) {
        if (pair.was && pair.was == pair.now) {
            check_unchanged(t, m, after, pair.first, pair.last);
        }
    }
    CHECK(t, t->h->over_limits <= 1, "told %u times", t->h->over_limits);
    seen[LIMITED] += t->h->over_limits;
}

typedef struct Touched {
    unsigned removed;           /* mappings that an UNMAP covers */
    unsigned splits;
    unsigned fresh;             /* runs of fresh pages */
    uint64_t first, last;       /* around all that differs */
    GArray *gone, *stays;       /* Run */
} Touched;

static bool mapping_unmapped(const Strict *s, const Run *mapping)
{
    for (unsigned i = 0; i < s->log->len; i++) {
        const VtdNotice *notice = &g_array_index(s->log, VtdNotice, i);

        if (!notice->read && !notice->write &&
            notice->first <= mapping->first && notice->last >= mapping->last) {
            return true;
        }
    }
    return false;
}

/* Whether a mapping's pages are @same, or @other than before, now */
static void mapping_compare(const Member *m, const GArray *after,
                            const Run *mapping, bool *same, bool *other)
{
    uint64_t from = mapping->first;
    RunPair pair;

    *same = *other = false;
    while (from <= mapping->last &&
           runs_pair(m->before_runs, after, &from, &pair)) {
        if (pair.first > mapping->last) {
            break;
        }
        *same |= pair.was == pair.now;
        *other |= pair.was != pair.now;
    }
}

static bool same_tables(const PlainContext *a, const PlainContext *b)
{
    return a->kind == PLAIN_TABLES && b->kind == PLAIN_TABLES &&
           a->root == b->root && a->levels == b->levels;
}

/*
 * Whether members change places: whoever follows now what @m left left what
 * @m follows, directly or by way of others.  Then one of them was brought
 * along with a change of what it was about to leave.
 */
static bool changes_places(const Test *t, const Member *m,
                           const PlainContext *now, unsigned depth)
{
    if (same_tables(now, &m->followed_before)) {
        return depth > 0;
    }
    for (unsigned i = 0; i < MEMBERS && depth < MEMBERS; i++) {
        const Member *other = &t->member[i];

        if (same_tables(&other->followed_before, now) &&
            !same_tables(&other->followed, now) &&
            changes_places(t, m, &other->followed, depth + 1)) {
            return true;
        }
    }
    return false;
}

/* What was unmapped had to be */
static void check_touched(Test *t, const Member *m, const GArray *after,
                          Touched *touched)
{
    unsigned added = strict_maps(m->s);

    for (unsigned i = 0; i < m->before->len; i++) {
        const Run *mapping = &g_array_index(m->before, Run, i);
        uint64_t size = mapping->last - mapping->first + 1;
        bool same, other;

        mapping_compare(m, after, mapping, &same, &other);
        if (mapping_unmapped(m->s, mapping)) {
            CHECK(t, other, "device 0x%x: unmapped 0x%" PRIx64 " to 0x%"
                  PRIx64 ", which is as before", m->d->sid, mapping->first,
                  mapping->last);
            touched->removed++;
            touched->splits += same;
        } else {
            seen[KEPT_2M] += size >= BIT(21);
            seen[KEPT_1G] += size >= BIT(30);
        }
    }
    CHECK(t, m->before->len + added == m->s->mappings->len + touched->removed,
          "device 0x%x: mapped and unmapped in one step", m->d->sid);
    seen[SPLIT] += touched->splits;
    t->splits += touched->splits;
}

static void collect(const Member *m, const GArray *after, Touched *touched)
{
    uint64_t from = 0;
    RunPair pair;

    touched->first = UINT64_MAX;
    while (runs_pair(m->before_runs, after, &from, &pair)) {
        Run run = { pair.first, pair.last, pair.first, 0 };

        if (pair.was != pair.now) {
            touched->first = MIN(touched->first, pair.first);
            touched->last = MAX(touched->last, pair.last);
        }
        if (pair.was && !pair.now) {
            seen[GONE]++;
            runs_add(touched->gone, &run);
        } else if (pair.was) {
            seen[CHANGED] += pair.was != pair.now;
            runs_add(touched->stays, &run);
        } else {
            seen[FRESH]++;
            touched->fresh++;
        }
    }
}

static bool runs_meet(const GArray *runs, uint64_t first, uint64_t last)
{
    const Run *run = runs_find(runs, first);

    return run && run->first <= last;
}

/*
 * The fewest aligned ranges of 2^@order bytes or less, within [@first,
 * @last] from @start, that have all that is gone and nothing that stays.
 * None goes across the interrupt range, where the host's notifiers end.
 */
static unsigned fewest(const Touched *touched, uint64_t start, unsigned order,
                       uint64_t first, uint64_t last)
{
    uint64_t end = start + BIT(order) - 1;

    if (!runs_meet(touched->gone, start, end)) {
        return 0;
    }
    if (start >= first && end <= last &&
        !(start <= 0xfeefffff && end >= 0xfee00000) &&
        !runs_meet(touched->stays, start, end)) {
        return 1;
    }
    g_assert_cmpuint(order, >, 12);
    order--;
    return fewest(touched, start, order, first, last) +
           fewest(touched, start + BIT(order), order, first, last);
}

static void print_step(const Member *m, const Touched *touched)
{
    for (unsigned i = 0; i < touched->gone->len; i++) {
        const Run *run = &g_array_index(touched->gone, Run, i);

        printf("# gone 0x%" PRIx64 " to 0x%" PRIx64 "\n", run->first,
               run->last);
    }
    for (unsigned i = 0; i < touched->stays->len; i++) {
        const Run *run = &g_array_index(touched->stays, Run, i);

        printf("# stays 0x%" PRIx64 " to 0x%" PRIx64 "\n", run->first,
               run->last);
    }
    for (unsigned i = 0; i < m->s->log->len; i++) {
        const VtdNotice *notice = &g_array_index(m->s->log, VtdNotice, i);

        printf("# %s 0x%" PRIx64 " to 0x%" PRIx64 " at 0x%" PRIx64 "\n",
               notice->read || notice->write ? "MAP" : "UNMAP",
               notice->first, notice->last, notice->addr);
    }
}

/*
 * Fewest UNMAPs for what went away; a page that changed has its own, and its
 * MAP right behind that.
 */
static void check_fewest(Test *t, const Member *m, const Touched *touched)
{
    const GArray *log = m->s->log;
    unsigned least, unmaps = 0;

    for (unsigned i = 0; i < log->len; i++) {
        const VtdNotice *notice = &g_array_index(log, VtdNotice, i);

        if (notice->read || notice->write) {
            continue;
        }
        if (!runs_meet(touched->stays, notice->first, notice->last)) {
            unmaps++;
        } else if (notice->last - notice->first == PAGE - 1 &&
                   !t->h->dirty_tracking) {
            const VtdNotice *next = notice + 1;

            CHECK(t, i + 1 < log->len && next->first == notice->first &&
                  (next->read || next->write), "0x%" PRIx64
                  " is left unmapped for longer than need be", notice->first);
        }
    }
    if (t->h->dirty_tracking) {
        CHECK(t, strict_unmaps(m->s) == touched->removed,
              "%u UNMAPs for %u mappings", strict_unmaps(m->s),
              touched->removed);
        return;
    }
    least = fewest(touched, 0, t->h->config.aw_bits,
                   MIN(touched->first, m->first),
                   MAX(touched->last, m->last));
    if (unmaps > least) {
        print_step(m, touched);
    }
    CHECK(t, unmaps <= least, "device 0x%x: %u UNMAPs for what went away, %u "
          "would do", m->d->sid, unmaps, least);
    seen[MANY_IN_ONE] += touched->gone->len > unmaps;
}

static void check_replay(Test *t, const Member *m)
{
    uint64_t first = one_in(t->w, 2) ? some_address(t->w) : 0;
    uint64_t last = first ? first + (PAGE << pick(t->w, 20)) - 1 : UINT64_MAX;
    Strict *s = strict_replay(m->d, first, last);
    unsigned j = 0;

    CHECK(t, !s->errors, "replay: %s", s->error);
    for (unsigned i = 0; i < m->s->mappings->len; i++) {
        const Run *run = &g_array_index(m->s->mappings, Run, i);
        const Run *told = &g_array_index(s->mappings, Run, j);

        if (run->first > last || run->last < first) {
            continue;
        }
        CHECK(t, j < s->mappings->len && told->first == run->first &&
              told->last == run->last && told->addr == run->addr &&
              told->perm == run->perm, "replay has not 0x%" PRIx64,
              run->first);
        j++;
    }
    CHECK(t, j == s->mappings->len, "replay has %u, the host %u",
          s->mappings->len, j);
    seen[REPLAYED] += j > 0;
    strict_free(s);
}

/* Translation of some addresses that the event reached is as the tables say */
static void check_translation(Test *t, const Member *m, const GArray *all)
{
    for (unsigned i = 0; i < 4; i++) {
        uint64_t iova = some_address(t->w), addr;
        const Run *run = runs_find(all, iova);
        VtdTranslation out;
        bool maps, is = device_translate(m->d, iova, VTD_ACCESS_PROBE, &out);

        maps = run && run->first <= iova;
        addr = maps ? run->addr + (iova - run->first) : 0;
        if (iova >> 20 == 0xfee || (maps && addr >> 20 == 0xfee)) {
            CHECK(t, !is, "0x%" PRIx64 " meets interrupts", iova);
            continue;
        }
        if (iova < m->first || iova > m->last) {
            continue;
        }
        CHECK(t, is == maps, "0x%" PRIx64 " passes: %d", iova, is);
        CHECK(t, !is || ((out.addr | (iova & out.mask)) == addr &&
                         out.read == !!(run->perm & R) &&
                         out.write == !!(run->perm & W)),
              "0x%" PRIx64 " goes to 0x%" PRIx64, iova, out.addr);
        seen[TRANSLATED] += is;
    }
}

static void check_mirror(Test *t, Member *m)
{
    bool tables = m->followed.kind == PLAIN_TABLES;
    GArray *truth = tables ? plain_walk(t->h, m->followed.root,
                                        m->followed.levels, true) : runs_new();
    GArray *after = strict_runs(m->s);
    Touched touched = { .gone = runs_new(), .stays = runs_new() };

    CHECK(t, !m->s->errors, "%s", m->s->error);
    check_shadow(t, m, after, truth);
    if (m->switches == m->d->switches && m->before &&
        !changes_places(t, m, &m->followed, 0)) {
        check_touched(t, m, after, &touched);
        collect(m, after, &touched);
        if (!t->setting->odd && !touched.splits) {
            check_fewest(t, m, &touched);
        }
        if (t->limit && same_context(&m->followed, &m->followed_before)) {
            check_limit(t, m, after, truth);
        }
        seen[IDLE_SYNC] += m->reached && m->before->len && !m->s->log->len;
        seen[SHARER_BROUGHT] += m->shared && m->s->log->len;
        seen[MOVED] += m->followed.root != m->followed_before.root &&
                       m->followed_before.kind == PLAIN_TABLES && tables;
    }
    if (one_in(t->w, 8)) {
        check_replay(t, m);
    }
    g_array_free(touched.gone, TRUE);
    g_array_free(touched.stays, TRUE);
    g_array_free(after, TRUE);
    g_array_free(truth, TRUE);
}

/* vhost forgot all that the event reached */
static void check_told(Test *t, const Member *m, const PlainContext *now)
{
    bool told = false;

    if (!m->reached || m->d->view != VTD_VIEW_TRANSLATED ||
        m->switches != m->d->switches || !same_context(now, &m->followed)) {
        return;
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
    VtdView view = !(rd32(t->h, REG_GSTS) & TE) ? VTD_VIEW_DIRECT :
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
            CHECK(t, !m->s->mappings->len && !m->s->errors, "%s",
                  m->s->error);
        }
        if (!m->d->notify) {
            check_told(t, m, &now);
        }
    }
    check_view(t, m);
    if (t->flushed && m->reached && !m->shared && m->known &&
        same_context(&now, &m->followed) && now.kind == PLAIN_TABLES) {
        GArray *all = plain_walk(t->h, now.root, now.levels, false);

        check_translation(t, m, all);
        g_array_free(all, TRUE);
    }
}

/* A step */

static void remember(Member *m)
{
    m->reached = m->shared = false;
    m->switches = m->d->switches;
    m->followed_before = m->followed;
    if (m->s) {
        m->before = g_array_copy(m->s->mappings);
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

static void step(Test *t)
{
    uint64_t splits = vtd_stat(t->h->v, VTD_STAT_SPLITS);
    unsigned edits = pick(t->w, 6);

    for (unsigned i = 0; i < edits; i++) {
        world_edit(t->w);
    }
    for (unsigned i = 0; i <= MEMBERS; i++) {
        remember(&t->member[i]);
    }
    t->splits = 0;
    t->flushed = false;
    g_array_set_size(t->h->forgets, 0);
    some_event(t);
    for (unsigned i = 0; i <= MEMBERS; i++) {
        check_member(t, &t->member[i]);
        forget(&t->member[i]);
    }
    splits = vtd_stat(t->h->v, VTD_STAT_SPLITS) - splits;
    CHECK(t, t->splits <= splits, "%" PRIu64 " splits, %" PRIu64 " counted",
          t->splits, splits);
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

            t->limit |= followed->kind == PLAIN_TABLES &&
                        plain_leaves(t->h, followed->root, followed->levels) >
                        t->h->config.max_mappings;
        }
        t->limit |= i < 2 && t->h->over_limits;
        for (unsigned j = 0; j <= MEMBERS; j++) {
            check_member(t, &t->member[j]);
            forget(&t->member[j]);
        }
    }
}

static void test_random(const void *opaque)
{
    const Setting *setting = opaque;
    const char *seed = g_getenv("TEST_SEED");
    unsigned steps = g_test_slow() ? 50 * STEPS : STEPS;
    Test t = {
        .setting = setting,
        .seed = seed ? strtoul(seed, NULL, 0) : DEFAULT_SEED,
        .limit = setting->config.max_mappings < 1000,
    };

    g_test_message("TEST_SEED=%u", t.seed);
    t.w = world_new(&setting->config, setting->odd, t.seed);
    t.h = t.w->h;
    for (unsigned i = 0; i <= MEMBERS; i++) {
        Member *m = &t.member[i];

        m->d = device_new(t.h, world_sid(i));
        m->s = i == NOBODY ? NULL : strict_listen(m->d, i != VHOST);
    }
    if (setting->queue) {
        queue_start(t.h, 0);
    }
    set_root_table(t.h, t.w->root_table[0]);
    gcmd(t.h, TE, true);
    for (t.step = 0; t.step < steps; t.step++) {
        step(&t);
    }
    if (t.limit) {
        check_settled(&t);
    }
    seen[UNSENDABLE] += vtd_stat(t.h->v, VTD_STAT_UNSENDABLE);
    for (unsigned i = 0; i <= MEMBERS; i++) {
        if (t.member[i].s) {
            strict_unlisten(t.member[i].s);
        }
        device_free(t.member[i].d);
    }
    world_free(t.w);
    g_free(t.event);
}

/* Chance may leave something out for a seed, but not for the default one */
static void test_seen(void)
{
    bool all = true;

    for (unsigned i = 0; i < N_SEEN; i++) {
        g_test_message("%s: %u", seen_names[i], seen[i]);
        all &= seen[i] > 0;
    }
    g_assert_true(all || g_getenv("TEST_SEED"));
}

#define COMMON \
    .caching_mode = true, .pass_through = true, .dma_drain = true, \
    .dma_translation = true

static const Setting settings[] = {
    {
        .name = "wide",
        .config = { .aw_bits = 48, .max_mappings = BIT(24), COMMON },
        .queue = true,
    }, {
        .name = "narrow",
        .config = {
            .aw_bits = 39, .max_mappings = BIT(24), .device_iotlb = true,
            .stale_tm = true, .snoop_control = true, COMMON,
        },
    }, {
        .name = "dirty",
        .config = { .aw_bits = 48, .max_mappings = BIT(24), COMMON },
        .dirty = true,
    }, {
        .name = "odd",
        .config = { .aw_bits = 48, .max_mappings = BIT(24), COMMON },
        .queue = true,
        .dirty = true,
        .odd = true,
    }, {
        .name = "limit",
        .config = { .aw_bits = 48, .max_mappings = 600, COMMON },
        .odd = true,
    },
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < ARRAY_SIZE(settings); i++) {
        char *path = g_strdup_printf("/vtd/shadow-random/%s",
                                     settings[i].name);

        g_test_add_data_func(path, &settings[i], test_random);
        g_free(path);
    }
    g_test_add_func("/vtd/shadow-random/seen", test_seen);
    return g_test_run();
}
