"""The check that a server of weights can be reached."""

import http.server
from threading import Thread

import pytest
from huggingface_hub import constants

from ga2mm.models import OpenCLIP
from ga2mm.models.clip import download
from tests.helpers.running import reserved_port

CLIP = ('ViT-B-32-quickgelu', 'openai')


def test_without_a_server_one_line_names_the_local_file(tmp_path, monkeypatch):
    with reserved_port() as port:
        monkeypatch.setattr(constants, 'ENDPOINT', f'http://127.0.0.1:{port}')
        with pytest.raises(FileNotFoundError, match='does not answer; give a local file of weights'):
            OpenCLIP(*CLIP, cache_dir=str(tmp_path))


def test_offline_mode_asks_no_server(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, 'HF_HUB_OFFLINE', True)
    with pytest.raises(FileNotFoundError, match='HF_HUB_OFFLINE is set; give a local file'):
        OpenCLIP(*CLIP, cache_dir=str(tmp_path))


def test_any_answer_will_do_and_files_of_the_machine_need_no_server(tmp_path, monkeypatch):
    server = http.server.HTTPServer(('127.0.0.1', 0), http.server.BaseHTTPRequestHandler)  # answers 501
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(constants, 'ENDPOINT', f'http://127.0.0.1:{server.server_port}')
    download.check_reachable(*CLIP, str(tmp_path))
    server.shutdown()
    server.server_close()
    with pytest.raises(FileNotFoundError):
        download.check_reachable(*CLIP, str(tmp_path))
    repo = tmp_path / 'models--timm--vit_base_patch32_clip_224.openai'
    (repo / 'refs').mkdir(parents=True)
    (repo / 'refs' / 'main').write_text('commit')
    (repo / 'snapshots' / 'commit').mkdir(parents=True)
    (repo / 'snapshots' / 'commit' / 'open_clip_model.safetensors').touch()
    download.check_reachable(*CLIP, str(tmp_path))
    download.check_reachable('miniature', 'miniature')
