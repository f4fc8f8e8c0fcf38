/*
 * Intel VT-d engine: a nested translation as one set of tables
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what compose.h declares.  Whatever would make a request fault maps
 * nothing.  Neighbouring addresses mostly share a table of the second stage,
 * so the way to it is remembered.
 */

#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "block.h"
#include "compose.h"
#include "mark.h"

/* A reference to input of the second stage itself, not to a table there */
#define REF_SPLIT               VTD_BIT(62)

/* Where an address of the second stage leads */
typedef struct VtdComposeEnd {
    uint64_t addr;
    uint8_t level;              /* of the page, or where nothing is there */
    uint8_t granted;            /* 0: it leads nowhere */
} VtdComposeEnd;

void vtd_format_composed(VtdFormat *format, unsigned haw_bits)
{
    *format = (VtdFormat) {
        .present = VTD_RW,
        .permission = VTD_RW,
        .sign_extended = true,
        .address = VTD_MASK(62, VTD_PAGE_SHIFT),
    };
    for (unsigned bits = 0; bits < VTD_PERMISSIONS; bits++) {
        format->rights[bits] = bits & VTD_RW;
    }
    for (unsigned level = 1; level <= VTD_LEVELS_MAX; level++) {
        format->leaf[level] = level == 2 || level == 3 ? VTD_FS_PS : 0;
        format->leaf_address[level] = VTD_MASK(haw_bits - 1, VTD_PAGE_SHIFT);
    }
}

void vtd_compose_begin(VtdCompose *compose, const VtdSeenConfig *config,
                       const VtdTables *tables)
{
    *compose = (VtdCompose) {
        .config = config,
        .tables = tables,
        .second = vtd_second_stage(tables, config->second),
    };
}

static uint64_t vtd_compose_read(VtdCompose *compose,
                                 const VtdComposeLevel *at, unsigned i)
{
    const VtdSeenConfig *config = compose->config;
    uint64_t entry = 0;

    if (at->table) {
        return GUINT64_FROM_LE(qatomic_read(at->table + i));
    }
    if (!config->read(config->opaque, at->ref + i * sizeof(entry), &entry,
                      sizeof(entry))) {
        return 0;
    }
    return GUINT64_FROM_LE(entry);
}

/* A page of guest memory in place, or NULL */
static const uint64_t *vtd_compose_page(VtdCompose *compose, uint64_t gpa)
{
    const VtdSeenConfig *config = compose->config;
    VtdRam *ram = &compose->ram;

    if (!ram->last || gpa < ram->first || gpa > ram->last) {
        config->ram(config->opaque, gpa, ram);
    }
    return ram->data && ram->last - gpa >= VTD_PAGE_SIZE - 1
           ? (const uint64_t *)(ram->data + (gpa - ram->first)) : NULL;
}

static void vtd_compose_enter(VtdCompose *compose, unsigned level,
                              uint64_t ref, uint8_t granted)
{
    compose->level[level] = (VtdComposeLevel) {
        .ref = ref,
        .table = vtd_compose_page(compose, ref),
        .granted = granted,
    };
    compose->known = level;
}

/* The lowest table that @gpa shares with the last address */
static unsigned vtd_compose_common(VtdCompose *compose, uint64_t gpa)
{
    const VtdTables *second = &compose->second;
    unsigned level = compose->known;

    if (!level) {
        level = second->levels;
        vtd_compose_enter(compose, level, second->top, VTD_RW);
    }
    while (level < second->levels &&
           (gpa ^ compose->last) >> vtd_level_shift(level + 1)) {
        level++;
    }
    compose->known = level;
    compose->last = gpa;
    return level;
}

