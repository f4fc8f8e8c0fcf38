/*
 * VT-d tests: a plain walk of what the guest wrote, in scalable mode
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owns the root, context and PASID entries of scalable mode (2.2 to 2.4), and
 * requests through both stages (3.3, 3.4, 4, 4.1, 4.2); see plain.h.
 */

#include "qemu/osdep.h"
#include "tests/vtd/numbers.h"
#include "tests/vtd/plain.h"

static unsigned shift_of(unsigned level)
{
    return 12 + 9 * (level - 1);
}

/* Bits from HAW up */
static uint64_t above(const Plain *p)
{
    return QVTD_BITS(63, p->haw_bits);
}

bool plain_qualified(unsigned reason)
{
    switch (reason) {
    case QVTD_F_ROOT:
    case QVTD_F_ROOT_ACCESS:
    case QVTD_F_CONTEXT_ACCESS:
    case QVTD_F_ROOT_RESERVED:
    case QVTD_F_RTADDR:
    case QVTD_F_SM_ROOT_ACCESS:
    case QVTD_F_SM_ROOT:
    case QVTD_F_SM_ROOT_RESERVED:
    case QVTD_F_SM_CONTEXT_ACCESS:
    case QVTD_F_PASID_DIR_ACCESS:
    case QVTD_F_PASID_ACCESS:
        return false;
    default:
        return true;
    }
}

Plain plain_by_registers(QVtdPort *port, unsigned haw_bits)
{
    uint64_t cap = port->reg_read(port, QVTD_CAP, 8);
    uint64_t ecap = port->reg_read(port, QVTD_ECAP, 8);

    return (Plain) {
        .port = port,
        .aw_bits = (cap >> 16 & 0x3f) + 1,
        .haw_bits = haw_bits,
        .pass_through = ecap & QVTD_ECAP_PT,
        .snoop_control = ecap & QVTD_ECAP_SC,
        .device_iotlb = ecap & QVTD_ECAP_DT,
        .scalable = ecap & QVTD_ECAP_SMTS,
        .first_stage = ecap & QVTD_ECAP_FSTS,
        .second_stage = ecap & QVTD_ECAP_SSTS,
        .nested = ecap & QVTD_ECAP_NEST,
        .fs_1g = cap & QVTD_CAP_FS1GP,
        .fs_5_levels = cap & QVTD_CAP_FS5LP,
        .ss_dirty = ecap & QVTD_ECAP_SSADS,
        .snooped_walks = ecap & QVTD_ECAP_SMPWCS,
        .supervisor = ecap & QVTD_ECAP_SRS,
        .rid_pasid = ecap & QVTD_ECAP_RPS,
        .extended_accessed = ecap & QVTD_ECAP_EAFS,
        .pasid = ecap & QVTD_ECAP_PASID,
    };
}

/* Root, context and PASID entries (2.2, 2.4) */

static bool read_words(Plain *p, uint64_t gpa, uint64_t *words, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (!plain_read(p, gpa + i * 8, &words[i])) {
            return false;
        }
    }
    return true;
}

static bool context_reserved(const Plain *p, const uint64_t *words)
{
    return (words[0] & (QVTD_BITS(8, 5) | above(p))) ||
           (words[0] & QVTD_DTE && !p->device_iotlb) ||
           (words[0] & QVTD_PASIDE && !p->pasid) ||
           (words[0] & QVTD_PRE) ||
           (words[1] & QVTD_BITS(63, 20)) ||
           (words[1] & QVTD_RID_PASID && !p->rid_pasid) ||
           words[2] || words[3];
}

static bool pasid_reserved(const Plain *p, const uint64_t *words)
{
    const uint64_t ignored = QVTD_NXE | QVTD_SMEP;

    return (words[0] & (QVTD_BITS(5, 5) | QVTD_BITS(11, 10) | above(p))) ||
           (words[0] & QVTD_SSADE && !p->ss_dirty) ||
           (words[1] & (QVTD_BITS(22, 16) | QVTD_BITS(31, 27))) ||
           (words[1] & QVTD_PWSNP && !p->snooped_walks) ||
           (words[1] & QVTD_PGSNP && !p->snoop_control) ||
           (words[1] & (QVTD_CD | QVTD_EMTE | QVTD_BITS(63, 32))) ||
           (words[2] & ~ignored &
            (QVTD_ERE | QVTD_BITS(11, 8) | above(p))) ||
           (words[2] & QVTD_SRE && !p->supervisor) ||
           (words[2] & QVTD_EAFE && !p->extended_accessed) ||
           words[3] || words[4] || words[5] || words[6] || words[7];
}

static bool pgtt_supported(const Plain *p, unsigned pgtt)
{
    switch (pgtt) {
    case QVTD_PGTT_FIRST:
        return p->first_stage;
    case QVTD_PGTT_SECOND:
        return p->second_stage;
    case QVTD_PGTT_NESTED:
        return p->nested;
    case QVTD_PGTT_PASS_THROUGH:
        return p->pass_through;
    default:
        return false;
    }
}

bool plain_has_first(const PlainContext *context)
{
    return context->pgtt == QVTD_PGTT_FIRST ||
           context->pgtt == QVTD_PGTT_NESTED;
}

static bool has_second(unsigned pgtt)
{
    return pgtt == QVTD_PGTT_SECOND || pgtt == QVTD_PGTT_NESTED;
}

/* The PASID entry at @gpa */
static unsigned find_pasid(Plain *p, uint64_t gpa, PlainContext *context)
{
    uint64_t words[8];
    unsigned fspm;

    if (!read_words(p, gpa, words, 8)) {
        return QVTD_F_PASID_ACCESS;
    }
    context->fpd |= !!(words[0] & QVTD_FPD);
    if (!(words[0] & QVTD_P)) {
        return QVTD_F_PASID;
    }
    if (pasid_reserved(p, words)) {
        return QVTD_F_PASID_RESERVED;
    }
    context->did = words[1];
    context->pgtt = words[0] >> 6 & 7;
    context->top = words[0] & QVTD_BITS(63, 12);
    context->levels = (words[0] >> 2 & 7) + 2;
    context->fs_top = words[2] & QVTD_BITS(63, 12);
    fspm = words[2] >> 2 & 3;
    context->fs_levels = fspm + 4;
    context->ss_marks = words[0] & QVTD_SSADE;
    /* without SMPWCS bits are set all the same, as memory is coherent here */
    context->snooped = !p->snooped_walks || words[1] & QVTD_PWSNP;
    context->ea = words[2] & QVTD_EAFE;
    if (!pgtt_supported(p, context->pgtt)) {
        return QVTD_F_PASID_INVALID;
    }
    if (has_second(context->pgtt) &&
        (context->levels < 3 || context->levels > 5 ||
         shift_of(context->levels + 1) > p->aw_bits)) {
        return QVTD_F_PASID_INVALID;
    }
    if (plain_has_first(context) && (fspm > 1 || (fspm && !p->fs_5_levels))) {
        return QVTD_F_PASID_INVALID;
    }
    context->kind = context->pgtt == QVTD_PGTT_PASS_THROUGH
                    ? PLAIN_PASS_THROUGH : PLAIN_TABLES;
    return 0;
}

unsigned plain_sm_context(Plain *p, uint64_t rtaddr, uint16_t sid,
                          PlainContext *context)
{
    uint64_t gpa = (rtaddr & QVTD_BITS(63, 12)) + (sid >> 8) * 16;
    uint64_t root, words[4], dir;

    if (rtaddr & above(p)) {
        return QVTD_F_RTADDR;
    }
    if (!plain_read(p, gpa + (sid & 0x80 ? 8 : 0), &root)) {
        return QVTD_F_SM_ROOT_ACCESS;
    }
    if (!(root & QVTD_P)) {
        return QVTD_F_SM_ROOT;
    }
    if (root & (QVTD_BITS(11, 1) | above(p))) {
        return QVTD_F_SM_ROOT_RESERVED;
    }

    gpa = (root & QVTD_BITS(63, 12)) + (sid & 0x7f) * 32;
    if (!read_words(p, gpa, words, 4)) {
        return QVTD_F_SM_CONTEXT_ACCESS;
    }
    context->fpd = words[0] & QVTD_FPD;
    if (!(words[0] & QVTD_P)) {
        return QVTD_F_SM_CONTEXT;
    }
    if (context_reserved(p, words)) {
        return QVTD_F_SM_CONTEXT_RESERVED;
    }
    context->pasid = words[1] & QVTD_RID_PASID;
    if (context->pasid >> (13 + (words[0] >> 9 & 7))) {
        context->or_reason = QVTD_F_SM_CONTEXT_INVALID;
        return QVTD_F_RID_PASID;
    }

    gpa = (words[0] & QVTD_BITS(63, 12)) + (context->pasid >> 6) * 8;
    if (!plain_read(p, gpa, &dir)) {
        return QVTD_F_PASID_DIR_ACCESS;
    }
    context->fpd |= !!(dir & QVTD_FPD);
    if (!(dir & QVTD_P)) {
        return QVTD_F_PASID_DIR;
    }
    if (dir & (QVTD_BITS(11, 2) | above(p))) {
        return QVTD_F_PASID_DIR_RESERVED;
    }
    return find_pasid(p, (dir & QVTD_BITS(63, 12)) +
                      (context->pasid & 63) * 64, context);
}

