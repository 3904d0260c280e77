"""Memory at rest, start to ready."""

import time

from common import create, in_turn
from load import Load
from result import DURABLE, Result
from servers import FastAPI, Ours


def start_to_ready(bench):
    result = Result("Start to ready", "From exec to the first 200 for GET /healthz, the database exists",
                    "ms")
    with Ours(bench) as ours, FastAPI(bench) as peer:
        for server in ours, peer:
            server.start()
            server.register()
            server.stop()
        for server in in_turn(bench, ours, peer):
            result.add(server.name, server.start() * 1000)
            server.stop()
    result.compare("cloud-telephony", "fastapi", ("at least", 20), inverse=True)
    return result


class OursWithSip(Ours):
    """With the sockets for SIP that it opens by default, at free ports: what the peers have nothing like."""
    name = "cloud-telephony, with SIP"

    def __init__(self, bench):
        super().__init__(bench, SIP_LISTEN="udp:127.0.0.1:0,tcp:127.0.0.1:0,ws:127.0.0.1:0")


def memory_at_rest(bench):
    result = Result("Memory at rest", "Without SIP, as the peer, and with it: resident set after the start, 5 s after "
                    "a burst of creates over 32 connections, and 5 s after a burst of reads, with which ours has loaded "
                    "the numbering plans of the world", "MiB", DURABLE)
    for kind in in_turn(bench, Ours, OursWithSip, FastAPI, most=3):
        with kind(bench) as server:
            server.start()
            token = server.register()
            # the password hash of the registration is over; what it took must be given back
            time.sleep(2)
            resident, proportional = server.memory_kib()
            result.add(server.name, resident / 1024, pss_mib=proportional / 1024)
            create(bench, server, token, 32, 2, 1000000000000)
            time.sleep(5)
            resident, proportional = server.memory_kib()
            result.add(f"{server.name}, after creates", resident / 1024, pss_mib=proportional / 1024)
            Load(bench, server, 32, 2, "get", token, 1, 100).result()
            time.sleep(5)
            resident, proportional = server.memory_kib()
            result.add(f"{server.name}, after reads", resident / 1024, pss_mib=proportional / 1024)
    result.limit("cloud-telephony", max(result.values["cloud-telephony"]), ("at most", 15))
    result.limit("cloud-telephony, after creates",
                 max(result.values["cloud-telephony, after creates"]), ("at most", 15))
    result.limit("cloud-telephony, with SIP", max(result.values["cloud-telephony, with SIP"]), ("at most", 15))
    result.compare("cloud-telephony", "fastapi", ("at least", 5), inverse=True)
    result.compare("cloud-telephony, with SIP", "fastapi", ("at least", 5), inverse=True,
                   why="the peer speaks no SIP: libre and OpenSSL, and what SIP keeps, make the difference")
    return result
