/*
 * Random guests of the VT-d engine, for its tests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See vtd-guest.h.
 */

#include "qemu/osdep.h"
#include "vtd-guest.h"

#define TARGETS                 (4 * GIB)

static const uint16_t guest_sids[] = { 0x10, 0x11, 0x18, 0x100, 0x20 };

uint16_t guest_sid(unsigned device)
{
    return guest_sids[device];
}

unsigned pick(Guest *g, unsigned n)
{
    return g_rand_int_range(g->rand, 0, n);
}

bool one_in(Guest *g, unsigned n)
{
    return pick(g, n) == 0;
}

/*
 * Indices: few, so that things meet; 503 of GiB 3 has the interrupt range.
 * A first stage is shadowed in the lower half of its addresses.
 */
static unsigned some_index(Guest *g, unsigned level)
{
    static const unsigned upper[] = { 0, 1, 3, 511 };
    static const unsigned half[] = { 0, 0, 255, 511 };
    static const unsigned middle[] = { 0, 1, 2, 3, 503, 511 };

    switch (level) {
    case 1:
        return one_in(g, 3) ? pick(g, 512) : pick(g, 12);
    case 2:
        return one_in(g, 12) ? pick(g, 512) : middle[pick(g, 6)];
    case 3:
        return upper[pick(g, 4)];
    default:
        return g->scalable ? half[pick(g, 4)] : upper[pick(g, 2) * 3];
    }
}

static unsigned levels_of(const Guest *g)
{
    return g->scalable ? 5 : 4;
}

uint64_t some_address(Guest *g)
{
    uint64_t iova = 0;

    for (unsigned level = 1; level <= levels_of(g); level++) {
        iova |= (uint64_t)some_index(g, level) << (12 + 9 * (level - 1));
    }
    return iova & (BIT(g->h->config.aw_bits) - 1);
}

uint64_t guest_table(Guest *g, const GuestTables *set, unsigned level)
{
    return set->table[level][pick(g, set->tables[level])];
}

static uint64_t some_table(Guest *g, unsigned level)
{
    return guest_table(g, g->now, level);
}

/*
 * An entry as a second stage has it, for the stage at hand: permissions are
 * at the same bits, but FS entries are for users or not, and hold marks.
 */
static uint64_t for_stage(Guest *g, unsigned level, uint64_t entry)
{
    uint64_t bits = 0;

    if (g->now == &g->second || !(entry & QVTD_RW)) {
        return entry;
    }
    bits |= one_in(g, 16) ? 0 : QVTD_FS_US;
    bits |= one_in(g, 3) ? 0 : QVTD_FS_A | QVTD_FS_D;
    bits |= one_in(g, 24) ? 0 : QVTD_FS_P;
    if (level > 1 && level < 4 && entry & QVTD_PS && entry & BIT(12)) {
        bits |= BIT(13);        /* reserved there; bit 12 is none here */
    }
    return (entry & ~(QVTD_FS_P | QVTD_FS_US)) | bits;
}

static void put_entry(Guest *g, unsigned level, uint64_t gpa, uint64_t entry)
{
    host_put(g->h, gpa, for_stage(g, level, entry));
}

static uint64_t some_perm(Guest *g)
{
    unsigned n = pick(g, 16);

    return n < 11 ? QVTD_RW : n < 13 ? QVTD_R : n < 15 ? QVTD_W : 0;
}

/* Bits that mean nothing, and seldom ones that must not be set */
static uint64_t some_noise(Guest *g, unsigned level, bool leaf)
{
    static const unsigned ignored[] = { 2, 3, 6, 8, 9, 10, 52, 58, 61, 63 };
    uint64_t noise = one_in(g, 4) ? BIT(ignored[pick(g, 10)]) : 0;

    if (one_in(g, 24)) {
        switch (pick(g, 4)) {
        case 0:
            return noise | BIT(62);
        case 1:
            return noise | BIT(11);
        case 2:
            return g->h->config.haw_bits > 51 ? noise | BIT(11) :
                   noise | BIT(g->h->config.haw_bits +
                               pick(g, 52 - g->h->config.haw_bits));
        default:
            return noise | (level > 3 ? QVTD_PS :
                            leaf && level > 1 ? BIT(12) : 0);
        }
    }
    return noise;
}

