"""Personal data does not reach the logs, even where somebody forgot."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from engine.logs import configure_logging, mask, mask_personal_data

LOCAL = st.from_regex(r"[a-z0-9][a-z0-9._%+-]{0,20}", fullmatch=True)
EMAIL = st.builds(lambda local: f"{local}@mail.example.com", LOCAL)
PHONE = st.from_regex(r"\+[1-9][0-9]{8,13}", fullmatch=True)
AROUND = st.sampled_from(["", "to ", "<", "(", "'", "sent to: ", '{"to":"'])


@given(EMAIL, AROUND)
def test_no_email_address_stays_readable(address: str, before: str) -> None:
    told = mask(f"{before}{address}> was refused")
    assert address not in told
    assert told == f"{before}•••@mail.example.com> was refused"


@given(PHONE, AROUND)
def test_no_phone_number_stays_readable(number: str, before: str) -> None:
    told = mask(f"{before}{number}, busy")
    assert told == f"{before}•••{number[-2:]}, busy"


@pytest.mark.parametrize(
    "number", ["+1 (504) 555-0199", "+43 660 123 45 67", "(504) 555-0199", "504-555-0199",
               "0043660123456"]
)  # fmt: skip
def test_numbers_as_people_type_them_are_masked(number: str) -> None:
    assert mask(f"call {number} now") == f"call •••{number[-2:]} now"


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T15:30:00.123456Z", "1700000000000000", "127.0.0.1:8025", "12345678901234",
        "6f2c1d0e-5a43-5b8e-9d57-4c61676e6961", "sqlite:////srv/shop/lagniappe.db",
        "campaigns/review.yaml:12", "postgresql+psycopg://db:5432/shop", "http_429", "@", "a@b",
    ],
)  # fmt: skip
def test_what_is_not_personal_stays(text: str) -> None:
    assert mask(text) == text


@given(EMAIL, PHONE)
def test_values_inside_values_are_masked_too(address: str, number: str) -> None:
    line: dict[str, Any] = {
        "event": f"failed for {address}",
        "to": [address, {"phone": number, address: (1, None, True, 2.5)}],
        "error": ValueError(f"no route to {number}"),
        "deep": [[[[[[[[address]]]]]]]],
        "count": 7,
    }
    told = mask_personal_data(None, "info", line)
    text = json.dumps(told, ensure_ascii=False)
    assert address not in text
    assert number not in text
    assert told["count"] == 7


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_traceback_is_masked_in_the_line_that_is_written(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    before = structlog.get_config()
    try:
        configure_logging(form, "info")
        try:
            raise RuntimeError("refused for ada@mail.example.com, +15045550199")
        except RuntimeError:
            structlog.get_logger().exception("worker_error", recipient="ada@mail.example.com")
    finally:
        structlog.configure(**before)
    text = written.getvalue()
    assert "worker_error" in text
    assert "RuntimeError" in text
    assert "ada@" not in text
    assert "5045550199" not in text
