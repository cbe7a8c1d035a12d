"""What the made-up shop sells, and how long each thing lasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Good:
    """Something on the shelf. ``lasts``: days until regulars need it anew; None: for good."""

    id: str
    title: str
    price: str  # of one piece, in US dollars, as events tell it
    lasts: int | None

    @property
    def url(self) -> str:
        """Its page in the shop."""
        return f"https://shop.example.com/products/{self.id.lower()}"


_SHELF: Final = (
    ("COF-500", "Dark roast with chicory, 500 g", "16.50", 21),
    ("COF-250", "House espresso, 250 g", "10.50", 14),
    ("TEA-100", "Breakfast tea, 100 g", "9.00", 30),
    ("CRE-120", "Creole seasoning, 120 g tin", "9.50", 60),
    ("TEL-100", "Tellicherry pepper, 100 g", "11.00", 75),
    ("PAP-080", "Smoked paprika, 80 g", "7.50", 60),
    ("HOT-150", "Pepper sauce, aged in oak, 150 ml", "10.00", 45),
    ("PRA-012", "Pecan pralines, box of 12", "14.50", None),
    ("GUM-006", "Gumbo kit for six", "24.00", None),
    ("VAN-003", "Vanilla beans, 3 pieces", "14.00", 120),
    ("GRI-001", "Olive wood spice grinder", "38.00", None),
    ("POT-001", "Enamel drip pot", "48.00", None),
)
GOODS: Final = tuple(
    Good(id=key, title=title, price=price, lasts=lasts) for key, title, price, lasts in _SHELF
)
USED_UP: Final = tuple(good for good in GOODS if good.lasts is not None)
