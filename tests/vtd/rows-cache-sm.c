/*
 * VT-d tests: what each invalidation drops in scalable mode
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns a row for each granularity, of the IOTLB (7.7) and of PASID entries, and
 * for each word on a request's way that comes or goes (7.1, 7.8).
 */

#include "qemu/osdep.h"
#include "tests/vtd/rows.h"
#include "tests/vtd/way-sm.h"

#define BASE                    0x80000000ull
#define PASID                   9
#define USER                    (QVTD_FS_USER | QVTD_FS_A | QVTD_FS_D)

/* Kinds of address spaces, one for each device of qvtd_context_sids */
enum { SS, FS, NESTED, UNDER, FS_PASID, DEVICES };

static const uint16_t dids[DEVICES] = { 5, 6, 7, 8, 6 };

/* They all map these; @offset is where they are looked at */
static const struct {
    uint64_t iova;
    unsigned level;
    uint64_t offset;
    uint64_t old_pa, new_pa;
} items[] = {
    { BASE + 0x0000, 1, 0, 0x5000000, 0x5001000 },
    { BASE + 0x1000, 1, 0, 0x5000000, 0x5001000 },
    { BASE + 0x2000, 1, 0, 0x5000000, 0x5001000 },
    { BASE + 0x3000, 1, 0, 0x5000000, 0x5001000 },
    { BASE + MIB2, 2, 0x12340, 0x6000000, 0x6200000 },
};

#define ITEMS                   ARRAY_SIZE(items)
#define PAGES(first, last)      ((2u << (last)) - (1u << (first)))
#define ALL                     PAGES(0, 4)
#define BIT(n)                  (1u << (n))
#define LARGE                   PAGES(4, 4)
#define OF(device, mask)        ((uint64_t)(mask) << 8 * (device))

typedef struct Spaces {
    QVtd *d;
    QVtdDomain second[DEVICES];
    QVtdFirst first[DEVICES];
} Spaces;

static void write_leaves(Spaces *s, unsigned device, bool new)
{
    const QVtdFirst *first = &s->first[device];
    QVtdDomain *second = &s->second[device];

    for (int i = 0; i < ITEMS; i++) {
        uint64_t pa = new ? items[i].new_pa : items[i].old_pa;

        if (device == SS) {
            qvtd_map(s->d, second, items[i].iova, pa, items[i].level,
                     QVTD_RW);
        } else if (device != UNDER) {
            qvtd_first_map(s->d, first, items[i].iova, pa, items[i].level,
                           USER);
        } else {
            /* the first stage stays as it is; each page has one of its own */
            uint64_t gpa = qvtd_guest_address(first, items[i].iova);

            qvtd_put(s->d, qvtd_first_entry(s->d, first, items[i].iova,
                                            items[i].level),
                     gpa | USER | (items[i].level > 1 ? QVTD_PS : 0));
            qvtd_map(s->d, second, gpa, pa, items[i].level, QVTD_RW);
        }
    }
}

static void spaces_init(Spaces *s, QVtd *d)
{
    s->d = d;
    qvtd_use_scalable(d);
    qvtd_enable(d);
    for (unsigned i = 0; i < DEVICES; i++) {
        uint16_t sid = qvtd_context_sids[i];
        bool nested = i == NESTED || i == UNDER;

        if (nested || i == SS) {
            s->second[i] = qvtd_domain_new(d, dids[i], 4);
        }
        if (i != SS) {
            s->first[i] = qvtd_first_new(d, dids[i], 4,
                                         nested ? &s->second[i] : NULL);
        }
        if (i == FS_PASID) {
            qvtd_put(d, qvtd_sm_context_entry(d, sid) + 8, PASID);
        }
        if (i == SS) {
            qvtd_sm_attach_second(d, sid, &s->second[i]);
        } else {
            qvtd_sm_attach_first(d, sid, &s->first[i]);
        }
    }
}

