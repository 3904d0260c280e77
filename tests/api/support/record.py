"""The record of every exchange of a run, and the gate that reads it at the end.

Each process of the run keeps its own record and leaves it as a file in one folder; the process that
ends the run merges them. A route of /openapi.json that no test called, or a documented status that
no test produced, is a gap, and a gap fails the run.
"""

import json
import os
import pathlib
import threading


class Record:
    """What one process saw."""

    def __init__(self):
        self._lock = threading.Lock()
        self.exchanges = set()
        self.files = set()
        self.partial = False

    def note(self, method, template, status, body_fits):
        with self._lock:
            self.exchanges.add((method, template, status, body_fits))

    def save(self, folder):
        content = {"exchanges": sorted(self.exchanges, key=repr), "files": sorted(self.files),
                   "partial": self.partial}
        path = pathlib.Path(folder) / f"{os.getpid()}.json"
        path.write_text(json.dumps(content))

    @classmethod
    def merged(cls, folder):
        whole = cls()
        for path in pathlib.Path(folder).glob("*.json"):
            content = json.loads(path.read_text())
            whole.exchanges |= {tuple(exchange) for exchange in content["exchanges"]}
            whole.files |= set(content["files"])
            whole.partial |= content["partial"]
        return whole


RECORD = Record()


def gaps(document, exchanges):
    """What the document promises and no exchange showed: a list of sentences."""
    found = []
    for template, operations in sorted(document["paths"].items()):
        for method, operation in sorted(operations.items()):
            name = f"{method.upper()} {template}"
            seen = {(status, fits) for verb, path, status, fits in exchanges
                    if verb == method.upper() and path == template}
            if not seen:
                found.append(f"{name}: no test calls it")
                continue
            statuses = {str(status) for status, _ in seen}
            found += [f"{name}: no test produced {status}"
                      for status in sorted(operation["responses"]) if status not in statuses]
            if "application/json" in operation.get("requestBody", {}).get("content", {}):
                fitting = {fits for _, fits in seen}
                found += [f"{name}: no test sent a body that {words}"
                          for fits, words in ((True, "fits its schema"), (False, "does not fit its schema"))
                          if fits not in fitting]
    return found
