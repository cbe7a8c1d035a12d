"""The OpenAPI document, with the real schema of events.

It is written out rather than derived from route parameters, because the endpoints work on bare
requests; ``tests/web`` holds it against the running application.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from pydantic import TypeAdapter

from engine.ports import calling
from engine.web import (
    api,
    clicks,
    openapi_pages,
    openapi_reviews,
    public,
    receipts,
    referrals,
    reviews,
    surveys,
    texts,
    webhooks,
)
from triggers.event import Event
from triggers.sources import SOURCES, cloudevents
from triggers.sources.native import MAX_EVENTS

TEXTS: Final = texts.PATH.format(provider="twilio")
_REF: Final = "#/components/schemas/{model}"

ORDER_PLACED: Final[dict[str, Any]] = {
    "id": "order-1001-placed",
    "source": "shop",
    "type": "order.placed",
    "time": "2026-02-10T10:00:00Z",
    "customer": {
        "id": "c-17",
        "email": "ann@example.com",
        "email_verified": True,
        "first_name": "Ann",
        "locale": "en-US",
        "timezone": "America/New_York",
        "consent": {"email": {"status": "subscribed", "proof": "checkout box"}},
    },
    "order": {
        "id": "1001",
        "number": "#1001",
        "currency": "USD",
        "total": "59.90",
        "lines": [{"id": "1", "sku": "TEA-1", "title": "Tea", "quantity": 2, "price": "29.95"}],
    },
}
SURVEY_ANSWERED: Final[dict[str, Any]] = {
    "id": "answer-7",
    "source": "shop",
    "type": "survey.answered",
    "time": "2026-02-17T08:30:00+01:00",
    "customer": {"id": "c-17"},
    "data": {"kind": "nps", "score": 9},
}
CLOUD_EVENT: Final[dict[str, Any]] = {
    "specversion": "1.0",
    "id": "order-1001-delivered",
    "source": "shop",
    "type": "order.delivered",
    "time": "2026-02-13T14:20:00Z",
    "data": {"order": {"id": "1001"}},
}


@lru_cache(maxsize=1)
def document(version: str) -> dict[str, Any]:
    """OpenAPI 3.1."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Lagniappe",
            "version": version,
            "summary": "Order and support events in.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            api.PATH: {"post": _post_events()},
            webhooks.PATH: {"post": _post_webhook()},
            TEXTS: {"post": _post_text()},
            calling.PATH: {"post": _post_turn()},
            receipts.PATH: {"post": _post_receipts()},
            public.PATH: openapi_pages.unsubscribe(),
            surveys.PATH: openapi_pages.survey(),
            referrals.PATH: openapi_pages.referral(),
            clicks.PATH: openapi_pages.click(),
            reviews.PATH: openapi_reviews.described(),
            "/healthz": {"get": _watch("The process answers.", "getHealth", {})},
            "/readyz": {
                "get": _watch(
                    "Everything it depends on is there.",
                    "getReadiness",
                    {"503": _json("Something is not; the checks say what.", "Readiness")},
                )
            },
            "/metrics": {"get": _metrics()},
        },
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "One of LAGNIAPPE_API_TOKEN.",
                }
            },
        },
    }


def _post_events() -> dict[str, Any]:
    return {
        "operationId": "postEvents",
        "summary": "Report events.",
        "description": (
            f"One event, an array of at most {MAX_EVENTS}, or CloudEvents 1.0, structured or"
            " batched. The answer comes when the events are durable. The same (source, id) counts"
            " once, however often it is sent, so a request without an answer can be repeated."
        ),
        "security": [{"token": []}],
        "requestBody": {"required": True, "content": _event_bodies()},
        "responses": {
            "202": _json("All events were taken.", "Counts"),
            "207": _json("Some were taken: a verdict for each.", "Verdicts"),
            "400": _json("None was taken: a verdict for each.", "Refusal"),
            **_errors("401", "403", "408", "413", "415", "503"),
        },
    }


def _event_bodies() -> dict[str, Any]:
    one, cloud = _ref("Event"), _ref("CloudEvent")

    def many(item: dict[str, Any]) -> dict[str, Any]:
        return {"type": "array", "items": item, "minItems": 1, "maxItems": MAX_EVENTS}

    return {
        "application/json": {
            "schema": {"anyOf": [one, many(one)]},
            "examples": {
                "order": {"summary": "An order was placed", "value": ORDER_PLACED},
                "batch": {"summary": "Two events", "value": [ORDER_PLACED, SURVEY_ANSWERED]},
            },
        },
        cloudevents.SINGLE: {"schema": cloud, "example": CLOUD_EVENT},
        cloudevents.BATCH: {"schema": many(cloud), "example": [CLOUD_EVENT]},
    }


def _post_webhook() -> dict[str, Any]:
    return {
        "operationId": "postWebhook",
        "summary": "Take a platform's webhook.",
        "description": (
            "The body is the platform's own, proven by its signature. One that is proven but not"
            " understood is kept and answered with 200."
        ),
        "parameters": [
            {
                "name": "platform",
                "in": "path",
                "required": True,
                "schema": {"enum": list(SOURCES), "type": "string"},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"type": "object"}}},
        },
        "responses": {
            "200": _json("Taken, or kept as not understood.", "WebhookTaken"),
            **_errors("401", "404", "408", "413", "503"),
        },
    }


