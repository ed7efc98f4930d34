"""Failpoints are for trials alone: refused wherever people are served, and exact where they are armed."""

import os
import signal
import subprocess
import sys

import pytest

from dunning.core import failpoints
from tests.local.test_environment import PRODUCTION, manage


@pytest.fixture(autouse=True)
def disarmed() -> object:
    yield
    failpoints.arm({})


def test_an_unarmed_failpoint_does_nothing() -> None:
    for name in failpoints.NAMES:
        failpoints.hit(name)


def test_an_armed_failpoint_strikes_at_its_own_place_alone() -> None:
    failpoints.arm(failpoints.parse("before-write:raise:1"))
    failpoints.hit("after-write")
    with pytest.raises(failpoints.Struck, match="before-write"):
        failpoints.hit("before-write")


def test_a_probability_of_none_never_strikes() -> None:
    failpoints.arm(failpoints.parse("before-write:raise:0"))
    for _ in range(1000):
        failpoints.hit("before-write")


def test_kill_is_a_kill_and_stop_is_a_stop() -> None:
    code = "from dunning.core import failpoints as f; import sys; f.arm(f.parse(sys.argv[1])); f.hit('mid-render'); print('still here')"
    command = [sys.executable, "-c", code]
    killed = subprocess.run([*command, "mid-render:kill:1"], capture_output=True, text=True, check=False)  # noqa: S603  this very project
    assert (killed.returncode, killed.stdout) == (-signal.SIGKILL, "")
    assert killed.stderr.startswith("failpoint mid-render kill ")
    stopped = subprocess.Popen([*command, "mid-render:stop:1"], stdout=subprocess.PIPE, text=True)  # noqa: S603  this very project
    _, status = os.waitpid(stopped.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    stopped.send_signal(signal.SIGCONT)
    assert stopped.communicate(timeout=20)[0] == "still here\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("before-write", "is not name:action:probability"),
        ("nowhere:kill:1", "There is no failpoint 'nowhere'"),
        ("before-write:explode:1", "the action is kill, stop, raise or sleep=SECONDS"),
        ("before-write:sleep:1", "the action is kill, stop, raise or sleep=SECONDS"),
        ("before-write:kill:2", "the probability from 0 to 1"),
    ],
)
def test_what_cannot_be_armed_is_said(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        failpoints.parse(text)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"FAILPOINT": "before-write:kill:1"}, "FAILPOINT makes processes die on purpose: it is refused outside a trial (TRIAL).\n"),
        (
            {"TRIAL": "on", "FAILPOINT": "before-write:kill:1"},
            "TRIAL shortens the protocol's times for tests: an installation with an https address refuses it.\n",
        ),
        ({"TRIAL": "lease=5"}, "TRIAL shortens the protocol's times for tests: an installation with an https address refuses it.\n"),
        ({"PUBLIC_BASE_URL": "http://localhost", "TRIAL": "hurry=1"}, "TRIAL holds words like lease=12, of"),
        ({"PUBLIC_BASE_URL": "http://localhost", "TRIAL": "on", "FAILPOINT": "x:kill:1"}, "FAILPOINT: There is no failpoint 'x'"),
        ({"PUBLIC_BASE_URL": "http://localhost", "FAILPOINT": "before-write:kill:1"}, "FAILPOINT makes processes die on purpose"),
    ],
)
def test_an_installation_refuses_to_start_with_them(variables: dict[str, str], said: str) -> None:
    done = manage({**PRODUCTION, **variables}, "check")
    assert done.returncode == 1
    assert done.stderr.startswith(said)


def test_a_trial_may_have_them() -> None:
    done = manage({**PRODUCTION, "PUBLIC_BASE_URL": "http://localhost", "TRIAL": "lease=5", "FAILPOINT": "before-write:kill:0.1"}, "check")
    assert done.returncode == 0, done.stderr
