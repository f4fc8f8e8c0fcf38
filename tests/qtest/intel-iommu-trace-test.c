/*
 * VT-d qtests: the trace events of QEMU's own device
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * That each of its names can be traced, that all fire that can, and what
 * those of walks say.  docs/devel/intel-iommu-traces.rst tells when.
 */

#include "qemu/osdep.h"
#include "vtd-edu.h"
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

static void traced_start(Traced *x, const char *events)
{
    g_autofree char *args = NULL;

    trace_log_start(&x->log, events);
    trace_log_start_errors(&x->errors);
    args = g_strconcat(TESTDEV_DEVICE("3"), EDU_DEVICE("4"), " ",
                       x->log.args, " ", x->errors.args, NULL);
    qvtd_start(&x->d, "", ",caching-mode=on,intremap=on", args);
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

    traced_start(&x, events);
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

    traced_start(&x, "vtd_page_walk_* vtd_replay_*");
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

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/trace/names", test_names);
    qtest_add_func("/intel-iommu/trace/walk", test_walk);
    qtest_add_func("/intel-iommu/trace/pasid", test_pasid);
    return g_test_run();
}