/* Requests */

typedef struct Walk {
    Plain *p;
    const PlainContext *c;
    PlainAnswer *a;
    bool probe;                 /* which may set bits, but need not */
} Walk;

/* Where a walk of one stage ended */
typedef struct Leaf {
    uint64_t at;                /* the entry's address */
    uint64_t entry;
    unsigned shift;
    uint64_t addr;              /* what the input address leads to */
    unsigned granted;
} Leaf;

static void or_reason(PlainAnswer *a, unsigned reason)
{
    for (unsigned i = 0; i < a->n_or_reasons; i++) {
        if (a->or_reason[i] == reason) {
            return;
        }
    }
    g_assert_cmpuint(a->n_or_reasons, <, PLAIN_REASONS);
    a->or_reason[a->n_or_reasons++] = reason;
}

bool plain_answer_is(const PlainAnswer *answer, unsigned reason)
{
    for (unsigned i = 0; i < answer->n_or_reasons; i++) {
        if (answer->or_reason[i] == reason) {
            return true;
        }
    }
    return answer->reason == reason;
}

/* Set what @bits the entry lacks; @mark says the rest */
static void set_bits(Walk *w, uint64_t entry, uint64_t bits, PlainMark mark,
                     unsigned not_snooped, unsigned failed)
{
    mark.bits = bits & ~entry;
    mark.maybe |= w->probe;
    if (!mark.bits) {
        return;
    }
    if (!w->c->snooped || (w->p->writable &&
                           !w->p->writable(w->p->port, mark.gpa))) {
        if (!mark.maybe) {
            or_reason(w->a, w->c->snooped ? failed : not_snooped);
        }
        return;
    }
    g_assert_cmpuint(w->a->n_marks, <, PLAIN_MARKS);
    w->a->marks[w->a->n_marks++] = mark;
}

static void set_ss(Walk *w, uint64_t at, uint64_t entry, uint64_t bits,
                   bool first_stage, bool maybe)
{
    if (w->c->ss_marks) {
        set_bits(w, entry, bits,
                 (PlainMark) {
                     .gpa = at, .first_stage = first_stage, .maybe = maybe,
                 }, QVTD_F_SS_NOT_SNOOPED, QVTD_F_SS_UPDATE);
    }
}

/* Down to the leaf, whose bits the caller sets (3.3, 3.4) */
static unsigned walk_second(Walk *w, uint64_t addr, unsigned wanted,
                            Leaf *leaf)
{
    const unsigned aw = shift_of(w->c->levels + 1);
    const unsigned width = MIN(aw, w->p->aw_bits);
    uint64_t table = w->c->top;

    leaf->granted = QVTD_RW;
    if (addr >> width) {
        return QVTD_F_SM_ADDRESS;
    }
    for (unsigned level = w->c->levels; ; level--) {
        bool is_leaf;

        leaf->shift = shift_of(level);
        leaf->at = table + (addr >> leaf->shift & 511) * 8;
        if (!plain_read(w->p, leaf->at, &leaf->entry)) {
            return level == w->c->levels ? QVTD_F_SS_TOP_ACCESS
                                         : QVTD_F_SS_ACCESS;
        }
        if (!(leaf->entry & QVTD_RW)) {
            return QVTD_F_SS;
        }
        is_leaf = level == 1 || (level <= 3 && leaf->entry & QVTD_PS);
        if (leaf->entry & plain_ss_reserved(w->p, level, is_leaf)) {
            return QVTD_F_SS_RESERVED;
        }
        leaf->granted &= leaf->entry;
        if (!leaf->granted || wanted & ~leaf->granted) {
            w->a->denied = true;
            if (!is_leaf) {
                set_ss(w, leaf->at, leaf->entry, QVTD_SS_A, false, true);
            }
            return !leaf->granted ? QVTD_F_SS :
                   wanted & QVTD_W ? QVTD_F_SM_WRITE : QVTD_F_SM_READ;
        }
        table = leaf->entry & QVTD_BITS(w->p->haw_bits - 1, 12);
        if (is_leaf) {
            leaf->addr = table + (addr & ((1ull << leaf->shift) - 1));
            return 0;
        }
        set_ss(w, leaf->at, leaf->entry, QVTD_SS_A, false, false);
    }
}

