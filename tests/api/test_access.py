"""Who may do what, tried on every route of /openapi.json.

The routes come from the document, so a new one is tried as well. What this test cannot know of a route, it
must be taught: how to make an object of somebody else's, and whether the route is for everyone, for a login's
token only, or for administrators. A route that nobody taught it fails.
"""

import functools
import time

import pytest

from support import program, tokens
from support.people import Account
from support.program import SECRET_KEY
from support.routes import Route, World, routes

NOBODYS_ID = 987654321
ALL = routes()

# Open to anybody.
PUBLIC = {
    ("POST", "/auth/register"), ("POST", "/auth/login"), ("GET", "/.well-known/jwks.json"), ("GET", "/healthz"),
    ("GET", "/readyz"), ("GET", "/version"), ("GET", "/metrics"),
}
# With the token of a login only.
SESSION = {
    ("POST", "/auth/refresh"), ("POST", "/auth/logout"), ("POST", "/auth/logout_all"), ("PUT", "/auth/password"),
    ("DELETE", "/auth/me"), ("POST", "/api_keys"), ("GET", "/api_keys"), ("DELETE", "/api_keys/{id}"),
}
# For administrators; what these have an id of belongs to the service, not to one of them.
ADMIN = {
    ("POST", "/number_pools"), ("GET", "/number_pools"), ("DELETE", "/number_pools/{id}"),
    ("POST", "/reserved_numbers"), ("GET", "/reserved_numbers"), ("DELETE", "/reserved_numbers/{id}"),
    ("POST", "/trunks"), ("GET", "/trunks"), ("GET", "/trunks/{id}"), ("PUT", "/trunks/{id}"), ("DELETE", "/trunks/{id}"),
    ("GET", "/users/{id}/call_limits"), ("PUT", "/users/{id}/call_limits"),
    ("GET", "/sip_bans"), ("DELETE", "/sip_bans/{address}"),
}
# What is named is nobody's, in no table, and comes from outside: test_sip_register.py has it.
NO_OBJECT = {("DELETE", "/sip_bans/{address}")}
# With any API key.
NO_SCOPE = {("GET", "/auth/me")}

# How to make something of somebody's for each route with an id: (world, owner) -> id.
OBJECTS = {
    ("GET", "/phone_numbers/{id}"): World.number,
    ("PATCH", "/phone_numbers/{id}"): World.number,
    ("DELETE", "/phone_numbers/{id}"): World.number,
    ("POST", "/phone_numbers/{id}/restore"): World.released,
    ("POST", "/phone_numbers/{id}/transfer"): World.number,
    ("DELETE", "/phone_numbers/{id}/transfer"): World.offered,
    ("POST", "/phone_numbers/{id}/transfer/accept"): World.offered,
    ("DELETE", "/api_keys/{id}"): World.api_key,
    ("GET", "/phone_numbers/{id}/voice"): World.number,
    ("PUT", "/phone_numbers/{id}/voice"): World.number,
    ("GET", "/devices/{id}"): World.device,
    ("PATCH", "/devices/{id}"): World.device,
    ("DELETE", "/devices/{id}"): World.device,
    ("GET", "/calls/{id}"): World.call,
    ("GET", "/calls/{id}/ladder"): World.call,
    ("DELETE", "/calls/{id}"): World.call,
    ("DELETE", "/webhooks/{id}"): World.webhook,
    ("POST", "/webhooks/{id}/test"): World.webhook,
    ("GET", "/webhooks/{id}/deliveries"): World.webhook,
    ("GET", "/webhook_deliveries/{id}"): World.failed_delivery,
    ("POST", "/webhook_deliveries/{id}/replay"): World.failed_delivery,
    ("DELETE", "/number_pools/{id}"): lambda world, _: world.pool()["id"],
    ("DELETE", "/reserved_numbers/{id}"): lambda world, _: world.reserved(),
    ("GET", "/trunks/{id}"): lambda world, _: world.trunk(),
    ("PUT", "/trunks/{id}"): lambda world, _: world.trunk(),
    ("DELETE", "/trunks/{id}"): lambda world, _: world.trunk(),
    ("GET", "/users/{id}/call_limits"): lambda _, owner: owner.id,
    ("PUT", "/users/{id}/call_limits"): lambda _, owner: owner.id,
}
# Bodies that must name something that exists: (world, caller) -> body. Otherwise the document's example does.
BODIES = {
    ("POST", "/phone_numbers/{id}/transfer"): lambda _, caller: {"username": caller.name},
}

