"""A full replica refuses new pages and keeps its own; a client that takes nothing costs others nothing."""

import json
import os
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import cast

import pytest
from bokeh.protocol import Protocol
from bokeh.server.session import ServerSession
from synthetic import make_card, publish
from tornado.httpclient import HTTPClientError
from visits import Visit, make_token, read_block

from conftest import Service, eventually
from dashboard.http.headers import FULL_STATUS
from dashboard.http.page import COOKIE
from dashboard.live.admission import UNOPENED_SECONDS, Admission


@dataclass
class Held:
    """The attributes of a session that admission reads."""

    connection_count: int = 1
    seconds: float = 0.0
    expiration_requested: bool = False
    expiration_blocked: bool = False

    @property
    def milliseconds_since_last_unsubscribe(self) -> float:
        return 1000 * self.seconds

    def request_expiration(self) -> None:
        self.expiration_requested = True


def hold(*sessions: Held) -> list[ServerSession]:
    return cast("list[ServerSession]", list(sessions))


def test_pages_on_their_way_count_like_sessions() -> None:
    admission = Admission(limit=3)
    with admission.arriving():
        assert admission.admits_new(hold(Held()))
        assert not admission.admits_new(hold(Held(), Held()))
        assert admission.admits_returning(hold(*[Held()] * 4))
        assert not admission.admits_returning(hold(*[Held()] * 5))
    assert admission.admits_new(hold(Held(), Held()))


def test_page_that_was_not_opened_for_longest_gives_its_place_to_a_new_one() -> None:
    opened, old, older, new = Held(seconds=99), Held(0, 7), Held(0, 8), Held(0, UNOPENED_SECONDS - 1)
    sessions = hold(opened, old, older, new)
    admission = Admission(limit=4)
    assert admission.admits_new(sessions)
    assert [one.expiration_requested for one in sessions] == [False, False, True, False]
    sessions.append(*hold(Held()))
    assert admission.admits_new(sessions)
    assert old.expiration_requested
    sessions.append(*hold(Held()))
    assert not admission.admits_new(sessions), "others are open, or will be at any moment"


def test_replica_with_more_than_it_may_have_needs_a_place_for_each_of_them() -> None:
    sessions = hold(*[Held()] * 2, Held(0, 7), Held(0, 8), Held(0, 9, expiration_blocked=True))
    assert not Admission(limit=3).admits_new(sessions)
    assert not any(one.expiration_requested for one in sessions), "nothing is ended for nothing"
    assert Admission(limit=4).admits_new(sessions)
    assert [one.expiration_requested for one in sessions] == [False, False, True, True, False]


def test_replica_that_is_full_of_pages_nobody_opens_takes_a_new_one_and_those_that_open_after_all(
    service: Service,
) -> None:
    publish(service.root)
    service.start(SESSIONS_MAX="2", UNUSED_SESSION_SECONDS="300")
    eventually(service.ready)
    pages = [service.ask("/?unit=B")[1] for _ in range(2)]
    assert service.ask()[0] == FULL_STATUS
    eventually(lambda: service.ask()[0] == 200, 3 * UNOPENED_SECONDS)
    eventually(lambda: json.loads(service.ask("/live", service.health_port)[1])["sessions"] == 2)
    for page in pages:
        late = Visit(service, "unit=B", token=read_block(page, "render-item")["token"])
        assert late.words == read_block(page, "words")
        late.close()


def test_a_full_replica_refuses_new_pages_and_lets_its_own_and_returning_ones_in(service: Service) -> None:
    publish(service.root)
    service.start(SESSIONS_MAX="2", UNUSED_SESSION_SECONDS="1")
    eventually(service.ready)
    kept, spare = Visit(service, "unit=B"), Visit(service)
    refused = service.look("/?unit=B")
    assert refused.status == FULL_STATUS
    assert int(refused.headers["Retry-After"]) > 0
    assert refused.headers["Cache-Control"] == "no-store"
    assert service.ready(), "a full replica is a healthy one, and its own visitors still come to it"

    moved = service.look("/?unit=B", Cookie=f"{COOKIE}=here")
    assert (moved.status, moved.headers["Location"]) == (307, "./?unit=B")
    assert moved.headers["Set-Cookie"].startswith(f'{COOKIE}="";')

    again = Visit(service, "unit=B", token=kept.token)
    assert again.words == kept.words
    spare.close()
    eventually(lambda: service.ask()[0] == 200)
    for visit in (again, kept):
        visit.close()


def test_page_that_is_opened_when_its_session_has_ended_is_as_it_was_made(service: Service) -> None:
    publish(service.root)
    service.start(UNUSED_SESSION_SECONDS="1")
    eventually(service.ready)
    page = service.ask("/?unit=NY&change=5")[1]
    eventually(lambda: json.loads(service.ask("/live", service.health_port)[1])["sessions"] == 0)
    late = Visit(service, "unit=NY&change=5", token=read_block(page, "render-item")["token"])
    assert late.words == read_block(page, "words")
    late.close()


