"""What `up` remembers of the demonstration account between two starts."""

import json
from pathlib import Path

from dunning.local.processes import private_text

DEMO_COMMAND = "load_demo"
FILE = "demo-signin.json"


def remember(folder: Path, said: str) -> dict[str, str] | None:
    """The sign-in (email, password) the demonstration has just printed, kept for next time; else the one kept before."""
    path = folder / FILE
    for line in said.splitlines():
        try:
            spoken = json.loads(line)
        except ValueError:
            continue
        if isinstance(spoken, dict) and spoken.get("password"):
            private_text(path, json.dumps(spoken))
            return {key: str(value) for key, value in spoken.items()}
    try:
        kept: dict[str, str] = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return kept
