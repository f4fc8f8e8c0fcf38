/*
 * The VT-d unit's root and context entries, legacy mode
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reserved bits are tested as masks: each bit by itself, and the set of
 * those that faulted is what the specification's table says (2.1).
 */

#include "qemu/osdep.h"
#include "vtd-unit.h"

#define IOVA                    0x7000ull
#define OUTPUT                  0x1234000ull
#define DID                     5
#define SID                     0x1a2b

/* IOVA is mapped to OUTPUT */
static Unit mapped_unit(const VtdConfig *config)
{
    Unit u = unit_new(config, SID, 0, DID);

    map(u.h, u.table, u.levels, IOVA, 1, OUTPUT | QVTD_RW);
    return u;
}

static unsigned try(Unit *u)
{
    VtdTranslation t;

    inv_context(u->h, QVTD_GLOBAL, 0, 0, 0);
    inv_iotlb(u->h, QVTD_GLOBAL, 0, 0, 0);
    return outcome(u->d, IOVA, VTD_ACCESS_READ, &t);
}

/*
 * Flip each bit of the 16-byte entry at @entry but those of @skip_lo and
 * @skip_hi; in @found the bits that give @reason.
 */
static void flip_bits(Unit *u, uint64_t entry, uint64_t skip_lo,
                      uint64_t skip_hi, unsigned reason, uint64_t found[2])
{
    found[0] = found[1] = 0;
    for (unsigned bit = 0; bit < 128; bit++) {
        uint64_t at = entry + bit / 64 * 8;
        uint64_t before = host_get(u->h, at);

        if ((bit < 64 ? skip_lo : skip_hi) & BIT(bit % 64)) {
            continue;
        }
        host_put(u->h, at, before ^ BIT(bit % 64));
        if (try(u) == reason) {
            found[bit / 64] |= BIT(bit % 64);
        }
        host_put(u->h, at, before);
        g_assert_cmphex(try(u), ==, 0);
    }
}

/* Of input addresses and of physical ones */
static const struct {
    uint8_t aw_bits;
    uint8_t haw_bits;
} widths[] = { { 39, 39 }, { 48, 48 }, { 39, 46 }, { 48, 52 } };

static VtdConfig width_config(unsigned i)
{
    VtdConfig config = host_config;

    config.aw_bits = widths[i].aw_bits;
    config.haw_bits = widths[i].haw_bits;
    return config;
}

static void test_root_bits(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(widths); i++) {
        VtdConfig config = width_config(i);
        uint64_t found[2], entry;
        Unit u = mapped_unit(&config);

        entry = u.h->vtd.root + (SID >> 8) * 16;
        flip_bits(&u, entry, 0, 0, QVTD_F_ROOT_RESERVED, found);
        g_assert_cmphex(found[0], ==, BITS(11, 1) | BITS(63, config.haw_bits));
        g_assert_cmphex(found[1], ==, UINT64_MAX);
        /* a context table outside memory */
        flip_bits(&u, entry, 0, 0, QVTD_F_CONTEXT_ACCESS, found);
        g_assert_cmphex(found[0], ==, BITS(config.haw_bits - 1, RAM_BITS));
        g_assert_cmphex(found[1], ==, 0);
        flip_bits(&u, entry, 0, 0, QVTD_F_ROOT, found);
        g_assert_cmphex(found[0], ==, QVTD_P);

        /* P=0: nothing else counts */
        for (unsigned bit = 1; bit < 128; bit++) {
            host_put(u.h, entry, bit < 64 ? BIT(bit) : 0);
            host_put(u.h, entry + 8, bit < 64 ? 0 : BIT(bit - 64));
            g_assert_cmphex(try(&u), ==, QVTD_F_ROOT);
        }
        host_put(u.h, entry, BITS(63, 1));
        host_put(u.h, entry + 8, UINT64_MAX);
        g_assert_cmphex(try(&u), ==, QVTD_F_ROOT);
        host_free(u.h);
    }
}

