"""Chance without chance: choices that are hashes of what they are about."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Dice:
    """Choices that follow from a seed and a label alone, in whatever order they are asked for."""

    seed: int

    def share(self, *label: object) -> float:
        """A number in [0, 1)."""
        text = "\0".join(str(part) for part in (self.seed, *label)).encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=6).digest()) / (1 << 48)

    def happens(self, chance: float, *label: object) -> bool:
        """Whether something of this chance comes about."""
        return self.share(*label) < chance

    def between(self, least: float, most: float, *label: object) -> float:
        """A number from ``least`` up to ``most``."""
        return least + (most - least) * self.share(*label)

    def pick(self, options: Sequence[T], *label: object) -> T:
        """One of several, each as likely as the others."""
        return options[int(self.share(*label) * len(options))]
