"""A folder of results served to this machine, by the real command."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from nmc.sweeps.rows import dump_rows
from strategies.results import PLAIN, many

NMC = str(Path(sys.executable).parent / "nmc")


@dataclass
class Served:
    process: subprocess.Popen[str]
    port: int
    folder: Path

    def get(self, path: str, method: str = "GET", host: str | None = None) -> tuple[HTTPResponse, str]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, headers={} if host is None else {"Host": host})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer, text


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """A running server, on a port that was free."""
    process = subprocess.Popen(
        [NMC, "report", str(folder), "--serve", "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "at http://127.0.0.1:" in line
        yield Served(process, int(line.rpartition("/ (")[0].rpartition(":")[2]), folder)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    parent = tmp_path_factory.mktemp("serve")
    folder = parent / "results"
    folder.mkdir()
    (folder / "a sweep.json").write_bytes(dump_rows(many(3)))
    (folder / "other.json").write_text('{"my": "secret"}')
    (folder / "notes.txt").write_text("secret")
    (parent / "outside.json").write_bytes(dump_rows([PLAIN]))
    with serving(folder) as running:
        yield running


def test_the_index_leads_to_the_pages(served: Served) -> None:
    answer, index = served.get("/")
    assert answer.status == 200
    assert 'href="a%20sweep.json.html"' in index
    assert "secret" not in index
    answer, page = served.get("/a%20sweep.json.html")
    assert (answer.status, answer.getheader("Content-Type")) == (200, "text/html; charset=utf-8")
    assert "<title>digits on 3 targets</title>" in page
    assert served.get("/a%20sweep.json.html?x=1")[0].status == 200


def test_a_changed_file_gives_a_new_page(served: Served) -> None:
    file = served.folder / "growing.json"
    file.write_bytes(dump_rows(many(1)))
    assert "on 1 target<" in served.get("/growing.json.html")[1]
    file.write_bytes(dump_rows(many(2)))
    assert "on 2 targets<" in served.get("/growing.json.html")[1]
    file.unlink()
    assert served.get("/growing.json.html")[0].status == 404


@pytest.mark.parametrize(
    "path", ["/../outside.json.html", "/..%2foutside.json.html", "/%2e%2e/outside.json.html", "//etc/passwd",
             "/notes.txt", "/notes.txt.html", "/a%20sweep.json", "/nothing.html", "/a%00b"],
)  # fmt: skip
def test_nothing_but_pages_is_served(served: Served, path: str) -> None:
    answer, text = served.get(path)
    assert answer.status == 404
    assert "secret" not in text


def test_a_file_that_holds_no_results_is_named(served: Served) -> None:
    answer, text = served.get("/other.json.html")
    assert (answer.status, answer.getheader("Content-Type")) == (422, "text/plain; charset=utf-8")
    assert "does not hold results" in text


def test_only_reading_and_only_from_here(served: Served) -> None:
    """Another site whose name leads to this address must not read results."""
    assert [served.get("/", method)[0].status for method in ("POST", "PUT", "DELETE")] == [501, 501, 501]
    assert served.get("/", host="evil.example")[0].status == 403
    assert served.get("/", host=f"localhost:{served.port}")[0].status == 200
    answer, text = served.get("/", "HEAD")
    assert (answer.status, text) == (200, "")


def test_no_other_machine_is_answered(served: Served) -> None:
    """It listens on the loopback address alone."""
    with socket.socket() as probe, pytest.raises(OSError):
        probe.bind(("127.0.0.1", served.port))
    with socket.socket() as probe:
        probe.bind(("127.0.0.2", served.port))


def test_a_taken_port_is_said(served: Served) -> None:
    done = subprocess.run(
        [NMC, "report", str(served.folder), "--serve", "--port", str(served.port)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 3
    assert f"cannot listen on 127.0.0.1:{served.port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_stops_cleanly(tmp_path: Path) -> None:
    """On Ctrl-C, with exit code 0 and without a word."""
    with serving(tmp_path) as running:
        assert running.get("/")[0].status == 200
        running.process.send_signal(signal.SIGINT)
        out, err = running.process.communicate(timeout=30)
        assert (running.process.returncode, out, err) == (0, "", "")
