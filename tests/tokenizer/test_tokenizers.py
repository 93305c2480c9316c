"""Both tokenizers: calling, padding, truncation, alignment, added tokens, files, and what they refuse."""

import json
import pickle
import sys

import numpy as np
import pytest
import torch
from vocabulary_cases import KINDS, TOKENS

from bertlab.tokenizer import AddedToken, AutoTokenizer, BertTokenizer, WordPiece


def ids(text: str) -> list[int]:
    return [TOKENS.index(token) for token in text.split()]


def test_a_text_becomes_ids_types_and_mask(tokenizer):
    assert dict(tokenizer("The cat sat.")) == {
        "input_ids": ids("[CLS] the cat sat . [SEP]"),
        "token_type_ids": [0] * 6,
        "attention_mask": [1] * 6,
    }


def test_a_pair_has_types_0_and_1(tokenizer):
    batch = tokenizer("the cat", "a mat")
    assert batch.input_ids == ids("[CLS] the cat [SEP] a mat [SEP]")
    assert batch.token_type_ids == [0, 0, 0, 0, 1, 1, 1]
    assert batch.sequence_ids() == [None, 0, 0, None, 1, 1, None]
    assert batch.n_sequences == 2


def test_a_list_is_padded_to_its_longest(tokenizer):
    batch = tokenizer(["the cat", "a"], padding=True, return_tensors="pt")
    assert batch.input_ids.tolist() == [ids("[CLS] the cat [SEP]"), ids("[CLS] a [SEP] [PAD]")]
    assert batch.attention_mask.tolist() == [[1, 1, 1, 1], [1, 1, 1, 0]]
    assert batch.input_ids.dtype == torch.int64
    assert batch.tokens(1) == ["[CLS]", "a", "[SEP]", "[PAD]"]


def test_padding_can_go_left_to_a_length_and_to_a_multiple(tokenizer):
    tokenizer.padding_side = "left"
    assert tokenizer("a", padding="max_length", max_length=5, truncation=True).input_ids == ids(
        "[PAD] [PAD] [CLS] a [SEP]"
    )
    assert len(tokenizer(["a"], padding=True, pad_to_multiple_of=8).input_ids[0]) == 8
    assert tokenizer("a", padding="max_length", max_length=4, truncation=True, padding_side="right").input_ids == ids(
        "[CLS] a [SEP] [PAD]"
    )


def test_truncation_strategies_choose_what_to_shorten(tokenizer):
    def cut(strategy):
        batch = tokenizer("the cat sat on", "a mat", max_length=7, truncation=strategy)
        return batch.input_ids

    assert cut("longest_first") == ids("[CLS] the cat [SEP] a mat [SEP]")
    assert cut("only_first") == ids("[CLS] the cat [SEP] a mat [SEP]")
    assert tokenizer("the cat", "a mat is big", max_length=7, truncation="only_second").input_ids == ids(
        "[CLS] the cat [SEP] a mat [SEP]"
    )
    assert len(cut(False)) == 9


def test_overflow_is_plain_ids_from_the_readable_one(readable):
    options = {"max_length": 4, "truncation": True, "stride": 1, "return_overflowing_tokens": True}
    batch = readable("the cat sat on", **options)
    assert batch.overflowing_tokens == ids("cat sat on")
    assert batch.num_truncated_tokens == 2


def test_overflow_is_further_rows_from_the_fast_one(fast):
    options = {"max_length": 5, "truncation": True, "stride": 1, "return_overflowing_tokens": True}
    batch = fast(["the cat sat on a", "mat"], **options)
    assert batch.input_ids == [ids("[CLS] the cat sat [SEP]"), ids("[CLS] sat on a [SEP]"), ids("[CLS] mat [SEP]")]
    assert batch.overflow_to_sample_mapping == [0, 0, 1]


def test_words_given_as_a_list_keep_their_numbers(tokenizer):
    batch = tokenizer(["the", "unaffable", "cat."], is_split_into_words=True, return_offsets_mapping=True)
    assert batch.tokens() == ["[CLS]", "the", "un", "##aff", "##able", "cat", ".", "[SEP]"]
    assert batch.word_ids() == [None, 0, 1, 1, 1, 2, 2, None]
    assert batch.offset_mapping == [(0, 0), (0, 3), (0, 2), (2, 5), (5, 9), (0, 3), (3, 4), (0, 0)]


