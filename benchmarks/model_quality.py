"""What a pre-trained model knows and prefers: masked words, minimal pairs, capitals, next sentences, biases. Figures
for its model card.

    python benchmarks/model_quality.py DATA_FOLDER [--model bertlab-mini] [--pairs 12] [--words 3000]

DATA_FOLDER holds the evaluation sets by name: wikitext2_eval, blimp, factbook, storybooks, the Wikipedias, crows_pairs
and winogender (see the model card). The task heads are measured where they are trained: `python -m bertlab.recipes
task ...`.
"""

import argparse
import gzip
import json
import random
from collections import defaultdict
from pathlib import Path

import torch

import bertlab
from bertlab.analysis import scoring
from bertlab.data import mask_tokens
from bertlab.recipes.sets import next_sentence

CAPITALS = (
    "France Germany Italy Spain Portugal Greece Austria Belgium Hungary Poland Norway Sweden Finland Denmark Ireland "
    "Russia Ukraine Turkey Egypt Kenya Nigeria Ethiopia Morocco Algeria Iran Iraq Israel Syria Lebanon Jordan India "
    "Pakistan Bangladesh Nepal China Japan Thailand Vietnam Indonesia Philippines Australia Canada Cuba Mexico Brazil "
    "Argentina Chile Peru Colombia Venezuela"
).split()


def masked_words(lab, ids: list[int], wanted: int, length: int) -> tuple[float, float, float]:
    """Loss, top-1 and top-5 at 15 % masked places (80/10/10) of running text, cut to sequences of `length` tokens."""
    generator = torch.Generator().manual_seed(0)
    tokenizer, losses, best, among_five, count = lab.tokenizer, [], 0, 0, 0
    rows_of_batch, inside = 2048 // length, length - 2  # without [CLS] and [SEP]
    batch = rows_of_batch * inside
    for at in range(0, len(ids) - batch, batch):
        rows = torch.tensor(ids[at : at + batch]).view(rows_of_batch, inside)
        rows = torch.nn.functional.pad(rows, (1, 0), value=tokenizer.cls_token_id)
        rows = torch.nn.functional.pad(rows, (0, 1), value=tokenizer.sep_token_id)
        masked = mask_tokens(
            rows,
            mask_token_id=tokenizer.mask_token_id,
            vocab_size=lab.model.config.vocab_size,
            special=torch.isin(rows, torch.tensor(tokenizer.all_special_ids)),
            generator=generator,
        )
        places = masked.labels != -100
        with torch.no_grad():
            hidden = lab.model.bert(masked.input_ids).last_hidden_state[places]
            logits = lab.model.cls.predictions(hidden)
        truth = masked.labels[places]
        losses.append(torch.nn.functional.cross_entropy(logits, truth, reduction="sum").item())
        hits = logits.topk(5).indices == truth[:, None]
        best, among_five, count = best + hits[:, 0].sum().item(), among_five + hits.sum().item(), count + len(truth)
        if count >= wanted:
            break
    return sum(losses) / count, best / count, among_five / count


def stereotypes(lab, rows: list[dict]) -> tuple[float, dict[str, float]]:
    """CrowS-Pairs (Nangia et al. 2020): how often the more stereotyping sentence of a pair is the likelier one, by
    pseudo-log-likelihood of the whole sentence; 50 % would be even-handed. Over all pairs and by type."""
    pairs = scoring.minimal_pairs(lab, [(row["sent_more"], row["sent_less"], row["bias_type"]) for row in rows])
    return pairs.accuracy, pairs.by_phenomenon


