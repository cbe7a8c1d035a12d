"""The forms of a page, as a browser would send them."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode


@dataclass
class Form:
    """One form: its hidden fields, its switches (name, value, on) and its buttons' actions."""

    hidden: list[tuple[str, str]] = field(default_factory=list)
    switches: dict[tuple[str, str], bool] = field(default_factory=dict)
    actions: list[str] = field(default_factory=list)

    def sent(self, action: str) -> str:
        """The body that a browser sends when a button is pressed."""
        assert action in self.actions
        on = [key for key, is_on in self.switches.items() if is_on]
        return urlencode([*self.hidden, *on, ("action", action)])


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.labelled = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            assert given == {"method": "post"}, "a form goes to the page's own address"
            self.forms.append(Form())
        elif tag == "label":
            self.labelled = True
        elif tag == "input" and given["type"] == "hidden":
            self.forms[-1].hidden.append((given["name"], given["value"]))
        elif tag == "input":
            assert self.labelled, "a switch has a label around it"
            assert (given["type"], given["role"]) == ("checkbox", "switch")
            self.forms[-1].switches[given["name"], given["value"]] = "checked" in given
        elif tag == "button":
            assert given["name"] == "action"
            self.forms[-1].actions.append(given["value"])

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self.labelled = False


def forms_of(html: str) -> list[Form]:
    """All forms of a page."""
    parser = _Parser()
    parser.feed(html)
    return parser.forms


def form_with(html: str, action: str) -> Form:
    """The one form with a button for an action."""
    (found,) = (form for form in forms_of(html) if action in form.actions)
    return found


def first_button(html: str) -> dict[str, str]:
    """What the page's first button sends."""
    first = forms_of(html)[0]
    assert not first.hidden
    assert not first.switches
    return {"action": first.actions[0]}
