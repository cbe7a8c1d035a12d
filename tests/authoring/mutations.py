"""Random damage to campaign files: of their text, and of the data in them."""

from __future__ import annotations

from random import Random
from typing import Any

import yaml

_WORDS = (
    *("version", "id", "steps", "if", "else", "branch", "split", "delay", "wait_for", "exit"),
    *("trigger", "event", "order.placed", "order.total > 20", "ask.clicked", "customer", "null"),
    *("true", "~", "3d", "-1", "1e999", "99999999999999999999", "10%", "0 9 * * *", "x" * 5000),
    *("order", "[]", "{}", "''", '"\\0"', "日本", "\u202e", "\ud83c\udf75", "a.b.c.d", "size(1)"),
    *("order.total / 0 > 1", "1 ? 2 : 3", "[1].all(x, x > order.total)", "((((1", "'", "${x}"),
)
_MARKS = (*tuple("\n\t :-[]{}&*!|>'\"#%@`,?=\\"), ": ", "- ", "  ", "\r\n", "\x85", "\x00", "<<: ")
_VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 7, 10**30, 0.5, float("nan"), "", " ", [], {}, [[]], [None], {"a": None}),
    *_WORDS,
)


def damaged(source: str, random: Random) -> str:
    """``source`` with one to four things wrong in it, perhaps."""
    for _ in range(random.randint(1, 4)):
        source = _DAMAGE[random.randrange(len(_DAMAGE))](source, random)
    return source


def _delete(source: str, random: Random) -> str:
    start = random.randrange(len(source) + 1)
    return source[:start] + source[start + random.choice((1, 1, 2, 8, 40)) :]


def _insert(source: str, random: Random) -> str:
    at = random.randrange(len(source) + 1)
    return source[:at] + random.choice((*_MARKS, *_WORDS)) + source[at:]


def _lines(source: str, random: Random) -> str:
    lines = source.split("\n")
    one, two = random.randrange(len(lines)), random.randrange(len(lines))
    match random.randrange(4):
        case 0:
            lines[one], lines[two] = lines[two], lines[one]
        case 1:
            lines.insert(two, lines[one])
        case 2:
            del lines[one]
        case _:
            lines[one] = " " * random.randrange(9) + lines[one].lstrip()
    return "\n".join(lines)


def _word(source: str, random: Random) -> str:
    words = source.split(" ")
    words[random.randrange(len(words))] = random.choice((*_WORDS, *words))
    return " ".join(words)


def _data(source: str, random: Random) -> str:
    try:
        data = yaml.safe_load(source)
    except (yaml.YAMLError, ValueError):  # ValueError: a date that is none
        return source
    places = list(_places(data))
    if not places:
        return source
    holder, key = random.choice(places)
    donor, donor_key = random.choice(places)
    match random.randrange(5):
        case 0:
            holder[key] = random.choice(_VALUES)
        case 1 if not _holds(donor[donor_key], holder):
            holder[key] = donor[donor_key]
        case 2 if isinstance(holder, dict):
            holder[random.choice(_WORDS)] = holder.pop(key)
        case 3 if isinstance(holder, dict):
            holder[str(donor_key)] = random.choice(_VALUES)
        case _:
            del holder[key]
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def _places(data: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    seen: set[int] = set()
    queue = [data]
    while queue:
        holder = queue.pop()
        if id(holder) in seen or not isinstance(holder, dict | list):
            continue
        seen.add(id(holder))
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        found += [(holder, key) for key in keys]
        queue += [holder[key] for key in keys]
    return found


def _holds(outer: Any, inner: Any) -> bool:
    return outer is inner or any(
        holder is inner or holder[key] is inner for holder, key in _places(outer)
    )


_DAMAGE = (_delete, _insert, _lines, _word, _data, _data, _data)
