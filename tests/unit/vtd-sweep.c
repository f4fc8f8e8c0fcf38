/*
 * The sweep: each sequence of a unit test again, with one refusal
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See vtd-sweep.h.  Owns the replay of a sequence, and which refusals it is
 * replayed with; vtd-judge.c says what is right afterwards.
 */

#include "qemu/osdep.h"
#include <malloc.h>
#include <signal.h>
#include <unistd.h>
#include "vtd-replay.h"

/*
 * A sequence is replayed with each refusal there is, or with so many of a
 * kind, evenly spread, as cost no more than COST acts and operations; but with
 * FEW at least, or one if it is dear.  One that is too dear is left out by
 * name.  With -m slow every sequence meets every refusal.
 */
#define COST                    200000
#define FEW                     2
#define DEAR                    20000
#define TOO_DEAR                100000

static const char *const kind_names[] = {
    [REFUSE_NOTHING] = "nothing",
    [REFUSE_READ] = "read",
    [REFUSE_PLACE] = "place",
    [REFUSE_RAM] = "ram",
    [REFUSE_WRITE] = "write",
    [REFUSE_INJECT] = "inject",
    [REFUSE_PAGE] = "page",
    [REFUSE_ROOM] = "room",
};

static Replay *now;             /* the one that runs */
static VtdOps asked;            /* what its engine asks */
static struct {
    unsigned sequences, interrupted, left_out, replays;
    unsigned refused[REFUSE_KINDS], spared[REFUSE_KINDS];
} done;
static char where[256];         /* for who looks into an abort */

bool sweep_replaying(void)
{
    return now;
}

/* What may be refused */

/* Whether to refuse the next of @kind */
static bool refuse(RefuseKind kind)
{
    if (now->quiet || ++now->count[kind] != now->n || now->kind != kind) {
        return false;
    }
    now->refused = true;
    return true;
}

static bool asked_read(void *host, uint64_t gpa, void *buf, size_t len)
{
    if (!now->refused && len == 8) {
        if (now->entries < 2) {
            now->entry_at[now->entries] = gpa;
        }
        now->last_entry = gpa;
    }
    if (refuse(REFUSE_READ)) {
        now->gpa = gpa;
        now->len = len;
        /* What is read around an entry is for later requests */
        now->after += len > 32 && !((gpa ^ now->last_entry) & ~0xfffull);
        return false;
    }
    if (!now->refused) {
        now->entries += len == 8;
        now->entries128 += len == 16;
    } else if (!now->quiet) {
        now->after++;
    }
    return now->ops->read(host, gpa, buf, len);
}

static bool asked_write(void *host, uint64_t gpa, const void *buf, size_t len)
{
    return !refuse(REFUSE_WRITE) && now->ops->write(host, gpa, buf, len);
}

static bool asked_inject(void *host, uint64_t addr, uint32_t data)
{
    return !refuse(REFUSE_INJECT) && now->ops->inject(host, addr, data);
}

/* No RAM is so until the act is over: then the host says that it changed */
static void asked_ram(void *host, uint64_t gpa, VtdRam *ram)
{
    now->ops->ram(host, gpa, ram);
    if (now->by_calls || refuse(REFUSE_PLACE)) {
        ram->data = NULL;
    }
    /* With dirty tracking an UNMAP has to say what was mapped: RAM alone is */
    if (!now->h->dirty_tracking && ram->ram && refuse(REFUSE_RAM)) {
        now->ram = *ram;
    }
    if (now->refused && now->kind == REFUSE_RAM &&
        gpa >= now->ram.first && gpa <= now->ram.last) {
        ram->ram = false;
        ram->data = NULL;
    }
}

static int refuse_map(const VtdNotice *notice)
{
    if (!notice->read && !notice->write) {
        return 0;
    }
    if (refuse(REFUSE_PAGE)) {
        now->notice = *notice;
        return -EFAULT;
    }
    if (refuse(REFUSE_ROOM)) {
        now->notice = *notice;
        return -ENOSPC;
    }
    return 0;
}

