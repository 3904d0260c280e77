"""What the conftest.py of each folder of tests needs so that they run on either database: it imports these."""

import pytest

from . import database


# The tests that are about SQLite's file itself and run on SQLite alone; all others run on either database.
SQLITE_ALONE = {
    "test_legacy.py": "a file of the original program is opened",
    "test_migrate_database.py": "it has both databases, whichever the run has",
    "test_busy.py::test_a_database_that_is_away": "the file is renamed (see test_postgres.py)",
    "test_busy.py::test_a_disk_that_takes_nothing": "the file's size is limited (see test_postgres.py)",
    "test_every_route.py::test_a_database_that_is_away": "the file is renamed (see test_postgres.py)",
    "test_settings.py::test_the_env_file": "the .env file names a file",
    "test_settings.py::test_the_database_is_for_its_owner_alone": "the file's mode",
    "test_settings.py::test_what_the_database_is_set_to": "SQLite's own settings",
    "test_settings.py::test_an_absolute_database_url": "the path of a file",
    "test_settings.py::test_an_empty_value_in_the_environment_is_none": "an empty DATABASE_URL is the default, a file",
    "test_stop.py::test_the_write_ahead_log_is_copied": "the write-ahead log",
    # of tests/fault
    "test_disk_full.py": "the file's disk is full (see test_postgres.py)",
    "test_hang.py::test_a_slow_disk_is_not_taken_for_a_hang": "the file's disk is slow",
}


def add_markers(config):
    """Makes @pytest.mark.sqlite, @pytest.mark.postgresql and @pytest.mark.long known."""
    config.addinivalue_line("markers", "long: takes ten seconds or more, most of which it waits")
    for engine in database.ENGINES:
        config.addinivalue_line("markers", f"{engine}: of this database alone; left out when it is another")


def pytest_collection_modifyitems(items):
    """Leaves out the tests of the other engine. They are not deselected: the gate at the end counts without them."""
    others = [engine for engine in database.ENGINES if engine != database.ENGINE]
    items[:] = [item for item in items if not any(item.get_closest_marker(other) for other in others)]
    if database.ENGINE != "sqlite":
        items[:] = [item for item in items if not _is_sqlites(item)]
    _spread(items)


def _spread(items):
    """The long ones evenly over the first half: workers are given many tests in a row, and none is to end with one."""
    long = [item for item in items if item.get_closest_marker("long")]
    rest = [item for item in items if not item.get_closest_marker("long")]
    step = len(rest) // (2 * len(long)) if long else 0
    items[:] = []
    for index, item in enumerate(long):
        items += [*rest[index * step:(index + 1) * step], item]
    items += rest[len(long) * step:]


def _is_sqlites(item):
    return item.path.name in SQLITE_ALONE or f"{item.path.name}::{item.originalname}" in SQLITE_ALONE


@pytest.fixture(autouse=True)
def drop_databases(request):
    """Removes the databases of a test's own folders when it has ended."""
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    if folder is not None:
        database.drop_under(folder)
