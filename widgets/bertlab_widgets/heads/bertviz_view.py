"""bertviz's own head, model and neuron view, offline.

bertviz (Vig 2019) writes pages that fetch their libraries from the network. Here the same page gets the two libraries
(d3, jQuery) from this package and a stand-in for its loader, so that it draws in a sandboxed frame that reaches
nothing. The page tells the frame's owner how high it is. bertviz is imported only when a view is asked for.
"""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path

import torch

from bertlab.language import say

from ..workbench import SelectionError, Workbench

MOST_TOKENS = 64  # bertviz sends all heads as text: 26 MB for 12 x 12 heads at this length
KINDS = ("head", "model", "neuron")
LOADER = """
window.requirejs = window.require = (names, ready) =>
  ready(...names.map(name => ({jquery: window.jQuery, d3: window.d3})[name]));
window.requirejs.config = () => {};
"""
STYLE = """
:root { color-scheme: %s; background: transparent; }
body { margin: 4px; }
.sheet { color-scheme: light; color: #000; %s}
"""
# bertviz draws in ink on white, whatever the theme: dark is the same picture inverted, its hues turned back.
LIGHT, DARK = STYLE % ("light", ""), STYLE % ("dark", "filter: invert(0.93) hue-rotate(180deg); ")
MEASURE = """
const sheet = document.querySelector(".sheet");
const tell = () => {
  sheet.style.zoom = 1;
  sheet.style.zoom = Math.min(1, window.innerWidth / (sheet.scrollWidth + 8));  // the model view has a fixed width
  window.parent.postMessage({height: sheet.getBoundingClientRect().height + 8}, "*");
};
new ResizeObserver(tell).observe(sheet);
window.addEventListener("load", tell);  // a frame that is scrolled out of sight observes nothing
"""


def bertviz_page(
    workbench: Workbench, kind: str = "head", *, layer: int = 0, heads: list[int] | None = None, dark: bool = False
) -> str:
    """A whole HTML page with one of bertviz's views of the workbench's text, masks and edits included.

    Raises:
        ValueError: for another `kind`, or for a text of more than 64 tokens.
        ImportError: where bertviz is not installed.
    """
    if kind not in KINDS:
        raise SelectionError(
            say("{kind!r} was given; bertviz has the views {views}.", kind=kind, views=", ".join(KINDS))
        )
    if importlib.util.find_spec("bertviz") is None:
        raise ImportError(say('this view is drawn by bertviz, which is not installed: pip install "bertlab[lab]"'))
    length = workbench.encoding.length
    if length > MOST_TOKENS:
        raise SelectionError(
            say(
                "bertviz's views stop at {most} tokens, this text has {length}: "
                "shorten it, or use the panel's own views.",
                most=MOST_TOKENS,
                length=length,
            )
        )
    tokens = [token["text"] for token in workbench.tokens]
    if kind == "neuron":
        html = _neuron_html(workbench, layer, heads)
    else:
        attention = [
            workbench.recording.attention(n).double().cpu().round(decimals=4) for n in range(workbench.layer_count)
        ]
        html = _attention_html(kind, attention, tokens, _second_start(workbench), layer, heads)
    return offline(html, dark)


def offline(html: str, dark: bool = False) -> str:
    """bertviz's HTML with its loader replaced, its data embedded once, and its libraries inside."""
    html = re.sub(r'<script src="https?://[^"]*require[^"]*"></script>', "", html)
    html = re.sub(r"; // HACK: .*?template marker[^\n]*", ";", html)  # the data once more, in a comment
    start = html.index('<script type="text/javascript">')
    body, scripts = html[:start], html[start:]
    pieces = re.split(r'(<script type="text/javascript">|</script>\s*(?=<script type=|$))', scripts)
    scripts = "".join(piece if index % 2 else piece.replace("</", "<\\/") for index, piece in enumerate(pieces))
    libraries = "".join(f"<script>{text}</script>" for text in (*_libraries(), LOADER))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>bertviz</title>'
        f"<style>{DARK if dark else LIGHT}</style>{libraries}</head>"
        f'<body><div class="sheet">{body}</div>{scripts}<script>{MEASURE}</script></body></html>'
    )


@cache
def _libraries() -> tuple[str, ...]:
    files = sorted((Path(__file__).parent / "vendor").glob("*.min.js"))
    return tuple(path.read_text(encoding="utf8").replace("</script", "<\\/script") for path in files)


def _second_start(workbench: Workbench) -> int | None:
    types = workbench.encoding.token_type_ids[0].tolist()
    return types.index(1) if 1 in types else None


def _attention_html(kind, attention, tokens, second, layer, heads) -> str:
    if kind == "model":
        from bertviz import model_view

        return model_view(attention, tokens, second, display_mode="light", html_action="return").data
    from bertviz import head_view

    return head_view(attention, tokens, second, layer=layer, heads=heads, html_action="return").data


def _neuron_html(workbench: Workbench, layer: int, heads: list[int] | None) -> str:
    from bertviz.neuron_view import show

    pair = workbench.text_pair if _second_start(workbench) is not None else None
    view = show(
        _Recorded(workbench),
        "bert",
        _Tokens(workbench),
        "A",
        "B" if pair else None,
        display_mode="light",
        layer=layer,
        head=(heads or [0])[0],
        html_action="return",
    )
    return view.data


class _Recorded:
    """What the neuron view takes for a model: it gives attention, queries and keys of the state that is recorded."""

    def __init__(self, workbench: Workbench):
        self.workbench = workbench

    def eval(self) -> None:
        """The recording was made in the model's own mode."""

    def __call__(self, input_ids, token_type_ids=None):
        workbench = self.workbench
        names = tuple(f"encoder.layer.*.attention.self.{name}" for name in ("q", "k", "probs"))
        recording = workbench.run(names=names).recording

        def value(layer: int, name: str) -> torch.Tensor:
            return recording[f"encoder.layer.{layer}.attention.self.{name}"].double().cpu().round(decimals=4)

        return (
            [
                {"attn": value(n, "probs"), "queries": value(n, "q"), "keys": value(n, "k")}
                for n in range(workbench.layer_count)
            ],
        )


class _Tokens:
    """What the neuron view takes for a tokenizer: the tokens as they are now, [CLS] and [SEP] apart."""

    def __init__(self, workbench: Workbench):
        self.tokenizer = workbench.lab.tokenizer
        self.cls_token, self.sep_token = self.tokenizer.cls_token, self.tokenizer.sep_token
        tokens, second = [token["text"] for token in workbench.tokens], _second_start(workbench)
        self.parts = {"A": tokens[1 : second - 1] if second else tokens[1:-1], "B": tokens[second:-1] if second else []}

    def tokenize(self, name: str) -> list[str]:
        return self.parts[name]

    def convert_tokens_to_ids(self, tokens: list[str]) -> list[int]:
        return self.tokenizer.convert_tokens_to_ids(tokens)
