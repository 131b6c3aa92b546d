"""Secrets are read from where they are kept, and told to nobody else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mvx.config.secrets import read_secret
from mvx.errors import ConfigError

CANARY = "xK9canaryQ2"


def kept(folder: Path, text: str = f"  {CANARY}\n", mode: int = 0o600) -> Path:
    path = folder / "secret"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_secret_comes_from_the_environment_a_file_or_a_command(tmp_path: Path) -> None:
    """Without the white space around it: most editors end a file with a line break."""
    variables = {"KEY": CANARY, "PATH": os.environ["PATH"]}
    for reference in ("env:KEY", f"file:{kept(tmp_path)}", f"command:echo {CANARY}", "command:printenv KEY"):
        assert CANARY == read_secret(reference, variables), reference


def test_a_keyring_is_asked_through_its_own_command(tmp_path: Path) -> None:
    """`keyring get SERVICE NAME`; a service may hold a slash."""
    tool = tmp_path / "keyring"
    tool.write_text('#!/bin/sh\necho "$1+$2+$3"\n')
    tool.chmod(0o700)
    assert "get+mvx/live+okx" == read_secret("keyring:mvx/live/okx", {"PATH": f"{tmp_path}:/bin:/usr/bin"})


FAILS: dict[str, tuple[Callable[[Path], str], str]] = {
    "not set": (lambda folder: "env:NOT_THERE", "env:NOT_THERE is not set"),
    "empty": (lambda folder: "env:EMPTY", "env:EMPTY is empty"),
    "open": (lambda folder: f"file:{kept(folder, mode=0o640)}", "is not its owner's alone"),
    "missing": (lambda folder: f"file:{folder / 'nowhere'}", "can not be read: No such file"),
    "a folder": (lambda folder: f"file:{folder}", "can not be read: Is a directory"),
    "too long": (lambda folder: f"file:{kept(folder, CANARY * 1_000)}", "too long, or no text"),
    "no text": (lambda folder: f"file:{kept(folder, CANARY + chr(7))}", "too long, or no text"),
    "a failing command": (lambda folder: f"command:sh -c 'echo {CANARY} >&2; exit 3'", "ended with 3"),
    "no such command": (lambda folder: f"command:/no/such/{CANARY}", "did not run: FileNotFoundError"),
    "an open quote": (lambda folder: f"command:echo '{CANARY}", "has an open quote"),
    "a command of nothing": (lambda folder: "command: ", "the command of a secret is empty"),
    "no reference": (lambda folder: CANARY, "a secret is a reference"),
}


@pytest.mark.parametrize("name", FAILS)
def test_what_can_not_be_read_is_said_and_nothing_of_it_is_shown(tmp_path: Path, name: str) -> None:
    reference, says = FAILS[name]
    with pytest.raises(ConfigError, match=says) as failed:
        read_secret(reference(tmp_path), {"EMPTY": " \n", "PATH": os.environ["PATH"]})
    assert CANARY not in str(failed.value).replace(str(tmp_path), "")
    assert failed.value.__cause__ is None
