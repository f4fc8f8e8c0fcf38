/*
 * VT-d qtests: where a device can be, and how it gets there
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Functions of one slot, switches, bridges that put their own id into
 * requests, expander buses, buses that bypass the unit, bridges that are
 * unplugged and plugged again, and the order of -device options.
 */

#include "qemu/osdep.h"
#include "hw/pci/pci_regs.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "vtd-board.h"

#define RP                      QPCI_DEVFN(5, 0)
#define ROOT_PORT               " -device pcie-root-port,id=rp,addr=5"
#define DEVFN(bus, slot, fn)    ((bus) << 8 | QPCI_DEVFN(slot, fn))

/* The first device of a bus; the next ones take the addresses behind it */
static void find(Testdev *t, QVtd *d, uint16_t address)
{
    d->pci->mmio_alloc_ptr = BOARD_WINDOW(address >> 8);
    testdev_start(t, d, address);
}

static void expect_reaches(Testdev *t, uint64_t iova, uint64_t pa)
{
    uint64_t value = 0, sent = 0x123456789abcdef0ull ^ pa;

    qtest_writeq(t->d->qts, pa, 0);
    expect_true(testdev_dma_write(t, iova, sent));
    expect_eq(qtest_readq(t->d->qts, pa), sent);
    expect_true(testdev_dma_read(t, iova, &value));
    expect_eq(value, sent);
    qvtd_expect_no_fault(t->d);
}

static void expect_blocked(Testdev *t, uint8_t reason, uint16_t sid)
{
    uint64_t value;

    expect_true(!testdev_dma_read(t, IOVA, &value));
    qvtd_expect_fault(t->d, reason, sid, IOVA, true);
}

/* A domain with a page of its own at IOVA, for @sid; the page */
static uint64_t attach(QVtd *d, uint16_t sid, uint16_t id)
{
    QVtdDomain domain = qvtd_domain_new(d, id, 4);
    uint64_t page = qvtd_alloc(d, 1);

    qvtd_map(d, &domain, IOVA, page, 1, QVTD_RW);
    qvtd_attach(d, sid, &domain);
    qvtd_invalidate_all(d);
    return page;
}

/* A device alone under its id: nothing, then a page, then nothing again */
static void check_sid(Testdev *t, uint16_t sid, uint16_t id)
{
    uint64_t page;

    qvtd_row("%04x as %04x", t->sid, sid);
    expect_blocked(t, qvtd_root_entry(t->d, sid) &&
                   qtest_readq(t->d->qts, qvtd_root_entry(t->d, sid))
                   ? 0x02 : 0x01, sid);
    page = attach(t->d, sid, id);
    expect_reaches(t, IOVA, page);
}

static void test_functions(void)
{
    static const uint16_t at[] = {
        DEVFN(0, 3, 0), DEVFN(0, 3, 1), DEVFN(0, 3, 7), DEVFN(1, 0, 0),
        DEVFN(1, 0, 5),
    };
    uint64_t pages[ARRAY_SIZE(at)];
    Testdev t[ARRAY_SIZE(at)];
    QVtd d;

    qvtd_start(&d, "", "",
               "-device vtd-testdev,addr=3.1 -device vtd-testdev,addr=3.7 "
               "-device vtd-testdev,addr=3.0,multifunction=on"
               ROOT_PORT " -device vtd-testdev,bus=rp,addr=0.5 "
               "-device vtd-testdev,bus=rp,addr=0.0,multifunction=on");
    board_number_bus(&d, RP, 1, 1);
    qvtd_enable(&d);
    for (int i = 0; i < ARRAY_SIZE(at); i++) {
        if (!(at[i] & 7)) {
            find(&t[i], &d, at[i]);
        } else {
            testdev_start(&t[i], &d, at[i]);
        }
    }
    for (int i = 0; i < ARRAY_SIZE(at); i++) {
        qvtd_row("function %04x", at[i]);
        pages[i] = attach(&d, at[i], i + 1);
        for (int j = 0; j < ARRAY_SIZE(at); j++) {
            if (j <= i) {
                expect_reaches(&t[j], IOVA, pages[j]);
            } else {
                expect_true(!testdev_dma_write(&t[j], IOVA, 0));
                qvtd_expect_fault(&d, at[j] >> 8 > at[i] >> 8 ? 0x01 : 0x02,
                                  at[j], IOVA, false);
            }
        }
    }
    for (int i = 0; i < ARRAY_SIZE(at); i++) {
        testdev_stop(&t[i]);
    }
    qvtd_stop(&d);
}

