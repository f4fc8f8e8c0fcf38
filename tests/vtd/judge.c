/*
 * VT-d tests: whether a shadow got from one state to the next as it had to
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See judge.h.
 */

#include "qemu/osdep.h"
#include "tests/vtd/judge.h"
#include "tests/vtd/numbers.h"

#define RECORD(log, i)          g_array_index(log, JudgeRecord, i)

/* What is told of a step that is all wrong */
#define MAX_LINES               4

/* A step while it is judged */
typedef struct Case {
    const JudgeStep *step;
    Judgement *j;
    GString *wrong;
    unsigned lines;
} Case;

static bool is_map(const JudgeRecord *record)
{
    return record->run.perm;
}

static void G_GNUC_PRINTF(2, 3)
complain(Case *c, const char *format, ...)
{
    va_list args;

    if (c->lines++ < MAX_LINES) {
        g_string_append(c->wrong, c->wrong->len ? "\n" : "");
        va_start(args, format);
        g_string_append_vprintf(c->wrong, format, args);
        va_end(args);
    }
}

static void complain_of(Case *c, unsigned i, const char *what)
{
    const JudgeRecord *record = &RECORD(c->step->log, i);

    complain(c, "record %u of %u, %s 0x%" PRIx64 " to 0x%" PRIx64
             ", address 0x%" PRIx64 ", %s", i, c->step->log->len,
             is_map(record) ? "MAP" : "UNMAP", record->run.first,
             record->run.last, record->run.addr, what);
}

/* Mappings */

static GArray *joined(const GArray *mappings)
{
    GArray *runs = runs_new();

    for (unsigned i = 0; i < mappings->len; i++) {
        runs_add(runs, &RUN(mappings, i));
    }
    return runs;
}

/* All that an UNMAP covers */
static GArray *unmapped_ranges(const GArray *log)
{
    g_autoptr(GArray) all = runs_new();

    for (unsigned i = 0; i < log->len; i++) {
        if (!is_map(&RECORD(log, i))) {
            g_array_append_val(all, RECORD(log, i).run);
        }
    }
    return runs_union(all);
}

/* How many pages of a mapping are the same now; *other: not all are */
static uint64_t unchanged_pages(const GArray *before, const GArray *after,
                                const Run *mapping, bool *other)
{
    RunPair pair = { .next = mapping->first };
    uint64_t same = 0;

    *other = false;
    while (runs_pair(before, after, &pair) && pair.first <= mapping->last) {
        if (pair.was == pair.now) {
            same += (MIN(pair.last, mapping->last) - pair.first) /
                    QVTD_PAGE + 1;
        } else {
            *other = true;
        }
    }
    return same;
}

static void judge_mappings(Case *c, const GArray *before, const GArray *after)
{
    g_autoptr(GArray) unmapped = unmapped_ranges(c->step->log);
    const GArray *mappings = c->step->before;
    Judgement *j = c->j;

    for (unsigned i = 0; i < mappings->len; i++) {
        const Run *mapping = &RUN(mappings, i);
        uint64_t size = mapping->last - mapping->first + 1, same;
        bool other;

        if (!runs_meet(unmapped, mapping->first, mapping->last)) {
            j->kept_2m += size >= 1ull << 21;
            j->kept_1g += size >= 1ull << 30;
            continue;
        }
        same = unchanged_pages(before, after, mapping, &other);
        if (!other) {
            complain(c, "unmapped 0x%" PRIx64 " to 0x%" PRIx64
                     ", which is as before", mapping->first, mapping->last);
        }
        j->removed++;
        j->splits += same > 0 && other;
        j->remapped += same;
    }
}

static void judge_pages(Judgement *j, const GArray *before,
                        const GArray *after)
{
    RunPair pair = { 0 };

    j->first = UINT64_MAX;
    while (runs_pair(before, after, &pair)) {
        if (pair.was != pair.now) {
            j->first = MIN(j->first, pair.first);
            j->last = MAX(j->last, pair.last);
        }
        if (!pair.was) {
            j->fresh++;
        } else if (!pair.now) {
            RUNS_ADD(j->gone, pair.first, pair.last, pair.first, QVTD_RW);
        } else {
            j->changed += pair.was != pair.now;
            RUNS_ADD(j->stays, pair.first, pair.last, pair.first, QVTD_RW);
        }
    }
}

/* Notifications */

/* A leaf that has all of the range, or may have */
static bool in_one_leaf(Case *c, uint64_t first, uint64_t last)
{
    Run leaf;

    return !c->step->context ||
           (plain_leaf(c->step->plain, c->step->context, first, &leaf) &&
            leaf.last >= last);
}

/*
 * How many of the pages that stay under the UNMAP @i do not come back by the
 * MAPs right after it.  *one: one MAP brings [@first, @last].  While dirty
 * pages are tracked, it takes several UNMAPs to make room for one leaf.
 */
