# SPDX-License-Identifier: GPL-2.0-or-later
"""The bars of scripts/bench --modes."""

import unittest

from modes import BARS, MODES, OPERATIONS, judge_modes
from results import LAYOUTS


def measured(**changed):
    """Each operation takes 10 ns, but for changed: {"mode_op": ns}."""
    return {layout: {mode: {op: changed.get(f"{mode}_{op}", 10)
                            for op, _ in OPERATIONS} for mode in MODES}
            for layout in LAYOUTS}


class Bars(unittest.TestCase):
    def test_met(self):
        judged = judge_modes(measured())
        self.assertEqual(len(judged), len(BARS) * len(LAYOUTS))
        self.assertTrue(all(bar["met"] for bar in judged))

    def test_not_met(self):
        judged = judge_modes(measured(nested_idle=26))
        failed = [bar["title"] for bar in judged if not bar["met"]]
        self.assertEqual(failed,
                         ["nested: idle, beside memcmp"] * len(LAYOUTS))
