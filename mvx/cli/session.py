"""One run of the program: what was asked globally, the configuration once it is needed, the answer.

Verbs get it as `ctx.obj`, read settings from it and return an Outcome; they print nothing themselves.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from mvx.cli.environment import LOUD, Environment
from mvx.cli.signals import Signals
from mvx.cli.verbs import VERBS
from mvx.errors import AnswerLost, Exit, MvxError

if TYPE_CHECKING:
    from pathlib import Path

    from mvx.cli.options import Format
    from mvx.cli.output import Failure
    from mvx.config.desk import DeskSettings
    from mvx.config.settings import Settings
    from mvx.config.source import Source
    from mvx.engine.outcome import Outcome
    from mvx.engine.watch import Watch
    from mvx.errors import JournalError

    #: What a verb returns. typer evaluates annotations at run time, and results need not be loaded then.
    Answer = Outcome
else:
    Answer = object

T = TypeVar("T")


class Session:
    """`command` and `mode` are the envelope's. `watch`: of the desk that is at work; `answer_sent`: what is
    being told says that something was sent; `ticking` is up once a watch has printed a record. `quiet`:
    nothing is said on stderr but what is loud, errors and questions; `verbose`: also what is in force.
    `warnings`: what every answer is to say besides."""

    def __init__(self, environment: Environment, signals: Signals) -> None:
        self.environment = environment
        self.signals = signals
        self.command = ""
        self.mode = "paper"
        self.json = False
        self.quiet = False
        self.verbose = False
        self.rows: Format | None = None
        self.config: str | None = None
        self.journal: str | None = None
        self.watch: Watch | None = None
        self.answer_sent = False
        self.ticking = False
        self.warnings: tuple[str, ...] = ()
        self._source: Source | None = None

    def source(self) -> Source:
        """The configuration as found. Raises ConfigError."""
        if self._source is None:
            from mvx.config import source

            around = self.environment
            self._source = source.find(self.config, around.variables, around.cwd)
            if self._source.notice and not self.quiet:
                around.say(f"mvx: {self._source.notice}")
            self.mode = self._source.mode
            if self.verbose:
                journal = self.journal_path()
                around.say(f"mvx: config {self._source.name}, journal {journal}, {self.mode}")
        return self._source

    def journal_path(self) -> Path:
        """The journal in force. Raises ConfigError."""
        from mvx.config import source

        around = self.environment
        return source.journal_path(self.source(), self.journal, around.variables, around.cwd)

    def desk(self) -> DeskSettings:
        """The light view of the configuration. Raises ConfigError."""
        from mvx.config import source

        return source.desk_settings(self.source(), self.journal_path())

    def settings(self, *, for_safety: bool = False) -> Settings:
        """The whole configuration, judged. for_safety: for verbs that make a position no larger; a limit that
        is mistyped keeps nobody from cancelling. Raises ConfigError with every error at once."""
        from mvx.config import model

        if for_safety:
            document, problems = model.validate_for_safety(self.source())
            self.warnings = tuple(f"{each}; its default is used here: mvx config check" for each in problems)
        else:
            document = model.validate(self.source())
        return model.settings(document, self.desk(), self.source().folder)

    def damage(self) -> JournalError | None:
        """What SQLite itself finds wrong with the desk's files, where they are known and there."""
        from mvx.engine.desk import damage

        try:
            return None if self._source is None else damage(self.journal_path())
        except MvxError:
            return None  # whether they are whole can not be told

    def here(self, text: str) -> str:
        """The same, its commands those of this desk: what named it on the command line names it there too."""
        import re
        from shlex import quote

        named = {"--config": self.config, "--journal": self.journal}
        options = [f"{option} {quote(value)} " for option, value in named.items() if value]
        if not options:
            return text
        commands = rf"\bmvx (?=(?:{'|'.join(VERBS)})\b)"
        return re.sub(commands, lambda _: f"mvx {''.join(options)}", text)

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Runs asynchronous work that the first signal cancels. Raises Interrupted."""
        gc.enable()
        return self.signals.run(work)

    def ask(self, question: str) -> str:
        """What was typed. Raises Interrupted on a signal: nothing of this command is in flight meanwhile."""
        self.signals.asking = True
        answer = self.environment.ask(question)
        self.signals.asking = False
        return answer

    def answer(self, outcome: Outcome) -> int:
        """Prints the answer (stdout) and what goes with it (stderr); returns the exit code."""
        self.answer_sent = outcome.sent
        if self.signals.exit_code is not None or self.warnings:
            from dataclasses import replace

            exit_code = outcome.exit_code if self.signals.exit_code is None else self.signals.exit_code
            warnings = (*self.warnings, *outcome.warnings)
            outcome = replace(outcome, exit_code=exit_code, warnings=warnings)
        written(self.environment, outcome, lambda: _print(self, outcome))
        unfinished = outcome.exit_code in (Exit.INCOMPLETE, Exit.UNCERTAIN)
        if unfinished and not (self.quiet or self.json or self.rows):
            from mvx.cli.output import unfinished_lines

            self.environment.say(self.here(unfinished_lines(outcome)))
        return int(outcome.exit_code)

    def reread(self) -> Settings:
        """The configuration as it is on disk now; the journal and the mode stay those that were begun with.
        Raises ConfigError, also for a configuration that is another one than that."""
        from mvx.config import source

        begun, around = self.source(), self.environment
        found = source.find(self.config, around.variables, around.cwd)
        source.refuse_another(begun, found)
        self._source = found
        try:
            return self.settings()
        finally:
            self._source = begun

    def tick(self, outcome: Outcome) -> bool:
        """One record of a watch for scripts; whether it was written."""
        self.ticking = True
        return self.record(outcome)

    def fail(self, failure: Failure) -> int:
        """Prints a failure; returns the exit code."""
        from mvx.cli.output import failure_line, failure_lines

        failure = failure._replace(
            warnings=(*self.warnings, *failure.warnings), next_step=self.here(failure.next_step)
        )
        self.note(failure)
        self.environment.say(failure_lines(failure))
        if self.json and not self.ticking and failure.code != AnswerLost.code:
            try:
                self.environment.answer(failure_line(self.command, self.mode, failure))
            except AnswerLost as lost:
                self.environment.say(f"mvx: {lost.message}", LOUD)
        return failure.exit_code

    def record(self, outcome: Outcome) -> bool:
        """Its envelope; whether there was a reader. Raises AnswerLost."""
        from mvx.cli.output import answer_line

        self.note(outcome)
        return self.environment.answer(answer_line(self.command, self.mode, outcome))

    def note(self, said: Outcome | Failure) -> None:
        """What is loud: beside every answer and every failure, and in the middle of the work."""
        if said.breaks:
            from mvx.cli.output import break_line

            for row in said.breaks:
                self.environment.say(self.here(break_line(row)), LOUD)
        if said.warnings:
            from mvx.cli.render import safe_text

            for warning in said.warnings:
                self.environment.say(f"warning: {self.here(safe_text(warning))}", LOUD)


def written(around: Environment, outcome: Outcome, write: Callable[[], bool]) -> bool:
    """Whether an answer had a reader. Where it could not be written the exit code tells what happened, and is
    no other where orders went out, or will. Raises AnswerLost where all was well but for the answer."""
    try:
        return write()
    except AnswerLost as lost:
        queued = getattr(outcome.data, "job_id", None) is not None
        if outcome.exit_code == Exit.OK and not outcome.sent and not queued:
            raise
        around.say(f"mvx: {lost.message}", LOUD)
        return False


def _print(session: Session, outcome: Outcome) -> bool:
    if session.json:
        return session.record(outcome)
    session.note(outcome)
    if session.rows is not None:
        from mvx.cli.rows import rows_text

        return session.environment.answer(rows_text(outcome, session.rows), end="")
    from mvx.cli.render import draw
    from mvx.cli.tables import parts_of

    return draw(session.environment, *parts_of(session.command, outcome))
