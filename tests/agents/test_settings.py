"""Where a setting comes from, layer by layer, and that a plan alone sends the key nowhere new."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cli import inside, small_plan
from support.model_bench import Bench, ended
from support.repo import Repo
from support.scripted_model import finish

from clubos_tui.agents import base as a
from clubos_tui.agents.claude.agent import ClaudeAgent
from clubos_tui.agents.claude.settings import (
    DEFAULT_MODEL,
    Own,
    Settings,
    choose,
    read_own,
    settings_path,
)
from clubos_tui.errors import Refused, UsageError, exit_code
from clubos_tui.plan import EFFORTS, Action, Effort, Model, Phase, Plan

NOTHING = Model()
HERE = "http://127.0.0.1:8080"


def plan(of_plan: Model = NOTHING, *of_phases: Model) -> Plan:
    """Return a plan with a phase for each model, at least one."""
    phases = of_phases or (NOTHING,)
    action = (Action("a", "A"),)
    return Plan("P", model=of_plan, phase=tuple(Phase("P", model=m, action=action) for m in phases))


# --- which of them counts -----------------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    """What one place says; empty or ``default`` where it says nothing."""

    name: str
    effort: Effort
    base_url: str

    @property
    def model(self) -> Model:
        return Model(self.name, self.effort, self.base_url)


def layers(place: int) -> st.SearchStrategy[Layer]:
    """Return what a place may say: every part or none of it."""
    return st.builds(
        Layer,
        st.sampled_from(["", f"model-{place}"]),
        st.sampled_from(["default", EFFORTS[place + 1]]),
        st.sampled_from(["", f"{HERE}/{place}"]),
    )


@given(flag=layers(0), of_phase=layers(1), of_plan=layers(2), own=layers(3))
def test_the_nearest_word_counts_for_each_setting_by_itself(
    flag: Layer, of_phase: Layer, of_plan: Layer, own: Layer
) -> None:
    """Flag, phase, plan, own file, default: model, effort and address each on their own way."""
    chosen = choose(
        plan(of_plan.model, of_phase.model), 1, flag.model,
        Own(own.name, own.effort, own.base_url),
    )  # fmt: skip
    order = (flag, of_phase, of_plan, own, Layer(DEFAULT_MODEL, "default", ""))
    assert chosen.model == next(each.name for each in order if each.name)
    assert chosen.effort == next((e.effort for e in order if e.effort != "default"), "default")
    assert chosen.base_url == next((e.base_url for e in order if e.base_url), "")


def test_each_phase_has_its_own_choice() -> None:
    made = plan(Model("both", "low"), Model("first"), Model(effort="max"))
    assert choose(made, 1, NOTHING, Own()) == Settings("first", "low")
    assert choose(made, 2, NOTHING, Own()) == Settings("both", "max")


def test_how_long_and_how_it_thinks_is_only_a_persons_choice() -> None:
    own = Own(max_tokens=2048, thinking=False)
    assert choose(plan(Model("m")), 1, NOTHING, own) == Settings("m", max_tokens=2048,
                                                                thinking=False)  # fmt: skip


async def test_a_conversation_is_held_as_the_persons_file_says(bench: Bench) -> None:
    file = Path(settings_path())
    file.parent.mkdir(parents=True)
    file.write_text(
        'model = "claude-sonnet-5-5"\neffort = "low"\nmax_tokens = 2048\nthinking = false\n'
    )
    model = bench.script(one=[[finish()]])
    assert ended(await bench.ask(await bench.agent())).reason == "end_turn"
    body = model.asked[0][1].body
    assert (body["model"], body["max_tokens"]) == ("claude-sonnet-5-5", 2048)
    assert body["output_config"] == {"effort": "low"}
    assert "thinking" not in body


# --- where the key may go -----------------------------------------------------------------------

EVIL = "https://evil.example"


def test_p12_a_phases_address_is_as_little_trusted_as_the_plans() -> None:
    with pytest.raises(Refused) as caught:
        choose(plan(NOTHING, Model(base_url=EVIL)), 1, NOTHING, Own())
    assert exit_code(caught.value) == 7
    assert f"--base-url {EVIL}" in caught.value.cure
    assert settings_path() in caught.value.cure
    assert caught.value.untouched == "Nothing was sent."


def test_p12_only_the_address_that_would_be_asked_is_judged() -> None:
    made = plan(Model(base_url=EVIL), Model(base_url=HERE), NOTHING)
    assert choose(made, 1, NOTHING, Own()).base_url == HERE
    with pytest.raises(Refused):
        choose(made, 2, NOTHING, Own())


@pytest.mark.parametrize(
    "url",
    ["https://proxy.example:8443", "https://proxy.example/other", "http://proxy.example",
     "https://proxy.example.evil.io", "https://proxy.example@evil.io", "https://xproxy.example"],
)  # fmt: skip
def test_p12_trust_is_for_one_address_and_not_for_what_looks_like_it(url: str) -> None:
    own = Own(trusted_base_urls=("https://proxy.example",))
    with pytest.raises(Refused):
        choose(plan(Model(base_url=url)), 1, NOTHING, own)


def test_p12_a_flag_for_another_address_wins_over_the_plans() -> None:
    asked = Model(base_url="https://mine.example")
    assert choose(plan(Model(base_url=EVIL)), 1, asked, Own()).base_url == "https://mine.example"


ODD = ["127.0.0.1", "localhost", "[::1]", "evil.example", "@", ":80", "/", "\\", "#", "?", "%2f",
       "\t", " ", "x", ".", ";", "http://", "\u3002", "\u00ad"]  # fmt: skip


@given(st.lists(st.sampled_from(ODD), min_size=1, max_size=6))
def test_p12_what_passes_for_this_machine_is_this_machine(parts: list[str]) -> None:
    """An address is read here and again by the client: both must see the same host in it."""
    url = "http://" + "".join(parts)
    try:
        choose(plan(Model(base_url=url)), 1, NOTHING, Own())
    except (Refused, ValueError, UsageError):
        return
    try:
        host = httpx2.URL(url).host
    except httpx2.InvalidURL:
        return  # nothing is asked there
    assert host in {"127.0.0.1", "::1", "localhost"}


async def test_p12_an_agent_refuses_before_it_looks_for_a_key(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    agent = ClaudeAgent()
    bench.agents.append(agent)
    with pytest.raises(Refused):
        await agent.start(a.Workspace(str(bench.folder), plan(Model(base_url=EVIL)), 1, 1))


@pytest.mark.parametrize("made", [Model(base_url="https://[oops"), Model(base_url=HERE)])
def test_brackets_that_do_not_close_are_no_address(made: Model) -> None:
    with pytest.raises(UsageError, match="no address of an API"):
        choose(plan(made), 1, Model(base_url="https://[oops"), Own())


@pytest.mark.parametrize("url", ["https://host:port", "https://a.example:99999999"])
def test_a_port_that_is_none_is_no_address(url: str) -> None:
    """The client raises InvalidURL for it, which is reported as a fault of clubos."""
    with pytest.raises(UsageError, match="no address of an API"):
        choose(plan(), 1, Model(base_url=url), Own())


# --- a person's own file ------------------------------------------------------------------------


def test_no_file_gives_the_defaults(tmp_path: Path) -> None:
    own = read_own(str(tmp_path / "claude.toml"))
    assert own == Own()
    assert choose(plan(), 1, NOTHING, own) == Settings(DEFAULT_MODEL, "default", "", 32_000, True)


@pytest.mark.parametrize(
    "text",
    [b"model", b'model = "\xff"', b"max_token = 2048", b"max_tokens = 5", b"max_tokens = 1023",
     b"max_tokens = true", b"max_tokens = 2048.0", b"thinking = 1", b'effort = ""',
     b"base_url = []", b"trusted_base_urls = [1]", b"[model]\nname = 'm'"],
)  # fmt: skip
def test_a_broken_file_is_named_and_nothing_is_asked(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "claude.toml"
    file.write_bytes(text)
    with pytest.raises(UsageError) as caught:
        read_own(str(file))
    assert caught.value.message.startswith(f"{file}: ")
    assert exit_code(caught.value) == 2
    assert caught.value.untouched


def test_the_cure_for_a_broken_file_names_all_it_may_say(tmp_path: Path) -> None:
    file = tmp_path / "claude.toml"
    file.write_text("modell = 'm'")
    with pytest.raises(UsageError) as caught:
        read_own(str(file))
    assert [field.name for field in fields(Own) if field.name not in caught.value.cure] == []


def test_a_folder_in_the_place_of_the_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="directory"):
        read_own(str(tmp_path))


def test_the_file_is_where_settings_belong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/some/where")
    assert settings_path() == "/some/where/clubos/claude.toml"
    monkeypatch.setenv("XDG_CONFIG_HOME", "")
    monkeypatch.setenv("HOME", "/home/pat")
    assert settings_path() == "/home/pat/.config/clubos/claude.toml"


# --- what a preview says of them ----------------------------------------------------------------


def test_p12_a_preview_names_the_host_that_would_really_be_asked(repo: Repo, key: None) -> None:
    """The SDK takes its address from the environment where nobody else names one."""
    env = {"ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}
    found = inside(repo, "run", "--explain", "--agent", "claude", "--json", env=env).json
    assert found["to"] == "http://127.0.0.1:9"


async def test_the_environments_address_is_asked_where_nobody_names_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the test above stands on."""
    monkeypatch.setenv("ANTHROPIC_BASE_URL", bench.server.url)
    bench.script(a=[[finish()]])
    agent = ClaudeAgent()
    bench.agents.append(agent)
    await agent.start(a.Workspace(str(bench.folder), plan(), 1, 1, recording=bench.recording))
    end = [event async for event in agent.prompt(a.Request("a", "Do it."))][-1]
    assert isinstance(end, a.TurnEnded)
    assert end.reason == "end_turn"
    assert len(bench.server.asked) == 1


