# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the guests of a nested run can be told to do (see agent), at every
# layer.  PCI addresses are written as 0000:00:04.0.

await() {                       # until a command succeeds, up to a minute
    for _ in $(seq 600); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.1
    done
    echo "gave up waiting: $*"
    return 1
}

sum() { sha256sum | cut -d ' ' -f 1; }

driver_of() { basename "$(readlink "/sys/bus/pci/devices/$1/driver")"; }

give() {                        # a device to a driver
    device=/sys/bus/pci/devices/$1
    echo "$2" >"$device/driver_override"
    if [ -e "$device/driver" ]; then
        echo "$1" >"$device/driver/unbind"
    fi
    echo "$1" >/sys/bus/pci/drivers_probe
    [ "$(driver_of "$1")" = "$2" ]
}

disk_read() {                   # block device, first MiB, how many
    await test -b "/dev/$1" &&
        dd if="/dev/$1" bs=1M skip="$2" count="$3" iflag=direct \
            status=none | sum
}

disk_copy() {                   # block device, from MiB, to MiB, how many
    dd if="/dev/$1" of="/dev/$1" bs=1M skip="$2" seek="$3" count="$4" \
        iflag=direct oflag=direct status=none
}

interface_of() { basename "$(find "/sys/bus/pci/devices/$1/" \
                             -path '*/net/*' -prune)"; }

net_up() {                      # PCI address, own address/length
    await test -d "/sys/bus/pci/devices/$1" || return
    await sh -c "find /sys/bus/pci/devices/$1/ -path '*/net/*' | grep -q ." ||
        return
    net=$(interface_of "$1")
    ip addr add "$2" dev "$net"
    ip link set "$net" up
    await grep -q 1 "/sys/class/net/$net/carrier"
}

# At the end of its input busybox's nc says so to the other side, which then
# ends. An input without an end lets the sender be the one who ends it.
net_take() {                    # nc's arguments
    [ -p /tmp/idle ] || mkfifo /tmp/idle
    nc "$@" 0<>/tmp/idle
}

net_receive() { net_take "$@" | sum; }

faults() {                      # what a guest's log must not have
    dmesg | grep -E 'DMAR: (\[|DRHD: handling fault|.*malfunction)|BUG: |Oops|I/O error|Call Trace|QID [0-9]+ timeout|WARNING: '
    return 0
}

# The next layer down. Its QEMU has two pipes: to its agent, and QMP.

inner_open() {
    rm -f /tmp/agent.* /tmp/qmp.*
    mkfifo /tmp/agent.in /tmp/agent.out /tmp/qmp.in /tmp/qmp.out
    exec 5<>/tmp/agent.in 6<>/tmp/agent.out 7<>/tmp/qmp.in 8<>/tmp/qmp.out
}

inner_await() {                 # the end of what the inner guest does
    while read -r -t "${patience:-300}" line <&6; do
        case $line in
        "@done "*) return "${line#@done }" ;;
        *) echo "$line" ;;
        esac
    done
    echo "the inner guest does not answer"
    return 99
}

inner() {                       # a command
    echo "$*" >&5
    inner_await
}

qmp() {                         # a command as JSON; prints events, too
    echo "$*" >&7
    while read -r -t 60 line <&8; do
        case $line in
        '{"QMP"'*) ;;
        *) echo "$line" ;;
        esac
        case $line in
        '{"return"'* | '{"error"'*) return 0 ;;
        esac
    done
    echo "QEMU does not answer"
    return 99
}
