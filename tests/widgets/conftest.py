import pytest
from small_lab import small_lab


@pytest.fixture(scope="session")
def lab():
    return small_lab()
