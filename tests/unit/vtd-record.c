/*
 * The sweep's recorder: what a unit test does to a unit
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See vtd-sweep.h.  With the linker's --wrap each call of the engine's outside
 * comes here first, as __wrap_NAME(), and goes on to __real_NAME().  Calls
 * amid others (of a listener whose view is switched, or of a test in the
 * middle of a read) are listed behind these, but for those that a listener of
 * the replay makes itself.
 */

#include "qemu/osdep.h"
#include "vtd-sweep.h"
#include "hw/i386/vtd/internal.h"

#define WRAP(type, name, ...) \
    __typeof__(type) __real_##name(__VA_ARGS__), __wrap_##name(__VA_ARGS__)

WRAP(Vtd *, vtd_new, const VtdConfig *, const VtdOps *, void *);
WRAP(void, vtd_free, Vtd *);
WRAP(void, vtd_reset, Vtd *);
WRAP(void, vtd_use_caching_mode, Vtd *);
WRAP(void, vtd_continue, Vtd *);
WRAP(VtdSpace *, vtd_space_new, Vtd *, void *);
WRAP(void, vtd_space_free, VtdSpace *);
WRAP(void, vtd_sources_changed, Vtd *);
WRAP(void, vtd_space_watch, VtdSpace *, bool, bool);
WRAP(void, vtd_space_replay, VtdSpace *, uint64_t, uint64_t, VtdNoticeFn *,
     void *);
WRAP(void, vtd_memory_changed, Vtd *, const VtdRamChange *, unsigned);
WRAP(void, vtd_mmio_write, Vtd *, uint64_t, uint64_t, unsigned);
WRAP(bool, vtd_translate, VtdSpace *, uint64_t, VtdAccess, VtdTranslation *);
WRAP(bool, vtd_translate_pasid, VtdSpace *, uint32_t, bool, uint64_t,
     VtdAccess, VtdTranslation *);
WRAP(VtdVerdict, vtd_interrupt, Vtd *, uint32_t, uint64_t, uint32_t, bool,
     VtdInterrupt *);
WRAP(void, vtd_send_events, Vtd *);
WRAP(void, vtd_save, Vtd *, VtdSaved *);
WRAP(char *, vtd_load, Vtd *, const VtdSaved *);
WRAP(void, vtd_load_finish, Vtd *);

typedef struct Heard {
    VtdSpace *space;            /* NULL: freed */
    Device *d;
    uint16_t sid;
    Listening listening;
} Heard;

/* A unit that is being recorded, and what the replay's would be like */
typedef struct Record {
    Sequence q;
    Host *h;
    Vtd *v;
    GArray *heard;              /* Heard */
    Layout layout;
    Flags flags;
    uint64_t *ram;
    bool threads;
} Record;

static GPtrArray *records;
static const VtdOps *host_ops;
static VtdOps recorded_ops;
static __thread unsigned depth; /* of calls into the engine */

static Record *record_find(const Vtd *v)
{
    for (unsigned i = 0; records && i < records->len; i++) {
        Record *r = g_ptr_array_index(records, i);

        if (r->v == v) {
            return r;
        }
    }
    return NULL;
}

static unsigned add(Record *r, Act act)
{
    g_array_append_val(r->q.acts, act);
    return r->q.acts->len;
}

static void after_put(Host *h, uint64_t gpa)
{
    Record *r = record_find(h->v);

    if (!r || sweep_replaying()) {
        return;
    }
    if (h->concurrent) {
        r->threads = true;
        return;
    }
    if (r->ram[gpa / 8] == h->ram[gpa / 8]) {
        return;
    }
    r->ram[gpa / 8] = h->ram[gpa / 8];
    add(r, (Act) { .kind = ACT_PUT, .addr = gpa, .value = host_get(h, gpa) });
}

/* What the engine writes, a replay's does as well */
static bool after_write(void *host, uint64_t gpa, const void *buf, size_t len)
{
    Host *h = host;
    Record *r = record_find(h->v);
    bool done = host_ops->write(host, gpa, buf, len);

    if (done && r && !h->concurrent && gpa < RAM_SIZE) {
        memcpy((char *)r->ram + gpa, buf, len);
    }
    return done;
}

static bool after_swap(void *host, uint64_t gpa, uint64_t old, uint64_t new)
{
    Host *h = host;
    Record *r = record_find(h->v);
    bool done = host_ops->swap(host, gpa, old, new);

    if (done && r && !h->concurrent && gpa < RAM_SIZE) {
        r->ram[gpa / 8] = new;
    }
    return done;
}

static int after_notify(void *space_opaque, const VtdNotice *notice)
{
    Device *d = space_opaque;
    Record *r = record_find(d->h->v);

    if (r && !d->h->concurrent) {
        r->q.notices++;
    }
    return host_ops->notify(space_opaque, notice);
}

