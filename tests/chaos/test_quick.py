"""The reduced campaign that is part of every test run: a thousand messages through a storm, and the providers' journals agree with us."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_thousand_messages_survive_a_storm() -> None:
    env = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL")}
    command = [sys.executable, "manage.py", "chaos", "--quick", "--seed", "20261005"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=1500, check=False)  # noqa: S603  this project
    lines = [line for line in done.stdout.splitlines() if line.startswith("result name=chaos sends=")]
    assert len(lines) == 1, done.stdout[-3000:] + done.stderr[-3000:]
    result = dict(re.findall(r"(\w+)=(\S+)", lines[0]))
    assert (result["sends"], result["lost"], result["duplicated"], result["astray"]) == ("1000", "0", "0", "0"), done.stdout[-3000:]
    assert result["invariants"] == "hold", done.stdout[-3000:]
    assert int(result["kills"]) >= 10
    assert int(result["reports"]) >= 250  # every delivery of the fourth class, and some complaints
    assert (result["unread"], result["untold"]) == ("0", "0"), done.stdout[-3000:]
    assert result["uncertain"] == result["settled"]
    assert int(result["uncertain"]) <= int(result["at_stake"])  # a blow costs no message but those in flight when it fell
    assert done.returncode == 0
