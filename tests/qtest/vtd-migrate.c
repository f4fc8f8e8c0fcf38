/*
 * VT-d qtests: a machine that moves from one QEMU to another
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the monitor's part in it.
 */

#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include "libqos/libqos.h"
#include "qobject/qdict.h"
#include "qobject/qlist.h"
#include "vtd-migrate.h"

#define SNAPSHOT_FILE           "snapshot.qcow2"

char *qvtd_command_line(const char *props, const char *args)
{
    return g_strdup_printf("-machine q35 -nodefaults "
                           "-device intel-iommu,id=iommu%s %s", props, args);
}

bool qvtd_has_option(const char *binary, const char *device, const char *name)
{
    QTestState *qts = qtest_init_ext(binary, "-machine none -nodefaults", NULL,
                                     true);
    QDict *response =
        qtest_qmp(qts, "{ 'execute': 'device-list-properties', 'arguments':"
                  " { 'typename': %s } }", device);
    QList *list = qdict_get_qlist(response, "return");
    const QListEntry *entry = list ? qlist_first(list) : NULL;
    bool found = false;

    for (; entry; entry = qlist_next(entry)) {
        QDict *property = qobject_to(QDict, qlist_entry_obj(entry));

        found |= g_str_equal(qdict_get_str(property, "name"), name);
    }
    qobject_unref(response);
    qtest_quit(qts);
    return found;
}

bool qvtd_has_words(const char *binary)
{
    QDict *response, *version;
    QTestState *qts;
    bool has;

    if (!g_getenv(binary)) {
        return false;
    }
    qts = qtest_init_ext(binary, "-machine none", NULL, true);
    response = qtest_qmp(qts, "{'execute': 'query-version'}");
    version = qdict_get_qdict(qdict_get_qdict(response, "return"), "qemu");
    has = qdict_get_int(version, "major") == 10 &&
          qdict_get_int(version, "minor") == 0;
    qobject_unref(response);
    qtest_quit(qts);
    return has;
}

QTestState *qvtd_wait_for_state(const char *binary, const char *command_line,
                                const char *errors)
{
    g_autofree char *args = g_strdup_printf("%s -incoming defer%s%s",
                                            command_line,
                                            errors ? " 2>>" : "",
                                            errors ?: "");

    return qtest_init_ext(binary, args, NULL, true);
}

/* The end of a migration, in or out: true if all went well */
static bool is_complete(QTestState *qts)
{
    for (;;) {
        QDict *info = qtest_qmp_assert_success_ref(
            qts, "{ 'execute': 'query-migrate' }");
        g_autofree char *status =
            g_strdup(qdict_get_try_str(info, "status") ?: "none");

        qobject_unref(info);
        if (g_str_equal(status, "completed") ||
            g_str_equal(status, "failed")) {
            return *status == 'c';
        }
        g_usleep(1000);
    }
}

static void await_running(QTestState *qts)
{
    bool running;

    do {
        QDict *info = qtest_qmp_assert_success_ref(
            qts, "{ 'execute': 'query-status' }");

        running = qdict_get_bool(info, "running");
        qobject_unref(info);
    } while (!running);
}

static void start_taking(QTestState *qts, const char *uri)
{
    qtest_qmp_assert_success(qts, "{ 'execute': 'migrate-incoming',"
                             "  'arguments': { 'uri': %s,"
                             "    'exit-on-error': false } }", uri);
}

static bool finish_taking(QTestState *qts)
{
    if (!is_complete(qts)) {
        return false;
    }
    await_running(qts);
    return true;
}

bool qvtd_take_state(QTestState *qts, const char *uri)
{
    start_taking(qts, uri);
    return finish_taking(qts);
}

void qvtd_save_state(QTestState *qts, const char *uri)
{
    qtest_qmp_assert_success(qts, "{ 'execute': 'migrate',"
                             "  'arguments': { 'uri': %s } }", uri);
    g_assert_true(is_complete(qts));
}

void qvtd_save_memory(QTestState *qts, const char *uri)
{
    g_autofree char *status = NULL;

    qtest_qmp_assert_success(qts, "{ 'execute': 'migrate-set-capabilities',"
                             "  'arguments': { 'capabilities': [ {"
                             "    'capability': 'pause-before-switchover',"
                             "    'state': true } ] } }");
    /* Or a rest that can be sent in so long would be left */
    qtest_qmp_assert_success(qts, "{ 'execute': 'migrate-set-parameters',"
                             "  'arguments': { 'downtime-limit': 0 } }");
    qtest_qmp_assert_success(qts, "{ 'execute': 'migrate',"
                             "  'arguments': { 'uri': %s } }", uri);
    do {
        QDict *info = qtest_qmp_assert_success_ref(
            qts, "{ 'execute': 'query-migrate' }");

        g_free(status);
        status = g_strdup(qdict_get_try_str(info, "status") ?: "none");
        qobject_unref(info);
        g_assert_cmpstr(status, !=, "failed");
    } while (!g_str_equal(status, "pre-switchover"));
}

void qvtd_save_rest(QTestState *qts)
{
    qtest_qmp_assert_success(qts, "{ 'execute': 'migrate-continue',"
                             "  'arguments': { 'state': 'pre-switchover' } }");
    g_assert_true(is_complete(qts));
}

/* A command of the human monitor that must have nothing to say */
static void hmp_silent(QTestState *qts, const char *command)
{
    g_autofree char *answer = qtest_hmp(qts, "%s", command);

    g_assert_cmpstr(answer, ==, "");
}

char *qvtd_snapshot_drive(const char *directory)
{
    g_autofree char *file = g_build_filename(directory, SNAPSHOT_FILE, NULL);

    if (!g_getenv("QTEST_QEMU_IMG")) {
        return NULL;
    }
    mkqcow2(file, 1);
    return g_strdup_printf(" -drive if=none,id=snapshot,format=qcow2,file=%s",
                           file);
}

static void move_there_and_back(QVtd *d)
{
    hmp_silent(d->qts, "savevm moved");
    qtest_system_reset(d->qts);
    qtest_memset(d->qts, 0, 0xa5, d->next_page);
    hmp_silent(d->qts, "loadvm moved");
    await_running(d->qts);
}

void qvtd_move(QVtd *d, QVtdWay way, const char *binary,
               const char *command_line, const char *directory)
{
    g_autofree char *file = g_build_filename(directory, "state", NULL);
    g_autofree char *uri = g_strconcat(way == QVTD_WAY_FILE ? "file:" : "unix:",
                                       file, NULL);
    QTestState *to;
    QPCIBus *pci;

    if (way == QVTD_WAY_SNAPSHOT) {
        move_there_and_back(d);
        return;
    }
    to = qvtd_wait_for_state(binary, command_line, NULL);
    if (way == QVTD_WAY_SOCKET) {
        start_taking(to, uri);
        qvtd_save_state(d->qts, uri);
        g_assert_true(finish_taking(to));
    } else {
        qvtd_save_state(d->qts, uri);
        g_assert_true(qvtd_take_state(to, uri));
    }
    g_unlink(file);
    pci = qpci_new_pc(to, NULL);
    pci->pio_alloc_ptr = d->pci->pio_alloc_ptr;
    pci->mmio_alloc_ptr = d->pci->mmio_alloc_ptr;
    qpci_free_pc(d->pci);
    qtest_quit(d->qts);
    d->pci = pci;
    d->qts = qtest_port(d->port)->qts = to;
}
