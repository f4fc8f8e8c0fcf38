/*
 * VT-d tests: the driver's structures in guest memory
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns root, context and second-stage tables and the interrupt remapping
 * table.  Nothing here touches the unit: what is cached stays cached.
 */

#include "qemu/osdep.h"
#include "tests/vtd/driver.h"

uint64_t qvtd_get(QVtd *d, uint64_t gpa)
{
    uint64_t value;

    g_assert_true(d->port->mem_read(d->port, gpa, &value, sizeof(value)));
    return GUINT64_FROM_LE(value);
}

uint32_t qvtd_get32(QVtd *d, uint64_t gpa)
{
    uint32_t value;

    g_assert_true(d->port->mem_read(d->port, gpa, &value, sizeof(value)));
    return GUINT32_FROM_LE(value);
}

void qvtd_put(QVtd *d, uint64_t gpa, uint64_t value)
{
    value = GUINT64_TO_LE(value);
    g_assert_true(d->port->mem_write(d->port, gpa, &value, sizeof(value)));
}

uint64_t qvtd_alloc(QVtd *d, unsigned n)
{
    uint64_t size = n * QVTD_PAGE;
    uint64_t page = (d->next_page + size - 1) & ~(size - 1);
    g_autofree uint8_t *zero = g_malloc0(size);

    g_assert_true(d->port->mem_write(d->port, page, zero, size));
    d->next_page = page + size;
    return page;
}

/* The table that @entry points to; a new one with @bits if it has none */
static uint64_t table_below(QVtd *d, uint64_t entry, uint64_t bits)
{
    uint64_t value = qvtd_get(d, entry);

    if (!value) {
        value = qvtd_alloc(d, 1) | bits;
        qvtd_put(d, entry, value);
    }
    return value & QVTD_ADDR_MASK;
}

QVtdDomain qvtd_domain_new(QVtd *d, uint16_t id, unsigned levels)
{
    QVtdDomain domain = {
        .id = id,
        .levels = levels,
        .top = qvtd_alloc(d, 1),
    };

    qvtd_map(d, &domain, d->mailbox, d->mailbox, 1, QVTD_RW);
    return domain;
}

uint64_t qvtd_entry(QVtd *d, const QVtdDomain *domain, uint64_t iova,
                    unsigned level)
{
    uint64_t table = domain->top;

    for (unsigned at = domain->levels; ; at--) {
        uint64_t index = iova >> (12 + 9 * (at - 1)) & 0x1ff;
        uint64_t entry = table + index * 8;

        if (at == level) {
            return entry;
        }
        table = table_below(d, entry, QVTD_RW);
    }
}

void qvtd_map(QVtd *d, const QVtdDomain *domain, uint64_t iova, uint64_t pa,
              unsigned level, uint64_t bits)
{
    qvtd_put(d, qvtd_entry(d, domain, iova, level),
             pa | bits | (level > 1 ? QVTD_PS : 0));
}

void qvtd_map_range(QVtd *d, const QVtdDomain *domain, uint64_t iova,
                    uint64_t last, uint64_t pa, uint64_t bits)
{
    for (uint64_t offset = 0; offset <= last - iova; offset += QVTD_PAGE) {
        qvtd_map(d, domain, iova + offset, pa + offset, 1, bits);
    }
}

uint64_t qvtd_root_entry(QVtd *d, uint16_t sid)
{
    if (!d->root) {
        d->root = qvtd_alloc(d, 1);
    }
    return d->root + (sid >> 8) * 16;
}

uint64_t qvtd_context_entry(QVtd *d, uint16_t sid)
{
    uint64_t contexts = table_below(d, qvtd_root_entry(d, sid), 1);

    return contexts + (sid & 0xff) * 16;
}

void qvtd_set_context(QVtd *d, uint16_t sid, uint64_t lo, uint64_t hi)
{
    uint64_t entry = qvtd_context_entry(d, sid);

    qvtd_put(d, entry + 8, hi);
    qvtd_put(d, entry, lo);
}

void qvtd_attach(QVtd *d, uint16_t sid, const QVtdDomain *domain)
{
    qvtd_set_context(d, sid, domain->top | QVTD_P,
                QVTD_CONTEXT_DID(domain->id) |
                (domain->levels == 3 ? QVTD_AW_39 : QVTD_AW_48));
}

void qvtd_attach_pass_through(QVtd *d, uint16_t sid, uint16_t did,
                              uint64_t aw)
{
    qvtd_set_context(d, sid, QVTD_TT(2) | QVTD_P,
                QVTD_CONTEXT_DID(did) | aw);
}

void qvtd_set_irte(QVtd *d, unsigned index, uint64_t lo, uint64_t hi)
{
    qvtd_put(d, d->irt + index * 16 + 8, hi);
    qvtd_put(d, d->irt + index * 16, lo);
}
