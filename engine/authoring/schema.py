"""The JSON Schema of campaign files, for editors.

Put ``# yaml-language-server: $schema=`` and the path or address of ``config/campaign.schema.json``
on a campaign's first line. A schema knows fields and shapes; ``lagniappe check`` knows the rest.
"""

from __future__ import annotations

import json
from typing import Any

from engine.authoring.spec import CampaignSpec

SCHEMA_FILE = "config/campaign.schema.json"


def campaign_schema() -> dict[str, Any]:
    """The schema (JSON Schema 2020-12), as plain data."""
    schema = CampaignSpec.model_json_schema(by_alias=True, mode="validation")
    schema = _plain(schema)
    schema.pop("title", None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Lagniappe campaign",
        **schema,
    }


def schema_text() -> str:
    """The schema as the file that is shipped."""
    return json.dumps(campaign_schema(), indent=2, ensure_ascii=False) + "\n"


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
