"""Writes results/: results.json keeps every figure; README.md and the plots are made of it."""

import json
import textwrap
from collections import namedtuple
from pathlib import Path

from chart import bars, number

RESULTS = Path(__file__).resolve().parent / "results"
UNITS = {
    "p50_us": ("median latency", 1000, "ms"),
    "p99_us": ("99th percentile", 1000, "ms"),
    "server_us_per_request": ("server CPU a request", 1, "µs"),
    "server_cpu_share": ("server CPU", 0.01, "%"),
    "load_cpu_share": ("load CPU", 0.01, "%"),
    "pss_mib": ("proportional set", 1, "MiB"),
    "per_second": ("reads", 1, "/s"),
    "core_wait_us": ("wait of the serving thread for its core, a turn", 1, "µs"),
    "hashes_per_second": ("logins done", 1, "/s"),
    "p999_us": ("99.9th percentile", 1000, "ms"),
    "logins_per_second": ("login replies", 1, "/s"),
    "done_per_second": ("done", 1, "/s"),
    "repeated": ("messages sent again", 1, ""),
    "repeated_at_half": ("messages sent again then", 1, ""),
    "added_p50_us": ("median of the time added at half the rate", 1000, "ms"),
    "added_p99_us": ("99th percentile of it", 1000, "ms"),
    "junk_per_second": ("junk received", 1, "/s"),
    "dropped_per_second": ("dropped by the kernel", 1, "/s"),
    "logins_refused_share": ("logins answered 503", 0.01, "%"),
}
HEADER = ["work", "what", "target", "measured (lowest to highest)", "", "why"]

# One row of the table of targets. verdict: "met", "MISSED", "FAILED", or "" where there is no target.
Row = namedtuple("Row", "what target measured verdict why")


def verdict_of(entry):
    return {True: "met", False: "MISSED", None: ""}[entry.get("met")]


def why_missed(ratio, record):
    """What is known: what the measure says of it, and whether the server had its core at all."""
    texts = [ratio["why"]] if ratio.get("why") else []
    detail = next((subject["detail"] for subject in record["subjects"] if subject["name"] == ratio["of"]), {})
    share = detail.get("server_cpu_share", 1)
    if share < 0.6:
        texts.append(f"the server used {share:.0%} of its core: it waited for the disk, the load or other programs")
    return "; ".join(texts)


def rows_of(record):
    """The comparisons of a record."""
    if "failed" in record:
        return [Row("", "", "", "FAILED", record["failed"].splitlines()[0])]
    rows = []
    for ratio in record["ratios"]:
        missed = ratio.get("met") is False
        rows.append(Row(f"{ratio['of']} / {ratio['to']}", ratio.get("target", ""),
                        f"{number(ratio['median'])} ({number(ratio['low'])} to {number(ratio['high'])})",
                        verdict_of(ratio), why_missed(ratio, record) if missed else ""))
    for limit in record["limits"]:
        unit = limit.get("unit", record["unit"])
        measured = f"{number(limit['value'])} {unit}".strip()
        if "low" in limit:
            measured += f" ({number(limit['low'])} to {number(limit['high'])})"
        target = f"{limit['target']} {unit}".strip() if "target" in limit else ""
        rows.append(Row(limit["of"], target, measured, verdict_of(limit), ""))
    return rows


def is_well(record):
    return not any(row.verdict in ("MISSED", "FAILED") for row in rows_of(record))


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


def targets(records, measures):
    """All rows, in the order of the registry."""
    rows = []
    for name, measure in measures.items():
        if name not in records:
            if measure.default:
                rows.append([measure.work, measure.compared, "", "", "not measured", ""])
            continue
        for row in rows_of(records[name]):
            rows.append([measure.work, row.what, row.target, row.measured, row.verdict, row.why])
    return rows


