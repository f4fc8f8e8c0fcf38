/*
 * VT-d qtests: properties and the command line
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The capabilities that each combination of properties and each machine
 * version gives, and the combinations that are refused with a message.
 */

#include "qemu/osdep.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "vtd-driver.h"

#define CAP                     QVTD_CAP_USUAL
#define ECAP                    0x0000000000f00f4aull

#define REMAPPING               (QVTD_ECAP_IR | QVTD_ECAP_MHMV(15))

/* CAP as aw-bits=39 has it */
#define CAP_39 \
    (((CAP) & ~(QVTD_CAP_SAGAW_48 | QVTD_CAP_MGAW(64))) | QVTD_CAP_MGAW(39))

/* ECAP in scalable mode: second stage, first stage, both with all there is */
#define ECAP_SECOND             0x0000480080f00f4aull
#define ECAP_FIRST              0x0000880000f00f4aull
#define ECAP_FULL               0x0013e99c84f00f4aull
#define ECAP_PASID              (1ull << 40)
#define ECAP_PSS(bits)          (((bits) - 1ull) << 35)
/* How wide they are with x-pasid-mode, as with QEMU's own unit */
#define X_PASID_BITS \
    (QEMU_VERSION_MAJOR * 100 + QEMU_VERSION_MINOR >= 1002 ? 8 : 1)
#define CAP_FS1GP               (1ull << 56)
/* All that there is: MAMV of 52, in the place of 18 */
#define CAP_FULL                ((CAP ^ (18ull ^ 52ull) << 48) | CAP_FS1GP)
#define CAP_RWBF                (1ull << 4)
#define SCALABLE                ",x-scalable-mode=on"

static const struct {
    const char *machine;        /* behind "-machine q35" */
    const char *props;
    uint64_t cap;
    uint64_t ecap;
} capabilities[] = {
    { "", "", CAP, ECAP },
    { "", ",version=1", CAP, ECAP },
    { "", ",aw-bits=48", CAP, ECAP },
    { "", ",aw-bits=39", CAP_39, ECAP },
    { "", ",caching-mode=on", CAP | QVTD_CAP_CM, ECAP },
    { "", ",dma-drain=off", CAP & ~QVTD_CAP_DRAINS, ECAP },
    { "", ",dma-translation=off",
      CAP & ~(QVTD_CAP_SAGAW_39 | QVTD_CAP_SAGAW_48), ECAP },
    { "", ",intremap=on", CAP, ECAP },
    { "", ",intremap=off", CAP, ECAP & ~REMAPPING },
    { "", ",eim=on", CAP, ECAP | QVTD_ECAP_EIM },
    { "", ",eim=off", CAP, ECAP },
    { "", ",x-buggy-eim=on", CAP, ECAP | QVTD_ECAP_EIM },
    { "", ",x-buggy-eim=on,eim=off", CAP, ECAP },
    { "", ",x-buggy-eim=on,intremap=off", CAP, ECAP & ~REMAPPING },
    { "", ",device-iotlb=on", CAP, ECAP | QVTD_ECAP_DT },
    { "", ",device-iotlb=on,stale-tm=on", CAP, ECAP | QVTD_ECAP_DT },
    { "", ",pt=off", CAP, ECAP & ~QVTD_ECAP_PT },
    { "", ",snoop-control=on", CAP, ECAP | QVTD_ECAP_SC },
    { "", ",fs1gp=off", CAP, ECAP },
    { "", SCALABLE, CAP, ECAP_SECOND },
    { "", ",scalable-mode=on", CAP, ECAP_SECOND },
    { "", SCALABLE ",aw-bits=39,snoop-control=on,device-iotlb=on", CAP_39,
      ECAP_SECOND | QVTD_ECAP_SC | QVTD_ECAP_DT },
    { "", SCALABLE ",caching-mode=on,pt=off", CAP | QVTD_CAP_CM,
      ECAP_SECOND & ~QVTD_ECAP_PT },
    { "", SCALABLE ",x-pasid-mode=on", CAP,
      ECAP_SECOND | ECAP_PASID | ECAP_PSS(X_PASID_BITS) },
    { "", SCALABLE ",pasid-bits=20,device-iotlb=on", CAP,
      ECAP_SECOND | ECAP_PASID | ECAP_PSS(20) | QVTD_ECAP_DT },
    { "", ",scalable-mode=on,x-pasid-mode=on,pasid-bits=16", CAP,
      ECAP_SECOND | ECAP_PASID | ECAP_PSS(16) },
    { "", SCALABLE ",x-flts=on", CAP | CAP_FS1GP, ECAP_FIRST },
    { "", ",scalable-mode=on,fsts=on,fs1gp=off", CAP, ECAP_FIRST },
    { "", SCALABLE ",x-flts=on,caching-mode=on",
      CAP | CAP_FS1GP | QVTD_CAP_CM | CAP_RWBF, ECAP_FIRST },
    { "", SCALABLE ",x-scalable-full=on", CAP_FULL, ECAP_FULL },
    { "", SCALABLE ",x-scalable-full=on,pasid-bits=10,device-iotlb=on",
      CAP_FULL,
      (ECAP_FULL & ~ECAP_PSS(32)) | ECAP_PSS(10) | QVTD_ECAP_DT },
    { "", SCALABLE ",x-scalable-full=on,x-pasid-mode=on,device-iotlb=on",
      CAP_FULL, ECAP_FULL | QVTD_ECAP_DT },
    { "", SCALABLE ",x-scalable-full=on,aw-bits=57,caching-mode=on",
      (CAP_FULL & ~QVTD_CAP_MGAW(64)) | QVTD_CAP_MGAW(57) |
      1ull << 11 | 1ull << 60 | QVTD_CAP_CM | CAP_RWBF, ECAP_FULL },
    { "", ",aw-bits=39,caching-mode=on,device-iotlb=on,pt=off,intremap=off",
      CAP_39 | QVTD_CAP_CM,
      (ECAP | QVTD_ECAP_DT) & ~(QVTD_ECAP_PT | REMAPPING) },
};

