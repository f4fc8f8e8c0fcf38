/*
 * A made-up host of the VT-d engine, for its tests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See vtd-host.h.  The guest's memory is words of 8 bytes that are accessed
 * atomically and without order, as a machine's memory is.
 */

#include "qemu/osdep.h"
#include "vtd-host.h"

#define RAM_PAGES               (RAM_SIZE / QVTD_PAGE)

const VtdConfig host_config = {
    .aw_bits = 48,
    .pass_through = true,
    .intr_remap = true,
    .eim = true,
    .dma_drain = true,
    .dma_translation = true,
};

VtdConfig host_full_config(unsigned aw_bits)
{
    VtdConfig config = host_config;

    config.aw_bits = aw_bits;
    config.haw_bits = MIN(aw_bits, 52);
    config.scalable_mode = true;
    config.first_stage = true;
    config.second_stage = true;
    config.nested = true;
    config.fs_1g = true;
    config.ss_dirty = true;
    config.snooped_walks = true;
    config.supervisor = true;
    config.rid_pasid = true;
    config.extended_accessed = true;
    config.snoop_control = true;
    config.pasid_bits = 20;
    return config;
}

typedef struct Deferred {
    void *ptr;
    void (*free_fn)(void *);
} Deferred;

static __thread unsigned sections;  /* that this thread is in */

void *host_at(Host *h, uint64_t gpa, size_t len)
{
    if (gpa < RAM_SIZE) {
        return len <= RAM_SIZE - gpa && !h->hole[gpa / QVTD_PAGE] &&
               !h->hole[(gpa + len - 1) / QVTD_PAGE] ? (char *)h->ram + gpa
                                                     : NULL;
    }
    for (unsigned i = 0; i < h->regions->len; i++) {
        VtdRam *region = &g_array_index(h->regions, VtdRam, i);

        if (region->data && gpa >= region->first &&
            gpa + len - 1 <= region->last) {
            return (char *)h->ram + (gpa - region->first);
        }
    }
    return NULL;
}

static bool host_read(void *opaque, uint64_t gpa, void *buf, size_t len)
{
    Host *h = opaque;
    uint64_t *from = host_at(h, gpa, len);

    g_assert_cmpuint(gpa % 8, ==, 0);
    g_assert_cmpuint(len % 8, ==, 0);
    __atomic_fetch_add(&h->reads, 1, __ATOMIC_RELAXED);
    if (!from) {
        return false;
    }
    for (size_t i = 0; i < len / 8; i++) {
        uint64_t word = __atomic_load_n(from + i, __ATOMIC_RELAXED);

        memcpy((char *)buf + i * 8, &word, 8);
    }
    if (h->after_read) {
        h->after_read(h, gpa);
    }
    return true;
}

/* What the engine writes is the status of wait descriptors: 4 bytes */
static bool host_write(void *opaque, uint64_t gpa, const void *buf,
                       size_t len)
{
    Host *h = opaque;
    uint32_t *to = host_at(h, gpa, len);
    uint32_t value;

    g_assert_cmpuint(gpa % 4, ==, 0);
    g_assert_cmpuint(len, ==, 4);
    if (!to) {
        return false;
    }
    memcpy(&value, buf, 4);
    __atomic_store_n(to, value, __ATOMIC_RELAXED);
    return true;
}

bool host_writable(QVtdPort *port, uint64_t gpa)
{
    Host *h = (Host *)((char *)port - offsetof(Host, port));

    return gpa >= RAM_SIZE || !h->rom[gpa / QVTD_PAGE];
}

