"""Many rows in one statement, for both databases, from the schema itself.

SQLite takes ``executemany`` over tuples; PostgreSQL takes one binary array a column through
``unnest``. The statements are built once per table, at import.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Column, Connection, CursorResult, Table
from sqlalchemy.exc import DBAPIError

from engine.storage.arrays import Array, TextArray, array_of

Row = tuple[Any, ...]


def is_postgresql(connection: Connection) -> bool:
    """Whether this connection speaks to PostgreSQL; the only other database is SQLite."""
    return connection.dialect.name == "postgresql"


@dataclass(frozen=True, slots=True)
class _SeldomChange:
    """SQLite's update of the columns that rarely change, of those rows in which they did."""

    sql: str
    _positions: tuple[int, ...]

    @classmethod
    def of(
        cls, table: str, names: Sequence[str], key: Sequence[str], seldom: Sequence[str]
    ) -> _SeldomChange:
        changes = ", ".join(f"{_quote(name)} = ?" for name in seldom)
        where = " AND ".join(f"{_quote(name)} = ?" for name in key)
        differs = " OR ".join(f"{_quote(name)} IS NOT ?" for name in seldom)
        return cls(
            sql=f"UPDATE {table} SET {changes} WHERE {where} AND ({differs})",
            _positions=tuple(names.index(name) for name in (*seldom, *key, *seldom)),
        )

    def parameters(self, rows: list[Row]) -> list[Row]:
        return [tuple([row[i] for i in self._positions]) for row in rows]


@dataclass(frozen=True, slots=True)
class BulkTable:
    """The bulk statements of one table; ``columns`` is the order of every row tuple."""

    columns: tuple[str, ...]
    _arrays: tuple[type[Array], ...]
    _sqlite: dict[str, str]
    _postgresql: dict[str, str]
    _key_positions: tuple[int, ...]
    _seldom: _SeldomChange | None

    @classmethod
    def of(
        cls,
        table: Table,
        *,
        conflict: Sequence[str] | None = None,
        fixed: Collection[str] = (),
        only_if: str | None = None,
        seldom: Sequence[str] = (),
    ) -> BulkTable:
        """Build the statements. A counter column (``seq``) is left to the database.

        ``fixed`` columns never change once a row exists: an upsert leaves them, and with them
        their indexes, alone. ``only_if`` is a condition on the old row (``old``) and the new one
        (``excluded``) without which an upsert leaves the old one. ``seldom`` columns are indexed
        and rarely change: SQLite writes every index of a column that an update names, whether the
        value is another or not, so there they get an update of their own, where it is.
        """
        counted = {c.name for c in table.columns if c.primary_key and c.autoincrement is True}
        columns = tuple(c for c in table.columns if c.name not in counted)
        names = tuple(c.name for c in columns)
        key = tuple(conflict or (c.name for c in table.primary_key.columns))
        into = f"INSERT INTO {table.name} AS old ({', '.join(map(_quote, names))})"
        arrays = tuple(array_of(column) for column in columns)
        on = f"ON CONFLICT ({', '.join(map(_quote, key))})"
        mutable = [name for name in names if name not in key and name not in fixed]
        where = f" WHERE {only_if}" if only_if else ""
        tails = {"insert": "", "keep": f"{on} DO NOTHING"}
        upsert = f"{on} DO UPDATE SET {_assignments(mutable)}{where}"
        often = [name for name in mutable if name not in seldom]
        sqlite_upsert = f"{on} DO UPDATE SET {_assignments(often)}{where}"
        values = f"VALUES ({', '.join('?' * len(names))})"
        unnest = f"SELECT * FROM unnest({', '.join('%b' for _ in columns)})"
        return cls(
            columns=names,
            _arrays=arrays,
            _sqlite={
                verb: f"{into} {values} {tail}"
                for verb, tail in (*tails.items(), ("upsert", sqlite_upsert))
            },
            _postgresql={
                verb: f"{into} {unnest} {tail}"
                for verb, tail in (*tails.items(), ("upsert", upsert))
            },
            _key_positions=tuple(names.index(k) for k in key if k in names),
            _seldom=_SeldomChange.of(table.name, names, key, seldom) if seldom else None,
        )

    def insert(self, connection: Connection, rows: list[Row]) -> None:
        """Add rows whose keys are new; a known key raises ``IntegrityError``."""
        self._run(connection, "insert", rows)

    def keep(self, connection: Connection, rows: list[Row]) -> None:
        """Add rows, leaving those whose key is known as they are."""
        self._run(connection, "keep", rows)

    def upsert(self, connection: Connection, rows: list[Row]) -> None:
        """Add rows, replacing those whose key is known. Of equal keys in ``rows`` the last wins."""
        last = {tuple(row[i] for i in self._key_positions): row for row in rows}
        rows = list(last.values())
        self._run(connection, "upsert", rows)
        if self._seldom is not None and rows and not is_postgresql(connection):
            connection.exec_driver_sql(self._seldom.sql, self._seldom.parameters(rows))

    def _run(self, connection: Connection, verb: str, rows: list[Row]) -> None:
        if not rows:
            return
        if is_postgresql(connection):
            columns = zip(*rows, strict=True)
            arrays = tuple(make(c) for make, c in zip(self._arrays, columns, strict=True))
            connection.exec_driver_sql(self._postgresql[verb], arrays)
        else:
            connection.exec_driver_sql(self._sqlite[verb], rows)


