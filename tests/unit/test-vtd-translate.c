/*
 * The VT-d unit's second-stage translation: walks, limits, pieces
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reserved bits are tested as masks: each bit by itself, and the set of
 * those that faulted is what the specification's table says (3.2).
 */

#include "qemu/osdep.h"
#include "tests/vtd/rows.h"
#include "vtd-unit.h"

#define SID                     0x0108
#define DID                     3

static void forget(Unit *u)
{
    inv_iotlb(u->h, QVTD_DOMAIN, DID, 0, 0);
}

/* Widths of the unit, with the levels that it can walk */
static const struct {
    uint8_t aw_bits;
    uint8_t haw_bits;
    uint8_t levels;
} shapes[] = { { 39, 39, 3 }, { 48, 48, 3 }, { 48, 48, 4 }, { 39, 46, 3 },
               { 48, 52, 4 } };

static VtdConfig shape_config(unsigned i)
{
    VtdConfig config = host_config;

    config.aw_bits = shapes[i].aw_bits;
    config.haw_bits = shapes[i].haw_bits;
    return config;
}

static uint64_t leaf_mask(unsigned level)
{
    return BITS(12 + 9 * (level - 1) - 1, 0);
}

/* Each page size at each number of levels, low and high in the space */
static void test_leaves(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(shapes); i++) {
        VtdConfig config = shape_config(i);
        unsigned input_bits = 12 + 9 * shapes[i].levels;

        for (unsigned level = 1; level <= 3; level++) {
            uint64_t mask = leaf_mask(level);
            uint64_t page[] = {
                0, mask + 1, 5 * (mask + 1), 0x155555555555, 0x2aaaaaaaaaaa,
                BITS(input_bits - 1, 0),
            };

            for (unsigned k = 0; k < G_N_ELEMENTS(page); k++) {
                Unit u = unit_new(&config, SID, shapes[i].levels, DID);
                uint64_t iova = page[k] & BITS(input_bits - 1, 0) & ~mask;
                uint64_t addr = (0x6666666666666666 ^ page[k]) &
                                BITS(shapes[i].haw_bits - 1, 0) & ~mask;
                VtdTranslation t;

                map(u.h, u.table, u.levels, iova, level, addr | QVTD_RW);
                t = assert_maps(u.d, iova, VTD_ACCESS_READ, addr);
                g_assert_cmphex(t.mask, ==, mask);
                g_assert_true(t.read && t.write);
                assert_maps(u.d, iova | mask, VTD_ACCESS_WRITE, addr | mask);
                forget(&u);
                assert_maps(u.d, iova | (mask & 0x12345678),
                            VTD_ACCESS_PROBE, addr | (mask & 0x12345678));
                if (iova) {
                    assert_blocked(u.d, iova - 1, VTD_ACCESS_READ, QVTD_F_READ);
                }
                assert_blocked(u.d, iova + mask + 1, VTD_ACCESS_WRITE,
                               (iova + mask + 1) >> input_bits ? 0x04
                                                               : 0x05);
                host_free(u.h);
            }
        }
    }
}

/* In the entry at @level on the way to a leaf at @leaf */
static uint64_t reserved_bits(const VtdConfig *config, unsigned level,
                              unsigned leaf)
{
    uint64_t mask = BITS(63, config->haw_bits) & BITS(51, 0);

    if (level > leaf) {
        return mask | BIT(62) | BIT(11) | (level >= 4 ? BIT(7) : 0);
    }
    if (!config->stale_tm || !config->device_iotlb) {
        mask |= BIT(62);
    }
    if (!config->snoop_control) {
        mask |= BIT(11);
    }
    return mask | (leaf_mask(leaf) & ~0xfffull);
}

