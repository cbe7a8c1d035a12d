"""What ``check`` says of coupons."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.diagnostics import Severity
from engine.cli.checking import report_of

ROOT = Path(__file__).parents[2]

OFFER = {"value": "10 % off", "kind": "pool", "pool": "summer", "expires": "10d"}
GIVE = {"id": "gift", "issue_coupon": "thanks"}


def codes(tmp_path: Path, *steps: Any, **more: Any) -> dict[str, Severity]:
    """The codes of problems of one campaign, with their severity."""
    store = yaml.safe_load((ROOT / "config/store.yaml").read_text(encoding="utf-8"))
    for name, text in {
        "config/store.yaml": json.dumps(store | {"offers": store["offers"] | {"thanks": OFFER}}),
        "message_templates/gift/subject.txt": "A thank-you",
        "message_templates/gift/body.txt": "{{ gift.code | default('') }} {{ links.unsubscribe }}",
        "message_templates/gift/body.html": "<html><body>{{ links.unsubscribe }}</body></html>",
        "campaigns/one.yaml": json.dumps(
            {
                "version": 1, "id": "one", "name": "One", "stage": "loyalty", "status": "live",
                "purpose": "marketing", "trigger": {"event": "order.delivered"},
                "steps": list(steps), **more,
            }
        ),
    }.items():  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    words = ("coupon", "offer", "pool")
    return {
        one.code: one.severity
        for one in report_of(tmp_path).diagnostics
        if any(word in one.code for word in words)
    }


def email(**more: Any) -> dict[str, Any]:
    return {"id": "ask", "send_email": {"template": "gift", **more}}


@pytest.mark.parametrize(
    ("steps", "more", "found"),
    [
        ([GIVE, email(coupon="gift")], {}, None),
        ([GIVE, email(coupon="gift")], {"purpose": "transactional"}, "transactional-coupon"),
        ([{"id": "gift", "issue_coupon": "thnks"}, email(coupon="gift")], {}, "unknown-offer"),
        ([GIVE, email(coupon="gft")], {}, "unknown-coupon"),
        ([email(coupon="gift"), GIVE], {}, "unknown-coupon"),
        ([GIVE, email()], {}, "coupon-not-named"),
        ([GIVE, {**email(), "if": "gift.issued"}], {}, None),
        ([GIVE, email(coupon="gift")], {"volume_limit": "500/d"}, "pool-too-small"),
        ([GIVE, {"delay": "11d"}, email(coupon="gift")], {}, "coupon-expires-before"),
        ([{"delay": "11d"}, GIVE, {"delay": "9d"}, email(coupon="gift")], {}, None),
    ],
)
def test_faults_of_coupons_are_found(
    tmp_path: Path, steps: list[Any], more: dict[str, Any], found: str | None
) -> None:
    told = codes(tmp_path, *steps, **more)
    assert (found is None) == (told == {})
    assert found is None or found in told
    warnings = {"coupon-not-named", "pool-too-small", "coupon-expires-before"}
    assert all((severity is Severity.WARNING) == (code in warnings)
               for code, severity in told.items())  # fmt: skip
