/*
 * VT-d qtests: the trace events of QEMU's own device
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * That each of its names can be traced, that all fire that can, what those of
 * walks say, and that all say it in the words of QEMU's own device.
 * docs/devel/intel-iommu-traces.rst tells when they fire.
 */

#include "qemu/osdep.h"
#include "vtd-edu.h"
#include "vtd-migrate.h"
#include "vtd-testdev.h"
#include "vtd-trace.h"

#define RAM                     0x4000000ull
#define A                       QPCI_DEVFN(3, 0)

/* Every event of QEMU 10.0's device, but those of requests with a PASID */
static const char *const names[] = {
    "vtd_as_unmap_whole", "vtd_ce_not_present", "vtd_context_cache_reset",
    "vtd_dmar_enable", "vtd_dmar_fault", "vtd_dmar_translate",
    "vtd_fault_disabled", "vtd_frr_new", "vtd_fsts_clear_ip", "vtd_fsts_ppf",
    "vtd_inv_desc", "vtd_inv_desc_cc_device", "vtd_inv_desc_cc_devices",
    "vtd_inv_desc_cc_domain", "vtd_inv_desc_cc_global", "vtd_inv_desc_iec",
    "vtd_inv_desc_iotlb_domain", "vtd_inv_desc_iotlb_global",
    "vtd_inv_desc_iotlb_pages", "vtd_inv_desc_wait_irq",
    "vtd_inv_desc_wait_sw", "vtd_inv_desc_wait_write_fail",
    "vtd_inv_qi_enable", "vtd_inv_qi_fetch", "vtd_inv_qi_head",
    "vtd_inv_qi_setup", "vtd_inv_qi_tail", "vtd_iotlb_cc_hit",
    "vtd_iotlb_cc_update", "vtd_iotlb_page_hit", "vtd_iotlb_page_update",
    "vtd_iotlb_reset", "vtd_ir_enable", "vtd_ir_irte_get", "vtd_ir_remap",
    "vtd_ir_remap_msi", "vtd_ir_remap_msi_req", "vtd_ir_remap_type",
    "vtd_irq_generate", "vtd_page_walk_level", "vtd_page_walk_one",
    "vtd_page_walk_one_skip_map", "vtd_page_walk_one_skip_unmap",
    "vtd_page_walk_skip_read", "vtd_page_walk_skip_reserve",
    "vtd_pt_enable_fast_path", "vtd_re_not_present", "vtd_reg_dmar_root",
    "vtd_reg_ics_clear_ip", "vtd_reg_ir_root", "vtd_reg_read",
    "vtd_reg_write", "vtd_reg_write_fectl", "vtd_reg_write_gcmd",
    "vtd_reg_write_iectl", "vtd_replay_ce_invalid", "vtd_replay_ce_valid",
    "vtd_reset_exit", "vtd_switch_address_space", "vtd_translate_pt",
    "vtd_warn_invalid_qi_tail", "vtd_warn_ir_trigger", "vtd_warn_ir_vector",
};

static const char *const pasid_names[] = {
    "vtd_inv_desc_iotlb_pasid", "vtd_inv_desc_iotlb_pasid_pages",
};

static char *all_names(void)
{
    GString *all = g_string_new("");

    for (int i = 0; i < ARRAY_SIZE(names); i++) {
        g_string_append_printf(all, "%s ", names[i]);
    }
    for (int i = 0; i < ARRAY_SIZE(pasid_names); i++) {
        g_string_append_printf(all, "%s%s", i ? " " : "", pasid_names[i]);
    }
    return g_string_free(all, false);
}

/* A machine in which all of it is traced; what it complains of goes aside */
typedef struct Traced {
    QVtd d;
    Testdev t;
    EduDevice e;
    QVtdDomain domain;
    TraceLog log, errors;
} Traced;

