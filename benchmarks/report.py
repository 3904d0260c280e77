"""Writes results/: results.json keeps every figure, README.md and the plots are made from it."""

import json
from pathlib import Path

from plot import bars, number

RESULTS = Path(__file__).resolve().parent / "results"
UNITS = {
    "p50_us": ("median latency", 1000, "ms"),
    "p99_us": ("99th percentile", 1000, "ms"),
    "server_us_per_request": ("server CPU a request", 1, "µs"),
    "server_cpu_share": ("server CPU", 0.01, "%"),
    "load_cpu_share": ("load CPU", 0.01, "%"),
    "pss_mib": ("proportional set", 1, "MiB"),
    "per_second": ("reads", 1, "/s"),
    "logins_per_second": ("login replies", 1, "/s"),
    "logins_refused_share": ("logins answered 503", 0.01, "%"),
}


def verdict(entry):
    if "met" not in entry:
        return ["", ""]
    return [entry["target"], "met" if entry["met"] else "missed"]


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def summary(records):
    rows = []
    for name, record in records.items():
        if "failed" in record:
            rows.append([record["title"], "", "", "", "failed"])
            continue
        for ratio in record["ratios"]:
            rows.append([record["title"], f"{ratio['of']} / {ratio['to']}",
                         f"{number(ratio['median'])} ({number(ratio['low'])} to {number(ratio['high'])})",
                         *verdict(ratio)])
        for limit in record["limits"]:
            rows.append([record["title"], limit["of"], f"{number(limit['value'])} {record['unit']}",
                         *verdict(limit)])
    return table(["measure", "compared", "median (lowest to highest)", "target", ""], rows)


def details(subject):
    texts = []
    for key, value in subject["detail"].items():
        label, divisor, unit = UNITS[key]
        texts.append(f"{label} {number(value / divisor)} {unit}")
    return ", ".join(texts)


def section(name, record):
    lines = ["", f"## {record['title']}", "", f"`./bench {name}`. {record['what']}."]
    if "failed" in record:
        return lines + ["", f"Failed, so there is no figure: {record['failed']}"]
    lines += ["", *table(["", record["unit"], "lowest to highest", "beside it"], [
        [subject["name"], number(subject["median"]),
         f"{number(subject['low'])} to {number(subject['high'])}", details(subject)]
        for subject in record["subjects"]])]
    lines += ["", f"![{record['title']}]({name}.svg)", "", record["durability"], *record["notes"]]
    context = record["context"]
    cores = f"server on core {context['server_cpus']}, load on core {context['load_cpus']}"
    lines += [
        "",
        f"{context['date']}, commit {context['commit']}, {context['program']}: {context['cpu']}, "
        f"{context['cores']} cores ({cores}), {context['memory_gib']} GiB, {context['system']}, "
        f"Linux {context['kernel']}, {context['file_system']} with "
        f"{context['syncs_per_second']:,} synced appends/s, load average before "
        f"{context['load_average_before']}; {context['rounds']} rounds of {context['seconds']} s.",
        "", "```text", *record["commands"], "```",
    ]
    return lines


def write(name, record):
    """Adds the record of one measure and writes the whole report."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "results.json"
    records = json.loads(path.read_text()) if path.exists() else {}
    records[name] = record
    path.write_text(json.dumps(records, indent=1, ensure_ascii=False) + "\n")
    if "failed" not in record:
        (RESULTS / f"{name}.svg").write_text(bars(record))

    lines = ["# Results", "", "Written by `./bench`. An absolute figure belongs to the machine and the "
             "minute; the ratios are what counts. [How it is measured](../README.md).", ""]
    lines += summary(records)
    for each, found in records.items():
        lines += section(each, found)
    packages = sorted(set().union(*(found["context"]["packages"].items() for found in records.values()
                                    if "context" in found)))
    lines += ["", "## Versions", "", *table(["package", "version"], [list(row) for row in packages])]
    (RESULTS / "README.md").write_text("\n".join(lines) + "\n")
