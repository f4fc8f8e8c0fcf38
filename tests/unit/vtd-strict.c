/*
 * A host that maps for a device as VFIO's type1v2 does, and forgives nothing
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See vtd-strict.h.
 */

#include "qemu/osdep.h"
#include "vtd-strict.h"

/* Runs */

GArray *runs_new(void)
{
    return g_array_new(FALSE, FALSE, sizeof(Run));
}

void runs_add(GArray *runs, const Run *run)
{
    Run *tail;

    if (runs->len) {
        tail = &g_array_index(runs, Run, runs->len - 1);
        g_assert_cmphex(run->first, >, tail->last);
        if (run->first == tail->last + 1 && run->perm == tail->perm &&
            run->addr == tail->addr + (run->first - tail->first)) {
            tail->last = run->last;
            return;
        }
    }
    g_array_append_val(runs, *run);
}

/* The index of the first run that ends at or behind @iova */
static unsigned runs_index(const GArray *runs, uint64_t iova)
{
    unsigned from = 0, to = runs->len;

    while (from < to) {
        unsigned middle = from + (to - from) / 2;

        if (g_array_index(runs, Run, middle).last < iova) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

const Run *runs_find(const GArray *runs, uint64_t iova)
{
    unsigned i = runs_index(runs, iova);

    return i < runs->len ? &g_array_index(runs, Run, i) : NULL;
}

bool runs_pair(const GArray *before, const GArray *after, uint64_t *from,
               RunPair *pair)
{
    const Run *was = runs_find(before, *from);
    const Run *now = runs_find(after, *from);

    if (!was && !now) {
        return false;
    }
    pair->first = MIN(was ? MAX(was->first, *from) : UINT64_MAX,
                      now ? MAX(now->first, *from) : UINT64_MAX);
    pair->last = UINT64_MAX;
    pair->was = pair->now = 0;
    if (was && was->first <= pair->first) {
        pair->was = (was->addr + (pair->first - was->first)) | was->perm;
        pair->last = was->last;
    } else if (was) {
        pair->last = was->first - 1;
    }
    if (now && now->first <= pair->first) {
        pair->now = (now->addr + (pair->first - now->first)) | now->perm;
        pair->last = MIN(pair->last, now->last);
    } else if (now) {
        pair->last = MIN(pair->last, now->first - 1);
    }
    *from = pair->last + 1;
    return true;
}

/* Mappings: a key is a Run, equal to all that it meets */

static gint run_order(gconstpointer a, gconstpointer b, gpointer unused)
{
    const Run *x = a, *y = b;

    return x->last < y->first ? -1 : x->first > y->last;
}

typedef struct RunSearch {
    uint64_t iova;
    const Run *found;
} RunSearch;

static gint run_search(gconstpointer key, gconstpointer opaque)
{
    const Run *run = key;
    RunSearch *search = (RunSearch *)opaque;

    if (run->last < search->iova) {
        return 1;
    }
    search->found = run;
    return run->first <= search->iova ? 0 : -1;
}

/* The mapping at @iova, or else the first one behind it; NULL if none */
static const Run *strict_find(const Strict *s, uint64_t iova)
{
    RunSearch search = { .iova = iova };

    g_tree_search(s->mappings, run_search, &search);
    return search.found;
}

static gboolean run_to_array(gpointer key, gpointer value, gpointer runs)
{
    g_array_append_vals(runs, key, 1);
    return FALSE;
}

GArray *strict_mappings(const Strict *s)
{
    GArray *runs = runs_new();

    g_tree_foreach(s->mappings, run_to_array, runs);
    return runs;
}

unsigned strict_count(const Strict *s)
{
    return g_tree_nnodes(s->mappings);
}

/* The host */

static void G_GNUC_PRINTF(3, 4)
strict_error(Strict *s, const VtdNotice *notice, const char *format, ...)
{
    va_list args;
    char *what;

    s->errors++;
    if (s->error) {
        return;
    }
    va_start(args, format);
    what = g_strdup_vprintf(format, args);
    va_end(args);
    s->error = g_strdup_printf("%s 0x%" PRIx64 " to 0x%" PRIx64 ", address 0x%"
                               PRIx64 ": %s",
                               notice->read || notice->write ? "MAP" : "UNMAP",
                               notice->first, notice->last, notice->addr,
                               what);
    g_free(what);
}

static int strict_map(Strict *s, const VtdNotice *notice)
{
    uint64_t size = notice->last - notice->first;
    const Run *met = strict_find(s, notice->first);
    Run run = {
        notice->first, notice->last, notice->addr,
        (notice->read ? R : 0) | (notice->write ? W : 0),
    };
    VtdRam ram;

    if (notice->addr & size) {
        strict_error(s, notice, "the address is not aligned to the size");
        return -EINVAL;
    }
    host_ram(s->d->h, notice->addr, &ram);
    if (!ram.ram || ram.last - notice->addr < size) {
        strict_error(s, notice, "not all of it is one piece of RAM");
        return -EINVAL;
    }
    if (met && met->first <= notice->last) {
        strict_error(s, notice, "over the mapping at 0x%" PRIx64, met->first);
        return -EEXIST;
    }
    if (s->bad.last && notice->first <= s->bad.last &&
        notice->last >= s->bad.first) {
        return -EFAULT;
    }
    if (s->limit && strict_count(s) >= s->limit) {
        return -ENOSPC;
    }
    g_tree_insert(s->mappings, g_memdup(&run, sizeof(run)), NULL);
    return 0;
}

/* Why @notice may not remove @run; NULL if it may */
static const char *strict_refusal(const Strict *s, const VtdNotice *notice,
                                  const Run *run)
{
    if (run->first < notice->first || run->last > notice->last) {
        return "splits";
    }
    if (s->d->h->dirty_tracking &&
        (run->first != notice->first || run->last != notice->last ||
         run->addr != notice->addr)) {
        return "is not exactly";
    }
    return NULL;
}

static void strict_unmap(Strict *s, const VtdNotice *notice)
{
    const Run *run;

    if (notice->addr && !s->d->h->dirty_tracking) {
        strict_error(s, notice, "has an address");
        return;
    }
    while ((run = strict_find(s, notice->first)) &&
           run->first <= notice->last) {
        const char *why = strict_refusal(s, notice, run);

        if (why) {
            strict_error(s, notice, "%s 0x%" PRIx64 " to 0x%" PRIx64
                         " at 0x%" PRIx64, why, run->first, run->last,
                         run->addr);
            return;
        }
        g_tree_remove(s->mappings, run);
    }
}

int strict_notice(Strict *s, const VtdNotice *notice)
{
    uint64_t size = notice->last - notice->first;

    g_array_append_val(s->log, *notice);
    if (notice->last < notice->first || size < PAGE - 1 ||
        (size & (size + 1)) || (notice->first & size)) {
        strict_error(s, notice, "no naturally aligned power of two");
    } else if (notice->last > s->width_last) {
        strict_error(s, notice, "above the address width");
    } else if (notice->read || notice->write) {
        return strict_map(s, notice);
    } else {
        strict_unmap(s, notice);
    }
    return 0;
}

Strict *strict_new(Device *d)
{
    Strict *s = g_new0(Strict, 1);

    s->d = d;
    s->width_last = BIT(d->h->config.aw_bits) - 1;
    s->mappings = g_tree_new_full(run_order, NULL, g_free, NULL);
    s->log = g_array_new(FALSE, FALSE, sizeof(VtdNotice));
    return s;
}

void strict_free(Strict *s)
{
    g_tree_destroy(s->mappings);
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

static gboolean run_to_runs(gpointer key, gpointer value, gpointer runs)
{
    runs_add(runs, key);
    return FALSE;
}

GArray *strict_runs(const Strict *s)
{
    GArray *runs = runs_new();

    g_tree_foreach(s->mappings, run_to_runs, runs);
    return runs;
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
    const Run *run = strict_find(s, iova);

    if (!run || run->first > iova) {
        return false;
    }
    *mapping = *run;
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

    g_tree_destroy(s->mappings);
    s->mappings = g_tree_new_full(run_order, NULL, g_free, NULL);
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
    if (gpa >= RAM_SIZE || h->hole[gpa / PAGE]) {
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
        !(root & P) || (root & BITS(11, 1)) || root >> width || root_hi ||
        !plain_read(h, (root & BITS(63, 12)) + (sid & 255) * 16, &lo) ||
        !plain_read(h, (root & BITS(63, 12)) + (sid & 255) * 16 + 8, &hi) ||
        !(lo & P) || (lo & BITS(11, 4)) ||
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
        rest = (ram.last - part.addr) | (PAGE - 1);
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
    *leaf = level == 1 || (level <= 3 && (*entry & PS));
    if (!*leaf || !config->device_iotlb || !config->stale_tm) {
        reserved |= BIT(62);
    }
    if (!*leaf || !config->snoop_control) {
        reserved |= BIT(11);
    }
    if (level > 3) {
        reserved |= PS;
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

        if (!plain_entry(h, table + index * 8, level, RW, &entry, &leaf)) {
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

    plain_table(&walk, root, levels, 0, RW);
    return walk.runs;
}

uint64_t plain_leaves(Host *h, uint64_t root, unsigned levels)
{
    PlainWalk walk = { .h = h, .runs = runs_new() };

    plain_table(&walk, root, levels, 0, RW);
    g_array_free(walk.runs, TRUE);
    return walk.leaves;
}
