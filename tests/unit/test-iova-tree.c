/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IOVA tree, one rule of its interface at a time, as tables of ranges.
 *
 * What callers elsewhere in QEMU do with it, right or sloppy, is here too:
 * needles that are a byte too long, needles of size zero, a removal by the
 * value of what a search returned.
 */

#include "qemu/osdep.h"
#include "qemu/iova-tree.h"

#define TOP HWADDR_MAX

/* A mapping by the ends of its IOVA range, both inclusive. */
typedef struct {
    hwaddr first;
    hwaddr last;
    hwaddr translated;
    IOMMUAccessFlags perm;
} Row;

#define MAX_ROWS 8

static DMAMap row_map(const Row *row)
{
    return (DMAMap) {
        .iova = row->first,
        .size = row->last - row->first,
        .translated_addr = row->translated,
        .perm = row->perm,
    };
}

/* The tables say iova and mean the key: a gpa tree has the two swapped. */
static DMAMap swapped(DMAMap map)
{
    hwaddr iova = map.iova;

    map.iova = map.translated_addr;
    map.translated_addr = iova;
    return map;
}

typedef struct {
    DMAMap map[MAX_ROWS];
    const DMAMap *at[MAX_ROWS];
    unsigned n;
    unsigned stop_after;
} Seen;

static bool see(const DMAMap *map, void *opaque)
{
    Seen *seen = opaque;

    g_assert_cmpuint(seen->n, <, MAX_ROWS);
    seen->at[seen->n] = map;
    seen->map[seen->n++] = *map;
    return seen->n == seen->stop_after;
}

static void assert_map(const DMAMap *map, const DMAMap *want)
{
    g_assert_cmphex(map->iova, ==, want->iova);
    g_assert_cmphex(map->translated_addr, ==, want->translated_addr);
    g_assert_cmphex(map->size, ==, want->size);
    g_assert_cmpint(map->perm, ==, want->perm);
}

/* @rows end at the first whose permission is IOMMU_NONE. */
static void assert_rows(const IOVATree *tree, bool gpa, const Row *rows)
{
    Seen seen = { 0 };
    unsigned i;

    g_assert_false(iova_tree_foreach_range(tree, 0, TOP, see, &seen));
    for (i = 0; i < MAX_ROWS && rows[i].perm != IOMMU_NONE; i++) {
        DMAMap want = row_map(&rows[i]);

        if (gpa) {
            want = swapped(want);
        }
        g_assert_cmpuint(i, <, seen.n);
        assert_map(&seen.map[i], &want);
    }
    g_assert_cmpuint(seen.n, ==, i);
}

static int insert(IOVATree *tree, bool gpa, DMAMap map)
{
    if (gpa) {
        map = swapped(map);
        return gpa_tree_insert(tree, &map);
    }
    return iova_tree_insert(tree, &map);
}

static IOVATree *tree_of(bool gpa, const Row *rows)
{
    IOVATree *tree = gpa ? gpa_tree_new() : iova_tree_new();

    for (unsigned i = 0; i < MAX_ROWS && rows[i].perm != IOMMU_NONE; i++) {
        g_assert_cmpint(insert(tree, gpa, row_map(&rows[i])), ==, IOVA_OK);
    }
    return tree;
}

static const Row nothing[] = { { 0 } };

/* Three with holes all around, and their translated addresses upside down. */
static const Row three[] = {
    { 0x1000, 0x1fff, 0x9000, IOMMU_RW },
    { 0x3000, 0x3fff, 0x8000, IOMMU_RO },
    { 0x5000, 0x5fff, 0x7000, IOMMU_WO },
    { 0 },
};

/* Both ends of the space. */
static const Row ends[] = {
    { 0, 0, 0x100, IOMMU_RW },
    { TOP, TOP, 0x300, IOMMU_RW },
    { 0 },
};

static const Row whole[] = {
    { 0, TOP, 0, IOMMU_RW },
    { 0 },
};

static void test_results(void)
{
    /* QEMU prints them: the numbers are known outside */
    g_assert_cmpint(IOVA_OK, ==, 0);
    g_assert_cmpint(IOVA_ERR_INVALID, ==, -1);
    g_assert_cmpint(IOVA_ERR_OVERLAP, ==, -2);
    g_assert_cmpint(IOVA_ERR_NOMEM, ==, -3);
}

