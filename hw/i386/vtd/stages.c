/*
 * Intel VT-d engine: the way of an address through the stages
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns how a first and a second stage are put together (4.2), and the setting
 * of accessed and dirty bits (3.4, 4.1).  Runs in any thread and holds no
 * lock: a bit is set by a swap that fails if software has changed the entry,
 * and then the way is gone again from its beginning.
 */

#include "qemu/osdep.h"
#include "internal.h"
#include "trace.h"

/* How often software may get in between before a bit counts as not settable */
#define VTD_WAY_TRIES           16

typedef struct VtdWay {
    Vtd *v;
    const VtdTables *tables;
    VtdWalk *blame;             /* the walk that ended the way */
    VtdLeafTable leaves;        /* where it ended; none: address 0 */
    const VtdFault *fault;      /* for its notes: */
    bool first;                 /* the table that is read next is of a first */
    unsigned level;             /* stage, and at this level */
    bool marks;                 /* the request sets bits */
    bool missing;               /* bits that are not set were left so */
    bool raced;                 /* an entry has changed since it was read */
    VtdReason reason;           /* of a fault inside a walk */
    /* Nested: where the entry read last is, as input of the second stage, */
    VtdWalk entry;              /* and as its output */
} VtdWay;

/* NULL: it is not in memory */
static void vtd_way_note(VtdWay *way, uint64_t gpa, const uint64_t *entry)
{
    const VtdNotes *notes = way->fault->notes;

    if (notes) {
        notes->note(notes->opaque, &(VtdStep) {
            .kind = VTD_STEP_PAGE,
            .level = way->level,
            .first = way->first,
            .addr = gpa,
            .readable = entry,
            .lo = entry ? *entry : 0,
        });
    }
}

static bool vtd_way_read(void *opaque, uint64_t gpa, uint64_t *entry)
{
    VtdWay *way = opaque;
    Vtd *v = way->v;

    if (!v->ops->read(v->opaque, gpa, entry, sizeof(*entry))) {
        vtd_way_note(way, gpa, NULL);
        return false;
    }
    *entry = GUINT64_FROM_LE(*entry);
    vtd_way_note(way, gpa, entry);
    way->level--;
    return true;
}

/*
 * Set @bits in @entry at @gpa, of a stage with these reasons.  A probe sets
 * none, so that what it has found is not to be cached.
 */
static bool vtd_way_set(VtdWay *way, const VtdStageReasons *reason,
                        uint64_t gpa, uint64_t entry, uint64_t bits)
{
    Vtd *v = way->v;

    if (!way->marks) {
        way->missing = true;
        return true;
    }
    if (!way->tables->marks_snooped) {
        way->reason = reason->mark_snoop;
        return false;
    }
    if (way->fault->notes) {
        return true;
    }
    if (!v->ops->swap(v->opaque, gpa, GUINT64_TO_LE(entry),
                      GUINT64_TO_LE(entry | bits))) {
        way->raced = true;
        way->reason = reason->mark_failed;
        return false;
    }
    return true;
}

static bool vtd_way_mark_second(void *opaque, uint64_t gpa, uint64_t entry,
                                uint64_t bits)
{
    VtdWay *way = opaque;

    return vtd_way_set(way, &way->v->second.reason, gpa, entry, bits);
}

/* What the leaf of a walk still wants; a bit that is left out is noted */
static uint64_t vtd_way_wants(VtdWay *way, const VtdTables *tables,
                              const VtdWalk *walk, uint64_t wanted)
{
    uint64_t bits = tables->accessed | (wanted & VTD_WRITE ? tables->dirty
                                                           : 0);

    bits &= ~walk->entry;
    way->missing |= bits && !way->marks;
    return way->marks ? bits : 0;
}

/* What a leaf grants: to write, if it need not be marked for that */
static uint8_t vtd_way_grants(const VtdTables *tables, const VtdWalk *walk,
                              uint64_t wanted)
{
    bool dirty = !(tables->dirty & ~walk->entry) || (wanted & VTD_WRITE);

    return walk->granted & ~(dirty ? 0 : VTD_WRITE);
}

static uint64_t vtd_walk_addr(const VtdTables *tables, const VtdWalk *walk,
                              uint64_t input)
{
    uint64_t mask = vtd_level_mask(walk->level);

    return (walk->entry & tables->format->leaf_address[walk->level] & ~mask) |
           (input & mask);
}

