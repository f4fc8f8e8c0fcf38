/*
 * VT-d tests: a plain walk of what the guest wrote
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See plain.h.
 */

#include "qemu/osdep.h"
#include "tests/vtd/numbers.h"
#include "tests/vtd/plain.h"

#define ENTRIES                 512

/* A walk that finds more than this is not one to be done plainly */
#define MAX_LEAVES              (1u << 22)

static unsigned shift_of(unsigned level)
{
    return 12 + 9 * (level - 1);
}

/* Reading */

static void forget_pages(Plain *p)
{
    if (p->pages) {
        g_hash_table_remove_all(p->pages);
    }
}

void plain_keep_pages(Plain *p)
{
    p->pages = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free,
                                     NULL);
}

void plain_end(Plain *p)
{
    g_clear_pointer(&p->pages, g_hash_table_destroy);
}

/* The entries of the page at @gpa, behind its address; NULL if there is none */
static const uint64_t *kept_page(Plain *p, uint64_t gpa)
{
    uint64_t *page = g_hash_table_lookup(p->pages, &gpa);

    if (page) {
        return page;
    }
    page = g_new(uint64_t, ENTRIES + 1);
    page[0] = gpa;
    if (!p->port->mem_read(p->port, gpa, page + 1, QVTD_PAGE)) {
        g_free(page);
        return NULL;
    }
    g_hash_table_add(p->pages, page);
    return page;
}

bool plain_read(Plain *p, uint64_t gpa, uint64_t *entry)
{
    if (p->pages) {
        const uint64_t *page = kept_page(p, gpa & ~(QVTD_PAGE - 1));

        if (!page) {
            return false;
        }
        *entry = page[1 + gpa % QVTD_PAGE / 8];
    } else if (!p->port->mem_read(p->port, gpa, entry, 8)) {
        return false;
    }
    *entry = GUINT64_FROM_LE(*entry);
    return true;
}

/* Root and context entries (2.1, 5.1) */

static unsigned find_context(Plain *p, uint64_t rtaddr, uint16_t sid,
                             PlainContext *context)
{
    const uint64_t above = QVTD_BITS(63, p->haw_bits);
    uint64_t gpa = (rtaddr & QVTD_BITS(63, 12)) + (sid >> 8) * 16;
    uint64_t lo, hi, word;
    unsigned tt;

    if (p->scalable && (rtaddr & QVTD_TTM) == QVTD_TTM_SCALABLE) {
        return plain_sm_context(p, rtaddr, sid, context);
    }
    if (rtaddr & (above | QVTD_BITS(11, 10))) {
        return QVTD_F_RTADDR;
    }
    if (!plain_read(p, gpa, &lo) || !plain_read(p, gpa + 8, &hi)) {
        return QVTD_F_ROOT_ACCESS;
    }
    if (!(lo & QVTD_P)) {
        return QVTD_F_ROOT;
    }
    if ((lo & (above | QVTD_BITS(11, 1))) || hi) {
        return QVTD_F_ROOT_RESERVED;
    }
    gpa = (lo & QVTD_BITS(63, 12)) + (sid & 0xff) * 16;
    if (!plain_read(p, gpa, &lo) || !plain_read(p, gpa + 8, &hi)) {
        return QVTD_F_CONTEXT_ACCESS;
    }
    tt = lo >> 2 & 3;
    context->fpd = lo & QVTD_FPD;
    context->top = lo & QVTD_BITS(63, 12);
    context->levels = (hi & 7) + 2;
    context->did = hi >> 8;
    if (!(lo & QVTD_P)) {
        return QVTD_F_CONTEXT;
    }
    if ((lo & QVTD_BITS(11, 4)) || (hi & QVTD_BITS(63, 24)) || (hi & 0x80) ||
        (tt != 2 && (lo & above))) {
        return QVTD_F_CONTEXT_RESERVED;
    }
    if (context->levels < 3 || context->levels > 5 ||
        shift_of(context->levels + 1) > p->aw_bits ||
        tt == 3 || (tt == 1 && !p->device_iotlb) ||
        (tt == 2 && !p->pass_through)) {
        return QVTD_F_CONTEXT_INVALID;
    }
    if (tt != 2 && !plain_read(p, context->top, &word)) {
        return QVTD_F_CONTEXT_INVALID;
    }
    context->kind = tt == 2 ? PLAIN_PASS_THROUGH : PLAIN_TABLES;
    return 0;
}

PlainContext plain_context(Plain *p, uint64_t rtaddr, uint16_t sid)
{
    PlainContext context = { .kind = PLAIN_BLOCKED };

    forget_pages(p);
    context.reason = find_context(p, rtaddr, sid, &context);
    return context;
}

/* Paging entries (3) */

static bool is_leaf(uint64_t entry, unsigned level)
{
    return level == 1 || (level <= 3 && (entry & QVTD_PS));
}

uint64_t plain_ss_reserved(const Plain *p, unsigned level, bool leaf)
{
    uint64_t reserved = QVTD_BITS(63, p->haw_bits) & QVTD_BITS(51, 0);

    if (!leaf || !p->device_iotlb || !p->stale_tm) {
        reserved |= QVTD_TM;
    }
    if (!leaf || !p->snoop_control) {
        reserved |= QVTD_SNP;
    }
    if (level > 3) {
        reserved |= QVTD_PS;
    }
    if (leaf && level > 1) {
        reserved |= QVTD_BITS(shift_of(level) - 1, 12);
    }
    return reserved;
}

static uint64_t address_of(const Plain *p, uint64_t entry)
{
    return entry & QVTD_BITS(p->haw_bits - 1, 12);
}