static void test_insert(gconstpointer opaque)
{
    static const struct {
        const Row *before;
        hwaddr iova;
        hwaddr size;
        IOMMUAccessFlags perm;
        int ret;
    } table[] = {
        { nothing, 0, 0, IOMMU_RO, IOVA_OK },
        { nothing, 0, TOP, IOMMU_RW, IOVA_OK },
        { nothing, TOP, 0, IOMMU_WO, IOVA_OK },
        { nothing, 0x1000, TOP - 0x1000, IOMMU_RW, IOVA_OK },
        /* wraps by one byte, by all but one, and by a lot */
        { nothing, 0x1000, TOP - 0xfff, IOMMU_RW, IOVA_ERR_INVALID },
        { nothing, 1, TOP, IOMMU_RW, IOVA_ERR_INVALID },
        { nothing, TOP, 1, IOMMU_RW, IOVA_ERR_INVALID },
        { nothing, TOP, TOP, IOMMU_RW, IOVA_ERR_INVALID },
        { nothing, 0x1000, 0xfff, IOMMU_NONE, IOVA_ERR_INVALID },
        /* no sense comes before no room */
        { three, 0x1000, 0xfff, IOMMU_NONE, IOVA_ERR_INVALID },
        { three, 0x1000, TOP, IOMMU_RW, IOVA_ERR_INVALID },
        /* exactly into a hole, at each side of each mapping */
        { three, 0, 0xfff, IOMMU_RW, IOVA_OK },
        { three, 0x2000, 0xfff, IOMMU_RW, IOVA_OK },
        { three, 0x4000, 0xfff, IOMMU_RW, IOVA_OK },
        { three, 0x6000, TOP - 0x6000, IOMMU_RW, IOVA_OK },
        /* one byte of the next, one byte of the last */
        { three, 0, 0x1000, IOMMU_RW, IOVA_ERR_OVERLAP },
        { three, 0x2000, 0x1000, IOMMU_RW, IOVA_ERR_OVERLAP },
        { three, 0x1fff, 0x1000, IOMMU_RW, IOVA_ERR_OVERLAP },
        { three, 0x5fff, 0, IOMMU_RW, IOVA_ERR_OVERLAP },
        { three, 0x5fff, TOP - 0x5fff, IOMMU_RW, IOVA_ERR_OVERLAP },
        /* the same, inside, around, around all */
        { three, 0x3000, 0xfff, IOMMU_RO, IOVA_ERR_OVERLAP },
        { three, 0x3800, 0, IOMMU_RO, IOVA_ERR_OVERLAP },
        { three, 0x2fff, 0x1002, IOMMU_RO, IOVA_ERR_OVERLAP },
        { three, 0, TOP, IOMMU_RW, IOVA_ERR_OVERLAP },
        { ends, 0, 0, IOMMU_RW, IOVA_ERR_OVERLAP },
        { ends, TOP, 0, IOMMU_RW, IOVA_ERR_OVERLAP },
        { ends, 1, TOP - 2, IOMMU_RW, IOVA_OK },
        { ends, 1, TOP - 1, IOMMU_RW, IOVA_ERR_OVERLAP },
        { whole, 0, 0, IOMMU_RW, IOVA_ERR_OVERLAP },
        { whole, TOP, 0, IOMMU_RW, IOVA_ERR_OVERLAP },
        { whole, 0, TOP, IOMMU_RW, IOVA_ERR_OVERLAP },
    };
    bool gpa = GPOINTER_TO_INT(opaque);

    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        IOVATree *tree = tree_of(gpa, table[i].before);
        DMAMap map = {
            .iova = table[i].iova,
            .size = table[i].size,
            .perm = table[i].perm,
            .translated_addr = 0xabc,
        };
        DMAMap key = gpa ? swapped(map) : map;

        g_test_message("row %u", i);
        g_assert_cmpint(insert(tree, gpa, map), ==, table[i].ret);
        if (table[i].ret == IOVA_OK) {
            assert_map(iova_tree_find(tree, &key), &key);
            iova_tree_remove(tree, key);
        }
        /* a refused insert left no trace, nor did one that was undone */
        assert_rows(tree, gpa, table[i].before);
        iova_tree_destroy(tree);
    }
}

