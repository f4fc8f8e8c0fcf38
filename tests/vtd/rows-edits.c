/*
 * VT-d tests: what a shadow does about changes of page tables
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns rows of edits that follow each other, with the notifications that each
 * may take at most.
 */

#include "qemu/osdep.h"
#include "tests/vtd/edits.h"

#define IOVA                    0x40000000ull
#define RAM                     EDIT_RAM

static void edit(QVtd *d, const QVtdDomain *domain, const Edit *e)
{
    unsigned shift = 12 + 9 * (e->level - 1);
    uint64_t iova = e->iova, value = e->value;

    for (unsigned done = 0; done < e->n; ) {
        /* As many as there are up to the end of the table */
        unsigned room = 512 - (iova >> shift & 511);
        unsigned n = MIN(room, e->n - done);
        uint64_t at = qvtd_entry(d, domain, iova, e->level);
        uint64_t entries[512];

        for (unsigned i = 0; i < n; i++, value += e->step) {
            entries[i] = GUINT64_TO_LE(value);
        }
        g_assert_true(d->port->mem_write(d->port, at, entries,
                                         n * sizeof(*entries)));
        iova += (uint64_t)n << shift;
        done += n;
    }
}

void qvtd_edit(QVtd *d, const QVtdDomain *domain, const Edit *edits,
               unsigned max)
{
    for (unsigned i = 0; i < max && edits[i].level; i++) {
        edit(d, domain, &edits[i]);
    }
}

void qvtd_edit_rows(QVtd *d, const QVtdDomain *domain, const EditRow *rows,
                    unsigned n, EditStep *step, void *opaque)
{
    for (unsigned i = 0; i < n; i++) {
        qvtd_row("%s", rows[i].name);
        qvtd_edit(d, domain, rows[i].edits, ARRAY_SIZE(rows[i].edits));
        qvtd_invalidate(d, rows[i].flush);
        step(opaque, rows[i].maps, rows[i].unmaps);
    }
}

/* The rule above all others: what stays is not touched */
static const EditRow split[] = {
    { "a 2-MiB leaf", { LEAVES(2, IOVA, RAM, 1) }, FLUSH_DOMAIN, 1, 0 },
    { "becomes 512 leaves to one page",
      { CLEAR(2, IOVA, 1), SAME_LEAVES(1, IOVA, RAM + MIB2, 512) },
      FLUSH_DOMAIN, 512, 1 },
    { "becomes a leaf to elsewhere", { LEAVES(2, IOVA, RAM, 1) },
      FLUSH_DOMAIN, 1, 1 },
    { "becomes 512 leaves to the same bytes",
      { CLEAR(2, IOVA, 1), LEAVES(1, IOVA, RAM, 512) },
      FLUSH_DOMAIN, 0, 0 },
    { "goes", { CLEAR(1, IOVA, 512) }, FLUSH_DOMAIN, 0, 1 },
};

/* A GiB with the interrupt range in it: what is left is ten pieces */
static const EditRow interrupts[] = {
    { "a 1-GiB leaf over the interrupt range",
      { LEAVES(3, 3 * EDIT_GIB, EDIT_GIB, 1) }, FLUSH_DOMAIN, 10, 0 },
    { "a page-selective invalidation of it",
      { }, FLUSH_PAGES(3 * EDIT_GIB, 18), 0, 0 },
    { "it goes elsewhere",
      { LEAVES(3, 3 * EDIT_GIB, EDIT_GIB_2, 1) },
      FLUSH_PAGES(3 * EDIT_GIB, 18), 10, 10 },
    { "it goes, page-selective",
      { CLEAR(3, 3 * EDIT_GIB, 1) }, FLUSH_PAGES(3 * EDIT_GIB, 18),
      0, 10 },
    { "the same by a domain flush",
      { LEAVES(3, 3 * EDIT_GIB, EDIT_GIB, 1) }, FLUSH_DOMAIN, 10, 0 },
    { "it goes, by a domain flush",
      { CLEAR(3, 3 * EDIT_GIB, 1) }, FLUSH_DOMAIN, 0, 10 },
};

