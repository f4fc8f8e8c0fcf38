/*
 * VT-d qtests: a machine with devices that keep shadows
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the machine, edits of page tables, and invalidation by register.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "hw/pci/pci_regs.h"
#include "vtd-board.h"

#define A                       QPCI_DEVFN(3, 0)
#define B                       QPCI_DEVFN(4, 0)

void board_start(Board *w, const char *props, const char *b,
                 const char *args)
{
    g_autofree char *all_props = g_strconcat(",caching-mode=on", props, NULL);
    g_autofree char *all_args =
        g_strconcat(TESTDEV_IOMMUFD("3") TESTDEV_DEVICE("4"), b, " ", args,
                    NULL);
    bool narrow = strstr(props, "aw-bits=39");

    memset(w, 0, sizeof(*w));
    qvtd_start(&w->d, "", all_props, all_args);
    plain_init(&w->plain, &w->d, narrow ? 39 : 48);
    testdev_start(&w->a, &w->d, A);
    testdev_start(&w->b, &w->d, B);
    qvtd_enable(&w->d);
    w->domain = qvtd_domain_new(&w->d, 1, narrow ? 3 : 4);
    shadow_start(&w->sa, &w->a, &w->plain);
    qvtd_attach(&w->d, A, &w->domain);
    qvtd_invalidate_all(&w->d);
    shadow_expect(&w->sa);
}

void board_start_plain(Board *w)
{
    board_start(w, "", "", "");
}

void board_start_big(Board *w)
{
    /* The machine puts all but 2 GiB above 4 GiB */
    board_start(w, "", "", "-m 4G");
}

void board_stop(Board *w)
{
    shadow_stop(&w->sa);
    if (w->sb.t) {
        shadow_stop(&w->sb);
    }
    plain_end(&w->plain);
    testdev_stop(&w->a);
    testdev_stop(&w->b);
    qvtd_stop(&w->d);
}

void board_attach_b(Board *w)
{
    shadow_start(&w->sb, &w->b, &w->plain);
    qvtd_attach(&w->d, B, &w->domain);
    qvtd_invalidate_all(&w->d);
    shadow_expect(&w->sb);
    shadow_expect_quiet(&w->sa);
}

static void look(void *opaque, uint64_t maps, uint64_t unmaps)
{
    Board *w = opaque;

    shadow_expect_steps(&w->sa, maps, unmaps);
}

void board_rows(Board *w, const EditRow *rows, unsigned n)
{
    qvtd_edit_rows(&w->d, &w->domain, rows, n, look, w);
}

void board_rows_of(Board *w, const char *name)
{
    qvtd_edit_rows_of(&w->d, &w->domain, name, look, w);
}

unsigned board_mamv(Board *w)
{
    return QVTD_CAP_MAMV(qvtd_read64(&w->d, QVTD_CAP));
}

void board_number_bus(QVtd *d, uint16_t bridge, uint8_t bus, uint8_t last)
{
    QPCIDevice *dev = qpci_device_find(d->pci, bridge);

    g_assert_nonnull(dev);
    qpci_config_writeb(dev, PCI_PRIMARY_BUS, bridge >> 8);
    qpci_config_writeb(dev, PCI_SECONDARY_BUS, bus);
    qpci_config_writeb(dev, PCI_SUBORDINATE_BUS, last);
    qpci_config_writew(dev, PCI_MEMORY_BASE, BOARD_WINDOW(bus) >> 16);
    qpci_config_writew(dev, PCI_MEMORY_LIMIT,
                       (BOARD_WINDOW(last) + BOARD_WINDOW_BYTES - 1) >> 16);
    /* Not qpci_device_enable(): ports of CXL have no I/O */
    qpci_config_writew(dev, PCI_COMMAND, PCI_COMMAND_IO |
                       PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    g_free(dev);
    d->pci->mmio_alloc_ptr = BOARD_WINDOW(bus);
}

void board_slot_power(QVtd *d, uint16_t port, bool on)
{
    QPCIDevice *dev = qpci_device_find(d->pci, port);
    uint8_t cap = qpci_find_capability(dev, PCI_CAP_ID_EXP, 0);

    qpci_config_writew(dev, cap + PCI_EXP_SLTCTL,
                       on ? PCI_EXP_SLTCTL_PWR_IND_ON
                          : PCI_EXP_SLTCTL_PWR_OFF |
                            PCI_EXP_SLTCTL_PWR_IND_OFF);
    g_free(dev);
}
