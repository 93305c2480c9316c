"""A small decoder and the prompts that it goes on from."""

import torch
from model_cases import HIDDEN, KEYS, tiny

PROMPTS = torch.tensor([[5, 17, 8, 29, 41, 11], [0, 0, 0, 33, 7, 20], [0, 12, 45, 3, 9, 26]])


MASK = (PROMPTS != 0).long()


SEARCHES = {
    "greedy": {},
    "sampling": {"do_sample": True, "top_p": 0.9, "generator": 3},
    "beams": {"num_beams": 3},
    "sampled beams": {"num_beams": 3, "do_sample": True, "generator": 4},
}


def decoder(**options):
    return tiny("BertLMHeadModel", dtype=torch.float64, is_decoder=True, **options)


def encoder_states(rows, seed=6):
    return torch.randn(rows, KEYS, HIDDEN, generator=torch.Generator().manual_seed(seed)).double()