/* Rule "in place": changed in place, each page alone and back to back */
static const EditRow in_place[] = {
    { "pages", { LEAVES(1, IOVA, RAM, 512) }, FLUSH_DOMAIN, 512, 0 },
    { "one page's target", { LEAVES(1, IOVA, RAM + MIB2, 1) },
      FLUSH_PAGES(IOVA, 0), 1, 1 },
    { "one page's write permission",
      { LEAVES_BITS(1, IOVA + 0x1000, RAM + 0x1000, 1, QVTD_R) },
      FLUSH_DOMAIN, 1, 1 },
    { "one page's read permission",
      { LEAVES_BITS(1, IOVA + 0x1000, RAM + 0x1000, 1, QVTD_W) },
      FLUSH_DOMAIN, 1, 1 },
    { "both permissions", { LEAVES(1, IOVA + 0x1000, RAM + 0x1000, 1) },
      FLUSH_PAGES(IOVA, 4), 1, 1 },
    { "ignored bits",
      { LEAVES_BITS(1, IOVA + 0x1000, RAM + 0x1000, 1,
                    QVTD_RW | 0x3ull << 52 | 0x7fc | 1ull << 63) },
      FLUSH_DOMAIN, 0, 0 },
    { "three apart",
      { LEAVES(1, IOVA + 0x10000, RAM + MIB2, 1),
        LEAVES(1, IOVA + 0x12000, RAM + MIB2, 1),
        LEAVES(1, IOVA + 0x14000, RAM + MIB2, 1) }, FLUSH_DOMAIN, 3, 3 },
    { "two swapped",
      { LEAVES(1, IOVA + 0x20000, RAM + 0x21000, 1),
        LEAVES(1, IOVA + 0x21000, RAM + 0x20000, 1) },
      FLUSH_DOMAIN, 2, 2 },
    { "all, by a page",
      { LEAVES(1, IOVA, RAM + 0x400000 + 0x1000, 512) },
      FLUSH_DOMAIN, 512, 512 },
    { "one changes, one goes, one changes",
      { LEAVES(1, IOVA + 0x30000, RAM, 1), CLEAR(1, IOVA + 0x31000, 1),
        LEAVES(1, IOVA + 0x32000, RAM, 1) }, FLUSH_DOMAIN, 2, 3 },
    { "a 2-MiB leaf", { LEAVES(2, IOVA + MIB2, RAM, 1) },
      FLUSH_DOMAIN, 1, 0 },
    { "goes elsewhere", { LEAVES(2, IOVA + MIB2, RAM + MIB2, 1) },
      FLUSH_DOMAIN, 1, 1 },
    { "is read-only",
      { LEAVES_BITS(2, IOVA + MIB2, RAM + MIB2, 1, QVTD_R) },
      FLUSH_PAGES(IOVA + MIB2, 9), 1, 1 },
    { "one page of it is invalidated",
      { LEAVES(2, IOVA + MIB2, RAM + MIB2, 1) },
      FLUSH_PAGES(IOVA + MIB2 + 0x5000, 0), 1, 1 },
};

/* Rule "fewest": what goes, goes in the fewest UNMAPs */
static const EditRow fewest[] = {
    { "2 MiB of pages", { LEAVES(1, IOVA, RAM, 512) },
      FLUSH_DOMAIN, 512, 0 },
    { "go", { CLEAR(1, IOVA, 512) }, FLUSH_DOMAIN, 0, 1 },
    { "2 MiB with every other page",
      { LEAVES(1, IOVA, RAM, 512), CLEAR(1, IOVA + 0x1000, 1),
        CLEAR(1, IOVA + 0x3000, 1), CLEAR(1, IOVA + 0x5000, 1) },
      FLUSH_DOMAIN, 509, 0 },
    { "go, over the holes", { CLEAR(1, IOVA, 512) }, FLUSH_DOMAIN, 0, 1 },
    { "2 MiB of pages again", { LEAVES(1, IOVA, RAM, 512) },
      FLUSH_DOMAIN, 512, 0 },
    { "all but the first go", { CLEAR(1, IOVA + 0x1000, 511) },
      FLUSH_DOMAIN, 0, 9 },
    { "they come back", { LEAVES(1, IOVA, RAM, 512) },
      FLUSH_DOMAIN, 511, 0 },
    { "all but one in the middle go",
      { CLEAR(1, IOVA, 256), CLEAR(1, IOVA + 0x101000, 255) },
      FLUSH_DOMAIN, 0, 9 },
    { "the table is unlinked", { CLEAR(2, IOVA, 1) }, FLUSH_DOMAIN, 0, 1 },
    { "a page at either end of 2 MiB",
      { LEAVES(1, IOVA, RAM, 1), LEAVES(1, IOVA + 0x1ff000, RAM, 1) },
      FLUSH_DOMAIN, 2, 0 },
    { "both go", { CLEAR(1, IOVA, 512) }, FLUSH_DOMAIN, 0, 1 },
    { "leaves of every size",
      { LEAVES(1, IOVA, RAM, 16), LEAVES(2, IOVA + MIB2, RAM, 3),
        LEAVES(1, IOVA + 4 * MIB2, RAM, 16) }, FLUSH_DOMAIN, 35, 0 },
    { "go", { CLEAR(3, IOVA, 1) }, FLUSH_DOMAIN, 0, 1 },
};

