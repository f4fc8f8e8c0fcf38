/*
 * The VT-d unit's interrupt remapping
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "vtd-host.h"

#define PASSED                  0x200

/* A unit that remaps by a table of 2^(@s + 1) entries */
static Host *remapping_host(const VtdConfig *config, unsigned s,
                            uint64_t flags, uint64_t *table)
{
    Host *h = host_new(config);

    queue_start(h, 0);
    *table = host_pages(h, s > 7 ? 1u << (s - 7) : 1);
    set_irta(h, *table | flags | s);
    inv_iec(h, true, 0, 0);
    gcmd(h, QVTD_IRE, true);
    g_array_set_size(h->iec_changes, 0);
    return h;
}

/* The address of a remappable request (8.1) */
static uint64_t msi_addr(uint16_t handle)
{
    return 0xfee00010 | (handle & 0x7fff) << 5 | (handle >> 15) << 2;
}

/*
 * 0 for remapped, PASSED, SILENT, or the reason that was recorded: with the
 * source and @index, where an index is defined (6.5)
 */
static unsigned request(Host *h, uint16_t sid, uint64_t addr, uint32_t data,
                        unsigned index, VtdInterrupt *out)
{
    unsigned reason;

    switch (vtd_interrupt(h->v, sid, addr, data, true, out)) {
    case VTD_INTERRUPT_REMAPPED:
        assert_no_fault(h);
        return 0;
    case VTD_INTERRUPT_PASS:
        assert_no_fault(h);
        return PASSED;
    case VTD_INTERRUPT_BLOCKED:
        break;
    }
    if (!(rd32(h, QVTD_FSTS) & QVTD_FSTS_PPF)) {
        return SILENT;
    }
    reason = rd32(h, QVTD_FRCD_HI + 4) & 0xff;
    if (reason == QVTD_F_IR_REQUEST || reason == QVTD_F_IR_COMPATIBLE) {
        index = 0;
    }
    assert_fault(h, reason, sid, (uint64_t)index << 48, false);
    return reason;
}

static unsigned request_index(Host *h, uint16_t index, VtdInterrupt *out)
{
    return request(h, 0, msi_addr(index), 0, index, out);
}

static void put_irte(Host *h, uint64_t table, unsigned index, uint64_t lo,
                     uint64_t hi)
{
    host_put(h, table + index * 16 + 8, hi);
    host_put(h, table + index * 16, lo);
}

/* Off: every message passes; on: compatibility format by CFI and EIME */
static void test_compatibility(void)
{
    static const uint64_t addrs[] = {
        QVTD_MSI_ADDR, 0xfee0100c, 0xfeeff000, 0xfeeffffc & ~BIT(4),
    };
    VtdInterrupt out;

    for (unsigned cfi = 0; cfi < 2; cfi++) {
        for (unsigned eime = 0; eime < 2; eime++) {
            uint64_t table;
            Host *h = remapping_host(NULL, 0, eime ? QVTD_IRTA_EIME : 0,
                                     &table);

            gcmd(h, QVTD_CFI, cfi);
            for (unsigned i = 0; i < G_N_ELEMENTS(addrs); i++) {
                g_assert_cmphex(request(h, 0x1234, addrs[i], 0xc041, 0, &out),
                                ==, cfi && !eime ? PASSED
                                                 : QVTD_F_IR_COMPATIBLE);
            }
            /* the other format does not care */
            g_assert_cmphex(request_index(h, 0, &out), ==, QVTD_F_IR_ENTRY);

            gcmd(h, QVTD_IRE, false);
            for (unsigned i = 0; i < G_N_ELEMENTS(addrs); i++) {
                g_assert_cmphex(request(h, 0, addrs[i] | BIT(4), 0x41, 0,
                                        &out), ==, PASSED);
                g_assert_cmphex(request(h, 0, addrs[i], 0x41, 0, &out), ==,
                                PASSED);
            }
            host_free(h);
        }
    }
}

