"""What the tests of generation stand on."""

import pytest
from generation_cases import decoder


@pytest.fixture(scope="module")
def model():
    return decoder()


@pytest.fixture(scope="module")
def model_with_cross_attention():
    return decoder(add_cross_attention=True)
