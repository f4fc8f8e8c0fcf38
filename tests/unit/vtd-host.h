/*
 * A made-up host of the VT-d engine, for its tests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns a guest's memory as an array (what lies above it and the pages made
 * holes are no RAM), the record of what the engine asked of its host, and a
 * small driver of the unit: registers, tables, queue, faults.  The numbers of
 * the specification stand here a second time, so that a wrong one in spec.h
 * is found; section numbers are those of docs/specs/intel-vtd.rst.
 *
 * One thread uses a Host, unless Host.concurrent: then any thread may call
 * device_translate() and vtd_interrupt().
 */

#ifndef TESTS_UNIT_VTD_HOST_H
#define TESTS_UNIT_VTD_HOST_H

#include <pthread.h>
#include "hw/i386/vtd/vtd.h"
#include "tests/vtd/driver.h"

#define BIT(n)                  (1ull << (n))
#define BITS(last, first)       QVTD_BITS(last, first)

#define RAM_BITS                24
#define RAM_SIZE                BIT(RAM_BITS)

typedef struct Message {
    uint64_t addr;
    uint32_t data;
} Message;

typedef struct IecChange {
    bool global;
    uint32_t index;
    uint32_t mask;
    uint32_t status;            /* what a wait had written by then */
    uint32_t fsts, ics;         /* the registers */
} IecChange;

/* What a device that is watched was told to forget; last is inclusive */
typedef struct Forget {
    uint16_t sid;
    uint64_t first;
    uint64_t last;
    bool device_tlb;
} Forget;

typedef struct Host Host;

typedef struct Device Device;

struct Device {
    Host *h;
    uint16_t sid;
    VtdSpace *space;
    VtdView view;
    unsigned switches;          /* of the view */

    /* Who listens: as VtdOps.notify, and after a switch of the view */
    int (*notify)(Device *d, const VtdNotice *notice);
    void (*switched)(Device *d);        /* may be NULL */
    void *listener;
};

struct Host {
    QVtdPort port;
    Vtd *v;
    VtdConfig config;
    uint64_t *ram;
    bool *hole;                 /* by page, as the next */
    bool *behind_io;            /* memory, but not in place */
    bool *rom;                  /* no accessed or dirty bit can be set in it */
    GPtrArray *devices;         /* Device */
    QVtd vtd;                   /* the driver, by the port */

    GArray *messages;           /* Message: what was injected */
    bool cannot_inject;         /* as in a thread that may not */
    GArray *iec_changes;        /* IecChange */
    GArray *forgets;            /* Forget */
    unsigned reads;             /* that the engine made */
    /* Called in the middle of a read by the engine, its data copied */
    void (*after_read)(Host *h, uint64_t gpa);
    void *opaque;               /* of after_read */
    /* Called after the guest has written the word of 8 bytes at @gpa */
    void (*after_put)(Host *h, uint64_t gpa);

    GArray *regions;            /* VtdRam: what lies above, in order */
    bool dirty_tracking;
    int64_t now;                /* the clock, in ns */
    /*
     * How much it goes on each time it is read.  What is late then goes on in
     * host_pump(), which all below call that assert a completion.
     */
    int64_t tick;
    bool scheduled;             /* vtd_continue() is wanted */
    unsigned drains;            /* how often VtdOps.drain was called */
    bool drains_sections;       /* it waits for the read sections, */
    bool drains_later;          /* it says that it takes longer */
    unsigned over_limits;       /* how often it was told */
    unsigned refusals;          /* likewise, as the next two */
    unsigned faults;
    unsigned stops;             /* of the queue */
    GPtrArray *lines;           /* char *: of log(); under the lock */
    uint32_t line_sid;          /* of the last of them */
    bool log_more;              /* as VtdOps.log_more says */
    unsigned log_asked;         /* how often */
    unsigned log_later;         /* how often vtd_log_held() was wanted */

    bool concurrent;
    pthread_rwlock_t section;   /* held for reading in a read section */
    pthread_mutex_t lock;       /* messages, deferred, lines */
    GArray *deferred;
};

/* 48 bits wide, pt, intremap and eim on, as a plain device has them */
extern const VtdConfig host_config;
/* All of scalable mode beside that, at another width */
VtdConfig host_full_config(unsigned aw_bits);

/* How the tests of tests/vtd/ reach a host: vtd-port.c */
extern const QVtdPort host_port;

/* NULL: host_config.  A haw_bits of 0 becomes aw_bits */
Host *host_new(const VtdConfig *config);
/* With the devices that are left */
void host_free(Host *h);
/* Call vtd_continue() until it is not wanted any more; how often that was */
unsigned host_pump(Host *h);
/* Free what the engine deferred; waits for the read sections */
void host_grace(Host *h);

/* Devices: their view starts direct, or as the engine says */
Device *device_new(Host *h, uint16_t sid);
void device_free(Device *d);
/* The read section of an access: device_translate() may be called in it */
void device_begin(Device *d);
void device_end(Device *d);
bool device_translate(Device *d, uint64_t iova, VtdAccess access,
                      VtdTranslation *out);

