"""The plan validator (rule 16): what is refused, what is warned about, beside which step."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.utils import translation

from scenarios.enums import Anchor, Channel, Condition, Consequence, OffsetUnit, Phase
from scenarios.facts import Step
from scenarios.plan_sentences import SENTENCES, sentence
from scenarios.validator import Problem, Surroundings, TextFacts, validate_plan

BOTH = frozenset({"fr", "en"})
TEXTS = {
    ("courtesy", "email"): TextFacts(BOTH, Phase.SERVICE),
    ("r1", "email"): TextFacts(BOTH, Phase.FRIENDLY),
    ("r1", "letter"): TextFacts(BOTH, Phase.FRIENDLY),
    ("r2", "email"): TextFacts(BOTH, Phase.FIRM, cites=frozenset({"r1"}), prints=frozenset({"term.days"})),
    ("r3", "email"): TextFacts(BOTH, Phase.FIRM, prints=frozenset({"consequence"})),
    ("french", "email"): TextFacts(frozenset({"fr"}), Phase.FRIENDLY),
    ("notice", "registered"): TextFacts(BOTH, Phase.LEGAL),
    ("short", "sms"): TextFacts(BOTH, Phase.FRIENDLY),
}
AROUND = Surroundings(languages=frozenset({"fr"}), texts=TEXTS)

R1 = Step("r1", 1, Phase.FRIENDLY, Channel.EMAIL, Anchor.DUE, 1, template="r1")
CALL = Step("call", 2, Phase.FRIENDLY, Channel.CALL, Anchor.PREVIOUS, 7)
R2 = Step("r2", 3, Phase.FIRM, Channel.EMAIL, Anchor.PREVIOUS, 5, template="r2", requires=("r1",), term_days=8)
R3 = Step("r3", 4, Phase.FIRM, Channel.EMAIL, Anchor.PREVIOUS, 11, template="r3", term_days=8, announces=Consequence.FORMAL_NOTICE)
NOTICE = Step(
    "notice", 5, Phase.LEGAL, Channel.REGISTERED, Anchor.PREVIOUS, 11, template="notice", term_days=8, needs_approval=True,
    executes=Consequence.FORMAL_NOTICE,
)  # fmt: skip
SOUND = (R1, CALL, R2, R3, NOTICE)


def problems(*steps: Step, around: Surroundings = AROUND) -> list[tuple[str, str, str]]:
    return [(problem.code, problem.step, problem.severity.value) for problem in validate_plan(steps, around)]


def test_a_sound_plan_has_no_problem() -> None:
    assert problems(*SOUND) == []


def test_an_empty_plan() -> None:
    assert problems() == [("empty", "", "error")]


STORIES = {
    "two steps of one key": ((R1, replace(CALL, key="r1")), [("duplicate_key", "r1", "error")]),
    "first counted from a previous one": ((replace(R1, anchor=Anchor.PREVIOUS),), [("previous_first", "r1", "error")]),
    "service message after the due date": (
        (Step("s", 1, Phase.SERVICE, Channel.EMAIL, Anchor.DUE, 2, template="courtesy"),),
        [("service_after_due", "s", "error")],
    ),
    "service message chained past the due date": (
        (
            Step("s1", 1, Phase.SERVICE, Channel.EMAIL, Anchor.DUE, -2, template="courtesy"),
            Step("s2", 2, Phase.SERVICE, Channel.EMAIL, Anchor.PREVIOUS, 3, template="courtesy"),
        ),
        [("service_after_due", "s2", "error")],
    ),
    "service message after a reminder": (
        (R1, Step("s", 2, Phase.SERVICE, Channel.EMAIL, Anchor.DUE, 0, template="courtesy")),
        [("service_after_reminder", "s", "error")],
    ),
    "reminder on the due date": ((replace(R1, offset=0),), [("reminder_before_due", "r1", "error")]),
    "reminder counted from issue": ((replace(R1, anchor=Anchor.ISSUE, offset=40),), [("reminder_from_issue", "r1", "warning")]),
    "reminder before the one above it": (
        (R1, replace(CALL, anchor=Anchor.DUE, offset=1)),
        [("out_of_order", "call", "error")],
    ),
    "next reminder within the term": ((R1, CALL, R2, replace(R3, offset=10), NOTICE), [("before_term", "r3", "error")]),
    "task within the term": (
        (R1, CALL, R2, Step("decide", 4, Phase.FIRM, Channel.TASK, Anchor.PREVIOUS, 5)),
        [("before_term", "decide", "error")],
    ),
    "term counted over a step between": (
        (
            R1,
            CALL,
            R2,
            Step("decide", 4, Phase.FIRM, Channel.TASK, Anchor.PREVIOUS, 11),
            replace(R3, anchor=Anchor.PREVIOUS, offset=1),
            NOTICE,
        ),
        [],
    ),
    "term kept in business days": ((R1, CALL, R2, replace(R3, offset=9, unit=OffsetUnit.BUSINESS_DAYS), NOTICE), []),
    "term missed in business days": (
        (R1, CALL, R2, replace(R3, offset=8, unit=OffsetUnit.BUSINESS_DAYS), NOTICE),
        [("before_term", "r3", "error")],
    ),
    "a letter is days on the road": (
        (replace(R1, channel=Channel.LETTER, term_days=8), replace(CALL, offset=11)),
        [("before_term", "call", "error")],
    ),
    "announced and never done": ((R1, CALL, R2, R3), [("never_executed", "r3", "error")]),
    "done before it is announced": (
        (R1, CALL, replace(R2, executes=Consequence.FORMAL_NOTICE), R3),
        [("never_executed", "r3", "error")],
    ),
    "announced by a call": (
        (R1, replace(CALL, announces=Consequence.FORMAL_NOTICE), R2, replace(R3, announces=None, template="r1", phase=Phase.FIRM), NOTICE),
        [("announced_by_nobody", "call", "error")],
    ),
    "a term given by a call": ((R1, replace(CALL, term_days=3)), [("term_by_nobody", "call", "error")]),
    "announced twice": (
        (R1, CALL, replace(R2, announces=Consequence.FORMAL_NOTICE), R3, NOTICE),
        [("announced_twice", "r3", "warning")],
    ),
    "three reminders in one phase": (
        (R1, replace(R1, key="r1b", offset=8), replace(R1, key="r1c", offset=15)),
        [("no_change_of_phase", "r1c", "warning")],
    ),
    "a call between does not change the phase": (
        (R1, replace(R1, key="r1b", offset=8), replace(CALL, offset=2), replace(R1, key="r1c", offset=15)),
        [("no_change_of_phase", "r1c", "warning")],
    ),
    "legal without approval": ((R1, CALL, R2, R3, replace(NOTICE, needs_approval=False)), [("legal_without_approval", "notice", "error")]),
    "legal task needs no approval": (
        (R1, CALL, R2, Step("hand_over", 4, Phase.LEGAL, Channel.TASK, Anchor.PREVIOUS, 11)),
        [],
    ),
    "legal after one reminder": ((R1, replace(NOTICE, offset=20)), [("legal_too_early", "notice", "error")]),
    "friendly again after a formal notice": (
        (*SOUND, replace(R1, key="again", anchor=Anchor.PREVIOUS, offset=30)),
        [("after_legal", "again", "error")],
    ),
    "text message first": (
        (Step("sms", 1, Phase.FRIENDLY, Channel.SMS, Anchor.DUE, 1, template="short"),),
        [("sms_without_email", "sms", "error")],
    ),
    "text message behind a letter": (
        (replace(R1, channel=Channel.LETTER), Step("sms", 2, Phase.FRIENDLY, Channel.SMS, Anchor.PREVIOUS, 2, template="short")),
        [("sms_without_email", "sms", "error")],
    ),
    "text message within the term of its e-mail": (
        (replace(R1, term_days=8), Step("sms", 2, Phase.FRIENDLY, Channel.SMS, Anchor.PREVIOUS, 2, template="short")),
        [],
    ),
    "cites an unknown step": ((R1, replace(R2, offset=12, requires=("r1", "r0"))), [("requires_unknown", "r2", "error")]),
    "cites a later step": ((replace(R1, requires=("call",)), CALL), [("requires_later", "r1", "error")]),
    "cites itself": ((replace(R1, requires=("r1",)),), [("requires_later", "r1", "error")]),
    "cites a step that may be skipped": (
        (replace(R1, conditions=(Condition.NO_PROMISE,)), CALL, R2),
        [("requires_optional", "r2", "warning")],
    ),
    "no text": ((replace(R1, template=""),), [("no_template", "r1", "error")]),
    "a text of another channel": ((replace(R1, template="short"),), [("template_unknown", "r1", "error")]),
    "a text harder than the step": (
        (replace(R1, template="r2", term_days=8),),
        [("text_too_hard", "r1", "warning"), ("cites_not_required", "r1", "warning")],
    ),
    "a text that prints a term": ((R1, CALL, replace(R2, term_days=None)), [("text_needs_term", "r2", "error")]),
    "a text that announces": ((R1, CALL, R2, replace(R3, announces=None)), [("text_needs_consequence", "r3", "error")]),
}


@pytest.mark.parametrize("name", STORIES)
def test_story(name: str) -> None:
    steps, expected = STORIES[name]
    assert problems(*steps) == expected


def test_a_text_missing_in_a_language_used() -> None:
    around = replace(AROUND, languages=BOTH)
    assert problems(replace(R1, template="french")) == []
    found = validate_plan([replace(R1, template="french")], around)
    assert [(problem.code, problem.values["language"]) for problem in found] == [("template_language", "en")]


def test_a_channel_nobody_can_receive_is_warned_about_unless_the_step_asks_first() -> None:
    around = replace(AROUND, receivable=frozenset({"email"}))
    sms = Step("sms", 2, Phase.FRIENDLY, Channel.SMS, Anchor.PREVIOUS, 2, template="short")
    assert problems(R1, sms, around=around) == [("nobody_receives", "sms", "warning")]
    assert problems(R1, replace(sms, conditions=(Condition.CAN_RECEIVE,)), around=around) == []
    assert problems(R1, sms, around=AROUND) == []


def test_a_step_around_a_promise_stands_outside_the_order() -> None:
    eve = Step("eve", 2, Phase.SERVICE, Channel.EMAIL, Anchor.PROMISE, -1, template="courtesy")
    assert problems(R1, eve, CALL) == []
    assert problems(eve, replace(R1, anchor=Anchor.PREVIOUS)) == [("previous_first", "r1", "error")]


@pytest.fixture
def in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


@pytest.mark.usefixtures("in_english")
def test_the_sentence_says_what_to_do() -> None:
    found = validate_plan([R1, CALL, R2, replace(R3, offset=10), NOTICE], AROUND)
    assert [sentence(problem) for problem in found] == [
        "“r3” comes 10 days after “r2”, which gives 8 days: leave at least 11 days to the payment."
    ]


def test_thanks_need_their_text_in_every_language_used() -> None:
    around = Surroundings(languages=BOTH, texts=TEXTS)
    assert [problem.values["language"] for problem in validate_plan(SOUND, around, thanks=True)] == ["en", "fr"]
    known = replace(around, texts=TEXTS | {("thanks_paid", "email"): TextFacts(frozenset({"fr"}), Phase.SERVICE)})
    (problem,) = validate_plan(SOUND, known, thanks=True)
    assert (problem.code, problem.step, problem.severity.value, problem.values["language"]) == ("thanks_without_text", "", "error", "en")
    assert validate_plan(SOUND, known) == []


def test_every_problem_has_a_sentence() -> None:
    numbers = dict.fromkeys(("days", "gap", "term", "least", "most"), 1)
    values = {**numbers, "other": "x", "consequence": "hand_over", "template": "t", "channel": "email", "language": "fr"}
    codes = {code for _steps, expected in STORIES.values() for code, _key, _severity in expected}
    assert codes | {"empty", "template_language", "nobody_receives", "thanks_without_text"} == set(SENTENCES)
    for code in SENTENCES:
        text = sentence(Problem(code, "step", values=values))
        assert text.strip()
        assert "%(" not in text
