/*
 * VT-d qtests: streams that nobody sane has made
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The section of the unit in a saved stream is edited, field by field, and
 * loaded.  Either it is refused, with the name of the field, or the machine
 * works on; nothing that comes in makes QEMU abort.  (What the engine does
 * with many more of them: tests/unit/test-vtd-save.c.)
 */

#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include "qemu/bswap.h"
#include "vtd-migrate.h"
#include "vtd-testdev.h"

#define SID                     QPCI_DEVFN(3, 0)

/* The fields as they lie in the stream, big endian but for csr */
typedef struct Field {
    const char *name;
    unsigned offset, bytes;
} Field;

enum {
    ROOT, INTR_ROOT, IQ, INTR_SIZE, IQ_HEAD, IQ_TAIL, IQ_SIZE, NEXT_FRCD_REG,
    CSR, IQ_LAST_DESC_TYPE, UNUSED, DMAR_ENABLED, QI_ENABLED, INTR_ENABLED,
    INTR_EIME, FIELDS,
};

static const Field fields[FIELDS] = {
    [ROOT] = { "root", 0, 8 },
    [INTR_ROOT] = { "intr_root", 8, 8 },
    [IQ] = { "iq", 16, 8 },
    [INTR_SIZE] = { "intr_size", 24, 4 },
    [IQ_HEAD] = { "iq_head", 28, 2 },
    [IQ_TAIL] = { "iq_tail", 30, 2 },
    [IQ_SIZE] = { "iq_size", 32, 2 },
    [NEXT_FRCD_REG] = { "next_frcd_reg", 34, 2 },
    [CSR] = { "csr", 36, QVTD_SIZE },
    [IQ_LAST_DESC_TYPE] = { "iq_last_desc_type", 596, 1 },
    [UNUSED] = { "unused", 597, 1 },
    [DMAR_ENABLED] = { "dmar_enabled", 598, 1 },
    [QI_ENABLED] = { "qi_enabled", 599, 1 },
    [INTR_ENABLED] = { "intr_enabled", 600, 1 },
    [INTR_EIME] = { "intr_eime", 601, 1 },
};

#define SECTION_BYTES           602

/* A saved machine, which every case starts from */
typedef struct Stream {
    char *dir, *file, *errors, *uri;
    char *command_line;
    char *data;
    gsize bytes;
    uint8_t *section;           /* in data */
    uint64_t page;              /* that IOVA leads to */
} Stream;

/* Name, instance and version of the section precede its fields */
static uint8_t *find_section(char *data, gsize bytes)
{
    static const char head[] = "\x0biommu-intel\0\0\0\0\0\0\0\1";
    uint8_t *found = memmem(data, bytes, head, sizeof(head) - 1);

    g_assert_nonnull(found);
    return found + sizeof(head) - 1;
}

/* Everything on: translation, the queue, remapping of interrupts */
static void stream_start(Stream *s, const char *props)
{
    QVtdDomain domain;
    QVtd d;

    s->dir = g_dir_make_tmp("vtd-stream-XXXXXX", NULL);
    s->file = g_build_filename(s->dir, "state", NULL);
    s->errors = g_build_filename(s->dir, "errors", NULL);
    s->uri = g_strconcat("file:", s->file, NULL);
    s->command_line = qvtd_command_line(props, TESTDEV_DEVICE("3"));
    qvtd_take(&d, qtest_init(s->command_line));
    s->page = qvtd_alloc(&d, 1);
    domain = qvtd_domain_new(&d, 1, 4);
    qvtd_map(&d, &domain, IOVA, s->page, 1, QVTD_RW);
    qvtd_attach(&d, SID, &domain);
    qvtd_enable(&d);
    if (!strstr(props, "intremap=off")) {
        qvtd_remap_enable(&d, 7, 0);
    }
    qvtd_save_state(d.qts, s->uri);
    qvtd_stop(&d);
    g_assert_true(g_file_get_contents(s->file, &s->data, &s->bytes, NULL));
    s->section = find_section(s->data, s->bytes);
    g_assert_cmpuint(s->section[SECTION_BYTES], ==, 0x7e);      /* its end */
}

static void stream_stop(Stream *s)
{
    g_unlink(s->file);
    g_unlink(s->errors);
    g_rmdir(s->dir);
    g_free(s->dir);
    g_free(s->file);
    g_free(s->errors);
    g_free(s->uri);
    g_free(s->command_line);
    g_free(s->data);
}

static void put_field(Stream *s, unsigned field, uint64_t value)
{
    uint8_t *at = s->section + fields[field].offset;

    for (unsigned i = fields[field].bytes; i--; value >>= 8) {
        at[i] = value;
    }
}

static uint64_t get_field(Stream *s, unsigned field)
{
    uint8_t *at = s->section + fields[field].offset;
    uint64_t value = 0;

    for (unsigned i = 0; i < fields[field].bytes; i++) {
        value = value << 8 | at[i];
    }
    return value;
}

/* Whatever the unit is now, the machine answers, and a reset mends all */
static void expect_alive(Stream *s, QTestState *qts)
{
    QVtdDomain domain;
    QVtd d;
    uint64_t value;
    Testdev t;

    qvtd_take(&d, qts);
    testdev_start(&t, &d, SID);
    for (unsigned offset = 0; offset < QVTD_SIZE; offset += 4) {
        qvtd_read32(&d, offset);
    }
    testdev_dma_read(&t, IOVA, &value);
    testdev_dma_write(&t, s->page, 1);
    testdev_dma_write(&t, QVTD_MSI_ADDR | QVTD_MSI_REMAP | QVTD_MSI_HANDLE(5),
                      1);
    qvtd_write32(&d, QVTD_FSTS, QVTD_FSTS_IQE);
    qvtd_write64(&d, QVTD_IQT, 0xff0);
    qvtd_write32(&d, QVTD_FECTL, 0);
    qvtd_write32(&d, QVTD_IECTL, 0);
    testdev_stop(&t);

    qvtd_reset(&d);
    testdev_start(&t, &d, SID);
    domain = qvtd_domain_new(&d, 1, 4);
    qvtd_map(&d, &domain, IOVA, s->page, 1, QVTD_RW);
    qvtd_attach(&d, SID, &domain);
    qvtd_enable(&d);
    expect_true(testdev_dma_write(&t, IOVA, 0x1234));
    expect_eq(qtest_readq(d.qts, s->page), 0x1234);
    qvtd_expect_no_fault(&d);
    testdev_stop(&t);
    qpci_free_pc(d.pci);
}

/* Load the stream as it is now: refused with these words, or, NULL, let in */
static void load(Stream *s, const char *words)
{
    g_autofree char *errors = NULL;
    QTestState *qts;
    bool ok;

    g_assert_true(g_file_set_contents(s->file, s->data, s->bytes, NULL));
    g_unlink(s->errors);
    qts = qvtd_wait_for_state(QVTD_OURS, s->command_line, s->errors);
    ok = qvtd_take_state(qts, s->uri);
    expect_eq(ok, !words);
    if (ok) {
        expect_alive(s, qts);
    }
    qtest_quit(qts);
    g_assert_true(g_file_get_contents(s->errors, &errors, NULL, NULL));
    if (words) {
        expect_mentions(errors, "intel-iommu: ");
        expect_mentions(errors, words);
    }
}

/* Each field for itself */

typedef struct Row {
    unsigned field;
    uint64_t value;
    bool good;
} Row;

static const Row rows[] = {
    { ROOT, 0, true },
    { ROOT, QVTD_HOLE, true },
    { ROOT, UINT64_MAX },
    { ROOT, 1ull << 48 },
    { INTR_ROOT, QVTD_HOLE, true },
    { INTR_ROOT, 0xfff },
    { INTR_ROOT, UINT64_MAX },
    { IQ, QVTD_HOLE, true },
    { IQ, 0x123 },
    { IQ, UINT64_MAX },
    { INTR_SIZE, 0, true },
    { INTR_SIZE, 65536, true },
    { INTR_SIZE, 1 },
    { INTR_SIZE, 1000 },
    { INTR_SIZE, 131072 },
    { INTR_SIZE, UINT32_MAX },
    { IQ_HEAD, 255, true },
    { IQ_HEAD, 256 },
    { IQ_HEAD, UINT16_MAX },
    { IQ_TAIL, 255, true },
    { IQ_TAIL, 0x7fff, true },
    { IQ_TAIL, 0x8000 },
    { IQ_TAIL, UINT16_MAX },
    { IQ_SIZE, 32768, true },
    { IQ_SIZE, 0 },
    { IQ_SIZE, 255 },
    { IQ_SIZE, 257 },
    { IQ_SIZE, UINT16_MAX },
    { NEXT_FRCD_REG, 1 },
    { NEXT_FRCD_REG, UINT16_MAX },
    { IQ_LAST_DESC_TYPE, 255, true },
    { UNUSED, 255, true },
    { DMAR_ENABLED, 0, true },
    { DMAR_ENABLED, 255, true },
    { QI_ENABLED, 0, true },
    { INTR_ENABLED, 0, true },
    { INTR_EIME, 1 },
};

