/*
 * Intel VT-d engine: its whole outside
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the calls into the engine, and VtdOps, all that the engine asks of
 * the embedder: QEMU's device model, or a unit test.  Two kinds of call:
 *
 *   [any]   any thread, inside an RCU read section: what the engine hands to
 *           VtdOps.defer_free stays readable until the section ends.
 *   [bql]   under QEMU's big lock; a unit test serialises them.  Operations
 *           so marked are called from these calls alone, with none of the
 *           engine's locks held, so they may call back.
 *
 * Addresses, lengths and masks are in bytes; the last byte of a range is in
 * it.  Section numbers are those of docs/specs/intel-vtd.rst.
 */

#ifndef HW_I386_VTD_VTD_H
#define HW_I386_VTD_VTD_H

#include "spec.h"

typedef struct Vtd Vtd;
typedef struct VtdSpace VtdSpace;

/**
 * struct VtdRam - a piece of guest memory that is one RAM region, or none
 * @first: its first byte
 * @last: its last byte
 * @ram: a device may be given it
 * @data: where @first is in QEMU's memory; NULL if not readable in place
 */
typedef struct VtdRam {
    uint64_t first;
    uint64_t last;
    bool ram;
    const uint8_t *data;
} VtdRam;

/**
 * VtdRamFn - find the piece of guest memory around an address
 * @opaque: of the unit
 * @gpa: the guest physical address
 * @ram: filled in; @ram->data stays valid until the call into the engine that
 *       asks for it returns
 *
 * Context: [bql]
 */
typedef void VtdRamFn(void *opaque, uint64_t gpa, VtdRam *ram);

/**
 * VtdReadFn - read guest memory: an entry, or a table
 * @opaque: of the unit
 * @gpa: the guest physical address
 * @buf: filled in
 * @len: bytes to be read: one entry or two, or a table
 *
 * Memory is what a CPU can use as such, which need not be RAM.
 *
 * Context: [any]
 * Return: false for registers and holes, on which nothing is done
 */
typedef bool VtdReadFn(void *opaque, uint64_t gpa, void *buf, size_t len);

/**
 * VtdSwapFn - compare a qword of guest memory and swap it, in one atomic step
 * @opaque: of the unit
 * @gpa: the guest physical address, a multiple of 8
 * @old: what it is to hold, in the guest's byte order, as the next
 * @new: what it holds afterwards
 *
 * For accessed and dirty bits, which other threads and vCPUs set and clear at
 * the same time.
 *
 * Context: [any]
 * Return: false if it held something else, or is no RAM that can be written
 */
typedef bool VtdSwapFn(void *opaque, uint64_t gpa, uint64_t old, uint64_t new);

/**
 * struct VtdNotice - a MAP or an UNMAP, for listeners that map for a device
 * @first: the first input address
 * @last: the last; the range is a naturally aligned power of two
 * @addr: where @first is mapped; 0 for an UNMAP, unless it unmaps one mapping
 *        alone (see VtdOps.dirty_tracking)
 * @read: for a MAP; false for an UNMAP
 * @write: for a MAP; false for an UNMAP
 */
typedef struct VtdNotice {
    uint64_t first;
    uint64_t last;
    uint64_t addr;
    bool read;
    bool write;
} VtdNotice;

/**
 * VtdNoticeFn - tell a listener of a mapping
 * @opaque: of the space, or what was given to vtd_space_replay()
 * @notice: the MAP or UNMAP
 *
 * Context: [bql]
 * Return: 0, or -errno for a MAP that is refused
 */
typedef int VtdNoticeFn(void *opaque, const VtdNotice *notice);

/*
 * What is remembered of one table of the guest's takes no more than so many
 * bytes for each of VtdConfig.max_mappings, but may take the minimum.
 */
#define VTD_SEEN_BYTES_PER_MAPPING      16
#define VTD_SEEN_BYTES_MIN              (16ull << 20)
/* What was sent to one device: at most this part of it more */
#define VTD_EXTENTS_PART                16
/* VtdSeenConfig.work: some milliseconds */
#define VTD_SYNC_WORK                   (1u << 16)

