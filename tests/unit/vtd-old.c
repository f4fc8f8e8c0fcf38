/*
 * Tables of old that a paging-structure cache may lead to
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See vtd-old.h.
 */

#include "qemu/osdep.h"
#include "tests/vtd/numbers.h"
#include "vtd-old.h"

static bool is_first(const PlainContext *context)
{
    return context->pgtt == QVTD_PGTT_FIRST;
}

/* Whether the entry is present, has no reserved bits, and is a leaf if @leaf */
static bool is_good(const Plain *p, const PlainContext *context,
                    uint64_t entry, unsigned level, bool leaf)
{
    bool first = is_first(context);

    return (entry & (first ? QVTD_FS_P : QVTD_RW)) &&
           leaf == (level == 1 || (level <= 3 && entry & QVTD_PS)) &&
           !(entry & (first ? plain_fs_reserved(p, level, leaf)
                            : plain_ss_reserved(p, level, leaf)));
}

static bool in_width(const Plain *p, const PlainContext *context,
                     uint64_t iova)
{
    unsigned first = context->fs_levels == 5 ? 56 : 47;

    return is_first(context)
           ? !(iova >> first) || iova >> first == UINT64_MAX >> first
           : !(iova >> MIN(p->aw_bits, 12 + 9 * context->levels));
}

void old_tables_see(OldTables *old, Plain *p, const PlainContext *context,
                    uint64_t iova)
{
    bool first = is_first(context);
    OldTable now = {
        .context = *context,
        .gpa = first ? context->fs_top : context->top,
        .upper = UINT64_MAX,
    };

    if (context->kind != PLAIN_TABLES || context->pgtt == QVTD_PGTT_NESTED ||
        !in_width(p, context, iova)) {
        return;
    }
    for (unsigned level = first ? context->fs_levels : context->levels;
         level > 1; level--) {
        uint64_t entry;

        if (!plain_read(p, now.gpa + (iova >> (3 + 9 * level) & 511) * 8,
                        &entry) ||
            !is_good(p, context, entry, level, false)) {
            return;
        }
        now.upper &= entry;
        now.gpa = entry & QVTD_BITS(p->haw_bits - 1, 12);
    }
    now.upper &= first ? QVTD_FS_US | QVTD_FS_RW : QVTD_RW;
    for (unsigned i = 0; i < old->n; i++) {
        if (!memcmp(&old->table[i], &now, sizeof(now))) {
            return;
        }
    }
    g_assert_cmpuint(old->n, <, OLD_TABLES);
    old->table[old->n++] = now;
}

static bool lookup(Plain *p, const OldTable *table, uint64_t iova,
                   VtdAccess access, Outcome *o)
{
    const PlainContext *context = &table->context;
    bool first = is_first(context);
    uint64_t dirty = first ? QVTD_FS_D : context->ss_marks ? QVTD_SS_D : 0;
    uint64_t entry, both;

    if (!plain_read(p, table->gpa + (iova >> 12 & 511) * 8, &entry) ||
        !is_good(p, context, entry, 1, true)) {
        return false;
    }
    both = table->upper & entry;
    *o = (Outcome) {
        .result = (entry & QVTD_BITS(p->haw_bits - 1, 12)) | (iova & 0xfff),
        .read = first ? both & QVTD_FS_US : both & QVTD_R,
        .write = first ? (both & QVTD_FS_US) && (both & QVTD_FS_RW)
                       : both & QVTD_W,
        .cacheable = true,
        .context_cacheable = true,
    };
    o->write &= !(dirty & ~entry) || access == VTD_ACCESS_WRITE;
    return !QVTD_IS_MSI(o->result) &&
           (access == VTD_ACCESS_READ ? o->read :
            access == VTD_ACCESS_WRITE ? o->write : o->read || o->write);
}

void old_tables_add(const OldTables *old, Plain *p, uint64_t iova,
                    VtdAccess access, Legal *legal)
{
    Outcome o;

    for (unsigned i = 0; i < old->n; i++) {
        if (lookup(p, &old->table[i], iova, access, &o)) {
            legal_add_other(legal, &o);
        }
    }
}
