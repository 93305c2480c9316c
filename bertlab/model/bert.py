"""BertModel: the layers put together, with masks, cache and checks around them."""

from __future__ import annotations

from typing import Any

import torch

from bertlab.model import kernels, masks
from bertlab.model.checks import check_inputs
from bertlab.model.config import BertConfig
from bertlab.model.layers import BertEmbeddings, BertEncoder, BertPooler, LayerCache
from bertlab.model.pretrained import BertPreTrainedModel
from bertlab.outputs import BaseModelOutputWithPoolingAndCrossAttentions
from bertlab.recording import anybody_hooks, anybody_listens


class BertModel(BertPreTrainedModel):
    """The bare BERT: hidden states of every token, and the pooled [CLS].

    An encoder by default; a decoder with `config.is_decoder`, which attends to an encoder's states too with
    `config.add_cross_attention`.

    With `skip_padding = True` an encoder spends no time on the padding at the ends of rows, which comes back as zeros
    then; all else is the same. It takes effect when only the last hidden state is asked for and nobody listens.
    """

    def __init__(self, config: BertConfig, add_pooling_layer: bool = True):
        super().__init__(config)
        self.embeddings = BertEmbeddings(config)
        self.encoder = BertEncoder(config)
        self.pooler = BertPooler(config) if add_pooling_layer else None
        self.skip_padding = False
        self.post_init()

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        head_mask: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        encoder_hidden_states: torch.Tensor | None = None,
        encoder_attention_mask: torch.Tensor | None = None,
        past_key_values: tuple[LayerCache, ...] | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> tuple[Any, ...] | BaseModelOutputWithPoolingAndCrossAttentions:
        """Run the model.

        Args:
            input_ids: (batch, sequence) piece numbers; or `inputs_embeds`: (batch, sequence, hidden) word vectors.
            attention_mask: 1 to look at, 0 for padding: (batch, keys), or (batch, query, key). Keys count the cache.
            token_type_ids: (batch, sequence), 0 for the first text and 1 for the second; zeros when None.
            position_ids: (batch, sequence) or (1, sequence); counted on from the cache when None.
            head_mask: (heads,) or (layers, heads) factors on each head's probabilities, 0 to silence one.
            encoder_hidden_states, encoder_attention_mask: (batch, keys, hidden) and its mask, for cross-attention.
            past_key_values: the cache of an earlier pass; give only the new tokens then.
            use_cache, output_attentions, output_hidden_states, return_dict: as in the configuration when None.

        Raises:
            ValueError: for shapes that do not fit, and for encoder states on a model without cross-attention.
            IndexError: naming the id, token type or position that is out of range, and where it stands.
        """
        config = self.config
        output_attentions = config.output_attentions if output_attentions is None else output_attentions
        output_hidden_states = config.output_hidden_states if output_hidden_states is None else output_hidden_states
        return_dict = config.use_return_dict if return_dict is None else return_dict
        use_cache = config.is_decoder and (config.use_cache if use_cache is None else use_cache)

        check_inputs(
            self, input_ids, attention_mask, token_type_ids, position_ids, head_mask, inputs_embeds,
            encoder_hidden_states, encoder_attention_mask, past_key_values,
        )  # fmt: skip
        past = past_key_values[0][0].shape[2] if past_key_values else 0
        batch, sequence = (input_ids if input_ids is not None else inputs_embeds).shape[:2]
        mask, packing = self._mask(attention_mask, batch, past, sequence, output_attentions or output_hidden_states)
        encoder_mask = self._encoder_mask(encoder_hidden_states, encoder_attention_mask)

        hidden_states = self.embeddings(input_ids, token_type_ids, position_ids, inputs_embeds, past)
        outputs = self.encoder(
            hidden_states if packing is None else packing.pack(hidden_states),
            mask,
            self.get_head_mask(head_mask, config.num_hidden_layers),
            encoder_hidden_states,
            encoder_mask,
            past_key_values,
            use_cache,
            output_attentions,
            output_hidden_states,
            return_dict,
            packing,
            fused=not (torch.is_grad_enabled() and (masks.may_blind(mask) or masks.may_blind(encoder_mask))),
        )
        last = outputs[0] if packing is None else packing.pad(outputs[0])
        pooled = self.pooler(last) if self.pooler is not None else None
        if not return_dict:
            return (last, pooled) + outputs[1:]
        return BaseModelOutputWithPoolingAndCrossAttentions(
            last_hidden_state=last,
            pooler_output=pooled,
            hidden_states=outputs.hidden_states,
            past_key_values=outputs.past_key_values,
            attentions=outputs.attentions,
            cross_attentions=outputs.cross_attentions,
        )

    def _mask(
        self, given: torch.Tensor | None, batch: int, past: int, sequence: int, shows_states: bool
    ) -> tuple[torch.Tensor | None, masks.Packing | None]:
        """The additive mask, None where nothing is hidden; and how to drop the padding, None where it stays."""
        config = self.config
        if given is None:
            if not config.is_decoder:
                return None, None
            given = torch.ones(batch, past + sequence, device=self.device)
        elif not config.is_decoder and masks.hides_nothing(given):
            return None, None  # nothing is hidden, so nothing need be added to the scores
        packing = None
        skips = self.skip_padding and given.dim() == 2 and kernels.values_known(given)
        if skips and not (config.is_decoder or shows_states or anybody_listens(self) or anybody_hooks(self)):
            packing = masks.Packing(given.expand(batch, -1))
        return self.get_extended_attention_mask(given, (batch, sequence)), packing

    def _encoder_mask(self, states: torch.Tensor | None, given: torch.Tensor | None) -> torch.Tensor | None:
        """The additive mask of an encoder's states; everything is seen where none is given."""
        if states is None:
            return None
        if given is None:
            given = torch.ones(states.shape[:2], device=states.device)
        return self.invert_attention_mask(given)
