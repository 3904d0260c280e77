"""Which database the programs under test have, and the tests' own way into it.

CT_DATABASE=postgresql gives every folder in which the program runs a database of its own on a PostgreSQL that
each process of the run starts when it is first needed (support/postgres.py). Without it, or with `sqlite`, the
program makes its file in that folder, as by default.
"""

import atexit
import contextlib
import functools
import os
import pathlib
import re
import sqlite3
import threading

from .postgres import Postgres

ENGINES = ("sqlite", "postgresql")
ENGINE = os.environ.get("CT_DATABASE") or "sqlite"
assert ENGINE in ENGINES, f"CT_DATABASE is sqlite or postgresql, not {ENGINE}"


@functools.lru_cache(maxsize=None)
def postgres():
    """The PostgreSQL of this process, started at the first call."""
    server = Postgres().__enter__()
    atexit.register(server.close)
    return server


_urls = {}  # by folder
_urls_lock = threading.Lock()


def _url_of(folder):
    folder = pathlib.Path(folder).resolve()
    with _urls_lock:
        if folder not in _urls:
            _urls[folder] = postgres().create()
        return _urls[folder]


def drop_under(folder):
    """Removes the databases of the folders within this one."""
    folder = pathlib.Path(folder).resolve()
    for each in [each for each in _urls if each.is_relative_to(folder)]:
        postgres().drop(_urls.pop(each))


def settings_of(folder):
    """The settings that a program in this folder needs so that it has the database of this run."""
    return {} if ENGINE == "sqlite" else {"DATABASE_URL": _url_of(folder)}


@contextlib.contextmanager
def opened(folder):
    """The database of the program in this folder: an object whose execute(statement, values) is that of
    sqlite3, with `?` for values, on either engine. What was changed is there for others at the end."""
    if ENGINE == "sqlite":
        with contextlib.closing(sqlite3.connect(pathlib.Path(folder) / "cloud_telephony.db", timeout=30)) as database:
            with database:
                yield database
        return
    with opened_at(_url_of(folder)) as database:
        yield database


@contextlib.contextmanager
def opened_at(url):
    """The same of any database on PostgreSQL."""
    import psycopg2
    with contextlib.closing(psycopg2.connect(url)) as connection:
        with connection:
            yield _Connection(connection)


def see_one_state(database):
    """What is read on this connection from here on is of one state, whoever may be writing meanwhile."""
    database.execute("BEGIN" if ENGINE == "sqlite" else "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


class _Connection:
    """As much of sqlite3.Connection as the tests use, over psycopg2."""

    def __init__(self, connection):
        self._connection = connection

    def execute(self, statement, values=()):
        cursor = self._connection.cursor()
        cursor.execute(_with_values(statement), tuple(values))
        return _Rows(cursor)

    def executemany(self, statement, rows):
        from psycopg2.extras import execute_batch
        cursor = self._connection.cursor()
        execute_batch(cursor, _with_values(statement), [tuple(row) for row in rows], page_size=1000)

    def commit(self):
        self._connection.commit()

    def rollback(self):
        self._connection.rollback()


class _Rows:
    """What a statement gave: to be read once."""

    def __init__(self, cursor):
        self._cursor = cursor
        self.rowcount = cursor.rowcount

    def __iter__(self):
        return iter(self.fetchall())

    def fetchall(self):
        return self._cursor.fetchall() if self._cursor.description else []

    def fetchone(self):
        return self._cursor.fetchone() if self._cursor.description else None


def _with_values(statement):
    """A statement with `?` as psycopg2 wants it; no `?` nor `%` is within a text of ours that stays one."""
    return re.sub(r"'[^']*'|\?|%", lambda found: {"?": "%s", "%": "%%"}.get(found[0], found[0].replace("%", "%%")), statement)
