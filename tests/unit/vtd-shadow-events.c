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

static bool same_second(const PlainContext *a, const PlainContext *b)
{
    return a->top == b->top && a->levels == b->levels &&
           a->ss_marks == b->ss_marks;
}

bool same_tables(const PlainContext *a, const PlainContext *b)
{
    if (a->kind != PLAIN_TABLES || b->kind != PLAIN_TABLES ||
        a->pgtt != b->pgtt) {
        return false;
    }
    return (a->pgtt == QVTD_PGTT_FIRST || same_second(a, b)) &&
           (!plain_has_first(a) ||
            (a->fs_top == b->fs_top && a->fs_levels == b->fs_levels &&
             a->ea == b->ea));
}

static bool member_shares(const Member *m, const PlainContext *context)
{
    return member_mirrors(m) && same_tables(&m->followed, context);
}

PlainContext member_context(Test *t, const Member *m)
{
    PlainContext none = { .kind = PLAIN_BLOCKED };

    return rd32(t->h, QVTD_GSTS) & QVTD_TE
           ? plain_context(&t->plain, guest_rtaddr(t->g), m->d->sid) : none;
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
            (a->did == b->did && a->pasid == b->pasid &&
             (same_tables(a, b) ||
              (a->kind == PLAIN_PASS_THROUGH && a->top == b->top &&
               a->levels == b->levels))));
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
            /* What has a first stage knows nothing of these addresses (7.7) */
            bool whole = plain_has_first(&m->followed);

            reach(t, m, whole ? 0 : first, whole ? UINT64_MAX : last);
        }
    }
}

