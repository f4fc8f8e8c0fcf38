# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# A private state of apt, in build/apt, so that the system's stays untouched.
# Who uses it has functions.sh, sets $build, and may set
#
#   suites          Debian's suites that sources come from
#   binary_suites   and packages

suites=()
binary_suites=("$SUITE")

# The URI of the Debian mirror that this machine uses.
debian_mirror() {
    local codename release uri
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-$SUITE}")
    while read -r release uri; do
        case $release in
        "$codename"|"$SUITE"|stable|oldstable|testing)
            echo "$uri"
            return
            ;;
        esac
    done < <(apt-get indextargets --format "\$(RELEASE) \$(REPO_URI)" \
             'Created-By: Packages')
    die 'apt knows no Debian mirror; see /etc/apt/sources.list'
}

# Make a private apt with the machine's own mirror, proxy and keys.
make_private_apt() {
    local apt=$build/apt keyring options
    mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial"
    : >"$apt/state/status"
    # The machine's settings may hold a proxy's password.
    (
        umask 077
        apt-config dump | grep '^Acquire' | grep -v '^Acquire::IndexTargets'
        cat <<END
Acquire::Languages "none";
Dir::State "$apt/state";
Dir::State::status "$apt/state/status";
Dir::Cache "$apt/cache";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Etc::main "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Sandbox::User "root";
END
    ) >"$apt/apt.conf"

    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    options="arch=$(dpkg --print-architecture)"
    [ ! -r $keyring ] || options+=" signed-by=$keyring"
    mirror=$(debian_mirror)
    {
        printf "deb [$options] $mirror %s main\n" "${binary_suites[@]}"
        [ ${#suites[@]} = 0 ] ||
            printf "deb-src [$options] $mirror %s main\\n" "${suites[@]}"
    } >"$apt/sources.list"
}

# Run apt-@1 ...
private_apt() {
    local tool=apt-$1
    shift
    (cd "$build/download" && APT_CONFIG=$build/apt/apt.conf "$tool" "$@")
}

# Have the private apt's lists of today; once in a run is enough.
private_apt_update() {
    [ -z "${apt_updated:-}" ] || return 0
    make_private_apt
    say apt "reading the lists of ${suites[*]:-${binary_suites[*]}}" \
        "from $mirror"
    logged private-apt.log private_apt get update \
        -o APT::Update::Error-Mode=any
    apt_updated=yes
}