/* The range that is not the key may wrap and may repeat. */
static void test_insert_other_range(gconstpointer opaque)
{
    static const Row rows[] = {
        { 0x1000, 0x1fff, TOP, IOMMU_RW },
        { 0x2000, 0x2fff, 0, IOMMU_RW },
        { 0x3000, 0x3fff, 0, IOMMU_RW },
        { 0x4000, 0x4000, 0, IOMMU_RW },
        { 0 },
    };
    bool gpa = GPOINTER_TO_INT(opaque);
    IOVATree *tree = tree_of(gpa, rows);

    assert_rows(tree, gpa, rows);
    iova_tree_destroy(tree);
}

static void test_insert_copies(void)
{
    IOVATree *tree = iova_tree_new();
    DMAMap map = row_map(&three[0]);
    DMAMap same = map;

    g_assert_cmpint(iova_tree_insert(tree, &map), ==, IOVA_OK);
    memset(&map, 0xff, sizeof(map));
    assert_map(iova_tree_find(tree, &same), &same);
    iova_tree_destroy(tree);
}

static void test_insert_wrong_kind(void)
{
    IOVATree *iova = iova_tree_new();
    IOVATree *gpa = gpa_tree_new();
    DMAMap map = row_map(&three[0]);

    g_assert_cmpint(gpa_tree_insert(iova, &map), ==, IOVA_ERR_INVALID);
    g_assert_cmpint(iova_tree_insert(gpa, &map), ==, IOVA_ERR_INVALID);
    assert_rows(iova, false, nothing);
    assert_rows(gpa, true, nothing);
    iova_tree_destroy(iova);
    iova_tree_destroy(gpa);
}

/* Needles by key range, and the row of the tree that they hit; -1: none. */
static void test_find(gconstpointer opaque)
{
    static const struct {
        const Row *rows;
        hwaddr iova;
        hwaddr size;
        int hit;
    } table[] = {
        { nothing, 0, TOP, -1 },
        { three, 0x1000, 0xfff, 0 },
        /* size zero, at the start, in the middle, at the end, past it */
        { three, 0x3000, 0, 1 },
        { three, 0x3800, 0, 1 },
        { three, 0x3fff, 0, 1 },
        { three, 0x4000, 0, -1 },
        { three, 0x2fff, 0, -1 },
        /* a byte too long, into a hole */
        { three, 0x3000, 0x1000, 1 },
        { three, 0x3800, 0x800, 1 },
        /* a hole, exactly and with a byte of the next */
        { three, 0x4000, 0xfff, -1 },
        { three, 0x4000, 0x1000, 2 },
        { three, 0, 0xfff, -1 },
        { three, 0, 0x1000, 0 },
        { three, 0x6000, TOP - 0x6000, -1 },
        { three, 0x5fff, TOP - 0x5fff, 2 },
        /* the lowest of several */
        { three, 0, TOP, 0 },
        { three, 0x2000, TOP - 0x2000, 1 },
        { three, 0x1fff, 0x1001, 0 },
        /* past the end of the space */
        { three, 0x4000, TOP, 2 },
        { three, 0x6000, TOP, -1 },
        { ends, 0, 0, 0 },
        { ends, 1, TOP - 2, -1 },
        { ends, 1, TOP - 1, 1 },
        { ends, TOP, 0, 1 },
        { ends, TOP, 1, 1 },
        { ends, TOP - 1, 0, -1 },
        { whole, 0, 0, 0 },
        { whole, TOP, 0, 0 },
        { whole, 0x1234, TOP, 0 },
    };
    bool gpa = GPOINTER_TO_INT(opaque);

    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        IOVATree *tree = tree_of(gpa, table[i].rows);
        DMAMap needle = { .iova = table[i].iova, .size = table[i].size,
                          .translated_addr = 0xdead };
        const DMAMap *found;

        g_test_message("row %u", i);
        if (gpa) {
            needle = swapped(needle);
        }
        found = iova_tree_find(tree, &needle);
        if (table[i].hit < 0) {
            g_assert_null(found);
        } else {
            DMAMap want = row_map(&table[i].rows[table[i].hit]);

            if (gpa) {
                want = swapped(want);
            }
            g_assert_nonnull(found);
            assert_map(found, &want);
        }
        if (gpa) {
            /* here the reverse search is the search by key */
            g_assert_true(iova_tree_find_iova(tree, &needle) == found);
        }
        iova_tree_destroy(tree);
    }
}

