# SPDX-License-Identifier: GPL-2.0-or-later
"""A run that checks nothing must not look like a result."""

import contextlib
import io
import os
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import nested


class Kept(unittest.TestCase):
    """Runs of scripts/nested whose cases are done by nobody."""

    def setUp(self):
        there = tempfile.TemporaryDirectory()
        self.addCleanup(there.cleanup)
        self.build = Path(there.name)
        qemu = self.build / "qemu-system-x86_64"
        qemu.write_text("")
        qemu.chmod(0o755)
        self.passes = True

    def do(self, run, case):
        for number in range(3):
            run.tap.check(self.passes or number, f"{case.name}: {number}")
        return {"seconds": 1, "mib": 1, "passed": self.passes}

    def run_it(self, *arguments):
        """Run it; return its exit status and its lines."""
        def do(run, case):
            return self.do(run, case)

        output = io.StringIO()
        command = ["nested", "--short", "--no-build", "--build",
                   str(self.build), *arguments]
        with mock.patch.object(sys, "argv", command), \
                mock.patch.object(nested.layers, "prepare"), \
                mock.patch.object(nested, "draw"), \
                mock.patch.object(nested.Run, "do", do), \
                mock.patch.object(nested.Run, "__init__", self.init), \
                mock.patch.object(nested.Run, "end"), \
                contextlib.redirect_stdout(output):
            status = nested.main()
        return status, output.getvalue().splitlines()

    @staticmethod
    def init(run, options, tap, directory):
        run.tap, run.record = tap, ""

    def test_second_run_says_what_passed_before(self):
        status, lines = self.run_it("--case", "disk-strict")
        self.assertEqual((status, lines[-1]), (0, "# 3 passed, 0 failed"))
        status, lines = self.run_it("--case", "disk-strict")
        self.assertEqual(status, 0)
        self.assertNotIn("1..0", lines)
        self.assertNotIn(" 0 passed", "\n".join(lines))
        self.assertEqual(lines[-1], "# 3 passed before with this build "
                         "(--again repeats them)")

    def test_partly_kept(self):
        self.run_it("--case", "disk-strict")
        status, lines = self.run_it("--case", "disk-strict",
                                    "--case", "disk-pt")
        self.assertEqual((status, lines[-1]), (
            0, "# 3 passed, 0 failed; 3 passed before with this build "
            "(--again repeats them)"))

    def test_again(self):
        self.run_it("--case", "disk-strict")
        status, lines = self.run_it("--case", "disk-strict", "--again")
        self.assertEqual((status, lines[-1]), (0, "# 3 passed, 0 failed"))

    def test_failed_are_not_kept(self):
        self.passes = False
        for _ in range(2):
            status, lines = self.run_it("--case", "disk-strict")
            self.assertEqual((status, lines[-1]),
                             (1, "# 2 passed, 1 failed"))

    def test_other_build_is_not_kept(self):
        self.run_it("--case", "disk-strict")
        os.utime(self.build / "qemu-system-x86_64", (1, 1))
        status, lines = self.run_it("--case", "disk-strict")
        self.assertEqual((status, lines[-1]), (0, "# 3 passed, 0 failed"))

    def test_nothing_to_run_is_no_success(self):
        with mock.patch.object(nested, "CASES", {}):
            status, lines = self.run_it()
        self.assertEqual(status, 1)
        self.assertEqual(lines[-1],
                         "# 0 passed, 1 failed: nothing was checked")
