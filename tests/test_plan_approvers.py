"""The rule about people in a plan: what may be written, what is a fault, and where it stands."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clubos_tui import planfile
from clubos_tui.cli import run
from clubos_tui.errors import PlanError
from clubos_tui.plan import Approvers, Phase, Plan, people, person

RULE = """\
[approvers]
named = ["Pat <pat@example.org>", "Sam"]
count = 2
not_requester = true
"""
PHASE = '[[phase]]\nname = "One"\n'
ACTION = '[[phase.action]]\nid = "a"\nname = "A"\n'


def parse(text):
    return planfile.parse(f'name = "P"\n{text}', file="p.toml")


def faults(text):
    with pytest.raises(PlanError) as caught:
        parse(text)
    return [(fault.line, fault.message) for fault in caught.value.faults]


def test_a_plan_without_a_rule_asks_for_one_person_whoever_it_is():
    plan = parse(PHASE + ACTION)
    assert plan.approvers_of(1) == Approvers((), 1, False)
    assert not plan.approvers_of(1)
    assert "approvers" not in str(plan.to_json()), "and its journal is what it always was"


def test_the_rule_of_a_phase_takes_the_place_of_the_plans_whole():
    second = ACTION.replace('"a"', '"b"')
    own = '[phase.approvers]\nnamed = ["Kim"]\n'
    plan = parse(RULE + PHASE + ACTION + PHASE + own + second)
    assert plan.approvers_of(1) == Approvers(("Pat <pat@example.org>", "Sam"), 2, True)
    assert plan.approvers_of(2) == Approvers(("Kim",)), "nothing of the plan's is left in it"
    assert Plan.from_json(plan.to_json()) == plan


def test_an_empty_rule_frees_a_phase_of_the_plans():
    plan = parse(RULE + PHASE + "required_approval = false\n[phase.approvers]\n" + ACTION)
    assert not plan.approvers_of(1)
    assert Plan.from_json(plan.to_json()).approvers_of(1) == Approvers(), "also from the journal"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (RULE.replace("2", "3") + PHASE + ACTION, 4, "approvers.count is 3, and only 2 may"),
        (RULE.replace("2", "0") + PHASE + ACTION, 4, "approvers.count must be at least 1"),
        (RULE.replace('"Sam"', '"  "') + PHASE + ACTION, 3, "approvers.named: a name is empty"),
        (RULE.replace("Sam", "P <PAT@example.org>") + PHASE + ACTION, 3, "is named twice"),
        (RULE.replace("Sam", "P <PAT@example.org>") + PHASE + ACTION, 4, "only 1 may approve"),
        (RULE.replace("count", "cuont") + PHASE + ACTION, 4, "unknown key 'cuont' in approvers"),
        (RULE.replace("true", "1") + PHASE + ACTION, 5, "must be true or false"),
        ("approvers = 2\n" + PHASE + ACTION, 2, "approvers must be a table"),
        (RULE + PHASE + "required_approval = false\n" + ACTION, 8, "is false, and approvers ask"),
        (PHASE + "required_approval = false\n[phase.approvers]\ncount = 2\n" + ACTION, 4,
         "phase[1].required_approval is false"),
        (PHASE + '[phase.approvers]\nnamed = ["Pat"]\ncount = 2\n' + ACTION, 6,
         "phase[1].approvers.count is 2, and only 1 may approve"),
        (PHASE + "approvers = { count = 0 }\n" + ACTION, 4, "phase[1].approvers.count must be"),
    ],
)  # fmt: skip
def test_p10_a_rule_that_nobody_can_keep_or_that_is_got_round_is_a_fault(text, line, said):
    assert any(at == line and said in message for at, message in faults(text)), faults(text)


def test_more_people_than_are_named_is_no_fault_where_nobody_is():
    assert parse("approvers = { count = 3 }\n" + PHASE + ACTION).approvers_of(1).count == 3


def test_the_schema_knows_the_rule_in_both_places():
    properties = planfile.schema()["properties"]
    own = properties["phase"]["items"]["properties"]["approvers"]
    for rule in (properties["approvers"], own):
        assert rule["type"] == "object"
        assert not rule["additionalProperties"]
        assert set(rule["properties"]) == {"named", "count", "not_requester"}
        assert rule["properties"]["count"]["minimum"] == 1
        assert rule["properties"]["count"]["default"] == 1
    assert "approvers" not in properties["phase"]["items"]["required"]


def test_plan_show_says_whose_approval_each_phase_needs(tmp_path, capsys):
    file = tmp_path / "p.toml"
    file.write_text(f'name = "P"\n{RULE}{PHASE}{ACTION}')
    assert run(["--repo", str(tmp_path), "plan", "show", "--plan", str(file)]) == 0
    said = capsys.readouterr().out
    assert "two different people, of Pat <pat@example.org>, Sam; not the one who asked" in said


@settings(deadline=None, max_examples=50)
@given(
    st.builds(Approvers, st.lists(st.text(max_size=6), max_size=2).map(tuple), st.integers(1, 9),
              st.booleans()),
    st.none() | st.builds(Approvers, count=st.integers(1, 3)),
)  # fmt: skip
def test_any_rule_survives_the_journal(rule, own):
    plan = Plan("P", approvers=rule, phase=(Phase("One", approvers=own),))
    assert Plan.from_json(plan.to_json()) == plan
    assert plan.approvers_of(1) == (rule if own is None else own)


# --- who is who ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Pat <PAT@example.org>", "Pat Doe <pat@example.org>", True),
        (" Pat <pat@example.org> ", "<pat@Example.ORG>", True),
        ("Pat", " Pat ", True),
        ("Pat", "pat", False),
        ("Pat", "Pat <pat@example.org>", False),
        ("Pat <pat@example.org>", "Pat <pat@example.com>", False),
        ("Pat <>", "Sam <>", False),
        ("a < b", "c < b", False),
    ],
)
def test_p10_people_are_told_apart_by_address_else_by_the_whole_name(one, other, same):
    assert (person(one) == person(other)) == same
    assert Approvers((one,)).names(other) == same


def test_a_rule_in_words():
    rule = Approvers(("Pat", "Sam"), 2, True)
    assert str(rule) == "two different people, of Pat, Sam; not the one who asked for the dry run"
    assert str(dataclasses.replace(rule, named=(), count=1)) == (
        "one person, not the one who asked for the dry run"
    )
    assert [people(1), people(3, "more"), people(12)] == ["one person", "three more people",
                                                          "12 people"]  # fmt: skip