static void test_find_iova(void)
{
    static const Row alias[] = {
        { 0x1000, 0x1fff, 0x8000, IOMMU_RW },
        { 0x2000, 0x2fff, 0x7000, IOMMU_RW },
        { 0x3000, 0x3fff, 0x7000, IOMMU_RO },
        { 0x4000, 0x4fff, 0x7800, IOMMU_RO },
        { 0 },
    };
    /* the last byte of the translated space, and a range that would pass it */
    static const Row top[] = {
        { 0x1000, 0x1fff, TOP - 0xfff, IOMMU_RW },
        { 0x2000, 0x2fff, TOP - 0xf, IOMMU_RW },
        { 0 },
    };
    static const Row past_top[] = {
        { 0x1000, 0x1fff, TOP - 0xf, IOMMU_RW },
        { 0 },
    };
    static const struct {
        const Row *rows;
        hwaddr translated;
        hwaddr size;
        int hit;
    } table[] = {
        { nothing, 0, TOP, -1 },
        { three, 0x9000, 0xfff, 0 },
        { three, 0x8000, 0xfff, 1 },
        { three, 0x7000, 0xfff, 2 },
        /* size zero */
        { three, 0x7000, 0, 2 },
        { three, 0x7fff, 0, 2 },
        { three, 0x8800, 0, 1 },
        { three, 0x6fff, 0, -1 },
        { three, 0xa000, 0, -1 },
        /* a byte too long, past the highest */
        { three, 0x9000, 0x1000, 0 },
        { three, 0x9800, 0x800, 0 },
        /* a byte of the next */
        { three, 0x6000, 0xfff, -1 },
        { three, 0x6000, 0x1000, 2 },
        /* the IOVA of a needle means nothing */
        { three, 0x1000, 0xfff, -1 },
        /* the first in IOVA order of what intersects */
        { three, 0, TOP, 0 },
        { three, 0x7000, 0x1fff, 1 },
        { alias, 0x7000, 0xfff, 1 },
        { alias, 0x7800, 0, 1 },
        { alias, 0x8000, 0, 0 },
        { alias, 0x87ff, 0, 0 },
        { top, TOP, 0, 0 },
        { top, TOP, 0xfff, 0 },
        { top, TOP - 0xf, 0, 0 },
        { top, TOP - 0x1000, 0, -1 },
        { past_top, TOP, 0, 0 },
        /* what would have wrapped is not at 0 */
        { past_top, 0, 0xfff, -1 },
        { top, 0, 0xfff, -1 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        IOVATree *tree = tree_of(false, table[i].rows);
        DMAMap needle = { .translated_addr = table[i].translated,
                          .size = table[i].size, .iova = 0xdead };
        const DMAMap *found = iova_tree_find_iova(tree, &needle);

        g_test_message("row %u", i);
        if (table[i].hit < 0) {
            g_assert_null(found);
        } else {
            DMAMap want = row_map(&table[i].rows[table[i].hit]);

            g_assert_nonnull(found);
            assert_map(found, &want);
        }
        iova_tree_destroy(tree);
    }
}

static void test_remove(gconstpointer opaque)
{
    static const struct {
        const Row *before;
        hwaddr iova;
        hwaddr size;
        Row after[MAX_ROWS];
    } table[] = {
        { nothing, 0, TOP, { { 0 } } },
        { three, 0x3000, 0xfff,
          { { 0x1000, 0x1fff, 0x9000, IOMMU_RW },
            { 0x5000, 0x5fff, 0x7000, IOMMU_WO } } },
        /* a byte of a mapping takes it whole, whichever byte */
        { three, 0x1000, 0,
          { { 0x3000, 0x3fff, 0x8000, IOMMU_RO },
            { 0x5000, 0x5fff, 0x7000, IOMMU_WO } } },
        { three, 0x1fff, 0,
          { { 0x3000, 0x3fff, 0x8000, IOMMU_RO },
            { 0x5000, 0x5fff, 0x7000, IOMMU_WO } } },
        { three, 0x1fff, 0x1001,
          { { 0x5000, 0x5fff, 0x7000, IOMMU_WO } } },
        /* holes: nothing happens */
        { three, 0, 0xfff,
          { { 0x1000, 0x1fff, 0x9000, IOMMU_RW },
            { 0x3000, 0x3fff, 0x8000, IOMMU_RO },
            { 0x5000, 0x5fff, 0x7000, IOMMU_WO } } },
        { three, 0x2000, 0xfff,
          { { 0x1000, 0x1fff, 0x9000, IOMMU_RW },
            { 0x3000, 0x3fff, 0x8000, IOMMU_RO },
            { 0x5000, 0x5fff, 0x7000, IOMMU_WO } } },
        { three, 0x6000, TOP,
          { { 0x1000, 0x1fff, 0x9000, IOMMU_RW },
            { 0x3000, 0x3fff, 0x8000, IOMMU_RO },
            { 0x5000, 0x5fff, 0x7000, IOMMU_WO } } },
        { three, 0, TOP, { { 0 } } },
        { three, 0x3fff, TOP, { { 0x1000, 0x1fff, 0x9000, IOMMU_RW } } },
        { ends, 0, 0, { { TOP, TOP, 0x300, IOMMU_RW } } },
        { ends, TOP, 0, { { 0, 0, 0x100, IOMMU_RW } } },
        { ends, 1, TOP - 2,
          { { 0, 0, 0x100, IOMMU_RW }, { TOP, TOP, 0x300, IOMMU_RW } } },
        { whole, TOP, 0, { { 0 } } },
        { whole, 0, 0, { { 0 } } },
    };
    bool gpa = GPOINTER_TO_INT(opaque);

    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        IOVATree *tree = tree_of(gpa, table[i].before);
        DMAMap key = { .iova = table[i].iova, .size = table[i].size,
                       .translated_addr = 0xdead };

        g_test_message("row %u", i);
        iova_tree_remove(tree, gpa ? swapped(key) : key);
        assert_rows(tree, gpa, table[i].after);
        iova_tree_destroy(tree);
    }
}