/* Memory that was not written by the guest: a copy of another host's */
static void record_ram(Record *r)
{
    for (uint64_t page = 0; page < RAM_SIZE; page += QVTD_PAGE) {
        const uint64_t *is = r->h->ram + page / 8;
        uint64_t *was = r->ram + page / 8;

        if (!memcmp(is, was, QVTD_PAGE)) {
            continue;
        }
        for (unsigned i = 0; i < QVTD_PAGE / 8; i++) {
            if (is[i] != was[i]) {
                was[i] = is[i];
                add(r, (Act) {
                    .kind = ACT_PUT,
                    .addr = page + i * 8,
                    .value = GUINT64_FROM_LE(is[i]),
                });
            }
        }
    }
}

static void record_layout(Record *r)
{
    Host *h = r->h;
    size_t bytes = h->regions->len * sizeof(VtdRam);
    Layout *layout;

    if (!memcmp(r->layout.hole, h->hole, sizeof(r->layout.hole)) &&
        !memcmp(r->layout.behind_io, h->behind_io,
                sizeof(r->layout.behind_io)) &&
        !memcmp(r->layout.rom, h->rom, sizeof(r->layout.rom)) &&
        r->layout.regions->len == h->regions->len &&
        (!bytes || !memcmp(r->layout.regions->data, h->regions->data,
                           bytes))) {
        return;
    }
    memcpy(r->layout.hole, h->hole, sizeof(r->layout.hole));
    memcpy(r->layout.behind_io, h->behind_io, sizeof(r->layout.behind_io));
    memcpy(r->layout.rom, h->rom, sizeof(r->layout.rom));
    g_array_free(r->layout.regions, TRUE);
    r->layout.regions = g_array_copy(h->regions);
    layout = sweep_copy(&r->layout, sizeof(r->layout));
    layout->regions = g_array_copy(h->regions);
    add(r, (Act) { .kind = ACT_LAYOUT, .layout = layout });
}

/* What has changed around the engine since its last call */
static void record_host(Record *r)
{
    Host *h = r->h;
    Flags flags = { h->dirty_tracking, h->cannot_inject, h->tick };

    record_layout(r);
    if (flags.dirty_tracking != r->flags.dirty_tracking ||
        flags.cannot_inject != r->flags.cannot_inject ||
        flags.tick != r->flags.tick) {
        r->flags = flags;
        add(r, (Act) { .kind = ACT_HOST, .flags = flags });
    }
    for (unsigned i = 0; i < r->heard->len; i++) {
        Heard *heard = &g_array_index(r->heard, Heard, i);
        Device *d = heard->d;
        Listening listening;

        if (!heard->space) {
            continue;
        }
        listening = !d->switched ? LISTENING_NOT :
                    d->notify ? LISTENING_MAPS : LISTENING_FORGETS;
        if (d->sid != heard->sid) {
            heard->sid = d->sid;
            add(r, (Act) { .kind = ACT_SID, .device = i, .sid = d->sid });
        }
        if (listening != heard->listening) {
            heard->listening = listening;
            add(r, (Act) {
                .kind = ACT_LISTEN, .device = i, .listening = listening,
            });
        }
    }
}

static unsigned device_of(const Record *r, const VtdSpace *space)
{
    for (unsigned i = 0; i < r->heard->len; i++) {
        if (g_array_index(r->heard, Heard, i).space == space) {
            return i;
        }
    }
    g_assert_not_reached();
}

/*
 * A call begins; 0 if it is not recorded, else for end().  @space may be
 * NULL.  @own: a listener of the replay makes it by itself.
 */
static unsigned begin(Vtd *v, VtdSpace *space, bool own, Act act)
{
    Record *r = sweep_replaying() ? NULL : record_find(v);

    depth++;
    if (!r || (own && depth > 1)) {
        return 0;
    }
    if (r->h->concurrent) {
        r->threads = true;
        return 0;
    }
    record_host(r);
    if (space) {
        act.device = device_of(r, space);
    }
    r->q.interrupted |= depth > 1;
    return add(r, act);
}

/* The met of the act, or NULL */
static Met *end(Vtd *v, unsigned index)
{
    Record *r = index ? record_find(v) : NULL;
    Act *act;

    depth--;
    if (!r) {
        return NULL;
    }
    act = &g_array_index(r->q.acts, Act, index - 1);
    act->idle = !r->h->scheduled;
    return &act->met;
}

static char *sequence_name(void)
{
    static char *last;
    static unsigned units;
    const char *path;

    G_GNUC_BEGIN_IGNORE_DEPRECATIONS    /* GLib 2.68 */
    path = g_test_get_path();
    G_GNUC_END_IGNORE_DEPRECATIONS
    if (g_strcmp0(path, last)) {
        g_free(last);
        last = g_strdup(path);
        units = 0;
    }
    return g_strdup_printf("%s#%u", path, units++);
}

