"""Plots draw the numbers that they are given, on the Axes that they are given."""

import pytest
import torch

from bertlab.analysis import plots
from bertlab.analysis.attribution import Faithfulness
from bertlab.analysis.lens import view

matplotlib = pytest.importorskip("matplotlib")
TOKENS = ["[CLS]", "the", "cat", "##s", "[SEP]"]


@pytest.fixture(autouse=True)
def no_window():
    from matplotlib import pyplot

    before = matplotlib.get_backend()
    pyplot.switch_backend("agg")
    yield
    pyplot.close("all")
    pyplot.switch_backend(before)


def weights(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0)).softmax(-1)


def labels(axis):
    return [text.get_text() for text in axis.get_ticklabels()]


def test_an_attention_map_shows_the_weights_and_names_its_tokens():
    probs = weights(5, 5)
    ax = plots.attention_map(probs, TOKENS, title="head 2.1")
    image = ax.images[0]
    assert torch.equal(torch.from_numpy(image.get_array().data.copy()), probs)
    assert image.get_clim() == (0, 1)
    assert labels(ax.xaxis) == labels(ax.yaxis) == TOKENS
    assert (ax.get_title(), ax.get_xlabel(), ax.get_ylabel()) == ("head 2.1", "is looked at", "looks")


def test_a_plot_is_drawn_on_the_axes_that_are_given():
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2)
    assert plots.attention_map(weights(5, 5), TOKENS, ax=right) is right
    assert not left.images and right.figure is figure
    assert len(pyplot.get_fignums()) == 1


def test_differences_get_a_scale_that_is_the_same_on_both_sides():
    image = plots.attention_map(weights(5, 5) - 0.3, TOKENS, top=None).images[0]
    low, high = image.get_clim()
    assert low == -high < 0


def test_heads_are_rows_of_layers_from_below_and_unknown_ones_stay_blank():
    values = torch.arange(12.0).view(3, 4) - 5
    values[1, 1] = float("nan")
    ax = plots.head_map(values, label="change")
    assert ax.images[0].origin == "lower"
    assert ax.images[0].get_clim() == (-6, 6)
    assert len(ax.get_xticks()) == 4 and len(ax.get_yticks()) == 3


def test_the_grid_has_a_map_for_every_head_that_is_left():
    figure = plots.attention_grid([weights(3, 5, 5), weights(2, 5, 5)])
    drawn = [ax for ax in figure.axes if ax.images]
    assert len(drawn) == 5
    top_left = figure.axes[0].images[0].get_array()  # the last layer is on top
    assert torch.allclose(torch.from_numpy(top_left.data.copy()), weights(2, 5, 5)[0].sqrt())


def test_bars_have_the_scores_as_lengths_first_token_on_top():
    scores = torch.tensor([0.5, -1.0, 2.0, 0.0, 0.1])
    ax = plots.token_scores(scores, TOKENS)
    assert [bar.get_width() for bar in ax.patches] == pytest.approx(scores.tolist())
    assert labels(ax.yaxis) == TOKENS
    assert ax.yaxis_inverted()


def test_the_lens_map_writes_the_best_word_of_every_layer():
    seen = view(torch.randn(4, 2, 9, generator=torch.Generator().manual_seed(0)))
    names = [[f"word{int(i)}" for i in row] for row in seen.ids[..., 0]]
    ax = plots.lens_map(seen, names, tokens=["[MASK]", "cat"])
    assert [text.get_text() for text in ax.texts] == [name for row in names for name in row]
    assert labels(ax.yaxis) == ["embeddings", "0", "1", "2"]
    assert labels(ax.xaxis) == ["[MASK]", "cat"]


def test_a_curve_stands_beside_chance():
    curves = [torch.full((3, 2), value) for value in (0.5, 0.4, 0.3, 0.2)]
    ax = plots.faithfulness_curve(Faithfulness((0.1, 0.2, 0.5), *curves), row=1)
    assert {line.get_label() for line in ax.lines} == {
        "comprehensiveness", "comprehensiveness, random order", "sufficiency", "sufficiency, random order",
    }  # fmt: skip
    assert list(ax.lines[0].get_xdata()) == [10, 20, 50]
    assert list(ax.lines[0].get_ydata()) == pytest.approx([0.5] * 3)


def test_no_style_is_changed_for_others():
    before = dict(matplotlib.rcParams)
    plots.attention_map(weights(5, 5), TOKENS)
    assert dict(matplotlib.rcParams) == before


def test_what_cannot_be_drawn_is_said_in_words():
    for call, message in [
        (lambda: plots.attention_map(weights(2, 5, 5), TOKENS), "choose a text, layer or head first"),
        (lambda: plots.attention_map(weights(5, 5), TOKENS[:3]), "for 3 tokens"),
        (lambda: plots.head_map(weights(5)), "give two axes"),
        (lambda: plots.attention_grid([weights(1, 2, 5, 5)]), "take one text"),
        (lambda: plots.token_scores(weights(4), TOKENS), "for 5 tokens"),
        (lambda: plots.lens_map(view(torch.randn(4, 2, 9)), [["a"]]), "4 rows of 2 words"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
