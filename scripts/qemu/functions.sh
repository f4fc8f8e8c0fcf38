# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What configure, fetch, build and build-stock share.  They set $top, the
# directory of the project, first.

: "${top:?}"
export LC_ALL=C
. "$top/scripts/qemu/config.sh"

# So much time of a CPU each step of a build takes, by ten seconds, where
# ccache has nothing.
STEP_COST=5

# The directory for what is made of QEMU @1.
home_of() {
    local build=$top/build
    [ "$1" = "$QEMU_DEFAULT" ] || build+=/$1
    echo "$build"
}

# Print a line of two columns.
say() {
    local what=$1
    shift
    printf '%-18s %s\n' "$what" "$*"
}

die() {
    printf "${0##*/}: %s\n" "$@" >&2
    exit 1
}

# Run a long command with its output in a log; show the log's end if it fails.
logged() {
    local log=$top/build/log/$1
    shift
    if ! "$@" >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        die "failed: $*" "whole log: $log"
    fi
}

# Pass on what ninja prints, and its progress as one line, which begins with
# @1.  On a terminal that is one that changes, else one that grows.  If @2 is
# not empty, pass on nothing else.
progress() {
    local terminal=
    [ ! -t 1 ] || terminal=yes
    awk -v what="$1" -v quiet="${2:-}" -v terminal=$terminal \
        -v cpus="$(nproc)" -v cost=$STEP_COST '
        function end_line() {
            if (open) print ""
            open = 0
        }
        /^ninja: (Entering directory|no work to do)/ { next }
        # What configuring anew prints is of use if it fails.
        /^\[0\/1\] Re-?generating / { held = "\n" }
        held && !/^\[[1-9]/ { held = held $0 "\n"; next }
        { held = "" }
        match($0, /^\[[0-9]+\/[0-9]+\] /) {
            split(substr($0, 2, RLENGTH - 3), n, "/")
            if (n[2] != total) {
                end_line()
                total = n[2]
                percent = 0
                minutes = int(total * cost / 600 / cpus + 0.5)
                printf "%s: %d steps%s:%s", what, total, \
                    told++ || minutes < 2 ? "" : ", some " minutes \
                    " minutes with " cpus " CPUs, or less", \
                    terminal ? "\n" : " "
                open = 1
            }
            if (terminal)
                printf "\r%s: %d of %d steps ", what, n[1], n[2]
            while (n[1] * 100 >= (percent + 5) * n[2]) {
                percent += 5
                if (!terminal)
                    printf "%d%% ", percent
            }
            fflush()
            next
        }
        quiet == "" {
            end_line()
            print
            total = 0
        }
        END {
            end_line()
            if (held ~ /\nFAILED:/) print held
        }'
}

# Build targets @2... in the directory @1.
# What is the same in the two builds is compiled once.
build() {
    local dir=$1
    shift
    CCACHE_BASEDIR=$top/build CCACHE_NOHASHDIR=1 NINJA_STATUS='[%f/%t] ' \
        ninja -C "$dir" "$@" 2>&1
}