/* Which items which devices see through new leaves */
static uint64_t seen_anew(Spaces *s)
{
    QVtdProbe probes[ITEMS];
    uint64_t changed = 0;

    for (unsigned device = 0; device < DEVICES; device++) {
        for (int i = 0; i < ITEMS; i++) {
            probes[i].iova = items[i].iova + items[i].offset;
        }
        s->d->port->probe(s->d->port, qvtd_context_sids[device], probes,
                          ITEMS);
        for (int i = 0; i < ITEMS; i++) {
            bool new = probes[i].target == items[i].new_pa + items[i].offset;

            expect_true(new || probes[i].target ==
                               items[i].old_pa + items[i].offset);
            expect_eq(probes[i].perm, QVTD_RW);
            changed |= OF(device, new << i);
        }
    }
    return changed;
}

#define PASID_PAGES(did, pasid, addr, am) \
    QVTD_INV_PASID_IOTLB_PAGES(did, pasid, addr, am)

static const struct {
    const char *name;
    QVtdDesc desc;
    uint64_t changed;           /* who has to see the new leaves */
} iotlb_rows[] = {
    { "IOTLB, global", QVTD_INV_IOTLB_GLOBAL,
      OF(SS, ALL) | OF(FS, ALL) | OF(NESTED, ALL) | OF(UNDER, ALL) |
      OF(FS_PASID, ALL) },
    { "IOTLB, domain of SS", QVTD_INV_IOTLB_DOMAIN(5), OF(SS, ALL) },
    { "IOTLB, domain of FS", QVTD_INV_IOTLB_DOMAIN(6),
      OF(FS, ALL) | OF(FS_PASID, ALL) },
    { "IOTLB, domain of nested", QVTD_INV_IOTLB_DOMAIN(7), OF(NESTED, ALL) },
    { "IOTLB, domain of none", QVTD_INV_IOTLB_DOMAIN(4), 0 },
    { "IOTLB, page of SS", QVTD_INV_IOTLB_PAGES(5, BASE + 0x1000, 0),
      OF(SS, PAGES(1, 1)) },
    { "IOTLB, 2 pages of SS, IH",
      QVTD_INV_IOTLB_PAGES(5, (BASE + 0x2000) | QVTD_IVA_IH, 1),
      OF(SS, PAGES(2, 3)) },
    { "IOTLB, page in 2 MiB of SS",
      QVTD_INV_IOTLB_PAGES(5, BASE + MIB2 + 0x100000, 0), OF(SS, LARGE) },
    { "IOTLB, any page of FS", QVTD_INV_IOTLB_PAGES(6, 0x1000, 0),
      OF(FS, ALL) | OF(FS_PASID, ALL) },
    { "IOTLB, any page of nested, IH",
      QVTD_INV_IOTLB_PAGES(7, 0x1000 | QVTD_IVA_IH, 0), OF(NESTED, ALL) },
    { "IOTLB, any page under a first stage",
      QVTD_INV_IOTLB_PAGES(8, 0x1000, 0), OF(UNDER, ALL) },
    { "PASID of FS", QVTD_INV_PASID_IOTLB_ALL(6, 0), OF(FS, ALL) },
    { "other PASID of FS", QVTD_INV_PASID_IOTLB_ALL(6, PASID),
      OF(FS_PASID, ALL) },
    { "PASID of nested", QVTD_INV_PASID_IOTLB_ALL(7, 0), OF(NESTED, ALL) },
    { "PASID of SS", QVTD_INV_PASID_IOTLB_ALL(5, 0), 0 },
    { "PASID of another domain", QVTD_INV_PASID_IOTLB_ALL(5, PASID), 0 },
    { "PASID of nobody", QVTD_INV_PASID_IOTLB_ALL(6, 1), 0 },
    { "page of FS", PASID_PAGES(6, 0, BASE + 0x1000, 0),
      OF(FS, PAGES(1, 1)) },
    { "page of FS, IH",
      PASID_PAGES(6, 0, (BASE + 0x1000) | QVTD_IVA_IH, 0),
      OF(FS, PAGES(1, 1)) },
    { "2 pages of FS, not aligned", PASID_PAGES(6, 0, BASE + 0x3000, 1),
      OF(FS, PAGES(2, 3)) },
    { "2^9 pages of FS", PASID_PAGES(6, PASID, BASE, 9),
      OF(FS_PASID, PAGES(0, 3)) },
    { "2^18 pages of FS", PASID_PAGES(6, 0, BASE, 18), OF(FS, ALL) },
    { "page in 2 MiB of FS", PASID_PAGES(6, 0, BASE + MIB2 + 0x100000, 0),
      OF(FS, LARGE) },
    { "page of nested", PASID_PAGES(7, 0, BASE + 0x1000, 0),
      OF(NESTED, PAGES(1, 1)) },
    { "page in 2 MiB of nested", PASID_PAGES(7, 0, BASE + MIB2 + 0x12000, 0),
      OF(NESTED, LARGE) },
    { "page of SS by PASID", PASID_PAGES(5, 0, BASE + 0x1000, 0), 0 },
    { "page of nobody's PASID", PASID_PAGES(6, 1, BASE + 0x1000, 0), 0 },
    { "PASID-cache", QVTD_INV_PASID_CACHE_GLOBAL, 0 },
    { "contexts", QVTD_INV_CONTEXT_GLOBAL, 0 },
};

