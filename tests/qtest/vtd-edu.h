/*
 * VT-d qtests: QEMU's edu device as the source of requests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns one edu device: DMA between its 4-KiB buffer and any 64-bit address,
 * and its MSI.  DMA is complete when a call returns: the device does it on
 * the virtual clock, which the calls step.
 *
 * The device does not tell whether its DMA went well.  A write shows in
 * memory; to see what a read has brought, the buffer goes out to the
 * driver's mailbox, which the device must reach for that.
 */

#ifndef TESTS_VTD_EDU_H
#define TESTS_VTD_EDU_H

#include "vtd-driver.h"

#define EDU_BUFFER_BYTES        4096

/* An edu device at "@slot.@function", for QEMU's command line */
#define EDU_DEVICE(at) \
    " -device edu,dma_mask=0xffffffffffffffff,addr=" at
#define EDU_MULTIFUNCTION(at)   EDU_DEVICE(at) ",multifunction=on"

typedef struct EduDevice {
    QVtd *d;
    QPCIDevice *pci;
    QPCIBar bar;
    uint16_t sid;
} EduDevice;

/* A machine with the unit and two devices, at 00:03.0 (nic0) and 00:04.0 */
typedef struct EduPair {
    QVtd d;
    EduDevice a, b;
} EduPair;

/* As vtd_start() */
void edu_pair_start(EduPair *p, const char *machine, const char *props,
                    const char *args);
void edu_pair_stop(EduPair *p);
/* As vtd_reset(), and the devices are ready for DMA again. */
void edu_pair_reset(EduPair *p);

/*
 * Find the device at @address, bus << 8 | devfn, give it its BAR and make it
 * bus master.  Its source id is the address; if a bridge takes another, the
 * caller has to set it.
 */
void edu_start(EduDevice *e, QVtd *d, uint16_t address);
void edu_stop(EduDevice *e);

/* DMA of @len bytes at offset @at of the buffer, from or to @iova. */
void edu_dma_read(EduDevice *e, uint64_t iova, unsigned at, unsigned len);
void edu_dma_write(EduDevice *e, uint64_t iova, unsigned at, unsigned len);

/* Set or look at eight bytes of the buffer, through the mailbox. */
void edu_load(EduDevice *e, unsigned at, uint64_t value);
uint64_t edu_peek(EduDevice *e, unsigned at);

/* What the device reads at @iova, and a write of @value there. */
uint64_t edu_read64(EduDevice *e, uint64_t iova);
void edu_write64(EduDevice *e, uint64_t iova, uint64_t value);

/* Program the MSI capability; @data has 16 bits. */
void edu_msi_program(EduDevice *e, uint64_t addr, uint16_t data);
void edu_msi_fire(EduDevice *e);
/* A 32-bit message that the capability cannot make, by DMA. */
void edu_message(EduDevice *e, uint64_t addr, uint32_t data);

#endif
