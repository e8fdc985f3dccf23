"""Every error that Affidavit raises on purpose, in one tree.

    AffidavitError
    ├── ConfigurationError            what somebody wrote is wrong; exit 2
    │   ├── InventoryError            include/systems/*.yaml, include/organisation.yaml
    │   ├── SuiteError                expectations/*.yaml
    │   ├── ConnectionMissing         a connection id that resolves to nothing
    │   ├── WindowsOverlap            two windows of rows that are to be compared, and share some
    │   └── UsageError                a command or call that cannot be meant
    ├── SourceError                   a source could not be read; exit 1
    │   ├── SourceUnavailable         down, hung up, timed out: trying again can help
    │   ├── SourceGarbled             answered, but not what its protocol says: trying again can help
    │   ├── SourceRefused             answered no: table, column, right or credential is missing
    │   └── HeadConflict              a witness or signer remembers a head of another size than the proof starts from
    ├── StatementError                something that must not become evidence as it is; exit 2
    │   ├── CanonicalError            bytes or values that RFC 8785 or our limits refuse
    │   ├── FieldNotAllowed           a field that its kind does not name (redaction by allow-list)
    │   └── StatementTooLarge         a leaf over 65,535 bytes
    ├── LedgerError                   the store said no, nothing was acknowledged; exit 1
    │   ├── LedgerUnavailable         locked, unreachable, connection lost: trying again can help
    │   │   └── SignerUnavailable     entries may be stored, no head covers them, nothing was acknowledged
    │   ├── LedgerFull                no space left where the ledger or its blobs live
    │   ├── LedgerMissing             no ledger at that URL
    │   ├── LedgerReplaced            an SQLite file that was removed or replaced while it was open
    │   ├── SchemaMismatch            made by another schema version
    │   └── LedgerRolledBack          the database is behind a head that was already signed
    └── IntegrityError                something stored is not what was recorded; exit 3
        ├── BlobAbsent                a blob that is not there: erased, or lost
        ├── ProofError                an inclusion or consistency proof that does not hold
        └── NoteError                 a signed note that is malformed or whose signature does not hold

A message is one sentence for a person: what is wrong and where (file, field or source), then the fix.
``retryable`` says whether the same call may succeed later; a DAG task reads it to retry or to fail at once.
"""

from __future__ import annotations

from typing import ClassVar


class AffidavitError(Exception):
    """Base of the tree.

    ``where`` names the file and field, or the source; ``fix`` says what to do about it, ``usual_fix`` where none is
    given.
    """

    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1
    usual_fix: ClassVar[str] = ""

    def __init__(self, problem: str, *, where: str = "", fix: str = "") -> None:
        self.problem = problem
        self.where = where
        self.fix = fix or self.usual_fix
        super().__init__(self.text)

    @property
    def text(self) -> str:
        """The whole message: ``where: problem. Fix: …``."""
        head = f"{self.where}: {self.problem}" if self.where else self.problem
        return f"{head}. Fix: {self.fix}" if self.fix else head

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only arguments would be lost between processes otherwise.
        return (_rebuild, (type(self), self.problem, self.where, self.fix, self.__dict__))


def _rebuild(cls: type[AffidavitError], problem: str, where: str, fix: str, state: dict[str, object]) -> AffidavitError:
    error = cls.__new__(cls)
    AffidavitError.__init__(error, problem, where=where, fix=fix)
    error.__dict__.update(state)
    return error


class ConfigurationError(AffidavitError):
    """What somebody wrote is wrong; trying again cannot help."""

    exit_code = 2


class InventoryError(ConfigurationError):
    """An AI system or organisation file that does not say what it must."""


class SuiteError(ConfigurationError):
    """An expectation suite that cannot be read or does not fit its table."""


class ConnectionMissing(ConfigurationError):
    """A connection id that resolves to nothing."""


class WindowsOverlap(ConfigurationError):
    """Two windows of rows that are to be compared, and share some: they would look alike by themselves."""


class UsageError(ConfigurationError):
    """A command or call that cannot be meant."""


class SourceError(AffidavitError):
    """A source could not be read; ``where`` names it."""


class SourceUnavailable(SourceError):
    """The source is down, hung up or timed out."""

    retryable = True
    usual_fix = "see that it runs and can be reached from here, and try again"


class SourceGarbled(SourceError):
    """The source answered something that its protocol does not allow."""

    retryable = True
    usual_fix = "see what answers at that address, and in which version"


class SourceRefused(SourceError):
    """The source answered no: a table, column, right or credential is missing."""


class HeadConflict(SourceError):
    """A witness or signer remembers a head of another size than the proof starts from.

    ``size`` is the one that it remembers: prove from there, and ask again.
    """

    def __init__(self, problem: str, *, where: str = "", fix: str = "", size: int) -> None:
        self.size = size
        super().__init__(problem, where=where, fix=fix)


class StatementError(AffidavitError):
    """Something that must not become evidence as it is."""

    exit_code = 2
    usual_fix = "correct what is named; nothing was recorded"


class CanonicalError(StatementError):
    """Bytes or values that RFC 8785, or our own limits, refuse."""


class FieldNotAllowed(StatementError):
    """A field that its kind does not name, or a value of another type than its kind says."""


class StatementTooLarge(StatementError):
    """A leaf of more than 65,535 bytes."""


class LedgerError(AffidavitError):
    """The store said no; nothing was acknowledged."""


class LedgerUnavailable(LedgerError):
    """The store is locked or unreachable, or the connection was lost before COMMIT was acknowledged."""

    retryable = True


class SignerUnavailable(LedgerUnavailable):
    """The signer of its own does not answer: what was stored stays unacknowledged until a head covers it."""


class LedgerFull(LedgerError):
    """No space is left where the ledger or its blobs live."""


class LedgerMissing(LedgerError):
    """There is no ledger at that URL."""

    exit_code = 2


class LedgerReplaced(LedgerError):
    """The file of an SQLite ledger was removed or replaced while it was open."""


class SchemaMismatch(LedgerError):
    """The database was made by another version of the schema."""

    exit_code = 2


class LedgerRolledBack(LedgerError):
    """The database is behind a head that was already signed."""

    exit_code = 3


class IntegrityError(AffidavitError):
    """Something stored is not what was recorded.

    ``index`` is the entry's index where one entry is at fault.
    """

    exit_code = 3
    usual_fix = "find out who changed it, and restore it from a copy"

    def __init__(self, problem: str, *, where: str = "", fix: str = "", index: int | None = None) -> None:
        self.index = index
        super().__init__(problem, where=where, fix=fix)


class BlobAbsent(IntegrityError):
    """There are no bytes under a digest: they were erased, which the log then says, or they are lost."""


class ProofError(IntegrityError):
    """An inclusion or consistency proof that does not hold."""


class NoteError(IntegrityError):
    """A signed note that is malformed or whose signature does not hold."""
