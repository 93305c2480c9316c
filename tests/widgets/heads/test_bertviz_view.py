"""bertviz's views of the workbench's state: offline, with the data once, and within bounds."""

import json
import re

import pytest
import torch
from bertlab_widgets import HeadsPanel, Workbench
from bertlab_widgets.heads.bertviz_view import bertviz_page

pytest.importorskip("bertviz")
TEXT = "the cat sat on the mat."


@pytest.mark.parametrize("kind", ["head", "model", "neuron"])
@pytest.mark.parametrize("pair", ["", "the dog ran"])
def test_a_page_asks_the_network_for_nothing_and_carries_the_tokens_of_the_moment(lab, kind, pair):
    workbench = Workbench(lab, TEXT, pair)
    workbench.masked = [2]
    page = bertviz_page(workbench, kind, layer=1)
    assert not re.search(r"<(?:script|link)[^>]+(?:src|href)=", page)
    assert '"[MASK]"' in page


def test_the_attention_in_the_page_is_the_recorded_one_once(lab):
    workbench = Workbench(lab, TEXT)
    page = bertviz_page(workbench, "head")
    assert page.count('"left_text"') == 1
    data = json.loads(re.search(r"const params = (\{.*?\});\n", page).group(1))
    recorded = torch.stack([workbench.recording.attention(layer)[0] for layer in range(3)])
    assert torch.allclose(torch.tensor(data["attention"][0]["attn"]), recorded, atol=5.1e-5)


def test_a_text_cannot_end_the_script(lab):
    workbench = Workbench(lab, "the cat")
    workbench.encoding.tokens[1]["text"] = "</script><b>"
    lab_names = lab.tokenizer.convert_ids_to_tokens
    lab.tokenizer.convert_ids_to_tokens = lambda ids: ["</script><b>", *lab_names(ids)[1:]]
    try:
        assert "</script><b>" not in bertviz_page(workbench, "head")
    finally:
        del lab.tokenizer.convert_ids_to_tokens


@pytest.mark.parametrize("kind", ["head", "model", "neuron"])
def test_in_the_dark_theme_the_ink_is_light_and_the_paper_is_the_panels(lab, kind):
    pages = {dark: bertviz_page(Workbench(lab, TEXT), kind, dark=dark) for dark in (False, True)}
    assert "color-scheme: dark" in pages[True] and "filter: invert(" in pages[True]
    assert "color-scheme: dark" not in pages[False] and "filter: invert(" not in pages[False]
    assert "background: transparent" in pages[True]


def test_too_long_and_unknown_are_sentences(lab):
    from small_lab import small_lab

    with pytest.raises(ValueError, match="stop at 64 tokens, this text has 82"):
        bertviz_page(Workbench(small_lab(128), "cat " * 80), "head")
    with pytest.raises(ValueError, match="head, model, neuron"):
        bertviz_page(Workbench(lab, TEXT), "tree")


def test_the_panel_hands_the_page_to_the_browser(lab):
    page = HeadsPanel(lab, TEXT).bertviz("model", dark=True)
    assert "jQuery" in page
    assert "color-scheme: dark" in page
