/*
 * Random guests of the VT-d engine in scalable mode, for its tests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns two root tables of scalable mode with all below them, down to the PASID
 * entry of each device, and a second stage that nested tables are under: it
 * has guest memory one to one, and beside that whatever chance puts there.  See
 * vtd-guest.h.
 */

#include "qemu/osdep.h"
#include "vtd-guest.h"

#define SIZE_OF_LEVEL(level)    (QVTD_PAGE << 9 * ((level) - 1))

/* Down from 5 levels, or from 4 of them */
static void make_under(Guest *g)
{
    for (unsigned level = 2; level <= 5; level++) {
        g->under[level] = host_pages(g->h, 1);
    }
    host_put(g->h, g->under[5], g->under[4] | QVTD_RW);
    host_put(g->h, g->under[4], g->under[3] | QVTD_RW);
    host_put(g->h, g->under[3], g->under[2] | QVTD_RW);
    for (uint64_t i = 0; i < RAM_SIZE / SIZE_OF_LEVEL(2); i++) {
        uint64_t table = host_pages(g->h, 1);

        host_put(g->h, g->under[2] + i * 8, table | QVTD_RW);
        for (uint64_t j = 0; j < 512; j++) {
            host_put(g->h, table + j * 8,
                     (i * 512 + j) * QVTD_PAGE | QVTD_RW);
        }
    }
    for (uint64_t gib = 4; gib < 8; gib++) {
        host_put(g->h, g->under[3] + gib * 8, gib * GIB | QVTD_RW | QVTD_PS);
    }
}

/* The entry of the second stage for a page of memory */
static uint64_t under_entry(Guest *g, uint64_t page)
{
    uint64_t above = host_get(g->h, g->under[2] + (page >> 21) * 8);

    return (above & QVTD_ADDR_MASK) + (page >> 12 & 511) * 8;
}

/* What nested tables lead to moves, or their own pages are hard to reach */
static void edit_under(Guest *g)
{
    uint64_t page, bits;

    if (one_in(g, 2)) {
        unsigned gib = 4 + pick(g, 3);

        g->now = &g->second;
        host_put(g->h, g->under[3] + gib * 8,
                 one_in(g, 3) ? gib * GIB | QVTD_RW | QVTD_PS
                              : some_entry(g, 3, gib));
        return;
    }
    page = guest_table(g, &g->nested, 1 + pick(g, 5));
    bits = !one_in(g, 4) ? QVTD_RW : pick(g, 4);
    bits |= one_in(g, 2) ? QVTD_SS_A | QVTD_SS_D : 0;
    host_put(g->h, under_entry(g, page), page | bits);
}

/* Something about the first three words that must not be */
static void spoil(Guest *g, uint64_t *word)
{
    const VtdConfig *config = &g->h->config;

    switch (pick(g, 72)) {
    case 0:
        word[0] ^= QVTD_P;
        break;
    case 1:
        word[0] |= BIT(5) | BIT(10);
        break;
    case 2:
        word[1] |= BIT(16 + pick(g, 7));
        break;
    case 3:
        word[2] |= BIT(3) | BIT(8 + pick(g, 4));
        break;
    case 4:
        word[0] |= QVTD_PGTT(7);
        break;
    case 5:
        word[0] ^= QVTD_PE_AW(4);
        break;
    case 6:
        word[0] |= config->ss_dirty ? 0 : QVTD_SSADE;
        break;
    case 7:
        word[2] |= config->extended_accessed ? 0 : QVTD_EAFE;
        break;
    case 8:
        word[0] |= QVTD_FPD;
        break;
    }
}

/* Mostly the same one, so that devices share it */
static uint64_t some_top(Guest *g, const GuestTables *set, unsigned level)
{
    return one_in(g, 4) ? guest_table(g, set, level) : set->table[level][0];
}

/*
 * Walks are snooped wherever that can be chosen: what one device cannot mark
 * is then marked by none, so that all that differs is a change of the guest's.
 */