/**
 * struct VtdConfig - what the user asked for
 * @aw_bits: width of input addresses: 39, 48, or, in scalable mode, 57 bits
 * @haw_bits: width of physical addresses: @aw_bits at least, but up to 52
 * @caching_mode: CAP.CM
 * @snoop_control: ECAP.SC
 * @device_iotlb: ECAP.DT
 * @pass_through: ECAP.PT
 * @intr_remap: ECAP.IR
 * @eim: ECAP.EIM
 * @dma_drain: CAP.DRD and CAP.DWD
 * @dma_translation: translation can be switched on
 * @esrtps: CAP.ESRTPS, which says what SRTP does in any case
 * @stale_tm: bit 62 of a leaf, TM of older revisions, is not reserved
 * @scalable_mode: ECAP.SMTS; it wants @dma_drain, and all that follows wants it
 * @first_stage: ECAP.FSTS, with CAP.FS5LP if @aw_bits is 57
 * @second_stage: ECAP.SSTS
 * @nested: ECAP.NEST; with both stages
 * @fs_1g: CAP.FS1GP
 * @ss_dirty: ECAP.SSADS: accessed and dirty bits of the second stage
 * @snooped_walks: ECAP.SMPWCS
 * @supervisor: ECAP.SRS
 * @rid_pasid: ECAP.RPS
 * @extended_accessed: ECAP.EAFS
 * @abort_dma: ECAP.ADMS
 * @pasid_bits: ECAP.PSS, with ECAP.PASID; 0 for none, up to 20
 * @write_buffer: CAP.RWBF: the guest says when it has made a mapping of a
 *                first stage (7.9); wanted to keep a shadow of one
 * @max_mappings: leaves that are remembered of one table
 * @sync_work: VtdSeenConfig.work, or 0 for VTD_SYNC_WORK
 */
typedef struct VtdConfig {
    uint8_t aw_bits;
    uint8_t haw_bits;
    bool caching_mode;
    bool snoop_control;
    bool device_iotlb;
    bool pass_through;
    bool intr_remap;
    bool eim;
    bool dma_drain;
    bool dma_translation;
    bool esrtps;
    bool stale_tm;
    bool scalable_mode;
    bool first_stage;
    bool second_stage;
    bool nested;
    bool fs_1g;
    bool ss_dirty;
    bool snooped_walks;
    bool supervisor;
    bool rid_pasid;
    bool extended_accessed;
    bool abort_dma;
    uint8_t pasid_bits;
    bool write_buffer;
    uint64_t max_mappings;
    uint64_t sync_work;
} VtdConfig;

/**
 * enum VtdView - what a device's memory requests meet
 * @VTD_VIEW_DIRECT: system memory, since translation is off
 * @VTD_VIEW_PASS_THROUGH: system memory, below 2^haw_bits
 * @VTD_VIEW_TRANSLATED: vtd_translate()
 */
typedef enum VtdView {
    VTD_VIEW_DIRECT,
    VTD_VIEW_PASS_THROUGH,
    VTD_VIEW_TRANSLATED,
} VtdView;

/* A request without PASID */
#define VTD_NO_PASID            UINT32_MAX

/* A line that is on no device */
#define VTD_LOG_NO_SID          UINT32_MAX

/**
 * struct VtdOps - what the engine asks of the embedder
 * @read: see VtdReadFn.  [any]
 * @write: write @len bytes of guest memory at @gpa; false as for @read.  [bql]
 * @swap: see VtdSwapFn.  [any]
 * @inject: send the message of an event of the unit, not remapped.  False if
 *          this thread cannot: then vtd_send_events() is to be called soon.
 *          Called with the unit's lock held, so it may not call back.  [any]
 * @defer_free: call free_fn(ptr) once no read section can hold ptr.  Called
 *              with a lock of the engine's held: it may not call back.  [any]
 * @source_id: the requester id that a space has now: bus numbers change.  [any]
 * @switch_to: bring about the view of a space; called on changes only.  [bql]
 * @iec_changed: remapping of interrupts changed: of 2^@mask entries from
 *               @index on, or of all if @global.  [bql]
 * @ram: see VtdRamFn.  [bql]
 * @notify: tell the listeners of a space, see VtdNoticeFn.  [bql]
 * @refused: a MAP of a space was refused, in @notify or in a replay:
 *           -errno.  [bql]
 * @invalidate: listeners that cache translations of the device (vhost) forget
 *              a range: caches filled through ATS if @device_tlb, else the
 *              others.  [bql]
 * @dirty_tracking: UNMAPs must tell what was mapped, one by one, since a
 *                  listener notes which pages the device wrote.  [bql]
 * @now: a clock that never goes back, in ns.  [any]
 * @schedule: call vtd_continue() soon, outside of calls into the engine.  [bql]
 * @drain: whether all accesses are over whose translation began before in
 *         another thread.  If not, vtd_drained() is called once they are,
 *         outside of calls into the engine.  It must not wait long: an access
 *         may want the BQL.  [bql]
 * @log: a line on a mistake of the guest's, @first of its cause, or one of
 *       those that @log_more wanted; @sid is the source id of the device, or
 *       VTD_LOG_NO_SID.  [any]
 * @log_more: whether more lines than the first of each cause are wanted.
 *            Guests can make many mistakes: it must answer fast.  [any]
 * @log_later: call vtd_log_held() in about a second.  [any]
 * @fault: a request was blocked: look.h tells of it.  Guests can make many
 *         faults, so it must be fast.  [any]
 * @queue_stopped: by an error, see FSTS.IQE.  [bql]
 * @over_limit: a table holds more than VtdConfig.max_mappings; called once.
 *              [bql]
 * @option_name: what the user calls the option of this name, one of those that
 *               have another name elsewhere.  [bql]
 *
 * The pointer that an operation is called with is the one given to vtd_new(),
 * or, where it is named space_opaque, to vtd_space_new().
 */
