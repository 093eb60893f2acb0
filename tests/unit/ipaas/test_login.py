"""What iPaaS.com answers to a login is read leniently, and nothing of it is shown."""

from __future__ import annotations

from typing import Any

import pytest

from worker.http.answers import Answer
from worker.ipaas.login import refused, token_in
from worker.jobs.intents import Intent, Trouble

TOKEN = "token-1234"
REFUSED = Answer(401, Intent.STORES, Trouble.CREDENTIALS, words="hunter2", code="AUTH-1002")
DOWN = Answer(503, Intent.STORES, Trouble.UNAVAILABLE, words="hunter2")
EMPTY = Answer(200, Intent.ACCEPTED, body={"x": TOKEN})


@pytest.mark.parametrize(
    "body",
    [
        TOKEN,
        f'"{TOKEN}"',
        f" Bearer {TOKEN}\n",
        {"token": TOKEN},
        {"access_token": TOKEN, "expires_in": 3600},
        {"accessToken": TOKEN},
        {"data": {"Token": TOKEN}},
        {"result": {"data": {"jwt": TOKEN}}},
        {"token": None, "data": {"access_token": TOKEN}},
    ],
)
def test_a_token_is_found_wherever_it_may_stand(body: Any) -> None:
    """A text alone, or a field of any usual name."""
    assert token_in(Answer(200, Intent.ACCEPTED, body=body)) == TOKEN


@pytest.mark.parametrize(
    "body",
    [
        *(None, "", "short", "two words and more", {}, [], [TOKEN], {"id": TOKEN}, {"token": 12345678}, "a\nb" * 9),
        *("Unauthorized", '"Unauthorized"', "Error-401", "AccessDeniedForThisLogin", '"login_failed:AUTH-1002"'),
    ],
)
def test_anything_else_is_no_token(body: Any) -> None:
    """A page or a sentence must not become a header."""
    assert token_in(Answer(200, Intent.ACCEPTED, body=body)) is None


def test_a_refusals_token_is_none() -> None:
    """Only an accepted answer gives one."""
    assert token_in(Answer(401, Intent.STORES, Trouble.CREDENTIALS, body={"token": TOKEN})) is None


@pytest.mark.parametrize(
    ("answer", "intent", "trouble", "words"),
    [
        (REFUSED, Intent.STORES, Trouble.CREDENTIALS, "x was refused: AUTH-1002"),
        (Answer(400, Intent.CUSTOMERS), Intent.STORES, Trouble.CREDENTIALS, "x was refused"),
        (Answer(202, Intent.NOT_YET), Intent.STORES, Trouble.UNAVAILABLE, "x was refused"),
        (DOWN, Intent.STORES, Trouble.UNAVAILABLE, "x was refused"),
        (EMPTY, Intent.STORES, Trouble.UNREADABLE, "the answer to x holds no token"),
    ],
)
def test_a_refused_login_is_the_stores_and_named(answer: Answer, intent: Intent, trouble: Trouble, words: str) -> None:
    """No customer fails for it, and nothing that came back is shown but for iPaaS.com's code."""
    found = refused(answer, "x")
    assert (found.intent, found.trouble, found.words) == (intent, trouble, words)
    assert found.body is None


def test_words_of_ours_about_a_login_stay() -> None:
    """If nothing came, they say why."""
    answer = Answer(None, Intent.STORES, Trouble.SILENT, words="no answer in time", has_own_words=True)
    assert refused(answer, "x") is answer
