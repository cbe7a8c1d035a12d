"""The JSON Schema for editors takes what is good and refuses what is not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from engine.authoring.schema import SCHEMA_FILE, campaign_schema, schema_text
from tests.authoring.campaigns import GOOD

ROOT = Path(__file__).parents[2]
VALIDATOR = jsonschema_rs.validator_for(campaign_schema())
# Of the golden cases those that are wrong in a way that a schema can tell.
SHAPES = (
    "branch-empty",
    "delay-field",
    "exit-match-word",
    "holdout-number",
    "id-capitals",
    "in-flight-word",
    "priority-range",
    "purpose-word",
    "schedule-no-segment",
    "split-zero",
    "stage-missing",
    "status-word",
    "step-id-capitals",
    "step-two-verbs",
    "step-unknown-verb",
    "steps-empty",
    "trigger-two-kinds",
    "unknown-field",
    "version-two",
    "wait-no-timeout",
)


def _described(schema: Any, path: str = "") -> list[str]:
    """The properties below ``schema`` that have no description."""
    missing = []
    if isinstance(schema, dict):
        for name, field in schema.get("properties", {}).items():
            if "description" not in field:
                missing.append(f"{path}.{name}")
        for key, value in schema.items():
            missing += _described(value, f"{path}.{key}")
    elif isinstance(schema, list):
        for value in schema:
            missing += _described(value, path)
    return missing


def test_the_shipped_file_is_up_to_date() -> None:
    path = ROOT / SCHEMA_FILE
    if os.environ.get("WRITE_GOLDEN"):
        path.write_text(schema_text(), encoding="utf-8")
    assert path.read_text(encoding="utf-8") == schema_text(), (
        "run: WRITE_GOLDEN=1 pytest " + __file__
    )


def test_every_field_is_described() -> None:
    assert _described(campaign_schema()) == []


@pytest.mark.parametrize("name", GOOD)
def test_good_campaigns_pass(name: str) -> None:
    problems = [str(error) for error in VALIDATOR.iter_errors(yaml.safe_load(GOOD[name]))]
    assert problems == []


@pytest.mark.parametrize("case", SHAPES)
def test_bad_shapes_fail(case: str) -> None:
    text = (Path(__file__).parent / "err" / f"{case}.yaml").read_text(encoding="utf-8")
    assert not VALIDATOR.is_valid(yaml.safe_load(text))
