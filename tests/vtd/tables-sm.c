/*
 * VT-d tests: the driver's structures of scalable mode
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns root, context and PASID tables of scalable mode and first-stage tables
 * in guest memory.  Nothing here touches the unit: what is cached stays cached.
 */

#include "qemu/osdep.h"
#include "tests/vtd/driver.h"

/* Below 39 bits, beside what else second-stage tables of tests map */
#define GUEST_BASE              0x2000000000ull

void qvtd_use_scalable(QVtd *d)
{
    d->root = 0;
    d->scalable = true;
    d->wide = true;
}

/* The table that @entry points to; new pages with @bits if it has none */
static uint64_t table_below(QVtd *d, uint64_t entry, unsigned pages,
                            uint64_t bits)
{
    uint64_t value = qvtd_get(d, entry);

    if (!(value & QVTD_BITS(63, 12))) {
        value |= qvtd_alloc(d, pages) | bits;
        qvtd_put(d, entry, value);
    }
    return value & QVTD_BITS(63, 12);
}

uint64_t qvtd_sm_root_entry(QVtd *d, uint16_t sid)
{
    return qvtd_root_entry(d, sid) + (sid & 0x80 ? 8 : 0);
}

uint64_t qvtd_sm_context_entry(QVtd *d, uint16_t sid)
{
    return table_below(d, qvtd_sm_root_entry(d, sid), 1, QVTD_P) +
           (sid & 0x7f) * 32;
}

uint32_t qvtd_rid_pasid(QVtd *d, uint16_t sid)
{
    return qvtd_get(d, qvtd_sm_context_entry(d, sid) + 8) & QVTD_RID_PASID;
}

uint64_t qvtd_pasid_dir_entry(QVtd *d, uint16_t sid, uint32_t pasid)
{
    uint64_t context = qvtd_sm_context_entry(d, sid);
    unsigned pdts = qvtd_get(d, context) >> 9 & 7;
    unsigned pages = pdts > 2 ? 1u << (pdts - 2) : 1;

    return table_below(d, context, pages, QVTD_P) + (pasid >> 6) * 8;
}

uint64_t qvtd_pasid_entry(QVtd *d, uint16_t sid, uint32_t pasid)
{
    return table_below(d, qvtd_pasid_dir_entry(d, sid, pasid), 1, QVTD_P) +
           (pasid & 63) * 64;
}

/* Three words have something in them; P comes last */
static void attach(QVtd *d, uint16_t sid, uint64_t word0, uint64_t word1,
                   uint64_t word2)
{
    uint64_t entry = qvtd_pasid_entry(d, sid, qvtd_rid_pasid(d, sid));

    if (qvtd_read64(d, QVTD_ECAP) & QVTD_ECAP_SMPWCS) {
        word1 |= QVTD_PWSNP;
    }
    qvtd_put(d, entry + 16, word2);
    qvtd_put(d, entry + 8, word1);
    qvtd_put(d, entry, word0 | QVTD_P);
}

static uint64_t second_stage(const QVtdDomain *domain)
{
    return domain->top | QVTD_PE_AW(domain->levels - 2);
}

void qvtd_sm_attach_second(QVtd *d, uint16_t sid, const QVtdDomain *domain)
{
    attach(d, sid, second_stage(domain) | QVTD_PGTT(QVTD_PGTT_SECOND),
           domain->id, 0);
}

void qvtd_sm_attach_first(QVtd *d, uint16_t sid, const QVtdFirst *first)
{
    attach(d, sid, first->under ? second_stage(first->under) |
                                  QVTD_PGTT(QVTD_PGTT_NESTED)
                                : QVTD_PGTT(QVTD_PGTT_FIRST),
           first->id,
           qvtd_guest_address(first, first->top) |
           QVTD_FSPM(first->levels - 4));
}

void qvtd_sm_attach_pass_through(QVtd *d, uint16_t sid, uint16_t did)
{
    attach(d, sid, QVTD_PGTT(QVTD_PGTT_PASS_THROUGH), did, 0);
}

uint64_t qvtd_guest_address(const QVtdFirst *first, uint64_t addr)
{
    return first->under ? addr + GUEST_BASE : addr;
}

/* A zeroed table; its address in memory, which the second stage maps */
static uint64_t new_table(QVtd *d, const QVtdFirst *first)
{
    uint64_t table = qvtd_alloc(d, 1);

    if (first->under) {
        qvtd_map(d, first->under, qvtd_guest_address(first, table), table, 1,
                 QVTD_RW);
    }
    return table;
}

QVtdFirst qvtd_first_new(QVtd *d, uint16_t id, unsigned levels,
                         const QVtdDomain *under)
{
    QVtdFirst first = { .id = id, .levels = levels, .under = under };

    first.top = new_table(d, &first);
    qvtd_first_map(d, &first, d->mailbox, d->mailbox, 1,
                   QVTD_FS_USER | QVTD_FS_A | QVTD_FS_D);
    return first;
}

uint64_t qvtd_first_entry(QVtd *d, const QVtdFirst *first, uint64_t iova,
                          unsigned level)
{
    uint64_t table = first->top;

    for (unsigned at = first->levels; ; at--) {
        uint64_t entry = table + (iova >> (12 + 9 * (at - 1)) & 0x1ff) * 8;
        uint64_t value = qvtd_get(d, entry);

        if (at == level) {
            return entry;
        }
        if (!value) {
            value = qvtd_guest_address(first, new_table(d, first)) |
                    QVTD_FS_USER | QVTD_FS_A;
            qvtd_put(d, entry, value);
        }
        table = (value & QVTD_ADDR_MASK) - qvtd_guest_address(first, 0);
    }
}

void qvtd_first_map(QVtd *d, const QVtdFirst *first, uint64_t iova,
                    uint64_t pa, unsigned level, uint64_t bits)
{
    uint64_t gpa = qvtd_guest_address(first, pa);

    if (first->under) {
        qvtd_map(d, first->under, gpa, pa, level, QVTD_RW);
    }
    qvtd_put(d, qvtd_first_entry(d, first, iova, level),
             gpa | bits | (level > 1 ? QVTD_PS : 0));
}
