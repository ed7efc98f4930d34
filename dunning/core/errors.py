"""Errors that a person or a program can act upon: each message says what happened, what was kept and what to do."""


class DomainError(Exception):
    """A refusal with a sentence for the person who asked; nothing was written.

    `code` is stable for programs, `field` names the input at fault when there is one.
    """

    def __init__(self, message: str, *, code: str = "refused", field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.field = field


class NotAllowed(DomainError):
    """The actor's role does not permit this."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="not_allowed")


class StaleObject(DomainError):
    """Somebody else changed the object since it was read; nothing was overwritten."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="stale")
