"""The language commands speak: that of the terminal they are typed in."""

from collections.abc import Collection, Mapping

VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
"""In the order POSIX reads them: the first that is set decides."""


def terminal_language(environment: Mapping[str, str], known: Collection[str], default: str) -> str:
    """The known language the terminal asks for, `fr` of `fr_FR.UTF-8`; the default for `C`, for nothing and for any other."""
    asked = next((environment[name] for name in VARIABLES if environment.get(name)), "")
    language = asked.split(".")[0].split("@")[0].split("_")[0].lower()
    return language if language in known else default
