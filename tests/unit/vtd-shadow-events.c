/*
 * Random steps of devices with shadows: the state of a run, and its events
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See vtd-shadow-events.h.
 */

#include "qemu/osdep.h"
#include "vtd-shadow-events.h"

unsigned seen[N_SEEN];

void G_GNUC_NORETURN G_GNUC_PRINTF(3, 4)
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

bool member_mirrors(const Member *m)
{
    return m->s && m->d->notify && m->d->view == VTD_VIEW_TRANSLATED;
}

static bool member_shares(const Member *m, const PlainContext *context)
{
    return member_mirrors(m) && m->followed.kind == PLAIN_TABLES &&
           context->kind == PLAIN_TABLES && m->followed.top == context->top &&
           m->followed.levels == context->levels;
}

PlainContext member_context(Test *t, const Member *m)
{
    PlainContext none = { .kind = PLAIN_BLOCKED };

    return rd32(t->h, QVTD_GSTS) & QVTD_TE
           ? plain_context(&t->plain, t->g->root_table[t->g->active], m->d->sid)
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

bool same_context(const PlainContext *a, const PlainContext *b)
{
    return a->kind == b->kind &&
           (a->kind == PLAIN_BLOCKED ||
            (a->top == b->top && a->levels == b->levels && a->did == b->did));
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
    uint16_t did = 1 + pick(t->g, GUEST_DOMAINS);
    unsigned am = orders[pick(t->g, ARRAY_SIZE(orders))];
    uint64_t mask = (QVTD_PAGE << am) - 1;
    uint64_t iova = some_address(t->g);

    event(t, PAGES, "pages of domain %u at 0x%" PRIx64 ", order %u", did,
          iova, am);
    inv_iotlb(t->h, QVTD_SELECT, did, iova, am);
    reach_domain(t, false, did, iova & ~mask, iova | mask);
}

static void event_domain(Test *t)
{
    uint16_t did = 1 + pick(t->g, GUEST_DOMAINS);

    event(t, DOMAIN_FLUSH, "all of domain %u", did);
    inv_iotlb(t->h, QVTD_DOMAIN, did, 0, 0);
    reach_domain(t, false, did, 0, UINT64_MAX);
}

static void event_global(Test *t)
{
    event(t, GLOBAL_FLUSH, "all pages");
    inv_iotlb(t->h, QVTD_GLOBAL, 0, 0, 0);
    reach_domain(t, true, 0, 0, UINT64_MAX);
}

void event_context_global(Test *t)
{
    event(t, CONTEXT_GLOBAL, "all contexts");
    inv_context(t->h, QVTD_GLOBAL, 0, 0, 0);
    reach_contexts(t, 0, 0, true);
}

/* The engine looks at all of them, since what the domain was may be gone */
static void event_context_domain(Test *t)
{
    uint16_t did = pick(t->g, GUEST_DOMAINS + 1);

    event(t, CONTEXT_DOMAIN, "contexts of domain %u", did);
    inv_context(t->h, QVTD_DOMAIN, did, 0, 0);
    reach_contexts(t, 0, 0, false);
}

static void event_context_device(Test *t)
{
    unsigned fm = one_in(t->g, 3) ? pick(t->g, 4) : 0;
    uint16_t sid = guest_sid(pick(t->g, GUEST_DEVICES));

    event(t, CONTEXT_DEVICE, "context of 0x%x, mask %u", sid, fm);
    inv_context(t->h, QVTD_SELECT, pick(t->g, GUEST_DOMAINS + 1), sid, fm);
    reach_contexts(t, sid, ~qvtd_functions(fm), true);
}

static void event_root_table(Test *t)
{
    t->g->active = pick(t->g, 2);
    event(t, ROOT_TABLE, "root table %u", t->g->active);
    set_root_table(t->h, t->g->root_table[t->g->active]);
    t->flushed = true;
    reach_contexts(t, 0, 0, true);
}

static void check_all_direct(Test *t)
{
    for (unsigned i = 0; i <= MEMBERS; i++) {
        Member *m = &t->member[i];

        CHECK(t, m->d->view == VTD_VIEW_DIRECT, "device %u", i);
        CHECK(t, !m->s || !strict_count(m->s), "device %u", i);
        CHECK(t, !m->s || !m->s->errors, "%s", m->s->error);
    }
    CHECK(t, !vtd_stat(t->h->v, VTD_STAT_SHADOW_LEAVES), "leaves are left");
}

static void event_translation(Test *t)
{
    event(t, TRANSLATION, "translation off and on");
    gcmd(t->h, QVTD_TE, false);
    check_all_direct(t);
    guest_edit(t->g);
    gcmd(t->h, QVTD_TE, true);
    t->flushed = true;
    reach_contexts(t, 0, 0, true);
}

static void queue_again(Test *t)
{
    if (t->setting->queue) {
        t->h->vtd.tail = 0;
        wr32(t->h, QVTD_IQT, 0);
        wr64(t->h, QVTD_IQA, t->h->vtd.queue);
        gcmd(t->h, QVTD_QIE, true);
    }
}

static void event_reset(Test *t)
{
    event(t, RESET, "reset, then translation on");
    vtd_reset(t->h->v);
    check_all_direct(t);
    set_root_table(t->h, t->g->root_table[t->g->active]);
    queue_again(t);
    gcmd(t->h, QVTD_TE, true);
    t->flushed = true;
    reach_contexts(t, 0, 0, true);
}

static void event_listener(Test *t)
{
    unsigned i = pick(t->g, MEMBERS);
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

        if (now.kind == PLAIN_PASS_THROUGH) {
            /* Seen, but the view changes with an invalidation only */
            now.kind = PLAIN_BLOCKED;
        }
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
        g_autoptr(GArray) truth = plain_mapped(&t->plain, &context);
        g_autoptr(GArray) told = strict_runs(s);
        RunPair pair = { 0 };

        while (runs_pair(told, truth, &pair)) {
            CHECK(t, pair.was == pair.now || (t->limit && !pair.was),
                  "0x%" PRIx64 ": told 0x%" PRIx64 ", is 0x%" PRIx64,
                  pair.first, pair.was, pair.now);
        }
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

void some_event(Test *t)
{
    unsigned n = pick(t->g, 64);

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
    } else if (n < 60 && one_in(t->g, 4)) {
        event_reset(t);
    } else if (n < 61) {
        event_listener(t);
    } else if (n < 62 || !t->setting->dirty) {
        event_replay_nobody(t);
    } else {
        event_dirty(t);
    }
}
