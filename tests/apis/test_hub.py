"""Model files on a stand-in for Hugging Face's hub, which runs on this machine."""

import base64
import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from huggingface_hub import constants

from ga2mm.apis.hub import fetch, push
from ga2mm.apis.model_file import export_model
from tests.helpers import running

COMMIT = '0' * 40


class Hub(BaseHTTPRequestHandler):
    """The requests of ``huggingface_hub`` for a small file: make a repository, upload, download."""

    files: dict[str, bytes] = {}

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers['Content-Length']))
        if self.path == '/api/repos/create':
            self.answer({'url': f'http://{self.headers["Host"]}/me/colours'})
        elif '/preupload/' in self.path:
            files = [
                {**one, 'uploadMode': 'regular', 'shouldIgnore': False} for one in json.loads(body)['files']
            ]
            self.answer({'files': files})
        else:
            for line in map(json.loads, body.splitlines()):
                if line['key'] == 'file':
                    self.files[line['value']['path']] = base64.b64decode(line['value']['content'])
            self.answer({'commitUrl': f'/me/colours/commit/{COMMIT}', 'commitOid': COMMIT})

    def do_GET(self) -> None:
        content = self.files.get(self.path.rpartition('/')[2])
        if '/resolve/' not in self.path or content is None:
            self.send_response(404)
            self.send_header('X-Error-Code', 'EntryNotFound')
            self.send_header('Content-Length', '0')
            self.end_headers()
            return
        self.answer(content)

    do_HEAD = do_GET

    def answer(self, content: object) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(data)))
        self.send_header('ETag', f'"{hashlib.sha1(data).hexdigest()}"')
        self.send_header('X-Repo-Commit', COMMIT)
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        """Print nothing."""


@pytest.fixture
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(('127.0.0.1', 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}'
    server.shutdown()
    server.server_close()


def test_model_file_goes_to_the_hub_and_comes_back(hub: str, tmp_path: Path) -> None:
    cfg = running.read_config(running.ROOT / 'configs' / 'ga2' / 'miniature_zero_shot.py')
    path = export_model(cfg, None, tmp_path / 'colours.ga2', ['red object', 'blue object'])
    code = (
        'import sys; import ga2mm; from ga2mm.apis.hub import fetch, push; '
        'print(push(sys.argv[1], "hf-hub:me/colours")); '
        'print(ga2mm.load("hf-hub:me/colours").cls_head.class_names); '
        'print(fetch("hf://me/colours/model.ga2@main")); '
        'fetch("hf-hub:me/colours/other.ga2")'
    )
    env = running.environment() | dict(HF_ENDPOINT=hub, HF_HOME=str(tmp_path), HF_TOKEN='hf_test')
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', code, path], env=env, capture_output=True, text=True
    )
    lines = done.stdout.splitlines()
    assert lines[:2] == [f'/me/colours/commit/{COMMIT}', "('red object', 'blue object')"], done.stderr
    assert Path(lines[2]).read_bytes() == path.read_bytes()
    assert 'OSError: hf-hub:me/colours/other.ga2: ' in done.stderr


@pytest.mark.parametrize('place', ['hf-hub:colours', 'hf-hub:a/b/c/d', 'hf://a/b/c.pth', 'me/colours'])
def test_wrong_place_is_one_line(place: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='is not a place on the hub: write hf-hub:ORG/REPO'):
        fetch(place)


def test_only_model_files_are_pushed(tmp_path: Path) -> None:
    (tmp_path / 'other.ga2').write_bytes(b'nothing')
    with pytest.raises(ValueError, match='is not a model file'):
        push(tmp_path / 'other.ga2', 'hf-hub:me/colours')


def test_hub_that_does_not_answer_is_one_line_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, 'ENDPOINT', 'http://127.0.0.1:1')
    with pytest.raises(FileNotFoundError, match='hf-hub:me/colours is not on this machine'):
        fetch('hf-hub:me/colours')
