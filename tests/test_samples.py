"""The sample sets: every row is well formed, and dev is neither unbalanced nor half seen in train."""

import re
from collections import Counter
from importlib.resources import files

import pytest

from bertlab.samples import SETS, samples

MINIMUM_ROWS = {
    "sentiment": 300, "topics": 300, "entities": 300, "questions": 150, "choices": 150, "pairs": 300,
    "similarity": 200, "minimal_pairs": 200, "cloze": 150,
}  # fmt: skip
COLUMNS = {name: set(re.findall(r"\w+", description.partition(":")[0])) for name, description in SETS.items()}


def text_of(row: dict) -> str:
    """All that a model reads of a row."""
    read = ("text", "text_a", "text_b", "question", "context", "prompt", "good")
    return " ".join([row[name] for name in read if name in row] + row.get("tokens", []))


def words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower()))


def test_there_is_a_set_for_every_task():
    assert set(SETS) == set(MINIMUM_ROWS)


@pytest.mark.parametrize("task", SETS)
def test_a_set_has_some_hundreds_of_rows_with_its_columns(task):
    rows = samples(task)
    assert len(rows) >= MINIMUM_ROWS[task]
    for row in rows:
        assert COLUMNS[task] <= set(row) <= COLUMNS[task] | {"split", "title"}
        assert text_of(row).strip() == text_of(row) != ""


@pytest.mark.parametrize("task", SETS)
def test_the_splits_are_train_then_dev_and_can_be_had_alone(task):
    train, dev = samples(task, "train"), samples(task, "dev")
    assert {row["split"] for row in train} == {"train"}
    assert {row["split"] for row in dev} == {"dev"}
    assert samples(task) == train + dev
    assert 0.2 <= len(dev) / len(train + dev) <= 0.4


@pytest.mark.parametrize("task", SETS)
def test_no_row_occurs_twice(task):
    rows = [text_of(row) + str(row.get("choices", "")) for row in samples(task)]
    assert len(set(rows)) == len(rows)


@pytest.mark.parametrize("task", SETS)
def test_no_dev_row_is_a_near_duplicate_of_a_train_row(task):
    train = [words(text_of(row)) for row in samples(task, "train")]
    for row in samples(task, "dev"):
        seen = words(text_of(row))
        closest = max(len(seen & other) / len(seen | other) for other in train)
        assert closest < 0.6, row


@pytest.mark.parametrize("task, column", [("questions", "context"), ("pairs", "text_a"), ("similarity", "text_a")])
def test_rows_on_one_text_stay_in_one_split(task, column):
    train = {row[column] for row in samples(task, "train")}
    assert not train & {row[column] for row in samples(task, "dev")}


@pytest.mark.parametrize("task", ["sentiment", "topics", "pairs", "choices"])
def test_labels_are_balanced_in_both_splits(task):
    for split in ("train", "dev"):
        counts = Counter(row["label"] for row in samples(task, split))
        assert set(counts) == {row["label"] for row in samples(task)}
        assert max(counts.values()) == min(counts.values())


@pytest.mark.parametrize("task", ["sentiment", "topics", "pairs"])
def test_labels_are_mixed_so_that_a_prefix_of_the_set_can_be_learnt_from(task):
    labels = {row["label"] for row in samples(task)}
    assert {row["label"] for row in samples(task)[:40]} == labels


def test_every_answer_stands_at_its_offset_as_whole_words():
    for row in samples("questions"):
        context, answers = row["context"], row["answers"]
        assert len(answers["text"]) == len(answers["answer_start"]) <= 1
        for text, start in zip(answers["text"], answers["answer_start"], strict=True):
            end = start + len(text)
            assert context[start:end] == text
            around = context[max(start - 1, 0) : start] + context[end : end + 1]
            assert not re.search(r"\w", around), row["question"]


def test_questions_stand_on_many_passages_and_some_have_no_answer():
    rows = samples("questions")
    assert len({row["context"] for row in rows}) >= 40
    for split in ("train", "dev"):
        share = sum(not row["answers"]["text"] for row in samples("questions", split)) / len(
            samples("questions", split)
        )
        assert 0.15 < share < 0.3


def test_every_inside_tag_continues_an_entity_of_its_kind():
    for row in samples("entities"):
        assert len(row["tokens"]) == len(row["tags"])
        previous = "O"
        for tag in row["tags"]:
            assert re.fullmatch(r"O|[BI]-(PER|LOC|ORG)", tag)
            if tag.startswith("I-"):
                assert previous[2:] == tag[2:], row
            previous = tag


