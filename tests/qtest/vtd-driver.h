/*
 * VT-d qtests: a guest's driver for the remapping unit
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns a QEMU under qtest and the guest memory that the unit's structures
 * live in: root and context tables, domains with their second-stage tables,
 * the invalidation queue, the interrupt remapping table.  Every test of the
 * unit is written on these calls.
 *
 * Memory is given out page by page and zeroed, never taken back; a mailbox
 * page is mapped one to one in every domain, so that a device's buffer can
 * be filled and looked at while translation is on.
 */

#ifndef TESTS_VTD_DRIVER_H
#define TESTS_VTD_DRIVER_H

#include "libqtest.h"
#include "libqos/pci-pc.h"
#include "tests/vtd/expect.h"
#include "vtd-port.h"
#include "vtd-regs.h"

#define VTD_PAGE                0x1000ull

typedef struct VtdDriver {
    QtestPort port;
    QTestState *qts;
    QPCIBus *pci;
    uint64_t next_page;         /* address of the first page not given out */
    uint64_t mailbox;
    uint64_t root;              /* root table */
    uint64_t queue;             /* invalidation queue; 0 while there is none */
    uint32_t queue_bytes;
    uint32_t tail;              /* byte offset of the next descriptor */
    uint64_t status;            /* where wait descriptors write */
    uint32_t waits;             /* wait descriptors so far */
    uint64_t irt;               /* interrupt remapping table */
} VtdDriver;

typedef struct VtdDomain {
    uint16_t id;
    unsigned levels;            /* 3 or 4 */
    uint64_t top;               /* address of the top table */
} VtdDomain;

typedef struct VtdFault {
    uint8_t reason;
    uint16_t sid;
    bool read;
    uint64_t info;              /* FRCD.FI, bits 63:12 */
} VtdFault;

/*
 * Start QEMU with the unit (qdev id "iommu") and nothing else: @machine is
 * what follows "-machine q35", @props what follows "-device intel-iommu",
 * each "" or with a leading comma; @args are more arguments.
 */
void vtd_start(VtdDriver *d, const char *machine, const char *props,
               const char *args);
/* Drive a QEMU that runs already; vtd_stop() ends it. */
void vtd_take(VtdDriver *d, QTestState *qts);
void vtd_stop(VtdDriver *d);

/* Reset the machine and forget all that was set up. */
void vtd_reset(VtdDriver *d);

uint32_t vtd_read32(VtdDriver *d, unsigned offset);
uint64_t vtd_read64(VtdDriver *d, unsigned offset);
void vtd_write32(VtdDriver *d, unsigned offset, uint32_t value);
void vtd_write64(VtdDriver *d, unsigned offset, uint64_t value);

/*
 * Give the global command for one bit, as software has to: all level bits
 * repeated, then wait for the status, which is returned.
 */
uint32_t vtd_command(VtdDriver *d, uint32_t bit, bool set);

/* @n zeroed pages in a row, aligned to @n pages (a power of two). */
uint64_t vtd_alloc(VtdDriver *d, unsigned n);

/* Start the queue with 2^@order pages (again, if it runs). */
void vtd_queue_start(VtdDriver *d, unsigned order);
void vtd_queue_stop(VtdDriver *d);
/* Put a descriptor into the ring; the unit sees it with vtd_queue_kick(). */
void vtd_queue_put(VtdDriver *d, VtdDesc desc);
void vtd_queue_kick(VtdDriver *d);
/* A wait descriptor after all others; true if its status is written. */
bool vtd_queue_sync(VtdDriver *d);
/* One invalidation through the queue, complete on return. */
void vtd_invalidate(VtdDriver *d, VtdDesc desc);
/* Global invalidation of contexts and IOTLB. */
void vtd_invalidate_all(VtdDriver *d);

/*
 * An empty domain of 3 or 4 @levels that has the mailbox.  @id is also the
 * tag in the unit's caches.
 */
VtdDomain vtd_domain_new(VtdDriver *d, uint16_t id, unsigned levels);
/* Address of the entry for @iova at @level, 1 for 4 KiB; tables are added. */
uint64_t vtd_entry(VtdDriver *d, const VtdDomain *domain, uint64_t iova,
                   unsigned level);
/* One leaf of @level with the bits @bits beside its address. */
void vtd_map(VtdDriver *d, const VtdDomain *domain, uint64_t iova, uint64_t pa,
             unsigned level, uint64_t bits);
/* 4-KiB leaves from @iova to @last, the last byte. */
void vtd_map_range(VtdDriver *d, const VtdDomain *domain, uint64_t iova,
                   uint64_t last, uint64_t pa, uint64_t bits);

/* Addresses of the root entry and the context entry of @sid. */
uint64_t vtd_root_entry(VtdDriver *d, uint16_t sid);
uint64_t vtd_context_entry(VtdDriver *d, uint16_t sid);
/* Write the context entry of @sid; nothing is invalidated. */
void vtd_attach(VtdDriver *d, uint16_t sid, const VtdDomain *domain);
void vtd_attach_pass_through(VtdDriver *d, uint16_t sid, uint16_t did,
                             uint64_t aw);

/* Latch @rtaddr as the root table address and invalidate all. */
void vtd_set_root(VtdDriver *d, uint64_t rtaddr);
/* Translation on, with the driver's own root table and a queue. */
void vtd_enable(VtdDriver *d);
void vtd_disable(VtdDriver *d);

/*
 * Interrupt remapping on (again, if it is), with an empty table of
 * 2^(@s + 1) entries; @flags go into IRTA beside the address and @s.
 */
void vtd_remap_enable(VtdDriver *d, unsigned s, uint64_t flags);
/* Write an entry; nothing is invalidated. */
void vtd_set_irte(VtdDriver *d, unsigned index, uint64_t lo, uint64_t hi);

/* Take the pending fault record: false if there is none. */
bool vtd_take_fault(VtdDriver *d, VtdFault *fault);
/* Take a record that must be this one; true if it is. */
bool vtd_expect_fault(VtdDriver *d, uint8_t reason, uint16_t sid,
                      uint64_t info, bool read);
/* Nothing is recorded; what is, is taken away. */
bool vtd_expect_no_fault(VtdDriver *d);

/* A counter of the unit, as in the property "stats". */
uint64_t vtd_stat(VtdDriver *d, const char *name);

#endif
