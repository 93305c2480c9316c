"""The numbers of an `EmbeddingPanel`: parts of the input, likeness of positions, other orders, nearest words."""

from __future__ import annotations

import random
from typing import Any

import torch

from bertlab.analysis import embeddings
from bertlab.language import say_n

from ..workbench import SelectionError, Workbench

MOST_WORDS = 4  # selected tokens whose neighbours stand side by side
PAIRS = 2000  # random pairs behind "two words drawn by chance"


class Measures:
    """All that the panel says of the workbench's text, computed when asked for and kept."""

    def __init__(self, workbench: Workbench):
        self.workbench = workbench

    @property
    def has_positions(self) -> bool:
        """Whether the model adds vectors of positions."""
        return self.workbench.config.position_embedding_type == "absolute"

    @property
    def parts(self) -> embeddings.EmbeddingParts:
        """The parts of the input representation of the text as it is now."""
        workbench = self.workbench

        def measure() -> embeddings.EmbeddingParts:
            found = embeddings.parts(workbench.model, workbench.batch())
            every = (found.word, found.position, found.token_type, found.sum, found.hidden)
            return embeddings.EmbeddingParts(*(None if value is None else value.cpu() for value in every))

        return workbench.cached(("embedding parts", workbench.text, workbench.text_pair, *self._edits), measure)

    @property
    def _edits(self) -> tuple:
        return (tuple(self.workbench.masked), tuple(sorted(self.workbench.forced.items())))

    def rows(self) -> list[dict]:
        """A row a token: the lengths of the parts, of their sum and of what the norm makes of it, and the shares."""
        found, tokens = self.parts, self.workbench.tokens
        lengths = {name: value[0].norm(dim=-1).tolist() for name, value in found.named().items()}
        lengths |= {"sum": found.sum[0].norm(dim=-1).tolist(), "hidden": found.hidden[0].norm(dim=-1).tolist()}
        shares = {name: value[0].tolist() for name, value in found.shares().items()}
        return [
            {
                "place": i,
                "token": token["text"],
                **{name: values[i] for name, values in lengths.items()},
                **{f"{name}_share": values[i] for name, values in shares.items()},
            }
            for i, token in enumerate(tokens)
        ]

    def strips(self, place: int) -> dict[str, list[float]]:
        """The numbers of one token's vectors, part by part."""
        found = self.parts
        every = {**found.named(), "sum": found.sum, "hidden": found.hidden}
        return {name: value[0, place].tolist() for name, value in every.items()}

    def likeness(self) -> torch.Tensor:
        """Cosines of the position vectors, (positions, positions).

        Raises:
            SelectionError: the model has none.
        """

        def measure() -> torch.Tensor:
            try:
                return embeddings.position_similarity(self.workbench.model).cpu()
            except LookupError as error:
                raise SelectionError(error.args[0]) from None

        return self.workbench.cached(("position likeness",), measure)

    def by_distance(self) -> list[float]:
        """Mean cosine of two positions by how far they are apart, from 0 upwards."""
        likeness = self.likeness()
        return [float(likeness.diagonal(apart).mean()) for apart in range(len(likeness))]

    def order(self, arrange: str, seed: int) -> list[int]:
        """Which token stands at each place: words move, what frames the text stays.

        Raises:
            SelectionError: the two selected words that are to change places are not two.
        """
        tokens = self.workbench.encoding.tokens
        places = [i for i, token in enumerate(tokens) if not token["special"]]
        moved = list(places)
        if arrange == "reversed":
            moved.reverse()
        elif arrange == "swapped":
            chosen = [i for i in self.workbench.selected if i in places] or places[:: max(1, len(places) - 1)][:2]
            if len(chosen) != 2:
                raise SelectionError(
                    say_n(
                        "{count} token of the text is selected; select the two that change places",
                        "{count} tokens of the text are selected; select the two that change places",
                        len(chosen),
                    )
                )
            a, b = (places.index(i) for i in chosen)
            moved[a], moved[b] = moved[b], moved[a]
        else:
            random.Random(seed).shuffle(moved)
        order = list(range(len(tokens)))
        for place, source in zip(places, moved, strict=True):
            order[place] = source
        return order

    def rearranged(self, order: list[int], positions: bool) -> embeddings.Rearranged:
        """What the model puts out before and after, with or without its position vectors."""
        workbench = self.workbench

        def measure() -> embeddings.Rearranged:
            with workbench.lock, workbench.ablating():
                found = embeddings.rearranged(workbench.model, workbench.batch(), order, positions=positions)
            return embeddings.Rearranged(found.before.cpu(), found.after.cpu())

        return workbench.cached(("rearranged", tuple(order), positions, *workbench.key), measure)

    def moves(self, order: list[int]) -> list[dict]:
        """A row a token: its place before and after, and how its last hidden state changes with and without
        positions."""
        tokens, found = self.workbench.tokens, self.rearranged(order, True)
        without = self.rearranged(order, False) if self.has_positions else None
        return [
            {
                "place": i,
                "token": tokens[i]["text"],
                "moved_to": order.index(i),
                "cosine": float(found.cosine[i]),
                "distance": float(found.distance[i]),
                "cosine_without_positions": None if without is None else float(without.cosine[i]),
                "distance_without_positions": None if without is None else float(without.distance[i]),
            }
            for i in range(len(tokens))
        ]

    def others(self, order: list[int]) -> float | None:
        """Mean cosine of the outputs of different tokens: what no likeness at all looks like in this text."""
        states = torch.nn.functional.normalize(self.rearranged(order, True).before, dim=-1)
        count = len(states)
        return float((states @ states.T).sum() - count) / (count * (count - 1)) if count > 1 else None

    def nearest(self, token_id: int, count: int) -> list[dict]:
        """The nearest words in the table: token, id and cosine."""
        workbench = self.workbench
        count = min(count, workbench.token_count - 1)
        # more rows than the vocabulary has words stand for nothing
        most = min(workbench.config.vocab_size - 1, count + workbench.config.vocab_size - workbench.token_count)
        found = workbench.cached(
            ("nearest words", token_id, most), lambda: embeddings.nearest_words(workbench.model, token_id, most)
        )
        found = [word for word in found if word.token_id < workbench.token_count][:count]
        names = workbench.lab.tokenizer.convert_ids_to_tokens([word.token_id for word in found])
        return [
            {"token": name, "id": word.token_id, "cosine": word.similarity}
            for name, word in zip(names, found, strict=True)
        ]

    def by_chance(self) -> float:
        """Mean cosine of two different words drawn by chance from the table, with a pinned seed."""

        def measure() -> float:
            table: Any = self.workbench.model.base_model.embeddings.word_embeddings.weight.detach()
            count = self.workbench.token_count
            drawn = torch.randint(count, (2, PAIRS), generator=torch.Generator().manual_seed(0))
            drawn[1] = torch.where(drawn[0] == drawn[1], (drawn[1] + 1) % count, drawn[1])
            pairs = torch.nn.functional.normalize(table[drawn.to(table.device)].float(), dim=-1)
            return float((pairs[0] * pairs[1]).sum(-1).mean())

        return self.workbench.cached(("words by chance",), measure)
