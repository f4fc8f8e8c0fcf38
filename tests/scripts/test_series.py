# SPDX-License-Identifier: GPL-2.0-or-later
"""The series: each file has a step, and its mails can be applied."""

import json
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

import letter
import ours
import steps
import stock
import wiring
from patches import Repository, cover
from results import BAR_PAGES, LAYOUTS, MEMORY, TIMES, Results, judge
from test_wire_tree import make_tree

TOP = Path(__file__).resolve().parents[2]
WHO = ("Ärger Müller", "a@example.org")
FEW = (steps.step("one", "", "a/one.c", "a/*.h"),
       steps.step("two", "", "a/*.c"))


def git(tree, *command):
    return subprocess.run(
        ["git", "-C", tree, "-c", "user.name=x", "-c", "user.email=x@x",
         *command], check=True, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT).stdout


def measured():
    """What scripts/bench writes, for made-up times: a hundred to one."""
    results = Results()
    for layout in LAYOUTS:
        for op, _ in TIMES + MEMORY:
            for device, factor in (("stock", 100), ("ours", 1)):
                for run in (1, 3, 2):
                    results.add(device, layout, BAR_PAGES, {
                        "op": op, "ns": factor * run * 1e6,
                        "unmaps": factor * 2, "bytes_per_page": factor * 0.5})
                results.add(device, layout, BAR_PAGES // 2,
                            {"op": op, "ns": 1e9})
    return {"cpu": "a CPU", "cpus": 2, "load": 0.5, "runs": 3,
            "results": results.json(), "instructions": None,
            "bars": judge(results)}