static void sequence_clear(Sequence *q)
{
    for (unsigned i = 0; i < q->acts->len; i++) {
        Act *act = &g_array_index(q->acts, Act, i);

        if (act->kind == ACT_LAYOUT) {
            g_array_free(act->layout->regions, TRUE);
            g_free(act->layout);
        } else if (act->kind == ACT_LOAD) {
            g_free(act->saved);
        } else if (act->kind == ACT_MEMORY_CHANGED) {
            g_free(act->changes);
        }
    }
    g_array_free(q->acts, TRUE);
    g_free(q->name);
}

Vtd *__wrap_vtd_new(const VtdConfig *config, const VtdOps *ops, void *host)
{
    Record *r;

    if (sweep_replaying()) {
        return __real_vtd_new(config, sweep_ops(ops), host);
    }
    r = g_new0(Record, 1);
    r->h = host;
    host_ops = ops;
    recorded_ops = *ops;
    recorded_ops.write = after_write;
    recorded_ops.swap = after_swap;
    recorded_ops.notify = after_notify;
    r->v = __real_vtd_new(config, &recorded_ops, host);
    r->h->after_put = after_put;
    r->ram = calloc(RAM_SIZE / QVTD_PAGE, QVTD_PAGE);
    g_assert_nonnull(r->ram);
    r->heard = g_array_new(FALSE, FALSE, sizeof(Heard));
    r->layout.regions = g_array_new(FALSE, FALSE, sizeof(VtdRam));
    r->q.config = *config;
    r->q.name = sequence_name();
    r->q.acts = g_array_new(FALSE, TRUE, sizeof(Act));
    records = records ?: g_ptr_array_new();
    g_ptr_array_add(records, r);
    return r->v;
}

void __wrap_vtd_free(Vtd *v)
{
    Record *r = sweep_replaying() ? NULL : record_find(v);

    if (!r) {
        __real_vtd_free(v);
        return;
    }
    g_ptr_array_remove(records, r);
    r->q.devices = r->heard->len;
    r->q.ram = r->h->ram;
    for (unsigned i = 0; i < QVTD_SIZE / 8; i++) {
        r->q.regs[i] = vtd_mmio_read(v, i * 8, 8);
    }
    __real_vtd_free(v);
    if (r->threads) {
        sweep_left_out(r->q.name, "of threads");
    } else {
        sweep_sequence(&r->q);
    }
    g_array_free(r->heard, TRUE);
    g_array_free(r->layout.regions, TRUE);
    free(r->ram);
    sequence_clear(&r->q);
    g_free(r);
}

VtdSpace *__wrap_vtd_space_new(Vtd *v, void *space_host)
{
    Record *r = sweep_replaying() ? NULL : record_find(v);
    Device *d = space_host;
    unsigned index;
    VtdSpace *space;

    if (!r) {
        return __real_vtd_space_new(v, space_host);
    }
    index = begin(v, NULL, false, (Act) {
        .kind = ACT_SPACE_NEW, .device = r->heard->len, .sid = d->sid,
    });
    space = __real_vtd_space_new(v, space_host);
    g_array_append_val(r->heard, ((Heard) { space, d, d->sid }));
    end(v, index);
    return space;
}

void __wrap_vtd_space_free(VtdSpace *space)
{
    Vtd *v = space->v;
    unsigned index = begin(v, space, false, (Act) { ACT_SPACE_FREE });
    Record *r = sweep_replaying() ? NULL : record_find(v);

    if (r) {
        g_array_index(r->heard, Heard, device_of(r, space)).space = NULL;
    }
    __real_vtd_space_free(space);
    end(v, index);
}

void __wrap_vtd_space_watch(VtdSpace *space, bool map, bool any)
{
    Vtd *v = space->v;
    Device *d = space->opaque;
    unsigned index = begin(v, space, true, (Act) {
        .kind = d->switched ? ACT_LISTEN : ACT_WATCH, .map = map, .any = any,
    });

    if (index && d->switched) {
        /* It was noted already that somebody listens */
        g_array_set_size(record_find(v)->q.acts, index - 1);
        index = 0;
    }
    __real_vtd_space_watch(space, map, any);
    end(v, index);
}

typedef struct Told {
    VtdNoticeFn *fn;
    void *opaque;
} Told;

static int replayed(void *opaque, const VtdNotice *notice)
{
    Told *told = opaque;

    return sweep_replayed(notice, told->fn, told->opaque);
}

