/*
 * VT-d tests: a guest's driver for the remapping unit
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the register sequences that software has to follow (driver.c) and the
 * structures in guest memory (tables.c): root and context tables, domains
 * with their second-stage tables, the invalidation queue, the interrupt
 * remapping table; and those of scalable mode (tables-sm.c).  Whatever runs
 * the unit is behind a port.
 *
 * Memory is given out page by page and zeroed, never taken back; a mailbox
 * page is mapped one to one in every domain, so that a device's buffer can
 * be filled and looked at while translation is on.
 */

#ifndef TESTS_VTD_DRIVER_H
#define TESTS_VTD_DRIVER_H

#include "tests/vtd/expect.h"
#include "tests/vtd/numbers.h"
#include "tests/vtd/port.h"

typedef struct QVtd {
    QVtdPort *port;
    struct QTestState *qts;     /* a qtest's, as the next */
    struct QPCIBus *pci;
    uint64_t next_page;         /* address of the first page not given out */
    uint64_t mailbox;
    uint64_t root;              /* root table */
    bool scalable;              /* which is one of scalable mode */
    uint64_t queue;             /* invalidation queue; 0 while there is none */
    bool wide;                  /* with descriptors of 256 bits */
    unsigned entries;           /* how many descriptors it has room for */
    unsigned tail;              /* index of the next one */
    uint64_t status;            /* where wait descriptors write */
    uint32_t waits;             /* wait descriptors so far */
    uint64_t irt;               /* interrupt remapping table */
} QVtd;

typedef struct QVtdDomain {
    uint16_t id;
    unsigned levels;            /* 3 to 5 */
    uint64_t top;               /* address of the top table */
} QVtdDomain;

/*
 * First-stage tables.  Nested, they are at the other addresses of
 * qvtd_guest_address() for the second stage, which maps them there.
 */
typedef struct QVtdFirst {
    uint16_t id;                /* of the domain */
    unsigned levels;            /* 4 or 5 */
    uint64_t top;               /* address of the top table in memory */
    const QVtdDomain *under;    /* the second stage, or NULL */
} QVtdFirst;

typedef struct QVtdFault {
    uint8_t reason;
    uint16_t sid;
    bool read;
    uint64_t info;              /* FRCD.FI, bits 63:12 */
} QVtdFault;

/* Nothing is set up yet; memory is free from @first_page on. */
void qvtd_init(QVtd *d, QVtdPort *port, uint64_t first_page);

uint32_t qvtd_read32(QVtd *d, unsigned offset);
uint64_t qvtd_read64(QVtd *d, unsigned offset);
void qvtd_write32(QVtd *d, unsigned offset, uint32_t value);
void qvtd_write64(QVtd *d, unsigned offset, uint64_t value);

/* A counter of the unit, as in the property "stats". */
uint64_t qvtd_stat(QVtd *d, const char *name);

/* Words in guest memory, which has to be there */
uint32_t qvtd_get32(QVtd *d, uint64_t gpa);
uint64_t qvtd_get(QVtd *d, uint64_t gpa);
void qvtd_put(QVtd *d, uint64_t gpa, uint64_t value);
/* @n zeroed pages in a row, aligned to @n pages (a power of two). */
uint64_t qvtd_alloc(QVtd *d, unsigned n);

/*
 * Give the global command for one bit, as software has to: all level bits
 * repeated, then wait for the status, which is returned.
 */
uint32_t qvtd_command(QVtd *d, uint32_t bit, bool set);

/* Have the unit see what was written to memory (7.9); true if it is done. */
bool qvtd_flush_write_buffer(QVtd *d);

/* Start the queue with 2^@order pages (again, if it runs). */
void qvtd_queue_start(QVtd *d, unsigned order);
void qvtd_queue_stop(QVtd *d);
/* Bytes of a descriptor, of all of them */
unsigned qvtd_desc_size(const QVtd *d);
/* Put a descriptor into the ring; the unit sees it with qvtd_queue_kick(). */
void qvtd_queue_put(QVtd *d, QVtdDesc desc);
void qvtd_queue_kick(QVtd *d);
/* A wait descriptor after all others; true if its status is written. */
bool qvtd_queue_sync(QVtd *d);
/*
 * A descriptor alone: the error that it stops the queue with, which is cured,
 * or 0.
 */
unsigned qvtd_queue_error(QVtd *d, QVtdDesc desc);
/* The queue stands at the index @head, with this error; 0: with none. */
bool qvtd_expect_queue(QVtd *d, unsigned head, unsigned iqei);
/* It has done all that software gave it, without an error. */
void qvtd_expect_done(QVtd *d);
/* It stopped at the descriptor at @head, in bytes; 0: whatever @iqei is. */
void qvtd_expect_stopped(QVtd *d, uint32_t head, unsigned iqei);

/* One invalidation, by the queue if it is on, complete on return. */
void qvtd_invalidate(QVtd *d, QVtdDesc desc);
/*
 * What a descriptor for contexts or the IOTLB says, by registers; the queue
 * is off meanwhile.
 */
