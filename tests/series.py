# SPDX-License-Identifier: GPL-2.0-or-later
"""
The series of scripts/export-series, applied to a fresh tree.

That is unpacked with the files of QEMU's own device, since a maintainer has
them.  They are there, and in a git repository, while this runs and no longer,
and nothing that a compiler says of them is printed.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
sys.path.append(str(TOP / "scripts/qemu"))

import wiring                                       # noqa: E402

# Of a mark that a wired tree has and a series has not
MARK = re.compile(r" *(?:/\* wired \*/|# wired)$", re.M)

# Who signs off what is tried and thrown away
NOBODY = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
          for what, value in (("NAME", "Nobody"),
                              ("EMAIL", "nobody@example.org"))}

# Lines of a compiler that are not of files that are replaced
QUIET = re.compile(r"^(?:FAILED:|ninja: error|[^ ]*(?:meson\.build|/vtd/|"
                   r"/vtd-|/test-|/iommu-refusal|/intel-iommu|"
                   r"/iova-tree)[^ ]*:)")


class Series:
    """A fresh tree, its repository, and the mails for it."""

    def __init__(self, qemu):
        self.qemu = qemu
        self.home = qemu.home / "series"
        self.tree = self.home / "qemu"
        self.mails = self.home / "mails"
        self.build = self.home / "qemu-build"
        self.env = dict(os.environ, **NOBODY, GIT_CONFIG_GLOBAL=os.devnull,
                        GIT_CONFIG_NOSYSTEM="1",
                        GIT_CEILING_DIRECTORIES=str(self.home))

    def __enter__(self):
        self.forget()
        self.must(TOP / "scripts/qemu/fetch", self.qemu.option.split("=")[1],
                  "--series")
        self.must(TOP / "scripts/wire-qemu", "--here", self.tree)
        self.git("init", "-q")
        self.git("add", "-f", ".")
        self.git("commit", "-qm", "QEMU")
        return self

    def __exit__(self, *_):
        self.forget()

    def forget(self):
        for each in ("qemu", "qemu.part", "git"):
            shutil.rmtree(self.home / each, ignore_errors=True)

    def must(self, *command):
        subprocess.run(command, check=True, cwd=TOP, env=self.env)

    def git(self, *command):
        return subprocess.run(
            ["git", f"--git-dir={self.home / 'git'}",
             f"--work-tree={self.tree}", *command], check=True, cwd=self.tree,
            text=True, env=self.env, stdout=subprocess.PIPE).stdout

    def export(self):
        """Make the mails; return them without the cover letter."""
        shutil.rmtree(self.mails, ignore_errors=True)
        self.must(TOP / "scripts/export-series", "--onto", self.tree,
                  self.mails)
        return sorted(self.mails.glob("*.patch"))[1:]

    def apply(self, *mails):
        self.git("am", "-q", *mails)

    def checkpatch(self, mail):
        """What QEMU's checkpatch.pl finds wrong with it."""
        lines = subprocess.run(
            [self.tree / "scripts/checkpatch.pl", "--terse", "--no-summary",
             mail], check=False, cwd=self.tree, text=True, env=self.env,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ).stdout.splitlines()
        return [line for line in lines if "ERROR" in line]

    def configure(self):
        self.must(TOP / "configure", self.qemu.option, "--series")

    def make(self, *targets):
        """Build; return what is to be told of if it fails."""
        done = subprocess.run(
            ["ninja", "-C", self.build, *targets], check=False, text=True,
            env=dict(self.env, CCACHE_BASEDIR=str(TOP / "build"),
                     CCACHE_NOHASHDIR="1"),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return [] if not done.returncode else ["the build failed"] + [
            line for line in done.stdout.splitlines() if QUIET.match(line)]

    def tests(self, where):
        """Programs of ours in tests/unit or tests/qtest there, by name."""
        return [path.stem for path in sorted(
            (self.tree / "tests" / where).glob("*test*.c"))
            if (TOP / "tests" / where / path.name).exists()
            and re.match(r"test-.*|.*-test$", path.stem)]

    def unlike_wired(self):
        """Files that are not as in the tree that wire-qemu makes."""
        wired = self.qemu.home / "qemu"
        ours, theirs = paths(self.tree), paths(wired)
        wrong = sorted(ours ^ theirs)
        for path in sorted(ours & theirs):
            texts = [(top / path).read_bytes() for top in (self.tree, wired)]
            if texts[0] != texts[1] and plain(texts[0]) != plain(texts[1]):
                wrong.append(path)
        return wrong


def plain(content):
    """A text without marks, and without lines that had nothing else."""
    text = content.decode(errors="replace")
    return [line for line in MARK.sub("", text).splitlines() if line]


def paths(top):
    """Every file there but what making and unpacking leave."""
    return {os.path.relpath(os.path.join(where, name), top)
            for where, below, names in os.walk(top)
            for name in names
            if name != ".origin" and "__pycache__" not in where}


def leftovers(tree):
    """Files of QEMU's own device that are still there."""
    return [str(path.relative_to(tree)) for pattern in wiring.REPLACED
            for path in tree.glob(pattern)
            if not (TOP / path.relative_to(tree)).exists()]