def terminal_table(measures):
    """The table of targets for a terminal: a line of what was measured, below the work."""
    lines, before = ["The targets", ""], None
    for work, what, target, measured, verdict, why in targets(load(), measures):
        if work != before:
            lines.append(work)
            before = work
        lines.append(f"  {verdict or '-':12} {measured:32} {target:18} {what}")
        if why:
            lines += textwrap.wrap(why, 100, initial_indent=" " * 15, subsequent_indent=" " * 15)
    return "\n".join(lines)


def details(subject):
    texts = []
    for key, value in subject["detail"].items():
        label, divisor, unit = UNITS[key]
        texts.append(f"{label} {number(value / divisor)} {unit}".strip())
    return ", ".join(texts)


def section(name, record):
    lines = ["", f"## {record['title']}", "", f"`./bench {name}`. {record['what']}."]
    if "failed" in record:
        return lines + ["", "Failed, so there is no figure:", "", "```text", record["failed"], "```"]
    lines += ["", *table(["", record["unit"], "lowest to highest", "beside it"], [
        [subject["name"], number(subject["median"]),
         f"{number(subject['low'])} to {number(subject['high'])}", details(subject)]
        for subject in record["subjects"]]), ""]
    for plot in [name] if record.get("bars", True) else []:
        lines += [f"![{record['title']}]({plot}.svg)", ""]
    for plot in record.get("plots", []):
        lines += [f"![{plot['name'].replace('_', ' ')}]({plot['name']}.svg)", ""]
    lines += [record["durability"], *record["notes"]]
    context = record["context"]
    cores = f"server on core {context['server_cpus']}, load on core {context['load_cpus']}"
    lines += [
        "",
        f"{context['date']}, commit {context['commit']}, {context['program']}: {context['cpu']}, "
        f"{context['cores']} cores ({cores}), {context['memory_gib']} GiB, {context['system']}, "
        f"Linux {context['kernel']}, {context['file_system']} with "
        f"{context['syncs_per_second']:,} synced appends/s, load average before "
        f"{context['load_average_before']}; {context['rounds']} rounds of {context['seconds']} s.",
        "", "<details><summary>The commands</summary>", "", "```text", *record["commands"], "```", "",
        "</details>",
    ]
    return lines


def load():
    path = RESULTS / "results.json"
    return json.loads(path.read_text()) if path.exists() else {}


def write(name, record, measures):
    """Adds the record of one measure and writes the whole report."""
    RESULTS.mkdir(exist_ok=True)
    records = load()
    if "failed" not in record:
        (RESULTS / f"{name}.svg").write_text(bars(record["title"], record["unit"], record["subjects"]))
        for plot in record["plots"]:
            (RESULTS / f"{plot['name']}.svg").write_text(plot.pop("svg"))
    records[name] = record
    records = {each: records[each] for each in measures if each in records}
    (RESULTS / "results.json").write_text(json.dumps(records, indent=1, ensure_ascii=False) + "\n")
    (RESULTS / "README.md").write_text(page(records, measures))


def page(records, measures):
    counted = [row[4] for row in targets(records, measures)]
    lines = ["# Results", "",
             "Written by `./bench`, whole. An absolute figure belongs to the machine and the minute; the ratios are what "
             "counts: both sides ran in turn, in the same minutes, on the same cores, and quoted is the median of the "
             "rounds. Every write that is compared was durable on both sides, every run with an error failed, and what "
             "each was run with stands in its section. [How it is measured](../README.md).", "",
             f"{counted.count('met')} targets met, {counted.count('MISSED')} missed, "
             f"{counted.count('FAILED')} failed, {counted.count('not measured')} not measured; the rest is for "
             "information. Where the time goes, and what would have to change, is in "
             "[docs/performance.md](../../docs/performance.md).", "",
             *table(HEADER, targets(records, measures))]
    for each, found in records.items():
        lines += section(each, found)
    packages = sorted(set().union(*(found["context"]["packages"].items() for found in records.values()
                                    if "context" in found)))
    lines += ["", "## Versions", "", *table(["package", "version"], [list(row) for row in packages])]
    return "\n".join(lines) + "\n"