/* Two endpoints under a switch: each has the id that it was numbered with */
static void test_switch(void)
{
    Testdev a, b;
    QVtd d;

    qvtd_start(&d, "", "", ROOT_PORT
               " -device x3130-upstream,id=up,bus=rp"
               " -device xio3130-downstream,id=d1,bus=up,addr=0,slot=1"
               " -device xio3130-downstream,id=d2,bus=up,addr=1,slot=2"
               " -device vtd-testdev,bus=d1 -device vtd-testdev,bus=d2");
    board_number_bus(&d, RP, 1, 4);
    board_number_bus(&d, DEVFN(1, 0, 0), 2, 4);
    board_number_bus(&d, DEVFN(2, 0, 0), 3, 3);
    board_number_bus(&d, DEVFN(2, 1, 0), 4, 4);
    find(&a, &d, DEVFN(3, 0, 0));
    find(&b, &d, DEVFN(4, 0, 0));
    qvtd_enable(&d);
    check_sid(&a, DEVFN(3, 0, 0), 1);
    check_sid(&b, DEVFN(4, 0, 0), 2);
    testdev_stop(&a);
    testdev_stop(&b);
    qvtd_stop(&d);
}

/* A monitor finds a device's space, which has the requests' id */
static void expect_found(QVtd *d, const char *name, uint16_t sid)
{
    g_autofree char *want = g_strdup_printf("%02x:%02x.%x", sid >> 8,
                                            sid >> 3 & 31, sid & 7);
    QDict *answer = qtest_qmp_assert_success_ref(
        d->qts, "{ 'execute': 'x-query-vtd', 'arguments': { 'device': %s } }",
        name);
    QList *spaces = qdict_get_qlist(answer, "spaces");
    QDict *space = qobject_to(QDict, qlist_peek(spaces));

    expect_eq(qlist_size(spaces), 1);
    g_assert_cmpstr(qdict_get_str(space, "device"), ==, want);
    expect_true(qdict_haskey(space, "qom-path"));
    qobject_unref(answer);
}

/* Whose id is in the requests of a device behind bridges */
static void test_aliases(void)
{
    static const struct {
        const char *name;
        const char *args;
        uint16_t bridges[3];
        uint16_t sid;
    } rows[] = {
        { "PCIe to PCI",
          ROOT_PORT " -device pcie-pci-bridge,id=b1,bus=rp"
          " -device vtd-testdev,id=t,bus=b1,addr=4",
          { RP, DEVFN(1, 0, 0) }, DEVFN(2, 0, 0) },
        { "PCIe to PCI, then PCI to PCI",
          ROOT_PORT " -device pcie-pci-bridge,id=b1,bus=rp"
          " -device pci-bridge,id=b2,bus=b1,addr=1,chassis_nr=2"
          " -device vtd-testdev,id=t,bus=b2,addr=4",
          { RP, DEVFN(1, 0, 0), DEVFN(2, 1, 0) }, DEVFN(2, 0, 0) },
        { "PCIe to PCI on the root bus",
          " -device pcie-pci-bridge,id=b1,addr=5"
          " -device vtd-testdev,id=t,bus=b1,addr=4",
          { RP }, DEVFN(1, 0, 0) },
        { "DMI to PCI",
          " -device i82801b11-bridge,id=b1,addr=5"
          " -device vtd-testdev,id=t,bus=b1,addr=4",
          { RP }, RP },
        { "DMI to PCI, then PCI to PCI",
          " -device i82801b11-bridge,id=b1,addr=5"
          " -device pci-bridge,id=b2,bus=b1,addr=1,chassis_nr=2"
          " -device vtd-testdev,id=t,bus=b2,addr=4",
          { RP, DEVFN(1, 1, 0) }, RP },
    };

    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        uint8_t bus = 0;
        QVtd d;
        Testdev t;

        qvtd_row("%s", rows[i].name);
        qvtd_start(&d, "", "", rows[i].args);
        for (int j = 0; j < 3 && rows[i].bridges[j]; j++) {
            board_number_bus(&d, rows[i].bridges[j], ++bus, 3);
        }
        find(&t, &d, DEVFN(bus, 4, 0));
        qvtd_enable(&d);
        check_sid(&t, rows[i].sid, 1);
        expect_found(&d, "t", rows[i].sid);
        expect_found(&d, "/machine/peripheral/t", rows[i].sid);
        testdev_stop(&t);
        qvtd_stop(&d);
    }
}

