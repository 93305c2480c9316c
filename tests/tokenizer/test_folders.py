"""Folders of other people: what each file says holds, and what BERT's tokenizer cannot do is said."""

import json
import warnings

import pytest

import bertlab
from bertlab import AutoTokenizer, BertTokenizer, BertTokenizerFast

WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] The Cat the cat café cafe 中 国 sat . ... ##s".split()
TEXT = "The Cat sat café 中国..."
CASED = ["The", "Cat", "sat", "café", "中", "国", ".", ".", "."]
UNCASED = ["the", "cat", "sat", "cafe", "中", "国", ".", ".", "."]


def saved(path, pipeline=None, config=None, vocabulary=False, **options):
    """A folder with the tokenizer.json of a fast tokenizer, changed by `pipeline`."""
    (path / "vocab.txt").write_text("".join(word + "\n" for word in WORDS), encoding="utf-8")
    BertTokenizerFast(path / "vocab.txt", **options).save_pretrained(path, legacy_format=False)
    if not vocabulary:
        (path / "vocab.txt").unlink()
    content = json.loads((path / "tokenizer.json").read_text(encoding="utf-8"))
    for name, value in (pipeline or {}).items():
        content[name] = {**content[name], **value} if isinstance(value, dict) and "type" not in value else value
    (path / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    special = {f"{name}_token": f"[{name.upper()}]" for name in ("unk", "sep", "pad", "cls", "mask")}
    config = {"tokenizer_class": "PreTrainedTokenizerFast", **special} if config is None else config
    (path / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return path


@pytest.fixture
def silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("kind", [AutoTokenizer, BertTokenizer, BertTokenizerFast])
@pytest.mark.parametrize("vocabulary", [False, True])
def test_tokenizer_json_says_whether_to_lowercase(tmp_path, kind, vocabulary, silent):
    folder = saved(tmp_path, do_lower_case=False, vocabulary=vocabulary)
    assert kind.from_pretrained(folder).tokenize(TEXT) == CASED
    assert kind.from_pretrained(folder).do_lower_case is False
    assert kind.from_pretrained(folder, do_lower_case=True).tokenize(TEXT) == UNCASED


@pytest.mark.parametrize("kind", [AutoTokenizer, BertTokenizer, BertTokenizerFast])
def test_tokenizer_config_goes_before_tokenizer_json(tmp_path, kind, silent):
    folder = saved(tmp_path, do_lower_case=False, config={"do_lower_case": True})
    assert kind.from_pretrained(folder).tokenize(TEXT) == UNCASED


@pytest.mark.parametrize("kind", [AutoTokenizer, BertTokenizer, BertTokenizerFast])
def test_accents_and_chinese_characters_are_as_tokenizer_json_says(tmp_path, kind, silent):
    (tmp_path / "accents").mkdir()
    (tmp_path / "chinese").mkdir()
    accents = kind.from_pretrained(saved(tmp_path / "accents", strip_accents=False))
    assert accents.tokenize("The café") == ["the", "café"]
    chinese = kind.from_pretrained(saved(tmp_path / "chinese", tokenize_chinese_chars=False))
    assert chinese.tokenize("中国 中") == ["[UNK]", "中"]


def test_a_file_of_its_own_says_the_same(tmp_path, silent):
    path = saved(tmp_path, do_lower_case=False) / "tokenizer.json"
    assert BertTokenizerFast(tokenizer_file=path).tokenize(TEXT) == CASED
    assert BertTokenizerFast(tokenizer_file=path, do_lower_case=True).tokenize(TEXT) == UNCASED
    for kind in (BertTokenizer, BertTokenizerFast):
        assert kind.from_pretrained(path).tokenize(TEXT) == CASED
    object_of_library = BertTokenizerFast(tokenizer_file=path).backend_tokenizer
    assert BertTokenizerFast(tokenizer_object=object_of_library).tokenize(TEXT) == CASED


STEPS = {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "Lowercase"}, {"type": "StripAccents"}]}
PIPELINES = {
    "whitespace": ({"pre_tokenizer": {"type": "Whitespace"}}, "its pre-tokenizer is Whitespace"),
    "blanks": ({"pre_tokenizer": {"type": "WhitespaceSplit"}}, "its pre-tokenizer is WhitespaceSplit"),
    "nothing": ({"normalizer": None}, "its normalizer is missing"),
    "a sequence": ({"normalizer": STEPS}, "its normalizer is a sequence of NFD, Lowercase, StripAccents"),
}


@pytest.mark.parametrize(("pipeline", "said"), PIPELINES.values(), ids=PIPELINES)
def test_the_readable_tokenizer_refuses_a_pipeline_that_it_cannot_follow(tmp_path, pipeline, said):
    folder = saved(tmp_path, pipeline)
    fast = BertTokenizerFast.from_pretrained(folder)
    with pytest.raises(ValueError, match=f"{said}.* other pieces"):
        fast.readable()
    for load in (BertTokenizer.from_pretrained, lambda place: AutoTokenizer.from_pretrained(place, use_fast=False)):
        with pytest.raises(ValueError, match=f"tokenizer.json.*{said}.*use BertTokenizerFast"):
            load(folder)
    with pytest.warns(UserWarning, match=f"do_lower_case has no effect with .*{said}"):
        BertTokenizerFast.from_pretrained(folder, do_lower_case=False)


