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


class Unreadable(ValueError):
    """What a person wrote cannot be read, raised by code that knows no language: `in_words` of an interface says it in the reader's.

    `sentence` is English, marked with `gettext_noop`; `values` are what it quotes.
    """

    def __init__(self, sentence: str, **values: object) -> None:
        super().__init__(sentence % values)
        self.sentence = sentence
        self.values = values


def gettext_noop(sentence: str) -> str:
    """Marks a sentence for the catalogue of translations where Django may not be imported."""
    return sentence