class Series(unittest.TestCase):

    def test_every_file_has_a_step(self):
        files = steps.our_steps()
        placed = sorted(path for each in files for path in each)
        self.assertEqual(placed, sorted(ours.our_files()))
        self.assertGreater(len(placed), 150)

    def test_what_stays_is_there(self):
        paths = [str(path.relative_to(TOP))
                 for path in TOP.glob("tests/unit/**/*")]
        for pattern in wiring.STAYS:
            self.assertTrue(any(ours.matches(path, (pattern,))
                                for path in paths), pattern)

    def test_place(self):
        self.assertEqual(
            steps.place(["a/b.c", "a/one.c", "a/x.h"], FEW),
            [["a/one.c", "a/x.h"], ["a/b.c"]])
        for paths, words in (
                (["a/one.c", "b/c.c"], "b/c.c is of 0 steps"),
                (["a/b.c"], "one: no file is a/one.c")):
            with self.assertRaisesRegex(steps.Unplaced, words):
                steps.place(paths, FEW)
        with self.assertRaisesRegex(steps.Unplaced, "is of 2 steps"):
            steps.place(["a/one.c"], FEW + (steps.step("3", "", "a/one.c"),))

    def test_mails(self):
        """A file is changed, one goes, and one of its name comes."""
        before = {"kept": b"1\n", "a/gone": b"secret\n" * 99,
                  "changed": b"1\n2\n3\n"}
        kept = {"kept": b"1\n", "changed": b"1\n2\n3\n"}
        after = {**kept, "changed": b"1\n4\n3\n", "a/gone": b"new\n"}
        message = "part: words\n\nWhy.\n"
        with tempfile.TemporaryDirectory() as scratch, \
                tempfile.TemporaryDirectory() as tree:
            repository = Repository(os.path.join(scratch), WHO)
            start = repository.commit(before, "QEMU\n")
            without = repository.commit(kept, message, start)
            gone = repository.gone_between(start, without)
            end = repository.commit(after, message, without)
            mail = repository.mail(end, 3, 12, gone, scratch)
            text = Path(mail).read_text(encoding="utf-8")
            self.assertIn("\nSubject: [PATCH 03/12] part: words\n", text)
            self.assertNotIn("secret", text)
            self.assertEqual(len(re.findall(r"^deleted file", text, re.M)), 1)
            for path, content in before.items():
                Path(tree, path).parent.mkdir(exist_ok=True)
                Path(tree, path).write_bytes(content)
            git(tree, "init", "-q")
            git(tree, "add", ".")
            git(tree, "commit", "-qm", "QEMU")
            letters = Path(scratch, "0000.patch")
            letters.write_text(cover(WHO, "[PATCH 00/12] words", "body\n"),
                               encoding="utf-8")
            git(tree, "am", "-q", "--empty=drop", letters, mail)
            for path, content in after.items():
                self.assertEqual(Path(tree, path).read_bytes(), content)
            self.assertEqual(git(tree, "log", "-1", "--format=%an"),
                             f"{WHO[0]}\n")
            # What goes is not another file of that name.
            git(tree, "reset", "-q", "--hard", "HEAD~1")
            Path(tree, "a/gone").write_text("another\n")
            git(tree, "commit", "-qam", "another")
            with self.assertRaises(subprocess.CalledProcessError):
                git(tree, "am", "-q", mail)

    def test_letter(self):
        def run(device, op, ns):
            return {"device": device, "layout": "scattered", "pages": 262144,
                    "op": op, "median": {"ns": ns}}

        bench = {"cpu": "a CPU", "cpus": 2, "runs": 3, "bars": [{"met": True}],
                 "results": [run("stock", "idle", 1e9),
                             run("ours", "idle", 1e6),
                             run("ours", "page", 1e6)]}
        text = letter.body("10.0", "abc", ["x.c"], bench, ["one"], "stat")
        self.assertRegex(text, r"nothing changed +1 s +1 ms +1000\n")
        self.assertNotIn("page flush", text)
        self.assertIn("\nbase-commit: abc\n", text)
        self.assertIn("\n  x.c\n", text)
        text = letter.body("10.0", None, [], None, ["one"], "stat")
        self.assertIn("Nothing was measured", text)
        self.assertIn("for QEMU 10.0.", text)

    def test_tables_are_those_of_the_file(self):
        with tempfile.TemporaryDirectory() as scratch:
            tree, mails = Path(scratch, "qemu"), Path(scratch, "mails")
            tree.mkdir()
            make_tree(tree)
            # Until our device comes in the series, there is another one.
            (tree / "hw/i386/trace.h").write_text(
                '#include "trace/trace-hw_i386.h"\n')
            bench = Path(scratch, "bench.json")
            bench.write_text(json.dumps(measured()))
            subprocess.run(
                [TOP / "scripts/export-series", "--onto", tree, "--bench",
                 bench, mails], check=True, stdout=subprocess.DEVNULL,
                env=dict(os.environ, GIT_AUTHOR_NAME=WHO[0],
                         GIT_AUTHOR_EMAIL=WHO[1]))
            text = (mails / "0000-cover-letter.patch").read_text()
            self.assertGreater(len(list(mails.iterdir())), len(steps.STEPS))
        self.assertIn("(2 CPUs, a CPU, medians of 3 runs; CPU", text)
        for layout in LAYOUTS:
            table = text[text.index(f"\n256 Ki pages, {layout} "):]
            table = table[1:table.index("\n\n")].splitlines()
            rows = {line[:42].strip(): line[42:] for line in table}
            for op, title in TIMES:
                self.assertEqual(rows.get(title, "").split(),
                                 "200 ms 2 ms 100".split()
                                 if op in letter.OPERATIONS else [])
            self.assertEqual(rows["UNMAPs of that"].split(),
                             ["200", "2", "100"])
            self.assertEqual(rows["metadata, bytes a page"].split(),
                             ["50.00", "0.50", "100"])
            self.assertEqual(len(rows), len(letter.OPERATIONS) + 3)
        met = [bar["met"] for bar in measured()["bars"]]
        self.assertIn(f"to, {sum(met)} of {len(met)} are met.", text)
        self.assertIn(False, met)
        self.assertNotIn("Nothing was measured", text)

    def test_rows_of_stock_are_in_the_page(self):
        page = (TOP / "docs/devel/intel-iommu-review.rst").read_text()
        page = page[page.index(".. list-table::"):]
        named = re.findall(r"``(?:(?!intel-iommu)[\w-]+)/[\w/-]+``", page)
        self.assertEqual(sorted({name.strip("`") for name in named}),
                         sorted({case for _, case, _ in stock.ROWS}))
        for name, _, _ in stock.ROWS:
            self.assertIn(f"``{name or 'intel-iommu-test'}``", page)
