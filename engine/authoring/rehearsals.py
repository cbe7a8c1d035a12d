"""The workspace's tests of campaigns: ``campaigns/NAME.test.yaml``, read and checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from config.diagnostics import Diagnostic, Position, nearest
from config.policy import Policy
from config.validation import diagnose
from config.yaml_source import Document, SourceError, field_path
from config.yaml_source import Path as YamlPath
from config.yaml_source import load as read_yaml
from engine.authoring.compile import Draft
from engine.authoring.loader import CAMPAIGN_SUFFIXES, CAMPAIGNS, is_test_file
from engine.authoring.rehearsal_spec import ExpectSpec, Line, TestSpec, TestsSpec
from engine.core.campaign import Plan
from engine.core.verbs import SendMessage, Split

_STEP_ACTS = (
    "deliver",
    "open",
    "click",
    "bounce",
    "complain",
    "answer",
    "call",
    "no_answer",
    "using",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestFile:
    """A file of tests that can be played."""

    __test__ = False

    document: Document
    spec: TestsSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was made of one file: tests to play, unless there are diagnostics."""

    diagnostics: tuple[Diagnostic, ...]
    file: TestFile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TestFiles:
    """What the workspace has: the files that can be played, and what is wrong with the others.

    ``about``: the campaign of each file, readable or not, of which that can be told. ``sources``:
    the texts of all files read, by name, for reports.
    """

    __test__ = False

    files: tuple[TestFile, ...]
    diagnostics: tuple[Diagnostic, ...]
    about: Mapping[str, str]
    sources: Mapping[str, str]


def read_test_files(workspace: Path, drafts: Sequence[Draft], policy: Policy | None) -> TestFiles:
    """Every file of tests; ``drafts`` are the campaigns that they can be about.

    ``policy``: None when it cannot be read; what tests name of it is taken as it stands.
    """
    files: list[TestFile] = []
    problems: list[Diagnostic] = []
    about: dict[str, str] = {}
    sources: dict[str, str] = {}
    known = {draft.document.file: draft.spec.id for draft in drafts}
    named: dict[tuple[str, str], str] = {}
    for path in sorted((workspace / CAMPAIGNS).rglob("*")):
        if not is_test_file(path):
            continue
        name = path.relative_to(workspace).as_posix()
        beside = _beside(path, workspace, known)
        if beside is not None:
            about[name] = beside
        try:
            text = path.read_bytes()
        except OSError as error:
            problems.append(
                Diagnostic(
                    code="unreadable-file",
                    message=f"the file cannot be read: {error.strerror}",
                    at=Position(file=name, line=1, column=1),
                )
            )
            continue
        sources[name] = text.decode("utf-8", "replace")
        try:
            document = read_yaml(text, name)
        except SourceError as error:
            problems += error.diagnostics
            continue
        said = document.data.get("campaign") if isinstance(document.data, dict) else None
        if said in known.values():
            about[name] = str(said)
        found = read_tests(document, drafts, policy, named)
        problems += found.diagnostics
        if found.file is not None:
            files.append(found.file)
    return TestFiles(files=tuple(files), diagnostics=tuple(problems), about=about, sources=sources)


def _beside(path: Path, workspace: Path, known: Mapping[str, str]) -> str | None:
    """The campaign that a file of tests is named after, by its id in ``known``.

    A campaign that cannot be read is there all the same; its file's name stands for its id.
    """
    name = path.name.removesuffix(path.suffix).removesuffix(".test")
    for suffix in CAMPAIGN_SUFFIXES:
        campaign = path.with_name(name + suffix)
        if campaign.is_file():
            return known.get(campaign.relative_to(workspace).as_posix(), name)
    return None


def read_tests(
    document: Document,
    drafts: Sequence[Draft],
    policy: Policy | None = None,
    named: dict[tuple[str, str], str] | None = None,
) -> Found:
    """What one file says; every problem of its fields, and every name that nothing has.

    ``named``: the file of each test read before, by campaign and name; this one's are added.
    """
    try:
        file = TestFile(document=document, spec=TestsSpec.model_validate(document.data))
    except ValidationError as error:
        return Found(diagnostics=diagnose(error, document, TestsSpec))
    problems = tuple(_same_names(file, {} if named is None else named))
    problems += tuple(_names(file, {draft.spec.id: draft.plan for draft in drafts}))
    if policy is not None:
        problems += tuple(_names_of_policy(file, policy))
    return Found(diagnostics=problems, file=None if problems else file)


def _same_names(file: TestFile, named: dict[tuple[str, str], str]) -> Iterator[Diagnostic]:
    """Tests called as one of their campaign before them is: reports could not tell them apart."""
    here = file.document.file
    seen: set[str] = set()
    for number, test in enumerate(file.spec.tests):
        first = named.setdefault((file.spec.campaign, test.name), here)
        if test.name in seen or first != here:
            path: YamlPath = ("tests", number, "name")
            other = "" if first == here else f", the other one in {first}"
            yield Diagnostic(
                code="same-name",
                message=f'two tests are called "{test.name}"{other}',
                at=file.document.position(path),
                path=field_path(path),
                expected="a name for each",
            )
        seen.add(test.name)


