"""Which model is asked and where; above all, that a repository can't send the key elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from clubos_tui.agents.claude.settings import DEFAULT_MODEL, Own, Settings, choose, read_own
from clubos_tui.errors import Refused, UsageError, exit_code
from clubos_tui.plan import Action, Model, Phase, Plan

NOTHING = Model()


def plan(of_plan: Model = NOTHING, of_phase: Model = NOTHING) -> Plan:
    return Plan(
        "P", model=of_plan, phase=(Phase("One", model=of_phase, action=(Action("a", "A"),)),)
    )


def test_a_flag_wins_over_the_phase_the_plan_and_the_persons_own() -> None:
    own = Own("own-model", "low", "https://own.example")
    assert choose(plan(), 1, NOTHING, Own()) == Settings(DEFAULT_MODEL)
    assert choose(plan(), 1, NOTHING, own) == Settings("own-model", "low", "https://own.example")
    of_plan, of_phase = Model("plan-model", "high"), Model("phase-model")
    assert choose(plan(of_plan), 1, NOTHING, own).model == "plan-model"
    chosen = choose(plan(of_plan, of_phase), 1, NOTHING, own)
    assert (chosen.model, chosen.effort) == ("phase-model", "high")
    flag = Model("flag-model", "max", "https://flag.example")
    assert choose(plan(of_plan, of_phase), 1, flag, own) == Settings(
        "flag-model", "max", "https://flag.example"
    )


@pytest.mark.parametrize(
    "url", ["https://evil.example", "http://api.anthropic.com", "https://api.anthropic.com.evil.io",
            "https://user@evil.example/api.anthropic.com", "http://localhost.evil.io"],
)  # fmt: skip
def test_a_base_url_of_a_repository_gets_no_key(url: str) -> None:
    with pytest.raises(Refused, match="your key would go there") as caught:
        choose(plan(Model(base_url=url)), 1, NOTHING, Own())
    assert exit_code(caught.value) == 7
    assert f"--base-url {url}" in caught.value.cure


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://api.anthropic.com", Own()),
        ("https://api.anthropic.com/", Own()),
        ("http://127.0.0.1:8080", Own()),
        ("http://localhost:8080/v1", Own()),
        ("https://proxy.example", Own(base_url="https://proxy.example/")),
        ("https://proxy.example", Own(trusted_base_urls=("https://proxy.example",))),
    ],
)
def test_a_base_url_that_the_person_trusts_counts(url: str, own: Own) -> None:
    assert choose(plan(Model(base_url=url)), 1, NOTHING, own).base_url == url


def test_trust_is_for_what_is_encrypted() -> None:
    own = Own(trusted_base_urls=("http://proxy.example",))
    with pytest.raises(Refused):
        choose(plan(Model(base_url="http://proxy.example")), 1, NOTHING, own)


def test_a_flag_is_a_persons_word() -> None:
    url = "https://evil.example"
    asked = Model(base_url=url)
    assert choose(plan(Model(base_url=url)), 1, asked, Own()).base_url == url


@pytest.mark.parametrize("url", ["api.anthropic.com", "ftp://host", "https://", "file:///etc"])
def test_what_is_no_address_is_said_so(url: str) -> None:
    with pytest.raises(UsageError, match="no address of an API"):
        choose(plan(), 1, Model(base_url=url), Own())


@pytest.mark.parametrize(
    "text", ["model = ", "modell = 'x'", "model = 7", "effort = 'heroic'", "max_tokens = 5",
             "trusted_base_urls = 'https://x'"],
)  # fmt: skip
def test_settings_that_make_no_sense_are_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "claude.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"claude\.toml"):
        read_own(str(file))


def test_settings_are_read_and_their_absence_is_none(tmp_path: Path) -> None:
    file = tmp_path / "claude.toml"
    assert read_own(str(file)) == Own()
    file.write_text('model = "m"\nthinking = false\nmax_tokens = 4096\n')
    assert read_own(str(file)) == Own("m", max_tokens=4096, thinking=False)