static void expect_capabilities(QVtd *d, uint64_t cap, uint64_t ecap)
{
    expect_eq(qvtd_read64(d, QVTD_CAP), cap);
    expect_eq(qvtd_read64(d, QVTD_ECAP), ecap);
    expect_eq(qvtd_read32(d, QVTD_VER), 0x10);
}

static void test_capabilities(void)
{
    QVtd d;

    for (int i = 0; i < ARRAY_SIZE(capabilities); i++) {
        qvtd_row("\"%s\"", capabilities[i].props);
        qvtd_start(&d, "", capabilities[i].props, "");
        expect_capabilities(&d, capabilities[i].cap, capabilities[i].ecap);
        qvtd_stop(&d);
    }
}

/* Old machines keep what their guests were told */
static const struct {
    const char *version;
    const char *props;
    uint64_t cap;
    uint64_t ecap;
} machines[] = {
    { "9.2", "", CAP, ECAP },
    { "9.1", "", CAP_39, ECAP },
    { "9.1", ",aw-bits=48", CAP, ECAP },
    { "6.2", "", CAP_39, ECAP },
    { "4.0", "", CAP_39, ECAP },
    { "3.1", "", CAP_39 & ~QVTD_CAP_DRAINS, ECAP },
    { "2.9", "", CAP_39 & ~QVTD_CAP_DRAINS, ECAP & ~QVTD_ECAP_PT },
    { "2.7", "", CAP_39 & ~QVTD_CAP_DRAINS,
      (ECAP & ~QVTD_ECAP_PT) | QVTD_ECAP_EIM },
};

static void test_machine(gconstpointer data)
{
    size_t i = GPOINTER_TO_SIZE(data);
    g_autofree char *name = g_strdup_printf("pc-q35-%s", machines[i].version);
    QVtd d;

    if (!qtest_has_machine(name)) {
        g_test_skip("this QEMU has no such machine");
        return;
    }
    qvtd_connect(&d, qtest_initf("-machine %s -nodefaults "
                                 "-device intel-iommu,id=iommu%s",
                                 name, machines[i].props));
    expect_capabilities(&d, machines[i].cap, machines[i].ecap);
    qtest_quit(d.qts);
}

