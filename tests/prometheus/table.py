"""The table of metrics as the program documents it, and what an expression says of it that is not so."""

import os
import re
import subprocess

PROGRAM = os.environ.get("CT_PROGRAM", os.path.join(os.path.dirname(__file__), "../../build/cloud-telephony"))

# What Prometheus adds, and what is another word with each version.
ADDED = {"job", "instance"}
FREE = {"version"}

ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (.*) \| .+ \|$", re.M)
LABEL = re.compile(r'(\w+)="([^"]*)"')
NAME = re.compile(r"\b((?:cloud_telephony|process)_\w+)\b(?:\{((?:[^{}\"]|\"[^\"]*\")*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')


class Metric:
    """A metric of the table: its type, its labels, and for those with fixed words these words."""

    def __init__(self, word, labels):
        self.type = word
        self.labels = {}
        for part in re.findall(r"`([^`]*)`", labels):
            if "=" in part:
                for name, value in LABEL.findall(part):
                    if name in FREE:
                        self.labels[name] = None
                    else:
                        self.labels.setdefault(name, set()).add(value)
            else:
                self.labels.update({name: None for name in part.split(",")})

    @property
    def endings(self):
        return ("_bucket", "_sum", "_count") if self.type == "histogram" else ("",)


def metrics():
    """All metrics, by name."""
    page = subprocess.run([PROGRAM, "metrics", "--markdown"], capture_output=True, text=True, check=True, timeout=60).stdout
    return {name: Metric(word, labels) for name, word, labels in ROW.findall(page)}


def faults(expression, table):
    """What an expression asks for that there is not: a list of sentences."""
    series = {name + ending: (metric, ending) for name, metric in table.items() for ending in metric.endings}
    found = []
    for name, matchers in NAME.findall(expression):
        if name not in series:
            found.append(f"there is no {name}")
            continue
        metric, ending = series[name]
        for label, how, value in MATCHER.findall(matchers):
            if label == "le" and ending == "_bucket" or label in ADDED:
                continue
            if label not in metric.labels:
                found.append(f"{name} has no label {label}")
            elif metric.labels[label] is not None and not any(
                    re.fullmatch(value if how in ("=~", "!~") else re.escape(value), word) for word in metric.labels[label]):
                found.append(f"{name} never has {label}={value}")
    return found


def names_in(expression):
    return {name for name, _ in NAME.findall(expression)}
