/*
 * VT-d tests: lists of ranges
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See runs.h.
 */

#include "qemu/osdep.h"
#include "tests/vtd/expect.h"
#include "tests/vtd/numbers.h"
#include "tests/vtd/runs.h"

GArray *runs_new(void)
{
    return g_array_new(FALSE, FALSE, sizeof(Run));
}

void runs_add(GArray *runs, const Run *run)
{
    Run *tail = runs->len ? &RUN(runs, runs->len - 1) : NULL;

    if (tail) {
        g_assert_cmphex(run->first, >, tail->last);
    }
    if (tail && run->first == tail->last + 1 && run->perm == tail->perm &&
        run->addr == tail->addr + (run->first - tail->first)) {
        tail->last = run->last;
    } else {
        g_array_append_val(runs, *run);
    }
}

/* The index of the first run that ends at or behind @iova */
static unsigned runs_index(const GArray *runs, uint64_t iova)
{
    unsigned from = 0, to = runs->len;

    while (from < to) {
        unsigned middle = from + (to - from) / 2;

        if (RUN(runs, middle).last < iova) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

const Run *runs_find(const GArray *runs, uint64_t iova)
{
    unsigned i = runs_index(runs, iova);

    return i < runs->len ? &RUN(runs, i) : NULL;
}

const Run *runs_around(const GArray *runs, uint64_t first, uint64_t last)
{
    const Run *run = runs_find(runs, first);

    return run && run->first <= first && run->last >= last ? run : NULL;
}

bool runs_meet(const GArray *runs, uint64_t first, uint64_t last)
{
    const Run *run = runs_find(runs, first);

    return run && run->first <= last;
}

uint64_t runs_pages(const GArray *runs, uint64_t first, uint64_t last)
{
    uint64_t pages = 0;

    for (unsigned i = runs_index(runs, first);
         i < runs->len && RUN(runs, i).first <= last; i++) {
        pages += (MIN(RUN(runs, i).last, last) -
                  MAX(RUN(runs, i).first, first)) / QVTD_PAGE + 1;
    }
    return pages;
}

GArray *runs_cover(const GArray *runs)
{
    GArray *cover = runs_new();

    for (unsigned i = 0; i < runs->len; i++) {
        const Run *run = &RUN(runs, i);

        RUNS_ADD(cover, run->first, run->last, run->first, QVTD_RW);
    }
    return cover;
}

static gint order_of_first(gconstpointer a, gconstpointer b)
{
    const Run *x = a, *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

GArray *runs_union(const GArray *runs)
{
    g_autoptr(GArray) sorted = runs_new();
    GArray *all = runs_new();

    g_array_append_vals(sorted, runs->data, runs->len);
    g_array_sort(sorted, order_of_first);
    for (unsigned i = 0; i < sorted->len; i++) {
        const Run *run = &RUN(sorted, i);
        Run *tail = all->len ? &RUN(all, all->len - 1) : NULL;

        if (tail && run->first <= tail->last) {
            tail->last = MAX(tail->last, run->last);
        } else {
            RUNS_ADD(all, run->first, run->last, run->first, QVTD_RW);
        }
    }
    return all;
}

/* The pages of @pair as the list had them that has @value there */
static void add_pair(GArray *runs, const RunPair *pair, uint64_t value)
{
    RUNS_ADD(runs, pair->first, pair->last, value & ~QVTD_RW,
             value & QVTD_RW);
}

GArray *runs_common(const GArray *a, const GArray *b)
{
    GArray *common = runs_new();
    RunPair pair = { 0 };

    while (runs_pair(a, b, &pair)) {
        if (pair.was == pair.now) {
            add_pair(common, &pair, pair.was);
        }
    }
    return common;
}

GArray *runs_subtract(const GArray *runs, const GArray *without)
{
    g_autoptr(GArray) cover = runs_cover(without);
    GArray *rest = runs_new();
    RunPair pair = { 0 };

    while (runs_pair(runs, cover, &pair)) {
        if (pair.was && !pair.now) {
            add_pair(rest, &pair, pair.was);
        }
    }
    return rest;
}

bool runs_pair(const GArray *before, const GArray *after, RunPair *pair)
{
    const Run *was = runs_find(before, pair->next);
    const Run *now = runs_find(after, pair->next);

    if (pair->at_end || (!was && !now)) {
        return false;
    }
    pair->first = MIN(was ? MAX(was->first, pair->next) : UINT64_MAX,
                      now ? MAX(now->first, pair->next) : UINT64_MAX);
    pair->last = UINT64_MAX;
    pair->was = pair->now = 0;
    if (was && was->first <= pair->first) {
        pair->was = (was->addr + (pair->first - was->first)) | was->perm;
        pair->last = was->last;
    } else if (was) {
        pair->last = was->first - 1;
    }
    if (now && now->first <= pair->first) {
        pair->now = (now->addr + (pair->first - now->first)) | now->perm;
        pair->last = MIN(pair->last, now->last);
    } else if (now) {
        pair->last = MIN(pair->last, now->first - 1);
    }
    pair->at_end = pair->last == UINT64_MAX;
    pair->next = pair->last + 1;
    return true;
}

bool runs_expect_same(const char *what, const GArray *got,
                      const GArray *want)
{
    RunPair pair = { 0 };

    while (runs_pair(got, want, &pair)) {
        if (pair.was != pair.now) {
            g_test_message("%s differs first from 0x%" PRIx64 " to 0x%" PRIx64,
                           what, pair.first, pair.last);
            return qvtd_expect_at(__FILE__, __LINE__, what, pair.was,
                                  pair.now);
        }
    }
    return true;
}