static void reach_pasid(Test *t, uint16_t did, uint32_t pasid, uint64_t first,
                        uint64_t last)
{
    t->flushed = true;
    for (unsigned i = 0; i < MEMBERS; i++) {
        Member *m = &t->member[i];

        if (m->followed.kind == PLAIN_TABLES && plain_has_first(&m->followed) &&
            m->followed.did == did && m->followed.pasid == pasid) {
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

void event_global(Test *t)
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
    set_root_table(t->h, guest_rtaddr(t->g));
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

/* Software that has both modes takes either */
static void maybe_switch_mode(Test *t)
{
    if (t->g->scalable && one_in(t->g, 2)) {
        t->g->legacy = !t->g->legacy;
        seen[OTHER_MODE]++;
        set_root_table(t->h, guest_rtaddr(t->g));
    }
}

static void event_translation(Test *t)
{
    event(t, TRANSLATION, "translation off and on");
    gcmd(t->h, QVTD_TE, false);
    check_all_direct(t);
    guest_edit(t->g);
    maybe_switch_mode(t);
    gcmd(t->h, QVTD_TE, true);
    t->flushed = true;
    reach_contexts(t, 0, 0, true);
}

static void queue_again(Test *t)
{
    if (t->setting->queue) {
        t->h->vtd.tail = 0;
        wr32(t->h, QVTD_IQT, 0);
        wr64(t->h, QVTD_IQA, t->h->vtd.queue |
             (t->h->vtd.wide ? QVTD_IQA_DW : 0));
        gcmd(t->h, QVTD_QIE, true);
    }
}

static void event_reset(Test *t)
{
    event(t, RESET, "reset, then translation on");
    vtd_reset(t->h->v);
    check_all_direct(t);
    set_root_table(t->h, guest_rtaddr(t->g));
    maybe_switch_mode(t);
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

/* What was mapped is told of so; caches have nothing of it (7.9) */
static void event_write_buffer(Test *t)
{
    event(t, WRITE_BUFFER, "write buffer flushed");
    CHECK(t, qvtd_flush_write_buffer(&t->h->vtd), "WBFS stays");
    for (unsigned i = 0; i < MEMBERS; i++) {
        Member *m = &t->member[i];

        if (member_mirrors(m) && m->followed.kind == PLAIN_TABLES &&
            plain_has_first(&m->followed)) {
            reach(t, m, 0, UINT64_MAX);
        }
    }
}

static uint32_t some_pasid(Test *t)
{
    return t->g->pasid[pick(t->g, GUEST_DEVICES)];
}

static void event_pasid(Test *t)
{
    uint16_t did = 1 + pick(t->g, GUEST_DOMAINS);
    uint32_t pasid = some_pasid(t);

    event(t, PASID_FLUSH, "all of domain %u, PASID %u", did, pasid);
    qvtd_invalidate(&t->h->vtd, QVTD_INV_PASID_IOTLB_ALL(did, pasid));
    reach_pasid(t, did, pasid, 0, UINT64_MAX);
}

static void event_pasid_pages(Test *t)
{
    static const uint8_t orders[] = { 0, 0, 1, 3, 9, 10, 18 };
    uint16_t did = 1 + pick(t->g, GUEST_DOMAINS);
    unsigned am = orders[pick(t->g, ARRAY_SIZE(orders))];
    uint64_t mask = (QVTD_PAGE << am) - 1;
    uint64_t iova = some_address(t->g);
    uint32_t pasid = some_pasid(t);

    event(t, PASID_PAGES, "pages of domain %u, PASID %u at 0x%" PRIx64
          ", order %u", did, pasid, iova, am);
    qvtd_invalidate(&t->h->vtd,
                    QVTD_INV_PASID_IOTLB_PAGES(did, pasid,
                                               iova & ~0xfffull, am));
    reach_pasid(t, did, pasid, iova & ~mask, iova | mask);
}

/* The engine looks at all of them here, too */
static void event_pasid_cache(Test *t)
{
    uint16_t did = 1 + pick(t->g, GUEST_DOMAINS);
    unsigned kind = pick(t->g, 3);

    event(t, PASID_CACHE, "PASID-cache, of %s",
          kind == 0 ? "all" : kind == 1 ? "a domain" : "a PASID");
    qvtd_invalidate(&t->h->vtd,
                    kind == 0 ? QVTD_INV_PASID_CACHE_GLOBAL :
                    kind == 1 ? QVTD_INV_PASID_CACHE_DOMAIN(did) :
                    QVTD_INV_PASID_CACHE_ONE(did, some_pasid(t)));
    reach_contexts(t, 0, 0, kind == 0);
}

void event_memory(Test *t)
{
    static const uint64_t sizes[] = { QVTD_PAGE, 16 * QVTD_PAGE, MIB2 };
    uint64_t size = sizes[pick(t->g, ARRAY_SIZE(sizes))];
    uint64_t first = 4 * GIB + pick(t->g, 8) * MIB2 +
                     (size < MIB2 ? pick(t->g, 16) * size : 0);

    if (!t->gone) {
        t->gone_first = first;
        t->gone_last = first + size - 1;
    }
    t->gone = !t->gone;
    event(t, MEMORY, "memory at 0x%" PRIx64 " to 0x%" PRIx64 " %s",
          t->gone_first, t->gone_last, t->gone ? "goes" : "comes");
    host_change_ram(t->h, t->gone_first, t->gone_last, !t->gone);
    for (unsigned i = 0; i < MEMBERS; i++) {
        if (member_mirrors(&t->member[i])) {
            reach(t, &t->member[i], 0, UINT64_MAX);
        }
    }
}

static void some_scalable_event(Test *t)
{
    unsigned n = pick(t->g, 16);

    if (n < 7) {
        event_write_buffer(t);
    } else if (n < 10) {
        event_pasid(t);
    } else if (n < 13) {
        event_pasid_pages(t);
    } else {
        event_pasid_cache(t);
    }
}

void some_event(Test *t)
{
    unsigned n = pick(t->g, 64);

    if (!t->g->legacy && one_in(t->g, 2)) {
        some_scalable_event(t);
        return;
    }
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
