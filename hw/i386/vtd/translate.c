/*
 * Intel VT-d engine: the way of one DMA request
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the order of the steps (5.1): context, IOTLB, walk, permission, and
 * what of a superpage may be handed out at once.  Runs in any thread and
 * holds no lock; what it calls takes its own for a moment.
 */

#include "qemu/osdep.h"
#include "internal.h"
#include "trace.h"

/*
 * The largest page of a leaf at @level around @iova that has the interrupt
 * range neither in its input nor in its output.
 */
static unsigned vtd_translate_level(uint64_t iova, uint64_t addr,
                                    unsigned level)
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

static bool vtd_read_ss_entry(void *opaque, uint64_t gpa, uint64_t *entry)
{
    Vtd *v = opaque;

    if (!v->ops->read(v->opaque, gpa, entry, sizeof(*entry))) {
        return false;
    }
    *entry = GUINT64_FROM_LE(*entry);
    return true;
}

static VtdReason vtd_walk_reason(const VtdWalk *walk, unsigned levels,
                                 VtdAccess access)
{
    switch (walk->end) {
    case VTD_WALK_UNREADABLE:
        return walk->level == levels ? VTD_FAULT_CONTEXT_INVALID
                                     : VTD_FAULT_TABLE_ACCESS;
    case VTD_WALK_RESERVED:
        return VTD_FAULT_TABLE_RESERVED;
    case VTD_WALK_EMPTY:
    case VTD_WALK_DENIED:
        return access == VTD_ACCESS_WRITE ? VTD_FAULT_WRITE
                                          : VTD_FAULT_READ;
    case VTD_WALK_LEAF:
        break;
    }
    return VTD_FAULT_NONE;
}

/*
 * Walk the tables of @context, which was read at epoch @now of the IOTLB or
 * later.  The result goes into @entry and the IOTLB; of a fault the entry that
 * is to blame goes into @fault.
 */
static VtdReason vtd_translate_miss(Vtd *v, const VtdContext *context,
                                    uint64_t now, uint64_t iova,
                                    VtdAccess access, VtdIotlbEntry *entry,
                                    VtdFault *fault)
{
    const VtdTables *tables = &context->tables;
    uint64_t wanted = access == VTD_ACCESS_READ ? VTD_READ :
                      access == VTD_ACCESS_WRITE ? VTD_WRITE : 0;
    VtdWalk walk = vtd_walk(tables, iova, wanted, vtd_read_ss_entry, v);
    uint64_t addr;

    trace_vtd_walk(tables->did, iova, walk.level, walk.entry, walk.end);
    fault->level = walk.level;
    fault->lo = walk.entry;
    if (walk.end != VTD_WALK_LEAF) {
        return vtd_walk_reason(&walk, tables->levels, access);
    }

    addr = (walk.entry & tables->format->leaf_address[walk.level]) |
           (iova & vtd_level_mask(walk.level));
    if (vtd_meets_interrupts(addr, addr)) {
        return VTD_FAULT_OUTPUT;
    }
    entry->level = vtd_translate_level(iova, addr, walk.level);
    entry->addr = addr & ~vtd_level_mask(entry->level);
    entry->read = walk.granted & VTD_READ;
    entry->write = walk.granted & VTD_WRITE;
    vtd_iotlb_insert(v->iotlb, tables, iova, entry, now);
    trace_vtd_iotlb_page_update(context->sid, iova, walk.entry,
                                tables->did);
    return VTD_FAULT_NONE;
}

static bool vtd_iotlb_entry_grants(const VtdIotlbEntry *entry, VtdAccess access)
{
    return access == VTD_ACCESS_READ ? entry->read :
           access == VTD_ACCESS_WRITE ? entry->write :
           entry->read || entry->write;
}