def pronouns(lab, sentences: list[dict], women: dict[str, float]) -> tuple[float, float]:
    """Winogender sentences (Rudinger et al. 2018) with the pronoun masked: how the logarithm of p(she) / p(he) goes
    with the share of women in an occupation (Spearman), and how often "he" is the likelier of the two."""
    from scipy.stats import spearmanr

    odds = defaultdict(list)
    for row in sentences:
        occupation, _, _, gender, _ = row["sentid"].split(".")
        for he, she in (("he", "she"), ("him", "her"), ("his", "her")):
            words = row["sentence"].split()
            if gender == "male" and he in words and occupation in women:
                words[words.index(he)] = "[MASK]"
                with torch.no_grad():
                    encoding = lab.encode(" ".join(words))
                    place = encoding["input_ids"][0].tolist().index(lab.tokenizer.mask_token_id)
                    logits = lab.model(**encoding).prediction_logits[0, place]
                ids = lab.tokenizer.convert_tokens_to_ids([she, he])
                odds[occupation].append(float(logits[ids[0]] - logits[ids[1]]))
    means = {occupation: sum(values) / len(values) for occupation, values in odds.items()}
    every = [value for values in odds.values() for value in values]
    correlation = spearmanr(list(means.values()), [women[occupation] for occupation in means]).statistic
    return float(correlation), sum(value < 0 for value in every) / len(every)


def read_lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="bertlab-mini")
    parser.add_argument("--pairs", type=int, default=12, help="minimal pairs of each paradigm (default %(default)s)")
    parser.add_argument("--words", type=int, default=3000, help="masked words to ask for (default %(default)s)")
    parser.add_argument("--every", type=int, default=1, help="of CrowS-Pairs take every n-th pair (default all)")
    chosen = parser.parse_args()
    lab = bertlab.load(chosen.model)
    print(lab)

    with gzip.open(chosen.data / "wikitext2_eval/valid.txt.gz", "rt", encoding="utf-8") as file:
        lines = [line.strip() for line in file if len(line) > 80]
    ids = [i for line in lines for i in lab.tokenizer(line, add_special_tokens=False)["input_ids"]]
    for length in (128, 512):
        loss, first, five = masked_words(lab, ids, chosen.words, length)
        print(f"masked words of WikiText-2, {length} tokens: loss {loss:.3f}, top-1 {first:.1%}, top-5 {five:.1%}")

    paradigms = defaultdict(list)
    with gzip.open(chosen.data / "blimp/minimal_pairs.jsonl.gz", "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            paradigms[row["UID"]].append((row["sentence_good"], row["sentence_bad"], row["UID"]))
    picker = random.Random(0)
    pairs = [pair for rows in paradigms.values() for pair in picker.sample(rows, min(chosen.pairs, len(rows)))]
    by_paradigm = scoring.minimal_pairs(lab, pairs).by_phenomenon.values()
    mean = sum(by_paradigm) / len(by_paradigm)
    print(f"BLiMP: {mean:.1%} mean over {len(paradigms)} paradigms, {len(pairs)} pairs (chance 50 %)")

    facts = read_lines(chosen.data / "factbook/country_facts.jsonl")
    capital = {fact["country"]: fact["capital"] for fact in facts if fact.get("capital")}
    items = [(f"The capital of {name} is [MASK].", capital[name].lower()) for name in CAPITALS if name in capital]
    answers = scoring.cloze(lab, items)
    first, five = answers.accuracy(1), answers.accuracy(5)
    print(f"capitals of {len(answers.counted)} countries: top-1 {first:.0%}, top-5 {five:.0%}")

    rows = next_sentence(chosen.data, 1000).dev["held-out text"]
    right = sum(lab.next_sentence(row["text"], row["pair"]).is_next == (row["label"] == 0) for row in rows)
    print(f"next sentence against random: {right / len(rows):.1%} of {len(rows)} (chance 50 %)")

    share, by_type = stereotypes(lab, read_lines(chosen.data / "crows_pairs/pairs.jsonl")[:: chosen.every])
    parts = ", ".join(f"{name} {value:.0%}" for name, value in sorted(by_type.items()))
    print(f"CrowS-Pairs, the more stereotyping sentence is likelier: {share:.1%} (even-handed 50 %); {parts}")
    stats = read_lines(chosen.data / "winogender/occupation_stats.jsonl")
    women = {row["occupation"]: row["bls_pct_female"] for row in stats}
    correlation, he = pronouns(lab, read_lines(chosen.data / "winogender/sentences.jsonl"), women)
    print(f"Winogender: she/he goes with the share of women, Spearman {correlation:.2f}; he is likelier in {he:.0%}")


if __name__ == "__main__":
    main()
