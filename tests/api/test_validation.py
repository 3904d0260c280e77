"""422: what is wrong with a body, in FastAPI's shape and pydantic's words, all of it at once."""

import json

import pytest

from support.people import Account, fresh_name
from support.wire import ask, head_of

MISSING = "Field required"
NO_STRING = "Input should be a valid string"
NO_OBJECT = {"detail": [{
    "type": "model_attributes_type", "loc": ["body"],
    "msg": "Input should be a valid dictionary or object to extract fields from"}]}
NO_BODY = {"detail": [{"type": "missing", "loc": ["body"], "msg": MISSING}]}

GOOD_PASSWORD = "a good password"


def missing(*names):
    return [{"type": "missing", "loc": ["body", name], "msg": MISSING} for name in names]


def no_string(*names):
    return [{"type": "string_type", "loc": ["body", name], "msg": NO_STRING} for name in names]


def too_short(name, least):
    return [{"type": "string_too_short", "loc": ["body", name], "ctx": {"min_length": least},
             "msg": f"String should have at least {least} character{'s' if least > 1 else ''}"}]


def post(client, body, path="/auth/register"):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(path, data=data, headers={"Content-Type": "application/json"})


def in_order(faults):
    return sorted(faults, key=lambda fault: fault["loc"])


@pytest.mark.parametrize("body, faults", [
    ({"username": 5}, no_string("username") + missing("password")),
    ({}, missing("username", "password")),
    ({"username": "x"}, missing("password")),
    ({"password": GOOD_PASSWORD}, missing("username")),
    ({"Username": "x", "PASSWORD": GOOD_PASSWORD}, missing("username", "password")),
    ({"username": None, "password": None}, no_string("username", "password")),
    ({"username": True, "password": 1.5}, no_string("username", "password")),
    ({"username": [], "password": {}}, no_string("username", "password")),
    ({"username": ["x"], "password": {"x": "y"}}, no_string("username", "password")),
    ({"username": "", "password": ""}, too_short("username", 1) + too_short("password", 8)),
    ({"username": "", "password": 5}, too_short("username", 1) + no_string("password")),
    ({"username": "x", "password": "1234567"}, too_short("password", 8)),
    ({"username": "x", "password": "ééé"}, too_short("password", 8)),
])
def test_all_faults_of_register_at_once(client, body, faults):
    reply = post(client, body)
    assert reply.status_code == 422
    assert in_order(reply.json()["detail"]) == in_order(faults)


def test_the_order_is_that_of_the_fields(client):
    assert [fault["loc"] for fault in post(client, {}).json()["detail"]] == [["body", "username"], ["body", "password"]]
    assert post(client, {"username": 5}).json() == {"detail": [
        {"type": "string_type", "loc": ["body", "username"], "msg": NO_STRING},
        {"type": "missing", "loc": ["body", "password"], "msg": MISSING}]}


@pytest.mark.parametrize("name", ["x" * 65, "ü" * 65, "😀" * 65, "x" * 60000])
def test_names_that_are_too_long(client, name):
    reply = post(client, {"username": name, "password": GOOD_PASSWORD})
    assert reply.status_code == 422
    assert reply.json() == {"detail": [{
        "type": "string_too_long", "loc": ["body", "username"],
        "msg": "String should have at most 64 characters", "ctx": {"max_length": 64}}]}


@pytest.mark.parametrize("name", ["a\nb", "\0", "a\0", "\u007f", "\u0085", "a\u009fb", "\t", "\u001b[2J"])
def test_names_with_control_characters(client, name):
    reply = post(client, {"username": name, "password": GOOD_PASSWORD})
    assert reply.status_code == 422
    fault, = reply.json()["detail"]
    assert fault["type"] == "string_pattern_mismatch"
    assert fault["loc"] == ["body", "username"]
    assert fault["msg"] == f"String should match pattern '{fault['ctx']['pattern']}'"


@pytest.mark.parametrize("password", ["x" * 1025, "é" * 513, "x" * 60000])
def test_passwords_that_are_too_long(client, password):
    reply = post(client, {"username": fresh_name(), "password": password})
    assert reply.status_code == 422
    fault, = reply.json()["detail"]
    assert (fault["type"], fault["loc"], fault["ctx"]) == (
        "string_too_long", ["body", "password"], {"max_length": 1024})
    assert password not in reply.text