def test_an_empty_second_text_adds_sep_only_in_the_readable_one(readable, fast):
    assert readable("a", "").input_ids == ids("[CLS] a [SEP] [SEP]")
    assert fast("a", "").input_ids == ids("[CLS] a [SEP]")


def test_further_results_on_request(tokenizer):
    batch = tokenizer(["a [MASK]", "a"], padding=True, return_special_tokens_mask=True, return_length=True)
    assert batch.special_tokens_mask == [[1, 0, 0, 1], [1, 0, 1, 1]]
    assert batch["length"] == ([4, 3] if not tokenizer.is_fast else [4, 4])
    assert "token_type_ids" not in tokenizer("a", return_token_type_ids=False)


def test_text_target_becomes_labels(tokenizer):
    assert tokenizer("a", text_target="cat").labels == ids("[CLS] cat [SEP]")


def test_encode_and_its_kin_agree_with_calling(tokenizer):
    assert tokenizer.encode("the cat") == tokenizer("the cat").input_ids
    pairs = tokenizer.batch_encode_plus([("a", "cat"), ("the", "mat")])
    assert pairs.input_ids == tokenizer(["a", "the"], ["cat", "mat"]).input_ids
    assert tokenizer.tokenize("Unaffable!") == ["un", "##aff", "##able", "!"]
    assert tokenizer.convert_tokens_to_ids(["cat", "dog"]) == ids("cat [UNK]")
    assert tokenizer.convert_ids_to_tokens(torch.tensor(ids("cat mat"))) == ["cat", "mat"]


def test_the_readable_one_also_takes_tokens_and_ids(readable):
    assert readable.encode(["the", "cat"]) == readable.encode(ids("the cat")) == ids("[CLS] the cat [SEP]")


def test_offsets_point_into_the_original_text(tokenizer):
    text = "Café, PARIS  unaffable"
    batch = tokenizer(text, return_offsets_mapping=True)
    parts = [text[start:end] for start, end in batch.offset_mapping]
    assert parts == ["", "Café", ",", "PARIS", "un", "aff", "able", ""]


def test_words_characters_and_tokens_lead_to_each_other(tokenizer):
    batch = tokenizer("the unaffable cat", "a mat")
    assert batch.word_to_tokens(1) == (2, 5)
    assert batch.word_to_chars(1) == (4, 13)
    assert batch.token_to_word(3) == batch.token_to_word(0, 3) == 1
    assert batch.token_to_chars(3) == (6, 9)
    assert batch.token_to_chars(0) is None
    assert batch.char_to_token(7) == 3
    assert batch.char_to_token(3) is None
    assert batch.char_to_word(7) == 1
    assert batch.char_to_token(0, 2, sequence_index=1) == 8
    assert batch.token_to_sequence(8) == 1
    assert batch.token_to_word(-2) == 1
    assert batch.word_to_tokens(0, 1, sequence_index=1) == (8, 9)


def test_alignment_survives_padding_truncation_and_pickling(readable):
    readable.padding_side = "left"
    batch = readable(["the unaffable cat", "a"], padding=True, truncation=True, max_length=5)
    again = pickle.loads(pickle.dumps(batch))
    for one in (batch, again):
        assert one.tokens(1) == ["[PAD]", "[PAD]", "[CLS]", "a", "[SEP]"]
        assert one.word_ids(0) == [None, 0, 1, 1, None]
        assert one.encodings[1].offsets == [(0, 0), (0, 0), (0, 0), (0, 1), (0, 0)]
        assert one.is_fast is False


def test_both_kinds_align_plain_text_alike(readable, fast):
    text = "The cat, unaffable [MASK] Paris!? a-b"
    first, second = readable(text).encodings[0], fast(text).encodings[0]
    for name in ("ids", "tokens", "type_ids", "offsets", "word_ids", "sequence_ids", "special_tokens_mask"):
        assert getattr(first, name) == getattr(second, name), name


def test_a_batch_is_a_dictionary_with_attributes(tokenizer):
    batch = tokenizer(["a", "the"], return_tensors="np")
    assert isinstance(batch.input_ids, np.ndarray)
    assert set({**batch}) == {"input_ids", "token_type_ids", "attention_mask"}
    assert batch[0].tokens == ["[CLS]", "a", "[SEP]"]
    with pytest.raises(AttributeError, match="input_ids"):
        batch.labels  # noqa: B018


