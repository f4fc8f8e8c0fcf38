/*
 * Random guests of the VT-d engine, for its tests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See vtd-world.h.
 */

#include "qemu/osdep.h"
#include "vtd-world.h"

#define GIB                     BIT(30)
#define MIB2                    BIT(21)
#define TARGETS                 (4 * GIB)

static const uint16_t world_sids[] = { 0x10, 0x11, 0x18, 0x100, 0x20 };

uint16_t world_sid(unsigned device)
{
    return world_sids[device];
}

unsigned pick(World *w, unsigned n)
{
    return g_rand_int_range(w->rand, 0, n);
}

bool one_in(World *w, unsigned n)
{
    return pick(w, n) == 0;
}

/* Indices: few, so that things meet; 503 of GiB 3 has the interrupt range */
static unsigned some_index(World *w, unsigned level)
{
    static const unsigned upper[] = { 0, 1, 3, 511 };
    static const unsigned middle[] = { 0, 1, 2, 3, 503, 511 };

    switch (level) {
    case 1:
        return one_in(w, 3) ? pick(w, 512) : pick(w, 12);
    case 2:
        return one_in(w, 12) ? pick(w, 512) : middle[pick(w, 6)];
    case 3:
        return upper[pick(w, 4)];
    default:
        return upper[pick(w, 2) * 3];
    }
}

uint64_t some_address(World *w)
{
    uint64_t iova = 0;

    for (unsigned level = 1; level <= 4; level++) {
        iova |= (uint64_t)some_index(w, level) << (12 + 9 * (level - 1));
    }
    return iova & (BIT(w->h->config.aw_bits) - 1);
}

static uint64_t some_table(World *w, unsigned level)
{
    return w->table[level][pick(w, w->tables[level])];
}

static uint64_t some_perm(World *w)
{
    unsigned n = pick(w, 16);

    return n < 11 ? QVTD_RW : n < 13 ? QVTD_R : n < 15 ? QVTD_W : 0;
}

/* Bits that mean nothing, and seldom ones that must not be set */
static uint64_t some_noise(World *w, unsigned level, bool leaf)
{
    static const unsigned ignored[] = { 2, 3, 6, 8, 9, 10, 52, 58, 61, 63 };
    uint64_t noise = one_in(w, 4) ? BIT(ignored[pick(w, 10)]) : 0;

    if (one_in(w, 24)) {
        switch (pick(w, 4)) {
        case 0:
            return noise | BIT(62);
        case 1:
            return noise | BIT(11);
        case 2:
            return noise | BIT(w->h->config.haw_bits +
                               pick(w, 52 - w->h->config.haw_bits));
        default:
            return noise | (level > 3 ? QVTD_PS :
                            leaf && level > 1 ? BIT(12) : 0);
        }
    }
    return noise;
}

/* A target: natural ones go on from a superpage's, so that sizes can agree */
static uint64_t some_frame(World *w, unsigned level, unsigned index)
{
    static const uint64_t odd[] = {
        TARGETS + GIB + MIB2, TARGETS + GIB + 2 * MIB2, TARGETS + 2 * GIB,
        TARGETS + 3 * GIB, 0xfee00000, BIT(38),
    };
    uint64_t shift = 12 + 9 * (level - 1);
    uint64_t frame = TARGETS;
    uint64_t page;

    if (w->odd && one_in(w, 4)) {
        frame = odd[pick(w, ARRAY_SIZE(odd))];
        return (frame + ((uint64_t)pick(w, 4) << shift)) & ~(BIT(shift) - 1);
    }
    if (level == 3) {
        return frame + pick(w, 2) * GIB;
    }
    if (level == 2) {
        return frame + (one_in(w, 3) ? pick(w, 4) * MIB2 : index * MIB2);
    }
    frame += some_index(w, 2) * MIB2;
    page = one_in(w, 3) ? pick(w, 512) : index;
    return frame + page * QVTD_PAGE;
}

static uint64_t some_leaf(World *w, unsigned level, unsigned index)
{
    uint64_t leaf = some_frame(w, level, index) | w->high |
                    (level > 1 ? QVTD_PS : 0);

    leaf |= some_perm(w);
    return leaf | some_noise(w, level, true);
}

static uint64_t some_pointer(World *w, unsigned level)
{
    uint64_t noise = some_noise(w, level, false);
    uint64_t table;

    if (one_in(w, 30)) {
        return (one_in(w, 2) ? w->hole : RAM_SIZE) | QVTD_RW | noise;
    }
    if (w->odd && one_in(w, 20)) {
        return some_table(w, 1 + pick(w, 4)) | QVTD_RW | noise;
    }
    table = some_table(w, level - 1);
    return table | (one_in(w, 5) ? some_perm(w) : QVTD_RW) | noise;
}