static int asked_notify(void *space_host, const VtdNotice *notice)
{
    return refuse_map(notice) ?: now->ops->notify(space_host, notice);
}

int sweep_replayed(const VtdNotice *notice, VtdNoticeFn *fn, void *opaque)
{
    return (now->of_another ? 0 : refuse_map(notice)) ?: fn(opaque, notice);
}

const VtdOps *sweep_ops(const VtdOps *ops)
{
    if (now->h) {
        return ops;             /* not the replay's unit, but its judge */
    }
    now->ops = ops;
    asked = *ops;
    asked.read = asked_read;
    asked.write = asked_write;
    asked.inject = asked_inject;
    asked.ram = asked_ram;
    asked.notify = asked_notify;
    return &asked;
}

/* Replaying */

static void listen_to(Replay *r, unsigned i, Listening listening)
{
    if (r->strict[i]) {
        strict_unlisten(r->strict[i]);
        r->strict[i] = NULL;
    }
    if (listening != LISTENING_NOT) {
        r->strict[i] = strict_listen(r->device[i],
                                     listening == LISTENING_MAPS);
    }
}

static void leave(Replay *r, unsigned i)
{
    if (r->device[i]) {
        listen_to(r, i, LISTENING_NOT);
        device_free(r->device[i]);
        r->device[i] = NULL;
    }
}

static void lay_out(Replay *r, const Layout *layout)
{
    Host *h = r->h;

    memcpy(h->hole, layout->hole, sizeof(layout->hole));
    memcpy(h->behind_io, layout->behind_io, sizeof(layout->behind_io));
    memcpy(h->rom, layout->rom, sizeof(layout->rom));
    g_array_free(h->regions, TRUE);
    h->regions = g_array_copy(layout->regions);
    for (unsigned i = 0; i < h->regions->len; i++) {
        VtdRam *region = &g_array_index(h->regions, VtdRam, i);

        if (region->data) {
            region->data = (uint8_t *)h->ram;
            r->alias = true;
        }
    }
}

/* A fault that is pending; 0 if none */
static uint64_t pending_fault(Replay *r)
{
    uint64_t hi = vtd_mmio_read(r->h->v, QVTD_FRCD_HI, 8);

    return hi & QVTD_FRCD_F ? hi : 0;
}

static void note_fault(Replay *r, Met *met, uint64_t before)
{
    uint64_t after = pending_fault(r);

    met->recorded = !before && after;
    met->reason = met->recorded ? after >> 32 & 0xff : 0;
}