static void traced_start(Traced *x, const char *binary, const char *events)
{
    g_autofree char *args = NULL, *command_line = NULL;

    trace_log_start(&x->log, events);
    trace_log_start_errors(&x->errors);
    args = g_strconcat(TESTDEV_DEVICE("3"), EDU_DEVICE("4"), " ",
                       x->log.args, " ", x->errors.args, NULL);
    command_line = qvtd_command_line(",caching-mode=on,intremap=on", args);
    qvtd_take(&x->d, qtest_init_ext(binary, command_line, NULL, true));
    testdev_start(&x->t, &x->d, A);
    edu_start(&x->e, &x->d, QPCI_DEVFN(4, 0));
    qvtd_queue_start(&x->d, 0);
    x->domain = qvtd_domain_new(&x->d, 5, 4);
    qvtd_map(&x->d, &x->domain, IOVA, RAM, 1, QVTD_RW);
    qvtd_attach(&x->d, A, &x->domain);
    qvtd_attach(&x->d, x->e.sid, &x->domain);
}

static void traced_stop(Traced *x)
{
    edu_stop(&x->e);
    testdev_stop(&x->t);
    qvtd_stop(&x->d);
    trace_log_stop(&x->log);
    trace_log_stop(&x->errors);
}

static void set_context(Traced *x, uint64_t lo)
{
    qtest_writeq(x->d.qts, qvtd_context_entry(&x->d, A), lo);
    qvtd_invalidate(&x->d, QVTD_INV_CONTEXT_DEVICE(5, A, 0));
}

static void translations(Traced *x)
{
    uint64_t good = qtest_readq(x->d.qts, qvtd_context_entry(&x->d, A));
    uint64_t leaf = qvtd_entry(&x->d, &x->domain, IOVA, 1);

    qvtd_enable(&x->d);
    testdev_dma_write(&x->t, IOVA, 0);
    testdev_dma_write(&x->t, IOVA, 0);
    qvtd_invalidate(&x->d, QVTD_INV_IOTLB_PAGES(5, IOVA, 0));
    qtest_writeq(x->d.qts, leaf, RAM | QVTD_RW | 1ull << 51);
    qvtd_invalidate(&x->d, QVTD_INV_IOTLB_DOMAIN(5));
    qtest_writeq(x->d.qts, qvtd_entry(&x->d, &x->domain, 2 * IOVA, 2),
                 QVTD_HOLE | QVTD_RW);
    qvtd_invalidate(&x->d, QVTD_INV_IOTLB_DOMAIN(5));
    qvtd_invalidate(&x->d, QVTD_INV_CONTEXT_DOMAIN(5));

    qvtd_row("fault");
    testdev_dma_write(&x->t, IOVA, 0);
    qvtd_write32(&x->d, QVTD_FRCD_HI + 4, QVTD_FRCD_F >> 32);
    qvtd_write32(&x->d, QVTD_FECTL, 0);
    testdev_dma_write(&x->t, IOVA, 0);
    qvtd_write32(&x->d, QVTD_FRCD_HI + 4, QVTD_FRCD_F >> 32);
    set_context(x, good | QVTD_FPD);
    testdev_dma_write(&x->t, IOVA, 0);

    qvtd_row("other contexts");
    set_context(x, QVTD_TT(2) | QVTD_P);
    testdev_dma_write(&x->t, 1ull << 48, 0);
    set_context(x, 0);
    testdev_dma_write(&x->t, IOVA, 0);
    qtest_writeq(x->d.qts, qvtd_root_entry(&x->d, A), 0);
    qvtd_invalidate_all(&x->d);
}

static void interrupts(Traced *x)
{
    qvtd_write32(&x->d, QVTD_IECTL, QVTD_ECTL_IM);
    qvtd_queue_put(&x->d, QVTD_WAIT(QVTD_WAIT_IF, 0, 0));
    qvtd_queue_kick(&x->d);
    qvtd_write32(&x->d, QVTD_ICS, QVTD_ICS_IWC);
    qvtd_disable(&x->d);
    qvtd_remap_enable(&x->d, 7, 0);
    /* Of another vector and trigger than the message says */
    qvtd_set_irte(&x->d, 5, QVTD_P | QVTD_IRTE_TM | QVTD_IRTE_V(0x30), 0);
    edu_msi_program(&x->e, QVTD_MSI_ADDR | QVTD_MSI_REMAP | QVTD_MSI_HANDLE(5),
                    0x41);
    edu_msi_fire(&x->e);
    qvtd_write32(&x->d, QVTD_IQT, 0x100 << 4);
    qvtd_queue_kick(&x->d);
    qvtd_write32(&x->d, QVTD_FSTS, QVTD_FSTS_IQE);
    qvtd_queue_put(&x->d, QVTD_WAIT(QVTD_WAIT_SW, 1, QVTD_HOLE));
    qvtd_queue_kick(&x->d);
}