static void test_remove_range(gconstpointer opaque)
{
    static const struct {
        const Row *before;
        hwaddr first;
        hwaddr last;
        Row after[MAX_ROWS];
    } table[] = {
        { nothing, 0, TOP, { { 0 } } },
        /* the head, the tail, the middle, one byte each */
        { three, 0x3000, 0x3000,
          { { 0x1000, 0x1fff, 0x9000, IOMMU_RW },
            { 0x3001, 0x3fff, 0x8001, IOMMU_RO },
            { 0x5000, 0x5fff, 0x7000, IOMMU_WO } } },
        { three, 0x3fff, 0x3fff,
          { { 0x1000, 0x1fff, 0x9000, IOMMU_RW },
            { 0x3000, 0x3ffe, 0x8000, IOMMU_RO },
            { 0x5000, 0x5fff, 0x7000, IOMMU_WO } } },
        { three, 0x3800, 0x3800,
          { { 0x1000, 0x1fff, 0x9000, IOMMU_RW },
            { 0x3000, 0x37ff, 0x8000, IOMMU_RO },
            { 0x3801, 0x3fff, 0x8801, IOMMU_RO },
            { 0x5000, 0x5fff, 0x7000, IOMMU_WO } } },
        /* from inside one to inside another */
        { three, 0x1800, 0x57ff,
          { { 0x1000, 0x17ff, 0x9000, IOMMU_RW },
            { 0x5800, 0x5fff, 0x7800, IOMMU_WO } } },
        /* whole mappings */
        { three, 0x3000, 0x3fff,
          { { 0x1000, 0x1fff, 0x9000, IOMMU_RW },
            { 0x5000, 0x5fff, 0x7000, IOMMU_WO } } },
        { three, 0x2000, 0x4fff,
          { { 0x1000, 0x1fff, 0x9000, IOMMU_RW },
            { 0x5000, 0x5fff, 0x7000, IOMMU_WO } } },
        { three, 0, TOP, { { 0 } } },
        /* holes, and a range upside down */
        { three, 0x2000, 0x2fff,
          { { 0x1000, 0x1fff, 0x9000, IOMMU_RW },
            { 0x3000, 0x3fff, 0x8000, IOMMU_RO },
            { 0x5000, 0x5fff, 0x7000, IOMMU_WO } } },
        { three, 0x3fff, 0x3000,
          { { 0x1000, 0x1fff, 0x9000, IOMMU_RW },
            { 0x3000, 0x3fff, 0x8000, IOMMU_RO },
            { 0x5000, 0x5fff, 0x7000, IOMMU_WO } } },
        { ends, 0, 0, { { TOP, TOP, 0x300, IOMMU_RW } } },
        { ends, TOP, TOP, { { 0, 0, 0x100, IOMMU_RW } } },
        { whole, 0, 0, { { 1, TOP, 1, IOMMU_RW } } },
        { whole, TOP, TOP, { { 0, TOP - 1, 0, IOMMU_RW } } },
        { whole, 1, TOP - 1,
          { { 0, 0, 0, IOMMU_RW }, { TOP, TOP, TOP, IOMMU_RW } } },
        { whole, 0, TOP, { { 0 } } },
    };
    bool gpa = GPOINTER_TO_INT(opaque);

    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        IOVATree *tree = tree_of(gpa, table[i].before);

        g_test_message("row %u", i);
        iova_tree_remove_range(tree, table[i].first, table[i].last);
        assert_rows(tree, gpa, table[i].after);
        iova_tree_destroy(tree);
    }
}

