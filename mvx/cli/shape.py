"""The command line as plain data, read from the table of verbs and from the verbs themselves.

What completions and the man page are made of, so that neither lists anything by hand. Loads every verb;
nothing that an operator waits for imports this.

What may stand for a value: its type's choices, else what its `autocompletion` names, else what its
metavar stands for. `@venues`, `@instruments`, `@assets` and `@files` are found on the machine when the
operator presses TAB; everything else is words, or nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mvx.cli.group import LazyGroup, LazyVerb, program
from mvx.cli.verbs import ITSELF, VERBS, Family, Verb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer._click import Command, Context, Parameter

#: Metavar -> the source of its words, asked when TAB is pressed.
_SOURCES = {
    **dict.fromkeys(("V", "VENUE"), "@venues"),
    **dict.fromkeys(("I", "INSTRUMENT"), "@instruments"),
    "ASSET": "@assets",
    **dict.fromkeys(("FILE", "PATH", "FOLDER"), "@files"),
}


class Option(NamedTuple):
    """`metavar` is empty for a flag; `values` are words or sources."""

    names: tuple[str, ...]
    metavar: str
    help: str
    values: tuple[str, ...]
    repeats: bool


class Argument(NamedTuple):
    metavar: str
    help: str
    values: tuple[str, ...]
    required: bool
    repeats: bool


class Shape(NamedTuple):
    """One verb, or a family with the names and summaries of its verbs."""

    path: tuple[str, ...]
    summary: str
    examples: tuple[str, ...]
    arguments: tuple[Argument, ...]
    options: tuple[Option, ...]
    verbs: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        return " ".join(self.path)


def shapes() -> tuple[Shape, ...]:
    """The program itself, then every verb in the order of the table, a family before its verbs."""
    return tuple(_shapes((), program(), VERBS))


def shared_options(verbs: tuple[Shape, ...]) -> tuple[Option, ...]:
    """Those that the program and every verb of it take."""
    first, *others = verbs
    return tuple(each for each in first.options if all(each in other.options for other in others))


def _shapes(path: tuple[str, ...], group: LazyGroup, table: dict[str, Verb | Family]) -> Iterator[Shape]:
    """`table` is the group's."""
    inner = {name: verb for name, verb in table.items() if name != ITSELF}
    itself = table.get(ITSELF)
    command = group.chosen([])
    yield _shape(
        path,
        command.load() if isinstance(command, LazyVerb) else group,
        itself if isinstance(itself, Verb) else _of_group(path, group),
        tuple((name, verb.summary) for name, verb in inner.items()),
    )
    for name, verb in inner.items():
        below = group.commands[name]
        if isinstance(verb, Family) and isinstance(below, LazyGroup):
            yield from _shapes((*path, name), below, dict(verb.verbs))
        elif isinstance(verb, Verb) and isinstance(below, LazyVerb):
            yield _shape((*path, name), below.load(), verb, ())


def _of_group(path: tuple[str, ...], group: LazyGroup) -> Verb:
    """What the group is for, and the program's own examples: those of a family are its verbs'."""
    examples, _, summary = (group.help or "").rpartition("\n\n")
    return Verb("", summary, () if path else tuple(examples.removeprefix("\b\n").splitlines()))


def _shape(path: tuple[str, ...], command: Command, verb: Verb, verbs: tuple[tuple[str, str], ...]) -> Shape:
    from typer._click import Context

    context = Context(command, info_name=path[-1] if path else "mvx")
    params = [each for each in command.params if not getattr(each, "hidden", False)]
    return Shape(
        path,
        verb.summary,
        verb.examples,
        tuple(_argument(each, context) for each in params if each.param_type_name == "argument"),
        tuple(_option(each, context) for each in params if each.param_type_name == "option"),
        verbs,
    )


def _argument(param: Parameter, context: Context) -> Argument:
    metavar = param.metavar or (param.name or "").upper()
    values = values_of(param, context)
    return Argument(metavar.strip("[]"), _help(param), values, param.required, param.nargs == -1)


def _option(param: Parameter, context: Context) -> Option:
    if getattr(param, "is_flag", False):
        return Option(tuple(param.opts), "", _help(param), (), False)
    values = values_of(param, context)
    metavar = param.metavar or "|".join(values) or param.type.name.upper()
    return Option(tuple(param.opts), metavar, _help(param), values, param.multiple)


def values_of(param: Parameter, context: Context) -> tuple[str, ...]:
    """What may be typed there, as far as it can be known."""
    choices = getattr(param.type, "choices", None)
    if choices:
        return tuple(map(str, choices))
    named = tuple(each.value for each in param.shell_complete(context, ""))
    return named or tuple(dict.fromkeys(_SOURCES[one] for one in names_in(param.metavar) if one in _SOURCES))


def names_in(metavar: str | None) -> tuple[str, ...]:
    """`[INSTRUMENT | ASSET]` names both."""
    return tuple(part.strip() for part in (metavar or "").strip("[]").split("|"))


def _help(param: Parameter) -> str:
    return " ".join((getattr(param, "help", None) or "").split())
