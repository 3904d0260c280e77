"""Plots as SVG, without a library: readable in light and dark, without fonts of their own."""

import math
from xml.sax.saxutils import escape

WIDTH = 760
STYLE = """<style>
svg { --paper: #ffffff; --ink: #1c2127; --soft: #5a646e; --grid: #dde2e6;
  --a: #0b6e8f; --b: #c2570c; --c: #5b7f1f; --d: #8a3ffc; --e: #a11a3f; --rest: #9aa5ab }
@media (prefers-color-scheme: dark) { svg { --paper: #15191e; --ink: #e6eaee; --soft: #9fabb6; --grid: #323a42;
  --a: #4fb8da; --b: #f0954f; --c: #a4cc62; --d: #be95ff; --e: #ff7d9c; --rest: #66727b } }
text { fill: var(--ink); font-family: sans-serif; font-size: 13px }
.title { font-size: 16px; font-weight: bold }
.soft { fill: var(--soft); font-size: 12px }
</style>"""
COLORS = ("a", "b", "c", "d", "e")


def number(value):
    if value == 0:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"


def short(value):
    """A number on an axis."""
    for size, letter in ((1e6, " M"), (1e3, " k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def begin(height, title, subtitle):
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">', STYLE,
        f'<rect width="{WIDTH}" height="{height}" fill="var(--paper)"/>',
        f'<text class="title" x="16" y="25">{escape(title)}</text>',
        f'<text class="soft" x="16" y="45">{escape(subtitle)}</text>',
    ]


def bars(title, unit, subjects):
    """The median of each subject as a bar, a whisker from the lowest to the highest round. Each subject has
    name, median, low, high, rounds."""
    left, right, row, top = 250, 110, 34, 64
    longest = max(subject["high"] for subject in subjects) or 1
    scale = (WIDTH - left - right) / longest
    lines = begin(top + row * len(subjects) + 16, title,
                  f'{unit}; median of {len(subjects[0]["rounds"])} rounds, with the lowest and the highest')
    for index, subject in enumerate(subjects):
        y = top + row * index
        middle = y + row / 2
        color = "a" if subject["name"].startswith("cloud-telephony") else "rest"
        low, median, high = (left + subject[key] * scale for key in ("low", "median", "high"))
        lines += [
            f'<text x="{left - 10}" y="{middle + 4:.1f}" text-anchor="end">{escape(subject["name"])}</text>',
            f'<rect x="{left}" y="{y + 6}" width="{max(median - left, 1):.1f}" height="{row - 12}" '
            f'fill="var(--{color})"/>',
            f'<path d="M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 5}v10M{high:.1f} {middle - 5}v10" '
            f'style="stroke: var(--ink); fill: none"/>',
            f'<text x="{max(median, high) + 8:.1f}" y="{middle + 4:.1f}">{number(subject["median"])}</text>',
        ]
    return "\n".join(lines + ["</svg>", ""])


def nice_steps(low, high, wanted=5):
    """Round values from at most @p low to at least @p high."""
    span = high - low or abs(high) or 1
    raw = span / wanted
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first = math.floor(low / step)
    last = max(math.ceil(high / step - 1e-9), first + 1)
    return [index * step for index in range(first, last + 1)]


def log_steps(low, high, base):
    first = math.floor(math.log(low, base) + 1e-9)
    last = max(math.ceil(math.log(high, base) - 1e-9), first + 1)
    return [base ** power for power in range(first, last + 1)]


class Axis:
    """From values to pixels."""

    def __init__(self, values, start, end, log=None, zero=False):
        low, high = min(values), max(values)
        self.log, self.start, self.end = log, start, end
        if log:
            self.steps = log_steps(low, high, log)
            # between powers of ten, halves would be missed where there is one step alone
            self.low, self.high = math.log(self.steps[0]), math.log(self.steps[-1])
        else:
            self.steps = nice_steps(0 if zero else low, high)
            self.low, self.high = self.steps[0], self.steps[-1]

    def at(self, value):
        value = math.log(value) if self.log else value
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def lines(title, x_label, y_label, series, x_log=None, y_log=None, zero=False, marks=(), subtitle=""):
    """@p series: {name: [(x, y), ...]}. @p marks: [(x, text), ...], upright lines."""
    left, right, top, bottom, height = 78, 24, 96, 52, 400
    everything = [point for points in series.values() for point in points]
    x_axis = Axis([x for x, _ in everything] + [x for x, _ in marks], left, WIDTH - right, x_log)
    y_axis = Axis([y for _, y in everything], height - bottom, top, y_log, zero)
    text = begin(height, title, subtitle or f"{y_label} by {x_label}")
    for step in y_axis.steps:
        y = y_axis.at(step)
        text += [f'<path d="M{left} {y:.1f}H{WIDTH - right}" style="stroke: var(--grid)"/>',
                 f'<text class="soft" x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{short(step)}</text>']
    for step in x_axis.steps:
        x = x_axis.at(step)
        text += [f'<path d="M{x:.1f} {height - bottom}v5" style="stroke: var(--soft)"/>',
                 f'<text class="soft" x="{x:.1f}" y="{height - bottom + 19}" text-anchor="middle">{short(step)}</text>']
    text += [f'<path d="M{left} {height - bottom}H{WIDTH - right}" style="stroke: var(--soft)"/>',
             f'<text class="soft" x="{(left + WIDTH - right) / 2:.0f}" y="{height - 12}" '
             f'text-anchor="middle">{escape(x_label)}</text>',
             f'<text class="soft" x="18" y="{(top + height - bottom) / 2:.0f}" text-anchor="middle" '
             f'transform="rotate(-90 18 {(top + height - bottom) / 2:.0f})">{escape(y_label)}</text>']
    for x, label in marks:
        place = x_axis.at(x)
        text += [f'<path d="M{place:.1f} {top}V{height - bottom}" '
                 'style="stroke: var(--soft); stroke-dasharray: 4 4"/>',
                 f'<text class="soft" x="{place + 4:.1f}" y="{top + 12}">{escape(label)}</text>']
    legend = left
    for index, (name, points) in enumerate(series.items()):
        color = COLORS[index % len(COLORS)]
        path = "L".join(f"{x_axis.at(x):.1f} {y_axis.at(y):.1f}" for x, y in points)
        text.append(f'<path d="M{path}" style="stroke: var(--{color}); stroke-width: 2; fill: none; '
                    'stroke-linejoin: round"/>')
        if len(points) <= 20:
            text += [f'<circle cx="{x_axis.at(x):.1f}" cy="{y_axis.at(y):.1f}" r="3.5" fill="var(--{color})">'
                     f"<title>{escape(name)}: {short(x)}, {number(y)}</title></circle>" for x, y in points]
        text += [f'<path d="M{legend} 68h20" style="stroke: var(--{color}); stroke-width: 3"/>',
                 f'<text x="{legend + 26}" y="72">{escape(name)}</text>']
        legend += 52 + 7.4 * len(name)
    return "\n".join(text + ["</svg>", ""])