/* Each field of an entry comes out (8.3) */
static void test_fields(void)
{
    static const uint8_t modes[] = { 0, 1, 2, 4, 5, 7 };

    for (unsigned eime = 0; eime < 2; eime++) {
        uint64_t table;
        Host *h = remapping_host(NULL, 0, eime ? QVTD_IRTA_EIME : 0, &table);

        for (unsigned i = 0; i < 8 * G_N_ELEMENTS(modes); i++) {
            unsigned mode = modes[i / 8];
            uint32_t dest = eime ? 0xfedcba98 - i : 0xa5 - i;
            uint8_t vector = 0x40 + i;
            VtdInterrupt out;

            put_irte(h, table, 1, QVTD_P | (i & 7) << 2 | mode << 5 | 0xf << 8 |
                     QVTD_IRTE_V(vector) |
                     (eime ? (uint64_t)dest << 32 : QVTD_IRTE_DST(dest)), 0);
            inv_iec(h, false, 1, 0);
            for (unsigned again = 0; again < 2; again++) {
                g_assert_cmphex(request_index(h, 1, &out), ==, 0);
                g_assert_cmphex(out.dest, ==, dest);
                g_assert_cmphex(out.vector, ==, vector);
                g_assert_cmpuint(out.delivery_mode, ==, mode);
                g_assert_cmpint(out.logical, ==, i & 1);
                g_assert_cmpint(out.redirection_hint, ==, !!(i & 2));
                g_assert_cmpint(out.level, ==, !!(i & 4));
            }
        }
        host_free(h);
    }
}

/* Every bit of an entry by itself */
static void test_irte_bits(void)
{
    for (unsigned eime = 0; eime < 2; eime++) {
        uint64_t table, found[2] = { 0 };
        Host *h = remapping_host(NULL, 0, eime ? QVTD_IRTA_EIME : 0, &table);
        VtdInterrupt out;

        for (unsigned bit = 0; bit < 128; bit++) {
            put_irte(h, table, 0, QVTD_P ^ (bit < 64 ? BIT(bit) : 0),
                     bit < 64 ? 0 : BIT(bit - 64));
            inv_iec(h, true, 0, 0);
            switch (request_index(h, 0, &out)) {
            case QVTD_F_IR_RESERVED:
                found[bit / 64] |= BIT(bit % 64);
                break;
            case QVTD_F_IR_ENTRY:
                g_assert_cmpuint(bit, ==, 0);
                break;
            case 0:
                break;
            default:
                g_assert_not_reached();
            }
        }
        /* 15: posted, which takes CAP.PI; 3 and 6 are no delivery modes */
        g_assert_cmphex(found[0], ==, BITS(15, 12) | BITS(31, 24) |
                        (eime ? 0 : BITS(39, 32) | BITS(63, 48)));
        g_assert_cmphex(found[1], ==, BITS(63, 20));
        for (unsigned mode = 0; mode < 8; mode++) {
            put_irte(h, table, 0, QVTD_P | mode << 5, 0);
            inv_iec(h, true, 0, 0);
            g_assert_cmphex(request_index(h, 0, &out), ==,
                            mode == 3 || mode == 6 ? QVTD_F_IR_RESERVED : 0);
        }

        /* not present: nothing else counts, but FPD */
        inv_iec(h, true, 0, 0);
        for (unsigned bit = 1; bit < 128; bit++) {
            put_irte(h, table, 0, bit < 64 ? BIT(bit) : 0,
                     bit < 64 ? 0 : BIT(bit - 64));
            g_assert_cmphex(request_index(h, 0, &out), ==,
                            bit == 1 ? SILENT : QVTD_F_IR_ENTRY);
        }
        /* reserved bits before the source, FPD for both */
        put_irte(h, table, 0, QVTD_P | BIT(12), QVTD_IRTE_SVT(3));
        g_assert_cmphex(request_index(h, 0, &out), ==, QVTD_F_IR_RESERVED);
        put_irte(h, table, 0, QVTD_P | QVTD_FPD | BIT(12), QVTD_IRTE_SVT(3));
        inv_iec(h, true, 0, 0);
        g_assert_cmphex(request_index(h, 0, &out), ==, SILENT);
        put_irte(h, table, 0, QVTD_P | QVTD_FPD, QVTD_IRTE_SVT(3));
        inv_iec(h, true, 0, 0);
        g_assert_cmphex(request_index(h, 0, &out), ==, SILENT);
        put_irte(h, table, 0, QVTD_P | QVTD_FPD | QVTD_IRTE_V(7), 0);
        inv_iec(h, true, 0, 0);
        g_assert_cmphex(request_index(h, 0, &out), ==, 0);
        g_assert_cmphex(out.vector, ==, 7);
        host_free(h);
    }
}