typedef struct VtdOps {
    VtdReadFn *read;
    bool (*write)(void *opaque, uint64_t gpa, const void *buf, size_t len);
    VtdSwapFn *swap;
    bool (*inject)(void *opaque, uint64_t addr, uint32_t data);
    void (*defer_free)(void *opaque, void *ptr, void (*free_fn)(void *));
    uint16_t (*source_id)(void *space_opaque);
    void (*switch_to)(void *space_opaque, VtdView view);
    void (*iec_changed)(void *opaque, bool global, uint32_t index,
                        uint32_t mask);
    VtdRamFn *ram;
    int (*notify)(void *space_opaque, const VtdNotice *notice);
    void (*refused)(void *space_opaque, const VtdNotice *notice, int error);
    void (*invalidate)(void *space_opaque, uint64_t first, uint64_t last,
                       bool device_tlb);
    bool (*dirty_tracking)(void *opaque);
    int64_t (*now)(void *opaque);
    void (*schedule)(void *opaque);
    bool (*drain)(void *opaque);
    void (*log)(void *opaque, bool first, uint32_t sid, const char *line);
    bool (*log_more)(void *opaque);
    void (*log_later)(void *opaque);
    void (*fault)(void *opaque);
    void (*queue_stopped)(void *opaque);
    void (*over_limit)(void *opaque);
    const char *(*option_name)(void *opaque, const char *name);
} VtdOps;

/**
 * struct VtdRamChange - pages where the layout of memory changed, all alike
 * @first: the first guest physical address
 * @last: the last
 * @was: RAM before
 * @is: RAM now; if @was too, other RAM
 *
 * A page that is not wholly within one piece of RAM is never mapped.  It counts
 * as none here, so that what was never mapped is never unmapped, either.
 */
typedef struct VtdRamChange {
    uint64_t first;
    uint64_t last;
    bool was;
    bool is;
} VtdRamChange;

/**
 * struct VtdTranslation - one translated piece
 * @iova: its first input address
 * @addr: its first output address
 * @mask: its size less one: the last bytes are @iova | @mask, @addr | @mask
 * @read: reads are granted
 * @write: writes are granted
 */
typedef struct VtdTranslation {
    uint64_t iova;
    uint64_t mask;
    uint64_t addr;
    bool read;
    bool write;
} VtdTranslation;

/**
 * enum VtdAccess - what a request is for
 * @VTD_ACCESS_PROBE: to know the permissions; records no fault
 * @VTD_ACCESS_READ: a read
 * @VTD_ACCESS_WRITE: a write
 */
typedef enum VtdAccess {
    VTD_ACCESS_PROBE,
    VTD_ACCESS_READ,
    VTD_ACCESS_WRITE,
} VtdAccess;

/**
 * struct VtdInterrupt - a remapped interrupt (8.3)
 * @dest: APIC id: 8 bits, or 32 with EIME
 * @vector: the vector
 * @delivery_mode: DLM, as an APIC has it
 * @logical: DM: the destination is logical
 * @redirection_hint: RH
 * @level: TM: level-triggered
 */
