"""What docs/providers.md has operators write does what it says."""

import html
import os
import re
import subprocess
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs" / "providers.md"


@pytest.mark.parametrize(("curl_ends", "mail_server_told"), [(0, 0), (7, 75), (22, 75)])  # taken; nobody there; 503 or 413
def test_a_reply_that_is_not_taken_is_tried_again_by_the_mail_server(tmp_path: Path, curl_ends: int, mail_server_told: int) -> None:
    found = re.search(r'relances: "\|(curl [^"]+)"', html.unescape(DOCS.read_text()))
    assert found is not None
    stand_in = tmp_path / "curl"
    stand_in.write_text(f"#!/bin/sh\ncat > /dev/null\nexit {curl_ends}\n")
    stand_in.chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["/bin/sh", "-c", found[1]], env=env, input=b"Subject: Re\n\nNon", check=False)  # noqa: S603  ours, as printed
    assert done.returncode == mail_server_told
