"""The command line of ./bench."""

import argparse
import os
import shlex
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

import machine
import report
from registry import MEASURES
from servers import Failure, cores

ROOT = Path(__file__).resolve().parent.parent


class Commands(dict):
    """An ordered set."""

    def add(self, command):
        self[command] = True


class Bench:
    """What a measure needs to know."""

    def __init__(self, options, directory):
        self.directory, self.cache = directory, options.directory / "bench-databases"
        self.rounds, self.seconds, self.minutes = options.rounds, options.seconds, options.minutes
        self.server_cpus, self.load_cpus = options.server_cpus, options.load_cpus
        self.program = options.program
        self.commands = Commands()
        self.began = time.monotonic()

    @staticmethod
    def tool(name):
        """A program of ours in C that the shell script has built."""
        return ROOT / "build" / name

    def say(self, text):
        """Progress, where somebody watches."""
        stamp = f"{time.monotonic() - self.began:6.0f} s" if sys.stdout.isatty() else ""
        print(f"{stamp}{text}", flush=True)

    @staticmethod
    def words(command):
        return shlex.join(map(str, command)).replace(str(ROOT), ".")

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
        prog="./bench", description="Measures this program against its peers, writes benchmarks/results/ and prints "
        "the table of targets. Exit status 1 when a run had errors or a target was missed.")
    parser.add_argument("measure", nargs="*", metavar="NAME", help="what to measure (--list); all but soak")
    parser.add_argument("--list", action="store_true", help="show what there is to measure")
    parser.add_argument("--rounds", type=int, default=5, help="how often each subject has its turn (%(default)s)")
    parser.add_argument("--seconds", type=int, default=5, help="of load in a round (%(default)s)")
    parser.add_argument("--minutes", type=float, default=20, help="that soak takes (%(default)s)")
    parser.add_argument("--server-cpus", default=str(here[0]), help="cores of the server, for taskset (%(default)s)")
    parser.add_argument("--load-cpus", default=str(here[-1]), help="cores of the load (%(default)s)")
    parser.add_argument("--program", type=Path, default=ROOT / "build" / "cloud-telephony",
                        help="what to measure (build/cloud-telephony)")
    parser.add_argument("--directory", type=Path, default=ROOT / "build",
                        help="where the databases are, on a disk (build)")
    found = parser.parse_args()
    if found.list:
        for measure in MEASURES.values():
            print(f"{measure.name:18} {measure.work}" + (f"; against {measure.compared}" if measure.compared else ""))
        sys.exit(0)
    for name in found.measure:
        if name not in MEASURES:
            parser.error(f"there is no measure {name}; there are {', '.join(MEASURES)}")
    if found.rounds < 1 or found.seconds < 1:
        parser.error("--rounds and --seconds are 1 or more")
    if found.minutes < 2:
        parser.error("--minutes is 2 or more")
    if cores(found.server_cpus) & cores(found.load_cpus):
        parser.error("server and load need cores of their own; this machine offers "
                     + ",".join(map(str, here)))
    found.program, found.directory = found.program.resolve(), found.directory.resolve()
    if not found.program.exists():
        parser.error(f"{found.program} does not exist")
    return found


def run(measure, chosen):
    """Runs one measure; its record."""
    directory = Path(tempfile.mkdtemp(prefix="bench-", dir=chosen.directory))
    try:
        bench = Bench(chosen, directory)
        context = bench.context()
        if context["file_system"] in ("tmpfs", "ramfs"):
            raise SystemExit("bench: the databases would be in memory, where durability means nothing; "
                             "choose a disk with --directory")
        try:
            record = measure.function(bench).record()
        except Failure as failure:
            record = {"title": measure.work, "what": "It ended early", "failed": str(failure)}
        except Exception as failure:  # pylint: disable=broad-except  # the measures after this one are worth having
            traceback.print_exc()
            output = getattr(failure, "stderr", None) or ""
            record = {"title": measure.work, "what": "It ended early",
                      "failed": f"{type(failure).__name__}: {failure} {output}".strip()}
        record.update(context=context, commands=list(bench.commands))
    finally:
        shutil.rmtree(directory)
    return record


def show(record):
    if "failed" in record:
        print(f"  FAILED: {record['failed']}")
        return
    for subject in record["subjects"]:
        print(f"  {subject['name']:44} {report.number(subject['median']):>10} {record['unit']}"
              f"  ({report.number(subject['low'])} to {report.number(subject['high'])})"
              f"  {report.details(subject)}")
    for row in report.rows_of(record):
        print(f"  {row.what}: {row.measured}  {row.target}  {row.verdict}")
    for note in record["notes"]:
        print(f"  {note}")


def main():
    chosen = options()
    # the harness itself stays off the server's cores
    os.sched_setaffinity(0, cores(chosen.load_cpus))
    began = time.monotonic()
    names = chosen.measure or [name for name, measure in MEASURES.items() if measure.default]
    well = True
    for turn, name in enumerate(names, 1):
        print(f"[{turn}/{len(names)}, {(time.monotonic() - began) / 60:.0f} min] {name}: {MEASURES[name].work}",
              flush=True)
        record = run(MEASURES[name], chosen)
        report.write(name, record, MEASURES)
        show(record)
        well = well and report.is_well(record)
    print("\n" + report.terminal_table(MEASURES))
    print("benchmarks/results/README.md has all that has been measured, with plots")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
