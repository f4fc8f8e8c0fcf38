/*
 * VT-d qtests: caching-mode=auto, and devices of the host
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Every way to write caching-mode, what auto becomes, and which devices of
 * the host are refused.  The test device with host-aw-bits=N stands for
 * vfio-pci.
 */

#include "qemu/osdep.h"
#include <sys/prctl.h>
#include <linux/capability.h>
#include <glib/gstdio.h>
#include "qobject/qdict.h"
#include "vtd-board.h"

#define A                       QPCI_DEVFN(3, 0)

/* What QMP reads, and what the guest does */
static void expect_caching_mode(QVtd *d, bool on)
{
    QDict *response = qtest_qmp(d->qts,
                                "{ 'execute': 'qom-get', 'arguments': {"
                                " 'path': '/machine/peripheral/iommu',"
                                " 'property': 'caching-mode' } }");

    expect_eq(qdict_get_bool(response, "return"), on);
    qobject_unref(response);
    expect_eq(!!(qvtd_read64(d, QVTD_CAP) & QVTD_CAP_CM), on);
}

static void start(QVtd *d, const char *machine, const char *args)
{
    qvtd_connect(d, qtest_initf("-machine %s -nodefaults %s", machine, args));
}

static void check(const char *machine, const char *args, bool on)
{
    QVtd d;

    qvtd_row("%s %s", machine, args);
    start(&d, machine, args);
    expect_caching_mode(&d, on);
    qtest_system_reset(d.qts);
    expect_caching_mode(&d, on);
    qtest_quit(d.qts);
}

/* All that a bool takes, and the third one */
static void test_forms(void)
{
    static const struct {
        const char *value;
        bool on;
    } rows[] = {
        { "on", true }, { "yes", true }, { "true", true }, { "y", true },
        { "off", false }, { "no", false }, { "false", false },
        { "n", false }, { "auto", false },
    };
    static const char *const ways[] = {
        "-device intel-iommu,id=iommu,caching-mode=%s",
        "-global intel-iommu.caching-mode=%s -device intel-iommu,id=iommu",
        "-device '{ \"driver\": \"intel-iommu\", \"id\": \"iommu\","
        " \"caching-mode\": \"%s\" }'",
        /* The last one counts */
        "-global intel-iommu.caching-mode=on"
        " -device intel-iommu,id=iommu,caching-mode=off,caching-mode=%s",
    };

    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        for (int way = 0; way < ARRAY_SIZE(ways); way++) {
            g_auto(GStrv) parts = g_strsplit(ways[way], "%s", 2);
            g_autofree char *args = g_strconcat(parts[0], rows[i].value,
                                                parts[1], NULL);

            check("q35", args, rows[i].on);
        }
    }
    check("q35", "-device '{ \"driver\": \"intel-iommu\", \"id\": \"iommu\","
          " \"caching-mode\": true }'", true);
    check("q35", "-device '{ \"driver\": \"intel-iommu\", \"id\": \"iommu\","
          " \"caching-mode\": false }'", false);
}

#define IOMMU   "-device intel-iommu,id=iommu"
#define HOST    " -device vtd-testdev,host-aw-bits=48"

static void test_auto(void)
{
    static const struct {
        const char *machine;
        const char *args;
        bool on;
    } rows[] = {
        { "q35", IOMMU, false },
        { "q35", IOMMU HOST, true },
        { "q35", IOMMU ",caching-mode=auto" HOST, true },
        { "q35", IOMMU ",caching-mode=on", true },
        { "q35", IOMMU ",caching-mode=on" HOST, true },
        { "q35", IOMMU " -device edu -device virtio-net,disable-legacy=on,"
          "iommu_platform=on", false },
        { "q35", IOMMU " -device vtd-testdev,unmap-only=on", false },
        { "q35", IOMMU " -device vtd-testdev,device-tlb=on", false },
        /* One that VFIO would not know of either, until it is too late */
        { "q35", IOMMU " -device vtd-testdev", false },
        { "q35", IOMMU " -device pcie-root-port,id=rp"
          " -device vtd-testdev,host-aw-bits=48,bus=rp", true },
        { "q35", IOMMU HOST HOST, true },
        /* Not behind the unit, whatever its width */
        { "q35,default-bus-bypass-iommu=on",
          IOMMU " -device vtd-testdev,host-aw-bits=32", false },
    };

    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        check(rows[i].machine, rows[i].args, rows[i].on);
    }
}

