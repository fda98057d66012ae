"""The trace and the manifest as readers save them: whole, named, checked by hash, and nothing else."""

import hashlib
import http.client
import json
import signal
import socket
import subprocess
import urllib.parse
from pathlib import Path

import pytest
import xarray as xr
from synthetic import make_card, publish

from conftest import Service, eventually
from tracestore.manifest import TRACE_FILE, Manifest

ANSWER = tuple[int, dict[str, str], bytes]


@pytest.fixture
def manifest(shared: Service, study: str) -> Manifest:
    made = publish(shared.root, make_card(study), analysed=True)
    shared.await_study(study)
    return made


def address(manifest: Manifest, file: str = TRACE_FILE) -> str:
    return f"/download/{manifest.study.name}/{manifest.version}/{file}"


def fetch(service: Service, path: str, method: str = "GET", **headers: str) -> ANSWER:
    connection = http.client.HTTPConnection("localhost", service.port, timeout=10)
    try:
        connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def test_the_trace_arrives_whole_under_a_telling_name(
    shared: Service, manifest: Manifest, tmp_path: Path
) -> None:
    status, headers, content = fetch(shared, address(manifest))
    entry = manifest.files[TRACE_FILE]
    assert (status, len(content), hashlib.sha256(content).hexdigest()) == (200, entry.size, entry.sha256)
    assert headers["etag"] == f'"{entry.sha256}"'
    name = f"longitude-{manifest.study.name}-{manifest.version}-trace.nc"
    assert headers["content-disposition"] == f'attachment; filename="{name}"'
    assert headers["content-type"] == "application/x-netcdf"
    assert headers["x-content-type-options"] == "nosniff"
    (tmp_path / name).write_bytes(content)
    with xr.open_datatree(tmp_path / name, engine="h5netcdf") as tree:
        assert tree["posterior/beta"].sizes == {"chain": 2, "draw": 500}


def test_the_manifest_arrives_as_it_is_in_the_store(shared: Service, manifest: Manifest) -> None:
    status, headers, content = fetch(shared, address(manifest, "manifest.json"))
    stored = shared.root / manifest.study.name / manifest.version / "manifest.json"
    assert (status, headers["content-type"]) == (200, "application/json")
    assert content == stored.read_bytes()
    assert json.loads(content)["version"] == manifest.version


def test_head_tells_of_the_file_without_sending_it(shared: Service, manifest: Manifest) -> None:
    status, headers, content = fetch(shared, address(manifest), "HEAD")
    entry = manifest.files[TRACE_FILE]
    assert (status, content) == (200, b"")
    assert (headers["content-length"], headers["etag"]) == (str(entry.size), f'"{entry.sha256}"')


def test_a_file_that_the_reader_has_is_not_sent_again(shared: Service, manifest: Manifest) -> None:
    tag = f'"{manifest.files[TRACE_FILE].sha256}"'
    assert fetch(shared, address(manifest), If_None_Match=tag)[::2] == (304, b"")
    assert fetch(shared, address(manifest), If_None_Match='"other"')[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/download/smoking/000000000000/trace.nc",
        "/download/no-such-study/000000000000/manifest.json",
        "/download/../../etc/trace.nc",
        "/download/%2e%2e/%2e%2e/trace.nc",
        "/download/..%2f..%2fetc/passwd/trace.nc",
        "/download/smoking/%00/trace.nc",
        "/download//trace.nc/trace.nc",
        "/download/smoking/000000000000/current.json",
        "/download/smoking/000000000000/trace.nc%0a",
    ],
)
def test_nothing_but_what_is_in_the_store_is_sent(shared: Service, path: str) -> None:
    assert fetch(shared, path)[0] == 404


def test_a_version_that_is_not_there_is_told_in_plain_words(shared: Service) -> None:
    study = urllib.parse.quote("<b>x<b>", safe="")
    status, headers, content = fetch(shared, f"/download/{study}/abc/trace.nc")
    assert status == 404
    assert headers["content-type"] == "text/plain; charset=utf-8"
    assert "There is no version “abc”" in content.decode()


@pytest.mark.parametrize("damage", ["truncated", "a link"])
def test_a_damaged_trace_is_refused(shared: Service, manifest: Manifest, damage: str, tmp_path: Path) -> None:
    trace = shared.root / manifest.study.name / manifest.version / TRACE_FILE
    content = trace.read_bytes()
    trace.unlink()
    if damage == "truncated":
        trace.write_bytes(content[:-1])
    else:
        (tmp_path / "elsewhere").write_bytes(content)
        trace.symlink_to(tmp_path / "elsewhere")
    status, _, told = fetch(shared, address(manifest))
    assert (status, b"is damaged" in told) == (404, True)


def test_a_reader_who_does_not_read_holds_up_nobody(shared: Service, study: str) -> None:
    manifest = publish(shared.root, make_card(study), padding=8_000_000)
    shared.await_study(study)
    with socket.create_connection(("localhost", shared.port)) as idle:
        idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        idle.sendall(f"GET {address(manifest)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert idle.recv(12) == b"HTTP/1.1 200"
        status, _, content = fetch(shared, address(manifest))
    assert (status, len(content)) == (200, manifest.files[TRACE_FILE].size)
    assert len(content) > 8_000_000


def take_headers(service: Service, path: str) -> http.client.HTTPResponse:
    """Ask for a file as over a slow line, of which no more than the headers is taken for now."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", service.port))
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    answer = http.client.HTTPResponse(client)
    answer.begin()
    return answer


@pytest.mark.parametrize("padding", [0, 12_000_000], ids=["all of it in the kernel", "most of it to be sent"])
def test_a_replica_does_not_end_before_a_slow_reader_has_the_file(service: Service, padding: int) -> None:
    manifest = publish(service.root, padding=padding)
    entry = manifest.files[TRACE_FILE]
    service.start()
    eventually(service.ready)
    answer = take_headers(service, address(manifest))
    service.process.send_signal(signal.SIGTERM)
    eventually(lambda: "draining: closing" in service.read_log())
    with pytest.raises(subprocess.TimeoutExpired):
        service.process.wait(1)
    content = answer.read()
    assert (len(content), hashlib.sha256(content).hexdigest()) == (entry.size, entry.sha256)
    assert service.process.wait(20) == 0
    assert "gave up" not in service.read_log()


def test_a_reader_who_leaves_before_the_end_holds_up_no_replica_that_ends(service: Service) -> None:
    manifest = publish(service.root, padding=12_000_000)
    service.start()
    eventually(service.ready)
    answer = take_headers(service, address(manifest))
    service.process.send_signal(signal.SIGTERM)
    eventually(lambda: "draining: closing" in service.read_log())
    answer.close()
    assert service.process.wait(20) == 0
    assert "gave up" not in service.read_log()