LISTS = ("/phone_numbers", "/phone_numbers?status=quarantined", "/phone_number_transfers", "/api_keys", "/audit",
         "/devices", "/calls", "/webhooks")


def choose(*conditions):
    chosen = [route for route in ALL if all(condition(route) for condition in conditions)]
    return pytest.mark.parametrize("route", chosen, ids=str)


def with_id(route):
    return route.has_id and route.key not in NO_OBJECT


def protected(route):
    return not route.is_public


def for_keys(route):
    return not route.is_public and route.key not in SESSION


@pytest.fixture(scope="module")
def world(server):
    return World(server)


@pytest.fixture(scope="module")
def caller(server):
    """A user whose own objects are none of those that are tried."""
    return Account(server)


def make(route, world, owner):
    """An object of the owner's for a route with an id: its id."""
    assert route.key in OBJECTS, f"teach this test how to make something for {route}: OBJECTS in {__file__}"
    return OBJECTS[route.key](world, owner)


def attempt(route, client, number=NOBODYS_ID, body=None, **headers):
    """One request with everything in order but, maybe, who sends it."""
    body = route.example if body is None else body
    options = {} if body is None else {"json": body}
    return client.request(route.method, route.path(number), headers=headers, **options)


@functools.lru_cache(maxsize=None)
def with_key(holder, scopes=("*",)):
    """A client with an API key of an account; the same again for the same scopes."""
    return holder.server.client(holder.key(scopes=list(scopes))["key"])


def pages(client, path):
    items = []
    after = None
    while True:
        reply = client.get(path, params={"limit": 100, **({"after": after} if after else {})})
        assert reply.status_code == 200, reply.text
        items += reply.json()["items"]
        after = reply.json()["next"]
        if after is None:
            return items


def belongings(account):
    """Everything that an account can see of what is its own."""
    found = {path: pages(account.client, path) for path in LISTS}
    for key in found["/api_keys"]:
        del key["last_used_at"], key["last_used_address"]
    return found


def test_the_document_says_who_needs_no_token():
    """A route that is opened to everybody is noticed, and so is one that is gone."""
    assert {route.key for route in ALL if route.is_public} == PUBLIC
    assert (SESSION | ADMIN | NO_SCOPE | set(OBJECTS)) <= {route.key for route in ALL}


def test_there_are_no_scopes_where_no_key_may_come():
    assert {route.key for route in ALL if not route.is_public and not route.scopes} == SESSION | NO_SCOPE


@choose(with_id)
def test_what_belongs_to_another_does_not_exist(world, server, caller, route):
    """The same answer, byte for byte, as for an id that nobody has; and nothing of the other's has changed."""
    owner = Account(server)
    number = make(route, world, owner)
    before = belongings(owner)
    with_key(caller)
    mine = belongings(caller)
    status = 403 if route.key in ADMIN else 404
    bodies = [BODIES[route.key](world, one) for one in (caller, owner)] if route.key in BODIES else [None]
    for client in (caller.client, with_key(caller)):
        if route.key in SESSION and client is not caller.client:
            continue
        for body in bodies:
            for headers in ({}, {"If-Match": "*"}, {"If-Match": '"1"'}):
                reply = attempt(route, client, number, body, **headers)
                assert reply.status_code == status, f"{route}: {reply.text}"
                assert reply.content == attempt(route, client, NOBODYS_ID, body, **headers).content
    assert belongings(owner) == before
    assert belongings(caller) == mine


@choose(with_id)
def test_its_owner_can_do_what_others_cannot(world, server, route):
    """Otherwise the test above would prove nothing: the request is right but for who sends it."""
    owner = Account(server)
    number = make(route, world, owner)
    sender = owner
    if route.key in ADMIN:
        sender = world.admin
    elif route.template.endswith("/accept"):
        sender = world.other
    body = BODIES[route.key](world, world.other) if route.key in BODIES else None
    reply = attempt(route, sender.client, number, body)
    assert reply.status_code < 300, f"{route}: {reply.text}"


def with_revoked_session(server, _):
    account = Account(server)
    assert account.client.post("/auth/logout").status_code == 204
    return account.token


def with_all_sessions_ended(server, _):
    account = Account(server)
    token = account.login().json()["access_token"]
    assert account.client.post("/auth/logout_all").status_code == 204
    return token


def with_revoked_key(server, caller):
    made = caller.key()
    assert caller.client.delete(f"/api_keys/{made['id']}").status_code == 204
    return made["key"]