/* Rule "width": as wide as the leaf */
static const EditRow width[] = {
    { "neighbours are not joined", { LEAVES(1, IOVA, RAM, 1024) },
      FLUSH_DOMAIN, 1024, 0 },
    { "a 2-MiB leaf is one", { LEAVES(2, IOVA + 4 * MIB2, RAM, 1) },
      FLUSH_DOMAIN, 1, 0 },
    { "two of them are two", { LEAVES(2, IOVA + 8 * MIB2, RAM, 2) },
      FLUSH_DOMAIN, 2, 0 },
    { "a 1-GiB leaf is one",
      { LEAVES(3, 2 * EDIT_GIB, EDIT_GIB, 1) }, FLUSH_DOMAIN, 1, 0 },
    { "all of it, by pages that lie in it",
      { LEAVES(3, 4 * EDIT_GIB, EDIT_GIB, 1) },
      FLUSH_PAGES(4 * EDIT_GIB + 0x12345000, 0), 1, 0 },
};

/* The smallest address width, and the last page of each */
static const EditRow narrow[] = {
    { "39 bits: the ends",
      { LEAVES(1, 0, RAM, 1), LEAVES(1, 0x7ffffff000, RAM, 1) },
      FLUSH_DOMAIN, 2, 0 },
    { "39 bits: all, page-selective", { CLEAR(1, 0x7ffffff000, 1) },
      FLUSH_PAGES(0x7ffffff000, 0), 0, 1 },
    { "39 bits: all goes", { CLEAR(3, 0, 1) }, FLUSH_DOMAIN, 0, 10 },
};

static const EditRow wide[] = {
    { "48 bits: the ends",
      { LEAVES(1, 0, RAM, 1), LEAVES(1, 0xfffffffff000, RAM, 1),
        LEAVES(2, 0x7fffffe00000, RAM, 1),
        LEAVES(2, 0x800000000000, RAM, 1) }, FLUSH_DOMAIN, 4, 0 },
    { "48 bits: the last page", { CLEAR(1, 0xfffffffff000, 1) },
      FLUSH_PAGES(0xfffffffff000, 0), 0, 1 },
    { "48 bits: all goes",
      { CLEAR(4, 0, 1), CLEAR(4, 0x7fffffe00000, 1),
        CLEAR(4, 0x800000000000, 1) }, FLUSH_DOMAIN, 0, 12 },
};

/* Rule "resized": sizes that change; the mapping stays where the bytes do */
static const EditRow sizes_2m[] = {
    { "2 MiB", { LEAVES(2, IOVA, RAM, 1) }, FLUSH_DOMAIN, 1, 0 },
    { "pages, same bytes",
      { CLEAR(2, IOVA, 1), LEAVES(1, IOVA, RAM, 512) }, FLUSH_DOMAIN, 0, 0 },
    { "2 MiB again, same bytes", { LEAVES(2, IOVA, RAM, 1) },
      FLUSH_DOMAIN, 0, 0 },
    { "pages elsewhere",
      { CLEAR(2, IOVA, 1), LEAVES(1, IOVA, RAM + MIB2, 512) },
      FLUSH_DOMAIN, 512, 1 },
    { "2 MiB, same bytes", { LEAVES(2, IOVA, RAM + MIB2, 1) },
      FLUSH_DOMAIN, 0, 0 },
    { "pages again, same bytes",
      { CLEAR(2, IOVA, 1), LEAVES(1, IOVA, RAM + MIB2, 512) },
      FLUSH_DOMAIN, 0, 0 },
    { "half of them go", { CLEAR(1, IOVA, 256) }, FLUSH_DOMAIN, 0, 1 },
    { "2 MiB, the other half new", { LEAVES(2, IOVA, RAM + MIB2, 1) },
      FLUSH_DOMAIN, 256, 0 },
    { "2 MiB elsewhere", { LEAVES(2, IOVA, RAM, 1) }, FLUSH_DOMAIN, 1, 1 },
    { "pages elsewhere, by page invalidation",
      { CLEAR(2, IOVA, 1), LEAVES(1, IOVA, RAM + MIB2, 512) },
      FLUSH_PAGES(IOVA, 9), 512, 1 },
    { "2 MiB elsewhere, by page invalidation",
      { LEAVES(2, IOVA, RAM, 1) }, FLUSH_PAGES(IOVA + 0x7000, 0), 1, 1 },
    { "other permission, as pages",
      { CLEAR(2, IOVA, 1), LEAVES_BITS(1, IOVA, RAM, 512, QVTD_R) },
      FLUSH_DOMAIN, 512, 1 },
    { "it goes", { CLEAR(2, IOVA, 1) }, FLUSH_DOMAIN, 0, 1 },
};