typedef struct VtdInterrupt {
    uint32_t dest;
    uint8_t vector;
    uint8_t delivery_mode;
    bool logical;
    bool redirection_hint;
    bool level;
} VtdInterrupt;

/**
 * enum VtdVerdict - what becomes of an interrupt message
 * @VTD_INTERRUPT_PASS: deliver the message as it came
 * @VTD_INTERRUPT_REMAPPED: deliver the VtdInterrupt
 * @VTD_INTERRUPT_BLOCKED: deliver nothing
 */
typedef enum VtdVerdict {
    VTD_INTERRUPT_PASS,
    VTD_INTERRUPT_REMAPPED,
    VTD_INTERRUPT_BLOCKED,
} VtdVerdict;

/*
 * Beside a source id, or alone for a requester that is unknown: it is not
 * compared to what the interrupt entry names (8.5).
 */
#define VTD_SID_UNVERIFIED      0x10000u

/* Counters; their names for users are in unit.c */
typedef enum VtdStat {
    VTD_STAT_TRANSLATIONS,
    VTD_STAT_PASS_THROUGH,
    VTD_STAT_IOTLB_HITS,
    VTD_STAT_IOTLB_MISSES,
    VTD_STAT_CONTEXT_HITS,
    VTD_STAT_CONTEXT_MISSES,
    VTD_STAT_VIEW_SWITCHES,
    VTD_STAT_FAULTS_RECORDED,
    VTD_STAT_FAULTS_LOST,
    VTD_STAT_INV_CONTEXT_GLOBAL,
    VTD_STAT_INV_CONTEXT_DOMAIN,
    VTD_STAT_INV_CONTEXT_DEVICE,
    VTD_STAT_INV_IOTLB_GLOBAL,
    VTD_STAT_INV_IOTLB_DOMAIN,
    VTD_STAT_INV_IOTLB_PAGE,
    VTD_STAT_INV_PASID_CACHE,
    VTD_STAT_INV_PASID_IOTLB,
    VTD_STAT_INV_PASID_IOTLB_PAGE,
    VTD_STAT_INV_DEVICE_TLB,
    VTD_STAT_INV_IEC_GLOBAL,
    VTD_STAT_INV_IEC_INDEX,
    VTD_STAT_INV_WAIT,
    VTD_STAT_INV_ERRORS,
    VTD_STAT_INTERRUPTS_REMAPPED,
    VTD_STAT_INTERRUPTS_PASSED,
    VTD_STAT_INTERRUPTS_BLOCKED,
    VTD_STAT_IEC_HITS,
    VTD_STAT_IEC_MISSES,
    VTD_STAT_SYNCS,
    VTD_STAT_MAPS,
    VTD_STAT_UNMAPS,
    VTD_STAT_UNMAPPED_PAGES,
    VTD_STAT_SPLITS,
    VTD_STAT_SYNC_PAUSES,
    VTD_STAT_UNSENDABLE,
    VTD_STAT_OVER_LIMIT,
    VTD_STAT_REFUSED,
    VTD_STAT_REFUSED_PAGES,
    VTD_STAT_REFUSED_LOST,
    VTD_STAT_LAYOUTS,
    VTD_STAT_COMPARED,
    VTD_STAT_UNCHANGED,
    VTD_STAT_SHADOW_LEAVES,
    VTD_STAT_SHADOW_BYTES,
    VTD_STAT_COUNT,
} VtdStat;

/**
 * vtd_new - make a unit, as after reset
 * @config: copied
 * @ops: not copied: outlives the unit
 * @opaque: handed to @ops
 *
 * Context: [bql]
 * Return: the unit, to be freed with vtd_free()
 */
Vtd *vtd_new(const VtdConfig *config, const VtdOps *ops, void *opaque);

/**
 * vtd_free - free a unit
 * @v: the unit; its spaces are gone
 *
 * Context: [bql]
 */
void vtd_free(Vtd *v);

/**
 * vtd_reset - go back to the state after vtd_new()
 * @v: the unit
 *
 * The spaces stay, and get the direct view.
 *
 * Context: [bql]
 */
void vtd_reset(Vtd *v);

/**
 * vtd_use_caching_mode - switch caching mode on late
 * @v: the unit; the guest has not run yet, so no register was written
 *
 * Context: [bql]
 */
void vtd_use_caching_mode(Vtd *v);

/**
 * vtd_continue - go on with what took too long for one call
 * @v: the unit, which has called VtdOps.schedule
 *
 * Context: [bql], in a read section: invalidations look at contexts
 */