static void test_reserved_in(Unit *u, unsigned level, unsigned leaf)
{
    const uint64_t iova = 0x40c0a03000 & ~leaf_mask(leaf);
    const uint64_t addr = 5ull << 30;
    uint64_t want = reserved_bits(&u->h->config, level, leaf);
    /* what may be set and changes nothing */
    uint64_t ignored = ~want & (BITS(63, 52) | BITS(11, 2)) &
                       ~(level == 2 || level == 3 ? BIT(7) : 0);
    uint64_t found = 0, same = 0, entry, before;

    map(u->h, u->table, u->levels, iova, leaf, addr | QVTD_RW);
    entry = table_entry(u->h, u->table, u->levels, iova, level);
    before = host_get(u->h, entry);
    for (unsigned bit = 0; bit < 64; bit++) {
        VtdTranslation t;
        unsigned reason;

        if (before & BIT(bit)) {
            continue;
        }
        host_put(u->h, entry, before | BIT(bit));
        forget(u);
        reason = outcome(u->d, iova, VTD_ACCESS_WRITE, &t);
        if (reason == QVTD_F_RESERVED) {
            found |= BIT(bit);
        } else if (!reason && t.addr == addr && t.mask == leaf_mask(leaf)) {
            same |= BIT(bit);
        }
    }
    /* PS in a table entry makes a leaf of it, with address bits too low */
    if (level > leaf && (level == 2 || level == 3)) {
        want |= BIT(7);
    }
    if (found != want || same != ignored) {
        g_test_message("entry at level %u, leaf at %u", level, leaf);
    }
    g_assert_cmphex(found, ==, want);
    g_assert_cmphex(same, ==, ignored);

    /* in an entry that is not present none of them counts */
    for (unsigned k = 0; k < 2; k++) {
        host_put(u->h, entry, k ? BITS(63, 2) : want & ~QVTD_RW);
        forget(u);
        assert_blocked(u->d, iova, VTD_ACCESS_READ, QVTD_F_READ);
        assert_blocked(u->d, iova, VTD_ACCESS_WRITE, QVTD_F_WRITE);
    }
    host_put(u->h, entry, before);
    forget(u);
    assert_maps(u->d, iova, VTD_ACCESS_READ, addr);
    host_put(u->h, table_entry(u->h, u->table, u->levels, iova, leaf), 0);
    forget(u);
}

static void test_reserved_bits(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(shapes); i++) {
        for (unsigned options = 0; options < 8; options++) {
            VtdConfig config = shape_config(i);
            unsigned levels = shapes[i].levels;

            config.snoop_control = options & 1;
            config.device_iotlb = options & 2;
            config.stale_tm = options & 4;
            g_test_message("widths %u, %u levels %u options %u",
                           config.aw_bits, config.haw_bits, levels, options);
            for (unsigned leaf = 1; leaf <= 3; leaf++) {
                for (unsigned level = leaf; level <= levels; level++) {
                    Unit u = unit_new(&config, SID, levels, DID);

                    test_reserved_in(&u, level, leaf);
                    host_free(u.h);
                }
            }
        }
    }
}


/* The entries on the way to @iova, by level */
static void path(Unit *u, uint64_t iova, uint64_t entry[5])
{
    for (unsigned level = 1; level <= u->levels; level++) {
        entry[level] = table_entry(u->h, u->table, u->levels, iova, level);
    }
}

/* Every permission at every level: what passes is the AND of them */
static void test_permissions(void)
{
    const uint64_t iova = 0x123456789000, addr = 0x77000;
    uint64_t entry[5], value[5];
    Unit u = unit_new(NULL, SID, 4, DID);
    VtdTranslation t;

    map(u.h, u.table, 4, iova, 1, addr);
    path(&u, iova, entry);
    for (unsigned level = 1; level <= 4; level++) {
        value[level] = host_get(u.h, entry[level]) & ~QVTD_RW;
    }
    for (unsigned combo = 0; combo < 256; combo++) {
        unsigned all = QVTD_RW;

        for (unsigned level = 1; level <= 4; level++) {
            unsigned granted = combo >> 2 * (level - 1) & 3;

            host_put(u.h, entry[level], value[level] | granted);
            all &= granted;
        }
        for (unsigned access = 0; access <= VTD_ACCESS_WRITE; access++) {
            unsigned want = access == VTD_ACCESS_READ ?
                            (all & QVTD_R ? 0 : 0x06) :
                            access == VTD_ACCESS_WRITE ?
                            (all & QVTD_W ? 0 : 0x05) : (all ? 0 : SILENT);

            for (unsigned again = 0; again < 2; again++) {
                g_assert_cmphex(outcome(u.d, iova, access, &t), ==, want);
                if (!want) {
                    g_assert_cmphex(t.addr, ==, addr);
                    g_assert_cmpint(t.read, ==, !!(all & QVTD_R));
                    g_assert_cmpint(t.write, ==, !!(all & QVTD_W));
                }
            }
            forget(&u);
        }
    }
    host_free(u.h);
}

