"""What people look at: /docs, /redoc, their parts, and the document they show."""

import gzip
import json
import re
from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest

from support.people import fresh_name, fresh_number
from support.wire import ask, head_of

PAGES = ["/docs", "/redoc"]


class Links(HTMLParser):
    """Every address that a page makes a browser fetch."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.inline = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.found += [attrs[name] for name in ("src", "href") if attrs.get(name)]
        self.inline += [name for name in attrs if name.startswith("on") or name == "style"]
        if tag == "script" and "src" not in attrs or tag == "style":
            self.inline.append(tag)


def plain(server, path, *headers):
    """GET from a client that takes no compression."""
    return ask(server, head_of("GET", path, *headers), "GET", path)


def parts(server):
    """The addresses of all parts of both pages."""
    found = {urljoin(page, link) for page in PAGES for link in Links(plain(server, page).body.decode()).found}
    return sorted(link for link in found if link.startswith("/docs/assets/"))


def test_the_root_leads_to_the_docs(client):
    reply = client.get("/")
    assert (reply.status_code, reply.headers["Location"]) == (307, "/docs")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_needs_nobody_else(server, client, page):
    reply = client.get(page)
    assert reply.status_code == 200
    assert reply.headers["Content-Type"].lower() == "text/html; charset=utf-8"
    links = Links(reply.text)
    assert links.found and not [link for link in links.found if "//" in link]
    for link in links.found:
        assert client.get(urljoin(page, link)).status_code == 200, link


@pytest.mark.parametrize("page", PAGES)
def test_the_policy_of_a_page_allows_what_is_ours_alone(client, page):
    reply = client.get(page)
    policy = dict(rule.strip().split(" ", 1) for rule in reply.headers["Content-Security-Policy"].split(";") if rule.strip())
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert not [name for name in Links(reply.text).inline if name != "style" or "unsafe-inline" not in policy["style-src"]]


@pytest.mark.parametrize("page", PAGES)
def test_the_parts_of_a_page_are_there(server, client, page):
    kinds = set()
    for link in Links(client.get(page).text).found:
        reply = client.get(urljoin(page, link))
        assert reply.content, link
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        kinds.add(reply.headers["Content-Type"].partition(";")[0])
    assert {"text/javascript", "text/css"} <= kinds or {"application/javascript", "text/css"} <= kinds


def test_the_icon(client):
    reply = client.get("/favicon.ico")
    assert reply.status_code == 200
    assert reply.headers["Content-Type"].startswith("image/")


def test_parts_are_kept_for_a_year_and_pages_are_asked_for(server, client):
    assert len(parts(server)) >= 3
    for part in parts(server):
        cache = client.get(part).headers["Cache-Control"]
        assert "max-age=31536000" in cache and "immutable" in cache
    for page in [*PAGES, "/openapi.json"]:
        assert client.get(page).headers["Cache-Control"] == "no-cache"


def test_compressed_and_plain_are_the_same(server):
    for path in [*PAGES, "/openapi.json", "/favicon.ico", *parts(server)]:
        identity = plain(server, path)
        assert identity.status == 200
        assert "Content-Encoding" not in identity.headers
        assert "accept-encoding" in identity.headers.get("Vary", "").lower()
        for accepted in ("gzip", "deflate, gzip;q=0.8, br", "br , gzip"):
            packed = plain(server, path, f"Accept-Encoding: {accepted}")
            if "Content-Encoding" in packed.headers:
                assert packed.headers["Content-Encoding"] == "gzip"
                assert len(packed.body) < len(identity.body) or path == "/favicon.ico"
                packed.body = gzip.decompress(packed.body)
            assert packed.body == identity.body
        for accepted in ("identity", "br", "gzip;q=0", "gzip; q=0.0", "x-gzipped"):
            refused = plain(server, path, f"Accept-Encoding: {accepted}")
            assert "Content-Encoding" not in refused.headers, accepted
            assert refused.body == identity.body


def test_large_parts_do_travel_compressed(server, client):
    sizes = {part: int(client.head(part).headers["Content-Length"]) for part in parts(server)}
    assert max(sizes.values()) < len(plain(server, max(sizes, key=sizes.get)).body) / 2


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/favicon.ico", "a part"])
def test_not_modified(server, client, path):
    if path == "a part":
        path = parts(server)[0]
    first = client.get(path)
    tag = first.headers["ETag"]
    assert re.fullmatch(r'(W/)?"[^"]+"', tag)
    strong = tag.removeprefix("W/")
    for sent in (tag, strong, f"W/{strong}", "*", f'"other", {tag}', f'{tag} , "other"'):
        for method in ("GET", "HEAD"):
            reply = client.request(method, path, headers={"If-None-Match": sent})
            assert reply.status_code == 304, sent
            assert reply.content == b""
            assert reply.headers["ETag"] == tag
            assert reply.headers["Cache-Control"] == first.headers["Cache-Control"]
    for sent in ('"other"', 'W/"other"', strong.strip('"'), "", f'"x{strong[1:]}'):
        reply = client.get(path, headers={"If-None-Match": sent})
        assert reply.status_code == 200, sent
        assert reply.content == first.content


def test_the_tag_says_what_the_content_is(client):
    tags = [client.get(path).headers["ETag"] for path in ("/docs", "/redoc", "/openapi.json")]
    assert len(set(tags)) == 3


def test_a_tag_means_nothing_for_data(account):
    reply = account.client.get("/phone_numbers", headers={"If-None-Match": "*"})
    assert reply.status_code == 200


# --- the document

def test_the_document_is_openapi(server):
    document = server.contract.document
    assert document["openapi"].startswith("3.1.")
    assert document["info"]["title"] == "Cloud Telephony"
    assert document["info"]["version"]
    for template, operations in document["paths"].items():
        assert template.startswith("/")
        for method, operation in operations.items():
            assert operation["summary"] and operation["operationId"], (method, template)
            assert all(re.fullmatch(r"[1-5]\d\d", status) for status in operation["responses"])
            assert set(re.findall(r"\{(\w+)\}", template)) == {
                one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
    identifiers = [operation["operationId"] for operations in document["paths"].values() for operation in operations.values()]
    assert len(identifiers) == len(set(identifiers))


def test_the_document_has_the_routes_of_the_contract(server):
    routes = {(method, template) for template, operations in server.contract.document["paths"].items() for method in operations}
    assert routes == {
        ("post", "/auth/register"), ("post", "/auth/login"), ("post", "/auth/refresh"), ("post", "/auth/logout"),
        ("post", "/auth/logout_all"), ("get", "/auth/me"), ("delete", "/auth/me"), ("put", "/auth/password"),
        ("get", "/.well-known/jwks.json"), ("post", "/api_keys"), ("get", "/api_keys"), ("delete", "/api_keys/{id}"),
        ("get", "/audit"),
        ("post", "/phone_numbers"), ("get", "/phone_numbers"), ("post", "/phone_numbers/claim"),
        ("get", "/phone_numbers/{id}"), ("patch", "/phone_numbers/{id}"), ("delete", "/phone_numbers/{id}"),
        ("post", "/phone_numbers/{id}/restore"), ("post", "/phone_numbers/{id}/transfer"),
        ("delete", "/phone_numbers/{id}/transfer"), ("post", "/phone_numbers/{id}/transfer/accept"),
        ("get", "/phone_number_transfers"), ("get", "/available_phone_numbers"),
        ("post", "/number_pools"), ("get", "/number_pools"), ("delete", "/number_pools/{id}"),
        ("post", "/reserved_numbers"), ("get", "/reserved_numbers"), ("delete", "/reserved_numbers/{id}"),
        ("post", "/devices"), ("get", "/devices"), ("get", "/devices/{id}"), ("patch", "/devices/{id}"),
        ("delete", "/devices/{id}"), ("get", "/phone_numbers/{id}/voice"), ("put", "/phone_numbers/{id}/voice"),
        ("post", "/trunks"), ("get", "/trunks"), ("get", "/trunks/{id}"), ("put", "/trunks/{id}"), ("delete", "/trunks/{id}"),
        ("get", "/users/{id}/call_limits"), ("put", "/users/{id}/call_limits"),
        ("get", "/sip_bans"), ("delete", "/sip_bans/{address}"),
        ("post", "/calls"), ("get", "/calls"), ("get", "/calls.csv"), ("get", "/calls/{id}"), ("delete", "/calls/{id}"),
        ("get", "/calls/{id}/ladder"),
        ("get", "/events"), ("post", "/webhooks"), ("get", "/webhooks"), ("delete", "/webhooks/{id}"),
        ("post", "/webhooks/{id}/test"), ("get", "/webhooks/{id}/deliveries"), ("get", "/webhook_deliveries/{id}"),
        ("post", "/webhook_deliveries/{id}/replay"),
        ("get", "/healthz"), ("get", "/readyz"), ("get", "/version"), ("get", "/metrics")}


def test_the_document_says_how_to_authorize(server):
    document = server.contract.document
    schemes = document["components"]["securitySchemes"]
    password = [name for name, scheme in schemes.items()
                if scheme["type"] == "oauth2" and scheme["flows"]["password"]["tokenUrl"].lstrip("/") == "auth/login"]
    assert password, "Authorize in /docs needs the password flow"
    for template, operations in document["paths"].items():
        for method, operation in operations.items():
            is_open = template in ("/auth/register", "/auth/login", "/.well-known/jwks.json", "/healthz", "/readyz",
                                    "/version", "/metrics")
            assert bool(operation.get("security")) != is_open, (method, template)
            assert is_open or "401" in operation["responses"]


def test_every_reference_leads_somewhere(server):
    document = server.contract.document

    def walk(value):
        if isinstance(value, dict):
            for key, inner in value.items():
                if key == "$ref":
                    place = document
                    for step in inner.removeprefix("#/").split("/"):
                        place = place[step]
                else:
                    walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)
    walk(document)


def examples_of(media):
    """The examples of a media type object, wherever OpenAPI lets them stand."""
    found = [media["example"]] if "example" in media else []
    return found + [one["value"] for one in media.get("examples", {}).values()]


def test_every_example_fits_its_schema(server):
    contract = server.contract
    count = 0
    for name, schema in contract.document["components"]["schemas"].items():
        for field, inner in schema.get("properties", {}).items():
            for example in inner.get("examples", []):
                assert contract.errors(inner, example) == [], (name, field)
    for template, operations in contract.document["paths"].items():
        for operation in operations.values():
            bodies = [operation["requestBody"]] if "requestBody" in operation else []
            for body in bodies + list(operation["responses"].values()):
                for media in body.get("content", {}).values():
                    for example in examples_of(media):
                        assert contract.errors(media["schema"], example) == [], (template, example)
                        count += 1
    assert count >= 3


def test_the_examples_really_work(launch):
    """As somebody tries them in /docs, from the top."""
    server = launch()
    document = server.contract.document

    def example(template):
        media = document["paths"][template]["post"]["requestBody"]["content"]["application/json"]
        return examples_of(media)[0]

    client = server.client()
    assert client.post("/auth/register", json=example("/auth/register")).status_code == 200
    reply = client.post("/auth/login", json=example("/auth/login"))
    assert reply.status_code == 200
    owner = server.client(reply.json()["access_token"])
    made = owner.post("/phone_numbers", json=example("/phone_numbers"))
    assert made.status_code == 200
    shown = document["paths"]["/phone_numbers"]["post"]["responses"]["200"]["content"]["application/json"]
    assert made.json() in examples_of(shown) or not examples_of(shown)


def test_the_document_follows_the_settings(launch):
    server = launch(PASSWORD_MIN_LENGTH=12)
    schemas = server.contract.document["components"]["schemas"]
    assert "12" in json.dumps([schema for schema in schemas.values() if "password" in schema.get("properties", {})])
    reply = server.client().post("/auth/register", json={"username": fresh_name(), "password": "x" * 11})
    assert reply.status_code == 422


def test_the_document_does_not_describe_itself(server):
    """Pages and the document are for people and tools, not part of the API."""
    assert not {"/", "/docs", "/redoc", "/openapi.json"} & set(server.contract.document["paths"])


def test_numbers_of_the_document_are_those_of_the_server(server, account):
    """A list's limits are not only said but kept."""
    parameters = {one["name"]: one["schema"] for one in
                  server.contract.document["paths"]["/phone_numbers"]["get"]["parameters"]}
    assert (parameters["limit"]["minimum"], parameters["limit"]["maximum"], parameters["limit"]["default"]) == (1, 100, 50)
    account.create(fresh_number())
    for limit in (1, 100):
        assert account.client.get("/phone_numbers", params={"limit": limit}).status_code == 200


def test_each_group_says_what_it_is_for(server):
    tags = server.client().get("/openapi.json").json()["tags"]
    assert {tag["name"] for tag in tags} >= {"Accounts", "Numbers", "Voice", "Events", "Webhooks", "Trunks"}
    assert [tag["name"] for tag in tags if not tag.get("description", "").endswith(".")] == []