/* Machines of former versions, in which the unit has 39 bits */
static void test_machine(gconstpointer data)
{
    const char *machine = data;

    if (!qtest_has_machine(machine)) {
        g_test_skip("this QEMU has no such machine");
        return;
    }
    check(machine, IOMMU, false);
    check(machine, IOMMU " -device vtd-testdev,host-aw-bits=39", true);
}

#define CAP_RWBF                (1ull << 4)

/* auto in use: a page that appears is told of, before and after a reset */
static void test_maps(void)
{
    QVtd d;

    qvtd_start(&d, "", "", "-device vtd-testdev,addr=3,host-aw-bits=48");
    for (int round = 0; round < 2; round++) {
        QVtdDomain domain;
        Testdev t;
        uint64_t page, value = 0;

        qvtd_row("round %d", round);
        testdev_start(&t, &d, A);
        qvtd_enable(&d);
        domain = qvtd_domain_new(&d, 1, 4);
        qvtd_attach(&d, A, &domain);
        qvtd_invalidate_all(&d);
        testdev_clear(&t);
        page = qvtd_alloc(&d, 1);
        qvtd_map(&d, &domain, IOVA, page, 1, QVTD_RW);
        expect_eq(testdev_count(&t, TESTDEV_MAPS), 0);
        qvtd_invalidate(&d, QVTD_INV_IOTLB_PAGES(1, IOVA, 0));
        expect_eq(testdev_count(&t, TESTDEV_MAPS), 1);
        expect_eq(testdev_count(&t, TESTDEV_NOT_REGISTERED), 0);
        qtest_writeq(d.qts, page, 0x1234);
        expect_true(testdev_dma_read(&t, IOVA, &value));
        expect_eq(value, 0x1234);
        testdev_expect_no_error(&t);
        testdev_stop(&t);
        qvtd_reset(&d);
    }
    qvtd_stop(&d);
}

/*
 * A first stage, whose mappings no invalidation follows: the guest is asked to
 * flush the write buffer.  The host need not have addresses of 48 bits, since
 * canonical ones go to 2^47.
 */
static void test_first_stage(void)
{
    QVtdFirst first;
    Testdev t;
    QVtd d;
    uint64_t page, value = 0;

    qvtd_start(&d, "", ",x-scalable-mode=on,x-flts=on",
               "-device vtd-testdev,addr=3,host-aw-bits=47");
    expect_true(qvtd_read64(&d, QVTD_CAP) & CAP_RWBF);
    testdev_start(&t, &d, A);
    qvtd_use_scalable(&d);
    first = qvtd_first_new(&d, 1, 4, NULL);
    qvtd_sm_attach_first(&d, A, &first);
    qvtd_enable(&d);
    testdev_clear(&t);
    page = qvtd_alloc(&d, 1);
    qvtd_first_map(&d, &first, IOVA, page, 1,
                   QVTD_FS_USER | QVTD_FS_A | QVTD_FS_D);
    expect_eq(testdev_count(&t, TESTDEV_MAPS), 0);
    qvtd_write32(&d, QVTD_GCMD,
                 (qvtd_read32(&d, QVTD_GSTS) & QVTD_GCMD_LEVELS) | QVTD_WBF);
    expect_true(!(qvtd_read32(&d, QVTD_GSTS) & QVTD_WBF));
    expect_eq(testdev_count(&t, TESTDEV_MAPS), 1);
    expect_eq(testdev_count(&t, TESTDEV_UNMAPS), 0);
    qtest_writeq(d.qts, page, 0x1234);
    expect_true(testdev_dma_read(&t, IOVA, &value));
    expect_eq(value, 0x1234);
    testdev_expect_no_error(&t);
    testdev_stop(&t);
    qvtd_stop(&d);
}