/* A reserved bit beats the permission of its own entry, no earlier one */
static void test_error_order(void)
{
    const uint64_t iova = 0x7654321000;
    uint64_t entry[5];
    Unit u = unit_new(NULL, SID, 4, DID);

    map(u.h, u.table, 4, iova, 1, 0x9000 | QVTD_RW);
    path(&u, iova, entry);
    for (unsigned level = 1; level <= 4; level++) {
        uint64_t before = host_get(u.h, entry[level]);

        host_put(u.h, entry[level], (before & ~QVTD_W) | BIT(51));
        assert_blocked(u.d, iova, VTD_ACCESS_READ, QVTD_F_RESERVED);
        assert_blocked(u.d, iova, VTD_ACCESS_WRITE, QVTD_F_RESERVED);
        host_put(u.h, entry[level], before | BIT(51));
        for (unsigned above = level + 1; above <= 4; above++) {
            uint64_t higher = host_get(u.h, entry[above]);

            host_put(u.h, entry[above], higher & ~QVTD_W);
            assert_blocked(u.d, iova, VTD_ACCESS_READ, QVTD_F_RESERVED);
            assert_blocked(u.d, iova, VTD_ACCESS_WRITE, QVTD_F_WRITE);
            host_put(u.h, entry[above], (higher & ~QVTD_R) | QVTD_W);
            assert_blocked(u.d, iova, VTD_ACCESS_READ, QVTD_F_READ);
            assert_blocked(u.d, iova, VTD_ACCESS_WRITE, QVTD_F_RESERVED);
            host_put(u.h, entry[above], higher);
        }
        host_put(u.h, entry[level], before);
        assert_maps(u.d, iova, VTD_ACCESS_WRITE, 0x9000);
        forget(&u);
    }
    host_free(u.h);
}

/* A table outside memory: the top one is the context's fault */
static void test_unreadable(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(shapes); i++) {
        VtdConfig config = shape_config(i);
        uint64_t entry[5];
        Unit u = unit_new(&config, SID, shapes[i].levels, DID);

        map(u.h, u.table, u.levels, 0x5000, 1, 0x9000 | QVTD_RW);
        path(&u, 0x5000, entry);
        for (unsigned level = 1; level <= u.levels; level++) {
            for (VtdAccess access = 0; access <= VTD_ACCESS_WRITE; access++) {
                forget(&u);
                host_set_ram(u.h, entry[level] & BITS(63, 12), false);
                assert_blocked(u.d, 0x5000, access,
                               access == VTD_ACCESS_PROBE ? SILENT :
                               level == u.levels ? 0x03 : 0x07);
                host_set_ram(u.h, entry[level] & BITS(63, 12), true);
                assert_maps(u.d, 0x5000, access, 0x9000);
            }
        }
        /* beyond memory but within HAW */
        forget(&u);
        host_put(u.h, entry[2], (BITS(config.haw_bits - 1, 12)) | QVTD_RW);
        assert_blocked(u.d, 0x5000, VTD_ACCESS_WRITE, QVTD_F_TABLE_ACCESS);
        host_free(u.h);
    }
}