static void test_context_bits(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(widths); i++) {
        VtdConfig config = width_config(i);
        uint64_t found[2], entry;
        Unit u = mapped_unit(&config);

        entry = context_entry(u.h, SID);
        flip_bits(&u, entry, 0, 0, QVTD_F_CONTEXT_RESERVED, found);
        g_assert_cmphex(found[0], ==, BITS(11, 4) | BITS(63, config.haw_bits));
        g_assert_cmphex(found[1], ==, BIT(7) | BITS(63, 24));
        /* top table not in memory; TT and AW are below */
        flip_bits(&u, entry, BITS(3, 2), BITS(2, 0), QVTD_F_CONTEXT_INVALID,
                  found);
        g_assert_cmphex(found[0], ==, BITS(config.haw_bits - 1, RAM_BITS));
        g_assert_cmphex(found[1], ==, 0);
        /* the domain id is any, bits 70:67 are software's */
        flip_bits(&u, entry, ~0ull, BITS(2, 0), 0, found);
        g_assert_cmphex(found[1], ==, BITS(6, 3) | BITS(23, 8));
        flip_bits(&u, entry, 0, ~0ull, QVTD_F_CONTEXT, found);
        g_assert_cmphex(found[0], ==, QVTD_P);

        /* P=0: nothing else counts, but FPD */
        for (unsigned bit = 1; bit < 128; bit++) {
            set_context(u.h, SID, bit < 64 ? BIT(bit) : 0,
                        bit < 64 ? 0 : BIT(bit - 64));
            g_assert_cmphex(try(&u), ==, bit == 1 ? SILENT : 0x02);
        }
        set_context(u.h, SID, BITS(63, 1) & ~QVTD_FPD, UINT64_MAX);
        g_assert_cmphex(try(&u), ==, QVTD_F_CONTEXT);
        host_free(u.h);
    }
}

/* Pass-through has no tables: their address is ignored */
static void test_pass_through_bits(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(widths); i++) {
        VtdConfig config = width_config(i);
        VtdTranslation t;
        uint64_t found[2];
        Unit u = mapped_unit(&config);

        set_context(u.h, SID, QVTD_P | QVTD_TT(2), context_hi(u.levels, DID));
        flip_bits(&u, context_entry(u.h, SID), BITS(3, 0), BITS(2, 0), 0,
                  found);
        g_assert_cmphex(found[0], ==, BITS(63, 12));
        g_assert_cmphex(found[1], ==, BITS(6, 3) | BITS(23, 8));
        t = assert_maps(u.d, IOVA, VTD_ACCESS_PROBE, IOVA);
        g_assert_true(t.read && t.write);
        host_free(u.h);
    }
}

/* Each type with each width, by what the unit has */
static void test_type_width(void)
{
    for (unsigned config_bits = 0; config_bits < 8; config_bits++) {
        VtdConfig config = host_config;
        unsigned aw_max;
        Unit u;

        config.aw_bits = config_bits & 1 ? 39 : 48;
        config.device_iotlb = config_bits & 2;
        config.pass_through = config_bits & 4;
        aw_max = config.aw_bits == 39 ? 1 : 2;
        u = mapped_unit(&config);
        for (unsigned tt = 0; tt < 4; tt++) {
            for (unsigned aw = 0; aw < 8; aw++) {
                bool known = aw >= 1 && aw <= aw_max;
                bool ok = tt == 0 ? known :
                          tt == 1 ? known && config.device_iotlb :
                          tt == 2 ? known && config.pass_through : false;
                uint64_t table = host_pages(u.h, 1);

                if (ok && tt != 2) {
                    map(u.h, table, aw + 2, IOVA, 1, OUTPUT | QVTD_RW);
                }
                set_context(u.h, SID, table | QVTD_TT(tt) | QVTD_P,
                            DID << 8 | aw);
                g_assert_cmphex(try(&u), ==, ok ? 0 : 0x03);
                if (ok) {
                    assert_maps(u.d, IOVA, VTD_ACCESS_WRITE,
                                tt == 2 ? IOVA : OUTPUT);
                }
            }
        }
        host_free(u.h);
    }
}

