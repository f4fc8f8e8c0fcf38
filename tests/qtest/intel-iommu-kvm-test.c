/*
 * VT-d qtests: KVM's routes
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * With kernel-irqchip=split KVM delivers the interrupts of a virtio device
 * and of the I/O APIC by routes, which are made of interrupt entries ahead
 * of use.  The routes are seen in the trace, and no CPU has to run.  Where
 * KVM cannot be used, there is no case here.
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "libqos/malloc-pc.h"
#include "libqos/virtio.h"
#include "libqos/virtio-pci.h"
#include "vtd-driver.h"
#include "vtd-trace.h"

#define EVENT                   "vtd_ir_remap_msi"

#define DISK                    QPCI_DEVFN(5, 0)
#define QUEUE_VECTOR            1

/* Entries for the queue's MSI-X vector and for a pin */
#define QUEUE_INDEX             10
#define PIN_INDEX               20
#define PIN                     6

#define IOAPIC_SELECT           0xfec00000ull
#define IOAPIC_WINDOW           0xfec00010ull

typedef struct Message {
    uint64_t addr, data;
} Message;

/* Ahead of remapping, behind it, and to no CPU */
#define SOURCE(index) \
    { QVTD_MSI_ADDR | QVTD_MSI_REMAP | QVTD_MSI_HANDLE(index), 0 }
#define VECTOR(vector, cpu)     { QVTD_MSI_ADDR | QVTD_MSI_DEST(cpu), \
                                  0x4000 | (vector) }
#define NOBODY                  { QVTD_MSI_ADDR | 1 << 2, 0 }

typedef struct Routes {
    QVtd d;
    TraceLog log;
    QGuestAllocator alloc;
    QVirtioPCIDevice *disk;
    QVirtQueue *vq;
    Message queue, pin;         /* what they lead to, as last told */
    unsigned updates;           /* in the last step */
} Routes;

static void look(Routes *r)
{
    char *line;

    r->updates = 0;
    while ((line = trace_log_take(&r->log, EVENT))) {
        Message from, to;

        g_assert_cmpint(sscanf(line, EVENT " (addr 0x%" PRIx64 ", data 0x%"
                               PRIx64 ") -> (addr 0x%" PRIx64 ", data 0x%"
                               PRIx64 ")", &from.addr, &from.data,
                               &to.addr, &to.data), ==, 4);
        if ((from.addr & QVTD_MSI_HANDLE(0x7fff)) ==
            QVTD_MSI_HANDLE(QUEUE_INDEX)) {
            r->queue = to;
        } else if ((from.addr & QVTD_MSI_HANDLE(0x7fff)) ==
                   QVTD_MSI_HANDLE(PIN_INDEX)) {
            r->pin = to;
        }
        r->updates++;
        g_free(line);
    }
}

static void write_rte(QVtd *d, unsigned pin, uint64_t value)
{
    qtest_writel(d->qts, IOAPIC_SELECT, 0x10 + 2 * pin + 1);
    qtest_writel(d->qts, IOAPIC_WINDOW, value >> 32);
    qtest_writel(d->qts, IOAPIC_SELECT, 0x10 + 2 * pin);
    qtest_writel(d->qts, IOAPIC_WINDOW, value);
}

/* A driver as far as DRIVER_OK, when QEMU sets up the routes */
static QVirtioPCIDevice *start_disk(QVtd *d, QGuestAllocator *alloc,
                                    QVirtQueue **queue)
{
    QPCIAddress address = { .devfn = DISK };
    QVirtioPCIDevice *disk = virtio_pci_new(d->pci, &address);
    QPCIDevice *pci;
    uint64_t entry;

    g_assert_nonnull(disk);
    pci = disk->pdev;
    qvirtio_pci_device_enable(disk);
    qvirtio_start_device(&disk->vdev);
    qpci_msix_enable(pci);
    qvirtio_set_features(&disk->vdev, 1ull << 32 /* VIRTIO_F_VERSION_1 */);
    *queue = qvirtqueue_setup(&disk->vdev, alloc, 0);
    qvirtqueue_pci_msix_setup(disk, (QVirtQueuePCI *)*queue, alloc,
                              QUEUE_VECTOR);
    entry = pci->msix_table_off + QUEUE_VECTOR * PCI_MSIX_ENTRY_SIZE;
    qpci_io_writel(pci, pci->msix_table_bar,
                   entry + PCI_MSIX_ENTRY_LOWER_ADDR,
                   QVTD_MSI_ADDR | QVTD_MSI_REMAP |
                   QVTD_MSI_HANDLE(QUEUE_INDEX));
    qpci_io_writel(pci, pci->msix_table_bar,
                   entry + PCI_MSIX_ENTRY_UPPER_ADDR, 0);
    qpci_io_writel(pci, pci->msix_table_bar, entry + PCI_MSIX_ENTRY_DATA, 0);
    qvirtio_set_driver_ok(&disk->vdev);
    return disk;
}

