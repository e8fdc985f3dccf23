"""Canonical bytes: RFC 8785 out, strict JSON in.

What is signed is bytes, so there is exactly one way to write a value and no value that two readers could read
differently: duplicate keys, NaN and infinities, integers from 2**53, unpaired surrogates and deep nesting are refused.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import rfc8785

from affidavit.errors import CanonicalError

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]

MAX_DEPTH = 32
"""Deepest nesting of arrays and objects that :func:`loads` accepts."""

_MAX_INT = 2**53
_SETTINGS = {"ensure_ascii": False, "allow_nan": False, "sort_keys": True, "separators": (",", ":")}
_TEXT = frozenset({str})
_ALWAYS_PLAIN = frozenset({str, bool, type(None)})
_BEYOND_BMP = re.compile("[\ud800-\U0010ffff]")
_NOT_BRACKETS = bytes(sorted(set(range(256)) - set(b"[]{}")))


def number(value: float) -> int | float | str:
    """A number as a statement carries it; what JSON cannot carry becomes a typed string.

    ``float:nan``, ``float:inf``, ``float:-inf``, and ``int:…`` for integers from 2**53 (RFC 8785, section 3.2.2.3
    leaves those to the application).
    """
    if isinstance(value, bool):
        raise CanonicalError(f"{value!r} is not a number")
    if isinstance(value, int):
        return value if -_MAX_INT < value < _MAX_INT else f"int:{value}"
    if math.isnan(value):
        return "float:nan"
    if math.isinf(value):
        return "float:inf" if value > 0 else "float:-inf"
    # RFC 8785 writes whole doubles below 1e21 as integers.
    return f"int:{int(value)}" if value.is_integer() and _MAX_INT <= abs(value) < 1e21 else value


def dumps(value: Json) -> bytes:
    """The canonical bytes of ``value`` (RFC 8785).

    Raises ``CanonicalError`` for anything that JSON or RFC 8785 cannot carry.
    """
    return write(value).encode("utf-8")


def write(value: Json) -> str:
    """The canonical text of ``value``; see :func:`dumps`."""
    try:
        return write_plain(value) if plain(value) else rfc8785.dumps(value).decode("utf-8")
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise CanonicalError(f"this value has no canonical form ({error})") from error


def write_plain(value: Json) -> str:
    """The canonical text of a value that :func:`plain` holds of, at a fraction of the cost."""
    text = _encode(value)
    if text.isascii():
        return text
    if _BEYOND_BMP.search(text):  # these RFC 8785 sorts, as UTF-16 units, otherwise than C's code points; or refuses
        return rfc8785.dumps(value).decode("utf-8")
    return text


def _encoder() -> Callable[[Json], str]:
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return json.JSONEncoder(**_SETTINGS).encode  # type: ignore[arg-type]
    # JSONEncoder.encode makes this object anew at each call, which costs as much as writing a small document.
    encode = make(None, None, json.encoder.encode_basestring, None, ":", ",", True, False, False)
    return lambda value: "".join(encode(value, 0))


_encode = _encoder()


def plain(value: Any) -> bool:
    """Whether all keys are text, and all numbers such as Python and ECMAScript spell alike.

    What is written of it :func:`loads` reads, unless it is nested too deeply.
    """
    kind = type(value)
    if kind is int:
        return bool(-_MAX_INT < value < _MAX_INT)
    if kind is float:
        return _plain_float(value)
    if kind is dict:
        if not _TEXT.issuperset(map(type, value)):
            return False
        value = value.values()
    elif kind is not list and kind is not tuple:
        return kind in _ALWAYS_PLAIN
    for item in value:  # noqa: SIM110 - all() costs twice as much
        if type(item) not in _ALWAYS_PLAIN and not plain(item):
            return False
    return True


def _plain_float(value: float) -> bool:
    # Outside of this range one of the two writes an exponent; whole ones end in ".0" in Python only.
    return 1e-4 <= abs(value) < 1e16 and not value.is_integer()


def shallow(data: bytes) -> bool:
    """Whether ``data`` can be seen at once to be nested no deeper than :data:`MAX_DEPTH`; if not, it may be."""
    return data.count(b"{") + data.count(b"[") <= MAX_DEPTH


def glance(data: bytes) -> tuple[str, Any] | None:
    """The text and value of ``data`` where nothing about it is doubtful; else None, and :func:`loads` must judge.

    The value is proven to be all that ``data`` says (no key twice, no other spelling) only once :func:`write_plain`
    has made the same text of it: that is for the caller to compare, who may be writing it anyway.
    """
    try:
        if not shallow(data) or b"\\u" in data:  # an escape may be half of a surrogate pair
            return None
        text = data.decode("utf-8")
        value, end = _glancing(text)
    except (ValueError, RecursionError, CanonicalError):
        return None
    return (text, value) if end == len(text) else None


def loads(data: bytes) -> Any:
    """Parse JSON, refusing whatever two parsers could read differently.

    Raises ``CanonicalError``; never returns a value for bytes that are not one well-formed document.
    """
    try:
        if _depth(data) > MAX_DEPTH:
            raise CanonicalError(f"nested more than {MAX_DEPTH} levels deep")
        text = data.decode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_int=_small_int,
            parse_float=_finite_float,
        )
        if "\\ud" in text.lower():  # an escaped surrogate that lacks its partner decodes without complaint
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeError as error:
        raise CanonicalError(f"not UTF-8 text ({error})") from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise CanonicalError(f"not JSON ({error})") from error
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise CanonicalError(f"the key {twice!r} appears twice in one object")
    return value


def _refuse_constant(name: str) -> Any:
    raise CanonicalError(f"{name} is not JSON")


def _small_int(digits: str) -> int:
    if len(digits) > 17 or not -_MAX_INT < (value := int(digits)) < _MAX_INT:
        raise CanonicalError(f"the integer {digits[:32]} is beyond 2**53")
    return value


def _finite_float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise CanonicalError(f"the number {digits[:32]} is beyond a double")
    return value


def _plain_int(digits: str) -> int:
    if len(digits) > 15:
        raise CanonicalError("doubtful")
    return int(digits)


def _only_plain_float(digits: str) -> float:
    if not _plain_float(value := float(digits)):
        raise CanonicalError("doubtful")
    return value


_glancing = json.JSONDecoder(
    parse_int=_plain_int, parse_float=_only_plain_float, parse_constant=_refuse_constant
).raw_decode


def _depth(data: bytes) -> int:
    """Deepest nesting of ``data``, which need not be well-formed.

    Peeling innermost pairs off the bare brackets costs one pass of C per level; only text whose strings hold
    unbalanced brackets needs the slow walk.
    """
    brackets = data.translate(None, _NOT_BRACKETS)
    for depth in range(MAX_DEPTH + 1):
        if not brackets:
            return depth
        inner = brackets.replace(b"{}", b"").replace(b"[]", b"")
        if len(inner) == len(brackets):
            break
        brackets = inner
    return _depth_outside_strings(data)


def _depth_outside_strings(data: bytes) -> int:
    deepest = depth = 0
    in_string = escaped = False
    for byte in data:
        if in_string:
            if escaped:
                escaped = False
            elif byte == 0x5C:  # backslash
                escaped = True
            elif byte == 0x22:  # quotation mark
                in_string = False
        elif byte == 0x22:
            in_string = True
        elif byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest
