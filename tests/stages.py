# SPDX-License-Identifier: GPL-2.0-or-later
"""
Run every test, or those of some stages; the last line is the count.

What is counted is single test cases, as TAP has them.  Whatever ends without
saying so in TAP (a crash, a hang, a test that is not there) counts as one
failed case, and so does what runs no case.  A skipped case is neither passed
nor failed.  What a stage needs is built, and missing packages of Debian's are
installed as root.
"""

import argparse
import collections
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True

import series                                       # noqa: E402
import stock                                        # noqa: E402
import style                                        # noqa: E402
from tap import Count, count_tap                    # noqa: E402

TOP = Path(__file__).resolve().parents[1]
BUILD = TOP / "build"
COVERAGE = TOP / "tests/coverage"

# A loaded machine is slow; only what hangs is to run into its limit.
PATIENCE = "20"

# The QEMU that all is tried with, and others with which the most is
USUAL_QEMU = "10.0"
OTHER_QEMUS = ("10.2",)

# What is nested with those: three layers, a disk that L2 maps page by page
NESTED_CASE = "disk-strict"

# The guests that move from QEMU to QEMU: in legacy mode, and in scalable mode
MOVED_CASES = ("default", "sm-first")

# A machine that all of them have
MIXED_MACHINE = "pc-q35-10.0"

# Of QEMU's own qtests, those that look at any device
GENERAL_QTESTS = ("device-introspect-test", "qmp-cmd-test")

# Of our qtests, those that the series is tried with
SERIES_QTESTS = ("intel-iommu-queue-test", "intel-iommu-shadow-test",
                 "intel-iommu-test", "vtd-testdev-test")
# Unit tests that take long, and run in the stage unit
LONG_UNITS = ("test-vtd-shadow-random", "test-vtd-shadow-modes",
              "test-vtd-limits")

# What a build of the engine alone needs
UNIT_PACKAGES = ("gcc", "libc6-dev", "meson", "ninja-build", "pkgconf",
                 "libglib2.0-dev")

# Whose coverage is not the same each time
NOT_COVERAGE = "test-vtd-threads"


# The status of configure where Debian has no source of a version
NO_SOURCE = 3


class Broken(Exception):
    """Something did not get as far as to its tests."""


def run(*command, **more):
    """Run a command; Broken if it fails."""
    command = [str(part) for part in command]
    if subprocess.run(command, check=False, cwd=TOP, **more).returncode:
        raise Broken(f"failed: {' '.join(command)}")


def need(*packages):
    run("scripts/need", *packages)


