"""What is secret stays where it is: in no page, no token, no log, no trace."""

import io
import uuid

import xarray as xr

from faults.ledger import Ledger
from faults.tokens import decode, read_secret
from probes import Session, data_block, get, visit
from stack import Stack

PLANTED = "planted-environment-3f9c1b7e"
"""In the environment of every container but the filtering proxy's, see compose.planted.yaml."""

STUDIES = ("smoking-spending", "cigarette-sales")


def secrets_of(stack: Stack) -> dict[str, str]:
    """Name what must not be found: what was planted, and what the stack itself keeps secret."""
    key = stack.read_laid_out("/edge/certificates/tls.key")
    return {
        "environment": PLANTED,
        "header": f"planted-header-{uuid.uuid4().hex}",
        "cookie": f"planted-cookie-{uuid.uuid4().hex}",
        "signing secret": read_secret(stack).decode(),
        "private key": max((line for line in key.splitlines() if "-" not in line), key=len),
    }


def read_trace(content: bytes) -> str:
    """Give all text in a trace: names, attributes and values that are text."""
    parts = []
    tree = xr.open_datatree(io.BytesIO(content), engine="h5netcdf")
    for node in tree.subtree:
        parts += [node.path, repr(node.attrs)]
        for name, values in node.variables.items():
            parts += [str(name), repr(values.attrs)]
            if values.dtype.kind in "OSU":
                parts.append(repr(values.values.tolist()))
    return "\n".join(parts)


def test_planted_secrets_are_found_nowhere(stack: Stack, ledger: Ledger) -> None:
    secrets = secrets_of(stack)
    for service in ("bokeh", "model-worker", "static", "traefik"):
        environment = stack.containers(service)[0].attrs["Config"]["Env"]
        assert any(PLANTED in line for line in environment), f"not planted in {service}"
    headers = {
        "Authorization": f"Bearer {secrets['header']}",
        "Proxy-Authorization": f"Basic {secrets['header']}",
        "X-Api-Key": secrets["header"],
        "X-Forwarded-User": secrets["header"],
    }
    cookies = {"session": secrets["cookie"], "other": secrets["cookie"]}
    places: dict[str, list[str]] = {"page": [], "token": [], "log": [], "trace": []}
    for study in STUDIES:
        for path in (
            f"/?study={study}",
            f"/?study={study}&tab=analyst",
            "/studies",
            "/nowhere",
            "/?study=none",
        ):
            answer = get(stack, path, headers=headers, cookies=cookies)
            places["page"].append(f"{answer.headers}{answer.text}")
            if answer.ok and "render-item" in answer.text:
                item = data_block(answer.text, "render-item")
                places["token"] += [item["token"], repr(decode(item["token"]))]
        with Session(visit(stack, f"study={study}")) as session:
            places["page"].append(repr(session.words))
            places["page"].append(repr(session.document.to_json()))
        published = stack.published(study)
        assert published
        for file in ("manifest.json", "trace.nc"):
            answer = get(
                stack, f"/download/{study}/{published['version']}/{file}", headers=headers, cookies=cookies
            )
            assert answer.ok
            places["trace"].append(answer.content.decode("latin-1"))
            places["trace"].append(read_trace(answer.content) if file == "trace.nc" else answer.text)
    for cookie in ("longitude=", "session="):
        get(stack, headers={**headers, "Cookie": f"{cookie}{secrets['cookie']}"})
    places["log"].append(stack.logs())
    assert len(places["log"][0].splitlines()) > 100, "there are logs to look in"
    assert len(places["token"]) >= 2 * len(STUDIES)
    with ledger.account("secrets planted in headers, cookies and environment") as account:
        for place, texts in places.items():
            found = [name for name, secret in secrets.items() if any(secret in text for text in texts)]
            size = sum(len(text) for text in texts) / 1e6
            account.add(
                f"found in no {place}",
                f"{len(found)} of {len(secrets)} found in {size:.1f} MB {found or ''}".strip(),
                not found,
            )
