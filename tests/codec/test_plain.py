"""Plain values survive as they are: to the bit, with their types, whatever their keys look like."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.codec.plain import decode, decode_many, encode
from assay.errors import StoreError, UsageError

KEYS = st.text(max_size=6) | st.sampled_from(["$", "$$", "$float", "$$float", "nan"])
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just('"$float"'),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(KEYS, children, max_size=4),
    max_leaves=15,
)


@given(PLAIN)
def test_what_is_written_is_what_is_read(value):
    assert repr(decode(encode(value))) == repr(value)  # repr tells 1, 1.0, True, -0.0 and nan apart


@given(st.lists(PLAIN, max_size=4))
def test_many_at_once_are_the_same_as_one_by_one(values):
    texts = [encode(value) for value in values]
    assert repr(decode_many(texts)) == repr([decode(text) for text in texts])


@given(PLAIN)
def test_the_text_is_json_that_anybody_reads(value):
    text = encode(value)
    assert text.isascii()

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    json.loads(text, parse_constant=refuse)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_keep_their_bits(number):
    assert decode(encode(number)).hex() == number.hex()


def test_special_floats_are_explicit():
    assert encode([math.nan, math.inf, -math.inf]) == '[{"$float":"nan"},{"$float":"inf"},{"$float":"-inf"}]'


def test_numpy_floats_are_floats_and_tuples_are_lists():
    assert encode({"x": np.float64(0.1), "worst": np.float64("-inf"), "pair": (1, 2)}) == (
        '{"x":0.1,"worst":{"$float":"-inf"},"pair":[1,2]}'
    )


@pytest.mark.parametrize(
    "value",
    [np.int64(1), np.zeros(2), {1, 2}, b"bytes", 1j, object()],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_plain_is_refused_with_its_place(value):
    with pytest.raises(UsageError, match=r"^the state\.deep\[1\] must be plain data .*, got \w+$"):
        encode({"deep": [0, value]}, what="the state")


def test_a_number_that_python_does_not_write_is_refused():
    with pytest.raises(UsageError, match=r"^the state must not hold whole numbers of thousands of digits$"):
        encode({"n": 10**5000}, what="the state")


def test_keys_must_be_text():
    with pytest.raises(UsageError, match=r"^the keys of the state\.deep must be text, got 1$"):
        encode({"deep": {1: 2}}, what="the state")


@pytest.mark.parametrize("text", ["", "{", '{"$float":"1.0"}', '{"$float":"nan","x":1}', '{"$float":[]}'])
def test_other_text_is_refused(text):
    with pytest.raises(StoreError):
        decode(text)
