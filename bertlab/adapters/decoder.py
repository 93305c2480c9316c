"""An encoder that reads a sequence and a decoder that writes another one, looking at the first by cross-attention.

Both are BERTs, as in Rothe et al. 2020. On a trained encoder a small decoder is enough; it shares the encoder's word
embeddings, so that a folder with such a decoder holds only what is its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bertlab.adapters.store import fingerprint, grown
from bertlab.data import IGNORED, assemble, pad
from bertlab.files import read_json, replacing_all
from bertlab.generation import generate
from bertlab.model import BertConfig, BertLMHeadModel, BertModel

__all__ = ["EncoderDecoder", "is_decoder_folder", "sequence_batch", "sequence_feature"]

# A decoder for an encoder that can already read: shallow, since finding the words is most of its work.
SMALL = {"num_hidden_layers": 2}
LONGEST = 128  # positions of such a decoder
WEIGHTS = "decoder.safetensors"


class EncoderDecoder(nn.Module):
    """A `BertModel` that reads and a `BertLMHeadModel` with cross-attention that writes.

    Args:
        config: that of the encoder; the decoder's differs by `decoder_fields` only.
        encoder: read with this one, already trained, and share its word embeddings; a new one if None.
        decoder_fields: fields of the decoder's config, such as `num_hidden_layers`.

    `trained_to` says in words what a stored decoder was trained to do; empty where its folder does not.
    """

    trained_to = ""

    def __init__(self, config: BertConfig, encoder: BertModel | None = None, **decoder_fields: Any):
        super().__init__()
        self.config = config
        self.encoder = BertModel(config, add_pooling_layer=False) if encoder is None else encoder
        fields = {**config.to_dict(), **decoder_fields, "is_decoder": True, "add_cross_attention": True}
        self.decoder = BertLMHeadModel(BertConfig.from_dict(fields))
        if encoder is not None:
            self.decoder.to(encoder.device, encoder.dtype)  # before it shares what need not be moved
            self.decoder.bert.embeddings.word_embeddings = encoder.embeddings.word_embeddings
            self.decoder.tie_weights()

    @classmethod
    def with_small_decoder(cls, encoder: BertModel) -> EncoderDecoder:
        """A fresh decoder of two layers, of half the usual inner width, on an encoder that can read."""
        config = encoder.config
        return cls(
            config, encoder, **SMALL, intermediate_size=2 * config.hidden_size,
            max_position_embeddings=min(LONGEST, config.max_position_embeddings),
        )  # fmt: skip

    @property
    def base_model(self) -> BertModel:
        """The encoder."""
        return self.encoder

    @property
    def device(self) -> torch.device:
        """Where the model runs."""
        return next(self.parameters()).device

    def read(
        self, input_ids: Tensor | None, attention_mask: Tensor | None = None, inputs_embeds: Tensor | None = None
    ) -> Tensor:
        """What the decoder looks at: the encoder's last hidden states, (batch, source, hidden)."""
        return self.encoder(input_ids, attention_mask, inputs_embeds=inputs_embeds).last_hidden_state

    def forward(
        self, input_ids: Tensor | None, attention_mask: Tensor | None, decoder_input_ids: Tensor, *,
        inputs_embeds: Tensor | None = None, **options: Any,
    ) -> Any:  # fmt: skip
        """The decoder's output for sources (batch, source), or their word vectors (batch, source, hidden), and the
        targets so far (batch, target)."""
        return self.decoder(
            decoder_input_ids, torch.ones_like(decoder_input_ids), use_cache=False,
            encoder_hidden_states=self.read(input_ids, attention_mask, inputs_embeds),
            encoder_attention_mask=attention_mask, **options,
        )  # fmt: skip

    @torch.no_grad()
    def write(self, input_ids: Tensor, attention_mask: Tensor, tokenizer: Any, longest: int = 20) -> Tensor:
        """Greedy decoding: (batch, at most `longest`) ids; what follows a [SEP] is padding."""
        written = generate(
            self.decoder, input_ids.new_full((len(input_ids), 1), tokenizer.cls_token_id), max_new_tokens=longest,
            encoder_hidden_states=self.read(input_ids, attention_mask), encoder_attention_mask=attention_mask,
            eos_token_id=tokenizer.sep_token_id, pad_token_id=tokenizer.pad_token_id,
        )  # fmt: skip
        return written[:, 1:]

    @torch.no_grad()
    def cross_attention(self, input_ids: Tensor, decoder_input_ids: Tensor) -> Tensor:
        """Where the decoder looks while it writes: (layers, heads, target, source) of one pair, both (1, length)."""
        output = self(input_ids, torch.ones_like(input_ids), decoder_input_ids, output_attentions=True)
        return torch.stack([layer[0] for layer in output.cross_attentions])

    @torch.no_grad()
    def look_back(self, input_ids: Tensor, attention_mask: Tensor, written: Tensor) -> tuple[Tensor, Tensor]:
        """How sure each written token was, (written,), and where the decoder looked for it, (layers, heads, written,
        source), for one source (1, source) and all that was written, (1, 1 + written), what it began with included."""
        output = self(input_ids, attention_mask, written[:, :-1], output_attentions=True)
        probabilities = output.logits[0].float().softmax(-1).gather(1, written[0, 1:, None]).squeeze(1)
        return probabilities, torch.stack([layer[0] for layer in output.cross_attentions]).float()

    def given(self, decoder_input_ids: Tensor) -> Dictated:
        """This model as one of the source alone, for analyses: what was written so far, (1, length), stays."""
        return Dictated(self, decoder_input_ids)

    # -- files -----------------------------------------------------------------------------------------------------

    def save_decoder(
        self, folder: str | Path, *, task: str, base: str, details: Mapping[str, Any] | None = None
    ) -> Path:
        """Write config.json and the decoder's own weights (float16) into a folder, without the shared embeddings.

        Args:
            task: its name; base: name of the encoder's model, whose weights `load` will ask for.
            details: more to note in the config.

        Raises:
            ValueError: the embeddings are not shared, or a weight does not fit into float16.
        """
        from safetensors.torch import save

        if self.decoder.get_input_embeddings() is not self.encoder.get_input_embeddings():
            raise ValueError("this decoder has word embeddings of its own: save both parts with save_pretrained")
        stored = {name: value.detach().to("cpu", torch.float16) for name, value in self._own().items()}
        for name, value in stored.items():
            if not torch.isfinite(value).all():
                raise ValueError(f"decoder.{name} holds numbers that float16 cannot")
        about = {
            "task": task, "class": type(self).__name__, "base": base, "base_fingerprint": fingerprint(self.encoder),
            **(details or {}),
        }  # fmt: skip
        fields = {**self.decoder.config.to_dict(), "_name_or_path": base, "architectures": ["BertLMHeadModel"]}
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({**fields, "bertlab": about}, indent=2, sort_keys=True) + "\n"
        with replacing_all(folder) as files:
            files.new(WEIGHTS).write_bytes(save(stored, metadata={"format": "pt"}))
            files.new("config.json").write_text(text, encoding="utf-8")
        return folder

    @classmethod
    def load_decoder(cls, folder: str | Path, encoder: BertModel, *, check_base: bool = True) -> EncoderDecoder:
        """The decoder of a folder on the encoder that it was trained with, in eval mode.

        Args:
            check_base: refuse another encoder, on which the decoder would have to be trained again first.

        Raises:
            ValueError: the files do not fit together, or to this encoder.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        folder = Path(folder)
        fields = read_json(folder / "config.json")
        about = fields.pop("bertlab", {})
        if check_base and about.get("base_fingerprint") != fingerprint(encoder, vocabulary=fields.get("vocab_size")):
            raise ValueError(
                f"the decoder {folder} was trained on other weights than those of the given encoder, so what it "
                f"writes would be wrong; give the encoder of {about.get('base')!r} as it was then"
            )
        try:
            stored = load_file(folder / WEIGHTS)
        except SafetensorError as error:
            raise ValueError(f"{folder / WEIGHTS} cannot be read: {error}") from None
        fields, stored = grown(fields, stored, encoder.config.vocab_size)
        model = cls(encoder.config, encoder, **fields)
        own = model._own()
        if stored.keys() != own.keys() or any(stored[name].shape != own[name].shape for name in own):
            raise ValueError(f"{folder / WEIGHTS} does not hold the weights that {folder / 'config.json'} describes")
        with torch.no_grad():
            for name, value in stored.items():
                own[name].copy_(value)
        model.trained_to = str(about.get("trained_to", ""))
        return model.eval()

    def _own(self) -> dict[str, nn.Parameter]:
        """The decoder's parameters without the word embeddings."""
        shared = self.encoder.get_input_embeddings().weight
        return {name: value for name, value in self.decoder.named_parameters() if value is not shared}


class Dictated(nn.Module):
    """An `EncoderDecoder` that is told what it has written: it takes a source, as a BERT does, and gives the decoder's
    output. So attribution can ask which tokens of the source a written one rests on."""

    def __init__(self, model: EncoderDecoder, decoder_input_ids: Tensor):
        super().__init__()
        self.model, self.config, self.base_model = model, model.config, model.encoder
        self.register_buffer("decoder_input_ids", decoder_input_ids.to(model.device), persistent=False)

    def get_input_embeddings(self) -> nn.Module:
        """The encoder's word embeddings."""
        return self.model.encoder.get_input_embeddings()

    def forward(
        self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None, *,
        inputs_embeds: Tensor | None = None, return_dict: bool = True,
    ) -> Any:  # fmt: skip
        """The decoder's output for sources (batch, source), or their word vectors (batch, source, hidden)."""
        sources = inputs_embeds if input_ids is None else input_ids
        written = self.decoder_input_ids.expand(len(sources), -1)
        return self.model(input_ids, attention_mask, written, inputs_embeds=inputs_embeds, return_dict=return_dict)


def sequence_feature(source: Sequence[int], target: Sequence[int], tokenizer: Any) -> dict[str, Any]:
    """Ids without special tokens -> what the encoder reads, what the decoder is given, and what it should write."""
    return {
        **assemble(tokenizer, list(source), None, len(source) + 2),
        "decoder_input_ids": [tokenizer.cls_token_id, *target],
        "labels": [*target, tokenizer.sep_token_id],
    }


def sequence_batch(features: Sequence[dict[str, Any]], tokenizer: Any) -> dict[str, Tensor]:
    """Features of different lengths -> tensors (batch, source) and (batch, target); padded labels are ignored."""
    batch = pad(features, max(len(feature["input_ids"]) for feature in features), tokenizer.pad_token_id)
    width = max(len(feature["labels"]) for feature in features)
    for name, fill in (("decoder_input_ids", tokenizer.pad_token_id), ("labels", IGNORED)):
        batch[name] = torch.tensor([feature[name] + [fill] * (width - len(feature[name])) for feature in features])
    return batch


def is_decoder_folder(folder: str | Path) -> bool:
    """Whether `EncoderDecoder.load_decoder` has something to load there."""
    return (Path(folder) / WEIGHTS).is_file()
