"""Lab: tokenizer, encoder and heads behind one object; what notebooks and panels talk to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from bertlab.lab import answering, gaps, words, writing
from bertlab.lab.naming import label_names, usual_task
from bertlab.lab.recorded import run_recorded
from bertlab.lab.results import (
    Answer,
    Choice,
    Classification,
    Generation,
    MaskFills,
    NextSentence,
    Rewriting,
    Score,
    Similarity,
    Span,
    WordTag,
)
from bertlab.lab.trained import from_folder, made_ready, untrained
from bertlab.lab.vocabulary import follow_vocabulary
from bertlab.model import BertPreTrainedModel
from bertlab.model import heads as task_heads
from bertlab.numbers import as_whole
from bertlab.recording import Recording
from bertlab.tasks import LONG, TASKS, pieces_of
from bertlab.tokenizer import BatchEncoding, BertTokenizerFast

BATCH = 32  # texts a pass: large enough to be fast, small enough for a laptop


class Lab:
    """A BERT to explore: everything that a notebook or a panel asks of it.

    `model` is a `BertForPreTraining`, `tokenizer` a `BertTokenizerFast`. `tasks` names the tasks with a trained head;
    all other tasks of `bertlab.lab.TASKS` work too, with a head of random weights that says so.
    """

    def __init__(
        self,
        model: task_heads.BertForPreTraining,
        tokenizer: BertTokenizerFast,
        name: str = "",
        adapters: Mapping[str, Path] | None = None,
    ):
        self.model = model.eval()
        self.tokenizer = tokenizer
        self.name = name or model.config.name_or_path or "unnamed model"
        self.adapters: dict[str, Path] = dict(adapters or {})
        self._models: dict[str, BertPreTrainedModel] = {}
        self._untrained: set[str] = set()
        self._lock = threading.RLock()  # models are built once, whichever thread asks first
        made_ready(self.model)
        self.max_length = min(model.config.max_position_embeddings, tokenizer.model_max_length)
        fresh = model.loading_report.fresh if model.loading_report is not None else []
        if any(n.startswith("cls.predictions") for n in fresh):
            self._untrained.add("fill_mask")
        if any(n.startswith(("cls.seq_relationship", "bert.pooler")) for n in fresh):
            self._untrained.add("next_sentence")

    def __repr__(self) -> str:
        config = self.model.config
        return (
            f"Lab({self.name}: {config.num_hidden_layers} layers x {config.num_attention_heads} heads, "
            f"{config.hidden_size} wide, {self.model.num_parameters() / 1e6:.1f} M parameters, on {self.device}; "
            f"trained tasks: {', '.join(self.tasks) or 'none'})"
        )

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=threading.RLock())

    @property
    def device(self) -> torch.device:
        """Where the model runs."""
        return self.model.device

    @property
    def tasks(self) -> list[str]:
        """The tasks that have a trained head."""
        names = {*self.adapters, *(name for name in self._models if name not in self._untrained)}
        return sorted(names, key=lambda name: list(TASKS).index(name) if name in TASKS else len(TASKS))

    def is_trained(self, task: str) -> bool:
        """Whether a task's head was trained; "fill_mask" and "next_sentence" are tasks here too."""
        if task in self.tasks:
            return True
        return task in ("fill_mask", "next_sentence") and task not in self._untrained

    def task_model(self, task: str) -> BertPreTrainedModel:
        """The model of a task, in eval mode. Where no trained head exists, one with random weights on this encoder.

        Raises:
            LookupError: for a task that has no trained head here and is none of `TASKS`.
        """
        with self._lock:
            if task not in self._models:
                if task in self.adapters:
                    model = from_folder(self.adapters[task], self.model)
                elif task in TASKS:
                    model = untrained(TASKS[task], self.model)
                    self._untrained.add(task)
                else:
                    names = ", ".join(dict.fromkeys([*self.tasks, *TASKS]))
                    raise LookupError(f"there is no task {task!r}; there are {names}")
                self._models[task] = made_ready(model)
            follow_vocabulary(self._models[task], self.model)
            return self._models[task]

    def add_task(self, task: str, model: BertPreTrainedModel) -> None:
        """Let a model that was trained elsewhere (in a panel, by `finetune`) answer for a task from now on."""
        with self._lock:
            self._untrained.discard(task)
            self._models[task] = made_ready(model.to(self.device))

    def is_built(self, task: str) -> bool:
        """Whether the model of a task stands in memory already."""
        return task in self._models

    def forget(self, task: str) -> None:
        """Take the model of a task away; what is asked of it next builds it anew."""
        with self._lock:
            self._untrained.discard(task)
            self._models.pop(task, None)

    def reseed(self, task: str, seed: int) -> None:
        """Draw the untrained head of a task afresh: what it says changes, because it says nothing."""
        if self.is_trained(task):
            raise ValueError(f"the head of {task!r} is trained; only an untrained one can be drawn again")
        with self._lock, torch.random.fork_rng(devices=[]):
            self._models.pop(task, None)
            torch.manual_seed(seed)
            self.task_model(task)

    def encode(self, text: Any, text_pair: Any = None, **options: Any) -> BatchEncoding:
        """Tokenize for this model: tensors on its device. Texts that do not fit raise instead of being cut.

        Raises:
            ValueError: for a text with more pieces than the model has positions.
        """
        _check_text(text)
        self.check_length(text)
        encoding = self.tokenizer(text, text_pair, return_tensors="pt", padding=True, **options)
        length = encoding["input_ids"].shape[-1]
        if length > self.max_length:
            raise ValueError(
                f"the text has {length} tokens with [CLS] and [SEP]; {self.name} takes at most {self.max_length}; "
                "shorten it, or cut it into windows"
            )
        return encoding.to(self.device)

    def check_length(self, text: Any) -> None:
        """Refuse a text of very many characters before all of it is cut into pieces, which would take memory.

        Raises:
            ValueError: it has more pieces than the model has positions.
        """
        for one in text if _is_list(text) else [text]:
            if isinstance(one, str) and len(one) > LONG:
                (pieces,) = pieces_of(self.tokenizer, [one], most=self.max_length)
                if len(pieces) > self.max_length:
                    raise ValueError(
                        f"the text has {len(one):,} characters and more than {len(pieces)} tokens; {self.name} takes "
                        f"at most {self.max_length}; shorten it, or cut it into windows"
                    )

    def record(self, text: Any, text_pair: Any = None, *, names: Any = "*", **options: Any) -> Recording:
        """Run the model on a text or a pair and keep every value: attention, hidden states, logits, tokens.

        Args:
            text: one text; a list of texts is run as one batch, padded to the longest: `.tokens` is then a list of
                tokens for each text, padding included, as the axes of the values have it. Or what `encode` gave, with
                other ids in it where something is to be tried: it is run as it stands.
            text_pair: second texts, as many.
            names: which values; patterns as for `bertlab.record`, whose `options` are taken too.

        Raises:
            TypeError: for what is neither text nor batch. ValueError: for a text that does not fit into the model.
        """
        encoded = isinstance(text, Mapping) and "input_ids" in text
        if encoded and text_pair is not None:
            raise TypeError("a batch was given, and a second text; a batch holds both texts: give it alone")
        encoding = text if encoded else self.encode(text, text_pair)
        tokens = [self.tokenizer.convert_ids_to_tokens(row) for row in encoding["input_ids"].tolist()]
        one = isinstance(text, str) or (encoded and len(tokens) == 1)
        return run_recorded(self.model, encoding, names=names, tokens=tokens[0] if one else tokens, **options)

    def embed(
        self, texts: Any, *, layer: int = -1, pooling: str = "mean", progress: Callable[[float], object] | None = None
    ) -> torch.Tensor:
        """One vector for each text, in the order given: (texts, hidden), detached; one string gives (1, hidden).

        Args:
            layer: the hidden state, 0 (embeddings) to the number of layers, or from the end.
            pooling: "mean" or "max" over all real tokens, [CLS] and [SEP] included, as sentence-transformers takes
                them; "cls", the first token; "pooler", the pooler on the first token of that layer.
            progress: called with the share that is done; raising in it stops the work.

        Raises:
            TypeError: for what are no strings. ValueError: for no texts, one that does not fit into the model, and
                another layer or pooling.
        """
        from bertlab.analysis import embed  # here, so that opening a model does not import the analysis

        return embed(self, texts, layer=layer, pooling=pooling, progress=progress)

    # -- pre-training tasks ----------------------------------------------------------------------------------------

    @torch.no_grad()
    def fill_mask(self, text: str, top_k: int = 5, text_pair: str | None = None) -> MaskFills:
        """The most probable words for each [MASK]: one list per mask of candidates with `.token`, `.token_id` and
        `.probability`.

        Raises:
            ValueError: when the text has no mask, or `top_k` is not between 1 and the size of the vocabulary.
        """
        size = self.model.config.vocab_size
        count = as_whole(top_k)
        if count is None or not 1 <= count <= size:
            raise ValueError(f"top_k is {top_k!r}; give a whole number from 1 to {size}")
        return gaps.fill(self, text, count, text_pair)

    def mask_id(self) -> int:
        """The id of [MASK].

        Raises:
            ValueError: the tokenizer has no such token, or the model no row for it.
        """
        return gaps.mask_id(self)

    @torch.no_grad()
    def next_sentence(self, a: str, b: str) -> NextSentence:
        """Whether B follows A: `.probabilities` of "is_next" and "random".

        Answered by the pre-trained head, or by a task model named "next_sentence" where there is one.
        """
        encoding = self.encode(a, b)
        if "next_sentence" in self.tasks:
            logits = self._model_of("next_sentence", "BertForNextSentencePrediction")(**encoding).logits[0].float()
        else:
            pooled = self.model.bert(**encoding).pooler_output
            logits = self.model.cls.next_sentence(pooled)[0].float()
        next_, random = self.sound(logits).softmax(-1).tolist()
        return NextSentence(
            {"is_next": next_, "random": random}, tuple(logits.tolist()), self.is_trained("next_sentence")
        )

    def score(self, text: str) -> Score:
        """Pseudo-log-likelihood: every token masked in turn and asked for (Salazar et al. 2020, equation 1).

        `.total` is the sum of `.log_probabilities` (natural logarithms) over `.tokens`, without [CLS] and [SEP].
        """
        from bertlab.analysis import scoring  # here, so that opening a model does not import the analysis

        self.mask_id()
        self.encode(text)  # refuses what is no text, or too long
        found = scoring.score(self, [text])[0]
        return Score(found.total, found.tokens, found.log_probabilities, self.is_trained("fill_mask"))

    # -- fine-tuned tasks ------------------------------------------------------------------------------------------

    @torch.no_grad()
    def classify(self, text: Any, text_pair: Any = None, task: str | None = None) -> Any:
        """A label for a text or a pair: `.label`, `.probabilities` by label; `.labels` of a multi-label task are
        those above one half. A list of texts gives a list.

        Args:
            task: "sentiment" where it is trained, or the only classification that is, unless another is named.
        """
        task = task or usual_task(self, "sentiment", "BertForSequenceClassification")
        model = self._model_of(task, "BertForSequenceClassification")
        names = label_names(model.config)
        multi = model.config.problem_type == "multi_label_classification"
        if len(names) == 1:
            raise ValueError(f"{task!r} gives a number, not a label; use lab.similarity or lab.task_model({task!r})")
        results = []
        for row in self._logits(model, text, text_pair):
            values = (row.sigmoid() if multi else row.softmax(-1)).tolist()
            probabilities = dict(zip(names, values))
            label = max(probabilities, key=probabilities.__getitem__)
            labels = [name for name, p in probabilities.items() if p > 0.5] if multi else [label]
            results.append(Classification(label, probabilities, labels, multi, self.is_trained(task)))
        return results if _is_list(text) else results[0]

    @torch.no_grad()
    def similarity(self, a: Any, b: Any, task: str | None = None) -> Any:
        """How close two texts are in meaning: `.score`, about 0 to 5. Lists give a list.

        Args:
            task: "similarity" where it is trained, or the only regression that is, unless another is named.
        """
        task = task or usual_task(self, "similarity", "BertForSequenceClassification")
        model = self._model_of(task, "BertForSequenceClassification")
        if model.config.num_labels != 1:
            raise ValueError(f"{task!r} has {model.config.num_labels} labels; similarity needs a head with one number")
        scores = [Similarity(float(row[0]), self.is_trained(task)) for row in self._logits(model, a, b)]
        return scores if _is_list(a) else scores[0]

    @torch.no_grad()
    def tag(self, text: Any, task: str | None = None) -> list[Span] | list[WordTag]:
        """Label words. A text gives spans with `.text .label .start .end .probability`: entities, or one span a word
        for tasks whose labels are none of entities. A list of words gives one `WordTag` a word.

        Args:
            task: "ner" where it is trained, or the only tagging that is, unless another is named.
        """
        task = task or usual_task(self, "ner", "BertForTokenClassification")
        model = self._model_of(task, "BertForTokenClassification")
        names, trained = label_names(model.config), self.is_trained(task)
        if not _is_list(text):
            return words.tag_text(self, model, names, text, trained)
        return words.tag_words(self, model, names, text, trained) if text else []

    @torch.no_grad()
    def answer(
        self, question: str, context: str, task: str = "qa", *, max_answer_tokens: int = 30, stride: int = 128
    ) -> Answer:
        """Find the answer in a text: `.text .start .end .probability .no_answer_probability`, and all `.spans`.

        A context that does not fit is read in windows that overlap by `stride` tokens.

        Raises:
            ValueError: for an empty question or context, or a question that leaves no room for the context.
        """
        model = self._model_of(task, "BertForQuestionAnswering")
        for name, value, least in (("max_answer_tokens", max_answer_tokens, 1), ("stride", stride, 0)):
            if as_whole(value) is None or value < least:
                raise ValueError(f"{name} is {value!r}; give a whole number of at least {least}")
        return answering.answer(
            self, model, question, context, longest=int(max_answer_tokens), stride=int(stride),
            trained=self.is_trained(task),
        )  # fmt: skip

    @torch.no_grad()
    def choose(self, prompt: str, choices: Sequence[str], task: str = "choice") -> Choice:
        """Which of several continuations fits best: `.index`, `.probabilities`."""
        model = self._model_of(task, "BertForMultipleChoice")
        if not _is_list(choices) or len(choices) < 1:
            raise ValueError(f"choices is {choices!r}; give a list of at least one text")
        encoding = self.encode([prompt] * len(choices), list(choices))
        logits = model(**{name: value.unsqueeze(0) for name, value in encoding.items()}).logits[0].float()
        probabilities = self.sound(logits).softmax(-1).tolist()
        index = max(range(len(choices)), key=probabilities.__getitem__)
        return Choice(index, probabilities, list(choices), self.is_trained(task))

    @torch.no_grad()
    def generate(
        self, prompt: str = "", max_new_tokens: int = 20, task: str = "generation", **options: Any
    ) -> Generation | list[Generation]:
        """Continue a text from left to right; options as in `bertlab.generation.generate` (`do_sample`, `top_p`, ...).
        With `num_return_sequences` above 1 it gives a list.

        Without a trained decoder the same weights are read causally, which they were not trained for.
        """
        model = self._model_of(task, "BertLMHeadModel")
        found = writing.go_on(self, model, prompt, _length(max_new_tokens), options, self.is_trained(task))
        return found if len(found) > 1 else found[0]

    @torch.no_grad()
    def rewrite(
        self, text: str, max_new_tokens: int = 48, task: str = "seq2seq", **options: Any
    ) -> Rewriting | list[Rewriting]:
        """Read a text with the encoder and write another one token by token, looking back by cross-attention.

        The shipped model's decoder puts words into order. `.text`, `.tokens` with their `.probabilities`, and
        `.cross_attention` (layers, heads, written, source) over `.source_tokens`.

        Args:
            max_new_tokens: the decoder stops there if it has not ended by itself.
            options: as in `bertlab.generation.generate` (`num_beams`, `do_sample`, ...). With `num_return_sequences`
                above 1 it gives a list.

        Raises:
            ValueError: when the text is empty or more is asked for than the decoder has positions.
        """
        model = self._model_of(task, "EncoderDecoder")
        found = writing.rewrite(self, model, text, _length(max_new_tokens), options, self.is_trained(task))
        return found if len(found) > 1 else found[0]

    def start_ids(self) -> torch.Tensor:
        """What a decoder begins with when it writes from a source: [CLS], (1, 1)."""
        return torch.tensor([[self.tokenizer.cls_token_id]], device=self.device)

    def prompt_ids(self, prompt: str) -> torch.Tensor:
        """A prompt as a decoder reads it: [CLS] and the pieces, without [SEP]: (1, tokens)."""
        return self.encode(prompt)["input_ids"][:, :-1]

    def _model_of(self, task: str, wanted: str) -> BertPreTrainedModel:
        model = self.task_model(task)
        if type(model).__name__ != wanted:
            fitting = [name for name, kind in TASKS.items() if kind.model_class == wanted]
            raise ValueError(
                f"the task {task!r} is a {type(model).__name__}; this method needs a {wanted}, "
                f"such as {', '.join(fitting)}"
            )
        return model

    def sound(self, logits: torch.Tensor) -> torch.Tensor:
        """The logits, if they are numbers.

        Raises:
            ValueError: they are not: the weights are broken.
        """
        if not torch.isfinite(logits).all():
            raise ValueError(
                f"{self.name} answered with values that are no numbers (NaN or infinite), so its weights are broken or "
                "its type of numbers is too narrow"
            )
        return logits

    def _logits(self, model: BertPreTrainedModel, text: Any, text_pair: Any) -> list[torch.Tensor]:
        """One row of logits per text, on the CPU; in batches."""
        texts = list(text) if _is_list(text) else [text]
        pairs = None if text_pair is None else list(text_pair) if _is_list(text_pair) else [text_pair]
        if pairs is not None and len(pairs) != len(texts):
            raise ValueError(f"{len(texts)} texts came with {len(pairs)} second texts; give as many of each")
        rows: list[torch.Tensor] = []
        for at in range(0, len(texts), BATCH):
            batch = self.encode(texts[at : at + BATCH], None if pairs is None else pairs[at : at + BATCH])
            rows += self.sound(model(**batch).logits.float()).cpu()
        return rows


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _check_text(text: Any) -> None:
    if not isinstance(text, str) and not (_is_list(text) and all(isinstance(item, str) for item in text)):
        raise TypeError(f"a text is a string (or a list of them), not {type(text).__name__}: {str(text)[:60]!r}")


def _length(value: Any) -> Any:
    """How much to write: whole numbers of numpy as Python's; what is none is for `generate` to refuse."""
    whole = as_whole(value)
    return value if whole is None else whole