#define EXPANDER(props) \
    " -device pxb-pcie,id=pxb,bus_nr=64,addr=6" props \
    " -device pcie-root-port,id=prp,bus=pxb,addr=0,chassis=9" \
    " -device vtd-testdev,bus=prp"

/* Which buses are behind the unit */
static void test_expander(void)
{
    static const struct {
        const char *machine;
        const char *pxb;
        bool root_translated;
        bool pxb_translated;
    } rows[] = {
        { "", EXPANDER(""), true, true },
        { "", EXPANDER(",bypass_iommu=on"), true, false },
        { "", EXPANDER(",bypass_iommu=off"), true, true },
        { ",default-bus-bypass-iommu=on", EXPANDER(""), false, true },
        { ",default-bus-bypass-iommu=on", EXPANDER(",bypass_iommu=on"),
          false, false },
    };

    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autofree char *args = g_strconcat("-device vtd-testdev,addr=3",
                                            rows[i].pxb, NULL);
        Testdev root, expanded;
        QVtd d;
        uint64_t page;

        qvtd_row("row %d", i);
        qvtd_start(&d, rows[i].machine, "", args);
        board_number_bus(&d, DEVFN(64, 0, 0), 65, 65);
        find(&expanded, &d, DEVFN(65, 0, 0));
        find(&root, &d, DEVFN(0, 3, 0));
        qvtd_enable(&d);
        page = qvtd_alloc(&d, 1);

        if (rows[i].root_translated) {
            check_sid(&root, root.sid, 1);
        } else {
            expect_reaches(&root, page, page);
        }
        if (rows[i].pxb_translated) {
            check_sid(&expanded, expanded.sid, 2);
        } else {
            expect_reaches(&expanded, page, page);
        }
        testdev_stop(&root);
        testdev_stop(&expanded);
        qvtd_stop(&d);
    }
}

/*
 * Whether a device sees memory as it is depends on its id: a new number of
 * its bus is enough to change that.
 */
static void test_pass_through(void)
{
    static const uint8_t numbers[] = { 1, 3, 1, 2, 1, 3, 2 };
    uint64_t page, same;
    QVtd d;
    Testdev t;

    qvtd_start(&d, "", "", ROOT_PORT " -device vtd-testdev,bus=rp");
    board_number_bus(&d, RP, 1, 1);
    qvtd_enable(&d);
    qvtd_attach_pass_through(&d, DEVFN(1, 0, 0), 1, 2);
    page = attach(&d, DEVFN(2, 0, 0), 2);
    same = qvtd_alloc(&d, 1);
    for (int i = 0; i < ARRAY_SIZE(numbers); i++) {
        qvtd_row("bus %u, step %d", numbers[i], i);
        board_number_bus(&d, RP, numbers[i], numbers[i]);
        find(&t, &d, DEVFN(numbers[i], 0, 0));
        switch (numbers[i]) {
        case 1:
            expect_reaches(&t, same, same);
            break;
        case 2:
            expect_reaches(&t, IOVA, page);
            break;
        default:
            expect_blocked(&t, 0x01, t.sid);
        }
        testdev_stop(&t);
    }
    qvtd_stop(&d);
}