@pytest.mark.parametrize(("pipeline", "said"), PIPELINES.values(), ids=PIPELINES)
def test_a_vocabulary_beside_such_a_pipeline_is_read_with_a_warning(tmp_path, pipeline, said):
    with pytest.warns(UserWarning, match=said):
        BertTokenizer.from_pretrained(saved(tmp_path, pipeline, vocabulary=True))


@pytest.mark.parametrize(("pipeline", "said"), PIPELINES.values(), ids=PIPELINES)
def test_such_a_pipeline_comes_back_from_a_folder(tmp_path, pipeline, said, silent):
    (tmp_path / "first").mkdir()
    fast = BertTokenizerFast.from_pretrained(saved(tmp_path / "first", pipeline))
    files = fast.save_pretrained(tmp_path / "again")
    assert not any(name.endswith("vocab.txt") for name in files)
    config = json.loads((tmp_path / "again" / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert config["tokenizer_class"] == "PreTrainedTokenizerFast" and "do_lower_case" not in config
    assert BertTokenizerFast.from_pretrained(tmp_path / "again").tokenize(TEXT) == fast.tokenize(TEXT)
    with pytest.raises(ValueError, match="vocab.txt cannot say how"):
        fast.save_pretrained(tmp_path / "legacy", legacy_format=True)


def test_a_sequence_of_one_is_that_one(tmp_path, silent):
    one = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "lowercase": False}
    pipeline = {
        "normalizer": {"type": "Sequence", "normalizers": [{**one, "strip_accents": None}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "BertPreTokenizer"}]},
    }
    fast = BertTokenizerFast.from_pretrained(saved(tmp_path, pipeline))
    assert fast.tokenize(TEXT) == fast.readable().tokenize(TEXT) == CASED


def test_the_longest_word_is_as_tokenizer_json_says(tmp_path, silent):
    folder = saved(tmp_path, {"model": {"max_input_chars_per_word": 3}})
    fast, readable = BertTokenizerFast.from_pretrained(folder), BertTokenizer.from_pretrained(folder)
    wanted = ["the", "[UNK]", "cat"]
    for tokenizer in (fast, readable, fast.readable()):
        assert tokenizer.tokenize("the cats cat") == wanted
    readable.save_pretrained(tmp_path / "again")
    for kind in (BertTokenizer, BertTokenizerFast):
        assert kind.from_pretrained(tmp_path / "again").tokenize("the cats cat") == wanted


CLASSES = ["BertJapaneseTokenizer", "BertweetTokenizer", "RobertaTokenizerFast", "XLNetTokenizer", "CamembertTokenizer"]


def with_vocabulary(path, tokenizer_config=None, config=None):
    (path / "vocab.txt").write_text("".join(word + "\n" for word in WORDS), encoding="utf-8")
    for name, content in (("tokenizer_config.json", tokenizer_config), ("config.json", config)):
        if content is not None:
            (path / name).write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("kind", [AutoTokenizer, BertTokenizer, BertTokenizerFast])
def test_a_class_that_cuts_otherwise_is_warned_of_and_keeps_the_case(tmp_path, name, kind):
    with pytest.warns(UserWarning, match=f"names the tokenizer class {name}"):
        tokenizer = kind.from_pretrained(with_vocabulary(tmp_path, {"tokenizer_class": name}))
    assert tokenizer.tokenize("The cat") == ["The", "cat"]
    with pytest.warns(UserWarning, match=name):
        lowered = kind.from_pretrained(tmp_path, do_lower_case=True)
    assert lowered.tokenize("The cat") == ["the", "cat"]


def test_the_class_may_stand_in_the_model_s_config(tmp_path):
    folder = with_vocabulary(tmp_path, {"do_lower_case": True}, {"tokenizer_class": "BertJapaneseTokenizer"})
    with pytest.warns(UserWarning, match="BertJapaneseTokenizer"):
        AutoTokenizer.from_pretrained(folder)
    (folder / "config.json").rename(folder / "bert_config.json")
    with pytest.warns(UserWarning, match="BertJapaneseTokenizer"):
        AutoTokenizer.from_pretrained(folder)


@pytest.mark.parametrize(
    "name", ["BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer", "ElectraTokenizerFast", None, 5]
)
def test_classes_that_cut_as_bert_does_are_nothing_to_speak_of(tmp_path, name, silent):
    config = {"tokenizer_class": name, "do_lower_case": True}
    assert AutoTokenizer.from_pretrained(with_vocabulary(tmp_path, config)).tokenize("The") == ["the"]