/* A target: natural ones go on from a superpage's, so that sizes can agree */
static uint64_t some_frame(Guest *g, unsigned level, unsigned index)
{
    static const uint64_t odd[] = {
        TARGETS + GIB + MIB2, TARGETS + GIB + 2 * MIB2, TARGETS + 2 * GIB,
        TARGETS + 3 * GIB, QVTD_MSI_ADDR, BIT(38),
    };
    uint64_t shift = 12 + 9 * (level - 1);
    uint64_t frame = TARGETS;
    uint64_t page;

    if (g->odd && one_in(g, 4)) {
        frame = odd[pick(g, ARRAY_SIZE(odd))];
        return (frame + ((uint64_t)pick(g, 4) << shift)) & ~(BIT(shift) - 1);
    }
    if (level == 3) {
        return frame + pick(g, 2) * GIB;
    }
    if (level == 2) {
        return frame + (one_in(g, 3) ? pick(g, 4) * MIB2 : index * MIB2);
    }
    frame += some_index(g, 2) * MIB2;
    page = one_in(g, 3) ? pick(g, 512) : index;
    return frame + page * QVTD_PAGE;
}

static uint64_t some_leaf(Guest *g, unsigned level, unsigned index)
{
    uint64_t leaf = some_frame(g, level, index) | g->high |
                    (level > 1 ? QVTD_PS : 0);

    leaf |= some_perm(g);
    return leaf | some_noise(g, level, true);
}

static uint64_t some_pointer(Guest *g, unsigned level)
{
    uint64_t noise = some_noise(g, level, false);
    uint64_t table;

    if (one_in(g, 30)) {
        return (one_in(g, 2) ? g->hole : RAM_SIZE) | QVTD_RW | noise;
    }
    if (g->odd && one_in(g, 20)) {
        return some_table(g, 1 + pick(g, 4)) | QVTD_RW | noise;
    }
    table = some_table(g, level - 1);
    return table | (one_in(g, 5) ? some_perm(g) : QVTD_RW) | noise;
}

uint64_t some_entry(Guest *g, unsigned level, unsigned index)
{
    if (one_in(g, 4)) {
        return one_in(g, 4) ? some_frame(g, 1, index) : 0;
    }
    return level == 1 || (level < 4 && one_in(g, 3))
           ? some_leaf(g, level, index) : some_pointer(g, level);
}

static void edit_entry(Guest *g)
{
    static const unsigned levels[] = { 1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5 };
    unsigned level = levels[pick(g, g->scalable ? 11 : 10)];
    unsigned index = some_index(g, level);
    uint64_t table = some_table(g, level);

    put_entry(g, level, table + index * 8, some_entry(g, level, index));
}

/* Many entries of a table of level 1 or 2: evenly, scattered, or none */
static void edit_range(Guest *g)
{
    unsigned level = 1 + one_in(g, 4);
    uint64_t size = BIT(12 + 9 * (level - 1));
    uint64_t table = some_table(g, level);
    bool all = one_in(g, 2);
    unsigned from = all ? 0 : pick(g, 512);
    unsigned more = all ? 511 : pick(g, one_in(g, 3) ? 400 : 20);
    unsigned to = MIN(511, from + more);
    uint64_t base = g->high + TARGETS +
                    (level == 2 ? pick(g, 2) * GIB
                                : some_index(g, 2) * MIB2);
    uint64_t perm = one_in(g, 4) ? some_perm(g) : QVTD_RW;
    unsigned kind = pick(g, 4), every = 1 + pick(g, 3);

    for (unsigned i = from; i <= to; i += every) {
        uint64_t entry = base + i * size + perm + (level > 1 ? QVTD_PS : 0);

        switch (kind) {
        case 0:
            entry = 0;
            break;
        case 1:
            entry = (base + (i ^ 1) * size) | perm | (level > 1 ? QVTD_PS : 0);
            break;
        }
        put_entry(g, level, table + i * 8, entry);
    }
}

