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
 * Each setting runs with a fixed seed, so that test_seen() can ask for all that
 * there is to meet, and then with a new one, which is printed: every run of
 * the unit tests looks at guests that no run has seen.  TEST_SEED=N in the
 * environment repeats the latter.  -m slow makes it longer by far,
 * some minutes: for whoever changes how shadows are kept.
 */

#include "qemu/osdep.h"
#include "vtd-shadow-events.h"

/*
 * A seed means the same guests in every build.  Whoever changes what
 * vtd-guest.c draws puts in the new sums, after they agreed in a build with
 * sanitizers and in one without, best of another compiler's.
 */
static void test_replays(void)
{
    static const VtdConfig config = { .aw_bits = 48 };
    static const uint64_t sums[] = { 0x754778e4cb29fc9f, 0x8e6dababdc4f8a65 };

    for (unsigned odd = 0; odd < ARRAY_SIZE(sums); odd++) {
        Guest *g = guest_new(&config, odd, SHADOW_FIXED_SEED);
        uint64_t sum = 0;

        for (unsigned i = 0; i < 3000; i++) {
            guest_edit(g);
        }
        for (uint64_t gpa = 0; gpa < g->h->vtd.next_page; gpa += 8) {
            sum = (sum ^ host_get(g->h, gpa)) * 0x100000001b3;
        }
        g_test_message("odd %u: 0x%" PRIx64, odd, sum);
        g_assert_cmphex(sum, ==, sums[odd]);
        guest_free(g);
    }
}

#define COMMON \
    .caching_mode = true, .pass_through = true, .dma_drain = true, \
    .dma_translation = true
#define STEPS   .steps = 1000

static const Setting settings[] = {
    {
        .name = "wide",
        STEPS,
        .config = { .aw_bits = 48, .max_mappings = BIT(24), COMMON },
        .queue = true,
    }, {
        .name = "narrow",
        STEPS,
        .config = {
            .aw_bits = 39, .haw_bits = 41, .max_mappings = BIT(24),
            .device_iotlb = true, .stale_tm = true, .snoop_control = true,
            COMMON,
        },
    }, {
        .name = "dirty",
        STEPS,
        .config = { .aw_bits = 48, .max_mappings = BIT(24), COMMON },
        .dirty = true,
    }, {
        .name = "odd",
        STEPS,
        .config = { .aw_bits = 48, .max_mappings = BIT(24), COMMON },
        .queue = true,
        .dirty = true,
        .odd = true, .memory = true,
    }, {
        .name = "pieces",
        STEPS,
        .config = {
            .aw_bits = 48, .max_mappings = BIT(24), .sync_work = 8, COMMON,
        },
        .queue = true,
        .pieces = true,
    }, {
        .name = "limit",
        STEPS,
        .config = { .aw_bits = 48, .max_mappings = 600, COMMON },
        .odd = true,
    },
};

/* What other modes have beside these */
static const Seen others[] = {
    WRITE_BUFFER, PASID_FLUSH, PASID_PAGES, PASID_CACHE, OTHER_MODE, MEMORY,
    MAPPED_SECOND, MAPPED_FIRST, MAPPED_NESTED, MOVED_STAGE,
};

static void test_seen(void)
{
    shadow_expect_seen(others, ARRAY_SIZE(others));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vtd/shadow-random/replays", test_replays);
    shadow_add_fixed("/vtd/shadow-random", settings, ARRAY_SIZE(settings));
    g_test_add_func("/vtd/shadow-random/seen", test_seen);
    shadow_add_new("/vtd/shadow-random", settings, ARRAY_SIZE(settings));
    return g_test_run();
}
