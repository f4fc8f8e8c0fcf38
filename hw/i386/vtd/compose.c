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
                       const VtdTables *tables, VtdSeen *seen)
{
    *compose = (VtdCompose) {
        .config = config,
        .tables = tables,
        .second = vtd_second_stage(tables, config->second),
        .seen = seen,
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

static void vtd_compose_enter(VtdCompose *compose, unsigned level,
                              uint64_t ref, uint8_t granted)
{
    VtdComposeLevel *at = &compose->level[level];
    VtdCopy *copy = compose->seen
        ? vtd_copies_get(compose->seen, &compose->ram, ref) : NULL;

    *at = (VtdComposeLevel) {
        .ref = ref,
        .table = copy ? copy->entry : vtd_table_in_place(compose->config,
                                                          &compose->ram, ref),
        .copy = copy,
        .uses = copy ? copy->bit : 0,
        .unsure = !copy,
        .granted = granted,
    };
    if (level < compose->second.levels) {
        at->uses |= compose->level[level + 1].uses;
        at->unsure |= compose->level[level + 1].unsure;
    }
    compose->known = level;
}

/*
 * Set what entry *@entry of a table wants, at @gpa.  If vCPUs change it
 * meanwhile, or that fails, what is composed of it is no more than a guess:
 * another sync is going to follow.
 */
static bool vtd_compose_mark(VtdCompose *compose, const VtdTables *tables,
                             uint64_t gpa, unsigned level, uint64_t upper,
                             uint64_t *entry)
{
    uint64_t was = *entry, bits = vtd_tables_marks(tables, level, was, upper);
    bool marked = vtd_mark_entry(compose->config, tables, gpa, level, upper,
                                 entry);

    if (bits && tables->marks_snooped && *entry != (was | bits)) {
        compose->unsure = true;
    }
    return marked;
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
        VtdComposeLevel *at = &compose->level[level];
        unsigned shift = vtd_level_shift(level);
        unsigned i = VTD_BITS(gpa, shift + VTD_LEVEL_BITS - 1, shift);
        uint64_t entry = vtd_compose_read(compose, at, i);
        bool leaf = level == 1 || (entry & format->leaf[level]);
        uint8_t granted = format->rights[entry & at->granted];
        bool marked;

        compose->uses |= at->uses;
        compose->unsure |= at->unsure;
        if (!granted ||
            (entry & (leaf ? format->leaf_reserved[level]
                           : format->table_reserved[level]))) {
            return (VtdComposeEnd) { .level = level };
        }
        marked = vtd_compose_mark(compose, second,
                                  at->ref + i * sizeof(entry), level,
                                  at->granted & wanted, &entry);
        if (at->copy && !compose->unsure) {
            at->copy->entry[i] = GUINT64_TO_LE(entry);
        }
        if (!marked) {
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
         !vtd_compose_mark(compose, tables, table->addr + i * sizeof(entry),
                           level, above, &entry))) {
        return 0;
    }
    compose->from[i] = GUINT64_TO_LE(entry);
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

    if (!(table.granted & VTD_READ) ||
        !vtd_copy_table(config, &compose->ram, table.addr, compose->from)) {
        return false;
    }
    for (unsigned i = 0; i < VTD_ENTRIES; i++) {
        uint64_t entry = GUINT64_FROM_LE(compose->from[i]);

        to[i] = GUINT64_TO_LE(entry ? vtd_compose_entry(compose, ref, &table,
                                                        level, i, entry, upper)
                                    : 0);
    }
    return true;
}

bool vtd_compose_table(VtdCompose *compose, uint64_t ref, unsigned level,
                       uint8_t upper, uint64_t *to)
{
    compose->uses = 0;
    compose->unsure = false;
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

VtdSource *vtd_compose_source(VtdCompose *compose, uint64_t ref, uint8_t upper)
{
    bool split = ref & REF_SPLIT;
    size_t size = vtd_source_size(split);
    VtdSource *source;

    /* The array of a GiB may be new as well */
    if (!compose->seen || compose->unsure ||
        !vtd_seen_can_copy(compose->seen, VTD_HEAP(size) + VTD_GIB_BLOCKS)) {
        return NULL;
    }
    source = g_malloc(size);
    source->ref = ref;
    source->uses = compose->uses;
    source->upper = upper;
    source->split = split;
    if (!split) {
        memcpy(source->entry, compose->from, sizeof(compose->from));
    }
    return source;
}

bool vtd_compose_as_before(VtdCompose *compose, const VtdSource *source,
                           uint64_t ref, uint8_t upper)
{
    VtdComposeEnd table;

    if (!compose->seen || source->ref != ref || source->upper != upper) {
        return false;
    }
    if (source->split) {
        return true;
    }
    table = vtd_compose_second(compose, ref, VTD_READ);
    return (table.granted & VTD_READ) &&
           vtd_copy_is_table(compose->config, &compose->ram, table.addr,
                             source->entry);
}
