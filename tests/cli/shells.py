"""Asks the completions in completions/ what they offer, each in its own shell, without a terminal.

A question is a line as it stands before the cursor. All questions of a call go to one process of the shell.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.test_tidy import ROOT

FOLDER = ROOT / "completions"
FILES = {"bash": FOLDER / "mvx.bash", "zsh": FOLDER / "_mvx", "fish": FOLDER / "mvx.fish"}
_END = "== end of the answer =="


def need(program: str) -> str:
    """Where it is. Skips the test where it is not installed, and fails where CI should have installed it."""
    found = shutil.which(program)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{program} is not installed")
        pytest.skip(f"{program} is not installed")
    return found


def offered(shell: str, line: str, cwd: Path, **variables: str) -> list[str]:
    """What it offers for one line, in its own order."""
    return answers(shell, [line], cwd, **variables)[0]


def answers(shell: str, lines: Sequence[str], cwd: Path, **variables: str) -> list[list[str]]:
    """What the shell offers for each line."""
    script = {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](lines)
    program = need(shell)
    around = {
        "PATH": os.environ["PATH"],
        "HOME": str(cwd / "home"),
        "XDG_CONFIG_HOME": str(cwd / "user-config"),
    }
    ran = subprocess.run(
        [program, *(["--norc", "--noprofile"] if shell == "bash" else ["-f"] if shell == "zsh" else [])],
        **{"input": script, "cwd": cwd, "env": {**around, **variables}},
        **{"capture_output": True, "text": True, "timeout": 60, "check": False},
    )
    assert ("", 0) == (ran.stderr, ran.returncode)
    *found, after = re.split(rf"^{_END}\n", ran.stdout, flags=re.MULTILINE)
    assert "" == after
    words = [[answer.partition("\t")[0] for answer in each.splitlines()] for each in found]
    if shell == "fish":  # where nothing begins as typed, it shows what resembles
        words = [_beginning(words_of(line)[-1], each) for line, each in zip(lines, words, strict=True)]
    return words


def _beginning(typed: str, words: list[str]) -> list[str]:
    return [word for word in words if word.startswith(typed)]


def words_of(line: str) -> list[str]:
    """The words before the cursor; the last one is what is being typed, and may be empty."""
    return [*line.split(" ")]


def _bash(lines: Sequence[str]) -> str:
    """= breaks words, as COMP_WORDBREAKS has it."""
    asked = []
    for line in lines:
        words = [part for word in words_of(line) for part in re.split("(=)", word) if part or not word]
        asked.append(f"COMP_WORDS=({shlex.join(words)}) COMP_CWORD={len(words) - 1}; ask")
    return f"""
        source {shlex.quote(str(FILES["bash"]))}
        compopt() {{ :; }}
        ask() {{ _mvx; for each in "${{COMPREPLY[@]}}"; do echo "$each"; done; echo '{_END}'; }}
        {chr(10).join(asked)}
    """


def _zsh(lines: Sequence[str]) -> str:
    """Stands in for the completion system: what it is given is printed, filtered by what was typed."""
    asked = [f"words=({shlex.join(words_of(line))}); ask" for line in lines]
    return f"""
        compdef() {{ :; }}
        compset() {{ PREFIX=${{PREFIX##${{~2}}}}; }}
        show() {{ local each; for each; do [[ $each == "$PREFIX"* ]] && print -r -- $each; done; :; }}
        _describe() {{ local each; for each in ${{(P)@[-1]}}; do show ${{each%%:*}}; done; }}
        compadd() {{ show ${{(P)2}}; }}
        _files() {{ local -a files=($PREFIX*(N)); show $files; }}
        source {shlex.quote(str(FILES["zsh"]))}
        ask() {{ CURRENT=$#words PREFIX=$words[-1]; _mvx; print -r -- '{_END}'; }}
        {chr(10).join(asked)}
    """


def _fish(lines: Sequence[str]) -> str:
    asked = [f"complete -C {shlex.quote(line)}; echo '{_END}'" for line in lines]
    return "\n".join([f"source {shlex.quote(str(FILES['fish']))}", *asked])