PlainEnd plain_lookup(Plain *p, const PlainContext *context, uint64_t iova,
                      unsigned wanted)
{
    const unsigned no = wanted & QVTD_W ? QVTD_F_WRITE : QVTD_F_READ;
    uint64_t table = context->top, entry;
    unsigned granted = QVTD_RW;

    for (unsigned level = context->levels; ; level--) {
        unsigned shift = shift_of(level);
        bool leaf;

        if (!plain_read(p, table + (iova >> shift & 511) * 8, &entry)) {
            return (PlainEnd) {
                level == context->levels ? QVTD_F_CONTEXT_INVALID
                                         : QVTD_F_TABLE_ACCESS,
            };
        }
        if (!(entry & QVTD_RW)) {
            return (PlainEnd) { no };
        }
        leaf = is_leaf(entry, level);
        if (entry & plain_ss_reserved(p, level, leaf)) {
            return (PlainEnd) { QVTD_F_RESERVED };
        }
        if (wanted & ~entry) {
            return (PlainEnd) { no, .denied = true };
        }
        granted &= entry;
        table = address_of(p, entry);
        if (leaf) {
            uint64_t first = iova >> shift << shift;

            return (PlainEnd) {
                granted ? 0 : no, !granted,
                { first, first + (1ull << shift) - 1, table, granted },
            };
        }
    }
}

bool plain_leaf(Plain *p, const PlainContext *context, uint64_t iova,
                Run *leaf)
{
    PlainEnd end = { .reason = QVTD_F_CONTEXT };
    PlainAnswer answer;

    if (context->pgtt && context->kind == PLAIN_TABLES) {
        plain_sm_request(p, context, iova, 0, &answer);
        *leaf = answer.leaf;
        return !answer.reason;
    }
    if (context->kind == PLAIN_TABLES &&
        !(iova >> shift_of(context->levels + 1))) {
        end = plain_lookup(p, context, iova, 0);
    }
    *leaf = end.leaf;
    return !end.reason;
}

typedef struct SsTable {
    uint64_t gpa;
    unsigned level;
    uint64_t base;              /* the first input address */
    unsigned upper;             /* permissions of all levels above */
} SsTable;

static void walk(Plain *p, const PlainContext *context, const SsTable *t,
                 GArray *leaves)
{
    uint64_t size = 1ull << shift_of(t->level), entry;

    for (unsigned i = 0; i < ENTRIES; i++) {
        uint64_t first = t->base + i * size, gpa = t->gpa + i * 8, bits;
        bool leaf;

        if (!plain_read(p, gpa, &entry)) {
            /* All of a page is memory, or nothing of it */
            return;
        }
        leaf = is_leaf(entry, t->level);
        if (!(entry & t->upper) ||
            (entry & plain_ss_reserved(p, t->level, leaf))) {
            continue;
        }
        bits = !context->ss_marks ? 0 : QVTD_SS_A |
               (leaf && entry & t->upper & QVTD_W ? QVTD_SS_D : 0);
        if (!plain_marked(p, context, gpa, entry, bits)) {
            continue;
        }
        if (leaf) {
            Run run = {
                first, first + size - 1, address_of(p, entry),
                entry & t->upper,
            };

            g_assert_cmpuint(leaves->len, <, MAX_LEAVES);
            g_array_append_val(leaves, run);
        } else {
            walk(p, context, &(SsTable) {
                address_of(p, entry), t->level - 1, first, entry & t->upper,
            }, leaves);
        }
    }
}

GArray *plain_ss_leaves(Plain *p, const PlainContext *context, unsigned wanted)
{
    GArray *leaves = runs_new();

    walk(p, context, &(SsTable) { context->top, context->levels, 0, wanted },
         leaves);
    return leaves;
}

GArray *plain_leaves(Plain *p, const PlainContext *context)
{
    GArray *leaves;

    if (context->kind != PLAIN_TABLES) {
        return runs_new();
    }
    if (!plain_has_first(context)) {
        return plain_ss_leaves(p, context, QVTD_RW);
    }
    leaves = runs_new();
    plain_sm_leaves(p, context, leaves);
    return leaves;
}

/* The parts of a leaf that are whole pages of one piece of RAM */
static void add_ram(Plain *p, GArray *runs, Run part)
{
    const uint64_t last = part.last;

    while (part.first <= last) {
        uint64_t piece_last, rest = last - part.first;
        bool ram = p->port->ram(p->port, part.addr, &piece_last);
        uint64_t bytes = MIN(piece_last - part.addr, rest) + 1;

        /* A page that only begins in RAM is none of it */
        part.last = part.first + (bytes & ~(QVTD_PAGE - 1)) - 1;
        if (ram && bytes >= QVTD_PAGE) {
            runs_add(runs, &part);
        }
        bytes = (bytes + QVTD_PAGE - 1) & ~(QVTD_PAGE - 1);
        part.first += bytes;
        part.addr += bytes;
    }
}

GArray *plain_shadow(Plain *p, const GArray *leaves)
{
    GArray *runs = runs_new();

    for (unsigned i = 0; i < leaves->len; i++) {
        Run below = RUN(leaves, i), above = below;

        if (below.first < QVTD_MSI_ADDR) {
            below.last = MIN(below.last, QVTD_MSI_ADDR - 1);
            add_ram(p, runs, below);
        }
        if (above.last > QVTD_MSI_LAST) {
            above.first = MAX(above.first, QVTD_MSI_LAST + 1ull);
            above.addr += above.first - RUN(leaves, i).first;
            add_ram(p, runs, above);
        }
    }
    return runs;
}

GArray *plain_mapped(Plain *p, const PlainContext *context)
{
    g_autoptr(GArray) leaves = plain_leaves(p, context);

    return plain_shadow(p, leaves);
}
