"""`mvx init`: a first config, the journal, and what to run next."""

from __future__ import annotations

from pathlib import Path

from tests.cli.harness import Terminal, mvx, surroundings


def test_init_writes_a_config_and_a_journal_once(tmp_path: Path) -> None:
    """The second run changes nothing and says so."""
    first = mvx(surroundings(tmp_path), "init", "--paper", "--json").envelope["data"]
    written = (tmp_path / "mvx.toml").read_bytes()
    second = mvx(surroundings(tmp_path), "init", "--paper", "--json").envelope["data"]

    assert (first["config_written"], first["journal_created"]) == (True, True)
    assert (second["config_written"], second["journal_created"]) == (False, False)
    assert first["journal"] == second["journal"] == str(tmp_path / "mvx.db")
    assert (tmp_path / "mvx.toml").read_bytes() == written


def test_what_init_writes_is_valid_and_announces_nothing(tmp_path: Path) -> None:
    """The written config has venues of its own."""
    mvx(surroundings(tmp_path), "init", "--paper")
    ran = mvx(surroundings(tmp_path), "config", "check")
    assert (ran.exit_code, ran.stderr) == (0, "")


def test_init_refuses_where_nobody_can_answer(tmp_path: Path) -> None:
    """Without a terminal the flag is named, and nothing is written."""
    ran = mvx(surroundings(tmp_path), "init", "--json")
    assert (ran.exit_code, ran.envelope["error"]["next"]) == (4, "mvx init --paper")
    assert list(tmp_path.iterdir()) == []


def test_init_asks_at_a_terminal(tmp_path: Path) -> None:
    """No is exit 4 and yes writes."""
    for answer, exit_code in (("n\n", 4), ("", 4), ("y\n", 0)):
        environment = surroundings(tmp_path, {"NO_COLOR": "1"}, stdin=Terminal(answer), stderr=Terminal())
        ran = mvx(environment, "init")
        assert ran.exit_code == exit_code
        assert "five paper venues? [y/N]" in ran.stderr
    assert (tmp_path / "mvx.toml").exists()


def test_init_writes_where_it_is_told(tmp_path: Path) -> None:
    """--config names the file to make, its folder included."""
    data = mvx(surroundings(tmp_path), "--config", "desk/a.toml", "init", "--paper", "--json").envelope[
        "data"
    ]
    assert data["config"] == str(tmp_path / "desk" / "a.toml")
    assert data["journal"] == str(tmp_path / "desk" / "mvx.db")
