/*
 * The judge of shadows, and the rules of VFIO: each can fail
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Steps that are made up, right and wrong ones, and what is said of them.
 */

#include "qemu/osdep.h"
#include "tests/vtd/expect.h"
#include "vtd-mirror.h"

#define A                       (4 * MIB)
#define PAGES(at, n, target) \
    { A + (at) * QVTD_PAGE, A + ((at) + (n)) * QVTD_PAGE - 1, \
      TARGET + (target) * QVTD_PAGE, QVTD_RW }
#define GONE(at, n) \
    { A + (at) * QVTD_PAGE, A + ((at) + (n)) * QVTD_PAGE - 1 }
#define END                     { 0 }

/*
 * Pages are counted from A and from TARGET on.  The tables map 0 to 7 to the
 * same ones, and by one leaf of 2 MiB 512 to 1023 to the first ones.
 */
typedef struct Row {
    const char *name;
    Run before[5];
    Run log[6];
    Run after[5];
    const char *wrong;          /* a part of what is said; NULL: nothing is */
    unsigned unmaps_gone, fewest, splits;
    int passing;
    bool dirty;
} Row;

static const Row rows[] = {
    { "nothing", { PAGES(0, 1, 0) }, { END }, { PAGES(0, 1, 0) } },
    { "a page comes", { END }, { PAGES(0, 1, 0) }, { PAGES(0, 1, 0) } },
    { "two pages go in one", { PAGES(0, 1, 8), PAGES(1, 1, 9) },
      { GONE(0, 2) }, { END }, NULL, 1, 1 },
    { "two pages go one by one", { PAGES(0, 1, 8), PAGES(1, 1, 9) },
      { GONE(0, 1), GONE(1, 1) }, { END }, NULL, 2, 1 },
    { "a page changes", { PAGES(0, 1, 9) }, { GONE(0, 1), PAGES(0, 1, 0) },
      { PAGES(0, 1, 0) } },
    { "a page is sent again", { PAGES(0, 1, 0) },
      { GONE(0, 1), PAGES(0, 1, 0) }, { PAGES(0, 1, 0) },
      "which is as before" },
    { "its neighbour goes along", { PAGES(0, 1, 9), PAGES(1, 1, 1) },
      { GONE(0, 2), PAGES(0, 1, 0), PAGES(1, 1, 1) },
      { PAGES(0, 1, 0), PAGES(1, 1, 1) }, "which is as before" },
    { "two go before one comes", { PAGES(0, 1, 9), PAGES(1, 1, 9) },
      { GONE(0, 1), GONE(1, 1), PAGES(0, 1, 0), PAGES(1, 1, 1) },
      { PAGES(0, 1, 0), PAGES(1, 1, 1) }, "not closed at once" },
    { "two go by one, and come one by one",
      { PAGES(0, 1, 9), PAGES(1, 1, 9) },
      { GONE(0, 2), PAGES(0, 1, 0), PAGES(1, 1, 1) },
      { PAGES(0, 1, 0), PAGES(1, 1, 1) }, "holes in several" },
    { "nothing is unmapped", { PAGES(0, 1, 0) }, { GONE(4, 1) },
      { PAGES(0, 1, 0) }, "in vain", 1, 0 },
    { "twice", { PAGES(0, 1, 9) }, { GONE(0, 1), GONE(0, 1) }, { END },
      "in vain", 2, 1 },
    { "a part of a mapping goes", { PAGES(512, 2, 0) },
      { GONE(512, 2), PAGES(512, 1, 0) }, { PAGES(512, 1, 0) }, NULL, 0, 1,
      1 },
    { "two leaves at once", { END }, { PAGES(0, 2, 0) }, { PAGES(0, 2, 0) },
      "not of one leaf" },
    { "no leaf", { END }, { PAGES(9, 1, 0) }, { PAGES(9, 1, 0) },
      "not of one leaf" },
    { "a part of a leaf", { END }, { PAGES(512, 8, 0) },
      { PAGES(512, 8, 0) } },
    { "for nothing", { END },
      { PAGES(0, 1, 0), GONE(0, 1) }, { END }, NULL, 1, 0, 0, 1 },
    { "beyond the width", { { BIT(48), BIT(48) + QVTD_PAGE - 1, 0, 3 } },
      { { BIT(48), BIT(48) + QVTD_PAGE - 1 } }, { END }, "beyond" },
    { "two mappings make room for a leaf",
      { PAGES(512, 1, 9), PAGES(513, 1, 9) },
      { GONE(512, 1), GONE(513, 1), PAGES(512, 2, 0) }, { PAGES(512, 2, 0) },
      "not closed at once" },
    { "the same in dirty tracking", { PAGES(512, 1, 9), PAGES(513, 1, 9) },
      { GONE(512, 1), GONE(513, 1), PAGES(512, 2, 0) }, { PAGES(512, 2, 0) },
      NULL, 0, 0, 0, 0, true },
};

static GArray *list(const Run *runs)
{
    GArray *all = runs_new();

    for (unsigned i = 0; runs[i].last; i++) {
        g_array_append_val(all, runs[i]);
    }
    return all;
}

static uint8_t *all_is_ram(void *opaque, const TestdevExtent *e)
{
    return opaque;
}

