"""The seam to HTTP APIs: bounded patience, and each failure turned into one of ours.

Nothing here reads the environment (no proxies, no ``.netrc``) and no message carries a credential, an answer's text or
a value: only the connection's id, a status, an error code and the name of a field.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3
from pydantic import BaseModel, ConfigDict, ValidationError

from affidavit.collect.transport import Patient, UnixSocket, deadline, socket_of
from affidavit.errors import (
    AffidavitError,
    ConfigurationError,
    SourceError,
    SourceGarbled,
    SourceRefused,
    SourceUnavailable,
)
from affidavit.inventory import Connection

CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
MAX_DOCUMENT = 256 * 2**20
"""Most bytes of one JSON answer."""

_CHUNK = 2**18
_ERROR_CODE = re.compile(r"[A-Z_]{1,64}")


class Answer(BaseModel):
    """Base of what an API answers: other fields are ignored, and no value shows in an error."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, protected_namespaces=())


A = TypeVar("A", bound=Answer)


class _Mishap(Answer):
    error_code: str = ""


class Api:
    """One HTTP API, as one identity.

    A connection that fails, and the statuses 502, 503 and 504, are tried twice more at once; whoever runs us tries
    later. ``extra`` may hold ``token`` (bearer), ``timeout`` (seconds without a byte, and for one whole JSON answer)
    and ``verify`` (file of certificates), as Airflow's own HTTP connections do. ``socket`` is a Unix socket to speak
    through, whatever the host; ``limit`` the most bytes of one JSON answer, :data:`MAX_DOCUMENT` where none is given;
    ``absent`` the error code beside a 404 that says that what was asked for does not exist (empty: none stands there).
    Not for several threads.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        product: str,
        socket: Path | None = None,
        limit: int | None = None,
        absent: str = "RESOURCE_DOES_NOT_EXIST",
    ) -> None:
        self.where = f"{product} {connection.id}"
        self._absent = absent
        self.limit = limit or MAX_DOCUMENT
        self.base = base_url(connection, where=self.where)
        self.requests = 0
        self.seconds = _seconds(connection, self.where)
        self._session = requests.Session()
        self._session.trust_env = False
        # One encoding: a compressed answer could be a bomb, and its pieces could not be timed.
        self._session.headers["Accept-Encoding"] = "identity"
        self._session.verify = str(connection.extra["verify"]) if connection.extra.get("verify") else True
        # Retry-After is not obeyed: a source must not be able to put us to sleep. read=False: no second time-out.
        patience = urllib3.Retry(
            total=2,
            read=False,
            other=0,
            backoff_factor=0.1,
            status_forcelist=(502, 503, 504),
            allowed_methods=None,
            raise_on_status=False,
            respect_retry_after_header=False,
        )
        adapter = UnixSocket(socket, max_retries=patience) if socket else Patient(max_retries=patience)
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, adapter)
        if token := str(connection.extra.get("token") or ""):
            self.bear(token)
        elif connection.login:
            pair = f"{connection.login}:{connection.password}".encode()
            self._session.headers["Authorization"] = f"Basic {b64encode(pair).decode()}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def bear(self, token: str) -> None:
        """Speak with ``token`` from now on."""
        if not re.fullmatch(r"[\x21-\x7e]+", token):
            raise ConfigurationError(
                "its token has characters that no token has", where=self.where, fix="copy the token anew, in one line"
            )
        self._session.headers["Authorization"] = f"Bearer {token}"

    def get(self, answer: type[A], path: str, params: Mapping[str, str | int | Sequence[str]] | None = None) -> A:
        """The JSON document at ``path``. Raises ``SourceError``."""
        return self._parse(answer, self._send("GET", path, params=params))

    def find(self, answer: type[A], path: str, params: Mapping[str, str | int] | None = None) -> A | None:
        """The JSON document at ``path``; None where the API says that what was asked for does not exist."""
        response = self._send("GET", path, params=params, missing=True)
        return None if response is None else self._parse(answer, response)

    def create(self, answer: type[A], path: str, body: Mapping[str, Any]) -> A | None:
        """What ``path`` answers to a JSON document that makes something; None where it is there already (409)."""
        response = self._send("POST", path, body=body, exists=True)
        return None if response is None else self._parse(answer, response)

    def post(self, answer: type[A], path: str, body: Mapping[str, Any]) -> A:
        """What ``path`` answers to a JSON document."""
        return self._parse(answer, self._send("POST", path, body=body))

    def ping(self, path: str) -> None:
        """Return once ``path`` answers with success, whatever it says. Raises ``SourceError``."""
        with self._send("GET", path):
            pass

    def stream(self, path: str) -> Iterator[bytes] | None:
        """The bytes at ``path``, in pieces; None where the API says that there is nothing.

        Reading them raises ``SourceUnavailable`` where they end early.
        """
        response = self._send("GET", path, missing=True)
        return None if response is None else self._pieces(response)

    def _pieces(self, response: requests.Response) -> Iterator[bytes]:
        try:
            yield from response.iter_content(_CHUNK)
        except requests.RequestException as error:
            raise self._unavailable("hung up or fell silent in the middle of an answer") from error
        finally:
            response.close()

    def refused(self, problem: str, *, fix: str) -> SourceRefused:
        """An error of this source, for callers that understand its answers."""
        return SourceRefused(problem, where=self.where, fix=fix)

    def garbled(self, problem: str) -> SourceGarbled:
        """Likewise, where an answer cannot be."""
        return SourceGarbled(problem, where=self.where, fix="see whether something else answers at that address")

    def _unavailable(self, problem: str) -> SourceUnavailable:
        return SourceUnavailable(problem, where=self.where, fix="see whether the server runs, and try again")

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int | Sequence[str]] | None = None,
        body: Mapping[str, Any] | None = None,
        missing: bool = False,
        exists: bool = False,
    ) -> Any:
        self.requests += 1
        try:
            response = self._session.request(
                method,
                self.base + path,
                params=params,
                json=body,
                timeout=(min(CONNECT_SECONDS, self.seconds), self.seconds),
                allow_redirects=False,  # elsewhere is not where we were sent, and might be anywhere
                stream=True,
            )
        except requests.exceptions.SSLError as error:
            fix = "mend the certificate, or name the file of your authority in the connection's extra: verify"
            raise self.refused("its certificate does not hold", fix=fix) from error
        except requests.Timeout as error:
            raise self._unavailable(f"no answer within {self.seconds:g} s") from error
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise self._unavailable(f"cannot be reached ({type(error).__name__})") from error
        if 200 <= response.status_code < 300:
            return response
        with response:
            code = self._error_code(response)
            if (missing and response.status_code == 404 and code == self._absent) or (
                exists and response.status_code == 409
            ):
                return None
            raise self._failure(response.status_code, code)

    def _failure(self, status: int, code: str) -> SourceError:
        said = f"answered {status}{f' {code}' if code else ''}"
        if status >= 500 or status in {408, 425, 429}:
            return self._unavailable(said)
        if 300 <= status < 400:
            return self.garbled(f"{said}, which sends us elsewhere (a login page?)")
        fixes = {
            401: "mend login, password or token of the connection",
            403: "grant its identity the right to read this",
            404: "see that host, port and prefix of the connection are the API's",
        }
        return self.refused(said, fix=fixes.get(status, "see that it is the right server, of a version that we know"))

    def _error_code(self, response: requests.Response) -> str:
        try:
            code = _Mishap.model_validate_json(self._body(response)).error_code
        except (AffidavitError, ValidationError):
            return ""  # the status says enough
        return code if _ERROR_CODE.fullmatch(code) else ""

    def _parse(self, answer: type[A], response: requests.Response) -> A:
        with response:
            body = self._body(response)
        try:
            return answer.model_validate_json(body)
        except ValidationError as error:
            place = ".".join(str(step) for step in error.errors(include_input=False)[0]["loc"])[:200]
            what = f"the field {place!r} is absent or of another type" if place else "not the JSON that was asked for"
            if body.lstrip()[:1] == b"<":
                what = "an HTML page instead of JSON (a login page, or another program?)"
            raise self.garbled(f"answered something else: {what}") from error

    def _body(self, response: requests.Response) -> bytes:
        # A server that drips a byte now and then never times out by itself.
        pieces, size = [], 0
        try:
            with deadline(socket_of(response), self.seconds):
                while piece := response.raw.read1(_CHUNK):
                    pieces.append(piece)
                    size += len(piece)
                    if size > self.limit:
                        raise self.garbled(f"an answer of more than {self.limit:,} bytes")
        except TimeoutError as error:
            raise self._unavailable(f"an answer that took more than {self.seconds:g} s") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._unavailable("hung up or fell silent in the middle of an answer") from error
        return b"".join(pieces)


def base_url(connection: Connection, *, where: str) -> str:
    """Where a connection's API is, without a slash at the end.

    As with Airflow's HTTP hook, the host may be a whole URL; else the schema, or else the type, says http or https.
    Raises ``ConfigurationError``.
    """
    host = connection.host.rstrip("/")
    if "://" not in host:
        default = "https" if connection.type == "https" else "http"
        host = f"[{host}]" if ":" in host and not host.startswith("[") else host
        host = f"{connection.schema or default}://{host}"
    try:
        parts = urlsplit(host)
        port = parts.port or connection.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        fix = "set it to something like http://user:password@host:5000 or, in JSON, a host of https://host/prefix"
        raise ConfigurationError("neither an http nor an https address", where=where, fix=fix)
    if parts.username is not None:
        fix = "move them to login and password, where they are kept secret"
        raise ConfigurationError("its host holds credentials", where=where, fix=fix)
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{name}{f':{port}' if port else ''}{parts.path}"


def _seconds(connection: Connection, where: str) -> float:
    try:
        seconds = float(connection.extra.get("timeout") or READ_SECONDS)
    except (TypeError, ValueError):
        seconds = 0.0
    if not 0 < seconds <= 3_600:
        raise ConfigurationError(
            "extra.timeout is no number of seconds from 0 to 3600", where=where, fix="write seconds, such as 30"
        )
    return seconds
