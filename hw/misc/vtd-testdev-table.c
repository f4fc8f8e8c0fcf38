/*
 * A PCI device that tests IOMMUs: the table of mappings
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the rules; see vtd-testdev-table.h.
 */

#include "qemu/osdep.h"
#include "vtd-testdev-table.h"

/* A range is equal to each that it meets */
static gint extent_order(gconstpointer a, gconstpointer b, gpointer unused)
{
    const TestdevExtent *x = a, *y = b;

    return x->last < y->iova ? -1 : x->iova > y->last;
}

void testdev_table_init(TestdevTable *t, TestdevFindRam *find_ram,
                        void *opaque)
{
    t->extents = g_tree_new_full(extent_order, NULL, g_free, NULL);
    t->find_ram = find_ram;
    t->opaque = opaque;
}

void testdev_table_destroy(TestdevTable *t)
{
    g_tree_destroy(t->extents);
}

typedef struct ExtentSearch {
    uint64_t iova;
    const TestdevExtent *found;
} ExtentSearch;

static gint extent_search(gconstpointer key, gconstpointer opaque)
{
    const TestdevExtent *e = key;
    ExtentSearch *search = (ExtentSearch *)opaque;

    if (e->last < search->iova) {
        return 1;
    }
    search->found = e;
    return e->iova <= search->iova ? 0 : -1;
}

const TestdevExtent *testdev_table_find(const TestdevTable *t, uint64_t iova)
{
    ExtentSearch search = { .iova = iova };

    g_tree_search(t->extents, extent_search, &search);
    return search.found;
}

const TestdevExtent *testdev_table_next(const TestdevTable *t,
                                        const TestdevExtent *e)
{
    return e->last < UINT64_MAX ? testdev_table_find(t, e->last + 1) : NULL;
}

uint64_t testdev_table_count(const TestdevTable *t)
{
    return g_tree_nnodes(t->extents);
}

uint64_t testdev_table_forget(TestdevTable *t, uint64_t iova, uint64_t last)
{
    const TestdevExtent *e;
    uint64_t n = 0;

    while ((e = testdev_table_find(t, iova)) && e->iova <= last) {
        t->pages -= (e->last - e->iova) / TESTDEV_PAGE + 1;
        g_tree_remove(t->extents, e);
        n++;
    }
    return n;
}

/* Type1 has a size of 64 bits; an UNMAP's target is no part of its range */
static bool extent_aligned(const TestdevExtent *e)
{
    uint64_t mask = e->last - e->iova;

    return e->last >= e->iova && mask >= TESTDEV_PAGE - 1 &&
           mask != UINT64_MAX && !(mask & (mask + 1)) &&
           !((e->perm ? e->iova | e->target : e->iova) & mask);
}

static int table_map(TestdevTable *t, const TestdevExtent *e)
{
    const TestdevExtent *met = testdev_table_find(t, e->iova);
    TestdevExtent *mapping;
    uint8_t *host;

    if (met && met->iova <= e->last) {
        return TESTDEV_ERROR_OVERLAP;
    }
    if (t->limit && testdev_table_count(t) >= t->limit) {
        return TESTDEV_ERROR_LIMIT;
    }
    host = t->find_ram(t->opaque, e);
    if (!host) {
        return TESTDEV_ERROR_TARGET;
    }
    mapping = g_new(TestdevExtent, 1);
    *mapping = *e;
    mapping->host = host;
    g_tree_insert(t->extents, mapping, NULL);
    t->pages += (e->last - e->iova) / TESTDEV_PAGE + 1;
    return TESTDEV_NO_ERROR;
}

/*
 * Type1 fetches which pages were written along with the UNMAP, where there is
 * a mapping; iommufd before it, and there the range must be mapped.
 */
static bool dirty_exact(const TestdevTable *t, const TestdevExtent *e,
                        const TestdevExtent *head)
{
    if (!head || head->iova > e->last) {
        return !t->iommufd;
    }
    return head->iova == e->iova && head->last == e->last &&
           head->target == e->target;
}

static int table_unmap(TestdevTable *t, const TestdevExtent *e, bool dirty,
                       uint64_t *removed)
{
    const TestdevExtent *head = testdev_table_find(t, e->iova);
    const TestdevExtent *tail = testdev_table_find(t, e->last);

    if ((head && head->iova < e->iova) ||
        (tail && tail->iova <= e->last && tail->last > e->last)) {
        return TESTDEV_ERROR_SPLIT;
    }
    if (dirty && !dirty_exact(t, e, head)) {
        return TESTDEV_ERROR_INEXACT;
    }
    *removed = testdev_table_forget(t, e->iova, e->last);
    return TESTDEV_NO_ERROR;
}

int testdev_table_update(TestdevTable *t, const TestdevExtent *e, bool dirty,
                         uint64_t *removed)
{
    *removed = 0;
    if (!extent_aligned(e)) {
        return TESTDEV_ERROR_ALIGN;
    }
    return e->perm ? table_map(t, e) : table_unmap(t, e, dirty, removed);
}

int testdev_error_result(int error)
{
    switch (error) {
    case TESTDEV_NO_ERROR:
        return 0;
    case TESTDEV_ERROR_OVERLAP:
        return -EEXIST;
    case TESTDEV_ERROR_LIMIT:
        return -ENOSPC;
    default:
        return -EINVAL;
    }
}

const char *testdev_error_text(int error)
{
    static const char *const texts[] = TESTDEV_ERROR_TEXTS;

    return texts[error];
}
