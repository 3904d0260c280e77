"""The checks that stand behind all other tests must be able to fail."""

import copy
import os
import pathlib
import subprocess
import sys

import pytest

from support.contract import Breach, Contract
from support.program import SANITIZER_REPORTS, check_output
from support.record import gaps

DOCUMENT = {
    "openapi": "3.1.0",
    "paths": {
        "/things": {
            "post": {
                "requestBody": {"content": {"application/json": {"schema": {
                    "$ref": "#/components/schemas/Thing"}}}},
                "responses": {
                    "200": {"content": {"application/json": {"schema": {
                        "$ref": "#/components/schemas/Thing"}}}},
                    "401": {"content": {"application/json": {"schema": {}}}},
                    "422": {"content": {"application/json": {"schema": {}}}},
                    "503": {"content": {"application/json": {"schema": {}}}},
                },
            },
        },
        "/things/{id}": {"get": {"responses": {"200": {"content": {"application/json": {"schema": {
            "$ref": "#/components/schemas/Thing"}}}}, "304": {}}}},
        "/versions": {
            "get": {"responses": {"200": {
                "headers": {"ETag": {}, "Idempotent-Replayed": {}},
                "content": {"application/json": {"schema": {}}}}}},
            "delete": {"responses": {"204": {}}},
        },
    },
    "components": {"schemas": {"Thing": {
        "type": "object", "required": ["id"], "additionalProperties": False,
        "properties": {"id": {"type": "integer"}}}}},
}
SEEN = {
    ("POST", "/things", 200, True), ("POST", "/things", 401, True), ("POST", "/things", 503, True),
    ("GET", "/versions", 200, None), ("DELETE", "/versions", 204, None),
    ("POST", "/things", 422, False), ("GET", "/things/{id}", 200, None), ("GET", "/things/{id}", 304, None),
}
HEADERS = {"X-Request-ID": "a", "Content-Type": "application/json"}


def test_a_whole_record_has_no_gaps():
    assert gaps(DOCUMENT, SEEN) == []


def test_a_route_that_nobody_calls_is_a_gap():
    document = copy.deepcopy(DOCUMENT)
    document["paths"]["/doctored"] = {"get": {"responses": {"200": {}}}}
    assert gaps(document, SEEN) == ["GET /doctored: no test calls it"]


def test_a_status_that_nobody_produced_is_a_gap():
    document = copy.deepcopy(DOCUMENT)
    document["paths"]["/things/{id}"]["get"]["responses"]["418"] = {}
    assert gaps(document, SEEN) == ["GET /things/{id}: no test produced 418"]


@pytest.mark.parametrize("missing", sorted(SEEN, key=repr))
def test_no_exchange_can_be_spared(missing):
    assert gaps(DOCUMENT, SEEN - {missing})


def test_a_head_request_does_not_stand_for_a_get():
    seen = SEEN - {("GET", "/things/{id}", 304, None)} | {("HEAD", "/things/{id}", 304, None)}
    assert gaps(DOCUMENT, seen) == ["GET /things/{id}: no test produced 304"]


GOOD_REPLIES = {
    "as documented": ("GET", "/things/1", 200, HEADERS, b'{"id": 1}'),
    "a known method's 405": ("PUT", "/things/1", 405, {**HEADERS, "Allow": "GET"}, b'{"detail": "no"}'),
    "an unknown path": ("GET", "/nothing", 404, HEADERS, b'{"detail": "Not Found"}'),
    "an empty HEAD": ("HEAD", "/things/1", 200, HEADERS, b""),
    "a challenge": ("POST", "/things", 401, {**HEADERS, "WWW-Authenticate": "Bearer"}, b'{"detail": "no"}'),
    "not modified": ("GET", "/things/1", 304, {"X-Request-ID": "a"}, b""),
    "faults": ("POST", "/things", 422, HEADERS,
               b'{"detail": [{"type": "missing", "loc": ["body", "id"], "msg": "Field required"}]}'),
    "a busy server": ("POST", "/things", 503, {**HEADERS, "Retry-After": "1"}, b'{"detail": "busy"}'),
    "a version": ("GET", "/versions", 200, {**HEADERS, "ETag": '"1"'}, b"{}"),
    "an answer again": ("GET", "/versions", 200, {**HEADERS, "ETag": '"1"', "Idempotent-Replayed": "true"}, b"{}"),
    "no content": ("DELETE", "/versions", 204, {"X-Request-ID": "a"}, b""),
    "a limit before the path was known": ("GET", "/nothing", 429, {**HEADERS, "Retry-After": "9"},
                                          b'{"detail": "no"}'),
    "no request at all": (None, None, 400, HEADERS, b'{"detail": "no"}'),
}


@pytest.mark.parametrize("name", GOOD_REPLIES)
def test_a_good_reply_passes(name):
    Contract(DOCUMENT).judge(*GOOD_REPLIES[name])


