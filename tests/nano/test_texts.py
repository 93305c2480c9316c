"""Data for nano models: the grammar gives nothing away but the subject, and everything follows from the seed."""

import math
from collections import Counter

import pytest
import torch

from bertlab.nano.texts import (
    MOST_ATTRACTORS,
    NANO_CONFIG,
    SPECIAL_TOKENS,
    ReversalPair,
    agreement_baselines,
    agreement_sentences,
    agreement_vocabulary,
    reversal_pairs,
    reversal_vocabulary,
    unigram_entropy,
    wordpiece_vocabulary,
    write_vocabulary,
    written_texts,
)
from bertlab.samples import samples
from bertlab.tokenizer import WordPiece


def wordpiece(vocabulary):
    tokens = {piece: number for number, piece in enumerate(vocabulary)}
    return WordPiece(tokens, special_tokens=SPECIAL_TOKENS, never_split=SPECIAL_TOKENS)


@pytest.fixture(scope="module")
def sentences():
    return agreement_sentences(4000, seed=3)


def test_the_same_seed_gives_the_same_sentences_and_another_seed_others():
    assert agreement_sentences(50, seed=1) == agreement_sentences(50, seed=1)
    assert agreement_sentences(50, seed=1) != agreement_sentences(50, seed=2)


def test_a_longer_draw_begins_with_the_shorter_one():
    assert agreement_sentences(80, seed=5)[:30] == agreement_sentences(30, seed=5)


def test_sentences_differ_from_each_other_and_from_excluded_ones(sentences):
    assert len({sentence.text for sentence in sentences}) == len(sentences)
    again = agreement_sentences(4000, seed=3, exclude=sentences)
    assert not {sentence.text for sentence in again} & {sentence.text for sentence in sentences}


def test_the_verb_agrees_with_the_subject_and_the_wrong_one_does_not(sentences):
    for sentence in sentences[:500]:
        noun, verb = sentence.words[sentence.subject], sentence.words[sentence.verb]
        assert sentence.is_plural == noun.endswith("s")
        assert verb.endswith("s") != sentence.is_plural
        assert sentence.wrong_verb.endswith("s") == sentence.is_plural
        assert sentence.right_verb == verb
        assert sentence.wrong_verb.rstrip("s") == verb.rstrip("s")


def test_attractors_are_the_nouns_of_the_other_number_between_subject_and_verb(sentences):
    nouns = {"boy", "girl", "dog", "cat", "bird", "horse", "teacher", "doctor", "farmer", "sailor"}
    nouns |= {"singer", "baker"}
    for sentence in sentences[:500]:
        between = sentence.words[sentence.subject + 1 : sentence.verb]
        plural = [word.endswith("s") for word in between if word.removesuffix("s") in nouns]
        assert sentence.attractors == sum(number != sentence.is_plural for number in plural)


def test_masked_and_wrong_texts_change_the_verb_alone(sentences):
    for sentence in sentences[:50]:
        masked, wrong = sentence.masked_text.split(), sentence.wrong_text.split()
        assert masked[sentence.verb] == "[MASK]" and wrong[sentence.verb] == sentence.wrong_verb
        for other in (masked, wrong):
            differing = [i for i, (a, b) in enumerate(zip(sentence.words, other, strict=True)) if a != b]
            assert differing == [sentence.verb]


def test_the_position_of_subject_and_verb_is_no_cue(sentences):
    subjects = Counter(sentence.subject for sentence in sentences)
    verbs = Counter(sentence.verb for sentence in sentences)
    assert len(subjects) >= 10 and max(subjects.values()) < len(sentences) / 3
    assert len(verbs) >= 15 and max(verbs.values()) < len(sentences) / 5


def test_rules_without_grammar_fail(sentences):
    rules = agreement_baselines(sentences)
    assert rules["majority"] == pytest.approx(0.5, abs=0.03)
    assert rules["first noun"] == pytest.approx(0.71, abs=0.03)
    assert rules["nearest noun"] == pytest.approx(0.625, abs=0.03)


def test_no_single_word_besides_the_subject_tells_the_number(sentences):
    plural_with = Counter()
    seen = Counter()
    for sentence in sentences:
        rest = set(sentence.words) - {sentence.words[sentence.subject], sentence.words[sentence.verb]}
        seen.update(rest)
        if sentence.is_plural:
            plural_with.update(rest)
    for word, count in seen.items():
        assert plural_with[word] / count == pytest.approx(0.5, abs=0.08), word


def test_every_number_of_attractors_occurs_and_can_be_asked_for(sentences):
    assert {sentence.attractors for sentence in sentences} == set(range(MOST_ATTRACTORS + 1))
    for attractors in range(MOST_ATTRACTORS + 1):
        chosen = agreement_sentences(20, seed=0, attractors=attractors)
        assert {sentence.attractors for sentence in chosen} == {attractors}


def test_the_grammar_is_closed_under_its_vocabulary(sentences):
    vocabulary = agreement_vocabulary()
    assert vocabulary[: len(SPECIAL_TOKENS)] == list(SPECIAL_TOKENS)
    assert len(set(vocabulary)) == len(vocabulary)
    used = {word for sentence in sentences for word in (*sentence.words, sentence.wrong_verb)}
    assert used == set(vocabulary) - set(SPECIAL_TOKENS)


