"""The house rules, kept by a test: who may import whom, how long things get, what is never written.

Every rule reads the source and returns its violations as lines, so that one failure lists them all.
An exception to a rule is a row in a table below, with its reason; there is no other way around one.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = tuple(sorted((ROOT / "mvx").rglob("*.py")))
TESTS = tuple(sorted((ROOT / "tests").rglob("*.py")))

#: Part -> what of mvx it may import besides itself. `venues.port` admits that module, not its part.
SIBLINGS = ("venues", "router", "journal", "risk", "reconciliation")
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "": (),
    "__main__": ("cli",),
    "errors": (),
    "domain": ("errors",),
    "clock": ("domain",),
    "machine": (),
    "turn": ("errors",),
    "unusable": ("errors",),
    "sqlite": ("errors", "machine", "turn", "unusable"),
    "venues": ("domain", "errors", "clock", "machine", "turn"),
    "router": ("domain", "errors"),
    "journal": ("domain", "errors", "clock", "machine", "sqlite", "turn", "unusable"),
    "risk": ("domain", "errors"),
    "reconciliation": ("domain", "errors"),
    "config": ("domain", "errors", "venues.capabilities"),
    "paper": ("domain", "errors", "clock", "sqlite", "venues.port", "venues.capabilities", "config.settings"),
    "engine": (*SIBLINGS, "paper", "config", "domain", "errors", "clock", "machine"),
    "cli": ("", "engine", "config", "domain", "errors"),
}

#: Library -> the modules that may import it. What is not here is imported by nobody.
LIBRARIES: dict[str, str] = {
    "typer": r"mvx\.cli\.\w+",
    "rich": r"mvx\.cli\.\w+",
    "tomli_w": r"mvx\.cli\.init",
    "platformdirs": r"mvx\.(cli|config)\.\w+",
    "pydantic": r"mvx\.config\.model\w*",
    "pysqlite3": r"mvx\.sqlite",
    "sqlite3": r"mvx\.sqlite",
    "sqlite_utils": r"mvx\.journal\.schema",
    "ccxt": r"mvx\.venues\.ccxt\.load",
    "aiohttp": r"mvx\.(venues\.ccxt\.wire|paper\.serve\.server)",
    "certifi": r"mvx\.venues\.ccxt\.wire",
    "stamina": r"mvx\.venues\.ccxt\.calls",
}
#: Costs too much at start-up to be imported at the top of a module.
ONLY_INSIDE_FUNCTIONS = LIBRARIES.keys() - {"typer", "pydantic", "pysqlite3", "sqlite3"}
MAY_IMPORT_BY_NAME = {
    "mvx.cli.group": "verbs are loaded when they are invoked",
    "mvx.venues.ccxt.load": "of ccxt only the class that is configured",
}

PURE = ("domain", "router", "risk", "reconciliation")
PURE_LIBRARY = frozenset(
    {"__future__", "bisect", "collections", "dataclasses", "datetime", "decimal", "enum", "functools"}
    | {"heapq", "itertools", "math", "operator", "re", "shlex", "typing"}
)
IMPURE_CALLS = frozenset(
    {"open", "print", "input", "exec", "eval", "__import__", "datetime.now", "date.today"}
)

HEAVY = ("asyncio", "pydantic", "rich", "typer", "mvx.paper", "ccxt", "aiohttp", "stamina")

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 70
MAX_METHODS = 15
MAX_COMMAND_LINES = 25

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Import(NamedTuple):
    """One import of one module. `top`: it runs when the importing module does."""

    module: str
    line: int
    top: bool


def none_of(violations: list[str]) -> None:
    assert not violations, "\n".join(["", *violations])


def where(path: Path, line: int | None = None) -> str:
    name = path.relative_to(ROOT).as_posix()
    return name if line is None else f"{name}:{line}"


def dotted(path: Path) -> str:
    """mvx/cli/init.py -> mvx.cli.init; a package is named without its __init__."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def part_of(module: str) -> str:
    """mvx.cli.init -> cli; mvx -> the empty name."""
    return module.removeprefix("mvx").removeprefix(".").partition(".")[0]


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions_of(path: Path) -> Iterator[Function]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@cache
def imports_of(path: Path) -> tuple[Import, ...]:
    """All of them, wherever they stand; those for type checking alone count, but not as run."""
    return tuple(_imports(path, tree_of(path), top=True))