/* One thing that the guest does, and where the routes lead by then */
typedef struct Step {
    const char *name;
    struct {
        unsigned index;
        uint64_t lo;
    } entry;                    /* written first, if there is an index */
    QVtdDesc desc;
    uint32_t command;           /* instead, if not 0 */
    bool set;
    bool quiet;
    Message queue, pin;
} Step;

#define ENTRY(vector, cpu)      (QVTD_P | QVTD_IRTE_V(vector) |    \
                                 QVTD_IRTE_DST(cpu))

static const Step steps[] = {
    { "table", .command = QVTD_SIRTP, .set = true,
      .queue = SOURCE(QUEUE_INDEX), .pin = SOURCE(PIN_INDEX) },
    { "remapping on", .command = QVTD_IRE, .set = true,
      .queue = NOBODY, .pin = NOBODY },
    { "entry of the queue", { QUEUE_INDEX, ENTRY(0x41, 0) },
      QVTD_INV_IEC_INDEX(QUEUE_INDEX, 0),
      .queue = VECTOR(0x41, 0), .pin = NOBODY },
    { "entry of the pin", { PIN_INDEX, ENTRY(0x51, 1) },
      QVTD_INV_IEC_INDEX(PIN_INDEX, 0),
      .queue = VECTOR(0x41, 0), .pin = VECTOR(0x51, 1) },
    { "another vector, not told", { QUEUE_INDEX, ENTRY(0x42, 0) },
      QVTD_INV_IOTLB_GLOBAL, .quiet = true,
      .queue = VECTOR(0x41, 0), .pin = VECTOR(0x51, 1) },
    { "told now", .desc = QVTD_INV_IEC_INDEX(QUEUE_INDEX, 0),
      .queue = VECTOR(0x42, 0), .pin = VECTOR(0x51, 1) },
    { "another CPU", { QUEUE_INDEX, ENTRY(0x43, 1) }, QVTD_INV_IEC_GLOBAL,
      .queue = VECTOR(0x43, 1), .pin = VECTOR(0x51, 1) },
    { "no entry of the queue", { QUEUE_INDEX, 0 },
      QVTD_INV_IEC_INDEX(QUEUE_INDEX, 0),
      .queue = NOBODY, .pin = VECTOR(0x51, 1) },
    { "no entry of the pin", { PIN_INDEX, 0 },
      QVTD_INV_IEC_INDEX(PIN_INDEX, 0), .queue = NOBODY, .pin = NOBODY },
    { "both again", { PIN_INDEX, ENTRY(0x52, 0) }, QVTD_INV_IEC_GLOBAL,
      .queue = NOBODY, .pin = VECTOR(0x52, 0) },
    { "remapping off", .command = QVTD_IRE, .set = false,
      .queue = SOURCE(QUEUE_INDEX), .pin = SOURCE(PIN_INDEX) },
    { "on again", .command = QVTD_IRE, .set = true,
      .queue = NOBODY, .pin = VECTOR(0x52, 0) },
};

static void expect_leads(const Message *got, const Message *want, bool any)
{
    expect_eq(got->addr, want->addr);
    /* Not remapped, the I/O APIC's data is of its own making */
    if (!any) {
        expect_eq(got->data, want->data);
    }
}

/* @props of the IOMMU; @irta: bits beside address and size */
static void routes_start(Routes *r, const char *props, uint64_t irta)
{
    g_autofree char *args = NULL;

    memset(r, 0, sizeof(*r));
    trace_log_start(&r->log, EVENT);
    args = g_strconcat("-S -smp 2 -drive if=none,id=none,driver=null-co "
                       "-device virtio-blk-pci,addr=5,disable-legacy=on,"
                       "drive=none ", r->log.args, NULL);
    qvtd_start(&r->d, ",kernel-irqchip=split -accel kvm", props, args);
    pc_alloc_init(&r->alloc, r->d.qts, ALLOC_NO_FLAGS);
    qvtd_queue_start(&r->d, 0);
    r->d.irt = qvtd_alloc(&r->d, 1);
    qvtd_write64(&r->d, QVTD_IRTA, r->d.irt | irta | 7);
    write_rte(&r->d, PIN, 1ull << 48 | (uint64_t)PIN_INDEX << 49 | 0x33);
    r->disk = start_disk(&r->d, &r->alloc, &r->vq);
    look(r);
    expect_true(r->updates);
}

static void routes_stop(Routes *r)
{
    qvirtqueue_cleanup(r->disk->vdev.bus, r->vq, &r->alloc);
    qvirtio_pci_destructor(&r->disk->obj);
    g_free(r->disk);
    alloc_destroy(&r->alloc);
    qvtd_stop(&r->d);
    trace_log_stop(&r->log);
}

