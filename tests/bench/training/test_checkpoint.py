from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from baselines.errors import UsageError
from bench.training import checkpoint, files, history
from suites.history import HISTORY, Epoch, read_history
from suites.tasks.errors import DataError


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "last.safetensors"
    tied = torch.arange(6.0).reshape(2, 3)
    tensors = {
        "a/weight": tied,
        "b/weight": tied,  # one memory, as tied weights have
        "turned": tied.t(),
        "half": torch.ones(3, dtype=torch.bfloat16),
        "count": torch.tensor(2**60 + 1),
        "none": torch.zeros(0, 4),
    }
    checkpoint.save(path, tensors, {"step": 7, "loss": 0.1 + 0.2}, "mine")
    return path


def test_what_is_saved_comes_back(saved: Path) -> None:
    found = checkpoint.load(saved, "mine")
    assert found.counters == {"step": 7, "loss": 0.1 + 0.2}
    assert found.tensors["count"].item() == 2**60 + 1
    assert torch.equal(found.tensors["b/weight"], torch.arange(6.0).reshape(2, 3))
    assert torch.equal(found.tensors["turned"], torch.arange(6.0).reshape(2, 3).t())
    assert found.tensors["half"].dtype == torch.bfloat16
    assert found.tensors["none"].shape == (0, 4)
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_torn_file_is_said(saved: Path, share: float) -> None:
    content = saved.read_bytes()
    saved.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"last\.safetensors: torn, or no safetensors file.*remove .* to train anew"):
        checkpoint.load(saved)


def test_an_altered_byte_is_said(saved: Path) -> None:
    content = bytearray(saved.read_bytes())
    content[-3] ^= 1
    saved.write_bytes(content)
    with pytest.raises(DataError, match="its bytes are not those that were written"):
        checkpoint.load(saved)


def test_foreign_files_are_said_and_never_unpickled(saved: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (pytest.fail, ("it was unpickled",))

    with pytest.raises(UsageError, match=r"belongs to another run \(mine, and this is yours\)"):
        checkpoint.load(saved, "yours")
    save_file({"a": torch.zeros(1)}, saved)
    with pytest.raises(DataError, match="not a checkpoint of this vio-bench"):
        checkpoint.load(saved)
    saved.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(DataError, match="no safetensors file"):
        checkpoint.load(saved)
    saved.unlink()
    with pytest.raises(DataError, match="No such file"):
        checkpoint.load(saved)


def test_weights_of_another_model_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    checkpoint.save(path, nn.Linear(3, 2).state_dict(), {}, "mine")
    with pytest.raises(UsageError, match=r"weight is \(2, 3\) there and \(2, 4\) here"):
        checkpoint.load_weights(nn.Linear(4, 2), path)
    with pytest.raises(UsageError, match=r"bias is \(2,\) there and missing here"):
        checkpoint.load_weights(nn.Linear(3, 2, bias=False), path)


def test_a_write_that_fails_leaves_the_old_file(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(UsageError, match=r"can't write .*last\.safetensors: No space left on device; make room"):
        checkpoint.save(saved, {"a": torch.zeros(1)}, {}, "mine")
    assert checkpoint.load(saved).counters["step"] == 7


def test_a_malformed_line_of_history_is_named(tmp_path: Path) -> None:
    epoch = Epoch(
        epoch=1,
        step=4,
        loss=0.5,
        train_accuracy=None,
        validation_accuracy=0.25,
        validation_loss=1.5,
        lr=1e-3,
        examples_per_second=10,
        seconds=1,
    )
    history.append(tmp_path, epoch)
    assert read_history(tmp_path) == (epoch,)
    with (tmp_path / HISTORY).open("a") as file:
        file.write('{"epoch": 2}\n')
    with pytest.raises(DataError, match=r"history\.jsonl:2: Field required; remove"):
        read_history(tmp_path)
