/*
 * A host that maps for a device as VFIO's type1v2 does, and forgives nothing
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
           !(e->iova <= 0xfeefffff && e->last >= 0xfee00000);
}

int strict_notice(Strict *s, const VtdNotice *notice)
{
    TestdevExtent e = {
        .iova = notice->first,
        .last = notice->last,
        .target = notice->addr,
        .perm = (notice->read ? QVTD_R : 0) | (notice->write ? QVTD_W : 0),
    };
    bool dirty = s->d->h->dirty_tracking;
    uint64_t removed;
    int error;

    g_array_append_val(s->log, *notice);
    if (!in_range(s, &e)) {
        strict_error(s, &e, testdev_error_text(TESTDEV_ERROR_RANGE));
        return -EINVAL;
    }
    if (!e.perm && e.target && !dirty) {
        strict_error(s, &e, "has an address");
        return -EINVAL;
    }
    error = testdev_table_update(&s->table, &e, dirty, &removed);
    if (!error && e.perm && s->bad.last && e.iova <= s->bad.last &&
        e.last >= s->bad.first) {
        testdev_table_forget(&s->table, e.iova, e.last);
        return testdev_error_result(TESTDEV_ERROR_FORCED);
    }
    if (error && error != TESTDEV_ERROR_LIMIT) {
        strict_error(s, &e, testdev_error_text(error));
    }
    return e.perm ? testdev_error_result(error) : 0;
}

Strict *strict_new(Device *d)
{
    Strict *s = g_new0(Strict, 1);

    s->d = d;
    s->width_last = BIT(d->h->config.aw_bits) - 1;
    testdev_table_init(&s->table, find_ram, s);
    s->log = g_array_new(FALSE, FALSE, sizeof(VtdNotice));
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
        const VtdNotice *notice = &g_array_index(s->log, VtdNotice, i);

        maps += notice->read || notice->write;
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

    testdev_table_forget(&s->table, 0, UINT64_MAX);
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

static bool plain_read(Host *h, uint64_t gpa, uint64_t *value)
{
    if (gpa >= RAM_SIZE || h->hole[gpa / QVTD_PAGE]) {
        return false;
    }
    *value = host_get(h, gpa);
    return true;
}

PlainContext plain_context(Host *h, uint64_t rtaddr, uint16_t sid)
{
    PlainContext context = { .kind = PLAIN_BLOCKED };
    unsigned width = h->config.haw_bits;
    uint64_t root, root_hi, lo, hi, entry;

    if ((rtaddr & BITS(11, 10)) || rtaddr >> width ||
        !plain_read(h, (rtaddr & BITS(63, 12)) + (sid >> 8) * 16, &root) ||
        !plain_read(h, (rtaddr & BITS(63, 12)) + (sid >> 8) * 16 + 8,
                    &root_hi) ||
        !(root & QVTD_P) || (root & BITS(11, 1)) || root >> width || root_hi ||
        !plain_read(h, (root & BITS(63, 12)) + (sid & 255) * 16, &lo) ||
        !plain_read(h, (root & BITS(63, 12)) + (sid & 255) * 16 + 8, &hi) ||
        !(lo & QVTD_P) || (lo & BITS(11, 4)) ||
        (hi & (BITS(63, 24) | BIT(7)))) {
        return context;
    }
    context.levels = (hi & 7) + 2;
    context.root = lo & BITS(63, 12);
    context.did = hi >> 8;
    if (context.levels != 3 &&
        (context.levels != 4 || h->config.aw_bits < 48)) {
        return context;
    }
    switch (lo >> 2 & 3) {
    case 2:
        if (h->config.pass_through) {
            context.kind = PLAIN_PASS_THROUGH;
        }
        break;
    case 1:
        if (!h->config.device_iotlb) {
            break;
        }
        /* fall through */
    case 0:
        if (!(context.root >> width) &&
            plain_read(h, context.root, &entry)) {
            context.kind = PLAIN_TABLES;
        }
        break;
    }
    return context;
}

typedef struct PlainWalk {
    Host *h;
    GArray *runs;
    bool ram_only;
    uint64_t leaves;
} PlainWalk;

