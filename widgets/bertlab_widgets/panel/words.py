"""Numbers, sentences and tables for an audience; kit/numbers.js writes numbers in the same way."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import reduce

from bertlab.language import say

LEAST = 1e-6  # a probability that is written as less than a thousandth of a percent


def rounded(value: float, places: int) -> str:
    """A number with so many decimals, halves away from zero, as the browser rounds: 12.5 is 13, not 12."""
    return str(Decimal(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))


def percent(probability: float) -> str:
    """A probability for an audience: two significant digits."""
    return say("{number} %", number=_hundredths(probability))


def _hundredths(probability: float) -> str:
    value = 100 * float(probability)
    if value == 0:
        return "0"
    if value < 0.001:
        return "< 0.001"
    if value >= 99.5:
        return rounded(value, 0) if value >= 99.995 else rounded(value, 2).removesuffix("0")
    digits = 0 if value >= 10 else 1 if value >= 1 else 2 if value >= 0.1 else 3 if value >= 0.01 else 4
    return rounded(value, digits)


def points(difference: float) -> str:
    """A difference of two probabilities in percentage points, with its sign: "+3.1 points"."""
    return say("{number} points", number=f"{'−' if difference < 0 else '+'}{_hundredths(abs(difference))}")


def moved(before: float, now: float) -> str:
    """What became of a probability: "falls from 42 % to 31 %", or "stays at 1.1 %" where no digit shows a change."""
    was, is_now = percent(before), percent(now)
    if was == is_now:
        return say("stays at {value}", value=now_digits(before, now))
    if now < before:
        return say("falls from {before} to {now}", before=was, now=is_now)
    return say("rises from {before} to {now}", before=was, now=is_now)


def now_digits(before: float, now: float) -> str:
    """The value that two probabilities have in common to the digits that are shown."""
    return percent((before + now) / 2)


def guessed_number(guess: str) -> float | None:
    """The number that a guess is, "30 %" as 30; None where it is none."""
    try:
        number = float(guess.strip().removesuffix("%").strip().replace(",", ".").replace("−", "-"))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def signed(value: float) -> str:
    """A number with two decimals and a real minus sign."""
    return f"{value:.2f}".replace("-", "−")


def significant(value: float) -> str:
    """A number with two significant digits, a real minus sign, and no exponent down to a millionth."""
    if value == 0 or abs(value) < 1e-6:
        return "0"
    places = max(0, 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{places}f}".replace("-", "−")


def quoted(token: str) -> str:
    """A token inside a sentence; a token that holds the sign itself stays readable."""
    return f"`{token.replace('`', 'ˋ')}`"


def listed(words: Sequence[str], most: int = 8) -> str:
    """Words in backquotes with commas and an "and"; what is over `most` is counted."""
    rest = len(words) - most
    parts = [quoted(word) for word in words[:most]] + ([say("{count} more", count=rest)] if rest > 0 else [])
    return parts[0] if len(parts) == 1 else say("{words} and {last}", words=say(", ").join(parts[:-1]), last=parts[-1])


def in_a_row(sentences: Sequence[str]) -> str:
    """Sentences after each other, as the language sets them."""
    parts = [part for part in sentences if part]
    return reduce(lambda first, second: say("{first} {second}", first=first, second=second), parts) if parts else ""


def shortened(text: str, most: int) -> str:
    """A text of at most so many characters, the last of them a sign that something follows."""
    return text if len(text) <= most else text[: most - 1] + "…"


def counted(count: int, noun: str, plural: str = "") -> str:
    """ "1 head", "3 heads", "2,000 words"."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def sentence_case(text: str) -> str:
    """The first letter large, unless the first word is a name: of a file, a setting, a token."""
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    if not re.fullmatch(r"[a-z]+[,:;]?", first):
        return text
    return text[:1].upper() + text[1:]


def full_stop(text: str) -> str:
    """A sentence without its full stop, with it."""
    return say("{sentence}.", sentence=text)


def slug(text: str, most: int = 32) -> str:
    """A text as a part of a file's name: letters and digits of any script, joined by hyphens."""
    words = re.sub(r"[^\w]+", "-", text, flags=re.UNICODE).strip("-_").lower()
    return words[:most].rstrip("-_")


def html_table(rows: list[dict]) -> str:
    """Rows as a table with inline styles, which survives in untrusted notebooks; a row may lack columns."""
    if not rows:
        return ""
    names = dict.fromkeys(name for row in rows for name in row)
    cell = 'style="padding:1px 8px;text-align:left;border-bottom:1px solid #ccc"'
    head = "".join(f"<th {cell}>{html.escape(str(name))}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(f"<td {cell}>{html.escape(_shown(value))}</td>" for value in map(row.get, names)) + "</tr>"
        for row in rows
    )
    return f'<table style="border-collapse:collapse;font-size:12px"><tr>{head}</tr>{body}</table>'


def _shown(value) -> str:
    if isinstance(value, bool):
        return say("yes") if value else ""
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