@contextmanager
def pipelined(connection: Connection) -> Iterator[None]:
    """PostgreSQL works on a statement while the rows of the next are made ready.

    For statements of which neither rows nor their number are asked. Errors come at the end.
    """
    if not is_postgresql(connection):
        yield
        return
    with telling_as_others(connection), driver_of(connection).pipeline():
        yield


def driver_of(connection: Connection) -> Any:
    """The driver's own connection."""
    driver = connection.connection.driver_connection
    assert driver is not None
    return driver


@contextmanager
def telling_as_others(connection: Connection) -> Iterator[None]:
    """Raise the driver's errors as SQLAlchemy does, which was passed over."""
    errors = connection.dialect.loaded_dbapi.Error
    try:
        yield
    except errors as error:
        raise DBAPIError.instance(
            None, None, error, errors, hide_parameters=True, dialect=connection.dialect
        ) from error


def update_many(
    connection: Connection,
    table: Table,
    keys: Sequence[str],
    set_columns: Sequence[str],
    rows: list[Row],
    *,
    also: str = "",
    only_if: str = "",
) -> int:
    """``UPDATE`` by key: rows are the values of ``keys``, then those of ``set_columns``.

    ``also`` adds constant changes, ``only_if`` a condition on the row. Returns how many changed.
    """
    if not rows:
        return 0
    condition = f" AND {only_if}" if only_if else ""
    if not is_postgresql(connection):
        changes = [f"{_quote(name)} = ?" for name in set_columns]
        where = " AND ".join(f"{_quote(name)} = ?" for name in keys)
        return connection.exec_driver_sql(
            f"UPDATE {table.name} SET {', '.join([*changes, *filter(None, [also])])}"
            f" WHERE {where}{condition}",
            [(*row[len(keys) :], *row[: len(keys)]) for row in rows],
        ).rowcount
    columns = [table.columns[name] for name in (*keys, *set_columns)]
    names = ", ".join(f"c{i}" for i in range(len(columns)))
    changes = [f"{_quote(name)} = u.c{i}" for i, name in enumerate(set_columns, len(keys))]
    where = " AND ".join(f"{table.name}.{_quote(name)} = u.c{i}" for i, name in enumerate(keys))
    return connection.exec_driver_sql(
        f"UPDATE {table.name} SET {', '.join([*changes, *filter(None, [also])])}"
        f" FROM unnest({', '.join('%b' for _ in columns)}) AS u({names})"
        f" WHERE {where}{condition}",
        _arrays(columns, rows),
    ).rowcount