static void test_names(void)
{
    g_autofree char *events = all_names();
    Traced x;

    traced_start(&x, QVTD_OURS, events);
    translations(&x);
    interrupts(&x);
    qvtd_reset(&x.d);
    for (int i = 0; i < ARRAY_SIZE(names); i++) {
        qvtd_row("%s", names[i]);
        x.log.read = 0;
        expect_true(trace_log_count(&x.log, names[i]) > 0);
    }
    qvtd_row("warnings");
    expect_eq(trace_log_count(&x.errors, "qemu-system-x86_64: warning:"), 0);
    traced_stop(&x);
}

/* Among the next lines of @event is this one */
static void G_GNUC_PRINTF(3, 4) expect_event(TraceLog *log,
                                             const char *event,
                                             const char *fmt, ...)
{
    g_autofree char *text = NULL;
    bool found = false;
    char *line;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    while (!found && (line = trace_log_take(log, event))) {
        found = g_str_equal(line + strlen(event) + 1, text);
        g_free(line);
    }
    if (!expect_true(found)) {
        g_test_message("%s %s", event, text);
    }
}

/* Walks, as they can be followed with those names alone */
static void test_walk(void)
{
    Traced x;
    uint64_t leaf;

    traced_start(&x, QVTD_OURS, "vtd_page_walk_* vtd_replay_*");
    leaf = qvtd_entry(&x.d, &x.domain, IOVA, 1);
    qvtd_row("replay");
    qvtd_enable(&x.d);
    expect_event(&x.log, "vtd_replay_ce_valid",
                 "legacy mode: replay valid context device 00:03.00 domain "
                 "0x5 hi 0x502 lo 0x%llx",
                 x.domain.top | QVTD_P);
    expect_event(&x.log, "vtd_page_walk_one",
                 "domain 0x5 iova 0x40000000 -> gpa 0x4000000 mask 0xfff "
                 "perm 3");
    trace_log_count(&x.log, "vtd_page_walk_one");

    qvtd_row("nothing to do");
    qvtd_invalidate(&x.d, QVTD_INV_IOTLB_PAGES(5, IOVA, 0));
    for (unsigned level = 4; level >= 1; level--) {
        expect_event(&x.log, "vtd_page_walk_level",
                     "walk (base=0x%llx, level=%u) iova range "
                     "0x40000000 - 0x40001000",
                     qvtd_entry(&x.d, &x.domain, IOVA, level) & -QVTD_PAGE,
                     level);
    }
    expect_event(&x.log, "vtd_page_walk_one_skip_map",
                 "iova 0x40000000 mask 0xfff translated 0x4000000");
    expect_eq(trace_log_count(&x.log, "vtd_page_walk_one"), 0);
    qvtd_invalidate(&x.d, QVTD_INV_IOTLB_PAGES(5, IOVA + QVTD_PAGE, 0));
    expect_event(&x.log, "vtd_page_walk_one_skip_unmap",
                 "iova 0x40001000 mask 0xfff");

    qvtd_row("changes");
    qtest_writeq(x.d.qts, leaf, (RAM + QVTD_PAGE) | QVTD_R);
    qvtd_invalidate(&x.d, QVTD_INV_IOTLB_PAGES(5, IOVA, 0));
    expect_event(&x.log, "vtd_page_walk_one",
                 "domain 0x5 iova 0x40000000 -> gpa 0x0 mask 0xfff perm 0");
    expect_event(&x.log, "vtd_page_walk_one",
                 "domain 0x5 iova 0x40000000 -> gpa 0x4001000 mask 0xfff "
                 "perm 1");
    qvtd_map(&x.d, &x.domain, 2 * IOVA, RAM, 2, QVTD_RW);
    qvtd_invalidate(&x.d, QVTD_INV_IOTLB_PAGES(5, 2 * IOVA, 9));
    expect_event(&x.log, "vtd_page_walk_one",
                 "domain 0x5 iova 0x80000000 -> gpa 0x4000000 mask 0x1fffff "
                 "perm 3");

    qvtd_row("bad entries");
    qtest_writeq(x.d.qts, leaf, RAM | QVTD_RW | 1ull << 51);
    qvtd_invalidate(&x.d, QVTD_INV_IOTLB_PAGES(5, IOVA, 0));
    expect_event(&x.log, "vtd_page_walk_skip_reserve",
                 "Page walk skip iova 0x40000000 - 0x40001000 due to rsrv "
                 "set");
    qtest_writeq(x.d.qts, qvtd_entry(&x.d, &x.domain, 2 * IOVA, 2),
                 QVTD_HOLE | QVTD_RW);
    qvtd_invalidate(&x.d, QVTD_INV_IOTLB_PAGES(5, 2 * IOVA, 9));
    expect_event(&x.log, "vtd_page_walk_skip_read",
                 "Page walk skip iova 0x80000000 - 0x80200000 due to unable "
                 "to read");

    qvtd_row("no context");
    set_context(&x, QVTD_TT(2) | QVTD_P);
    set_context(&x, 0);
    expect_event(&x.log, "vtd_replay_ce_invalid",
                 "replay invalid context device 00:03.00");
    traced_stop(&x);
}

