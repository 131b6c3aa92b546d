"""The command tree of typer, built from the table of verbs without importing any of them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from mvx.cli.verbs import ITSELF, VERBS, Family, Verb
from mvx.errors import Exit

if TYPE_CHECKING:
    from typer._click import Command, Context, Parameter

_PROGRAM = """\
\b
mvx init --paper
mvx route BTC-USD 0.5 --dry-run
mvx positions

Trade one instrument across several venues, and always know the truth about the position."""


class RealVerb(TyperCommand):
    """A verb's real command. An option of one value is given once: which of two was meant is not guessed."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        refuse_twice(self, ctx, args)
        return super().parse_args(ctx, args)


class LazyVerb(TyperCommand):
    """A verb's name and its line of help, until it is invoked."""

    def __init__(self, name: str, verb: Verb) -> None:
        super().__init__(name, short_help=verb.summary, rich_markup_mode=None)
        self._verb = verb

    def load(self) -> Command:
        """The real command."""
        module, _, function = self._verb.target.partition(":")
        app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
        app.command(
            self.name,
            cls=RealVerb,
            help=_help(self._verb),
            add_help_option=False,
            context_settings={"ignore_unknown_options": self._verb.signed},
        )(getattr(import_module(f"mvx.cli.{module}"), function))
        command = get_command(app)
        command.params.extend(shared_options())
        return command


class LazyGroup(TyperGroup):
    """Commands that are imported when they are invoked. The names are known, so a typo is answered."""

    def __init__(self, name: str, text: str, verbs: dict[str, Verb | Family] | dict[str, Verb]) -> None:
        super().__init__(
            name=name,
            commands={inner: _stub(inner, verb) for inner, verb in verbs.items() if inner != ITSELF},
            help=text,
            short_help=text.split("\n\n")[-1],
            params=shared_options(),
            add_help_option=False,
            rich_markup_mode=None,
        )
        itself = verbs.get(ITSELF)
        self._itself = LazyVerb(name, itself) if isinstance(itself, Verb) else None

    def chosen(self, args: list[str]) -> Command:
        """The group, or the verb that its own name alone is: where none of its other verbs is named, nor
        what may be one with a typing error."""
        if self._itself is None or any(arg in self.commands for arg in args) or _is_name(args):
            return self
        return self._itself

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        if not args and not ctx.obj.json:
            ctx.obj.environment.say(ctx.get_help())
            ctx.exit(Exit.USAGE)
        refuse_twice(self, ctx, args)
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        ctx.obj.command = f"{ctx.obj.command} {name}".strip()
        if isinstance(command, LazyGroup):
            command = command.chosen(rest)
        return name, command.load() if isinstance(command, LazyVerb) else command, rest


def program() -> LazyGroup:
    """The whole command line."""
    group = LazyGroup("mvx", _PROGRAM, VERBS)
    group.params.append(
        _option("--version", help="Print the version.", is_flag=True, is_eager=True, callback=_show_version)
    )
    return group


def shared_options() -> list[Parameter]:
    """What every verb takes; the same options stand before the verb."""
    return [
        _option("--config", help="The config file.", metavar="FILE", callback=_keep),
        _option("--journal", help="The journal file.", metavar="PATH", callback=_keep),
        _option("--json", help="One JSON object on one line.", is_flag=True, callback=_keep),
        _option("-q", "--quiet", help="Say only what is loud.", is_flag=True, callback=_keep_voice),
        _option("-v", "--verbose", help="Say also what is in force.", is_flag=True, callback=_keep_voice),
        _option("-h", "--help", help="Show this.", is_flag=True, is_eager=True, callback=_show_help),
    ]


def _option(*names: str, **settings: Any) -> TyperOption:
    return TyperOption(param_decls=list(names), expose_value=False, **settings)


def refuse_twice(command: Command, ctx: Context, args: list[str]) -> None:
    """Raises BadParameter where an option that takes one value is given more than once."""
    _, _, given = command.make_parser(ctx).parse_args(args=list(args))
    for param in given:
        single = isinstance(param, TyperOption) and not param.is_flag and not param.multiple
        if single and given.count(param) > 1:
            raise typer.BadParameter("it was given more than once", ctx=ctx, param=param)


def _keep(ctx: Context, param: Parameter, value: Any) -> None:
    name, kept = str(param.name), getattr(ctx.obj, str(param.name))
    if value == "":
        raise typer.BadParameter("it is empty", ctx=ctx, param=param)
    if value and kept and value != kept:
        raise typer.BadParameter("it was given more than once", ctx=ctx, param=param)
    if value:
        setattr(ctx.obj, name, value)


def _keep_voice(ctx: Context, param: Parameter, value: Any) -> None:
    _keep(ctx, param, value)
    if ctx.obj.quiet and ctx.obj.verbose:
        raise typer.BadParameter("--quiet and --verbose contradict each other", ctx=ctx, param=param)


def _show_help(ctx: Context, _param: Parameter, value: Any) -> None:
    if value:
        ctx.obj.environment.answer(ctx.get_help())
        ctx.exit()


def _show_version(ctx: Context, _param: Parameter, value: Any) -> None:
    if value:
        from mvx import __version__

        ctx.obj.environment.answer(f"mvx {__version__}")
        ctx.exit()


def _stub(name: str, verb: Verb | Family) -> Command:
    if isinstance(verb, Family):
        return LazyGroup(name, _help(verb), verb.verbs)
    return LazyVerb(name, verb)


def _is_name(args: list[str]) -> bool:
    return bool(args) and not args[0].startswith("-")


def _help(verb: Verb | Family) -> str:
    """Examples first; those of a family are the first ones of its verbs."""
    if isinstance(verb, Family):
        examples = tuple(each.examples[0] for each in verb.verbs.values())
    else:
        examples = verb.examples
    return "\n".join(["\b", *examples, "", verb.summary])