def delete_many(connection: Connection, table: Table, keys: Sequence[str], rows: list[Row]) -> None:
    """``DELETE`` the rows with these values of the ``keys`` columns."""
    if not rows:
        return
    if not is_postgresql(connection):
        where = " AND ".join(f"{_quote(name)} = ?" for name in keys)
        connection.exec_driver_sql(f"DELETE FROM {table.name} WHERE {where}", rows)
        return
    columns = [table.columns[name] for name in keys]
    where = " AND ".join(f"{table.name}.{_quote(n)} = u.c{i}" for i, n in enumerate(keys))
    names = ", ".join(f"c{i}" for i in range(len(keys)))
    connection.exec_driver_sql(
        f"DELETE FROM {table.name} USING unnest({', '.join('%b' for _ in keys)}) AS u({names})"
        f" WHERE {where}",
        _arrays(columns, rows),
    )


def fetch_any(
    connection: Connection, sql: str, values: Iterable[str], *more: Any
) -> Sequence[Sequence[Any]]:
    """Run a SELECT whose ``{any}`` stands for "is one of ``values``", with one parameter for all.

    ``more`` fills the ``{p}`` placeholders that follow it.
    """
    return _execute_any(connection, sql, values, *more).fetchall()


def execute_any(connection: Connection, sql: str, values: Iterable[str], *more: Any) -> int:
    """``fetch_any`` for statements that change rows; how many they changed."""
    return _execute_any(connection, sql, values, *more).rowcount


def _execute_any(
    connection: Connection, sql: str, values: Iterable[str], *more: Any
) -> CursorResult[Any]:
    query = any_of(connection, sql, values, *more)
    return connection.exec_driver_sql(query.sql, query.parameters)


@dataclass(frozen=True, slots=True)
class Query:
    """A SELECT as the driver takes it."""

    sql: str
    parameters: tuple[Any, ...]


def any_of(connection: Connection, sql: str, values: Iterable[str], *more: Any) -> Query:
    """What ``fetch_any`` runs."""
    if is_postgresql(connection):
        return Query(sql.format(any="= ANY(%b)", p="%s"), (TextArray(list(values)), *more))
    statement = sql.format(any="IN (SELECT value FROM json_each(?))", p="?")
    return Query(statement, (_json_list(values), *more))


def fetch_together(
    connection: Connection, queries: Sequence[Query]
) -> list[Sequence[Sequence[Any]]]:
    """The rows of each; PostgreSQL is asked all at once, and works on them in this order."""
    driver = driver_of(connection)
    with telling_as_others(connection):
        if not is_postgresql(connection):
            return [driver.execute(each.sql, each.parameters).fetchall() for each in queries]
        if not connection.in_transaction():
            connection.begin()
        with driver.pipeline():
            cursors = [driver.execute(each.sql, each.parameters) for each in queries]
        return [cursor.fetchall() for cursor in cursors]


def fetch(connection: Connection, sql: str, *parameters: Any) -> Sequence[Sequence[Any]]:
    """Run a statement whose ``{p}`` placeholders take ``parameters`` in order; its rows."""
    statement = sql.format(p="%s" if is_postgresql(connection) else "?")
    return connection.exec_driver_sql(statement, parameters).fetchall()


def _arrays(columns: Sequence[Column[Any]], rows: list[Row]) -> tuple[Array, ...]:
    values = zip(*rows, strict=True)
    return tuple(array_of(column)(v) for column, v in zip(columns, values, strict=True))


def _assignments(names: Sequence[str]) -> str:
    return ", ".join(f"{_quote(name)} = excluded.{_quote(name)}" for name in names)


def _json_list(values: Iterable[str]) -> str:
    return orjson.dumps(list(values)).decode()


def _quote(name: str) -> str:
    return f'"{name}"'