@pytest.mark.parametrize("body, faults", [
    ({}, missing("phone_number")),
    ({"phone_number": 1234567890}, no_string("phone_number")),
    ({"phone_number": None}, no_string("phone_number")),
    ({"phone_number": ["+1234567890"]}, no_string("phone_number")),
    ({"phone_number": {"phone_number": "+1234567890"}}, no_string("phone_number")),
    ({"number": "+1234567890"}, missing("phone_number")),
])
def test_faults_of_a_number(account, body, faults):
    reply = post(account.client, body, "/phone_numbers")
    assert reply.status_code == 422
    assert reply.json() == {"detail": faults}


@pytest.mark.parametrize("body, faults", [
    ({}, missing("username", "password")),
    ({"username": 5}, no_string("username") + missing("password")),
    ({"username": None, "password": []}, no_string("username", "password")),
])
def test_faults_of_a_login(client, body, faults):
    reply = post(client, body, "/auth/login")
    assert reply.status_code == 422
    assert reply.json() == {"detail": faults}


@pytest.fixture(params=["/auth/register", "/auth/login", "/phone_numbers"])
def anywhere(request, account):
    """Posts bytes to each route that takes a body."""
    def send(body):
        return post(account.client, body, request.param)
    return send


@pytest.mark.parametrize("body", [b"", b" ", b"\r\n\t "])
def test_an_empty_body(anywhere, body):
    reply = anywhere(body)
    assert (reply.status_code, reply.json()) == (422, NO_BODY)


@pytest.mark.parametrize("body", [b"[]", b"[1, 2]", b'"text"', b"5", b"-0.5e3", b"true", b'[{"username": "x"}]', b'""'])
def test_a_body_that_is_no_object(anywhere, body):
    reply = anywhere(body)
    assert (reply.status_code, reply.json()) == (422, NO_OBJECT)


def test_null_is_no_body(anywhere):
    """FastAPI takes null for no body at all."""
    reply = anywhere(b"null")
    assert reply.status_code == 422
    assert reply.json() in (NO_BODY, NO_OBJECT)


BROKEN = {
    "cut": b'{"username": "x", "password": ',
    "a brace": b"{",
    "a closing brace": b"}",
    "a quote": b'"',
    "single quotes": b"{'username': 'x'}",
    "no quotes": b"{username: x}",
    "a comma behind": b'{"username": "x",}',
    "no comma": b'{"username": "x" "password": "y"}',
    "no colon": b'{"username" "x"}',
    "a comment": b'{/* */"username": "x"}',
    "more behind": b'{"username": "x"} {"password": "y"}',
    "a NUL behind": b'{"username": "x"}\0',
    "a word": b"undefined",
    "NaN": b'{"username": NaN}',
    "infinity": b'{"username": -Infinity}',
    "a plus": b'{"username": +1}',
    "a zero in front": b'{"username": 01}',
    "a bare point": b'{"username": .5}',
    "hexadecimal": b'{"username": 0x1F}',
    "an unknown escape": b'{"username": "\\x41"}',
    "a short escape": b'{"username": "\\u41"}',
    "a raw newline in a string": b'{"username": "a\nb"}',
    "a raw NUL in a string": b'{"username": "a\0b"}',
    "a lone high surrogate": b'{"username": "\\ud800", "password": "a good password"}',
    "a lone low surrogate": b'{"username": "\\udc00", "password": "a good password"}',
    "surrogates the wrong way round": b'{"username": "\\udc00\\ud800", "password": "a good password"}',
    "invalid UTF-8": b'{"username": "\xff", "password": "a good password"}',
    "an overlong form": b'{"username": "\xc0\xaf", "password": "a good password"}',
    "a surrogate in UTF-8": b'{"username": "\xed\xa0\x80", "password": "a good password"}',
    "beyond Unicode": b'{"username": "\xf4\x90\x80\x80", "password": "a good password"}',
    "half a character": b'{"username": "\xe2\x82", "password": "a good password"}',
    "UTF-16": '{"username": "x"}'.encode("utf-16"),
    "Latin-1": '{"username": "ü"}'.encode("latin-1"),
    "a byte order mark": b'\xef\xbb\xbf{"username": "x"}',
    "10,000 brackets": b"[" * 10000,
    "10,000 objects": b'{"username":' * 5000,
    "10,000 brackets, closed": b"[" * 10000 + b"]" * 10000,
    "deep in a field": b'{"username": ' + b"[" * 20000 + b"]" * 20000 + b"}",
    "a form": b"username=x&password=y",
    "XML": b"<user><name>x</name></user>",
}


