"""What every route refuses in the same way: the routes come from /openapi.json, so a new one is tried as well.
Tokens and scopes are in test_access.py, the limits of requests in test_limits.py."""

import pytest

from support import program, tokens
from support.people import Account
from support.routes import routes
from support.wire import ask, head_of

ALL = routes()


def those_with(status, *more):
    """Routes that document a status."""
    chosen = [route for route in ALL if str(status) in route.operation["responses"] and all(one(route) for one in more)]
    return pytest.mark.parametrize("route", chosen, ids=str)


def has_body(route):
    return "requestBody" in route.operation


@pytest.fixture(scope="module")
def admin(server):
    return Account(server).promote()


@those_with(411, has_body)
def test_a_body_without_a_length(server, admin, route):
    head = head_of(route.method, route.path(1), f"Authorization: Bearer {admin.token}", "Content-Type: application/json")
    assert ask(server, head, route.method, route.path(1)).status == 411


@those_with(413, has_body)
def test_a_body_that_is_too_large(admin, route):
    assert admin.client.request(route.method, route.path(1), data=b" " * 65537).status_code == 413


@those_with(415, has_body)
def test_a_body_of_another_kind(admin, route):
    reply = admin.client.request(route.method, route.path(1), data="<a/>", headers={"Content-Type": "application/xml"})
    assert reply.status_code == 415


@those_with(422, has_body)
def test_a_body_that_is_no_object(admin, route):
    for text in (b"", b"[]", b"1", b"null", b"{", b'{"a": 1,}'):
        reply = admin.client.request(route.method, route.path(1), data=text, headers={"Content-Type": "application/json"})
        assert reply.status_code == 422, text
        assert {fault["loc"][0] for fault in reply.json()["detail"]} == {"body"}


@those_with(422, lambda route: route.has_id)
def test_an_id_that_is_none(admin, route):
    name = route.template.partition("{")[2].partition("}")[0]
    for number in ("x", "1.5", "9" * 30, "%00"):
        reply = admin.client.request(route.method, route.path(number), json=route.example)
        assert reply.status_code == 422, number
        assert ["path", name] in [fault["loc"] for fault in reply.json()["detail"]]


@those_with(422, lambda route: any(one["name"] == "limit" for one in route.operation.get("parameters", [])))
def test_a_page_that_is_none(admin, route):
    reply = admin.client.request(route.method, route.path(1), params={"limit": "0"})
    assert reply.status_code == 422
    assert [fault["loc"] for fault in reply.json()["detail"]] == [["query", "limit"]]
    reply = admin.client.request(route.method, route.path(1), params={"after": "nonsense"})
    assert reply.status_code == 422
    assert [fault["loc"] for fault in reply.json()["detail"]] == [["query", "after"]]


def test_a_database_that_is_away(launch):
    """Each thread opens the database when it first needs it: until then it can be hidden from all but the one
    that looks after /readyz."""
    server = launch(errors=True)
    client = server.client(tokens.sign(tokens.claims_of(1), program.SECRET_KEY))
    hidden = server.folder / "hidden"
    server.database.rename(hidden)
    for route in ALL:
        if "503" in route.operation["responses"] and route.template != "/readyz":
            reply = client.request(route.method, route.path(1), json=route.example)
            assert (reply.status_code, reply.headers.get("Retry-After")) == (503, "1"), str(route)
            assert reply.json()["detail"].endswith("again")
    hidden.rename(server.database)
