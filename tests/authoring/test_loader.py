"""One bad file stops one campaign, and the last good version stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.diagnostics import Diagnostic
from config.yaml_source import SourceError
from engine.authoring import loader as loader_module
from engine.authoring.compile import compile_campaign
from engine.authoring.loader import Loader
from engine.core.verbs import EmitEvent
from engine.ports.plans import CampaignSource
from tests.authoring.campaigns import REVIEW_REQUEST, simple
from tests.authoring.workspace import TEMPLATES, FakeTemplates

EVENTS = """version: 1
events:
  shop.quiz_done:
    doc: The tea quiz was finished.
    fields: {score: int}
  shop.packed: {object: order}
"""


def _write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _codes(found: tuple[Diagnostic, ...]) -> list[tuple[str, str]]:
    return [(one.at.file, one.code) for one in found]


def test_an_empty_workspace_is_no_problem(tmp_path: Path) -> None:
    loader: CampaignSource = Loader(tmp_path, TEMPLATES)
    assert loader.load() == {}
    assert loader.diagnostics() == ()


def test_campaigns_are_found_in_sub_folders(tmp_path: Path) -> None:
    _write(tmp_path, "campaigns/one.yaml", simple("one"))
    _write(tmp_path, "campaigns/deep/er/two.yml", simple("two"))
    _write(tmp_path, "campaigns/.hidden/three.yaml", "nonsense: [")
    _write(tmp_path, "campaigns/notes.txt", "nonsense: [")
    loader = Loader(tmp_path, TEMPLATES)
    found = loader.load()
    assert {name: one.file for name, one in found.items()} == {
        "one": "campaigns/one.yaml",
        "two": "campaigns/deep/er/two.yml",
    }
    assert found["one"].source == simple("one")
    assert found["one"].plan.id == "one"
    assert loader.diagnostics() == ()
    assert loader.sources()["campaigns/one.yaml"] == simple("one")


def test_a_bad_file_stops_only_itself_and_all_problems_are_told(tmp_path: Path) -> None:
    _write(tmp_path, "campaigns/good.yaml", simple("good"))
    _write(tmp_path, "campaigns/fields.yaml", simple("fields").replace("status: live", "x: 1"))
    _write(tmp_path, "campaigns/yaml.yaml", "steps: [")
    _write(tmp_path, "campaigns/lint.yaml", simple("lint", steps="  - send_email: nothing_here"))
    (tmp_path / "campaigns/latin.yaml").write_bytes(b"name: caf\xe9")
    loader = Loader(tmp_path, TEMPLATES)
    result = loader.read()
    assert list(result.campaigns) == ["good"]
    codes = _codes(result.diagnostics)
    assert ("campaigns/fields.yaml", "missing-field") in codes
    assert ("campaigns/fields.yaml", "unknown-field") in codes
    assert ("campaigns/latin.yaml", "not-utf-8") in codes
    assert ("campaigns/lint.yaml", "unknown-template") in codes
    assert {file for file, _ in codes} == {
        f"campaigns/{name}.yaml" for name in ("fields", "latin", "lint", "yaml")
    }
    assert result.diagnostics == loader.diagnostics()


def test_the_last_good_version_stays(tmp_path: Path) -> None:
    _write(tmp_path, "campaigns/one.yaml", simple("one"))
    loader = Loader(tmp_path, TEMPLATES)
    before = loader.load()["one"]
    _write(tmp_path, "campaigns/one.yaml", simple("one", steps="  - dealy: 3d"))
    assert loader.load() == {"one": before}
    assert _codes(loader.diagnostics()) == [("campaigns/one.yaml", "unknown-verb")]
    better = simple("one", steps="  - delay: 3d")
    _write(tmp_path, "campaigns/one.yaml", better)
    after = loader.load()["one"]
    assert after.source == better
    assert after.plan.revision != before.plan.revision
    assert loader.diagnostics() == ()


def test_a_file_that_is_gone_takes_its_campaign_along(tmp_path: Path) -> None:
    _write(tmp_path, "campaigns/one.yaml", simple("one"))
    loader = Loader(tmp_path, TEMPLATES)
    loader.load()
    (tmp_path / "campaigns/one.yaml").unlink()
    assert loader.load() == {}


def test_a_file_that_cannot_be_read_keeps_its_campaign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(tmp_path, "campaigns/one.yaml", simple("one"))
    loader = Loader(tmp_path, TEMPLATES)
    before = loader.load()

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refuse)
        assert loader.load() == before
        assert _codes(loader.diagnostics()) == [("campaigns/one.yaml", "unreadable-file")]
    assert loader.load() == before
    assert loader.diagnostics() == ()


def test_unchanged_files_are_not_compiled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[str] = []

    def counting(document, catalog, *, lenient=False):  # type: ignore[no-untyped-def]
        compiled.append(document.file)
        return compile_campaign(document, catalog, lenient=lenient)

    monkeypatch.setattr(loader_module, "compile_campaign", counting)
    _write(tmp_path, "campaigns/one.yaml", simple("one"))
    _write(tmp_path, "campaigns/two.yaml", simple("two"))
    loader = Loader(tmp_path, TEMPLATES)
    first = loader.load()
    _write(tmp_path, "campaigns/two.yaml", simple("two") + "# a comment\n")
    second = loader.load()
    assert compiled == ["campaigns/one.yaml", "campaigns/two.yaml", "campaigns/two.yaml"]
    assert second["one"] is first["one"]
    _write(tmp_path, "config/events.yaml", EVENTS)
    loader.load()
    assert compiled[3:] == ["campaigns/one.yaml", "campaigns/two.yaml"]


def test_a_template_that_goes_is_told_and_its_campaign_goes_on(tmp_path: Path) -> None:
    infos = dict(TEMPLATES.infos)
    _write(tmp_path, "campaigns/one.yaml", simple("one"))
    loader = Loader(tmp_path, FakeTemplates(infos))
    before = loader.load()
    del infos["thank_you"]
    assert loader.load() == before
    assert _codes(loader.diagnostics()) == [("campaigns/one.yaml", "unknown-template")]
    assert Loader(tmp_path, FakeTemplates(infos)).load() == {}


def test_of_two_files_with_one_id_the_one_that_had_it_keeps_it(tmp_path: Path) -> None:
    _write(tmp_path, "campaigns/m.yaml", simple("same"))
    loader = Loader(tmp_path, TEMPLATES)
    loader.load()
    _write(tmp_path, "campaigns/a.yaml", simple("same", steps="  - delay: 3d"))
    assert loader.load()["same"].file == "campaigns/m.yaml"
    assert ("campaigns/a.yaml", "duplicate-campaign-id") in _codes(loader.diagnostics())
    fresh = Loader(tmp_path, TEMPLATES)
    assert fresh.load()["same"].file == "campaigns/a.yaml"
    assert ("campaigns/m.yaml", "duplicate-campaign-id") in _codes(fresh.diagnostics())


def test_a_renamed_file_keeps_its_campaign(tmp_path: Path) -> None:
    _write(tmp_path, "campaigns/one.yaml", simple("one"))
    loader = Loader(tmp_path, TEMPLATES)
    revision = loader.load()["one"].plan.revision
    (tmp_path / "campaigns/one.yaml").rename(tmp_path / "campaigns/other.yaml")
    moved = loader.load()["one"]
    assert (moved.file, moved.plan.revision) == ("campaigns/other.yaml", revision)


def test_the_shops_own_event_types(tmp_path: Path) -> None:
    _write(tmp_path, "config/events.yaml", EVENTS)
    steps = "  - emit_event: {type: shop.quiz_done, data: {score: 3}}"
    _write(tmp_path, "campaigns/one.yaml", simple("one", event="shop.packed", steps=steps))
    loader = Loader(tmp_path, TEMPLATES)
    step = loader.load()["one"].plan.steps[0]
    assert isinstance(step, EmitEvent)
    assert step.data == {"score": 3}
    assert loader.diagnostics() == ()
    assert loader.catalog.types["shop.quiz_done"].doc == "The tea quiz was finished."
    _write(tmp_path, "config/events.yaml", "version: 1\nevents: {order.placed: {}, Bad: {}}\n")
    assert loader.load()["one"].plan.steps[0] is step
    codes = [("config/events.yaml", "bad-event-type")] * 2
    assert _codes(loader.diagnostics()) == codes
    assert _codes(loader.read().diagnostics) == codes
    (tmp_path / "config/events.yaml").unlink()
    assert loader.load()["one"].plan.steps[0] is step
    assert {code for _, code in _codes(loader.diagnostics())} == {"unknown-event"}


def test_campaigns_that_start_each_other_are_told_once(tmp_path: Path) -> None:
    names = ("shop.one", "shop.two", "shop.three")
    lines = "".join(f"  {name}: {{}}\n" for name in names)
    _write(tmp_path, "config/events.yaml", f"version: 1\nevents:\n{lines}")
    for number, name in enumerate(names):
        following = names[(number + 1) % 3]
        steps = f"  - send_email: thank_you\n  - emit_event: {following}"
        campaign = name.partition(".")[2]
        _write(tmp_path, f"campaigns/{campaign}.yaml", simple(campaign, event=name, steps=steps))
    loader = Loader(tmp_path, TEMPLATES)
    assert sorted(loader.load()) == ["one", "three"]
    (told,) = loader.diagnostics()
    assert (told.at.file, told.at.line, told.code) == ("campaigns/two.yaml", 9, "emit-cycle")
    for part in ("two emits shop.three", "three emits shop.one", "one emits shop.two"):
        assert part in told.message


def test_a_campaign_that_starts_itself_is_told(tmp_path: Path) -> None:
    _write(tmp_path, "config/events.yaml", "version: 1\nevents: {shop.one: {}}\n")
    steps = "  - emit_event: shop.one"
    _write(tmp_path, "campaigns/one.yaml", simple("one", event="shop.one", steps=steps))
    loader = Loader(tmp_path, TEMPLATES)
    assert loader.load() == {}
    assert [one.code for one in loader.diagnostics()] == ["emit-cycle"]


def test_stored_revisions_compile_without_what_is_gone(tmp_path: Path) -> None:
    source = simple(
        "old",
        event="shop.gone",
        steps="  - if: trigger.data.size > 3\n    send_email: gone\n  - emit_event: shop.lost",
    )
    loader = Loader(tmp_path, TEMPLATES)
    plan = loader.compile_source(source, "campaigns/old.yaml")
    assert [step.id for step in plan.steps] == ["step_1", "step_2"]
    _write(
        tmp_path,
        "campaigns/review-request.yaml",
        REVIEW_REQUEST.replace("shop.pinged", "shop.packed"),
    )
    _write(tmp_path, "config/events.yaml", EVENTS)
    loaded = loader.load()["review-request"]
    assert loader.compile_source(loaded.source, loaded.file) == loaded.plan


def test_stored_revisions_compile_when_the_event_types_have_changed(tmp_path: Path) -> None:
    steps = (
        "  - wait_for: {event: shop.quiz_done, if: event.data.score >= 9, timeout: 1d}\n"
        "  - emit_event: {type: shop.quiz_done, data: {score: 3}}"
    )
    _write(tmp_path, "config/events.yaml", EVENTS)
    _write(tmp_path, "campaigns/one.yaml", simple("one", event="shop.packed", steps=steps))
    loader = Loader(tmp_path, TEMPLATES)
    stored = loader.load()["one"]
    _write(tmp_path, "config/events.yaml", EVENTS.replace("score: int", "points: string"))
    assert loader.load()["one"] is stored
    assert {code for _, code in _codes(loader.diagnostics())} == {"unknown-data"}
    again = loader.compile_source(stored.source, stored.file)
    assert again == stored.plan


def test_stored_text_that_is_no_campaign_is_refused(tmp_path: Path) -> None:
    loader = Loader(tmp_path, TEMPLATES)
    for source in (
        "steps: [",
        "id: x",
        simple("x").replace("order.placed", "order.placed\nfilter: 1"),
    ):
        with pytest.raises(SourceError):
            loader.compile_source(source, "campaigns/x.yaml")
