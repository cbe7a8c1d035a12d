"""The words of the referral page, by language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralWording:
    """Sentences to fill in ``{brand}``, ``{name}`` and ``{support}``."""

    invited_by: str
    invited: str
    you_get: str
    name_gets: str
    they_get: str
    button: str
    your_code: str
    how: str
    email_heading: str
    email_about: str
    email_label: str
    consent: str
    email_button: str
    noted: str
    no_email: str
    no_consent: str
    broken_heading: str
    broken: str
    busy_heading: str
    busy: str


ENGLISH: Final = ReferralWording(
    invited_by="{name} invites you to {brand}",
    invited="You are invited to {brand}",
    you_get="You get",
    name_gets="{name} gets",
    they_get="Your friend gets",
    button="Go to the shop",
    your_code="Your code",
    how="Enter it with your first order.",
    email_heading="Ordering later, or on another device?",
    email_about="Leave the address that you will order with, and we know whose friend you are.",
    email_label="Your email address",
    consent="{brand} may keep an encrypted mark of this address, to recognise my first order. I"
    " will get no email for it.",
    email_button="Remember me",
    noted="Thank you. Order with this address, and your friend is rewarded.",
    no_email="Please enter an email address, as in name@example.com.",
    no_consent="Please tick the box: without it we may not remember the address.",
    broken_heading="This invitation does not work",
    broken="The link may have been cut off, or the program has ended. Please ask your friend for it"
    " once more, or write to {support}.",
    busy_heading="That did not work just now",
    busy="Please try once more in a minute.",
)
GERMAN: Final = ReferralWording(
    invited_by="{name} lädt Sie zu {brand} ein",
    invited="Sie sind zu {brand} eingeladen",
    you_get="Sie bekommen",
    name_gets="{name} bekommt",
    they_get="Ihr Freund oder Ihre Freundin bekommt",
    button="Zum Shop",
    your_code="Ihr Code",
    how="Geben Sie ihn bei Ihrer ersten Bestellung ein.",
    email_heading="Sie bestellen später oder auf einem anderen Gerät?",
    email_about="Hinterlassen Sie die Adresse, mit der Sie bestellen werden. So wissen wir, wer Sie"
    " eingeladen hat.",
    email_label="Ihre E-Mail-Adresse",
    consent="{brand} darf ein verschlüsseltes Merkmal dieser Adresse aufbewahren, um meine erste"
    " Bestellung zu erkennen. Ich erhalte dafür keine E-Mails.",
    email_button="Merken",
    noted="Danke. Bestellen Sie mit dieser Adresse, dann wird Ihre Einladung belohnt.",
    no_email="Bitte geben Sie eine E-Mail-Adresse ein, etwa name@example.com.",
    no_consent="Bitte setzen Sie das Häkchen: Ohne Ihr Einverständnis merken wir uns nichts.",
    broken_heading="Diese Einladung funktioniert nicht",
    broken="Vielleicht wurde der Link abgeschnitten, oder das Programm ist beendet. Bitten Sie noch"
    " einmal um den Link, oder schreiben Sie an {support}.",
    busy_heading="Das hat gerade nicht geklappt",
    busy="Bitte versuchen Sie es in einer Minute noch einmal.",
)
REFERRAL_WORDS: Final[Mapping[str, ReferralWording]] = {"en": ENGLISH, "de": GERMAN}
