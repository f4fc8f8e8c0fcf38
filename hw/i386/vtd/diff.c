/*
 * Intel VT-d engine: differences
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what became of the pages of a block, between two looks at a table or
 * between two tables.  Knows no guest memory.  [bql] calls only.
 */

#include "qemu/osdep.h"
#include "diff.h"

#define WORK_MAP                8       /* see VtdSeenConfig.work */

static void vtd_look_pass_on(VtdLook *look, const VtdDiff *diff)
{
    if (diff->kind == VTD_DIFF_FRESH || diff->kind == VTD_DIFF_CHANGED) {
        look->work += WORK_MAP;
    }
    look->diff(look->opaque, diff);
}

void vtd_look_report(VtdLook *look, VtdDiffKind kind, unsigned level,
                     uint64_t first, uint64_t last, uint64_t leaf,
                     uint64_t old)
{
    VtdDiff diff = { kind, level, first, last, leaf, old };

    vtd_look_pass_on(look, &diff);
}

static uint64_t *vtd_look_empty_slot(VtdLook *look, uint64_t gpa)
{
    return &look->empty[(gpa >> VTD_PAGE_SHIFT) % VTD_LOOK_EMPTIES];
}

bool vtd_look_known_empty(VtdLook *look, uint64_t gpa, unsigned level)
{
    return *vtd_look_empty_slot(look, gpa) == (gpa | level);
}

/* With more permission from above it may map something */
void vtd_look_note_empty(VtdLook *look, uint64_t gpa, unsigned level,
                         uint64_t upper)
{
    if (upper == look->format->permission) {
        *vtd_look_empty_slot(look, gpa) = gpa | level;
    }
}

void vtd_look_no_room(VtdLook *look, uint64_t leaves)
{
    look->full = true;
    vtd_seen_leave_out(look->seen, leaves);
}

static bool vtd_block_same(const VtdBlock *a, const VtdBlock *b)
{
    if (a->upper != b->upper || a->form != b->form) {
        return false;
    }
    if (a->form == VTD_FORM_ENTRIES) {
        return !memcmp(a->entry, b->entry, VTD_ENTRIES * sizeof(uint64_t));
    }
    return a->base == b->base &&
           (a->form == VTD_FORM_RUN ||
            !memcmp(a->there, b->there, VTD_BLOCK_WORDS * sizeof(uint64_t)));
}

void vtd_look_block(VtdLook *look, uint64_t start, unsigned from, unsigned to,
                    const VtdBlock *old, const VtdBlock *new)
{
    const VtdFormat *format = look->format;
    bool alike = look->was == format;
    unsigned level = new ? new->level : 1;
    VtdDiff run = { 0 };
    bool running = false;

    if (from == 0 && to == VTD_ENTRIES - 1) {
        /* The cases that need no look at each page */
        uint64_t end = start + VTD_BLOCK_SIZE - 1;

        if (!new && !look->each_leaf && !vtd_meets_interrupts(start, end)) {
            vtd_look_report(look, VTD_DIFF_GONE, old->level, start, end, 0, 0);
            return;
        }
        if (!old && level > 1) {
            vtd_look_report(look, VTD_DIFF_FRESH, level, start, end,
                            vtd_block_leaf(format, new, 0), 0);
            return;
        }
        if (alike && old && new && vtd_block_same(old, new)) {
            vtd_look_report(look, VTD_DIFF_KEPT, level, start, end, 0, 0);
            return;
        }
        if (old && old->level > 1 && level > 1) {
            uint64_t was = vtd_block_leaf(look->was, old, 0);
            uint64_t now = vtd_block_leaf(format, new, 0);

            /* Another format can say the same of a superpage */
            vtd_look_report(look, was == now ? VTD_DIFF_KEPT
                                             : VTD_DIFF_CHANGED,
                            level, start, end, now, was);
            return;
        }
    }

    for (unsigned i = from; i <= to; i++) {
        uint64_t was = vtd_block_leaf(look->was, old, i);
        uint64_t now = vtd_block_leaf(format, new, i);
        uint64_t first = start + ((uint64_t)i << VTD_PAGE_SHIFT);
        uint64_t offset = first - run.first;
        VtdDiffKind kind = was == now ? VTD_DIFF_KEPT :
                           !now ? VTD_DIFF_GONE :
                           !was ? VTD_DIFF_FRESH : VTD_DIFF_CHANGED;
        bool joins = running && kind == run.kind;

        if (!was && !now) {
            joins = false;
        } else if (kind == VTD_DIFF_GONE && look->each_leaf) {
            joins = joins && old->level > 1 && was == run.old + offset;
        } else if (kind == VTD_DIFF_FRESH || kind == VTD_DIFF_CHANGED) {
            joins = joins && level > 1 &&
                    (!look->each_leaf || !was || was == run.old + offset);
        }
        if (joins) {
            run.last = first + VTD_PAGE_SIZE - 1;
            continue;
        }
        if (running) {
            vtd_look_pass_on(look, &run);
        }
        running = was || now;
        run = (VtdDiff) {
            kind, kind == VTD_DIFF_GONE ? old->level : level,
            first, first + VTD_PAGE_SIZE - 1, now, was,
        };
    }
    if (running) {
        vtd_look_pass_on(look, &run);
    }
}