static uint64_t some_entry(World *w, unsigned level, unsigned index)
{
    if (one_in(w, 4)) {
        return one_in(w, 4) ? some_frame(w, 1, index) : 0;
    }
    return level == 1 || (level < 4 && one_in(w, 3))
           ? some_leaf(w, level, index) : some_pointer(w, level);
}

static void edit_entry(World *w)
{
    static const unsigned levels[] = { 1, 1, 1, 1, 2, 2, 2, 3, 3, 4 };
    unsigned level = levels[pick(w, 10)];
    unsigned index = some_index(w, level);
    uint64_t table = some_table(w, level);

    host_put(w->h, table + index * 8, some_entry(w, level, index));
}

/* Many entries of a table of level 1 or 2: evenly, scattered, or none */
static void edit_range(World *w)
{
    unsigned level = 1 + one_in(w, 4);
    uint64_t size = BIT(12 + 9 * (level - 1));
    uint64_t table = some_table(w, level);
    bool all = one_in(w, 2);
    unsigned from = all ? 0 : pick(w, 512);
    unsigned more = all ? 511 : pick(w, one_in(w, 3) ? 400 : 20);
    unsigned to = MIN(511, from + more);
    uint64_t base = w->high + TARGETS +
                    (level == 2 ? pick(w, 2) * GIB
                                : some_index(w, 2) * MIB2);
    uint64_t perm = one_in(w, 4) ? some_perm(w) : QVTD_RW;
    unsigned kind = pick(w, 4), every = 1 + pick(w, 3);

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
        host_put(w->h, table + i * 8, entry);
    }
}

/* One bit of an entry that is there, at any level */
static void edit_bit(World *w)
{
    static const unsigned bits[] = { 0, 1, 0, 1, 7, 11, 12, 51, 62, 63 };
    unsigned level = 1 + pick(w, 4);
    uint64_t table = some_table(w, level);
    unsigned bit = bits[pick(w, 10)];

    if (bit == 12 && level > 1 && !w->odd) {
        bit = 11;               /* not another level's table */
    }
    for (unsigned tries = 0; tries < 8; tries++) {
        uint64_t gpa = table + some_index(w, level) * 8;
        uint64_t entry = host_get(w->h, gpa);

        if (entry) {
            host_put(w->h, gpa, entry ^ BIT(bit));
            return;
        }
    }
}

/* A table moves: its content goes to another of its level */
static void edit_copy(World *w)
{
    unsigned level = 1 + pick(w, 4);
    uint64_t from = some_table(w, level), to = some_table(w, level);

    for (unsigned i = 0; i < 512; i++) {
        host_put(w->h, to + i * 8, host_get(w->h, from + i * 8));
    }
    if (one_in(w, 2)) {
        host_put(w->h, to + some_index(w, level) * 8, 0);
    }
}

/* One superpage becomes a table that says the same, or almost */
static void edit_demote(World *w)
{
    unsigned level = 2 + one_in(w, 3);
    uint64_t table = some_table(w, level);

    for (unsigned i = 0; i < 512; i++) {
        uint64_t entry = host_get(w->h, table + i * 8);
        uint64_t below = some_table(w, level - 1);

        if (!(entry & QVTD_RW) || !(entry & QVTD_PS) ||
            (entry & BITS(47, 12)) < TARGETS) {
            continue;
        }
        for (unsigned j = 0; j < 512; j++) {
            host_put(w->h, below + j * 8,
                     ((entry & BITS(51, 12)) + (j << (12 + 9 * (level - 2))))
                     | (entry & QVTD_RW) | (level > 2 ? QVTD_PS : 0));
        }
        if (one_in(w, 2)) {
            unsigned j = some_index(w, level - 1);

            host_put(w->h, below + j * 8, some_entry(w, level - 1, j));
        }
        host_put(w->h, table + i * 8, below | QVTD_RW);
        return;
    }
}