/* What is refused, and words that the message has to have */
static const struct {
    const char *machine;
    const char *args;
    const char *words[3];
} refusals[] = {
    { "q35", "-device intel-iommu,aw-bits=40", { "aw-bits", "39", "48" } },
    { "q35", "-device intel-iommu,aw-bits=0", { "aw-bits", "39", "48" } },
    { "q35", "-device intel-iommu,aw-bits=57",
      { "use 39 or 48", "x-scalable-mode=on,x-scalable-full=on" } },
    { "q35", "-device intel-iommu,eim=on,intremap=off", { "eim", "intremap" } },
    { "q35", "-device intel-iommu,x-flts=on",
      { "x-flts is only available in scalable mode",
        "use x-scalable-mode=on" } },
    { "q35", "-device intel-iommu,fsts=on",
      { "fsts is only available in scalable mode", "use scalable-mode=on" } },
    { "q35", "-device intel-iommu,x-scalable-full=on",
      { "use x-scalable-mode=on" } },
    { "q35", "-device intel-iommu,x-pasid-mode=on",
      { "Need to set scalable mode for PASID (x-pasid-mode)",
        "use x-scalable-mode=on" } },
    { "q35", "-device intel-iommu,pasid-bits=20",
      { "Need to set scalable mode for PASID (pasid-bits)",
        "use scalable-mode=on" } },
    { "q35", "-device intel-iommu,scalable-mode=on,pasid-bits=21",
      { "PASID width 21 exceeds Max PASID Width 20", "use pasid-bits=20" } },
    { "q35", "-device intel-iommu,x-scalable-mode=on,x-pasid-mode=on,"
      "device-iotlb=on", { "device-iotlb=on", "use pasid-bits=20" } },
    { "q35", "-device intel-iommu,x-scalable-mode=on,dma-drain=off",
      { "use dma-drain=on" } },
    { "q35", "-device intel-iommu,x-scalable-mode=on,aw-bits=57",
      { "use 39 or 48", "x-scalable-full=on" } },
    { "q35", "-device intel-iommu,x-scalable-mode=on,x-flts=on,aw-bits=39",
      { "aw-bits=39", "x-flts=on", "use 48" } },
    { "q35", "-device intel-iommu,scalable-mode=on,fsts=on,aw-bits=57",
      { "aw-bits=57", "fsts=on", "use 48" } },
    { "q35", "-device intel-iommu,x-scalable-mode=on,x-scalable-full=on,"
      "aw-bits=39", { "x-scalable-full=on", "use 48 or 57" } },
    { "q35", "-device intel-iommu,x-scalable-mode=on,x-scalable-full=on,"
      "x-flts=on", { "use x-flts=off" } },
    { "q35", "-device intel-iommu,scalable-mode=on,x-scalable-full=on,fsts=on",
      { "use fsts=off" } },
    { "q35", "-device intel-iommu,svm=on,device-iotlb=on",
      { "use svm=off" } },
    { "q35", "-device intel-iommu,caching-mode=perhaps",
      { "caching-mode", "on", "auto" } },
    { "q35", "-device intel-iommu,caching-mode=", { "caching-mode", "auto" } },
    { "q35", "-global intel-iommu.caching-mode=2 -device intel-iommu",
      { "caching-mode", "on", "auto" } },
    { "q35", "-device intel-iommu,caching-mode=off "
      "-device vtd-testdev,host-aw-bits=48", { "caching-mode=on" } },
    { "q35", "-device intel-iommu,snoop-control=on "
      "-device vtd-testdev,host-aw-bits=48", { "snoop-control=off" } },
    { "q35", "-device intel-iommu -device vtd-testdev,host-aw-bits=47",
      { "aw-bits=48", "47 bits", "aw-bits=39" } },
    { "q35", "-device intel-iommu,x-scalable-mode=on,x-scalable-full=on,"
      "aw-bits=57 -device vtd-testdev,host-aw-bits=48",
      { "aw-bits=57", "48 bits", "intel-iommu,aw-bits=48" } },
    /* With 47 bits it is taken: intel_iommu_mapped_bits() */
    { "q35", "-device intel-iommu,x-scalable-mode=on,x-flts=on "
      "-device vtd-testdev,host-aw-bits=46", { "aw-bits=48", "46 bits" } },
    { "q35", "-device intel-iommu -device vtd-testdev,host-aw-bits=38",
      { "aw-bits=48", "38 bits" } },
    { "q35", "-device intel-iommu,aw-bits=39 "
      "-device vtd-testdev,host-aw-bits=38", { "aw-bits=39", "38 bits" } },
    { "q35", "-device intel-iommu -device vtd-testdev,host-aw-bits=255",
      { "the host does not tell" } },
    { "q35", "-device intel-iommu,no-such-property=1", { "no-such-property" } },
    { "q35", "-device intel-iommu -device intel-iommu", { "iommu" } },
    { "pc", "-device intel-iommu", { "intel-iommu" } },
};