@pytest.mark.parametrize("flags", [("--agent", "claude"), ("--effort", "silly"), ("--model", "n")])
def test_a_preview_refuses_what_the_run_would_refuse(
    repo: Repo, key: None, flags: tuple[str, ...]
) -> None:
    assert inside(repo, "run", "--plan", small_plan(repo), "--model", "m").code == 0
    assert inside(repo, "run", *flags).code == 2
    assert inside(repo, "run", "--explain", *flags).code == 2


def test_a_preview_is_of_the_phase_that_the_environment_names(repo: Repo, key: None) -> None:
    """`clubos --help`: PHASE=N means --phase N."""
    file = small_plan(repo)
    found = inside(repo, "run", "--explain", "--plan", file, "--json", env={"PHASE": "2"}).json
    assert found["phase"] == 2


def test_a_flag_that_says_what_the_open_run_says_is_no_other_model(repo: Repo, key: None) -> None:
    file = small_plan(repo)
    assert inside(repo, "run", "--plan", file, "--model", "m", "--effort", "high").code == 0
    assert inside(repo, "run", "--model", "m").code == 0


@pytest.mark.parametrize("flags", [("--model", "n"), ("--effort", "low"), ("--base-url", HERE)])
def test_a_flag_that_says_otherwise_than_the_open_run_is_refused(
    repo: Repo, key: None, flags: tuple[str, ...]
) -> None:
    assert inside(repo, "run", "--plan", small_plan(repo), "--model", "m").code == 0
    journals = [
        os.path.join(top, name)
        for top, _, names in os.walk(os.environ["CLUBOS_STATE_DIR"])
        for name in names
        if name == "journal.jsonl"
    ]
    before = [Path(path).read_bytes() for path in journals]
    said = inside(repo, "run", *flags)
    assert said.code == 2
    assert "open with another model" in said.err
    assert [Path(path).read_bytes() for path in journals] == before


