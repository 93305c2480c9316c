import pytest
from bertlab_widgets.data import panel as sets
from small_lab import small_lab


@pytest.fixture(scope="session")
def lab():
    return small_lab()


@pytest.fixture(autouse=True)
def nothing_goes_on_in_a_thread_only_because_the_machine_is_slow(monkeypatch):
    monkeypatch.setattr(sets, "AT_ONCE", 60)