void __wrap_vtd_space_replay(VtdSpace *space, uint64_t first, uint64_t last,
                             VtdNoticeFn *notice, void *opaque)
{
    unsigned index = begin(space->v, space, true, (Act) {
        .kind = ACT_REPLAY, .addr = first, .value = last,
    });
    Told told = { notice, opaque };

    if (sweep_replaying()) {
        __real_vtd_space_replay(space, first, last, replayed, &told);
    } else {
        __real_vtd_space_replay(space, first, last, notice, opaque);
    }
    end(space->v, index);
}

void __wrap_vtd_memory_changed(Vtd *v, const VtdRamChange *changes, unsigned n)
{
    unsigned index = begin(v, NULL, false, (Act) {
        .kind = ACT_MEMORY_CHANGED, .count = n,
    });

    if (index) {
        g_array_index(record_find(v)->q.acts, Act, index - 1).changes =
            sweep_copy(changes, n * sizeof(*changes));
    }
    __real_vtd_memory_changed(v, changes, n);
    end(v, index);
}

void __wrap_vtd_mmio_write(Vtd *v, uint64_t offset, uint64_t value,
                           unsigned size)
{
    unsigned index = begin(v, NULL, false, (Act) {
        .kind = ACT_WRITE, .addr = offset, .value = value, .size = size,
    });

    __real_vtd_mmio_write(v, offset, value, size);
    end(v, index);
}

static bool translated(VtdSpace *space, unsigned index, bool passed,
                       const VtdTranslation *out)
{
    Met *met = end(space->v, index);

    if (met) {
        met->passed = passed;
        met->t = passed ? *out : (VtdTranslation) { 0 };
    }
    return passed;
}

bool __wrap_vtd_translate(VtdSpace *space, uint64_t iova, VtdAccess access,
                          VtdTranslation *out)
{
    unsigned index = begin(space->v, space, false, (Act) {
        .kind = ACT_TRANSLATE, .addr = iova, .access = access,
        .pasid = VTD_NO_PASID,
    });

    return translated(space, index,
                      __real_vtd_translate(space, iova, access, out), out);
}

bool __wrap_vtd_translate_pasid(VtdSpace *space, uint32_t pasid,
                                bool supervisor, uint64_t iova,
                                VtdAccess access, VtdTranslation *out)
{
    unsigned index = begin(space->v, space, false, (Act) {
        .kind = ACT_TRANSLATE, .addr = iova, .access = access,
        .pasid = pasid, .supervisor = supervisor,
    });

    return translated(space, index,
                      __real_vtd_translate_pasid(space, pasid, supervisor,
                                                 iova, access, out), out);
}

VtdVerdict __wrap_vtd_interrupt(Vtd *v, uint32_t sid, uint64_t addr,
                                uint32_t data, bool record, VtdInterrupt *out)
{
    unsigned index = begin(v, NULL, false, (Act) {
        .kind = ACT_INTERRUPT, .addr = addr, .requester = sid, .data = data,
        .record = record,
    });
    VtdVerdict verdict = __real_vtd_interrupt(v, sid, addr, data, record, out);
    Met *met = end(v, index);

    if (met) {
        met->verdict = verdict;
        met->passed = verdict != VTD_INTERRUPT_BLOCKED;
        if (verdict == VTD_INTERRUPT_REMAPPED) {
            met->interrupt = *out;
        }
    }
    return verdict;
}

char *__wrap_vtd_load(Vtd *v, const VtdSaved *saved)
{
    Record *r = sweep_replaying() ? NULL : record_find(v);
    unsigned index;
    char *error;

    if (r && !r->h->concurrent) {
        record_ram(r);
    }
    index = begin(v, NULL, false, (Act) { .kind = ACT_LOAD });
    if (index) {
        g_array_index(r->q.acts, Act, index - 1).saved =
            sweep_copy(saved, sizeof(*saved));
    }
    error = __real_vtd_load(v, saved);
    end(v, index);
    return error;
}

void __wrap_vtd_save(Vtd *v, VtdSaved *saved)
{
    unsigned index = begin(v, NULL, false, (Act) { ACT_SAVE });

    __real_vtd_save(v, saved);
    end(v, index);
}

#define WRAP_PLAIN(name, act, own) \
    void __wrap_##name(Vtd *v) \
    { \
        unsigned index = begin(v, NULL, own, (Act) { act }); \
        __real_##name(v); \
        end(v, index); \
    }

WRAP_PLAIN(vtd_reset, ACT_RESET, false)
WRAP_PLAIN(vtd_use_caching_mode, ACT_CACHING_MODE, false)
WRAP_PLAIN(vtd_continue, ACT_CONTINUE, true)
WRAP_PLAIN(vtd_sources_changed, ACT_SOURCES, false)
WRAP_PLAIN(vtd_send_events, ACT_SEND_EVENTS, false)
WRAP_PLAIN(vtd_load_finish, ACT_LOADED, false)