@pytest.mark.parametrize("number", [b"9" * 400, b"1e999", b"-" + b"9" * 400 + b".5E+4000"], ids=["digits", "exponent", "both"])
def test_a_number_of_any_size_is_json(anywhere, number):
    """RFC 8259 sets no limit: as a value it has the wrong type, in a field that nobody knows it does not matter."""
    known = anywhere(b'{"username": ' + number + b', "phone_number": ' + number + b', "password": ' + number + b"}")
    assert {fault["type"] for fault in known.json()["detail"]} == {"string_type"}
    unknown = anywhere(b'{"unknown": ' + number + b"}")
    assert {fault["type"] for fault in unknown.json()["detail"]} == {"missing"}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_json(anywhere, name):
    reply = anywhere(BROKEN[name])
    assert reply.status_code == 422
    fault, = reply.json()["detail"]
    assert fault["type"] == "json_invalid"
    assert fault["msg"] == "JSON decode error"
    place, position = fault["loc"]
    assert place == "body" and 0 <= position <= len(BROKEN[name])
    assert set(fault["ctx"]) == {"error"} and isinstance(fault["ctx"]["error"], str)


@pytest.mark.parametrize("body", [b'{"deep": ' + b"[" * 500 + b"]" * 500 + b"}", b'{"many": [' + b"0," * 20000 + b"0]}",
                                  json.dumps({str(number): number for number in range(4000)}).encode()])
def test_much_that_is_ignored(client, body):
    reply = post(client, body)
    assert reply.status_code == 422
    assert reply.json() == {"detail": missing("username", "password")}


def test_of_a_key_that_comes_twice_the_last_counts(server, client):
    """As in every JSON reader that the original service stood on."""
    first, last = fresh_name(), fresh_name()
    body = f'{{"username": "{first}", "username": "{last}", "password": "{GOOD_PASSWORD}"}}'.encode()
    reply = post(client, body)
    assert reply.status_code == 200
    token = reply.json()["access_token"]
    assert server.client(token).get("/auth/me").json()["username"] == last


def test_escapes_are_read(server, client):
    name = fresh_name()
    body = f'{{"user\\u006eame": "{name} \\ud83d\\ude00 \\"\\\\\\/", "password": "{GOOD_PASSWORD}"}}'.encode()
    token = post(client, body).json()["access_token"]
    assert server.client(token).get("/auth/me").json()["username"] == f'{name} 😀 "\\/'


def test_a_password_is_never_echoed(client):
    for password in ("hunter2-and-more" * 100, 5550001112223):
        for path in ("/auth/register", "/auth/login"):
            reply = post(client, {"username": 5, "password": password}, path)
            assert str(password)[:13] not in reply.text


def test_nothing_of_the_input_is_echoed(anywhere):
    reply = anywhere({"username": {"marker-of-mine": 1}, "phone_number": {"marker-of-mine": 1}})
    assert "marker-of-mine" not in reply.text
    assert "input" not in {key for fault in reply.json()["detail"] for key in fault}


@pytest.mark.parametrize("media_type", [
    None, "", "application/json", "APPLICATION/JSON", "application/json; charset=utf-8", "application/json;charset=UTF-8",
    "application/json ; q=1", "application/json;"])
def test_media_types_of_json(server, media_type):
    body = json.dumps({"username": fresh_name(), "password": GOOD_PASSWORD})
    headers = [f"Content-Length: {len(body)}"] + ([] if media_type is None else [f"Content-Type: {media_type}"])
    reply = ask(server, head_of("POST", "/auth/register", *headers) + body, "POST", "/auth/register", body)
    assert reply.status == 200


@pytest.mark.parametrize("media_type", [
    "text/plain", "text/json", "application/jsonx", "application/jso", "multipart/form-data; boundary=x", "application/xml",
    "application/octet-stream", "x", "application/json, text/plain", "application/x-www-form-urlencodedx", "json"])
@pytest.mark.parametrize("path", ["/auth/register", "/auth/login", "/phone_numbers"])
def test_other_media_types(account, media_type, path):
    body = {"username": fresh_name(), "password": GOOD_PASSWORD, "phone_number": "+1234567890"}
    reply = account.client.post(path, data=json.dumps(body), headers={"Content-Type": media_type})
    assert reply.status_code == 415
    assert "application/json" in reply.json()["detail"]


def test_a_valid_body_stays_valid_after_all_that(server):
    assert Account(server).login().status_code == 200
