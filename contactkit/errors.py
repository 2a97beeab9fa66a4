"""The error tree, and `Problem`: a refusal as a value.

    ContactKitError
    ├── ConfigurationError            a missing key, an unknown provider, an unsafe address
    ├── InvalidInputError (ValueError)  refused by contactkit, before anything was sent
    ├── CassetteError                 a recording that cannot be read, or must not be written
    │   └── UnrecordedRequestError (LookupError)  a request without a recorded response
    ├── JournalError                  a write cannot be recorded before it is sent
    ├── TransportError                no response; .sent says whether the request may have arrived
    └── ApiError                      the provider refused; .problem says what and why
        ├── AuthenticationError  ├── PermissionDeniedError  ├── NotFoundError  ├── ConflictError
        ├── InvalidRequestError  ├── RateLimitError (.resume_at)  └── ServerError

Nothing here knows a provider, a transport or a frame. Messages contain no credentials and repeat no
personal values.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self


class ContactKitWarning(UserWarning):
    """Something the caller should know that did not stop the call."""


_kept: ContextVar[list[str] | None] = ContextVar("kept", default=None)


@contextmanager
def keep_warnings() -> Generator[list[str]]:
    """Keep the messages of `warn` instead; unlike `warnings`, those of this thread only."""
    kept: list[str] = []
    token = _kept.set(kept)
    try:
        yield kept
    finally:
        _kept.reset(token)


def warn(message: str, category: type[Warning] = ContactKitWarning) -> None:
    """Warn at the line of the caller outside of contactkit."""
    if (kept := _kept.get()) is not None:
        kept.append(message)
        return
    level, frame = 1, sys._getframe(0)  # pyright: ignore[reportPrivateUsage]
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("contactkit."):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


@dataclass(frozen=True, kw_only=True)
class FieldProblem:
    """What is wrong with one field and what would be allowed; `code` names the broken rule."""

    field: str
    message: str
    code: str = ""

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A refusal by a provider (the term is from RFC 9457).

    `existing_key` is the key of the conflicting contact, if the provider names it. With
    `idempotency_key` the same request may be sent again.
    """

    provider: str = ""
    operation: str = ""
    status: int | None = None
    code: str = ""
    message: str = ""
    fields: tuple[FieldProblem, ...] = ()
    request_id: str = ""
    docs: str = ""
    existing_key: str = ""
    idempotency_key: str = ""

    def __str__(self) -> str:
        where = " ".join(filter(None, (self.provider, self.operation)))
        code = " ".join(filter(None, (str(self.status or ""), self.code)))
        lines = [": ".join(filter(None, (where, code, self.message)))]
        lines += [f"  {problem}" for problem in self.fields]
        if self.existing_key:
            lines.append(f"  existing contact: {self.existing_key}")
        if self.request_id:
            lines.append(f"  request: {self.request_id}")
        if self.docs:
            lines.append(f"  see {self.docs}")
        return "\n".join(lines)


class ContactKitError(Exception):
    """The base class of all errors that contactkit raises on purpose.

    IPython shows the caller's line and the message; `%tb` then shows the whole traceback.
    """

    def _render_traceback_(self) -> list[str]:
        """The lines that IPython shows instead of a traceback."""
        drawing: Any = sys.modules["IPython"].get_ipython().InteractiveTB
        if _is_asked_for_all():
            return drawing.structured_traceback(type(self), self, self.__traceback__)
        # IPython would also show the causes, which are the insides of contactkit.
        message = Exception(str(self))
        for note in getattr(self, "__notes__", ()):
            message.add_note(note)
        lines: list[str] = drawing.structured_traceback(
            type(self), message, _until_contactkit(self.__traceback__)
        )
        return [*lines, "%tb shows the whole traceback."]


def _is_asked_for_all() -> bool:
    """Whether the magic `%tb` runs, which calls the same method."""
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while frame := frame.f_back:
        name = frame.f_globals.get("__name__", "")
        if frame.f_code.co_name == "tb" and name.startswith("IPython.core.magics"):
            return True
    return False