void vtd_continue(Vtd *v);

/**
 * vtd_drained - go on after accesses have ended
 * @v: the unit; nothing happens if it does not wait for VtdOps.drain
 *
 * Context: [bql], in a read section: invalidations look at contexts
 */
void vtd_drained(Vtd *v);

/**
 * vtd_space_new - make the address space of a device
 * @v: the unit
 * @space_opaque: handed to those VtdOps that are of a space
 *
 * The space is in the direct view, unless translation is on by then.
 *
 * Context: [bql]
 * Return: the space, to be freed with vtd_space_free()
 */
VtdSpace *vtd_space_new(Vtd *v, void *space_opaque);

/**
 * vtd_space_free - free an address space
 * @space: no thread translates through it any more
 *
 * Context: [bql]
 */
void vtd_space_free(VtdSpace *space);

/**
 * vtd_sources_changed - the source ids of some spaces are others now
 * @v: the unit
 *
 * Context: [bql]
 */
void vtd_sources_changed(Vtd *v);

/**
 * vtd_space_watch - set what the listeners of a space want to hear
 * @space: the space
 * @map: each mapping (VFIO, vhost-vdpa): the space has a shadow
 * @any: at least what is to be forgotten (vhost); true with @map
 *
 * A listener that comes first has heard of nothing yet: vtd_space_replay()
 * tells it what there is.
 *
 * Context: [bql]
 */
void vtd_space_watch(VtdSpace *space, bool map, bool any);

/**
 * vtd_space_replay - tell a listener of each mapping that meets a range
 * @space: the space
 * @first: the first input address
 * @last: the last
 * @notice: hears of each mapping as it was sent to other listeners, not
 *          clipped to the range
 * @opaque: handed to @notice
 *
 * The shadow is brought in step first, which may notify other listeners by
 * VtdOps.notify.  The embedder must not pass that on to the listener behind
 * @notice, which hears everything here.
 *
 * Context: [bql]
 */
void vtd_space_replay(VtdSpace *space, uint64_t first, uint64_t last,
                      VtdNoticeFn *notice, void *opaque);

/**
 * vtd_memory_changed - follow a change of the layout of guest memory
 * @v: the unit
 * @changes: where it changed, in order and apart
 * @n: how many they are
 *
 * VtdOps.ram tells of the new layout by now.  What leads to RAM that went is
 * unmapped, what leads to RAM that came is mapped; nothing else is touched.
 * Costs nothing where no leaf led to any of the places.
 *
 * Context: [bql]
 */
void vtd_memory_changed(Vtd *v, const VtdRamChange *changes, unsigned n);

/**
 * vtd_mmio_read - read a register, or two (1.2)
 * @v: the unit
 * @offset: below VTD_REG_SIZE, aligned to @size
 * @size: 4 or 8 bytes
 *
 * Context: [bql]
 * Return: the value; 0 for every other access
 */
uint64_t vtd_mmio_read(Vtd *v, uint64_t offset, unsigned size);

/**
 * vtd_mmio_write - write a register, or two (1.2)
 * @v: the unit
 * @offset: below VTD_REG_SIZE, aligned to @size
 * @value: what is written
 * @size: 4 or 8 bytes; every other access writes nothing
 *
 * What the write sets off is done on return, unless VtdOps.schedule was
 * called.
 *
 * Context: [bql]
 */
void vtd_mmio_write(Vtd *v, uint64_t offset, uint64_t value, unsigned size);

/**
 * vtd_translate - translate a DMA request (5.1)
 * @space: of the device
 * @iova: the input address
 * @access: what it is for; a fault is recorded unless it is a probe
 * @out: filled in on success: the piece around @iova, whose permissions
 *       include @access
 *
 * Context: [any]
 * Return: false if the request is blocked
 */
bool vtd_translate(VtdSpace *space, uint64_t iova, VtdAccess access,
                   VtdTranslation *out);

/**
 * vtd_translate_pasid - the same for a request with a PASID
 * @space: of the device
 * @pasid: of 20 bits
 * @supervisor: the request is privileged
 * @iova: the input address, which may be in the interrupt range
 * @access: as above
 * @out: as above
 *
 * Context: [any]
 * Return: false if the request is blocked
 */
bool vtd_translate_pasid(VtdSpace *space, uint32_t pasid, bool supervisor,
                         uint64_t iova, VtdAccess access,
                         VtdTranslation *out);

