"""What the conftest.py of each folder of tests needs so that they run on either database: it imports these."""

import pytest

from . import database


def add_markers(config):
    """Makes @pytest.mark.sqlite and @pytest.mark.postgresql known."""
    for engine in database.ENGINES:
        config.addinivalue_line("markers", f"{engine}: of this database alone; left out when it is another")


def pytest_collection_modifyitems(items):
    """Leaves out the tests of the other engine. They are not deselected: the gate at the end counts without them."""
    others = [engine for engine in database.ENGINES if engine != database.ENGINE]
    items[:] = [item for item in items if not any(item.get_closest_marker(other) for other in others)]


@pytest.fixture(autouse=True)
def drop_databases(request):
    """Removes the databases of a test's own folders when it has ended."""
    folder = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    if folder is not None:
        database.drop_under(folder)
