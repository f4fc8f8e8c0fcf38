/*
 * What one step did to a strict host
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See vtd-touch.h.
 */

#include "qemu/osdep.h"
#include "vtd-touch.h"

static void G_GNUC_PRINTF(2, 3)
touch_wrong(Touch *touch, const char *format, ...)
{
    va_list args;

    if (!touch->wrong) {
        va_start(args, format);
        touch->wrong = g_strdup_vprintf(format, args);
        va_end(args);
    }
}

static bool is_map(const VtdNotice *notice)
{
    return notice->read || notice->write;
}

/* All that an UNMAP covers, as runs */
static GArray *unmapped_ranges(const Strict *s)
{
    g_autoptr(GArray) all = runs_new();

    for (unsigned i = 0; i < s->log->len; i++) {
        const VtdNotice *notice = &g_array_index(s->log, VtdNotice, i);
        Run run = { notice->first, notice->last, notice->first, 0 };

        if (!is_map(notice)) {
            g_array_append_val(all, run);
        }
    }
    return runs_union(all);
}

/* Whether pages of a mapping are the @same now, and @other than before */
static void compare_mapping(const GArray *before, const GArray *after,
                            const Run *mapping, bool *same, bool *other)
{
    RunPair pair = { .next = mapping->first };

    *same = *other = false;
    while (runs_pair(before, after, &pair) && pair.first <= mapping->last) {
        *same |= pair.was == pair.now;
        *other |= pair.was != pair.now;
    }
}

static void touch_mappings(Touch *touch, const GArray *mappings,
                           const GArray *before, const GArray *after,
                           const Strict *s)
{
    GArray *unmapped = unmapped_ranges(s);

    for (unsigned i = 0; i < mappings->len; i++) {
        const Run *mapping = &RUN(mappings, i);
        uint64_t size = mapping->last - mapping->first + 1;
        bool same, other;

        if (!runs_meet(unmapped, mapping->first, mapping->last)) {
            touch->kept_2m += size >= BIT(21);
            touch->kept_1g += size >= BIT(30);
            continue;
        }
        compare_mapping(before, after, mapping, &same, &other);
        if (!other) {
            touch_wrong(touch, "unmapped 0x%" PRIx64 " to 0x%" PRIx64
                        ", which is as before", mapping->first,
                        mapping->last);
        }
        touch->removed++;
        touch->splits += same;
    }
    touch->passing = mappings->len + strict_maps(s) - strict_count(s) -
                     touch->removed;
    g_array_free(unmapped, TRUE);
}

static void touch_pages(Touch *touch, const GArray *before,
                        const GArray *after)
{
    RunPair pair = { 0 };

    touch->first = UINT64_MAX;
    while (runs_pair(before, after, &pair)) {
        Run run = { pair.first, pair.last, pair.first, 0 };

        if (pair.was != pair.now) {
            touch->first = MIN(touch->first, pair.first);
            touch->last = MAX(touch->last, pair.last);
        }
        if (!pair.was) {
            touch->fresh++;
        } else if (!pair.now) {
            runs_add(touch->gone, &run);
        } else {
            touch->changed += pair.was != pair.now;
            runs_add(touch->stays, &run);
        }
    }
}

static void touch_notices(Touch *touch, const Strict *s)
{
    for (unsigned i = 0; i < s->log->len; i++) {
        const VtdNotice *notice = &g_array_index(s->log, VtdNotice, i);
        const VtdNotice *next = i + 1 < s->log->len ? notice + 1 : NULL;

        if (is_map(notice)) {
            continue;
        }
        if (!runs_meet(touch->stays, notice->first, notice->last)) {
            touch->unmaps++;
        } else if (notice->last - notice->first == QVTD_PAGE - 1 &&
                   !s->d->h->dirty_tracking &&
                   !(next && is_map(next) && next->first == notice->first)) {
            touch_wrong(touch, "0x%" PRIx64 " is left unmapped for longer "
                        "than need be", notice->first);
        }
    }
}

Touch *touch_new(const GArray *before, const Strict *s)
{
    Touch *touch = g_new0(Touch, 1);
    GArray *before_runs = runs_new();
    GArray *after = strict_runs(s);

    for (unsigned i = 0; i < before->len; i++) {
        runs_add(before_runs, &RUN(before, i));
    }
    touch->gone = runs_new();
    touch->stays = runs_new();
    touch_mappings(touch, before, before_runs, after, s);
    touch_pages(touch, before_runs, after);
    touch_notices(touch, s);
    g_array_free(before_runs, TRUE);
    g_array_free(after, TRUE);
    return touch;
}

void touch_free(Touch *touch)
{
    g_array_free(touch->gone, TRUE);
    g_array_free(touch->stays, TRUE);
    g_free(touch->wrong);
    g_free(touch);
}

/*
 * In the 2^@order bytes at @start: as aligned ranges are either one in the
 * other or apart, taking the largest that will do cannot be wrong.  None goes
 * across the interrupt range, where the host's notifiers end.
 */
static unsigned fewest(const Touch *touch, uint64_t start, unsigned order,
                       uint64_t first, uint64_t last)
{
    uint64_t end = start + BIT(order) - 1;

    if (!runs_meet(touch->gone, start, end)) {
        return 0;
    }
    if (start >= first && end <= last &&
        !(start <= 0xfeefffff && end >= 0xfee00000) &&
        !runs_meet(touch->stays, start, end)) {
        return 1;
    }
    g_assert_cmpuint(order, >, 12);
    order--;
    return fewest(touch, start, order, first, last) +
           fewest(touch, start + BIT(order), order, first, last);
}

unsigned touch_fewest(const Touch *touch, uint64_t first, uint64_t last)
{
    return fewest(touch, 0, 48, first, last);
}
