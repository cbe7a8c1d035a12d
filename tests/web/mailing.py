"""A customer and a message to them in a real database, and the least that takes in an event."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from engine.core import guards
from engine.core.customer import Consent, Customer
from engine.core.message import Message, MessageStatus
from engine.core.projection import project
from engine.core.world import World
from engine.ports.storage import Contended
from engine.ports.stored import Incoming, Processed
from engine.services.unsubscribe import Unsubscribe
from engine.storage.store import SqlStorage
from tests.web.site import LINKS, NOW, Site
from triggers.event import CustomerFacts, Event

CUSTOMER = "11111111-1111-5111-8111-111111111111"
MESSAGE = "22222222-2222-5222-8222-222222222222"
LATER_MESSAGE = "33333333-3333-5333-8333-333333333333"
ANN = "ann@example.com"


class Mailing:
    """The database, seen through the storage port."""

    def __init__(self, storage: SqlStorage) -> None:
        self.storage = storage
        self.taken: list[Event] = []
        self.contended = 0  # how many attempts another writer comes before

    def take(self, incoming: Sequence[Incoming]) -> int:
        """Store and project events at once, as ``engine.services.unsubscribe.Ingest`` says."""
        if self.contended:
            self.contended -= 1
            raise Contended("another writer came first")
        counted: list[Event] = []
        with self.storage.deciding() as unit:
            for each in incoming:
                event = each.event
                if not unit.unseen({(event.source, event.id)}):
                    continue
                assert event.customer is not None
                assert event.customer.id is not None
                world = unit.load([event.customer.id], now=each.received_at)[event.customer.id]
                project(world, event)
                unit.save(world)
                done = Processed(seq=None, incoming=each, customer_id=world.customer.id)
                unit.processed([done])
                counted.append(event)
            unit.commit()
        self.taken += counted
        return len(counted)

    def add_customer(self, *, consent: str | None = "subscribed", phone: str | None = None) -> None:
        """The customer, and one message sent to them by email or, with ``phone``, by SMS."""
        customer = Customer(id=CUSTOMER, created_at=NOW, email=ANN, phone=phone)
        world = World(customer=customer, is_new=True)
        world.changes.customer = True
        if consent is not None:
            world.changes.consents += (
                Consent(channel="email", address=ANN, status=consent, at=NOW, source="shop"),
            )
        messages = [
            message(MESSAGE, phone or ANN, channel_is_sms=phone is not None),
            message(LATER_MESSAGE, ANN, channel_is_sms=False),
        ]
        for each in messages:
            world.messages[each.id] = each
            world.changes.messages.add(each.id)
        with self.storage.deciding() as unit:
            unit.save(world)
            unit.commit()

    def tell(self, event_type: str, at: datetime, facts: CustomerFacts) -> None:
        """Another event about the customer."""
        event = Event(
            id=f"{event_type}:{at.isoformat()}",
            source="shop",
            type=event_type,
            time=at,
            customer=replace(facts, id=CUSTOMER),
        )
        self.take([Incoming(event=event, body=b"{}", received_at=at)])

    def world(self, now: datetime) -> World:
        """The customer as the database has them."""
        with self.storage.deciding() as unit:
            return unit.load([CUSTOMER], now=now)[CUSTOMER]

    def may_mail(self, now: datetime) -> bool:
        """Whether marketing email may go to the customer."""
        return guards.consented(self.world(now), "email")

    def site(self) -> Site:
        """The web over this database."""
        return Site(decisions=self.storage, ingest=self)

    def unsubscribe(self, site: Site) -> Unsubscribe:
        """The use case with the site's clock."""
        return Unsubscribe(self.storage, self, LINKS, site.clock)


def message(message_id: str, recipient: str, *, channel_is_sms: bool) -> Message:
    """One that was sent."""
    return Message(
        id=message_id,
        campaign="welcome",
        revision="r1",
        journey_id="j-1",
        step=message_id[:4],
        purpose="marketing",
        channel="sms" if channel_is_sms else "email",
        customer_id=CUSTOMER,
        entry_key="1",
        template="welcome",
        status=MessageStatus.SENT,
        created_at=NOW,
        send_at=NOW,
        due_at=NOW,
        expires_at=NOW,
        recipient=recipient,
        locale="de-AT",
    )