/* The input is below 2^min(MGAW, AW), pass-through below 2^HAW */
static void test_input_width(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(shapes); i++) {
        VtdConfig config = shape_config(i);
        unsigned bits = 12 + 9 * shapes[i].levels;
        uint64_t last = BITS(bits - 1, 12);
        Unit u = unit_new(&config, SID, shapes[i].levels, DID);

        map(u.h, u.table, u.levels, 0, 1, 0x5000 | QVTD_RW);
        map(u.h, u.table, u.levels, last, 1, 0x6000 | QVTD_RW);
        for (unsigned round = 0; round < 2; round++) {
            assert_maps(u.d, 0x123, VTD_ACCESS_READ, 0x5123);
            assert_maps(u.d, last | 0xfff, VTD_ACCESS_READ, 0x6fff);
            for (unsigned bit = bits; bit < 64; bit++) {
                assert_blocked(u.d, BIT(bit), VTD_ACCESS_READ, QVTD_F_ADDRESS);
                assert_blocked(u.d, BIT(bit) | last, VTD_ACCESS_WRITE,
                               QVTD_F_ADDRESS);
                assert_blocked(u.d, BIT(bit), VTD_ACCESS_PROBE, SILENT);
            }
            assert_blocked(u.d, UINT64_MAX, VTD_ACCESS_WRITE, QVTD_F_ADDRESS);
        }

        /* whose AW says nothing */
        set_context(u.h, u.d->sid, QVTD_P | QVTD_TT(2),
                    context_hi(u.levels, DID));
        inv_context(u.h, QVTD_GLOBAL, 0, 0, 0);
        last = BITS(config.haw_bits - 1, 0);
        assert_maps(u.d, 0, VTD_ACCESS_READ, 0);
        assert_maps(u.d, last, VTD_ACCESS_WRITE, last);
        for (unsigned bit = config.haw_bits; bit < 64; bit++) {
            assert_blocked(u.d, BIT(bit), VTD_ACCESS_READ, QVTD_F_ADDRESS);
        }
        assert_blocked(u.d, last + 1, VTD_ACCESS_WRITE, QVTD_F_ADDRESS);

        /* translation off: nothing is a fault, nothing is changed */
        gcmd(u.h, QVTD_TE, false);
        assert_maps(u.d, 0x5123, VTD_ACCESS_WRITE, 0x5123);
        assert_maps(u.d, last, VTD_ACCESS_READ, last);
        assert_maps(u.d, last + 1, VTD_ACCESS_READ, last + 1);
        host_free(u.h);
    }
}

/* No DMA comes out in the interrupt range, or goes into it */
static void test_interrupt_range(void)
{
    static const struct {
        uint64_t addr;
        bool blocked;
    } table[] = {
        { 0xfedff000, false }, { QVTD_MSI_ADDR, true }, { 0xfee01000, true },
        { 0xfee80000, true }, { 0xfeeff000, true }, { 0xfef00000, false },
        { 0x1fee00000, false }, { 0xfee00000000, false },
    };
    Unit u = unit_new(NULL, SID, 4, DID);

    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        uint64_t addr = table[i].addr;
        VtdTranslation t;

        for (unsigned level = 1; level <= 3; level++) {
            uint64_t iova = 0x4000000000 + (addr & leaf_mask(level));

            map(u.h, u.table, 4, iova, level,
                (addr & ~leaf_mask(level)) | QVTD_RW);
            for (unsigned access = 1; access <= VTD_ACCESS_WRITE; access++) {
                forget(&u);
                if (table[i].blocked) {
                    assert_blocked(u.d, iova, access, QVTD_F_OUTPUT);
                    assert_blocked(u.d, iova + 0xfff, access, QVTD_F_OUTPUT);
                } else {
                    assert_maps(u.d, iova, access, addr);
                    assert_maps(u.d, iova + 0xfff, access, addr + 0xfff);
                }
            }
            host_put(u.h, table_entry(u.h, u.table, 4, iova, level), 0);
        }

        /* an input there is no DMA, whatever the tables say */
        map(u.h, u.table, 4, addr, 1, 0x5000 | QVTD_RW);
        g_assert_cmpint(device_translate(u.d, addr, VTD_ACCESS_WRITE, &t), ==,
                        !table[i].blocked);
        g_assert_cmpint(device_translate(u.d, addr, VTD_ACCESS_READ, &t), ==,
                        !table[i].blocked);
    }
    host_free(u.h);
}

/* A piece is the largest page that the range is not in, on either side */
static void assert_piece(Unit *u, uint64_t iova, uint64_t addr,
                         unsigned level)
{
    unsigned want = level;
    VtdTranslation t;

    for (; want > 1; want--) {
        uint64_t mask = leaf_mask(want);

        if ((QVTD_MSI_ADDR & ~mask) != (iova & ~mask) &&
            (QVTD_MSI_ADDR & ~mask) != (addr & ~mask)) {
            break;
        }
    }
    forget(u);
    for (unsigned again = 0; again < 2; again++) {
        t = assert_maps(u->d, iova, VTD_ACCESS_READ, addr);
        g_assert_cmphex(t.mask, ==, leaf_mask(want));
    }
}

