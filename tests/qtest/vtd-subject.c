/*
 * VT-d qtests: a unit that is given inputs, and looked at
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the states, and the way from one to the next.
 */

#include "qemu/osdep.h"
#include "vtd-subject.h"

/* Seeing */

static void take_messages(Subject *w)
{
    char text[4096];
    ssize_t n = pread(w->trace_fd, text, sizeof(text) - 1, w->trace_at);
    unsigned dest, logical, mode, vector, level;
    char *at = text;

    if (n <= 0) {
        return;
    }
    text[n] = '\0';
    w->trace_at += n;
    while ((at = strstr(at, "apic_deliver_irq "))) {
        if (sscanf(at, "apic_deliver_irq dest %u dest_mode %u "
                   "delivery_mode %u vector %u trigger_mode %u",
                   &dest, &logical, &mode, &vector, &level) == 5) {
            w->now.extra[COMPARE_MESSAGES]++;
            w->now.extra[COMPARE_MESSAGE] *= 3;
            w->now.extra[COMPARE_MESSAGE] += (uint64_t)dest << 32 |
                logical << 24 | mode << 16 | level << 8 | vector;
        }
        at++;
    }
}

static void read_image(Subject *w, uint32_t *image)
{
    qtest_memread(w->d.qts, QVTD_BASE, image, QVTD_SIZE);
}

/* Doing, without a word of what should come of it */

void subject_command(Subject *w, uint32_t bit, bool set)
{
    w->levels = set ? w->levels | bit : w->levels & ~bit;
    qvtd_write32(&w->d, QVTD_GCMD, w->levels);
    w->levels &= QVTD_GCMD_LEVELS;
}

static void queue_start(Subject *w)
{
    if (!w->d.queue) {
        w->d.queue = qvtd_alloc(&w->d, 1);
        w->d.entries = QVTD_PAGE / 16;
    }
    w->d.tail = 0;
    subject_command(w, QVTD_QIE, false);
    qvtd_write32(&w->d, QVTD_IQT, 0);
    qvtd_write64(&w->d, QVTD_IQA, w->d.queue);
    subject_command(w, QVTD_QIE, true);
}

void subject_flush(Subject *w)
{
    if (w->levels & QVTD_QIE) {
        qvtd_queue_put(&w->d, QVTD_INV_CONTEXT_GLOBAL);
        qvtd_queue_put(&w->d, QVTD_INV_IOTLB_GLOBAL);
        if (w->ecap & QVTD_ECAP_IR) {
            qvtd_queue_put(&w->d, QVTD_INV_IEC_GLOBAL);
        }
        /* The last one before QIE may be cleared has to be a wait */
        qvtd_queue_put(&w->d, QVTD_WAIT(QVTD_WAIT_SW, 1, w->d.status));
        qvtd_queue_kick(&w->d);
    } else {
        qvtd_write64(&w->d, QVTD_CCMD, QVTD_CCMD_ICC |
                     QVTD_CCMD_CIRG(QVTD_GLOBAL));
        qvtd_write64(&w->d, QVTD_IOTLB, QVTD_IOTLB_IVT |
                     QVTD_IOTLB_IIRG(QVTD_GLOBAL));
    }
}

static void clear_status(Subject *w)
{
    qvtd_write32(&w->d, QVTD_FRCD_HI + 4, QVTD_FRCD_F >> 32);
    qvtd_write32(&w->d, QVTD_FSTS, 0xff);
    qvtd_write32(&w->d, QVTD_ICS, QVTD_ICS_IWC);
}

void subject_message(Subject *w, uint64_t addr, uint32_t data)
{
    edu_msi_program(&w->msi, addr, data);
    edu_msi_fire(&w->msi);
}

/* States */

static void no_set_up(Subject *w)
{
}

static void set_up_events(Subject *w)
{
    qvtd_write32(&w->d, QVTD_FEDATA, FAULT_VECTOR);
    qvtd_write32(&w->d, QVTD_FEADDR, QVTD_MSI_ADDR);
    qvtd_write32(&w->d, QVTD_FECTL, 0);
    qvtd_write32(&w->d, QVTD_IEDATA, DONE_VECTOR);
    qvtd_write32(&w->d, QVTD_IEADDR, QVTD_MSI_ADDR);
    qvtd_write32(&w->d, QVTD_IECTL, 0);
}