def _imports(path: Path, parent: ast.AST, *, top: bool) -> Iterator[Import]:
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, top)
        elif isinstance(node, ast.ImportFrom):
            yield from _imports_from(path, node, top=top)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from _imports(path, ast.Module(node.body, []), top=False)
            yield from _imports(path, ast.Module(node.orelse, []), top=top)
        else:
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(path, node, top=top and not inside)


def _imports_from(path: Path, node: ast.ImportFrom, *, top: bool) -> Iterator[Import]:
    module = node.module or ""
    if node.level:
        package = dotted(path).split(".")
        drop = node.level - (path.name == "__init__.py")
        module = ".".join([*package[: len(package) - drop], *filter(None, [module])])
    for alias in node.names:
        file = ROOT / f"{module}.{alias.name}".replace(".", "/")
        is_module = module.startswith("mvx") and (file.with_suffix(".py").exists() or file.is_dir())
        yield Import(f"{module}.{alias.name}" if is_module else module, node.lineno, top)


def is_ours(module: str) -> bool:
    return module == "mvx" or module.startswith("mvx.")


def tracked_texts() -> Iterator[tuple[str, str]]:
    """Every tracked file that is text, and what it says."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("no git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        data = path.read_bytes() if path.is_file() else b""
        if b"\0" not in data:
            yield name, data.decode("utf-8")


# Who imports whom


def test_imports_run_one_way() -> None:
    """cli -> engine -> the five parts -> domain, and the five never meet."""
    found = []
    for path in SOURCES:
        part = part_of(dotted(path))
        for each in imports_of(path):
            name = each.module.removeprefix("mvx").removeprefix(".")
            if not is_ours(each.module) or part_of(each.module) == part:
                continue
            if part_of(each.module) not in MAY_IMPORT[part] and name not in MAY_IMPORT[part]:
                found.append(f"{where(path, each.line)} imports {each.module}")
    none_of(found)


def test_the_five_parts_know_the_domain_and_never_each_other() -> None:
    """The table above can not be edited into another architecture by accident."""
    for part in SIBLINGS:
        assert not set(MAY_IMPORT[part]) & {*SIBLINGS, "engine", "cli", "paper", "config"}, part


def test_a_library_is_imported_only_where_the_table_says() -> None:
    """typer and rich in cli, the driver in sqlite.py, pydantic in the config model, ccxt in its adapter."""
    found = []
    for path in SOURCES:
        for each in imports_of(path):
            top_level = each.module.partition(".")[0]
            if is_ours(each.module) or (top_level in sys.stdlib_module_names and top_level not in LIBRARIES):
                continue
            if not re.fullmatch(LIBRARIES.get(top_level, "nobody"), dotted(path)):
                found.append(f"{where(path, each.line)} imports {each.module}")
            elif each.top and top_level in ONLY_INSIDE_FUNCTIONS:
                found.append(f"{where(path, each.line)} imports {each.module} at its top")
    none_of(found)


def test_nothing_is_imported_behind_the_rules() -> None:
    """An import by a computed name is seen by no rule here."""
    found = [
        where(path, node.lineno)
        for path in SOURCES
        if dotted(path) not in MAY_IMPORT_BY_NAME
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Name | ast.Attribute)
        and ast.unparse(node) in ("import_module", "importlib.import_module", "__import__")
    ]
    none_of(found)


def test_the_parts_that_calculate_do_no_io_and_never_wait() -> None:
    """Books, clock, ids and limits are arguments of router, risk and reconciliation."""
    found = []
    for path in SOURCES:
        if part_of(dotted(path)) not in PURE:
            continue
        for each in imports_of(path):
            if not is_ours(each.module) and each.module.partition(".")[0] not in PURE_LIBRARY:
                found.append(f"{where(path, each.line)} imports {each.module}")
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
                found.append(f"{where(path, node.lineno)} waits")
            if isinstance(node, ast.Call) and ast.unparse(node.func) in IMPURE_CALLS:
                found.append(f"{where(path, node.lineno)} calls {ast.unparse(node.func)}")
    none_of(found)


@pytest.mark.parametrize(
    "module",
    [
        f"mvx.engine.{name}"
        for name in (
            *("positions", "reports", "trading", "baseline", "breaks", "venue_status"),
            *("explain", "words"),
        )
    ],
)
def test_what_only_the_journal_answers_loads_nothing_heavy(module: str) -> None:
    """In a process of its own, as cron would start it."""
    code = f"import sys, {module}; print(*(m for m in {HEAVY} if m in sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert "" == run.stdout.strip()


# How long things get


def test_no_file_is_too_long() -> None:
    found = [
        f"{where(path)} has {lines} lines"
        for path in (*SOURCES, *TESTS)
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MAX_FILE_LINES
    ]
    none_of(found)


def test_no_function_is_too_long() -> None:
    found = [
        f"{where(path, each.lineno)} {each.name} has {lines} lines"
        for path in (*SOURCES, *TESTS)
        for each in functions_of(path)
        if (lines := (each.end_lineno or each.lineno) - each.lineno + 1) > MAX_FUNCTION_LINES
    ]
    none_of(found)


def test_no_class_has_too_many_methods() -> None:
    found = [
        f"{where(path, node.lineno)} {node.name} has {methods} methods"
        for path in (*SOURCES, *TESTS)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ClassDef)
        and (methods := sum(isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) for n in node.body))
        > MAX_METHODS
    ]
    none_of(found)


def test_a_command_is_short() -> None:
    """Lines of logic: those of its signature, docstring, imports and comments are apart."""
    commands = list(_commands())
    assert commands
    found = []
    for path, name in commands:
        command = next(each for each in functions_of(path) if each.name == name)
        body = command.body[1:] if ast.get_docstring(command) else command.body
        lines = path.read_text(encoding="utf-8").splitlines()[body[0].lineno - 1 : command.end_lineno]
        code = [line for line in lines if not re.match(r"\s*(#|$|import |from \w)", line)]
        if len(code) > MAX_COMMAND_LINES:
            found.append(f"{where(path, command.lineno)} {name} has {len(code)} lines of logic")
    none_of(found)


def _commands() -> Iterator[tuple[Path, str]]:
    """Every verb's file and function, from the table of verbs."""
    verbs = import_module("mvx.cli.verbs")
    for each in verbs.VERBS.values():
        for verb in each.verbs.values() if isinstance(each, verbs.Family) else (each,):
            module, _, function = verb.target.partition(":")
            yield ROOT / "mvx" / "cli" / f"{module}.py", function


