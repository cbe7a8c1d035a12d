"""The description of the public pages for ``/openapi.json``."""

from __future__ import annotations

from typing import Any, Final

from engine.core.survey import LONGEST_COMMENT
from engine.services.unsubscribe import PAUSES

_TOKEN: Final = {"name": "token", "in": "path", "required": True, "schema": {"type": "string"}}


def unsubscribe() -> dict[str, Any]:
    """``/u/``."""
    page = {"text/html": {"schema": {"type": "string"}}}
    sentence = {"text/plain": {"schema": {"type": "string"}}}

    def answers(*more: str) -> dict[str, Any]:
        told = {"200": "What holds now.", "404": "The link is not valid."} | {
            "408": "The body did not arrive in time.",
            "409": "There is nothing to take back.",
            "413": "The body is too large.",
            "503": "Try again in a minute.",
        }
        return {
            status: {"description": told[status], "content": page | sentence}
            for status in ("200", "404", "503", *more)
        }

    return {
        "parameters": [_TOKEN],
        "get": {
            "operationId": "showUnsubscribe",
            "summary": "Show the page for unsubscribing and preferences; changes nothing.",
            "responses": answers(),
        },
        "post": {
            "operationId": "unsubscribe",
            "summary": "Unsubscribe by RFC 8058's one click; or what the page's forms ask for.",
            "requestBody": {
                "content": {
                    "application/x-www-form-urlencoded": {
                        "schema": {
                            "type": "object",
                            "properties": {
                                "List-Unsubscribe": {"const": "One-Click"},
                                "action": {
                                    "enum": [
                                        "unsubscribe",
                                        "subscribe",
                                        "save",
                                        *(f"pause-{days}" for days in PAUSES),
                                        "resume",
                                    ]
                                },
                            },
                        }
                    }
                }
            },
            "responses": answers("408", "409", "413"),
        },
    }


def click() -> dict[str, Any]:
    """``/c/``."""
    return {
        "parameters": [_TOKEN],
        "get": {
            "operationId": "followLink",
            "summary": "Lead on to where a message's link leads; notes that it was followed.",
            "responses": {
                "302": {
                    "description": "There, in Location.",
                    "headers": {"Location": {"schema": {"type": "string", "format": "uri"}}},
                },
                "404": {
                    "description": "The link is not valid.",
                    "content": {"text/plain": {"schema": {"type": "string"}}},
                },
            },
        },
    }


def survey() -> dict[str, Any]:
    """``/s/``."""
    page = {"text/html": {"schema": {"type": "string"}}}
    sentence = {"text/plain": {"schema": {"type": "string"}}}
    told = {
        "200": "The question; or what was answered, and how to change it.",
        "404": "The link is not valid, or the survey is over.",
        "408": "The body did not arrive in time.",
        "409": "The answer has been changed too often.",
        "413": "The body is too large.",
        "422": "No number of the scale was chosen.",
        "503": "Try again in a minute.",
    }

    def answers(*statuses: str) -> dict[str, Any]:
        return {
            status: {"description": told[status], "content": page | sentence}
            for status in sorted(statuses)
        }

    return {
        "parameters": [_TOKEN],
        "get": {
            "operationId": "showSurvey",
            "summary": "Show a survey's page with the link's score chosen; changes nothing.",
            "responses": answers("200", "404", "503"),
        },
        "post": {
            "operationId": "answerSurvey",
            "summary": "Answer a survey, or change the answer.",
            "requestBody": {
                "content": {
                    "application/x-www-form-urlencoded": {
                        "schema": {
                            "type": "object",
                            "required": ["score"],
                            "properties": {
                                "score": {"type": "integer", "minimum": 0, "maximum": 10},
                                "comment": {"type": "string", "maxLength": LONGEST_COMMENT},
                            },
                        }
                    }
                }
            },
            "responses": answers("200", "404", "408", "409", "413", "422", "503"),
        },
    }


def referral() -> dict[str, Any]:
    """``/r/``."""
    content = {name: {"schema": {"type": "string"}} for name in ("text/html", "text/plain")}
    told = {
        "200": "Who invites, what both get, and the way to the shop.",
        "404": "Nobody has this code, or its program has ended.",
        "408": "The body did not arrive in time.",
        "413": "The body is too large.",
        "422": "No email address, or no agreement.",
        "503": "Try again in a minute.",
    }

    def answers(*statuses: str) -> dict[str, Any]:
        return {status: {"description": told[status], "content": content} for status in statuses}

    fields = {"email": {"type": "string", "format": "email"}, "agreed": {"const": "1"}}
    form = {"type": "object", "required": ["email", "agreed"], "properties": fields}
    return {
        "parameters": [{**_TOKEN, "name": "code"}],
        "get": {
            "operationId": "showInvitation",
            "summary": "Show the page behind a referral code; notes that it was looked at.",
            "responses": answers("200", "404", "503"),
        },
        "post": {
            "operationId": "acceptInvitation",
            "summary": "Say with which address the friend will order.",
            "requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": form}}},
            "responses": answers("200", "404", "408", "413", "422", "503"),
        },
    }
