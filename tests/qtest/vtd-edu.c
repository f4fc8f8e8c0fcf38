/*
 * VT-d qtests: QEMU's edu device as the source of requests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the registers of the edu device.
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "vtd-edu.h"

#define EDU_RAISE               0x60
#define EDU_LOWER               0x64
#define EDU_SOURCE              0x80
#define EDU_DESTINATION         0x88
#define EDU_COUNT               0x90
#define EDU_COMMAND             0x98
#define EDU_RUN                 1
#define EDU_TO_MEMORY           2
#define EDU_BUFFER              0x40000

/* The device takes 100 ms of virtual time for a DMA */
#define EDU_DMA_NS              (100 * 1000 * 1000)

void edu_start(EduDevice *e, QVtd *d, uint16_t address)
{
    *e = (EduDevice) { .d = d, .sid = address };
    e->pci = qpci_device_find(d->pci, address);
    g_assert_nonnull(e->pci);
    e->bar = qpci_iomap(e->pci, 0, NULL);
    qpci_device_enable(e->pci);
}

void edu_stop(EduDevice *e)
{
    g_free(e->pci);
}

static void pair_find(EduPair *p)
{
    edu_start(&p->a, &p->d, QPCI_DEVFN(3, 0));
    edu_start(&p->b, &p->d, QPCI_DEVFN(4, 0));
}

static void pair_lose(EduPair *p)
{
    edu_stop(&p->b);
    edu_stop(&p->a);
}

void edu_pair_start(EduPair *p, const char *machine, const char *props,
                    const char *args)
{
    g_autofree char *all = g_strconcat(EDU_DEVICE("3,id=nic0"),
                                       EDU_DEVICE("4"), " ", args, NULL);

    qvtd_start(&p->d, machine, props, all);
    pair_find(p);
}

void edu_pair_stop(EduPair *p)
{
    pair_lose(p);
    qvtd_stop(&p->d);
}

void edu_pair_reset(EduPair *p)
{
    pair_lose(p);
    qvtd_reset(&p->d);
    pair_find(p);
}

static void dma(EduDevice *e, uint64_t from, uint64_t to, unsigned len,
                uint64_t direction)
{
    qpci_io_writeq(e->pci, e->bar, EDU_SOURCE, from);
    qpci_io_writeq(e->pci, e->bar, EDU_DESTINATION, to);
    qpci_io_writeq(e->pci, e->bar, EDU_COUNT, len);
    qpci_io_writeq(e->pci, e->bar, EDU_COMMAND, direction | EDU_RUN);
    qtest_clock_step(e->d->qts, EDU_DMA_NS);
    g_assert_cmphex(qpci_io_readq(e->pci, e->bar, EDU_COMMAND) & EDU_RUN,
                    ==, 0);
}

void edu_dma_read(EduDevice *e, uint64_t iova, unsigned at, unsigned len)
{
    dma(e, iova, EDU_BUFFER + at, len, 0);
}

void edu_dma_write(EduDevice *e, uint64_t iova, unsigned at, unsigned len)
{
    dma(e, EDU_BUFFER + at, iova, len, EDU_TO_MEMORY);
}

void edu_load(EduDevice *e, unsigned at, uint64_t value)
{
    qtest_writeq(e->d->qts, e->d->mailbox, value);
    edu_dma_read(e, e->d->mailbox, at, 8);
}

uint64_t edu_peek(EduDevice *e, unsigned at)
{
    edu_dma_write(e, e->d->mailbox, at, 8);
    return qtest_readq(e->d->qts, e->d->mailbox);
}

uint64_t edu_read64(EduDevice *e, uint64_t iova)
{
    edu_dma_read(e, iova, 0, 8);
    return edu_peek(e, 0);
}

void edu_write64(EduDevice *e, uint64_t iova, uint64_t value)
{
    edu_load(e, 0, value);
    edu_dma_write(e, iova, 0, 8);
}

void edu_msi_program(EduDevice *e, uint64_t addr, uint16_t data)
{
    uint8_t cap = qpci_find_capability(e->pci, PCI_CAP_ID_MSI, 0);
    uint16_t flags;

    g_assert_cmphex(cap, !=, 0);
    flags = qpci_config_readw(e->pci, cap + PCI_MSI_FLAGS);
    g_assert_true(flags & PCI_MSI_FLAGS_64BIT);
    qpci_config_writel(e->pci, cap + PCI_MSI_ADDRESS_LO, addr);
    qpci_config_writel(e->pci, cap + PCI_MSI_ADDRESS_HI, addr >> 32);
    qpci_config_writew(e->pci, cap + PCI_MSI_DATA_64, data);
    qpci_config_writew(e->pci, cap + PCI_MSI_FLAGS,
                       flags | PCI_MSI_FLAGS_ENABLE);
}

void edu_msi_fire(EduDevice *e)
{
    qpci_io_writel(e->pci, e->bar, EDU_RAISE, 1);
    qpci_io_writel(e->pci, e->bar, EDU_LOWER, 1);
}

void edu_message(EduDevice *e, uint64_t addr, uint32_t data)
{
    edu_load(e, 0, data);
    edu_dma_write(e, addr, 0, 4);
}
