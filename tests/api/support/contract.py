"""What a reply must look like, judged by the program's own /openapi.json."""

import json
import re
from urllib.parse import unquote

from jsonschema import Draft202012Validator, RefResolver

# What people look at, and what is no part of the API that the document describes.
PAGES = ("/", "/docs", "/redoc", "/openapi.json", "/favicon.ico")
ASSETS = "/docs/assets/"

# Answered before a route is known, so no route documents them.
BEFORE_ROUTING = {400, 405, 414, 431}
# The limit of an address, which may come first of all. A route documents it, what is none cannot.
LIMITED = {429}
# Said of a request that is no HTTP/1.1 as this server speaks it (RFC 9110 section 15.6).
NOT_OUR_HTTP = {501, 505}

# Header fields that a successful reply has just where the document says so, or only there.
ALWAYS = ("ETag",)
SOMETIMES = ("Idempotent-Replayed",)

FAULT_KEYS = ({"type", "loc", "msg"}, {"type", "loc", "msg", "ctx"})
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Breach(AssertionError):
    """A reply that the contract does not allow."""


class Contract:
    """One OpenAPI document and what follows from it."""

    def __init__(self, document):
        self.document = document
        self._resolver = RefResolver.from_schema(document)
        self._patterns = []
        for template in document["paths"]:
            pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(template))
            self._patterns.append((template.count("{"), re.compile(pattern), template))
        self._patterns.sort(key=lambda entry: entry[0])

    def template(self, path):
        """The path template that a path belongs to, or None."""
        path = unquote(path)
        for _, pattern, template in self._patterns:
            if pattern.fullmatch(path):
                return template
        return None

    def operation(self, method, template):
        """What the document says of a method on a template, or None."""
        return self.document["paths"].get(template, {}).get(method.lower())

    def errors(self, schema, value):
        """What is wrong with a value by a schema of the document: a list of sentences."""
        validator = Draft202012Validator(schema, resolver=self._resolver)
        return [f"{'/'.join(map(str, error.path)) or 'the value'}: {error.message}"
                for error in validator.iter_errors(value)]

    def body_fits(self, method, template, body):
        """Whether a request body is JSON that fits its schema; None for a route without one."""
        operation = self.operation(method, template) or {}
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" not in content:
            return None
        try:
            value = json.loads(body or b"")
        except (ValueError, RecursionError):
            return False
        return not self.errors(content["application/json"]["schema"], value)

    def judge(self, method, path, status, headers, body):
        """Raises Breach unless the contract allows this reply.

        `path` is None for a request so broken that it has none.
        """
        where = f"{method} {path} -> {status}"
        _require(status < 500 or status == 503 or (path is None and status in NOT_OUR_HTTP), where,
                 "is a server error")
        _judge_headers(where, status, headers)
        media_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if method == "HEAD" or status in (204, 304):
            _require(not body, where, f"has a body of {len(body)} bytes")
            value = None
        elif status >= 400:
            value = _error_value(where, status, media_type, body)
        template = None if path is None else self.template(path)
        if template is None:
            self._judge_unknown(where, path, status)
            return
        if method == "OPTIONS":
            _require(status in {200, 204, 405} | LIMITED, where, "OPTIONS answers 200, 204, 405 or 429")
            return
        operation = self.operation("GET" if method == "HEAD" else method, template)
        if operation is None:
            _require(status in BEFORE_ROUTING | LIMITED, where, "the method is not documented")
            return
        if status in BEFORE_ROUTING and str(status) not in operation["responses"]:
            return
        _require(str(status) in operation["responses"], where, "the status is not documented")
        if status < 300:
            _judge_documented_headers(where, headers, operation["responses"][str(status)].get("headers", {}))
        if method == "HEAD" or status in (204, 304):
            return
        content = operation["responses"][str(status)].get("content", {})
        _require(media_type in content, where, f"the media type {media_type!r} is not documented")
        if media_type == "application/json":
            if status < 400:
                value = _json(where, body)
            wrong = self.errors(content[media_type].get("schema", {}), value)
            _require(not wrong, where, f"the body {body[:500]!r} does not fit: {wrong}")

    def _judge_unknown(self, where, path, status):
        if path is not None and (path in PAGES or path.startswith(ASSETS)):
            _require(status in BEFORE_ROUTING | LIMITED | {200, 204, 304, 307, 404}, where, "is no status of a page")
        else:
            _require(status in BEFORE_ROUTING | LIMITED | NOT_OUR_HTTP | {404, 411, 413}, where,
                     "the path is not documented")


def _require(condition, where, what):
    if not condition:
        raise Breach(f"{where}: {what}")


def _json(where, body):
    try:
        return json.loads(body)
    except ValueError as error:
        raise Breach(f"{where}: the body is no JSON ({error}): {body[:500]!r}") from error


def _judge_headers(where, status, headers):
    _require(REQUEST_ID.fullmatch(headers.get("X-Request-ID", "")), where,
             f"has X-Request-ID {headers.get('X-Request-ID')!r}")
    if status == 204:
        _require("Content-Type" not in headers, where, "has a Content-Type")
    _require(headers.get("Idempotent-Replayed", "true") == "true", where, "has an odd Idempotent-Replayed")
    if status == 401:
        _require(headers.get("WWW-Authenticate") == "Bearer", where, "has no WWW-Authenticate: Bearer")
    if status == 405:
        _require(headers.get("Allow"), where, "has no Allow")
    if status in (429, 503):
        _require(headers.get("Retry-After", "").isdigit(), where, "has no Retry-After")


def _judge_documented_headers(where, headers, documented):
    for name in ALWAYS:
        _require(name in headers or name not in documented, where, f"has no {name}")
    for name in ALWAYS + SOMETIMES:
        _require(name not in headers or name in documented, where, f"has an {name} that is not documented")


def _error_value(where, status, media_type, body):
    _require(media_type == "application/json", where, f"an error in {media_type!r}: {body[:500]!r}")
    value = _json(where, body)
    _require(isinstance(value, dict) and set(value) == {"detail"}, where, f"the error {value!r}")
    detail = value["detail"]
    if status != 422:
        _require(isinstance(detail, str) and detail, where, f"the detail {detail!r} is no sentence")
        return value
    _require(isinstance(detail, list) and detail, where, f"the detail {detail!r} is no list of faults")
    for fault in detail:
        _require(isinstance(fault, dict) and set(fault) in FAULT_KEYS, where, f"the fault {fault!r}")
        _require(all(isinstance(fault[key], str) and fault[key] for key in ("type", "msg"))
                 and isinstance(fault["loc"], list) and fault["loc"]
                 and all(isinstance(step, (str, int)) for step in fault["loc"])
                 and isinstance(fault.get("ctx", {}), dict), where, f"the fault {fault!r}")
    return value
