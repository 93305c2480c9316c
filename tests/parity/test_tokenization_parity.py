"""The tokenizers against those of the installed transformers (4.37.2 has both kinds, 5 only the fast one)."""

import random
import sys
import warnings
from pathlib import Path

import pytest

transformers = pytest.importorskip("transformers")
sys.path.insert(0, str(Path(__file__).parent))

from tokenizer_cases import FIXED_TEXTS, random_call, random_texts, vocabulary  # noqa: E402

from bertlab.tokenizer import AutoTokenizer, BertTokenizer, BertTokenizerFast  # noqa: E402

VERSION_4 = transformers.__version__.startswith("4.")
only_version_4 = pytest.mark.skipif(not VERSION_4, reason="transformers 5 has no readable tokenizer")
KINDS = [
    pytest.param((BertTokenizer, "BertTokenizer"), id="readable", marks=only_version_4),
    pytest.param((BertTokenizerFast, "BertTokenizerFast"), id="fast"),
]
OPTIONS = [
    {},
    {"do_lower_case": False},
    {"do_lower_case": True, "strip_accents": False},
    {"do_lower_case": False, "strip_accents": True, "tokenize_chinese_chars": False},
    {"mask_token": "<mask>", "additional_special_tokens": ["<ent>", "[E1]"]},
]
READABLE_OPTIONS = [
    {"do_basic_tokenize": False},
    {"never_split": ["café", "naïve", "don't", "Hello"]},
    {"never_split": ["Hello", "x"], "do_lower_case": False},
]