static void edit_pasid(Guest *g)
{
    static const uint8_t pgtts[] = {
        QVTD_PGTT_FIRST, QVTD_PGTT_NESTED, QVTD_PGTT_NESTED, QVTD_PGTT_SECOND,
    };
    const VtdConfig *config = &g->h->config;
    unsigned which = one_in(g, 4) ? pick(g, 2) : g->active;
    const GuestWay *way = &g->way[which][pick(g, GUEST_DEVICES)];
    unsigned pgtt = pgtts[pick(g, 4)];
    unsigned most = config->aw_bits == 57 ? 5 : 4;
    unsigned levels = !one_in(g, 4) ? most :
                      pgtt == QVTD_PGTT_SECOND ? 3 + pick(g, most - 2)
                                               : 4 + pick(g, most - 3);
    unsigned below = one_in(g, 8) ? 4 : most;
    uint64_t second, word[3];

    if (one_in(g, 12)) {
        pgtt = QVTD_PGTT_PASS_THROUGH;
    }
    if (pgtt != QVTD_PGTT_SECOND) {
        second = one_in(g, 12) ? guest_table(g, &g->second, below)
                               : g->under[below];
    } else {
        below = levels;
        second = one_in(g, 8) && levels > 3 ? g->under[levels]
                 : some_top(g, &g->second, levels);
    }
    word[0] = second | QVTD_PE_AW(below - 2) | QVTD_PGTT(pgtt) | QVTD_P |
              (config->ss_dirty && !one_in(g, 8) ? QVTD_SSADE : 0);
    word[1] = (1 + pick(g, GUEST_DOMAINS)) |
              (config->snooped_walks ? QVTD_PWSNP : 0);
    word[2] = pgtt == QVTD_PGTT_SECOND ? 0 :
              some_top(g, pgtt == QVTD_PGTT_NESTED ? &g->nested : &g->first,
                       levels) | QVTD_FSPM(levels - 4) |
              (config->extended_accessed && one_in(g, 12) ? QVTD_EAFE : 0);
    spoil(g, word);
    for (unsigned i = 3; i; i--) {
        host_put(g->h, way->entry + (i - 1) * 8, word[i - 1]);
    }
}

/* The way to a PASID entry breaks, or is as it was again */
static void edit_way(Guest *g)
{
    static const unsigned bits[] = { 0, 0, 6, 60 };
    const GuestWay *way = &g->way[g->active][pick(g, GUEST_DEVICES)];
    const uint64_t others = BIT(6) | BIT(60);
    bool broken = false;

    for (unsigned i = 0; i < 3; i++) {
        uint64_t entry = host_get(g->h, way->word[i]);

        broken |= !(entry & QVTD_P) || entry & others;
        host_put(g->h, way->word[i], (entry & ~others) | QVTD_P);
    }
    if (!broken) {
        uint64_t at = way->word[pick(g, 3)];

        host_put(g->h, at, host_get(g->h, at) ^ BIT(bits[pick(g, 4)]));
    }
}

void guest_edit_scalable(Guest *g)
{
    unsigned n = pick(g, 16);

    if (n < 6) {
        edit_under(g);
    } else if (n < 15) {
        edit_pasid(g);
    } else {
        edit_way(g);
    }
}

void guest_make_scalable(Guest *g)
{
    QVtd *vtd = &g->h->vtd;

    make_under(g);
    for (unsigned i = 0; i < GUEST_DEVICES; i++) {
        g->pasid[i] = g->h->config.rid_pasid && i % 2 ? 70 + i : 0;
    }
    for (unsigned which = 0; which < 2; which++) {
        qvtd_use_scalable(vtd);
        for (unsigned i = 0; i < GUEST_DEVICES; i++) {
            uint16_t sid = guest_sid(i);

            g->way[which][i] = (GuestWay) {
                .word = {
                    qvtd_sm_root_entry(vtd, sid),
                    qvtd_sm_context_entry(vtd, sid),
                    qvtd_pasid_dir_entry(vtd, sid, g->pasid[i]),
                },
                .entry = qvtd_pasid_entry(vtd, sid, g->pasid[i]),
            };
            host_put(g->h, g->way[which][i].word[1] + 8, g->pasid[i]);
        }
        g->sm_root_table[which] = vtd->root;
    }
    for (unsigned i = 0; i < 64; i++) {
        edit_pasid(g);
    }
}
