"""One run: three nodes behind HAProxy, a primary and a synchronous standby, clients; then everything breaks once.

    scenario.py FOLDER SEED [--asynchronous | --patroni]

Runs in namespaces of its own (see `run`). Prints what it measured, and with status 1 what is wrong. With
--asynchronous commits do not wait for the standby, which is cut off before the primary is killed: this must be
found out. With --patroni there are three databases under Patroni and etcd, which see for themselves to a new
primary when the machine of the old one is cut off.
"""

import http.client
import json
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "api"))

import history  # noqa: E402
import network  # noqa: E402
from checker import check, longest_gap  # noqa: E402
from history import Row, now  # noqa: E402
from machines import Database, HAProxy, Node, database_url, wait_for  # noqa: E402
from pace import Pace  # noqa: E402
from patroni import Databases  # noqa: E402


HERE = pathlib.Path(__file__).resolve().parent
LANES = 8
SETTLE_SECONDS = 1.5
FAULT_SECONDS = 3
# a lease, and some loops of Patroni
REJOIN_SECONDS = 30
# what the design promises beside the time of a promotion
ALLOWED_NS = 2_000_000_000
# a transaction that does nothing else takes so much less than a node needs to find the new primary
BARE_STEPS = 5
POOL = ("+4989000000", "+4989099999")


class Wrong(Exception):
    """What the run found: sentences."""


def call(target, method, path, body=None, token=None):
    """One request that must succeed; what was answered."""
    connection = http.client.HTTPConnection(target.host, target.port, timeout=30)
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
    reply = connection.getresponse()
    text = reply.read()
    connection.close()
    assert reply.status == 200, f"{method} {path}: {reply.status} {text[:300]}"
    return json.loads(text)