void vtd_look_clip(const VtdLook *look, uint64_t start, uint64_t size,
                   unsigned shift, unsigned *from, unsigned *to)
{
    uint64_t first = MAX(look->first, start);
    uint64_t last = MIN(look->last, start + size - 1);

    *from = (first - start) >> shift;
    *to = (last - start) >> shift;
}

typedef struct VtdGibsCollect {
    GPtrArray *gibs;
    uint64_t first, last;
} VtdGibsCollect;

static gboolean vtd_gibs_collect_one(gpointer key, gpointer value,
                                     gpointer opaque)
{
    VtdGibsCollect *collect = opaque;
    VtdGib *gib = value;

    if (gib->first > collect->last) {
        return TRUE;
    }
    if (gib->first + (VTD_GIB_SIZE - 1) >= collect->first) {
        g_ptr_array_add(collect->gibs, gib);
    }
    return FALSE;
}

void vtd_gibs_begin(VtdGibs *gibs, const VtdSeen *seen, uint64_t first,
                    uint64_t last)
{
    if (!seen || first >> VTD_GIB_SHIFT == last >> VTD_GIB_SHIFT) {
        gibs->one = vtd_gib_find(seen, first & ~(VTD_GIB_SIZE - 1));
        gibs->at = &gibs->one;
        gibs->count = !!gibs->one;
        gibs->many = NULL;
    } else {
        GPtrArray *many = g_ptr_array_new();
        VtdGibsCollect collect = { many, first, last };

        g_tree_foreach(seen->gibs, vtd_gibs_collect_one, &collect);
        gibs->at = (VtdGib **)many->pdata;
        gibs->count = many->len;
        gibs->many = many;
    }
}

void vtd_gibs_end(VtdGibs *gibs)
{
    if (gibs->many) {
        g_ptr_array_free(gibs->many, TRUE);
    }
}

static void vtd_look_gib(VtdLook *look, uint64_t first, const VtdGib *old,
                         const VtdGib *new)
{
    unsigned from, to;

    vtd_look_clip(look, first, VTD_GIB_SIZE, VTD_BLOCK_SHIFT, &from, &to);
    for (unsigned i = from; i <= to; i++) {
        uint64_t start = first + ((uint64_t)i << VTD_BLOCK_SHIFT);
        VtdBlock old_part, new_part;
        const VtdBlock *was = vtd_gib_block(look->was, old, i, &old_part);
        const VtdBlock *now = vtd_gib_block(look->format, new, i, &new_part);
        unsigned page_from, page_to;

        if (was || now) {
            vtd_look_clip(look, start, VTD_BLOCK_SIZE, VTD_PAGE_SHIFT,
                          &page_from, &page_to);
            vtd_look_block(look, start, page_from, page_to, was, now);
        }
    }
}

void vtd_seen_compare(VtdSeen *old, VtdSeen *new, uint64_t first,
                       uint64_t last, bool each_leaf, VtdDiffFn *diff,
                       void *opaque)
{
    VtdGibs before, after;
    unsigned i = 0, j = 0;
    VtdLook look = {
        .first = first,
        .last = last,
        .each_leaf = each_leaf,
        .diff = diff,
        .opaque = opaque,
    };

    if (!old && !new) {
        return;
    }
    look.was = old ? old->format : new->format;
    look.format = new ? new->format : old->format;
    vtd_gibs_begin(&before, old, first, last);
    vtd_gibs_begin(&after, new, first, last);
    while (i < before.count || j < after.count) {
        VtdGib *was = i < before.count ? before.at[i] : NULL;
        VtdGib *now = j < after.count ? after.at[j] : NULL;

        if (was && now && was->first < now->first) {
            now = NULL;
        } else if (was && now && now->first < was->first) {
            was = NULL;
        }
        vtd_look_gib(&look, was ? was->first : now->first, was, now);
        i += !!was;
        j += !!now;
    }
    vtd_gibs_end(&before);
    vtd_gibs_end(&after);
}
