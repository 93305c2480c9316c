"""What the tests of tasks stand on."""

import pytest
from small_lab import small_lab


@pytest.fixture
def lab():
    """A lab of its own for each test, because heads are drawn and added."""
    return small_lab()
