from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.message import Content
from engine.rendering import archive
from engine.rendering.sample import SAMPLE_CONTEXT
from engine.rendering.templates import MessageTemplates

text = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
contents = st.builds(
    Content,
    subject=st.none() | text,
    html=st.none() | text,
    text=text,
    segments=st.none() | st.integers(0, 20),
)


@given(contents, contents)
def test_unpack_gives_back_what_was_packed(content: Content, sample: Content) -> None:
    dictionary = archive.dictionary(sample)
    assert archive.unpack(archive.pack(content, dictionary), dictionary) == content


def test_a_mail_takes_few_bytes(starter: MessageTemplates) -> None:
    dictionary = starter.sample("thank_you", "email", "en")
    customer = {**SAMPLE_CONTEXT["customer"], "first_name": "Théodora", "orders_count": 7}
    order = {**SAMPLE_CONTEXT["order"], "number": "98765"}
    content = starter.render(
        "thank_you", "email", "en", {**SAMPLE_CONTEXT, "customer": customer, "order": order}
    )
    blob = archive.pack(content, dictionary)
    assert archive.unpack(blob, dictionary) == content
    assert content.html is not None
    assert len(blob) < len(content.html) / 50


def test_damage_and_foreign_dictionaries_are_told() -> None:
    content = Content(subject="a", html="<p>b", text="c" * 50)
    blob = archive.pack(content, b"right")
    for damaged, dictionary in ((blob, b"wrong"), (blob[:-3], b"right"), (b"", b"x"), (b"x", b"")):
        with pytest.raises(ValueError, match="cannot be read"):
            archive.unpack(damaged, dictionary)