/**
 * vtd_interrupt - remap an interrupt message (8.2)
 * @v: the unit
 * @sid: the requester, which is verified unless VTD_SID_UNVERIFIED is in it
 * @addr: the address of the message
 * @data: its data
 * @record: record the fault of a message that is blocked
 * @out: filled in for VTD_INTERRUPT_REMAPPED
 *
 * Context: [any]
 * Return: what is to be done with the message
 */
VtdVerdict vtd_interrupt(Vtd *v, uint32_t sid, uint64_t addr, uint32_t data,
                         bool record, VtdInterrupt *out);

/**
 * vtd_send_events - send the messages that VtdOps.inject could not
 * @v: the unit
 *
 * Context: [bql]
 */
void vtd_send_events(Vtd *v);

/**
 * vtd_log_held - tell how many lines were held back since the last time
 * @v: the unit, which has called VtdOps.log_later
 *
 * Context: [bql]
 */
void vtd_log_held(Vtd *v);

/**
 * struct VtdSaved - what migration carries, field by field as on QEMU's wire
 * @root: the address latched by SRTP
 * @intr_root: the address latched by SIRTP,
 * @intr_size: with the number of entries
 * @intr_eime: and EIME
 * @iq: the address latched by QIE,
 * @iq_size: with the number of descriptors
 * @iq_head: index of a descriptor
 * @iq_tail: the same, of IQT
 * @next_frcd_reg: 0, since there is one fault record
 * @csr: the register image, which holds the rest, CAP and ECAP included
 * @iq_last_desc_type: of the descriptor completed last, 0 for none
 * @dmar_enabled: GSTS.TES
 * @qi_enabled: GSTS.QIES
 * @intr_enabled: GSTS.IRES
 */
typedef struct VtdSaved {
    uint64_t root;
    uint64_t intr_root;
    uint32_t intr_size;
    bool intr_eime;
    uint64_t iq;
    uint16_t iq_size;
    uint16_t iq_head;
    uint16_t iq_tail;
    uint16_t next_frcd_reg;
    uint8_t csr[VTD_REG_SIZE];
    uint8_t iq_last_desc_type;
    bool dmar_enabled;
    bool qi_enabled;
    bool intr_enabled;
} VtdSaved;

/**
 * vtd_save - write down the state of a unit
 * @v: the unit; syncs that are pending are carried out first, but the queue
 *     does not go on, nor is any other guest memory written than accessed and
 *     dirty bits: it may have been sent already
 * @saved: filled in
 *
 * Context: [bql]
 */
void vtd_save(Vtd *v, VtdSaved *saved);

/**
 * vtd_saved_caching_mode - whether the unit that was saved has caching mode
 * @saved: what came in
 *
 * Context: [any]
 * Return: CAP.CM
 */
bool vtd_saved_caching_mode(const VtdSaved *saved);

/**
 * vtd_load - take over what came in
 * @v: the unit
 * @saved: what came in, which may be hostile
 *
 * Until vtd_load_finish() no space has the direct view while translation is
 * on, so that nothing gets past the tables.
 *
 * Context: [bql]
 * Return: NULL; or why not, with nothing changed: the name of a field with a
 * value that no unit can have, or the properties in which the two units
 * differ; to be freed
 */
char *vtd_load(Vtd *v, const VtdSaved *saved);

/**
 * vtd_misses_mappings - whether the guest tells not of all that it maps
 * @v: the unit
 *
 * It came from a unit without CAP.RWBF, so it will not say when it has made a
 * mapping of a first stage: no shadow of one can be kept until it is reset.
 *
 * Context: [bql]
 * Return: whether that is so
 */
bool vtd_misses_mappings(Vtd *v);

/**
 * vtd_load_finish - settle views and shadows after a load
 * @v: the unit; all that its tables speak of is there by now: the devices'
 *     bus numbers, and the layout of memory
 *
 * Context: [bql]
 */
void vtd_load_finish(Vtd *v);

/**
 * vtd_stat - the value of a counter
 * @v: the unit
 * @stat: which
 *
 * Context: [bql]
 * Return: the value, since vtd_new()
 */
uint64_t vtd_stat(Vtd *v, VtdStat stat);

/**
 * vtd_stat_name - the name of a counter for users
 * @stat: which
 *
 * Context: [any]
 * Return: a constant
 */
const char *vtd_stat_name(VtdStat stat);

#endif