/* Without MAPs wanted at the start, nobody gets them later */
static void test_too_late(void)
{
    QVtd d;
    QVtdDomain domain;
    Testdev t;

    qvtd_start(&d, "", "", "-device vtd-testdev,addr=3");
    testdev_start(&t, &d, A);
    domain = qvtd_domain_new(&d, 1, 4);
    qvtd_attach(&d, A, &domain);
    qvtd_enable(&d);
    expect_true(testdev_count(&t, TESTDEV_NOT_REGISTERED) != 0);
    expect_eq(testdev_count(&t, TESTDEV_MAPS), 0);
    testdev_stop(&t);
    qvtd_stop(&d);
}

/* Words that the answer to a hotplugged device has, "" if it is taken */
static void plug(QVtd *d, int bits, const char *words)
{
    QDict *response =
        qtest_qmp(d->qts, "{ 'execute': 'device_add', 'arguments': {"
                  " 'driver': 'vtd-testdev', 'id': 'hot', 'bus': 'rp',"
                  " 'host-aw-bits': %d } }", bits);
    QDict *error = qdict_get_qdict(response, "error");

    expect_eq(!error, !*words);
    if (error) {
        expect_mentions(qdict_get_str(error, "desc"), words);
    }
    qobject_unref(response);
}

static void test_hotplug(void)
{
    static const struct {
        const char *props;
        const char *args;
        int bits;
        const char *words;
    } rows[] = {
        { "", "", 48, "caching-mode=on" },
        { ",caching-mode=auto", "", 48, "caching-mode=on" },
        { ",caching-mode=off", "", 48, "caching-mode=on" },
        { ",caching-mode=on", "", 48, "" },
        { "", HOST, 48, "" },
        { "", HOST, 47, "aw-bits=39" },
        { ",caching-mode=on,aw-bits=39", "", 47, "" },
        { ",caching-mode=on,snoop-control=on", "", 48,
          "snoop-control=off" },
    };

    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        QVtd d;
        g_autofree char *args = g_strconcat("-device pcie-root-port,id=rp",
                                            rows[i].args, NULL);
        uint64_t cap;

        qvtd_row("\"%s\"%s, %d bits", rows[i].props, rows[i].args,
                 rows[i].bits);
        qvtd_start(&d, "", rows[i].props, args);
        cap = qvtd_read64(&d, QVTD_CAP);
        plug(&d, rows[i].bits, rows[i].words);
        expect_eq(qvtd_read64(&d, QVTD_CAP), cap);
        qvtd_stop(&d);
    }
}

/* Memory is pinned for each device: a word about it, if there may be none */
static void test_locked_memory(void)
{
    static const struct {
        unsigned devices;
        bool may;               /* lock as much as it likes, as root does */
        const char *warning;
    } rows[] = {
        { 1, false, NULL },
        { 2, false, "each of 2 assigned devices, up to 256 MiB" },
        { 3, false, "each of 3 assigned devices, up to 384 MiB" },
        { 3, false, "libvirt's memtune), now 0 MiB" },
        { 3, true, NULL },
    };
    const char *binary = g_getenv("QTEST_QEMU_BINARY");
    bool may = !geteuid() && prctl(PR_CAPBSET_READ, CAP_IPC_LOCK) == 1;

    for (int i = 0; i < ARRAY_SIZE(rows); i++) {
        g_autoptr(GString) devices = g_string_new("");
        g_autofree char *command = NULL, *output = NULL, *message = NULL;
        int status = 0;

        if (rows[i].may && !may) {
            continue;
        }
        qvtd_row("row %d: %u devices", i, rows[i].devices);
        for (unsigned k = 0; k < rows[i].devices; k++) {
            g_string_append(devices, HOST);
        }
        command = g_strdup_printf(
            "sh -c 'ulimit -l 64 && echo quit | %s %s -M q35 -m 128 "
            "-accel qtest -nodefaults -display none -S -monitor stdio "
            "-device intel-iommu%s'",
            may && !rows[i].may ? "setpriv --bounding-set=-ipc_lock" : "",
            binary, devices->str);
        g_assert_true(g_spawn_command_line_sync(command, &output, &message,
                                                &status, NULL));
        expect_eq(status, 0);
        if (rows[i].warning) {
            expect_mentions(message, rows[i].warning);
        } else {
            expect_true(!*message);
        }
    }
}