BAD_REPLIES = {
    "an undocumented status": ("GET", "/things/1", 409, HEADERS, b'{"detail": "no"}'),
    "an undocumented success": ("GET", "/things/1", 201, HEADERS, b'{"id": 1}'),
    "a server error": ("GET", "/things/1", 500, HEADERS, b'{"detail": "no"}'),
    "another media type": ("GET", "/things/1", 200, {**HEADERS, "Content-Type": "text/html"}, b'{"id": 1}'),
    "no media type": ("GET", "/things/1", 200, {"X-Request-ID": "a"}, b'{"id": 1}'),
    "no JSON": ("GET", "/things/1", 200, HEADERS, b'{"id": 1'),
    "a missing field": ("GET", "/things/1", 200, HEADERS, b"{}"),
    "a wrong type": ("GET", "/things/1", 200, HEADERS, b'{"id": "1"}'),
    "a field too many": ("GET", "/things/1", 200, HEADERS, b'{"id": 1, "password": "x"}'),
    "an error page": ("GET", "/nothing", 404, {**HEADERS, "Content-Type": "text/html"}, b"<html>"),
    "an error with more in it": ("GET", "/nothing", 404, HEADERS, b'{"detail": "no", "trace": "x"}'),
    "an error without a sentence": ("GET", "/nothing", 404, HEADERS, b'{"detail": ""}'),
    "a path that nobody documented": ("GET", "/nothing", 200, HEADERS, b"{}"),
    "no X-Request-ID": ("GET", "/things/1", 200, {"Content-Type": "application/json"}, b'{"id": 1}'),
    "no WWW-Authenticate": ("POST", "/things", 401, HEADERS, b'{"detail": "no"}'),
    "no Allow": ("PUT", "/things/1", 405, HEADERS, b'{"detail": "no"}'),
    "a limit that nobody documented": ("GET", "/things/1", 429, {**HEADERS, "Retry-After": "9"},
                                       b'{"detail": "no"}'),
    "a limit without an end": ("GET", "/nothing", 429, HEADERS, b'{"detail": "no"}'),
    "no Retry-After": ("POST", "/things", 503, HEADERS, b'{"detail": "busy"}'),
    "no ETag": ("GET", "/versions", 200, HEADERS, b"{}"),
    "an ETag that nobody documented": ("GET", "/things/1", 200, {**HEADERS, "ETag": '"1"'}, b'{"id": 1}'),
    "a replay that nobody documented": ("GET", "/things/1", 200, {**HEADERS, "Idempotent-Replayed": "true"},
                                        b'{"id": 1}'),
    "an odd replay": ("GET", "/versions", 200, {**HEADERS, "ETag": '"1"', "Idempotent-Replayed": "1"}, b"{}"),
    "a body of no content": ("DELETE", "/versions", 204, {"X-Request-ID": "a"}, b"{}"),
    "a type of no content": ("DELETE", "/versions", 204, HEADERS, b""),
    "a body on HEAD": ("HEAD", "/things/1", 200, HEADERS, b'{"id": 1}'),
    "a fault that echoes": ("POST", "/things", 422, HEADERS,
                            b'{"detail": [{"type": "t", "loc": ["body"], "msg": "m", "input": "x"}]}'),
    "a fault in one sentence": ("POST", "/things", 422, HEADERS, b'{"detail": "no"}'),
    "no fault": ("POST", "/things", 422, HEADERS, b'{"detail": []}'),
}


@pytest.mark.parametrize("name", BAD_REPLIES)
def test_a_bad_reply_is_a_breach(name):
    with pytest.raises(Breach):
        Contract(DOCUMENT).judge(*BAD_REPLIES[name])


def test_the_running_server_is_held_against_its_document(server, client):
    """The same client, given a document that promises something else, objects."""
    doctored = copy.deepcopy(server.contract.document)
    doctored["paths"]["/healthz"]["get"]["responses"]["200"]["content"]["application/json"]["schema"] = {
        "type": "object", "required": ["doctored"]}
    right = server.contract
    server.contract = Contract(doctored)
    try:
        with pytest.raises(Breach, match="doctored"):
            client.get("/healthz")
    finally:
        server.contract = right
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("report", SANITIZER_REPORTS)
def test_a_sanitizer_report_fails(report):
    with pytest.raises(AssertionError):
        check_output(f"==1=={report}: something")


def test_a_secret_in_the_output_fails():
    with pytest.raises(AssertionError):
        check_output('{"event":"request","user":"open sesame"}', {"open sesame"})


def test_a_run_with_gaps_fails():
    """The gate at the end of one harmless test: that is not enough of a suite."""
    here = pathlib.Path(__file__)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist",
         f"{here}::test_a_whole_record_has_no_gaps"],
        env={**os.environ, "CT_API_GATE": "always"}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    assert "POST /auth/register: no test calls it" in done.stdout
