"""Pictures that stand in for a shop's own: products and a logo, drawn after their names."""

from __future__ import annotations

from pathlib import PurePosixPath

_GROUND = {
    "roast": "#efe3d3",
    "pot": "#dfe7ea",
    "pralines": "#f3e2d8",
    "mix": "#e6ecdf",
    "milk": "#e3e9f2",
    "cups": "#efe6dc",
    "preserves": "#eee0e8",
}
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
    "mix": '<rect x="34" y="20" width="44" height="72" rx="3" fill="#5c7a4a"/><rect x="34" y="40" '
    'width="44" height="26" fill="#f4f1e6"/><circle cx="56" cy="53" r="8" fill="#d9a441"/>',
    "milk": '<rect x="34" y="28" width="44" height="60" rx="4" fill="#c9cfd8"/><rect x="34" y="40" '
    'width="44" height="34" fill="#2f5f9e"/><circle cx="56" cy="57" r="9" fill="#fff"/>',
    "cups": '<path d="M26 46h46v18a16 16 0 0 1-16 16H42a16 16 0 0 1-16-16z" fill="#b5533c"/>'
    '<path d="M72 50c16-2 16 20-2 20" fill="none" stroke="#b5533c" stroke-width="5"/>'
    '<rect x="22" y="84" width="54" height="5" rx="2" fill="#8a3d2b"/>',
    "preserves": '<rect x="36" y="34" width="40" height="56" rx="8" fill="#6d2f57"/><rect x="34" '
    'y="22" width="44" height="14" rx="3" fill="#d9b45b"/><rect x="42" y="50" width="28" '
    'height="22" rx="2" fill="#f6efe6"/>',
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
