"""Tensors to the files of a folder, whole or not at all."""

import errno
import json
import stat

import pytest
import safetensors.torch
import torch
from checkpoint_cases import DECODER, WORDS, WithHead, assert_same, small_state, tensors, without_copies
from torch import nn

from bertlab.files import load_into, read_state_dict, write_state_dict, writing
from bertlab.files.names import TIED_NAMES


@pytest.fixture
def state():
    return small_state()


# Writing


@pytest.mark.parametrize("safe", [True, False])
@pytest.mark.parametrize("limit", ["5GB", "100B", 1])
def test_what_is_written_is_read_back(tmp_path, state, safe, limit):
    folder = tmp_path / "new" / "model"
    written = write_state_dict(state, folder, safe_serialization=safe, max_shard_size=limit)
    assert_same(read_state_dict(folder), state)
    assert sorted(folder.iterdir()) == sorted(written)


def test_shards_have_the_usual_names_and_index(tmp_path):
    state = tensors(a=(10,), b=(10,), c=(10,))
    write_state_dict(state, tmp_path, max_shard_size=80)
    assert json.loads((tmp_path / "model.safetensors.index.json").read_text()) == {
        "metadata": {"total_size": 120},
        "weight_map": {
            "a": "model-00001-of-00002.safetensors",
            "b": "model-00001-of-00002.safetensors",
            "c": "model-00002-of-00002.safetensors",
        },
    }


def test_safetensors_carry_the_format_that_transformers_wants(tmp_path, state):
    (path,) = write_state_dict(state, tmp_path)
    with safetensors.safe_open(path, "pt") as file:
        assert file.metadata() == {"format": "pt"}


@pytest.mark.parametrize("limit", ["5GB", 60])
def test_tied_copies_are_left_out_of_safetensors_and_kept_in_bin(tmp_path, limit):
    model = WithHead()
    write_state_dict(model.state_dict(), tmp_path / "safe", max_shard_size=limit)
    assert sorted(read_state_dict(tmp_path / "safe")) == sorted(without_copies(model.state_dict()))
    write_state_dict(model.state_dict(), tmp_path / "bin", safe_serialization=False, max_shard_size=limit)
    stored = read_state_dict(tmp_path / "bin")
    assert_same(stored, model.state_dict())
    assert stored[WORDS].data_ptr() == stored[DECODER].data_ptr()


def test_a_decoder_of_its_own_is_kept(tmp_path):
    model = WithHead()
    model.cls.predictions.decoder.weight = nn.Parameter(torch.zeros(11, 3))
    write_state_dict(model.state_dict(), tmp_path)
    assert {DECODER, "cls.predictions.decoder.bias"} < set(read_state_dict(tmp_path))


def test_other_shared_tensors_and_views_are_saved_in_full(tmp_path):
    whole = torch.randn(6, 4)
    state = {"whole": whole, "again": whole, "part": whole[1:3], "turned": whole.t()}
    for safe in (True, False):
        write_state_dict(state, tmp_path, safe_serialization=safe)
        assert_same(read_state_dict(tmp_path), {name: value.contiguous() for name, value in state.items()})


def test_a_circle_of_ties_loses_nothing(tmp_path):
    value = torch.randn(3)
    for safe in (True, False):
        write_state_dict({"a": value, "b": value}, tmp_path, tied={"a": "b", "b": "a"}, safe_serialization=safe)
        assert torch.equal(next(iter(read_state_dict(tmp_path).values())), value)


def test_parameters_are_written_without_their_graph(tmp_path):
    write_state_dict({"a": nn.Parameter(torch.ones(3))}, tmp_path, safe_serialization=False)
    assert not read_state_dict(tmp_path)["a"].requires_grad