/* Descriptors of scalable mode: two of the names above, and our own */
static void test_pasid(void)
{
    static const struct {
        QVtdDesc desc;
        const char *event, *text;
    } rows[] = {
        { QVTD_INV_PASID_IOTLB_ALL(5, 0x12345), "vtd_inv_desc_iotlb_pasid",
          "IOTLB: domain 0x5 pasid 0x12345" },
        { QVTD_INV_PASID_IOTLB_PAGES(5, 0x12345, IOVA, 3),
          "vtd_inv_desc_iotlb_pasid_pages",
          "IOTLB: domain 0x5 address 0x40000000 order 3 pasid 0x12345" },
        { QVTD_INV_PASID_CACHE_GLOBAL, "vtd_inv_desc_pasid_cache_global",
          "PASID cache: all" },
        { QVTD_INV_PASID_CACHE_DOMAIN(5), "vtd_inv_desc_pasid_cache_domain",
          "PASID cache: domain 0x5" },
        { QVTD_INV_PASID_CACHE_ONE(5, 0x12345),
          "vtd_inv_desc_pasid_cache_pasid",
          "PASID cache: domain 0x5 pasid 0x12345" },
    };
    TraceLog log;
    QVtd d;

    trace_log_start(&log, "vtd_inv_desc_*");
    qvtd_start(&d, "", ",x-scalable-mode=on,x-flts=on", log.args);
    qvtd_use_scalable(&d);
    qvtd_enable(&d);
    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        trace_log_count(&log, rows[i].event);       /* those of the start */
        qvtd_row("%s", rows[i].event);
        qvtd_invalidate(&d, rows[i].desc);
        expect_event(&log, rows[i].event, "%s", rows[i].text);
    }
    qvtd_stop(&d);
    trace_log_stop(&log);
}

/* This test does not make QEMU's own device fire it */
#define NOT_MET                 "vtd_warn_invalid_qi_tail"
#define RESET(reason)           "IOTLB reset (reason: " reason ")"

/*
 * What differs from QEMU 10.0's own device for the same input, as
 * docs/devel/intel-iommu-traces.rst tells: the words behind the event's name,
 * with # for each number.
 */
static const struct {
    const char *event, *stock, *ours;
} differences[] = {
    { "vtd_reg_read", "addr 0x# size 0x#", "addr 0x# size 0x# value 0x#" },
    { "vtd_iotlb_reset", RESET("iotlb exceeds size limit"),
      RESET("global invalidation") },
    { "vtd_iotlb_reset", RESET("iotlb exceeds size limit"),
      RESET("translation changed") },
};

