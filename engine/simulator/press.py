"""Small bytes for records that look alike: what one shares with earlier ones is told by them.

A record of some hundred bytes holds little that deflate (RFC 1951) could refer back to. So each is
compressed as if a few others stood before it (a preset dictionary, RFC 1950 section 2.2).
"""

from __future__ import annotations

import zlib
from typing import Final

_WINDOW: Final = -13  # 8 KB may be referred to; negative: no header, no checksum
_MEMORY: Final = 6  # of 1 to 9: little has to be made ready for each record
_LEVEL: Final = 4
_FORM: Final = 7_900  # bytes of others that are still in the window as the record begins
_RENEWED: Final = frozenset({4, 32, 256})  # records after which others are better models


class Press:
    """Presses records of one kind, and gives them back. What it gave it cannot forget."""

    def __init__(self) -> None:
        self._forms: list[bytes] = []
        self._latest = b""
        self._count = 0
        self._renew()

    def press(self, record: bytes) -> bytes:
        """A record as few bytes."""
        self._count += 1
        if self._count in _RENEWED:
            self._renew()
        if self._count < max(_RENEWED):
            self._latest = (self._latest + record)[-_FORM:]
        pressing = self._ready.copy()
        return self._mark + pressing.compress(record) + pressing.flush()

    def open(self, pressed: bytes) -> bytes:
        """The record that was pressed."""
        return zlib.decompressobj(_WINDOW, self._forms[pressed[0]]).decompress(pressed[1:])

    def _renew(self) -> None:
        """Take the latest records for models."""
        self._mark = bytes((len(self._forms),))
        self._forms.append(self._latest)
        self._ready = zlib.compressobj(
            _LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, self._latest
        )
