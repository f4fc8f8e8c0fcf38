# SPDX-License-Identifier: GPL-2.0-or-later
"""The compiler of QEMU's build: a warning about our files is an error."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

CC = Path(__file__).resolve().parents[2] / "scripts/qemu/cc"
FAKE_CCACHE = '#!/bin/sh\nprintf "%s\\n" "$@"\n'


class Cc(unittest.TestCase):

    def test_arguments(self):
        with tempfile.TemporaryDirectory() as directory:
            here = Path(directory)
            ccache = here / "ccache"
            ccache.write_text(FAKE_CCACHE)
            ccache.chmod(0o755)
            Path(here, "theirs.c").touch()
            Path(here, "ours.c").symlink_to("theirs.c")
            for name, more in (("theirs.c", []), ("ours.c", ["-Werror"]),
                               ("none.c", [])):
                arguments = ["-Wall", "-DX=\"a b\"", "-c", name, "-o", "o"]
                with self.subTest(name):
                    said = subprocess.run(
                        [CC, *arguments], check=True, cwd=here, text=True,
                        stdout=subprocess.PIPE,
                        env=dict(os.environ, PATH=f"{here}:/usr/bin:/bin"))
                    self.assertEqual(said.stdout.splitlines(),
                                     ["gcc", *arguments, *more])