static void test_fields(void)
{
    Stream s;

    stream_start(&s, "");
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        const Field *field = &fields[rows[i].field];
        uint64_t before = get_field(&s, rows[i].field);

        qvtd_row("%s=0x%" PRIx64, field->name, rows[i].value);
        put_field(&s, rows[i].field, rows[i].value);
        load(&s, rows[i].good ? NULL : field->name);
        put_field(&s, rows[i].field, before);
    }
    qvtd_row("as it was");
    load(&s, NULL);
    stream_stop(&s);
}

/* The registers */

static void test_registers(void)
{
    static const uint8_t fills[] = { 0, 0xff, 0x55, 0xaa };
    Stream s;
    uint8_t *csr, before[QVTD_SIZE];

    stream_start(&s, "");
    csr = s.section + fields[CSR].offset;
    memcpy(before, csr, QVTD_SIZE);
    for (int i = 0; i < ARRAY_SIZE(fills); i++) {
        qvtd_row("csr all 0x%02x", fills[i]);
        memset(csr, fills[i], QVTD_SIZE);
        load(&s, "unlike this unit");
        qvtd_row("csr all 0x%02x but CAP and ECAP", fills[i]);
        memcpy(csr + QVTD_CAP, before + QVTD_CAP, 16);
        load(&s, NULL);
    }
    stream_stop(&s);
}

/* Interrupts remapped where they cannot be */
static void test_no_remapping(void)
{
    Stream s;

    stream_start(&s, ",intremap=off");
    qvtd_row("intr_enabled");
    put_field(&s, INTR_ENABLED, 1);
    load(&s, "intr_enabled");
    stream_stop(&s);
}

/* Anything, but CAP and ECAP; half of them as far as the check lets in */
static void test_random(void)
{
    const char *text = g_getenv("TEST_SEED");
    guint32 seed = text ? g_ascii_strtoull(text, NULL, 0) : 1;
    GRand *rand = g_rand_new_with_seed(seed);
    uint8_t before[SECTION_BYTES];
    Stream s;

    g_test_message("TEST_SEED=%u", seed);
    stream_start(&s, ",caching-mode=on,device-iotlb=on,eim=on");
    memcpy(before, s.section, SECTION_BYTES);
    for (int i = 0; i < 10; i++) {
        uint8_t *csr = s.section + fields[CSR].offset;

        qvtd_row("random %d, TEST_SEED=%u", i, seed);
        for (int at = 0; at < SECTION_BYTES; at++) {
            s.section[at] = g_rand_int(rand);
        }
        memcpy(csr + QVTD_CAP, before + fields[CSR].offset + QVTD_CAP, 16);
        if (i % 2) {
            load(&s, "cannot be 0x");
            continue;
        }
        put_field(&s, ROOT, g_rand_int(rand) & ~0xfffu);
        put_field(&s, INTR_ROOT, g_rand_int(rand) & ~0xfffu);
        put_field(&s, IQ, g_rand_int(rand) & 0x7fff000);
        put_field(&s, INTR_SIZE, 2u << g_rand_int_range(rand, 0, 16));
        put_field(&s, IQ_SIZE, 256u << g_rand_int_range(rand, 0, 8));
        put_field(&s, IQ_HEAD, g_rand_int_range(rand, 0, 256));
        put_field(&s, IQ_TAIL, g_rand_int_range(rand, 0, 0x8000));
        put_field(&s, NEXT_FRCD_REG, 0);
        load(&s, NULL);
    }
    stream_stop(&s);
    g_rand_free(rand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/stream/fields", test_fields);
    qtest_add_func("/intel-iommu/stream/registers", test_registers);
    qtest_add_func("/intel-iommu/stream/no-remapping", test_no_remapping);
    qtest_add_func("/intel-iommu/stream/random", test_random);
    return g_test_run();
}
