"""What /metrics tells, read by a reader that takes nothing but the text format that it is to be in."""

import re
import time

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf'({NAME})(?:\{{((?:{NAME}="[^"\\\n]*",?)*)\}})? (-?[0-9.]+)')
LABEL = re.compile(rf'({NAME})="([^"]*)"')
SUFFIX = re.compile(r"_(bucket|sum|count)$")


class Metrics:
    """One reading. What was not told is 0."""

    def __init__(self, text):
        self.types = {}
        self.helps = {}
        self._values = {}
        assert text.endswith("\n")
        for line in text.splitlines():
            if line.startswith("# HELP "):
                _, _, name, words = line.split(" ", 3)
                assert name not in self.helps and words, line
                self.helps[name] = words
            elif line.startswith("# TYPE "):
                _, _, name, word = line.split(" ")
                assert name not in self.types and name in self.helps, line
                self.types[name] = word
            else:
                self._take(line)

    def _take(self, line):
        match = SAMPLE.fullmatch(line)
        assert match, f"no sample: {line!r}"
        name, labels, value = match.groups()
        family = name if name in self.types else SUFFIX.sub("", name)
        # a sample stands behind the head of its own family
        assert family == list(self.types)[-1], line
        assert (family != name) == (self.types[family] == "histogram"), line
        key = name, frozenset(LABEL.findall(labels or ""))
        assert key not in self._values, f"twice: {line!r}"
        self._values[key] = float(value)

    def __call__(self, name, **labels):
        """The sum of all samples of this name with these labels at least."""
        wanted = set(labels.items())
        return sum(value for (one, found), value in self._values.items() if one == name and wanted <= found)

    def samples(self, name):
        """All samples of a name: their labels and values."""
        return [(dict(labels), value) for (one, labels), value in self._values.items() if one == name]

    def requests(self, **labels):
        """How many requests were answered."""
        return self("cloud_telephony_http_requests_total", **labels)

    def histograms(self):
        """Each histogram: its family, its labels, its buckets as (bound, count) in their order, sum and count."""
        for family in (name for name, word in self.types.items() if word == "histogram"):
            for labels, count in self.samples(f"{family}_count"):
                buckets = sorted((float(found["le"].replace("+Inf", "inf")), value) for found, value in self.samples(f"{family}_bucket")
                                 if {key: word for key, word in found.items() if key != "le"} == labels)
                total = [value for found, value in self.samples(f"{family}_sum") if found == labels]
                assert len(total) == 1, (family, labels)
                yield family, labels, buckets, total[0], count


def read(client, **headers):
    reply = client.get("/metrics", headers=headers)
    assert reply.status_code == 200, reply.text
    assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Metrics(reply.text)


def read_until(client, holds):
    """Reads until it holds: what was done on another connection is counted a moment after its reply."""
    for _ in range(600):
        metrics = read(client)
        if holds(metrics):
            return metrics
        time.sleep(0.05)
    raise AssertionError("/metrics never tells what is expected")