static uint64_t missing_after(Case *c, unsigned i, uint64_t first,
                              uint64_t last, bool *one)
{
    const GArray *log = c->step->log;
    const Run *unmap = &RECORD(log, i).run;
    uint64_t missing = runs_pages(c->j->stays, unmap->first, unmap->last);
    bool came = false;

    for (unsigned n = i + 1; missing && n < log->len; n++) {
        const Run *next = &RECORD(log, n).run;
        bool beside = c->step->dirty &&
                      in_one_leaf(c, MIN(unmap->first, next->first),
                                  MAX(unmap->last, next->last));
        bool meets = next->first <= unmap->last && next->last >= unmap->first;

        if (!(is_map(&RECORD(log, n)) ? meets || beside : beside && !came)) {
            break;
        }
        came |= is_map(&RECORD(log, n));
        if (is_map(&RECORD(log, n)) && meets) {
            missing -= runs_pages(c->j->stays,
                                  MAX(next->first, unmap->first),
                                  MIN(next->last, unmap->last));
            *one |= next->first <= first && next->last >= last;
        }
    }
    return missing;
}

/* The pages under the UNMAP @i that are mapped before and now */
static void judge_window(Case *c, unsigned i)
{
    const Run *unmap = &RECORD(c->step->log, i).run;
    const GArray *stays = c->j->stays;
    const Run *stay = runs_find(stays, unmap->first);
    uint64_t first, last;
    bool one = false;

    if (!stay || stay->first > unmap->last) {
        c->j->unmaps_gone++;
        return;
    }
    first = MAX(stay->first, unmap->first);
    for (last = stay->last; stay && stay->first <= unmap->last;
         stay = last == UINT64_MAX ? NULL : runs_find(stays, last + 1)) {
        last = stay->last;
    }
    last = MIN(last, unmap->last);
    if (missing_after(c, i, first, last, &one)) {
        complain_of(c, i, "leaves a hole that is not closed at once");
    } else if (!one && !runs_around(c->step->before, first, last) &&
               !in_one_leaf(c, first, last)) {
        complain_of(c, i, "opens holes in several mappings");
    }
}

static void judge_unmap(Case *c, unsigned i)
{
    const JudgeRecord *record = &RECORD(c->step->log, i);
    const Run *unmap = &record->run;

    c->j->unmaps++;
    if (!record->removed && c->step->unsent &&
        !runs_meet(c->step->unsent, unmap->first, unmap->last)) {
        complain_of(c, i, "in vain");
    }
    if (unmap->last >> c->step->plain->aw_bits) {
        complain_of(c, i, "beyond the address width");
    }
    judge_window(c, i);
}

static void judge_map(Case *c, unsigned i)
{
    const Run *map = &RECORD(c->step->log, i).run;

    c->j->maps++;
    if (!in_one_leaf(c, map->first, map->last)) {
        complain_of(c, i, "not of one leaf");
    }
}

static void judge_log(Case *c)
{
    const GArray *log = c->step->log;
    unsigned accepted = 0;

    for (unsigned i = 0; i < log->len; i++) {
        if (is_map(&RECORD(log, i))) {
            judge_map(c, i);
            accepted += !RECORD(log, i).refused;
        } else {
            judge_unmap(c, i);
        }
    }
    c->j->passing = c->step->before->len + accepted - c->step->after->len -
                    c->j->removed;
}

Judgement *judge(const JudgeStep *step)
{
    g_autoptr(GArray) before = joined(step->before);
    g_autoptr(GArray) after = joined(step->after);
    Judgement *j = g_new0(Judgement, 1);
    Case c = { .step = step, .j = j, .wrong = g_string_new("") };

    j->gone = runs_new();
    j->stays = runs_new();
    judge_mappings(&c, before, after);
    judge_pages(j, before, after);
    judge_log(&c);
    j->wrong = g_string_free(c.wrong, !c.wrong->len);
    return j;
}

void judgement_free(Judgement *j)
{
    g_array_free(j->gone, TRUE);
    g_array_free(j->stays, TRUE);
    g_free(j->wrong);
    g_free(j);
}

/*
 * In the 2^@order bytes at @start: as aligned ranges are either one in the
 * other or apart, taking the largest that will do cannot be wrong.  None goes
 * across the interrupt range, where the notifiers of QEMU end.
 */
static unsigned fewest(const Judgement *j, uint64_t start, unsigned order,
                       uint64_t first, uint64_t last)
{
    uint64_t end = start + (1ull << order) - 1;

    if (!runs_meet(j->gone, start, end)) {
        return 0;
    }
    if (start >= first && end <= last &&
        !(start <= QVTD_MSI_LAST && end >= QVTD_MSI_ADDR) &&
        !runs_meet(j->stays, start, end)) {
        return 1;
    }
    g_assert_cmpuint(order, >, 12);
    order--;
    return fewest(j, start, order, first, last) +
           fewest(j, start + (1ull << order), order, first, last);
}

unsigned judge_fewest(const Judgement *j, uint64_t first, uint64_t last)
{
    return fewest(j, 0, 57, first, last);
}
