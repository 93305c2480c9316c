"""`TokenizerPanel`: how does the text become tokens, and why these?"""

from __future__ import annotations

import difflib
import json
import tempfile
from collections import Counter

from traitlets import Enum, Int, List, Unicode, default

from bertlab.language import mark, say

from ..panel import Panel, in_a_row, quoted
from ..workbench import SelectionError, encode
from . import said

LEAST_LIMIT = 3  # tokens: [CLS], a word, [SEP]
MOST_WORDS = 400  # words whose search is sent to the browser
VARIANTS = {  # name -> (what is shown, options of the readable tokenizer)
    "fast": (mark("the fast tokenizer"), None),
    "cased": (mark("case kept (do_lower_case=False)"), {"do_lower_case": False}),
    "accents": (mark("accents kept (strip_accents=False)"), {"strip_accents": False}),
    "chinese": (
        mark("no spaces around Chinese (tokenize_chinese_chars=False)"),
        {"tokenize_chinese_chars": False},
    ),
    "basic": (mark("white space only (do_basic_tokenize=False)"), {"do_basic_tokenize": False}),
}


class TokenizerPanel(Panel):
    """Text to tokens as a stepper, a table, offsets, and against another tokenizer.

        panel = TokenizerPanel(lab, "Unaffable naïveté in 東京 😀")
        panel.data()                      # a row a token: token, id, type, position, start, end, characters
        panel.look, panel.step = "steps", 8
        panel.against = "cased"           # or the name of one of `vocabularies={"name": tokenizer}`

    Settings: `look` (steps, table, compare, length), `step` (of the algorithm), `word` (whose search is shown),
    `attempt` (how far the search has gone; -1: to its end), `against`, `limit` (tokens that are taken in "length"; 0
    for as many as the model can).
    """

    script = "tokens.js"
    question_text = mark("How does the text become tokens?")
    settings = ("look", "step", "word", "attempt", "against", "limit")
    speaks_of_heads = True  # no head has a part in how a text is cut

    look = Enum(("steps", "table", "compare", "length"), "steps").tag(sync=True)
    step = Int(-1, help="which step of the algorithm; -1: the last, the pieces").tag(sync=True)
    word = Int(0).tag(sync=True)
    attempt = Int(-1).tag(sync=True)
    against = Unicode("fast").tag(sync=True)
    limit = Int(0, min=0, help="tokens that are taken at most; 0 for as many as the model can").tag(sync=True)
    variants = List().tag(sync=True)

    def __init__(self, *arguments, vocabularies: dict | None = None, **settings):
        self.vocabularies = dict(vocabularies or {})
        super().__init__(*arguments, **settings)

    @default("variants")
    def _all_variants(self) -> list[list[str]]:
        shown = [[name, say(shown)] for name, (shown, _) in VARIANTS.items()]
        return shown + [[name, name] for name in self.vocabularies]

    # --- numbers

    def readable(self, options: dict | None = None):
        """The readable tokenizer with the lab's vocabulary and options, or with some of them changed.

        Raises:
            ValueError: the lab's tokenizer cuts texts in another way than BERT's.
        """
        from bertlab.tokenizer import BertTokenizer

        tokenizer = self.workbench.lab.tokenizer
        key = ("readable", id(tokenizer), tuple(sorted((options or {}).items())))

        def build():
            if hasattr(tokenizer, "readable"):
                own = tokenizer.readable()  # refuses what it cannot follow
                if not options:
                    return own
            with tempfile.TemporaryDirectory() as folder:
                tokenizer.save_pretrained(folder)
                return BertTokenizer.from_pretrained(folder, **(options or {}))

        return self.workbench.cached(key, build)

    def trace(self):
        """Every step on the first sentence, as `bertlab.tokenizer.Trace`.

        Raises:
            ValueError: the lab's tokenizer cuts texts in another way than BERT's, so that these are not its steps.
        """
        text = self.workbench.text
        return self.workbench.cached(
            ("trace", id(self.workbench.lab.tokenizer), text), lambda: self.readable().trace(text)
        )

    def _trace_or_why(self):
        """(the trace, "") or (None, why there is none)."""
        try:
            return self.trace(), ""
        except ValueError as error:
            return None, said.refusal(str(error))

    def rows(self) -> list[dict]:
        """A row a token, as the model gets it (before masking)."""
        texts = (self.workbench.text, self.workbench.text_pair)
        return [
            {
                "token": token["text"],
                "id": token["id"],
                "type": token["type"],
                "position": position,
                "start": token["start"],
                "end": token["end"],
                "characters": "" if token["word"] is None else texts[token["segment"]][token["start"] : token["end"]],
                "word": token["word"],
                "unknown": token["unknown"],
            }
            for position, token in enumerate(self.workbench.encoding.tokens)
        ]

    def comparison(self) -> dict:
        """The readable tokenizer's tokens beside those of `against`, and where they part."""
        mine = self.readable().tokenize(self.workbench.text)
        if self.against in self.vocabularies:
            theirs = self.vocabularies[self.against].tokenize(self.workbench.text)
        elif self.against == "fast":
            fast = self.workbench.lab.tokenizer
            theirs = fast.convert_ids_to_tokens(
                fast(self.workbench.text, add_special_tokens=False, verbose=False)["input_ids"]
            )
        elif self.against in VARIANTS:
            theirs = self.readable(VARIANTS[self.against][1]).tokenize(self.workbench.text)
        else:
            there = say(", ").join([*VARIANTS, *self.vocabularies])
            raise SelectionError(say("{against!r} was given; there are {names}.", against=self.against, names=there))
        runs = [
            [tag, mine[a:b], theirs[c:d]]
            for tag, a, b, c, d in difflib.SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes()
        ]
        return {"runs": runs, "counts": [len(mine), len(theirs)], "same": mine == theirs}

    def lengths(self) -> dict:
        """Words and tokens against the limit, the model's own or a smaller one, and what is cut off.

        `words` are those between blanks; `parts` what they are split into at punctuation and Chinese characters, of
        what is not cut off; `pieces` counts the parts by how many pieces they have.
        """
        workbench = self.workbench
        own, texts = workbench.limit, (workbench.text, workbench.text_pair)
        limit = min(self.limit, own) if self.limit else own
        encoding = workbench.encoding
        if limit < own:
            key = ("encoding", *texts, limit)
            encoding = workbench.cached(key, lambda: encode(workbench.lab.tokenizer, *texts, limit))
        counts = Counter((token["segment"], token["word"]) for token in encoding.tokens if token["word"] is not None)
        sizes = Counter(min(count, 7) for count in counts.values())
        return {
            "words": sum(len(text.split()) for text in texts),
            "parts": len(counts),
            "tokens": encoding.length,
            "limit": limit,
            "own": own,
            "cut": [part for part in encoding.cut if part],
            "pieces": [sizes[size] for size in range(1, 8)],
            "unknown": sum(token["unknown"] for token in encoding.tokens),
        }

    # --- what is shown

    def refresh(self, changed: set[str]) -> None:
        if self.limit and self.limit < LEAST_LIMIT:
            raise SelectionError(
                say(
                    "limit {limit} was given; [CLS], [SEP] and a word want {least} at least",
                    limit=self.limit,
                    least=LEAST_LIMIT,
                )
            )
        trace, why = self._trace_or_why()
        if trace is not None and "version" in changed and self.word >= len(trace.words):
            self.word = 0
        if trace is not None and ("version" in changed or "selected" in changed):
            self._follow_selection(trace)
        view = {
            "look": self.look,
            "rows": self.rows(),
            "lengths": self.lengths(),
            "steps": self._steps(trace) if trace is not None else [],
            "words": self._words(trace) if trace is not None else [],
            "why": why,
        }
        if self.look == "compare":
            view["comparison"] = None if trace is None else self.comparison()
        self.view = view
        self.answer = self.sentence(view, trace)
        if why and self.look in ("steps", "compare"):
            self.show_error(ValueError(why))

    def _follow_selection(self, trace) -> None:
        """The word whose search is shown is that of the selected token."""
        for position in self.workbench.selected[:1]:
            token = self.workbench.encoding.tokens[position]
            if token["word"] is None or token["segment"] != 0:
                continue
            for index, word in enumerate(trace.words):
                if word.start <= token["start"] and token["end"] <= word.end and word.end > word.start:
                    if index != self.word:
                        self.word, self.attempt = index, -1
                    break

    def _steps(self, trace) -> list[dict]:
        steps, before = [], None
        for step in trace.steps:
            chunks = [chunk.text for chunk in step.chunks][:MOST_WORDS]
            steps.append(
                {
                    "name": step.name,
                    "title": said.title(step),
                    "description": said.description(step),
                    "chunks": chunks,
                    "changed": before is not None and chunks != before,
                }
            )
            before = chunks
        return steps

    def _words(self, trace) -> list[dict]:
        return [
            {
                "text": word.text,
                "pieces": [piece.token for piece in word.pieces],
                "unknown": self._why_unknown(word),
                "whole": word.whole,
                "attempts": [
                    [attempt.candidate, attempt.start, attempt.end, attempt.found] for attempt in word.attempts
                ],
            }
            for word in trace.words[:MOST_WORDS]
        ]

    def sentence(self, view: dict, trace) -> str:
        """The answer line: what the stage shows now."""
        lengths = view["lengths"]
        if view["why"] and self.look in ("steps", "compare"):
            return say("This tokenizer's steps cannot be shown; its table and lengths can.")
        if self.look == "compare":
            shown = dict(self.variants).get(self.against, self.against)
            return said.of_comparison(view["comparison"], shown, bool(self.workbench.text_pair))
        if self.look == "steps" and trace.words and not lengths["cut"]:
            word = trace.words[min(self.word, len(trace.words) - 1)]
            others = [other for other in trace.words if other.unknown and other is not word]
            return in_a_row([self._of_word(word), *map(self._why_unknown, others[:1])])
        return said.of_length(lengths)

    def _why_unknown(self, word) -> str:
        """Why a word of the trace became [UNK]; empty where it did not."""
        own = self.readable().wordpiece
        return said.why_unknown(word, own.prefix, own.max_characters_per_word) if word.unknown else ""

    def _of_word(self, word) -> str:
        """What became of the word whose search is shown."""
        if word.unknown:
            return say("In search of pieces: {why}", why=self._why_unknown(word))
        text = quoted(word.text)
        if len(word.pieces) > 1:
            pieces = quoted(" ".join(piece.token for piece in word.pieces))
            return say(
                "{word} is not in the vocabulary; the longest pieces that are give {pieces}.", word=text, pieces=pieces
            )
        if word.whole:
            return say("{word} is a special token and is never cut.", word=text)
        return say("{word} stands in the vocabulary as it is: one piece.", word=text)

    def gate(self) -> str:
        return say("How many tokens will this text become, [CLS] and [SEP] included?")

    def grade(self, guess: str) -> str:
        count = self.workbench.encoding.length
        if not guess.strip().isdecimal():
            return say("`{guess}` is not a number; there are {count} tokens.", guess=guess, count=count)
        given = {"guess": guess.strip(), "count": count, "off": abs(int(guess) - count)}
        if int(guess) == count:
            return say("Right: {count} tokens.", count=count)
        if int(guess) > count:
            return say("You said {guess}; there are {count}, {off} fewer.", **given)
        return say("You said {guess}; there are {count}, {off} more.", **given)

    # --- data, code, pictures

    def data(self) -> list[dict]:
        return self.rows()

    @property
    def _drawn(self) -> bool:
        """Whether the look has a picture: not without a text, nor where the first one was refused."""
        return "why" in self.view and not (self.view["why"] and self.look in ("steps", "compare"))

    def table(self) -> list[dict]:
        """What the look shows: steps of the algorithm, tokens, both tokenizers, pieces a word."""
        view = self.view
        if not self._drawn:
            return []
        if self.look == "steps":
            chosen = range(len(view["steps"])) if self.step < 0 else [min(self.step, len(view["steps"]) - 1)]
            return [
                {"step": step, "name": view["steps"][step]["name"], "place": place, "piece": chunk}
                for step in chosen
                for place, chunk in enumerate(view["steps"][step]["chunks"])
            ]
        if self.look == "compare":
            return [
                {"run": run, "differs": kind != "equal", "readable": " ".join(mine), self.against: " ".join(theirs)}
                for run, (kind, mine, theirs) in enumerate(view["comparison"]["runs"])
            ]
        if self.look == "length":
            sizes = [*map(str, range(1, 7)), mark("7 and more")]
            return [
                {"pieces": size, "parts": count, "tokens": view["lengths"]["tokens"], "limit": view["lengths"]["limit"]}
                for size, count in zip(sizes, view["lengths"]["pieces"], strict=True)
            ]
        return self.rows()

    def code(self) -> str:
        pair = f", {self.workbench.text_pair!r}" if self.workbench.text_pair else ""
        return "\n".join(
            [
                *self.lab_code(),
                f"encoded = lab.tokenizer({self.workbench.text!r}{pair}, truncation=True, return_offsets_mapping=True)",
                'tokens = lab.tokenizer.convert_ids_to_tokens(encoded["input_ids"])',
                'columns = (encoded[name] for name in ("input_ids", "token_type_ids", "offset_mapping"))',
                "result = list(zip(tokens, *columns))",
                "for row in result:",
                "    print(*row)",
            ]
        )

    def precomputed(self) -> tuple[dict, dict]:
        """For the exported page: the text against every other tokenizer."""
        against, look, patches = self.against, self.look, {}
        try:
            for name in ("length", "table", "steps", "compare"):
                self.look = name
                patches[f'look:"{name}"'] = {"view": self.view, "answer": self.answer, "against": against}
            for name, _ in self.variants:
                self.against = name
                patches[f"against:{json.dumps(name)}"] = {"view": self.view, "answer": self.answer, "look": "compare"}
        finally:
            self.against, self.look = against, look
        return {}, patches

    def figure(self, width: float = 7.0):
        from matplotlib.figure import Figure

        if self.look == "length":
            rows = self.table()
            figure = Figure(figsize=(width, 2.6), layout="constrained")
            axes = figure.subplots()
            axes.bar([say(row["pieces"]) for row in rows], [row["parts"] for row in rows], color="#0b62b0")
            axes.set_xlabel(say("pieces"), fontsize=8)
            axes.set_ylabel(say("words and signs"), fontsize=8)
        else:
            names, rows = self._cells() if self._drawn else ([""], [])
            figure = Figure(figsize=(width, 0.24 * len(rows) + 1), layout="constrained")
            axes = figure.subplots()
            axes.axis("off")
            table = axes.table(rows or [[""] * len(names)], colLabels=names, loc="upper left", cellLoc="left")
            table.auto_set_font_size(False)
            table.set_fontsize(8)
            table.auto_set_column_width(range(len(names)))
            self._mark(table)
        axes.set_title(self.answer.replace("`", ""), fontsize=9, loc="left", wrap=True)
        return figure

    def _cells(self) -> tuple[list[str], list[list]]:
        """Column names and rows of the look, short enough for a page."""
        if self.look == "steps":
            chunks = [(step["title"], " | ".join(step["chunks"])) for step in self.view["steps"]]
            return [say("step"), say("text")], [[i, f"{name}: {shown[:110]}"] for i, (name, shown) in enumerate(chunks)]
        if self.look == "compare":
            rows = [
                [row["readable"][:50], row[self.against][:50], "≠" if row["differs"] else ""] for row in self.table()
            ]
            return [say("readable"), self.against, ""], rows[:60]
        rows = self.rows()[:60]
        names = [say("position"), say("token"), say("id"), say("type"), say("characters")]
        return names, [[r["position"], r["token"], r["id"], r["type"], f"{r['start']}–{r['end']}"] for r in rows]

    def _mark(self, table) -> None:
        """The step on show, or the selected tokens, in bold."""
        last = len(self.view.get("steps", [])) - 1
        shown = {"steps": [last if self.step < 0 else min(self.step, last)], "table": self.workbench.selected}
        for (row, _), cell in table.get_celld().items():
            if row - 1 in shown.get(self.look, []):
                cell.get_text().set_fontweight("bold")
