"""A study on hosts that SSH reaches: this one, through an sshd of the test's own on the loopback address."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.flows.clusters import complaints, marks, start_run, wait_until, write_study_file

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SERVER = """ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile {folder}/sshd.pid
StrictModes no
UsePAM no
PasswordAuthentication no
"""
CLIENT = """Host 127.0.0.1
  Port {port}
  User {user}
  IdentityFile {folder}/user
  UserKnownHostsFile {folder}/known
"""


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a host that SSH reaches without a password."""
    pytest.importorskip("distributed")
    pytest.importorskip("asyncssh")
    program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None or shutil.which("ssh-keygen") is None:
        pytest.skip("there is no sshd on this machine")
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = tmp_path / ".ssh"
    folder.mkdir()
    for key in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)], check=True)
    names = {"port": port, "folder": folder, "user": pwd.getpwuid(os.getuid()).pw_name}
    (folder / "sshd").write_text(SERVER.format(**names))
    (folder / "config").write_text(CLIENT.format(**names))
    (folder / "known").write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
    monkeypatch.setenv("HOME", str(tmp_path))
    with (tmp_path / "sshd.log").open("wb") as log:
        server = subprocess.Popen([program, "-D", "-e", "-f", str(folder / "sshd")], stderr=log)
    wait_until((folder / "sshd.pid").exists)
    yield "127.0.0.1"
    server.terminate()
    server.wait(10)


def test_a_study_on_a_host_by_SSH(host: str, tmp_path: Path) -> None:
    executor = f'type = "dask"\nworkers = 2\nhosts = ["{host}"]'
    file = write_study_file(tmp_path, executor, evaluations=6, seconds=0.2)
    assert start_run(file).wait(120) == 0, file.with_name("run.log").read_text()
    assert complaints(file, 6) == []
    assert sum(marks(file, "ended").values()) == 6