def test_every_word_of_the_grammar_is_one_token_so_positions_are_token_positions(sentences):
    tokenizer = wordpiece(agreement_vocabulary())
    for sentence in sentences[:100]:
        tokens = tokenizer.trace(sentence.text).tokens
        assert tokens == list(sentence.words)
        masked = tokenizer.trace(sentence.masked_text).tokens
        assert masked[sentence.verb] == "[MASK]"


def test_the_nano_config_makes_a_tiny_model_with_room_for_every_sentence(sentences):
    config = pytest.importorskip("bertlab.model.config").BertConfig
    heads = pytest.importorskip("bertlab.model.heads")
    model = heads.BertForMaskedLM(config(vocab_size=len(agreement_vocabulary()), **NANO_CONFIG))
    assert 0.1e6 < sum(parameter.numel() for parameter in model.parameters()) < 0.2e6
    assert max(len(sentence.words) for sentence in sentences) + 2 <= NANO_CONFIG["max_position_embeddings"]


def test_impossible_requests_for_sentences_are_refused():
    with pytest.raises(ValueError, match="attractors is 4.*0 to 3"):
        agreement_sentences(1, seed=0, attractors=4)
    with pytest.raises(ValueError, match="n is -1"):
        agreement_sentences(-1, seed=0)
    with pytest.raises(ValueError, match="one or more"):
        agreement_baselines([])


def test_reversal_pairs_are_sequences_and_the_same_backwards():
    for pair in reversal_pairs(200, seed=4, min_length=2, max_length=5, letters=7):
        assert 2 <= len(pair.source) <= 5
        assert pair.target == tuple(reversed(pair.source))
        assert set(pair.source) <= set("abcdefg")
        assert pair.source_text.split() == pair.target_text.split()[::-1]


def test_reversal_pairs_differ_follow_from_the_seed_and_leave_out_excluded_ones():
    train = reversal_pairs(300, seed=1, max_length=6)
    test = reversal_pairs(300, seed=1, max_length=6, exclude=train)
    assert train == reversal_pairs(300, seed=1, max_length=6)
    assert len({pair.source for pair in train + test}) == 600


def test_reversal_pairs_have_all_lengths_and_letters():
    pairs = reversal_pairs(1000, seed=0)
    lengths = Counter(len(pair.source) for pair in pairs)
    assert set(lengths) == {4, 5, 6, 7, 8} and min(lengths.values()) > 140
    assert {letter for pair in pairs for letter in pair.source} == set(reversal_vocabulary()[5:])


@pytest.mark.parametrize("options", [{"n": -1}, {"min_length": 0}, {"min_length": 9}, {"letters": 27}, {"letters": 0}])
def test_impossible_requests_for_pairs_are_refused(options):
    with pytest.raises(ValueError, match="must be|min_length"):
        reversal_pairs(**{"n": 3, "seed": 0, **options})


def test_more_pairs_than_there_are_is_an_error_rather_than_an_endless_search():
    with pytest.raises(ValueError, match="more than half of the 12 sequences"):
        reversal_pairs(7, seed=0, min_length=2, max_length=3, letters=2)
    seen = [ReversalPair(("a", "b")), ReversalPair(("b", "b"))]
    assert len(reversal_pairs(4, seed=0, min_length=2, max_length=3, letters=2, exclude=seen)) == 4


def test_written_texts_are_our_passages_and_sentences_each_once():
    train, dev = written_texts("train"), written_texts("dev")
    assert len(set(train)) == len(train)
    assert not set(train) & set(dev)
    assert set(written_texts()) == set(train) | set(dev)
    assert samples("questions")[0]["context"] == train[0]
    assert 17_000 < sum(len(text.split()) for text in written_texts()) < 18_000


def test_unigram_entropy_is_that_of_known_distributions():
    assert unigram_entropy([7, 7, 7]) == 0
    assert unigram_entropy(range(8)) == pytest.approx(math.log(8))
    assert unigram_entropy([1, 1, 2, 3]) == pytest.approx(1.5 * math.log(2))
    assert unigram_entropy("to be or not to be".split()) == pytest.approx(
        -(2 * (1 / 3) * math.log(1 / 3) + 2 * (1 / 6) * math.log(1 / 6))
    )


def test_unigram_entropy_reads_tensors_nested_lists_and_lists_of_tensors_alike():
    rows = [[5, 5, 2], [2, 9, 5]]
    expected = unigram_entropy([5, 5, 2, 2, 9, 5])
    assert unigram_entropy(rows) == expected
    assert unigram_entropy(torch.tensor(rows)) == expected
    assert unigram_entropy([torch.tensor(row) for row in rows]) == expected
    assert unigram_entropy(list(torch.tensor(rows).flatten())) == expected


def test_unigram_entropy_leaves_out_ignored_ids():
    assert unigram_entropy([0, 0, 0, 4, 5], ignore=[0]) == pytest.approx(math.log(2))
    with pytest.raises(ValueError, match="no ids to count"):
        unigram_entropy([0, 0], ignore=[0])


def test_no_unigram_model_beats_the_unigram_entropy():
    ids = torch.tensor([1, 1, 2, 3, 3, 3])
    for logits in torch.randn(50, 4, generator=torch.Generator().manual_seed(0)):
        loss = torch.nn.functional.cross_entropy(logits.expand(6, 4), ids).item()
        assert loss >= unigram_entropy(ids)


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
