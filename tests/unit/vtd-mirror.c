/*
 * A device with a shadow, for tests that change tables and look at notices
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See vtd-mirror.h.
 */

#include "qemu/osdep.h"
#include "vtd-mirror.h"
#include "hw/i386/vtd/look.h"

const VtdConfig mirror_config = {
    .aw_bits = 48,
    .caching_mode = true,
    .pass_through = true,
    .dma_drain = true,
    .dma_translation = true,
    .max_mappings = BIT(24),
};

Host *mirror_host(const VtdConfig *config)
{
    Host *h = host_new(config ?: &mirror_config);

    host_add_region(h, TARGET, TARGET + TARGET_SIZE - 1, true);
    host_enable(h);
    return h;
}

Mirror *mirror_new(Host *h, uint16_t sid, uint16_t did, uint64_t table,
                   unsigned levels)
{
    Mirror *m = g_new0(Mirror, 1);

    m->h = h;
    m->d = device_new(h, sid);
    m->table = table ?: host_pages(h, 1);
    m->levels = levels;
    m->did = did;
    m->s = strict_listen(m->d, true);
    if (did) {
        mirror_attach(m);
    }
    mirror_begin(m);
    return m;
}

void mirror_free(Mirror *m)
{
    assert_strict(m->s);
    strict_unlisten(m->s);
    device_free(m->d);
    g_array_free(m->before, TRUE);
    g_free(m);
}

void mirror_attach(Mirror *m)
{
    attach(m->d, m->table, m->levels, m->did);
    inv_context(m->h, QVTD_SELECT, m->did, m->d->sid, 0);
}

uint64_t mirror_entry(Mirror *m, uint64_t iova, unsigned level)
{
    return table_entry(m->h, m->table, m->levels, iova, level);
}

void mirror_map(Mirror *m, uint64_t iova, unsigned level, unsigned n,
                uint64_t leaf)
{
    uint64_t size = BIT(12 + 9 * (level - 1));

    for (unsigned i = 0; i < n; i++) {
        map(m->h, m->table, m->levels, iova + i * size, level,
            leaf + i * size);
    }
}

void mirror_unmap(Mirror *m, uint64_t iova, unsigned level, unsigned n)
{
    uint64_t size = BIT(12 + 9 * (level - 1));

    for (unsigned i = 0; i < n; i++) {
        host_put(m->h, mirror_entry(m, iova + i * size, level), 0);
    }
}

void mirror_begin(Mirror *m)
{
    if (m->before) {
        g_array_free(m->before, TRUE);
    }
    m->before = strict_mappings(m->s);
    strict_clear_log(m->s);
}

void mirror_flush(Mirror *m)
{
    inv_iotlb(m->h, QVTD_DOMAIN, m->did, 0, 0);
}

/* What the device's requests meet now */
static PlainContext context_now(const Mirror *m, Plain *plain)
{
    PlainContext context;

    *plain = plain_of(m->h);
    context = plain_context(plain, m->h->vtd.root |
                            (m->h->vtd.scalable ? QVTD_TTM_SCALABLE : 0),
                            m->d->sid);
    if (!(rd32(m->h, QVTD_GSTS) & QVTD_TE)) {
        context.kind = PLAIN_BLOCKED;
    }
    return context;
}

/* What a query says is mapped: all that the tables map, RAM or not */
static void assert_query(const Mirror *m, Plain *plain,
                         const PlainContext *context)
{
    g_autoptr(GArray) interrupts = runs_new(), said = runs_new();
    g_autoptr(GArray) leaves = plain_leaves(plain, context);
    g_autoptr(GArray) cover = runs_cover(leaves), truth = NULL;
    g_autoptr(GArray) ranges = g_array_new(FALSE, FALSE, sizeof(VtdMapped));
    VtdMappedLook look = {
        .last = UINT64_MAX, .limit = UINT_MAX, .ranges = ranges,
    };
    VtdSpaceLook space;

    vtd_look_space(m->d->space, &space);
    if (space.limited) {
        return;
    }
    while (!look.done) {
        vtd_look_mapped(m->d->space, &look);
    }
    RUNS_ADD(interrupts, QVTD_MSI_ADDR, 0xfeefffff, 0, 0);
    truth = runs_subtract(cover, interrupts);
    for (unsigned i = 0; i < ranges->len; i++) {
        VtdMapped *mapped = &g_array_index(ranges, VtdMapped, i);

        RUNS_ADD(said, mapped->first, mapped->last, 0, 0);
    }
    g_autoptr(GArray) said_cover = runs_cover(said);

    g_assert_true(runs_expect_same("what a query says", said_cover, truth));
    g_assert_cmpuint(space.pages, ==, runs_pages(cover, 0, UINT64_MAX));
}

void assert_exact(const Mirror *m)
{
    Plain plain;
    PlainContext context = context_now(m, &plain);
    g_autoptr(GArray) truth = plain_mapped(&plain, &context);
    g_autoptr(GArray) held = strict_runs(m->s);

    assert_strict(m->s);
    g_assert_true(runs_expect_same("what is mapped", held, truth));
    assert_query(m, &plain, &context);
}

void assert_step(Mirror *m, unsigned splits)
{
    Plain plain;
    PlainContext context = context_now(m, &plain);
    g_autoptr(GArray) after = strict_mappings(m->s), unsent = runs_new();
    g_autoptr(Judgement) j = judge(&(JudgeStep) {
        .before = m->before,
        .after = after,
        .log = m->s->log,
        .plain = &plain,
        .context = &context,
        .unsent = unsent,
        .dirty = m->h->dirty_tracking,
    });

    assert_exact(m);
    g_assert_cmpstr(j->wrong, ==, NULL);
    g_assert_cmpint(j->passing, ==, 0);
    g_assert_cmpuint(j->splits, ==, splits);
    if (!splits && !m->h->dirty_tracking) {
        /* Fewer, if something goes along with a superpage that changed */
        g_assert_cmpuint(j->unmaps_gone, <=, judge_fewest(j, 0, UINT64_MAX));
    }
    mirror_begin(m);
}

void assert_told(const Mirror *m, const Run *notices, unsigned n)
{
    for (unsigned i = 0; i < MIN(n, m->s->log->len); i++) {
        const Run *is = &g_array_index(m->s->log, JudgeRecord, i).run;

        g_assert_cmphex(is->first, ==, notices[i].first);
        g_assert_cmphex(is->last, ==, notices[i].last);
        g_assert_cmphex(is->addr, ==, notices[i].addr);
        g_assert_cmpuint(is->perm, ==, notices[i].perm);
    }
    g_assert_cmpuint(m->s->log->len, ==, n);
}

void assert_counts(const Mirror *m, unsigned unmaps, unsigned maps)
{
    g_assert_cmpuint(strict_unmaps(m->s), ==, unmaps);
    g_assert_cmpuint(strict_maps(m->s), ==, maps);
}
