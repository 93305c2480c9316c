"""What the tokenizer panel says of a trace, of two tokenizers and of lengths.

The library tells of its steps in English; here the same sentences can be translated.
"""

from __future__ import annotations

import re

from bertlab.language import mark, say, say_n

from ..panel import in_a_row

STEPS = {  # name of a step of `bertlab.tokenizer.Trace` -> (as it is shown, what it does)
    "text": (mark("text"), mark("The text as it was given.")),
    "lowercase": (
        mark("lowercase"),
        mark("Every character lowercased on its own, special tokens kept."),
    ),
    "added tokens": (mark("added tokens"), mark("Added tokens cut out.")),
    "clean": (mark("clean"), mark("Control characters removed, blanks made spaces.")),
    "chinese": (mark("chinese"), mark("Spaces around Chinese characters.")),
    "compose": (mark("compose"), mark("Letters and their accents composed (NFC).")),
    "split": (mark("split"), mark("Split at white space.")),
    "accents": (mark("accents"), mark("Accents removed (NFD without Mn).")),
    "punctuation": (mark("punctuation"), mark("Split at punctuation.")),
    "pieces": (mark("pieces"), mark("Greedy longest match against the vocabulary.")),
}

REFUSED = re.compile(r"the readable tokenizer cannot follow this one, for (.+), and would make other pieces of .+")
PARTS = {  # how the library begins to name a part that is not BERT's -> the same with the `kind` that it is
    "its normalizer is ": mark("its normalizer is {kind}"),
    "its pre-tokenizer is ": mark("its pre-tokenizer is {kind}"),
    "its model is ": mark("its model is {kind}"),
}


def title(step) -> str:
    """The name of a step."""
    return say(STEPS[step.name][0])


def description(step) -> str:
    """What a step does, as a sentence."""
    return say(STEPS[step.name][1])


def why_unknown(word, prefix: str, most: int) -> str:
    """Why a word of a trace became [UNK]: the sentence that is its `unknown`."""
    given = {"word": word.text, "prefix": prefix, "place": word.unknown_at}
    if word.unknown_at is None:
        shown = word.text if len(word.text) <= 30 else word.text[:27] + "..."
        return say(
            "{word!r} has {length} characters, more than the {most} a word may have.",
            word=shown,
            length=len(word.text),
            most=most,
        )
    given["character"] = word.text[word.unknown_at]
    if word.unknown_at == 0:
        return say("{word!r} is unknown as a whole: no piece begins at character {place}, {character!r}.", **given)
    return say(
        "{word!r} is unknown as a whole: no piece {prefix}… goes on at character {place}, {character!r}.", **given
    )


def refusal(error: str) -> str:
    """Why the readable tokenizer does not follow one of another kind, as its error says."""
    found = REFUSED.fullmatch(error)
    if not found:
        return error
    reasons = say(" and ").join(map(_part, found[1].split(" and ")))
    return say(
        "the readable tokenizer cannot follow this one, for {reasons}, and would make other pieces of the same text",
        reasons=reasons,
    )


def _part(reason: str) -> str:
    """One reason of a refusal: the part of the tokenizer that is not BERT's, and the kind that it is."""
    for begin, message in PARTS.items():
        if reason.startswith(begin):
            return say(message, kind=reason.removeprefix(begin))
    return reason


def of_comparison(comparison: dict, other: str, pair: bool) -> str:
    """Whether two tokenizers agree; of a `pair` of texts the first is compared."""
    (mine, theirs), given = comparison["counts"], {"other": other}
    if comparison["same"] and mine < 2:
        if pair:
            return say("The readable tokenizer and {other} agree on the first text.", **given)
        return say("The readable tokenizer and {other} agree.", **given)
    if comparison["same"]:
        given["count"] = mine
        if pair:
            return say("The readable tokenizer and {other} agree on all {count} tokens of the first text.", **given)
        return say("The readable tokenizer and {other} agree on all {count} tokens.", **given)
    given = {"tokens": say_n("{count:,} token", "{count:,} tokens", mine), "theirs": theirs}
    parts = sum(run[0] != "equal" for run in comparison["runs"])
    if pair:
        return say_n(
            "They part at {count:,} place of the first text: {tokens} against {theirs}.",
            "They part at {count:,} places of the first text: {tokens} against {theirs}.",
            parts,
            **given,
        )
    return say_n(
        "They part at {count:,} place: {tokens} against {theirs}.",
        "They part at {count:,} places: {tokens} against {theirs}.",
        parts,
        **given,
    )


def of_length(lengths: dict) -> str:
    """How many tokens the words become, and what of them is cut off or unknown."""
    given = {name: lengths[name] for name in ("parts", "tokens", "limit")}
    if lengths["cut"]:
        return say_n(
            "{count:,} word becomes more than {limit:,} tokens: the model does not see what is cut off.",
            "{count:,} words become more than {limit:,} tokens: the model does not see what is cut off.",
            lengths["words"],
            **given,
        )
    if lengths["parts"] > lengths["words"]:
        said = say_n(
            "{count:,} word, split into {parts:,} parts, becomes {tokens:,} tokens; the limit is {limit:,}.",
            "{count:,} words, split into {parts:,} parts, become {tokens:,} tokens; the limit is {limit:,}.",
            lengths["words"],
            **given,
        )
    else:
        said = say_n(
            "{count:,} word becomes {tokens:,} tokens; the limit is {limit:,}.",
            "{count:,} words become {tokens:,} tokens; the limit is {limit:,}.",
            lengths["words"],
            **given,
        )
    if not lengths["unknown"]:
        return said
    unknown = say_n(
        "{count:,} token is unknown: [UNK] stands for what it was.",
        "{count:,} tokens are unknown: [UNK] stands for what it was.",
        lengths["unknown"],
    )
    return in_a_row([said, unknown])