static void edit_context(World *w)
{
    unsigned which = one_in(w, 4) ? pick(w, 2) :
                     w->active;
    uint16_t sid = world_sids[pick(w, WORLD_DEVICES)];
    uint64_t entry = w->context_table[which][sid >> 8] + (sid & 255) * 16;
    unsigned levels = w->h->config.aw_bits > 39 && !one_in(w, 4) ? 4 : 3;
    uint64_t lo = some_table(w, levels) | QVTD_P;
    uint64_t hi = context_hi(levels, 1 + pick(w, WORLD_DOMAINS));

    switch (pick(w, 40)) {
    case 0:
        lo = 0;
        break;
    case 1:
        lo |= BIT(4 + pick(w, 8));
        break;
    case 2:
        hi |= BIT(24 + pick(w, 40));
        break;
    case 3:
        hi ^= w->odd ? 1 + pick(w, 6) : 4;
        break;
    case 4:
        lo |= QVTD_TT(1 + pick(w, 3));
        break;
    case 5:
        lo = (one_in(w, 2) ? w->hole : RAM_SIZE) | QVTD_P;
        break;
    case 6:
        if (w->odd) {
            lo = some_table(w, 1 + pick(w, 4)) | QVTD_P;
        }
        break;
    }
    host_put(w->h, entry, lo);
    host_put(w->h, entry + 8, hi);
}

static void edit_root_entry(World *w)
{
    unsigned which = pick(w, 2), bus = pick(w, 2);
    uint64_t lo = w->context_table[which][bus] | QVTD_P, hi = 0;

    switch (pick(w, 12)) {
    case 0:
        lo = 0;
        break;
    case 1:
        lo |= BIT(1 + pick(w, 11));
        break;
    case 2:
        hi = BIT(pick(w, 64));
        break;
    case 3:
        lo = w->hole | QVTD_P;
        break;
    case 4:
        lo = w->context_table[!which][bus] | QVTD_P;
        break;
    }
    host_put(w->h, w->root_table[which] + bus * 16, lo);
    host_put(w->h, w->root_table[which] + bus * 16 + 8, hi);
}

void world_edit(World *w)
{
    unsigned n = pick(w, 32);

    if (n < 16) {
        edit_entry(w);
    } else if (n < 21) {
        edit_range(w);
    } else if (n < 24) {
        edit_bit(w);
    } else if (n < 25) {
        edit_copy(w);
    } else if (n < 28) {
        edit_demote(w);
    } else if (n < 31) {
        edit_context(w);
    } else {
        edit_root_entry(w);
    }
}

World *world_new(const VtdConfig *config, bool odd, guint32 seed)
{
    static const unsigned tables[] = { 0, 8, 6, 4, 3 };
    World *w = g_new0(World, 1);

    w->rand = g_rand_new_with_seed(seed);
    w->odd = odd;
    w->h = host_new(config);
    if (odd) {
        /* Ends in the midst of a page, of 2 MiB, and at another piece */
        host_add_region(w->h, TARGETS, TARGETS + GIB + MIB2 + 0x54ff, true);
        host_add_region(w->h, TARGETS + GIB + 2 * MIB2,
                        TARGETS + GIB + 3 * MIB2 - 1, false);
        host_add_region(w->h, TARGETS + GIB + 3 * MIB2 + 0x7800,
                        TARGETS + 2 * GIB + 3 * QVTD_PAGE - 1, true);
        host_add_region(w->h, TARGETS + 2 * GIB + 3 * QVTD_PAGE,
                        TARGETS + 3 * GIB - 1, true);
    } else {
        if (w->h->config.haw_bits > w->h->config.aw_bits) {
            w->high = BIT(w->h->config.aw_bits);
        }
        host_add_region(w->h, w->high + TARGETS,
                        w->high + TARGETS + 4 * GIB - 1, true);
    }
    for (unsigned level = 1; level <= 4; level++) {
        w->tables[level] = tables[level];
        for (unsigned i = 0; i < tables[level]; i++) {
            w->table[level][i] = host_pages(w->h, 1);
            if (odd && i % 3 == 1) {
                host_put_behind_io(w->h, w->table[level][i]);
            }
        }
    }
    w->hole = host_pages(w->h, 1);
    host_set_ram(w->h, w->hole, false);
    for (unsigned i = 0; i < 2; i++) {
        w->root_table[i] = host_pages(w->h, 1);
        for (unsigned bus = 0; bus < 2; bus++) {
            w->context_table[i][bus] = host_pages(w->h, 1);
            host_put(w->h, w->root_table[i] + bus * 16,
                     w->context_table[i][bus] | QVTD_P);
        }
    }
    for (unsigned i = 0; i < 32; i++) {
        edit_context(w);
    }
    return w;
}

void world_free(World *w)
{
    host_free(w->h);
    g_rand_free(w->rand);
    g_free(w);
}