/* All indices, by handle alone and by handle and subhandle */
static void test_index(void)
{
    uint64_t table;
    Host *h = remapping_host(NULL, 15, 0, &table);
    VtdInterrupt out;

    for (unsigned i = 0; i < 65536; i++) {
        put_irte(h, table, i,
                 QVTD_P | QVTD_IRTE_V(i & 0xff) | QVTD_IRTE_DST(i >> 8), 0);
    }
    for (unsigned i = 0; i < 65536; i++) {
        /* without SHV the data is of no matter */
        g_assert_cmphex(request(h, 0, msi_addr(i), i * 0x10001u, i, &out),
                        ==, 0);
        g_assert_cmphex(out.dest << 8 | out.vector, ==, i);
    }
    for (unsigned i = 0; i < 20000; i++) {
        unsigned handle = g_test_rand_int_range(0, 65536);
        unsigned subhandle = i & 1 ? g_test_rand_int_range(0, 65536) : i & 7;
        unsigned index = handle + subhandle;

        if (index < 65536) {
            g_assert_cmphex(request(h, 0, msi_addr(handle) | QVTD_MSI_SHV,
                                    subhandle,
                                    index, &out), ==, 0);
            g_assert_cmphex(out.dest << 8 | out.vector, ==, index);
        } else {
            g_assert_cmpint(vtd_interrupt(h->v, 0,
                                          msi_addr(handle) | QVTD_MSI_SHV,
                                          subhandle, true, &out), ==,
                            VTD_INTERRUPT_BLOCKED);
            g_assert_cmphex(rd32(h, QVTD_FRCD_HI + 4) & 0xff, ==,
                            QVTD_F_IR_INDEX);
            wr32(h, QVTD_FRCD_HI + 4, BIT(31));
        }
    }
    for (unsigned bit = 16; bit < 32; bit++) {
        g_assert_cmphex(request(h, 0, msi_addr(0) | QVTD_MSI_SHV, BIT(bit), 0,
                                &out),
                        ==, QVTD_F_IR_REQUEST);
        g_assert_cmphex(request(h, 0, msi_addr(0), BIT(bit), 0, &out), ==, 0);
    }
    host_free(h);
}

static void test_sizes(void)
{
    for (unsigned s = 0; s < 16; s++) {
        unsigned entries = 2u << s;
        uint64_t table;
        Host *h = remapping_host(NULL, s, 0, &table);
        VtdInterrupt out;

        put_irte(h, table, entries - 1, QVTD_P, 0);
        put_irte(h, table, entries & 0xffff, QVTD_P, 0);
        g_assert_cmphex(request_index(h, entries - 1, &out), ==, 0);
        g_assert_cmphex(request(h, 0, msi_addr(entries - 2) | QVTD_MSI_SHV, 1,
                                entries - 1, &out), ==, 0);
        if (s < 15) {
            g_assert_cmphex(request_index(h, entries, &out), ==,
                            QVTD_F_IR_INDEX);
            g_assert_cmphex(request(h, 0,
                                    msi_addr(entries - 1) | QVTD_MSI_SHV, 1,
                                    entries, &out), ==, QVTD_F_IR_INDEX);
        }
        /* a table outside memory, then in it again */
        host_set_ram(h, table & ~0xfffull, false);
        inv_iec(h, true, 0, 0);
        g_assert_cmphex(request_index(h, 1, &out), ==, QVTD_F_IR_ACCESS);
        host_set_ram(h, table & ~0xfffull, true);
        put_irte(h, table, 1, QVTD_P, 0);
        g_assert_cmphex(request_index(h, 1, &out), ==, 0);
        host_free(h);
    }
}