def _until_contactkit(traceback: TracebackType | None) -> TracebackType | None:
    """A traceback without what follows the caller's line."""
    if traceback is None:
        return None
    if traceback.tb_frame.f_globals.get("__name__", "").startswith("contactkit."):
        return None
    rest = _until_contactkit(traceback.tb_next)
    return TracebackType(rest, traceback.tb_frame, traceback.tb_lasti, traceback.tb_lineno)


class ConfigurationError(ContactKitError):
    """The client cannot be set up: a missing key, an unknown provider, an unsafe address."""


class InvalidInputError(ContactKitError, ValueError):
    """Refused by contactkit before anything was sent; `problems` has an entry for each field."""

    def __init__(self, where: str, problems: Iterable[FieldProblem]) -> None:
        self.where = where
        self.problems = tuple(problems)
        super().__init__(where, self.problems)

    @classmethod
    def one(cls, where: str, field: str, message: str, code: str = "") -> Self:
        """The error for one problem with one field."""
        return cls(where, [FieldProblem(field=field, message=message, code=code)])

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return f"{self.where}: {self.problems[0]}"
        return "\n".join([f"{self.where}:", *(f"  {problem}" for problem in self.problems)])


class CassetteError(ContactKitError):
    """A recording cannot be read or must not be written; the message names the file and line."""


class UnrecordedRequestError(CassetteError, LookupError):
    """A request has no recorded response; the message shows the nearest one and the difference."""


class JournalError(ContactKitError):
    """The journal cannot be read or written; the message says which file, why, and what to do.

    A verb that raises this has sent nothing.
    """


class TransportError(ContactKitError):
    """No response arrived. `sent` is True when the request may have reached the provider.

    With its `idempotency_key`, if it has one, the same request may be sent again.
    """

    def __init__(self, message: str, *, sent: bool, idempotency_key: str = "") -> None:
        self.sent = sent
        self.idempotency_key = idempotency_key
        super().__init__(message)

    def __reduce__(self) -> tuple[object, ...]:
        return _remake_transport_error, (str(self), self.sent, self.idempotency_key)


def _remake_transport_error(message: str, sent: bool, idempotency_key: str) -> TransportError:
    return TransportError(message, sent=sent, idempotency_key=idempotency_key)


class ApiError(ContactKitError):
    """The provider refused, or its response is not as documented."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem)

    def __str__(self) -> str:
        return str(self.problem)


class AuthenticationError(ApiError):
    """The credential is missing, wrong, expired or revoked."""


class PermissionDeniedError(ApiError):
    """The credential is valid but does not permit this."""


class NotFoundError(ApiError):
    """There is no such contact, profile or other resource."""


class ConflictError(ApiError):
    """The request conflicts with an existing contact: `problem.existing_key`, if it is known."""


class InvalidRequestError(ApiError):
    """The provider refused the values that were sent."""


class RateLimitError(ApiError):
    """The rate limit is used up; `resume_at` (UTC) is when the next request may be sent."""

    def __init__(self, problem: Problem, resume_at: datetime) -> None:
        super().__init__(problem)
        self.resume_at = resume_at
        self.args = (problem, resume_at)

    def __str__(self) -> str:
        return f"{self.problem}\n  resume at {self.resume_at.isoformat(timespec='seconds')}"


class ServerError(ApiError):
    """The provider failed; a write may or may not have been carried out."""


_BY_STATUS: dict[int, type[ApiError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    402: PermissionDeniedError,
    403: PermissionDeniedError,
    404: NotFoundError,
    # The server stopped waiting, perhaps after it had received the whole request.
    408: ServerError,
    409: ConflictError,
    410: NotFoundError,
    422: InvalidRequestError,
    429: RateLimitError,
}


def error_for_status(status: int) -> type[ApiError]:
    """The error class for a status, if the declaration does not list the code."""
    if status >= 500:
        return ServerError
    return _BY_STATUS.get(status, InvalidRequestError if status >= 400 else ApiError)