def of_deleted_account(server, _, key=False):
    account = Account(server)
    text = account.key()["key"] if key else account.token
    reply = account.client.delete("/auth/me", json={"password": account.password})
    assert reply.status_code == 204, reply.text
    return text


REFUSED = {
    "no token": lambda server, caller: None,
    "garbage": lambda server, caller: "garbage",
    "three parts of garbage": lambda server, caller: "aaaa.bbbb.cccc",
    "another key's token": lambda server, caller: tokens.sign(tokens.claims_of(caller.id), SECRET_KEY[::-1]),
    "an expired token": lambda server, caller: tokens.sign(
        tokens.claims_of(caller.id, exp=int(time.time()) - 5), SECRET_KEY),
    "a token that was logged out": with_revoked_session,
    "a token of an account that logged out everywhere": with_all_sessions_ended,
    "a token of a deleted account": of_deleted_account,
    "an API key that nobody has": lambda server, caller: "ctk_" + "A" * 38,
    "an API key with another end": lambda server, caller: caller.key()["key"][:-1] + "-",
    "an API key that was revoked": with_revoked_key,
    "an API key of a deleted account": lambda server, caller: of_deleted_account(server, caller, key=True),
}


@pytest.fixture(scope="module")
def refused(server, caller):
    """A client for each way of being refused."""
    return {name: server.client(make_token(server, caller)) for name, make_token in REFUSED.items()}


@choose(protected)
@pytest.mark.parametrize("name", REFUSED)
def test_nobody_comes_in(refused, route, name):
    reply = attempt(route, refused[name])
    assert reply.status_code == 401, f"{route}: {reply.text}"
    assert reply.headers["WWW-Authenticate"] == "Bearer"


@choose(for_keys)
def test_a_key_without_the_scope(world, caller, route):
    """403 that names the scope. A key with that scope alone gets further, and so does one with all of them."""
    holder = world.admin if route.key in ADMIN else caller
    for scope in route.scopes:
        others = sorted({one for other in ALL for one in other.scopes} - {scope})
        assert others, "no other scope to try"
        reply = attempt(route, with_key(holder, tuple(others)))
        assert (reply.status_code, reply.json()) == (403, {"detail": f"This API key lacks the scope {scope}"})
    for scopes in (tuple(route.scopes) or ("calls:read",), ("*",)):
        reply = attempt(route, with_key(holder, scopes))
        assert reply.status_code not in (401, 403), f"{route}: {reply.text}"


@choose(lambda route: route.key in SESSION)
def test_no_key_does_what_needs_a_login(server, world, route):
    for holder in (Account(server), world.admin):
        reply = attempt(route, with_key(holder))
        assert (reply.status_code, reply.json()) == (
            403, {"detail": "This needs the token of a login, not an API key"}), str(route)


@choose(for_keys)
def test_administrators_only(server, world, route):
    """A user is refused where the table above says so, and nowhere else."""
    account = Account(server)
    for client in (account.client, with_key(account)):
        reply = attempt(route, client)
        if route.key in ADMIN:
            assert (reply.status_code, reply.json()) == (403, {"detail": "This needs the role admin"}), str(route)
        else:
            assert reply.status_code != 403, f"{route}: {reply.text}"


def test_an_administrator_no_more(server):
    """A role that is taken away is gone at the next request, also from keys."""
    account = Account(server).promote()
    clients = (account.client, with_key(account))
    for client in clients:
        assert client.get("/number_pools").status_code == 200
    done = program.run(["user", "revoke-admin", account.name], server.folder, server.settings)
    assert done.returncode == 0, done.stderr
    for client in clients:
        assert client.get("/number_pools").status_code == 403
        assert client.get("/auth/me").json()["role"] == "user"


def test_the_body_is_judged_last(server, caller):
    """Who may not do it learns nothing of what would be wrong with the rest."""
    reader = with_key(caller, ("numbers:read",))
    for client, status in ((reader, 403), (server.client("garbage"), 401)):
        for options in ({"json": {}}, {"data": b"{", "headers": {"Content-Type": "application/json"}},
                        {"data": b"x", "headers": {"Content-Type": "text/plain"}}):
            assert client.post("/phone_numbers", **options).status_code == status
    for options in ({"json": {}}, {"json": {"name": 5}}):
        assert caller.client.post("/number_pools", **options).status_code == 403


def test_a_route_that_nobody_taught(world, caller):
    """The test above must be able to fail."""
    route = Route("GET", "/recordings/{id}", {"security": [{"bearer": []}]})
    with pytest.raises(AssertionError, match="teach this test"):
        make(route, world, caller)
