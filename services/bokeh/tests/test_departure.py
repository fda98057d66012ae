"""A client that has left is known to have, whatever it had sent before."""

import socket
from contextlib import closing

from synthetic import publish
from visits import Visit

from conftest import Service, eventually
from dashboard.departure import has_left


def test_client_that_has_closed_its_side_has_left_however_much_it_sent_before() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        with closing(socket.create_connection(server.getsockname())) as client:
            served, _ = server.accept()
            client.sendall(b"asked for, and not read" * 100)
            assert not has_left(served)
        with closing(served):
            served.settimeout(30)
            while served.recv(1, socket.MSG_PEEK) and not has_left(served):
                pass
            assert has_left(served)
            assert served.recv(5) == b"asked", "of which nothing was read"


def test_what_a_client_asked_for_before_it_left_is_not_done(service: Service) -> None:
    publish(service.root)
    service.start()
    eventually(service.ready)
    visit, asked = Visit(service), 300
    for number in range(asked):
        visit.wish(unit=("NY", "CA")[number % 2])
    visit.leave()

    def read(name: str) -> float:
        text = service.ask("/metrics", service.health_port)[1]
        return float(next(line.split()[1] for line in text.splitlines() if line.startswith(f"{name} ")))

    eventually(lambda: read("longitude_websockets_open") == 0)
    assert 0 < read("longitude_change_seconds_count") < asked
