/*
 * VT-d tests: the way of a request through scalable mode's tables
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * See way-sm.h.
 */

#include "qemu/osdep.h"
#include "tests/vtd/way-sm.h"

#define IOVA                    0x1008040201000ull /* index 1 at each level */
/* Where leaves of level 2 and 3 can lead to the same page as one of level 1 */
#define PAGE                    0x201000ull
#define SECRET                  0x5ec2e75ec2e75ec2ull
#define DID                     5

static const struct {
    const char *name;
    unsigned pgtt, second, first;
    bool high;                  /* the upper half of canonical addresses */
} modes[SM_MODES] = {
    [SM_SS3] = { "SS 3", QVTD_PGTT_SECOND, 3 },
    [SM_SS4] = { "SS 4", QVTD_PGTT_SECOND, 4 },
    [SM_SS5] = { "SS 5", QVTD_PGTT_SECOND, 5 },
    [SM_FS4] = { "FS 4", QVTD_PGTT_FIRST, 0, 4 },
    [SM_FS5] = { "FS 5", QVTD_PGTT_FIRST, 0, 5 },
    [SM_FS4_HIGH] = { "FS 4, upper half", QVTD_PGTT_FIRST, 0, 4, true },
    [SM_FS5_HIGH] = { "FS 5, upper half", QVTD_PGTT_FIRST, 0, 5, true },
    [SM_N34] = { "FS 4 over SS 3", QVTD_PGTT_NESTED, 3, 4 },
    [SM_N44] = { "FS 4 over SS 4", QVTD_PGTT_NESTED, 4, 4 },
    [SM_N45] = { "FS 5 over SS 4", QVTD_PGTT_NESTED, 4, 5 },
    [SM_N54] = { "FS 4 over SS 5", QVTD_PGTT_NESTED, 5, 4 },
    [SM_N55] = { "FS 5 over SS 5", QVTD_PGTT_NESTED, 5, 5 },
    [SM_PT] = { "pass-through", QVTD_PGTT_PASS_THROUGH },
};

const char *sm_mode_name(SmMode mode)
{
    return modes[mode].name;
}

void sm_way_init(SmWay *way, QVtd *d, uint16_t sid, unsigned haw)
{
    *way = (SmWay) {
        .d = d,
        .sid = sid,
        .haw = haw,
        .cap = qvtd_read64(d, QVTD_CAP),
        .ecap = qvtd_read64(d, QVTD_ECAP),
        .plain = plain_by_registers(d->port, haw),
        .page = PAGE,
    };
    if (d->next_page <= PAGE) {
        g_assert_cmphex(qvtd_alloc(d, MIB2 / QVTD_PAGE), ==, PAGE & ~0xfffff);
    }
    qvtd_use_scalable(d);
    qvtd_enable(d);
}

static bool has_mode(const SmWay *way, SmMode mode)
{
    static const uint64_t needs[] = {
        [QVTD_PGTT_FIRST] = QVTD_ECAP_FSTS,
        [QVTD_PGTT_SECOND] = QVTD_ECAP_SSTS,
        [QVTD_PGTT_NESTED] = QVTD_ECAP_NEST,
        [QVTD_PGTT_PASS_THROUGH] = QVTD_ECAP_PT,
    };

    return way->ecap & needs[modes[mode].pgtt] &&
           (modes[mode].first != 5 || way->cap & QVTD_CAP_FS5LP) &&
           (!modes[mode].second ||
            way->cap & QVTD_CAP_SAGAW_39 << (modes[mode].second - 3));
}

bool sm_way_build(SmWay *way, SmMode mode)
{
    unsigned second = modes[mode].second, first = modes[mode].first;
    QVtd *d = way->d;

    if (!has_mode(way, mode)) {
        return false;
    }
    qvtd_row("%s", modes[mode].name);
    way->mode = mode;
    if (second) {
        way->second = qvtd_domain_new(d, DID, second);
        way->gpa = IOVA & QVTD_BITS(2 + 9 * (second + 1), 0);
        qvtd_map(d, &way->second, way->gpa, way->page, 1, QVTD_RW);
    }
    if (first) {
        unsigned sign = 2 + 9 * (first + 1);

        way->iova = IOVA & QVTD_BITS(sign, 0);
        if (modes[mode].high) {
            way->iova |= QVTD_BITS(63, sign);
        }
        way->first = qvtd_first_new(d, DID, first,
                                    second ? &way->second : NULL);
        qvtd_put(d, qvtd_first_entry(d, &way->first, way->iova, 1),
                 (second ? way->gpa : way->page) | QVTD_FS_USER | QVTD_FS_A |
                 QVTD_FS_D);
        qvtd_sm_attach_first(d, way->sid, &way->first);
    } else if (second) {
        way->iova = way->gpa;
        qvtd_sm_attach_second(d, way->sid, &way->second);
    } else {
        way->iova = way->page;
        qvtd_sm_attach_pass_through(d, way->sid, DID);
    }
    qvtd_invalidate_all(d);
    sm_expect_good(way);
    return true;
}

