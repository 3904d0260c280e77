"""SIP: registering and calling against Kamailio, memory, junk."""

import contextlib
import time

from common import in_turn
from postgres import Cluster
from result import Result
from servers import Failure
from sip_load import Junk, Phones
from sip_servers import Kamailio, KamailioOnPostgres, OursSip, Town

ROUNDS = 3
IN_FLIGHT = 64
DURABLE = ("SQLite in WAL mode with synchronous=FULL, PostgreSQL with fsync and synchronous_commit on: each commit is followed by "
           "fdatasync. ")
# what a bench of junk sends a second, and the least that must have left
JUNK, JUNK_LEAST = 50_000, 0.98
CALLS_BESIDE = 200
SETTLE_S = 3


def kinds(stack, bench, town):
    """The servers that are compared: makers of them by name."""
    cluster = stack.enter_context(Cluster(bench))
    return {OursSip.name: lambda: OursSip(bench, town), Kamailio.name: lambda: Kamailio(bench, town),
            KamailioOnPostgres.name: lambda: KamailioOnPostgres(bench, town, cluster)}


def add(result, name, found, value, **more):
    result.add(name, value, done_per_second=found["rate"], server_us_per_request=found["server_us_per_request"],
               server_cpu_share=found["server_cpu_share"], load_cpu_share=found["load_cpu_share"],
               repeated=found["retransmitted"] + found["repeated"], **more)
    if found["load_cpu_share"] > 0.95:
        result.note(f"The load generator's core was full against {name}; the server's CPU time a piece of work is the same.")


def check_bindings(server, phones, expected):
    """Each REGISTER that was answered is in the database: the numbers of the last of each device add up."""
    count, numbers = server.bindings()
    if count != len(phones) or numbers != expected:
        raise Failure(f"{server.name}: {count} bindings of {len(phones)}, their numbers {numbers} and not {expected}")


def sip_register(bench):
    result = Result("Registering, with digests, per CPU second",
                    f"REGISTER, its 401, REGISTER with the digest, 200, over UDP: 1,000 devices in turn, {IN_FLIGHT} at once. The "
                    "figure is registrations a second of the server's CPU time, that of its database included",
                    "REGISTERs/CPU s",
                    DURABLE + "Every 200 is sent when its binding is in the database (Kamailio: db_mode 1, a commit each; ours: "
                    "group commit); after each round the numbers (CSeq) of all bindings in it are added up and compared with "
                    "what was answered.")
    devices = 1000
    with contextlib.ExitStack() as stack:
        town = Town(bench, devices, 1)
        makers = kinds(stack, bench, town)
        for name in in_turn(bench, *makers, most=ROUNDS):
            with makers[name]() as server:
                server.start()
                with Phones(bench, server, getattr(server, "phones", town.phones)) as phones:
                    phones.do("register", IN_FLIGHT, 0, "fresh")
                    found = phones.measured("register", IN_FLIGHT, bench.seconds, "fresh")
                    # two requests each, and each device's numbers begin at 1
                    check_bindings(server, town.phones, 2 * phones.done)
                add(result, name, found, found["per_cpu_second"], p50_us=found["p50_us"], p99_us=found["p99_us"])
    result.compare(OursSip.name, Kamailio.name, ("at least", 2))
    result.compare(OursSip.name, KamailioOnPostgres.name, ("at least", 2))
    return result


def wait_for_records(server, calls, messages=False):
    """Until every call has its record; with @p messages also until what is written behind that is."""
    until = time.monotonic() + 60
    while (found := server.records()) != (calls, calls):
        if time.monotonic() > until or max(found) > calls:
            raise Failure(f"{server.name}: {calls} calls, but records of {found} (ended, all)")
        time.sleep(0.1)
    if messages and server.name == OursSip.name:
        time.sleep(SETTLE_S)  # the last messages of a call are written 2 s behind its end


def sip_calls(bench):
    result = Result("Calls set up and ended, per CPU second",
                    "INVITE, its challenge, ACK, INVITE with the digest, 180, 200, ACK, BYE, 200, over UDP, both sides of the call "
                    f"in the load: {IN_FLIGHT} calls at once. Ours is a back-to-back user agent that keeps a record, its "
                    "events and the messages of each call; Kamailio is a stateful proxy that writes its accounting of INVITE and "
                    "BYE. The figure is calls a second of the server's CPU time, that of its database included. The time added "
                    "is that from sending the INVITE to its coming at the called side, and from the 200 there to its coming "
                    "back, at half the calls a second that were measured just before, or that a core can do if that is less: a burst is "
                    "taken faster than its records are written", "calls/CPU s",
                    DURABLE + "Kamailio commits two rows a call before it goes on (acc, db_flag). Ours writes behind the call, in "
                    "group commits; the CPU time counts until all is written. After each round the records are counted against "
                    "the calls.")
    with contextlib.ExitStack() as stack:
        town = Town(bench, 400, 200)
        makers = kinds(stack, bench, town)
        for name in in_turn(bench, *makers, most=ROUNDS):
            with makers[name]() as server:
                server.start()
                with Phones(bench, server, getattr(server, "phones", town.phones)) as phones:
                    phones.do("register", IN_FLIGHT, 0, "fresh")
                    phones.done = 0
                    phones.do("calls", 0, IN_FLIGHT, 1)
                    wait_for_records(server, phones.done, messages=True)
                    found = phones.measured("calls", 0, IN_FLIGHT, bench.seconds,
                                            settle=lambda: wait_for_records(server, phones.done, messages=True))
                    rate = min(found["rate"], found["per_cpu_second"])
                    half = phones.do("calls", max(round(rate / 2), 1), 4096, min(bench.seconds, 3))
                    wait_for_records(server, phones.done)
                add(result, name, found, found["per_cpu_second"], added_p50_us=half["p50_us"], added_p99_us=half["p99_us"],
                    repeated_at_half=half["retransmitted"] + half["repeated"])
    result.compare(OursSip.name, Kamailio.name, ("at least", 1.5))
    result.compare(OursSip.name, KamailioOnPostgres.name, ("at least", 1.5))
    for name in makers:
        result.detail_limit(f"{name}: time added to the set-up, 99th percentile at half the rate", name, "added_p99_us", 1000,
                            ("at most", 2) if name == OursSip.name else None, "ms")
    return result