/* One bit of an entry that is there, at any level */
static void edit_bit(Guest *g)
{
    static const unsigned bits[] = { 0, 1, 0, 1, 7, 11, 12, 51, 62, 63 };
    static const unsigned first[] = { 0, 1, 2, 5, 5, 6, 7, 10, 51, 63 };
    unsigned level = 1 + pick(g, levels_of(g));
    uint64_t table = some_table(g, level);
    unsigned bit = (g->now == &g->second ? bits : first)[pick(g, 10)];

    if (bit == 12 && level > 1 && !g->odd) {
        bit = 11;               /* not another level's table */
    }
    for (unsigned tries = 0; tries < 8; tries++) {
        uint64_t gpa = table + some_index(g, level) * 8;
        uint64_t entry = host_get(g->h, gpa);

        if (entry) {
            host_put(g->h, gpa, entry ^ BIT(bit));
            return;
        }
    }
}

/* A table moves: its content goes to another of its level */
static void edit_copy(Guest *g)
{
    unsigned level = 1 + pick(g, levels_of(g));
    uint64_t from = some_table(g, level), to = some_table(g, level);

    for (unsigned i = 0; i < 512; i++) {
        host_put(g->h, to + i * 8, host_get(g->h, from + i * 8));
    }
    if (one_in(g, 2)) {
        host_put(g->h, to + some_index(g, level) * 8, 0);
    }
}

/* One superpage becomes a table that says the same, or almost */
static void edit_demote(Guest *g)
{
    unsigned level = 2 + one_in(g, 3);
    uint64_t table = some_table(g, level);

    for (unsigned i = 0; i < 512; i++) {
        uint64_t entry = host_get(g->h, table + i * 8);
        uint64_t below = some_table(g, level - 1);

        if (!(entry & QVTD_RW) || !(entry & QVTD_PS) ||
            (entry & BITS(47, 12)) < TARGETS) {
            continue;
        }
        for (unsigned j = 0; j < 512; j++) {
            put_entry(g, level - 1, below + j * 8,
                      ((entry & BITS(51, 12)) + (j << (12 + 9 * (level - 2))))
                      | (entry & QVTD_RW) | (level > 2 ? QVTD_PS : 0));
        }
        if (one_in(g, 2)) {
            unsigned j = some_index(g, level - 1);

            put_entry(g, level - 1, below + j * 8,
                      some_entry(g, level - 1, j));
        }
        put_entry(g, level, table + i * 8, below | QVTD_RW);
        return;
    }
}

static void edit_context(Guest *g)
{
    unsigned which = one_in(g, 4) ? pick(g, 2) : g->active;
    uint16_t sid = guest_sids[pick(g, GUEST_DEVICES)];
    uint64_t entry = g->context_table[which][sid >> 8] + (sid & 255) * 16;
    unsigned levels = g->h->config.aw_bits > 39 && !one_in(g, 4) ? 4 : 3;
    uint64_t lo = some_table(g, levels) | QVTD_P;
    uint64_t hi = context_hi(levels, 1 + pick(g, GUEST_DOMAINS));

    switch (pick(g, 40)) {
    case 0:
        lo = 0;
        break;
    case 1:
        lo |= BIT(4 + pick(g, 8));
        break;
    case 2:
        hi |= BIT(24 + pick(g, 40));
        break;
    case 3:
        hi ^= g->odd ? 1 + pick(g, 6) : 4;
        break;
    case 4:
        lo |= QVTD_TT(1 + pick(g, 3));
        break;
    case 5:
        lo = (one_in(g, 2) ? g->hole : RAM_SIZE) | QVTD_P;
        break;
    case 6:
        if (g->odd) {
            lo = some_table(g, 1 + pick(g, 4)) | QVTD_P;
        }
        break;
    }
    host_put(g->h, entry, lo);
    host_put(g->h, entry + 8, hi);
}

static void edit_root_entry(Guest *g)
{
    unsigned which = pick(g, 2), bus = pick(g, 2);
    uint64_t lo = g->context_table[which][bus] | QVTD_P, hi = 0;

    switch (pick(g, 12)) {
    case 0:
        lo = 0;
        break;
    case 1:
        lo |= BIT(1 + pick(g, 11));
        break;
    case 2:
        hi = BIT(pick(g, 64));
        break;
    case 3:
        lo = g->hole | QVTD_P;
        break;
    case 4:
        lo = g->context_table[!which][bus] | QVTD_P;
        break;
    }
    host_put(g->h, g->root_table[which] + bus * 16, lo);
    host_put(g->h, g->root_table[which] + bus * 16 + 8, hi);
}