# --- where the key may go -----------------------------------------------------------------------


def two_plans(of_plan: Model = NOTHING, of_phase: Model = NOTHING) -> Plan:
    return Plan(
        "P", model=of_plan, phase=(Phase("One", model=of_phase, action=(Action("a", "A"),)),)
    )


def test_a_flag_wins_over_the_phase_the_plan_and_the_persons_own() -> None:
    own = Own("own-model", "low", "https://own.example")
    assert choose(two_plans(), 1, NOTHING, Own()) == Settings(DEFAULT_MODEL)
    assert choose(two_plans(), 1, NOTHING, own) == Settings(
        "own-model", "low", "https://own.example"
    )
    of_plan, of_phase = Model("plan-model", "high"), Model("phase-model")
    assert choose(two_plans(of_plan), 1, NOTHING, own).model == "plan-model"
    chosen = choose(two_plans(of_plan, of_phase), 1, NOTHING, own)
    assert (chosen.model, chosen.effort) == ("phase-model", "high")
    flag = Model("flag-model", "max", "https://flag.example")
    assert choose(two_plans(of_plan, of_phase), 1, flag, own) == Settings(
        "flag-model", "max", "https://flag.example"
    )


@pytest.mark.parametrize(
    "url", ["https://evil.example", "http://api.anthropic.com", "https://api.anthropic.com.evil.io",
            "https://user@evil.example/api.anthropic.com", "http://localhost.evil.io"],
)  # fmt: skip
def test_a_base_url_of_a_repository_gets_no_key(url: str) -> None:
    with pytest.raises(Refused, match="your key would go there") as caught:
        choose(two_plans(Model(base_url=url)), 1, NOTHING, Own())
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
    assert choose(two_plans(Model(base_url=url)), 1, NOTHING, own).base_url == url


def test_trust_is_for_what_is_encrypted() -> None:
    own = Own(trusted_base_urls=("http://proxy.example",))
    with pytest.raises(Refused):
        choose(two_plans(Model(base_url="http://proxy.example")), 1, NOTHING, own)


def test_a_flag_is_a_persons_word() -> None:
    url = "https://evil.example"
    asked = Model(base_url=url)
    assert choose(two_plans(Model(base_url=url)), 1, asked, Own()).base_url == url


@pytest.mark.parametrize("url", ["api.anthropic.com", "ftp://host", "https://", "file:///etc"])
def test_what_is_no_address_is_said_so(url: str) -> None:
    with pytest.raises(UsageError, match="no address of an API"):
        choose(two_plans(), 1, Model(base_url=url), Own())