/* A line of the log from the event's name on, with # for each number */
static char *words_of(const char *line)
{
    g_autoptr(GRegex) number =
        g_regex_new("[0-9a-f]{2}(?=[:.][0-9a-f])|(?<=\\.)[0-9a-f]{1,2}\\b|"
                    "(?<=0x)[0-9a-f]+|\\b[0-9]+\\b", 0, 0, NULL);

    return g_regex_replace_literal(number, line, -1, 0, "#", 0, NULL);
}

/* Add to the @words of each event what is in the log */
static void take_words(TraceLog *log, GHashTable *words)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    g_assert_true(g_file_get_contents(log->path, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        char *at = strstr(*line, "vtd_");
        g_auto(GStrv) parts = NULL;
        GHashTable *of;

        if (!at) {
            continue;
        }
        at = words_of(at);
        parts = g_strsplit(at, " ", 2);
        g_free(at);
        of = g_hash_table_lookup(words, parts[0]);
        if (!of) {
            of = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
            g_hash_table_insert(words, g_strdup(parts[0]), of);
        }
        g_hash_table_add(of, g_strdup(parts[1] ?: ""));
    }
}

/* What QEMU's own device fires for a full IOTLB, and for events settled */
static void more_translations(Traced *x)
{
    const unsigned pages = 1100;        /* more than its IOTLB takes */

    for (unsigned i = 1; i < pages; i++) {
        qvtd_map(&x->d, &x->domain, IOVA + i * QVTD_PAGE, RAM, 1, QVTD_RW);
    }
    qvtd_enable(&x->d);
    for (unsigned i = 0; i < pages; i++) {
        testdev_dma_write(&x->t, IOVA + i * QVTD_PAGE, 0);
    }
    set_context(x, 0);
    qtest_writeq(x->d.qts, qvtd_context_entry(&x->d, A),
                 QVTD_TT(2) | QVTD_P);
    testdev_dma_write(&x->t, RAM, 0);
    qvtd_write32(&x->d, QVTD_FECTL, QVTD_ECTL_IM);
    set_context(x, 0);
    testdev_dma_write(&x->t, IOVA, 0);
    qvtd_write32(&x->d, QVTD_FRCD_HI + 4, QVTD_FRCD_F >> 32);
    qvtd_write32(&x->d, QVTD_FSTS, -1);
}

static const QVtdDesc pasid_descriptors[] = {
    QVTD_INV_PASID_IOTLB_ALL(5, 0x12345),
    QVTD_INV_PASID_IOTLB_PAGES(5, 0x12345, IOVA, 3),
};

/* {event: set of words} of one device, for the same input */
static GHashTable *words_by(const char *binary)
{
    GHashTable *words = g_hash_table_new_full(
        g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_hash_table_destroy);
    g_autofree char *command_line = NULL;
    TraceLog log;
    Traced x;
    QVtd d;

    traced_start(&x, binary, "vtd_*");
    translations(&x);
    interrupts(&x);
    qvtd_reset(&x.d);
    take_words(&x.log, words);
    traced_stop(&x);

    traced_start(&x, binary, "vtd_*");
    more_translations(&x);
    take_words(&x.log, words);
    traced_stop(&x);

    trace_log_start(&log, "vtd_inv_desc_iotlb_pasid* vtd_warn_*");
    command_line = qvtd_command_line(",x-scalable-mode=on,x-flts=on",
                                     log.args);
    qvtd_take(&d, qtest_init_ext(binary, command_line, NULL, true));
    qvtd_use_scalable(&d);
    qvtd_enable(&d);
    for (unsigned i = 0; i < ARRAY_SIZE(pasid_descriptors); i++) {
        qvtd_invalidate(&d, pasid_descriptors[i]);
    }
    /* In the middle of a descriptor of 256 bits */
    qvtd_write32(&d, QVTD_IQT, qvtd_read32(&d, QVTD_IQT) ^ 0x10);
    take_words(&log, words);
    qvtd_stop(&d);
    trace_log_stop(&log);
    return words;
}

