"""The shop that the tests of the services work in, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.databases import NewDatabase
from tests.services.house import House


class NewHouse(Protocol):
    """Opens a shop on a database of its own; it is closed after the test."""

    def __call__(self, *campaigns: Mapping[str, Any], **more: Any) -> House: ...


@pytest.fixture
def new_house(new_database: NewDatabase, tmp_path: Path) -> Iterator[NewHouse]:
    yield from _houses(new_database, tmp_path)


@pytest.fixture
def new_postgresql_house(new_postgresql: NewDatabase, tmp_path: Path) -> Iterator[NewHouse]:
    yield from _houses(new_postgresql, tmp_path)


def _houses(new_database: NewDatabase, folder: Path) -> Iterator[NewHouse]:
    houses: list[House] = []

    def new(*campaigns: Mapping[str, Any], **more: Any) -> House:
        workspace = folder / f"shop-{len(houses)}"
        workspace.mkdir()
        houses.append(House(workspace, new_database(), *campaigns, **more))
        return houses[-1]

    yield new
    for house in houses:
        house.close()
