"""CloudEvents 1.0 in JSON, brought to the shape of our own events.

Source: github.com/cloudevents/spec, v1.0.2, ``spec.md`` and ``formats/json-format.md``.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pydantic_core import from_json

from triggers.catalog import Catalog
from triggers.sources.problems import Problem

SINGLE: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"

_OURS: Final = ("customer", "order", "ticket")
# Where our fields stand in a CloudEvent, for error paths.
PREFIXES: Final[Mapping[str, str]] = {name: f"data.{name}" for name in _OURS}

_ATTRIBUTE = re.compile(r"[a-z0-9]+\Z")
_URI_REFERENCE = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+\Z")
_JSON_TYPE = re.compile(r"[^/]+/(json|[^;]*\+json)\s*(;.*)?\Z", re.IGNORECASE)


def to_native(
    item: Mapping[str, Any], *, received_at: datetime, catalog: Catalog
) -> tuple[dict[str, Any], list[Problem]]:
    """One CloudEvent as a dict of our shape, and what the specification forbids in it.

    ``data`` may hold ``customer``, ``order`` and ``ticket`` of our shape (what is beside them, or
    under a ``data`` key of its own, becomes our ``data``); otherwise all of it becomes our
    ``data``, and ``subject`` names the object that the type is about. A missing ``time`` is the
    time of arrival. Extension attributes are let through and not kept.
    """
    problems = _attributes(item)
    content, fault = _content(item)
    if fault is not None:
        problems.append(fault)
    event: dict[str, Any] = {name: item.get(name) for name in ("id", "source", "type")}
    time = item.get("time")
    event["time"] = received_at if time is None else time
    if any(isinstance(content.get(name), dict) for name in _OURS):
        event.update({name: content[name] for name in _OURS if name in content})
        rest = {k: v for k, v in content.items() if k not in _OURS}
        inner = rest.pop("data", None)
        if isinstance(inner, dict):
            rest = {**inner, **rest}
        elif inner is not None:
            rest["data"] = inner
        event["data"] = rest
    else:
        event["data"] = content
    subject, spec = item.get("subject"), catalog.types.get(str(item.get("type")))
    if isinstance(subject, str) and subject and spec is not None and spec.object not in event:
        event[spec.object] = {"id": subject}
    return event, problems


def _attributes(item: Mapping[str, Any]) -> list[Problem]:
    problems = []
    version = item.get("specversion")
    if version is None:
        problems.append(Problem("specversion", 'is missing; expected "1.0"'))
    elif version != "1.0":
        problems.append(Problem("specversion", 'is not a version known here; expected "1.0"'))
    for name in ("id", "source", "type"):
        value = item.get(name)
        if value is None:
            problems.append(Problem(name, "is missing"))
        elif not isinstance(value, str) or not value:
            problems.append(Problem(name, "is not a text of at least one character"))
    source = item.get("source")
    if isinstance(source, str) and source and not _URI_REFERENCE.match(source):
        problems.append(Problem("source", "is not a URI reference"))
    for name in ("time", "subject", "datacontenttype", "dataschema"):
        value = item.get(name)
        if value is not None and (not isinstance(value, str) or not value):
            problems.append(Problem(name, "is not a text of at least one character"))
    problems.extend(
        Problem(name, "is not a CloudEvents attribute name: only a to z and 0 to 9")
        for name in item
        if name != "data_base64" and not _ATTRIBUTE.match(name)
    )
    return problems


def _content(item: Mapping[str, Any]) -> tuple[dict[str, Any], Problem | None]:
    media = item.get("datacontenttype")
    if isinstance(media, str) and not _JSON_TYPE.match(media.strip()):
        return {}, Problem("datacontenttype", "is not JSON; only JSON data can be read")
    value = item.get("data")
    if "data_base64" in item:
        if value is not None:
            return {}, Problem("data_base64", "stands beside data; only one of them may be given")
        try:
            value = from_json(base64.b64decode(item["data_base64"], validate=True))
        except (binascii.Error, ValueError, TypeError):
            return {}, Problem("data_base64", "is not JSON in base64")
    if value is None:
        return {}, None
    return (value, None) if isinstance(value, dict) else ({"value": value}, None)