static uint64_t over(SmWay *way, unsigned level)
{
    uint64_t entry = qvtd_first_entry(way->d, &way->first, way->iova, level);

    return qvtd_entry(way->d, &way->second,
                      qvtd_guest_address(&way->first, entry), 1);
}

uint64_t sm_word(SmWay *way, SmWord word)
{
    unsigned second = modes[way->mode].second, first = modes[way->mode].first;
    uint64_t root = qvtd_sm_root_entry(way->d, way->sid);
    uint32_t pasid = qvtd_rid_pasid(way->d, way->sid);

    switch ((unsigned)word) {
    case W_ROOT:
        return root;
    case W_ROOT_OTHER:
        return root ^ 8;
    case W_CONTEXT ... W_DIR - 1:
        return qvtd_sm_context_entry(way->d, way->sid) +
               (word - W_CONTEXT) * 8;
    case W_DIR:
        return qvtd_pasid_dir_entry(way->d, way->sid, pasid);
    case W_PASID ... W_SS - 1:
        return qvtd_pasid_entry(way->d, way->sid, pasid) +
               (word - W_PASID) * 8;
    case W_SS + 1 ... W_SS + 5:
        return word - W_SS <= second
               ? qvtd_entry(way->d, &way->second, way->gpa, word - W_SS) : 0;
    case W_SS_TOP:
        return second ? sm_word(way, W_SS + second) : 0;
    case W_FS + 1 ... W_FS + 5:
        return word - W_FS <= first
               ? qvtd_first_entry(way->d, &way->first, way->iova, word - W_FS)
               : 0;
    case W_FS_TOP:
        return first ? sm_word(way, W_FS + first) : 0;
    case W_OVER + 1 ... W_OVER + 5:
        return second && word - W_OVER <= first ? over(way, word - W_OVER) : 0;
    case W_OVER_TOP:
        return second && first ? over(way, first) : 0;
    default:
        return 0;
    }
}

/* Requests */

static bool dma(SmWay *way, uint64_t iova, bool write, uint64_t *value)
{
    return way->d->port->dma(way->d->port, way->sid, iova, write, value);
}

void sm_expect_good(SmWay *way)
{
    uint64_t value = SECRET;

    qvtd_put(way->d, way->page, 0);
    expect_true(dma(way, way->iova, true, &value));
    expect_eq(qvtd_get(way->d, way->page), SECRET);
    value = 0;
    expect_true(dma(way, way->iova, false, &value));
    expect_eq(value, SECRET);
    qvtd_expect_no_fault(way->d);
    expect_eq(qvtd_read32(way->d, QVTD_FSTS), 0);
}

/* Words of page tables that are looked after, up to one that is 0 */
typedef struct Words {
    uint64_t at[W_WORDS];
    uint64_t was[W_WORDS];
    unsigned n;
} Words;

/* All addresses first: what a bad word led to cannot be found any more */
static void find_words(SmWay *way, Words *words)
{
    words->n = 0;
    for (SmWord word = W_SS + 1; word < W_WORDS; word++) {
        uint64_t at = sm_word(way, word);

        if (at) {
            words->at[words->n++] = at;
        }
    }
}

static void keep_words(SmWay *way, Words *words)
{
    for (unsigned i = 0; i < words->n; i++) {
        words->was[i] = qvtd_get(way->d, words->at[i]);
    }
}

