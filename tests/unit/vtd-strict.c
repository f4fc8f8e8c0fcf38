/*
 * A host that maps for a device as VFIO does, and forgives nothing
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See vtd-strict.h.
 */

#include "qemu/osdep.h"
#include "vtd-strict.h"

static Run run_of(const TestdevExtent *e)
{
    return (Run) { e->iova, e->last, e->target, e->perm };
}

/* Each mapping in turn, by @add */
static GArray *strict_list(const Strict *s,
                           void (*add)(GArray *runs, const Run *run))
{
    GArray *runs = runs_new();

    for (const TestdevExtent *e = testdev_table_find(&s->table, 0); e;
         e = testdev_table_next(&s->table, e)) {
        Run run = run_of(e);

        add(runs, &run);
    }
    return runs;
}

static void add_apart(GArray *runs, const Run *run)
{
    g_array_append_vals(runs, run, 1);
}

GArray *strict_mappings(const Strict *s)
{
    return strict_list(s, add_apart);
}

GArray *strict_runs(const Strict *s)
{
    return strict_list(s, runs_add);
}

unsigned strict_count(const Strict *s)
{
    return testdev_table_count(&s->table);
}

/* The notices */

static uint8_t *find_ram(void *opaque, const TestdevExtent *e)
{
    Strict *s = opaque;
    VtdRam ram;

    host_ram(s->d->h, e->target, &ram);
    /* Nobody reads there: any pointer will do */
    return ram.ram && ram.last - e->target >= e->last - e->iova
           ? (uint8_t *)s : NULL;
}

static void strict_error(Strict *s, const TestdevExtent *e, const char *what)
{
    s->errors++;
    if (!s->error) {
        s->error = g_strdup_printf("%s 0x%" PRIx64 " to 0x%" PRIx64
                                   ", address 0x%" PRIx64 ": %s",
                                   e->perm ? "MAP" : "UNMAP", e->iova,
                                   e->last, e->target, what);
    }
}

/* Notifiers of QEMU's end at the interrupt range, and at the width */
static bool in_range(const Strict *s, const TestdevExtent *e)
{
    return e->last <= s->width_last &&
           !(e->iova <= QVTD_MSI_LAST && e->last >= QVTD_MSI_ADDR);
}

static int take(Strict *s, const TestdevExtent *e, uint64_t *removed)
{
    bool dirty = s->d->h->dirty_tracking;
    int error;

    if (!in_range(s, e)) {
        strict_error(s, e, testdev_error_text(TESTDEV_ERROR_RANGE));
        return TESTDEV_ERROR_RANGE;
    }
    if (!e->perm && e->target && !dirty) {
        strict_error(s, e, "has an address");
        return TESTDEV_ERROR_INEXACT;
    }
    error = testdev_table_update(&s->table, e, dirty, removed);
    if (!error && e->perm && s->bad.last && e->iova <= s->bad.last &&
        e->last >= s->bad.first) {
        testdev_table_forget(&s->table, e->iova, e->last);
        return TESTDEV_ERROR_FORCED;
    }
    if (error && error != TESTDEV_ERROR_LIMIT) {
        strict_error(s, e, testdev_error_text(error));
    }
    return error;
}

int strict_notice(Strict *s, const VtdNotice *notice)
{
    TestdevExtent e = {
        .iova = notice->first,
        .last = notice->last,
        .target = notice->addr,
        .perm = (notice->read ? QVTD_R : 0) | (notice->write ? QVTD_W : 0),
    };
    JudgeRecord record = { .run = run_of(&e) };
    int error = take(s, &e, &record.removed);

    record.refused = error;
    g_array_append_val(s->log, record);
    return e.perm ? testdev_error_result(error) : 0;
}

Strict *strict_new(Device *d)
{
    Strict *s = g_new0(Strict, 1);

    s->d = d;
    s->width_last = BIT(d->h->config.aw_bits) - 1;
    testdev_table_init(&s->table, find_ram, s);
    s->table.iommufd = true;
    s->log = g_array_new(FALSE, FALSE, sizeof(JudgeRecord));
    return s;
}

