"""Limits: what the next request may use of them, over whole sums of requests and to the person."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cli import inside, small_plan
from support.model_bench import Bench, ended, of
from support.model_server import Reply
from support.repo import Repo
from support.scripted_model import call, finish, say, stream

from clubos_tui.agents import base as a
from clubos_tui.agents.claude.asking import Timing
from clubos_tui.agents.claude.money import Tokens, read_prices
from clubos_tui.agents.claude.purse import Purse
from clubos_tui.plan import Budget
from clubos_tui.spending import (
    LEAST_ANSWER,
    UNITS,
    UNKNOWN,
    Limit,
    ModelTurn,
    Spent,
    Unit,
    amount,
    dollars,
    limits,
    raised,
)

PRICES = read_prices("/nowhere/prices.toml")
MODEL = "claude-opus-5-5"
MODELS = st.sampled_from(sorted(PRICES.models))


def limit(unit: Unit, most: int, used: int = 0) -> Limit:
    return Limit("run", unit, most, used)


def turn(microcents: int = 0, **tokens: int) -> ModelTurn:
    return ModelTurn(1, "answered", MODEL, "p", microcents=microcents, **tokens)


# --- sums ---------------------------------------------------------------------------------------

TURNS = st.builds(
    lambda cost, tokens, seconds: replace(turn(cost, output_tokens=tokens), milliseconds=seconds),
    st.sampled_from([UNKNOWN, 0, 1, 10**9]),
    st.integers(0, 3),
    st.integers(0, 10**6),
)


@given(st.lists(TURNS, max_size=4))
def test_a_sum_is_the_same_in_any_order_and_unknown_where_a_part_is(turns: list[ModelTurn]) -> None:
    sums = set()
    for order in permutations(turns):
        spent = Spent()
        for item in order:
            spent = spent.plus(item)
        sums.add(spent)
    (spent,) = sums
    lost = any(item.microcents == UNKNOWN and item.tokens for item in turns)
    assert (spent.cost == UNKNOWN) == lost
    assert spent.microcents == sum(max(0, item.microcents) for item in turns)
    assert (spent.tokens, spent.turns) == (sum(item.tokens for item in turns), len(turns))


def test_all_kinds_of_tokens_count() -> None:
    item = turn(input_tokens=1, cache_read_tokens=20, cache_write_tokens=300, output_tokens=4000)
    assert Spent().plus(item).tokens == 4321


@given(st.integers(0, 10**13))
def test_what_cost_something_is_never_shown_as_nothing(microcents: int) -> None:
    words = dollars(microcents)
    assert (words == "$0.00") == (microcents == 0)
    if not words.startswith("<"):
        shown = round(float(words.strip("$").replace(",", "")) * 10**8)
        assert abs(shown - microcents) <= 5 * 10**5, "half a cent"
    assert amount("cents", microcents) == words


@pytest.mark.parametrize("unit", UNITS)
def test_one_limit_is_set_and_no_other(unit: Unit) -> None:
    before = Budget(1, 2, 3, 4)
    after = raised(before, unit, 9)
    assert [name for name in UNITS if getattr(after, name) != getattr(before, name)] == [unit]
    assert getattr(after, unit) == 9
    found = limits(Budget(), Spent(), raised(Budget(), unit, 9), Spent())
    assert [(item.scope, item.unit) for item in found] == [("run", unit)]
    assert limits(Budget(), Spent(), raised(after, unit, 0), Spent()) == limits(
        Budget(), Spent(), replace(before, **{unit: 0}), Spent()
    )


def test_a_limit_that_nobody_can_compare_with_has_nothing_left() -> None:
    (lost,) = limits(Budget(cents=5), Spent().plus(turn(UNKNOWN, output_tokens=1)), Budget(),
                     Spent())  # fmt: skip
    assert (lost.used, lost.left) == (UNKNOWN, 0)
    assert str(lost) == "the phase's limit of $0.05 (an unknown part used)"
    assert limit("turns", 2, 5).left == 0, "and never less than nothing"


# --- the next request ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tight", "allowed"),
    [
        (limit("tokens", 10_000, 4_000), 5_000),
        (limit("cents", 12_000_000, 1_500_000), 5_000),  # 500 for a token in, 2,000 for one out
        (limit("turns", 5, 4), 32_000),
        (limit("minutes", 60_000, 59_999), 32_000),
    ],
)
def test_each_unit_leaves_an_answer_what_is_left(tight: Limit, allowed: int) -> None:
    assert Purse([tight], PRICES, MODEL).allows(1_000, 32_000) == allowed
    wide = [limit(unit, 10**12) for unit in UNITS]
    for at in range(len(wide) + 1):
        assert (
            Purse([*wide[:at], tight, *wide[at:]], PRICES, MODEL).allows(1_000, 32_000) == allowed
        )


@pytest.mark.parametrize("unit", UNITS)
def test_each_unit_stops_what_has_no_room_and_says_which(unit: Unit) -> None:
    spent = limit(unit, 10, 10)
    wide = [Limit("phase", name, 10**12, 0) for name in UNITS]
    assert Purse([*wide, spent], PRICES, MODEL).allows(1, 32_000) == spent


def test_an_answer_is_as_short_as_is_useful_and_no_shorter() -> None:
    assert (
        Purse([limit("tokens", LEAST_ANSWER + 7)], PRICES, MODEL).allows(7, 9_000) == LEAST_ANSWER
    )
    assert isinstance(Purse([limit("tokens", LEAST_ANSWER + 7)], PRICES, MODEL).allows(8, 9_000),
                      Limit)  # fmt: skip


@pytest.mark.parametrize("most", [10**9, 10**15])
def test_what_has_no_price_never_fits_a_limit_in_dollars(most: int) -> None:
    purse = Purse([limit("cents", most)], PRICES, "claude-next")
    assert isinstance(purse.allows(0, 1), Limit)
    assert Purse([limit("tokens", most)], PRICES, "claude-next").allows(0, 1) == 1


@given(
    model=MODELS,
    prompt=st.integers(0, 400_000),
    most=st.integers(0, 10**10),
    used=st.integers(0, 10**10),
    wanted=st.integers(1, 128_000),
)
def test_the_worst_a_request_can_cost_is_never_beyond_what_is_left(
    model: str, prompt: int, most: int, used: int, wanted: int
) -> None:
    """The prompt all written to the cache, the answer as long as it may be; to the microcent."""
    tight = limit("cents", most, used)
    allowed = Purse([tight], PRICES, model).allows(prompt, wanted)
    if isinstance(allowed, int):
        assert 0 < allowed <= wanted
        assert PRICES.cost(model, Tokens(output=allowed, cache_write=prompt)) <= tight.left
        longer = PRICES.cost(model, Tokens(output=allowed + 1, cache_write=prompt))
        assert allowed == wanted or longer > tight.left, "nor is anything left unused"


@given(
    model=MODELS,
    cents=st.integers(0, 10**9),
    tokens=st.integers(0, 10**6),
    requests=st.lists(
        st.tuples(
            st.integers(0, 150_000),
            st.integers(LEAST_ANSWER, 64_000),
            st.floats(0, 1),
            st.floats(0, 1),
            st.floats(0, 1),
        ),
        max_size=12,
    ),
)
def test_no_sequence_of_requests_goes_beyond_a_limit(
    model: str, cents: int, tokens: int, requests: list[tuple[int, int, float, float, float]]
) -> None:
    """Whatever part of a prompt the cache held or kept, and however long the answers are."""
    purse = Purse([limit("cents", cents), limit("tokens", tokens)], PRICES, model)
    spent = Spent()
    for prompt, wanted, sent, cached, answered in requests:
        allowed = purse.allows(prompt, wanted)
        if isinstance(allowed, Limit):
            continue
        whole = int(prompt * sent)
        held = int(whole * cached)
        used = Tokens(0, int(allowed * answered), held, whole - held)
        taken = turn(PRICES.cost(model, used), output_tokens=used.output, cache_read_tokens=held,
                     cache_write_tokens=used.cache_write)  # fmt: skip
        purse.pay(taken)
        spent = spent.plus(taken)
    assert spent.microcents <= cents
    assert spent.tokens <= tokens


# --- a whole prompt -----------------------------------------------------------------------------


def of_run(bench: Bench, **most: int) -> tuple[Limit, ...]:
    """Return limits as the engine gives them: with what this bench has used by now."""
    spent = Spent()
    for taken in bench.turns:
        spent = spent.plus(taken.turn)
    return limits(Budget(), Spent(), Budget(**most), spent)


WRITE = [call("write_file", path="a.txt", content="a\n")]


async def test_a_third_request_is_held_by_a_limit_of_two(bench: Bench) -> None:
    model = bench.script(one=[WRITE, [call("list_files")], [finish("all of it")]])
    events = await bench.ask(await bench.agent(), limits=of_run(bench, turns=2))
    assert of(events, a.LimitReached) == [a.LimitReached(Limit("run", "turns", 2, 2))]
    assert isinstance(events[-2], a.LimitReached)
    end = ended(events)
    assert end.reason == "held"
    assert "the run's limit of 2 turns (2 turns used)" in end.error
    assert "kept" in end.cure
    assert len(model.asked) == len(of(events, a.TurnTaken)) == 2

    # As it is, it is held again at once; raised, it asks only for what is missing.
    again = await bench.ask(await bench.agent(), limits=of_run(bench, turns=2))
    assert ended(again).reason == "held"
    assert not of(again, a.TurnTaken)
    assert len(model.asked) == 2
    (bench.folder / "a.txt").unlink()
    rest = await bench.ask(await bench.agent(), limits=of_run(bench, turns=3))
    assert (ended(rest).reason, ended(rest).summary) == ("end_turn", "all of it")
    assert len(model.asked) == 3
    assert [t.turn.number for t in of(rest, a.TurnTaken)] == [3]
    assert (bench.folder / "a.txt").read_text() == "a\n"


async def test_the_same_agent_goes_on_too(bench: Bench) -> None:
    model = bench.script(one=[WRITE, [finish("all of it")]])
    agent = await bench.agent()
    assert ended(await bench.ask(agent, limits=of_run(bench, turns=1))).reason == "held"
    assert ended(await bench.ask(agent, limits=of_run(bench, turns=9))).summary == "all of it"
    assert len(model.asked) == 2


@pytest.mark.parametrize("most", [{"cents": 1}, {"tokens": 1_500}])
async def test_what_the_first_request_could_exceed_is_not_begun(
    bench: Bench, most: dict[str, int]
) -> None:
    events = await bench.ask(await bench.agent(), limits=of_run(bench, **most))
    assert [type(event) for event in events] == [a.LimitReached, a.TurnEnded]
    assert ended(events).reason == "held"
    assert bench.server.asked == []
    assert bench.turns == []


async def test_a_limit_makes_answers_shorter_before_it_holds(bench: Bench) -> None:
    model = bench.script(one=[WRITE, [finish()]])
    found = of_run(bench, tokens=20_000)
    assert ended(await bench.ask(await bench.agent(), limits=found)).reason == "end_turn"
    first, second = (asked.body["max_tokens"] for _, asked in model.asked)
    assert LEAST_ANSWER <= first < 20_000
    assert LEAST_ANSWER <= second < 20_000 - 1_200, "less what the first used"


async def test_an_answer_that_a_limit_cut_short_is_held_and_not_asked_for_again(
    bench: Bench,
) -> None:
    cut = stream([say("so"), {**WRITE[0], "raw": '{"path": "a.t'}], "max_tokens")
    model = bench.script(one=[Reply.of(cut), WRITE, [finish()]])
    events = await bench.ask(await bench.agent(), limits=of_run(bench, tokens=12_000))
    assert ended(events).reason == "held"
    assert "limits leave it" in ended(events).error
    assert len(model.asked) == 1
    wide = of_run(bench, tokens=900_000)
    assert ended(await bench.ask(await bench.agent(), limits=wide)).reason == "end_turn"


async def test_what_was_withdrawn_counts(bench: Bench) -> None:
    broken = Reply.error(529, "overloaded_error")
    model = bench.script(one=[broken, broken, WRITE])
    agent = await bench.agent(Timing(chance=lambda: -1.49))  # waits of no length
    events = await bench.ask(agent, limits=of_run(bench, turns=2))
    assert ended(events).reason == "held"
    assert len(model.asked) == 2


async def test_a_model_without_a_price_keeps_no_limit_in_dollars_and_others_well(
    bench: Bench,
) -> None:
    model = bench.script(one=[WRITE, [finish()]])
    agent = await bench.agent(name="claude-next")
    events = await bench.ask(agent, limits=of_run(bench, cents=10**6))
    assert "claude-next has no price here" in ended(events).error
    assert "prices.toml" in ended(events).cure
    assert bench.server.asked == []
    found = of_run(bench, tokens=200_000, turns=5)
    assert ended(await bench.ask(agent, limits=found)).reason == "end_turn"
    assert len(model.asked) == 2


# --- the command that sets them -----------------------------------------------------------------


def shown(repo: Repo) -> list[dict[str, Any]]:
    found = inside(repo, "limit", "--json").json["limits"]
    assert isinstance(found, list)
    return found


def test_limits_are_set_in_the_plans_units_and_shown_in_the_smallest(repo: Repo, key: None) -> None:
    assert inside(repo, "run", "--plan", small_plan(repo)).code == 0
    assert "at most $5.00; used $0.00" in inside(repo, "limit", "--dollars", "5").out
    assert "at most 100 tokens" in inside(repo, "limit", "--run", "--tokens", "100").out
    assert inside(repo, "limit", "2", "--dollars", "$0.50", "--minutes", "2").code == 0
    assert {"scope": "phase", "unit": "cents", "most": 500_000_000, "used": 0} in shown(repo)
    assert {"scope": "run", "unit": "tokens", "most": 100, "used": 0} in shown(repo)
    second = inside(repo, "limit", "2", "--json").json["limits"]
    assert [(e["unit"], e["most"]) for e in second if e["scope"] == "phase"] == [
        ("cents", 50_000_000), ("minutes", 120_000),
    ]  # fmt: skip
    assert inside(repo, "limit", "--run", "--dollars", "0", "--tokens", "0").code == 0
    assert {each["scope"] for each in shown(repo)} == {"phase"}


@pytest.mark.parametrize("text", ["abc", "", "$", "nan", "inf", "1,5", "-5"])
def test_what_is_no_amount_changes_nothing(repo: Repo, key: None, text: str) -> None:
    inside(repo, "run", "--plan", small_plan(repo))
    inside(repo, "limit", "--dollars", "5")
    before = shown(repo)
    said = inside(repo, "limit", f"--dollars={text}", "--turns", "3")
    assert said.code in {2, 7}
    assert shown(repo) == before, "not even the part that made sense"


@pytest.mark.parametrize("text", ["0.004", "0.009", "1e-9", "-0.001"])
def test_a_very_small_limit_does_not_become_none(repo: Repo, key: None, text: str) -> None:
    """Whoever asks for less than a cent wants a tighter limit, and would get rid of it."""
    inside(repo, "run", "--plan", small_plan(repo))
    inside(repo, "limit", "--dollars", "5")
    inside(repo, "limit", f"--dollars={text}")
    assert [each for each in shown(repo) if each["scope"] == "phase"]


def test_of_several_limits_all_are_set_or_none(repo: Repo, key: None) -> None:
    """The refusal says that nothing was recorded."""
    inside(repo, "run", "--plan", small_plan(repo))
    before = shown(repo)
    said = inside(repo, "limit", "--dollars", "5", "--turns", "-1")
    assert said.code == 7
    assert "Nothing was recorded" in said.err
    assert shown(repo) == before
