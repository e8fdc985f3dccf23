"""Canonical bytes: RFC 8785 out, strict JSON in.

What is signed is bytes, so there is exactly one way to write a value and no value that two readers could read
differently: duplicate keys, NaN and infinities, integers from 2**53, unpaired surrogates and deep nesting are refused.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import rfc8785

from affidavit.errors import CanonicalError

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]

MAX_DEPTH = 32
"""Deepest nesting of arrays and objects that :func:`loads` accepts."""

_MAX_INT = 2**53
_TEXT = frozenset({str})
_ALWAYS_PLAIN = frozenset({str, bool, type(None)})
_BEYOND_BMP = re.compile(rb"[\xf0-\xf4]")
_LONG_INT = re.compile(rb"(?:\A|[:,\[])-?[0-9]{16}")
_NOT_BRACKETS = bytes(sorted(set(range(256)) - set(b"[]{}")))
_BRACES = bytes.maketrans(b"[]", b"{}")
_SHAPE = bytes.maketrans(b"123456789[", b"000000000{")


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
    # RFC 8785 writes whole doubles below 1e21 as integers; as such they are written several times faster.
    return number(int(value)) if value.is_integer() and abs(value) < 1e21 else value


def dumps(value: Json) -> bytes:
    """The canonical bytes of ``value`` (RFC 8785).

    Raises ``CanonicalError`` for anything that JSON or RFC 8785 cannot carry.
    """
    try:
        return dumps_plain(value) if plain(value) else rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise CanonicalError(f"this value has no canonical form ({error})") from error


_encode = msgspec.json.Encoder(order="deterministic").encode


def dumps_plain(value: Json) -> bytes:
    """The canonical bytes of a value that :func:`plain` holds of, at a fraction of the cost.

    Raises ``CanonicalError`` for half of a surrogate pair.
    """
    try:
        data = _encode(value)
    except UnicodeEncodeError as error:
        raise CanonicalError(f"this value has no canonical form ({error})") from error
    if not data.isascii() and _BEYOND_BMP.search(data):  # RFC 8785 sorts these as UTF-16 units, not as code points
        return rfc8785.dumps(value)
    return data


def plain(value: Any) -> bool:
    """Whether all keys are text, and all numbers such as msgspec and ECMAScript spell alike.

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
    # Outside of this range one of the two writes an exponent; whole ones end in ".0" in msgspec only.
    return 1e-4 <= abs(value) < 1e16 and not value.is_integer()


def shallow(data: bytes) -> bool:
    """Whether ``data`` can be seen at once to be nested no deeper than :data:`MAX_DEPTH`; if not, it may be."""
    return data.count(b"{") + data.count(b"[") <= MAX_DEPTH


def glance(data: bytes) -> Any | None:
    """The value of ``data`` where that is plain and these are its canonical bytes; else None: :func:`loads` must judge.

    What was read is all that ``data`` says (no key twice, no other spelling), because writing it gives the same bytes.
    """
    shape = data.translate(_SHAPE)
    if shape.count(b"{") > MAX_DEPTH or (b"0" * 16 in shape and _LONG_INT.search(data)):
        return None
    try:
        value = _decode(data)
        return value if dumps_plain(value) == data else None
    except (msgspec.DecodeError, UnicodeError, RecursionError, CanonicalError, rfc8785.CanonicalizationError):
        return None


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


def _only_plain_float(digits: str) -> float:
    value = float(digits)
    if not _plain_float(value):
        raise CanonicalError("doubtful")
    return value


_decode = msgspec.json.Decoder(float_hook=_only_plain_float).decode


def _depth(data: bytes) -> int:
    """Deepest nesting of ``data``, which need not be well-formed.

    Peeling innermost pairs off the bare brackets costs one pass of C per level; only text whose strings hold
    unbalanced brackets needs the slow walk.
    """
    brackets = data.translate(_BRACES, _NOT_BRACKETS)
    for depth in range(MAX_DEPTH + 1):
        if not brackets:
            return depth
        inner = brackets.replace(b"{}", b"")  # of one shape: two passes would take away two levels at once
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
