"""Small vocabularies that the normal tokenizer reads."""

import pytest

from bertlab.nano.grammar import agreement_sentences, agreement_vocabulary
from bertlab.nano.texts import written_texts
from bertlab.nano.vocabulary import SPECIAL_TOKENS, wordpiece_vocabulary, write_vocabulary
from bertlab.tokenizer import WordPiece


def wordpiece(vocabulary):
    tokens = {piece: number for number, piece in enumerate(vocabulary)}
    return WordPiece(tokens, special_tokens=SPECIAL_TOKENS, never_split=SPECIAL_TOKENS)


def test_a_vocabulary_orders_words_by_frequency_and_splits_as_the_tokenizer_does():
    vocabulary = wordpiece_vocabulary(["The cat, the CAFÉ!", "the cat sat."], characters=False)
    assert vocabulary == [*SPECIAL_TOKENS, "the", "cat", "!", ",", ".", "cafe", "sat"]


def test_a_vocabulary_with_characters_leaves_no_word_of_its_texts_unknown():
    texts = written_texts("dev")
    vocabulary = wordpiece_vocabulary(texts, size=400)
    assert len(vocabulary) == len(set(vocabulary)) == 400
    tokenizer = wordpiece(vocabulary)
    tokens = [token for text in texts for token in tokenizer.trace(text).tokens]
    assert "[UNK]" not in tokens
    assert any(token.startswith("##") for token in tokens)


def test_a_whole_vocabulary_keeps_every_word_in_one_piece():
    texts = written_texts("dev")[:20]
    tokenizer = wordpiece(wordpiece_vocabulary(texts))
    tokens = [token for text in texts for token in tokenizer.trace(text).tokens]
    assert not [token for token in tokens if token.startswith("##") or token == "[UNK]"]


def test_a_vocabulary_too_small_for_its_characters_is_refused():
    with pytest.raises(ValueError, match="size is 6.*11 pieces"):
        wordpiece_vocabulary(["abc"], size=6)


def test_a_written_vocabulary_is_one_piece_a_line_and_the_tokenizer_reads_it(tmp_path):
    path = write_vocabulary(agreement_vocabulary(), tmp_path / "nano")
    assert path.read_text(encoding="utf-8").splitlines() == agreement_vocabulary()
    tokenization = pytest.importorskip("bertlab.tokenizer")
    sentence = agreement_sentences(1, seed=0)[0]
    for kind in (tokenization.BertTokenizer, tokenization.BertTokenizerFast):
        tokenizer = kind(str(path))
        ids = tokenizer(sentence.masked_text)["input_ids"]
        assert ids[sentence.verb + 1] == tokenizer.mask_token_id  # [CLS] comes before
        assert tokenizer.unk_token_id not in ids


@pytest.mark.parametrize("pieces", [["a", "a"], ["a", ""], ["a b"], ["a\n"]])
def test_a_vocabulary_that_a_file_cannot_hold_is_refused(pieces, tmp_path):
    with pytest.raises(ValueError, match="a line of its own"):
        write_vocabulary(pieces, tmp_path)