# What is always written, and what never


def test_every_module_says_what_it_is_for() -> None:
    found = [where(path) for path in (*SOURCES, *TESTS) if not ast.get_docstring(tree_of(path))]
    none_of(found)


def test_whoever_catches_everything_says_why() -> None:
    """A comment on the line; one that raises again swallows nothing."""
    found = []
    for path in (*SOURCES, *TESTS):
        lines = path.read_text(encoding="utf-8").splitlines()
        for node in ast.walk(tree_of(path)):
            if not isinstance(node, ast.ExceptHandler) or not _catches_everything(node):
                continue
            raises_again = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
            reason = lines[node.lineno - 1].partition("#")[2]
            if not raises_again and not re.sub(r"noqa(: *[A-Z0-9, ]+)?", "", reason).strip(" #-"):
                found.append(where(path, node.lineno))
    none_of(found)


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    caught = "BaseException" if handler.type is None else ast.unparse(handler.type)
    return bool(re.search(r"\b(Base)?Exception\b", caught))


def test_whoever_silences_the_type_checker_says_why() -> None:
    found = []
    for path in (*SOURCES, *TESTS):
        for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
            if token.type == tokenize.COMMENT and (silenced := _silenced(token.string)) is not None:
                code, reason = silenced
                if not code or not reason:
                    found.append(where(path, token.start[0]))
    none_of(found)


def _silenced(comment: str) -> tuple[str, str] | None:
    """The codes and the reason of a `type: ignore`; None where the comment is none."""
    match = re.match(r"#\s*type:\s*ignore(?:\[([\w, -]*)\])?(.*)", comment)
    return None if match is None else (match[1] or "", match[2].strip(" #-"))


MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:work|root|home|Users)(?![\w-])")
#: Written so that this file names none.
_REGISTRIES = (
    "pypi/org pythonhosted/org pypi/python/org npmjs/org crates/io docker/io ghcr/io quay/io jfrog/io"
)
REGISTRIES = (*_REGISTRIES.replace("/", ".").split(), ".".join(("anaconda", "org")))


def test_no_tracked_file_names_a_place_on_one_machine() -> None:
    """A path that exists here alone."""
    found = [
        f"{name}:{number} {match[0]}"
        for name, text in tracked_texts()
        for number, line in enumerate(text.splitlines(), 1)
        if (match := MACHINE_PATH.search(line))
    ]
    none_of(found)


def test_no_tracked_file_names_a_registry() -> None:
    """Where packages come from is the business of whoever installs them."""
    found = [
        f"{name} {host}" for name, text in tracked_texts() for host in REGISTRIES if host in text.lower()
    ]
    none_of(found)
