"""How many coupon codes there are in a simulation: as told, else as the workspace has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from config.diagnostics import nearest
from engine.apart import apart
from engine.cli.failure import WRONG_USAGE, Failure
from engine.cli.session import Session

if TYPE_CHECKING:
    from datetime import datetime

    from engine.simulator.preparation import Prepared


def pool_sizes(
    session: Session,
    prepared: Prepared,
    given: Sequence[str],
    *,
    since: datetime | None,
    whole: bool,
) -> dict[str, int]:
    """Codes by pool; one that is not named here never runs dry.

    ``given`` is what ``--codes`` says. The workspace's pools count as they stood at ``since``, or
    as they are now without it; ``whole`` is False for a sample of customers, which would leave most
    of their codes to the others.
    """
    named = {one.pool for one in prepared.policy.offers.values() if one.pool is not None}
    told = {pool: _size(pool, text) for pool, text in _pairs(given, named).items()}
    if not named or not whole or not session.has_database(prepared.database_url):
        return told

    def found() -> dict[str, int]:
        from engine.simulator.stock import stock

        with session.records() as records:
            return stock(records.storage.database, since)

    # The database's libraries would be in the way of a simulation, in each of its processes.
    return {pool: size for pool, size in apart(found).items() if pool in named} | told


def _pairs(given: Sequence[str], named: set[str]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for one in given:
        pool, equals, value = one.partition("=")
        if not equals:
            raise Failure(
                f"--codes {one}: write POOL=500, or POOL=FILE.csv", code=WRONG_USAGE
            )  # fmt: skip
        if pool not in named:
            near = nearest(pool, sorted(named))
            hint = f"; did you mean {near}?" if near else ""
            raise Failure(f"--codes {one}: no offer has a pool {pool}{hint}", code=WRONG_USAGE)
        found[pool] = value
    return found


def _size(pool: str, text: str) -> int:
    from engine.services.coupon_pools import read_codes

    if text.isascii() and text.isdigit():
        return int(text)
    try:
        with Path(text).open(encoding="utf-8-sig", newline="") as lines:
            found = read_codes(lines)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise Failure(
            f"--codes {pool}={text}: {text} is no number, and no file that can be read: {why}",
            code=WRONG_USAGE,
        ) from None
    if found.problems:
        line, problem = found.problems[0]
        raise Failure(f"--codes {text}:{line}: {problem}", code=WRONG_USAGE)
    return len(found.codes)
