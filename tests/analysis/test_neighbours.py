"""The nearest contexts: against a loop over all tokens."""

import pytest
import torch
from analysis_cases import small_lab

from bertlab.analysis.neighbours import Index

TEXTS = ["the cats sat on a mat.", "who ran? a dog", "paris is the capital of france", "a big red unseen house"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return small_lab(tmp_path_factory.mktemp("lab"))


@pytest.mark.parametrize("layer", [0, 2, -1])
def test_the_nearest_are_those_of_a_loop_over_all_tokens(lab, layer):
    asked = lab.record("a dog sat").hidden(layer)[0, 2]
    expected = []
    for text in TEXTS:
        recording = lab.record(text)
        for place, token in enumerate(recording.tokens):
            if token not in ("[CLS]", "[SEP]"):
                cosine = torch.cosine_similarity(asked, recording.hidden(layer)[0, place], dim=0)
                expected.append((float(cosine), text, place, token))
    expected.sort(key=lambda item: -item[0])
    index = Index(lab, TEXTS, layer=layer)
    assert len(index) == len(expected) and "[UNK]" in {token for *_, token in expected}
    found = index.nearest("a dog sat", 2, len(expected))
    assert [one.similarity for one in found] == pytest.approx([item[0] for item in expected], abs=1e-5)
    for one, (_, text, place, token) in zip(found[:3], expected):
        assert (one.text, one.place, one.token) == (text, place, token)


def test_a_token_of_the_index_is_its_own_nearest(lab):
    (nearest,) = Index(lab, TEXTS).nearest(TEXTS[1], 3, 1)
    assert (nearest.text, nearest.place, nearest.token) == (TEXTS[1], 3, "?")
    assert nearest.similarity == pytest.approx(1, abs=1e-5)


def test_masks_in_the_text_are_special_too(lab):
    assert [n.token for n in Index(lab, ["cat [MASK] dog [SEP]"]).nearest("cat", 1, 2)] == ["cat", "dog"]


def test_one_text_is_a_list_of_one_and_progress_is_told(lab):
    told = []
    assert len(Index(lab, "the cat", progress=told.append)) == 2
    assert told[-1] == 1


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda lab: Index(lab, []), ValueError, "no texts"),
        (lambda lab: Index(lab, ["", ""]), ValueError, "the 2 texts hold no tokens but special ones"),
        (lambda lab: Index(lab, TEXTS, layer=9), ValueError, "layer is 9"),
        (lambda lab: Index(lab, TEXTS).nearest("a dog", 4, 1), ValueError, "place is 4; allowed are 0 to 3"),
        (lambda lab: Index(lab, TEXTS).nearest("a dog", 1, 0), ValueError, "k is 0; allowed are 1 to 24"),
        (lambda lab: Index(lab, TEXTS).nearest(["a dog"], 1, 1), TypeError, "text is a list"),
        (lambda lab: Index(lab, TEXTS).search(torch.ones(3), 1), ValueError, r"shape \(3,\); give \(24,\)"),
    ],
)
def test_bad_input_is_named(lab, call, error, message):
    with pytest.raises(error, match=message):
        call(lab)
