from __future__ import annotations

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Tensors as small as these lose more by being shared out than they gain."""
    torch.set_num_threads(1)