def _names(file: TestFile, known: Mapping[str, Plan | None]) -> Iterator[Diagnostic]:
    """Names in the file that nothing has: campaigns, steps, templates, customers."""
    document, spec = file.document, file.spec
    if spec.campaign not in known:
        yield _unknown(
            document, ("campaign",), "unknown-campaign", "campaign", spec.campaign, known
        )
        return
    for at, other in enumerate(spec.with_):
        if other not in known:
            yield _unknown(document, ("with", at), "unknown-campaign", "campaign", other, known)
    plan = known[spec.campaign]
    for number, test in enumerate(spec.tests):
        here: YamlPath = ("tests", number)
        for at, other in enumerate(test.with_):
            if other not in known:
                where = (*here, "with", at)
                yield _unknown(document, where, "unknown-campaign", "campaign", other, known)
        if plan is not None:
            yield from _names_of_test(document, here, test, plan)


def _names_of_test(
    document: Document, here: YamlPath, test: TestSpec, plan: Plan
) -> Iterator[Diagnostic]:
    steps = {step.id for step in plan.steps}
    people = set(test.others or {})
    for number, line in enumerate(test.given):
        where = (*here, "given", number)
        for word, step in _steps_of(line):
            if step not in steps:
                yield _unknown(document, (*where, word), "unknown-step", "step", step, steps)
        if line.by is not None and line.by not in people:
            yield _unknown(
                document, (*where, "by"), "unknown-customer", "customer", line.by, people
            )
    variants = {one.id: {each.name for each in one.variants}
                for one in plan.steps if isinstance(one, Split)}  # fmt: skip
    for split, variant in test.variants.items():
        where = (*here, "variants", split)
        if split not in variants:
            yield _unknown(document, where, "unknown-step", "split", split, variants, key=True)
        elif variant not in variants[split]:
            yield _unknown(document, where, "unknown-variant", "variant", variant, variants[split])
    yield from _names_expected(document, (*here, "expect"), test.expect, plan, people)


def _names_of_policy(file: TestFile, policy: Policy) -> Iterator[Diagnostic]:
    """Pools and topics that config/store.yaml does not have: a test of them would show nothing."""
    pools = {offer.pool for offer in policy.offers.values() if offer.pool is not None}
    for number, test in enumerate(file.spec.tests):
        here: YamlPath = ("tests", number)
        for pool in test.pools:
            if pool not in pools:
                where = (*here, "pools", pool)
                yield _unknown(file.document, where, "unknown-pool", "pool", pool, pools, key=True)
        for at, line in enumerate(test.given):
            for place, topic in enumerate(line.decline or ()):
                if topic not in policy.topics:
                    where = (*here, "given", at, "decline")
                    if file.document.has((*where, place)):
                        where = (*where, place)
                    yield _unknown(
                        file.document, where, "unknown-topic", "topic", topic, policy.topics
                    )


def _steps_of(line: Line) -> Iterator[tuple[str, str]]:
    for word in _STEP_ACTS:
        step = getattr(line, word)
        if step is not None:
            yield word, step


def _names_expected(
    document: Document, here: YamlPath, expect: ExpectSpec, plan: Plan, people: set[str]
) -> Iterator[Diagnostic]:
    steps = {step.id for step in plan.steps}
    sends = {(step.channel, step.template) for step in plan.steps if isinstance(step, SendMessage)}
    for number, sent in enumerate(expect.messages or ()):
        where = (*here, "messages", number)
        if (sent.channel, sent.template) not in sends:
            templates = sorted(template for channel, template in sends if channel == sent.channel)
            yield _unknown(
                document,
                (*where, sent.channel),
                "unknown-template",
                f"{sent.channel} template of this campaign",
                sent.template,
                templates,
            )
        if sent.to is not None and sent.to not in people:
            yield _unknown(
                document, (*where, "to"), "unknown-customer", "customer", sent.to, people
            )
    named: list[tuple[YamlPath, str | None]] = [
        ((*here, "messages", number, "step"), sent.step)
        for number, sent in enumerate(expect.messages or ())
    ]
    named += [
        ((*here, "skips", number, "step"), skip.step) for number, skip in enumerate(expect.skips)
    ]
    named += [
        ((*here, "tasks", number, "step"), task.step)
        for number, task in enumerate(expect.tasks or ())
    ]
    if expect.journey is not None:
        named.append(((*here, "journey", "waiting"), expect.journey.waiting))
    for number, journey in enumerate(expect.journeys or ()):
        named.append(((*here, "journeys", number, "waiting"), journey.waiting))
    for where, step in named:
        if step is not None and step not in steps:
            yield _unknown(document, where, "unknown-step", "step", step, steps)


def _unknown(
    document: Document,
    path: YamlPath,
    code: str,
    what: str,
    word: str,
    choices: Mapping[str, object] | set[str] | list[str],
    *,
    key: bool = False,
) -> Diagnostic:
    listed = sorted(choices)
    return Diagnostic(
        code=code,
        message=f'there is no {what} "{word}"',
        at=document.position(path, key=key),
        path=field_path(path),
        expected=f"one of {', '.join(listed)}" if 0 < len(listed) <= 12 else None,
        suggestion=nearest(word, listed),
    )
