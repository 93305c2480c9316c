"""The state of a workbench as lines of Python that make it again, and in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bertlab.language import say, say_n

CORPUS = 'corpus = [row["text"] for row in samples("topics")][:60]'  # the sentences that ship, as code


def lab_code(lab: Any) -> list[str]:
    """Lines that leave this lab in `lab`: from where it was loaded, or, for one that was trained here, as it was."""
    made = getattr(lab, "made_by", None)
    if made is not None:
        return made()
    source = getattr(lab.model.config, "name_or_path", "") or lab.name
    if Path(source).is_dir():
        source = str(Path(source).resolve())
    elif not hasattr(lab.model.config, "name_or_path") or not lab.model.config.name_or_path:
        source = lab.name
    return ["import bertlab", f"lab = bertlab.load({source!r})"]


def input_code(workbench: Any, *, pair: bool = True) -> list[str]:
    """Lines that leave the model's input in `batch`, changed tokens and masks in place."""
    second = f", {workbench.text_pair!r}" if workbench.text_pair and pair else ""
    cut = f"truncation=True, max_length={workbench.limit}" if any(workbench.encoding.cut) else "truncation=True"
    given = f'lab.tokenizer({workbench.text!r}{second}, {cut}, return_tensors="pt").to(lab.device)'
    lines = [f"batch = {given}"]
    lines += [f"batch['input_ids'][0, {position}] = {token}" for position, token in workbench.forced.items()]
    if workbench.masked:
        lines.append(f"batch['input_ids'][0, {list(workbench.masked)}] = lab.tokenizer.mask_token_id")
    return lines


def words_code(workbench: Any) -> list[str]:
    """Lines that leave a function from ids to tokens in `words`; see `token_names`."""
    if workbench.token_count == workbench.config.vocab_size:
        return ["words = lab.tokenizer.convert_ids_to_tokens"]
    line = "words = lambda ids: token_names(lab.tokenizer, ids)"
    return ["from bertlab_widgets.workbench import token_names", line]


def ablation_code(workbench: Any, model: str = "lab.model") -> tuple[list[str], str]:
    """The switched-off heads: what goes before, and the context in which they are off."""
    heads = list(workbench.ablated)
    if workbench.ablation != "corpus":
        return [], f"ablation.ablate({model}, {heads}, {workbench.ablation!r})"
    corpus = f"corpus = {list(workbench.corpus)!r}" if workbench.corpus else CORPUS
    before = [*([] if workbench.corpus else ["from bertlab.data import samples"]), corpus]
    means = "means=ablation.corpus_means(lab, corpus)"
    return before, f'ablation.ablate({model}, {heads}, "mean", {means})'


def _first(names: list[str], most: int = 3) -> str:
    """ "0.1, 0.2 and 4 more"."""
    words, rest = say(", ").join(names[:most]), len(names) - most
    return words if rest <= 0 else say("{words} and {last}", words=words, last=say("{count} more", count=rest))


def _numbers(heads: list[tuple[int, int]]) -> str:
    return _first([f"{layer}.{head}" for layer, head in heads])


def heads_named(heads: list[tuple[int, int]]) -> str:
    """ "head 2.5", "heads 0.1, 0.2 and 4 more"."""
    return say_n("head {names}", "heads {names}", len(heads), names=_numbers(heads))


def heads_off(workbench: Any) -> str:
    """The switched-off heads for a title: "2 heads off (0.1, 2.5)"; empty where all are on."""
    heads = list(workbench.ablated)
    if not heads:
        return ""
    return say_n("{count} head off ({names})", "{count} heads off ({names})", len(heads), names=_numbers(heads))


def conditions(workbench: Any, *, masks: bool = True, heads: bool = True) -> list[str]:
    """What is done to text and model beside the panel's own question, in words; empty where nothing is."""
    tokens, said = workbench.encoding.tokens, []
    moment = getattr(workbench.lab, "moment", "")
    if moment:
        said.append(moment)
    if masks and workbench.masked:
        said.append(say("{names} masked", names=_first([f"“{tokens[i]['text']}”" for i in workbench.masked])))
    if masks and workbench.forced:
        count = len([i for i in workbench.forced if i not in workbench.masked])
        if count:
            said.append(say_n("{count} token changed", "{count} tokens changed", count))
    if heads and workbench.ablated:
        said.append(say("{heads} off", heads=heads_named(list(workbench.ablated))))
    return said