static const EditRow sizes_1g[] = {
    { "512 leaves of 2 MiB", { LEAVES(2, 5 * EDIT_GIB, EDIT_GIB, 512) },
      FLUSH_DOMAIN, 512, 0 },
    { "1 GiB, same bytes", { LEAVES(3, 5 * EDIT_GIB, EDIT_GIB, 1) },
      FLUSH_DOMAIN, 0, 0 },
    { "2 MiB again, same bytes",
      { CLEAR(3, 5 * EDIT_GIB, 1), LEAVES(2, 5 * EDIT_GIB, EDIT_GIB, 512) },
      FLUSH_DOMAIN, 0, 0 },
    { "one of them as pages, same bytes",
      { CLEAR(2, 5 * EDIT_GIB, 1), LEAVES(1, 5 * EDIT_GIB, EDIT_GIB, 512) },
      FLUSH_DOMAIN, 0, 0 },
    { "1 GiB elsewhere", { LEAVES(3, 5 * EDIT_GIB, EDIT_GIB_2, 1) },
      FLUSH_DOMAIN, 1, 512 },
    { "2 MiB, same bytes",
      { CLEAR(3, 5 * EDIT_GIB, 1), LEAVES(2, 5 * EDIT_GIB, EDIT_GIB_2, 512) },
      FLUSH_DOMAIN, 0, 0 },
    { "all goes", { CLEAR(3, 5 * EDIT_GIB, 1) }, FLUSH_DOMAIN, 0, 1 },
    { "1 GiB", { LEAVES(3, 5 * EDIT_GIB, EDIT_GIB, 1) }, FLUSH_DOMAIN, 1, 0 },
    { "pages in its first 2 MiB, 2 MiB elsewhere, nothing more",
      { CLEAR(3, 5 * EDIT_GIB, 1),
        LEAVES(2, 5 * EDIT_GIB + MIB2, EDIT_GIB_2, 1),
        LEAVES(1, 5 * EDIT_GIB, RAM, 512) }, FLUSH_DOMAIN, 513, 1 },
    { "1 GiB again", { LEAVES(3, 5 * EDIT_GIB, EDIT_GIB, 1) }, FLUSH_DOMAIN,
      1, 2 },
    { "it goes, page-selective", { CLEAR(3, 5 * EDIT_GIB, 1) },
      FLUSH_PAGES(5 * EDIT_GIB, 18), 0, 1 },
};

const char *const qvtd_edit_names[] = {
    "split", "interrupts", "in-place", "fewest", "width", "narrow", "wide",
    "sizes-2m", "sizes-1g", NULL,
};

void qvtd_edit_rows_of(QVtd *d, const QVtdDomain *domain, const char *name,
                       EditStep *step, void *opaque)
{
    /* In the order of the names */
#define TABLE(rows)             { (rows), ARRAY_SIZE(rows) }
    static const struct {
        const EditRow *rows;
        unsigned n;
    } tables[] = {
        TABLE(split), TABLE(interrupts), TABLE(in_place), TABLE(fewest),
        TABLE(width), TABLE(narrow), TABLE(wide), TABLE(sizes_2m),
        TABLE(sizes_1g),
    };
    unsigned i = 0;

    while (!g_str_equal(qvtd_edit_names[i], name)) {
        i++;
        g_assert_cmpuint(i, <, ARRAY_SIZE(tables));
    }
    qvtd_edit_rows(d, domain, tables[i].rows, tables[i].n, step, opaque);
}
