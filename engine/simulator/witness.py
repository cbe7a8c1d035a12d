"""What one simulation sent, message by message, so that two of them can be compared."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from engine.core.campaign import CampaignStatus, Plan
from engine.core.message import Content, Outgoing
from engine.simulator.behaviour import cost_parts
from engine.simulator.memory import Memory

KEPT: Final = 40  # contents of a campaign on a channel; those of the lowest ids, which are hashes
# Tokens in our own links sign a moment too, and nobody reads them.
_TOKEN: Final = re.compile(r"(/[a-z]/)[A-Za-z0-9_.~-]{16,}")


class Entry(NamedTuple):
    """One entry of a customer into a campaign."""

    campaign: str
    customer: str
    key: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Name:
    """By what a message is known in any version of a workspace."""

    campaign: str
    customer: str
    entry_key: str
    entry_no: int
    step: str

    @property
    def entry(self) -> Entry:
        """The entry that the message is of."""
        return Entry(self.campaign, self.customer, self.entry_key, self.entry_no)


@dataclass(frozen=True, slots=True, kw_only=True)
class Went:
    """A message that went out. ``cost`` in millionths of the shop's currency, ``digest`` of
    its words."""

    id: str
    at: datetime
    channel: str
    template: str
    digest: bytes
    cost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a message says, its tokens left out."""

    subject: str
    text: str
    html: str

    @classmethod
    def of(cls, content: Content) -> Words:
        """Those of a content."""
        return cls(
            subject=content.subject or "",
            text=_TOKEN.sub(r"\1…", content.text),
            html=_TOKEN.sub(r"\1…", content.html or ""),
        )

    @property
    def digest(self) -> bytes:
        """The same for the same words."""
        whole = f"{self.subject}\0{self.text}\0{self.html}"
        return hashlib.blake2b(whole.encode(), digest_size=8).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A campaign as one version has it: the revision of its file, and whether it acts."""

    revision: str
    live: bool


@dataclass(slots=True)
class Account:
    """One version's messages: those that went out, and of the others why not.

    ``pressure`` is how many each customer got; ``began`` by what event each entry began, of
    campaigns that may be entered again; ``campaigns`` are those that this version has.
    """

    went: dict[Name, Went] = field(default_factory=dict)
    withheld: dict[Name, str] = field(default_factory=dict)
    pressure: dict[str, int] = field(default_factory=dict)  # of every customer, also none
    began: dict[Entry, str] = field(default_factory=dict)
    words: dict[str, Words] = field(default_factory=dict)  # by message, some of them
    campaigns: Mapping[str, Standing] = field(default_factory=dict)

    def add(self, other: Account) -> None:
        """Take in the account of other customers of the same shop."""
        self.went |= other.went
        self.withheld |= other.withheld
        self.pressure |= other.pressure
        self.began |= other.began
        self.words |= other.words
        kinds = {went.id: (name.campaign, went.channel) for name, went in self.went.items()}
        kept: Counter[tuple[str, str]] = Counter()
        words: dict[str, Words] = {}
        for key in sorted(self.words):
            kept[kinds[key]] += 1
            if kept[kinds[key]] <= KEPT:
                words[key] = self.words[key]
        self.words = words

    @property
    def cost(self) -> int:
        """In millionths of the shop's currency."""
        return sum(one.cost for one in self.went.values())


class Witness:
    """Looks on while a simulated shop lives."""

    def __init__(self) -> None:
        self._digests: dict[str, bytes] = {}
        self._kept: dict[tuple[str, str], dict[str, Words]] = {}

    def look(self, outgoing: Outgoing) -> None:
        """Take note of what a message says."""
        words, key = Words.of(outgoing.content), outgoing.message_id
        self._digests[key] = words.digest
        kept = self._kept.setdefault((outgoing.campaign, outgoing.channel), {})
        kept[key] = words
        if len(kept) > KEPT:
            del kept[max(kept)]

    def account(self, memory: Memory, plans: Mapping[str, Plan]) -> Account:
        """Everything, when the simulation has ended."""
        account = Account(
            campaigns={
                key: Standing(revision=one.revision, live=one.status is CampaignStatus.LIVE)
                for key, one in plans.items()
            }
        )
        for kept in self._kept.values():
            account.words |= kept
        again = {key for key, one in plans.items() if one.entry.re_entry != "never"}
        for customer, person in memory.people.items():
            account.pressure[customer] = 0
            for message in person.messages.values():
                journey = person.journey(message.journey_id)
                name = Name(
                    campaign=message.campaign,
                    customer=customer,
                    entry_key=message.entry_key,
                    entry_no=journey.entry_no,
                    step=message.step,
                )
                if message.campaign in again:
                    account.began[name.entry] = journey.trigger["id"]
                if message.sent_at is None:
                    if message.reason is not None:
                        account.withheld[name] = message.reason
                    continue
                account.pressure[customer] += 1
                account.went[name] = Went(
                    id=message.id,
                    at=message.sent_at,
                    channel=message.channel,
                    template=message.template,
                    digest=self._digests[message.id],
                    cost=cost_parts(message.cost),
                )
        return account
