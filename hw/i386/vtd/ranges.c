/*
 * Intel VT-d engine: what was last seen, as ranges for users
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what ranges.h declares.  [bql] calls only.
 */

#include "qemu/osdep.h"
#include "block.h"
#include "ranges.h"

/* Pages with one permission, whose targets go on evenly from @leaf */
static void vtd_ranges_push(VtdMappedLook *look, uint64_t first, uint64_t last,
                            uint64_t leaf)
{
    VtdMapped new, *tail = NULL;

    if (look->more || last < look->next || first > look->last) {
        return;
    }
    if (first < look->next) {
        leaf += look->next - first;
        first = look->next;
    }
    last = MIN(last, look->last);
    new = (VtdMapped) {
        .first = first,
        .last = last,
        .addr = leaf & VTD_PAGE_MASK & VTD_MASK(51, 0),
        .read = leaf & VTD_READ,
        .write = leaf & VTD_WRITE,
        .straight = true,
    };
    if (look->ranges->len) {
        tail = &g_array_index(look->ranges, VtdMapped, look->ranges->len - 1);
    }
    if (tail && tail->last + 1 == first && tail->read == new.read &&
        tail->write == new.write) {
        tail->straight = tail->straight &&
                         new.addr == tail->addr + (first - tail->first);
        tail->last = last;
    } else if (look->ranges->len == look->limit) {
        look->more = true;
        look->next = first;
        return;
    } else {
        g_array_append_val(look->ranges, new);
    }
    look->next = last + 1;
}

/* Requests to the interrupt range are no accesses to memory */
static void vtd_ranges_push_around(VtdMappedLook *look, uint64_t first,
                                   uint64_t last, uint64_t leaf)
{
    if (!vtd_meets_interrupts(first, last)) {
        vtd_ranges_push(look, first, last, leaf);
        return;
    }
    if (first < VTD_INTERRUPT_FIRST) {
        vtd_ranges_push(look, first, VTD_INTERRUPT_FIRST - 1, leaf);
    }
    if (last > VTD_INTERRUPT_LAST) {
        vtd_ranges_push(look, VTD_INTERRUPT_LAST + 1, last,
                        leaf + (VTD_INTERRUPT_LAST + 1 - first));
    }
}

static void vtd_ranges_block(VtdMappedLook *look, const VtdFormat *format,
                             const VtdBlock *block, uint64_t start)
{
    if (block->form == VTD_FORM_RUN && block->leaves == VTD_ENTRIES) {
        vtd_ranges_push_around(look, start, start + VTD_BLOCK_SIZE - 1,
                               vtd_block_leaf(format, block, 0));
        return;
    }
    for (unsigned i = 0; i < VTD_ENTRIES && !look->more; i++) {
        uint64_t leaf = vtd_block_leaf(format, block, i);
        uint64_t first = start + i * VTD_PAGE_SIZE;

        if (leaf) {
            vtd_ranges_push_around(look, first,
                                   first + VTD_PAGE_SIZE - 1, leaf);
        }
    }
}

/* Nothing more is to be found before @at, which may be beyond the end */
static bool vtd_ranges_pass(VtdMappedLook *look, uint64_t at)
{
    if (!look->more && look->next < at) {
        look->next = at;
    }
    look->done = look->more || look->next > look->last;
    return look->done;
}

static void vtd_ranges_gib(VtdMappedLook *look, const VtdFormat *format,
                           const VtdGib *gib, bool (*over)(void *opaque),
                           void *opaque)
{
    uint64_t end = gib->first + VTD_GIB_SIZE;

    if (gib->leaf) {
        vtd_ranges_push_around(look, gib->first, end - 1, gib->leaf);
        vtd_ranges_pass(look, end);
        return;
    }
    for (uint64_t at; gib->block && look->next < end;) {
        at = MAX(look->next, gib->first) & ~(VTD_BLOCK_SIZE - 1);
        while (at < end &&
               !gib->block[(at - gib->first) >> VTD_BLOCK_SHIFT]) {
            at += VTD_BLOCK_SIZE;
        }
        if (at < end) {
            vtd_ranges_block(look, format, gib->block[(at - gib->first) >>
                                                      VTD_BLOCK_SHIFT], at);
            at += VTD_BLOCK_SIZE;
        }
        if (vtd_ranges_pass(look, at) || over(opaque)) {
            return;
        }
    }
    vtd_ranges_pass(look, end);
}

void vtd_ranges_look(const VtdSeen *seen, VtdMappedLook *look,
                     bool (*over)(void *opaque), void *opaque)
{
    const VtdFormat *format = seen->format;

    look->done = look->next > look->last;
    while (!look->done) {
        VtdGib *gib = vtd_gib_next(seen, look->next & ~(VTD_GIB_SIZE - 1));

        if (!gib || gib->first > look->last) {
            look->done = true;
            return;
        }
        vtd_ranges_gib(look, format, gib, over, opaque);
        if (over(opaque)) {
            return;
        }
    }
}