/* Who may ask for an entry (8.5) */
static void test_source(void)
{
    static const struct {
        uint16_t range;         /* first and last bus */
        uint16_t sid;
        bool ok;
    } buses[] = {
        { 0x1020, 0x10ff, true }, { 0x1020, 0x2000, true },
        { 0x1020, 0x1800, true }, { 0x1020, 0x0fff, false },
        { 0x1020, 0x2100, false }, { 0x1010, 0x1000, true },
        { 0x00ff, 0xffff, true }, { 0x00ff, 0x0000, true },
        { 0x2010, 0x1800, false }, { 0xff00, 0xff00, false },
    };
    uint64_t table;
    Host *h = remapping_host(NULL, 0, 0, &table);
    VtdInterrupt out;

    for (unsigned sq = 0; sq < 4; sq++) {
        uint16_t named = 0x3ac5 ^ sq;

        put_irte(h, table, 0, QVTD_P,
                 QVTD_IRTE_SID(named) | QVTD_IRTE_SQ(sq) | QVTD_IRTE_SVT(1));
        inv_iec(h, true, 0, 0);
        for (unsigned flip = 0; flip < 65536;
             flip = flip < 8 ? flip + 1 : flip * 2) {
            g_assert_cmphex(request(h, named ^ flip, msi_addr(0), 0, 0, &out),
                            ==, flip & ~qvtd_functions(sq) ? QVTD_F_IR_SOURCE
                                                           : 0);
        }
        g_assert_cmpint(vtd_interrupt(h->v, VTD_SID_UNVERIFIED, msi_addr(0), 0,
                                      true, &out), ==,
                        VTD_INTERRUPT_REMAPPED);

        /* none: neither SID nor SQ count */
        put_irte(h, table, 0, QVTD_P, QVTD_IRTE_SID(named) | QVTD_IRTE_SQ(sq));
        inv_iec(h, true, 0, 0);
        g_assert_cmphex(request(h, ~named, msi_addr(0), 0, 0, &out), ==, 0);

        put_irte(h, table, 0, QVTD_P,
                 QVTD_IRTE_SID(named) | QVTD_IRTE_SQ(sq) | QVTD_IRTE_SVT(3));
        inv_iec(h, true, 0, 0);
        g_assert_cmphex(request(h, named, msi_addr(0), 0, 0, &out), ==,
                        QVTD_F_IR_SOURCE);
        g_assert_cmpint(vtd_interrupt(h->v, VTD_SID_UNVERIFIED | 0xff00,
                                      msi_addr(0), 0, true, &out), ==,
                        VTD_INTERRUPT_REMAPPED);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(buses); i++) {
        put_irte(h, table, 0, QVTD_P,
                 QVTD_IRTE_SID(buses[i].range) | QVTD_IRTE_SQ(i & 3) |
                 QVTD_IRTE_SVT(2));
        inv_iec(h, true, 0, 0);
        g_assert_cmphex(request(h, buses[i].sid, msi_addr(0), 0, 0, &out), ==,
                        buses[i].ok ? 0 : QVTD_F_IR_SOURCE);
        g_assert_cmpint(vtd_interrupt(h->v, VTD_SID_UNVERIFIED, msi_addr(0), 0,
                                      true, &out), ==,
                        VTD_INTERRUPT_REMAPPED);
    }
    host_free(h);
}

/* A source that is not verified is still named in the record */
static void test_unverified(void)
{
    uint64_t table;
    Host *h = remapping_host(NULL, 0, 0, &table);
    VtdInterrupt out;

    g_assert_cmpint(vtd_interrupt(h->v, VTD_SID_UNVERIFIED | 0xff00,
                                  msi_addr(1), 0, true, &out), ==,
                    VTD_INTERRUPT_BLOCKED);
    assert_fault(h, QVTD_F_IR_ENTRY, 0xff00, BIT(48), false);
    g_assert_cmpint(vtd_interrupt(h->v, VTD_SID_UNVERIFIED, QVTD_MSI_ADDR, 0,
                                  true, &out), ==, VTD_INTERRUPT_BLOCKED);
    assert_fault(h, QVTD_F_IR_COMPATIBLE, 0, 0, false);
    host_free(h);
}

/* Blocked all the same, and no trace of it, if it is not to be recorded */
static void test_no_record(void)
{
    uint64_t table;
    Host *h = remapping_host(NULL, 0, 0, &table);
    VtdInterrupt out;

    g_assert_cmpint(vtd_interrupt(h->v, 0, msi_addr(0), 0, false, &out), ==,
                    VTD_INTERRUPT_BLOCKED);
    g_assert_cmpint(vtd_interrupt(h->v, 0, QVTD_MSI_ADDR, 0, false, &out), ==,
                    VTD_INTERRUPT_BLOCKED);
    g_assert_cmpint(vtd_interrupt(h->v, 0, msi_addr(5), 0, false, &out), ==,
                    VTD_INTERRUPT_BLOCKED);
    assert_no_fault(h);
    host_free(h);
}

