"""Where sign-in is set, nothing is had without it, and credentials go no further than they must."""

import base64

from guarded import Provider, ask, echo, laid_out
from probes import Session, Visit, eventually, get, visit
from stack import Stack

PASSWORD = "correct horse"
HASH = "$2a$05$v0Bp.P/pbU7Go/8QoOHpsOMgWYj57h.mS9uvZE98ive5t5i5wrKnO"
EVERYTHING = (
    "/",
    "/?study=cigarette-sales&unit=CA",
    "/studies",
    "/data/units.csv",
    "/download/cigarette-sales/000000000000/trace.nc",
    "/static/longitude/favicon.svg",
    "/favicon.ico",
)


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def handshake_status(stack: Stack, page: Visit) -> int:
    """Ask for a websocket as a browser does, and give the status of the answer."""
    asked = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Origin": stack.url,
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(b"0" * 16).decode(),
        "Sec-WebSocket-Protocol": f"bokeh, {page.token}",
    }
    return ask(stack, "/ws", headers=asked).status_code


def test_users_of_the_file_get_everything_and_nobody_else_anything(guarded: Stack) -> None:
    page = eventually(lambda: visit(guarded), 60, "a page")
    users = guarded.directory / "users"
    users.write_text(f"ann:{HASH}\n")
    with laid_out(guarded, SIGN_IN_USERS=str(users)):
        eventually(lambda: ask(guarded, "/").status_code == 401, 10, "sign-in is asked for")
        for path in EVERYTHING:
            answer = ask(guarded, path)
            assert answer.status_code == 401, path
            assert answer.headers["WWW-Authenticate"] == 'Basic realm="Longitude"'
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "X-Longitude-Replica" not in answer.headers, "no replica was asked"
        assert handshake_status(guarded, page) == 401
        assert ask(guarded, "/nothing").status_code == 404, "what there is not is said to everybody"
        for wrong in (basic("ann", "wrong"), basic("bob", PASSWORD), "Bearer x", "Basic !"):
            assert ask(guarded, "/", headers={"Authorization": wrong}).status_code == 401
        right = {"Authorization": basic("ann", PASSWORD)}
        assert ask(guarded, "/studies", headers=right).status_code == 200
        assert ask(guarded, "/favicon.ico", headers=right).status_code == 204
        with Session(page, header=right) as session:
            assert session.words["view"]
        with echo(guarded) as path:
            seen = eventually(lambda: reached(guarded, path, right), 15, "the stand-in is routed")
        assert "Authorization" not in dict(seen)
        assert PASSWORD not in str(seen)
        users.write_text("# nobody any more\n")
        done = guarded.compose("run", "--rm", "--no-deps", "--quiet-pull", "setup", check=False)
        assert done.returncode != 0
        assert "SIGN_IN_USERS holds no user" in done.stdout
        assert ask(guarded, "/").status_code == 401, "what cannot be used opens nothing"
    assert get(guarded, "/studies").status_code == 200
    logs = guarded.logs()
    for secret in (PASSWORD, HASH, right["Authorization"].split()[1]):
        assert secret not in logs
    assert '"ClientUsername":"ann"' not in logs


def reached(stack: Stack, path: str, headers: dict[str, str]) -> list[tuple[str, str]]:
    answer = ask(stack, path, headers=headers)
    assert answer.status_code == 200, answer.status_code
    assert "X-Longitude-Replica" not in answer.headers, "answered by the dashboard instead"
    return [(name, value) for name, value in answer.json()]


def test_provider_decides_on_every_request_and_its_answers_reach_no_replica(guarded: Stack) -> None:
    page = eventually(lambda: visit(guarded), 60, "a page")
    inside = {"Cookie": f"pass=yes; {page.cookie_header}", "Authorization": "Bearer for the provider"}
    with Provider() as provider, laid_out(guarded, SIGN_IN_PROVIDER=provider.address_for(guarded)):
        eventually(lambda: ask(guarded, "/").status_code == 302, 10, "the provider is asked")
        for path in EVERYTHING:
            answer = ask(guarded, path)
            assert (answer.status_code, answer.headers["Location"]) == (302, provider.login), path
            assert "X-Longitude-Replica" not in answer.headers, "no replica was asked"
        asked = provider.asked[-1]
        assert (asked["X-Forwarded-Uri"], asked["X-Forwarded-Method"]) == (EVERYTHING[-1], "GET")
        assert handshake_status(guarded, page) == 302
        assert ask(guarded, "/studies", headers=inside).status_code == 200
        let_in = Visit(guarded, page.html, page.replica, page.token, page.cookies | {"pass": "yes"})
        with Session(let_in) as session:
            assert session.words["view"]
        spoofed = {
            "X-Forwarded-Uri": "/open",
            "X-Forwarded-Method": "OPTIONS",
            "X-Forwarded-For": "127.0.0.1",
        }
        assert ask(guarded, "/studies", headers=spoofed).status_code == 302
        assert provider.asked[-1]["X-Forwarded-Uri"] == "/studies"
        with echo(guarded) as path:
            seen = dict(eventually(lambda: reached(guarded, path, inside), 15, "the stand-in is routed"))
        assert "Authorization" not in seen
        assert "X-Provider-Secret" not in seen
        provider.stop()
        assert ask(guarded, "/studies", headers=inside).status_code >= 500, "nobody vouches for anybody"
        assert "Bearer for the provider" not in guarded.logs()


def test_users_and_a_provider_at_once_are_refused_and_leave_all_as_it_is(guarded: Stack) -> None:
    users = guarded.directory / "users"
    users.write_text(f"ann:{HASH}\n")
    guarded.variables.update(SIGN_IN_USERS=str(users), SIGN_IN_PROVIDER="https://auth.example.org")
    done = guarded.compose("run", "--rm", "--no-deps", "--quiet-pull", "setup", check=False)
    guarded.variables.clear()
    assert done.returncode != 0
    assert "SIGN_IN_USERS and SIGN_IN_PROVIDER are both set" in done.stdout
    assert get(guarded, "/studies").status_code == 200