static void test_foreach_range(gconstpointer opaque)
{
    static const struct {
        const Row *rows;
        hwaddr first;
        hwaddr last;
        unsigned stop_after;
        unsigned from;          /* rows seen: the first, and how many */
        unsigned n;
    } table[] = {
        { nothing, 0, TOP, 0, 0, 0 },
        { three, 0, TOP, 0, 0, 3 },
        { three, 0x1fff, 0x5000, 0, 0, 3 },
        { three, 0x2000, 0x4fff, 0, 1, 1 },
        { three, 0x2000, 0x5000, 0, 1, 2 },
        { three, 0x3800, 0x3800, 0, 1, 1 },
        { three, 0x2000, 0x2fff, 0, 0, 0 },
        { three, 0x6000, TOP, 0, 0, 0 },
        { three, 0x5000, 0x1000, 0, 0, 0 },
        { three, 0x5fff, 0x5000, 0, 0, 0 },
        { three, 0, TOP, 1, 0, 1 },
        { three, 0, TOP, 2, 0, 2 },
        { three, 0x2000, TOP, 2, 1, 2 },
        { ends, TOP, TOP, 0, 1, 1 },
        { ends, 0, 0, 0, 0, 1 },
        { ends, 1, TOP - 1, 0, 0, 0 },
        { whole, 0x1234, 0x1234, 0, 0, 1 },
    };
    bool gpa = GPOINTER_TO_INT(opaque);

    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        IOVATree *tree = tree_of(gpa, table[i].rows);
        Seen seen = { .stop_after = table[i].stop_after };
        bool stopped = iova_tree_foreach_range(tree, table[i].first,
                                               table[i].last, see, &seen);

        g_test_message("row %u", i);
        g_assert_cmpint(stopped, ==, table[i].stop_after != 0);
        g_assert_cmpuint(seen.n, ==, table[i].n);
        for (unsigned k = 0; k < seen.n; k++) {
            DMAMap want = row_map(&table[i].rows[table[i].from + k]);

            if (gpa) {
                want = swapped(want);
            }
            assert_map(&seen.map[k], &want);
            g_assert_true(seen.at[k] == iova_tree_find(tree, &want));
        }
        iova_tree_destroy(tree);
    }
}