/* Without EIM the table's flag is none: 8-bit ids, compatibility allowed */
static void test_without_eim(void)
{
    VtdConfig config = host_config;
    VtdInterrupt out;
    uint64_t table;
    Host *h;

    config.eim = false;
    h = remapping_host(&config, 0, QVTD_IRTA_EIME, &table);
    put_irte(h, table, 0, QVTD_P | QVTD_IRTE_DST(0x81), 0);
    put_irte(h, table, 1, QVTD_P | 1ull << 32, 0);
    g_assert_cmphex(request_index(h, 0, &out), ==, 0);
    g_assert_cmphex(out.dest, ==, 0x81);
    g_assert_cmphex(request_index(h, 1, &out), ==, QVTD_F_IR_RESERVED);
    gcmd(h, QVTD_CFI, true);
    g_assert_cmphex(request(h, 0, QVTD_MSI_ADDR, 0x31, 0, &out), ==, PASSED);
    host_free(h);
}

static void assert_vector(Host *h, unsigned index, uint8_t vector,
                          bool cached)
{
    unsigned before = h->reads;
    VtdInterrupt out;

    g_assert_cmphex(request_index(h, index, &out), ==, 0);
    g_assert_cmphex(out.vector, ==, vector);
    g_assert_cmpint(h->reads == before, ==, cached);
}

/* By index and mask: the block goes, its neighbours stay */
static void test_cache(void)
{
    const uint64_t old = QVTD_P | QVTD_IRTE_V(0x11);
    const uint64_t new = QVTD_P | QVTD_IRTE_V(0x22);
    uint64_t table;
    Host *h = remapping_host(NULL, 15, 0, &table);

    for (unsigned im = 0; im < 16; im++) {
        unsigned size = 1u << im, base = im < 15 ? 2 * size : 32768;
        const unsigned at[] = { base - 1, base, base + size - 1,
                                (base + size) & 0xffff };
        unsigned named[] = { base, base + size - 1 };

        for (unsigned n = 0; n < 2; n++) {
            IecChange *change;

            for (unsigned i = 0; i < G_N_ELEMENTS(at); i++) {
                put_irte(h, table, at[i], old, 0);
            }
            inv_iec(h, true, 0, 0);
            g_array_set_size(h->iec_changes, 0);
            for (unsigned i = 0; i < G_N_ELEMENTS(at); i++) {
                VtdInterrupt out;

                g_assert_cmphex(request_index(h, at[i], &out), ==, 0);
                put_irte(h, table, at[i], new, 0);
            }
            inv_iec(h, false, named[n], im);
            g_assert_cmpuint(h->iec_changes->len, ==, 1);
            change = &g_array_index(h->iec_changes, IecChange, 0);
            g_assert_false(change->global);
            g_assert_cmpuint(change->mask, ==, im);
            g_assert_cmpuint((change->index ^ base) >> im, ==, 0);
            for (unsigned i = 1; i < 3; i++) {
                VtdInterrupt out;

                g_assert_cmphex(request_index(h, at[i], &out), ==, 0);
                g_assert_cmphex(out.vector, ==, 0x22);
            }
            if (im < 7) {       /* else they may share a slot with others */
                put_irte(h, table, at[0], QVTD_P | QVTD_IRTE_V(0x33), 0);
                put_irte(h, table, at[3], QVTD_P | QVTD_IRTE_V(0x33), 0);
                assert_vector(h, at[0], 0x11, true);
                assert_vector(h, at[3], 0x11, true);
            }
        }
    }

    put_irte(h, table, 9, old, 0);
    inv_iec(h, false, 9, 0);
    assert_vector(h, 9, 0x11, false);
    assert_vector(h, 9, 0x11, true);
    put_irte(h, table, 9, new, 0);
    g_array_set_size(h->iec_changes, 0);
    inv_iec(h, true, 0, 0);
    g_assert_cmpuint(h->iec_changes->len, ==, 1);
    g_assert_true(g_array_index(h->iec_changes, IecChange, 0).global);
    assert_vector(h, 9, 0x22, false);
    host_free(h);
}

/* With CM=0 what faulted is not cached: mended, it works at once (7.1) */
static void test_faults_not_cached(void)
{
    static const struct {
        uint64_t lo, hi;
        unsigned reason;
    } table[] = {
        { 0, 0, QVTD_F_IR_ENTRY },
        { QVTD_FPD, 0, SILENT },
        { QVTD_P | BIT(12), 0, QVTD_F_IR_RESERVED },
        { QVTD_P | BIT(15), 0, QVTD_F_IR_RESERVED },
        { QVTD_P, BIT(63), QVTD_F_IR_RESERVED },
        { QVTD_P | 3 << 5, 0, QVTD_F_IR_RESERVED },
        { QVTD_P, QVTD_IRTE_SVT(3), QVTD_F_IR_SOURCE },
    };
    uint64_t irt;
    Host *h = remapping_host(NULL, 0, 0, &irt);
    VtdInterrupt out;

    for (unsigned i = 0; i < G_N_ELEMENTS(table); i++) {
        g_test_message("row %u", i);
        put_irte(h, irt, 1, table[i].lo, table[i].hi);
        g_assert_cmphex(request_index(h, 1, &out), ==, table[i].reason);
        put_irte(h, irt, 1, QVTD_P | QVTD_IRTE_V(0x50 + i), 0);
        assert_vector(h, 1, 0x50 + i, false);
        inv_iec(h, false, 1, 0);
    }
    host_free(h);
}

