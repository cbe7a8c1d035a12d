"""Every starter template for customers of whom all, little, or something else is known."""

import copy
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pytest

from engine.core.coupon import ToldCoupons
from engine.core.message import Content
from engine.rendering.markup import LARGEST_HTML
from engine.rendering.sample import SAMPLE_CONTEXT, SAMPLE_SHOP, SPARSE_CONTEXT
from engine.rendering.templates import MessageTemplates
from tests.library.test_campaigns import NAMES, messages, scripts
from tests.library.walk import WORKSPACE, campaigns

OTHER_SHOP = dict(SAMPLE_SHOP) | {
    "name": "Nordlicht & Söhne",
    "url": "https://nordlicht.example",
    "logo_url": "https://nordlicht.example/logo.png",
    "color": "#f2c14e",
    "on_color": "#18181b",
    "postal_address": "Nordlicht & Söhne, Beispielweg 1, 20095 Hamburg",
    "support_email": "hallo@nordlicht.example",
    "support_phone": None,
    "support_hours": None,
    "currency": "EUR",
    "hashtag": None,
    "social": [],
    "community_name": None,
    "community_url": None,
    "community_about": None,
}
SHOPS = {"sample": SAMPLE_SHOP, "other": OTHER_SHOP}
USED = sorted(
    {
        (template, channel, campaign)
        for campaign in NAMES
        for template, channel in messages(campaigns()[campaign].plan)
    }
)
SCRIPTS = sorted({name for campaign in NAMES for name, _ in scripts(campaigns()[campaign].plan)})
# Behind these there is no order: they start by the calendar, or from what programs tell.
WITHOUT_ORDER = {
    template
    for campaign in NAMES
    if campaign.startswith(("loyalty-", "referral-thanks", "replenish", "thanks-", "win-back"))
    for template, _ in messages(campaigns()[campaign].plan)
} - {"loyalty_welcome"}
COUPON = {"code": "MERCI-7XQ4KM29TD", "value": "10 % off", "expires_at": None}


def everything() -> dict[str, Any]:
    context = copy.deepcopy(SAMPLE_CONTEXT)
    for line in context["order"]["lines"]:
        line["image_url"] = f"https://shop.example.com/images/{line['sku']}.jpg"
    context["order"]["number"] = "#1042"
    context["gift"] = COUPON | {"points": 50, "expires_at": context["now"] + timedelta(days=30)}
    context["coupons"] = ToldCoupons(friend_thanks=context["gift"])
    context["trigger"]["data"] = {
        "fulfilment_id": "f-1",
        "carrier": "UPS",
        "tracking_number": "1Z999AA10123456784",
        "tracking_url": "https://parcels.example.com/1Z999AA10123456784",
        "estimated_at": "2026-03-19T17:00:00+00:00",
    }
    return context


def in_german() -> dict[str, Any]:
    context = everything()
    context["customer"] |= {
        "locale": "de-AT",
        "timezone": "Europe/Vienna",
        "country": "AT",
        "first_name": "Leopoldine",
        "last_name": "Özdemir-Großmann",
    }
    context["order"]["currency"] = "EUR"
    context["referral"] |= {
        "reward": "500 Punkte",
        "friend_reward": "10 € auf die erste Bestellung",
    }
    return context


def as_a_gift() -> dict[str, Any]:
    context = everything()
    context["order"]["is_gift"] = True
    return context


def awkward() -> dict[str, Any]:
    """A hostile name, one line with neither picture nor page, no tracking."""
    context = everything()
    context["customer"]["first_name"] = "<b>Bobby & co</b>"
    line = context["order"]["lines"][0] | {"title": "Tea & <i>more</i>", "url": None}
    context["order"] |= {
        "lines": [line | {"image_url": None, "quantity": 0, "price": Decimal(0)}],
        "tracking_url": None,
        "tracking_number": None,
        "carrier": None,
        "status_url": None,
    }
    context["trigger"]["data"] = {}
    return context