/* Since then just these bits were set */
static void expect_marks(SmWay *way, const Words *words,
                         const PlainAnswer *answer)
{
    for (unsigned i = 0; i < words->n; i++) {
        uint64_t surely = 0, maybe = 0;
        uint64_t now = qvtd_get(way->d, words->at[i]);

        for (unsigned j = 0; j < answer->n_marks; j++) {
            const PlainMark *mark = &answer->marks[j];

            if (mark->gpa == words->at[i]) {
                *(mark->maybe ? &maybe : &surely) |= mark->bits;
            }
        }
        expect_eq(now & ~maybe, (words->was[i] | surely) & ~maybe);
    }
}

static void expect_record(SmWay *way, uint64_t iova, bool write,
                          uint8_t reason)
{
    QVtd *d = way->d;

    expect_eq(qvtd_read32(d, QVTD_FSTS), QVTD_FSTS_PPF);
    /* the PASID is that of RID_PASID, so it is not in the record (2.3) */
    expect_eq(qvtd_read64(d, QVTD_FRCD_HI),
              QVTD_FRCD_F | (write ? 0 : QVTD_FRCD_READ) |
              QVTD_FRCD_REASON(reason) | way->sid);
    qvtd_expect_fault(d, reason, way->sid, iova & ~0xfffull, !write);
}

static void expect_access(SmWay *way, Words *words, uint64_t iova, bool write,
                          uint8_t reason, bool fpd)
{
    QVtd *d = way->d;
    uint64_t value = SECRET;
    PlainContext context;
    PlainAnswer answer;

    keep_words(way, words);
    context = plain_context(&way->plain, d->root | QVTD_TTM_SCALABLE,
                            way->sid);
    plain_sm_request(&way->plain, &context, iova, write ? QVTD_W : QVTD_R,
                     &answer);
    expect_eq(answer.reason, reason);
    if (answer.reason && plain_qualified(answer.reason)) {
        expect_eq(context.fpd, fpd);
    }

    qvtd_put(d, way->page, ~SECRET);
    if (way->probe_first) {
        d->port->probe(d->port, way->sid, &(QVtdProbe) { iova }, 1);
    }
    expect_eq(dma(way, iova, write, &value), !reason);
    if (!reason) {
        expect_eq(value, write ? SECRET : ~SECRET);
        expect_eq(qvtd_get(d, way->page), write ? SECRET : ~SECRET);
    } else {
        expect_true(value != ~SECRET);
        expect_eq(qvtd_get(d, way->page), ~SECRET);
    }
    if (!reason || fpd) {
        qvtd_expect_no_fault(d);
    } else {
        expect_record(way, iova, write, reason);
    }
    expect_eq(qvtd_read32(d, QVTD_FSTS), 0);
    expect_marks(way, words, &answer);
}

/* Rows */

/* Entries with FPD, from the top */
typedef enum Fpd {
    FPD_NOWHERE, FPD_CONTEXT, FPD_DIR, FPD_PASID, FPD_ENTRIES,
} Fpd;

static const char *const fpd_names[FPD_ENTRIES] = {
    "", ", FPD in the context entry", ", FPD in the directory",
    ", FPD in the PASID entry",
};

static uint64_t fpd_word(SmWay *way, Fpd fpd)
{
    static const SmWord words[FPD_ENTRIES] = {
        [FPD_CONTEXT] = W_CONTEXT, [FPD_DIR] = W_DIR, [FPD_PASID] = W_PASID,
    };

    return sm_word(way, words[fpd]);
}

/* Whether that entry was read before @reason was found (5.1, 6.3) */
static bool hides(Fpd fpd, uint8_t reason)
{
    Fpd read = reason < QVTD_F_PASID_DIR_ACCESS ? FPD_CONTEXT :
               reason < QVTD_F_PASID_ACCESS ? FPD_DIR : FPD_PASID;

    return fpd && fpd <= read && plain_qualified(reason);
}

/* The word of a patch in a row for @level, or for none */
static SmWord word_of(const SmPatch *patch, unsigned level)
{
    bool any = patch->word == W_SS || patch->word == W_FS ||
               patch->word == W_OVER;

    return any ? patch->word + level : patch->word;
}

