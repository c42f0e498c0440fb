"""The README's table of parameters holds what is counted today."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import timm
import torch

import vio

README = (Path(vio.__file__).parent / "README.md").read_text()
ROWS = re.findall(r"^\| [\w-]+ \| `(\w+)` \| [^|]+ \| ([\d.]+) M \|$", README, re.MULTILINE)


def build(name: str) -> torch.nn.Module:
    with torch.device("meta"):
        return vio.create_model(name) if name in vio.list_models() else timm.create_model(name)


def millions(count: int) -> str:
    """Three significant digits."""
    return f"{count / 1e6:#.3g}"


@pytest.mark.parametrize(("name", "written"), ROWS)
def test_what_the_table_says_is_what_is_counted(name, written):
    assert written == millions(sum(p.numel() for p in build(name).parameters()))


def test_the_table_has_every_model_of_which_a_document_names_a_size():
    assert {f"mambavision_{size}" for size in ("tiny", "small", "base")} < {name for name, _ in ROWS}
    assert len(ROWS) == len(re.findall(r"^\|.*\d M \|$", README, re.MULTILINE))  # none is overlooked


def test_what_mambavision_counts_without_the_feed_forward_layers_of_its_mamba_blocks():
    counts = []
    for size in ("tiny", "small", "base"):
        model = build(f"mambavision_{size}")
        blocks = [b for b, kind in zip(model.stages, model.config.mixers, strict=True) if kind == "mamba"]
        spared = [p for block in blocks for part in (block.norm2, block.mlp) for p in part.parameters()]
        counts.append(millions(sum(p.numel() for p in model.parameters()) - sum(p.numel() for p in spared)))
    assert "{} M, {} M and {} M".format(*counts) in " ".join(README.split())
