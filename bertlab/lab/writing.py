"""Text that goes on from left to right, or that a decoder writes while it looks at another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bertlab.generation import generate
from bertlab.lab.results import Generation, Rewriting


def go_on(
    lab: Any, model: Any, prompt: str, max_new_tokens: int, options: Mapping[str, Any], trained: bool
) -> list[Generation]:
    """The continuations of a prompt: see `Lab.generate`."""
    ids = lab.prompt_ids(prompt)
    if ids.shape[1] + max_new_tokens > lab.max_length:
        raise ValueError(
            f"{ids.shape[1]} tokens of prompt and {max_new_tokens} new ones exceed the model's {lab.max_length}"
        )
    options = _stopping(lab, options)
    output = generate(model, ids, max_new_tokens=max_new_tokens, **options)
    written = [_ended(row, options) for row in output[:, ids.shape[1] :].tolist()]
    return [
        Generation(
            prompt, lab.tokenizer.decode(new, skip_special_tokens=True), lab.tokenizer.convert_ids_to_tokens(new),
            new, trained,
        )
        for new in written
    ]  # fmt: skip


def rewrite(
    lab: Any, model: Any, text: str, max_new_tokens: int, options: Mapping[str, Any], trained: bool
) -> list[Rewriting]:
    """What the decoder writes for a text: see `Lab.rewrite`."""
    encoding = lab.encode(text)
    ids, mask = encoding["input_ids"], encoding["attention_mask"]
    if ids.shape[1] < 3:
        raise ValueError(f"the text is {text!r}; give at least one word to write from")
    options = _stopping(lab, options)
    count = options.get("num_return_sequences") or 1
    written = generate(
        model.decoder, lab.start_ids(), max_new_tokens=max_new_tokens, encoder_hidden_states=model.read(ids, mask),
        encoder_attention_mask=mask, **options,
    )[:count]  # fmt: skip
    source = lab.tokenizer.convert_ids_to_tokens(ids[0].tolist())
    found = []
    for row in written:
        new = _ended(row[1:].tolist(), options)
        probabilities, looked = model.look_back(ids, mask, row[None, : 1 + len(new)])
        found.append(
            Rewriting(
                text, source, lab.tokenizer.decode(new, skip_special_tokens=True),
                lab.tokenizer.convert_ids_to_tokens(new), new, probabilities.tolist(), looked.cpu(), trained,
            )
        )  # fmt: skip
    return found


def _stopping(lab: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    return {"eos_token_id": lab.tokenizer.sep_token_id, "pad_token_id": lab.tokenizer.pad_token_id, **options}


def _ended(ids: list[int], options: Mapping[str, Any]) -> list[int]:
    """A written row without the padding behind its end, which longer rows beside it need."""
    ends = options["eos_token_id"]
    ends = set(ends) if isinstance(ends, (list, tuple)) else {ends}
    place = next((place for place, token in enumerate(ids) if token in ends), len(ids))
    return ids if any(token != options["pad_token_id"] for token in ids[place + 1 :]) else ids[: place + 1]