/* Where an FS entry is in memory: @over is the SS leaf that leads there */
static unsigned find_entry(Walk *w, uint64_t addr, bool top, uint64_t *at,
                           Leaf *over)
{
    unsigned reason;

    *at = addr;
    if (w->c->pgtt != QVTD_PGTT_NESTED) {
        return 0;
    }
    reason = walk_second(w, addr, QVTD_R, over);
    if (!reason) {
        *at = over->addr;
        set_ss(w, over->at, over->entry, QVTD_SS_A, false, false);
        return 0;
    }
    switch (reason) {
    case QVTD_F_SM_ADDRESS:
        return QVTD_F_FS_ADDRESS;
    case QVTD_F_SS:
        /* by its own name, or by the table's: unsure */
        or_reason(w->a, top ? QVTD_F_FS_TOP_READ : QVTD_F_FS_READ);
        return reason;
    case QVTD_F_SM_READ:
        return top ? QVTD_F_FS_TOP_READ : QVTD_F_FS_READ;
    default:
        return reason;
    }
}

static void set_fs(Walk *w, uint64_t at, uint64_t entry, bool dirty,
                   const Leaf *over)
{
    uint64_t bits = QVTD_FS_A | (w->c->ea ? QVTD_FS_EA : 0) |
                    (dirty ? QVTD_FS_D : 0);
    bool nested = w->c->pgtt == QVTD_PGTT_NESTED;
    bool written = bits & ~entry;

    if (written && nested && !(over->granted & QVTD_W) && !w->probe) {
        or_reason(w->a, QVTD_F_FS_WRITE);
        if (!w->c->snooped) {
            or_reason(w->a, QVTD_F_FS_NOT_SNOOPED);
        }
        return;
    }
    set_bits(w, entry, bits,
             (PlainMark) {
                 .gpa = at, .first_stage = true,
             }, QVTD_F_FS_NOT_SNOOPED, QVTD_F_FS_UPDATE);
    if (nested && over->granted & QVTD_W && w->c->snooped) {
        /* for a mere read it is unsure whether the table is dirty */
        set_ss(w, over->at, over->entry, QVTD_SS_D, true, !written);
    }
}

uint64_t plain_fs_reserved(const Plain *p, unsigned level, bool leaf)
{
    uint64_t reserved = above(p) & QVTD_BITS(51, 0);

    if (level > 3 || (level == 3 && !p->fs_1g)) {
        reserved |= QVTD_PS;
    }
    if (leaf && level > 1) {
        reserved |= QVTD_BITS(shift_of(level) - 1, 13);
    }
    return reserved;
}

static unsigned deny(Walk *w, unsigned reason)
{
    w->a->denied = true;
    return reason;
}

