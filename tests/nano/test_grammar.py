"""The agreement grammar: only the subject tells the form of the verb."""

from collections import Counter

import pytest

from bertlab.nano.grammar import MOST_ATTRACTORS, agreement_baselines, agreement_sentences, agreement_vocabulary
from bertlab.nano.settings import NANO_CONFIG
from bertlab.nano.vocabulary import SPECIAL_TOKENS
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
