"""Tries how a store's customers are listed, searched and paged."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from worker.contract.shapes import entries, holders, in_words, is_list_path, is_ok, is_passing, shown_address, written
from worker.http.call_outcome import NOT_FOUND
from worker.jobs.errors import StampedReadFailed

if TYPE_CHECKING:
    from worker.contract.shapes import Fields
    from worker.contract.subject import Exchange, Subject
    from worker.http.answers import Answer

MOST_PAGES: Final = 25


def known(exchange: Exchange, email: str) -> tuple[list[Fields], str]:
    """The customers with an address, wherever the list begins to count and whether or not it is searched.

    Beside them, why it is not certain that these are all; empty if it is.
    Raises StampedReadFailed if the list can't be read at all: the store hash may be wrong.
    """
    pages, problem = _pages(exchange, email)
    if "+" in email:  # some servers read it as a blank
        more, _ = _pages(exchange, email.partition("+")[0])
        pages += more
    found = {str(customer): customer for page in pages for _, customer in holders(page.body, email)}
    # A customer who is listed without an address may have this one, and a search that finds nobody proves nothing.
    if not all(shown_address(entry) for page in pages for entry in entries(page.body) or []):
        problem = "the list does not show its customers' addresses"
    elif found:
        problem = ""
    elif not problem and not _finds_others(exchange):
        problem = "no search finds an address that the list shows, or the list shows none"
    return list(found.values()), problem


def _pages(exchange: Exchange, email: str) -> tuple[list[Answer], str]:
    """The pages that a search for the address shows, and why somebody may be missing; empty if nobody is."""
    first = _page(exchange, email, 1)
    zero = exchange.search(email, 0)
    pages = [each for each in (zero, first) if is_ok(each)]
    if first.status == NOT_FOUND:
        if (everybody := _page(exchange, "", 1)).status == NOT_FOUND:  # no such store
            raise StampedReadFailed(http_status=everybody.status)
        return pages, "" if first.is_missing else f"a search is answered {in_words(first)}"
    listed = entries(first.body) if is_ok(first) else None
    if listed is None:
        return pages, f"a search is answered {in_words(first)}"
    for page in range(2, MOST_PAGES):
        if not listed:
            return pages, ""
        seen = _page(exchange, email, page)
        before, listed = listed, entries(seen.body) if is_ok(seen) else None
        if listed == before:
            return pages, "every page of the list is the same"
        pages.append(seen)
    return pages, f"the list goes on behind {MOST_PAGES} pages"


def _page(exchange: Exchange, email: str, page: int) -> Answer:
    """Read a page that the trial needs. Raises StampedReadFailed if the store is busy or down."""
    seen = exchange.search(email, page)
    if is_passing(seen):
        raise StampedReadFailed(http_status=seen.status)
    return seen


def _finds_others(exchange: Exchange) -> bool:
    """Whether a search finds the first customer whom the list shows; True if the list is read, and empty."""
    lists = [exchange.search("", page) for page in (1, 0)]
    listed = [entry for each in lists if is_ok(each) for entry in entries(each.body) or []]
    other = next(filter(None, map(shown_address, listed)), "")
    if not other:  # nobody to try a search with: certain only of a store whose list is read, and empty
        return not listed and any(is_ok(each) for each in lists)
    return any(any(holders(exchange.search(other, page).body, other)) for page in (1, 0))


def try_search(subject: Subject) -> None:
    """Search for the customer and for nobody, and judge what is found, where it stands, and how pages are counted."""
    first = subject.eventually(lambda: _found(subject, 1))
    shown = first or _found(subject, 0)
    subject.findings.judge("search.finds", "neither page 1 nor page 0 shows the customer", holds=shown is not None)
    if shown is None:
        for key in ("list.answer", "page.first"):
            subject.findings.leave_open(key, "no search finds the customer")
    else:
        _judge_list(shown, subject)
        _judge_page(first, subject)
    nobody = subject.exchange.search(f"{secrets.token_hex(12)}@nobody.invalid", 1)
    count = len(entries(nobody.body) or [])
    subject.findings.judge_answer("search.only", nobody, f"it finds {count}", holds=is_ok(nobody) and not count)


def _judge_list(shown: Answer, subject: Subject) -> None:
    paths = [path for path, _ in holders(shown.body, subject.email)]
    seen = f"it is answered {in_words(shown)}; the customer is in {written(paths[0])}"
    subject.findings.judge("list.answer", seen, holds=any(map(is_list_path, paths)))


def _judge_page(first: Answer | None, subject: Subject) -> None:
    if first is None:
        subject.findings.judge("page.first", "page 0 shows the customer, and page 1 does not", holds=False)
        return
    second = subject.exchange.search(subject.email, 2)
    is_same = entries(second.body) == entries(first.body)
    subject.findings.judge("page.first", "page 2 shows what page 1 shows", holds=not is_same)


def _found(subject: Subject, page: int) -> Answer | None:
    seen = subject.exchange.search(subject.email, page)
    return seen if any(holders(seen.body, subject.email)) else None
