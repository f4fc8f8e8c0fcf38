/*
 * VT-d qtests: the same inputs for two devices
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the two processes, their logs, and the comparison.
 */

#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include "vtd-compare.h"
#include "vtd-migrate.h"

/* How long one input may take, in seconds, before it counts as fatal */
#define PATIENCE                60

/* So many inputs of a kind may end QEMU before no other is tried */
#define ENOUGH_DEATHS           2

#define MAX_DIFFERENCES         512

typedef struct Side {
    CompareLog log;
    pid_t pid;
} Side;

static bool *met;

static unsigned traits;

/* The part of an input's name that stands between slashes, if there is one */
static char *kind_of(const char *input)
{
    const char *first = strchr(input, '/'), *last = strrchr(input, '/');

    return first == last ? NULL : g_strndup(first + 1, last - first - 1);
}

/* Have other inputs of this kind ended QEMU? */
static bool is_deadly(CompareLog *log, const char *input)
{
    g_autofree char *kind = kind_of(input);

    return kind && GPOINTER_TO_UINT(g_hash_table_lookup(log->deaths, kind)) >=
           ENOUGH_DEATHS;
}

static void write_record(CompareLog *log, const CompareRecord *record)
{
    off_t at = (off_t)(log->count - 1) * sizeof(*record);

    g_assert_cmpint(pwrite(log->fd, record, sizeof(*record), at), ==,
                    sizeof(*record));
}

bool compare_begin(CompareLog *log, CompareRecord *record, unsigned bit,
                   const char *fmt, ...)
{
    va_list ap;

    if (log->count++ < log->from) {
        return false;
    }
    *record = (CompareRecord) { .bit = bit };
    va_start(ap, fmt);
    g_vsnprintf(record->input, sizeof(record->input), fmt, ap);
    va_end(ap);
    write_record(log, record);
    alarm(PATIENCE);
    return !is_deadly(log, record->input);
}

void compare_end(CompareLog *log, CompareRecord *record)
{
    record->done = true;
    write_record(log, record);
}

static unsigned recorded(const Side *side)
{
    struct stat st;

    g_assert_cmpint(fstat(side->log.fd, &st), ==, 0);
    return st.st_size / sizeof(CompareRecord);
}

static void side_start(Side *side,
                       void (*run)(CompareLog *log, const void *opaque),
                       const void *opaque)
{
    side->log.from = recorded(side);
    side->pid = fork();
    g_assert_cmpint(side->pid, >=, 0);
    if (!side->pid) {
        /* Neither its complaints nor QEMU's are results of the test */
        int null = open("/dev/null", O_WRONLY);

        dup2(null, STDOUT_FILENO);
        if (!g_test_verbose()) {
            dup2(null, STDERR_FILENO);
        }
        run(&side->log, opaque);
        _exit(0);
    }
}

/* Wait until it is through with all inputs; false if it has to go on */
static bool side_wait(Side *side)
{
    unsigned before = side->log.from;
    CompareRecord record;
    char *kind;
    int status;

    g_assert_cmpint(waitpid(side->pid, &status, 0), ==, side->pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return true;
    }
    /* It ended by an input, and not before the first one */
    g_assert_cmpuint(recorded(side), >, before);
    g_assert_cmpint(pread(side->log.fd, &record, sizeof(record),
                          (off_t)(recorded(side) - 1) * sizeof(record)), ==,
                    sizeof(record));
    kind = kind_of(record.input);
    if (kind) {
        unsigned n = GPOINTER_TO_UINT(g_hash_table_lookup(side->log.deaths,
                                                          kind));

        g_hash_table_insert(side->log.deaths, kind, GUINT_TO_POINTER(n + 1));
    }
    return false;
}

static CompareRecord *side_records(Side *side, unsigned *n)
{
    CompareRecord *records;

    *n = recorded(side);
    records = g_new(CompareRecord, *n);
    g_assert_cmpint(pread(side->log.fd, records, *n * sizeof(*records), 0),
                    ==, *n * sizeof(*records));
    close(side->log.fd);
    g_hash_table_destroy(side->log.deaths);
    return records;
}

/* The fields of a record: registers or parts of them, gaps, and the rest */

typedef struct Field {
    const char *name;
    unsigned offset;
    unsigned size;
    uint64_t mask;
} Field;

static const Field registers[] = {
#define REGISTER(name, size)    { #name, QVTD_##name, size, UINT64_MAX }
#define PART(of, size, mask, name) { name, QVTD_##of, size, mask }
    REGISTER(VER, 4), REGISTER(CAP, 8), REGISTER(ECAP, 8), REGISTER(GCMD, 4),
    PART(GSTS, 4, ~(uint64_t)QVTD_CFI, "GSTS"),
    PART(GSTS, 4, (uint64_t)QVTD_CFI, "CFIS"), REGISTER(RTADDR, 8),
    PART(CCMD, 8, ~0x3ffff0000ull, "CCMD"),
    PART(CCMD, 8, 0x3ffff0000, "CCMD-SOURCE"),
    REGISTER(FSTS, 4), REGISTER(FECTL, 4), REGISTER(FEDATA, 4),
    REGISTER(FEADDR, 4), REGISTER(FEUADDR, 4), REGISTER(IQH, 8),
    REGISTER(IQT, 8), REGISTER(IQA, 8), REGISTER(ICS, 4), REGISTER(IECTL, 4),
    PART(IEDATA, 4, ~0xffff0000ull, "IEDATA"),
    PART(IEDATA, 4, 0xffff0000ull, "IEDATA-HIGH"),
    REGISTER(IEADDR, 4), REGISTER(IEUADDR, 4),
    REGISTER(IQERCD, 8), PART(IRTA, 8, ~QVTD_IRTA_EIME, "IRTA"),
    PART(IRTA, 8, QVTD_IRTA_EIME, "EIME"), REGISTER(IVA, 8),
    REGISTER(IOTLB, 8), REGISTER(FRCD_LO, 8),
#undef REGISTER
#undef PART
    { "SID", QVTD_FRCD_HI, 8, 0xffff },
    { "REASON", QVTD_FRCD_HI, 8, 0xffull << 32 },
    { "PASID", QVTD_FRCD_HI, 8, 0xfffffull << 40 },
    { "TYPE", QVTD_FRCD_HI, 8, 0xf0000000ffff0000ull },
};

static const char *const extras[] = {
    [COMPARE_DMA] = "DMA",
    [COMPARE_DATA] = "DATA",
    [COMPARE_TARGET] = "TARGET",
    [COMPARE_PERM] = "PERM",
    [COMPARE_STATUS] = "STATUS",
    [COMPARE_MESSAGES] = "MESSAGES",
    [COMPARE_MESSAGE] = "MESSAGE",
    [COMPARE_MAPPED] = "MAPPED",
};

#define GAPS                    ARRAY_SIZE(registers)
#define EXTRAS                  (GAPS + QVTD_SIZE / 4)
#define FIELDS                  (EXTRAS + COMPARE_EXTRA_END)

/* Is the dword at @offset none of the registers? */
static bool is_gap(unsigned offset)
{
    for (unsigned i = 0; i < ARRAY_SIZE(registers); i++) {
        if (offset >= registers[i].offset &&
            offset < registers[i].offset + registers[i].size) {
            return false;
        }
    }
    return true;
}

static uint64_t field_value(const CompareRecord *record, unsigned i)
{
    if (i < GAPS) {
        const uint32_t *at = &record->registers[registers[i].offset / 4];

        return (at[0] | (registers[i].size == 8 ? (uint64_t)at[1] << 32 : 0))
               & registers[i].mask;
    }
    return i < EXTRAS ? record->registers[i - GAPS]
                      : record->extra[i - EXTRAS];
}

/* The name of field @i if it differs, else NULL */
static const char *difference(const CompareRecord *a, const CompareRecord *b,
                              unsigned i, uint64_t *x, uint64_t *y)
{
    static char gap[16];

    if (!a->done || !b->done) {
        *x = a->done;
        *y = b->done;
        return i || a->done == b->done ? NULL : "ALIVE";
    }
    *x = field_value(a, i);
    *y = field_value(b, i);
    if (*x == *y) {
        return NULL;
    }
    if (i < GAPS) {
        return registers[i].name;
    }
    if (i >= EXTRAS) {
        return extras[i - EXTRAS];
    }
    g_snprintf(gap, sizeof(gap), "0x%03x", (i - (unsigned)GAPS) * 4);
    return is_gap((i - GAPS) * 4) ? gap : NULL;
}

static bool is_of_unit(const QVtdDifference *d)
{
    return (traits & d->of) == d->of;
}

unsigned compare_find_traits(void)
{
    QVtd d = { };

    qvtd_connect(&d, qtest_init_ext(QVTD_STOCK, "-machine q35 -nodefaults "
                                    "-device intel-iommu", NULL, true));
    traits = qvtd_read64(&d, QVTD_CAP) & QVTD_CAP_ESRTPS ? COMPARE_ESRTPS
                                                         : COMPARE_PLAIN;
    qtest_quit(d.qts);
    if (qvtd_has_option(QVTD_STOCK, "intel-iommu", "x-scalable-mode")) {
        traits |= COMPARE_X_SCALABLE;
    }
    if (qvtd_has_option(QVTD_STOCK, "intel-iommu", "scalable-mode")) {
        traits |= COMPARE_SCALABLE;
    }
    if (qvtd_has_option(QVTD_STOCK, "vtd-testdev", "addr")) {
        traits |= COMPARE_TESTDEV;
    }
    return traits;
}

static bool is_known(const char *machine, const CompareRecord *record,
                     const char *seen)
{
    for (unsigned i = 0; i < qvtd_differences_count; i++) {
        const QVtdDifference *d = &qvtd_differences[i];

        if (is_of_unit(d) && (d->bits >> record->bit & 1) &&
            g_pattern_match_simple(d->machine, machine) &&
            g_pattern_match_simple(d->input, record->input) &&
            g_pattern_match_simple(d->seen, seen)) {
            met[i] = true;
            return true;
        }
    }
    return false;
}

/* Unknown differences in the same fields, for bits of the same input */
typedef struct Unknown {
    char *key;
    char *example;
    uint64_t bits;
} Unknown;

static void unknown_add(GPtrArray *all, const char *key, unsigned bit,
                        uint64_t x, uint64_t y)
{
    Unknown *u;

    for (unsigned i = 0; i < all->len; i++) {
        u = all->pdata[i];
        if (g_str_equal(u->key, key)) {
            u->bits |= 1ull << bit;
            return;
        }
    }
    u = g_new(Unknown, 1);
    u->key = g_strdup(key);
    u->example = g_strdup_printf("0x%" PRIx64 ", theirs 0x%" PRIx64, x, y);
    u->bits = 1ull << bit;
    g_ptr_array_add(all, u);
}

static void unknown_report(GPtrArray *all)
{
    for (unsigned i = 0; i < all->len; i++) {
        Unknown *u = all->pdata[i];

        if (i < MAX_DIFFERENCES) {
            g_test_message("%s, bits 0x%" PRIx64 ": ours %s", u->key, u->bits,
                           u->example);
            g_test_fail();
        }
        g_free(u->key);
        g_free(u->example);
        g_free(u);
    }
    g_ptr_array_free(all, true);
}

/* Did both come by this field by being in their states already? */
static bool is_of_state(const CompareRecord *a, const CompareRecord *b,
                        const CompareRecord *const states[2], unsigned field)
{
    return states[0] && a != states[0] && a->done && b->done &&
           field_value(a, field) == field_value(states[0], field) &&
           field_value(b, field) == field_value(states[1], field);
}

static void compare_records(const char *machine, const CompareRecord *a,
                            const CompareRecord *b,
                            const CompareRecord *const states[2],
                            GPtrArray *unknown)
{
    g_autoptr(GString) key = g_string_new(NULL);
    uint64_t first[2] = { };

    for (unsigned f = 0; f < FIELDS; f++) {
        uint64_t x, y;
        const char *seen = difference(a, b, f, &x, &y);

        if (seen && !is_of_state(a, b, states, f) &&
            !is_known(machine, a, seen)) {
            if (!key->len) {
                g_string_printf(key, "%s: %s:", machine, a->input);
                first[0] = x;
                first[1] = y;
            }
            g_string_append_printf(key, " %s", seen);
        }
    }
    if (key->len) {
        unknown_add(unknown, key->str, a->bit, first[0], first[1]);
    }
}

void compare(const char *machine,
             void (*run)(CompareLog *log, const void *opaque),
             const void *opaque)
{
    static const char *const binaries[] = { QVTD_OURS, QVTD_STOCK };
    g_autofree CompareRecord *records[2] = { };
    GPtrArray *unknown = g_ptr_array_new();
    const CompareRecord *states[2] = { };
    unsigned count[2];
    Side sides[2];

    if (!met) {
        met = g_new0(bool, qvtd_differences_count);
    }
    for (int i = 0; i < 2; i++) {
        g_autofree char *path = NULL;

        sides[i].log = (CompareLog) {
            .binary = binaries[i],
            .fd = g_file_open_tmp("vtd-compare-XXXXXX", &path, NULL),
            .deaths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                            NULL),
        };
        g_assert_cmpint(sides[i].log.fd, >=, 0);
        g_unlink(path);
        side_start(&sides[i], run, opaque);
    }
    for (int i = 0; i < 2; i++) {
        while (!side_wait(&sides[i])) {
            side_start(&sides[i], run, opaque);
        }
        records[i] = side_records(&sides[i], &count[i]);
    }
    g_assert_cmpuint(count[0], ==, count[1]);
    g_test_message("%s: %u inputs", machine, count[0]);
    for (unsigned i = 0; i < count[0]; i++) {
        const CompareRecord *a = &records[0][i], *b = &records[1][i];

        g_assert_cmpstr(a->input, ==, b->input);
        g_assert_cmpuint(a->bit, ==, b->bit);
        if (g_str_has_suffix(a->input, "/" COMPARE_STATE)) {
            states[0] = a;
            states[1] = b;
        }
        compare_records(machine, a, b, states, unknown);
    }
    unknown_report(unknown);
}

void compare_expect_all_met(void)
{
    for (unsigned i = 0; i < qvtd_differences_count; i++) {
        const QVtdDifference *d = &qvtd_differences[i];

        if (is_of_unit(d) && !met[i]) {
            g_test_message("no such difference: %s: %s: %s, bits 0x%" PRIx64,
                           d->machine, d->input, d->seen, d->bits);
            g_test_fail();
        }
    }
}
