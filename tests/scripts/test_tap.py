# SPDX-License-Identifier: GPL-2.0-or-later
"""The count of results, from which the check's last line comes."""

import unittest

from tap import LINES, count_tap

# Output, whether it ended well, passed, failed, skipped
ROWS = (
    ("1..2\nok 1 a\nok 2 - b", True, 2, 0, 0),
    ("ok 1 a\nnot ok 2 b\n1..2", False, 1, 1, 0),
    ("1..2\nok 1 a\nok 2 b # SKIP no KVM", True, 1, 0, 1),
    ("1..2\nok 1 a", True, 1, 1, 0),                # it ended early
    ("ok 1 a", True, 1, 1, 0),                      # no plan
    ("1..1\nok 1 a", False, 1, 1, 0),               # a leak, say
    ("1..1\nok 1 a\nBail out! assertion", True, 1, 1, 0),
    ("1..1\nnot ok 1 a", True, 0, 1, 0),
    ("# nothing", True, 0, 1, 0),
    ("", True, 0, 1, 0),
    # What runs nothing has failed, unless it says why.
    ("1..0", True, 0, 1, 0),
    ("1..0 # SKIP", True, 0, 1, 0),
    ("1..0 # SKIP no KVM", True, 0, 0, 1),
    ("1..0 # Skipped: no KVM", True, 0, 0, 1),
    ("1..0 # SKIP no KVM", False, 0, 1, 0),
    ("ok 1 a # SKIP no KVM\n1..0 # SKIP no KVM", True, 0, 1, 1),
)


class Tap(unittest.TestCase):

    def test_rows(self):
        for text, success, *expected in ROWS:
            with self.subTest(text=text, success=success):
                count = count_tap("it", text, success)
                self.assertEqual([count.passed, len(count.failed),
                                  count.skipped], expected)

    def test_what_the_failed_say(self):
        said = [f"# {number}" for number in range(LINES + 1)]
        count = count_tap("it", "\n".join(
            ["not ok 1 - a", *said, "ok 2 - b", "# not of a",
             "not ok 3 - c", "not ok 4 - d", "# of d", "1..4"]), False)
        self.assertEqual(count.failed, [
            "\n    ".join(["it: a", *(line[2:] for line in said[:LINES])]),
            "it: c", "it: d\n    of d"])
