"""The review page's part of the OpenAPI document."""

from __future__ import annotations

from typing import Any


def described() -> dict[str, Any]:
    """The path item of ``/v/{token}``."""
    page = {"text/html": {"schema": {"type": "string"}}}
    sentence = {"text/plain": {"schema": {"type": "string"}}}
    told = {
        "200": "What can be reviewed, or was just now.",
        "400": "No product has stars.",
        "404": "The link is not valid.",
        "408": "The body did not arrive in time.",
        "413": "The body is too large.",
        "503": "Try again in a minute.",
    }

    def answers(*statuses: str) -> dict[str, Any]:
        return {
            status: {"description": told[status], "content": page | sentence} for status in statuses
        }

    return {
        "parameters": [
            {"name": "token", "in": "path", "required": True, "schema": {"type": "string"}}
        ],
        "get": {
            "operationId": "showReview",
            "summary": "Show the page on which an order's products are reviewed; changes nothing.",
            "parameters": [
                {"name": name, "in": "query", "schema": {"type": "integer", "minimum": 1}}
                for name in ("p", "stars")
            ],
            "responses": answers("200", "404", "503"),
        },
        "post": {
            "operationId": "submitReview",
            "summary": "Review products: stars_1 and text_1 for the order's first one, and so on.",
            "requestBody": {
                "content": {
                    "application/x-www-form-urlencoded": {
                        "schema": {
                            "type": "object",
                            "patternProperties": {
                                "^stars_[0-9]+$": {"enum": ["1", "2", "3", "4", "5"]},
                                "^text_[0-9]+$": {"type": "string"},
                            },
                        }
                    }
                }
            },
            "responses": answers("200", "400", "404", "408", "413", "503"),
        },
    }