/* What a host would have removed */
static GArray *records(const GArray *before, const Run *log)
{
    GArray *all = g_array_new(FALSE, FALSE, sizeof(JudgeRecord));
    TestdevTable table = { 0 };

    testdev_table_init(&table, all_is_ram, &table);
    for (unsigned i = 0; i < before->len; i++) {
        const Run *run = &RUN(before, i);
        TestdevExtent e = { run->first, run->last, 0, NULL, run->perm };
        uint64_t removed;

        g_assert_cmpint(testdev_table_update(&table, &e, false, &removed), ==,
                        TESTDEV_NO_ERROR);
    }
    for (unsigned i = 0; log[i].last; i++) {
        JudgeRecord record = { .run = log[i] };
        TestdevExtent e = {
            log[i].first, log[i].last, 0, NULL, log[i].perm,
        };

        g_assert_cmpint(testdev_table_update(&table, &e, false,
                                             &record.removed), ==,
                        TESTDEV_NO_ERROR);
        g_array_append_val(all, record);
    }
    testdev_table_destroy(&table);
    return all;
}

static void check_row(Mirror *m, const Row *row)
{
    Plain plain = plain_of(m->h);
    PlainContext context = plain_context(&plain, m->h->vtd.root, m->d->sid);
    g_autoptr(GArray) before = list(row->before), after = list(row->after);
    g_autoptr(GArray) log = records(before, row->log), unsent = runs_new();
    g_autoptr(Judgement) j = judge(&(JudgeStep) {
        .before = before,
        .after = after,
        .log = log,
        .plain = &plain,
        .context = &context,
        .unsent = unsent,
        .dirty = row->dirty,
    });

    qvtd_row("%s", row->name);
    if (row->wrong && !expect_true(j->wrong && strstr(j->wrong, row->wrong))) {
        g_test_message("%s: %s", row->wrong, j->wrong);
    } else if (!row->wrong && !expect_true(!j->wrong)) {
        g_test_message("%s", j->wrong);
    }
    expect_eq(j->splits, row->splits);
    expect_eq(j->passing, row->passing);
    if (!row->wrong || row->unmaps_gone) {
        expect_eq(j->unmaps_gone, row->unmaps_gone);
        expect_eq(judge_fewest(j, 0, UINT64_MAX), row->fewest);
    }
}

static void test_judge(void)
{
    Host *h = mirror_host(NULL);
    Mirror *m = mirror_new(h, 0x10, 1, 0, 4);

    mirror_map(m, A, 1, 8, TARGET | QVTD_RW);
    mirror_map(m, A + 2 * MIB, 2, 1, TARGET | QVTD_RW | QVTD_PS);
    for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
        check_row(m, &rows[i]);
    }
    mirror_flush(m);
    assert_step(m, 0);
    mirror_free(m);
    host_free(h);
}

/* One notice after another, to a strict host */
static void test_strict(void)
{
#define MAP(at, size, target) \
    { (at), (at) + (size) - 1, (target), true, true }
#define UNMAP(at, size, target) \
    { (at), (at) + (size) - 1, (target), false, false }
    static const struct {
        const char *name;
        VtdNotice notice;
        bool dirty;
        const char *wrong;
    } notices[] = {
        { "page", MAP(A, QVTD_PAGE, TARGET) },
        { "the same", MAP(A, QVTD_PAGE, TARGET), false, "over a mapping" },
        { "around it", MAP(A, MIB, TARGET), false, "over a mapping" },
        { "2 MiB", MAP(2 * MIB, 2 * MIB, TARGET) },
        { "half of it goes", UNMAP(2 * MIB, MIB, 0), false, "cuts" },
        { "a page of it goes", UNMAP(4 * MIB - QVTD_PAGE, QVTD_PAGE, 0),
          false, "cuts" },
        { "three pages", MAP(8 * MIB, 3 * QVTD_PAGE, TARGET), false,
          "power of two" },
        { "half a page", MAP(8 * MIB, QVTD_PAGE / 2, TARGET), false,
          "power of two" },
        { "not aligned", MAP(9 * MIB, 2 * MIB, TARGET), false,
          "naturally aligned" },
        { "nor the target", MAP(8 * MIB, 2 * MIB, TARGET + MIB), false,
          "naturally aligned" },
        { "no RAM", MAP(8 * MIB, QVTD_PAGE, TARGET + TARGET_SIZE), false,
          "RAM section" },
        { "above the width", MAP(BIT(48), QVTD_PAGE, TARGET), false,
          "range" },
        { "interrupts", MAP(QVTD_MSI_ADDR, QVTD_PAGE, TARGET), false,
          "range" },
        { "around interrupts", UNMAP(0xc0000000, GIB, 0), false, "range" },
        { "with an address", UNMAP(A, QVTD_PAGE, TARGET), false,
          "has an address" },
        { "without, in dirty tracking", UNMAP(A, QVTD_PAGE, 0), true,
          "by its target" },
        { "two of them", UNMAP(0, 8 * MIB, TARGET), true, "by its target" },
        { "one", UNMAP(A, QVTD_PAGE, TARGET), true },
        { "none, as iommufd has it", UNMAP(A, QVTD_PAGE, 0), true,
          "by its target" },
        { "none", UNMAP(A, QVTD_PAGE, 0) },
        { "the other", UNMAP(0, 8 * MIB, 0), false },
    };
    Host *h = mirror_host(NULL);
    Device *d = device_new(h, 0x10);
    Strict *s = strict_new(d);

    for (unsigned i = 0; i < ARRAY_SIZE(notices); i++) {
        const char *wrong = notices[i].wrong;
        unsigned count = strict_count(s);

        qvtd_row("%s", notices[i].name);
        h->dirty_tracking = notices[i].dirty;
        strict_notice(s, &notices[i].notice);
        expect_eq(s->errors, wrong != NULL);
        expect_true(!wrong || (s->error && strstr(s->error, wrong)));
        expect_true(!wrong || strict_count(s) == count);
        g_clear_pointer(&s->error, g_free);
        s->errors = 0;
    }
    expect_eq(strict_count(s), 0);
    strict_free(s);
    device_free(d);
    host_free(h);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vtd/judge/rows", test_judge);
    g_test_add_func("/vtd/judge/strict", test_strict);
    return g_test_run();
}
