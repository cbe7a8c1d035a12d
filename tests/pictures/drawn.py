"""Pictures that stand in for a shop's own: products and a logo, drawn after their names."""

from __future__ import annotations

from pathlib import PurePosixPath

_GROUND = {"roast": "#efe3d3", "pot": "#dfe7ea", "pralines": "#f3e2d8"}
_SHAPES = {
    "roast": '<path d="M34 28h44l6 60H28z" fill="#5b3a29"/><path d="M34 28l6-10h32l6 10z" '
    'fill="#7a1f2b"/><rect x="40" y="46" width="32" height="22" rx="3" fill="#f6efe6"/>',
    "pot": '<path d="M36 40h40l6 46H30z" fill="#33586b"/><path d="M30 48L16 42l4 12 12 8z" '
    'fill="#33586b"/><path d="M80 50c16-4 18 22 2 26" fill="none" stroke="#33586b" '
    'stroke-width="6"/><rect x="40" y="32" width="32" height="7" rx="3" fill="#21404f"/>',
    "pralines": "".join(
        f'<circle cx="{32 + 24 * column}" cy="{32 + 24 * row}" r="9.5" fill="{fill}"/>'
        for row, fills in enumerate((("#8a5a34", "#b98250", "#8a5a34"),) * 3)
        for column, fill in enumerate(fills)
    ),
}
_OTHER = '<circle cx="56" cy="56" r="26" fill="#7a1f2b" opacity=".75"/>'
_LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 56" width="320" height="56">'
    '<text x="0" y="40" font-family="Liberation Serif, Georgia, serif" font-size="36" '
    'fill="#fff" letter-spacing="1">Maison Bellerive</text></svg>'
)


def drawing(path: str) -> str:
    """An SVG for the picture at ``path``."""
    name = PurePosixPath(path).stem
    if "logo" in name:
        return _LOGO
    kind = next((word for word in _SHAPES if word in name), "")
    ground = _GROUND.get(kind, "#ece7e1")
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 112 112" width="224" height="224">'
        f'<rect width="112" height="112" fill="{ground}"/>{_SHAPES.get(kind, _OTHER)}</svg>'
    )
