"""The figures of one measure, in the order of the rounds."""

import statistics

from arithmetic import judged, ratios, spread

DURABLE = ("Every side commits with SQLite in WAL mode and synchronous=FULL: a reply of success follows "
           "fdatasync. After each round the rows in the file are counted against the replies.")


class Result:
    def __init__(self, title, what, unit, durability="Nothing is written."):
        self.title, self.what, self.unit, self.durability = title, what, unit, durability
        self.values, self.details, self.ratios, self.limits = {}, {}, [], []
        self.notes, self.plots = [], []

    def add(self, name, value, **detail):
        self.values.setdefault(name, []).append(value)
        for key, number in detail.items():
            self.details.setdefault(name, {}).setdefault(key, []).append(number)

    def add_load(self, name, found):
        """A throughput, with what matters beside it."""
        self.add(name, found["per_second"],
                 **{key: found[key] for key in ("p50_us", "p99_us", "server_us_per_request",
                                                "server_cpu_share", "load_cpu_share")})
        if found["load_cpu_share"] > 0.95:
            self.note(f"The load generator's core was full against {name}: the server could do more.")

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def compare(self, name, other, target=None, inverse=False, why=""):
        """name / other round by round (inverse: other / name); @p target is ("at least"|"at most", x). @p why
        is what is known when it is missed."""
        over, under = (other, name) if inverse else (name, other)
        found = spread(ratios(self.values[over], self.values[under]))
        self.ratios.append({"of": over, "to": under, **found, **judged(found["median"], target),
                            "why": why})

    def difference(self, name, other, target=None):
        """name - other round by round, in the unit of the measure."""
        found = spread([a - b for a, b in zip(self.values[name], self.values[other])])
        self.limits.append({"of": f"{name} less {other}", "value": found["median"], "low": found["low"],
                            "high": found["high"], **judged(found["median"], target)})

    def limit(self, name, value, target, unit=None):
        """A figure that has a bound of its own."""
        self.limits.append({"of": name, "value": value, "unit": self.unit if unit is None else unit, **judged(value, target)})

    def detail_limit(self, what, name, key, divisor, target, unit):
        """What stands beside a subject, round by round, as a row of its own."""
        found = spread([value / divisor for value in self.details[name][key]])
        self.limits.append({"of": what, "value": found["median"], "low": found["low"], "high": found["high"], "unit": unit,
                            **judged(found["median"], target)})

    def figure(self, what, value, unit):
        """One round of a figure that has a row of its own, and no target."""
        entry = next((entry for entry in self.limits if entry["of"] == what), None)
        if entry is None:
            entry = {"of": what, "unit": unit, "rounds": []}
            self.limits.append(entry)
        entry["rounds"].append(value)
        found = spread(entry["rounds"])
        entry.update(value=found["median"], low=found["low"], high=found["high"])

    def record_of(self, name):
        """The median of one subject."""
        return statistics.median(self.values[name])

    def plot(self, name, chart):
        """A further plot: results/NAME.svg."""
        self.plots.append({"name": name, "svg": chart})

    def record(self):
        subjects = [
            {"name": name, **spread(values),
             "detail": {key: statistics.median(numbers)
                        for key, numbers in self.details.get(name, {}).items()}}
            for name, values in self.values.items()
        ]
        return {"title": self.title, "what": self.what, "unit": self.unit,
                "durability": self.durability, "subjects": subjects, "ratios": self.ratios,
                "limits": self.limits, "notes": self.notes, "plots": self.plots}
