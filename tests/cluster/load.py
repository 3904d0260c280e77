"""Clients that create, claim, read and release numbers, and write down what they did (history.py).

    load.py CONFIGURATION        until SIGTERM; then what is under way is brought to an end

The configuration is JSON: `history` (a file to be written), `seed`, `targets` ({name: [host, port]}), and
`lanes`, a list of {name, through, token, user, pause, timeout, reads}: each a thread with an account of its
own, that does one thing after the other. Every request that changes something has an Idempotency-Key, and is
sent again with the same one for as long as the answer is not clear.
"""

import http.client
import json
import random
import signal
import sys
import threading
import time

from history import Operation, Writer, now

# so long is an answer waited for, over all attempts
GIVE_UP_NS = 60 * 10 ** 9
UNCLEAR = (0, 502, 503, 504)
CLAIMED = "+4989"


class Lane(threading.Thread):
    """One client."""

    def __init__(self, number, words, configuration, writer, ending):
        super().__init__(name=words["name"])
        self.words = words
        self.writer = writer
        self.ending = ending
        self.random = random.Random(f"{configuration['seed']} {words['name']}")
        self.target = configuration["targets"][words["through"]]
        self.prefix = f"+49{30 + number:02}"
        self.count = 0
        self.keys = 0
        self.connection = None
        self.numbers = []  # acknowledged: (id, number, key)
        self.doubtful = []

    def run(self):
        while not self.ending.is_set():
            self.step()
            self.ending.wait(self.words["pause"] * (0.5 + self.random.random()))

    def step(self):
        die = self.random.random()
        if not self.numbers or die > self.words["reads"]:
            self.create() if die < 0.9 else self.claim()
        elif die < 0.04:
            self.release()
        elif die < 0.10:
            self.repeat()
        elif die < 0.25:
            self.look()
        else:
            self.read()

    # --- requests

    def send(self, operation, method, path, body=None):
        """Sends a request until the answer is clear; sets the operation's outcome. What was answered."""
        operation.begin = now()
        deadline = operation.begin + GIVE_UP_NS
        while True:
            begin = now()
            status, reply = self.attempt(method, path, body, operation.key)
            operation.end = now()
            operation.attempts.append([begin, operation.end, status])
            operation.status = status
            if status not in UNCLEAR:
                break
            if operation.end > deadline:
                operation.outcome = "unknown"
                return None
            time.sleep(0.02 + 0.05 * self.random.random())
        operation.outcome = "ok" if 200 <= status < 300 else "refused"
        return json.loads(reply) if status == 200 else None

    def attempt(self, method, path, body, key):
        """One attempt: (status, body), with status 0 when there is no answer."""
        headers = {"Authorization": f"Bearer {self.words['token']}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body)
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection(*self.target, timeout=self.words["timeout"])
            self.connection.request(method, path, body, headers)
            response = self.connection.getresponse()
            reply = response.read()
            if response.will_close:
                self.hang_up()
            return response.status, reply
        except (OSError, http.client.HTTPException):
            self.hang_up()
            return 0, b""

    def hang_up(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def operation(self, kind, key=False, **fields):
        self.keys += 1
        return Operation(kind, 0, 0, "unknown", through=self.words["through"], user=self.words["user"],
                         key=f"{self.name}-{self.keys}" if key else None, **fields)

    # --- operations

    def create(self):
        self.count += 1
        one = self.operation("create", key=True, number=f"{self.prefix}{self.count:07}")
        reply = self.send(one, "POST", "/phone_numbers", {"phone_number": one.number})
        if reply is not None:
            one.id = reply["id"]
            self.numbers.append((one.id, one.number, one.key))
        self.writer.add(one)
        if len(one.attempts) > 1:
            # what was in doubt is looked at more than anything else
            self.look(one.number)

    def claim(self):
        one = self.operation("claim", key=True)
        reply = self.send(one, "POST", "/phone_numbers/claim", {"prefix": CLAIMED, "quantity": 1})
        if reply is not None:
            made, = reply if isinstance(reply, list) else reply["items"]
            one.id, one.number = made["id"], made["phone_number"]
            self.numbers.append((one.id, one.number, one.key))
        self.writer.add(one)

    def repeat(self):
        _, number, key = self.random.choice(self.numbers[-50:])
        one = self.operation("repeat")
        one.key = key
        if number.startswith(CLAIMED):
            reply = self.send(one, "POST", "/phone_numbers/claim", {"prefix": CLAIMED, "quantity": 1})
        else:
            reply = self.send(one, "POST", "/phone_numbers", {"phone_number": number})
        if reply is not None:
            made = reply if isinstance(reply, dict) else reply[0]
            one.id, one.number = made["id"], made["phone_number"]
        self.writer.add(one)

    def release(self):
        number_id, _, _ = self.numbers.pop(self.random.randrange(len(self.numbers)))
        one = self.operation("release", id=number_id)
        self.send(one, "DELETE", f"/phone_numbers/{number_id}")
        if one.status == 404 and len(one.attempts) > 1:
            one.outcome = "ok"  # an attempt before that had no answer did it
        self.writer.add(one)

    def read(self):
        number_id, _, _ = self.numbers[-1] if self.random.random() < 0.5 else self.random.choice(self.numbers)
        one = self.operation("read", id=number_id)
        reply = self.send(one, "GET", f"/phone_numbers/{number_id}")
        if reply is not None:
            one.number = reply["phone_number"]
        self.writer.add(one)

    def look(self, number=None):
        number = number or self.random.choice(self.numbers)[1]
        one = self.operation("look", number=number)
        reply = self.send(one, "GET", f"/phone_numbers?prefix=%2B{number[1:]}")
        if reply is not None:
            one.id = reply["items"][0]["id"] if reply["items"] else None
        self.writer.add(one)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        configuration = json.load(file)
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    writer = Writer(configuration["history"])
    lanes = [Lane(number, words, configuration, writer, ending) for number, words in enumerate(configuration["lanes"])]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    writer.close()


if __name__ == "__main__":
    main()
