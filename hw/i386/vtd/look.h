/*
 * Intel VT-d engine: what it tells of itself to those who ask
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the calls that look at a unit and change nothing: no fault, no counter,
 * no cache.  They are for monitors.  Each takes a bounded time, whatever the
 * guest has put into its tables.
 *
 * [bql] calls only, inside an RCU read section.  Addresses are in bytes, and
 * the last of a range is in it.
 */

#ifndef HW_I386_VTD_LOOK_H
#define HW_I386_VTD_LOOK_H

#include "vtd.h"
#include "walk.h"

/**
 * struct VtdUnitLook - the state of a unit
 * @cap: CAP
 * @ecap: ECAP
 * @gsts: GSTS: what is on
 * @fsts: FSTS: the causes of the fault event
 * @rtaddr: RTADDR, as latched
 * @irta: IRTA, as latched
 * @aw_bits: width of input addresses
 * @haw_bits: width of physical addresses
 * @queue_base: address of the queue, as latched; this and the next are 0 if
 *              it is off
 * @queue_entries: its size in descriptors
 * @queue_head: index of a descriptor
 * @queue_tail: index of a descriptor
 * @iqei: the code of the error, if FSTS.IQE is set
 * @pending: shadows are not in step yet; the guest waits for that
 * @contexts: cached context entries
 * @iotlb_used: cached translations
 * @iotlb_size: how many there can be
 * @iec_used: cached interrupt entries
 * @iec_size: how many there can be
 */
typedef struct VtdUnitLook {
    uint64_t cap;
    uint64_t ecap;
    uint32_t gsts;
    uint32_t fsts;
    uint64_t rtaddr;
    uint64_t irta;
    uint8_t aw_bits;
    uint8_t haw_bits;
    uint64_t queue_base;
    uint32_t queue_entries;
    uint32_t queue_head;
    uint32_t queue_tail;
    unsigned iqei;
    bool pending;
    unsigned contexts;
    unsigned iotlb_used;
    unsigned iotlb_size;
    unsigned iec_used;
    unsigned iec_size;
} VtdUnitLook;

void vtd_look_unit(Vtd *v, VtdUnitLook *out);

/**
 * struct VtdSpaceLook - the state of a device's address space
 * @sid: the source id now
 * @view: what requests meet
 * @reason: why there is no context; VTD_FAULT_NONE if there is one, or
 *          translation is off
 * @context: there is a context, by what is in the tables now:
 * @pass_through: it lets requests pass
 * @fpd: it hides faults
 * @did: its domain
 * @top: its top page table, unless @pass_through; so
 * @levels: how many levels there are
 * @first: they are of a first stage
 * @nested: below which is a second
 * @hits: requests that the IOTLB answered
 * @misses: requests that it did not
 * @faults: requests that were blocked, recorded or not
 * @maps: MAPs that were sent
 * @unmaps: UNMAPs that were sent
 * @shadowed: a listener wants MAPs; the rest is of what it was told
 * @pending: it is not in step with the tables yet
 * @limited: something was left out at a limit
 * @sharers: spaces that follow the same tables, this one included; 0: none
 * @pages: pages of 4 KiB that the tables map, as last seen
 * @refused_pages: of these, what the listener refused
 */
typedef struct VtdSpaceLook {
    uint16_t sid;
    VtdView view;
    VtdReason reason;
    bool context;
    bool pass_through;
    bool fpd;
    uint16_t did;
    uint64_t top;
    unsigned levels;
    bool first;
    bool nested;
    uint64_t hits;
    uint64_t misses;
    uint64_t faults;
    uint64_t maps;
    uint64_t unmaps;
    bool shadowed;
    bool pending;
    bool limited;
    unsigned sharers;
    uint64_t pages;
    uint64_t refused_pages;
} VtdSpaceLook;

void vtd_look_space(VtdSpace *space, VtdSpaceLook *out);

/**
 * struct VtdMapped - a range that is mapped, all of it alike
 * @first: the first input address
 * @last: the last
 * @addr: where @first leads to
 * @read: reads are granted
 * @write: writes are granted
 * @straight: what follows leads to what follows @addr
 */
typedef struct VtdMapped {
    uint64_t first;
    uint64_t last;
    uint64_t addr;
    bool read;
    bool write;
    bool straight;
} VtdMapped;

/**
 * struct VtdMappedLook - a look at the ranges, which takes several calls
 * @next: where to look; where to go on, afterwards
 * @last: up to where
 * @limit: ranges that are wanted, 1 at least
 * @ranges: VtdMapped, in order; the caller's
 * @done: nothing is left up to @last, or the limit is reached
 * @more: the limit is reached: another range begins at @next
 */
typedef struct VtdMappedLook {
    uint64_t next;
    uint64_t last;
    unsigned limit;
    GArray *ranges;
    bool done;
    bool more;
} VtdMappedLook;

