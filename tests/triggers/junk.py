"""Junk in real payloads."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

_JUNK: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from([[], {}, [{}], [None], {"a": 1}, "1e9999", "\x00", 10**400, "9" * 3000])
)


def mutated(body: bytes, data: st.DataObject) -> bytes:
    """The JSON ``body`` with something else in one place of it."""
    value = json.loads(body)
    here: Any = value
    while True:
        steps = sorted(here) if isinstance(here, dict) else range(len(here))
        step = data.draw(st.sampled_from(steps))
        deeper = isinstance(here[step], dict | list) and here[step]
        if not deeper or data.draw(st.booleans()):
            here[step] = data.draw(_JUNK)
            return json.dumps(value).encode()
        here = here[step]
