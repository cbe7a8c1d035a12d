"""Everything that was sent, withheld or told can be found again."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from engine.core.customer import Ticket
from engine.core.decision import Decision, DecisionKind, EntryVerdict, VerdictCode
from engine.core.identity import IdentityKey
from engine.core.message import MessageStatus
from engine.core.world import JourneyStatus
from engine.ports.history import Ambiguous, EventFilter, MessageFilter
from engine.ports.stored import Archived, Conflict, Merge, Processed
from engine.storage.history import SqlHistory
from engine.storage.store import SqlStorage
from tests.storage import things
from tests.storage.things import NOW, store
from triggers.event import Rejected

MINUTE = timedelta(minutes=1)
VERDICT = EntryVerdict(
    campaign="thanks",
    revision="r1",
    code=VerdictCode.FILTER,
    transition="order.placed",
    trace={"order.total": [5, 20]},
)


@pytest.fixture
def history(storage: SqlStorage) -> SqlHistory:
    return SqlHistory(storage.database)


def ids(rows: object) -> list[str]:
    return [row.id for row in rows]  # type: ignore[attr-defined]


def test_the_log_is_filtered_and_paged(storage: SqlStorage, history: SqlHistory) -> None:
    made = [
        things.message(
            f"m{n:02}",
            "c",
            created_at=NOW + (n // 3) * MINUTE,
            campaign="odd" if n % 2 else "even",
            channel="sms" if n % 5 == 0 else "email",
            status=MessageStatus.SENT if n % 3 == 0 else MessageStatus.SKIPPED,
            order_id=f"o{n}",
        )
        for n in range(12)
    ]
    store(storage, things.new_world("c", *made), things.new_world("d", things.message("x", "d")))
    every, after = list[str](), None
    while page := history.messages(MessageFilter(customer="c", limit=5, after=after)):
        every, after = every + ids(page), page[-1].cursor
    assert every == [f"m{n:02}" for n in range(11, -1, -1)]

    def found(**wanted: object) -> set[str]:
        return set(ids(history.messages(MessageFilter(**wanted))))  # type: ignore[arg-type]

    assert found(campaign="odd", channel="sms") == {"m05"}
    assert found(statuses=frozenset({MessageStatus.SENT})) == {"m00", "m03", "m06", "m09"}
    assert found(order_id="o7") == {"m07"}
    assert found(since=NOW + MINUTE, until=NOW + 2 * MINUTE) == {"m03", "m04", "m05"}
    assert found(customer="nobody") == set()
    row = history.messages(MessageFilter(order_id="o7"))[0]
    assert (row.customer_id, row.campaign, row.template) == ("c", "odd", "thank_you")
    assert (row.created_at, row.status) == (NOW + 2 * MINUTE, MessageStatus.SKIPPED)


def test_one_message_shows_its_content_and_reasons(
    storage: SqlStorage, history: SqlHistory
) -> None:
    message = things.message("abcd-1", "c", journey_id="j")
    world = things.new_world("c", message, things.message("abcd-2", "c"))
    decision = Decision(
        kind=DecisionKind.MESSAGE,
        at=NOW,
        customer_id="c",
        campaign="thanks",
        revision="r1",
        journey_id="j",
        step="ask",
        code="cap",
        message_id="abcd-1",
        trace={"cap": [1, 2]},
    )
    world.changes.decisions += [decision, decision]
    with storage.deciding() as unit:
        unit.save(world)
        kept = Archived(message_id="abcd-1", template="t", sample_id="s", sample=b"S", packed=b"P")
        unit.archive([kept])
        unit.commit()
    detail = history.message("abcd-1")
    assert detail is not None
    assert (detail.message.id, detail.packed, detail.sample) == ("abcd-1", b"P", b"S")
    assert detail.decisions == (decision, decision)
    with pytest.raises(Ambiguous, match="abcd-1, abcd-2"):
        history.message("abcd")
    other = history.message("abcd-2")
    assert other is not None
    assert (other.packed, other.decisions) == (None, ())
    assert history.message("zz") is None
    assert history.message("") is None


def test_following_shows_each_message_once(storage: SqlStorage, history: SqlHistory) -> None:
    store(storage, things.new_world("c", things.message("before", "c")))
    tail = history.start_tail(NOW)
    rows, tail = history.tail(tail)
    assert rows == []
    late = things.message("late", "d", created_at=NOW - timedelta(seconds=5))
    store(storage, things.new_world("d", late, things.message("now", "d", created_at=NOW + MINUTE)))
    rows, tail = history.tail(tail)
    assert ids(rows) == ["late", "now"]
    rows, tail = history.tail(tail)
    assert rows == []
    store(
        storage,
        things.new_world(
            "e",
            *(things.message(f"e{n}", "e", created_at=NOW + (2 + n) * MINUTE) for n in range(5)),
        ),
    )
    shown = list[str]()
    for _ in range(5):
        rows, tail = history.tail(tail, limit=2)
        shown += ids(rows)
    assert shown == ["e0", "e1", "e2", "e3", "e4"]


def test_customers_are_found_by_all_that_they_are_known_by(
    storage: SqlStorage, history: SqlHistory
) -> None:
    world = things.new_world("0a1b2c", email="ann@example.com", first_name="Ann", orders_count=3)
    store(storage, world, things.new_world("ffee"))
    with storage.deciding() as unit:
        for kind, value in (
            ("email", "Ann@example.com"),
            ("phone", "+4930123456"),
            ("id:shop", "123"),
        ):
            unit.identify(IdentityKey(kind, value), "0a1b2c")
        unit.identify(IdentityKey("id:other", "123"), "dddd")
        unit.commit()
    store(storage, things.new_world("dddd"))
    with storage.deciding() as unit:
        unit.merge(Merge(survivor="0a1b2c", merged="ffee", at=NOW))
        unit.commit()
    for text, by in (
        ("0a1b2c", "id"),
        ("0a1", "id"),
        ("ffee", "alias"),
        (" Ann@EXAMPLE.com ", "email"),
        ("+49 30 123456", "phone"),
        ("shop:123", "id:shop"),
    ):
        found = history.find_customers(text)
        assert [(each.id, each.matched_by) for each in found] == [("0a1b2c", by)], text
    assert (found[0].first_name, found[0].orders_count) == ("Ann", 3)
    assert ids(history.find_customers("123")) == ["0a1b2c", "dddd"]
    assert history.find_customers("nobody") == []
    assert history.find_customers(" ") == []


def test_whatever_people_have_at_hand_is_found(storage: SqlStorage, history: SqlHistory) -> None:
    ann = things.new_world(
        "ann",
        things.order("shop:77", "ann", number="#1001"),
        things.journey("j-1", "ann"),
        Ticket(id="desk:T7", customer_id="ann"),
    )
    ben = things.new_world(
        "ben",
        things.order("shop:1001", "ben", number="#1002"),
        things.message("m-1", "ben"),
        Ticket(id="desk:T_", customer_id="ben"),
    )
    store(storage, ann, ben)
    with storage.deciding() as unit:
        unit.identify(IdentityKey("phone:shop", "+447700900116"), "ann")
        unit.identify(IdentityKey("email", "ann@example.com"), "ann")
        unit.commit()
    with storage.database.writing() as connection:
        connection.execute(
            sa.text("UPDATE messages SET provider_message_id = 'SG.1' WHERE id = 'm-1'")
        )
    for named, order in (("#1001", "shop:77"), ("1001", "shop:77"), ("77", "shop:77")):
        assert ids(history.find_orders(named)) == [order], named
    for named, kind, owner in (
        ("J-1", "journey", "ann"),
        ("SG.1", "message", "ben"),
        ("T7", "ticket", "ann"),
        ("T_", "ticket", "ben"),
        ("07700 900116", "phone", "ann"),
        ("(0)7700-900.116", "phone", "ann"),
    ):
        found = history.find_others(named)
        assert [(each.kind, each.customer_id) for each in found] == [(kind, owner)], named
    assert history.find_others("900116") == []
    assert history.find_others("T") == []
    assert history.find_others(" ") == []
    assert history.emails_like("Anne@example.com") == ["ann@example.com"]
    assert history.emails_like(" ") == []


def test_a_timeline_tells_all_in_order(storage: SqlStorage, history: SqlHistory) -> None:
    world = things.new_world(
        "c",
        things.journey("j", "c", variants={"split": "a"}),
        things.message("m", "c", created_at=NOW + 2 * MINUTE),
    )
    decision = Decision(
        kind=DecisionKind.ENTERED,
        at=NOW + MINUTE,
        customer_id="c",
        campaign="thanks",
        revision="r1",
        journey_id="j",
    )
    world.changes.decisions.append(decision)
    with storage.deciding() as unit:
        unit.save(world)
        done = Processed(
            seq=None, incoming=things.incoming("1"), customer_id="c", verdicts=[VERDICT]
        )
        unit.processed([done])
        unit.commit()
    timeline = history.timeline("c")
    assert [at - NOW for at, _ in timeline.entries] == [timedelta(0), MINUTE, 2 * MINUTE]
    assert timeline.decisions == (decision,)
    assert timeline.events[0].verdicts == (VERDICT,)
    assert timeline.journeys[0].variants == {"split": "a"}
    assert history.timeline("nobody").entries == []


def test_campaigns_are_counted(storage: SqlStorage, history: SqlHistory) -> None:
    ended = {"due_at": None}
    journeys = [
        things.journey("1", "c"),
        things.journey("2", "c", parked=True),
        things.journey("3", "c", status=JourneyStatus.HOLDOUT, goal_at=NOW, **ended),
        things.journey("4", "c", status=JourneyStatus.COMPLETED, goal_at=NOW, **ended),
        things.journey("5", "c", status=JourneyStatus.EXITED, reason="order.refunded", **ended),
        things.journey("6", "c", campaign="other", entered_at=NOW + MINUTE),
    ]
    skipped = {"status": MessageStatus.SKIPPED}
    messages = [
        things.message("1", "c", status=MessageStatus.SENT),
        things.message("2", "c", reason="cap", **skipped),
        things.message("3", "c", reason="cap", **skipped),
        things.message("4", "c", reason="no_consent", **skipped),
    ]
    store(storage, things.new_world("c", *journeys, *messages))
    counts = history.campaign_counts()
    assert list(counts) == ["other", "thanks"]
    thanks = counts["thanks"]
    assert (thanks.live, thanks.parked, thanks.holdout, thanks.completed) == (2, 1, 1, 1)
    assert (thanks.exited, thanks.goals, thanks.holdout_goals) == ({"order.refunded": 1}, 1, 1)
    assert thanks.messages == {"sent": 1, "skipped": 3}
    assert thanks.skipped == {"cap": 2, "no_consent": 1}
    assert list(history.campaign_counts(NOW + MINUTE)) == ["other"]


def test_events_are_listed_with_their_verdicts(storage: SqlStorage, history: SqlHistory) -> None:
    storage.accept([things.incoming(str(n)) for n in range(3)])
    storage.reject(
        [
            Rejected(source="shopify", id="w1", reason="no order", body="{\0}", received_at=NOW),
            Rejected(source="shopify", id=None, reason="no JSON", body="?", received_at=NOW),
            Rejected(source="shopify", id=None, reason="no JSON", body="?", received_at=NOW),
        ]
    )
    assert storage.queues(NOW).events
    listed = history.events(EventFilter())
    assert [each.state for each in listed] == ["rejected"] * 2 + ["waiting"] * 3
    rejected = history.events(EventFilter(rejected=True))
    assert [(each.reason, each.body) for each in rejected] == [
        ("no JSON", "?"),
        ("no order", "{\N{REPLACEMENT CHARACTER}}"),
    ]
    page = history.events(EventFilter(limit=1, after=listed[0].seq, source="shop"))
    assert ids(page) == ["2"]
    with storage.deciding() as unit:
        first = unit.waiting_events(1)[0]
        unit.save(things.new_world("c"))
        unit.processed(
            [Processed(seq=first.seq, incoming=None, customer_id="c", verdicts=[VERDICT])]
        )
        unit.commit()
    (found,) = history.events(EventFilter(customer="c", type="order.placed"))
    assert (found.id, found.state, found.verdicts) == ("0", "processed", (VERDICT,))
    assert history.event("0") == [found]
    assert history.event("nothing") == []
    assert history.events(EventFilter(customer="nobody")) == ()


def test_conflicts_are_listed(storage: SqlStorage, history: SqlHistory) -> None:
    conflicts = [
        Conflict(
            at=NOW,
            customer_id="a",
            other_id=str(n),
            reason="two ids",
            event_source="shop",
            event_id="1",
        )
        for n in range(3)
    ]
    with storage.deciding() as unit:
        for conflict in conflicts:
            unit.conflict(conflict)
        unit.commit()
    first = history.conflicts(limit=2)
    assert [each for _, each in first] == [conflicts[2], conflicts[1]]
    assert [each for _, each in history.conflicts(after=first[-1][0])] == [conflicts[0]]


def test_the_backlog_is_what_waits(storage: SqlStorage, history: SqlHistory) -> None:
    empty = history.backlog(NOW)
    assert (empty.waiting_events, empty.oldest_event_at, empty.oldest_due_at) == (0, None, None)
    storage.accept([things.incoming("1"), things.incoming("2")])
    world = things.new_world(
        "c",
        things.journey("due", "c", due_at=NOW - MINUTE),
        things.journey("later", "c", due_at=NOW + MINUTE),
        things.message("1", "c"),
        things.message("2", "c", status=MessageStatus.SENDING),
        things.message("3", "c", status=MessageStatus.UNKNOWN),
    )
    store(storage, world)
    backlog = history.backlog(NOW)
    assert (backlog.waiting_events, backlog.oldest_event_at) == (2, NOW)
    assert (backlog.due_journeys, backlog.due_messages) == (1, 1)
    assert (backlog.oldest_due_at, backlog.sending, backlog.unknown) == (NOW - MINUTE, 1, 1)