def sip_memory(bench):
    devices, calls = 10_000, 1_000
    result = Result("Memory of bindings and calls",
                    f"The proportional set of the process with {devices:,} devices: none of them registered; all of them; "
                    f"{calls:,} calls in progress beside that. The differences, divided by their number, are a binding's and a "
                    "call's, with all that comes with them: the cache of credentials, nonces, dialogs, timers, records and "
                    "messages under way", "MiB", "As in the other measures of SIP.")
    town = Town(bench, devices, calls)
    for _ in in_turn(bench, OursSip.name, most=2):
        with OursSip(bench, town) as server:
            server.start()
            with Phones(bench, server, town.phones) as phones:
                sizes = [settled_memory(server)]
                phones.do("register", IN_FLIGHT, 0, "fresh")
                check_bindings(server, town.phones, 2 * devices)
                sizes.append(settled_memory(server))
                if phones.do("hold", calls)["up"] != calls:
                    raise Failure(f"of {calls} calls some are not up")
                sizes.append(settled_memory(server))
                phones.do("drop")
                wait_for_records(server, calls)
            for name, size in zip(("cloud-telephony, at rest", "cloud-telephony, registered", "cloud-telephony, calling"), sizes):
                result.add(name, size / 1024)
            result.figure("a binding", (sizes[1] - sizes[0]) / devices, "KiB")
            result.figure("a call in progress", (sizes[2] - sizes[1]) / calls, "KiB")
    return result


def settled_memory(server):
    """KiB, once what was written behind is done."""
    time.sleep(SETTLE_S)
    return server.memory_kib()[1]


def sip_junk(bench):
    result = Result(f"{JUNK:,} datagrams of junk a second beside calls",
                    f"The 99th percentile of the time that the server adds to the set-up of {CALLS_BESIDE} calls a second, alone and "
                    f"beside {JUNK:,} datagrams a second, each from another address that nobody knows: scanners, guessed names, "
                    "calls to expensive numbers, names that look like ours, stray requests and responses, SIP that ends too "
                    "early, bytes of chance. No call may fail, none of the junk may be answered; what the kernel drops for want "
                    "of room is counted", "ms", "As in the other measures of SIP: each call has its record.")
    town = Town(bench, 400, 200)
    for kind in in_turn(bench, "without junk", "with junk", most=ROUNDS):
        with OursSip(bench, town) as server:
            server.start()
            with Phones(bench, server, town.phones) as phones:
                phones.do("register", IN_FLIGHT, 0, "fresh")
                phones.done = 0
                phones.do("calls", CALLS_BESIDE, 1024, 1)
                junk = Junk(bench, server, JUNK, bench.seconds + 1) if kind == "with junk" else None
                time.sleep(0.5)
                cpu = server.cpu_seconds()
                found = phones.do("calls", CALLS_BESIDE, 1024, bench.seconds)
                share = (server.cpu_seconds() - cpu) * 1e6 / found["microseconds"]
                more = {} if junk is None else judged_junk(junk.result())
                wait_for_records(server, phones.done)
            result.add(kind, found["p99_us"] / 1000, p50_us=found["p50_us"], done_per_second=found["done"] * 1e6 / found["microseconds"],
                       server_cpu_share=share, repeated=found["retransmitted"] + found["repeated"], **more)
    result.compare("with junk", "without junk")
    result.detail_limit("junk received a second", "with junk", "junk_per_second", 1, ("at least", JUNK * JUNK_LEAST), "/s")
    result.detail_limit("junk and calls that the kernel dropped, a second", "with junk", "dropped_per_second", 1, None, "/s")
    return result


def judged_junk(found):
    if found["answered"]:
        raise Failure(f"{found['answered']} datagrams of junk were answered")
    seconds = found["microseconds"] / 1e6
    return {"junk_per_second": (found["sent"] - found["dropped"]) / seconds, "dropped_per_second": found["dropped"] / seconds}