void strict_free(Strict *s)
{
    testdev_table_destroy(&s->table);
    g_array_free(s->log, TRUE);
    g_free(s->error);
    g_free(s);
}

void strict_clear_log(Strict *s)
{
    g_array_set_size(s->log, 0);
}

void assert_strict(const Strict *s)
{
    g_assert_cmpstr(s->error, ==, NULL);
    g_assert_cmpuint(s->errors, ==, 0);
}

unsigned strict_maps(const Strict *s)
{
    unsigned maps = 0;

    for (unsigned i = 0; i < s->log->len; i++) {
        maps += g_array_index(s->log, JudgeRecord, i).run.perm != 0;
    }
    return maps;
}

unsigned strict_unmaps(const Strict *s)
{
    return s->log->len - strict_maps(s);
}

bool strict_lookup(const Strict *s, uint64_t iova, Run *mapping)
{
    const TestdevExtent *e = testdev_table_find(&s->table, iova);

    if (!e || e->iova > iova) {
        return false;
    }
    *mapping = run_of(e);
    return true;
}

/* Listening */

static int strict_heard(Device *d, const VtdNotice *notice)
{
    Strict *s = d->listener;

    /* The replay tells of this, too: see vtd_space_replay() */
    return s->in_replay ? 0 : strict_notice(s, notice);
}

static int strict_replayed(void *opaque, const VtdNotice *notice)
{
    return strict_notice(opaque, notice);
}

static void strict_switched(Device *d)
{
    Strict *s = d->listener;
    bool on = d->view == VTD_VIEW_TRANSLATED;

    if (testdev_table_forget(&s->table, 0, UINT64_MAX) &&
        d->h->dirty_tracking) {
        strict_error(s, &(TestdevExtent) { .last = UINT64_MAX },
                     testdev_error_text(TESTDEV_ERROR_LEFT));
    }
    vtd_space_watch(d->space, on && d->notify, on);
    if (on && d->notify) {
        s->in_replay = true;
        vtd_space_replay(d->space, 0, UINT64_MAX, strict_replayed, s);
        s->in_replay = false;
    }
}

Strict *strict_listen(Device *d, bool map)
{
    Strict *s = strict_new(d);

    g_assert_null(d->listener);
    d->listener = s;
    d->notify = map ? strict_heard : NULL;
    d->switched = strict_switched;
    strict_switched(d);
    return s;
}

void strict_unlisten(Strict *s)
{
    Device *d = s->d;

    vtd_space_watch(d->space, false, false);
    d->listener = NULL;
    d->notify = NULL;
    d->switched = NULL;
    strict_free(s);
}

Strict *strict_replay(Device *d, uint64_t first, uint64_t last)
{
    Strict *s = strict_new(d);

    vtd_space_replay(d->space, first, last, strict_replayed, s);
    return s;
}

/* The plain truth */

Plain plain_of(Host *h)
{
    return (Plain) {
        .port = &h->port,
        .aw_bits = h->config.aw_bits,
        .haw_bits = h->config.haw_bits,
        .pass_through = h->config.pass_through,
        .snoop_control = h->config.snoop_control,
        .device_iotlb = h->config.device_iotlb,
        .stale_tm = h->config.stale_tm,
        .scalable = h->config.scalable_mode,
        .first_stage = h->config.first_stage,
        .second_stage = h->config.second_stage,
        .nested = h->config.nested,
        .fs_1g = h->config.fs_1g,
        .fs_5_levels = h->config.first_stage && h->config.aw_bits == 57,
        .ss_dirty = h->config.ss_dirty,
        .snooped_walks = h->config.snooped_walks,
        .supervisor = h->config.supervisor,
        .rid_pasid = h->config.rid_pasid,
        .extended_accessed = h->config.extended_accessed,
        .pasid = h->config.pasid_bits,
        .writable = host_writable,
    };
}