void qvtd_invalidate_by_register(QVtd *d, QVtdDesc desc);
/* Global invalidation of contexts, PASID entries and IOTLB. */
void qvtd_invalidate_all(QVtd *d);

/*
 * An empty domain of 3 to 5 @levels that has the mailbox.  @id is also the
 * tag in the unit's caches.
 */
QVtdDomain qvtd_domain_new(QVtd *d, uint16_t id, unsigned levels);
/* Address of the entry for @iova at @level, 1 for 4 KiB; tables are added. */
uint64_t qvtd_entry(QVtd *d, const QVtdDomain *domain, uint64_t iova,
                    unsigned level);
/* One leaf of @level with the bits @bits beside its address. */
void qvtd_map(QVtd *d, const QVtdDomain *domain, uint64_t iova, uint64_t pa,
              unsigned level, uint64_t bits);
/* 4-KiB leaves from @iova to @last, the last byte. */
void qvtd_map_range(QVtd *d, const QVtdDomain *domain, uint64_t iova,
                    uint64_t last, uint64_t pa, uint64_t bits);

/* Addresses of the root entry and the context entry of @sid. */
uint64_t qvtd_root_entry(QVtd *d, uint16_t sid);
uint64_t qvtd_context_entry(QVtd *d, uint16_t sid);
/* Write the context entry of @sid; nothing is invalidated. */
void qvtd_set_context(QVtd *d, uint16_t sid, uint64_t lo, uint64_t hi);
void qvtd_attach(QVtd *d, uint16_t sid, const QVtdDomain *domain);
void qvtd_attach_pass_through(QVtd *d, uint16_t sid, uint16_t did,
                              uint64_t aw);

/*
 * Scalable mode from the next qvtd_enable() on, with 256-bit descriptors; the
 * root table is another one.
 */
void qvtd_use_scalable(QVtd *d);
/* The half of the root entry, the context and the PASID entry of @sid */
uint64_t qvtd_sm_root_entry(QVtd *d, uint16_t sid);
uint64_t qvtd_sm_context_entry(QVtd *d, uint16_t sid);
/* The PASID that its requests have: RID_PASID, 0 as long as nothing is set */
uint32_t qvtd_rid_pasid(QVtd *d, uint16_t sid);
/* Addresses of the entries for @pasid; the directory and tables are added. */
uint64_t qvtd_pasid_dir_entry(QVtd *d, uint16_t sid, uint32_t pasid);
uint64_t qvtd_pasid_entry(QVtd *d, uint16_t sid, uint32_t pasid);
/*
 * Write the PASID entry that @sid's requests without PASID use: PGTT and all
 * that goes with it; walks are snooped if the unit can.  Nothing is
 * invalidated.
 */
void qvtd_sm_attach_second(QVtd *d, uint16_t sid, const QVtdDomain *domain);
void qvtd_sm_attach_first(QVtd *d, uint16_t sid, const QVtdFirst *first);
void qvtd_sm_attach_pass_through(QVtd *d, uint16_t sid, uint16_t did);

/* The address that a nested first stage has for a page in memory */
uint64_t qvtd_guest_address(const QVtdFirst *first, uint64_t addr);
/* Empty first-stage tables that have the mailbox, over @under or NULL. */
QVtdFirst qvtd_first_new(QVtd *d, uint16_t id, unsigned levels,
                         const QVtdDomain *under);
/*
 * Address in memory of the entry for @iova at @level; tables are added, with A
 * set in their entries, as Linux does.
 */
uint64_t qvtd_first_entry(QVtd *d, const QVtdFirst *first, uint64_t iova,
                          unsigned level);
/*
 * One leaf of @level with the bits @bits beside the address @pa in memory;
 * nested, it leads there by the second stage, whose leaf of @level is added.
 */
void qvtd_first_map(QVtd *d, const QVtdFirst *first, uint64_t iova,
                    uint64_t pa, unsigned level, uint64_t bits);

/* Latch @rtaddr as the root table address. */
void qvtd_latch_root(QVtd *d, uint64_t rtaddr);
/* The same, and invalidate all. */
void qvtd_set_root(QVtd *d, uint64_t rtaddr);
/* Translation on, with the driver's own root table and a queue. */
void qvtd_enable(QVtd *d);
void qvtd_disable(QVtd *d);

/*
 * Interrupt remapping on (again, if it is), with an empty table of
 * 2^(@s + 1) entries; @flags go into IRTA beside the address and @s.
 */
void qvtd_remap_enable(QVtd *d, unsigned s, uint64_t flags);
/* Write an entry; nothing is invalidated. */
void qvtd_set_irte(QVtd *d, unsigned index, uint64_t lo, uint64_t hi);

/* Take the pending fault record: false if there is none. */
bool qvtd_take_fault(QVtd *d, QVtdFault *fault);
/* Take a record that must be this one; true if it is. */
bool qvtd_expect_fault(QVtd *d, uint8_t reason, uint16_t sid,
                       uint64_t info, bool read);
/* Nothing is recorded; what is, is taken away. */
bool qvtd_expect_no_fault(QVtd *d);

#endif
