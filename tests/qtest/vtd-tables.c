/*
 * VT-d qtests: the driver's structures in guest memory
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns root, context and second-stage tables and the interrupt remapping
 * table.  Nothing here touches the unit: what is cached stays cached.
 */

#include "qemu/osdep.h"
#include "vtd-driver.h"

/* The table that @entry points to; a new one with @bits if it has none */
static uint64_t table_below(VtdDriver *d, uint64_t entry, uint64_t bits)
{
    uint64_t value = qtest_readq(d->qts, entry);

    if (!value) {
        value = vtd_alloc(d, 1) | bits;
        qtest_writeq(d->qts, entry, value);
    }
    return value & VTD_ADDR_MASK;
}

VtdDomain vtd_domain_new(VtdDriver *d, uint16_t id, unsigned levels)
{
    VtdDomain domain = {
        .id = id,
        .levels = levels,
        .top = vtd_alloc(d, 1),
    };

    vtd_map(d, &domain, d->mailbox, d->mailbox, 1, VTD_RW);
    return domain;
}

uint64_t vtd_entry(VtdDriver *d, const VtdDomain *domain, uint64_t iova,
                   unsigned level)
{
    uint64_t table = domain->top;

    for (unsigned at = domain->levels; ; at--) {
        uint64_t index = iova >> (12 + 9 * (at - 1)) & 0x1ff;
        uint64_t entry = table + index * 8;

        if (at == level) {
            return entry;
        }
        table = table_below(d, entry, VTD_RW);
    }
}

void vtd_map(VtdDriver *d, const VtdDomain *domain, uint64_t iova, uint64_t pa,
             unsigned level, uint64_t bits)
{
    qtest_writeq(d->qts, vtd_entry(d, domain, iova, level),
                 pa | bits | (level > 1 ? VTD_PS : 0));
}

void vtd_map_range(VtdDriver *d, const VtdDomain *domain, uint64_t iova,
                   uint64_t last, uint64_t pa, uint64_t bits)
{
    for (uint64_t offset = 0; offset <= last - iova; offset += VTD_PAGE) {
        vtd_map(d, domain, iova + offset, pa + offset, 1, bits);
    }
}

uint64_t vtd_root_entry(VtdDriver *d, uint16_t sid)
{
    if (!d->root) {
        d->root = vtd_alloc(d, 1);
    }
    return d->root + (sid >> 8) * 16;
}

uint64_t vtd_context_entry(VtdDriver *d, uint16_t sid)
{
    uint64_t contexts = table_below(d, vtd_root_entry(d, sid), 1);

    return contexts + (sid & 0xff) * 16;
}

static void set_context(VtdDriver *d, uint16_t sid, uint64_t lo, uint64_t hi)
{
    uint64_t entry = vtd_context_entry(d, sid);

    qtest_writeq(d->qts, entry + 8, hi);
    qtest_writeq(d->qts, entry, lo);
}

void vtd_attach(VtdDriver *d, uint16_t sid, const VtdDomain *domain)
{
    set_context(d, sid, domain->top | VTD_CONTEXT_P,
                VTD_CONTEXT_DID(domain->id) |
                (domain->levels == 3 ? VTD_AW_39 : VTD_AW_48));
}

void vtd_attach_pass_through(VtdDriver *d, uint16_t sid, uint16_t did,
                             uint64_t aw)
{
    set_context(d, sid, VTD_CONTEXT_TT(2) | VTD_CONTEXT_P,
                VTD_CONTEXT_DID(did) | aw);
}

void vtd_set_irte(VtdDriver *d, unsigned index, uint64_t lo, uint64_t hi)
{
    qtest_writeq(d->qts, d->irt + index * 16 + 8, hi);
    qtest_writeq(d->qts, d->irt + index * 16, lo);
}
