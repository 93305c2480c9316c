"""The static twin of a panel: what a reader sees where nothing runs, and how it gives way where something does.

A saved notebook keeps a panel as two outputs of one cell. The first is the twin, plain HTML; the second is the live
view. Where the view comes to life its script takes the twin away. Where it does not, in a notebook that was opened
again without its kernel, the twin stays and the front end's "model not found" is hidden. An untrusted or merely viewed
notebook shows the twin, because an empty text stands for the view there. In a page that may run styles the twin waits
for a moment, so that nothing jumps.
"""

from __future__ import annotations

from collections.abc import Mapping

VIEW = "application/vnd.jupyter.widget-view+json"
STYLE = (
    "<style>.bertlab-twin{animation:bertlab-twin 1ms 2s both}"
    "@keyframes bertlab-twin{from{max-height:0;overflow:hidden;visibility:hidden}to{visibility:visible}}"
    f'.jp-OutputArea-child:has(.bertlab-twin)+.jp-OutputArea-child>.jupyter-widgets[data-mime-type="{VIEW}"]'
    "{display:none}</style>"
)


def outputs(bundle: Mapping[str, object], twin: str, name: str) -> list[dict]:
    """The two outputs of a panel: its twin, and its view from `bundle`. `name` is how the view finds the twin."""
    plain = bundle.get("text/plain", "")
    if not twin:
        return [{VIEW: bundle[VIEW], "text/plain": plain}]
    framed = f'<div class="bertlab-twin" data-bertlab="{name}">{STYLE}{twin}</div>'
    return [{"text/html": framed, "text/plain": plain}, {VIEW: bundle[VIEW], "text/html": "", "text/plain": ""}]


def view_of(widget) -> dict[str, object]:
    """The bundle of a live widget, as ipywidgets 7 and 8 mean it."""
    return {
        "text/plain": repr(widget),
        VIEW: {"version_major": 2, "version_minor": 0, "model_id": widget.model_id},
    }


def publish(widget, view) -> None:
    """Show a widget as its twin and its view. `view.twin` tells the browser which twin to take away."""
    from IPython.display import display

    view.twin = (widget.model_id or "")[:12]
    bundle = widget._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    for output in outputs(data, data.get("text/html", ""), view.twin):
        display(output, raw=True)