/* The parts of a leaf that are whole pages of one piece of RAM */
static void plain_leaf(PlainWalk *walk, const Run *leaf)
{
    Run part = *leaf;

    walk->leaves++;
    while (walk->ram_only) {
        uint64_t rest = leaf->last - part.first;
        VtdRam ram;

        host_ram(walk->h, part.addr, &ram);
        if (ram.last - part.addr >= rest) {
            if (ram.ram) {
                runs_add(walk->runs, &part);
            }
            return;
        }
        /* A page that only begins in RAM is none of it */
        part.last = ((part.first + (ram.last - part.addr) + 1) &
                     BITS(63, 12)) - 1;
        if (ram.ram && part.last + 1 > part.first) {
            runs_add(walk->runs, &part);
        }
        rest = (ram.last - part.addr) | (QVTD_PAGE - 1);
        part.first += rest + 1;
        part.addr += rest + 1;
        if (part.first > leaf->last) {
            return;
        }
        part.last = leaf->last;
    }
    runs_add(walk->runs, leaf);
}

/* Requests to the interrupt range are no DMA */
static void plain_dma(PlainWalk *walk, const Run *leaf)
{
    const uint64_t hole_first = 0xfee00000, hole_last = 0xfeefffff;
    Run part = *leaf;

    if (!walk->ram_only || leaf->first > hole_last ||
        leaf->last < hole_first) {
        plain_leaf(walk, leaf);
        return;
    }
    if (leaf->first < hole_first) {
        part.last = hole_first - 1;
        plain_leaf(walk, &part);
    }
    if (leaf->last > hole_last) {
        part.first = hole_last + 1;
        part.last = leaf->last;
        part.addr = leaf->addr + (part.first - leaf->first);
        plain_leaf(walk, &part);
    }
}

/* An entry that leads on or maps something, alone; *leaf tells which */
static bool plain_entry(Host *h, uint64_t gpa, unsigned level, unsigned upper,
                        uint64_t *entry, bool *leaf)
{
    const VtdConfig *config = &h->config;
    uint64_t reserved = BITS(63, config->haw_bits) & BITS(51, 0);

    if (!plain_read(h, gpa, entry) || !(*entry & upper)) {
        return false;
    }
    *leaf = level == 1 || (level <= 3 && (*entry & QVTD_PS));
    if (!*leaf || !config->device_iotlb || !config->stale_tm) {
        reserved |= BIT(62);
    }
    if (!*leaf || !config->snoop_control) {
        reserved |= BIT(11);
    }
    if (level > 3) {
        reserved |= QVTD_PS;
    }
    if (*leaf && level > 1) {
        reserved |= BITS(12 + 9 * (level - 1) - 1, 12);
    }
    return !(*entry & reserved);
}

static void plain_table(PlainWalk *walk, uint64_t table, unsigned level,
                        uint64_t start, unsigned upper)
{
    unsigned shift = 12 + 9 * (level - 1);

    for (unsigned i = 0; i < 512; i++) {
        uint64_t first = start + ((uint64_t)i << shift), entry, address;
        bool leaf;

        if (!plain_entry(walk->h, table + i * 8, level, upper, &entry,
                         &leaf)) {
            continue;
        }
        address = entry & BITS(walk->h->config.haw_bits - 1, 12);
        if (leaf) {
            Run run = {
                first, first + BIT(shift) - 1, address, entry & upper,
            };

            plain_dma(walk, &run);
        } else {
            plain_table(walk, address, level - 1, first, entry & upper);
        }
    }
}

unsigned plain_level(Host *h, uint64_t root, unsigned levels, uint64_t iova)
{
    uint64_t table = root, entry;
    bool leaf;

    for (unsigned level = levels; ; level--) {
        unsigned index = iova >> (12 + 9 * (level - 1)) & 511;

        if (!plain_entry(h, table + index * 8, level, QVTD_RW, &entry, &leaf)) {
            return 0;
        }
        if (leaf) {
            return level;
        }
        table = entry & BITS(h->config.haw_bits - 1, 12);
    }
}

GArray *plain_walk(Host *h, uint64_t root, unsigned levels, bool ram_only)
{
    PlainWalk walk = { .h = h, .runs = runs_new(), .ram_only = ram_only };

    plain_table(&walk, root, levels, 0, QVTD_RW);
    return walk.runs;
}

uint64_t plain_leaves(Host *h, uint64_t root, unsigned levels)
{
    PlainWalk walk = { .h = h, .runs = runs_new() };

    plain_table(&walk, root, levels, 0, QVTD_RW);
    g_array_free(walk.runs, TRUE);
    return walk.leaves;
}