/* Carry out an act; *@met says what a request met */
static void perform(Replay *r, const Act *act, Met *met)
{
    Host *h = r->h;
    bool request = act->kind == ACT_TRANSLATE || act->kind == ACT_INTERRUPT;
    uint64_t before = request ? pending_fault(r) : 0;
    Device *d = r->device[act->device];
    Strict *other;
    VtdSaved saved;

    switch (act->kind) {
    case ACT_PUT:
        host_put(h, act->addr, act->value);
        break;
    case ACT_LAYOUT:
        lay_out(r, act->layout);
        break;
    case ACT_HOST:
        h->dirty_tracking = act->flags.dirty_tracking;
        h->cannot_inject = act->flags.cannot_inject;
        h->tick = act->flags.tick;
        break;
    case ACT_SID:
        d->sid = act->sid;
        break;
    case ACT_LISTEN:
        listen_to(r, act->device, act->listening);
        break;
    case ACT_SPACE_NEW:
        r->device[act->device] = device_new(h, act->sid);
        break;
    case ACT_SPACE_FREE:
        leave(r, act->device);
        break;
    case ACT_WATCH:
        vtd_space_watch(d->space, act->map, act->any);
        break;
    case ACT_REPLAY:
        r->of_another = true;
        other = strict_replay(d, act->addr, act->value);
        r->of_another = false;
        if (other->error) {
            wrong(r, "a replay's %s", other->error);
        }
        strict_free(other);
        break;
    case ACT_MEMORY_CHANGED:
        vtd_memory_changed(h->v, act->changes, act->count);
        break;
    case ACT_WRITE:
        vtd_mmio_write(h->v, act->addr, act->value, act->size);
        break;
    case ACT_TRANSLATE:
        met->passed = act->pasid == VTD_NO_PASID
            ? device_translate(d, act->addr, act->access, &met->t)
            : vtd_translate_pasid(d->space, act->pasid, act->supervisor,
                                  act->addr, act->access, &met->t);
        if (!met->passed) {
            met->t = (VtdTranslation) { 0 };
        }
        note_fault(r, met, before);
        break;
    case ACT_INTERRUPT:
        met->verdict = vtd_interrupt(h->v, act->requester, act->addr,
                                     act->data, act->record, &met->interrupt);
        met->passed = met->verdict != VTD_INTERRUPT_BLOCKED;
        note_fault(r, met, before);
        break;
    case ACT_SEND_EVENTS:
        vtd_send_events(h->v);
        break;
    case ACT_CONTINUE:
        if (h->scheduled) {
            h->scheduled = false;
            vtd_continue(h->v);
        }
        break;
    case ACT_RESET:
        vtd_reset(h->v);
        break;
    case ACT_CACHING_MODE:
        vtd_use_caching_mode(h->v);
        h->config.caching_mode = true;
        break;
    case ACT_SOURCES:
        vtd_sources_changed(h->v);
        break;
    case ACT_SAVE:
        vtd_save(h->v, &saved);
        break;
    case ACT_LOAD:
        g_free(vtd_load(h->v, act->saved));
        break;
    case ACT_LOADED:
        vtd_load_finish(h->v);
        break;
    }
}

void replay_pump(Replay *r)
{
    for (unsigned i = 0; r->h->scheduled; i++) {
        if (i == PIECES) {
            wrong(r, "it goes on for ever");
            return;
        }
        r->h->scheduled = false;
        vtd_continue(r->h->v);
    }
}

/* What the host does when it can again what it refused */
static void make_up(Replay *r)
{
    VtdRamChange change = {
        r->ram.first & -QVTD_PAGE, r->ram.last | (QVTD_PAGE - 1), true, true,
    };

    if (r->kind == REFUSE_INJECT) {
        vtd_send_events(r->h->v);
    } else if (r->kind == REFUSE_RAM) {
        r->refused = false;
        vtd_memory_changed(r->h->v, &change, 1);
        r->refused = true;
    }
}

static void step(Replay *r, unsigned index)
{
    const Act *act = &g_array_index(r->q->acts, Act, index);
    Seen *seen = &r->seen[index];
    Met met = { 0 };

    r->index = index;
    r->refused = false;
    r->entries = r->entries128 = r->after = 0;
    r->last_entry = UINT64_MAX;
    if (index == r->target) {
        judge_begin(r);
    }
    perform(r, act, &met);
    if (act->idle) {
        replay_pump(r);
    }
    if (r->refused) {
        make_up(r);
        judge_refused(r, act, &met);
    } else if (index == r->target) {
        wrong(r, "it was not asked again for what was to be refused");
    }
    if (act->kind == ACT_TRANSLATE || act->kind == ACT_INTERRUPT) {
        judge_request(r, act, &met, &seen->met);
    }
    judge_step(r);
    if (!r->n) {
        seen->met = met;
        seen->iqh = vtd_mmio_read(r->h->v, QVTD_IQH, 8);
        seen->fsts = vtd_mmio_read(r->h->v, QVTD_FSTS, 4);
        memcpy(seen->count, r->count, sizeof(seen->count));
    }
}

