"""Reading the codes of an uploaded file."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.services.coupon_pools import read_codes

CODE = st.text("ABCDEFGHJKabc0123456789-", min_size=1, max_size=20).filter(
    lambda code: code.lower() not in {"code", "codes", "coupon", "name"}
)


@given(st.lists(CODE, max_size=20), st.sampled_from(["", "Code\n", "id,code,note\n"]))
def test_each_code_is_read_once_in_its_order(codes: list[str], head: str) -> None:
    lines = [head, *(f"7,{code},x\n" if "," in head else f"{code}\n" for code in codes)]
    found = read_codes(line for line in lines if line)
    expected = list({code.lower(): code for code in reversed(codes)}.values())[::-1]
    assert sorted(found.codes) == sorted(expected)
    assert [code.lower() for code in found.codes] == list(dict.fromkeys(c.lower() for c in codes))
    assert found.doubles == len(codes) - len(expected)
    assert found.problems == ()


def test_lines_that_cannot_be_codes_are_told() -> None:
    found = read_codes(["code,note\n", "GOOD,x\n", "TWO WORDS,x\n", ",x\n", f"{'A' * 65},\n", "\n"])
    assert found.codes == ("GOOD",)
    assert [line for line, _ in found.problems] == [3, 4, 5]