@pytest.mark.parametrize("first", [(True, "5GB"), (True, 20), (False, "5GB"), (False, 20), (True, 30)])
@pytest.mark.parametrize("second", [(True, "5GB"), (True, 20), (False, "5GB"), (False, 20)])
def test_a_later_save_is_what_is_read(tmp_path, first, second):
    (tmp_path / "config.json").write_text("{}")
    write_state_dict(tensors(1, a=(5,), b=(5,), c=(5,)), tmp_path, safe_serialization=first[0], max_shard_size=first[1])
    state = tensors(2, a=(5,), b=(5,))
    written = write_state_dict(state, tmp_path, safe_serialization=second[0], max_shard_size=second[1])
    assert_same(read_state_dict(tmp_path), state)
    ending = written[0].suffix
    assert {p.name for p in tmp_path.iterdir() if p.suffix == ending} == {p.name for p in written if p.suffix == ending}
    assert (tmp_path / "config.json").exists()


def test_a_variant_lives_beside_the_plain_checkpoint(tmp_path):
    plain, half = tensors(1, a=(5,)), {"a": torch.zeros(5, dtype=torch.float16)}
    write_state_dict(plain, tmp_path)
    write_state_dict(half, tmp_path, variant="fp16", max_shard_size=1)
    assert_same(read_state_dict(tmp_path), plain)
    assert_same(read_state_dict(tmp_path, variant="fp16"), half)


def test_a_checkpoint_can_be_written_over_the_one_it_was_read_from(tmp_path, state):
    for safe in (True, False):
        write_state_dict(state, tmp_path, safe_serialization=safe)
        write_state_dict(read_state_dict(tmp_path), tmp_path, safe_serialization=safe)
        assert_same(read_state_dict(tmp_path), state)


def test_a_link_to_a_file_elsewhere_is_replaced_not_written_through(tmp_path, state):
    (tmp_path / "precious").write_bytes(b"precious")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").symlink_to(tmp_path / "precious")
    write_state_dict(state, folder)
    assert (tmp_path / "precious").read_bytes() == b"precious"
    assert_same(read_state_dict(folder), state)


def test_files_get_the_permissions_of_any_new_file(tmp_path, state):
    (tmp_path / "other").touch()
    for safe in (True, False):
        for path in write_state_dict(state, tmp_path / "model", safe_serialization=safe):
            assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)