/* From where on a sequence only ends */
static unsigned end_of(const Sequence *q)
{
    unsigned end = q->acts->len;

    for (; end; end--) {
        switch (g_array_index(q->acts, Act, end - 1).kind) {
        case ACT_PUT:
        case ACT_LISTEN:
        case ACT_WATCH:
        case ACT_SPACE_FREE:
            continue;
        default:
            return end;
        }
    }
    return 0;
}

/* The unit as the test left it */
static void judge_faithful(Replay *r)
{
    if (r->q->interrupted) {
        return;
    }
    if (memcmp(r->h->ram, r->q->ram, RAM_SIZE)) {
        wrong(r, "the memory is not as the test left it");
    }
    for (unsigned i = 0; i < QVTD_SIZE / 8; i++) {
        uint64_t is = vtd_mmio_read(r->h->v, i * 8, 8);

        if (is != r->q->regs[i]) {
            wrong(r, "register 0x%x is 0x%" PRIx64 ", and the test left 0x%"
                  PRIx64, i * 8, is, r->q->regs[i]);
        }
    }
}

/* In the test's log; and where it is seen if the test aborts by it */
static void tell_wrong(const Replay *r)
{
    char *text = g_strdup_printf("SWEEP='%s %s %u': act %u of %u (refused in "
                                 "%d, a read 0x%" PRIx64 "+0x%zx): %s",
                                 r->q->name, kind_names[r->kind], r->n,
                                 r->index, r->q->acts->len, (int)r->target,
                                 r->gpa, r->len, r->wrong);

    g_test_message("%s", text);
    fprintf(stderr, "%s\n", text);
    g_free(text);
}

/*
 * Replay @q with the @n-th of @kind refused, or with nothing (0).  @judged:
 * settle and judge the end, or else compare to what was recorded.
 */
static bool replay(const Sequence *q, Seen *seen, RefuseKind kind, unsigned n,
                   bool by_calls, bool judged)
{
    Replay r = {
        .q = q, .seen = seen, .kind = kind, .n = n, .by_calls = by_calls,
        .target = UINT_MAX,
    };
    unsigned end = judged ? end_of(q) : q->acts->len;
    bool right;

    snprintf(where, sizeof(where), "# SWEEP='%s %s %u'\n", q->name,
             kind_names[kind], n);
    for (unsigned i = 0; n && i < q->acts->len; i++) {
        if (seen[i].count[kind] >= n) {
            r.target = i;
            break;
        }
    }
    now = &r;
    r.h = host_new(&q->config);
    r.device = g_new0(Device *, q->devices + 1);
    r.strict = g_new0(Strict *, q->devices + 1);
    replay_judge_new(&r);
    for (unsigned i = 0; i < end && !r.wrong; i++) {
        step(&r, i);
        if (i == r.target && !(n & 1)) {
            end = i + 1;        /* settled at once */
        }
    }
    r.quiet = true;
    r.refused = false;
    if (!r.wrong) {
        if (judged) {
            judge_settled(&r);
        } else {
            judge_faithful(&r);
        }
    }
    for (unsigned i = 0; i < q->devices; i++) {
        leave(&r, i);
    }
    judge_end(&r);
    host_free(r.h);
    now = NULL;
    done.replays++;
    if (r.wrong) {
        tell_wrong(&r);
        g_test_fail();
    }
    right = !r.wrong;
    g_free(r.device);
    g_free(r.strict);
    g_free(r.wrong);
    where[0] = '\0';
    return right;
}

static unsigned cost_of(const Sequence *q, const Seen *seen)
{
    unsigned end = end_of(q), cost = q->acts->len + q->notices;

    for (unsigned i = 0; end && i < REFUSE_KINDS; i++) {
        cost += seen[end - 1].count[i];
    }
    return cost;
}