def read_log(builddir):
    """What meson left of its tests, a dictionary each."""
    log = builddir / "meson-logs/testlog.json"
    with open(log, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def run_meson(title, builddir, meson, tests=(), suite=None, **more):
    """Run tests (all, if empty) of a meson build; say and count results."""
    chosen = ["--suite", suite] if suite else tests
    (builddir / "meson-logs/testlog.json").unlink(missing_ok=True)
    subprocess.run([meson, "test", "-C", builddir, "--print-errorlogs",
                    "-t", PATIENCE, *chosen], check=False, **more)
    print()
    try:
        runs = read_log(builddir)
    except OSError:
        runs = []
    missing = {test.rsplit("/", 1)[-1] for test in tests}
    total = Count()
    for each in runs:
        name = re.split(r"[ :/]", each["name"])[-1]
        missing.discard(name)
        output = each.get("stdout", "")
        count = count_tap(f"{title}/{name}", output,
                          each["result"] in ("OK", "SKIP"))
        print(f"{title}/{name}: {count} ({each['duration']:.1f} s)")
        if count.failed:
            print(*(f"    {line}" for line in output.splitlines()
                    if not line.startswith("ok ")), sep="\n")
        total.add(count)
    if not tests and not runs:
        missing = {"any test"}
    total.failed += [f"{title}/{name}: did not run" for name in
                     sorted(missing)]
    return total


def run_tap(title, *command):
    """Run a program that prints TAP, and show it; count its results."""
    start = time.monotonic()
    with subprocess.Popen([str(part) for part in command], cwd=TOP,
                          stdout=subprocess.PIPE, text=True,
                          errors="replace") as process:
        lines = []
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    count = count_tap(title, "".join(lines), process.returncode == 0)
    print(f"{title}: {count} ({time.monotonic() - start:.1f} s)\n")
    return count


class Qemu:
    """A version of QEMU: its build, and that of its own device."""

    def __init__(self, version=USUAL_QEMU):
        self.option = f"--qemu={version}"
        self.tail = "" if version == USUAL_QEMU else f"-{version}"
        self.home = BUILD if version == USUAL_QEMU else BUILD / version
        self.build = self.home / "qemu-build"
        self.binary = self.home / "qemu-system-x86_64"
        firmware = "qemu-bundle/usr/local/share/qemu-firmware"
        self.stock = (f"{self.home / 'stock/qemu-system-x86_64'} "
                      f"-L {self.build / firmware}")

    def has_source(self):
        """Configure it; False if Debian has it no more, or not yet."""
        status = subprocess.run([TOP / "configure", self.option],
                                check=False).returncode
        if status not in (0, NO_SOURCE):
            raise Broken(f"failed: configure {self.option}")
        return status == 0

    def make(self, *targets):
        run("scripts/build", self.option, *targets)

    def make_stock(self):
        run("scripts/build-stock", self.option)


# Stages

def run_style():
    need(*style.PACKAGES)
    run("./configure")              # for QEMU's checkpatch and its manual
    total = Count()
    for name, check in style.CHECKS:
        start = time.monotonic()
        faults = check()
        count = Count(0 if faults else 1)
        if faults:
            count.failed.append(f"style/{name}: {len(faults)} lines")
            print(*(f"    {line}" for line in faults), sep="\n")
        print(f"style/{name}: {count} ({time.monotonic() - start:.1f} s)")
        total.add(count)
    for program in style.PROGRAMS:
        total.add(run_tap(f"style/{Path(program).stem}", *program.split()))
    return total


def unit_build(name, *options, cc="gcc"):
    """Have a build of the engine alone; return its directory, and meson."""
    meson = shutil.which("meson") or "/usr/bin/meson"
    builddir = BUILD / name
    if not (builddir / "build.ninja").exists():
        shutil.rmtree(builddir, ignore_errors=True)
        run(meson, "setup", *options, builddir, TOP,
            env=dict(os.environ, CC=cc))
    return builddir, meson


def run_unit():
    need(*UNIT_PACKAGES, "clang", "libclang-rt-dev", "busybox-static")
    total = run_tap("scripts", sys.executable, "tests/scripts/run.py")
    # Sanitizers hide what memory was before, so users' build is tried, too.
    for name, options, cc in (
            ("unit", (), "gcc"),
            ("unit-clang", (), "clang"),
            ("release", ("-Dbuildtype=release", "-Db_sanitize=none"), "gcc")):
        builddir, meson = unit_build(name, *options, cc=cc)
        total.add(run_meson(name, builddir, meson))
    # In the quickest of these builds: each sequence, again and again
    total.add(run_meson("sweep", builddir, meson, suite="sweep"))
    return total


def run_tsan():
    need(*UNIT_PACKAGES)
    threaded = [path.stem for path in
                sorted((TOP / "tests/unit").glob("test-*.c"))
                if "pthread_create" in path.read_text()]
    if not threaded:
        raise Broken("no unit test has threads")        # none would be all
    return run_meson("tsan", *unit_build("tsan", "-Db_sanitize=thread"),
                     threaded)


def run_coverage():
    need(*UNIT_PACKAGES, "gcovr")
    builddir, meson = unit_build("coverage", "-Db_sanitize=none",
                                 "-Db_coverage=true")
    for counters in builddir.glob("**/*.gcda"):
        counters.unlink()
    listed = subprocess.run([meson, "test", "-C", builddir, "--list"],
                            check=True, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True).stdout
    tests = [line.split(" / ")[-1] for line in listed.splitlines()
             if " / " in line and not line.endswith(NOT_COVERAGE)]
    total = run_meson("coverage", builddir, meson, tests,
                      env=dict(os.environ, TEST_SEED="1"))
    total.add(judge_coverage(measure_coverage(builddir)))
    return total


def measure_coverage(builddir):
    """Return {"lines": per cent, "branches": per cent} of the engine."""
    report = builddir / "coverage.json"
    run("gcovr", "-r", TOP, "--filter", "hw/i386/vtd/",
        "--object-directory", builddir, "--json-summary", report,
        "--html-details", builddir / "coverage.html", builddir)
    counts = json.loads(report.read_text())
    return {"lines": counts["line_percent"],
            "branches": counts["branch_percent"]}


def judge_coverage(now):
    """One case each: it is no less than the tree says."""
    then = dict(line.split() for line in COVERAGE.read_text().splitlines()
                if not line.startswith("#"))
    total = Count()
    for name, percent in now.items():
        words = f"coverage of {name}: {percent:.1f} %, was {then[name]} %"
        print(words)
        if percent < float(then[name]):
            total.failed.append(words)
        else:
            total.passed += 1
        if percent > float(then[name]):
            print(f"it rose: write '{name} {percent:.1f}' to "
                  f"{COVERAGE.relative_to(TOP)}")
    return total


def run_qtest(qemu, with_stock=True):
    names = [*GENERAL_QTESTS, *sorted(
        path.stem for path in (TOP / "tests/qtest").glob("*-test.c"))]
    qemu.make("qemu-system-x86_64", "qemu-img",
              *(f"tests/qtest/{name}" for name in names))
    env = dict(os.environ)
    if with_stock:
        # Its own device is there to migrate to and from, and to compare with.
        qemu.make_stock()
        env["QTEST_STOCK_BINARY"] = qemu.stock
    return run_meson(f"qtest{qemu.tail}", qemu.build,
                     qemu.build / "pyvenv/bin/meson",
                     [f"qtest-x86_64/{name}" for name in names], env=env)


def run_guests(qemu, *commands):
    """Run commands of scripts/, each with its arguments."""
    total = Count()
    for name, *arguments in commands:
        total.add(run_tap(f"guest{qemu.tail}/{name}", TOP / "scripts" / name,
                          "--no-build", *arguments))
    return total


def run_guest(qemu):
    qemu.make()
    qemu.make_stock()
    return run_guests(
        qemu,
        ("boot", "--short", "--qemu", qemu.binary),
        ("migrate", "--short", *(word for case in MOVED_CASES
                                 for word in ("--case", case)),
         "--stock", qemu.stock, "--qemu", qemu.binary,
         "--qemu-img", qemu.home / "qemu-img"),
        ("libvirt", "--qemu", qemu.binary),
        ("nested", "--short", "--again", "--build", qemu.home))


def run_versions():
    total = Count()
    others = []
    for qemu in map(Qemu, OTHER_QEMUS):
        if not qemu.has_source():
            print(f"qtest{qemu.tail}: no source of it in Debian # SKIP")
            total.skipped += 1
            continue
        others.append(qemu)
        # What takes longer is in the stages qtest and guest, with --qemu.
        total.add(run_qtest(qemu, with_stock=False))
        total.add(run_guests(
            qemu,
            ("boot", "--qemu", qemu.binary),
            ("nested", "--short", "--again", "--case", NESTED_CASE,
             "--build", qemu.home)))
    debian = fetch_debian()
    if not debian:
        print("versions: no QEMU of Debian's to compare with or move to "
              "# SKIP")
        total.skipped += 1
    if debian and others:
        total.add(run_compare(others[-1], debian))
    total.add(run_mixed(debian, *others))
    return total


def fetch_debian():
    """Get Debian's newest QEMU; return what runs it, None if it is not had."""
    if subprocess.run([TOP / "scripts/qemu/fetch-binary"],
                      check=False).returncode:
        return None
    return str(BUILD / "debian-qemu/qemu-system-x86_64")


def run_compare(qemu, other):
    """Compare our device, bit by bit, with that of a QEMU nobody builds."""
    return run_tap(f"qtest{qemu.tail}/compare-debian", "env",
                   f"QTEST_QEMU_BINARY={qemu.binary}",
                   f"QTEST_STOCK_BINARY={other}",
                   qemu.build / "tests/qtest/intel-iommu-compare-test",
                   "--tap", "-k")


def run_mixed(debian, *others):
    """Move guests from one QEMU to the next: ours, Debian's newest, stock."""
    usual = Qemu()
    usual.make()
    usual.make_stock()
    ours = [str(qemu.binary) for qemu in (usual, *others)]
    ways = [[*ours, usual.stock]]
    total = Count()
    if debian:
        # What it says of itself to a guest that it boots is not all the same.
        ways = [[*ours, debian, usual.stock], [debian, *ours]]
    for start, *way in ways:
        total.add(run_guests(usual, (
            "migrate", "--machine", MIXED_MACHINE, "--qemu", start,
            *(word for each in way for word in ("--other", each)))))
    return total


def count_case(title, faults):
    """One case, with what is wrong if it failed."""
    count = Count(0 if faults else 1)
    if faults:
        count.failed.append(f"{title}: {len(faults)} faults")
        print(*(f"    {line}" for line in faults), sep="\n")
    print(f"{title}: {count}")
    return count


def run_stock():
    """Rows of what QEMU's own device does wrong; ours is for qtest."""
    qemu = Qemu()
    qemu.make("qemu-system-x86_64", *sorted(
        {f"tests/qtest/{stock.program(row[0])}" for row in stock.ROWS}))
    qemu.make_stock()
    total = Count()
    for title, faults in stock.judge(qemu):
        total.add(count_case(title, faults))
    return total


def run_series(qemu):
    """The series as a whole, and its end."""
    need("git", "perl")
    if not qemu.has_source():
        raise Broken(f"no source of {qemu.option}")
    title = f"series{qemu.tail}"
    total = Count()
    with series.Series(qemu) as made:
        mails = made.export()
        made.apply(*mails)
        total.add(count_case(f"{title}/checkpatch", [
            line for mail in mails for line in made.checkpatch(mail)]))
        total.add(count_case(f"{title}/gone", series.leftovers(made.tree)))
        total.add(count_case(f"{title}/as-wired", made.unlike_wired()))
        made.configure()
        units = made.tests("unit")
        faults = made.make("qemu-system-x86_64",
                           *(f"tests/unit/{name}" for name in units),
                           *(f"tests/qtest/{name}" for name in SERIES_QTESTS))
        total.add(count_case(f"{title}/build", faults))
        if not faults:
            total.add(run_meson(
                title, made.build, made.build / "pyvenv/bin/meson",
                [*(name for name in units if name not in LONG_UNITS),
                 *(f"qtest-x86_64/{name}" for name in SERIES_QTESTS)]))
    return total


def run_series_steps(qemu):
    """Each step of the series: it builds, and passes what it brings."""
    need("git", "perl")
    if not qemu.has_source():
        raise Broken(f"no source of {qemu.option}")
    title = f"series-steps{qemu.tail}"
    total = Count()
    with series.Series(qemu) as made:
        mails = made.export()
        known = set()
        for number, mail in enumerate(mails, 1):
            step = f"{title}/{mail.stem}"
            made.apply(mail)
            total.add(count_case(f"{step}/checkpatch", made.checkpatch(mail)))
            if number == 1:
                made.configure()
            now = {f"tests/{where}/{name}" for where in ("unit", "qtest")
                   for name in made.tests(where)}
            # Before our device comes there is another test of that name.
            if not (made.tree / "hw/i386/intel_iommu_props.c").exists():
                now.discard("tests/qtest/intel-iommu-test")
            faults = made.make("qemu-system-x86_64", *sorted(now))
            total.add(count_case(f"{step}/build", faults))
            if now - known and not faults:
                total.add(run_meson(
                    step, made.build, made.build / "pyvenv/bin/meson",
                    [name.replace("tests/qtest", "qtest-x86_64").replace(
                        "tests/unit/", "") for name in sorted(now - known)]))
            known |= now
    return total


Stage = collections.namedtuple("Stage", "run help usual", defaults=[True])

STAGES = {
    "style": Stage(run_style, "QEMU's checkpatch, shellcheck, flake8; the "
                   "documentation is built"),
    "unit": Stage(run_unit, "the engine alone, with sanitizers, by gcc and "
                  "clang, and as users build it; the scripts"),
    "tsan": Stage(run_tsan, "the engine's threads, watched for data races"),
    "coverage": Stage(run_coverage, "how much of the engine its unit tests "
                      "reach; must not fall (tests/coverage)"),
    "qtest": Stage(run_qtest, "the device in QEMU, register by register"),
    "stock": Stage(run_stock, "what QEMU's own device does wrong, seen by the "
                   "same qtests"),
    "guest": Stage(run_guest, "Linux as a guest, one that moves, and one "
                   "with a guest of its own"),
    "series": Stage(run_series, "what scripts/export-series makes, applied to "
                    "a fresh tree"),
    "series-steps": Stage(run_series_steps, "each patch of that, built and "
                          "tested; only if named", False),
    "versions": Stage(run_versions, f"QEMU {', '.join(OTHER_QEMUS)}, and "
                      "guests that move from version to version"),
}

# Those that --qemu is for
OF_QEMU = ("qtest", "guest", "series", "series-steps")


def run_stage(name, qemu):
    """Run a stage; say and count results."""
    print(f"\n=== {name}: {STAGES[name].help}")
    start = time.monotonic()
    count = Count()
    try:
        count.add(STAGES[name].run(*([qemu] if name in OF_QEMU else [])))
    except (Broken, OSError, subprocess.CalledProcessError) as error:
        count.failed.append(f"{name}: {error}")
    if not count.passed and not count.failed:
        count.failed.append(f"{name}: no case ran")
    print(f"=== {name}: {count} ({time.monotonic() - start:.0f} s)")
    return count


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/check", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="stages:\n" + "\n".join(
            f"  {name:10} {stage.help}" for name, stage in STAGES.items()))
    parser.add_argument("stage", nargs="*", metavar="STAGE",
                        help="which; default: all, in this order, but those "
                        "that run only if named")
    parser.add_argument("--qemu", metavar="N.N", help="the stages "
                        f"{', '.join(OF_QEMU)} with this version of QEMU; "
                        "default: all of them, but these with "
                        f"{USUAL_QEMU}")
    options = parser.parse_args()
    names = options.stage or [
        name for name in (OF_QEMU if options.qemu else STAGES)
        if STAGES[name].usual]
    for name in names:
        if name not in STAGES:
            parser.error(f"no stage {name}; there are: {', '.join(STAGES)}")
    # Our lines and those of the programs that run are to come in order.
    sys.stdout.reconfigure(line_buffering=True)
    total = Count()
    lines = []
    for name in names:
        count = run_stage(name, Qemu(options.qemu or USUAL_QEMU))
        lines.append(f"{name}: {count}")
        total.add(count)
    print("", *lines, *(f"FAILED {name}" for name in total.failed), total,
          sep="\n")
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