void qvtd_rows_sm_iotlb(QVtd *d)
{
    Spaces s;

    spaces_init(&s, d);
    for (int i = 0; i < ARRAY_SIZE(iotlb_rows); i++) {
        qvtd_row("%s, before", iotlb_rows[i].name);
        for (unsigned device = 0; device < DEVICES; device++) {
            write_leaves(&s, device, false);
        }
        qvtd_invalidate_all(d);
        expect_eq(seen_anew(&s), 0);

        qvtd_row("%s", iotlb_rows[i].name);
        for (unsigned device = 0; device < DEVICES; device++) {
            write_leaves(&s, device, true);
        }
        qvtd_invalidate(d, iotlb_rows[i].desc);
        expect_eq(seen_anew(&s), iotlb_rows[i].changed);
    }
    qvtd_expect_no_fault(d);
}

/* PASID entries */

/* A PASID-cache invalidation may name a domain that the entry has no more */
#define PASID_0                 (BIT(DEVICES) - 1 - BIT(FS_PASID))

static const struct {
    const char *name;
    QVtdDesc desc;
    uint32_t changed;           /* bits of devices, */
    uint32_t more;              /* which may be dropped, too: the PASID's */
} pasid_rows[] = {
    { "global", QVTD_INV_PASID_CACHE_GLOBAL, BIT(DEVICES) - 1 },
    { "domain of SS", QVTD_INV_PASID_CACHE_DOMAIN(5), BIT(SS) },
    { "domain of FS", QVTD_INV_PASID_CACHE_DOMAIN(6), BIT(FS) | BIT(FS_PASID) },
    { "domain of none", QVTD_INV_PASID_CACHE_DOMAIN(12), 0 },
    { "PASID of SS", QVTD_INV_PASID_CACHE_ONE(5, 0), BIT(SS), PASID_0 },
    { "PASID of FS", QVTD_INV_PASID_CACHE_ONE(6, 0), BIT(FS), PASID_0 },
    { "other PASID of FS", QVTD_INV_PASID_CACHE_ONE(6, PASID),
      BIT(FS_PASID) },
    { "PASID of nested", QVTD_INV_PASID_CACHE_ONE(7, 0), BIT(NESTED),
      PASID_0 },
    { "PASID of nobody", QVTD_INV_PASID_CACHE_ONE(6, 1), 0 },
    { "PASID of another domain", QVTD_INV_PASID_CACHE_ONE(5, PASID), 0,
      BIT(FS_PASID) },
};

/* Which devices are in the new domain: all read a page of that or the old */
static uint32_t moved(QVtd *d, uint64_t new_page)
{
    uint32_t changed = 0;

    for (unsigned i = 0; i < DEVICES; i++) {
        QVtdProbe probe = { BASE };

        d->port->probe(d->port, qvtd_context_sids[i], &probe, 1);
        expect_true(probe.target == new_page ||
                    probe.target == items[0].old_pa);
        changed |= (probe.target == new_page) << i;
    }
    return changed;
}