static bool host_swap(void *opaque, uint64_t gpa, uint64_t old, uint64_t new)
{
    Host *h = opaque;
    uint64_t *at = host_at(h, gpa, sizeof(new));

    g_assert_cmpuint(gpa % 8, ==, 0);
    return at && host_writable(&h->port, gpa) &&
           __atomic_compare_exchange_n(at, &old, new, false,
                                       __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static bool host_inject(void *opaque, uint64_t addr, uint32_t data)
{
    Host *h = opaque;
    Message message = { addr, data };

    if (h->cannot_inject) {
        return false;
    }
    pthread_mutex_lock(&h->lock);
    g_array_append_val(h->messages, message);
    pthread_mutex_unlock(&h->lock);
    return true;
}

static void host_defer_free(void *opaque, void *ptr, void (*free_fn)(void *))
{
    Host *h = opaque;
    Deferred deferred = { ptr, free_fn };

    pthread_mutex_lock(&h->lock);
    g_array_append_val(h->deferred, deferred);
    pthread_mutex_unlock(&h->lock);
}

static uint16_t device_source_id(void *opaque)
{
    Device *d = opaque;

    return d->sid;
}

static void device_switch_to(void *opaque, VtdView view)
{
    Device *d = opaque;

    g_assert_cmpint(d->view, !=, view);
    d->view = view;
    d->switches++;
    if (d->switched) {
        d->switched(d);
    }
}

static int device_notify(void *opaque, const VtdNotice *notice)
{
    Device *d = opaque;

    g_assert_nonnull(d->notify);
    return d->notify(d, notice);
}

static bool host_dirty_tracking(void *opaque)
{
    Host *h = opaque;

    return h->dirty_tracking;
}

static int64_t host_now(void *opaque)
{
    Host *h = opaque;

    return __atomic_add_fetch(&h->now, h->tick, __ATOMIC_RELAXED);
}

static void host_schedule(void *opaque)
{
    Host *h = opaque;

    h->scheduled = true;
}

static bool host_drain(void *opaque)
{
    Host *h = opaque;

    h->drains++;
    if (h->drains_sections) {
        pthread_rwlock_wrlock(&h->section);
        pthread_rwlock_unlock(&h->section);
    }
    return !h->drains_later;
}

void device_begin(Device *d)
{
    if (!sections++) {
        pthread_rwlock_rdlock(&d->h->section);
    }
}

void device_end(Device *d)
{
    if (!--sections) {
        pthread_rwlock_unlock(&d->h->section);
    }
}

unsigned host_pump(Host *h)
{
    unsigned n = 0;

    for (; h->scheduled; n++) {
        g_assert_cmpuint(n, <, 1u << 20);
        h->scheduled = false;
        vtd_continue(h->v);
    }
    return n;
}

static void host_log(void *opaque, bool first, uint32_t sid, const char *line)
{
    Host *h = opaque;

    pthread_mutex_lock(&h->lock);
    g_ptr_array_add(h->lines, g_strconcat(first ? "" : "again: ", line,
                                          NULL));
    h->line_sid = sid;
    pthread_mutex_unlock(&h->lock);
}

static bool host_log_more(void *opaque)
{
    Host *h = opaque;

    __atomic_fetch_add(&h->log_asked, 1, __ATOMIC_RELAXED);
    return h->log_more;
}

static void host_log_later(void *opaque)
{
    Host *h = opaque;

    __atomic_fetch_add(&h->log_later, 1, __ATOMIC_RELAXED);
}

static void host_over_limit(void *opaque)
{
    Host *h = opaque;

    h->over_limits++;
}

/* As an embedder whose users know an option by an older name */
static const char *host_option_name(void *opaque, const char *name)
{
    return g_str_equal(name, "scalable-mode") ? "x-scalable-mode" : name;
}

static void device_refused(void *opaque, const VtdNotice *notice, int error)
{
    Device *d = opaque;

    g_assert_cmpint(error, <, 0);
    g_assert_true(notice->read || notice->write);
    d->h->refusals++;
}

static void host_fault(void *opaque)
{
    Host *h = opaque;

    __atomic_fetch_add(&h->faults, 1, __ATOMIC_RELAXED);
}

static void host_queue_stopped(void *opaque)
{
    Host *h = opaque;

    h->stops++;
}

static void host_iec_changed(void *opaque, bool global, uint32_t index,
                             uint32_t mask)
{
    Host *h = opaque;
    IecChange change = {
        global, index, mask, h->vtd.status ? host_get(h, h->vtd.status) : 0,
        rd32(h, QVTD_FSTS), rd32(h, QVTD_ICS),
    };

    g_array_append_val(h->iec_changes, change);
}

static void device_invalidate(void *opaque, uint64_t first, uint64_t last,
                              bool device_tlb)
{
    Device *d = opaque;
    Forget forget = { d->sid, first, last, device_tlb };

    g_array_append_val(d->h->forgets, forget);
}

static bool host_same_piece(Host *h, uint64_t a, uint64_t b)
{
    return h->hole[a] == h->hole[b] && h->behind_io[a] == h->behind_io[b];
}

static void host_ram_page(Host *h, uint64_t gpa, VtdRam *ram)
{
    uint64_t from = gpa / QVTD_PAGE, to = from;
    bool in_place = !h->hole[from] && !h->behind_io[from];

    while (from > 0 && host_same_piece(h, from - 1, to)) {
        from--;
    }
    while (to < RAM_PAGES - 1 && host_same_piece(h, to + 1, from)) {
        to++;
    }
    *ram = (VtdRam) {
        .first = from * QVTD_PAGE,
        .last = to * QVTD_PAGE + (QVTD_PAGE - 1),
        .ram = in_place,
        .data = in_place ? (uint8_t *)h->ram + from * QVTD_PAGE : NULL,
    };
}

void host_ram(void *opaque, uint64_t gpa, VtdRam *ram)
{
    Host *h = opaque;
    uint64_t gap = RAM_SIZE;

    if (gpa < RAM_SIZE) {
        host_ram_page(h, gpa, ram);
        return;
    }
    for (unsigned i = 0; i < h->regions->len; i++) {
        VtdRam *region = &g_array_index(h->regions, VtdRam, i);

        if (gpa < region->first) {
            *ram = (VtdRam) { .first = gap, .last = region->first - 1 };
            return;
        }
        if (gpa <= region->last) {
            *ram = *region;
            return;
        }
        gap = region->last + 1;
    }
    *ram = (VtdRam) { .first = gap, .last = UINT64_MAX };
}

static const VtdOps host_ops = {
    .read = host_read,
    .write = host_write,
    .swap = host_swap,
    .inject = host_inject,
    .defer_free = host_defer_free,
    .source_id = device_source_id,
    .switch_to = device_switch_to,
    .iec_changed = host_iec_changed,
    .invalidate = device_invalidate,
    .ram = host_ram,
    .notify = device_notify,
    .dirty_tracking = host_dirty_tracking,
    .refused = device_refused,
    .fault = host_fault,
    .queue_stopped = host_queue_stopped,
    .now = host_now,
    .schedule = host_schedule,
    .drain = host_drain,
    .log = host_log,
    .log_more = host_log_more,
    .log_later = host_log_later,
    .over_limit = host_over_limit,
    .option_name = host_option_name,
};

Host *host_new(const VtdConfig *config)
{
    Host *h = g_new0(Host, 1);
    pthread_rwlockattr_t attr;

    h->port = host_port;
    h->config = config ? *config : host_config;
    h->config.haw_bits = h->config.haw_bits ?: MIN(h->config.aw_bits, 52);
    h->ram = calloc(RAM_PAGES, QVTD_PAGE);
    g_assert_nonnull(h->ram);
    h->hole = g_new0(bool, RAM_PAGES);
    h->behind_io = g_new0(bool, RAM_PAGES);
    h->rom = g_new0(bool, RAM_PAGES);
    h->devices = g_ptr_array_new();
    h->messages = g_array_new(FALSE, FALSE, sizeof(Message));
    h->iec_changes = g_array_new(FALSE, FALSE, sizeof(IecChange));
    h->forgets = g_array_new(FALSE, FALSE, sizeof(Forget));
    h->regions = g_array_new(FALSE, FALSE, sizeof(VtdRam));
    h->lines = g_ptr_array_new_with_free_func(g_free);
    h->deferred = g_array_new(FALSE, FALSE, sizeof(Deferred));
    /* Whoever waits for the readers is to get there before new ones */
    pthread_rwlockattr_init(&attr);
    pthread_rwlockattr_setkind_np(&attr,
                                  PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&h->section, &attr);
    pthread_rwlockattr_destroy(&attr);
    pthread_mutex_init(&h->lock, NULL);
    /* A table at 0 could hide a mistake */
    qvtd_init(&h->vtd, &h->port, QVTD_PAGE);
    h->v = vtd_new(&h->config, &host_ops, h);
    return h;
}

void host_free(Host *h)
{
    while (h->devices->len) {
        device_free(g_ptr_array_index(h->devices, h->devices->len - 1));
    }
    vtd_free(h->v);
    host_grace(h);
    pthread_mutex_destroy(&h->lock);
    pthread_rwlock_destroy(&h->section);
    g_array_free(h->deferred, TRUE);
    g_ptr_array_free(h->lines, TRUE);
    g_array_free(h->regions, TRUE);
    g_array_free(h->forgets, TRUE);
    g_array_free(h->iec_changes, TRUE);
    g_array_free(h->messages, TRUE);
    g_ptr_array_free(h->devices, TRUE);
    g_free(h->rom);
    g_free(h->behind_io);
    g_free(h->hole);
    free(h->ram);
    g_free(h);
}

void host_grace(Host *h)
{
    pthread_rwlock_wrlock(&h->section);
    pthread_mutex_lock(&h->lock);
    for (unsigned i = 0; i < h->deferred->len; i++) {
        Deferred *deferred = &g_array_index(h->deferred, Deferred, i);

        deferred->free_fn(deferred->ptr);
    }
    g_array_set_size(h->deferred, 0);
    pthread_mutex_unlock(&h->lock);
    pthread_rwlock_unlock(&h->section);
}

Device *device_new(Host *h, uint16_t sid)
{
    Device *d = g_new0(Device, 1);

    d->h = h;
    d->sid = sid;
    d->view = VTD_VIEW_DIRECT;
    d->space = vtd_space_new(h->v, d);
    g_ptr_array_add(h->devices, d);
    return d;
}

void device_free(Device *d)
{
    g_ptr_array_remove(d->h->devices, d);
    vtd_space_free(d->space);
    g_free(d);
}

bool device_translate(Device *d, uint64_t iova, VtdAccess access,
                      VtdTranslation *out)
{
    bool done;

    if (!sections++) {
        pthread_rwlock_rdlock(&d->h->section);
    }
    done = vtd_translate(d->space, iova, access, out);
    if (!--sections) {
        pthread_rwlock_unlock(&d->h->section);
        if (!d->h->concurrent) {
            host_grace(d->h);
        }
    }
    return done;
}

uint64_t host_pages(Host *h, unsigned n)
{
    uint64_t gpa = h->vtd.next_page;

    g_assert_cmphex(gpa + n * QVTD_PAGE, <=, RAM_SIZE);
    h->vtd.next_page += n * QVTD_PAGE;
    return gpa;
}

void host_put(Host *h, uint64_t gpa, uint64_t value)
{
    g_assert_cmphex(gpa, <, RAM_SIZE);
    __atomic_store_n(&h->ram[gpa / 8], GUINT64_TO_LE(value),
                     __ATOMIC_RELAXED);
    if (h->after_put) {
        h->after_put(h, gpa);
    }
}

uint64_t host_get(Host *h, uint64_t gpa)
{
    g_assert_cmphex(gpa, <, RAM_SIZE);
    return GUINT64_FROM_LE(__atomic_load_n(&h->ram[gpa / 8],
                                           __ATOMIC_RELAXED));
}

void host_set_ram(Host *h, uint64_t page, bool ram)
{
    g_assert_cmphex(page, <, RAM_SIZE);
    h->hole[page / QVTD_PAGE] = !ram;
}

void host_set_rom(Host *h, uint64_t page, bool rom)
{
    g_assert_cmphex(page, <, RAM_SIZE);
    h->rom[page / QVTD_PAGE] = rom;
}

void host_put_behind_io(Host *h, uint64_t page)
{
    g_assert_cmphex(page, <, RAM_SIZE);
    h->behind_io[page / QVTD_PAGE] = true;
}

static void host_add(Host *h, VtdRam region)
{
    g_assert_cmphex(region.first, >=, h->regions->len
                    ? g_array_index(h->regions, VtdRam,
                                    h->regions->len - 1).last + 1
                    : RAM_SIZE);
    g_assert_cmphex(region.first, <=, region.last);
    g_array_append_val(h->regions, region);
}

void host_add_region(Host *h, uint64_t first, uint64_t last, bool ram)
{
    host_add(h, (VtdRam) { .first = first, .last = last, .ram = ram });
}

void host_add_alias(Host *h, uint64_t first)
{
    host_add(h, (VtdRam) {
        first, first + RAM_SIZE - 1, true, (uint8_t *)h->ram,
    });
}

/* @region is behind all others; it joins the last of them if it can */
static void regions_append(GArray *regions, const VtdRam *region)
{
    VtdRam *tail = regions->len ? &g_array_index(regions, VtdRam,
                                                 regions->len - 1) : NULL;

    if (region->first > region->last || !region->ram) {
        return;
    }
    if (tail && tail->last + 1 == region->first) {
        tail->last = region->last;
    } else {
        g_array_append_val(regions, *region);
    }
}

/*
 * Whether the page at @gpa is wholly within one of @regions.  *@last becomes
 * the last address, of those up to it, with the same answer.
 */
static bool regions_have_page(const GArray *regions, uint64_t gpa,
                              uint64_t *last)
{
    for (unsigned i = 0; i < regions->len; i++) {
        const VtdRam *region = &g_array_index(regions, VtdRam, i);
        uint64_t first = (region->first + QVTD_PAGE - 1) & -QVTD_PAGE;
        uint64_t end = (region->last + 1) & -QVTD_PAGE;

        if (!region->ram || first >= end || gpa >= end) {
            continue;
        }
        *last = MIN(*last, gpa < first ? first - 1 : end - 1);
        return gpa >= first;
    }
    return false;
}

static GArray *regions_compare(const GArray *old, const GArray *new,
                               uint64_t first, uint64_t last)
{
    GArray *changes = g_array_new(FALSE, FALSE, sizeof(VtdRamChange));
    uint64_t end = last | (QVTD_PAGE - 1);

    for (uint64_t gpa = first & -QVTD_PAGE; gpa <= end; ) {
        VtdRamChange change = { .first = gpa, .last = end };

        change.was = regions_have_page(old, gpa, &change.last);
        change.is = regions_have_page(new, gpa, &change.last);
        if (change.was != change.is) {
            g_array_append_val(changes, change);
        }
        gpa = change.last + 1;
    }
    return changes;
}

void host_change_ram(Host *h, uint64_t first, uint64_t last, bool ram)
{
    GArray *changes;
    GArray *regions = g_array_new(FALSE, FALSE, sizeof(VtdRam));
    const VtdRam changed = { .first = first, .last = last, .ram = ram };
    bool added = false;

    g_assert_cmphex(first, >=, RAM_SIZE);
    for (unsigned i = 0; i < h->regions->len; i++) {
        VtdRam head = g_array_index(h->regions, VtdRam, i), tail = head;

        if (head.last >= first) {
            head.last = head.first < first ? first - 1 : head.first - 1;
        }
        if (tail.first <= last) {
            tail.first = last + 1;
        }
        regions_append(regions, &head);
        if (!added && tail.last >= last) {
            regions_append(regions, &changed);
            added = true;
        }
        regions_append(regions, &tail);
    }
    if (!added) {
        regions_append(regions, &changed);
    }
    changes = regions_compare(h->regions, regions, first, last);
    g_array_free(h->regions, TRUE);
    h->regions = regions;
    vtd_memory_changed(h->v, (VtdRamChange *)changes->data, changes->len);
    g_array_free(changes, TRUE);
}
