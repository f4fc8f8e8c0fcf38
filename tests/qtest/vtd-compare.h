/*
 * VT-d qtests: the same inputs for two devices
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns how inputs are given to a QEMU of ours and to one with its own device
 * (QTEST_STOCK_BINARY), and how what can be seen afterwards is compared.
 *
 * Each QEMU is driven by a process of its own.  Where an input ends a QEMU,
 * the process ends too; that is noted, and another goes on behind the input.
 *
 * A difference is the name of the machine, the name of the input, which bit
 * of the input was changed, and the name of what differs then.  Each one
 * must be in vtd_differences[], and each row there must be met.
 */

#ifndef TESTS_VTD_COMPARE_H
#define TESTS_VTD_COMPARE_H

#include "vtd-driver.h"

/* What can be seen besides the registers */
enum {
    COMPARE_DMA,            /* status of the device's last command */
    COMPARE_DATA,           /* what was read */
    COMPARE_TARGET,         /* where the address leads, for software DMA */
    COMPARE_PERM,           /* with which permission */
    COMPARE_STATUS,         /* memory that wait descriptors write */
    COMPARE_MESSAGES,       /* number of messages to local APICs */
    COMPARE_MESSAGE,        /* what they are, and in which order */
    COMPARE_MAPPED,         /* pages that an assigned device has */
    COMPARE_EXTRA_END,
};

typedef struct CompareRecord {
    char input[40];
    uint32_t bit;
    uint32_t done;              /* QEMU survived it */
    uint32_t registers[QVTD_SIZE / 4];
    uint64_t extra[COMPARE_EXTRA_END];
} CompareRecord;

typedef struct CompareLog {
    const char *binary;         /* environment variable, see vtd-migrate.h */
    int fd;
    unsigned count;             /* inputs so far */
    unsigned from;              /* those before were given to another QEMU */
    GHashTable *deaths;         /* how many inputs of a kind ended QEMU */
} CompareLog;

/*
 * Note in @record what is going to be given to the device; false if it was
 * given before.
 */
bool compare_begin(CompareLog *log, CompareRecord *record, unsigned bit,
                   const char *fmt, ...) G_GNUC_PRINTF(4, 5);
/*
 * The input of this name is none.  What differs then, and is still as it was
 * after a later input to the same state (the part of its name before the
 * slash), is no difference of that input.
 */
#define COMPARE_STATE           "state"

/* Note what was seen. */
void compare_end(CompareLog *log, CompareRecord *record);

/*
 * Let @run give its inputs to both devices, in two processes; fail for each
 * difference that is not in the table.  @machine is the name there.
 */
void compare(const char *machine, void (*run)(CompareLog *log,
                                              const void *opaque),
             const void *opaque);

/* Fail for rows of the table that no comparison so far has met. */
void compare_expect_all_met(void);

/* What QEMU's own unit is like, as far as differences depend on it */
#define COMPARE_PLAIN           (1 << 0)        /* CAP has no ESRTPS */
#define COMPARE_ESRTPS          (1 << 1)        /* it has */
#define COMPARE_X_SCALABLE      (1 << 2)        /* x-scalable-mode is there */
#define COMPARE_SCALABLE        (1 << 3)        /* scalable-mode is */
#define COMPARE_TESTDEV         (1 << 4)        /* with our test device */

/* Find out, before the first comparison. */
unsigned compare_find_traits(void);

/* A known difference: patterns with * and ? */
typedef struct QVtdDifference {
    const char *machine;
    const char *input;
    const char *seen;           /* register or COMPARE_... */
    uint64_t bits;              /* of the input */
    const char *why;            /* a heading of intel-iommu-differences.rst */
    unsigned of;                /* units with all of this COMPARE_... */
} QVtdDifference;

extern const QVtdDifference qvtd_differences[];
extern const unsigned qvtd_differences_count;

#endif