/* Whether that is one of differences[], seen in our device or in QEMU's */
static bool is_known(const char *event, const char *text, bool ours)
{
    for (unsigned i = 0; i < ARRAY_SIZE(differences); i++) {
        const char *words = ours ? differences[i].ours : differences[i].stock;

        if (g_str_equal(differences[i].event, event) &&
            g_str_equal(words, text)) {
            return true;
        }
    }
    return false;
}

/* Each of @some of an event is in @others, too, or is a known difference */
static void expect_words(const char *event, GHashTable *some,
                         GHashTable *others, bool ours)
{
    GHashTableIter it;
    gpointer text;

    g_hash_table_iter_init(&it, some);
    while (g_hash_table_iter_next(&it, &text, NULL)) {
        if (!expect_true(g_hash_table_contains(others, text) ||
                         is_known(event, text, ours))) {
            g_test_message("%s alone: %s %s", ours ? "ours" : "QEMU's", event,
                           (char *)text);
        }
    }
}

/* The words of each event are those of QEMU's own device */
static void test_as_stock(void)
{
    g_autoptr(GHashTable) stock = NULL, ours = NULL;
    GHashTableIter it;
    gpointer event, words;

    if (!qvtd_has_words(QVTD_STOCK)) {
        g_test_skip("no QEMU 10.0 in " QVTD_STOCK);
        return;
    }
    stock = words_by(QVTD_STOCK);
    ours = words_by(QVTD_OURS);
    g_hash_table_iter_init(&it, stock);
    while (g_hash_table_iter_next(&it, &event, &words)) {
        GHashTable *our_words = g_hash_table_lookup(ours, event);

        qvtd_row("%s", (char *)event);
        if (expect_true(our_words)) {
            expect_words(event, words, our_words, false);
            expect_words(event, our_words, words, true);
        }
    }
    for (unsigned i = 0; i < ARRAY_SIZE(differences); i++) {
        qvtd_row("difference %u, %s", i, differences[i].event);
        expect_true(g_hash_table_contains(
            g_hash_table_lookup(stock, differences[i].event),
            differences[i].stock));
        expect_true(g_hash_table_contains(
            g_hash_table_lookup(ours, differences[i].event),
            differences[i].ours));
    }
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        qvtd_row("%s fires", names[i]);
        expect_true(g_hash_table_contains(stock, names[i]) ||
                    g_str_equal(names[i], NOT_MET));
    }
}

/* The vtd_ events that QEMU of @binary lists, each on a line */
static char *listed_by(const char *binary)
{
    g_autofree char *command = g_strconcat(g_getenv(binary), " -trace help",
                                           NULL);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    GString *list = g_string_new("\n");

    g_assert_true(g_spawn_command_line_sync(command, &text, NULL, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        if (g_str_has_prefix(*line, "vtd_")) {
            g_string_append_printf(list, "%s\n", *line);
        }
    }
    return g_string_free(list, false);
}

/* There is none in QEMU's own that is not in ours */
static void test_listed(void)
{
    g_autofree char *stock = NULL, *ours = NULL;
    g_auto(GStrv) lines = NULL;
    unsigned count = 0;

    if (!qvtd_has_words(QVTD_STOCK)) {
        g_test_skip("no QEMU 10.0 in " QVTD_STOCK);
        return;
    }
    stock = listed_by(QVTD_STOCK);
    ours = listed_by(QVTD_OURS);
    lines = g_strsplit(stock, "\n", -1);
    for (char **line = lines; *line; line++) {
        g_autofree char *whole = g_strdup_printf("\n%s\n", *line);

        if (**line) {
            qvtd_row("%s", *line);
            expect_true(strstr(ours, whole));
            count++;
        }
    }
    expect_eq(count, ARRAY_SIZE(names) + ARRAY_SIZE(pasid_names));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/trace/names", test_names);
    qtest_add_func("/intel-iommu/trace/walk", test_walk);
    qtest_add_func("/intel-iommu/trace/pasid", test_pasid);
    qtest_add_func("/intel-iommu/trace/as-stock", test_as_stock);
    qtest_add_func("/intel-iommu/trace/listed", test_listed);
    return g_test_run();
}