/* The addresses of @row's words; false if the way lacks what it breaks */
static bool find_patches(SmWay *way, const SmRow *row, unsigned level,
                         uint64_t *at)
{
    for (unsigned i = 0; i < ARRAY_SIZE(row->patches); i++) {
        const SmPatch *patch = &row->patches[i];

        at[i] = 0;
        if (!patch->word) {
            break;
        }
        at[i] = sm_word(way, word_of(patch, level));
        if (!at[i]) {
            return false;
        }
        /* 51:HAW of a paging entry is empty, or it is all reserved bits */
        if (patch->base == B_HAW && patch->word >= W_SS && way->haw >= 52) {
            return false;
        }
        if (patch->base == B_WIDTH &&
            3 + 9 * (modes[way->mode].second + 1) >= way->haw) {
            return false;
        }
    }
    return true;
}

static uint64_t base_of(SmWay *way, const SmPatch *patch)
{
    uint64_t target = way->page;

    if (patch->word >= W_FS && patch->word <= W_FS_TOP &&
        modes[way->mode].second) {
        target = way->gpa;
    }
    switch (patch->base) {
    case B_HAW:
        return 1ull << way->haw;
    case B_WIDTH:
        return 1ull << (3 + 9 * (modes[way->mode].second + 1));
    case B_MIB2:
        return target & ~(MIB2 - 1);
    case B_GIB:
        return target & ~(GIB - 1);
    default:
        return 0;
    }
}

static bool run_row(SmWay *way, const SmRow *row, unsigned level, Fpd fpd)
{
    uint64_t at[ARRAY_SIZE(row->patches)], old[ARRAY_SIZE(row->patches)];
    uint64_t fpd_at = fpd ? fpd_word(way, fpd) : 0;
    QVtd *d = way->d;
    Words words, before;
    unsigned n;

    if (!find_patches(way, row, level, at)) {
        return false;
    }
    qvtd_row("%s: %s, level %u%s", modes[way->mode].name, row->name, level,
             fpd_names[fpd]);
    find_words(way, &words);
    before = words;
    keep_words(way, &before);
    for (n = 0; n < ARRAY_SIZE(at) && at[n]; n++) {
        const SmPatch *patch = &row->patches[n];

        old[n] = qvtd_get(d, at[n]);
        qvtd_put(d, at[n], (old[n] & ~patch->clear) | patch->set |
                 base_of(way, patch));
    }
    if (fpd) {
        qvtd_put(d, fpd_at, qvtd_get(d, fpd_at) | QVTD_FPD);
    }

    for (unsigned access = SM_READ; access <= SM_WRITE; access++) {
        qvtd_invalidate_all(d);
        if (row->accesses & access) {
            expect_access(way, &words, way->iova ^ row->flip,
                          access == SM_WRITE, row->reason,
                          hides(fpd, row->reason));
        }
    }

    if (fpd) {
        qvtd_put(d, fpd_at, qvtd_get(d, fpd_at) & ~QVTD_FPD);
    }
    while (n--) {
        qvtd_put(d, at[n], old[n]);
    }
    for (unsigned i = 0; i < before.n; i++) {
        qvtd_put(d, before.at[i], before.was[i]);
    }
    qvtd_invalidate_all(d);
    return true;
}

static bool applies(const SmWay *way, const SmRow *row)
{
    return row->modes & M(way->mode) &&
           (way->ecap & row->with) == row->with &&
           !(way->ecap & row->without) &&
           (way->cap & row->cap_with) == row->cap_with &&
           !(way->cap & row->cap_without);
}

/* One row, and with FPD: true if the way has what it breaks */
static bool run_level(SmWay *way, const SmRow *row, unsigned level, bool fpd)
{
    if (!run_row(way, row, level, FPD_NOWHERE)) {
        return false;
    }
    for (Fpd at = FPD_CONTEXT; fpd && row->reason && at < FPD_ENTRIES; at++) {
        run_row(way, row, level, at);
    }
    sm_expect_good(way);
    return true;
}

unsigned sm_rows(SmWay *way, const SmRow *rows, unsigned n)
{
    g_autofree bool *seen = g_new0(bool, n);
    unsigned run = 0;

    for (SmMode mode = 0; mode < SM_MODES; mode++) {
        if (!sm_way_build(way, mode)) {
            continue;
        }
        for (unsigned i = 0; i < n; i++) {
            for (unsigned level = rows[i].from;
                 applies(way, &rows[i]) && level <= rows[i].to; level++) {
                /* FPD is the same in all modes, and at all levels */
                if (run_level(way, &rows[i], level, !seen[i])) {
                    seen[i] = true;
                    run++;
                }
            }
        }
    }
    return run;
}