/* Both stages, or the first alone (4.1, 4.2) */
static unsigned walk_first(Walk *w, uint64_t iova, unsigned wanted,
                           Leaf *leaf)
{
    unsigned width = w->c->fs_levels == 5 ? 56 : 47, reason;
    uint64_t table = w->c->fs_top, all = QVTD_FS_RW | QVTD_FS_US, at;
    Leaf over, second;

    if (iova >> width && iova >> width != UINT64_MAX >> width) {
        return QVTD_F_CANONICAL;
    }
    for (unsigned level = w->c->fs_levels; ; level--) {
        bool top = level == w->c->fs_levels, is_leaf;

        leaf->shift = shift_of(level);
        reason = find_entry(w, table + (iova >> leaf->shift & 511) * 8, top,
                            &at, &over);
        if (reason) {
            return reason;
        }
        if (!plain_read(w->p, at, &leaf->entry)) {
            return top ? QVTD_F_FS_TOP_ACCESS : QVTD_F_FS_ACCESS;
        }
        if (!(leaf->entry & QVTD_FS_P)) {
            return QVTD_F_FS;
        }
        is_leaf = level == 1 || (level <= 3 && leaf->entry & QVTD_PS);
        if (leaf->entry & plain_fs_reserved(w->p, level, is_leaf)) {
            return QVTD_F_FS_RESERVED;
        }
        all &= leaf->entry;
        table = leaf->entry & QVTD_BITS(w->p->haw_bits - 1, 12);
        if (is_leaf) {
            break;
        }
        set_fs(w, at, leaf->entry, false, &over);
    }

    if (!(all & QVTD_FS_US)) {
        if (wanted & QVTD_W && !(all & QVTD_FS_RW)) {
            or_reason(w->a, QVTD_F_SM_WRITE);
        }
        return deny(w, QVTD_F_USER);
    }
    if (wanted & QVTD_W && !(all & QVTD_FS_RW)) {
        return deny(w, QVTD_F_SM_WRITE);
    }
    leaf->granted = QVTD_R | (all & QVTD_FS_RW ? QVTD_W : 0);
    leaf->addr = (table & ~((1ull << leaf->shift) - 1)) |
                 (iova & ((1ull << leaf->shift) - 1));
    if (w->c->pgtt == QVTD_PGTT_NESTED) {
        reason = walk_second(w, leaf->addr, wanted, &second);
        if (reason) {
            return reason;
        }
        leaf->addr = second.addr;
        leaf->shift = MIN(leaf->shift, second.shift);
        leaf->granted &= second.granted;
        if (!leaf->granted) {
            return deny(w, QVTD_F_SS);
        }
    }
    if (QVTD_IS_MSI(leaf->addr)) {
        return QVTD_F_SM_OUTPUT;
    }
    w->a->clean = !(leaf->entry & QVTD_FS_D);
    if (w->c->pgtt == QVTD_PGTT_NESTED) {
        w->a->clean |= w->c->ss_marks && !(second.entry & QVTD_SS_D);
        set_ss(w, second.at, second.entry,
               QVTD_SS_A | (wanted & QVTD_W ? QVTD_SS_D : 0), false, false);
    }
    set_fs(w, at, leaf->entry, wanted & QVTD_W, &over);
    return 0;
}

static unsigned request(Walk *w, uint64_t iova, unsigned wanted, Leaf *leaf)
{
    unsigned reason;

    switch (w->c->pgtt) {
    case QVTD_PGTT_PASS_THROUGH:
        *leaf = (Leaf) { .shift = 12, .addr = iova, .granted = QVTD_RW };
        return iova & above(w->p) ? QVTD_F_PASS_THROUGH : 0;
    case QVTD_PGTT_SECOND:
        reason = walk_second(w, iova, wanted, leaf);
        if (!reason && QVTD_IS_MSI(leaf->addr)) {
            reason = QVTD_F_SM_OUTPUT;
        }
        if (!reason) {
            w->a->clean = w->c->ss_marks && !(leaf->entry & QVTD_SS_D);
            set_ss(w, leaf->at, leaf->entry,
                   QVTD_SS_A | (wanted & QVTD_W ? QVTD_SS_D : 0), false, false);
        }
        return reason;
    default:
        return walk_first(w, iova, wanted, leaf);
    }
}

void plain_sm_request(Plain *p, const PlainContext *context, uint64_t iova,
                   unsigned wanted, PlainAnswer *answer)
{
    Walk w = { p, context, answer, !wanted };
    uint64_t first;
    Leaf leaf;

    *answer = (PlainAnswer) { .reason = context->reason };
    if (context->reason) {
        if (context->or_reason) {
            or_reason(answer, context->or_reason);
        }
        return;
    }
    g_assert_true(context->pgtt);
    answer->reason = request(&w, iova, wanted, &leaf);
    /* A bit that cannot be set counts if all else is well */
    if (!answer->reason && answer->n_or_reasons) {
        answer->reason = answer->or_reason[0];
    }
    /* The walk may have ended where that was found */
    for (unsigned i = 0; answer->reason && i < answer->n_marks; i++) {
        answer->marks[i].maybe |= answer->n_or_reasons ||
                                  answer->marks[i].first_stage;
    }
    if (!answer->reason) {
        first = iova & ~((1ull << leaf.shift) - 1);
        answer->leaf = (Run) {
            first, first + ((1ull << leaf.shift) - 1),
            leaf.addr & ~((1ull << leaf.shift) - 1), leaf.granted,
        };
    }
}
