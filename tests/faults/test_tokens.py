"""Nobody forges a session: tokens that are not good are refused in numbers, and nobody else notices."""

import asyncio
import collections
import random
from dataclasses import replace

from faults.forms import Form
from faults.injection import standing_of
from faults.ledger import Ledger
from faults.loops import watch_loops
from faults.tokens import SHARES, Forger, decode, make_tokens, read_secret, try_tokens
from faults.visitor import QUERY
from probes import Session, get, visit
from stack import Stack

STALL_SECONDS = 0.05


def test_tokens_that_are_not_good_are_refused_and_no_replica_minds(
    quiet_stack: Stack, ledger: Ledger, form: Form
) -> None:
    stack = quiet_stack
    page = visit(stack, QUERY)
    forger = Forger(page.token, read_secret(stack))
    tokens = make_tokens(forger, 10_000 if form.full else 500)
    assert len(tokens) == (10_000 if form.full else 500)
    before, ejected = standing_of(stack), stack.logs("traefik").count("Health check failed")
    with watch_loops(stack) as idle:
        asyncio.run(asyncio.sleep(10 if form.full else 3))
    with ledger.account("forged, expired, oversized and zlib-bomb tokens") as account:
        with watch_loops(stack) as loops:
            found = asyncio.run(try_tokens(stack, tokens))
        statuses = collections.Counter[int]()
        for (_, status), count in found.items():
            statuses[status] += count
        by_status = ", ".join(f"{count} with {status}" for status, count in sorted(statuses.items()))
        assert {kind for kind, _ in found} == set(SHARES)
        account.add("0 accepted", f"{statuses[101]} of {found.total()}", statuses[101] == 0)
        strange = {key: count for key, count in found.items() if not 400 <= key[1] < 500}
        account.add(
            "0 answered with 5xx, each with 4xx", f"refused: {by_status} {strange or ''}".strip(), not strange
        )
        gone = stack.logs("traefik").count("Health check failed") - ejected
        same = standing_of(stack) == before
        account.add(
            "no replica ejected",
            f"{gone} failed health checks; {'all' if same else 'not all'} replicas as they were",
            gone == 0 and same and all(health == "healthy" for health, _, _ in before.values()),
        )
        account.add(
            "the event loop is never stalled over 50 ms",
            f"{loops} (without the tokens: {idle})",
            loops.busiest <= STALL_SECONDS,
        )


def test_replayed_token_gives_the_page_of_its_address_and_nothing_once_it_has_expired(
    quiet_stack: Stack, ledger: Ledger, form: Form
) -> None:
    stack, tried = quiet_stack, 100 if form.full else 5
    page = visit(stack, "study=smoking-spending&unit=CA")
    forger = Forger(page.token, read_secret(stack))
    with Session(page, query="study=smoking-spending&unit=CA") as first:
        first.change("unit", "NY")
    joined, fresh = 0, 0
    with ledger.account("a good token, replayed after its page has gone") as account:
        for _ in range(tried):
            stranger = visit(stack, QUERY)
            replay = replace(page, cookies=stranger.cookies)
            with Session(replay, query="study=smoking-spending&unit=AL") as session:
                heading = session.words["effect-unit-heading"]
                joined += "New York" in heading and session.replica == page.replica
                fresh += "Alabama" in heading
        account.add(
            "as documented: it joins its session where that still is, and else opens the page of the address",
            f"{joined} and {fresh} of {tried}",
            joined + fresh == tried,
        )
        said = decode(page.token)
        account.add(
            "it holds nothing of its reader",
            f"what is in it: {', '.join(sorted(said))}",
            {"session_id", "session_expiry"} <= set(said)
            and not (said.get("headers") or said.get("cookies") or said.get("arguments")),
        )
        chance = random.Random(tried)
        old = [("expired", forger.make("expired", chance)) for _ in range(tried)]
        expired = asyncio.run(try_tokens(stack, old))
        account.add(
            "none is taken once it has expired",
            f"{expired['expired', 101]} of {tried}",
            set(expired) == {("expired", 403)},
        )
        in_address = {
            get(stack, path, headers=headers).status_code
            for path, headers in (
                (f"/?{QUERY}&bokeh-token={page.token}", {}),
                (f"/?{QUERY}", {"Bokeh-Session-Id": str(said["session_id"])}),
                (f"/?{QUERY}&bokeh-session-id={said['session_id']}", {}),
            )
        }
        account.add(
            "none is taken from an address or a header", f"answered with {in_address}", in_address == {403}
        )
