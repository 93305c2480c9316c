"""The activation functions: known values, and names that are not known."""

import math

import pytest
import torch

from bertlab.model.activations import ACTIVATIONS, activation

NAMES = (
    "gelu gelu_10 gelu_accurate gelu_fast gelu_new gelu_python gelu_pytorch_tanh laplace leaky_relu linear mish "
    "quick_gelu relu relu2 relu6 sigmoid silu swish tanh"
).split()


def test_the_documented_names_are_there():
    assert sorted(ACTIVATIONS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_an_activation_keeps_shape_and_type_and_leaves_its_input_alone(name):
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        x = torch.linspace(-3, 3, 12, dtype=dtype).view(3, 4)
        before = x.clone()
        assert ACTIVATIONS[name](x).shape == x.shape and ACTIVATIONS[name](x).dtype == dtype
        assert torch.equal(x, before)


def test_gelu_is_the_normal_distribution_times_its_argument():
    for x in (-2.0, -0.5, 0.0, 1.0, 3.0):
        exact = x * 0.5 * (1 + math.erf(x / math.sqrt(2)))
        value = torch.tensor(x, dtype=torch.float64)
        for name in ("gelu", "gelu_python"):
            assert ACTIVATIONS[name](value).item() == pytest.approx(exact, abs=1e-12)
        for name in ("gelu_new", "gelu_fast", "gelu_accurate", "gelu_pytorch_tanh"):
            assert ACTIVATIONS[name](value).item() == pytest.approx(exact, abs=1e-3)
        assert ACTIVATIONS["quick_gelu"](value).item() == pytest.approx(exact, abs=3e-2)


def test_functions_pass_through_and_unknown_names_offer_the_nearest():
    assert activation(torch.sin) is torch.sin
    with pytest.raises(ValueError, match="hidden_act is 'gelo', which is unknown; the nearest are .*gelu"):
        activation("gelo")
    for wrong in (None, 3):
        with pytest.raises(ValueError, match="hidden_act"):
            activation(wrong)
