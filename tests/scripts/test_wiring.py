# SPDX-License-Identifier: GPL-2.0-or-later
"""Edits of QEMU's files: they can be repeated, and guess nothing."""

import tempfile
import unittest
from pathlib import Path

from edit import (Behind, Drop, DropMissing, Edited, For, InFunction,
                  Maintained, Mismatch, Replace, Unless, Until)
from ours import Names

NAMES = Names(["hw/i386/intel_iommu.c", "util/iova-tree.c"])
NAMES.lists["EACH"] = ["x", "y"]

MESON = """one
files('old')
two
"""

LIST = """  'here.c',
  'gone.c',
  'gone-too.c', 'here.c',
  x ? ['gone.c'] : ['y']
  'gone.c': 60,
"""

SECTION = """Other
M: somebody
F: gone.c

IOVA Tree
M: somebody
S: Maintained
F: gone.c
F: there/
F: here.c
F: x/
F: gone*

Next
"""

C = """static void f(int a,
              int b)
{
    int n;

    if (a) {
        n = g(a,
              b);
    }
}
"""

# What it shows, file, its text, row, expected text; None: no match
ROWS = (
    ("replaced", "meson.build", MESON,
     Replace("files", r"files\([^)]*\)", "files(\n'@EACH@',\n)"),
     MESON.replace("'old')", "\n'x',\n'y',\n)")),
    ("replaced, and a line is ours", "f.h", "one\n",
     Replace("one", r"^one\n", "one\ntwo@MARK@\n"),
     "one\ntwo  /* wired */\n"),
    ("replaced, not there", "meson.build", MESON,
     Replace("files", "nothing", ""), None),
    ("replaced, twice there", "meson.build", MESON + MESON,
     Replace("files", "files", ""), None),
    ("behind a line", "meson.build", MESON,
     Behind("one", "^one$", ("in @EACH@", "last")),
     MESON.replace("one\n", "one\nin x  # wired\nin y  # wired\n"
                   "last  # wired\n")),
    ("behind the end", "meson.build", MESON, Behind("end", "", ("last",)),
     MESON + "last  # wired\n"),
    ("behind what is not there", "meson.build", MESON,
     Behind("one", "^1$", ("in",)), None),
    ("behind, without comments", "index.rst", MESON,
     Behind("one", "^one$", ("in",)), MESON.replace("one", "one\nin")),
    ("behind, and pages of ours that are gone", "index.rst",
     "one\n   x/old.rst\n   here.c\n   y\n",
     Behind("one", "^one$", ("   x/@EACH@", "   @EACH@")),
     "one\n   x/x\n   x/y\n   x\n   y\n   here.c\n"),
    ("dropped", "meson.build", MESON, Drop("fil"), "one\ntwo\n"),
    ("dropped, not there", "meson.build", MESON, Drop("nothing"), MESON),
    ("dropped from lists", "meson.build", LIST,
     DropMissing(r"[\w-]*\.c"),
     "  'here.c',\n  'here.c',\n  x ? [] : ['y']\n  'gone.c': 60,\n"),
    ("dropped by another name than the file's", "meson.build", LIST,
     DropMissing("(y|here)", r"\1.c"), LIST.replace("'y'", "")),
    ("for a file of ours", "f.h", "one\n",
     For("hw/*.c", (Drop("one"),)), ""),
    ("for a file of ours, not there", "f.h", "one\n",
     For("hw/*.h", (Drop("one"),)), "one\n"),
    ("until a file of ours", "f.h", "one\n",
     Until("hw/*.c", (Drop("one"),)), "one\n"),
    ("until a file of ours, not there", "f.h", "one\n",
     Until("hw/*.h", (Drop("one"),)), ""),
    ("maintained", "MAINTAINERS", SECTION, Maintained("IOVA Tree"),
     SECTION.replace("Maintained\nF: gone.c\n", "Maintained\n").replace(
         "F: x/\nF: gone*\n", "F: there/\nF: util/iova-tree.c\n").replace(
             "F: there/\nF: here.c", "F: here.c")),
    ("maintained, no section", "MAINTAINERS", SECTION,
     Maintained("VT-d Emulation"), None),
    ("unless it is there", "f.h", "one\n",
     Unless("two", Behind("one", "^one$", ("two",))),
     "one\ntwo  /* wired */\n"),
    ("unless it is there, and it is", "f.h", "one\ntwo\n",
     Unless("two", Behind("one", "^one$", ("two",))), "one\ntwo\n"),
    ("before a statement", "f.c", C,
     InFunction("f", r"    if \(a\)", "    before();", ""),
     C.replace("    if", "    before();  /* wired */\n    if")),
    ("behind a statement", "f.c", C,
     InFunction("f", " +n = g", "", "        behind();"),
     C.replace(" b);\n", " b);\n        behind();  /* wired */\n")),
    ("in no such function", "f.c", C,
     InFunction("h", "    n", "    before();", ""), None),
    ("no such statement", "f.c", C,
     InFunction("f", "    h", "    before();", ""), None),
)


class Wiring(unittest.TestCase):

    def test_rows(self):
        for title, name, text, row, expected in ROWS:
            with self.subTest(title), tempfile.TemporaryDirectory() as tree:
                file = Path(tree) / name
                file.write_text(text)
                Path(tree, "here.c").touch()
                Path(tree, "there").mkdir()
                if expected is None:
                    with self.assertRaises(Mismatch):
                        Edited(tree, name).apply(row, NAMES)
                    continue
                for changes in (text != expected, False):
                    edited = Edited(tree, name)
                    edited.apply(row, NAMES)
                    self.assertEqual(edited.close(), changes)
                    self.assertEqual(file.read_text(), expected)

    def test_file_of_several_names(self):
        with tempfile.TemporaryDirectory() as tree:
            Path(tree, "old.c").write_text(C)
            edited = Edited(tree, ("new.c", "old.c"))
            self.assertEqual(edited.path, "old.c")
            Path(tree, "new.c").write_text(C)
            edited = Edited(tree, ("new.c", "old.c"))
            self.assertEqual(edited.path, "new.c")
            with self.assertRaisesRegex(Mismatch, "^one.c or two.c: No such"):
                Edited(tree, ("one.c", "two.c"))

    def test_no_marks(self):
        with tempfile.TemporaryDirectory() as tree:
            Path(tree, "meson.build").write_text(MESON)
            edited = Edited(tree, "meson.build", marked=False,
                            exists=lambda path: path == "here.c")
            edited.apply(Behind("one", "^one$", ("", "two")), NAMES)
            edited.apply(DropMissing("old"), NAMES)
            self.assertEqual(edited.text, MESON.replace(
                "one\n", "one\n\ntwo\n").replace("'old'", ""))

    def test_lines_of_an_earlier_run_go(self):
        with tempfile.TemporaryDirectory() as tree:
            file = Path(tree) / "meson.build"
            file.write_text(MESON + "gone  # wired\n")
            edited = Edited(tree, "meson.build")
            self.assertTrue(edited.close())
            self.assertEqual(file.read_text(), MESON)
