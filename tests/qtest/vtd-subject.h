/*
 * VT-d qtests: a unit that is given inputs, and looked at
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the machine that the comparison of two devices drives: the states
 * that it is brought into before an input, and all that can be seen after
 * it.  Nothing here expects anything: see vtd-compare.h.
 */

#ifndef TESTS_VTD_SUBJECT_H
#define TESTS_VTD_SUBJECT_H

#include "vtd-compare.h"
#include "vtd-edu.h"
#include "vtd-testdev.h"
#include "vtd-trace.h"

/* The test device, and what its requests go to */
#define SID                     0x18
#define MSI_SID                 0x20
#define DID                     0x17
#define IOVA_4K                    0x6000000ull
#define IOVA_2M                 0x46200000ull
#define IOVA_1G                 0x80000000ull
#define TARGET_1G               0x40000000ull
#define TARGET                  0x6000000ull
#define OTHER_TARGET            0x7000000ull

#define INDEX                   5       /* of the interrupt entry */
#define DEVICE_VECTOR           0x51
#define IRTE                    (QVTD_P | QVTD_IRTE_V(DEVICE_VECTOR))
#define MESSAGE_ADDR            (QVTD_MSI_ADDR | QVTD_MSI_REMAP | \
                                 QVTD_MSI_HANDLE(INDEX))
#define FAULT_VECTOR            0x61
#define DONE_VECTOR             0x71

typedef struct Subject Subject;

/* How the machine is before an input */
typedef struct State {
    const char *name;
    void (*set_up)(Subject *w);
} State;

struct Subject {
    CompareLog *log;
    CompareRecord now;
    QVtd d;
    bool has_testdev;           /* requests are its, or else edu's */
    Testdev t;
    EduDevice edu;
    EduDevice msi;              /* another one, for its MSI */
    TraceLog trace;
    int trace_fd;
    off_t trace_at;
    const State *state;         /* what the machine is in; NULL if none */
    uint32_t before[QVTD_SIZE / 4];
    uint64_t cap, ecap;
    QVtdDomain domain;
    uint64_t context;           /* address of the entry */
    uint32_t levels;            /* GCMD as it was written last */
    bool stale;                 /* there is a record that was cleared */
};

extern const State state_fresh;         /* after reset */
extern const State state_ready;         /* prepared, nothing switched on */
extern const State state_all;           /* all switched on */
extern const State state_faults;        /* with a fault, and one too many */
extern const State state_errors;        /* with a queue that an error stopped */
extern const State state_pass_through;  /* of the test device */
extern const State state_compatible;    /* CFI */
extern const State state_extended;      /* EIME */
extern const State state_by_register;   /* without a queue */

/*
 * The machine of "-machine @machine -device intel-iommu@props", with our test
 * device if this QEMU has it.
 */
void subject_start(Subject *w, CompareLog *log, bool has_testdev,
                   const char *machine, const char *props);
void subject_stop(Subject *w);

/*
 * Note the input that comes next, and be in @state; false if it is not to be
 * given.  Then the input, and subject_end() sees what came of it.
 */
bool subject_begin(Subject *w, const State *state, unsigned bit,
                   const char *fmt, ...) G_GNUC_PRINTF(4, 5);
void subject_end(Subject *w);
/* Did the input leave all registers as they were? */
bool subject_is_unchanged(Subject *w);
/* Stay in the state if the registers are as they were in it. */
void subject_leave(Subject *w);
/* The same, after the queue, faults and status were put back. */
void subject_settle(Subject *w);
/* What differs in the state itself is not said again for each input. */
void subject_state(Subject *w, const State *state);

/* GCMD, with all level bits as they were written last */
void subject_command(Subject *w, uint32_t bit, bool set);
/* Invalidate all, in the way that the state has. */
void subject_flush(Subject *w);
/* Find the device that makes requests, which a reset loses. */
void subject_find_requester(Subject *w, bool first);
void subject_lose_requester(Subject *w);
/*
 * DMA that reads or writes, to be seen at the end; true if it may have written
 * elsewhere than to one of the targets.
 */
bool subject_dma(Subject *w, uint64_t iova, bool write);
/* DMA that shows which of the two targets @iova leads to */
void subject_look(Subject *w, uint64_t iova);
/* The same and the end; where it went into a table, the state is left. */
void subject_see_dma(Subject *w, uint64_t iova, bool write);
/* A message by MSI, and by DMA */
void subject_message(Subject *w, uint64_t addr, uint32_t data);
void subject_dma_message(Subject *w, uint64_t addr, uint32_t data);

#endif
