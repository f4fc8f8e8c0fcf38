# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks of the sources' form: each returns the lines that it finds wrong."""

import os
import re
import subprocess
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
QEMU = TOP / "build/qemu"
EXCEPTIONS = TOP / "tests/checkpatch-exceptions"
SYMPTOMS = TOP / "docs/system/devices/intel-iommu-symptoms.rst"

PACKAGES = ("perl", "shellcheck", "gcc", "spin", "flake8", "python3-sphinx",
            "python3-sphinx-rtd-theme")

# Programs of ours that print TAP
PROGRAMS = ("scripts/check-style.py", "scripts/check-layers.py",
            "tests/model/run")


def sources():
    """Every file of ours."""
    for where, below, names in os.walk(TOP):
        below[:] = sorted(name for name in below
                          if name not in (".git", "build", "__pycache__"))
        yield from (Path(where) / name for name in sorted(names))


def scripts(language):
    """Our files whose first line names a language, or whose name does."""
    for path in sources():
        if path.suffix == f".{language}" or not path.suffix:
            with open(path, encoding="utf-8") as file:
                first = file.readline()
            if path.suffix or re.match(rf"#!.*\b(ba)?{language}", first):
                yield path


def output_of(*command, **more):
    """The lines that a command prints, on any channel."""
    return subprocess.run(
        [str(part) for part in command], check=False, cwd=TOP, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more
    ).stdout.splitlines()


def check_c():
    """QEMU's own rules, but for what EXCEPTIONS lists with a reason."""
    left = [line.split(": ", 2)[:2]
            for line in EXCEPTIONS.read_text().splitlines()
            if line and not line.startswith("#")]
    used, wrong = [], []
    paths = [path.relative_to(TOP) for path in sources()
             if path.suffix in (".c", ".h")]
    for line in output_of(QEMU / "scripts/checkpatch.pl", "--no-tree",
                          "--terse", "--no-summary", "-f", *paths):
        path = line.split(":")[0]
        found = [each for each in left if each[0] == path and each[1] in line]
        used += found
        if not found:
            wrong.append(line)
    return wrong + [f"{EXCEPTIONS.name}: {path}: no more '{text}' there"
                    for path, text in left if [path, text] not in used]


def check_shell():
    return output_of("shellcheck", "-x", "-e", "SC1091", *scripts("sh"))


def check_python():
    return output_of("flake8", *scripts("py"))


def check_manual():
    """QEMU's manual with our pages in it; what is QEMU's is not judged."""
    ours = re.compile("|".join(
        re.escape(str(path.relative_to(TOP))) for path in sources()
        if path.suffix == ".rst"))
    build = TOP / "build/manual"
    lines = output_of(
        "sphinx-build", "-q", "-j", "auto", "-b", "html", "-d",
        build / "doctrees", QEMU / "docs", build / "html",
        env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"))
    wrong = [line for line in lines if ours.search(line)]
    if not (build / "html/system/devices/intel-iommu.html").exists():
        wrong += ["no manual was built:", *lines]
    return wrong


def _missing_test(words):
    """Why a test that the page of symptoms names is not there, or None."""
    program, *name = words
    script, case, which = program.partition(" --case ")
    if case:
        cases = {"scripts/boot": "cases", "scripts/nested": "nested_cases"}
        path = TOP / f"tests/guest/{cases[script]}.py"
        name = [which]
    elif program.startswith("scripts/"):
        path = TOP / f"tests/guest/{program.removeprefix('scripts/')}.py"
    else:
        where = "qtest" if program.startswith("intel-iommu-") else "unit"
        path = TOP / f"tests/{where}/{program}.c"
    if len(name) != 1 or not path.exists():
        return f"no test {' '.join(words)}"
    # Cases and paths as a whole, names of checks without what follows
    text = f'"{name[0]}' + ('"' if "libvirt" not in program else "")
    return None if text in path.read_text() else f"{path.name}: no {name[0]}"


def check_symptoms():
    """Each symptom names tests, and all of them are there."""
    wrong = []
    text = SYMPTOMS.read_text()
    # A title is a line with another below that underlines it
    titles = re.findall(r"^(\S.*)\n---+$", text, re.MULTILINE)
    shown = re.findall(r"^Shown by\n((?:    .*\n?)+)", text, re.MULTILINE)
    if not titles or len(shown) < len(titles):
        wrong.append(f"{SYMPTOMS.name}: {len(titles)} symptoms, of which "
                     f"{len(shown)} name a test")
    for block in shown:
        for each in block.split(";"):
            why = _missing_test(re.findall("``([^`]+)``",
                                           " ".join(each.split())))
            wrong += [f"{SYMPTOMS.name}: {why}"] if why else []
    return wrong


def check_qapi():
    """QEMU 10.2 refuses lines of documentation that are longer than 70."""
    wrong = []
    for path in sorted((TOP / "qapi").glob("*.json")):
        lines = path.read_text().splitlines()
        # What comes before the first entry is no documentation, nor is JSON
        for number in range(lines.index("##"), len(lines)):
            line = lines[number]
            if (len(line) > 70 and line.startswith("#") and
                    not re.match(r"# +(->|<-|[\"{}\[\]])", line)):
                wrong.append(f"{path.name}:{number + 1}: more than 70")
    return wrong


CHECKS = (
    ("checkpatch", check_c),
    ("shellcheck", check_shell),
    ("flake8", check_python),
    ("manual", check_manual),
    ("symptoms", check_symptoms),
    ("qapi", check_qapi),
)