/* The same from the start, where the number is 0: that of another device */
static void test_unnumbered(void)
{
    uint64_t page, same;
    QVtd d;
    Testdev t;

    qvtd_start(&d, "", "", ROOT_PORT " -device vtd-testdev,bus=rp");
    qvtd_enable(&d);
    qvtd_attach_pass_through(&d, DEVFN(0, 0, 0), 1, 2);
    page = attach(&d, DEVFN(1, 0, 0), 2);
    same = qvtd_alloc(&d, 1);
    qvtd_row("number 0, then 1");
    board_number_bus(&d, RP, 1, 1);
    find(&t, &d, DEVFN(1, 0, 0));
    expect_reaches(&t, IOVA, page);
    expect_true(!testdev_dma_write(&t, same, 0));
    qvtd_expect_fault(&d, QVTD_F_WRITE, t.sid, same, false);
    testdev_stop(&t);
    qvtd_stop(&d);
}

/* A shadow is of the tables that its device has by the number of the day */
static void test_shadow(void)
{
    static const uint8_t numbers[] = { 1, 2, 3, 1, 4, 2, 1 };
    QVtdDomain other;
    Shadow s;
    Testdev t;
    Board w;

    board_start(&w, "", "", ROOT_PORT " -device vtd-testdev,bus=rp");
    BOARD_EDIT(&w, LEAVES(1, IOVA, BOARD_RAM, 20),
               LEAVES(2, 2 * IOVA, BOARD_RAM, 2));
    other = qvtd_domain_new(&w.d, 2, 4);
    qvtd_map(&w.d, &other, IOVA, BOARD_RAM + 0x5000, 1, QVTD_RW);
    qvtd_attach(&w.d, DEVFN(1, 0, 0), &w.domain);
    qvtd_attach(&w.d, DEVFN(2, 0, 0), &other);
    qvtd_attach_pass_through(&w.d, DEVFN(4, 0, 0), 3, 2);
    qvtd_invalidate_all(&w.d);
    shadow_expect(&w.sa);
    for (int i = 0; i < ARRAY_SIZE(numbers); i++) {
        qvtd_row("bus %u, step %d", numbers[i], i);
        board_number_bus(&w.d, RP, numbers[i], numbers[i]);
        find(&t, &w.d, DEVFN(numbers[i], 0, 0));
        if (!i) {
            shadow_resume(&s, &t, &w.plain);
        }
        shadow_expect(&s);
        shadow_expect_quiet(&w.sa);
        testdev_stop(&t);
    }
    shadow_stop(&s);
    board_stop(&w);
}

/*
 * A bridge that is unplugged takes its bus along.  Nothing of it may be
 * left: freed memory is filled with a pattern here (see main).
 */
static void test_bridge_hotplug(void)
{
    Testdev stays;
    QVtd d;
    uint64_t kept;

    qvtd_start(&d, "", ",caching-mode=on", ROOT_PORT
               " -device vtd-testdev,addr=3"
               " -global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off");
    board_number_bus(&d, RP, 1, 3);
    find(&stays, &d, DEVFN(0, 3, 0));
    qvtd_enable(&d);
    kept = attach(&d, stays.sid, 100);
    for (int round = 0; round < 6; round++) {
        uint8_t bus = 2 + round / 2 % 2;
        uint64_t views;
        Testdev t;

        qvtd_row("bridge comes as bus %u, round %d", bus, round);
        board_slot_power(&d, RP, true);
        qtest_qmp_device_add(d.qts, "pcie-pci-bridge", "bridge",
                             "{'bus': 'rp'}");
        board_number_bus(&d, DEVFN(1, 0, 0), bus, bus);
        qtest_qmp_device_add(d.qts, "vtd-testdev", "hot",
                             "{'bus': 'bridge', 'addr': '4'}");
        find(&t, &d, DEVFN(bus, 4, 0));
        if (round % 2) {
            /* Not what it was before the bridge went */
            qvtd_attach_pass_through(&d, DEVFN(bus, 0, 0), 50, 2);
            qvtd_invalidate_all(&d);
            expect_reaches(&t, kept + 8, kept + 8);
        } else {
            expect_reaches(&t, IOVA, attach(&d, DEVFN(bus, 0, 0), 1 + round));
            expect_true(testdev_count(&t, TESTDEV_MAPPINGS) != 0);
            testdev_expect_no_error(&t);
        }
        expect_reaches(&stays, IOVA, kept);
        testdev_stop(&t);

        qvtd_row("bridge goes, round %d", round);
        qtest_qmp_device_del_send(d.qts, "bridge");
        board_slot_power(&d, RP, false);
        qtest_qmp_eventwait(d.qts, "DEVICE_DELETED");
        qvtd_invalidate_all(&d);
        expect_reaches(&stays, IOVA, kept);
        qtest_writeq(d.qts, qvtd_context_entry(&d, DEVFN(bus, 0, 0)), 0);
        qvtd_invalidate_all(&d);

        qvtd_row("all views change without it, round %d", round);
        qvtd_disable(&d);
        qvtd_enable(&d);
        expect_reaches(&stays, IOVA, kept);
        views = qvtd_stat(&d, "view-switches");
        qvtd_invalidate_all(&d);
        expect_eq(qvtd_stat(&d, "view-switches"), views);
    }
    testdev_expect_no_error(&stays);
    testdev_stop(&stays);
    qvtd_stop(&d);
}