/* A host that takes no more mappings: a word about it, once */
static void test_full(void)
{
    g_autofree char *path = NULL, *args = NULL, *text = NULL;
    QVtdDomain domain;
    QVtd d;
    Testdev t;
    int fd = g_file_open_tmp("vtd-auto-XXXXXX.log", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    args = g_strdup_printf("-device vtd-testdev,addr=3,host-aw-bits=48,"
                           "limit=100 2>%s", path);
    qvtd_start(&d, "", "", args);
    testdev_start(&t, &d, A);
    qvtd_enable(&d);
    domain = qvtd_domain_new(&d, 1, 4);
    qvtd_attach(&d, A, &domain);
    for (unsigned leaves = 99; leaves < 104; leaves++) {
        /* The mailbox is one, too */
        const Edit edits[] = {
            SAME_LEAVES(1, IOVA, BOARD_RAM, leaves - 1),
        };

        qvtd_row("%u leaves", leaves);
        qvtd_edit(&d, &domain, edits, 1);
        qvtd_invalidate_all(&d);
        expect_eq(testdev_count(&t, TESTDEV_MAPPINGS), MIN(leaves, 100));
        g_free(text);
        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        if (leaves <= 100) {
            expect_true(!*text);
        } else {
            expect_mentions(text, strerror(ENOSPC));
            expect_mentions(text, "dma_entry_limit");
            expect_true(strchr(text, '\n') == text + strlen(text) - 1);
        }
    }
    testdev_stop(&t);
    qvtd_stop(&d);
    g_unlink(path);
}

/* The machine's own refusal, ahead of ours */
static void test_pc_refuses(void)
{
    QVtd d;
    QDict *response, *error;

    if (qtest_has_machine("pc-q35-10.2")) {
        g_test_skip("a machine of this QEMU leaves it to the unit to refuse");
        return;
    }
    qvtd_start(&d, "", "", "-device pcie-root-port,id=rp");
    response = qtest_qmp(d.qts, "{ 'execute': 'device_add', 'arguments': {"
                         " 'driver': 'vfio-pci', 'bus': 'rp',"
                         " 'host': '0000:00:00.0' } }");
    error = qdict_get_qdict(response, "error");
    expect_true(error);
    expect_mentions(error ? qdict_get_str(error, "desc") : "",
                    "caching-mode=on");
    qobject_unref(response);
    qvtd_stop(&d);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/auto/forms", test_forms);
    qtest_add_func("/intel-iommu/auto/auto", test_auto);
    qtest_add_data_func("/intel-iommu/auto/machines/9.1", "pc-q35-9.1",
                        test_machine);
    qtest_add_data_func("/intel-iommu/auto/machines/6.2", "pc-q35-6.2",
                        test_machine);
    qtest_add_data_func("/intel-iommu/auto/machines/2.9", "pc-q35-2.9",
                        test_machine);
    qtest_add_func("/intel-iommu/auto/maps", test_maps);
    qtest_add_func("/intel-iommu/auto/first-stage", test_first_stage);
    qtest_add_func("/intel-iommu/auto/too-late", test_too_late);
    qtest_add_func("/intel-iommu/auto/hotplug", test_hotplug);
    qtest_add_func("/intel-iommu/auto/locked-memory", test_locked_memory);
    qtest_add_func("/intel-iommu/auto/full", test_full);
    qtest_add_func("/intel-iommu/auto/pc-refuses", test_pc_refuses);
    return g_test_run();
}
