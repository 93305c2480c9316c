"""BertTextModel: from texts to a model's outputs, saved and loaded as one folder."""

import pytest
import torch

from bertlab import BertConfig, BertForMultipleChoice, BertModel, BertTextModel, BertTokenizer
from bertlab.tokenizer import GraphTokenizer

PIECES = "[PAD] [UNK] [CLS] [SEP] [MASK] the cat sat on a mat dog ran . ##s mask [ ]".split()
CONFIG = BertConfig(
    vocab_size=len(PIECES), hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=20,
    max_position_embeddings=19,
)  # fmt: skip
TEXTS = ["The cat sat.", "a dog"]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    path.write_text("\n".join(PIECES), encoding="utf-8")
    return BertTokenizer(str(path))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    return BertModel(CONFIG).eval()


def test_texts_become_what_the_model_says_of_their_tokens(model, tokenizer):
    wanted = model(**tokenizer(TEXTS, ["a mat", "the"], padding=True, return_tensors="pt"))
    for text_model in (BertTextModel(model, tokenizer), BertTextModel(tokenizer=tokenizer, model=model)):
        found = text_model(TEXTS, ["a mat", "the"], output_hidden_states=True)
        assert torch.equal(found.last_hidden_state, wanted.last_hidden_state) and len(found.hidden_states) == 3
    one = BertTextModel(model, tokenizer)("The cat sat.")
    assert one.last_hidden_state.shape == (1, 6, 12)


def test_long_texts_are_cut_and_options_reach_the_tokenizer(model, tokenizer):
    assert BertTextModel(model, tokenizer, max_length=5)(["a cat sat on a mat"]).last_hidden_state.shape[1] == 5
    graph = GraphTokenizer(PIECES, True, max_length=6, padding="max_length")
    assert BertTextModel(model, graph)(["[MASK]"]).last_hidden_state.shape[1] == 6


def test_choices_come_as_lists_of_lists(tokenizer):
    text_model = BertTextModel(BertForMultipleChoice(CONFIG).eval(), tokenizer)
    assert text_model([TEXTS, TEXTS, TEXTS], [["a mat", "."]] * 3, labels=torch.tensor([0, 1, 1])).logits.shape == (
        3,
        2,
    )
    with pytest.raises(ValueError, match="different numbers of choices"):
        text_model([TEXTS, TEXTS[:1]])


@pytest.mark.parametrize("graph", [False, True])
def test_one_folder_holds_both(model, tokenizer, tmp_path, graph):
    cutter = GraphTokenizer(PIECES, True, max_length=5) if graph else tokenizer
    text_model = BertTextModel(model, cutter, **({} if graph else {"max_length": 5}))
    text_model.save_pretrained(tmp_path)
    twin = BertTextModel.from_pretrained(tmp_path)
    texts = ["The [MASK] sat on a mat.", "a dog"]
    assert torch.equal(twin(texts).last_hidden_state, text_model(texts).last_hidden_state)
    assert BertModel.from_pretrained(tmp_path).config.hidden_size == 12
    assert BertTextModel.from_pretrained(tmp_path, model_class=BertForMultipleChoice).model.classifier is not None


def test_it_is_not_traced_and_says_so(model, tokenizer):
    text_model = BertTextModel(model, tokenizer)
    with pytest.raises(TypeError, match="texts are wanted"):
        text_model(torch.ones(1, 2, dtype=torch.long))
    with pytest.raises(TypeError, match="texts are wanted|not traced"):
        torch.jit.trace(text_model, torch.ones(1, 2, dtype=torch.long))
    with pytest.raises(TypeError, match="made of a model and a tokenizer"):
        BertTextModel(model, 3)
