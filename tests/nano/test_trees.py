"""The dependencies of the agreement grammar: what is stated by its rules, and text that the reader of trees takes."""

import pytest

from bertlab.analysis.dependencies import read_dependencies
from bertlab.nano.grammar import AgreementSentence, agreement_sentences
from bertlab.nano.trees import conllu, governors


def test_each_word_goes_to_the_noun_or_verb_that_governs_it():
    words = ("near", "the", "old", "cat", ",", "the", "dog", "that", "the", "boys", "saw", "sleeps", "today", ".")
    sentence = AgreementSentence(words, 6, 11, "sleep", 1)
    assert governors(sentence) == [
        (3, "case"), (3, "det"), (3, "amod"), (-1, "root"), (-1, "root"), (6, "det"), (11, "nsubj"), (-1, "root"),
        (9, "det"), (-1, "root"), (-1, "root"), (-1, "root"), (-1, "root"), (11, "punct"),
    ]  # fmt: skip


@pytest.mark.parametrize("count", [0, 1, 37])
def test_the_treebank_is_read_back_as_it_was_written(count):
    sentences = agreement_sentences(count, seed=4)
    text = conllu(sentences)
    read = list(read_dependencies(text)) if text else []
    assert [tuple(found.words) for found in read] == [sentence.words for sentence in sentences]
    for found, sentence in zip(read, sentences):
        assert list(zip(found.governors, found.relations)) == governors(sentence)


def test_a_subject_has_one_verb_and_every_article_a_noun():
    for sentence in agreement_sentences(50, seed=9):
        relations = governors(sentence)
        assert [relation for relation in relations if relation[1] == "nsubj"] == [(sentence.verb, "nsubj")]
        for word, (governor, name) in zip(sentence.words, relations):
            assert name != "det" or (word == "the" and governor >= 0)