/* RTADDR: its mode, an address beyond HAW, and tables outside memory */
static void test_root_register(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(widths); i++) {
        VtdConfig config = width_config(i);
        Unit u = mapped_unit(&config);

        for (unsigned bit = 10; bit < 64; bit++) {
            unsigned reason = try(&u);
            VtdTranslation t;

            g_assert_cmphex(reason, ==, 0);
            set_root_table(u.h, u.h->vtd.root ^ BIT(bit));
            reason = outcome(u.d, IOVA, VTD_ACCESS_WRITE, &t);
            if (bit < 12 || bit >= config.haw_bits) {
                g_assert_cmphex(reason, ==, QVTD_F_RTADDR);
            } else if (bit >= RAM_BITS) {
                g_assert_cmphex(reason, ==, QVTD_F_ROOT_ACCESS);
            } else {
                g_assert_cmphex(reason, !=, 0);
            }
            set_root_table(u.h, u.h->vtd.root);
        }
        set_root_table(u.h, u.h->vtd.root | 3 << 10);
        assert_blocked(u.d, IOVA, VTD_ACCESS_READ, QVTD_F_RTADDR);

        set_root_table(u.h, u.h->vtd.root);
        g_assert_cmphex(try(&u), ==, 0);
        host_set_ram(u.h, u.h->vtd.root, false);
        g_assert_cmphex(try(&u), ==, QVTD_F_ROOT_ACCESS);
        host_set_ram(u.h, u.h->vtd.root, true);
        host_set_ram(u.h, context_entry(u.h, SID) & BITS(63, 12), false);
        g_assert_cmphex(try(&u), ==, QVTD_F_CONTEXT_ACCESS);
        host_set_ram(u.h, context_entry(u.h, SID) & BITS(63, 12), true);
        host_set_ram(u.h, u.table, false);
        g_assert_cmphex(try(&u), ==, QVTD_F_CONTEXT_INVALID);
        host_set_ram(u.h, u.table, true);
        g_assert_cmphex(try(&u), ==, 0);
        host_free(u.h);
    }
}

/* All of them high in memory, above the width of input addresses */
static void test_high(void)
{
    const uint64_t high = BIT(45) | BIT(39);
    VtdConfig config = host_config;
    uint64_t root_entry, entry;
    Unit u;

    config.aw_bits = 39;
    config.haw_bits = 46;
    u = mapped_unit(&config);
    host_add_alias(u.h, high);
    root_entry = u.h->vtd.root + (SID >> 8) * 16;
    entry = context_entry(u.h, SID);

    set_root_table(u.h, u.h->vtd.root | high);
    assert_maps(u.d, IOVA, VTD_ACCESS_WRITE, OUTPUT);
    host_put(u.h, root_entry, host_get(u.h, root_entry) | high);
    g_assert_cmphex(try(&u), ==, 0);
    host_put(u.h, entry, host_get(u.h, entry) | high);
    g_assert_cmphex(try(&u), ==, 0);
    for (unsigned level = 1; level <= 3; level++) {
        uint64_t at = table_entry(u.h, u.table, 3, IOVA, level);

        host_put(u.h, at, host_get(u.h, at) | high);
        inv_iotlb(u.h, QVTD_GLOBAL, 0, 0, 0);
        assert_maps(u.d, IOVA, VTD_ACCESS_WRITE, OUTPUT | high);
    }
    host_free(u.h);
}

/* The first wrong thing on the way from the root is what is told */
static void test_order(void)
{
    static const struct {
        uint64_t lo, hi;
        unsigned reason;
    } table[] = {
        { 0, 0, 0x02 },
        { BIT(4) | QVTD_TT(3), BIT(63), 0x02 },
        { QVTD_P | BIT(4) | QVTD_TT(3), 0, 0x0b },
        { QVTD_P | BITS(63, 12), BIT(24) | 1, 0x0b },
        { QVTD_P | QVTD_TT(3) | BITS(63, 12), 1, 0x0b },
        { QVTD_P | QVTD_TT(1) | BIT(48), 7, 0x0b },
        { QVTD_P | QVTD_TT(2) | BIT(48), 7, 0x03 },
    };
    Unit u = mapped_unit(NULL);
    uint64_t entry = u.h->vtd.root + (SID >> 8) * 16;

    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        set_context(u.h, SID, table[i].lo, table[i].hi);
        g_assert_cmphex(try(&u), ==, table[i].reason);
        host_put(u.h, entry + 8, 1);
        g_assert_cmphex(try(&u), ==, QVTD_F_ROOT_RESERVED);
        host_put(u.h, entry, host_get(u.h, entry) & ~QVTD_P);
        g_assert_cmphex(try(&u), ==, QVTD_F_ROOT);
        host_put(u.h, entry, host_get(u.h, entry) | QVTD_P);
        host_put(u.h, entry + 8, 0);
    }
    host_free(u.h);
}

