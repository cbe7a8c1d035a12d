"""Around every request: headers, errors without detail, logs without personal data."""

import asyncio
from collections.abc import Mapping
from typing import NoReturn

import httpx
import pytest
import structlog

from tests.web.site import AUTHORISED, TOKEN, Site, order_placed


def get(
    path: str,
    *,
    method: str = "GET",
    site: Site | None = None,
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    async def run() -> httpx.Response:
        async with (site or Site()).client() as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(run())


@pytest.mark.parametrize("path", ["/healthz", "/v1/events", "/u/x", "/nowhere"])
def test_every_answer_forbids_what_it_does_not_need(path: str) -> None:
    headers = get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert len(headers.get_list("Content-Security-Policy")) == 1
    assert "Set-Cookie" not in headers


def test_every_request_has_an_id_of_its_own() -> None:
    site = Site()

    async def run() -> set[str]:
        async with site.client() as client:
            answers = [await client.get("/healthz") for _ in range(20)]
        return {answer.headers["X-Request-ID"] for answer in answers}

    assert len(asyncio.run(run())) == 20


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("GET", "/docs", 404, "not_found"),
        ("GET", "/healthz/", 404, "not_found"),
        ("POST", "/webhooks/nobody", 404, "not_found"),
        ("GET", "/v1/events", 405, "method_not_allowed"),
        ("DELETE", "/healthz", 405, "method_not_allowed"),
    ],
)
def test_errors_are_json(method: str, path: str, status: int, code: str) -> None:
    answer = get(path, method=method)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code
    assert answer.json()["error"]["message"]
    assert ("Allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/u/a/b", 404), ("PUT", "/u/a", 405)]
)
def test_errors_on_public_pages_are_sentences(method: str, path: str, status: int) -> None:
    answer = get(path, method=method)
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/events"), ("GET", "/u/x")])
def test_an_unexpected_error_is_a_500_with_an_id_and_without_detail(method: str, path: str) -> None:
    class BrokenError(Exception):
        pass

    def broken() -> NoReturn:
        raise BrokenError("ann@example.com is the trouble")

    site = Site(catalog=broken, policy=broken)
    with structlog.testing.capture_logs() as logs:

        async def run() -> httpx.Response:
            async with site.client() as client:
                return await client.request(
                    method,
                    path,
                    headers={**AUTHORISED, "Content-Type": "application/json"},
                    content=b"{}",
                )

        answer = asyncio.run(run())
    assert answer.status_code == 500
    (failure,) = [entry for entry in logs if entry["event"] == "request_failed"]
    assert failure["request"] == answer.headers["X-Request-ID"]
    assert failure["request"] in answer.text
    assert failure["error"] == "BrokenError"
    assert any("broken" in place for place in failure["at"])
    assert "ann@example.com" not in answer.text + str(logs)
    assert "Traceback" not in answer.text


def test_no_token_address_or_query_reaches_the_log() -> None:
    secret_path = "/u/AAAA.signed-token-of-somebody"

    async def run() -> None:
        async with Site().client() as client:
            await client.get(secret_path)
            await client.post(secret_path, content=b"List-Unsubscribe=One-Click")
            await client.get("/orders/ann@example.com?email=ann@example.com")
            await client.get("/healthz?token=" + TOKEN)
            await client.post("/v1/events", json=order_placed(), headers=AUTHORISED)
            await client.post("/v1/events", json=[{"id": "ann@example.com"}], headers=AUTHORISED)
            await client.post("/webhooks/ann@example.com", content=b"{}")

    with structlog.testing.capture_logs() as logs:
        asyncio.run(run())
    requests = [entry for entry in logs if entry["event"] == "request"]
    assert [entry["path"] for entry in requests] == [
        "/u/…",
        "/u/…",
        "(unknown)",
        "/healthz",
        "/v1/events",
        "/v1/events",
        "(unknown)",
    ]
    assert [entry["log_level"] for entry in requests][3:5] == ["debug", "debug"]
    for secret in ("signed-token-of-somebody", "ann@example.com", TOKEN):
        assert secret not in str(logs)