/* A device that comes again where it was, without its bus */
static void test_device_hotplug(void)
{
    QVtd d;

    qvtd_start(&d, "", ",caching-mode=on", ROOT_PORT
               " -global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off");
    board_number_bus(&d, RP, 1, 1);
    qvtd_enable(&d);
    for (int round = 0; round < 4; round++) {
        uint16_t sid = DEVFN(1, 0, 0);
        Testdev t;

        qvtd_row("round %d", round);
        board_slot_power(&d, RP, true);
        qtest_qmp_device_add(d.qts, "vtd-testdev", "hot", "{'bus': 'rp'}");
        find(&t, &d, sid);
        expect_blocked(&t, round ? 0x02 : 0x01, sid);
        expect_reaches(&t, IOVA, attach(&d, sid, 1 + round));
        testdev_expect_no_error(&t);
        testdev_stop(&t);
        qtest_qmp_device_del_send(d.qts, "hot");
        board_slot_power(&d, RP, false);
        qtest_qmp_eventwait(d.qts, "DEVICE_DELETED");
        qtest_writeq(d.qts, qvtd_context_entry(&d, sid), 0);
        qvtd_invalidate_all(&d);
    }
    qvtd_stop(&d);
}

/* Devices and bridges that were made before the unit are behind it too */
static void test_order(void)
{
    static const struct {
        const char *name;
        const char *args;       /* ahead of -device intel-iommu */
        bool port;
        uint16_t at;
    } rows[] = {
        { "device", " -device vtd-testdev,addr=3", false, DEVFN(0, 3, 0) },
        { "port and device", ROOT_PORT " -device vtd-testdev,bus=rp", true,
          DEVFN(1, 0, 0) },
    };

    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        QVtd d;
        Testdev t;

        qvtd_start(&d, rows[i].args, "", "");
        if (rows[i].port) {
            board_number_bus(&d, RP, 1, 1);
        }
        find(&t, &d, rows[i].at);
        qvtd_enable(&d);
        check_sid(&t, t.sid, 1);
        testdev_stop(&t);
        qvtd_stop(&d);
    }
}

int main(int argc, char **argv)
{
    /* The C library's: what is freed does not look like what it was */
    g_setenv("MALLOC_PERTURB_", "90", true);
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/topology/functions", test_functions);
    qtest_add_func("/intel-iommu/topology/switch", test_switch);
    qtest_add_func("/intel-iommu/topology/aliases", test_aliases);
    qtest_add_func("/intel-iommu/topology/expander", test_expander);
    qtest_add_func("/intel-iommu/topology/pass-through", test_pass_through);
    qtest_add_func("/intel-iommu/topology/unnumbered", test_unnumbered);
    qtest_add_func("/intel-iommu/topology/shadow", test_shadow);
    qtest_add_func("/intel-iommu/topology/bridge-hotplug",
                   test_bridge_hotplug);
    qtest_add_func("/intel-iommu/topology/device-hotplug",
                   test_device_hotplug);
    qtest_add_func("/intel-iommu/topology/order", test_order);
    return g_test_run();
}