static VtdReason vtd_walk_reason(const VtdTables *tables, const VtdWalk *walk,
                                 uint64_t wanted)
{
    const VtdStageReasons *reason = &tables->format->reason;
    VtdReason denied = wanted & VTD_WRITE ? reason->write : reason->read;

    switch (walk->end) {
    case VTD_WALK_UNREADABLE:
        return walk->level == tables->levels ? reason->top_access
                                             : reason->access;
    case VTD_WALK_RESERVED:
        return reason->reserved;
    case VTD_WALK_EMPTY:
        return reason->empty ?: denied;
    case VTD_WALK_DENIED:
        return walk->granted || !reason->nothing ? denied : reason->nothing;
    default:
        return VTD_FAULT_NONE;
    }
}

/*
 * Walk @tables alone.  A leaf gets its bits from the caller, who knows whether
 * its output is legal.
 */
static bool vtd_way_walk(VtdWay *way, const VtdTables *tables, uint64_t input,
                         uint64_t wanted, VtdReadEntry *read,
                         VtdMarkEntry *mark, VtdWalk *walk)
{
    unsigned level = way->level;
    bool first = way->first;
    VtdReason inside;

    way->reason = VTD_FAULT_NONE;
    way->level = tables->levels;
    way->first = tables->first;
    *walk = vtd_walk(tables, input, wanted, read, mark, way);
    way->level = level;
    way->first = first;
    trace_vtd_walk(tables->did, input, walk->level, walk->entry, walk->end);
    inside = way->reason;
    way->reason = inside ?: vtd_walk_reason(tables, walk, wanted);
    if (!inside || walk->end == VTD_WALK_UNMARKED) {
        *way->blame = *walk;
    }
    return walk->end == VTD_WALK_LEAF;
}

/* Read an entry of a first stage at @gpa, an input of the second (4.2) */
static bool vtd_way_read_nested(void *opaque, uint64_t gpa, uint64_t *entry)
{
    VtdWay *way = opaque;
    Vtd *v = way->v;
    VtdTables second = vtd_second_stage(way->tables, &v->second);
    bool top = (gpa & VTD_PAGE_MASK) == way->tables->top;
    VtdWalk *walk = &way->entry;
    uint64_t bits;

    if (gpa >> vtd_width_bits(v, &second)) {
        way->reason = VTD_FAULT_NESTED_TABLE_ADDRESS;
        return false;
    }
    if (!vtd_way_walk(way, &second, gpa, VTD_READ, vtd_way_read,
                      vtd_way_mark_second, walk)) {
        if (walk->end == VTD_WALK_EMPTY || walk->end == VTD_WALK_DENIED) {
            way->reason = top ? VTD_FAULT_NESTED_TOP_READ
                              : VTD_FAULT_NESTED_TABLE_READ;
        }
        return false;
    }
    bits = vtd_way_wants(way, &second, walk, VTD_READ);
    if (bits && !vtd_way_set(way, &second.format->reason, walk->at,
                             walk->entry, bits)) {
        return false;
    }
    walk->entry |= bits;
    return vtd_way_read(way, vtd_walk_addr(&second, walk, gpa), entry);
}

/* Set bits of a first-stage entry, which is where way->entry leads */
static bool vtd_way_mark_nested(void *opaque, uint64_t gpa, uint64_t entry,
                                uint64_t bits)
{
    VtdWay *way = opaque;
    VtdTables second = vtd_second_stage(way->tables, &way->v->second);
    VtdWalk *walk = &way->entry;
    uint64_t dirty;

    if (!way->marks) {
        way->missing = true;
        return true;
    }
    if (!way->tables->marks_snooped) {
        way->reason = VTD_FAULT_FS_DIRTY_SNOOP;
        return false;
    }
    if (!(walk->granted & VTD_WRITE)) {
        way->reason = VTD_FAULT_NESTED_TABLE_WRITE;
        return false;
    }
    dirty = vtd_way_wants(way, &second, walk, VTD_WRITE);
    if (dirty && !vtd_way_set(way, &second.format->reason, walk->at,
                              walk->entry, dirty)) {
        return false;
    }
    walk->entry |= dirty;
    return vtd_way_set(way, &way->tables->format->reason,
                       vtd_walk_addr(&second, walk, gpa), entry, bits);
}