@pytest.mark.parametrize(("kind", "module"), [("tf", "tensorflow"), ("jax", "jax")])
def test_tensors_of_other_frameworks_are_made_where_these_are_installed(tokenizer, kind, module):
    pytest.importorskip(module)
    batch = tokenizer(["a", "the cat sat"], padding=True, return_tensors=kind)
    assert type(batch.input_ids).__module__.startswith((module, "jaxlib")) and tuple(batch.input_ids.shape) == (2, 5)
    assert "int32" in str(batch.input_ids.dtype)
    assert tokenizer.batch_decode(batch["input_ids"], skip_special_tokens=True) == ["a", "the cat sat"]
    padded = tokenizer.pad({"input_ids": batch["input_ids"]}, padding="max_length", max_length=7)
    assert type(padded["input_ids"]) is type(batch["input_ids"]) and tuple(padded["input_ids"].shape) == (2, 7)
    with pytest.raises(ValueError, match="padding=True"):
        tokenizer(["a", "the cat sat"], return_tensors=kind)


@pytest.mark.parametrize(("kind", "module"), [("tf", "tensorflow"), ("jax", "jax.numpy")])
def test_a_framework_that_is_not_installed_is_named_with_what_to_install(tokenizer, kind, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match="is not installed: pip install"):
        tokenizer("a", return_tensors=kind)


def test_to_moves_tensors_and_returns_the_batch(tokenizer):
    batch = tokenizer("a", return_tensors="pt")
    assert batch.to("cpu") is batch
    with pytest.raises(TypeError, match="return_tensors"):
        tokenizer("a").to("cpu")


def test_pad_collates_what_is_encoded(tokenizer):
    rows = [tokenizer("a"), tokenizer("the cat sat")]
    batch = tokenizer.pad(rows, return_tensors="pt")
    assert batch.input_ids.shape == (2, 5)
    assert batch.attention_mask.tolist()[0] == [1, 1, 1, 0, 0]
    assert tokenizer.pad({"input_ids": [2, 3]}, padding="max_length", max_length=4).input_ids == [2, 3, 0, 0]


def test_prepare_for_model_and_its_parts(tokenizer):
    assert tokenizer.prepare_for_model([5, 6], [7], padding="max_length", max_length=8).input_ids == [
        2, 5, 6, 3, 7, 3, 0, 0,
    ]  # fmt: skip
    assert tokenizer.build_inputs_with_special_tokens([5], [6]) == [2, 5, 3, 6, 3]
    assert tokenizer.create_token_type_ids_from_sequences([5], [6]) == [0, 0, 0, 1, 1]
    assert tokenizer.get_special_tokens_mask([5], [6]) == [1, 0, 1, 0, 1]
    assert tokenizer.get_special_tokens_mask([2, 5, 4], already_has_special_tokens=True) == [1, 0, 1]
    assert tokenizer.num_special_tokens_to_add(pair=True) == 3
    assert tokenizer.truncate_sequences([1, 2, 3, 4], [5, 6], 2) == ([1, 2], [5, 6], [])


def test_decoding_joins_pieces_and_tidies_spaces(tokenizer):
    assert tokenizer.decode(tokenizer("The unaffable cat, a mat.").input_ids, skip_special_tokens=True) == (
        "the unaffable cat, a mat."
    )
    assert tokenizer.batch_decode(torch.tensor([[2, 6, 3]])) == ["[CLS] cat [SEP]"]
    assert tokenizer.decode(6) == "cat"


def test_added_tokens_are_found_whole_and_counted(tokenizer):
    assert tokenizer.add_tokens(["newtok", AddedToken("<e>", special=True)]) == 2
    assert len(tokenizer) == len(TOKENS) + 2
    assert tokenizer.vocab_size == len(TOKENS)
    assert tokenizer.tokenize("a NEWTOK<e>cat") == ["a", "newtok", "<e>", "cat"]
    assert tokenizer.add_tokens("newtok") == 0


def test_special_tokens_can_be_replaced(tokenizer):
    assert tokenizer.add_special_tokens({"mask_token": "<m>", "additional_special_tokens": ["<x>"]}) == 2
    assert tokenizer.mask_token_id == len(TOKENS)
    assert tokenizer.tokenize("a <m> <X> <x>")[1] == "<m>"
    assert tokenizer.all_special_tokens[-1] == "<x>"
    assert tokenizer.special_tokens_map["mask_token"] == "<m>"


