"""A picture of figures that grow: small panels side by side, both axes logarithmic, as SVG."""

import math

WIDTH, HEIGHT = 300, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 34, 40
LEGEND = 34
# On white, told apart also without colours by their marks.
STYLES = [("#0b6e4f", "circle"), ("#c1440e", "square"), ("#2b5fa8", "diamond"), ("#8a5a9e", "triangle")]
INK, FAINT = "#333333", "#dddddd"


def write(file, title, panels):
    """`panels` are (heading, {name: [(x, y)]}); a name has the same colour and mark in each."""
    names = list(dict.fromkeys(name for _, lines in panels for name in lines))
    width, height = WIDTH * len(panels), HEIGHT + LEGEND
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" font-family="sans-serif" font-size="11" fill="{INK}">',
        f"<title>{title}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for place, (heading, lines) in enumerate(panels):
        out.append(f'<g transform="translate({place * WIDTH} 0)">')
        out += panel(heading, lines, names)
        out.append("</g>")
    for place, name in enumerate(names):
        x = LEFT + place * 110
        out.append(line([(x, HEIGHT + 12), (x + 24, HEIGHT + 12)], names.index(name)))
        out.append(mark(x + 12, HEIGHT + 12, names.index(name)))
        out.append(f'<text x="{x + 30}" y="{HEIGHT + 16}">{name}</text>')
    out.append("</svg>\n")
    file.write_text("\n".join(out))


def panel(heading, lines, names):
    points = [point for each in lines.values() for point in each]
    across, up = decades([x for x, _ in points]), decades([y for _, y in points])

    def place(x, y):
        return (
            LEFT + part(x, across) * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - part(y, up) * (HEIGHT - TOP - BOTTOM),
        )

    out = [f'<text x="{LEFT}" y="20" font-weight="bold" font-size="12">{heading}</text>']
    for power in range(across[0], across[1] + 1):
        x, bottom = place(10**power, 10 ** up[0])
        out.append(f'<path d="M{x:.1f} {TOP}V{bottom:.1f}" stroke="{FAINT}"/>')
        out.append(f'<text x="{x:.1f}" y="{bottom + 16:.1f}" text-anchor="middle">{amount(10.0**power)}</text>')
    for power in range(up[0], up[1] + 1):
        left, y = place(10 ** across[0], 10**power)
        out.append(f'<path d="M{left:.1f} {y:.1f}H{WIDTH - RIGHT}" stroke="{FAINT}"/>')
        out.append(f'<text x="{left - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{amount(10.0**power)}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 6}" text-anchor="middle">names</text>')
    for name, each in lines.items():
        placed = [place(x, y) for x, y in each]
        out.append(line(placed, names.index(name)))
        out += [mark(x, y, names.index(name)) for x, y in placed]
    return out


def decades(values):
    """The powers of ten that hold them all."""
    low, high = math.floor(math.log10(min(values)) + 1e-9), math.ceil(math.log10(max(values)) - 1e-9)
    return low, max(high, low + 1)


def part(value, powers):
    return (math.log10(value) - powers[0]) / (powers[1] - powers[0])


def line(points, style):
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{STYLES[style % len(STYLES)][0]}" stroke-width="1.8"/>'


def mark(x, y, style):
    colour, shape = STYLES[style % len(STYLES)]
    corners = {
        "square": [(-3.5, -3.5), (3.5, -3.5), (3.5, 3.5), (-3.5, 3.5)],
        "diamond": [(0, -5), (5, 0), (0, 5), (-5, 0)],
        "triangle": [(0, -5), (4.5, 4), (-4.5, 4)],
    }
    if shape == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'
    path = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners[shape])
    return f'<polygon points="{path}" fill="{colour}"/>'


def amount(value):
    for size, letter in ((1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
