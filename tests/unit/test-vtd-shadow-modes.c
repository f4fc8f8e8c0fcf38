/*
 * The VT-d engine's shadow under random edits and events, in all modes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What test-vtd-shadow-random.c does in legacy mode alone: here devices follow
 * first stages of 4 and 5 levels, second ones of 3 to 5, both nested, or pass
 * through; PASID entries change, the write buffer is flushed, memory comes and
 * goes, and now and then the guest goes to legacy mode and back.
 */

#include "qemu/osdep.h"
#include "vtd-shadow-events.h"

#define COMMON \
    .caching_mode = true, .pass_through = true, .dma_drain = true, \
    .dma_translation = true, .scalable_mode = true, .first_stage = true, \
    .second_stage = true, .nested = true, .write_buffer = true
#define WIDE \
    .aw_bits = 57, .fs_1g = true, .ss_dirty = true, .snooped_walks = true, \
    .extended_accessed = true, .rid_pasid = true

static const Setting settings[] = {
    {
        .name = "wide",
        .steps = 500,
        .config = { .max_mappings = BIT(24), WIDE, COMMON },
        .queue = true,
    }, {
        .name = "narrow",
        .steps = 500,
        .config = {
            .aw_bits = 48, .max_mappings = BIT(24), .device_iotlb = true,
            .snoop_control = true, .ss_dirty = true, COMMON,
        },
        .queue = true,
        .dirty = true,
    }, {
        .name = "odd",
        .steps = 500,
        .config = { .max_mappings = BIT(24), WIDE, COMMON },
        .queue = true,
        .dirty = true,
        .odd = true,
        .memory = true,
    }, {
        .name = "pieces",
        .steps = 100,
        .config = {
            .max_mappings = BIT(24), .sync_work = 8, WIDE, COMMON,
        },
        .queue = true,
        .pieces = true,
    }, {
        .name = "limit",
        .steps = 500,
        .config = { .max_mappings = 600, WIDE, COMMON },
        .queue = true,
        .odd = true,
    },
};

/*
 * In so few steps it may be missed.  Which numbers an event draws depends on
 * the compiler, which orders arguments as it likes.
 */
static const Seen rare[] = { SHARER_BROUGHT };

static void test_seen(void)
{
    shadow_expect_seen(rare, ARRAY_SIZE(rare));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    shadow_add_fixed("/vtd/shadow-modes", settings, ARRAY_SIZE(settings));
    g_test_add_func("/vtd/shadow-modes/seen", test_seen);
    shadow_add_new("/vtd/shadow-modes", settings, ARRAY_SIZE(settings));
    return g_test_run();
}
