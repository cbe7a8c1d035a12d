"""A sample shop for ``lagniappe demo``: weeks of invented but lifelike events."""

from engine.demo_shop.weeks import demo_events

__all__ = ["demo_events"]
