"""The JSON Schema of campaign files and of their tests, for editors.

Put ``# yaml-language-server: $schema=`` and the path or address of ``config/campaign.schema.json``
on a campaign's first line, or of ``config/campaign-tests.schema.json`` on that of its tests. A
schema knows fields and shapes; ``lagniappe check`` knows the rest.
"""

from __future__ import annotations

import json
from typing import Any

from engine.authoring.fields import Spec
from engine.authoring.rehearsal_spec import TestsSpec
from engine.authoring.spec import CampaignSpec

SCHEMA_FILE = "config/campaign.schema.json"
TESTS_SCHEMA_FILE = "config/campaign-tests.schema.json"


def campaign_schema() -> dict[str, Any]:
    """The schema (JSON Schema 2020-12) of campaigns, as plain data."""
    return _schema_of(CampaignSpec, "Lagniappe campaign")


def schema_of_tests() -> dict[str, Any]:
    """The schema of campaigns' tests."""
    return _schema_of(TestsSpec, "Lagniappe campaign tests")


def schema_text() -> str:
    """The schema of campaigns as the file that is shipped."""
    return _text(campaign_schema())


def schema_text_of_tests() -> str:
    """The schema of campaigns' tests as the file that is shipped."""
    return _text(schema_of_tests())


def _schema_of(model: type[Spec], title: str) -> dict[str, Any]:
    schema = _plain(model.model_json_schema(by_alias=True, mode="validation"))
    schema.pop("title", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **schema,
    }


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _plain(node: Any) -> Any:
    """Without generated titles, and without the nulls that only stand for a missing field."""
    if isinstance(node, list):
        return [_plain(one) for one in node]
    if not isinstance(node, dict):
        return node
    found = {
        key: _properties(value) if key in ("properties", "$defs") else _plain(value)
        for key, value in node.items()
        if not (key == "title" and isinstance(value, str))
        and not (key == "default" and value is None)
    }
    arms = found.get("anyOf")
    optional = "default" in node and node["default"] is None
    if isinstance(arms, list) and optional:
        rest = [arm for arm in arms if arm != {"type": "null"}]
        if len(rest) == 1:
            del found["anyOf"]
            found = {**rest[0], **found}
        else:
            found["anyOf"] = rest
    return found


def _properties(properties: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in properties.items()}
