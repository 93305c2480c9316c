"""What is no vocabulary, no text or no option is refused in words, and hostile input does not hang."""

import copy
import pickle

import pytest
from vocabulary_cases import KINDS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[UNK]\n\xff\xfe\n", "UTF-8"),
        (b"[PAD]\na\n", r"\[UNK\]"),
        ("\ufeff[UNK]\n".encode(), "byte order mark"),
        (b"\0" * 10_000, r"\[UNK\]"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_vocabulary_is_refused(kind, content, message, tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        kind(path)


def test_a_missing_vocabulary_is_named(tmp_path):
    for kind in KINDS:
        with pytest.raises(FileNotFoundError, match="no_such"):
            kind(tmp_path / "no_such.txt")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tokenizer_config.json", "{"),
        ("tokenizer_config.json", "[1]"),
        ("tokenizer_config.json", '{"added_tokens_decoder": {"x": {}}}'),
        ("tokenizer_config.json", '{"added_tokens_decoder": {"7": {"lstrip": true}}}'),
        ("added_tokens.json", '{"a": "b"}'),
        ("special_tokens_map.json", "[" * 100_000),
        ("tokenizer.json", '{"model": {"type": "BPE", "vocab": {}, "merges": []}}'),
        ("tokenizer.json", '{"model": {"type": "WordPiece", "vocab": {"a": -1}}}'),
    ],
)
def test_damaged_files_are_named(name, content, tmp_path):
    if name != "tokenizer.json":
        (tmp_path / "vocab.txt").write_text("[UNK]\n[CLS]\n[SEP]\n[PAD]\n[MASK]\n")
    (tmp_path / name).write_text(content)
    for kind in KINDS:
        with pytest.raises(ValueError, match=name.replace(".", r"\.")):
            kind.from_pretrained(tmp_path)


@pytest.mark.parametrize("bad", [None, 5, b"bytes", {"a": 1}, {"a"}])
def test_what_is_no_text_is_refused(tokenizer, bad):
    with pytest.raises(ValueError):
        tokenizer(bad)
    with pytest.raises((TypeError, ValueError), match="item 1"):
        tokenizer(["a", bad])
    with pytest.raises((TypeError, ValueError), match="item 1"):
        tokenizer(["a", "b"], ["c", bad])


def test_lists_that_do_not_fit_are_refused(tokenizer):
    with pytest.raises(ValueError, match="empty"):
        tokenizer([])
    with pytest.raises(ValueError, match="2 items"):
        tokenizer(["a", "b"], ["c"])
    with pytest.raises(TypeError, match="text_pair"):
        tokenizer(["a"], "b")
    with pytest.raises((TypeError, ValueError), match="word 1"):
        tokenizer(["a", None], is_split_into_words=True)
    with pytest.raises(ValueError, match="split"):
        tokenizer("a text", is_split_into_words=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"padding": "sometimes"}, "longest"),
        ({"truncation": "both"}, "only_first"),
        ({"max_length": 0, "truncation": True}, "at least 1"),
        ({"max_length": -4, "truncation": True}, "at least 1"),
        ({"stride": -1}, "at least 0"),
        ({"pad_to_multiple_of": 0, "padding": True}, "at least 1"),
        ({"padding": True, "truncation": True, "max_length": 9, "pad_to_multiple_of": 4}, "multiple"),
        ({"return_tensors": "mlx"}, "pt"),
        ({"padding_side": "top"}, "right"),
    ],
)
def test_options_that_cannot_be_met_are_refused(tokenizer, options, message):
    with pytest.raises(ValueError, match=message):
        tokenizer("a cat", **options)


def test_unknown_options_are_refused(tokenizer):
    with pytest.raises(TypeError, match="paddign"):
        tokenizer("a", paddign=True)


def test_rows_of_different_lengths_make_no_tensor(tokenizer):
    with pytest.raises(ValueError, match="padding=True"):
        tokenizer(["a", "the cat"], return_tensors="pt")


def test_padding_without_a_padding_token_is_refused(vocab_file):
    for kind in KINDS:
        with pytest.raises(ValueError, match="pad"):
            kind(vocab_file, pad_token=None)(["a", "the cat"], padding=True)


def test_impossible_truncation_is_refused_or_warned_of(readable, fast):
    with pytest.raises(ValueError, match="stride"):
        fast("the cat sat", truncation=True, max_length=4, stride=5)
    with pytest.raises(ValueError, match="only_first"):
        fast("a", "the cat sat on a mat", truncation="only_first", max_length=6)
    with pytest.warns(UserWarning, match="first text has only 1"):
        readable("a", "the cat sat on a mat", truncation="only_first", max_length=6)
    with pytest.raises(ValueError, match="longest_first"):
        readable("a cat", "the mat", truncation=True, max_length=5, return_overflowing_tokens=True)


def test_half_a_surrogate_pair_is_dropped_like_other_unusable_characters(tokenizer):
    batch = tokenizer(["a\ud800 cat"], ["the"], return_offsets_mapping=True)
    assert batch.tokens() == ["[CLS]", "a", "cat", "[SEP]", "the", "[SEP]"]
    assert batch.offset_mapping[0][2] == (3, 6)


def test_a_text_beyond_the_model_is_warned_of(tokenizer):
    tokenizer.model_max_length = 4
    with pytest.warns(UserWarning, match="truncation=True"):
        tokenizer("the cat sat on a mat")


def test_a_negative_id_cannot_be_decoded_fast(fast):
    with pytest.raises(ValueError, match="-100"):
        fast.decode([5, -100])


def test_nothing_is_written_outside_the_folder(tokenizer, tmp_path):
    with pytest.raises(ValueError, match="prefix"):
        tokenizer.save_pretrained(tmp_path / "inner", filename_prefix="../outer")
    assert list(tmp_path.rglob("*outer*")) == []
    (tmp_path / "file").write_text("kept")
    with pytest.raises(ValueError, match="file"):
        tokenizer.save_pretrained(tmp_path / "file")


def test_long_hostile_texts_do_not_hang(tokenizer):
    for text in ("a" * 300_000, "a" + "\u0301\u0323" * 60_000, "[MASK]" * 20_000, "\ufffd" * 200_000):
        assert set(tokenizer.tokenize(text)) <= {"[UNK]", "[MASK]", "a"}


@pytest.mark.parametrize("copied", [lambda value: pickle.loads(pickle.dumps(value)), copy.deepcopy, copy.copy])
def test_a_tokenizer_that_was_used_can_be_copied_and_pickled(tokenizer, copied):
    tokenizer.add_tokens(["blorp"])
    before = tokenizer("the blorp [MASK] unaffable!", return_offsets_mapping=True)
    again = copied(tokenizer)
    assert dict(again("the blorp [MASK] unaffable!", return_offsets_mapping=True)) == dict(before)
    assert again.get_vocab() == tokenizer.get_vocab()