static void test_routes(void)
{
    Routes r;

    routes_start(&r, ",eim=off", 0);

    for (int i = 0; i < ARRAY_SIZE(steps); i++) {
        const Step *step = &steps[i];

        qvtd_row("%s", step->name);
        if (step->entry.index) {
            qvtd_set_irte(&r.d, step->entry.index, step->entry.lo, 0);
        }
        if (step->command) {
            qvtd_command(&r.d, step->command, step->set);
        } else {
            qvtd_invalidate(&r.d, step->desc);
        }
        look(&r);
        expect_eq(!r.updates, step->quiet);
        expect_leads(&r.queue, &step->queue, false);
        expect_leads(&r.pin, &step->pin, step->pin.addr & QVTD_MSI_REMAP);
        qvtd_expect_no_fault(&r.d);
    }
    routes_stop(&r);
}

/* Ids above 255: their upper bits are in the address's upper half */
static void test_x2apic_routes(void)
{
    static const uint32_t ids[] = { 1, 255, 256, 287, 0x12345678 };
    Routes r;

    routes_start(&r, ",eim=on", QVTD_IRTA_EIME);
    qvtd_command(&r.d, QVTD_SIRTP, true);
    qvtd_command(&r.d, QVTD_IRE, true);
    for (int i = 0; i < ARRAY_SIZE(ids); i++) {
        Message want = {
            (uint64_t)(ids[i] & ~0xffu) << 32 | QVTD_MSI_ADDR |
            QVTD_MSI_DEST(ids[i] & 0xff), 0x4000 | (0x60 + i),
        };

        qvtd_row("id %u", ids[i]);
        for (int k = 0; k < 2; k++) {
            qvtd_set_irte(&r.d, k ? PIN_INDEX : QUEUE_INDEX,
                          QVTD_P | QVTD_IRTE_V(0x60 + i) |
                          QVTD_IRTE_DST_X2APIC(ids[i]), 0);
        }
        qvtd_invalidate(&r.d, QVTD_INV_IEC_GLOBAL);
        look(&r);
        expect_leads(&r.queue, &want, false);
        expect_leads(&r.pin, &want, false);
        qvtd_expect_no_fault(&r.d);
    }
    routes_stop(&r);
}

/* auto, as KVM's interrupt controller has it */
static void test_auto(void)
{
    static const struct {
        const char *irqchip;
        const char *props;
        uint64_t ecap;
    } rows[] = {
        { "split", "", QVTD_ECAP_IR | QVTD_ECAP_EIM },
        { "split", ",intremap=auto,eim=auto", QVTD_ECAP_IR | QVTD_ECAP_EIM },
        { "split", ",intremap=on", QVTD_ECAP_IR | QVTD_ECAP_EIM },
        { "split", ",intremap=on,eim=on", QVTD_ECAP_IR | QVTD_ECAP_EIM },
        { "split", ",intremap=on,eim=off", QVTD_ECAP_IR },
        { "split", ",intremap=off", 0 },
        { "on", "", 0 },
        { "on", ",intremap=auto", 0 },
        { "on", ",intremap=off,eim=auto", 0 },
    };

    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *machine =
            g_strdup_printf(",kernel-irqchip=%s -accel kvm", rows[i].irqchip);
        QVtd d;

        qvtd_row("kernel-irqchip=%s \"%s\"", rows[i].irqchip, rows[i].props);
        qvtd_start(&d, machine, rows[i].props, "-S");
        expect_eq(qvtd_read64(&d, QVTD_ECAP) & (QVTD_ECAP_IR | QVTD_ECAP_EIM),
                  rows[i].ecap);
        qvtd_stop(&d);
    }
}

/* Whether a machine can be made that way at all */
static bool have_kvm(void)
{
    g_autofree char *command = g_strdup_printf(
        "sh -c 'echo quit | %s -M q35,kernel-irqchip=split -accel kvm "
        "-nodefaults -display none -S -monitor stdio'",
        g_getenv("QTEST_QEMU_BINARY"));
    g_autofree char *output = NULL;
    g_autofree char *message = NULL;
    int status = 1;

    return access("/dev/kvm", R_OK | W_OK) == 0 &&
           g_spawn_command_line_sync(command, &output, &message, &status,
                                     NULL) && status == 0;
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (have_kvm()) {
        qtest_add_func("/intel-iommu/kvm/routes", test_routes);
        qtest_add_func("/intel-iommu/kvm/x2apic-routes", test_x2apic_routes);
        qtest_add_func("/intel-iommu/kvm/auto", test_auto);
    } else {
        g_test_message("no KVM with kernel-irqchip=split: nothing to test");
    }
    return g_test_run();
}
