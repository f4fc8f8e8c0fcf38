/*
 * What was sent wider than a page, against a list of it
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * TEST_SEED=N repeats a run.
 */

#include "qemu/osdep.h"
#include "hw/i386/vtd/extents.h"
#include "tests/vtd/numbers.h"


typedef struct Extent {
    uint64_t first, last;
} Extent;

static unsigned order_of(GRand *rand)
{
    /* 8 KiB to 1 GiB, small and large ones at the borders of a block */
    static const uint8_t orders[] = {
        1, 1, 1, 2, 3, 5, 7, 8, 8, 9, 9, 9, 10, 11, 14, 17, 18,
    };

    return orders[g_rand_int_range(rand, 0, G_N_ELEMENTS(orders))];
}

static uint64_t some_address(GRand *rand)
{
    static const uint64_t gibs[] = { 0, 1, 2, 7, 255, 256, 262143 };
    static const uint16_t blocks[] = { 0, 1, 2, 63, 64, 255, 256, 510, 511 };

    return gibs[g_rand_int_range(rand, 0, G_N_ELEMENTS(gibs))] * GIB +
           blocks[g_rand_int_range(rand, 0, G_N_ELEMENTS(blocks))] * 2 * MIB +
           g_rand_int_range(rand, 0, 512) * QVTD_PAGE;
}

/* The first of @list that meets a range, an index, or -1 */
static int list_find(const GArray *list, uint64_t first, uint64_t last)
{
    int found = -1;

    for (unsigned i = 0; i < list->len; i++) {
        const Extent *e = &g_array_index(list, Extent, i);

        if (e->first <= last && e->last >= first &&
            (found < 0 ||
             e->first < g_array_index(list, Extent, found).first)) {
            found = i;
        }
    }
    return found;
}

static void check_find(const VtdExtents *sent, const GArray *list,
                       uint64_t first, uint64_t last)
{
    int i = list_find(list, first, last);
    bool found = vtd_extents_find(sent, &first, &last);

    g_assert_cmpint(found, ==, i >= 0);
    if (found) {
        g_assert_cmphex(first, ==, g_array_index(list, Extent, i).first);
        g_assert_cmphex(last, ==, g_array_index(list, Extent, i).last);
    }
}

static void test_random(void)
{
    const char *text = g_getenv("TEST_SEED");
    guint32 seed = text ? g_ascii_strtoull(text, NULL, 0) : 1;
    GRand *rand = g_rand_new_with_seed(seed);
    unsigned refused = 0;

    g_test_message("TEST_SEED=%u", seed);
    for (unsigned round = 0; round < 20; round++) {
        uint64_t max = round % 2 ? 1ull << 30 : 4000 + round * 1000;
        GArray *list = g_array_new(FALSE, FALSE, sizeof(Extent));
        VtdExtents *sent = vtd_extents_new(max);

        for (unsigned step = 0; step < 2000; step++) {
            uint64_t at = some_address(rand);
            uint64_t size = QVTD_PAGE << order_of(rand);
            Extent e = { at & ~(size - 1), at | (size - 1) };
            int i = list_find(list, e.first, e.last);

            if (i >= 0) {
                e = g_array_index(list, Extent, i);
                vtd_extents_drop(sent, e.first, e.last);
                g_array_remove_index_fast(list, i);
            } else if (vtd_extents_have_room(sent, e.first, e.last)) {
                vtd_extents_add(sent, e.first, e.last);
                g_array_append_val(list, e);
            } else {
                refused++;
            }
            g_assert_cmpuint(vtd_extents_bytes(sent), <=, max);
            check_find(sent, list, 0, UINT64_MAX);
            for (unsigned n = 0; n < 4; n++) {
                uint64_t first = some_address(rand);
                uint64_t mask = (QVTD_PAGE << order_of(rand)) - 1;

                check_find(sent, list, first, first + mask);
                check_find(sent, list, first & ~mask, first | mask);
                check_find(sent, list, first, first + QVTD_PAGE - 1);
            }
        }
        while (list->len) {
            Extent e = g_array_index(list, Extent, list->len - 1);

            vtd_extents_drop(sent, e.first, e.last);
            g_array_set_size(list, list->len - 1);
        }
        g_assert_cmpuint(vtd_extents_bytes(sent), ==, 0);
        check_find(sent, list, 0, UINT64_MAX);
        vtd_extents_free(sent);
        g_array_free(list, TRUE);
    }
    g_assert_cmpuint(refused, >, 0);
    g_rand_free(rand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vtd/extents/random", test_random);
    return g_test_run();
}