void qvtd_rows_sm_pasids(QVtd *d)
{
    uint64_t new_page = qvtd_alloc(d, 1);
    QVtdDomain new = qvtd_domain_new(d, 12, 4);
    Spaces s;

    spaces_init(&s, d);
    qvtd_map(d, &new, BASE, new_page, 1, QVTD_RW);
    for (unsigned i = 0; i < DEVICES; i++) {
        write_leaves(&s, i, false);
    }
    for (int i = 0; i < ARRAY_SIZE(pasid_rows); i++) {
        uint32_t more = pasid_rows[i].more & ~pasid_rows[i].changed;

        qvtd_row("PASID-cache, %s, before", pasid_rows[i].name);
        for (unsigned k = 0; k < DEVICES; k++) {
            if (k == SS) {
                qvtd_sm_attach_second(d, qvtd_context_sids[k], &s.second[k]);
            } else {
                qvtd_sm_attach_first(d, qvtd_context_sids[k], &s.first[k]);
            }
        }
        qvtd_invalidate_all(d);
        expect_eq(moved(d, new_page), 0);

        qvtd_row("PASID-cache, %s", pasid_rows[i].name);
        for (unsigned k = 0; k < DEVICES; k++) {
            qvtd_sm_attach_second(d, qvtd_context_sids[k], &new);
        }
        qvtd_invalidate(d, pasid_rows[i].desc);
        expect_eq(moved(d, new_page) & ~more, pasid_rows[i].changed & ~more);
    }
    qvtd_expect_no_fault(d);
}

/* Words that come and go */

#define DID                     5       /* of way-sm.c */
#define MODES                   (M(SM_SS4) | M(SM_FS4) | M(SM_N44))

typedef struct Change {
    const char *name;
    unsigned modes;
    SmWord word;
    uint64_t clear, set;        /* while it is bad */
    uint8_t reason;             /* of a write meanwhile */
    QVtdDesc desc[3];           /* that have to follow */
} Change;

#define NOTHING                 QVTD_WAIT(0, 0, 0)
#define CONTEXT_DEVICE(sid)     QVTD_INV_CONTEXT_DEVICE(0, sid, 0)
#define ANY                     0       /* replaced by the device's id */

/* From bad to good; what has to follow in caching mode only (7.1, 10.5) */
static const Change appearances[] = {
    { "root", MODES, W_ROOT, 1, 0, QVTD_F_SM_ROOT,
      { QVTD_INV_CONTEXT_GLOBAL, QVTD_INV_PASID_CACHE_GLOBAL,
        QVTD_INV_IOTLB_GLOBAL } },
    { "context", MODES, W_CONTEXT, 1, 0, QVTD_F_SM_CONTEXT,
      { CONTEXT_DEVICE(ANY), QVTD_INV_IOTLB_DOMAIN(0), NOTHING } },
    { "directory", MODES, W_DIR, UINT64_MAX, 0, QVTD_F_PASID_DIR,
      { QVTD_INV_PASID_CACHE_GLOBAL, QVTD_INV_IOTLB_DOMAIN(DID),
        QVTD_INV_PASID_IOTLB_ALL(DID, 0) } },
    { "PASID entry", MODES | M_PT, W_PASID, 1, 0, QVTD_F_PASID,
      { QVTD_INV_PASID_CACHE_ONE(DID, 0), QVTD_INV_PASID_IOTLB_ALL(DID, 0),
        NOTHING } },
    { "PASID entry, bad before", MODES | M_PT, W_PASID, 0, QVTD_PGTT(7),
      QVTD_F_PASID_INVALID,
      { QVTD_INV_PASID_CACHE_ONE(DID, 0), QVTD_INV_PASID_IOTLB_ALL(DID, 0),
        NOTHING } },
    { "SS leaf", M(SM_SS4) | M(SM_N44), W_SS + 1, UINT64_MAX, 0, QVTD_F_SS,
      { QVTD_INV_IOTLB_PAGES(DID, ANY, 0), NOTHING, NOTHING } },
    { "SS level 3", M(SM_SS4) | M(SM_N44), W_SS + 3, UINT64_MAX, 0, QVTD_F_SS,
      { QVTD_INV_IOTLB_PAGES(DID, ANY, 0), NOTHING, NOTHING } },
    /* nobody is told of these (7.9) */
    { "FS leaf", M(SM_FS4) | M(SM_N44), W_FS + 1, UINT64_MAX, 0, QVTD_F_FS,
      { NOTHING, NOTHING, NOTHING } },
    { "FS level 2", M(SM_FS4) | M(SM_N44), W_FS + 2, UINT64_MAX, 0, QVTD_F_FS,
      { NOTHING, NOTHING, NOTHING } },
    { "FS level 4", M(SM_FS4) | M(SM_N44), W_FS + 4, UINT64_MAX, 0, QVTD_F_FS,
      { NOTHING, NOTHING, NOTHING } },
};