static void sweep_kind(const Sequence *q, Seen *seen, RefuseKind kind,
                       unsigned only)
{
    unsigned end = end_of(q), cost = cost_of(q, seen), some, failed = 0;
    unsigned total = end ? seen[end - 1].count[kind] : 0;

    some = g_test_slow() ? total :
           MIN(cost > DEAR ? 1 : MAX(FEW, COST / cost), total);
    for (unsigned i = 0; i < some && failed < 3; i++) {
        unsigned n = some > 1 ? 1 + (uint64_t)i * (total - 1) / (some - 1)
                              : (total + 1) / 2;

        if (!only || n == only) {
            failed += !replay(q, seen, kind, n, kind == REFUSE_READ, true);
            done.refused[kind]++;
        }
    }
    done.spared[kind] += total - some;
}

static void sweep_kinds(const Sequence *q, const char *name, unsigned only)
{
    Seen *seen = g_new0(Seen, q->acts->len);

    /* What was met the first time is what was recorded */
    for (unsigned i = 0; i < q->acts->len; i++) {
        seen[i].met = g_array_index(q->acts, Act, i).met;
    }
    for (unsigned kind = 0; kind < REFUSE_KINDS; kind++) {
        /* Reads are all there are where nothing is in place */
        if (kind == REFUSE_READ || kind == REFUSE_PLACE) {
            if (!replay(q, seen, REFUSE_NOTHING, 0, kind == REFUSE_READ,
                        true)) {
                break;
            }
        }
        if (kind == REFUSE_NOTHING) {
            if (!replay(q, seen, REFUSE_NOTHING, 0, false, false)) {
                break;
            }
        } else if (!name || !strcmp(name, kind_names[kind])) {
            sweep_kind(q, seen, kind, only);
        }
    }
    g_free(seen);
}

static void tell_where(int signal)
{
    if (where[0] && write(STDERR_FILENO, where, strlen(where)) < 0) {
        _exit(1);
    }
}

/* A comment in TAP.  To have swept nothing at all is a failure. */
static void tell_done(void)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = REFUSE_NOTHING + 1; i < REFUSE_KINDS; i++) {
        g_string_append_printf(text, "%s %s %u", i > 1 ? "," : "",
                               kind_names[i], done.refused[i]);
        if (done.spared[i]) {
            g_string_append_printf(text, " of %u",
                                   done.refused[i] + done.spared[i]);
        }
    }
    printf("# sweep: %u sequences (%u of them in another order), %u left out, "
           "%u replays; refused:%s\n", done.sequences,
           done.interrupted, done.left_out, done.replays, text->str);
    g_string_free(text, TRUE);
    if (!done.replays && !getenv("SWEEP")) {
        fflush(stdout);
        _exit(1);
    }
}

static void sweep_begin(void)
{
    static bool begun;

    if (!begun) {
        begun = true;
        /* The memory of hosts is to come from the kernel, which zeroes it */
        mallopt(M_MMAP_THRESHOLD, BIT(20));
        sigaction(SIGABRT, &(struct sigaction) {
            .sa_handler = tell_where, .sa_flags = SA_RESETHAND,
        }, NULL);
        atexit(tell_done);
    }
}

void sweep_left_out(const char *name, const char *why)
{
    sweep_begin();
    done.left_out++;
    g_test_message("left out, as %s: %s", why, name);
}

void sweep_sequence(const Sequence *q)
{
    const char *only = getenv("SWEEP");
    char **words = only ? g_strsplit(only, " ", 3) : NULL;

    sweep_begin();
    if (q->acts->len + q->notices > TOO_DEAR && !g_test_slow()) {
        sweep_left_out(q->name, "too long");
    } else if (q->acts->len && (!words || !g_strcmp0(words[0], q->name))) {
        done.sequences++;
        done.interrupted += q->interrupted;
        sweep_kinds(q, words ? words[1] : NULL,
                    words && words[1] && words[2] ? atoi(words[2]) : 0);
    }
    g_strfreev(words);
}
