"""The unsubscribe page, and the one-click POST of mail programs."""

import asyncio
import base64
import hashlib
import re

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.colors import readable_on
from engine.links import Purpose
from engine.web.public import MOST
from engine.web.wording import choose
from tests.web.forms import first_button
from tests.web.mailing import ANN, MESSAGE, Mailing
from tests.web.site import LINKS, NOW, Site

PAGE = f"/u/{LINKS.token(Purpose.UNSUBSCRIBE, MESSAGE)}"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def visit(
    site: Site,
    method: str = "GET",
    *,
    path: str = PAGE,
    data: dict[str, str] | None = None,
    content: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(app=site.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://site") as client:
            return await client.request(
                method,
                path,
                data=data,
                content=content,
                headers={"Accept-Language": "en", **(headers or {})},
            )

    return asyncio.run(run())


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_visit_shows_and_changes_nothing(mailing: Mailing, method: str) -> None:
    mailing.add_customer()
    answer = visit(mailing.site(), method)
    assert answer.status_code == 200
    assert not mailing.taken
    assert mailing.may_mail(NOW)
    if method == "GET":
        assert "Unsubscribe?" in answer.text
        assert "a•••@example.com" in answer.text
        assert ANN not in answer.text
        assert "Maison &lt;Bellerive&gt;" in answer.text


def test_one_click_unsubscribes_without_redirect_or_cookie(mailing: Mailing) -> None:
    mailing.add_customer()
    answer = visit(mailing.site(), "POST", data=ONE_CLICK)
    assert answer.status_code == 200
    assert not answer.history
    assert "Set-Cookie" not in answer.headers
    assert "Location" not in answer.headers
    assert not mailing.may_mail(NOW)


def test_one_click_may_come_as_multipart(mailing: Mailing) -> None:
    mailing.add_customer()
    body = (
        b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\n'
        b"One-Click\r\n--x--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert visit(mailing.site(), "POST", content=body, headers=headers).status_code == 200
    assert "RFC 8058" in (mailing.world(NOW).consents["email", ANN].proof or "")


def test_the_button_unsubscribes_and_offers_to_take_it_back(mailing: Mailing) -> None:
    mailing.add_customer()
    site = mailing.site()
    answer = visit(site, "POST", data=first_button(visit(site).text))
    assert answer.status_code == 200
    assert "You are unsubscribed" in answer.text
    assert not mailing.may_mail(NOW)
    assert "You are unsubscribed" in visit(site).text
    back = visit(site, "POST", data=first_button(answer.text))
    assert "You are subscribed again" in back.text
    assert mailing.may_mail(NOW)
    again = visit(site, "POST", data=first_button(back.text))
    assert "You are unsubscribed" in again.text
    assert not mailing.may_mail(NOW)


def test_a_page_cannot_sign_anybody_up(mailing: Mailing) -> None:
    mailing.add_customer(consent=None)
    answer = visit(mailing.site(), "POST", data={"action": "subscribe"})
    assert answer.status_code == 409
    assert not mailing.may_mail(NOW)


@pytest.mark.parametrize(
    "body", [b"", b"action=", b"\xff\xfe", b"action=unsubscribe", b"&".join([b"a=b"] * 100)]
)
def test_any_other_post_unsubscribes(mailing: Mailing, body: bytes) -> None:
    mailing.add_customer()
    assert visit(mailing.site(), "POST", content=body).status_code == 200
    assert not mailing.may_mail(NOW)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("token", ["x", "a.b", "%00", "é", PAGE.removeprefix("/u/")[:-1] + "_"])
def test_a_link_that_is_not_ours_says_so(method: str, token: str) -> None:
    answer = visit(Site(), method, path=f"/u/{token}")
    assert answer.status_code == 404
    assert "This link does not work" in answer.text
    assert "help@example.com" in answer.text


def test_a_link_whose_message_is_gone_says_so(mailing: Mailing) -> None:
    answer = visit(mailing.site())
    assert answer.status_code == 404
    assert "This link does not work" in answer.text


def test_a_busy_database_asks_to_come_again(mailing: Mailing) -> None:
    mailing.add_customer()
    mailing.contended = 1000
    answer = visit(mailing.site(), "POST", data=ONE_CLICK)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "60"
    assert mailing.may_mail(NOW)


def test_a_large_form_is_refused(mailing: Mailing) -> None:
    mailing.add_customer()
    assert visit(mailing.site(), "POST", content=b"x" * (MOST + 1)).status_code == 413
    assert mailing.may_mail(NOW)


def test_the_page_lets_nothing_in(mailing: Mailing) -> None:
    mailing.add_customer()
    answer = visit(mailing.site())
    policy = answer.headers["Content-Security-Policy"]
    style = re.search(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "#7a1f2b" in style[1]
    html = answer.text.replace(style[1], "")
    for loading in ("<script", "<img", "<link", "<iframe", "src=", "url(", "@import"):
        assert loading not in html
    assert not re.search(r"\son\w+\s*=", html), "no handler of events"


@pytest.mark.parametrize(
    ("accepted", "locales", "language"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", (), "de"),
        ("en-GB", ("de",), "en"),
        ("fr;q=1, en;q=0.2, de;q=0.7", (), "de"),
        ("de;q=0, en", (), "en"),
        ("fr", ("de-AT", "en-US"), "de"),
        (None, (None, "de"), "de"),
        ("", ("fr",), "en"),
        ("de;q=nonsense", (), "en"),
    ],
)
def test_the_reader_chooses_the_language(
    accepted: str | None, locales: tuple[str | None, ...], language: str
) -> None:
    assert choose(accepted, *locales) == language


def test_the_page_speaks_the_readers_language(mailing: Mailing) -> None:
    mailing.add_customer()
    german = visit(mailing.site(), headers={"Accept-Language": "de"})
    assert '<html lang="de">' in german.text
    assert "Abmelden?" in german.text
    # Without a wish of the browser's: the language that the message was written in.
    assert "Abmelden?" in visit(mailing.site(), headers={"Accept-Language": "*"}).text
    assert "Unsubscribe?" in visit(mailing.site(), headers={"Accept-Language": "en"}).text


@given(st.text(max_size=60))
def test_any_language_header_gives_a_language(header: str) -> None:
    assert choose(header) in {"en", "de"}


@given(st.integers(0, 0xFFFFFF))
def test_the_button_can_be_read_in_any_brand_colour(color: int) -> None:
    def luminance(value: int) -> float:
        def linear(channel: int) -> float:
            part = channel / 255
            return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

        red, green, blue = value >> 16, value >> 8 & 0xFF, value & 0xFF
        return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)

    text = int(readable_on(f"#{color:06x}")[1:], 16)
    light, dark = sorted((luminance(text), luminance(color)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5  # WCAG 2.2, level AA