@pytest.fixture
def full_disk():
    """No file may grow beyond 100,000 bytes, as on a disk that is nearly full."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("safe", [True, False])
@pytest.mark.parametrize("limit", ["5GB", "100B"])
def test_a_write_that_fails_leaves_the_earlier_checkpoint(tmp_path, full_disk, safe, limit):
    earlier = tensors(a=(3,), b=(4,))
    write_state_dict(earlier, tmp_path, safe_serialization=safe, max_shard_size=limit)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(OSError, match="Writing the checkpoint failed .File too large") as caught:
        write_state_dict(tensors(a=(20,), b=(100_000,)), tmp_path, safe_serialization=safe, max_shard_size=limit)
    assert caught.value.errno == errno.EFBIG
    assert sorted(tmp_path.iterdir()) == before
    assert_same(read_state_dict(tmp_path), earlier)


def test_an_interruption_leaves_the_earlier_checkpoint(tmp_path, monkeypatch):
    earlier = tensors(a=(3,), b=(4,))
    write_state_dict(earlier, tmp_path)

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(writing.os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_state_dict(tensors(5, a=(3,), b=(4,)), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]
    assert_same(read_state_dict(tmp_path), earlier)


def test_a_file_in_the_way_of_the_folder_is_explained(tmp_path, state):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "model"):
        with pytest.raises(NotADirectoryError, match="choose another name"):
            write_state_dict(state, folder)


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ([torch.zeros(2)], TypeError, "not a list"),
        ({"a": 3}, TypeError, "'a' is mapped to a int"),
        ({3: torch.zeros(2)}, TypeError, "3 is mapped to a Tensor"),
        ({}, ValueError, "nothing to save"),
        ({"a": torch.zeros(2, device="meta")}, ValueError, "no plain values"),
        ({"a": torch.zeros(2).to_sparse()}, ValueError, "no plain values"),
    ],
)
def test_what_is_no_dict_of_tensors_is_not_written(tmp_path, value, kind, message):
    with pytest.raises(kind, match=message):
        write_state_dict(value, tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("size", "expected"), [(7, 7), ("7", 7), ("7B", 7), ("5GB", 5 * 10**9), ("5GiB", 5 * 2**30), ("1.5 MB", 1_500_000)]
)
def test_sizes_are_understood(size, expected):
    assert writing.as_bytes(size) == expected


@pytest.mark.parametrize("size", [0, -1, "", "GB", "5XB", "-5GB", "5IB", "0MB"])
def test_sizes_that_are_none_are_refused(tmp_path, state, size):
    with pytest.raises(ValueError, match="is no size"):
        write_state_dict(state, tmp_path, max_shard_size=size)


@pytest.mark.parametrize("size", [None, True, 1.5])
def test_sizes_of_the_wrong_kind_are_refused(tmp_path, state, size):
    with pytest.raises(TypeError, match="max_shard_size"):
        write_state_dict(state, tmp_path, max_shard_size=size)


# Both ways with transformers

CLASSES = ["BertModel", "BertForPreTraining", "BertForMaskedLM", "BertForSequenceClassification"]


@pytest.fixture
def theirs(request):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(3)
    config = transformers.BertConfig(
        vocab_size=37, hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=20,
        max_position_embeddings=16,
    )  # fmt: skip
    return getattr(transformers, request.param)(config).eval()


def their_weights(model):
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


@pytest.mark.parametrize("theirs", CLASSES, indirect=True)
@pytest.mark.parametrize("limit", ["5GB", "2KB"])
def test_what_transformers_saves_is_read(tmp_path, theirs, limit):
    theirs.save_pretrained(tmp_path, max_shard_size=limit)
    stored = read_state_dict(tmp_path)
    expected = their_weights(theirs)
    assert set(expected) - set(stored) <= set(TIED_NAMES)
    assert_same(stored, {name: expected[name] for name in stored})


@pytest.mark.parametrize("theirs", CLASSES, indirect=True)
def test_pickles_that_transformers_saves_are_read(tmp_path, theirs):
    torch.save(theirs.state_dict(), tmp_path / "pytorch_model.bin")
    assert_same(read_state_dict(tmp_path), their_weights(theirs))


@pytest.mark.parametrize("theirs", CLASSES, indirect=True)
@pytest.mark.parametrize("safe", [True, False])
@pytest.mark.parametrize("limit", ["5GB", "2KB"])
def test_what_is_written_is_loaded_by_transformers(tmp_path, theirs, safe, limit):
    theirs.config.save_pretrained(tmp_path)
    write_state_dict(theirs.state_dict(), tmp_path, safe_serialization=safe, max_shard_size=limit)
    again, info = type(theirs).from_pretrained(tmp_path, output_loading_info=True)
    assert_same(again.state_dict(), their_weights(theirs))
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"]


@pytest.mark.parametrize("theirs", ["BertForMaskedLM"], indirect=True)
@pytest.mark.parametrize("safe", [True, False])
def test_an_untied_model_is_loaded_by_transformers(tmp_path, theirs, safe):
    theirs.config.tie_word_embeddings = False
    untied = type(theirs)(theirs.config)
    write_state_dict(untied.state_dict(), tmp_path, safe_serialization=safe)
    theirs.config.save_pretrained(tmp_path)
    again, info = type(theirs).from_pretrained(tmp_path, output_loading_info=True)
    assert_same(again.state_dict(), their_weights(untied))
    assert not info["missing_keys"] and not info["unexpected_keys"]


@pytest.mark.parametrize("theirs", ["BertForPreTraining"], indirect=True)
def test_the_same_tensors_are_kept_as_transformers_keeps(tmp_path, theirs):
    theirs.save_pretrained(tmp_path / "theirs")
    write_state_dict(theirs.state_dict(), tmp_path / "ours")
    assert_same(read_state_dict(tmp_path / "ours"), read_state_dict(tmp_path / "theirs"))


@pytest.mark.parametrize("theirs", ["BertForMaskedLM"], indirect=True)
def test_a_module_of_transformers_is_loaded_into(theirs):
    values = {name: torch.randn_like(value) for name, value in without_copies(their_weights(theirs)).items()}
    report = load_into(theirs, values)
    assert report.fresh == report.unused == []
    assert_same(without_copies(theirs.state_dict()), values)
    assert torch.equal(theirs.state_dict()[DECODER], values[WORDS])
