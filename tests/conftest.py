"""What every test may rely on: a fixed thread count, and no way off this machine."""

import socket
import tarfile
from pathlib import Path

import pretend_device
import pytest
import torch

torch.set_num_threads(1)

LOCAL_ADDRESSES = ("127.", "localhost", "::1")


@pytest.fixture(autouse=True, scope="session")
def no_network():
    """Connections that would leave the machine fail as they do on a machine without a network."""
    connect = socket.socket.connect

    def connect_locally(self, address):
        if isinstance(address, tuple) and not str(address[0]).startswith(LOCAL_ADDRESSES):
            raise ConnectionRefusedError(f"tests run without a network, and this one asked for {address}")
        return connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect_locally)
        yield


@pytest.fixture(scope="session")
def kept(tmp_path_factory):
    """Checkpoints that TensorFlow and Flax wrote and what they computed, from tests/interop/make_fixtures.py.

    What is changed goes into a copy.
    """
    folder = tmp_path_factory.mktemp("kept")
    with tarfile.open(Path(__file__).parent / "interop" / "fixtures.tar.xz") as archive:
        archive.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    return folder


@pytest.fixture
def accelerator():
    with pretend_device.plugged_in() as device:
        yield device
