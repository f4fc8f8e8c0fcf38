# SPDX-License-Identifier: GPL-2.0-or-later
"""An address space as a picture that gnuplot draws."""

# The lower end of each size of ranges, in bytes, with its color
SIZES = ((0, "below 64 KiB", "#a8d5ba"), (1 << 16, "from 64 KiB", "#5fad7c"),
         (1 << 21, "from 2 MiB", "#2d7d4f"),
         (1 << 30, "from 1 GiB", "#123d26"))
REFUSED = ("refused by the host", "#c1121f")
WINDOW = ("interrupts (0xfee)", "#f4a259")
INTERRUPTS = {"iova": 0xfee00000, "size": 0x100000}

ROWS = 32               # lines of a picture, one below the other
STRETCHES = 8           # the most that a picture is cut into
PAGE = 4096

HEAD = """\
set terminal {terminal} size 1000,{height} \
font "sans-serif,11" background rgb "white"
set output "{output}"
set title "{title}" noenhanced
set key outside bottom horizontal
set style fill solid noborder
set xrange [0:1]
set yrange [{rows}:-0.5]
set xtics format ""
set ytics nomirror ({ticks})
"""


def stretches(parts):
    """Cut what is used into stretches, at the widest holes."""
    used = []
    for part in sorted(parts, key=lambda part: part["iova"]):
        start, end = part["iova"], part["iova"] + part["size"]
        if used and start <= used[-1][1]:
            used[-1][1] = max(used[-1][1], end)
        else:
            used.append([start, end])
    holes = sorted(((after[0] - before[1], before[1]) for before, after in
                    zip(used, used[1:])), reverse=True)
    cuts = {start for _, start in holes[:STRETCHES - 1]}
    found = []
    for start, end in used:
        if found and found[-1][1] not in cuts:
            found[-1][1] = end
        else:
            found.append([start, end])
    return found


def rows_of(parts):
    """The rows of the picture: first and last address behind."""
    found = stretches(parts)
    rows = []
    for start, end in found:
        each = max(1, ROWS // len(found))
        width = max(PAGE, -(-(end - start) // each // PAGE) * PAGE)
        while start < end:
            rows.append((start, start + width))
            start += width
    return rows


def boxes(parts, rows):
    """Where parts lie in rows: row, from, to (0 to 1)."""
    drawn = {}
    for part in parts:
        start, end = part["iova"], part["iova"] + part["size"]
        for number, (low, high) in enumerate(rows):
            if start < high and low < end:
                # Less than a dot would not be seen; it is drawn once.
                left = round((max(start, low) - low) / (high - low), 3)
                right = round((min(end, high) - low) / (high - low), 3)
                drawn[number, left, max(right, left + 0.001)] = None
    return drawn


def kinds(space):
    """What is drawn: name, color, and its parts."""
    for number, (low, name, color) in enumerate(SIZES):
        above = SIZES[number + 1][0] if number + 1 < len(SIZES) else 1 << 64
        yield name, color, [each for each in space["ranges"]
                            if low <= each["size"] < above]
    yield *WINDOW, [INTERRUPTS]
    yield *REFUSED, space["refused"]


def script(space, output):
    """The script for gnuplot; the suffix of output chooses the format."""
    drawn = list(kinds(space))
    rows = rows_of([part for *_, parts in drawn for part in parts])
    name = space["device"] + (f" {space['id']}" if space.get("id") else "")
    refused = sum(each["size"] for each in space["refused"]) // PAGE
    data, plots = [], []
    for number, (title, color, parts) in enumerate(drawn):
        lines = [f"{(left + right) / 2:.4f} {row} {left:.3f} {right:.3f} "
                 f"{row - 0.4:.1f} {row + 0.4:.1f}"
                 for row, left, right in boxes(parts, rows)]
        if not lines:
            continue
        data += [f"# {title}"] + [f"# {each['iova']:#x} {each['size']:#x}"
                                  for each in parts]
        data += [f"$kind{number} << EOD", *lines, "EOD"]
        plots.append(f"$kind{number} using 1:2:3:4:5:6 with boxxyerror "
                     f'lc rgb "{color}" title "{title}" noenhanced')
    ticks = ", ".join(f'"{low:#x}" {number}'
                      for number, (low, _) in enumerate(rows))
    return HEAD.format(
        terminal="pngcairo" if output.suffix == ".png" else "svg",
        height=110 + 18 * len(rows), output=output, rows=len(rows) - 0.5,
        ticks=ticks, title=f"{name}: {len(space['ranges'])} ranges mapped, "
        f"{refused} pages refused") + "\n".join(
            data + ["plot " + ", \\\n     ".join(plots)]) + "\n"
