"""The man page is made from the verbs, says all of them, and reads well in man."""

from __future__ import annotations

import os
import re
import subprocess
from functools import cache

import pytest

from mvx.cli.complete import made
from mvx.cli.shape import shapes
from mvx.errors import Exit
from tests.cli.shells import need
from tests.test_tidy import ROOT, SOURCES

PAGE = ROOT / "docs" / "mvx.1"

#: Program -> how it is asked for every fault that it finds in a page.
CRITICS = {
    "man": ["--warnings", "-l"],
    "groff": ["-man", "-ww", "-T", "utf8"],
    "mandoc": ["-T", "lint", "-W", "warning"],
}


@cache
def read(columns: int = 80) -> str:
    """The page as man shows it, without bold and underlined letters."""
    ran = subprocess.run(
        [need("mandoc"), "-T", "ascii", "-O", f"width={columns}", PAGE],
        **{"capture_output": True, "text": True, "check": True},
    )
    return re.sub(".\x08", "", ran.stdout)


def test_what_is_committed_is_what_the_verbs_make() -> None:
    """After a change of a verb: python -m mvx.cli.complete."""
    assert made(ROOT)["docs/mvx.1"] == PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("program", CRITICS)
def test_no_program_finds_a_fault_in_it(program: str) -> None:
    ran = subprocess.run(
        [need(program), *CRITICS[program], PAGE],
        **{"capture_output": True, "text": True, "check": False, "env": {**os.environ, "MANWIDTH": "80"}},
    )
    found = (ran.stdout if program == "mandoc" else ran.stderr).splitlines()
    # A page that is made whenever a verb changes has no date of its own.
    assert [] == [line for line in found if "missing date" not in line]


def test_it_names_every_verb_option_and_example() -> None:
    text = " ".join(read().split())
    for shape in shapes():
        assert f"mvx {shape.name}".strip() in text
        for option in shape.options:
            assert f"{', '.join(sorted(option.names, key=len))} {option.metavar}".strip() in text
        for example in shape.examples:
            assert example in text


def test_it_names_every_exit_code() -> None:
    section = read().partition("EXIT STATUS")[2].partition("SIGNALS")[0]
    codes = re.findall(r"^ {7}(\d[\d, ]*?)(?: {2,}|$)", section, re.MULTILINE)
    assert [int(each) for each in Exit] == [int(code) for row in codes for code in row.split(",")]


def test_it_names_every_variable_that_mvx_reads() -> None:
    """Those read by name; the folders of the user come from platformdirs."""
    source = "".join(path.read_text(encoding="utf-8") for path in SOURCES)
    names = set(re.findall(r'variables(?:\.get\(|\[)"([A-Z_]+)"', source))
    section = read().partition("ENVIRONMENT")[2].partition("FILES")[0]
    assert {"MVX_CONFIG", "MVX_JOURNAL", "NO_COLOR", "TERM", "COLUMNS", "NOTIFY_SOCKET"} <= names
    assert [] == [name for name in names if not re.search(rf"^ {{7}}{name}\b", section, re.MULTILINE)]


def test_it_fits_a_terminal() -> None:
    assert max(map(len, read().splitlines())) <= 80