/**
 * vtd_look_mapped - go on with a look at what the tables map for listeners
 * @space: with or without a shadow; without, nothing is known
 * @look: see there
 *
 * Returns after a part of a millisecond.  What changes between two calls
 * is seen as of either.
 */
void vtd_look_mapped(VtdSpace *space, VtdMappedLook *look);

/**
 * vtd_look_refused - find the first range that the listeners refused
 * @space: the space
 * @first: from where on; the first address that is refused
 * @last: up to where; the last address
 *
 * Return: false if there is none
 */
bool vtd_look_refused(VtdSpace *space, uint64_t *first, uint64_t *last);

/* How many faults are remembered at most */
#define VTD_PAST_FAULTS         32

/**
 * struct VtdPastFault - a fault
 * @reason: why
 * @sid: the requester
 * @pasid: of the request, or VTD_NO_PASID
 * @interrupt: an interrupt request was blocked
 * @read: the request was no write
 * @hidden: the guest was not told, by FPD
 * @addr: of the request
 * @index: of the interrupt entry, if @interrupt
 * @level: of the page-table entry where a walk stopped; 0: there was no walk
 * @entry: what was read there
 * @time: of the last of them, by VtdOps.now
 * @count: how often the very same came in a row
 */
typedef struct VtdPastFault {
    VtdReason reason;
    uint16_t sid;
    uint32_t pasid;
    bool interrupt;
    bool read;
    bool hidden;
    uint64_t addr;
    uint16_t index;
    uint8_t level;
    uint64_t entry;
    int64_t time;
    uint64_t count;
} VtdPastFault;

/* The @n-th last fault, 0 the last; false if there are not so many */
bool vtd_look_fault(Vtd *v, unsigned n, VtdPastFault *out);

/**
 * enum VtdStepKind - what is read on the way of a request
 * @VTD_STEP_ROOT: a root entry
 * @VTD_STEP_CONTEXT: a context entry
 * @VTD_STEP_PASID_DIRECTORY: an entry of a PASID directory
 * @VTD_STEP_PASID: an entry of a PASID table
 * @VTD_STEP_PAGE: an entry of a page table
 */
typedef enum VtdStepKind {
    VTD_STEP_ROOT,
    VTD_STEP_CONTEXT,
    VTD_STEP_PASID_DIRECTORY,
    VTD_STEP_PASID,
    VTD_STEP_PAGE,
} VtdStepKind;

/**
 * struct VtdStep - an entry on the way of a request
 * @kind: what it is
 * @level: of the page table
 * @first: it is a table of a first stage
 * @addr: where it is
 * @readable: it is in memory:
 * @lo: its first 8 bytes
 * @hi: the next 8, if @wide
 * @wide: it has more than 8
 */
typedef struct VtdStep {
    VtdStepKind kind;
    unsigned level;
    bool first;
    uint64_t addr;
    bool readable;
    uint64_t lo;
    uint64_t hi;
    bool wide;
} VtdStep;

/* A nested walk of 5 levels, each of 5 below; those behind are left out */
#define VTD_STEPS_MAX           40

/**
 * struct VtdExplained - the way of one request
 * @sid: the source id
 * @translating: translation is on
 * @interrupt: the address is in the interrupt range: no tables are asked
 * @step: what is read in memory, in order
 * @steps: how many
 * @reason: why it is blocked, by what is in memory; or VTD_FAULT_NONE:
 * @out: what it becomes
 * @pass_through: by a context that lets it pass
 * @nested: by tables of a first stage with a second one below
 * @did: domain, once there is a context
 * @context_cached: a context is cached,
 * @context_stale: which is not what memory has
 * @iotlb_cached: a translation is cached:
 * @iotlb: it,
 * @iotlb_stale: which grants what memory does not, or leads elsewhere
 * @table_stale: a table of leaves is cached that memory does not lead to, or
 *               with permissions that it does not have
 * @shadowed: a listener is told of mappings:
 * @seen: the tables mapped the page when they were last looked at:
 * @shadow: so; its iova and mask are those of what was sent as one mapping
 * @shadow_stale: that is not what memory says
 * @refused: the listener refused it
 */
typedef struct VtdExplained {
    uint16_t sid;
    bool translating;
    bool interrupt;
    VtdStep step[VTD_STEPS_MAX];
    unsigned steps;
    VtdReason reason;
    VtdTranslation out;
    bool pass_through;
    bool nested;
    uint16_t did;
    bool context_cached;
    bool context_stale;
    bool iotlb_cached;
    VtdTranslation iotlb;
    bool iotlb_stale;
    bool table_stale;
    bool shadowed;
    bool seen;
    VtdTranslation shadow;
    bool shadow_stale;
    bool refused;
} VtdExplained;

/**
 * vtd_explain - follow a request without making it
 * @space: of the device
 * @pasid: that it comes with, or VTD_NO_PASID
 * @iova: the input address
 * @access: what it is for
 * @out: filled in
 */
void vtd_explain(VtdSpace *space, uint32_t pasid, uint64_t iova,
                 VtdAccess access, VtdExplained *out);

#endif