def test_code_that_a_folder_brings_is_not_run_and_spoken_of(tmp_path):
    config = {"auto_map": {"AutoTokenizer": ["tokenization_mine.MyTokenizer", None]}, "do_lower_case": True}
    with pytest.warns(UserWarning, match="never run here"):
        AutoTokenizer.from_pretrained(with_vocabulary(tmp_path, config))


def test_a_cased_vocabulary_of_which_nobody_says_so_is_warned_of(tmp_path):
    with pytest.warns(UserWarning, match="2 of the 12 tokens .* pass do_lower_case=False"):
        tokenizer = AutoTokenizer.from_pretrained(with_vocabulary(tmp_path))
    assert tokenizer.tokenize("The") == ["the"]  # as in transformers


@pytest.mark.parametrize(
    "config",
    [{"do_lower_case": "false"}, {"strip_accents": 3}, {"model_max_length": "512"}, {"model_max_length": 0}],
    ids=str,
)
def test_values_that_would_be_misread_are_refused(tmp_path, config):
    with pytest.raises(ValueError, match=f"tokenizer_config.json.*{next(iter(config))}"):
        AutoTokenizer.from_pretrained(with_vocabulary(tmp_path, config))


def test_null_is_the_same_as_saying_nothing(tmp_path, silent):
    (tmp_path / "tokenizer.json").write_text("{}")
    folder = saved(tmp_path, config={"do_lower_case": None, "model_max_length": None, "tokenize_chinese_chars": None})
    assert AutoTokenizer.from_pretrained(folder).tokenize(TEXT) == UNCASED


def test_special_tokens_that_a_trained_tokenizer_lacks_are_none(tmp_path, silent):
    words = [word for word in WORDS if word != "[MASK]"]
    (tmp_path / "vocab.txt").write_text("".join(word + "\n" for word in words), encoding="utf-8")
    BertTokenizerFast(tmp_path / "vocab.txt", mask_token=None).save_pretrained(tmp_path, legacy_format=False)
    (tmp_path / "vocab.txt").unlink()
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert tokenizer.mask_token is None and tokenizer.mask_token_id is None
    assert tokenizer.cls_token == "[CLS]" and len(tokenizer) == len(words)


@pytest.mark.parametrize("kind", [BertTokenizer, BertTokenizerFast])
def test_special_tokens_are_read_in_every_spelling(tmp_path, kind, silent):
    token = {"content": "<m>", "lstrip": True, "normalized": False, "rstrip": False, "single_word": False}
    for spelling in ("<m>", token, {**token, "__type": "AddedToken"}):
        folder = with_vocabulary(tmp_path, {"do_lower_case": True})
        special = {
            "mask_token": spelling,
            "additional_special_tokens": ["<a>", {**token, "content": "<b>", "lstrip": False}],
        }
        (folder / "special_tokens_map.json").write_text(json.dumps({**special, "bos_token": None}))
        tokenizer = kind.from_pretrained(folder)
        assert tokenizer.mask_token == "<m>" and tokenizer.additional_special_tokens == ["<a>", "<b>"]
        assert [token.strip() for token in tokenizer.tokenize("the <b> <m>")] == ["the", "<b>", "<m>"]


def test_the_halves_of_the_readable_tokenizer(silent):
    tokenizer = BertTokenizer({word: number for number, word in enumerate(WORDS)}, never_split=["a.b"])
    assert tokenizer.basic_tokenizer.tokenize(" The\tCAFÉ中国. [MASK]a.b x\u0000y a.b") == [
        "the", "cafe", "中", "国", ".", "[", "mask", "]", "a", ".", "b", "xy", "a.b",
    ]  # fmt: skip
    assert tokenizer.basic_tokenizer.tokenize("The [MASK]") == ["the", "[MASK]"]
    assert tokenizer.basic_tokenizer.tokenize("THE Dr. Who", never_split=["Dr."]) == ["the", "Dr.", "who"]
    assert tokenizer.basic_tokenizer.do_lower_case and "a.b" in tokenizer.basic_tokenizer.never_split
    assert tokenizer.wordpiece_tokenizer.tokenize("the cats dog") == ["the", "cat", "##s", "[UNK]"]
    assert tokenizer.wordpiece_tokenizer.unk_token == "[UNK]"
    assert tokenizer.wordpiece_tokenizer.max_input_chars_per_word == 100
    assert not hasattr(BertTokenizer(tokenizer.vocab, do_basic_tokenize=False), "basic_tokenizer")
    with pytest.raises(AttributeError):
        tokenizer.wordpiece_tokenizer.max_input_chars_per_word = 3


def test_a_lab_of_such_a_folder_keeps_the_case(tmp_path, silent):
    config = bertlab.BertConfig(vocab_size=len(WORDS), hidden_size=12, num_hidden_layers=1, num_attention_heads=2,
                                intermediate_size=8, max_position_embeddings=24)  # fmt: skip
    bertlab.BertForPreTraining(config).save_pretrained(tmp_path)
    assert bertlab.load(saved(tmp_path, do_lower_case=False)).tokenizer.tokenize(TEXT) == CASED
