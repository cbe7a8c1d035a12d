"""The page that shows the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby

from tests.pictures.mails import Mail
from tests.pictures.pages import Page

_HEAD = """\
# The library in pictures

Every email of the starter library as the sample customer gets it, on a telephone (375 pixels
wide) and on a desktop (800), and the pages that their links open. The products are drawn, the shop
is the one of `config/store.yaml`. `make pictures` takes them anew, in the system's Chromium.

What the pictures cannot show is held by tests: each email weighs less than half of the 102 KB at
which Gmail clips (the heaviest here HEAVIEST KB), has a text part, describes its pictures, names
the support, and keeps a contrast of at least 4.5 to 1 between text and ground, by day and by night
([WCAG 2.2](https://www.w3.org/TR/WCAG22/#contrast-minimum)); for a customer of whom all is known,
for one of whom next to nothing is, and in every language that it has.
"""


def album(mails: Sequence[Mail], german: Sequence[Mail], pages: Sequence[Page]) -> str:
    """The whole page; mails of one campaign stand together."""
    heaviest = max(len(mail.html.encode()) for mail in mails)
    told = [_HEAD.replace("HEAVIEST", f"{heaviest / 1000:.0f}")]
    for campaign, own in groupby(mails, key=lambda mail: mail.campaign):
        told.append(f"## {campaign.draft.spec.name or campaign.id}\n")
        told.append(f"`{campaign.id}`. {campaign.line}\n")
        told += [_pair(mail) for mail in own]
    if german:
        told.append("## In another language\n")
        told.append("A template may have variants; these are German ones.\n")
        told.append(_row([(f"{one.name}-phone", one.subject) for one in german], 220))
    told.append("## Pages\n")
    told += [
        "On a telephone, in the customer's language and the shop's colour, without a script.\n"
    ]
    told.append(_row([(one.name, one.title) for one in pages], 220))
    return "\n".join(told)


def _pair(mail: Mail) -> str:
    subject = escape(mail.subject)
    return (
        f"**{subject}**\n\n"
        f"{_image(f'{mail.name}-phone', f'{subject}, on a telephone', 225)} "
        f"{_image(f'{mail.name}-desktop', f'{subject}, on a desktop', 480)}\n"
    )


def _row(pictures: Sequence[tuple[str, str]], width: int) -> str:
    return " ".join(_image(name, escape(title), width) for name, title in pictures) + "\n"


def _image(name: str, alt: str, width: int) -> str:
    return f'<img src="../pictures/{name}.webp" alt="{alt}" width="{width}" align="top">'
