"""`HeadsPanel`: which tokens does each head look at, by how much, by what arithmetic, and does it matter?"""

from __future__ import annotations

import base64
import contextlib
import difflib
import json

import torch
from traitlets import Bool, Dict, Enum, Int, List

from ..panel import Panel, percent, png, signed, significant
from ..workbench import SelectionError, ablation_code

MODES = {
    "attention": ("attention", "attention: the weights themselves, before dropout"),
    "norm": ("norm-weighted", "norm of what each weight brings, ‖αf(x)‖ (Kobayashi et al. 2020)"),
    "rollout": ("rollout", "attention multiplied through the layers (Abnar & Zuidema 2020)"),
    "gradient": ("× gradient", "attention × the gradient of the most likely prediction"),
}
TILE = 36  # most cells along one side of a tile of the grid
ONE_MODE, ALL_MODES = 12_000_000, 2_000_000  # bytes of weights that an exported page holds at most
WHOLE_LAYER = 300_000  # bytes: a layer's heads travel together up to this size, one by one above it
LETTERS = {"previous": "P", "next": "N", "same": "S", "delimiter": "D", "broad": "B", "focused": "F", "mixed": "·"}
STATISTICS = ("entropy", "distance", "previous", "next", "same", "special")


class HeadsPanel(Panel):
    """Attention of every layer and head, as a grid of tiles, as lines, as a matrix and as arithmetic.

        panel = HeadsPanel(lab, "The animal didn't cross the street because it was too tired.")
        panel.layer, panel.head, panel.selected = 2, 5, [9]
        panel.data()["weights"]            # (layers, heads, query, key)
        panel.ablated = [(2, 5)]           # switch the head off; the predictions follow

    Settings: `mode` (attention, norm, rollout, gradient), `look` (head, steps, effect, kinds, bertviz), `direction` of
    the tokens in the head view (vertical, horizontal), `hide_special`, `renormalise`, `difference` (to the pinned text;
    without one, of switched-off heads to the model with every head on), `norm_residual`, `key_token`, `bertviz_view`.
    `corpus` holds the sentences to average over, for the kinds of heads and for `ablation = "corpus"`.
    """

    script = "heads.js"
    question_text = "Which tokens does each head look at?"
    settings = (
        "mode",
        "look",
        "direction",
        "hide_special",
        "renormalise",
        "difference",
        "norm_residual",
        "key_token",
        "bertviz_view",
    )
    calls = (*Panel.calls, "block_call", "cell", "bertviz", "sweep", "measure_corpus", "average_corpus", "toggle_layer")

    mode = Enum(tuple(MODES), "attention").tag(sync=True)
    look = Enum(("head", "steps", "effect", "kinds", "bertviz"), "head").tag(sync=True)
    direction = Enum(("vertical", "horizontal"), "vertical").tag(sync=True)
    hide_special = Bool(False).tag(sync=True)
    renormalise = Bool(False).tag(sync=True)
    difference = Bool(False).tag(sync=True)
    norm_residual = Bool(False).tag(sync=True)
    bertviz_view = Enum(("head", "model", "neuron"), "head").tag(sync=True)
    key_token = Int(0, help="the token that is looked at, in the arithmetic").tag(sync=True)
    default_token = Int(0).tag(sync=True)
    modes = List().tag(sync=True)
    kept_modes = List(help="the modes that an exported page holds").tag(sync=True)
    tiles = Dict().tag(sync=True)
    block = Dict().tag(sync=True)
    head_facts = List(help="statistics of each head, by layer").tag(sync=True)

    def __init__(self, *arguments, corpus: list[str] | None = None, **settings):
        self._pinned_weights, self._sweep, self._corpus_facts = None, None, None
        super().__init__(*arguments, **settings)
        if corpus is not None:
            self.workbench.corpus = list(corpus)
        self.modes = [[name, shown] for name, (shown, _) in MODES.items()]

    # --- numbers

    def layer_weights(self, layer: int, *, heads_on: bool = False) -> torch.Tensor:
        """(heads, query, key) of one layer in the mode of the moment; rollout has one head, the layer itself.

        With `heads_on` as if no head were switched off.
        """
        workbench = self.workbench
        if self.mode == "attention":
            result = workbench.baseline if heads_on else workbench.result
            return result.recording.attention(layer)[0].float().cpu()
        state = (*workbench.key[:-1], ()) if heads_on else workbench.key
        key = (self.mode, self.norm_residual, *state)
        return workbench.cached(key, lambda: self._derived(heads_on))[layer]

    def _derived(self, heads_on: bool) -> list[torch.Tensor]:
        """(heads, query, key) for each layer, in a mode that is computed from the recording."""
        from bertlab.analysis import attention

        workbench = self.workbench
        if self.mode == "rollout":
            recording = (workbench.baseline if heads_on else workbench.result).recording
            return [weights.float().cpu() for weights in attention.rollout(recording)]  # each (1, query, key)
        with workbench.lock, contextlib.nullcontext() if heads_on else workbench.ablating():
            if self.mode == "gradient":
                return self._gradient()
            with torch.no_grad():
                maps = attention.norm_weighted(workbench.model, workbench.batch(), residual=self.norm_residual)
        return [weights[0].float().cpu() for weights in maps]

    @property
    def per_layer(self) -> bool:
        """True in the modes that have one map a layer, not one a head."""
        return self.mode == "rollout" or (self.mode == "norm" and self.norm_residual)

    def _gradient(self) -> list[torch.Tensor]:
        """Attention x gradient of the log-probability of the most likely token at the place in question."""
        from bertlab.recording import record

        workbench = self.workbench
        with torch.enable_grad():
            with record(workbench.model, "encoder.layer.*.attention.self.probs", retain_grad=True) as recording:
                output = workbench.model(**workbench.batch())
            chosen = output.prediction_logits[0, self._gradient_place()].log_softmax(-1).max()
            weights = [recording.attention(layer) for layer in range(workbench.layer_count)]
            gradients = torch.autograd.grad(chosen, weights)
        return [
            (weight * gradient)[0].detach().float().cpu() for weight, gradient in zip(weights, gradients, strict=True)
        ]

    def _gradient_place(self) -> int:
        """The place whose most likely prediction is differentiated."""
        place = self.target_place()
        return self.default_token if place is None else place

    @property
    def visible(self) -> list[int]:
        """The positions that are shown: all, or those of words only."""
        return [i for i, token in enumerate(self.workbench.tokens) if not (self.hide_special and token["special"])]

    def shown_weights(self, layer: int) -> torch.Tensor:
        """(heads, query, key) as on the screen: hidden tokens out, rows refilled, the pinned text subtracted."""
        weights = self.layer_weights(layer)
        if self._comparing:
            weights = self._difference(weights, layer)
        if len(self.visible) < weights.shape[-1]:
            weights = weights[:, self.visible][:, :, self.visible]
        if self.renormalise and not self._signed:
            weights = weights / weights.sum(-1, keepdim=True).clamp_min(1e-12)
        return weights

    @property
    def _comparing(self) -> bool:
        return self.difference and (self._pinned_weights is not None or bool(self.workbench.ablated))

    @property
    def _signed(self) -> bool:
        return self.mode == "gradient" or self._comparing

    def _difference(self, weights: torch.Tensor, layer: int) -> torch.Tensor:
        """These weights minus the pinned ones, on the tokens that both share in order; without a pin minus those of
        the model with every head on."""
        pinned = self._pinned_weights
        if pinned is None:
            return weights - self.layer_weights(layer, heads_on=True)
        if pinned["mode"] != self.mode:
            raise SelectionError(f"the pinned weights are {pinned['mode']}: pin again under {self.mode}.")
        if len(pinned["weights"]) != self.workbench.layer_count or len(pinned["weights"][layer]) != len(weights):
            raise SelectionError("the pinned weights are those of a model with other layers or heads: pin again.")
        here = [token["original"] for token in self.workbench.tokens]
        return aligned_difference(weights, here, pinned["weights"][layer], pinned["tokens"])

    def _switched(self) -> set[tuple[int, int]]:
        """The heads that are off on one side of a comparison: their own change is known, and would drown the others."""
        here, pinned = set(self.workbench.ablated), self._pinned_weights
        return here ^ set(pinned["seen"]["ablated"] if pinned else ())

    def _top(self) -> float:
        """The largest weight there may be: 1 for attention and rollout, the largest there is otherwise.

        In a comparison that of the heads that were left alone, so that what follows from a switched-off head is seen.
        """
        layers = range(self.workbench.layer_count)
        if not self._comparing:
            if self.mode in ("attention", "rollout"):
                return 1.0
            return max(max(float(self.layer_weights(layer).abs().max()) for layer in layers), 1e-12)
        changes = [self._difference(self.layer_weights(layer), layer).abs().amax((1, 2)) for layer in layers]
        switched = set() if self.per_layer else self._switched()
        left = [
            float(change)
            for layer, heads in enumerate(changes)
            for head, change in enumerate(heads)
            if (layer, head) not in switched
        ]
        return max(left, default=0.0) or max(max(float(heads.max()) for heads in changes), 1e-12)

    def _beyond(self, top: float) -> list[tuple[int, int]]:
        """The switched heads whose own change is larger than the scale."""
        if not self._comparing or self.per_layer:
            return []
        own = {at: self._difference(self.layer_weights(at[0]), at[0])[at[1]].abs().max() for at in self._switched()}
        return sorted(at for at, change in own.items() if change > top)

    # --- what goes to the browser

    def refresh(self, changed: set[str]) -> None:
        redraw = {"version", "mode", "hide_special", "renormalise", "difference", "norm_residual", "pinned"}
        if "version" in changed:
            self._sweep = None
            self.default_token = next((i for i, token in enumerate(self.workbench.tokens) if not token["special"]), 0)
            self.key_token = min(self.key_token, self.workbench.encoding.length - 1)
        if self.difference and not self._comparing:
            raise SelectionError(
                "a difference needs a pinned text, or a head that is switched off: press Pin, then change the sentence."
            )
        if changed & redraw or not self.tiles:
            self._send_weights()
        self._send_view()

    def _send_weights(self) -> None:
        workbench = self.workbench
        length, top = workbench.encoding.length, self._top()
        base = str(hash(workbench.key) & 0xFFFFFFFF)
        key = f"{workbench.version}.{base}.{self.mode}.{self.norm_residual}.{self._comparing}"
        tiles = [
            encode(pooled(self.shown_weights(layer) / top, self._signed), self._signed)
            for layer in range(workbench.layer_count)
        ]
        size = tiles[0].shape[-1]
        self.tiles = {
            "key": key + f".{self.hide_special}.{self.renormalise}",
            "base": f"{workbench.version}.{base}",
            "size": size,
            "tokens": length,
            "layers": workbench.layer_count,
            "heads": tiles[0].shape[0],
            "per_layer": self.per_layer,
            "whole": self._whole_layers,
            "signed": self._signed,
            "top": "1" if top == 1 else f"{top:.2g}",
            "unit": self._unit(),
            "beyond": self._beyond(top),
            "bytes": torch.stack(tiles).numpy().tobytes(),
        }
        description, buffers = self.block_of(self.layer, self.head)
        self.block = {**description, "bytes": buffers[0]}

    def _unit(self) -> str:
        if self._comparing:
            return "this text minus the pinned one" if self._pinned_weights else "with the heads off minus all on"
        return {
            "attention": "of a token's attention",
            "rollout": "of a token, through all layers below",
            "norm": "norm of what is brought",
            "gradient": "attention × gradient",
        }[self.mode]

    @property
    def _whole_layers(self) -> bool:
        """Whether a layer's heads travel together."""
        return self.layer_weights(0).numel() <= WHOLE_LAYER

    def block_of(self, layer: int, head: int) -> tuple[dict, list[bytes]]:
        """One layer's weights as a byte each, round(255 sqrt(w / top)); for long texts one head's."""
        weights = self.layer_weights(layer)
        heads = list(range(weights.shape[0]))
        if not self._whole_layers:
            heads = [min(head, len(heads) - 1)]
        weights = weights[heads]
        if self._comparing:
            weights = self._difference(self.layer_weights(layer), layer)[heads]
        data = encode(weights / self._top(), self._signed)
        return {"key": self.tiles["key"], "layer": layer, "heads": heads, "size": weights.shape[-1]}, [
            data.numpy().tobytes()
        ]

    def _send_view(self) -> None:
        self.head_facts = [] if self.per_layer else self.facts()
        view = {"corpus": len(self.workbench.sentences()) if self._corpus_facts else 0}
        if self.head_facts:
            from bertlab.analysis.attention import KINDS

            counts = [fact["kind"] for row in self.head_facts for fact in row]
            view["kinds"] = [[LETTERS[name], name, meaning, counts.count(name)] for name, meaning in KINDS.items()]
        if self.workbench.text_pair:
            view["segments"] = self.segment_masses(self.layer, self.head)
        off = {head for layer, head in self.workbench.ablated if layer == self.layer}
        view["layer_off"] = len(off) == self.workbench.head_count
        view["effect"] = self.effect()
        if view["effect"] is None:
            view["no_effect"] = "Mask or select a token: its prediction with and without the heads appears here."
        view["sweep"] = self._sweep
        self.view = view
        self.answer = self.sentence()

    # --- words

    def heads_shown(self) -> list[tuple[int, int]]:
        """The (layer, head) pairs that are looked at together, the selected one first."""
        return [
            (self.layer, self.head),
            *(tuple(at) for at in self.workbench.heads if tuple(at) != (self.layer, self.head)),
        ]

    def mean_of_shown(self) -> torch.Tensor:
        """(query, key): the mean of the heads that are looked at, hidden tokens at 0."""
        maps = [self._masked_weights(layer)[0 if self.per_layer else head] for layer, head in self.heads_shown()]
        return torch.stack(maps).mean(0)

    def _masked_weights(self, layer: int) -> torch.Tensor:
        weights = (
            self._difference(self.layer_weights(layer), layer) if self._comparing else self.layer_weights(layer).clone()
        )
        hidden = sorted(set(range(weights.shape[-1])) - set(self.visible))
        weights[:, hidden] = 0
        weights[:, :, hidden] = 0
        if self.renormalise and not self._signed:
            weights = weights / weights.sum(-1, keepdim=True).clamp_min(1e-12)
        return weights

    def sentence(self) -> str:
        """The answer line: what the picture shows now."""
        weights, tokens = self.mean_of_shown(), self.workbench.tokens
        heads = self.heads_shown()
        subject = (
            f"Layer {self.layer}"
            if self.per_layer
            else f"Head {self.layer}.{self.head}"
            if len(heads) == 1
            else f"The mean of {len(heads)} heads"
        )
        rows = [i for i in self.workbench.selected if i in self.visible]
        if not self.visible:
            return "Every token is hidden: show [CLS] and [SEP] again."
        row = weights[rows or self.visible].mean(0)
        key = int(row.abs().argmax())
        whose = (
            ", ".join(f"`{tokens[i]['text']}`" for i in rows[:3]) + (" …" if len(rows) > 3 else "")
            if rows
            else "all tokens together"
        )
        if self._comparing:
            change = ("+" if row[key] > 0 else "") + signed(float(row[key]))
            said = f"{subject}: for {whose} the largest change is on `{tokens[key]['text']}`, {change}."
        elif self.mode in ("attention", "rollout"):
            said = f"{subject} puts {percent(row[key])} of {whose} on `{tokens[key]['text']}`."
            if not rows:
                said += " Select a token to see where it looks."
        else:
            said = f"{subject}: for {whose}, `{tokens[key]['text']}` counts most ({significant(float(row[key]))})."
        effect = self.effect() if self.workbench.ablated else None
        if effect:
            before = max(effect["rows"], key=lambda item: item["before"])
            ablated = self.workbench.ablated
            if ablated == [(self.layer, self.head)]:
                without = "it"
            elif len(ablated) == 1:
                without = "head {}.{}".format(*ablated[0])
            else:
                without = f"{len(ablated)} heads"
            change = "falls" if before["probability"] < before["before"] else "rises"
            was, now = percent(before["before"]), percent(before["probability"])
            said += f" Without {without}, `{before['token']}` {change} from {was} to {now}."
        return said

    def gate(self) -> str:
        tokens, selected = self.workbench.tokens, self.workbench.selected
        token = tokens[selected[0] if selected else self.default_token]["text"]
        return f"Which token does head {self.layer}.{self.head} look at most from “{token}”?"

    def grade(self, guess: str) -> str:
        tokens, selected = self.workbench.tokens, self.workbench.selected
        row = self.mean_of_shown()[selected[0] if selected else self.default_token]
        key = int(row.argmax())
        named = [i for i, token in enumerate(tokens) if token["text"].lower().lstrip("#") == guess.lower().lstrip("#")]
        if not named:
            return f"`{guess}` is not among the tokens; most goes to `{tokens[key]['text']}`, {percent(row[key])}."
        best = max(named, key=lambda i: float(row[i]))
        if best == key:
            return f"Right: `{tokens[key]['text']}` gets {percent(row[key])}."
        rank = int((row > row[best]).sum()) + 1
        most = f"most goes to `{tokens[key]['text']}`, {percent(row[key])}."
        return f"Your `{guess}` is number {rank} with {percent(row[best])}; {most}"

    # --- statistics

    def facts(self) -> list[list[dict]]:
        """For each layer and head: kind, letter, entropy (nats), distance (tokens), mass on some kinds of tokens."""
        if self._corpus_facts is not None:
            return self._corpus_facts

        def compute():
            from bertlab.analysis.attention import statistics

            special = torch.tensor([token["special"] for token in self.workbench.tokens])
            if special.all():
                special = torch.zeros_like(special)  # nothing else is there to look at
            return facts_of(statistics(self.workbench.recording, special))

        return self.workbench.cached(("facts", *self.workbench.key), compute)

    def segment_masses(self, layer: int, head: int) -> list[list[float]]:
        """Mean attention from sentence A and B to A and B, 2 x 2, [CLS] and [SEP] with their sentence."""
        from bertlab.analysis.attention import segment_mass

        weights = self.layer_weights(layer)[0 if self.per_layer else head]
        types = torch.tensor([token["type"] for token in self.workbench.tokens])
        return segment_mass(weights, types).tolist()

    # --- calls of the browser

    def target_place(self) -> int | None:
        """Where predictions are watched: the first mask (a selected one before others), else the selected token."""
        workbench = self.workbench
        masks, selected = workbench.mask_positions, workbench.selected
        chosen = [i for i in selected if i in masks] or masks or selected
        return chosen[0] if chosen else None

    def effect(self) -> dict | None:
        """The prediction at the watched place, as it is and with every head on."""
        workbench, place = self.workbench, self.target_place()
        if place is None or workbench.result.mlm_logits is None:
            return None
        before, now = workbench.probabilities(place, workbench.baseline), workbench.probabilities(place)
        truth = workbench.encoding.tokens[place]["id"]
        mask = workbench.lab.tokenizer.mask_token_id
        ids = list(
            dict.fromkeys(
                [*before.topk(4).indices.tolist(), *now.topk(4).indices.tolist(), *([truth] if truth != mask else [])]
            )
        )
        ids.sort(key=lambda token: -float(before[token]))
        names = workbench.lab.tokenizer.convert_ids_to_tokens(ids)
        rows = [
            {"token": name, "probability": float(now[token]), "before": float(before[token]), "truth": token == truth}
            for name, token in zip(names, ids, strict=True)
        ]
        return {"place": f"{workbench.tokens[place]['text']} ({place})", "rows": rows}

    def cell(self, layer: int, head: int, query: int, key: int) -> dict:
        """The arithmetic of one attention weight: q, k, their products, scaling, mask, softmax, what v brings."""
        workbench = self.workbench
        for name, value, count in (
            ("layer", layer, workbench.layer_count),
            ("head", head, workbench.head_count),
            ("token", query, workbench.encoding.length),
            ("token", key, workbench.encoding.length),
        ):
            workbench._check_index(value, count, name)
        prefix = f"encoder.layer.{layer}.attention.self."
        recording = workbench.cached(
            ("cell", layer, *workbench.key), lambda: workbench.run(names=(prefix + "*",)).recording
        )
        value = {name: recording[prefix + name][0, head].float().cpu() for name in ("q", "k", "v", "scores", "probs")}
        q, k, v, scores, probs = (value[name] for name in ("q", "k", "v", "scores", "probs"))
        products = q[query] * k[key]
        row, score_row = probs[query], scores[query]
        best = row.topk(min(8, len(row))).indices.tolist()
        if key not in best:
            best.append(key)
        tokens, scaled = workbench.tokens, float(products.sum()) / q.shape[-1] ** 0.5
        relative = None
        if workbench.config.position_embedding_type != "absolute":
            relative = float(score_row[key]) - scaled
        brought = row[key] * v[key]
        return {
            "q": q[query].tolist(),
            "k": k[key].tolist(),
            "products": products.tolist(),
            "product_sum": float(products.sum()),
            "scaled": scaled,
            "relative": relative,
            "mask": 0.0 if relative is not None else round(float(score_row[key]) - scaled, 4),
            "score": float(score_row[key]),
            "log_sum": float(score_row.logsumexp(-1)),
            "probability": float(row[key]),
            "value": brought.tolist(),
            "value_norm": float(brought.norm()),
            "row": [
                {"token": tokens[i]["text"], "position": i, "score": float(score_row[i]), "probability": float(row[i])}
                for i in best
            ],
        }

    def toggle_layer(self, layer: int) -> None:
        """Switch all heads of a layer off, or on again where they are all off."""
        heads = {(layer, head) for head in range(self.workbench.head_count)}
        off = set(self.workbench.ablated)
        self.workbench.ablated = sorted(off - heads if heads <= off else off | heads)

    def sweep(self) -> None:
        """Switch every head off alone, one after the other, and note what that does to the prediction that is watched.

        Runs in a thread, shows what it has as it goes, and stops at Cancel. `data()["sweep"]` holds the result.
        """
        place = self.target_place()
        if place is None:
            raise SelectionError("there is no prediction to watch yet: mask or select a token first.")
        self.start(self._sweep_steps(place), "Switching heads off one by one", self._send_view)

    def _sweep_steps(self, place: int):
        from bertlab.analysis.ablation import sweep
        from bertlab.analysis.targets import masked_token

        workbench = self.workbench
        if workbench.ablation == "corpus":
            yield from (0.0 for _ in workbench.measure_means())
        state, method = workbench.key, workbench.ablation
        token = self._watched_token(place)
        change: list[list[float | None]] = [[None] * workbench.head_count for _ in range(workbench.layer_count)]
        found = {
            "place": place,
            "token": workbench.lab.tokenizer.convert_ids_to_tokens([token])[0],
            "method": method,
            "full": float(workbench.probabilities(place, workbench.baseline)[token]),
        }
        target = masked_token(place, token, "probability")
        effects = sweep(workbench.model, workbench.batch(), target, **workbench.ablation_options())
        while workbench.key == state:
            with workbench.lock:
                effect = next(effects, None)
            if effect is None:
                return
            change[effect.layer][effect.head] = float(effect.change.mean())
            if effect.head == workbench.head_count - 1:
                self._sweep = {**found, "change": [list(row) for row in change]}
                self.view = {**self.view, "sweep": self._sweep}
            yield effect.done

    def _watched_token(self, place: int) -> int:
        """The token whose probability is followed: the one that was there, or the likeliest at a [MASK] of the text."""
        token = self.workbench.encoding.tokens[place]["id"]
        if token == self.workbench.lab.tokenizer.mask_token_id:
            return int(self.workbench.probabilities(place, self.workbench.baseline).argmax())
        return token

    def measure_corpus(self) -> None:
        """Statistics of the heads as means over the corpus (by default sentences that ship), or back to this text."""
        if self._corpus_facts is not None:
            self._corpus_facts = None
            self._send_view()
            return
        self.start(self._corpus_steps(), "Measuring heads over many sentences", self._send_view)

    def _corpus_steps(self):
        from bertlab.analysis.attention import stream_corpus

        texts = self.workbench.sentences()
        stream, measured = stream_corpus(self.workbench.lab, texts), None
        while True:
            with self.workbench.lock:
                measured, last = next(stream, None), measured
            if measured is None:
                break
            yield measured.texts / len(texts)
        self._corpus_facts = facts_of(last)

    def average_corpus(self) -> None:
        """Let switched-off heads give their mean over the corpus, which is measured first, in a thread."""
        label = f"Averaging heads over {len(self.workbench.sentences())} sentences"
        self.start(self.workbench.measure_means(), label, lambda: self.set_trait("ablation", "corpus"))

    def bertviz(self, kind: str = "head", dark: bool = False) -> str:
        """bertviz's own view as one offline page; see `bertviz_view`."""
        from .bertviz_view import bertviz_page

        return bertviz_page(self.workbench, kind, layer=self.layer, heads=[self.head], dark=dark)

    def block_call(self, layer: int, head: int):
        """`block_of`, for the browser."""
        return self.block_of(layer, head)

    # --- pin, data, code, export

    def pin(self) -> None:
        layers = range(self.workbench.layer_count)
        self._pinned_weights = {
            "mode": self.mode,
            "tokens": [token["original"] for token in self.workbench.tokens],
            "weights": [self.layer_weights(layer).clone() for layer in layers],
            "seen": self._seen_now(),
        }
        super().pin()

    def unpin(self) -> None:
        """Take the pinned text away, and the difference to it."""
        self._pinned_weights, self.difference = None, False
        super().unpin()

    def reset(self) -> None:
        self._pinned_weights, self._corpus_facts = None, None
        super().reset()

    def data(self) -> dict:
        """tokens, weights (layers, heads, query, key) as in `mode`, the shown (query, key) map, statistics of heads."""
        layers = range(self.workbench.layer_count)
        return {
            "tokens": [token["text"] for token in self.workbench.tokens],
            "mode": self.mode,
            "weights": torch.stack([self.layer_weights(layer) for layer in layers]),
            "shown": self.mean_of_shown(),
            "heads": self.heads_shown(),
            "facts": None if self.per_layer else self.facts(),
            "effect": self.effect(),
            "sweep": self._sweep,
        }

    def table(self) -> list[dict]:
        """Each query and key of the head on show with its weight."""
        weights, tokens = self.mean_of_shown(), self.workbench.tokens
        name = "+".join(f"{layer}.{head}" for layer, head in self.heads_shown())
        return [
            {
                "head": name,
                "mode": self.mode,
                "query": i,
                "query_token": tokens[i]["text"],
                "key": j,
                "key_token": tokens[j]["text"],
                "weight": float(weights[i, j]),
            }
            for i in self.visible
            for j in self.visible
        ]

    def figure(self, width: float = 11.0):
        from matplotlib.figure import Figure

        weights, tokens = self.mean_of_shown(), self.workbench.tokens
        names = [tokens[i]["text"] for i in self.visible]
        figure = Figure(figsize=(width, 5.2), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=[1, 1.1])
        tiles = self.tiles
        size, heads = tiles["size"], tiles["heads"]
        grid = torch.frombuffer(bytearray(tiles["bytes"]), dtype=torch.uint8).view(tiles["layers"], heads, size, size)
        gap = max(1, size // 8)
        canvas = torch.full(
            (tiles["layers"] * (size + gap), heads * (size + gap)), 128 if tiles["signed"] else 0, dtype=torch.uint8
        )
        for layer in range(tiles["layers"]):
            for head in range(heads):
                y, x = layer * (size + gap), head * (size + gap)
                canvas[y : y + size, x : x + size] = grid[layer, head]
        scale = (
            {"cmap": "PuOr_r", "vmin": 0, "vmax": 255} if tiles["signed"] else {"cmap": "Blues", "vmin": 0, "vmax": 255}
        )
        left.imshow(canvas.numpy(), interpolation="nearest", **scale)
        left.set_xticks([head * (size + gap) + size / 2 for head in range(heads)], range(heads))
        left.set_yticks([layer * (size + gap) + size / 2 for layer in range(tiles["layers"])], range(tiles["layers"]))
        left.set(title="all heads (brightness: square root of the weight)", xlabel="head", ylabel="layer")
        limit = float(weights.abs().max()) or 1.0
        shown = weights[self.visible][:, self.visible]
        kind = (
            {"cmap": "PuOr_r", "vmin": -limit, "vmax": limit}
            if self._signed
            else {"cmap": "Blues", "vmin": 0, "vmax": self._top()}
        )
        image = right.imshow(shown.numpy(), interpolation="nearest", **kind)
        if len(names) <= 48:
            right.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
            right.set_yticks(range(len(names)), names, fontsize=8)
        right.set(
            title="head " + ", ".join(f"{layer}.{head}" for layer, head in self.heads_shown()[:6]),
            xlabel="looked at",
            ylabel="looks",
        )
        figure.colorbar(image, ax=right, shrink=0.8, label=MODES[self.mode][0])
        figure.suptitle(self.answer.replace("`", ""), fontsize=9)
        return figure

    def static_html(self) -> str:
        import numpy

        tiles = self.tiles
        size, heads, layers = tiles["size"], tiles["heads"], tiles["layers"]
        raw = numpy.frombuffer(tiles["bytes"], dtype=numpy.uint8).reshape(layers, heads, size, size)
        sheet = numpy.full((layers * (size + 2), heads * (size + 2)), 128 if tiles["signed"] else 40, dtype=numpy.uint8)
        for layer in range(layers):
            for head in range(heads):
                sheet[layer * (size + 2) : layer * (size + 2) + size, head * (size + 2) : head * (size + 2) + size] = (
                    raw[layer, head]
                )
        shade = 255 - sheet
        pixels = numpy.stack(
            [
                shade,
                numpy.maximum(shade, (shade.astype(int) // 2 + 100).clip(0, 255).astype(numpy.uint8)),
                numpy.full_like(shade, 255) - sheet // 3,
            ],
            axis=-1,
        ).astype(numpy.uint8)
        pixels = pixels.repeat(max(1, 48 // size), axis=0).repeat(
            max(1, 48 // size), axis=1
        )  # sharp where it is scaled
        image = base64.b64encode(png(numpy.ascontiguousarray(pixels))).decode("ascii")
        return (
            f'<img alt="attention of {layers} layers (rows) and {heads} heads (columns)" '
            f'style="image-rendering:pixelated;max-width:100%;'
            f'width:{min(900, heads * 60)}px" src="data:image/png;base64,{image}">'
        )

    def precomputed(self) -> tuple[dict, dict]:
        """For the exported page: every layer's weights, in this mode and in the others while they stay small."""
        answers, patches, total, mode = {}, {}, 0, self.mode
        others = [] if self.difference else [name for name in MODES if name != mode]
        kept = []
        try:
            for name in (mode, *others):
                self.mode = name
                blocks = self._all_blocks()
                size = sum(len(block["buffers"][0]) for block in blocks.values()) + len(self.tiles["bytes"])
                if self.error or total + size > (ONE_MODE if not kept else ALL_MODES):
                    break
                total += size
                answers |= blocks
                kept.append(name)
                names = ("tiles", "block", "view", "head_facts", "answer")
                patches[f"mode:{json.dumps(name)}"] = {trait: getattr(self, trait) for trait in names}
        finally:
            self.mode = mode
        self.kept_modes = [[name, MODES[name][0]] for name in kept]
        return answers, patches

    def _all_blocks(self) -> dict[str, dict]:
        """Replies to `block_call` in this mode, by the call that an exported page makes."""
        found = {}
        for layer in range(self.workbench.layer_count):
            for head in range(1 if self._whole_layers else self.tiles["heads"]):
                description, buffers = self.block_of(layer, head)
                call = json.dumps({"layer": layer, "head": head, "mode": self.mode}, separators=(",", ":"))
                found[f"block_call:{call}"] = {"result": description, "buffers": buffers}
        return found

    # --- as code

    def _seen_now(self) -> dict:
        """What the model is given, and which heads are off: all that code needs to see it again."""
        workbench = self.workbench
        before, context = ablation_code(workbench)
        return {
            "texts": repr(workbench.text) + (f", {workbench.text_pair!r}" if workbench.text_pair else ""),
            "forced": dict(workbench.forced),
            "masked": list(workbench.masked),
            "ablated": list(workbench.ablated),
            "before": before if workbench.ablated else [],
            "context": context if workbench.ablated else "",
            "place": self._gradient_place(),
            "norm_residual": self.norm_residual,
        }

    def _seeing(self, seen: dict, tokens: bool) -> list[str]:
        """Lines that leave the map of the heads on show in `result`; with `tokens` also the tokens."""
        lines = [f'batch = lab.tokenizer({seen["texts"]}, truncation=True, return_tensors="pt").to(lab.device)']
        if tokens:
            lines.append('tokens = lab.tokenizer.convert_ids_to_tokens(batch["input_ids"][0])')
        lines += [f"batch['input_ids'][0, {position}] = {token}" for position, token in seen["forced"].items()]
        if seen["masked"]:
            lines.append(f"batch['input_ids'][0, {seen['masked']}] = lab.tokenizer.mask_token_id")
        contexts = [] if self.mode == "gradient" else ["torch.no_grad()"]
        contexts += [seen["context"]] if seen["context"] else []
        if self.mode == "norm":
            body = f"maps = attention.norm_weighted(lab.model, batch, residual={seen['norm_residual']})"
        else:
            kept = ", retain_grad=True" if self.mode == "gradient" else ""
            contexts.append(f'record(lab.model, "encoder.layer.*.probs"{kept}) as recording')
            body = "output = lab.model(**batch)"
        lines += [f"with {', '.join(contexts)}:", f"    {body}"]
        if self.mode == "rollout":
            lines.append("maps = attention.rollout(recording)  # (layers, batch, query, key)")
        elif self.mode == "gradient":
            lines.append(f"output.prediction_logits[0, {seen['place']}].log_softmax(-1).max().backward()")
        one = {
            "attention": "recording.attention({0})[0, {1}]",
            "norm": "maps[{0}][0, {1}]",
            "rollout": "maps[{0}][{1}]",
            "gradient": "(recording.attention({0}) * recording.attention({0}).grad).detach()[0, {1}]",
        }[self.mode]
        shown = [one.format(layer, 0 if self.per_layer else head) for layer, head in self.heads_shown()]
        mean = f"torch.stack([{', '.join(shown)}]).mean(0)" if len(shown) > 1 else f"{shown[0]}  # (query, key)"
        return [*lines, f"result = {mean}"]

    def code(self) -> str:
        here, lines = self._seen_now(), ["import torch"]
        sides = [here]
        if self._comparing:
            pinned = self._pinned_weights
            sides = [pinned["seen"] if pinned else {**here, "before": [], "context": ""}, here]
        lines += ["from bertlab.analysis import ablation, attention", "from bertlab.recording import record"]
        lines += ["from bertlab_widgets.heads import aligned_difference"] if self._comparing else []
        lines += self.lab_code()
        lines += dict.fromkeys(line for side in sides for line in side["before"])
        for side in sides:
            lines += self._seeing(side, tokens=self._comparing)
            if self._comparing and side is not here:
                lines.append("pinned, pinned_tokens = result, tokens")
        if self._comparing:
            lines.append("result = aligned_difference(result, tokens, pinned, pinned_tokens)")
        hidden = sorted(set(range(self.workbench.encoding.length)) - set(self.visible))
        renormalise = self.renormalise and not self._signed
        if hidden or renormalise:
            lines.append(f"hidden = torch.tensor([place in {hidden} for place in range(len(result))])")
            lines.append(f"result = attention.hide(result, hidden, renormalise={renormalise})")
        return "\n".join(lines)


def aligned_difference(
    weights: torch.Tensor, tokens: list[str], others: torch.Tensor, other_tokens: list[str]
) -> torch.Tensor:
    """`weights` minus `others`, both (..., query, key), on the tokens that two texts share in order; elsewhere 0."""
    mine, theirs = [], []
    for run in difflib.SequenceMatcher(None, tokens, other_tokens, autojunk=False).get_matching_blocks():
        mine += range(run.a, run.a + run.size)
        theirs += range(run.b, run.b + run.size)
    change = torch.zeros_like(weights)
    rows, columns = torch.tensor(mine)[:, None], torch.tensor(mine)[None]
    change[..., rows, columns] = weights[..., rows, columns] - others[..., theirs, :][..., theirs]
    return change


def encode(weights: torch.Tensor, signed: bool) -> torch.Tensor:
    """Weights of 0 to 1 as a byte each, by their square root, so that small ones keep digits; signed ones round 128."""
    if signed:
        return (128 + 127 * weights.sign() * weights.abs().clamp(max=1).sqrt()).round().to(torch.uint8)
    return (255 * weights.clamp(0, 1).sqrt()).round().to(torch.uint8)


def pooled(weights: torch.Tensor, signed: bool, size: int = TILE) -> torch.Tensor:
    """(heads, n, n) -> (heads, m, m), m <= size: the largest weight of each block, so that thin diagonals stay."""
    if weights.shape[-1] <= size:
        return weights
    up = torch.nn.functional.adaptive_max_pool2d(weights, size)
    if not signed:
        return up
    down = -torch.nn.functional.adaptive_max_pool2d(-weights, size)
    return torch.where(up >= -down, up, down)


def facts_of(measured) -> list[list[dict]]:
    """`bertlab.analysis.attention.HeadStatistics` as rows of dicts, with kinds and their letters."""
    from bertlab.analysis.attention import kinds_of

    kinds = kinds_of(measured)
    values = {name: getattr(measured, name).tolist() for name in STATISTICS}
    return [
        [
            {**{name: values[name][layer][head] for name in STATISTICS}, "kind": kind, "letter": LETTERS[kind]}
            for head, kind in enumerate(row)
        ]
        for layer, row in enumerate(kinds)
    ]