/* From good to bad; what has to follow always (7.8) */
static const Change disappearances[] = {
    { "root", MODES | M_PT, W_ROOT, 1, 0, QVTD_F_SM_ROOT,
      { QVTD_INV_CONTEXT_GLOBAL, QVTD_INV_PASID_CACHE_GLOBAL,
        QVTD_INV_IOTLB_GLOBAL } },
    { "context", MODES | M_PT, W_CONTEXT, 1, 0, QVTD_F_SM_CONTEXT,
      { CONTEXT_DEVICE(ANY), QVTD_INV_PASID_CACHE_GLOBAL,
        QVTD_INV_IOTLB_GLOBAL } },
    { "directory", MODES | M_PT, W_DIR, 1, 0, QVTD_F_PASID_DIR,
      { QVTD_INV_PASID_CACHE_DOMAIN(DID), QVTD_INV_IOTLB_DOMAIN(DID),
        NOTHING } },
    { "PASID entry with a second stage", M_SECOND & MODES, W_PASID, 1, 0,
      QVTD_F_PASID,
      { QVTD_INV_PASID_CACHE_ONE(DID, 0), QVTD_INV_IOTLB_DOMAIN(DID),
        NOTHING } },
    { "PASID entry with a first stage", M(SM_FS4) | M_PT, W_PASID, 1, 0,
      QVTD_F_PASID,
      { QVTD_INV_PASID_CACHE_ONE(DID, 0), QVTD_INV_PASID_IOTLB_ALL(DID, 0),
        NOTHING } },
    { "SS leaf", M(SM_SS4) | M(SM_N44), W_SS + 1, UINT64_MAX, 0, QVTD_F_SS,
      { QVTD_INV_IOTLB_PAGES(DID, ANY, 0), NOTHING, NOTHING } },
    { "SS leaf's W", M(SM_SS4) | M(SM_N44), W_SS + 1, QVTD_W, 0,
      QVTD_F_SM_WRITE,
      { QVTD_INV_IOTLB_PAGES(DID, ANY, 0), NOTHING, NOTHING } },
    { "SS level 3", M(SM_SS4) | M(SM_N44), W_SS + 3, UINT64_MAX, 0, QVTD_F_SS,
      { QVTD_INV_IOTLB_DOMAIN(DID), NOTHING, NOTHING } },
    { "SS over an FS table", M(SM_N44), W_OVER + 2, QVTD_R, 0, QVTD_F_FS_READ,
      { QVTD_INV_IOTLB_PAGES(DID, ANY, 0), NOTHING, NOTHING } },
    { "FS leaf", M(SM_FS4) | M(SM_N44), W_FS + 1, UINT64_MAX, 0, QVTD_F_FS,
      { QVTD_INV_PASID_IOTLB_PAGES(DID, 0, ANY, 0), NOTHING, NOTHING } },
    { "FS leaf, IH", M(SM_FS4) | M(SM_N44), W_FS + 1, 1, 0, QVTD_F_FS,
      { QVTD_INV_PASID_IOTLB_PAGES(DID, 0, QVTD_IVA_IH, 0), NOTHING,
        NOTHING } },
    { "FS leaf's R/W", M(SM_FS4) | M(SM_N44), W_FS + 1, QVTD_FS_RW, 0,
      QVTD_F_SM_WRITE,
      { QVTD_INV_PASID_IOTLB_PAGES(DID, 0, ANY, 0), NOTHING, NOTHING } },
    { "FS level 2", M(SM_FS4) | M(SM_N44), W_FS + 2, UINT64_MAX, 0, QVTD_F_FS,
      { QVTD_INV_PASID_IOTLB_PAGES(DID, 0, ANY, 0), NOTHING, NOTHING } },
    { "FS level 4", M(SM_FS4) | M(SM_N44), W_FS + 4, 1, 0, QVTD_F_FS,
      { QVTD_INV_PASID_IOTLB_ALL(DID, 0), NOTHING, NOTHING } },
    { "FS level 3's U/S", M(SM_FS4) | M(SM_N44), W_FS + 3, QVTD_FS_US, 0,
      QVTD_F_USER, { QVTD_INV_IOTLB_DOMAIN(DID), NOTHING, NOTHING } },
};

