/*
 * Intel VT-d engine: accessed and dirty bits ahead of use
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns what mark.h declares.  vCPUs write the entries meanwhile: a bit is set
 * by a swap that fails if the entry has changed, and then it is read anew.
 */

#include "qemu/osdep.h"
#include "mark.h"

/* How often an entry may change while its bits are set */
#define MARK_TRIES              16

uint64_t vtd_tables_marks(const VtdTables *tables, unsigned level,
                          uint64_t entry, uint64_t upper)
{
    const VtdFormat *format = tables->format;
    uint8_t granted = format->rights[entry & upper & format->permission];
    bool leaf = level == 1 || (entry & format->leaf[level]);

    if (!granted || (entry & (leaf ? format->leaf_reserved[level]
                                   : format->table_reserved[level]))) {
        return 0;
    }
    return (tables->accessed |
            (leaf && (granted & VTD_WRITE) ? tables->dirty : 0)) & ~entry;
}

bool vtd_mark_entry(const VtdSeenConfig *config, const VtdTables *tables,
                    uint64_t gpa, unsigned level, uint64_t upper,
                    uint64_t *entry)
{
    for (unsigned tries = 0; tries < MARK_TRIES; tries++) {
        uint64_t bits = vtd_tables_marks(tables, level, *entry, upper);

        if (!bits) {
            return true;
        }
        if (!tables->marks_snooped) {
            return false;
        }
        if (config->swap(config->opaque, gpa, GUINT64_TO_LE(*entry),
                         GUINT64_TO_LE(*entry | bits))) {
            *entry |= bits;
            return true;
        }
        if (!config->read(config->opaque, gpa, entry, sizeof(*entry))) {
            return false;
        }
        *entry = GUINT64_FROM_LE(*entry);
    }
    return false;
}