class Scenario:
    def __init__(self, folder, seed, asynchronous):
        self.folder = folder
        self.seed = seed
        self.asynchronous = asynchronous
        self.pace = Pace()
        self.wrong = []

    # --- what there is

    def build(self):
        network.make()
        network.enter("client")
        self.pace.start()
        url = self.build_databases()
        self.nodes = [Node(f"node{number}", self.folder / f"node{number}", url) for number in (1, 2, 3)]
        for node in self.nodes:
            node.start()
        self.haproxy = HAProxy("haproxy", self.folder / "haproxy")
        self.haproxy.start(self.nodes)

    def build_databases(self):
        """Starts what the nodes need; their DATABASE_URL."""
        self.primary, self.standby = (Database(name, self.folder / name) for name in ("db1", "db2"))
        self.primary.make_primary()
        self.standby.follow(self.primary)
        if not self.asynchronous:
            self.primary.wait_for_standby(self.standby)
        return database_url([self.primary, self.standby])

    def people(self):
        """An account for each client, and a pool that all of them claim from."""
        lanes = [{"name": f"lane{turn}", "through": "haproxy", "pause": 0.01, "timeout": 5, "reads": 0.6}
                 for turn in range(LANES)]
        lanes += [{"name": f"probe-{node.name}", "through": node.name, "pause": 0.02, "timeout": 1, "reads": 0.3}
                  for node in self.nodes]
        for lane in lanes:
            lane["token"] = call(self.haproxy, "POST", "/auth/register",
                                 {"username": lane["name"], "password": f"pass-word of {lane['name']}"})["access_token"]
            lane["user"] = call(self.haproxy, "GET", "/auth/me", token=lane["token"])["id"]
        self.nodes[0].command("user", "grant-admin", lanes[0]["name"])
        call(self.haproxy, "POST", "/number_pools", {"name": "pool", "first": POOL[0], "last": POOL[1]}, lanes[0]["token"])
        self.lanes = lanes

    def start_load(self):
        self.history_path = self.folder / "history"
        targets = {one.name: [one.host, one.port] for one in (self.haproxy, *self.nodes)}
        configuration = {"history": str(self.history_path), "seed": self.seed, "targets": targets, "lanes": self.lanes}
        path = self.folder / "load.json"
        path.write_text(json.dumps(configuration))
        self.load = subprocess.Popen([sys.executable, str(HERE / "load.py"), str(path)])
        self.settle()

    def settle(self, seconds=SETTLE_SECONDS):
        time.sleep(seconds)
        assert self.load.poll() is None, "the clients ended"

    # --- what happens

    def kill_node(self):
        node = self.nodes[0]
        begin = now()
        node.kill()
        self.settle(FAULT_SECONDS)
        node.start()
        self.settle()
        end = now()
        return lambda operations: self.judge_gap(f"kill -9 of {node.name}", operations, begin, end, 0, 0)

    def cut_node(self):
        node = self.nodes[1]
        begin = now()
        network.cut(node.name)
        self.settle(FAULT_SECONDS)
        network.heal(node.name)
        self.settle()
        end = now()
        return lambda operations: self.judge_gap(f"partition of {node.name}", operations, begin, end, 0, 0)

    def kill_primary(self):
        return self.fail_over("kill -9")

    def darken_primary(self):
        """The whole machine is gone: nobody is told that its connections have ended. Whoever decides on the
        promotion needs some seconds to find that out."""
        return self.fail_over("power cut", FAULT_SECONDS)

    def fail_over(self, how, seconds=0):
        """The end of the primary, promotion of the standby so many seconds later; that becomes the primary."""
        if self.asynchronous:
            network.cut(self.standby.name)
            self.settle()
        old, new = self.primary, self.standby
        begin = now()
        if seconds:
            network.cut(old.name)
        old.kill()
        self.settle(seconds)
        if self.asynchronous:
            network.heal(new.name)
        new.promote()
        promoted = now()
        bare = self.bare_step(new)
        self.primary, self.standby = new, old
        self.settle(FAULT_SECONDS)
        return self.judge_of_promotion(f"{how} of {old.name}, promotion of {new.name}", begin, promoted, bare)

    def judge_of_promotion(self, what, begin, promoted, bare):
        end = now()

        def judge(operations):
            self.judge_gap(what, operations, begin, end, promoted - begin, bare)
            for node in self.nodes:
                self.judge_first(f"{what}: {node.name}", operations, node, promoted, bare)
        return judge

    def bare_step(self, database):
        """How long (ns) a client needs that does nothing but connect and write."""
        begin = now()
        database.execute("CREATE TABLE bare_step (at integer)")
        database.execute("DROP TABLE bare_step")
        return now() - begin

    def new_standby(self):
        """The machine whose primary was killed comes back with a copy of the new one."""
        begin = now()
        self.standby.forget()
        self.standby.follow(self.primary)
        self.primary.wait_for_standby(self.standby)
        self.settle()
        end = now()
        return lambda operations: self.judge_gap(f"{self.standby.name} as a new standby", operations, begin, end, 0, 0)

    # --- what is made of it

    def say(self, text):
        print(text, flush=True)

    def limit(self, what, took, begin, promotion, bare):
        stalled = self.pace.stalled(begin, begin + took)
        allowed = ALLOWED_NS + promotion + stalled + BARE_STEPS * bare
        self.say(f"  {what} for {took / 1e9:.2f} s (allowed: {allowed / 1e9:.2f} s"
                 + (f", of which {promotion / 1e9:.2f} s are the promotion" if promotion else "") + ")")
        if took > allowed:
            self.wrong.append(f"{what} for {took / 1e9:.2f} s, where {allowed / 1e9:.2f} s are allowed")

    def judge_gap(self, what, operations, begin, end, promotion, bare):
        """Through HAProxy somebody succeeds in writing at least every so often."""
        times = [one.end for one in operations if one.done and one.kind in ("create", "claim") and one.through == "haproxy"]
        took, moment = longest_gap(times, begin, end)
        self.limit(f"{what}: no create through HAProxy", took, moment, promotion, bare)

    def judge_first(self, what, operations, node, promoted, bare):
        times = [one.end for one in operations
                 if one.done and one.kind in ("create", "claim") and one.through == node.name and one.end > promoted]
        if not times:
            self.wrong.append(f"{what} never succeeded again")
            return
        self.limit(f"{what} had no success", min(times) - promoted, promoted, 0, bare)

    def rows(self):
        """All numbers of all accounts, as the API tells them."""
        rows = []
        for lane in self.lanes:
            after = ""
            while after is not None:
                reply = call(self.haproxy, "GET", f"/phone_numbers?limit=100{after}", token=lane["token"])
                rows += [Row(item["id"], item["phone_number"], item["user_id"]) for item in reply["items"]]
                after = f"&after={reply['next']}" if reply["next"] else None
        return rows

    def steps(self):
        if self.asynchronous:
            return (self.kill_primary,)
        return self.kill_node, self.cut_node, self.kill_primary, self.new_standby, self.darken_primary

    def run(self):
        self.build()
        self.people()
        self.start_load()
        judges = []
        for step in self.steps():
            judges.append(step())
        self.load.send_signal(signal.SIGTERM)
        assert self.load.wait(120) == 0, "the clients failed"
        wait_for("everything is there again", lambda: call(self.haproxy, "GET", "/readyz") is not None)
        operations = history.read(self.history_path)
        self.summary(operations)
        for judge in judges:
            judge(operations)
        self.wrong += check(operations, self.rows())
        for node in self.nodes:
            self.look_at(node)
        self.pace.stop()

    def summary(self, operations):
        """What the clients did; a load that was none proves nothing."""
        counts = {kind: sum(1 for one in operations if one.kind == kind and one.done) for kind in history.KINDS}
        again = sum(1 for one in operations if len(one.attempts) > 1)
        unknown = sum(1 for one in operations if one.outcome == "unknown")
        self.say("  acknowledged: " + ", ".join(f"{count} {kind}" for kind, count in counts.items())
                 + f"; {again} sent more than once, {unknown} unknown to the end")
        missing = [kind for kind, count in counts.items() if count < 10]
        if missing or again == 0:
            self.wrong.append(f"the load was none: {missing}, {again} operations sent again")

    def look_at(self, node):
        """A node that nobody killed still runs, and its defects are in its log."""
        if not node.is_running():
            self.wrong.append(f"{node.name} ended by itself:\n{node.output()[-2000:]}")
        for line in node.output().splitlines():
            if '"handler_failed"' in line or "Sanitizer" in line or "runtime error" in line:
                self.wrong.append(f"{node.name}: {line}")


