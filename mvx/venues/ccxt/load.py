"""Imports one class of ccxt without the hundred others: a fortieth of the source of `import ccxt.pro`.

ccxt's packages import every exchange in their __init__. Empty package modules with the right search path
let one class be imported alone. Where ccxt's layout has changed, the plain import takes over.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

_PACKAGE = "ccxt"
_ASYNC = "ccxt.async_support"


def load_exchange(exchange: str) -> Any:
    """ccxt's asynchronous class of an exchange. Raises ImportError where ccxt is not installed, and
    AttributeError where it has no such class."""
    if _PACKAGE not in sys.modules:
        _put_empty_packages()
    try:
        return getattr(import_module(f"{_ASYNC}.{exchange}"), exchange)
    except (ImportError, AttributeError):
        _forget()
        return getattr(import_module(_ASYNC), exchange)


def is_whole() -> bool:
    """Whether ccxt was imported with every exchange in it."""
    return not isinstance(sys.modules.get(_PACKAGE), _Empty)


class _Empty(ModuleType):
    """A package without its __init__."""


def _put_empty_packages() -> None:
    """What the base class imports from the package itself are its errors, Exchange and __version__
    (ccxt/async_support/base/ws/client.py and ws/__init__.py)."""
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"No module named {_PACKAGE!r}", name=_PACKAGE)
    root = Path(next(iter(spec.submodule_search_locations)))
    for name, folder in ((_PACKAGE, root), (_ASYNC, root / "async_support")):
        empty = _Empty(name)
        empty.__path__ = [str(folder)]
        sys.modules[name] = empty
    try:
        top = sys.modules[_PACKAGE]
        errors, base = import_module("ccxt.base.errors"), import_module("ccxt.base.exchange")
        for name in errors.__all__:
            setattr(top, name, getattr(errors, name))
        top.__dict__.update(Exchange=base.Exchange, __version__=base.__version__)
    except (ImportError, AttributeError):
        _forget()


def _forget() -> None:
    """As if ccxt had not been looked at, unless it is there as a whole."""
    if not is_whole():
        for name in [n for n in sys.modules if n == _PACKAGE or n.startswith(f"{_PACKAGE}.")]:
            del sys.modules[name]
