"""Lab: tokenizer, encoder and heads behind one object; what notebooks and panels talk to."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from bertlab.adapters import EncoderDecoder, fresh_head, is_decoder_folder, load_adapter, merge_lora
from bertlab.devices import find_device
from bertlab.files import resolve
from bertlab.generation import generate
from bertlab.lab.results import (
    Answer,
    AnswerWindow,
    Candidate,
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
from bertlab.model import BertConfig, BertPreTrainedModel
from bertlab.model import heads as task_heads
from bertlab.recording import Recording, record
from bertlab.tasks import TASKS, KnownTask, Window, all_spans, no_answer_score
from bertlab.tokenizer import AutoTokenizer, BatchEncoding, BertTokenizerFast

DEFAULT_MODEL = "bertlab-mini"
BATCH = 32  # texts a pass: large enough to be fast, small enough for a laptop


def load(name_or_path: str | os.PathLike = DEFAULT_MODEL, device: str = "auto", dtype: Any = None, **where: Any) -> Lab:
    """Open a model for exploring: the one that ships, a folder, or a name on the Hub.

    Args:
        device: "auto" takes a GPU when there is one; or any torch device.
        dtype: type of the parameters, such as torch.bfloat16; float32 when None.
        where: `revision`, `cache_dir`, `token`, `local_files_only`, ... as `resolve` knows them.

    Raises:
        OSError: when there is no such model. ValueError: when its files are broken or not BERT's, or this machine
            has no such device.
    """
    folder = resolve(name_or_path, **where)
    model = task_heads.BertForPreTraining.from_pretrained(folder, torch_dtype=dtype)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    lab = Lab(model.to(find_device(device)), tokenizer, name=_display_name(name_or_path))
    lab.model.config.name_or_path = str(name_or_path)
    for adapter in sorted((folder / "tasks").glob("*/config.json")):
        lab.adapters[adapter.parent.name] = adapter.parent
    own = (model.config.architectures or [""])[0]
    if own in {kind.model_class for kind in TASKS.values()}:  # a checkpoint that was fine-tuned for one task
        own_model = getattr(task_heads, own).from_pretrained(folder, torch_dtype=dtype).to(lab.device)
        lab.add_task(_task_name(own_model), own_model)
    return lab


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
        self.model.base_model.skip_padding = True
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

    @property
    def device(self) -> torch.device:
        """Where the model runs."""
        return self.model.device

    # -- tasks -----------------------------------------------------------------------------------------------------

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
        if task in self._models:
            return self._models[task]
        if task in self.adapters and is_decoder_folder(self.adapters[task]):
            model = EncoderDecoder.load_decoder(self.adapters[task], self.model.bert)
        elif task in self.adapters:
            model = merge_lora(load_adapter(self.adapters[task], self.model, share=True))
        elif task in TASKS:
            model = self._fresh_model(TASKS[task])
            self._untrained.add(task)
        else:
            raise LookupError(f"there is no task {task!r}; there are {', '.join(dict.fromkeys([*self.tasks, *TASKS]))}")
        model.base_model.skip_padding = True
        self._models[task] = model.eval()
        return model

    def add_task(self, task: str, model: BertPreTrainedModel) -> None:
        """Let a model that was trained elsewhere (in a panel, by `finetune`) answer for a task from now on."""
        self._untrained.discard(task)
        model.base_model.skip_padding = True
        self._models[task] = model.to(self.device).eval()

    def reseed(self, task: str, seed: int) -> None:
        """Draw the untrained head of a task afresh: what it says changes, because it says nothing."""
        if self.is_trained(task):
            raise ValueError(f"the head of {task!r} is trained; only an untrained one can be drawn again")
        self._models.pop(task, None)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.task_model(task)

    def _fresh_model(self, kind: KnownTask) -> BertPreTrainedModel:
        """A head of random weights on this lab's own encoder (shared, not copied)."""
        if kind.model_class == "EncoderDecoder":
            return EncoderDecoder.with_small_decoder(self.model.bert)
        config = BertConfig.from_dict(self.model.config.to_dict())
        if kind.labels:
            config.id2label = dict(enumerate(kind.labels))
            config.label2id = {label: i for i, label in enumerate(kind.labels)}
        config.problem_type = kind.problem_type
        config.is_decoder = kind.model_class == "BertLMHeadModel"
        return fresh_head(getattr(task_heads, kind.model_class), config, self.model)

    # -- text ------------------------------------------------------------------------------------------------------

    def encode(self, text: Any, text_pair: Any = None, **options: Any) -> BatchEncoding:
        """Tokenize for this model: tensors on its device. Texts that do not fit raise instead of being cut.

        Raises:
            ValueError: for a text with more pieces than the model has positions.
        """
        _check_text(text)
        encoding = self.tokenizer(text, text_pair, return_tensors="pt", padding=True, **options)
        length = encoding["input_ids"].shape[-1]
        if length > self.max_length:
            raise ValueError(
                f"the text has {length} tokens with [CLS] and [SEP]; {self.name} takes at most {self.max_length}; "
                "shorten it, or cut it into windows"
            )
        return encoding.to(self.device)

    @torch.no_grad()
    def record(self, text: str, text_pair: str | None = None, *, names: Any = "*", **options: Any) -> Recording:
        """Run the model on a text or a pair and keep every value: attention, hidden states, logits, tokens."""
        encoding = self.encode(text, text_pair)
        tokens = self.tokenizer.convert_ids_to_tokens(encoding["input_ids"][0].tolist())
        with record(self.model, names, tokens=tokens, **options) as recording:
            recording.output = self.model(**encoding)
        return recording

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
        if not isinstance(top_k, int) or not 1 <= top_k <= size:
            raise ValueError(f"top_k is {top_k!r}; give a whole number from 1 to {size}")
        encoding = self.encode(text, text_pair)
        mask = self.tokenizer.mask_token
        places = (encoding["input_ids"][0] == self.tokenizer.mask_token_id).nonzero().squeeze(1)
        if not len(places):
            raise ValueError(f"the text has no {mask}; put {mask} where a word is to be guessed")
        hidden = self.model.bert(**encoding).last_hidden_state[0, places]  # (masks, hidden)
        probabilities = self.model.cls.predictions(hidden).float().softmax(-1)  # (masks, vocabulary)
        best = probabilities.topk(top_k)
        trained = self.is_trained("fill_mask")
        fills = [
            [
                Candidate(token, i, p, trained)
                for token, i, p in zip(self.tokenizer.convert_ids_to_tokens(ids), ids, values)
            ]
            for ids, values in zip(best.indices.tolist(), best.values.tolist())
        ]
        return MaskFills(fills, trained)

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
        next_, random = logits.softmax(-1).tolist()
        return NextSentence(
            {"is_next": next_, "random": random}, tuple(logits.tolist()), self.is_trained("next_sentence")
        )

    def score(self, text: str) -> Score:
        """Pseudo-log-likelihood: every token masked in turn and asked for (Salazar et al. 2020, equation 1).

        `.total` is the sum of `.log_probabilities` (natural logarithms) over `.tokens`, without [CLS] and [SEP].
        """
        from bertlab.analysis import scoring  # here, so that opening a model does not import the analysis

        self.encode(text)  # refuses what is no text, or too long
        found = scoring.score(self, [text])[0]
        return Score(found.total, found.tokens, found.log_probabilities, self.is_trained("fill_mask"))

    # -- fine-tuned tasks ------------------------------------------------------------------------------------------

    @torch.no_grad()
    def classify(self, text: Any, text_pair: Any = None, task: str = "sentiment") -> Any:
        """A label for a text or a pair: `.label`, `.probabilities` by label; `.labels` of a multi-label task are
        those above one half. A list of texts gives a list."""
        model = self._model_of(task, "BertForSequenceClassification")
        names = _labels(model)
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
    def similarity(self, a: Any, b: Any, task: str = "similarity") -> Any:
        """How close two texts are in meaning: `.score`, about 0 to 5. Lists give a list."""
        model = self._model_of(task, "BertForSequenceClassification")
        if model.config.num_labels != 1:
            raise ValueError(f"{task!r} has {model.config.num_labels} labels; similarity needs a head with one number")
        scores = [Similarity(float(row[0]), self.is_trained(task)) for row in self._logits(model, a, b)]
        return scores if _is_list(a) else scores[0]

    @torch.no_grad()
    def tag(self, text: Any, task: str = "ner") -> list[Span] | list[WordTag]:
        """Label words. A text gives spans with `.text .label .start .end .probability`: entities, or one span a word
        for tasks without B- and I- labels. A list of words gives one `WordTag` a word."""
        model = self._model_of(task, "BertForTokenClassification")
        names, trained = _labels(model), self.is_trained(task)
        words_given = _is_list(text)
        if words_given and not text:
            return []
        encoding = self.encode(text, is_split_into_words=words_given, return_offsets_mapping=True)
        offsets = encoding.pop("offset_mapping")[0].tolist()
        probabilities = model(**encoding).logits[0].float().softmax(-1)  # (sequence, labels)
        best, chosen = (x.tolist() for x in probabilities.max(-1))
        first_piece: dict[int, int] = {}  # word -> its first piece, whose label is the word's
        pieces: dict[int, list[int]] = {}
        for place, word in enumerate(encoding.word_ids(0)):
            if word is not None:
                first_piece.setdefault(word, place)
                pieces.setdefault(word, []).append(place)
        if words_given:
            labelled = [(names[chosen[first_piece[w]]], best[first_piece[w]]) if w in first_piece else ("O", 1.0)
                        for w in range(len(text))]  # fmt: skip
            return [WordTag(word, label, p, trained) for word, (label, p) in zip(text, labelled)]
        words = [
            (names[chosen[first_piece[w]]], best[first_piece[w]], offsets[places[0]][0], offsets[places[-1]][1])
            for w, places in pieces.items()
        ]
        return _spans(text, words, trained)

    @torch.no_grad()
    def answer(
        self, question: str, context: str, task: str = "qa", *, max_answer_tokens: int = 30, stride: int = 128
    ) -> Answer:
        """Find the answer in a text: `.text .start .end .probability .no_answer_probability`.

        A context that does not fit is read in windows that overlap by `stride` tokens.

        Raises:
            ValueError: for an empty question or context, or a question that leaves no room for the context.
        """
        model = self._model_of(task, "BertForQuestionAnswering")
        for name, value in (("question", question), ("context", context)):
            if not isinstance(value, str) or not value.strip():
                raise ValueError(f"the {name} is {value!r}; give some text")
        room = self.max_length - len(self.tokenizer(question)["input_ids"]) - 1
        if room < 8:
            raise ValueError(f"the question leaves {max(room, 0)} of {self.max_length} places; shorten it")
        encoding = self.tokenizer(
            question, context, truncation="only_second", max_length=min(self.max_length, 384 + self.max_length - room),
            stride=min(stride, room // 2), return_overflowing_tokens=True, return_offsets_mapping=True,
            padding=True, return_tensors="pt",
        )  # fmt: skip
        offsets = encoding.pop("offset_mapping").tolist()
        encoding.pop("overflow_to_sample_mapping", None)
        ids = encoding["input_ids"]
        inputs = encoding.to(self.device)
        outputs = [
            model(**{name: value[at : at + 8] for name, value in inputs.items()}) for at in range(0, len(ids), 8)
        ]
        starts = torch.cat([output.start_logits for output in outputs]).float().cpu()  # (windows, sequence)
        ends = torch.cat([output.end_logits for output in outputs]).float().cpu()
        windows, decoded = [], []
        for w in range(len(ids)):
            real = int(inputs["attention_mask"][w].sum())
            inside = [sequence == 1 for sequence in encoding.sequence_ids(w)][:real]
            start, end = starts[w, :real], ends[w, :real]
            windows.append(
                AnswerWindow(
                    self.tokenizer.convert_ids_to_tokens(ids[w, :real].tolist()),
                    [tuple(o) if i else (0, 0) for o, i in zip(offsets[w], inside)],
                    inside,
                    *(x.tolist() for x in (start, end, start.softmax(-1), end.softmax(-1))),
                )
            )
            places = [tuple(o) if i else None for o, i in zip(offsets[w], inside)]
            decoded.append(Window(start.numpy(), end.numpy(), places))
        spans = all_spans(decoded, max_answer_tokens)
        trained = self.is_trained(task)
        if not spans:
            raise ValueError("the context holds no token that the vocabulary knows; give some text")
        everything = torch.tensor([no_answer_score(decoded), *spans.values()]).softmax(0)  # no answer, then each span
        best = int(everything[1:].argmax())
        start_at, end_at = list(spans)[best]
        return Answer(
            context[start_at:end_at], start_at, end_at, float(everything[1 + best]), float(everything[0]), windows,
            trained,
        )  # fmt: skip

    @torch.no_grad()
    def choose(self, prompt: str, choices: Sequence[str], task: str = "choice") -> Choice:
        """Which of several continuations fits best: `.index`, `.probabilities`."""
        model = self._model_of(task, "BertForMultipleChoice")
        if not _is_list(choices) or len(choices) < 1:
            raise ValueError(f"choices is {choices!r}; give a list of at least one text")
        encoding = self.encode([prompt] * len(choices), list(choices))
        logits = model(**{name: value.unsqueeze(0) for name, value in encoding.items()}).logits[0].float()
        probabilities = logits.softmax(-1).tolist()
        index = max(range(len(choices)), key=probabilities.__getitem__)
        return Choice(index, probabilities, list(choices), self.is_trained(task))

    @torch.no_grad()
    def generate(
        self, prompt: str = "", max_new_tokens: int = 20, task: str = "generation", **options: Any
    ) -> Generation:
        """Continue a text from left to right; options as in `bertlab.generation.generate` (`do_sample`, `top_p`, ...).

        Without a trained decoder the same weights are read causally, which they were not trained for.
        """
        model = self._model_of(task, "BertLMHeadModel")
        ids = self.prompt_ids(prompt)
        if ids.shape[1] + max_new_tokens > self.max_length:
            raise ValueError(
                f"{ids.shape[1]} tokens of prompt and {max_new_tokens} new ones exceed the model's {self.max_length}"
            )
        stop = {"eos_token_id": self.tokenizer.sep_token_id, "pad_token_id": self.tokenizer.pad_token_id}
        output = generate(model, ids, max_new_tokens=max_new_tokens, **{**stop, **options})
        new = output[0, ids.shape[1] :].tolist()
        text = self.tokenizer.decode(new, skip_special_tokens=True)
        return Generation(prompt, text, self.tokenizer.convert_ids_to_tokens(new), new, self.is_trained(task))

    @torch.no_grad()
    def rewrite(self, text: str, max_new_tokens: int = 48, task: str = "seq2seq", **options: Any) -> Rewriting:
        """Read a text with the encoder and write another one token by token, looking back by cross-attention.

        The shipped model's decoder puts words into order. `.text`, `.tokens` with their `.probabilities`, and
        `.cross_attention` (layers, heads, written, source) over `.source_tokens`.

        Args:
            max_new_tokens: the decoder stops there if it has not ended by itself.
            options: as in `bertlab.generation.generate` (`num_beams`, `do_sample`, ...).

        Raises:
            ValueError: when the text is empty or more is asked for than the decoder has positions.
        """
        model = self._model_of(task, "EncoderDecoder")
        encoding = self.encode(text)
        ids, mask = encoding["input_ids"], encoding["attention_mask"]
        if ids.shape[1] < 3:
            raise ValueError(f"the text is {text!r}; give at least one word to write from")
        written = generate(
            model.decoder, self.start_ids(), max_new_tokens=max_new_tokens,
            encoder_hidden_states=model.read(ids, mask), encoder_attention_mask=mask,
            **{"eos_token_id": self.tokenizer.sep_token_id, "pad_token_id": self.tokenizer.pad_token_id, **options},
        )[:1]  # fmt: skip
        new = written[0, 1:]
        probabilities, looked = model.look_back(ids, mask, written)
        return Rewriting(
            text, self.tokenizer.convert_ids_to_tokens(ids[0].tolist()),
            self.tokenizer.decode(new.tolist(), skip_special_tokens=True),
            self.tokenizer.convert_ids_to_tokens(new.tolist()), new.tolist(), probabilities.tolist(),
            looked.cpu(), self.is_trained(task),
        )  # fmt: skip

    def start_ids(self) -> torch.Tensor:
        """What a decoder begins with when it writes from a source: [CLS], (1, 1)."""
        return torch.tensor([[self.tokenizer.cls_token_id]], device=self.device)

    def prompt_ids(self, prompt: str) -> torch.Tensor:
        """A prompt as a decoder reads it: [CLS] and the pieces, without [SEP]: (1, tokens)."""
        return self.encode(prompt)["input_ids"][:, :-1]

    # -- helpers ---------------------------------------------------------------------------------------------------

    def _model_of(self, task: str, wanted: str) -> BertPreTrainedModel:
        model = self.task_model(task)
        if type(model).__name__ != wanted:
            fitting = [name for name, kind in TASKS.items() if kind.model_class == wanted]
            raise ValueError(
                f"the task {task!r} is a {type(model).__name__}; this method needs a {wanted}, "
                f"such as {', '.join(fitting)}"
            )
        return model

    def _logits(self, model: BertPreTrainedModel, text: Any, text_pair: Any) -> list[torch.Tensor]:
        """One row of logits per text, on the CPU; in batches."""
        texts = list(text) if _is_list(text) else [text]
        pairs = None if text_pair is None else list(text_pair) if _is_list(text_pair) else [text_pair]
        if pairs is not None and len(pairs) != len(texts):
            raise ValueError(f"{len(texts)} texts came with {len(pairs)} second texts; give as many of each")
        rows: list[torch.Tensor] = []
        for at in range(0, len(texts), BATCH):
            batch = self.encode(texts[at : at + BATCH], None if pairs is None else pairs[at : at + BATCH])
            rows += model(**batch).logits.float().cpu()
        return rows


def _spans(text: str, words: list[tuple[str, float, int, int]], trained: bool) -> list[Span]:
    """Words with labels -> spans: B-X and following I-X are one span of X, O is none, other labels one a word."""
    spans: list[tuple[str, list[float], int, int]] = []
    open_label = None
    for label, p, start, end in words:
        kind, _, name = label.partition("-")
        if label == "O":
            open_label = None
        elif name and kind == "I" and open_label == name:
            _, probabilities, first, _ = spans[-1]
            spans[-1] = (name, [*probabilities, p], first, end)
        else:
            is_entity = bool(name) and kind in ("B", "I")
            open_label = name if is_entity else None
            spans.append((name if is_entity else label, [p], start, end))
    return [Span(text[s:e], name, s, e, sum(ps) / len(ps), trained) for name, ps, s, e in spans]


def _labels(model: BertPreTrainedModel) -> list[str]:
    return [model.config.id2label[i] for i in range(model.config.num_labels)]


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _check_text(text: Any) -> None:
    if not isinstance(text, str) and not (_is_list(text) and all(isinstance(item, str) for item in text)):
        raise TypeError(f"a text is a string (or a list of them), not {type(text).__name__}: {str(text)[:60]!r}")


def _display_name(name_or_path: str | os.PathLike) -> str:
    text = os.fspath(name_or_path)
    return Path(text).resolve().name if Path(text).expanduser().is_dir() else text


def _task_name(model: BertPreTrainedModel) -> str:
    """The name of the task that a fine-tuned checkpoint answers: its own, or that of its class and labels."""
    named = (getattr(model.config, "bertlab", None) or {}).get("task")
    if named:
        return named
    candidates = {name: kind for name, kind in TASKS.items() if kind.model_class == type(model).__name__}
    for name, kind in candidates.items():
        if {label.lower() for label in kind.labels} == {label.lower() for label in _labels(model)}:
            return name
    if type(model).__name__ == "BertForSequenceClassification":
        return "similarity" if model.config.num_labels == 1 else "sentiment"
    return next(iter(candidates))