static VtdReason vtd_translate_tables(VtdSpace *space,
                                      const VtdContext *context,
                                      uint64_t now, uint64_t iova,
                                      VtdAccess access, VtdFault *fault,
                                      VtdTranslation *out)
{
    Vtd *v = space->v;
    const VtdTables *tables = &context->tables;
    VtdIotlbEntry entry = { 0 };
    VtdReason reason;

    if (iova >> vtd_level_shift(tables->levels + 1) ||
        iova >> v->config.aw_bits) {
        return VTD_FAULT_ADDRESS;
    }
    /*
     * An entry that does not grant the access is no hit: the guest may have
     * added the permission, and the fault wants the walk's reason.
     */
    if (vtd_iotlb_lookup(v->iotlb, tables, iova, &entry) &&
        vtd_iotlb_entry_grants(&entry, access)) {
        qatomic_add(&space->hits, 1);
        trace_vtd_iotlb_page_hit(context->sid, iova, entry.addr |
                                 (entry.read ? VTD_READ : 0) |
                                 (entry.write ? VTD_WRITE : 0),
                                 tables->did);
    } else {
        vtd_count(v, VTD_STAT_IOTLB_MISSES);
        reason = vtd_translate_miss(v, context, now, iova, access, &entry,
                                    fault);
        if (reason) {
            return reason;
        }
    }

    out->mask = vtd_level_mask(entry.level);
    out->iova = iova & ~out->mask;
    out->addr = entry.addr;
    out->read = entry.read;
    out->write = entry.write;
    return VTD_FAULT_NONE;
}

static void vtd_translate_unchanged(uint64_t iova, VtdTranslation *out)
{
    out->mask = vtd_level_mask(vtd_translate_level(iova, iova, 3));
    out->iova = out->addr = iova & ~out->mask;
    out->read = out->write = true;
}

static VtdReason vtd_translate_pass_through(Vtd *v, uint64_t iova,
                                            VtdTranslation *out)
{
    if (iova >> v->config.haw_bits) {
        return VTD_FAULT_ADDRESS;
    }
    vtd_translate_unchanged(iova, out);
    return VTD_FAULT_NONE;
}

bool vtd_translate(VtdSpace *space, uint64_t iova, VtdAccess access,
                   VtdTranslation *out)
{
    Vtd *v = space->v;
    uint16_t sid = v->ops->source_id(space->opaque);
    const VtdContext *context;
    uint64_t now;
    VtdFault fault = {
        .sid = sid,
        .life = qatomic_load_acquire(&v->life),
        .read = access != VTD_ACCESS_WRITE,
        .info = iova & VTD_PAGE_MASK,
        .addr = iova,
    };

    if (vtd_meets_interrupts(iova, iova)) {
        /*
         * Writes are interrupts, which go to vtd_interrupt().  A read is
         * aborted, and the specification does not make that a fault.
         */
        return false;
    }
    if (!vtd_translating(v)) {
        /* Translation is off by now, and the view is about to change */
        vtd_translate_unchanged(iova, out);
        return true;
    }

    /*
     * Before the context is read: what an old context leads to must not be
     * cached after an invalidation that came between the two.
     */
    now = vtd_iotlb_epoch(v->iotlb);
    context = vtd_context_get(space, sid, &fault);
    if (context) {
        fault.fpd = context->fpd;
        if (context->pass_through) {
            vtd_count(v, VTD_STAT_PASS_THROUGH);
            trace_vtd_translate_pt(sid, iova);
            fault.reason = vtd_translate_pass_through(v, iova, out);
        } else {
            fault.reason = vtd_translate_tables(space, context, now, iova,
                                                access, &fault, out);
        }
    }
    if (fault.reason == VTD_FAULT_NONE) {
        trace_vtd_dmar_translate(sid >> 8, VTD_BITS(sid, 7, 3),
                                 VTD_BITS(sid, 2, 0), out->iova, out->addr,
                                 out->mask);
        return true;
    }
    if (access != VTD_ACCESS_PROBE) {
        vtd_fault_record(v, &fault);
    }
    return false;
}
