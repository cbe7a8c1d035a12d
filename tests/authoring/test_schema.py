"""The JSON Schema for editors takes what is good and refuses what is not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from config.yaml_source import load
from engine.authoring.schema import (
    SCHEMA_FILE,
    TESTS_SCHEMA_FILE,
    campaign_schema,
    schema_of_tests,
    schema_text,
    schema_text_of_tests,
)
from engine.authoring.values import plain_value
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


@pytest.mark.parametrize(
    ("name", "text"), [(SCHEMA_FILE, schema_text), (TESTS_SCHEMA_FILE, schema_text_of_tests)]
)
def test_the_shipped_files_are_up_to_date(name: str, text: Callable[[], str]) -> None:
    path = ROOT / name
    if os.environ.get("WRITE_GOLDEN"):
        path.write_text(text(), encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text(), "run: WRITE_GOLDEN=1 pytest " + __file__


def test_every_field_is_described() -> None:
    assert _described(campaign_schema()) == []
    assert _described(schema_of_tests()) == []


@pytest.mark.parametrize("path", sorted((ROOT / "campaigns").glob("*.test.yaml")))
def test_the_librarys_tests_pass(path: Path) -> None:
    validator = jsonschema_rs.validator_for(schema_of_tests())
    problems = [str(error) for error in validator.iter_errors(_texts(path))]
    assert problems == []


def _texts(path: Path) -> Any:
    """The file as an editor reads it: by YAML 1.2's core schema, in which times are text."""
    data = load(path.read_bytes(), path.name)
    return plain_value(data, (), data.data)


@pytest.mark.parametrize("name", GOOD)
def test_good_campaigns_pass(name: str) -> None:
    problems = [str(error) for error in VALIDATOR.iter_errors(yaml.safe_load(GOOD[name]))]
    assert problems == []


@pytest.mark.parametrize("case", SHAPES)
def test_bad_shapes_fail(case: str) -> None:
    text = (Path(__file__).parent / "err" / f"{case}.yaml").read_text(encoding="utf-8")
    assert not VALIDATOR.is_valid(yaml.safe_load(text))
