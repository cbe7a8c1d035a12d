"""``/c/``: to the signed target and nowhere else."""

import asyncio
from collections.abc import Sequence

import httpx
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from engine.core.receipt import Receipt, ReceiptKind
from engine.links import Purpose
from engine.ports.storage import Contended
from tests.web.mailing import MESSAGE
from tests.web.site import LINKS, NOW, Site

TARGET = "https://shop.example.com/a?b=c&d=%20#e"
PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0"


def path_of(target: str) -> str:
    return "/c/" + LINKS.click(MESSAGE, target).rpartition("/")[2]


def follow(site: Site, path: str, method: str = "GET", agent: str = PERSON) -> httpx.Response:
    async def run() -> httpx.Response:
        async with site.client() as client:
            return await client.request(method, path, headers={"User-Agent": agent})

    return asyncio.run(run())


class Kept:
    """Takes receipts in; ``error`` makes it fail."""

    def __init__(self, error: Exception | None = None) -> None:
        self.receipts: list[Receipt] = []
        self.error = error

    def __call__(self, receipts: Sequence[Receipt]) -> int:
        if self.error is not None:
            raise self.error
        self.receipts += receipts
        return len(receipts)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_it_leads_on_and_leaves_an_observation(method: str) -> None:
    kept = Kept()
    answer = follow(Site(receive=kept), path_of(TARGET), method)
    assert (answer.status_code, answer.headers["Location"]) == (302, TARGET)
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert answer.content == b""
    (receipt,) = kept.receipts
    assert receipt.kind is ReceiptKind.CLICKED
    assert (receipt.message_id, receipt.url, receipt.at) == (MESSAGE, TARGET, NOW)
    assert receipt.machine == (method == "HEAD")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_else_is_taken(method: str) -> None:
    kept = Kept()
    assert follow(Site(receive=kept), path_of(TARGET), method).status_code == 405
    assert not kept.receipts


@given(st.text("abc./:-_=%", max_size=80), st.integers(0, 200))
def test_no_address_of_ours_leads_where_a_stranger_wants(noise: str, at: int) -> None:
    real = path_of(TARGET)
    forged = real[: 3 + at] + noise + real[3 + at :]
    kept = Kept()
    for path in (f"/c/{noise}", forged, real + "?to=https://evil.example"):
        answer = follow(Site(receive=kept), path)
        assert answer.headers.get("Location") in (None, TARGET)
        assert (answer.status_code == 302) == ("Location" in answer.headers)
        if path.partition("?")[0] != real:
            assert answer.status_code == 404
    assert {one.url for one in kept.receipts} <= {TARGET}


def test_a_token_of_another_page_leads_nowhere() -> None:
    token = LINKS.token(Purpose.UNSUBSCRIBE, MESSAGE)
    assert follow(Site(), f"/c/{token}").status_code == 404
    without = LINKS.token(Purpose.CLICK, MESSAGE)
    assert follow(Site(), f"/c/{without}").status_code == 404


@pytest.mark.parametrize("error", [Contended("another"), RuntimeError("ann@example.com")])
def test_a_database_in_trouble_keeps_nobody_from_the_shop(error: Exception) -> None:
    with structlog.testing.capture_logs() as logs:
        assert follow(Site(receive=Kept(error)), path_of(TARGET)).status_code == 302
    assert [one["event"] for one in logs if one["event"] != "request"] == ["click_not_stored"]
    assert "ann@example.com" not in str(logs)
    assert TARGET not in str(logs)