@pytest.fixture(scope="module")
def vocab_file(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    path.write_text("".join(f"{token}\n" for token in vocabulary()), encoding="utf-8", newline="\n")
    return str(path)


@pytest.fixture(autouse=True)
def quiet():
    transformers.logging.set_verbosity_error()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def theirs(name: str, vocab_file: str, **options):
    if VERSION_4:
        return getattr(transformers, name)(vocab_file, **options)
    return transformers.BertTokenizer(vocab=vocab_file, **options)


def plain(value):
    """Tensors and arrays as lists."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_ids_equal_for_awkward_texts(kind, options, vocab_file):
    ours, reference = kind[0](vocab_file, **options), theirs(kind[1], vocab_file, **options)
    texts = FIXED_TEXTS + random_texts(400)
    expected, found = reference(texts)["input_ids"], ours(texts)["input_ids"]
    for text, wanted, got in zip(texts, expected, found, strict=True):
        assert got == wanted, text


@only_version_4
@pytest.mark.parametrize("options", READABLE_OPTIONS, ids=str)
def test_options_of_the_readable_tokenizer_equal(options, vocab_file):
    ours, reference = BertTokenizer(vocab_file, **options), theirs("BertTokenizer", vocab_file, **options)
    for text in FIXED_TEXTS + random_texts(300, seed=1):
        assert ours.tokenize(text) == reference.tokenize(text), text
        wanted = reference.tokenize(text, split_special_tokens=True)
        assert ours.tokenize(text, split_special_tokens=True) == wanted, text


@pytest.mark.skipif(not VERSION_4, reason="transformers 5 has another interface")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sides", [("right", "right"), ("left", "right"), ("right", "left")])
def test_calls_with_random_options_equal(kind, sides, vocab_file):
    ours, reference = kind[0](vocab_file), theirs(kind[1], vocab_file)
    generator = random.Random(str(sides))
    compared = 0
    for _ in range(150):
        for tokenizer in (ours, reference):
            tokenizer.padding_side, tokenizer.truncation_side = sides
            tokenizer.model_max_length = 20
        texts, options = random_call(generator, ours.is_fast)
        try:
            expected = reference(*texts, **options)
        except BaseException as error:  # the backend of the time panics with a BaseException
            assert not isinstance(error, KeyboardInterrupt)
            continue  # what they refuse, we refuse or do better: see test_tokenization
        found = ours(*texts, **options)
        assert {name: plain(value) for name, value in found.items()} == {
            name: plain(value) for name, value in expected.items()
        }, (texts, options)
        compared += 1
        if ours.is_fast:
            for row in range(len(expected.encodings)):
                assert found.tokens(row) == expected.tokens(row)
                assert found.word_ids(row) == expected.word_ids(row)
                assert found.sequence_ids(row) == expected.sequence_ids(row)
    assert compared > 75


@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_added_tokens_equal(kind, special, vocab_file):
    from tokenizers import AddedToken

    ours, reference = kind[0](vocab_file), theirs(kind[1], vocab_file)
    counts = []
    for tokenizer in (ours, reference):
        tokens = [
            "newtok",
            "new word",
            AddedToken("<ent>", lstrip=True, rstrip=True),
            AddedToken("paris", single_word=True),
        ]
        counts.append(tokenizer.add_tokens(tokens, special_tokens=special))
        tokenizer.add_special_tokens({"mask_token": "<m>"})
        tokenizer.add_special_tokens({"additional_special_tokens": ["<x>"]})
    assert counts[0] == counts[1]
    assert ours.get_vocab() == reference.get_vocab()
    assert len(ours) == len(reference)
    assert ours.mask_token_id == reference.mask_token_id
    if VERSION_4:
        assert ours.all_special_tokens == reference.all_special_tokens
    for text in ["A NewTok  <ent> , newtok<ent>x", "paris Paris, paris.", "new word NEW WORD <x><m> [MASK]"]:
        assert ours(text)["input_ids"] == reference(text)["input_ids"], text


@pytest.mark.skipif(not VERSION_4, reason="transformers 5 decodes with other defaults")
@pytest.mark.parametrize("kind", KINDS)
def test_decoding_equals(kind, vocab_file):
    ours, reference = kind[0](vocab_file), theirs(kind[1], vocab_file)
    for tokenizer in (ours, reference):
        tokenizer.add_tokens(["newtok"])
        tokenizer.add_special_tokens({"additional_special_tokens": ["<ent>"]})
    generator = random.Random(2)
    for _ in range(200):
        ids = [generator.randrange(len(ours)) for _ in range(12)]
        for skip in (False, True):
            for clean in (None, False):
                options = {"skip_special_tokens": skip, "clean_up_tokenization_spaces": clean}
                assert ours.decode(ids, **options) == reference.decode(ids, **options)
        assert ours.convert_ids_to_tokens(ids, skip_special_tokens=True) == reference.convert_ids_to_tokens(
            ids, skip_special_tokens=True
        )
        assert ours.get_special_tokens_mask(ids, already_has_special_tokens=True) == (
            reference.get_special_tokens_mask(ids, already_has_special_tokens=True)
        )


@only_version_4
def test_pad_and_prepare_for_model_equal(vocab_file):
    ours, reference = BertTokenizer(vocab_file), theirs("BertTokenizer", vocab_file)
    rows = [{"input_ids": [2, 7, 3]}, {"input_ids": [2, 7, 8, 9, 3]}]
    for options in (
        {},
        {"padding": "max_length", "max_length": 8},
        {"pad_to_multiple_of": 4},
        {"return_tensors": "pt"},
    ):
        assert {k: plain(v) for k, v in ours.pad([dict(row) for row in rows], **options).items()} == {
            k: plain(v) for k, v in reference.pad([dict(row) for row in rows], **options).items()
        }
    for strategy in ("only_first", "only_second", "longest_first"):
        for side in ("left", "right"):
            ours.truncation_side = reference.truncation_side = side
            for remove in range(0, 5):
                arguments = (list(range(9)), list(range(20, 26)), remove, strategy, 2)
                assert ours.truncate_sequences(*arguments) == reference.truncate_sequences(*arguments)
            options = {"truncation": strategy, "max_length": 10, "padding": "max_length"}
            assert dict(ours.prepare_for_model(list(range(5, 12)), list(range(20, 29)), **options)) == dict(
                reference.prepare_for_model(list(range(5, 12)), list(range(20, 29)), **options)
            )


def changed(tokenizer):
    tokenizer.add_tokens(["newtok"])
    tokenizer.add_special_tokens({"additional_special_tokens": ["<ent>"]})
    tokenizer.model_max_length = 77
    return tokenizer


PROBES = ["Hello NewTok newtok<ent> [MASK] café CAFÉ", "Don't 中国 x.y"]


@pytest.mark.parametrize("ours", [BertTokenizer, BertTokenizerFast])
@pytest.mark.parametrize("lower", [True, False])
def test_what_we_save_they_load(ours, lower, vocab_file, tmp_path):
    saved = changed(ours(vocab_file, do_lower_case=lower))
    saved.save_pretrained(tmp_path)
    for use_fast in (True, False):
        loaded = transformers.AutoTokenizer.from_pretrained(str(tmp_path), use_fast=use_fast)
        assert loaded.get_vocab() == saved.get_vocab()
        assert loaded(PROBES)["input_ids"] == saved(PROBES)["input_ids"]
        assert loaded.model_max_length == 77
        assert loaded.convert_tokens_to_ids("<ent>") in loaded.all_special_ids


@pytest.mark.parametrize("name", ["BertTokenizer", "BertTokenizerFast"])
@pytest.mark.parametrize("lower", [True, False])
def test_what_they_save_we_load(name, lower, vocab_file, tmp_path):
    saved = changed(theirs(name, vocab_file, do_lower_case=lower))
    saved.save_pretrained(str(tmp_path))
    for use_fast in (True, False):
        loaded = AutoTokenizer.from_pretrained(tmp_path, use_fast=use_fast)
        assert loaded.is_fast is use_fast
        assert loaded.get_vocab() == saved.get_vocab()
        assert loaded(PROBES)["input_ids"] == saved(PROBES)["input_ids"]
        assert loaded.model_max_length == 77
        assert loaded.additional_special_tokens == ["<ent>"]


@only_version_4
def test_missing_special_tokens_get_the_same_new_ids(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("[UNK]\n[CLS]\na\n##b\n", encoding="utf-8")
    for ours, name in ((BertTokenizer, "BertTokenizer"), (BertTokenizerFast, "BertTokenizerFast")):
        assert ours(str(path)).get_vocab() == theirs(name, str(path)).get_vocab()
        assert ours(str(path))("ab [MASK]")["input_ids"] == theirs(name, str(path))("ab [MASK]")["input_ids"]
