# SPDX-License-Identifier: GPL-2.0-or-later
"""How guests read the answers of the guests in them, in their own shell."""

import subprocess
import time
import unittest
from pathlib import Path

FUNCTIONS = Path(__file__).resolve().parents[1] / "guest/functions.sh"
SHELL = ["busybox", "sh"]


class Agent(unittest.TestCase):
    def answer(self, shell, text):
        """What @shell makes of @text, in the midst of which a child ends."""
        with subprocess.Popen(
                [*SHELL, "-c", f". {FUNCTIONS}; sleep 0.3 & {shell}"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            for part in (text[:1], text[1:]):
                process.stdin.write(part.encode())
                process.stdin.flush()
                time.sleep(0.6)
            process.stdin.close()
            output = process.stdout.read().decode()
        return process.returncode, output

    def test_child_ends_in_answer(self):
        self.assertEqual(self.answer("inner_await 6<&0", "@done 3\n"),
                         (3, ""))

    def test_child_ends_in_reply(self):
        reply = '{"return": {}}\n'
        self.assertEqual(self.answer("qmp 7>/dev/null 8<&0", reply),
                         (0, reply))


if __name__ == "__main__":
    unittest.main()
