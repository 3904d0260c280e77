"""Bars as SVG: the median of each subject, a whisker from the lowest to the highest round."""

from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, ROW, TOP = 760, 220, 110, 34, 64


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:,.3g}"


def bars(record):
    subjects = record["subjects"]
    longest = max(subject["high"] for subject in subjects) or 1
    scale = (WIDTH - LEFT - RIGHT) / longest
    height = TOP + ROW * len(subjects) + 16
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13" fill="#222">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="16" y="24" font-size="16" font-weight="bold">{escape(record["title"])}</text>',
        f'<text x="16" y="44" fill="#555">{escape(record["unit"])}, median of '
        f'{len(subjects[0]["rounds"])} rounds, lowest to highest</text>',
    ]
    for index, subject in enumerate(subjects):
        y = TOP + ROW * index
        middle = y + ROW / 2
        color = "#1f6f8b" if subject["name"].startswith("cloud-telephony") else "#9aa5ab"
        low, median, high = (LEFT + subject[key] * scale for key in ("low", "median", "high"))
        lines += [
            f'<text x="{LEFT - 10}" y="{middle + 4:.1f}" text-anchor="end">{escape(subject["name"])}</text>',
            f'<rect x="{LEFT}" y="{y + 6}" width="{max(median - LEFT, 1):.1f}" height="{ROW - 12}" '
            f'fill="{color}"/>',
            f'<path d="M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 5}v10M{high:.1f} {middle - 5}v10" '
            f'stroke="#222" fill="none"/>',
            f'<text x="{max(median, high) + 8:.1f}" y="{middle + 4:.1f}">{number(subject["median"])}</text>',
        ]
    return "\n".join(lines + ["</svg>", ""])
