"""Heads against grammar: counted by hand from the weights of every head."""

import pytest
import torch
from analysis_cases import small_lab

from bertlab.analysis import dependencies, words
from bertlab.data import DataError

TREES = """# text = the cats sat on a mat .
1\tthe\tthe\tDET\t_\t_\t2\tdet\t_\t_
2\tcats\tcat\tNOUN\t_\t_\t3\tnsubj\t_\t_
3\tsat\tsit\tVERB\t_\t_\t0\troot\t_\t_
4-5\tona\t_\t_\t_\t_\t_\t_\t_\t_
4\ton\ton\tADP\t_\t_\t6\tcase\t_\t_
5\ta\ta\tDET\t_\t_\t6\tdet\t_\t_
5.1\tghost\t_\t_\t_\t_\t_\t_\t3:obl\t_
6\tmat\tmat\tNOUN\t_\t_\t3\tobl\t_\t_
7\t.\t.\tPUNCT\t_\t_\t3\tpunct\t_\t_

1\ta\ta\tDET\t_\t_\t3\tdet\t_\t_
2\tbig\tbig\tADJ\t_\t_\t3\tamod\t_\t_
3\tdogs\tdog\tNOUN\t_\t_\t4\tnsubj\t_\t_
4\tran\trun\tVERB\t_\t_\t0\troot\t_\t_

"""


@pytest.fixture(scope="module", params=["whole", "pruned"])
def lab(request, tmp_path_factory):
    lab = small_lab(tmp_path_factory.mktemp("lab"))
    if request.param == "pruned":
        lab.model.prune_heads({0: [1], 1: [0, 1, 2, 3]})
    return lab


def accuracies(lab, relation):
    """{(layer, head): share} and how many, by the plainest loop."""
    right, count = {}, 0
    for sentence in dependencies.read_dependencies(TREES):
        encoding = lab.tokenizer(sentence.words, is_split_into_words=True, return_tensors="pt")
        recording = lab.record(" ".join(sentence.words))
        numbers = words.of(encoding)
        for word, (governor, name) in enumerate(zip(sentence.governors, sentence.relations)):
            if name != relation:
                continue
            count += 1
            for layer, part in enumerate(lab.model.bert.encoder.layer):
                left = [head for head in range(4) if head not in part.attention.pruned_heads]
                merged = words.merge(recording.attention(layer)[0], numbers)[:, 1:-1, 1:-1]
                for place, head in enumerate(left):
                    hit = int(merged[place, word].argmax()) == governor
                    right[layer, head] = right.get((layer, head), 0) + hit
    return {head: hits / count for head, hits in right.items()}, count


def test_the_best_head_of_each_relation_is_found(lab):
    found = dependencies.heads(lab, TREES)
    assert set(found) == {"det", "nsubj", "case", "obl", "punct", "amod"} and next(iter(found)) == "det"
    for relation, best in found.items():
        shares, count = accuracies(lab, relation)
        assert best.count == count and best.accuracy == pytest.approx(max(shares.values()))
        assert shares[best.layer, best.head] == pytest.approx(best.accuracy)
        for (layer, head), share in shares.items():
            assert float(best.accuracies[layer, head]) == pytest.approx(share)
        assert int(best.accuracies.isnan().sum()) == 12 - len(shares)


def test_the_best_offset_is_that_of_most_words(lab):
    found = dependencies.heads(lab, TREES)
    assert (found["det"].offset, found["det"].offset_accuracy) == (1, pytest.approx(2 / 3))
    assert (found["nsubj"].offset, found["nsubj"].offset_accuracy) == (1, 1.0)
    assert found["punct"].offset == -4


def test_a_file_is_read_as_its_text_is(lab, tmp_path):
    path = tmp_path / "trees.conllu"
    path.write_text(TREES.replace("\n", "\r\n"), encoding="utf-8")
    told = []
    from_file, from_text = dependencies.heads(lab, path, progress=told.append), dependencies.heads(lab, TREES)
    assert list(from_file) == list(from_text) and told[-1] == 1
    assert dependencies.heads(lab, str(path))["obl"].accuracy == from_text["obl"].accuracy


def test_words_without_pieces_are_left_out(lab):
    trees = TREES.replace("on\ton", "\u200b\ton")
    assert "case" not in dependencies.heads(lab, trees)


@pytest.mark.parametrize(
    "source, error, message",
    [
        ("nowhere.conllu", FileNotFoundError, "there is no file nowhere.conllu"),
        ("\n\n", ValueError, "no sentences"),
        (["1"], TypeError, "sentences are a list"),
        ("1\ta\tb\n", DataError, "line 1: not CoNLL-U"),
        (TREES.replace("\t6\tcase", "\tx\tcase"), DataError, "line 6: not CoNLL-U"),
        (TREES.replace("\t6\tcase", "\t60\tcase"), DataError, "HEAD 60 in a sentence of 7 words"),
        (TREES.replace("3\tsat", "4\tsat"), DataError, "word 4 stands where 3 is due"),
        ("".join(f"{n}\tthe\t_\t_\t_\t_\t0\troot\t_\t_\n" for n in range(1, 41)), ValueError, "line 1 has 42 tokens"),
    ],
)
def test_bad_input_is_named(lab, source, error, message):
    with pytest.raises(error, match=message):
        dependencies.heads(lab, source)


def test_a_model_without_heads_is_refused(tmp_path):
    lab = small_lab(tmp_path)
    lab.model.prune_heads({layer: [0, 1, 2, 3] for layer in range(3)})
    with pytest.raises(ValueError, match="no heads left"):
        dependencies.heads(lab, TREES)
    assert torch.is_grad_enabled()
