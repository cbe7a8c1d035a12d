"""Two versions of a workspace over one history: which messages come, go, move or read otherwise."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from difflib import unified_diff
from statistics import median

from engine.simulator.witness import Account, Entry, Name, Went, Words

Pair = tuple[str, str]
_LONG = 40  # lines of an example


@dataclass(slots=True, kw_only=True)
class Change:
    """What becomes of the messages of one campaign on one channel; counts.

    ``shift`` is the median of how much later the moved ones go out.
    """

    before: int = 0
    after: int = 0
    added: int = 0
    removed: int = 0
    moved: int = 0
    changed: int = 0
    shift: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reworded:
    """A template of a campaign whose words have changed in so many messages.

    ``example`` is a unified diff of one of them, empty when none of those that are kept changed.
    """

    campaign: str
    channel: str
    template: str
    messages: int
    example: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """A customer who gets more or fewer messages."""

    customer: str
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How the second of two accounts differs from the first.

    ``kept_from`` counts why messages that went out no longer do, ``let_through`` why those that now
    go out did not before, both by (campaign, reason); the reason is ``none`` where the message
    would not even have been thought of. ``withheld`` is by (campaign, reason) too: before, after.
    """

    changes: Mapping[Pair, Change]
    kept_from: Counter[Pair]
    let_through: Counter[Pair]
    withheld: Mapping[Pair, tuple[int, int]]
    reworded: tuple[Reworded, ...]
    pressed: tuple[Pressed, ...]  # those that change most first
    cost: tuple[int, int]

    @property
    def total(self) -> Change:
        """Over all campaigns and channels; without a shift."""
        whole = Change()
        for one in self.changes.values():
            for part in ("before", "after", "added", "removed", "moved", "changed"):
                setattr(whole, part, getattr(whole, part) + getattr(one, part))
        return whole

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is different."""
        total = self.total
        return not (
            total.added or total.removed or total.moved or total.changed
            or self.withheld or self.cost[0] != self.cost[1]
        )  # fmt: skip


def compare(before: Account, after: Account) -> Comparison:
    """What the second account does otherwise than the first.

    Messages are matched by campaign, customer, entry and step; what is left over, by the template
    and channel in the order of their times, so that a renamed step is still the same message.
    """
    after = _numbered_alike(before, after)
    changes: defaultdict[Pair, Change] = defaultdict(Change)
    shifts: defaultdict[Pair, list[timedelta]] = defaultdict(list)
    kept_from: Counter[Pair] = Counter()
    let_through: Counter[Pair] = Counter()
    others: defaultdict[tuple[str, str, str], list[tuple[Went, Went]]] = defaultdict(list)
    for account, part in ((before, "before"), (after, "after")):
        for name, went in account.went.items():
            change = changes[name.campaign, went.channel]
            setattr(change, part, getattr(change, part) + 1)
    for name, former, now in _matched(before.went, after.went):
        if former is None and now is not None:
            changes[name.campaign, now.channel].added += 1
            let_through[name.campaign, before.withheld.get(name, "none")] += 1
        elif former is not None and now is None:
            changes[name.campaign, former.channel].removed += 1
            kept_from[name.campaign, after.withheld.get(name, "none")] += 1
        elif former is not None and now is not None:
            pair = (name.campaign, now.channel)
            if former.at != now.at:
                changes[pair].moved += 1
                shifts[pair].append(now.at - former.at)
            if former.digest != now.digest:
                changes[pair].changed += 1
                others[(*pair, now.template)].append((former, now))
    for pair, found in shifts.items():
        changes[pair].shift = timedelta(seconds=median(one.total_seconds() for one in found))
    return Comparison(
        changes=dict(sorted(changes.items())),
        kept_from=kept_from,
        let_through=let_through,
        withheld=_withheld(before, after),
        reworded=tuple(
            Reworded(
                campaign=campaign,
                channel=channel,
                template=template,
                messages=len(found),
                example=_example(found, before.words, after.words),
            )
            for (campaign, channel, template), found in sorted(others.items())
        ),
        pressed=_pressed(before.pressure, after.pressure),
        cost=(before.cost, after.cost),
    )


def _numbered_alike(before: Account, after: Account) -> Account:
    """The second account, its entries numbered as those of the first that began by the same event.

    Else one entry more or less would make others of all that follow it.
    """
    former: defaultdict[Entry, dict[str, int]] = defaultdict(dict)
    now: defaultdict[Entry, dict[str, int]] = defaultdict(dict)
    for account, found in ((before, former), (after, now)):
        for entry, event in account.began.items():
            events = found[entry._replace(number=0)]
            events[f"{event} {entry.number}" if event in events else event] = entry.number
    numbers: dict[Entry, int] = {}
    for entry, events in now.items():
        known = former.get(entry, {})
        taken = {known[event] for event in events.keys() & known.keys()}
        for event, number in sorted(events.items(), key=lambda one: one[1]):
            alike = known.get(event)
            if alike is None:
                alike = max((*taken, *known.values())) + 1 if number in taken else number
                taken.add(alike)
            if alike != number:
                numbers[entry._replace(number=number)] = alike
    if not numbers:
        return after

    def named(name: Name) -> Name:
        return replace(name, entry_no=numbers.get(name.entry, name.entry_no))

    return replace(
        after,
        went={named(name): went for name, went in after.went.items()},
        withheld={named(name): reason for name, reason in after.withheld.items()},
    )


def percentile(pressure: Mapping[str, int], part: int) -> int:
    """How many messages at most so many of a hundred customers get, by the nearest rank."""
    counts = sorted(pressure.values())
    return counts[max(0, -(-len(counts) * part // 100) - 1)] if counts else 0


def _matched(
    before: Mapping[Name, Went], after: Mapping[Name, Went]
) -> Iterator[tuple[Name, Went | None, Went | None]]:
    """Every message of the two, once; under its later name where there is one."""
    gone: defaultdict[tuple[object, ...], list[tuple[Name, Went]]] = defaultdict(list)
    for name, went in before.items():
        if name not in after or after[name].channel != went.channel:
            gone[_likeness(name, went)].append((name, went))
    for found in gone.values():
        found.sort(key=lambda one: (one[1].at, one[0]), reverse=True)
    fresh: list[tuple[Name, Went]] = []
    for name, now in after.items():
        former = before.get(name)
        if former is not None and former.channel == now.channel:
            yield name, former, now
        else:
            fresh.append((name, now))
    for name, now in sorted(fresh, key=lambda one: (one[1].at, one[0])):
        left = gone.get(_likeness(name, now))
        yield name, left.pop()[1] if left else None, now
    for found in gone.values():
        for name, went in found:
            yield name, went, None


def _likeness(name: Name, went: Went) -> tuple[object, ...]:
    return (name.campaign, name.customer, name.entry_key, name.entry_no, went.channel,
            went.template)  # fmt: skip


def _withheld(before: Account, after: Account) -> dict[Pair, tuple[int, int]]:
    counts = [
        Counter((name.campaign, reason) for name, reason in account.withheld.items())
        for account in (before, after)
    ]
    return {
        pair: (counts[0][pair], counts[1][pair])
        for pair in sorted(counts[0] | counts[1])
        if counts[0][pair] != counts[1][pair]
    }


def _pressed(before: Mapping[str, int], after: Mapping[str, int]) -> tuple[Pressed, ...]:
    found = [
        Pressed(customer=key, before=before.get(key, 0), after=after.get(key, 0))
        for key in before.keys() | after.keys()
        if before.get(key, 0) != after.get(key, 0)
    ]
    return tuple(
        sorted(found, key=lambda one: (-abs(one.after - one.before), -one.after, one.customer))
    )


def _example(
    found: Iterable[tuple[Went, Went]], before: Mapping[str, Words], after: Mapping[str, Words]
) -> tuple[str, ...]:
    for former, now in sorted(found, key=lambda one: one[1].id):
        if former.id in before and now.id in after:
            return _difference(before[former.id], after[now.id])
    return ()


def _difference(before: Words, after: Words) -> tuple[str, ...]:
    """Of the words, and of the page only where the words are the same."""
    one, other = (f"Subject: {each.subject}\n{each.text}" for each in (before, after))
    if one == other:
        one, other = before.html, after.html
    lines = unified_diff(one.splitlines(), other.splitlines(), "before", "after", "", "", 1, "")
    return tuple(lines)[:_LONG]