@pytest.mark.parametrize("loaded_kind", KINDS)
def test_a_saved_tokenizer_comes_back(tokenizer, loaded_kind, tmp_path):
    tokenizer.add_tokens(["newtok"])
    tokenizer.add_special_tokens({"additional_special_tokens": ["<x>"]})
    tokenizer.model_max_length = 64
    tokenizer.padding_side = "left"
    files = tokenizer.save_pretrained(tmp_path)
    assert all((tmp_path / name).is_file() for name in ("vocab.txt", "tokenizer_config.json", "added_tokens.json"))
    assert len(files) == (5 if tokenizer.is_fast else 4)
    again = loaded_kind.from_pretrained(tmp_path)
    assert again.get_vocab() == tokenizer.get_vocab()
    assert again.all_special_tokens == tokenizer.all_special_tokens
    assert (again.model_max_length, again.padding_side) == (64, "left")
    assert again("a newtok <x> Unaffable").input_ids == tokenizer("a newtok <x> Unaffable").input_ids


def test_a_folder_with_tokenizer_json_alone_is_enough(fast, tmp_path):
    fast.save_pretrained(tmp_path, legacy_format=False)
    assert not (tmp_path / "vocab.txt").exists()
    for use_fast in (True, False):
        loaded = AutoTokenizer.from_pretrained(tmp_path, use_fast=use_fast)
        assert loaded("The unaffable cat").input_ids == fast("The unaffable cat").input_ids


def test_a_vocabulary_file_alone_is_enough(tokenizer, vocab_file):
    assert type(tokenizer).from_pretrained(vocab_file)("a cat").input_ids == ids("[CLS] a cat [SEP]")


def test_options_override_what_the_files_say(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    loaded = type(tokenizer).from_pretrained(tmp_path, do_lower_case=False, model_max_length=9)
    assert loaded.tokenize("Cat cat") == ["[UNK]", "cat"]
    assert loaded.model_max_length == 9


def test_unknown_entries_of_the_config_survive(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    path = tmp_path / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"of_someone_else": 5}))
    type(tokenizer).from_pretrained(tmp_path).save_pretrained(tmp_path / "again")
    assert json.loads((tmp_path / "again" / "tokenizer_config.json").read_text())["of_someone_else"] == 5


def test_the_fast_one_gives_its_readable_counterpart(fast):
    fast.add_tokens(["newtok"])
    assert isinstance(fast.readable().wordpiece, WordPiece)
    assert fast.readable()("A newtok, Paris").input_ids == fast("A newtok, Paris").input_ids


def test_the_prefix_and_cleaning_are_options(tmp_path, vocab_file):
    path = tmp_path / "vocab.txt"
    path.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nun\n@@able\na\x01b\n", encoding="utf-8")
    for kind in KINDS:
        tokenizer = kind(path, wordpieces_prefix="@@", clean_text=False)
        assert tokenizer.tokenize("unable a\x01b") == ["un", "@@able", "a\x01b"]
        assert tokenizer.decode(tokenizer("unable").input_ids, skip_special_tokens=True) == "unable"


def test_a_line_separator_can_be_a_token(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_bytes("[UNK]\n\u2028\n a \n".encode())
    assert BertTokenizer(path).vocab == {"[UNK]": 0, "\u2028": 1, " a ": 2}


class Lines(torch.utils.data.Dataset):
    """Texts that are encoded where they are asked for, in a worker."""

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer

    def __len__(self):
        return 3

    def __getitem__(self, at):
        return self.tokenizer("the cat sat on a mat"[: 4 * at + 3], padding="max_length", max_length=9)["input_ids"]


def test_workers_that_are_spawned_encode_texts(tokenizer):
    tokenizer("the cat")
    loader = torch.utils.data.DataLoader(
        Lines(tokenizer), batch_size=3, num_workers=1, multiprocessing_context="spawn", collate_fn=list
    )
    assert next(iter(loader)) == [Lines(tokenizer)[at] for at in range(3)]


@pytest.mark.parametrize("stride", [6, 7, 100])
def test_a_stride_is_smaller_than_the_window(tokenizer, stride):
    text = "the cat sat on a mat " * 3
    with pytest.raises(ValueError, match=f"max_length is 8, of which 2 are special tokens; the stride .{stride}."):
        tokenizer(text, truncation=True, max_length=8, stride=stride, return_overflowing_tokens=True)
    with pytest.raises(ValueError, match="of which 3 are special"):
        tokenizer("the cat", text, truncation="only_second", max_length=8, stride=stride)
    assert tokenizer(text, truncation=True, max_length=8, stride=5, return_overflowing_tokens=True)
    assert len(tokenizer(text, max_length=8, truncation=False, stride=stride)["input_ids"]) == 20