def _post_text() -> dict[str, Any]:
    text = {"type": "string"}
    fields = ("MessageSid", "From", "To", "Body", "NumMedia", "OptOutType")
    return {
        "operationId": "postText",
        "summary": "Take what a customer writes back by SMS.",
        "description": (
            "Twilio's webhook for incoming messages, proven by its signature. The answer is TwiML;"
            " it sends nothing unless `sms: answers: ours` is set. A MessageSid counts once."
        ),
        "requestBody": {
            "required": True,
            "content": {
                "application/x-www-form-urlencoded": {
                    "schema": {
                        "type": "object",
                        "properties": dict.fromkeys(fields, text),
                        "required": ["MessageSid", "From", "To"],
                    }
                }
            },
        },
        "responses": {
            "200": {
                "description": "Taken, or kept as not understood.",
                "content": {"application/xml": {"schema": text}},
            },
            **_errors("401", "408", "413", "503"),
        },
    }


def _post_turn() -> dict[str, Any]:
    text = {"type": "string"}
    fields = ("CallSid", "From", "To", "Digits", "DialCallStatus", "DialCallDuration")
    names = ("message_id", "kind", "transfer", "attempt", "ended")
    return {
        "operationId": "postTurn",
        "summary": "Take the keys pressed in a call, and calls to a tracking number.",
        "description": (
            "Twilio's voice webhook, proven by its signature. With `message_id` it is about a call"
            " that we placed, without it about one to a tracking number. The answer is TwiML."
        ),
        "parameters": [{"name": name, "in": "query", "schema": text} for name in names],
        "requestBody": {
            "required": True,
            "content": {
                "application/x-www-form-urlencoded": {
                    "schema": {
                        "type": "object",
                        "properties": dict.fromkeys(fields, text),
                        "required": ["CallSid", "From", "To"],
                    }
                }
            },
        },
        "responses": {
            "200": {
                "description": "What to say next.",
                "content": {"application/xml": {"schema": text}},
            },
            **_errors("401", "408", "413", "503"),
        },
    }


def _post_receipts() -> dict[str, Any]:
    return {
        "operationId": "postReceipts",
        "summary": "Take a provider's report of what became of messages.",
        "description": (
            "SendGrid's signed event webhook, or a status callback of Twilio's, which names the"
            " message in its query. `accepted` counts those that were new."
        ),
        "parameters": [
            {
                "name": "provider",
                "in": "path",
                "required": True,
                "schema": {"enum": ["sendgrid", "twilio", "twilio_voice"], "type": "string"},
            },
            {"name": "message_id", "in": "query", "schema": {"type": "string"}},
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
                "application/x-www-form-urlencoded": {"schema": {"type": "object"}},
            },
        },
        "responses": {
            "200": _json("Taken, or kept as not understood.", "WebhookTaken"),
            **_errors("401", "404", "408", "413", "503"),
        },
    }


def _watch(summary: str, name: str, more: dict[str, Any]) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "responses": {"200": _json("It does.", "Readiness"), **more},
    }


def _metrics() -> dict[str, Any]:
    return {
        "operationId": "getMetrics",
        "summary": "Figures for Prometheus.",
        "description": "Asks for the token where others than this machine can reach it.",
        "security": [{}, {"token": []}],
        "responses": {
            "200": {
                "description": "The figures.",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            },
            **_errors("401", "403"),
        },
    }


def _json(description: str, name: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": _ref(name)}}}


_MEANINGS: Final = {
    "401": "The token or signature is missing or wrong.",
    "403": "The server has no token set, so it accepts none.",
    "404": "No such platform or provider.",
    "408": "The body did not arrive in time.",
    "413": "The body is too large.",
    "415": "The media type is not one of those listed.",
    "503": "Not stored: send it again, after Retry-After seconds.",
}


def _errors(*statuses: str) -> dict[str, Any]:
    return {status: _json(_MEANINGS[status], "Error") for status in statuses}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": _REF.format(model=name)}


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _schemas() -> dict[str, Any]:
    event = TypeAdapter(Event).json_schema(ref_template=_REF)
    parts: dict[str, Any] = event.pop("$defs")
    event["examples"] = [ORDER_PLACED, SURVEY_ANSWERED]
    text, count = {"type": "string"}, {"type": "integer", "minimum": 0}
    problem = _object(path=text, message=text)
    fault = {"error": _object(code=text, message=text)}
    verdict = _object(
        index=count,
        id={"type": ["string", "null"]},
        status={"enum": ["accepted", "rejected"]},
        errors={"type": "array", "items": problem},
    )
    counts = {"accepted": count, "rejected": count}
    items = {"items": {"type": "array", "items": _ref("Verdict")}}
    return parts | {
        "Event": event,
        "CloudEvent": _cloud_event(),
        "Counts": _object(**counts),
        "Verdict": verdict,
        "Verdicts": _object(**counts, **items),
        "Refusal": _object(**fault, **counts, **items),
        "Error": _object(**fault),
        "WebhookTaken": _object(**counts),
        "Readiness": _object(status={"enum": ["ok", "ready", "not_ready"]}),
    }


def _cloud_event() -> dict[str, Any]:
    """The envelope; its ``data`` holds the objects of an Event."""
    name = {"type": "string", "minLength": 1, "maxLength": 255}
    return {
        "type": "object",
        "required": ["specversion", "id", "source", "type"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": name,
            "source": name,
            "type": {"type": "string"},
            "time": {"type": "string", "format": "date-time"},
            "datacontenttype": {"const": "application/json"},
            "data": {
                "type": "object",
                "properties": {
                    "customer": _ref("CustomerFacts"),
                    "order": _ref("OrderFacts"),
                    "ticket": _ref("TicketFacts"),
                },
            },
        },
        "examples": [CLOUD_EVENT],
    }
