"""What is written about mvx is true: the locks, the README and the list of error codes follow the code."""

from __future__ import annotations

import configparser
import re
import signal
import tomllib
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mvx import errors
from mvx.cli.complete import made
from mvx.cli.shape import shapes
from mvx.journal.store import LEASE_S

ROOT = Path(__file__).resolve().parents[1]


class Pin(NamedTuple):
    version: str
    hashes: int


def pins_of(name: str) -> dict[str, Pin]:
    """Package -> what is pinned. Raises ValueError for a line that is no hashed pin."""
    line = r"([\w.-]+)(?:\[[\w,-]+\])?==([\w.!+]+)(?: ;[^#]*?)?((?: +--hash=sha256:[0-9a-f]{64})+) *"
    pins: dict[str, Pin] = {}
    text = re.sub(r"^\s*#.*\n", "", (ROOT / name).read_text(encoding="utf-8"), flags=re.MULTILINE)
    for entry in re.sub(r"\\\n", " ", text).splitlines():
        match = re.fullmatch(line, entry)
        if match is None:
            raise ValueError(f"{name}: {entry[:70]}")
        pins[canonicalize_name(match[1])] = Pin(match[2], match[3].count("--hash"))
    return pins


def project() -> dict[str, list[str]]:
    """Lock file -> the requirements that it must hold."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    runtime = table["project"]["dependencies"]
    return {
        "requirements.lock": runtime,
        "requirements-dev.lock": [*runtime, *table["dependency-groups"]["dev"]],
    }


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_pins_every_dependency_in_range_and_by_hash(lock: str) -> None:
    pins = pins_of(lock)
    for requirement in map(Requirement, project()[lock]):
        pin = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(pin.version), f"{requirement} is locked at {pin.version}"


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_names_the_extras_that_a_package_is_asked_for_with(lock: str) -> None:
    """Else pip takes it for one that is not pinned, as soon as a newer version of it is out."""
    locked = re.findall(r"^([\w.-]+)\[([\w,-]+)\]==", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE)
    extras = {canonicalize_name(name): set(named.split(",")) for name, named in locked}
    for name in pins_of(lock):
        try:
            asked = map(Requirement, metadata.requires(name) or ())
        except metadata.PackageNotFoundError:
            continue  # for another system
        for each in asked:
            if each.extras and (each.marker is None or each.marker.evaluate({"extra": ""})):
                assert each.extras <= extras.get(canonicalize_name(each.name), set()), (
                    f"{name} asks for {each}"
                )


def test_what_is_tested_is_what_is_installed() -> None:
    """The development lock holds the program's own pins, to the version."""
    program, development = pins_of("requirements.lock"), pins_of("requirements-dev.lock")
    assert program == {name: development.get(name) for name in program}


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_names_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert [] == re.findall(r"://|^\s*-(?:-index-url|-extra-index-url|-find-links|i|f)\b", text, re.MULTILINE)


def test_every_dependency_is_explained() -> None:
    """README has a row for each, and for nothing else."""
    rows = re.findall(r"^\| `([\w-]+)` \|", section("Dependencies"), flags=re.MULTILINE)
    assert sorted(Requirement(each).name for each in project()["requirements-dev.lock"]) == sorted(rows)


def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """What README says under a heading of the second level."""
    _, found, rest = f"\n{readme()}".partition(f"\n## {title}\n")
    assert found, f"README has no section {title}"
    return re.split(r"^## ", rest, flags=re.MULTILINE)[0]


@pytest.mark.parametrize("title", ["Quick start", "Tests"])
def test_one_command_sets_up_and_runs(title: str) -> None:
    """One line in one fence; .ci/run takes it from there literally."""
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", section(title), flags=re.MULTILINE | re.DOTALL)
    ((language, command),) = fences
    assert "sh" == language
    assert command.startswith("python3 -m venv ")
    assert 1 == command.count("\n")


def test_readme_and_the_code_agree_on_the_exit_codes() -> None:
    """The codes, and what they mean: `mvx explain` says the same words."""
    rows = re.findall(r"^\| ([\d, ]+) \| (.*) \|$", section("Exit codes"), flags=re.MULTILINE)
    told = [(int(code), means) for row, means in rows for code in row.split(",")]
    assert [(int(code), means) for code, means in errors.EXIT_MEANINGS.items()] == told
    assert list(errors.Exit) == list(errors.EXIT_MEANINGS)


def test_every_test_that_readme_names_exists() -> None:
    """`tests/x.py::test_name`, so that a promise can not outlive its proof."""
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", readme())
    assert named
    missing = [
        f"{file}::{name}"
        for file, name in named
        if not (ROOT / file).exists()
        or (name and f"\ndef {name}(" not in (ROOT / file).read_text(encoding="utf-8"))
    ]
    assert [] == missing


def test_every_error_code_is_in_the_docs() -> None:
    """`error.code` of a JSON answer comes from this list, which is made from the errors themselves."""
    text = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(\w+)` \| [\d, ]+ \|", text, re.MULTILINE)
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "mvx").rglob("*.py"))
    written = set(re.findall(r'^    code = "(\w+)"$', source, re.MULTILINE))
    assert written | {"interrupted"} == set(documented)
    assert len(documented) == len(set(documented))
    assert made(ROOT)["docs/errors.md"] == text


def commands_in(name: str) -> list[str]:
    """Every command of ours in a page's code, up to what ends it for a shell."""
    page = (ROOT / name).read_text(encoding="utf-8")
    code = re.findall(r"^```\w+\n(.*?)^```", page, re.MULTILINE | re.DOTALL) + re.findall(
        r"`(mvx [^`\n]*)`", page
    )
    return re.findall(r"(?:^|[ ./])(mvx [a-z][^|&>;#\n]*)", "\n".join(code), re.MULTILINE)


@pytest.mark.parametrize("page", ["README.md", "docs/operating.md", "docs/errors.md"])
def test_every_command_that_a_page_shows_exists(page: str) -> None:
    """Its verb, and each option that it is given."""
    known = {" ".join(shape.path): {n for o in shape.options for n in o.names} for shape in shapes()}
    found = commands_in(page)
    assert len(found) > 5
    for call in found:
        verb = max((path for path in known if f"{call} ".startswith(f"mvx {path} ")), key=len)
        assert verb, call
        assert set() == set(re.findall(r" (--?[a-z-]+)", call)) - known[verb], call


def test_the_unit_is_one_that_systemd_understands() -> None:
    """It is told that the daemon is ready and alive in time, and a stop that settled is no failure."""
    unit = configparser.RawConfigParser()
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # as systemd spells them
    unit.read_string((ROOT / "docs" / "mvx.service").read_text(encoding="utf-8"))
    service = unit["Service"]
    assert "notify" == service["Type"]
    assert " run " in service["ExecStart"]
    assert str(128 + signal.SIGTERM) == service["SuccessExitStatus"]
    assert float(service["WatchdogSec"]) >= 2 * LEASE_S
