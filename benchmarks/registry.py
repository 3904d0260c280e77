"""Every measure, once: the list, the run and the table of targets are made of this."""

from collections import namedtuple

import curves
import hashes
import overload
import pools
import postgres
import reads
import resting
import sip
import sizes
import soak
import writes

# name: of the command line and the files; work and compared: as the table of targets says them; function:
# measures and gives a Result; default: whether it is run when none is named
Measure = namedtuple("Measure", "name work compared function default", defaults=[True])

MEASURES = {measure.name: measure for measure in (
    Measure("post_numbers", "POST /phone_numbers, durable, 32 connections", "FastAPI peer, same run",
            writes.post_numbers),
    Measure("post_numbers_128", "the same, 128 connections", "a loop of SQLite group commits of the same rows",
            writes.post_numbers_128),
    Measure("lonely", "the same, one connection", "a SQLite commit of the same rows, in a loop", writes.lonely),
    Measure("get_number", "GET /phone_numbers/{id}, authenticated, from the database",
            "nginx answering a constant, same cores", reads.get_number),
    Measure("logins", "POST /auth/login, bcrypt cost 12", "cores divided by the hash's own time", hashes.logins),
    Measure("login_storm", "99th percentile of GET during a storm of logins", "without the storm",
            reads.login_storm),
    Measure("database_size", "creates and reads with 10 million numbers", "with 10,000", sizes.database_size),
    Measure("memory_at_rest", "memory at rest", "FastAPI peer", resting.memory_at_rest),
    Measure("start_to_ready", "start to ready", "FastAPI peer", resting.start_to_ready),
    Measure("number_pool", "a pool of 10 million numbers: making it, searching it", "", pools.number_pool),
    Measure("overload", "four times the load that it can do", "", overload.overload),
    Measure("postgresql", "creates and reads on PostgreSQL", "SQLite; pgbench doing the same inserts",
            postgres.postgresql),
    Measure("by_connections", "throughput and latency, 1 to 128 connections", "FastAPI peer",
            curves.by_connections),
    Measure("sip_register", "REGISTER with digest, bindings durable, per CPU second",
            "Kamailio, usrloc with db_mode 1 on SQLite or PostgreSQL", sip.sip_register),
    Measure("sip_calls", "calls set up and ended as a back-to-back user agent with a durable record, per CPU second",
            "Kamailio, stateful proxy, acc to a database", sip.sip_calls),
    Measure("sip_memory", "memory of 10,000 registered devices and 1,000 calls in progress", "", sip.sip_memory),
    Measure("sip_junk", "time added to the set-up of calls beside 50,000 datagrams of junk a second", "without junk",
            sip.sip_junk),
    Measure("soak", "mixed load for 20 minutes: nothing grows", "", soak.soak, False),
)}
