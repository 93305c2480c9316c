"""What the tests of train stand on."""

import pytest
from small_lab import small_lab


@pytest.fixture
def lab():
    return small_lab()
