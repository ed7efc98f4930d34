"""What `manage.py test` decides by itself: when the migrated template still fits, and how a run is spread."""

import os
import shutil
from pathlib import Path

import pytest

from dunning.local import bootstrap, testing

ROOT = Path(__file__).resolve().parents[2]


def test_the_template_is_rebuilt_when_what_makes_it_changes_and_only_then(tmp_path: Path) -> None:
    for name in testing.PACKAGES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "requirements.lock", tmp_path)
    decides = {}
    before = testing.schema_hash(tmp_path)
    for path in (
        "invoices/migrations/0001_initial.py",
        "dunning/core/models.py",
        "dunning/core/tokens.py",  # a default in every table, imported by the migrations
        "requirements.lock",
        "dunning/health.py",
        "dunning/local/supervisor.py",
    ):
        with (tmp_path / path).open("a") as file:
            file.write("\n# changed\n")
        after = testing.schema_hash(tmp_path)
        decides[path], before = after != before, after
    assert decides == {
        "invoices/migrations/0001_initial.py": True,
        "dunning/core/models.py": True,
        "dunning/core/tokens.py": True,
        "requirements.lock": True,
        "dunning/health.py": False,
        "dunning/local/supervisor.py": False,
    }


@pytest.mark.parametrize(
    ("arguments", "spread"),
    [
        ([], True),
        (["tests/local"], True),
        (["-k", "partial"], True),
        (["tests/local/test_harness.py"], False),
        (["tests/local/test_harness.py::test_x"], False),
        (["-n0"], False),
        (["-n", "4"], False),
        (["--numprocesses=3"], False),
        (["--pdb"], False),
        (["-p", "no:xdist"], False),
    ],
)
def test_a_run_is_spread_over_the_cores_unless_it_is_one_file_or_told_otherwise(arguments: list[str], spread: bool) -> None:
    cores = str(max(2, len(os.sched_getaffinity(0))))
    assert testing.parallel(ROOT, arguments) == (["-n", cores, "--dist", "worksteal"] if spread else [])


def test_a_matching_stamp_means_nothing_to_install(tmp_path: Path) -> None:
    lock, stamp = tmp_path / "requirements.lock", tmp_path / "stamp"
    lock.write_text("django==5.2 --hash=sha256:00\n")
    assert bootstrap.stale(lock, stamp)
    stamp.write_text(bootstrap.digest(lock))
    assert not bootstrap.stale(lock, stamp)
    lock.write_text("django==5.3 --hash=sha256:00\n")
    assert bootstrap.stale(lock, stamp)


@pytest.mark.parametrize(("home", "redirected"), [("/proc/1/nowhere", True), (None, False)])
def test_packages_are_cached_in_the_checkout_when_the_home_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: str | None, redirected: bool
) -> None:
    for name in ("XDG_CACHE_HOME", "UV_CACHE_DIR", "PIP_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", home or str(tmp_path / "home"))
    monkeypatch.setenv("VIRTUAL_ENV", "/somewhere/else")
    env = bootstrap.environment(tmp_path)
    assert env.get("UV_CACHE_DIR") == (str(tmp_path / "cache" / "uv") if redirected else None)
    assert "VIRTUAL_ENV" not in env


def test_the_locks_hold_hashes_and_no_addresses() -> None:
    product, tools = ((ROOT / name).read_text() for name in ("requirements.lock", "requirements-test.lock"))
    for lock in (product, tools):
        assert "://" not in lock
        assert "--index" not in lock
        assert lock.count("--hash=sha256:") > 100
    pins = [line.split(" ")[0] for line in product.splitlines() if "==" in line and not line.startswith((" ", "#"))]
    assert [pin for pin in pins if pin not in tools] == [], "the developers' lock must hold the product's versions"