static void test_pieces(void)
{
    /* around the range, and ends of the 2 MiB and 1 GiB that hold it */
    static const uint64_t at[] = {
        0xbffff000, 0xc0000000, 0xfebff000, 0xfec00000, 0xfedff000,
        0xfef00000, 0xfefff000, 0xff000000, 0xff1ff000, 0xfffff000,
        0x100000000,
    };
    Unit u = unit_new(NULL, SID, 4, DID);

    for (unsigned i = 0; i < G_N_ELEMENTS(at); i++) {
        for (unsigned level = 1; level <= 3; level++) {
            uint64_t other = 0x8000000000 + (at[i] & leaf_mask(level));

            map(u.h, u.table, 4, at[i], level, (1ull << 40) | QVTD_RW);
            assert_piece(&u, at[i], (1ull << 40) | (at[i] & leaf_mask(level)),
                         level);
            host_put(u.h, table_entry(u.h, u.table, 4, at[i], level), 0);
            map(u.h, u.table, 4, other, level,
                (at[i] & ~leaf_mask(level)) | QVTD_RW);
            assert_piece(&u, other, at[i], level);
            host_put(u.h, table_entry(u.h, u.table, 4, other, level), 0);
        }
    }

    /* pass-through is as a table of 1 GiB pages */
    set_context(u.h, u.d->sid, QVTD_P | QVTD_TT(2), context_hi(4, DID));
    inv_context(u.h, QVTD_GLOBAL, 0, 0, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(at); i++) {
        assert_piece(&u, at[i], at[i], 3);
    }
    host_free(u.h);
}

/* With DT an untranslated request of TT=01 is walked as one of TT=00 */
static void test_device_tlb_type(void)
{
    VtdConfig config = host_config;
    Unit u;

    config.device_iotlb = true;
    u = unit_new(&config, SID, 4, DID);
    map(u.h, u.table, 4, 0x5000, 1, 0x9000 | QVTD_R);
    set_context(u.h, u.d->sid, u.table | QVTD_TT(1) | QVTD_P,
                context_hi(4, DID));
    assert_maps(u.d, 0x5000, VTD_ACCESS_READ, 0x9000);
    assert_blocked(u.d, 0x5000, VTD_ACCESS_WRITE, QVTD_F_WRITE);
    assert_blocked(u.d, 0x6000, VTD_ACCESS_READ, QVTD_F_READ);
    host_free(u.h);
}

/* The rows that the qtests have too, by properties as QEMU has them */
static VtdConfig config_of(const char *props)
{
    VtdConfig config = host_config;

    config.aw_bits = strstr(props, "aw-bits=39") ? 39 : 48;
    config.caching_mode = strstr(props, "caching-mode=on");
    config.pass_through = !strstr(props, "pt=off");
    config.device_iotlb = strstr(props, "device-iotlb=on");
    config.stale_tm = strstr(props, "stale-tm=on");
    config.snoop_control = strstr(props, "snoop-control=on");
    return config;
}

static void test_reasons(void)
{
    for (unsigned i = 0; qvtd_fault_props[i]; i++) {
        VtdConfig config = config_of(qvtd_fault_props[i]);
        Host *h = host_new(&config);
        Device *d = device_new(h, 0x0108);

        qvtd_rows_faults(&h->vtd, d->sid, qvtd_fault_props[i]);
        host_free(h);
    }
}

static void test_root(void)
{
    Host *h = host_new(NULL);
    Device *d = device_new(h, 0x0108);

    qvtd_rows_root(&h->vtd, d->sid);
    host_free(h);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/vtd/translate/leaves", test_leaves);
    g_test_add_func("/vtd/translate/reserved-bits", test_reserved_bits);
    g_test_add_func("/vtd/translate/permissions", test_permissions);
    g_test_add_func("/vtd/translate/error-order", test_error_order);
    g_test_add_func("/vtd/translate/unreadable", test_unreadable);
    g_test_add_func("/vtd/translate/input-width", test_input_width);
    g_test_add_func("/vtd/translate/interrupt-range", test_interrupt_range);
    g_test_add_func("/vtd/translate/pieces", test_pieces);
    g_test_add_func("/vtd/translate/device-tlb-type", test_device_tlb_type);
    g_test_add_func("/vtd/translate/reasons", test_reasons);
    g_test_add_func("/vtd/translate/root", test_root);

    return g_test_run();
}