/* Memory: @n zeroed pages; words of 8 bytes at multiples of 8 */
uint64_t host_pages(Host *h, unsigned n);
void host_put(Host *h, uint64_t gpa, uint64_t value);
uint64_t host_get(Host *h, uint64_t gpa);
void host_set_ram(Host *h, uint64_t page, bool ram);
/* Memory in which the engine can set no accessed or dirty bit */
void host_set_rom(Host *h, uint64_t page, bool rom);
/* Whether it can in the word at @gpa, as Plain.writable has it */
bool host_writable(QVtdPort *port, uint64_t gpa);
/* Memory that is read and written by calls alone, and that is no device's */
void host_put_behind_io(Host *h, uint64_t page);
/*
 * Above that memory, in order: RAM without content, for targets of mappings,
 * or a device's (@ram false).  What no region has is a hole.
 */
void host_add_region(Host *h, uint64_t first, uint64_t last, bool ram);
/* The memory once more, from @first on; holes are none there */
void host_add_alias(Host *h, uint64_t first);
/*
 * RAM comes or goes there: @first to @last are RAM or a hole from now on, and
 * the engine is told.
 */
void host_change_ram(Host *h, uint64_t first, uint64_t last, bool ram);
/* Where @len bytes at @gpa are in Host.ram, or NULL */
void *host_at(Host *h, uint64_t gpa, size_t len);
/* The piece around @gpa, as VtdOps.ram has it */
void host_ram(void *host, uint64_t gpa, VtdRam *ram);

/* Registers */
uint32_t rd32(Host *h, unsigned offset);
uint64_t rd64(Host *h, unsigned offset);
void wr32(Host *h, unsigned offset, uint32_t value);
void wr64(Host *h, unsigned offset, uint64_t value);
/* A command as drivers give it: what is on stays on (1.6) */
void gcmd(Host *h, uint32_t bit, bool on);
void set_root_table(Host *h, uint64_t rtaddr);
void set_irta(Host *h, uint64_t irta);
/* An empty root table, and translation on */
void host_enable(Host *h);

/* Where the context entry of @sid is; its table is made if need be */
uint64_t context_entry(Host *h, uint16_t sid);
void set_context(Host *h, uint16_t sid, uint64_t lo, uint64_t hi);
/* The upper half of a context entry (2.1) */
uint64_t context_hi(unsigned levels, uint16_t did);
/* Translate @d by @levels levels of tables from @table */
void attach(Device *d, uint64_t table, unsigned levels, uint16_t did);
void detach(Device *d);

/*
 * Where the entry for @iova is at @level of the @levels levels from @table;
 * what is missing above it is made, readable and writable.
 */
uint64_t table_entry(Host *h, uint64_t table, unsigned levels, uint64_t iova,
                     unsigned level);
/* A leaf at @level: 1 for 4 KiB, 2 for 2 MiB, 3 for 1 GiB */
void map(Host *h, uint64_t table, unsigned levels, uint64_t iova,
         unsigned level, uint64_t leaf);

/* The queue, of 2^@qs pages.  Descriptors are put at the tail. */
void queue_start(Host *h, unsigned qs);
void queue_put(Host *h, uint64_t lo, uint64_t hi);
void queue_replace(Host *h, unsigned index, uint64_t lo, uint64_t hi);
void queue_kick(Host *h);
/* @head is an index; @iqei 0: no error */
void assert_queue(Host *h, unsigned head, unsigned iqei);
void submit(Host *h, uint64_t lo, uint64_t hi);
/* The error of the descriptor at the head cleared, with a wait in its place */
void queue_recover(Host *h);
/* A wait descriptor; its status must have been written by then */
void submit_wait(Host *h);

/* By the queue if it is on, else by registers; the completion is asserted */
void inv_context(Host *h, unsigned granularity, uint16_t did, uint16_t sid,
                 unsigned fm);
void inv_iotlb(Host *h, unsigned granularity, uint16_t did, uint64_t addr,
               unsigned am);
/* By the queue only */
void inv_iec(Host *h, bool global, uint16_t index, unsigned im);

/* The fault record: exactly this fault; then it is cleared as drivers do */
void assert_fault(Host *h, unsigned reason, uint16_t sid, uint64_t info,
                  bool read);
void assert_no_fault(Host *h);

/*
 * Translate: 0 if the request passes, else the reason that was recorded (and
 * cleared, its other fields asserted), or SILENT if none was.
 */
#define SILENT                  0x100
unsigned outcome(Device *d, uint64_t iova, VtdAccess access,
                 VtdTranslation *out);
/* True and this output address, nothing recorded; the piece is returned */
VtdTranslation assert_maps(Device *d, uint64_t iova, VtdAccess access,
                           uint64_t addr);
/* False, and the fault is recorded as it must be; SILENT: none is */
void assert_blocked(Device *d, uint64_t iova, VtdAccess access,
                    unsigned reason);
/* As assert_maps() for a read; @cached tells if tables were read for it */
void assert_cached(Device *d, uint64_t iova, uint64_t addr, bool cached);

#endif
