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

import rfc8785

from affidavit.errors import CanonicalError

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]

MAX_DEPTH = 32
"""Deepest nesting of arrays and objects that :func:`loads` accepts."""

_MAX_INT = 2**53
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode
_DOUBTFUL = re.compile(
    "[\ud800-\U0010ffff]"  # UTF-16 sorts these otherwise than code points do
    r"|[0-9]e[-+][0-9]|\.0(?![0-9])"  # floats that ECMAScript spells otherwise
    r"|(?<![.0-9])[0-9]{16}"  # integers that may be beyond 2**53
)
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
    return value


def dumps(value: Json) -> bytes:
    """The canonical bytes of ``value`` (RFC 8785).

    Raises ``CanonicalError`` for anything that JSON or RFC 8785 cannot carry.
    """
    try:
        return _plain(value) or rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise CanonicalError(f"this value has no canonical form ({error})") from error


def _plain(value: Json) -> bytes | None:
    """The canonical bytes where the C encoder's are the same, at a fraction of the cost; else None.

    It sorts keys by code point, spells some numbers otherwise and turns keys of other types into strings. So nothing
    doubtful may be in its text, not even inside a string, and the text must read back as the value.
    """
    try:
        text = _encode(value)
        if _DOUBTFUL.search(text) or json.loads(text) != value:
            return None
        return text.encode("utf-8")
    except (TypeError, ValueError, RecursionError):
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