static bool vtd_way_mark(void *opaque, uint64_t gpa, uint64_t entry,
                         uint64_t bits)
{
    VtdWay *way = opaque;

    return vtd_way_set(way, &way->tables->format->reason, gpa, entry, bits);
}

/*
 * The largest page of a leaf at @level around @iova that has the interrupt
 * range neither in its input nor in its output.
 */
static unsigned vtd_way_level(uint64_t iova, uint64_t addr, unsigned level)
{
    while (level > 1) {
        uint64_t mask = vtd_level_mask(level);

        if (!vtd_meets_interrupts(iova & ~mask, iova | mask) &&
            !vtd_meets_interrupts(addr & ~mask, addr | mask)) {
            break;
        }
        level--;
    }
    return level;
}

/* Once through all stages; way->reason says why not */
static bool vtd_way_once(VtdWay *way, uint64_t iova, uint64_t wanted,
                         VtdIotlbEntry *out)
{
    Vtd *v = way->v;
    const VtdTables *tables = way->tables;
    bool nested = tables->second_levels;
    VtdTables second;
    VtdWalk walk, below;
    VtdMarkEntry *mark = nested ? vtd_way_mark_nested : vtd_way_mark;
    unsigned level;
    uint64_t addr, bits;
    uint8_t granted;

    if (!vtd_way_walk(way, tables, iova, wanted,
                      nested ? vtd_way_read_nested : vtd_way_read, mark,
                      &walk)) {
        return false;
    }
    addr = vtd_walk_addr(tables, &walk, iova);
    level = walk.level;
    granted = vtd_way_grants(tables, &walk, wanted);
    if (nested) {
        second = vtd_second_stage(tables, &v->second);
        if (addr >> vtd_width_bits(v, &second)) {
            way->reason = VTD_FAULT_SM_ADDRESS;
            return false;
        }
        if (!vtd_way_walk(way, &second, addr, wanted, vtd_way_read,
                          vtd_way_mark_second, &below)) {
            return false;
        }
        addr = vtd_walk_addr(&second, &below, addr);
        level = MIN(level, below.level);
        granted &= vtd_way_grants(&second, &below, wanted);
    }
    if (vtd_meets_interrupts(addr, addr)) {
        way->reason = tables->format->reason.output;
        return false;
    }
    /* A probe of a page that grants a write alone, whose D is not set */
    if (!granted) {
        way->reason = tables->format->reason.write;
        return false;
    }
    bits = vtd_way_wants(way, tables, &walk, wanted);
    if (bits && !mark(way, walk.at, walk.entry, bits)) {
        return false;
    }
    if (nested) {
        bits = vtd_way_wants(way, &second, &below, wanted);
        if (bits && !vtd_way_mark_second(way, below.at, below.entry, bits)) {
            return false;
        }
    }
    if (walk.level == 1) {
        way->leaves.addr = walk.at & VTD_PAGE_MASK;
        way->leaves.permission = walk.upper;
    }
    out->level = vtd_way_level(iova, addr, level);
    out->addr = addr & ~vtd_level_mask(out->level);
    out->read = granted & VTD_READ;
    out->write = granted & VTD_WRITE;
    return true;
}

/*
 * What @entry of a table of leaves is to a request.  False if it is for a whole
 * walk to judge: the table may be an old one, so whatever else than a leaf is
 * there that grants what is wanted, and has its bits set.
 */
static bool vtd_stages_leaf(const VtdTables *tables, uint8_t permission,
                            uint64_t entry, uint64_t wanted,
                            VtdIotlbEntry *out)
{
    const VtdFormat *format = tables->format;
    uint64_t addr = entry & format->leaf_address[1];
    uint64_t bits = tables->accessed | (wanted & VTD_WRITE ? tables->dirty
                                                           : 0);
    uint8_t granted = format->rights[permission & entry];

    if (tables->dirty & ~entry) {
        granted &= ~VTD_WRITE;
    }
    if (!(entry & format->present) || (entry & format->leaf_reserved[1]) ||
        !granted || (wanted & ~granted) || (bits & ~entry) ||
        vtd_meets_interrupts(addr, addr)) {
        return false;
    }
    *out = (VtdIotlbEntry) {
        .addr = addr,
        .level = 1,
        .read = granted & VTD_READ,
        .write = granted & VTD_WRITE,
    };
    return true;
}

/* By the table of leaves that is cached for @iova */
static bool vtd_stages_short(Vtd *v, const VtdTables *tables, uint64_t iova,
                             uint64_t wanted, VtdIotlbEntry *out,
                             VtdFault *fault)
{
    uint64_t offset = VTD_BITS(iova, 20, 12) * sizeof(uint64_t), entry;
    VtdLeafTable leaves;

    if (!vtd_paging_lookup(v->paging, tables, iova, &leaves) ||
        !v->ops->read(v->opaque, leaves.addr + offset, &entry,
                      sizeof(entry))) {
        return false;
    }
    entry = GUINT64_FROM_LE(entry);
    if (!vtd_stages_leaf(tables, leaves.permission, entry, wanted, out)) {
        return false;
    }
    trace_vtd_walk(tables->did, iova, 1, entry, VTD_WALK_LEAF);
    fault->level = 1;
    fault->lo = entry;
    return true;
}

bool vtd_stages_ahead(Vtd *v, const VtdTables *tables, uint64_t iova,
                      unsigned n, VtdIotlbEntry *out)
{
    uint64_t entry[VTD_AHEAD_LEAVES];
    unsigned first = VTD_BITS(iova, 20, 12) & ~(n - 1);
    VtdLeafTable leaves;

    if (tables->second_levels ||
        !vtd_paging_lookup(v->paging, tables, iova, &leaves) ||
        !v->ops->read(v->opaque, leaves.addr + first * sizeof(*entry), entry,
                      n * sizeof(*entry))) {
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        if (!vtd_stages_leaf(tables, leaves.permission,
                             GUINT64_FROM_LE(entry[i]), 0, &out[i])) {
            out[i] = (VtdIotlbEntry) { 0 };
        }
    }
    return true;
}

/* From the top; @now is 0 if the table of leaves is not to be cached */
static VtdReason vtd_stages_whole(Vtd *v, const VtdTables *tables,
                                  uint64_t iova, VtdAccess access,
                                  uint64_t wanted, uint64_t now,
                                  VtdIotlbEntry *out, bool *cacheable,
                                  VtdFault *fault)
{
    VtdWalk blame = { 0 };
    VtdWay way;
    bool found = false;

    for (unsigned tries = 0; tries < VTD_WAY_TRIES; tries++) {
        way = (VtdWay) {
            .v = v,
            .tables = tables,
            .blame = &blame,
            .fault = fault,
            .marks = access != VTD_ACCESS_PROBE,
        };
        found = vtd_way_once(&way, iova, wanted, out);
        if (!way.raced) {
            break;
        }
    }
    if (found && now && !way.missing && way.leaves.addr) {
        vtd_paging_insert(v->paging, tables, iova, &way.leaves, now);
    }
    fault->level = blame.level;
    fault->lo = blame.entry;
    *cacheable = !way.missing;
    return found ? VTD_FAULT_NONE : way.reason;
}

VtdReason vtd_stages_walk(Vtd *v, const VtdTables *tables, uint64_t iova,
                          VtdAccess access, uint64_t now, VtdIotlbEntry *out,
                          bool *cacheable, VtdFault *fault)
{
    uint64_t wanted = access == VTD_ACCESS_READ ? VTD_READ :
                      access == VTD_ACCESS_WRITE ? VTD_WRITE : 0;

    if (tables->first ? !vtd_canonical(tables, iova)
                      : iova >> vtd_width_bits(v, tables)) {
        return tables->format->reason.address;
    }
    if (tables->second_levels) {
        now = 0;        /* its tables are at addresses that have a walk each */
    }
    if (now && vtd_stages_short(v, tables, iova, wanted, out, fault)) {
        *cacheable = true;
        return VTD_FAULT_NONE;
    }
    return vtd_stages_whole(v, tables, iova, access, wanted, now, out,
                            cacheable, fault);
}

unsigned vtd_unchanged_level(uint64_t iova)
{
    return vtd_way_level(iova, iova, 3);
}