void guest_edit(Guest *g)
{
    unsigned n = pick(g, 32);

    g->now = &g->second;
    if (g->scalable) {
        GuestTables *sets[] = { &g->second, &g->first, &g->nested };

        g->now = sets[pick(g, 3)];
        if (n >= 28 && !one_in(g, 6)) {
            guest_edit_scalable(g);
            return;
        }
    }

    if (n < 16) {
        edit_entry(g);
    } else if (n < 21) {
        edit_range(g);
    } else if (n < 24) {
        edit_bit(g);
    } else if (n < 25) {
        edit_copy(g);
    } else if (n < 28) {
        edit_demote(g);
    } else if (n < 31) {
        edit_context(g);
    } else {
        edit_root_entry(g);
    }
}

static void make_tables(Guest *g, GuestTables *set)
{
    static const unsigned tables[] = { 0, 8, 6, 4, 3, 2 };

    for (unsigned level = 1; level <= levels_of(g); level++) {
        set->tables[level] = tables[level];
        for (unsigned i = 0; i < tables[level]; i++) {
            set->table[level][i] = host_pages(g->h, 1);
            if (g->odd && i % 3 == 1) {
                host_put_behind_io(g->h, set->table[level][i]);
            }
        }
    }
}

/* Five levels are much to link by chance alone */
static void link_tables(Guest *g, GuestTables *set)
{
    g->now = set;
    for (unsigned level = 2; level <= levels_of(g); level++) {
        for (unsigned i = 0; i < set->tables[level]; i++) {
            for (unsigned n = level < 4 ? 4 : 2; n; n--) {
                put_entry(g, level,
                          set->table[level][i] + some_index(g, level) * 8,
                          some_table(g, level - 1) | QVTD_RW);
            }
        }
    }
}

uint64_t guest_rtaddr(const Guest *g)
{
    return g->legacy ? g->root_table[g->active]
                     : g->sm_root_table[g->active] | QVTD_TTM_SCALABLE;
}

Guest *guest_new(const VtdConfig *config, bool odd, guint32 seed)
{
    Guest *g = g_new0(Guest, 1);

    g->rand = g_rand_new_with_seed(seed);
    g->odd = odd;
    g->h = host_new(config);
    g->scalable = config->scalable_mode;
    g->legacy = !g->scalable;
    g->now = &g->second;
    if (odd) {
        /* Ends in the midst of a page, of 2 MiB, and at another piece */
        host_add_region(g->h, TARGETS, TARGETS + GIB + MIB2 + 0x54ff, true);
        host_add_region(g->h, TARGETS + GIB + 2 * MIB2,
                        TARGETS + GIB + 3 * MIB2 - 1, false);
        host_add_region(g->h, TARGETS + GIB + 3 * MIB2 + 0x7800,
                        TARGETS + 2 * GIB + 3 * QVTD_PAGE - 1, true);
        host_add_region(g->h, TARGETS + 2 * GIB + 3 * QVTD_PAGE,
                        TARGETS + 3 * GIB - 1, true);
    } else {
        if (g->h->config.haw_bits > g->h->config.aw_bits) {
            g->high = BIT(g->h->config.aw_bits);
        }
        host_add_region(g->h, g->high + TARGETS,
                        g->high + TARGETS + 4 * GIB - 1, true);
    }
    /* edit_bit() may change bit 12 of an address: not to the driver's pages */
    if (g->h->vtd.next_page & QVTD_PAGE) {
        host_pages(g->h, 1);
    }
    make_tables(g, &g->second);
    g->hole = host_pages(g->h, 1);
    host_set_ram(g->h, g->hole, false);
    for (unsigned i = 0; i < 2; i++) {
        g->root_table[i] = host_pages(g->h, 1);
        for (unsigned bus = 0; bus < 2; bus++) {
            g->context_table[i][bus] = host_pages(g->h, 1);
            host_put(g->h, g->root_table[i] + bus * 16,
                     g->context_table[i][bus] | QVTD_P);
        }
    }
    for (unsigned i = 0; i < 32; i++) {
        edit_context(g);
    }
    if (g->scalable) {
        make_tables(g, &g->first);
        make_tables(g, &g->nested);
        link_tables(g, &g->second);
        link_tables(g, &g->first);
        link_tables(g, &g->nested);
        guest_make_scalable(g);
    }
    return g;
}

void guest_free(Guest *g)
{
    host_free(g->h);
    g_rand_free(g->rand);
    g_free(g);
}