static void test_alloc(void)
{
    static const struct {
        const Row *before;
        hwaddr size;
        hwaddr begin;
        hwaddr end;
        int ret;
        hwaddr iova;
    } table[] = {
        { nothing, 0, 0, 0, IOVA_OK, 0 },
        { nothing, 0, TOP, TOP, IOVA_OK, TOP },
        { nothing, TOP, 0, TOP, IOVA_OK, 0 },
        { nothing, TOP, 1, TOP, IOVA_ERR_NOMEM },
        { nothing, TOP - 1, 1, TOP, IOVA_OK, 1 },
        { nothing, 0xfff, 0x1000, 0x1fff, IOVA_OK, 0x1000 },
        { nothing, 0x1000, 0x1000, 0x1fff, IOVA_ERR_NOMEM },
        { nothing, 0, 0x1001, 0x1000, IOVA_ERR_INVALID },
        { nothing, TOP, TOP, 0, IOVA_ERR_INVALID },
        /* the lowest hole that is large enough, to the byte */
        { three, 0xfff, 0, TOP, IOVA_OK, 0 },
        { three, 0xfff, 1, TOP, IOVA_OK, 0x2000 },
        { three, 0x1000, 0, TOP, IOVA_OK, 0x6000 },
        { three, 0xfff, 0x1000, TOP, IOVA_OK, 0x2000 },
        { three, 0xfff, 0x1800, TOP, IOVA_OK, 0x2000 },
        { three, 0xfff, 0x2001, TOP, IOVA_OK, 0x4000 },
        { three, 0xffe, 0x2001, TOP, IOVA_OK, 0x2001 },
        { three, 0, 0x3fff, TOP, IOVA_OK, 0x4000 },
        { three, TOP - 0x6000, 0, TOP, IOVA_OK, 0x6000 },
        { three, TOP - 0x5fff, 0, TOP, IOVA_ERR_NOMEM },
        /* the limit, to the byte */
        { three, 0xfff, 0x1000, 0x2fff, IOVA_OK, 0x2000 },
        { three, 0xfff, 0x1000, 0x2ffe, IOVA_ERR_NOMEM },
        { three, 0, 0x1000, 0x1fff, IOVA_ERR_NOMEM },
        { three, 0, 0x1000, 0x2000, IOVA_OK, 0x2000 },
        { ends, TOP - 2, 0, TOP, IOVA_OK, 1 },
        { ends, TOP - 1, 0, TOP, IOVA_ERR_NOMEM },
        { ends, 0, TOP, TOP, IOVA_ERR_NOMEM },
        { ends, 0, 0, 0, IOVA_ERR_NOMEM },
        { whole, 0, 0, TOP, IOVA_ERR_NOMEM },
        { whole, 0, TOP, TOP, IOVA_ERR_NOMEM },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        IOVATree *tree = tree_of(false, table[i].before);
        DMAMap map = { .iova = 0xdead, .size = table[i].size,
                       .perm = IOMMU_WO, .translated_addr = 0xbeef };
        DMAMap want = map;
        int ret;

        g_test_message("row %u", i);
        ret = iova_tree_alloc_map(tree, &map, table[i].begin, table[i].end);
        g_assert_cmpint(ret, ==, table[i].ret);
        if (ret == IOVA_OK) {
            want.iova = table[i].iova;
            g_assert_nonnull(iova_tree_find(tree, &want));
            assert_map(iova_tree_find(tree, &want), &want);
            iova_tree_remove(tree, want);
        }
        assert_map(&map, &want);
        assert_rows(tree, false, table[i].before);
        iova_tree_destroy(tree);
    }
}

static void test_alloc_invalid(void)
{
    IOVATree *iova = iova_tree_new();
    IOVATree *gpa = gpa_tree_new();
    DMAMap map = { .iova = 0xdead, .size = 0xfff, .perm = IOMMU_NONE };

    g_assert_cmpint(iova_tree_alloc_map(iova, &map, 0, TOP), ==,
                    IOVA_ERR_INVALID);
    map.perm = IOMMU_RW;
    g_assert_cmpint(iova_tree_alloc_map(gpa, &map, 0, TOP), ==,
                    IOVA_ERR_INVALID);
    g_assert_cmphex(map.iova, ==, 0xdead);
    assert_rows(iova, false, nothing);
    assert_rows(gpa, true, nothing);
    iova_tree_destroy(iova);
    iova_tree_destroy(gpa);
}

/* A mapping's address holds while others come and go around it. */
static void test_pointers(gconstpointer opaque)
{
    bool gpa = GPOINTER_TO_INT(opaque);
    IOVATree *tree = tree_of(gpa, three);
    DMAMap want = row_map(&three[1]);
    const DMAMap *kept;

    if (gpa) {
        want = swapped(want);
    }
    kept = iova_tree_find(tree, &want);
    for (unsigned i = 0; i < 1000; i++) {
        DMAMap map = { .iova = 0x10000 + i * 0x1000, .size = 0xfff,
                       .translated_addr = i, .perm = IOMMU_RW };

        g_assert_cmpint(insert(tree, gpa, map), ==, IOVA_OK);
    }
    iova_tree_remove_range(tree, 0, 0x2fff);
    iova_tree_remove_range(tree, 0x4000, TOP);
    g_assert_true(iova_tree_find(tree, &want) == kept);
    assert_map(kept, &want);

    /* as callers remove: by the value of what goes away in the call */
    iova_tree_remove(tree, *kept);
    assert_rows(tree, gpa, nothing);
    iova_tree_destroy(tree);
}

