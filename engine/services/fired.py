"""One fire of a campaign's schedule or date: what it enrols, and whose day it is."""

from __future__ import annotations

from calendar import isleap
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from engine.core.campaign import DateTrigger, Plan, Plans, ScheduleTrigger
from engine.core.context import Context
from engine.core.customer import Customer
from engine.core.decision import EntryVerdict
from engine.core.guards import GuardRules, zone_of
from engine.core.journey import enrol_by_schedule
from engine.core.transition import Transition
from engine.core.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """One fire of a campaign's schedule, for any number of customers.

    ``day`` is the one that a date trigger's fire is about: its local date less the offset. It is
    the day that counts there: another offset or hour greets nobody twice.
    """

    plan: Plan
    key: str
    transition: Transition
    day: date | None

    @classmethod
    def of(cls, plan: Plan, key: str, at: datetime) -> Fired:
        """The fire of an occurrence, named by its key."""
        trigger, day = plan.trigger, None
        if isinstance(trigger, DateTrigger):
            day = date.fromisoformat(key[:10]) - timedelta(days=trigger.offset_days)
        told = Transition(type="schedule.fired", time=at, id=f"schedule:{plan.id}:{key}")
        entry_key = key if day is None else day.isoformat()
        return cls(plan=plan, key=entry_key, transition=told, day=day)

    @property
    def birthdays(self) -> set[str] | None:
        """The dates of birth, as ``MM-DD``, to which the fire is confined; None: it is not."""
        if self.day is None or self._field != "customer.birthday":
            return None
        return days_of_year(self.day)

    @property
    def _field(self) -> str:
        return self.plan.trigger.field if isinstance(self.plan.trigger, DateTrigger) else ""

    def is_for(self, customer: Customer, rules: GuardRules) -> bool:
        """Whether the day that the fire is about, if it is about one, is the customer's."""
        return self.day is None or _celebrates(customer, self._field, self.day, rules)

    def enrol(self, world: World, plans: Plans, context: Context) -> EntryVerdict | None:
        """Let the customer enter; None when the day is not theirs."""
        if not self.is_for(world.customer, context.rules):
            return None
        return enrol_by_schedule(world, self.plan, self.key, self.transition, plans, context)


def cron_of(plan: Plan) -> str:
    """The cron line that a schedule or date campaign fires by."""
    trigger = plan.trigger
    if isinstance(trigger, ScheduleTrigger):
        return trigger.cron
    assert isinstance(trigger, DateTrigger)
    return f"{trigger.at.minute} {trigger.at.hour} * * *"


def days_of_year(day: date) -> set[str]:
    """The dates of birth, as ``MM-DD``, that are celebrated on this day."""
    days = {f"{day:%m-%d}"}
    if f"{day:%m-%d}" == "02-28" and not isleap(day.year):
        days.add("02-29")  # in common years the day before, so that the day stays in its month
    return days


def _celebrates(customer: Customer, field: str, day: date, rules: GuardRules) -> bool:
    """Whether ``day`` is an anniversary of the customer's date, on the customer's own calendar.

    The day itself is none: a year must have passed.
    """
    value = value_of_date(customer, field, zone_of(customer, rules))
    return value is not None and value.year < day.year and f"{value:%m-%d}" in days_of_year(day)


def value_of_date(customer: Customer, field: str, zone: ZoneInfo) -> date | None:
    """The date that a date trigger counts from; None where it is empty or no date."""
    name = field.removeprefix("customer.")
    value = (
        customer.attributes.get(name.removeprefix("attributes."))
        if name.startswith("attributes.")
        else getattr(customer, name)
    )
    if isinstance(value, datetime):
        return value.astimezone(zone).date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None
