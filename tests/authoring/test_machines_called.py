"""What ``check`` says of calls that are to hang up on answering machines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from config.policy import Policy
from config.yaml_source import load
from engine.authoring.compile import compile_campaign
from engine.authoring.lint_policy import lint_policy
from engine.core.message import VoiceCall
from tests.authoring.workspace import TEMPLATES
from tests.services.house import STORE
from triggers.event_types import BUILT_IN

SENDERS = {**STORE["senders"], "voice": {"from": "+15045550100"}}


@pytest.mark.parametrize(
    ("on_machine", "kept", "found"),
    [("hang_up", True, 0), ("hang_up", False, 1), ("speak", False, 0), (None, False, 0)],
)
def test_without_words_to_say_later_nobody_hangs_up(
    on_machine: str | None, kept: bool, found: int
) -> None:
    call: dict[str, Any] = {"template": "hello"}
    call |= {"on_machine": on_machine} if on_machine else {}
    policy = Policy.model_validate(
        {**STORE, "version": "1", "senders": SENDERS, "privacy": {"store_content": kept}}
    )
    text = json.dumps(
        {"version": 1, "id": "ring", "name": "Ring", "stage": "support", "status": "live",
         "purpose": "transactional", "trigger": {"event": "order.delivered"},
         "steps": [{"id": "say", "place_call": call}]}
    )  # fmt: skip
    draft = compile_campaign(load(text.encode(), "campaigns/ring.yaml"), BUILT_IN)
    assert draft.plan is not None
    (step,) = draft.plan.steps
    assert getattr(step, "call", None) == VoiceCall(on_machine=on_machine)  # type: ignore[arg-type]
    codes = [one.code for one in lint_policy(draft, policy, TEMPLATES)]
    assert codes.count("machine-hears-it") == found