def test_pages_that_come_back_find_a_place_up_to_twice_the_number(service: Service) -> None:
    publish(service.root)
    service.start(SESSIONS_MAX="3")
    eventually(service.ready)
    # Signed with the same secret, and unknown here: as those of pages that lost another replica are.
    secret = service.secret.read_bytes()
    tokens = [make_token(secret) for _ in range(7)]
    returned = [Visit(service, token=token) for token in tokens[:4]]
    assert service.ask()[0] == FULL_STATUS
    returned += [Visit(service, token=token) for token in tokens[4:6]]
    with pytest.raises(HTTPClientError) as caught:
        Visit(service, token=tokens[6])
    assert caught.value.code == FULL_STATUS
    for visit in returned:
        visit.close()


def test_pages_that_come_back_all_at_once_find_no_more_places_than_one_by_one(service: Service) -> None:
    publish(service.root)
    service.start(SESSIONS_MAX="2")
    eventually(service.ready)
    secret = service.secret.read_bytes()

    def come_back(_: int) -> Visit | None:
        try:
            return Visit(service, token=make_token(secret))
        except HTTPClientError as refused:
            if refused.code != FULL_STATUS:
                raise
            return None

    with ThreadPoolExecutor(20) as threads:
        returned = [visit for visit in threads.map(come_back, range(20)) if visit is not None]
    assert len(returned) == 4
    for visit in returned:
        visit.close()


def count_held(service: Service) -> float:
    return read_metric(service, "longitude_versions_held")


def test_pages_that_nobody_opened_give_the_memory_of_their_versions_to_others(service: Service) -> None:
    studies = [f"study-{number}" for number in range(24)]
    for study in studies:
        publish(service.root, make_card(study))
    service.start(VERSIONS_MEMORY_MB="16", UNUSED_SESSION_SECONDS="300")
    eventually(service.ready)

    def is_shown(study: str) -> bool:
        words = read_block(service.ask(f"/?study={study}")[1], "words")
        return bool(words["view"] == "dashboard")

    for study in studies:
        eventually(lambda study=study: is_shown(study), 10)
    assert 0 < count_held(service) < len(studies)


def test_reader_who_leaves_holds_no_version(service: Service) -> None:
    publish(service.root)
    publish(service.root, make_card("another"))
    service.start(UNUSED_SESSION_SECONDS="300")
    eventually(service.ready)
    visit = Visit(service, "study=another")
    visit.close(1001)
    eventually(lambda: json.loads(service.ask("/live", service.health_port)[1])["sessions"] == 0)


def test_handshakes_that_are_refused_leave_no_place_taken(service: Service) -> None:
    publish(service.root)
    service.start(SESSIONS_MAX="2")
    eventually(service.ready)
    secret = service.secret.read_bytes()
    for _ in range(8):
        with socket.create_connection(("127.0.0.1", service.port)) as client:
            client.sendall(write_handshake(service, make_token(secret), key=""))
            assert client.recv(12) == b"HTTP/1.1 400", "without a key it is no handshake"
    assert service.ask()[0] == 200
    returned = Visit(service, token=make_token(secret))
    returned.close()


def write_handshake(service: Service, token: str, key: str = "AAAAAAAAAAAAAAAAAAAAAA==") -> bytes:
    """Write the request that opens a websocket, with a key or without."""
    lines = [
        "GET /ws HTTP/1.1",
        f"Host: localhost:{service.port}",
        f"Origin: http://localhost:{service.port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        *([f"Sec-WebSocket-Key: {key}"] if key else []),
        f"Sec-WebSocket-Protocol: bokeh, {token}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def open_deaf(service: Service, token: str) -> socket.socket:
    """Open a websocket whose client never reads what comes after the handshake."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", service.port))
    client.sendall(write_handshake(service, token))
    assert client.recv(12) == b"HTTP/1.1 101"
    return client


def frame(text: str) -> bytes:
    """Write a masked text frame of less than 64 KiB."""
    data, mask = text.encode(), os.urandom(4)
    masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))
    return b"\x81\xfe" + struct.pack("!H", len(data)) + mask + masked


def test_client_that_takes_nothing_is_disconnected_and_others_notice_nothing(service: Service) -> None:
    publish(service.root)
    service.start()
    eventually(service.ready)
    deaf = open_deaf(service, read_block(service.ask()[1], "render-item")["token"])
    other = Visit(service)
    request = Protocol().create("PULL-DOC-REQ")
    message = b"".join(map(frame, (request.header_json, request.metadata_json, request.content_json)))
    deaf.settimeout(2)
    # The replica reads nothing more of it once the kernel holds as much as it takes for both ends.
    with pytest.raises(TimeoutError):
        deaf.sendall(message * 1_000_000)
    for change in range(10, 20):
        other.slide(change)
        other.wait_for(lambda words, change=change: words["query"].endswith(f"change={change}"))
    assert count_websockets(service) == 2, "the other one was answered while it was there"
    eventually(lambda: count_websockets(service) == 1, 30)
    other.close()
    deaf.close()
    assert service.stop() == 0


def count_websockets(service: Service) -> float:
    return read_metric(service, "longitude_websockets_open")


def read_metric(service: Service, name: str) -> float:
    text = service.ask("/metrics", service.health_port)[1]
    [line] = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(line.split()[1])
