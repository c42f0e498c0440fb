"""Images in files: decoded when they are asked for, and read once before that to find what is wrong with them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from suites.tasks.errors import DataError
from suites.tasks.images import moments
from suites.tasks.paths import shown
from suites.tasks.task import Batch

ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"})
"""Of the files that torchvision takes for images."""

_DEEP = ("I", "F")
"""How Pillow's modes begin of which a value may be more than 255."""

_NAMED = 5
"""How many bad files a note names before it only counts."""


@dataclass(frozen=True)
class ImageFiles:
    """Image files with their labels, (N,) int64: RGB, turned as their EXIF says, cropped to a square and resized."""

    paths: tuple[Path, ...]
    targets: Tensor
    size: int

    def __len__(self) -> int:
        return len(self.paths)

    def batch(self, indices: Tensor) -> Batch:
        """Decode the images at `indices`: (B, 3, size, size) uint8."""
        return Batch(torch.stack([self._image(self.paths[i]) for i in indices.tolist()]), self.targets[indices])

    def labels(self) -> Tensor:
        """Every label."""
        return self.targets

    def _image(self, path: Path) -> Tensor:
        try:
            return _decode(path.read_bytes(), self.size)
        except (OSError, DataError) as error:
            reason = undecodable(error)
            raise DataError(
                f"{shown(path)}: could be decoded when the run began, and can't be now ({reason})"
            ) from error


@dataclass(frozen=True)
class Survey:
    """What reading every file of a split has shown; bad files are left out of all but `bad`."""

    files: ImageFiles
    hashes: tuple[str, ...]
    """SHA-256 of each file."""
    sums: Tensor
    """`moments` of each image by itself, (N, 3, 2) int64."""
    bad: tuple[str, ...]
    """Files that can't be decoded, each with its reason."""

    def __len__(self) -> int:
        return len(self.files)

    def subset(self, indices: Sequence[int]) -> Survey:
        """The files at `indices`."""
        chosen = torch.tensor(indices, dtype=torch.int64)
        paths = tuple(self.files.paths[i] for i in indices)
        files = ImageFiles(paths, self.files.targets[chosen], self.files.size)
        return Survey(files, tuple(self.hashes[i] for i in indices), self.sums[chosen], self.bad)

    def without(self, *others: Survey) -> Survey:
        """The files of which no exact copy is among the others."""
        known = {value for other in others for value in other.hashes}
        return self.subset([i for i, value in enumerate(self.hashes) if value not in known])

    def contents(self, base: Path) -> str:
        """A line a file, its path relative to `base`, hash and label: what the split consists of."""
        rows = zip(self.files.paths, self.hashes, self.files.targets.tolist(), strict=True)
        return "\n".join(f"{path.relative_to(base).as_posix()} {value} {label}" for path, value, label in rows)


def survey(listed: Sequence[tuple[Path, int]], size: int) -> Survey:
    """Read and decode every file once: a header may be whole where the rest is cut off.

    Args:
        listed: files, each with its label.
        size: side in pixels to decode to.
    """
    with ThreadPoolExecutor() as pool:  # Pillow decodes without holding the interpreter's lock
        seen = list(pool.map(lambda entry: _look_at(entry[0], size), listed))
    good = [(path, label, *look) for (path, label), look in zip(listed, seen, strict=True) if not isinstance(look, str)]
    targets = torch.tensor([label for _, label, _, _ in good], dtype=torch.int64)
    sums = [image_sums for *_, image_sums in good]
    return Survey(
        ImageFiles(tuple(path for path, *_ in good), targets, size),
        tuple(value for _, _, value, _ in good),
        torch.stack(sums) if sums else torch.empty(0, 3, 2, dtype=torch.int64),
        tuple(f"{shown(path)} ({look})" for (path, _), look in zip(listed, seen, strict=True) if isinstance(look, str)),
    )


def named(what: str, entries: Sequence[str]) -> tuple[str, ...]:
    """A note that counts the entries and names the first few; nothing where there are none."""
    if not entries:
        return ()
    rest = f" and {len(entries) - _NAMED} more" if len(entries) > _NAMED else ""
    return (f"{what}: {len(entries)}: {', '.join(entries[:_NAMED])}{rest}",)


def _look_at(path: Path, size: int) -> tuple[str, Tensor] | str:
    """A file's SHA-256 and the moments of its image; or why it can't be decoded."""
    try:
        content = path.read_bytes()
        image = _decode(content, size)
    except (OSError, ValueError, DataError) as error:  # ValueError: a name that no file can have
        return undecodable(error)
    return hashlib.sha256(content).hexdigest(), moments(image.unsqueeze(0))


def undecodable(error: Exception) -> str:
    """Why an image can't be decoded, from what reading it raised."""
    if isinstance(error, UnidentifiedImageError):
        return "no image that Pillow knows"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def as_rgb(image: Image.Image) -> Image.Image:
    """The same in three channels of 8 bits.

    Raises:
        ValueError: its values have more bits, and Pillow would make all from 255 on white.
    """
    if image.mode.startswith(_DEEP):
        raise ValueError(f"more than 8 bits a channel, mode {image.mode}; convert it to 8 bits")
    return image.convert("RGB")


def _decode(content: bytes, size: int) -> Tensor:
    """An image as (3, size, size) uint8: the largest square in its middle, resized (bicubic).

    Raises:
        DataError: why it can't be decoded.
    """
    try:
        with Image.open(BytesIO(content)) as image:
            upright = as_rgb(ImageOps.exif_transpose(image))
    except Exception as error:  # for a corrupt file Pillow's decoders may raise anything
        raise DataError(undecodable(error)) from error
    square = ImageOps.fit(upright, (size, size), Image.Resampling.BICUBIC)
    pixels = torch.frombuffer(bytearray(square.tobytes()), dtype=torch.uint8).view(size, size, 3)
    return pixels.permute(2, 0, 1).contiguous()
