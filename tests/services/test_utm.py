"""Links to the shop bear tags; our own pages do not, and a click leads to the tagged address."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import urlsplit

import httpx

from engine.rendering.sms import segments
from engine.services.preview import campaign_previews, of_sample
from engine.services.tracking import sample_tracks
from engine.web_parts import WebParts
from tests.services.conftest import NewHouse
from tests.services.house import TEMPLATES, TEXTING, House, campaign, email
from tests.services.test_link_scanners import PERSON

WORDS = "See https://shop.example.com/new?x=1#top and https://other.example/. "
MORE = {
    **TEMPLATES,
    "offer/subject.txt": "Offer https://shop.example.com/subject",
    "offer/body.txt": WORDS + "{{ 'https://shop.example.com/plain' | untracked }} "
    "{{ links.unsubscribe }}\n",
    "offer/body.html": '<html><body><a href="https://shop.example.com/new?x=1&amp;y=2#top">See</a>'
    '<a href="{{ links.unsubscribe }}">No more</a></body></html>',
    "offer/sms.txt": WORDS + "{{ links.unsubscribe }}",
}
TWO = [email("ask", "offer"), {"id": "text", "send_sms": {"template": "offer"}}]
UTM = {"utm": {"source": "bellerive"}, "senders": TEXTING}
TAGS = "utm_source=bellerive&utm_medium={}&utm_campaign=offer&utm_content={}"


def offered(new_house: NewHouse, **store: object) -> House:
    house = new_house(
        campaign("offer", "order.placed", TWO, purpose="marketing"),
        templates=MORE, store={**UTM, **store},
    )  # fmt: skip
    house.tell("order.placed", order=1)
    return house


def test_links_to_the_shop_bear_tags_and_no_other(new_house: NewHouse) -> None:
    house = offered(new_house)
    (mail,), (text,) = house.email.received, house.sms.received
    tags = TAGS.format("email", "ask")
    assert f"https://shop.example.com/new?x=1&{tags}#top and https://other.example/. " in (
        mail.content.text
    )
    assert "https://shop.example.com/plain http" in mail.content.text  # as its author wants it
    assert mail.content.html is not None
    escaped = tags.replace("&", "&amp;")
    assert f'href="https://shop.example.com/new?x=1&amp;y=2&amp;{escaped}#top"' in mail.content.html
    assert mail.content.subject == "Offer https://shop.example.com/subject"
    assert TAGS.format("sms", "text") in text.content.text
    assert text.content.segments == segments(text.content.text)
    own = house.app.settings.base_url
    for content in (mail.content.text, mail.content.html, text.content.text):
        links = re.findall(rf"{re.escape(own)}[^\s\"<]*", content)
        assert links
        assert not any("utm_" in one for one in links)


def test_a_click_over_our_own_page_leads_to_the_tagged_address(new_house: NewHouse) -> None:
    house = offered(new_house, tracking={"clicks": "own"})
    content = house.email.received[0].content.text
    assert "utm_" not in content
    link = next(one for one in re.findall(r"http://\S+", content) if "/c/" in one)
    parts = WebParts(house.app, works=False)

    async def follow() -> httpx.Response:
        transport = httpx.ASGITransport(app=parts.asgi)
        async with httpx.AsyncClient(transport=transport, base_url="http://site") as client:
            return await client.get(urlsplit(link).path, headers={"User-Agent": PERSON})

    answer = asyncio.run(follow())
    assert answer.status_code in (302, 303, 307)
    tags = TAGS.format("email", "ask")
    assert answer.headers["location"] == f"https://shop.example.com/new?x=1&{tags}#top"


def test_tags_count_as_characters_of_texts_in_check_and_preview(new_house: NewHouse) -> None:
    plain = new_house(templates=MORE, store={"senders": TEXTING})
    house = offered(new_house)
    without, tagged = (one.app.templates.info("offer") for one in (plain, house))
    assert without is not None
    assert tagged is not None
    assert sum(tagged.segments.values()) > sum(without.segments.values())
    plan = house.app.loader.load()["offer"].plan
    from engine.rendering.sample import SAMPLE_CONTEXT

    tracks = sample_tracks(house.app.links, house.app.policy, house.app.handover.providers)
    reader = of_sample(SAMPLE_CONTEXT, None)
    mail, text = campaign_previews(plan, reader, house.app.templates, tracks)
    assert TAGS.format("email", "ask") in mail.content.text
    assert TAGS.format("sms", "text") in text.content.text


def test_a_changed_policy_is_taken_on_reload(new_house: NewHouse) -> None:
    house = offered(new_house)
    house.write_store({"senders": TEXTING})
    house.reload()
    house.tell("order.placed", "eve", order=2)
    assert "utm_" not in house.email.received[-1].content.text
