"""Colours, as ``#rrggbb``: which is readable on which."""

from __future__ import annotations


def readable_on(color: str) -> str:
    """Black or white, whichever stands out more from ``color``: at least 4.58 to 1.

    Source: WCAG 2.2, "contrast ratio".
    """
    bright = luminance(color)
    on_white, on_black = 1.05 / (bright + 0.05), (bright + 0.05) / 0.05
    return "#ffffff" if on_white >= on_black else "#000000"


def luminance(color: str) -> float:
    """Relative luminance, from 0 (black) to 1 (white). Source: WCAG 2.2, "relative luminance"."""
    channels = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
