"""Each test's database is real, empty of rows, and its own."""

import pytest
import sqlalchemy as sa

from tests.databases import NewDatabase


def run(url: str, *statements: str) -> object:
    """Run statements in one transaction; the result is the last one's first value."""
    engine = sa.create_engine(url)
    try:
        with engine.begin() as connection:
            results = [connection.execute(sa.text(statement)) for statement in statements]
            return results[-1].scalar() if results[-1].returns_rows else None
    finally:
        engine.dispose()


def test_every_database_answers(new_database: NewDatabase) -> None:
    assert run(new_database(migrated=False), "SELECT 1") == 1


def test_databases_of_one_test_are_separate(new_database: NewDatabase) -> None:
    first, second = new_database(migrated=False), new_database(migrated=False)
    run(first, "CREATE TABLE mark (n INTEGER)")
    with pytest.raises(sa.exc.DatabaseError, match="mark"):
        run(second, "SELECT n FROM mark")


@pytest.mark.parametrize("_again", range(2))
def test_nothing_is_left_by_another_test(new_database: NewDatabase, _again: int) -> None:
    run(new_database(migrated=False), "CREATE TABLE mark (n INTEGER)")


def test_postgresql_is_what_it_says(new_postgresql: NewDatabase) -> None:
    version = run(new_postgresql(migrated=False), "SELECT version()")
    assert str(version).startswith("PostgreSQL")


def test_unicode_survives(new_database: NewDatabase) -> None:
    url = new_database(migrated=False)
    text = "Zoë Ångström 🎁"
    run(url, "CREATE TABLE mark (t VARCHAR(40))", f"INSERT INTO mark VALUES ('{text}')")
    assert run(url, "SELECT t FROM mark") == text