static void test_refusals(void)
{
    const char *binary = g_getenv("QTEST_QEMU_BINARY");

    for (int i = 0; i < ARRAY_SIZE(refusals); i++) {
        /* One that is not refused quits by itself, with status 0 */
        g_autofree char *command = g_strdup_printf(
            "sh -c 'echo quit | %s -M %s -accel qtest -nodefaults "
            "-display none -S -monitor stdio %s'",
            binary, refusals[i].machine, refusals[i].args);
        g_autofree char *output = NULL;
        g_autofree char *message = NULL;
        int status = 0;

        qvtd_row("%s %s", refusals[i].machine, refusals[i].args);
        g_assert_true(g_spawn_command_line_sync(command, &output, &message,
                                                &status, NULL));
        expect_true(WIFEXITED(status));
        expect_eq(WEXITSTATUS(status), 1);
        for (int w = 0; w < ARRAY_SIZE(refusals[i].words); w++) {
            if (refusals[i].words[w]) {
                expect_mentions(message, refusals[i].words[w]);
            }
        }
    }
}

/* What -device intel-iommu,help prints is made of this */
static const struct {
    const char *name;
    const char *type;
    const char *words;          /* of the description */
} help[] = {
    { "version", "uint32", "ignored" },
    { "eim", "OnOffAuto", "x2APIC" },
    { "x-buggy-eim", "bool", "eim=auto" },
    { "aw-bits", "uint8", "39 or 48" },
    { "caching-mode", "bool", "(default: auto)" },
    { "x-scalable-mode", "bool", "second stage" },
    { "scalable-mode", "bool", "x-scalable-mode" },
    { "x-flts", "bool", "first stage" },
    { "fsts", "bool", "x-flts" },
    { "snoop-control", "bool", "excludes vfio" },
    { "x-pasid-mode", "bool", "excludes device-iotlb" },
    { "pasid-bits", "uint8", "up to 20" },
    { "svm", "bool", "not supported" },
    { "x-scalable-full", "bool", "both stages" },
    { "dma-drain", "bool", "invalidations wait" },
    { "dma-translation", "bool", "translation of DMA" },
    { "stale-tm", "bool", "device-iotlb=on" },
    { "fs1gp", "bool", "1 GiB" },
    { "max-mappings", "uint64", "assigned device" },
    { "intremap", "OnOffAuto", "remap interrupts" },
    { "device-iotlb", "bool", "ATS" },
    { "pt", "bool", "iommu=pt" },
};

static QDict *find_property(QList *list, const char *name)
{
    QListEntry *entry;

    QLIST_FOREACH_ENTRY(list, entry) {
        QDict *property = qobject_to(QDict, qlist_entry_obj(entry));

        if (g_str_equal(qdict_get_str(property, "name"), name)) {
            return property;
        }
    }
    return NULL;
}

static void test_help(void)
{
    QTestState *qts = qtest_init("-machine q35 -nodefaults");
    QDict *response =
        qtest_qmp(qts, "{ 'execute': 'device-list-properties', 'arguments':"
                  " { 'typename': 'intel-iommu' } }");
    QList *list = qdict_get_qlist(response, "return");

    for (int i = 0; i < ARRAY_SIZE(help); i++) {
        QDict *property = find_property(list, help[i].name);

        qvtd_row("%s", help[i].name);
        if (expect_true(property)) {
            expect_true(g_str_equal(qdict_get_str(property, "type"),
                                    help[i].type));
            expect_mentions(qdict_get_try_str(property, "description") ?: "",
                            help[i].words);
        }
    }
    /* A new one is to be explained, and to be listed here */
    expect_eq(qlist_size(list), ARRAY_SIZE(help));
    qobject_unref(response);
    qtest_quit(qts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    qtest_add_func("/intel-iommu/properties/capabilities", test_capabilities);
    for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
        g_autofree char *name =
            g_strdup_printf("/intel-iommu/properties/machines/%s%s",
                            machines[i].version, machines[i].props);

        qtest_add_data_func(name, GSIZE_TO_POINTER(i), test_machine);
    }
    qtest_add_func("/intel-iommu/properties/refusals", test_refusals);
    qtest_add_func("/intel-iommu/properties/help", test_help);
    return g_test_run();
}
