"""What a machine has is found, and what it has not is said."""

import pytest
import torch

import bertlab
from bertlab.devices import available_devices, find_device
from bertlab.training import Settings


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def test_auto_takes_the_fastest_kind_and_the_cpu_where_there_is_no_other(two_gpus):
    assert available_devices()[0] == "cuda" and available_devices()[-1] == "cpu"
    assert find_device() == find_device("auto") == torch.device("cuda")


def test_without_a_gpu_there_is_the_cpu(no_gpu):
    assert available_devices() == ["cpu"]
    assert find_device() == find_device("cpu") == find_device(torch.device("cpu")) == torch.device("cpu")


def test_a_gpu_has_a_number_that_exists(two_gpus):
    assert find_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(ValueError, match="'cuda:2', but the last one is cuda:1"):
        find_device("cuda:2")


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps"])
def test_a_device_that_is_not_here_is_an_error_that_says_what_is(no_gpu, name):
    with pytest.raises(ValueError, match="no such one here.*this machine has cpu"):
        find_device(name)


@pytest.mark.parametrize("name", ["gpu", "", "cpu:x", None, 1.5])
def test_what_is_no_device_is_an_error_that_says_what_there_is(no_gpu, name):
    with pytest.raises(ValueError, match="no kind of device .* this machine has cpu"):
        find_device(name)


def test_a_lab_and_a_run_say_it_too(no_gpu):
    with pytest.raises(ValueError, match="no such one here"):
        bertlab.load(device="cuda")
    from bertlab.training.processes import joined_processes

    with pytest.raises(ValueError, match="no such one here"), joined_processes(Settings(steps=1, device="cuda")):
        pass