/* The three trees of vhost's shadow virtqueues, used as they are there. */
static void test_vhost_shadow(void)
{
    const hwaddr page = 0x1000;
    IOVATree *iovas = iova_tree_new();
    IOVATree *hvas = iova_tree_new();
    IOVATree *gpas = gpa_tree_new();
    DMAMap ram[2];

    for (int i = 0; i < 2; i++) {
        /* the allocator's tree sees one and the same translated address */
        DMAMap map = { .size = 16 * page - 1, .perm = IOMMU_RW };

        g_assert_cmpint(iova_tree_alloc_map(iovas, &map, page, UINT64_MAX),
                        ==, IOVA_OK);
        g_assert_cmphex(map.iova, ==, page + i * 16 * page);
        map.translated_addr = 0x7f0000000000 + i * 16 * page;
        g_assert_cmpint(iova_tree_insert(hvas, &map), ==, IOVA_OK);
        map.translated_addr = 0x100000 + i * 16 * page;
        g_assert_cmpint(gpa_tree_insert(gpas, &map), ==, IOVA_OK);
        ram[i] = map;
    }

    for (int i = 0; i < 2; i++) {
        /* a descriptor at the end of its region, its needle a byte too long */
        DMAMap needle = {
            .translated_addr = ram[i].translated_addr + 15 * page,
            .size = page,
        };
        const DMAMap *found = iova_tree_find_iova(gpas, &needle);

        g_assert_nonnull(found);
        assert_map(found, &ram[i]);
        needle.translated_addr = 0x7f0000000000 + (i * 16 + 15) * page;
        found = iova_tree_find_iova(hvas, &needle);
        g_assert_nonnull(found);
        g_assert_cmphex(found->iova, ==, ram[i].iova);

        /* unmapped by a needle that knows an address and no size */
        needle.size = 0;
        found = iova_tree_find_iova(hvas, &needle);
        g_assert_nonnull(found);
        iova_tree_remove(iovas, *found);
        iova_tree_remove(hvas, *found);
        g_assert_null(iova_tree_find_iova(hvas, &needle));
        g_assert_null(iova_tree_find(iovas, &ram[i]));

        needle.translated_addr = ram[i].translated_addr;
        found = iova_tree_find_iova(gpas, &needle);
        g_assert_nonnull(found);
        iova_tree_remove(gpas, *found);
        g_assert_null(iova_tree_find_iova(gpas, &needle));
    }
    assert_rows(iovas, false, nothing);
    assert_rows(hvas, false, nothing);
    assert_rows(gpas, true, nothing);
    iova_tree_destroy(iovas);
    iova_tree_destroy(hvas);
    iova_tree_destroy(gpas);
}

static void add_both(const char *name, GTestDataFunc func)
{
    g_autofree char *iova = g_strdup_printf("/iova-tree/%s/iova", name);
    g_autofree char *gpa = g_strdup_printf("/iova-tree/%s/gpa", name);

    g_test_add_data_func(iova, GINT_TO_POINTER(false), func);
    g_test_add_data_func(gpa, GINT_TO_POINTER(true), func);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/iova-tree/results", test_results);
    add_both("insert", test_insert);
    add_both("insert-other-range", test_insert_other_range);
    g_test_add_func("/iova-tree/insert-copies", test_insert_copies);
    g_test_add_func("/iova-tree/insert-wrong-kind", test_insert_wrong_kind);
    add_both("find", test_find);
    g_test_add_func("/iova-tree/find-iova", test_find_iova);
    add_both("remove", test_remove);
    add_both("remove-range", test_remove_range);
    add_both("foreach-range", test_foreach_range);
    g_test_add_func("/iova-tree/alloc", test_alloc);
    g_test_add_func("/iova-tree/alloc-invalid", test_alloc_invalid);
    add_both("pointers", test_pointers);
    g_test_add_func("/iova-tree/vhost-shadow", test_vhost_shadow);

    return g_test_run();
}
