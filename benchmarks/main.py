"""The command line of ./bench."""

import argparse
import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

import machine
import report
from measures import MEASURES
from servers import Failure, cores

ROOT = Path(__file__).resolve().parent.parent


class Commands(dict):
    """An ordered set."""

    def add(self, command):
        self[command] = True


class Bench:
    """What a measure needs to know."""

    def __init__(self, options, directory):
        self.directory = directory
        self.rounds, self.seconds = options.rounds, options.seconds
        self.server_cpus, self.load_cpus = options.server_cpus, options.load_cpus
        self.program = options.program
        self.group_commits = ROOT / "build" / "group_commits"
        self.commands = Commands()

    @staticmethod
    def say(text):
        print(text, flush=True)

    def shown(self, environment, command, server):
        """A command as the report shows it: what differs from run to run is a word in capitals."""
        words = [f"{name}={value}" for name, value in environment.items()]
        text = " ".join([*words, shlex.join(command)])
        for found, word in ((str(server.directory), "DIR"), (str(ROOT), "."), (server.secret, "SECRET"),
                            (str(server.port), "PORT"), (sys.executable, "python3")):
            text = text.replace(found, word)
        return " ".join("TOKEN" if word.startswith("eyJ") else word for word in text.split(" "))

    def context(self):
        found = machine.describe(ROOT, self.directory, self.program, self.server_cpus, self.load_cpus)
        return {**found, "rounds": self.rounds, "seconds": self.seconds}


def options():
    here = sorted(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(
        prog="./bench", description="Measures this program against its peers and writes "
        "benchmarks/results/. Exit status 1 when a run had errors or a target was missed.")
    parser.add_argument("measure", nargs="*", metavar="NAME", help=", ".join(MEASURES) + "; all of them")
    parser.add_argument("--rounds", type=int, default=5, help="how often each subject has its turn (%(default)s)")
    parser.add_argument("--seconds", type=int, default=5, help="of load in a round (%(default)s)")
    parser.add_argument("--server-cpus", default=str(here[0]), help="cores of the server, for taskset (%(default)s)")
    parser.add_argument("--load-cpus", default=str(here[-1]), help="cores of the load (%(default)s)")
    parser.add_argument("--program", type=Path, default=ROOT / "build" / "cloud-telephony",
                        help="what to measure (build/cloud-telephony)")
    parser.add_argument("--directory", type=Path, default=ROOT / "build",
                        help="where the databases are, on a disk (build)")
    found = parser.parse_args()
    for name in found.measure:
        if name not in MEASURES:
            parser.error(f"there is no measure {name}; there are {', '.join(MEASURES)}")
    if found.rounds < 1 or found.seconds < 1:
        parser.error("--rounds and --seconds are 1 or more")
    if cores(found.server_cpus) & cores(found.load_cpus):
        parser.error("server and load need cores of their own; this machine offers "
                     + ",".join(map(str, here)))
    found.program = found.program.resolve()
    if not found.program.exists():
        parser.error(f"{found.program} does not exist")
    return found


def measure(name, chosen):
    """Runs one measure; whether all is well."""
    directory = Path(tempfile.mkdtemp(prefix="bench-", dir=chosen.directory))
    try:
        bench = Bench(chosen, directory)
        bench.say(name)
        context = bench.context()
        if context["file_system"] in ("tmpfs", "ramfs"):
            raise SystemExit("bench: the databases would be in memory, where durability means nothing; "
                             "choose a disk with --directory")
        try:
            record = MEASURES[name](bench).record()
        except Failure as failure:
            record = {"title": name, "what": "It ended early", "failed": str(failure)}
        record.update(context=context, commands=list(bench.commands))
    finally:
        shutil.rmtree(directory)
    report.write(name, record)
    if "failed" in record:
        print(f"  FAILED: {record['failed']}")
        return False
    for subject in record["subjects"]:
        print(f"  {subject['name']:34} {report.number(subject['median']):>10} {record['unit']}"
              f"  ({report.number(subject['low'])} to {report.number(subject['high'])})"
              f"  {report.details(subject)}")
    for entry in record["ratios"]:
        print(f"  {entry['of']} / {entry['to']}: {report.number(entry['median'])} "
              f"({report.number(entry['low'])} to {report.number(entry['high'])})"
              f"  {' '.join(report.verdict(entry))}")
    for entry in record["limits"]:
        print(f"  {entry['of']}: {report.number(entry['value'])} {record['unit']}"
              f"  {' '.join(report.verdict(entry))}")
    for note in record["notes"]:
        print(f"  {note}")
    return all(entry.get("met", True) for entry in record["ratios"] + record["limits"])


def main():
    chosen = options()
    # the harness itself stays off the server's cores
    os.sched_setaffinity(0, cores(chosen.load_cpus))
    well = [measure(name, chosen) for name in chosen.measure or MEASURES]
    print("benchmarks/results/README.md has the tables and plots of all that has been measured")
    return 0 if all(well) else 1


if __name__ == "__main__":
    sys.exit(main())
