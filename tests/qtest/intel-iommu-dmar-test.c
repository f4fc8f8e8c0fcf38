/*
 * VT-d qtest: the DMAR table that the guest is given
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * QEMU's ACPI code builds the table; what it says of the unit must fit the
 * unit's properties (section 9).  The table is read as firmware gets it.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "libqtest.h"
#include "libqos/fw_cfg.h"

#define HEADER_BYTES            48
#define TABLES_BYTES            0x40000

enum { DRHD = 0, ATSR = 2, TYPES = 7 };
enum { SCOPE_IOAPIC = 3 };

typedef struct Dmar {
    unsigned width;             /* host address width, bits */
    unsigned flags;
    unsigned count[TYPES];      /* structures of a type */
    uint64_t base;              /* of the DRHD */
    unsigned ioapics;           /* in its scope */
    uint16_t ioapic_sid;
} Dmar;

/* The DRHD's scopes: type, length, ..., id, bus, device, function */
static void read_scopes(Dmar *dmar, const uint8_t *at, const uint8_t *end)
{
    for (; at < end; at += at[1]) {
        g_assert_cmpuint(at[1], >=, 8);
        if (at[0] == SCOPE_IOAPIC) {
            dmar->ioapics++;
            dmar->ioapic_sid = at[5] << 8 | at[6] << 3 | at[7];
        }
    }
}

static void read_table(Dmar *dmar, const uint8_t *table)
{
    const uint8_t *end = table + ldl_le_p(table + 4);

    dmar->width = table[36] + 1;
    dmar->flags = table[37];
    for (const uint8_t *at = table + HEADER_BYTES; at < end;
         at += lduw_le_p(at + 2)) {
        unsigned type = lduw_le_p(at);

        g_assert_cmpuint(type, <, TYPES);
        g_assert_cmpuint(lduw_le_p(at + 2), >=, 8);
        dmar->count[type]++;
        if (type == DRHD) {
            dmar->base = ldq_le_p(at + 8);
            read_scopes(dmar, at + 16, at + lduw_le_p(at + 2));
        }
    }
}

static Dmar dmar_of(const char *props)
{
    QTestState *qts = qtest_initf("-machine q35 -device intel-iommu%s",
                                  props);
    QFWCFG *fw_cfg = pc_fw_cfg_init(qts);
    g_autofree uint8_t *tables = g_malloc0(TABLES_BYTES);
    size_t size = qfw_cfg_get_file(fw_cfg, "etc/acpi/tables", tables,
                                   TABLES_BYTES);
    const uint8_t *table = NULL;
    Dmar dmar = { 0 };

    g_assert_cmpuint(size, >, HEADER_BYTES);
    for (size_t i = 0; i + HEADER_BYTES < size && !table; i++) {
        table = memcmp(tables + i, "DMAR", 4) ? NULL : tables + i;
    }
    g_assert_nonnull(table);
    read_table(&dmar, table);
    pc_fw_cfg_uninit(fw_cfg);
    qtest_quit(qts);
    return dmar;
}

static void test_dmar(void)
{
    static const struct {
        const char *props;
        unsigned width, flags, atsr;
    } table[] = {
        { "", 48, 1, 0 },
        { ",aw-bits=39", 39, 1, 0 },
        { ",intremap=off", 48, 0, 0 },
        { ",intremap=on,eim=on", 48, 1, 0 },
        { ",device-iotlb=on", 48, 1, 1 },
        { ",caching-mode=on,aw-bits=39,intremap=off", 39, 0, 0 },
        { ",x-scalable-mode=on,x-flts=on", 48, 1, 0 },
        /* Tables have no room for more bits of a physical address */
        { ",x-scalable-mode=on,x-scalable-full=on,aw-bits=57", 52, 1, 0 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        Dmar dmar = dmar_of(table[i].props);

        g_test_message("intel-iommu%s", table[i].props);
        g_assert_cmpuint(dmar.width, ==, table[i].width);
        g_assert_cmphex(dmar.flags, ==, table[i].flags);
        g_assert_cmpuint(dmar.count[DRHD], ==, 1);
        g_assert_cmpuint(dmar.count[ATSR], ==, table[i].atsr);
        g_assert_cmphex(dmar.base, ==, 0xfed90000);
        /* Linux wants it for interrupt remapping; our I/O APIC's own id */
        g_assert_cmpuint(dmar.ioapics, ==, 1);
        g_assert_cmphex(dmar.ioapic_sid, ==, 0xff00);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/dmar", test_dmar);
    return g_test_run();
}
