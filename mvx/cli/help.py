"""`mvx help`: a topic, a verb, or what there is to ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mvx.cli.group import LazyGroup, LazyVerb
from mvx.cli.help_topics import TOPICS, HelpResult, topic_of
from mvx.cli.options import known_name
from mvx.cli.session import Answer
from mvx.errors import Exit

if TYPE_CHECKING:
    from typer._click import Command, Context


def _subjects() -> list[str]:
    from mvx.cli.verbs import VERBS

    return [*TOPICS, *(name for name in VERBS if name not in TOPICS)]


Subject = Annotated[
    list[str] | None,
    typer.Argument(metavar="[TOPIC]", autocompletion=_subjects, help="A topic, or a verb and its verb."),
]


def help_(ctx: typer.Context, subject: Subject = None) -> Answer:
    from mvx.engine.outcome import Outcome

    if not subject:
        overview = topic_of(None)
        return Outcome(overview._replace(text=f"{ctx.find_root().get_help()}\n\n{overview.text}"), Exit.OK)
    name, *inner = subject
    known_name(name, _subjects(), "topic or verb")
    topic = topic_of(name) if name in TOPICS and not inner else None
    verb = _help_of_verb(ctx.find_root(), subject)
    if topic is None or verb is None:
        return Outcome(topic or HelpResult(" ".join(subject), verb or "", ()), Exit.OK)
    return Outcome(topic._replace(text=f"{topic.text}\n\n{verb}"), Exit.OK)


def _help_of_verb(root: Context, path: list[str]) -> str | None:
    """What `mvx PATH --help` shows; None where the first of it is no verb. Raises UsageError for a verb that
    is in no family of that name."""
    from typer._click import Context

    context, command = root, root.command
    for i, name in enumerate(path):
        verbs = command.commands if isinstance(command, LazyGroup) else {}
        if i == 0 and name not in verbs:
            return None
        command = verbs[known_name(name, verbs, f"verb of {context.command_path},")]
        context = Context(command, info_name=name, parent=context, obj=root.obj)
    context.command = _whole(command)
    return context.get_help()


def _whole(command: Command) -> Command:
    if isinstance(command, LazyGroup):
        command = command.chosen([])
    return command.load() if isinstance(command, LazyVerb) else command