/* Whoever keeps routes hears of all that changes them */
static void test_notices(void)
{
    static const struct {
        uint32_t bit;
        bool on;
    } commands[] = {
        { QVTD_SIRTP, true }, { QVTD_IRE, true }, { QVTD_CFI, true },
        { QVTD_SIRTP, true }, { QVTD_CFI, false }, { QVTD_IRE, false },
    };
    Host *h = host_new(NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        g_array_set_size(h->iec_changes, 0);
        gcmd(h, commands[i].bit, commands[i].on);
        g_assert_cmpuint(h->iec_changes->len, ==, 1);
        g_assert_true(g_array_index(h->iec_changes, IecChange, 0).global);
    }
    host_free(h);
}

static void change_midway(Host *h, uint64_t gpa)
{
    const uint64_t *table = h->opaque;

    if (gpa == *table) {
        h->after_read = NULL;
        put_irte(h, *table, 0, QVTD_P | QVTD_IRTE_V(0x22), 0);
        inv_iec(h, false, 0, 0);
    }
}

/* An invalidation meets the fetch: the old entry is not cached after it */
static void test_midway(void)
{
    uint64_t table;
    Host *h = remapping_host(NULL, 0, 0, &table);
    VtdInterrupt out;

    put_irte(h, table, 0, QVTD_P | QVTD_IRTE_V(0x11), 0);
    h->opaque = &table;
    h->after_read = change_midway;
    g_assert_cmphex(request_index(h, 0, &out), ==, 0);
    assert_vector(h, 0, 0x22, false);
    assert_vector(h, 0, 0x22, true);
    host_free(h);
}

/* Another table: by SIRTP, and the invalidation that has to follow */
static void test_new_table(void)
{
    uint64_t table, other;
    Host *h = remapping_host(NULL, 0, 0, &table);
    VtdInterrupt out;

    other = host_pages(h, 1);
    put_irte(h, table, 0, QVTD_P | QVTD_IRTE_V(0x11) | QVTD_IRTE_DST(1), 0);
    put_irte(h, other, 0, QVTD_P | QVTD_IRTE_V(0x22) | 0x12345ull << 32, 0);
    assert_vector(h, 0, 0x11, false);
    set_irta(h, other | QVTD_IRTA_EIME);
    inv_iec(h, true, 0, 0);
    g_assert_cmphex(request_index(h, 0, &out), ==, 0);
    g_assert_cmphex(out.vector, ==, 0x22);
    g_assert_cmphex(out.dest, ==, 0x12345);
    /* no matter what DMA remapping does */
    gcmd(h, QVTD_TE, true);
    assert_vector(h, 0, 0x22, true);
    host_free(h);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_func("/vtd/interrupt/compatibility", test_compatibility);
    g_test_add_func("/vtd/interrupt/fields", test_fields);
    g_test_add_func("/vtd/interrupt/irte-bits", test_irte_bits);
    g_test_add_func("/vtd/interrupt/index", test_index);
    g_test_add_func("/vtd/interrupt/sizes", test_sizes);
    g_test_add_func("/vtd/interrupt/source", test_source);
    g_test_add_func("/vtd/interrupt/unverified", test_unverified);
    g_test_add_func("/vtd/interrupt/no-record", test_no_record);
    g_test_add_func("/vtd/interrupt/without-eim", test_without_eim);
    g_test_add_func("/vtd/interrupt/cache", test_cache);
    g_test_add_func("/vtd/interrupt/faults-not-cached",
                    test_faults_not_cached);
    g_test_add_func("/vtd/interrupt/notices", test_notices);
    g_test_add_func("/vtd/interrupt/midway", test_midway);
    g_test_add_func("/vtd/interrupt/new-table", test_new_table);

    return g_test_run();
}
