"""What is made of the figures: spreads, percentiles, verdicts. No measuring, so that it can be tested."""

import statistics


def spread(values):
    """The median of the rounds, with the lowest and the highest."""
    return {"median": statistics.median(values), "low": min(values), "high": max(values),
            "rounds": list(values)}


def percentile(values, part):
    """The smallest value that at least so large a part of the values does not exceed (nearest rank)."""
    if not values:
        raise ValueError("a percentile of nothing")
    ordered = sorted(values)
    rank = -(-len(ordered) * part // 1)  # rounded up
    return ordered[min(max(int(rank), 1), len(ordered)) - 1]


def judged(value, target):
    """@p target is None or ("at least"|"at most", bound)."""
    if target is None:
        return {}
    word, bound = target
    if word not in ("at least", "at most"):
        raise ValueError(f"a target is at least or at most something, not {word}")
    return {"target": f"{word} {bound:g}",
            "met": value >= bound if word == "at least" else value <= bound}


def ratios(over, under):
    """Round by round: what is compared ran in the same minute."""
    if len(over) != len(under):
        raise ValueError("the sides have different numbers of rounds")
    return [a / b for a, b in zip(over, under)]


def growth(values):
    """How much higher the last third is than the first, as a ratio of their medians."""
    third = max(len(values) // 3, 1)
    return statistics.median(values[-third:]) / statistics.median(values[:third])


def farthest(values):
    """How far the values are from the first at most, as a part of it."""
    return max(abs(value - values[0]) for value in values) / values[0]


def recovery(samples, ended, slow_us, running=5):
    """Seconds from @p ended until so many samples running were answered with success and not slowly: to the first of
    these. None when that never was. A sample is (seconds, success, microseconds), in the order of time."""
    streak = []
    for when, well, took in samples:
        if when < ended:
            continue
        streak = streak + [when] if well and took <= slow_us else []
        if len(streak) == running:
            return streak[0] - ended
    return None


def merged(windows, name):
    """The sum of one count over windows of time."""
    return sum(window[name] for window in windows)
