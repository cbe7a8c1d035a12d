"""Who buys at the sample shop, where they live, and what is on its shelves. All of it invented.

Telephone numbers are from ranges that are kept for fiction (NANPA 555-0100 to 0199; Ofcom
+44 7700 900xxx; ARCEP +33 6 39 98; Bundesnetzagentur +49 30 23125xxx); mail addresses and web
pages are in the domains that RFC 2606 reserves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place that the shop sends to. ``weight``: its share of the customers, of 20.

    ``transit`` is the least and most days that a parcel takes; ``phone`` the beginning of its
    telephone numbers, to be filled up with ``digits`` digits (None: nobody here gave one).
    """

    country: str
    zone: str
    locale: str
    weight: int
    transit: tuple[int, int]
    carrier: str
    names: str
    phone: str | None = None
    digits: int = 2


PLACES = (
    Place(country="US", zone="America/Chicago", locale="en-US", weight=5, transit=(2, 4),
          carrier="UPS", names="en", phone="+150455501"),
    Place(country="US", zone="America/New_York", locale="en-US", weight=3, transit=(2, 5),
          carrier="UPS", names="en", phone="+121255501"),
    Place(country="US", zone="America/Los_Angeles", locale="en-US", weight=2, transit=(3, 5),
          carrier="USPS", names="en", phone="+120655501"),
    Place(country="CA", zone="America/Toronto", locale="en-CA", weight=2, transit=(4, 7),
          carrier="Canada Post", names="en", phone="+141655501"),
    Place(country="GB", zone="Europe/London", locale="en-GB", weight=2, transit=(5, 8),
          carrier="Royal Mail", names="en", phone="+447700900", digits=3),
    Place(country="DE", zone="Europe/Berlin", locale="de-DE", weight=2, transit=(5, 9),
          carrier="DHL", names="de", phone="+493023125", digits=3),
    Place(country="AT", zone="Europe/Vienna", locale="de-AT", weight=2, transit=(5, 9),
          carrier="Post AG", names="de"),
    Place(country="FR", zone="Europe/Paris", locale="fr-FR", weight=1, transit=(5, 8),
          carrier="Colissimo", names="fr", phone="+3363998", digits=4),
    Place(country="AU", zone="Australia/Sydney", locale="en-AU", weight=1, transit=(7, 11),
          carrier="Australia Post", names="en"),
)  # fmt: skip

FIRST_NAMES = {
    "en": [
        "Ada",
        "Beau",
        "Celeste",
        "Dorian",
        "Elodie",
        "Felix",
        "Grace",
        "Hugo",
        "Imani",
        "Jude",
        "Leona",
        "Marcus",
        "Nora",
        "Otis",
        "Pearl",
        "Quentin",
        "Rosa",
        "Silas",
        "Thea",
        "Wade",
    ],
    "de": [
        "Anna",
        "Bernd",
        "Clara",
        "Dieter",
        "Emilia",
        "Franz",
        "Greta",
        "Hannes",
        "Ida",
        "Jonas",
        "Katharina",
        "Lukas",
    ],
    "fr": ["Aurélie", "Bastien", "Camille", "Denis", "Élise", "Fabien", "Hélène", "Julien"],
}
LAST_NAMES = {
    "en": [
        "Abbott",
        "Broussard",
        "Carver",
        "Delacroix",
        "Ellis",
        "Fontenot",
        "Guidry",
        "Hebert",
        "Landry",
        "Mercer",
        "Nash",
        "Ortiz",
        "Prejean",
        "Robichaux",
        "Sinclair",
        "Thibodeaux",
        "Vance",
        "Whitfield",
    ],
    "de": [
        "Adler",
        "Bauer",
        "Cerny",
        "Eder",
        "Fuchs",
        "Gruber",
        "Huber",
        "Köhler",
        "Lang",
        "Müller",
        "Ortner",
        "Steiner",
    ],
    "fr": ["Arnaud", "Blanc", "Chevalier", "Dubois", "Fournier", "Girard", "Lefèvre", "Moreau"],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """Something on the shelf; ``price`` is of one piece, in US dollars."""

    id: str
    sku: str
    title: str
    price: Decimal

    @property
    def url(self) -> str:
        """Its page in the shop."""
        return f"https://shop.example.com/products/{self.sku.lower()}"


_SHELF = (
    ("CRE-120", "Creole seasoning, 120 g tin", "9.50"),
    ("FIL-060", "Filé powder, 60 g", "8.00"),
    ("CAY-050", "Sun-dried cayenne, 50 g", "6.50"),
    ("PAP-080", "Smoked paprika, 80 g", "7.50"),
    ("TEL-100", "Tellicherry pepper, 100 g", "11.00"),
    ("CIN-040", "Ceylon cinnamon sticks, 40 g", "8.50"),
    ("VAN-003", "Vanilla beans, 3 pieces", "14.00"),
    ("THY-030", "Wild thyme, 30 g", "5.50"),
    ("COF-500", "Dark roast with chicory, 500 g", "16.50"),
    ("PRA-012", "Pecan pralines, box of 12", "14.50"),
    ("GUM-006", "Gumbo kit for six", "24.00"),
    ("HOT-150", "Pepper sauce, aged in oak, 150 ml", "10.00"),
    ("GRI-001", "Olive wood spice grinder", "38.00"),
    ("POT-001", "Enamel drip pot", "48.00"),
)
CATALOGUE = tuple(
    Product(id=str(8801 + number), sku=sku, title=title, price=Decimal(price))
    for number, (sku, title, price) in enumerate(_SHELF)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One customer. ``id`` is None for those who order as guests."""

    number: int
    id: str | None
    place: Place
    first_name: str
    last_name: str
    email: str
    phone: str | None
    birthday: date | None
    email_status: str | None  # subscribed, pending, or None: never asked
    sms_status: str | None