/* The descriptors with the device's own ids and addresses in them */
static void follow(SmWay *way, const Change *change)
{
    bool first = change->word >= W_FS && change->word <= W_FS_TOP;
    uint64_t addr = first || !(M(way->mode) & M_N) ? way->iova : way->gpa;

    for (int i = 0; i < ARRAY_SIZE(change->desc); i++) {
        QVtdDesc desc = change->desc[i];

        switch (desc.lo & 0xf) {
        case 0x1:
            desc.lo |= (uint64_t)way->sid << 32;
            break;
        case 0x2:
        case 0x6:
            if ((desc.lo >> 4 & 3) == QVTD_SELECT) {
                desc.hi |= addr;
            }
            break;
        }
        qvtd_invalidate(way->d, desc);
    }
}

/* A write is blocked for @reason */
static void expect_bad(SmWay *way, uint8_t reason)
{
    QVtdPort *port = way->d->port;
    uint64_t value = 0;

    expect_true(!port->dma(port, way->sid, way->iova, true, &value));
    qvtd_expect_fault(way->d, reason, way->sid, way->iova & ~0xfffull, false);
}

static void run_changes(QVtd *d, uint16_t sid, unsigned haw, bool appear,
                        const Change *changes, unsigned n)
{
    bool caching_mode = qvtd_read64(d, QVTD_CAP) & QVTD_CAP_CM;
    unsigned run = 0;
    SmWay way;

    sm_way_init(&way, d, sid, haw);
    for (SmMode mode = 0; mode < SM_MODES; mode++) {
        if (!sm_way_build(&way, mode)) {
            continue;
        }
        for (unsigned i = 0; i < n; i++) {
            const Change *change = &changes[i];
            uint64_t at = sm_word(&way, change->word), good;

            if (!(change->modes & M(mode))) {
                continue;
            }
            run++;
            qvtd_row("%s: %s %s%s", sm_mode_name(mode), change->name,
                     appear ? "comes" : "goes",
                     caching_mode ? ", caching mode" : "");
            good = qvtd_get(d, at);
            if (!appear) {
                sm_expect_good(&way);
            }
            qvtd_put(d, at, (good & ~change->clear) | change->set);
            if (appear) {
                qvtd_invalidate_all(d);
            } else {
                follow(&way, change);
            }
            qvtd_row("%s: %s bad", sm_mode_name(mode), change->name);
            expect_bad(&way, change->reason);
            qvtd_put(d, at, good);
            if (!appear) {
                qvtd_invalidate_all(d);
            } else if (caching_mode) {
                follow(&way, change);
            }
            qvtd_row("%s: %s good again%s", sm_mode_name(mode), change->name,
                     caching_mode ? ", caching mode" : "");
            sm_expect_good(&way);
        }
    }
    expect_true(run);
}

void qvtd_rows_sm_appearances(QVtd *d, uint16_t sid, unsigned haw)
{
    run_changes(d, sid, haw, true, appearances, ARRAY_SIZE(appearances));
}

void qvtd_rows_sm_disappearances(QVtd *d, uint16_t sid, unsigned haw)
{
    run_changes(d, sid, haw, false, disappearances,
                ARRAY_SIZE(disappearances));
}
