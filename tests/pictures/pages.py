"""The public pages, of a shop under a virtual clock, as a customer's telephone gets them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from config.yaml_source import load
from engine.web_parts import WebParts
from tests.pictures.mails import ROOT
from tests.services.house import DAY, House, campaign

_LINKS: Final = "{{ links.unsubscribe }} {{ shop.postal_address }}"
_TEMPLATES: Final = {
    f"{name}/{part}": text
    for name, link in (
        ("rate", "{{ review.url }}"),
        ("friend", "{{ referral.url }}"),
        ("score", "{{ (survey.scores | last).url }}"),
    )
    for part, text in {
        "subject.txt": name,
        "body.txt": f"{link} {_LINKS}",
        "body.html": f'<a href="{link}">{name}</a> {_LINKS}',
    }.items()
}
_STEPS: Final[list[Any]] = [
    {"id": "rate", "ask_review": {"template": "rate"}},
    {"id": "friend", "ask_referral": {"program": "friends", "template": "friend"}},
    {"id": "score", "ask_survey": {"kind": "nps", "template": "score", "timeout": "5d"}},
]
_TITLES: Final = {
    "s": "The page of a survey, with the number chosen that was tapped in the email",
    "v": "The page for reviews",
    "r": "The page that a friend sees",
    "u": "Preferences, and the way out",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page; ``name`` is its picture's, without suffix."""

    name: str
    title: str
    html: str


def pages(workspace: Path) -> Iterator[Page]:
    """Each kind of page once, reached over the link in a message that was really made."""
    store = dict(load((ROOT / "config/store.yaml").read_bytes(), "store.yaml").data)
    for restraint in ("caps", "min_gap", "surveys", "quiet_hours"):
        store.pop(restraint, None)
    house = House(
        workspace,
        f"sqlite:///{workspace}/shop.db",
        campaign("tour", "order.delivered", _STEPS, purpose="marketing"),
        store={**store, "quiet_hours": {"email": "none"}},
        templates=_TEMPLATES,
    )
    try:
        lines = [
            {"id": str(number), "product_id": str(number), "title": title, "quantity": 1,
             "price": "20"}
            for number, title in enumerate(("Dark roast with chicory, 500 g", "Enamel drip pot"), 1)
        ]  # fmt: skip
        event = house.event("order.delivered", order=1042, customer={"first_name": "Camille"})
        event["order"]["lines"] = lines
        house.tell_all([event])
        house.run(DAY)
        texts = " ".join(one.content.text for one in house.email.received)
        for kind, title in _TITLES.items():
            found = re.search(rf"/{kind}/[\w.-]+", texts)
            assert found is not None, f"no message leads to /{kind}/: {json.dumps(texts)}"
            yield Page(name=f"page-{kind}", title=title, html=_page(house, found[0]))
    finally:
        house.close()


def _page(house: House, path: str) -> str:
    parts = WebParts(house.app, works=False)

    async def visit() -> httpx.Response:
        transport = httpx.ASGITransport(app=parts.asgi)
        async with httpx.AsyncClient(transport=transport, base_url="http://site") as client:
            return await client.get(path, headers={"Accept-Language": "en"})

    return asyncio.run(visit()).raise_for_status().text
