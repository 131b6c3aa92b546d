"""The man page, made from the verbs, the exit codes, and the words below and of `mvx help`."""

from __future__ import annotations

from collections.abc import Iterator

from mvx import __version__
from mvx.cli.help_topics import ENVIRONMENT, FILES
from mvx.cli.shape import Option, Shape, shared_options
from mvx.errors import EXIT_MEANINGS

_ABOUT = """\
mvx buys and sells one instrument across several venues, and always knows the truth about the position.
It writes every order down before it sends it, and compares its record with what the venues themselves say.
|
A position is an interval that holds the venue's true figure: a point once the venue has confirmed it, and a
range while an answer is lost, an order rests or a venue is dark. An order whose outcome is not known stays
reserved at its worst case and is resolved by asking the venue, never by sending it again.
|
The answer goes to standard output and everything else to standard error. With `--json` the answer is one
object on one line, also when the command fails."""

_SIGNALS = {
    "SIGINT, SIGTERM": "Stop sending, settle or record what is in flight, say what is known. A second one "
    "exits at once, and the journal tells the truth all the same.",
    "SIGHUP": "`mvx run` reads its configuration again; any other command stops as with SIGTERM.",
}


def manpage(verbs: tuple[Shape, ...], exits: tuple[tuple[str, str], ...]) -> str:
    """mvx(1) in roff. `exits`: each exit code, or several that mean one thing, and the meaning."""
    return "\n".join([*_page(verbs, exits), ""])


def exit_codes() -> tuple[tuple[str, str], ...]:
    """Each exit code, or several that mean one thing, and the meaning: README has the same table."""
    codes: dict[str, list[str]] = {}
    for code, means in EXIT_MEANINGS.items():
        codes.setdefault(means, []).append(str(int(code)))
    return tuple((", ".join(several), means) for means, several in codes.items())


def _page(verbs: tuple[Shape, ...], exits: tuple[tuple[str, str], ...]) -> Iterator[str]:
    program, *others = verbs
    shared = shared_options(verbs)
    yield r".\" Made by `python -m mvx.cli.complete` from mvx's own verbs."
    yield f'.TH MVX 1 "" "mvx {__version__}" "User Commands"'
    yield from (".SH NAME", r"mvx \- " + _roff(_lower(program.summary)))
    yield ".SH SYNOPSIS"
    yield from (_bold("mvx") + " [" + _italic("option") + " ...] " + _italic("verb") + " ...",)
    yield from (".SH DESCRIPTION", *_paragraphs(_ABOUT))
    yield from (".SH OPTIONS", "Every verb takes these, before it or after it.", *_options(shared))
    yield from (".PP", "Alone:", *_options(tuple(each for each in program.options if each not in shared)))
    yield ".SH VERBS"
    for verb in others:
        yield from _verb(verb, shared)
    yield from (".SH EXIT STATUS", *_facts(dict(exits)))
    yield from (".SH SIGNALS", *_facts(_SIGNALS))
    yield from (".SH ENVIRONMENT", *_facts(ENVIRONMENT))
    yield from (".SH FILES", *_facts(FILES))
    yield ".SH EXAMPLES"
    yield from [line for verb in verbs for line in _examples(verb)][
        1:
    ]  # a heading is a paragraph's beginning


def _verb(verb: Shape, shared: tuple[Option, ...]) -> Iterator[str]:
    own = [each for each in verb.options if each not in shared]
    if verb.verbs and not own and not verb.arguments:
        yield from (f'.SS "mvx {_roff(verb.name)}"', _roff(verb.summary))
        return
    places = [each.metavar if each.required else f"[{each.metavar}]" for each in verb.arguments]
    usage = " ".join(["mvx", verb.name, *places, *(["[option ...]"] if own else [])])
    yield from (f'.SS "{_roff(usage)}"', _roff(verb.summary))
    for argument in verb.arguments:
        words = argument.help + _one_of(argument.values)
        if words:
            yield from (".TP", _italic(argument.metavar), _roff(words.strip()))
    yield from _options(tuple(own))


def _options(options: tuple[Option, ...]) -> Iterator[str]:
    for option in options:
        names = ", ".join(_bold(name) for name in sorted(option.names, key=len))
        yield from (
            ".TP",
            names + (f" {_italic(option.metavar)}" if option.metavar else ""),
            _roff(option.help),
        )


def _one_of(values: tuple[str, ...]) -> str:
    words = [value for value in values if not value.startswith("@")]
    return f" One of: {', '.join(words)}." if words else ""


def _examples(verb: Shape) -> Iterator[str]:
    if verb.examples:
        yield from (".PP", _roff(_upper(verb.summary)), ".PP", ".nf")
        yield from map(_roff, verb.examples)
        yield ".fi"


def _facts(facts: dict[str, str]) -> Iterator[str]:
    for name, meaning in facts.items():
        yield from (".TP", _bold(name), _roff(meaning))


def _paragraphs(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield ".PP" if line == "|" else _roff(line)


def _lower(text: str) -> str:
    return (text[:1].lower() + text[1:]).rstrip(".")


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _bold(text: str) -> str:
    return rf"\fB{_escaped(text)}\fR"


def _italic(text: str) -> str:
    return rf"\fI{_escaped(text)}\fR"


def _roff(text: str) -> str:
    """Text of one line; what stands between backquotes becomes bold."""
    pieces = text.split("`")
    return "".join(_bold(piece) if i % 2 else _escaped(piece) for i, piece in enumerate(pieces))


def _escaped(text: str) -> str:
    """A line can not be taken for a request, and a hyphen stays one that can be copied."""
    safe = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{safe}" if safe[:1] in (".", "'") else safe