static void set_up_tables(Subject *w)
{
    QVtd *d = &w->d;

    for (uint64_t pa = TARGET; pa <= OTHER_TARGET;
         pa += OTHER_TARGET - TARGET) {
        qtest_writeq(d->qts, pa, pa);
    }
    w->domain = qvtd_domain_new(d, DID, w->cap & QVTD_CAP_SAGAW_48 ? 4 : 3);
    qvtd_map(d, &w->domain, IOVA_4K, TARGET, 1, QVTD_RW);
    qvtd_map(d, &w->domain, IOVA_2M, TARGET, 2, QVTD_RW);
    qvtd_map(d, &w->domain, IOVA_1G, TARGET_1G, 3, QVTD_RW);
    qvtd_attach(d, SID, &w->domain);
    w->context = qvtd_context_entry(d, SID);
    qvtd_write64(d, QVTD_RTADDR, d->root);
    subject_command(w, QVTD_SRTP, true);
}

static void set_up_entries(Subject *w)
{
    w->d.irt = qvtd_alloc(&w->d, 1);
    qvtd_write64(&w->d, QVTD_IRTA, w->d.irt | 7);
    qvtd_set_irte(&w->d, INDEX, IRTE, 0);
    subject_command(w, QVTD_SIRTP, true);
}

/* Invalidation by registers */
static void set_up_registers(Subject *w)
{
    set_up_events(w);
    set_up_tables(w);
    subject_flush(w);
    subject_command(w, QVTD_TE, true);
}

static void set_up_all(Subject *w)
{
    set_up_events(w);
    set_up_tables(w);
    set_up_entries(w);
    queue_start(w);
    subject_flush(w);
    subject_command(w, QVTD_TE, true);
    subject_command(w, QVTD_IRE, true);
    queue_start(w);
}

/* Everything is prepared, and nothing switched on */
static void set_up_ready(Subject *w)
{
    set_up_events(w);
    set_up_tables(w);
    set_up_entries(w);
    w->d.queue = qvtd_alloc(&w->d, 1);
    w->d.entries = QVTD_PAGE / 16;
    qvtd_write64(&w->d, QVTD_IQA, w->d.queue);
}

/* A fault is recorded, another did not fit, their event is held back */
static void set_up_faults(Subject *w)
{
    set_up_all(w);
    qvtd_write32(&w->d, QVTD_FECTL, QVTD_ECTL_IM);
    subject_dma(w, QVTD_HOLE, false);
    subject_dma(w, QVTD_HOLE + QVTD_PAGE, true);
}

/* The queue stands still; the completion of a wait is held back */
static void set_up_errors(Subject *w)
{
    set_up_all(w);
    qvtd_write32(&w->d, QVTD_FECTL, QVTD_ECTL_IM);
    qvtd_write32(&w->d, QVTD_IECTL, QVTD_ECTL_IM);
    qvtd_queue_put(&w->d, QVTD_WAIT(QVTD_WAIT_IF, 0, 0));
    qvtd_queue_put(&w->d, QVTD_DESC(0xf, 0));
    qvtd_queue_put(&w->d, QVTD_INV_IOTLB_GLOBAL);
    qvtd_queue_kick(&w->d);
}

static void set_up_pass_through(Subject *w)
{
    set_up_all(w);
    qvtd_attach_pass_through(&w->d, SID, DID, w->cap & QVTD_CAP_SAGAW_48 ?
                             QVTD_AW_48 : QVTD_AW_39);
    subject_flush(w);
    queue_start(w);
}

static void set_up_compatible(Subject *w)
{
    set_up_all(w);
    subject_command(w, QVTD_CFI, true);
}

/* With destinations of 32 bits */
static void set_up_extended(Subject *w)
{
    set_up_all(w);
    qvtd_write64(&w->d, QVTD_IRTA, w->d.irt | QVTD_IRTA_EIME | 7);
    subject_command(w, QVTD_SIRTP, true);
    subject_flush(w);
    queue_start(w);
}

const State state_fresh = { "fresh", no_set_up };
const State state_ready = { "ready", set_up_ready };
const State state_all = { "all", set_up_all };
const State state_faults = { "faults", set_up_faults };
const State state_errors = { "errors", set_up_errors };
const State state_pass_through = { "pass-through", set_up_pass_through };
const State state_compatible = { "cfi", set_up_compatible };
const State state_extended = { "eime", set_up_extended };
const State state_by_register = { "by-register", set_up_registers };

