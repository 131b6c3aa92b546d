"""Reading a secret from where its reference points: the environment, a file, a keyring or a command.

Rules:
- It is read when it is needed and kept by nobody here.
- No message, and no exception behind one, holds anything of it.
- A file has to be its owner's alone.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from mvx.errors import ConfigError

#: A command may ask its owner to touch a token.
_COMMAND_S = 60.0
_MOST_CHARS = 8_192


def read_secret(reference: str, environ: Mapping[str, str]) -> str:
    """The secret without the white space around it. Raises ConfigError where it can not be read."""
    kind, _, where = reference.partition(":")
    read = {"env": _from_environment, "file": _from_file, "keyring": _from_keyring, "command": _from_command}
    if kind not in read:
        raise ConfigError("a secret is a reference: env:NAME, file:PATH, keyring:SERVICE/NAME or command:...")
    secret = read[kind](where, environ).strip()
    if not secret:
        raise ConfigError(f"{_named(reference)} is empty")
    if len(secret) > _MOST_CHARS or not secret.replace("\n", "").isprintable():
        raise ConfigError(f"{_named(reference)} holds no secret: it is too long, or no text")
    return secret


def _named(reference: str) -> str:
    """The reference, as it may be shown: a command may hold anything."""
    return "the command of a secret" if reference.startswith("command:") else reference


def _from_environment(name: str, environ: Mapping[str, str]) -> str:
    if name not in environ:
        raise ConfigError(f"env:{name} is not set", next_step=f"export {name}=...")
    return environ[name]


def _from_file(path: str, environ: Mapping[str, str]) -> str:
    try:
        with Path(path).open(encoding="utf-8") as reader:
            found = os.fstat(reader.fileno())
            if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
                raise ConfigError(
                    f"file:{path} is not its owner's alone", next_step=f"chown and chmod 600 {path}"
                )
            return reader.read(_MOST_CHARS + 2)
    except OSError as error:
        raise ConfigError(f"file:{path} can not be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"file:{path} is no text") from None


def _from_keyring(where: str, environ: Mapping[str, str]) -> str:
    """Through the keyring's own command: an operator who uses it has it."""
    service, _, name = where.rpartition("/")
    return _run(["keyring", "get", service, name], f"keyring:{where}", environ)


def _from_command(command: str, environ: Mapping[str, str]) -> str:
    import shlex

    try:
        words = shlex.split(command)
    except ValueError:
        raise ConfigError("the command of a secret has an open quote") from None
    if not words:
        raise ConfigError("the command of a secret is empty")
    return _run(words, "the command of a secret", environ)


def _run(words: list[str], what: str, environ: Mapping[str, str]) -> str:
    """What it says. Its own complaints are for its terminal, and are not shown: they may hold anything."""
    import subprocess

    try:
        done = subprocess.run(  # noqa: S603 - the operator's own command
            words, capture_output=True, timeout=_COMMAND_S, env=dict(environ), check=False
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"{what} did not run: {type(error).__name__}") from None
    if done.returncode:
        raise ConfigError(f"{what} ended with {done.returncode}")
    return done.stdout.decode("utf-8", "replace")
