/*
 * The VT-d unit in scalable mode: each end of a request's way
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The rows of tests/vtd/rows-sm*.c, in units that have all of scalable mode,
 * parts of it, or all but one capability.
 */

#include "qemu/osdep.h"
#include "tests/vtd/rows.h"
#include "vtd-host.h"

#define SID                     0x0308

typedef void Rows(QVtd *d, uint16_t sid, unsigned haw);

static void run(VtdConfig config, const char *name, Rows *rows)
{
    Host *h = host_new(&config);

    g_test_message("a unit with %s", name);
    device_new(h, SID);
    rows(&h->vtd, SID, h->config.haw_bits);
    host_free(h);
}

static void run_all(Rows *rows)
{
    VtdConfig config = host_full_config(57);

    run(config, "all, 57 bits", rows);
    config.haw_bits = 52;
    config.aw_bits = 48;
    run(config, "all, 48 bits, physical addresses of 52", rows);
    run(host_full_config(48), "all, 48 bits", rows);
    run(host_full_config(39), "all, 39 bits", rows);

    config = host_config;
    config.scalable_mode = config.second_stage = true;
    run(config, "a second stage and nothing else", rows);
    config.second_stage = false;
    config.first_stage = true;
    config.pass_through = false;
    run(config, "a first stage and nothing else", rows);

    config = host_full_config(48);
    config.nested = false;
    config.device_iotlb = true;
    run(config, "both stages, not nested, device-TLBs", rows);
}

static void test_rows(const void *rows)
{
    run_all((Rows *)rows);
}

static void run_with(VtdConfig config, void (*rows)(QVtd *d))
{
    Host *h = host_new(&config);

    for (unsigned i = 0; qvtd_context_sids[i]; i++) {
        device_new(h, qvtd_context_sids[i]);
    }
    rows(&h->vtd);
    host_free(h);
}

static void test_cache(const void *rows)
{
    run_with(host_full_config(57), (void (*)(QVtd *d))rows);
}

/* The queue is the same with device-TLBs, and with a stage alone */
static void test_queue(const void *rows)
{
    VtdConfig config = host_full_config(48);

    run_with(config, (void (*)(QVtd *d))rows);
    config.device_iotlb = true;
    run_with(config, (void (*)(QVtd *d))rows);
    config.nested = config.first_stage = config.intr_remap = config.eim =
        false;
    run_with(config, (void (*)(QVtd *d))rows);
}

static void test_changes(const void *rows)
{
    VtdConfig config = host_full_config(57);

    run(config, "all", (Rows *)rows);
    config.caching_mode = true;
    run(config, "caching mode", (Rows *)rows);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);

    g_test_add_data_func("/vtd/scalable/entries", qvtd_rows_sm_entries,
                         test_rows);
    g_test_add_data_func("/vtd/scalable/second-stage", qvtd_rows_sm_second,
                         test_rows);
    g_test_add_data_func("/vtd/scalable/first-stage", qvtd_rows_sm_first,
                         test_rows);
    g_test_add_data_func("/vtd/scalable/nested", qvtd_rows_sm_nested,
                         test_rows);
    g_test_add_data_func("/vtd/scalable/marks", qvtd_rows_sm_marks,
                         test_rows);
    g_test_add_data_func("/vtd/scalable/pass-through",
                         qvtd_rows_sm_pass_through, test_rows);
    g_test_add_data_func("/vtd/scalable/queue/types", qvtd_rows_sm_types,
                         test_queue);
    g_test_add_data_func("/vtd/scalable/queue/reserved-bits",
                         qvtd_rows_sm_reserved, test_queue);
    g_test_add_data_func("/vtd/scalable/queue/values", qvtd_rows_sm_queue,
                         test_queue);
    g_test_add_data_func("/vtd/scalable/cache/iotlb", qvtd_rows_sm_iotlb,
                         test_cache);
    g_test_add_data_func("/vtd/scalable/cache/pasids", qvtd_rows_sm_pasids,
                         test_cache);
    g_test_add_data_func("/vtd/scalable/cache/appearances",
                         qvtd_rows_sm_appearances, test_changes);
    g_test_add_data_func("/vtd/scalable/cache/disappearances",
                         qvtd_rows_sm_disappearances, test_changes);

    return g_test_run();
}