/* Each requester has the entry of its bus and of its device and function */
static void test_index(void)
{
    static const uint16_t sids[] = {
        0x0000, 0x0001, 0x0007, 0x0008, 0x00ff, 0x0100, 0x7f80, 0x8000,
        0x80ff, 0xff00, 0xff01, 0xffff,
    };
    Device *d[G_N_ELEMENTS(sids)];
    Host *h = host_new(NULL);

    host_enable(h);
    for (unsigned i = 0; i < G_N_ELEMENTS(sids); i++) {
        uint64_t table = host_pages(h, 1);

        d[i] = device_new(h, sids[i]);
        assert_blocked(d[i], IOVA, VTD_ACCESS_READ,
                       host_get(h, h->vtd.root + (sids[i] >> 8) * 16) ? 2 : 1);
        map(h, table, 4, IOVA, 1, (i + 1) * QVTD_PAGE | QVTD_RW);
        attach(d[i], table, 4, i + 1);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(sids); i++) {
        assert_maps(d[i], IOVA, VTD_ACCESS_READ, (i + 1) * QVTD_PAGE);
    }
    /* bus numbers change under a device: the id of now counts */
    for (unsigned i = 0; i < G_N_ELEMENTS(sids); i++) {
        d[0]->sid = sids[i];
        assert_maps(d[0], IOVA, VTD_ACCESS_READ, (i + 1) * QVTD_PAGE);
    }
    d[0]->sid = 0x0055;
    assert_blocked(d[0], IOVA, VTD_ACCESS_READ, QVTD_F_CONTEXT);
    host_free(h);
}

/* With CM=0 what faulted is not cached: mended, it works at once (7.1) */
static void test_faults_not_cached(void)
{
    Unit u = mapped_unit(NULL);
    uint64_t root_entry = u.h->vtd.root + (SID >> 8) * 16;
    uint64_t hi = context_hi(u.levels, DID), good = u.table | QVTD_P;
    uint64_t context_table = context_entry(u.h, SID) & BITS(63, 12);
    uint64_t hole = host_pages(u.h, 1);
    const struct {
        uint64_t lo, hi;
        unsigned reason;
    } table[] = {
        { 0, 0, 0x02 },
        { good | BIT(5), hi, 0x0b },
        { good, hi | BIT(30), 0x0b },
        { good | QVTD_TT(3), hi, 0x03 },
        { good, DID << 8 | 5, 0x03 },
        { good | BIT(60), hi, 0x0b },
        { hole | QVTD_P, hi, 0x03 },
        { QVTD_FPD, 0, SILENT },
    };

    host_set_ram(u.h, hole, false);
    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        set_context(u.h, SID, table[i].lo, table[i].hi);
        g_assert_cmphex(try(&u), ==, table[i].reason);
        set_context(u.h, SID, good, hi);
        assert_maps(u.d, IOVA, VTD_ACCESS_WRITE, OUTPUT);
    }

    host_put(u.h, root_entry, 0);
    g_assert_cmphex(try(&u), ==, QVTD_F_ROOT);
    host_put(u.h, root_entry, context_table | QVTD_P | BIT(1));
    assert_blocked(u.d, IOVA, VTD_ACCESS_READ, QVTD_F_ROOT_RESERVED);
    host_put(u.h, root_entry, hole | QVTD_P);
    assert_blocked(u.d, IOVA, VTD_ACCESS_READ, QVTD_F_CONTEXT_ACCESS);
    host_put(u.h, root_entry, context_table | QVTD_P);
    assert_maps(u.d, IOVA, VTD_ACCESS_WRITE, OUTPUT);
    host_free(u.h);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/vtd/context/root-bits", test_root_bits);
    g_test_add_func("/vtd/context/context-bits", test_context_bits);
    g_test_add_func("/vtd/context/pass-through-bits",
                    test_pass_through_bits);
    g_test_add_func("/vtd/context/type-width", test_type_width);
    g_test_add_func("/vtd/context/root-register", test_root_register);
    g_test_add_func("/vtd/context/high", test_high);
    g_test_add_func("/vtd/context/order", test_order);
    g_test_add_func("/vtd/context/index", test_index);
    g_test_add_func("/vtd/context/faults-not-cached",
                    test_faults_not_cached);

    return g_test_run();
}
