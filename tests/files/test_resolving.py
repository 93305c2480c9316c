"""From a name to a folder: what is on this machine never asks a network."""

from pathlib import Path

import pytest

from bertlab.files import ModelNotFoundError, hub, resolve, shipped_models
from bertlab.files import shipped as shipped_module

CONFIG = b'{"model_type": "bert"}'


@pytest.fixture
def no_sockets(monkeypatch):
    """Any attempt to open a socket fails the test."""

    def refuse(*_, **__):
        raise AssertionError("the network was used")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)


def test_an_existing_folder_is_itself(tmp_path, no_sockets):
    assert resolve(tmp_path) == tmp_path
    assert resolve(str(tmp_path)) == tmp_path
    assert resolve(str(tmp_path) + "/") == tmp_path


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch, no_sockets):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "model").mkdir()
    assert resolve("~/model") == tmp_path / "model"


def test_a_folder_here_goes_before_a_name_elsewhere(tmp_path, monkeypatch, no_sockets):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bert-base-uncased").mkdir()
    assert resolve("bert-base-uncased") == Path("bert-base-uncased")


def test_a_subfolder_of_a_folder(tmp_path):
    (tmp_path / "inner").mkdir()
    assert resolve(tmp_path, subfolder="inner") == tmp_path / "inner"
    with pytest.raises(ModelNotFoundError, match="no folder 'other' in it"):
        resolve(tmp_path, subfolder="other")


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(NotADirectoryError, match="pass one that holds config.json"):
        resolve(tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    "path",
    ["./missing", "/missing/model", "../missing", "~/missing", "missing/", "a\\b", "C:/model", "a/b/c"],
)
def test_what_looks_like_a_path_never_goes_to_the_network(path, no_sockets):
    with pytest.raises(ModelNotFoundError, match="looks like a path"):
        resolve(path)


def test_a_path_object_never_goes_to_the_network(no_sockets):
    with pytest.raises(ModelNotFoundError, match="looks like a path"):
        resolve(Path("bert-base-uncased"))


def test_a_misspelt_folder_is_offered_the_near_one(tmp_path):
    (tmp_path / "my-model").mkdir()
    with pytest.raises(ModelNotFoundError, match="Did you mean .*my-model"):
        resolve(tmp_path / "my-modle")


def test_what_is_no_name_is_refused(no_sockets):
    with pytest.raises(TypeError, match="not by int"):
        resolve(3)
    with pytest.raises(TypeError, match="not by NoneType"):
        resolve(None)
    for name in ("", "  ", "a\0b"):
        with pytest.raises(ValueError, match="no model name"):
            resolve(name)


@pytest.mark.parametrize("option", ["revision", "subfolder", "variant"])
@pytest.mark.parametrize("value", ["../x", "/x", "a/../b", "x\\..\\y", "a\nb", "C:x"])
def test_options_cannot_lead_elsewhere(option, value, tmp_path, no_sockets):
    with pytest.raises(ValueError, match=f"{option}=.* is no plain name"):
        resolve(tmp_path, **{option: value})


def test_unknown_kinds_of_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match="ask for any of config, tokenizer, weights"):
        resolve(tmp_path, files="pictures")


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    folder = tmp_path / "shipped"
    (folder / "bertlab-mini").mkdir(parents=True)
    (folder / "bertlab-mini" / "config.json").write_bytes(CONFIG)
    (folder / "__pycache__").mkdir()
    monkeypatch.setattr(shipped_module, "SHIPPED_FOLDER", folder)
    return folder


def test_a_shipped_name_is_a_folder_in_the_package(shipped, no_sockets):
    assert shipped_models() == ["bertlab-mini"]
    assert resolve("bertlab-mini") == shipped / "bertlab-mini"


def test_a_misspelt_shipped_name_does_not_go_to_the_network(shipped, no_sockets):
    with pytest.raises(ModelNotFoundError, match="shipped are: bertlab-mini"):
        resolve("bertlab-mimi")


def test_options_for_finding_files_are_told_from_the_rest():
    arguments = {"revision": "v1", "num_labels": 3, "use_auth_token": "secret", "resume_download": True}
    assert hub.take_options(arguments) == {"revision": "v1", "token": "secret"}
    assert arguments == {"num_labels": 3}