/* Be in @state, from a reset if need be */
static void enter(Subject *w, const State *state)
{
    if (w->state == state) {
        return;
    }
    subject_lose_requester(w);
    edu_stop(&w->msi);
    qvtd_reset(&w->d);
    w->levels = 0;
    subject_find_requester(w, false);
    edu_start(&w->msi, &w->d, MSI_SID);
    state->set_up(w);
    qtest_writel(w->d.qts, w->d.status, 0);
    take_messages(w);
    read_image(w, w->before);
    w->state = state;
    w->stale = false;
}

/*
 * Do the registers in @image mean what they did before?  A fault record that
 * was cleared keeps its contents.
 */
static bool is_as_before(Subject *w, const uint32_t *image)
{
    unsigned record = QVTD_FRCD_LO / 4, n = ARRAY_SIZE(w->before);

    w->stale = !(image[n - 1] >> 31) && image[n - 2];
    return !memcmp(image, w->before, record * 4) &&
           (w->stale || !memcmp(image + record, w->before + record,
                                (n - record) * 4));
}

/* Whoever left the registers as they were need not be set up again */
void subject_leave(Subject *w)
{
    uint32_t image[QVTD_SIZE / 4];

    read_image(w, image);
    if (!is_as_before(w, image)) {
        w->state = NULL;
    }
}

bool subject_begin(Subject *w, const State *state, unsigned bit,
                  const char *fmt, ...)
{
    g_autofree char *name = NULL;
    va_list ap;

    va_start(ap, fmt);
    name = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    if (!compare_begin(w->log, &w->now, bit, "%s/%s", state->name, name)) {
        return false;
    }
    enter(w, state);
    memset(w->now.extra, 0, sizeof(w->now.extra));
    return true;
}

void subject_end(Subject *w)
{
    take_messages(w);
    read_image(w, w->now.registers);
    if (w->d.queue) {
        w->now.extra[COMPARE_STATUS] = qtest_readl(w->d.qts, w->d.status);
    }
    if (w->has_testdev && (w->cap & QVTD_CAP_CM)) {
        w->now.extra[COMPARE_MAPPED] = testdev_count(&w->t,
                                                     TESTDEV_MAPPED_PAGES);
    }
    if (w->stale && !(w->now.registers[QVTD_FRCD_HI / 4 + 1] >> 31)) {
        memset(&w->now.registers[QVTD_FRCD_LO / 4], 0, 16);
    }
    compare_end(w->log, &w->now);
}

/* What differs in the state itself is not said again for each input */
void subject_state(Subject *w, const State *state)
{
    if (subject_begin(w, state, 0, "%s", COMPARE_STATE)) {
        subject_end(w);
    }
}

bool subject_is_unchanged(Subject *w)
{
    return !memcmp(w->now.registers, w->before, sizeof(w->before));
}

/* Put the queue and what is recorded back to what it was */
void subject_settle(Subject *w)
{
    clear_status(w);
    if (w->levels & QVTD_QIE) {
        queue_start(w);
    }
    qtest_writel(w->d.qts, w->d.status, 0);
    take_messages(w);
    subject_leave(w);
}

/* A DMA with what has to be known of it */
void subject_see_dma(Subject *w, uint64_t iova, bool write)
{
    bool elsewhere = subject_dma(w, iova, write);

    subject_end(w);
    if (elsewhere) {
        /* Maybe into a table */
        w->state = NULL;
    }
}

void subject_start(Subject *w, CompareLog *log, bool has_testdev,
                   const char *machine, const char *props)
{
    g_autofree char *args = NULL;

    *w = (Subject) { .log = log, .has_testdev = has_testdev };
    trace_log_start(&w->trace, "apic_deliver_irq");
    args = g_strdup_printf("-machine %s -nodefaults -smp 2 -m 2G "
                           "-device intel-iommu,id=iommu%s %s "
                           "-device edu,addr=4 %s", machine, props,
                           has_testdev ? TESTDEV_DEVICE("3") : EDU_DEVICE("3"),
                           w->trace.args);
    qvtd_take(&w->d, qtest_init_ext(log->binary, args, NULL, true));
    w->trace_fd = open(w->trace.path, O_RDONLY);
    g_assert_cmpint(w->trace_fd, >=, 0);
    /* This process may end any time */
    unlink(w->trace.path);
    subject_find_requester(w, true);
    edu_start(&w->msi, &w->d, MSI_SID);
    w->cap = qvtd_read64(&w->d, QVTD_CAP);
    w->ecap = qvtd_read64(&w->d, QVTD_ECAP);
}

void subject_stop(Subject *w)
{
    edu_stop(&w->msi);
    subject_lose_requester(w);
    qvtd_stop(&w->d);
    close(w->trace_fd);
    trace_log_stop(&w->trace);
}
