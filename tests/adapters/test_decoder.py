"""An encoder and a decoder: what they share, what they write, and what a folder keeps of them."""

import pytest
import torch
from model_cases import assert_same

from bertlab.adapters import EncoderDecoder, is_decoder_folder, sequence_batch, sequence_feature
from bertlab.model import BertForPreTraining
from bertlab.nano import reversal
from bertlab.training import sequence_accuracy

from training_cases import tiny_config, tiny_tokenizer  # isort: skip


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return tiny_tokenizer(tmp_path_factory.mktemp("vocabulary"))


@pytest.fixture
def encoder(tokenizer):
    torch.manual_seed(0)
    return BertForPreTraining(tiny_config(tokenizer)).bert.eval()


@pytest.fixture
def model(encoder):
    torch.manual_seed(1)
    return EncoderDecoder.with_small_decoder(encoder).eval()


def batch_of(tokenizer, *pairs):
    features = []
    for source, target in pairs:
        ids = tokenizer([source, target], add_special_tokens=False)["input_ids"]
        features.append(sequence_feature(*ids, tokenizer))
    return sequence_batch(features, tokenizer)


def test_a_small_decoder_shares_the_word_embeddings_of_the_encoder_it_looks_at(model, encoder):
    shared = encoder.get_input_embeddings().weight
    assert model.decoder.get_input_embeddings().weight is shared
    assert model.decoder.cls.predictions.decoder.weight is shared
    assert model.base_model is encoder and model.decoder.config.num_hidden_layers == 2


def test_a_decoder_of_its_own_shares_nothing(tokenizer):
    model = EncoderDecoder(tiny_config(tokenizer))
    encoder = {id(parameter) for parameter in model.encoder.parameters()}
    assert encoder.isdisjoint(id(parameter) for parameter in model.decoder.parameters())


def test_the_target_is_shifted_by_one_and_padding_is_not_asked_for(tokenizer):
    batch = batch_of(tokenizer, ("was the film", "the film was good ."), ("it", "it ."))
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    assert batch["decoder_input_ids"][:, 0].tolist() == [cls, cls]
    assert batch["labels"][0].tolist() == [*batch["decoder_input_ids"][0, 1:].tolist(), sep]
    assert batch["labels"][1, 2:].tolist() == [sep, -100, -100, -100]
    assert batch["attention_mask"].sum(1).tolist() == [5, 3]


def test_writing_step_by_step_agrees_with_one_pass_over_what_was_written(model, tokenizer):
    source = batch_of(tokenizer, ("the film was very good", "it"), ("it was", "it"))
    written = model.write(source["input_ids"], source["attention_mask"], tokenizer, longest=6)
    for row in range(2):  # the padded row too
        ids = source["input_ids"][row, : int(source["attention_mask"][row].sum())][None]
        start = torch.tensor([[tokenizer.cls_token_id]])
        output = model(ids, torch.ones_like(ids), torch.cat([start, written[row : row + 1, :-1]], dim=1))
        best = output.logits[0].argmax(-1)
        for place, token in enumerate(written[row].tolist()):
            assert token == best[place]
            if token == tokenizer.sep_token_id:
                break


def test_cross_attention_covers_every_source_token_and_sums_to_one(model, tokenizer):
    batch = batch_of(tokenizer, ("was film the good", "the film was good ."))
    weights = model.cross_attention(batch["input_ids"], batch["decoder_input_ids"])
    assert weights.shape == (2, 4, 6, 6)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 4, 6))


def test_accuracy_counts_whole_targets_and_single_tokens():
    nano = reversal(seed=0, pairs=200)
    figures = nano.measure()
    assert figures["accuracy"] == 0.0 and 0 <= figures["letters"] < 20


def test_a_model_that_writes_what_it_writes_is_right_about_itself(model, tokenizer):
    source = batch_of(tokenizer, ("the film was good", "it"))
    written = model.write(source["input_ids"], source["attention_mask"], tokenizer, longest=4)[0].tolist()
    target = written[: written.index(tokenizer.sep_token_id)] if tokenizer.sep_token_id in written else written
    feature = sequence_feature(source["input_ids"][0, 1:-1].tolist(), target, tokenizer)
    feature["labels"] = feature["labels"][: len(written)]
    feature["decoder_input_ids"] = feature["decoder_input_ids"][: len(written)]
    figures = sequence_accuracy(model, tokenizer, sequence_batch([feature], tokenizer))
    assert figures["accuracy"] == 100.0 and figures["tokens"] == 100.0


def test_a_folder_holds_the_decoder_alone_and_gives_it_back_on_its_encoder(model, encoder, tokenizer, tmp_path):
    with torch.no_grad():
        for parameter in model.decoder.parameters():
            parameter.copy_(parameter.half().float())
    folder = model.save_decoder(tmp_path / "seq2seq", task="seq2seq", base="tiny")
    assert is_decoder_folder(folder) and not is_decoder_folder(tmp_path)
    words = encoder.get_input_embeddings().weight.numel()
    own = sum(p.numel() for p in model.decoder.parameters()) - words
    assert (folder / "decoder.safetensors").stat().st_size < 2 * own + 8000
    again = EncoderDecoder.load_decoder(folder, encoder)
    batch = batch_of(tokenizer, ("was film the good", "the film was good ."))
    given = {name: value for name, value in batch.items() if name not in ("labels", "token_type_ids")}
    with torch.no_grad():
        assert_same(again(**given).logits, model(**given).logits)


def test_a_decoder_refuses_an_encoder_that_it_was_not_trained_with(model, encoder, tmp_path):
    folder = model.save_decoder(tmp_path, task="seq2seq", base="tiny")
    with torch.no_grad():
        encoder.encoder.layer[0].output.dense.weight.mul_(1.5)
    with pytest.raises(ValueError, match="trained on other weights .* give the encoder of 'tiny'"):
        EncoderDecoder.load_decoder(folder, encoder)


def test_broken_files_are_named(model, encoder, tmp_path):
    folder = model.save_decoder(tmp_path, task="seq2seq", base="tiny")
    (folder / "decoder.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="decoder.safetensors cannot be read"):
        EncoderDecoder.load_decoder(folder, encoder)


def test_a_decoder_with_embeddings_of_its_own_is_not_saved_as_one_that_shares(tokenizer, tmp_path):
    with pytest.raises(ValueError, match="word embeddings of its own"):
        EncoderDecoder(tiny_config(tokenizer)).save_decoder(tmp_path, task="seq2seq", base="tiny")
