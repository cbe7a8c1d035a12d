"""The OpenAPI document: true of the application, and the ground for fuzzing it."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from jsonschema_rs import Draft202012Validator
from schemathesis.generation import GenerationMode

from engine.web.server import Server
from tests.soak import scale as count
from tests.web.site import AUTHORISED, Site

DOCUMENT = Site().app.openapi()
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = [
    (path, method)
    for path, methods in DOCUMENT["paths"].items()
    for method in methods
    if method in ("get", "post")
]
# A request without a body has little to be wrong with.
MODES = [(*operation, GenerationMode.POSITIVE) for operation in OPERATIONS] + [
    (path, method, GenerationMode.NEGATIVE) for path, method in OPERATIONS if method == "post"
]
ENVIRONMENT = {
    "LAGNIAPPE_API_TOKEN": AUTHORISED["Authorization"].removeprefix("Bearer "),
    "LAGNIAPPE_SHOPIFY_SECRET": "shpss_of_the_tests",
}
MEDIA_TYPES = DOCUMENT["paths"]["/v1/events"]["post"]["requestBody"]["content"]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Site(environment=ENVIRONMENT).accepting() as site:
        server = Server(site.app, "127.0.0.1", 0)
        server.start()
        yield server
        server.stop()


def examples() -> Iterator[tuple[str, Any]]:
    for media_type, told in MEDIA_TYPES.items():
        for example in told.get("examples", {}).values():
            yield media_type, example["value"]
        if "example" in told:
            yield media_type, told["example"]


def test_it_is_served_as_it_is_written() -> None:
    async def run() -> httpx.Response:
        async with Site().client() as client:
            return await client.get("/openapi.json")

    assert asyncio.run(run()).json() == json.loads(json.dumps(DOCUMENT))


def test_it_tells_of_every_route_and_method() -> None:
    app = Site().app
    told = {(path, method.upper()) for path, method in OPERATIONS}
    real = {
        (route.path, method)  # type: ignore[attr-defined]
        for route in app.routes
        for method in route.methods  # type: ignore[attr-defined]
        if method != "HEAD" and route.path != "/openapi.json"  # type: ignore[attr-defined]
    }
    assert told == real


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(DOCUMENT)
    known = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    used = {part.split('"')[0] for part in text.split('"$ref": "')[1:]}
    assert used <= known
    assert known <= used | {"#/components/schemas/Verdict"}


@pytest.mark.parametrize(("media_type", "example"), list(examples()))
def test_the_examples_fit_their_schema_and_are_taken(media_type: str, example: object) -> None:
    schema = {**MEDIA_TYPES[media_type]["schema"], "components": DOCUMENT["components"]}
    Draft202012Validator(schema).validate(example)

    async def run() -> httpx.Response:
        async with Site().client() as client:
            headers = {**AUTHORISED, "Content-Type": media_type}
            content = json.dumps(example).encode()
            return await client.post("/v1/events", content=content, headers=headers)

    assert asyncio.run(run()).status_code == 202


@pytest.mark.soak
@pytest.mark.parametrize(("path", "method", "mode"), MODES)
def test_no_request_breaks_it(server: Server, path: str, method: str, mode: GenerationMode) -> None:
    """Every answer is one that the document tells, in the shape that it tells; never a 500."""
    cases = SCHEMA[path][method.upper()].as_strategy(generation_mode=mode)
    declared = {int(status) for status in DOCUMENT["paths"][path][method]["responses"]}

    @given(case=cases)
    @settings(max_examples=count(25, 500), suppress_health_check=list(HealthCheck), deadline=None)
    def fuzz(case: Any) -> None:
        answer = case.call(base_url=f"http://127.0.0.1:{server.port}", headers=AUTHORISED)
        assert answer.status_code < 500, (answer.status_code, answer.content)
        if answer.status_code not in (404, 405, 431):
            assert answer.status_code in declared
            case.validate_response(answer, checks=[schemathesis.checks.response_schema_conformance])

    fuzz()
