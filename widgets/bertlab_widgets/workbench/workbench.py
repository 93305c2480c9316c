"""The one state behind all the panels: a text, what is selected in it, what is done to it, and what the model says.

A panel never runs the model and never talks to another panel. It sets a trait of the `Workbench` (a token selected, a
place masked, a head switched off) and reads results from it. Results are computed when first asked for and kept, so
that any number of panels show the same recording. Tests drive the same traits without a browser.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import weakref
from collections import OrderedDict
from collections.abc import Iterator

import torch
from traitlets import Any, Dict, Enum, HasTraits, Int, List, Tuple, Unicode, observe, validate

from bertlab.language import mark, say
from bertlab.tokenizer import without_surrogates

from .checks import SelectionError, index, moved, whole
from .encoding import Encoding, encode, joined_words, token_names
from .lock import ModelLock
from .results import Result, logits_of, size_of
from .together import Together
from .watched import mask_id

CACHE_BYTES = 400e6  # results older than these many bytes of newer ones are computed again when asked for
KEPT = ("encoder.layer.*.attention.self.probs", "*hidden")  # what every pass records; more only where a panel asks
INTERVENTIONS = ("masked", "forced", "ablated", "ablation")


class Workbench(HasTraits):
    """Text, selection, edits and the model's results, shared by any number of panels.

        workbench = Workbench(lab, "The cat sat on the mat.")
        workbench.masked = [6]                       # position of "mat"
        workbench.predictions(6, count=3)            # [{"token": ..., "id": ..., "probability": ...}, ...]
        workbench.ablated = [(2, 5)]                 # layer 2, head 5 switched off
        workbench.recording.attention(2)             # (1, heads, query, key)

    Layers, heads and positions count from 0, as in the hook names. Setting a trait to something that the text or the
    model does not have raises a ValueError and changes nothing.
    """

    text = Unicode()
    text_pair = Unicode()
    selected = List(Int(), help="positions of the selected tokens")
    layer = Int(0)
    head = Int(0)
    heads = List(Tuple(Int(), Int()), help="further (layer, head) pairs that are looked at together with layer.head")
    masked = List(Int(), help="positions replaced by [MASK]")
    forced = Dict(help="position -> token id put in its place")
    ablated = List(Tuple(Int(), Int()), help="(layer, head) pairs that are switched off")
    ablation = Enum(
        ("zero", "mean", "corpus", "uniform"),
        "zero",
        help="what a switched-off head gives instead: nothing, its mean over this text or over `corpus`, an even look",
    )
    corpus = List(Unicode(), help="sentences to average over; empty for those that ship")
    seed = Int(0)
    lab = Any()
    settled = Int(0, help="rises when several traits that were set together are all set")
    version = Int(0, help="rises whenever the model's results for this state are new; panels observe it")

    def __init__(self, lab, text: str = "", text_pair: str | None = None, **traits):
        self.lock = ModelLock(self)
        self._cache: OrderedDict = OrderedDict()
        self._numbers, self._labs = itertools.count(), weakref.WeakKeyDictionary()  # each lab by a number of its own
        self._together, self._stale = Together(self._settle), False
        self.opener = None  # opens a panel by the name of its tab, with settings: the application sets it
        super().__init__()
        with self.together():
            self.lab = lab
            self.layer = min(self.layer, self.layer_count - 1)
            self.set_text(text, text_pair or "")
            for name, value in traits.items():
                if name not in self.trait_names():
                    known = ", ".join(sorted(self.trait_names()))
                    raise SelectionError(say("Workbench has no trait {name!r}; it has {known}", name=name, known=known))
                setattr(self, name, value)

    def __repr__(self) -> str:
        pair = f", {self.text_pair!r}" if self.text_pair else ""
        return f"Workbench({self.lab.name!r}, {self.text!r}{pair})"

    def show(self):
        """All the panels as one application that looks at this state; displaying the workbench shows it."""
        return importlib.import_module("bertlab_widgets.app").application(self)  # the application stands above

    def _repr_mimebundle_(self, **options):
        return self.show()._repr_mimebundle_(**options)

    def _ipython_display_(self) -> None:
        self.show()._ipython_display_()

    # --- the model's measures

    @property
    def model(self):
        """The lab's model, with the pre-training heads."""
        return self.lab.model

    @property
    def config(self):
        """The model's configuration."""
        return self.lab.model.config

    @property
    def layer_count(self) -> int:
        """How many layers the model has."""
        return self.config.num_hidden_layers

    @property
    def head_count(self) -> int:
        """How many heads a layer has."""
        return self.config.num_attention_heads

    @property
    def limit(self) -> int:
        """How many tokens the model takes."""
        return min(self.config.max_position_embeddings, self.lab.tokenizer.model_max_length)

    # --- what may be set

    _check_index = staticmethod(index)

    @validate("layer")
    def _check_layer(self, proposal):
        return self._check_index(proposal.value, self.layer_count, mark("layer"))

    @validate("head")
    def _check_head(self, proposal):
        return self._check_index(proposal.value, self.head_count, mark("head"))

    @validate("heads", "ablated")
    def _check_heads(self, proposal):
        for layer, head in proposal.value:
            self._check_index(layer, self.layer_count, mark("layer"))
            self._check_index(head, self.head_count, mark("head"))
        return sorted({(layer, head) for layer, head in proposal.value})

    @validate("text", "text_pair")
    def _check_text(self, proposal):
        """Halves of surrogate pairs are U+FFFD, as the tokenizer reads them: no file and no browser could take them."""
        return without_surrogates(proposal.value)

    @validate("selected")
    def _check_selected(self, proposal):
        return sorted({self._check_index(position, self.encoding.length, mark("token")) for position in proposal.value})

    @validate("masked")
    def _check_masked(self, proposal):
        if proposal.value and mask_id(self) is None:
            no_mask = mark("{model} has no [MASK] token in its vocabulary, so nothing can be masked")
            raise SelectionError(say(no_mask, model=self.lab.name))
        return sorted({self._check_editable(position) for position in proposal.value})

    @validate("forced")
    def _check_forced(self, proposal):
        return {
            self._check_editable(whole(place, "token")): self._check_index(token, self.token_count, mark("token id"))
            for place, token in proposal.value.items()
        }

    @property
    def token_count(self) -> int:
        """How many ids stand for a token: a model may have more rows than its vocabulary has words."""
        return min(self.config.vocab_size, len(self.lab.tokenizer))

    def _check_editable(self, position: int) -> int:
        self._check_index(position, self.encoding.length, mark("token"))
        token = self.encoding.tokens[position]
        if token["special"] and token["id"] != mask_id(self):
            frames = mark("token {place} is {token}, which frames the sentence: choose a token of the text itself")
            raise SelectionError(say(frames, place=position, token=token["text"]))
        return position

    # --- changes, one by one or several as one step

    def together(self) -> Together:
        """A context in which several traits are set as one step: the panels wait until the end and draw once."""
        return self._together

    @property
    def unsettled(self) -> bool:
        """True while several traits are being set as one step."""
        return self._together.open

    def _settle(self) -> None:
        if self._stale:
            self._stale = False
            self.version += 1
        self.settled += 1

    @observe("lab", "corpus", *INTERVENTIONS)
    def _state_changed(self, change):
        with self.together():
            self._stale = True

    @observe("text", "text_pair")
    def _text_changed(self, change):
        before = {"text": self.text, "text_pair": self.text_pair, change["name"]: change["old"] or ""}
        with self.together():
            self._stale = True
            self._carry_over(self._encoding_of(before["text"], before["text_pair"]))

    def _carry_over(self, before: Encoding) -> None:
        """Selection, masks and changed tokens of words that are still there go with them; the others are dropped."""
        if not (self.selected or self.masked or self.forced):
            return
        places = moved(before.tokens, self.encoding.tokens)
        kept = {name: [places[i] for i in getattr(self, name) if i in places] for name in ("selected", "masked")}
        forced = {places[i]: token for i, token in self.forced.items() if i in places}
        self.selected, self.masked, self.forced = kept["selected"], kept["masked"], forced

    def model_changed(self) -> None:
        """Say that the model's weights are new (after training, say): every panel computes again."""
        with self.lock:
            self._cache.clear()
        with self.together():
            self._stale = True

    def set_text(self, text: str, text_pair: str = "") -> None:
        """Both sentences in one step."""
        with self.together():
            self.text, self.text_pair = text, text_pair

    def exchange_lab(self, lab) -> None:
        """Look at another lab from now on; what its model or its tokens do not have is taken back."""
        with self.lock, self.together():
            config = lab.model.config
            small = config.num_hidden_layers <= self.layer or config.num_attention_heads <= self.head
            if small or self.lab.tokenizer is not lab.tokenizer:
                self.reset()
            self._cache.clear()  # its keys do not name the lab's weights
            self.lab = lab

    def reset(self) -> None:
        """Take back every selection and edit; the text stays."""
        with self.together():
            self.selected, self.masked, self.forced, self.heads, self.ablated = [], [], {}, [], []
            self.ablation, self.layer, self.head = "zero", 0, 0

    # --- computed, kept

    def cached(self, key, function):
        """`function()` under the model's lock, remembered under `key` for this lab; the oldest of many results go."""
        with self.lock:
            if self.lab not in self._labs:
                self._labs[self.lab] = next(self._numbers)
            key = (self._labs[self.lab], key)
            if key not in self._cache:
                value = function()
                self._cache[key] = value, size_of(value)
                while len(self._cache) > 1 and sum(size for _, size in self._cache.values()) > CACHE_BYTES:
                    self._cache.popitem(last=False)
            self._cache.move_to_end(key)
            return self._cache[key][0]

    def known(self, key) -> bool:
        """Whether `cached` remembers a result under `key`."""
        with self.lock:
            return (self._labs.get(self.lab), key) in self._cache

    @property
    def encoding(self) -> Encoding:
        """The text as tokens, before masks and forced tokens."""
        return self._encoding_of(self.text, self.text_pair)

    def _encoding_of(self, text: str, text_pair: str) -> Encoding:
        key = ("encoding", text, text_pair)
        return self.cached(key, lambda: encode(self.lab.tokenizer, text, text_pair, self.limit))

    @property
    def empty(self) -> bool:
        """True where there is nothing to look at but what frames a text."""
        return all(token["special"] and token["id"] != mask_id(self) for token in self.encoding.tokens)

    @property
    def tokens(self) -> list[dict]:
        """The encoding's tokens as they are now: masked places show [MASK], forced ones their new token."""
        shown = []
        names = self.lab.tokenizer.convert_ids_to_tokens(self.input_ids[0].tolist()) if self.encoding.length else []
        for position, (token, name) in enumerate(zip(self.encoding.tokens, names, strict=True)):
            token = dict(token, text=name, original=token["text"], position=position)
            if position in self.forced and position not in self.masked:
                token["forced"] = True
            shown.append(token)
        return shown

    @property
    def words(self) -> list[dict]:
        """The tokens joined to words: what each is called (`text`, and `original` before edits), its `positions`."""
        return joined_words(self.tokens, self.lab.tokenizer)

    @property
    def input_ids(self) -> torch.Tensor:
        """(1, sequence), with the masks and forced tokens in place."""
        input_ids = self.encoding.input_ids.clone()
        changed = {**self.forced, **dict.fromkeys(self.masked, mask_id(self))}
        for position, token in changed.items():
            input_ids[0, position] = token
        return input_ids

    @property
    def mask_positions(self) -> list[int]:
        """Every place that now holds [MASK], also those that the text itself masks."""
        return self.masks_in(self.input_ids)

    def masks_in(self, input_ids: torch.Tensor) -> list[int]:
        """The places of [MASK] in ids (1, sequence); none where the vocabulary has no [MASK]."""
        mask = mask_id(self)
        return [] if mask is None else (input_ids[0] == mask).nonzero().flatten().tolist()

    def hidden(self, position: int) -> Result:
        """The model's pass over the state with one more token hidden."""

        def compute() -> Result:
            ids = self.input_ids.clone()
            ids[0, position] = mask_id(self)
            return self.run(names=("*hidden",), input_ids=ids)

        return self.cached(("hidden", position, *self.key), compute)

    def batch(self, input_ids: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
        """The model's arguments on its device; `input_ids` (batch, sequence) may stand in for the state's own."""
        input_ids = self.input_ids if input_ids is None else input_ids
        types = self.encoding.token_type_ids.expand_as(input_ids)
        batch = {"input_ids": input_ids, "token_type_ids": types, "attention_mask": torch.ones_like(input_ids)}
        return {name: value.to(next(self.model.parameters()).device) for name, value in batch.items()}

    @property
    def key(self) -> tuple:
        """What the results depend on."""
        ablated = (tuple(self.ablated), self.ablation) if self.ablated else ()
        if self.ablated and self.ablation == "corpus":
            ablated = (*ablated, tuple(self.corpus))
        return (self.text, self.text_pair, tuple(self.masked), tuple(sorted(self.forced.items())), ablated)

    def ablating(self):
        """A context in which the switched-off heads are off."""
        if not self.ablated:
            return contextlib.nullcontext()
        from bertlab.analysis.ablation import ablate

        return ablate(self.model, self.ablated, **self.ablation_options())

    def ablation_options(self) -> dict:
        """`how` and `means` for `bertlab.analysis.ablation`, as `ablation` says."""
        if self.ablation != "corpus":
            return {"how": self.ablation}
        return {"how": "mean", "means": self.corpus_means()}

    def sentences(self) -> list[str]:
        """What `corpus` holds, or sentences that ship with the library."""
        if self.corpus:
            return list(self.corpus)
        from bertlab.data import samples

        return [row["text"] for row in samples("topics")][:60]

    @property
    def _means_key(self) -> tuple:
        return ("corpus means", tuple(self.corpus))

    def corpus_means(self) -> list[torch.Tensor]:
        """For each layer what its heads give on average over the corpus, (heads, head size); computed once."""
        for _ in self.measure_means():
            pass
        return self.cached(self._means_key, list)

    def measure_means(self) -> Iterator[float]:
        """Compute `corpus_means` step by step; yields the share that is done."""
        from bertlab.analysis.ablation import corpus_means

        if self.known(self._means_key):
            return
        texts, sums, count = self.sentences(), None, 0
        for at in range(0, len(texts), 16):
            part = texts[at : at + 16]
            with self.lock:
                weight = int(self.lab.encode(part)["attention_mask"].sum())
                means = [mean.double() * weight for mean in corpus_means(self.lab, part)]
            sums = means if sums is None else [total + mean for total, mean in zip(sums, means, strict=True)]
            count += weight
            yield min(1.0, (at + 16) / len(texts))
        dtype = next(self.model.parameters()).dtype
        self.cached(self._means_key, lambda: [(total / count).to(dtype) for total in sums])

    @property
    def result(self) -> Result:
        """The model's pass over the state as it is, edits included."""
        return self.cached(("result", *self.key), lambda: self.run(ablate=True))

    @property
    def baseline(self) -> Result:
        """The same with every head on; what an ablation is compared with."""
        if not self.ablated:
            return self.result
        return self.cached(("result", *self.key[:-1], ()), lambda: self.run(ablate=False))

    @property
    def recording(self):
        """Attention probabilities and hidden states of the state as it is."""
        return self.result.recording

    def run(
        self, *, ablate: bool = True, names: tuple[str, ...] = KEPT, input_ids: torch.Tensor | None = None
    ) -> Result:
        """One forward pass with the activations `names` kept. Not remembered: use `result`.

        Args:
            ablate: whether switched-off heads are off.
            input_ids: (1, sequence), in place of the state's own.
        """
        if self.empty:
            raise SelectionError(say("there is no text yet: type a sentence, or choose a preset."))
        with self.lock, self.ablating() if ablate else contextlib.nullcontext():
            recording = self.lab.record(self.batch(input_ids), names=list(names))
        mlm, nsp = logits_of(recording.output)
        return Result(recording, None if mlm is None else mlm[0].float(), None if nsp is None else nsp[0].float())

    def predictions(self, position: int, count: int = 5, result: Result | None = None) -> list[dict]:
        """The `count` likeliest tokens at one place: dicts of token, id, probability; most likely first."""
        probabilities = self.probabilities(position, result)
        best = probabilities.topk(min(count, len(probabilities)))
        names = token_names(self.lab.tokenizer, best.indices.tolist())
        return [
            {"token": name, "id": int(token), "probability": float(p)}
            for name, token, p in zip(names, best.indices, best.values, strict=True)
        ]

    def probabilities(self, position: int, result: Result | None = None) -> torch.Tensor:
        """(vocabulary,): the masked-language-model distribution at one place."""
        result = result or self.result
        if result.mlm_logits is None:
            raise SelectionError(
                say(
                    "{model} has no masked-language-model head, so it predicts no words: "
                    "load a model that has one, bertlab.load() for example.",
                    model=self.lab.name,
                )
            )
        self._check_index(position, self.encoding.length, mark("token"))
        return result.mlm_logits[position].softmax(-1)