def test_both_splits_hold_every_kind_of_entity_and_sentences_without_one():
    for split in ("train", "dev"):
        kinds = Counter(tag for row in samples("entities", split) for tag in row["tags"] if tag[0] == "B")
        assert set(kinds) == {"B-PER", "B-LOC", "B-ORG"}
        assert min(kinds.values()) > max(kinds.values()) / 2
        assert any(set(row["tags"]) == {"O"} for row in samples("entities", split))


def test_every_choice_has_four_different_endings_and_one_label():
    for row in samples("choices"):
        assert len(set(row["choices"])) == 4
        assert row["label"] in range(4)


def test_the_right_choice_is_not_told_by_its_length():
    rows = samples("choices")
    longest = sum(len(row["choices"][row["label"]]) == max(map(len, row["choices"])) for row in rows)
    shortest = sum(len(row["choices"][row["label"]]) == min(map(len, row["choices"])) for row in rows)
    assert longest / len(rows) < 0.45 and shortest / len(rows) < 0.45


def test_every_premise_has_one_hypothesis_of_each_kind():
    kinds: dict[str, list[str]] = {}
    for row in samples("pairs"):
        kinds.setdefault(row["text_a"], []).append(row["label"])
    assert {tuple(sorted(labels)) for labels in kinds.values()} == {("contradiction", "entailment", "neutral")}


def test_similarity_scores_use_the_whole_scale():
    for split in ("train", "dev"):
        scores = [row["score"] for row in samples("similarity", split)]
        assert min(scores) == 0 and max(scores) == 5
        assert any(1 < score < 2 for score in scores) and any(3 < score < 4 for score in scores)


def test_minimal_pairs_differ_in_one_place():
    for row in samples("minimal_pairs"):
        good, bad = row["good"].split(), row["bad"].split()
        start = 0
        while start < min(len(good), len(bad)) and good[start] == bad[start]:
            start += 1
        end = 0
        while end < min(len(good), len(bad)) - start and good[-1 - end] == bad[-1 - end]:
            end += 1
        assert good != bad
        assert max(len(good), len(bad)) - start - end <= 4, row


def test_every_phenomenon_of_the_minimal_pairs_has_a_dozen():
    assert min(Counter(row["phenomenon"] for row in samples("minimal_pairs")).values()) >= 10


def test_every_cloze_text_has_one_mask_and_answers_of_one_piece():
    vocabulary = files("bertlab") / "shipped" / "bertlab-mini" / "vocab.txt"
    if not vocabulary.is_file():
        pytest.skip("the shipped vocabulary is not there")
    pieces = set(vocabulary.read_text(encoding="utf-8").splitlines())
    for row in samples("cloze"):
        assert row["text"].count("[MASK]") == 1
        assert row["answers"] and set(row["answers"]) <= pieces, row


def test_rows_are_new_each_time_so_that_a_caller_may_change_them():
    samples("sentiment")[0]["label"] = "changed"
    assert samples("sentiment")[0]["label"] != "changed"


def test_an_unknown_set_is_answered_with_the_names_of_the_sets():
    with pytest.raises(LookupError, match="no sample set 'sentimental'.*sentiment, topics"):
        samples("sentimental")


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="'train', 'dev'"):
        samples("sentiment", "test")


def test_the_readme_counts_the_rows():
    readme = (files("bertlab.samples") / "README.md").read_text(encoding="utf-8")
    for task in SETS:
        counted = f"| {task} | {len(samples(task))} | {len(samples(task, 'dev'))} |"
        assert counted in readme


def words_only_accuracy(task: str, texts_of) -> float:
    """Dev accuracy of logistic regression on tf-idf of words and word pairs, trained on train."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    train, dev = samples(task, "train"), samples(task, "dev")
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10, max_iter=2000)
    )
    model.fit([texts_of(row) for row in train], [row["label"] for row in train])
    return model.score([texts_of(row) for row in dev], [row["label"] for row in dev])


@pytest.mark.parametrize(
    "task, column, percent", [("sentiment", "text", 49), ("topics", "text", 19), ("pairs", "text_b", 67)]
)
def test_what_counting_words_gets_is_what_the_readme_says(task, column, percent):
    pytest.importorskip("sklearn")
    accuracy = words_only_accuracy(task, lambda row: row[column])
    assert 100 * accuracy == pytest.approx(percent, abs=4)
    readme = (files("bertlab.samples") / "README.md").read_text(encoding="utf-8")
    assert f"{percent} %" in readme