class PatroniScenario(Scenario):
    """The same under Patroni, which decides who is the primary."""

    def build_databases(self):
        self.databases = Databases(self.folder)
        self.databases.start()
        return self.databases.url()

    def steps(self):
        return self.cut_primary, self.rejoin

    def cut_primary(self):
        """A primary that lives on, and that nobody reaches."""
        old = self.cut = self.databases.primary
        begin = now()
        network.cut(old.name)
        new = self.databases.wait_for_primary([one for one in self.databases.members if one is not old])
        promoted = now()
        bare = self.bare_step(new)
        self.settle(FAULT_SECONDS)
        return self.judge_of_promotion(f"partition of the primary {old.name}, election of {new.name}", begin, promoted, bare)

    def rejoin(self):
        """What was cut off comes back, and must not take back what is no longer its own."""
        new = self.databases.wait_for_primary([one for one in self.databases.members if one is not self.cut])
        network.heal(self.cut.name)
        self.settle(REJOIN_SECONDS)
        if not new.is_primary() or self.cut.is_("primary"):
            self.wrong.append(f"{self.cut.name} is back, and {new.name} is not the primary any more")
        self.databases.wait_for_standby()
        self.settle()
        return lambda operations: None


def main():
    folder, seed = pathlib.Path(sys.argv[1]), sys.argv[2]
    if "--patroni" in sys.argv[3:]:
        scenario = PatroniScenario(folder, seed, False)
    else:
        scenario = Scenario(folder, seed, "--asynchronous" in sys.argv[3:])
    scenario.run()
    if scenario.asynchronous:
        lost = sum(1 for sentence in scenario.wrong if sentence.startswith("lost:"))
        print(f"  {lost} operations were found to be lost, as they had to be" if lost else "WRONG: no loss was noticed")
        return 0 if lost else 1
    for sentence in scenario.wrong[:20]:
        print(f"WRONG: {sentence}")
    if len(scenario.wrong) > 20:
        print(f"WRONG: {len(scenario.wrong) - 20} further findings")
    return 1 if scenario.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
