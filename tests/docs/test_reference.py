"""The reference says what the code says.

After a change of the code: ``WRITE_GOLDEN=1 pytest tests/docs``, and read what has changed.
"""

from __future__ import annotations

import json
import os
import re
import textwrap
from pathlib import Path

import pytest

from config.settings import PREFIX, Settings
from engine.cli.log import FIELDS as LOG_COLUMNS
from engine.core.decision import VerdictCode
from engine.core.message import MessageStatus
from engine.core.reasons import GUARDS
from engine.ports.faults import Fault
from engine.rendering.environment import TemplateEnvironment
from engine.web import openapi
from tests.docs.codes import codes
from tests.docs.generated import GENERATORS, store_keys
from tests.docs.pages import (
    DOCS,
    ROOT,
    all_pages,
    anchors,
    filled_in,
    first_cells,
    links,
    section,
)
from triggers.sources import shopify, stripe, woocommerce, zendesk
from triggers.sources.csv_orders import UnknownColumns, read_orders

REFERENCE = DOCS / "reference"
PAGES = all_pages()


def _read(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_generated_parts_are_up_to_date(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    anew = filled_in(page, GENERATORS)
    if os.environ.get("WRITE_GOLDEN"):
        path.write_text(anew, encoding="utf-8")
    else:
        assert anew == page, "run: WRITE_GOLDEN=1 pytest tests/docs"


def test_every_generator_is_used() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in PAGES)
    assert sorted(re.findall(r"^<!-- generated: (.*) -->$", pages, re.MULTILINE)) == sorted(
        GENERATORS
    )


def test_settings_are_all_listed_with_their_defaults() -> None:
    page = _read("settings.md")
    listed = first_cells(page)
    assert sorted(listed) == sorted(f"{PREFIX}{name.upper()}" for name in Settings.model_fields)
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, str | int):
            assert f"| `{PREFIX}{name.upper()}` | `{field.default}` |" in page


def test_fault_points_are_all_listed() -> None:
    page = (DOCS / "explanation" / "reliability.md").read_text(encoding="utf-8")
    assert [each for each in first_cells(page) if each in set(Fault)] == list(Fault)


def test_store_keys_are_all_listed_with_their_defaults() -> None:
    page = _read("store-yaml.md")
    rows = re.findall(r"^\| `([^`]+)` \| (.*?) \|", page, re.MULTILINE)
    assert len(rows) == len(dict(rows))
    assert dict(rows) == store_keys()


@pytest.mark.parametrize(
    ("heading", "known"),
    [
        ("Columns", list(LOG_COLUMNS)),
        ("Statuses", [status.value for status in MessageStatus]),
        ("Reasons", [*GUARDS, "profile_filter"]),
        ("Verdicts", [code.value for code in VerdictCode]),
    ],
)
def test_the_log_is_described_whole(heading: str, known: list[str]) -> None:
    described = first_cells(section(_read("message-log.md"), heading))
    assert sorted(described) == sorted(known)


def test_filters_are_all_listed() -> None:
    text = section(_read("templates.md"), "Filters")
    ours = first_cells(text)
    jinjas = re.findall(r"`(\w+)`", text.partition("These of Jinja")[2].partition("Of Jinja's")[0])
    known = TemplateEnvironment(autoescape=True, shop={}).filters
    assert sorted([*ours, *jinjas]) == sorted(name for name in known if not name.startswith("_"))


def test_codes_of_problems_are_all_listed_once() -> None:
    listed = first_cells(_read("error-codes.md"))
    assert len(listed) == len(set(listed))
    assert codes() - set(listed) == set()
    sources = "".join(
        path.read_text(encoding="utf-8")
        for place in ("config", "engine")
        for path in (ROOT / place).rglob("*.py")
    )
    goldens = codes()
    invented = {
        code
        for code in listed
        if code not in goldens
        and f'"{code}"' not in sources
        and f'"{code.replace("-", "_")}"' not in sources
    }
    assert invented == set()


def test_statuses_of_the_api_are_described() -> None:
    described = first_cells(section(_read("http-api.md"), "POST /v1/events"))
    known = openapi.document("0")["paths"]["/v1/events"]["post"]["responses"]
    assert sorted(described) == sorted(known)


def test_shopifys_topics_are_all_listed() -> None:
    page = (DOCS / "how-to/connect-shopify.md").read_text(encoding="utf-8")
    assert sorted(first_cells(page)) == sorted(shopify.TOPICS)


def test_woocommerces_topics_and_stripes_events_are_all_listed() -> None:
    for page, known in (("woocommerce", woocommerce.TOPICS), ("stripe", stripe.EVENTS)):
        text = (DOCS / f"how-to/connect-{page}.md").read_text(encoding="utf-8")
        assert sorted(first_cells(text.partition("## 2.")[0])) == sorted(known)


def test_zendesks_body_is_the_one_that_is_read() -> None:
    page = (DOCS / "how-to/connect-zendesk.md").read_text(encoding="utf-8")
    body = page.partition("```json\n")[2].partition("```")[0]
    assert json.loads(body)["ticket"]["id"] == "{{ticket.id}}"
    assert textwrap.indent(body.strip(), "    ") in (zendesk.__doc__ or "")


def test_columns_of_a_csv_are_known() -> None:
    page = (DOCS / "how-to/import-history.md").read_text(encoding="utf-8")
    columns = re.findall(r"`([^`]+)`", "".join(re.findall(r"^\| (?:the|a) .*", page, re.MULTILINE)))
    assert len(columns) > 20
    header = ",".join(columns)
    assert not [told for told in read_orders([header]) if isinstance(told, UnknownColumns)]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    for target in links(page):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file.read_text(encoding="utf-8")), target


def test_every_page_is_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    queue = [ROOT / "README.md"]
    while queue:
        path = queue.pop()
        if path in seen or path.suffix != ".md":
            continue
        seen.add(path)
        targets = links(path.read_text(encoding="utf-8"))
        files = (one.partition("#")[0] for one in targets if not one.startswith("https://"))
        queue.extend((path.parent / name).resolve() for name in files if name)
    assert set(PAGES) - seen == set()
