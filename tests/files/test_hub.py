"""Names and paths to folders: local, shipped, and the Hub as served by a small local server."""

import inspect
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hub_server import HubServer

from bertlab.files import ModelNotFoundError, hub, repository, resolve

CONFIG = b'{"model_type": "bert"}'


FILES = {
    "config.json": CONFIG,
    "vocab.txt": b"[PAD]\n[UNK]\n",
    "tokenizer_config.json": b'{"do_lower_case": true}',
    "model.safetensors": bytes(range(256)) * 4096,
    "pytorch_model.bin": b"bin",
    "tf_model.h5": b"tensorflow",
    "flax_model.msgpack": b"flax",
    "onnx/model.onnx": b"onnx",
    "README.md": b"card",
}


SHARDED = {
    "config.json": CONFIG,
    "vocab.txt": b"[PAD]\n",
    "model.safetensors.index.json": json.dumps(
        {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    ).encode(),
    "model-00001-of-00002.safetensors": b"first",
    "model-00002-of-00002.safetensors": b"second",
}


@pytest.fixture
def server(monkeypatch, tmp_path):
    pytest.importorskip("huggingface_hub")
    for variable in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(variable, "127.0.0.1,localhost")
    with HubServer() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        monkeypatch.chdir(tmp_path)
        yield running


def test_a_model_is_downloaded_and_nothing_else(server, tmp_path):
    server.publish("bert-tiny", FILES)
    folder = resolve("bert-tiny", cache_dir=tmp_path / "cache")
    for name in ("config.json", "vocab.txt", "tokenizer_config.json", "model.safetensors"):
        assert (folder / name).read_bytes() == FILES[name]
    assert set(server.downloaded) == {
        "config.json",
        "vocab.txt",
        "tokenizer_config.json",
        "model.safetensors",
    }


def test_only_the_kinds_asked_for_are_downloaded(server, tmp_path):
    server.publish("org/bert", FILES)
    resolve("org/bert", cache_dir=tmp_path / "cache", files="config")
    assert server.downloaded == ["config.json"]
    resolve("org/bert", cache_dir=tmp_path / "cache", files=["tokenizer"])
    assert sorted(server.downloaded) == ["config.json", "tokenizer_config.json", "vocab.txt"]


def test_bin_weights_when_there_is_nothing_better(server, tmp_path):
    server.publish("bert", {name: FILES[name] for name in ("config.json", "vocab.txt", "pytorch_model.bin")})
    folder = resolve("bert", cache_dir=tmp_path / "cache")
    assert (folder / "pytorch_model.bin").read_bytes() == b"bin"


def test_bin_weights_when_asked_for(server, tmp_path):
    server.publish("bert", FILES)
    folder = resolve("bert", cache_dir=tmp_path / "cache", use_safetensors=False)
    assert (folder / "pytorch_model.bin").is_file()
    assert not (folder / "model.safetensors").exists()


def test_shards_are_downloaded_with_their_index(server, tmp_path):
    server.publish("bert", SHARDED)
    folder = resolve("bert", cache_dir=tmp_path / "cache")
    assert (folder / "model-00001-of-00002.safetensors").read_bytes() == b"first"
    assert (folder / "model-00002-of-00002.safetensors").read_bytes() == b"second"


def test_a_shard_that_the_hub_lacks_is_named(server, tmp_path):
    server.publish("bert", {k: v for k, v in SHARDED.items() if "00002-of" not in k})
    with pytest.raises(ModelNotFoundError, match="has no model-00002-of-00002.safetensors"):
        resolve("bert", cache_dir=tmp_path / "cache")


def test_an_index_on_the_hub_cannot_climb_out(server, tmp_path):
    index = json.dumps({"weight_map": {"a": "../../evil.bin"}}).encode()
    server.publish("bert", {"config.json": CONFIG, "model.safetensors.index.json": index})
    with pytest.raises(ValueError, match="inside the folder of its index"):
        resolve("bert", cache_dir=tmp_path / "cache", files=["config", "weights"])


def test_a_variant_and_a_subfolder(server, tmp_path):
    server.publish("bert", {"small/config.json": CONFIG, "small/model.fp16.safetensors": b"half"})
    folder = resolve(
        "bert", cache_dir=tmp_path / "cache", subfolder="small", variant="fp16", files=["config", "weights"]
    )
    assert folder.name == "small"
    assert (folder / "model.fp16.safetensors").read_bytes() == b"half"


def test_revisions_are_kept_apart(server, tmp_path):
    server.publish("bert", {"config.json": b"{}"})
    commit = server.publish("bert", {"config.json": b'{"v": 1}'}, revision="v1")
    options = {"cache_dir": tmp_path / "cache", "files": "config"}
    assert (resolve("bert", **options) / "config.json").read_bytes() == b"{}"
    assert (resolve("bert", revision="v1", **options) / "config.json").read_bytes() == b'{"v": 1}'
    assert (resolve("bert", revision=commit, **options) / "config.json").read_bytes() == b'{"v": 1}'


def test_a_new_commit_is_noticed_and_unchanged_files_are_not_fetched_again(server, tmp_path):
    server.publish("bert", FILES)
    first = resolve("bert", cache_dir=tmp_path / "cache")
    server.publish("bert", FILES | {"config.json": b'{"changed": true}'})
    server.downloaded.clear()
    second = resolve("bert", cache_dir=tmp_path / "cache")
    assert first != second
    assert (second / "config.json").read_bytes() == b'{"changed": true}'
    assert (second / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    assert server.downloaded == ["config.json"]


def test_a_branch_that_moves_during_the_download_is_never_mixed(server, tmp_path, monkeypatch):
    server.publish("bert", FILES)
    original = repository.Repository._fetch

    def fetch_and_move(self, file_name):
        path = original(self, file_name)
        if file_name == "config.json" and path.read_bytes() == CONFIG:
            server.publish("bert", FILES | {"config.json": b'{"new": 1}', "vocab.txt": b"new\n"})
        return path

    monkeypatch.setattr(repository.Repository, "_fetch", fetch_and_move)
    folder = resolve("bert", cache_dir=tmp_path / "cache")
    assert (folder / "config.json").read_bytes() == b'{"new": 1}'
    assert (folder / "vocab.txt").read_bytes() == b"new\n"


def test_a_second_time_needs_no_download(server, tmp_path):
    server.publish("bert", FILES)
    first = resolve("bert", cache_dir=tmp_path / "cache")
    server.downloaded.clear()
    assert resolve("bert", cache_dir=tmp_path / "cache") == first
    assert server.downloaded == []


def test_force_download_fetches_again(server, tmp_path):
    server.publish("bert", FILES)
    resolve("bert", cache_dir=tmp_path / "cache", files="config")
    server.downloaded.clear()
    resolve("bert", cache_dir=tmp_path / "cache", files="config", force_download=True)
    assert server.downloaded == ["config.json"]


def test_the_cache_serves_when_the_hub_is_down(server, tmp_path, monkeypatch, caplog):
    server.publish("bert", FILES)
    first = resolve("bert", cache_dir=tmp_path / "cache")
    server.status = 503
    with caplog.at_level(logging.WARNING, "bertlab.files.hub"):
        assert resolve("bert", cache_dir=tmp_path / "cache") == first
    assert "HTTP 503" in caplog.text
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    assert resolve("bert", cache_dir=tmp_path / "cache") == first


def test_the_cache_alone_serves_offline(server, tmp_path, monkeypatch):
    server.publish("bert", FILES)
    first = resolve("bert", cache_dir=tmp_path / "cache")
    server.requests.clear()
    assert resolve("bert", cache_dir=tmp_path / "cache", local_files_only=True) == first
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert resolve("bert", cache_dir=tmp_path / "cache") == first
    assert server.requests == []


def test_offline_and_not_in_the_cache(server, tmp_path):
    server.publish("bert", FILES)
    with pytest.raises(ModelNotFoundError, match="local cache has no config.json.*allow the network once"):
        resolve("bert", cache_dir=tmp_path / "cache", local_files_only=True)
    resolve("bert", cache_dir=tmp_path / "cache", files="config")
    with pytest.raises(ModelNotFoundError, match="local cache has no model.safetensors"):
        resolve("bert", cache_dir=tmp_path / "cache", local_files_only=True, files="weights")
    assert server.downloaded == ["config.json"]


def test_force_download_offline_is_refused(server, monkeypatch):
    with pytest.raises(ValueError, match="needs the network"):
        resolve("bert", force_download=True, local_files_only=True)


def test_no_connection_and_nothing_cached(server, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ConnectionError, match="cannot be reached.*cache has no config.json"):
        resolve("bert", cache_dir=tmp_path / "cache")


def test_the_token_is_sent_to_the_hub_and_to_nobody_else(server, tmp_path):
    server.publish("org/private", FILES, token="secret")
    resolve("org/private", cache_dir=tmp_path / "cache", token="secret")
    for request in server.requests:
        sent = request.authorization
        assert sent == (None if "/cdn/" in request.path else "Bearer secret"), request
    assert any("/cdn/" in request.path and request.host.startswith("localhost") for request in server.requests)


def test_no_token_for_a_private_model(server, tmp_path):
    server.publish("org/private", FILES, token="secret")
    with pytest.raises(ModelNotFoundError, match="no model on the Hub.*pass token="):
        resolve("org/private", cache_dir=tmp_path / "cache", token=False)


def test_a_gated_model_says_what_to_do(server, tmp_path):
    server.publish("org/gated", FILES, token="secret", gated=True)
    with pytest.raises(PermissionError, match="gated model: accept its terms"):
        resolve("org/gated", cache_dir=tmp_path / "cache", token="other")


def test_a_refusal_without_reason(server, tmp_path):
    server.publish("org/bert", FILES)
    server.status = 403
    with pytest.raises(PermissionError, match="HTTP 403"):
        resolve("org/bert", cache_dir=tmp_path / "cache")


def test_an_unknown_name(server, tmp_path):
    (tmp_path / "bert-basic").mkdir()
    with pytest.raises(ModelNotFoundError, match="no model on the Hub.*Did you mean.*bert-basic"):
        resolve("bert-base", cache_dir=tmp_path / "cache")
    assert issubclass(ModelNotFoundError, OSError)


def test_an_unknown_revision(server, tmp_path):
    server.publish("bert", FILES)
    with pytest.raises(ModelNotFoundError, match="no revision 'v9'"):
        resolve("bert", cache_dir=tmp_path / "cache", revision="v9")


def test_an_impossible_name(server, tmp_path):
    with pytest.raises(ModelNotFoundError, match="no possible name on the Hub"):
        resolve("bert base!", cache_dir=tmp_path / "cache")


def test_a_server_error_without_a_cache(server, tmp_path):
    server.status = 500
    with pytest.raises(ConnectionError, match="HTTP 500"):
        resolve("bert", cache_dir=tmp_path / "cache")


def test_weights_of_other_frameworks_are_downloaded_where_there_are_no_others(server, tmp_path):
    server.publish("bert", {name: FILES[name] for name in ("config.json", "vocab.txt", "tf_model.h5")})
    assert (resolve("bert", cache_dir=tmp_path / "cache") / "tf_model.h5").is_file()
    server.publish("both", FILES)
    resolve("both", cache_dir=tmp_path / "cache")
    assert server.downloaded.count("tf_model.h5") == 1
    assert (resolve("both", cache_dir=tmp_path / "cache", weights_of="flax") / "flax_model.msgpack").is_file()


def test_weights_of_other_frameworks_are_named_where_they_are_ruled_out(server, tmp_path):
    server.publish("bert", {name: FILES[name] for name in ("config.json", "vocab.txt", "tf_model.h5")})
    with pytest.raises(ModelNotFoundError, match=r"only TensorFlow weights \(tf_model.h5\)"):
        resolve("bert", cache_dir=tmp_path / "cache", use_safetensors=True)
    assert "tf_model.h5" not in server.downloaded


def test_a_checkpoint_of_tensorflow_1_is_downloaded_with_its_data_files(server, tmp_path, kept):
    folder = kept / "tf1" / "pretraining"
    server.publish("bert", {path.name: path.read_bytes() for path in folder.iterdir()})
    found = resolve("bert", cache_dir=tmp_path / "cache", files=("config", "weights"))
    assert len(list(found.glob("bert_model.ckpt.data-*-of-00003"))) == 3 and (found / "bert_config.json").is_file()


def test_a_missing_configuration_is_named(server, tmp_path):
    server.publish("bert", {"vocab.txt": b"[PAD]\n"})
    with pytest.raises(ModelNotFoundError, match="has no config.json"):
        resolve("bert", cache_dir=tmp_path / "cache")


def test_a_missing_vocabulary_is_named(server, tmp_path):
    server.publish("bert", {"config.json": CONFIG, "tokenizer_config.json": b"{}"})
    with pytest.raises(ModelNotFoundError, match="has no vocab.txt or tokenizer.json"):
        resolve("bert", cache_dir=tmp_path / "cache", files="tokenizer")


def test_a_renamed_model_is_followed(server, tmp_path):
    server.publish("google/bert", FILES)
    server.moved["bert"] = "google/bert"
    folder = resolve("bert", cache_dir=tmp_path / "cache")
    assert (folder / "config.json").read_bytes() == CONFIG


def test_a_download_that_breaks_off_is_resumed(server, tmp_path):
    weights = bytes(range(256)) * 80_000  # two of the pieces that huggingface_hub writes at once
    server.publish("bert", FILES | {"model.safetensors": weights})
    server.cut_after = 12_000_000
    try:
        folder = resolve("bert", cache_dir=tmp_path / "cache")
    except ConnectionError as error:  # a huggingface_hub that does not try again by itself
        assert "a broken download resumes" in str(error)
        assert not list((tmp_path / "cache").rglob("snapshots/*/model.safetensors"))
        folder = resolve("bert", cache_dir=tmp_path / "cache")
    assert (folder / "model.safetensors").read_bytes() == weights
    assert any(request.range for request in server.requests)


def test_proxies_are_passed_on_or_explained(server, tmp_path, monkeypatch):
    from huggingface_hub import hf_hub_download

    server.publish("bert", FILES)
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(variable)
    options = {"cache_dir": tmp_path / "cache", "files": "config", "proxies": {"http": server.address}}
    if "proxies" in inspect.signature(hf_hub_download).parameters:
        assert (resolve("bert", **options) / "config.json").is_file()
        assert all(request.path.startswith("http://") for request in server.requests)
    else:
        with pytest.raises(ValueError, match="HTTPS_PROXY"):
            resolve("bert", **options)


@pytest.mark.parametrize("limit", ["5GB", "2KB"])
def test_a_whole_model_comes_from_the_hub(server, tmp_path, limit):
    import torch

    from bertlab import BertConfig, BertForMaskedLM

    torch.manual_seed(0)
    sizes = {"hidden_size": 12, "num_attention_heads": 3, "num_hidden_layers": 1, "intermediate_size": 8}
    model = BertForMaskedLM(BertConfig(vocab_size=17, max_position_embeddings=16, **sizes)).eval()
    model.save_pretrained(tmp_path / "saved", max_shard_size=limit)
    files = {path.name: path.read_bytes() for path in (tmp_path / "saved").iterdir()}
    server.publish("org/tiny", files, revision="v1", token="secret")
    options = {"revision": "v1", "cache_dir": tmp_path / "cache"}
    loaded = BertForMaskedLM.from_pretrained("org/tiny", token="secret", **options)
    offline = BertForMaskedLM.from_pretrained("org/tiny", local_files_only=True, **options)
    ids = torch.tensor([[1, 5, 7, 2]])
    for again in (loaded, offline):
        assert again.loading_report.fresh == again.loading_report.unused == []
        assert torch.equal(again(ids).logits, model(ids).logits)


def test_importing_the_module_does_not_import_huggingface_hub():
    code = "import sys, bertlab.files.hub; sys.exit('huggingface_hub' in sys.modules)"
    root = Path(hub.__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, env=os.environ).returncode == 0


@pytest.mark.parametrize("etag", ["../../../../outside", "/tmp/outside", "..", "a/b", "a\\\\b", "x" * 300, ".hidden"])
def test_a_servers_names_never_lead_out_of_the_cache(server, tmp_path, etag):
    server.publish("bert", FILES)
    server.etag = etag
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match="'bert': the server named .* as the ETag of a file"):
        resolve("bert", cache_dir=tmp_path / "cache" / "deep" / "deeper")
    assert {path for path in tmp_path.rglob("*") if path.is_file()} <= before
    server.etag = None
    assert resolve("bert", cache_dir=tmp_path / "cache" / "deep" / "deeper").is_dir()


def test_a_file_that_is_not_the_announced_one_is_removed(server, tmp_path):
    server.publish("bert", FILES)
    server.sent_instead = bytes(len(FILES["model.safetensors"]))
    with pytest.raises(ValueError, match="model.safetensors is not the file that the server announced"):
        resolve("bert", cache_dir=tmp_path / "cache")
    server.sent_instead = None
    folder = resolve("bert", cache_dir=tmp_path / "cache")
    assert (folder / "model.safetensors").read_bytes() == FILES["model.safetensors"]


def test_an_etag_that_is_no_hash_is_not_compared(server, tmp_path):
    server.publish("bert", FILES)
    server.etag = "version-12_3"
    folder = resolve("bert", cache_dir=tmp_path / "cache", files="config")
    assert (folder / "config.json").read_bytes() == CONFIG
