"""What `up` remembers of the demonstration account between two starts."""

import json
from pathlib import Path

from dunning.local.processes import private_text

DEMO_COMMAND = "load_demo"
FILE = "demo-signin.json"


def known(folder: Path) -> dict[str, str] | None:
    """The sign-in kept by an earlier start: email, password and perhaps more; None when there is none."""
    try:
        kept: dict[str, str] = json.loads((folder / FILE).read_text())
    except (OSError, ValueError):
        return None
    return kept


def remember(folder: Path, said: str) -> dict[str, str] | None:
    """The sign-in the demonstration has just printed, kept for next time; else the one kept before."""
    for line in said.splitlines():
        try:
            spoken = json.loads(line)
        except ValueError:
            continue
        if isinstance(spoken, dict) and spoken.get("password"):
            private_text(folder / FILE, json.dumps(spoken))
            return {key: str(value) for key, value in spoken.items()}
    return known(folder)