/* Where @gpa leads, for accesses among @wanted */
static VtdComposeEnd vtd_compose_second(VtdCompose *compose, uint64_t gpa,
                                        uint8_t wanted)
{
    const VtdTables *second = &compose->second;
    const VtdFormat *format = second->format;
    unsigned level;

    if (gpa > vtd_format_last(format, second->levels)) {
        return (VtdComposeEnd) { .level = VTD_LEVELS_MAX };
    }
    for (level = vtd_compose_common(compose, gpa); ; level--) {
        const VtdComposeLevel *at = &compose->level[level];
        unsigned shift = vtd_level_shift(level);
        unsigned i = VTD_BITS(gpa, shift + VTD_LEVEL_BITS - 1, shift);
        uint64_t entry = vtd_compose_read(compose, at, i);
        bool leaf = level == 1 || (entry & format->leaf[level]);
        uint8_t granted = format->rights[entry & at->granted];

        if (!granted ||
            (entry & (leaf ? format->leaf_reserved[level]
                           : format->table_reserved[level])) ||
            !vtd_mark_entry(compose->config, second,
                            at->ref + i * sizeof(entry), level,
                            at->granted & wanted, &entry)) {
            return (VtdComposeEnd) { .level = level };
        }
        if (leaf) {
            return (VtdComposeEnd) {
                .addr = (entry & format->leaf_address[level]) |
                        (gpa & vtd_level_mask(level)),
                .level = level,
                .granted = granted,
            };
        }
        vtd_compose_enter(compose, level - 1, entry & format->address,
                          granted);
    }
}

/* An entry of @level for what the first stage leads to at @gpa */
static uint64_t vtd_compose_leaf(VtdCompose *compose, uint64_t gpa,
                                 unsigned level, uint8_t rights)
{
    VtdComposeEnd end = vtd_compose_second(compose, gpa, rights);

    if (end.level < level) {
        return REF_SPLIT | gpa | rights;
    }
    rights &= end.granted;
    return rights ? end.addr | rights | (level > 1 ? VTD_FS_PS : 0) : 0;
}

/* Entry @i of the first stage's table at @ref, which is at @addr in memory */
static uint64_t vtd_compose_entry(VtdCompose *compose, uint64_t ref,
                                  const VtdComposeEnd *table, unsigned level,
                                  unsigned i, uint64_t entry, uint8_t upper)
{
    const VtdTables *tables = compose->tables;
    const VtdFormat *format = tables->format;
    bool leaf = level == 1 || (entry & format->leaf[level]);
    uint64_t above = format->plain | VTD_READ | upper;
    uint8_t rights = format->rights[entry & format->permission & above];

    if (!rights || (entry & (leaf ? format->leaf_reserved[level]
                                  : format->table_reserved[level]))) {
        return 0;
    }
    if (vtd_tables_marks(tables, level, entry, above) &&
        (!(table->granted & VTD_WRITE) ||
         !vtd_compose_second(compose, ref, VTD_RW).granted ||
         !vtd_mark_entry(compose->config, tables,
                         table->addr + i * sizeof(entry), level, above,
                         &entry))) {
        return 0;
    }
    if (leaf) {
        return vtd_compose_leaf(compose, entry & format->leaf_address[level],
                                level, rights);
    }
    return (entry & format->address) | rights;
}

static bool vtd_compose_first(VtdCompose *compose, uint64_t ref,
                              unsigned level, uint8_t upper, uint64_t *to)
{
    const VtdSeenConfig *config = compose->config;
    VtdComposeEnd table = vtd_compose_second(compose, ref, VTD_READ);
    const uint64_t *from;
    uint64_t copy[VTD_ENTRIES];

    if (!(table.granted & VTD_READ)) {
        return false;
    }
    from = vtd_compose_page(compose, table.addr);
    if (!from) {
        from = copy;
        if (!config->read(config->opaque, table.addr, copy, sizeof(copy))) {
            return false;
        }
    }
    for (unsigned i = 0; i < VTD_ENTRIES; i++) {
        uint64_t entry = GUINT64_FROM_LE(qatomic_read(from + i));

        to[i] = GUINT64_TO_LE(entry ? vtd_compose_entry(compose, ref, &table,
                                                        level, i, entry, upper)
                                    : 0);
    }
    return true;
}

bool vtd_compose_table(VtdCompose *compose, uint64_t ref, unsigned level,
                       uint8_t upper, uint64_t *to)
{
    if (!(ref & REF_SPLIT)) {
        return vtd_compose_first(compose, ref, level, upper, to);
    }
    ref &= ~REF_SPLIT;
    for (unsigned i = 0; i < VTD_ENTRIES; i++) {
        uint64_t gpa = ref + ((uint64_t)i << vtd_level_shift(level));

        to[i] = GUINT64_TO_LE(vtd_compose_leaf(compose, gpa, level, upper));
    }
    return true;
}