def with_little() -> dict[str, Any]:
    return copy.deepcopy(SPARSE_CONTEXT) | {"gift": COUPON | {"points": None}}


def by_schedule() -> dict[str, Any]:
    nothing: dict[str, Any] = {"id": None, "type": None, "time": None, "data": {}}
    return everything() | {"order": None, "ticket": None, "trigger": nothing}


CONTEXTS: dict[str, Callable[[], dict[str, Any]]] = {
    "everything": everything,
    "little": with_little,
    "german": in_german,
    "gift": as_a_gift,
    "awkward": awkward,
    "schedule": by_schedule,
}


@pytest.fixture(scope="module", params=sorted(SHOPS))
def shop(request: pytest.FixtureRequest) -> tuple[dict[str, Any], MessageTemplates]:
    values = dict(SHOPS[request.param])
    return values, MessageTemplates(WORKSPACE / "message_templates", shop=values)


@cache
def of_the_sample_shop() -> MessageTemplates:
    """Read once: it takes seconds."""
    return MessageTemplates(WORKSPACE / "message_templates", shop=SAMPLE_SHOP)


class Parts(HTMLParser):
    """Links, pictures and text of a mail."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str | None] = []
        self.pictures: list[dict[str, str | None]] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links.append(dict(attrs).get("href"))
        if tag == "img":
            self.pictures.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        self.words += data


def renderings(
    templates: MessageTemplates, template: str, channel: str
) -> Iterator[tuple[str, dict[str, Any], Content]]:
    for name, make in CONTEXTS.items():
        if name == "schedule" and template not in WITHOUT_ORDER:
            continue
        context = make()
        locale = context["customer"]["locale"]
        yield name, context, templates.render(template, channel, locale, context)


@pytest.mark.parametrize(("template", "campaign"), [(t, c) for t, ch, c in USED if ch == "email"])
def test_email(shop: tuple[dict[str, Any], MessageTemplates], template: str, campaign: str) -> None:
    values, templates = shop
    marketing = campaigns()[campaign].plan.purpose == "marketing"
    for name, context, content in renderings(templates, template, "email"):
        assert content.subject is not None
        assert content.html is not None
        parts = Parts(content.html)
        longest = 60 if name == "awkward" else 50
        assert 0 < len(content.subject) <= longest, (name, content.subject)
        assert len(content.html.encode()) < LARGEST_HTML
        for text in (content.subject, parts.words, content.text):
            assert not re.search(r"\{\{|\{%|\bNone\b|##| ,", text), (name, text)
        assert values["name"] in content.text
        assert values["postal_address"] in content.text
        for link in parts.links:
            assert link, (name, parts.links)
            assert re.match(r"https://|mailto:(\S+@|\?)|tel:\+", link), (name, link)
            assert " " not in link
        assert all(picture.get("alt") and picture.get("src") for picture in parts.pictures)
        assert "<b>Bobby" not in content.html
        assert "<i>more" not in content.html
        unsubscribe = context["links"]["unsubscribe"]
        if marketing and unsubscribe:
            assert unsubscribe in parts.links
            assert unsubscribe in content.text
        told = context["referral"]["friend_reward"], context["referral"]["reward"]
        priced = any(each in content.text for each in told)  # what is promised, not what was paid
        if name == "gift" and template not in WITHOUT_ORDER and not priced:
            assert not re.search(r"[$€]\s?\d", parts.words + content.text)
        if values is not SAMPLE_SHOP and values["name"] != SAMPLE_SHOP["name"]:
            assert "Bellerive" not in content.html + content.text


@pytest.mark.parametrize(("template", "campaign"), [(t, c) for t, ch, c in USED if ch == "sms"])
def test_sms(shop: tuple[dict[str, Any], MessageTemplates], template: str, campaign: str) -> None:
    values, templates = shop
    marketing = campaigns()[campaign].plan.purpose == "marketing"
    for name, _, content in renderings(templates, template, "sms"):
        assert content.segments is not None
        assert 0 < content.segments <= 2, (name, content.text)
        assert content.text.startswith(f"{values['name']}: ")
        assert not re.search(r"\{\{|\{%|\bNone\b|##", content.text)
        assert ("STOP" in content.text) is marketing


IN_GERMAN = sorted(
    template
    for template in {template for template, channel, _ in USED if channel == "email"}
    if (WORKSPACE / "message_templates" / template / "subject.de.txt").is_file()
)


@pytest.mark.parametrize("template", IN_GERMAN)
def test_german_reads_german(template: str) -> None:
    templates = of_the_sample_shop()
    context = in_german()
    content = templates.render(template, "email", "de-AT", context)
    words = Parts(content.html or "").words
    for text in (words, content.text):
        assert "Ihr Team von Maison Bellerive" in text
        assert not re.search(r"\b(your|order|parcel|team at|write a review)\b", text, re.IGNORECASE)
    info = templates.info(template)
    assert info is not None
    assert info.locales == ("en", "de")


def test_parcel_news_leads_to_the_parcel_itself() -> None:
    templates = of_the_sample_shop()
    context = everything()
    context["order"]["tracking_url"] = "https://parcels.example.com/another"
    for template in ("delivery_shipped", "delivery_today", "delivery_delayed", "delivery_failed"):
        own = templates.render(template, "email", "en", context)
        assert context["trigger"]["data"]["tracking_url"] in Parts(own.html or "").links
        context_without = everything()
        context_without["trigger"]["data"] = {}
        context_without["order"]["tracking_url"] = None
        fallback = templates.render(template, "email", "en", context_without)
        assert context_without["order"]["status_url"] in Parts(fallback.html or "").links


@pytest.mark.parametrize("template", ["satisfaction_ask", "nps_ask", "effort_ask"])
@pytest.mark.parametrize("language", ["en", "de"])
def test_each_number_of_the_survey_is_a_link_of_its_own(template: str, language: str) -> None:
    templates = of_the_sample_shop()
    content = templates.render(template, "email", language, everything())
    asked = [link for link in Parts(content.html or "").links if link and "/s/" in link]
    survey = SAMPLE_CONTEXT["survey"]
    assert asked == [each["url"] for each in survey["scores"]]
    assert survey["url"] in content.text


@pytest.mark.parametrize("template", ["review_request"])
@pytest.mark.parametrize("language", ["en", "de"])
def test_each_product_leads_to_its_review_whatever_the_stars(template: str, language: str) -> None:
    templates = of_the_sample_shop()
    content = templates.render(template, "email", language, everything())
    links = Parts(content.html or "").links
    for product in SAMPLE_CONTEXT["review"]["products"]:
        assert {star["url"] for star in product["stars"]} <= set(links)
        assert product["review_url"] in links
        assert product["review_url"] in content.text


@pytest.mark.parametrize("template", SCRIPTS)
def test_what_people_say_on_the_telephone(template: str) -> None:
    """What they must know is there, and what they do not know leaves no hole."""
    templates = of_the_sample_shop()
    answers = {"score": 2, "comment": "The lid was broken.", "rating": 2.0}
    for name, make in CONTEXTS.items():
        if name == "schedule":
            continue
        given: list[dict[str, Any]] = [answers, answers | {"comment": None}]
        for answer in given:
            context = make() | dict.fromkeys(("ask", "nps", "question"), answer)
            text = templates.render(template, "script", "en", context).text
            assert not re.search(r"\{\{|\{%|\bNone\b|##| ,|\(\)", text), (name, text)
            assert "Outcomes: " in text
            assert (context["customer"]["phone"] or context["customer"]["email"]) in text
            assert "lid was broken" not in text or answer["comment"]
