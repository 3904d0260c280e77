"""An upgrade without downtime: servers of this version go on while a newer one has already added to the schema.

Within a release migrations only add: columns that may be NULL or have a default, tables, indexes. That is made
here as a later version would make it, below a server that runs.
"""

import pytest

from support import program
from support.people import Account, fresh_number

LATER = 900
ADDITIONS = [
    "ALTER TABLE users ADD COLUMN later_note VARCHAR",
    "ALTER TABLE virtual_phone_numbers ADD COLUMN later_route VARCHAR DEFAULT 'none'",
    "ALTER TABLE audit ADD COLUMN later_node VARCHAR",
    "ALTER TABLE idempotency_keys ADD COLUMN later_node VARCHAR",
    "ALTER TABLE pool_blocks ADD COLUMN later_weight BIGINT DEFAULT 1",
    "ALTER TABLE api_keys ADD COLUMN later_limit BIGINT",
    "CREATE TABLE later_things (id BIGINT NOT NULL PRIMARY KEY, user_id BIGINT)",
    "CREATE INDEX ix_virtual_phone_numbers_later_route ON virtual_phone_numbers (later_route, id)",
    f"INSERT INTO schema_migrations (number, what, applied_at) VALUES ({LATER}, 'later', 1)",
]


def day(server, account):
    """A bit of everything; what it left behind."""
    key = f"key-{fresh_number()}"
    number = fresh_number()
    made = [account.client.post("/phone_numbers", json={"phone_number": number}, headers={"Idempotency-Key": key}).json()
            for _ in range(2)]
    assert made[0] == made[1]
    claimed = account.client.post("/phone_numbers/claim", json={"prefix": "+49891", "quantity": 2})
    assert claimed.status_code == 200
    released = claimed.json()[0]["id"]
    assert account.client.delete(f"/phone_numbers/{released}").status_code == 200
    assert account.client.post(f"/phone_numbers/{released}/restore").status_code == 200
    assert account.client.patch(f"/phone_numbers/{made[0]['id']}", json={"friendly_name": "a name"}).status_code == 200
    machine = server.client(account.key()["key"])
    assert machine.get(f"/phone_numbers/{made[0]['id']}").json()["friendly_name"] == "a name"
    assert account.login().status_code == 200
    assert server.client().post("/auth/register", json=account.body).status_code == 409
    return made[0]["id"]


@pytest.fixture
def server(launch):
    return launch()


def test_a_server_goes_on_when_a_newer_one_has_added_to_the_schema(server):
    account = Account(server).promote()
    pool = {"name": "pool", "first": "+498910000", "last": "+498910999"}
    assert account.client.post("/number_pools", json=pool).status_code == 200
    before = day(server, account)  # every statement is prepared
    for statement in ADDITIONS:
        with server.opened() as database:
            database.execute(statement)
    for _ in range(3):
        day(server, account)
    late = Account(server)
    late.create()
    assert account.client.get(f"/phone_numbers/{before}").status_code == 200
    items = account.client.get("/phone_numbers?limit=100").json()["items"]
    assert len(items) == 4 * 3
    with server.opened() as database:
        assert database.execute("SELECT count(*) FROM virtual_phone_numbers WHERE later_route = 'none'").fetchone()[0] == 13
    # but a server of this version that starts now does not know what it would have to know
    done = program.run(["user", "list"], server.folder, server.settings)
    assert done.returncode == 1
    assert "newer" in program.complaint(done)
    with server.opened() as database:
        database.execute("DELETE FROM schema_migrations WHERE number = ?", (LATER,))  # for the check at the end
