# SPDX-License-Identifier: GPL-2.0-or-later
"""Run the tests of the scripts, test_*.py beside this file; print TAP."""

import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
for place in (HERE.parent, HERE.parent / "guest",
              HERE.parents[1] / "scripts/qemu",
              HERE.parents[1] / "scripts/vtd", HERE.parent / "bench"):
    sys.path.append(str(place))


class TapResult(unittest.TestResult):
    """Prints each test as it ends."""

    def _print(self, result, test, words=""):
        name = test.id().split(".", 1)[1]
        print(f"{result} {self.testsRun} - {name}{words}", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self._print("ok", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._print("ok", test, f" # SKIP {reason}")

    def startTest(self, test):
        super().startTest(test)
        self.part_failed = False

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            if not self.part_failed:
                self._print("not ok", test)
            self.part_failed = True
            print(f"# {subtest.id()}: {err[1]}")

    def _failed(self, test, trace):
        self._print("not ok", test)
        print(*(f"# {line}" for line in trace.splitlines()), sep="\n")

    def addError(self, test, err):
        super().addError(test, err)
        self._failed(test, self.errors[-1][1])

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._failed(test, self.failures[-1][1])


def main():
    suite = unittest.defaultTestLoader.discover(str(HERE))
    result = suite.run(TapResult())
    print(f"1..{result.testsRun}")
    return 0 if result.testsRun and result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
