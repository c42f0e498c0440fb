"""Where the files of an image folder are, by split and class; none is opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from suites.tasks.errors import DataError
from suites.tasks.image_files import ENDINGS, named

Listed = list[tuple[Path, int]]
"""Files, each with the index of its class."""


@dataclass(frozen=True)
class Layout:
    """The files of an image folder, before any is opened."""

    base: Path
    classes: tuple[str, ...]
    train: Listed
    validation: Listed | None
    """None where it is to be held out of `train`."""
    test: Listed | None
    notes: tuple[str, ...]


def class_folders(base: Path) -> Layout:
    """The layout of `base` with `train/<class>/<image>`, and `val/` and `test/` likewise where they exist.

    Raises:
        DataError: there is no `train/`, or another split has a class that `train/` lacks.
    """
    if not (base / "train").is_dir():
        raise DataError(f"{base}: has no train/; it needs train/<class>/<image>")
    classes = tuple(path.name for path in _folders(base / "train"))
    splits = {name: _split(base / name, classes) for name in ("train", "val", "test") if (base / name).is_dir()}
    others = [str(path) for _, left_out in splits.values() for path in left_out]
    files = {name: listed for name, (listed, _) in splits.items()}
    notes = named("files left out that are no images by their ending", others)
    train, validation, test = files["train"], files.get("val"), files.get("test")
    if test is None and validation is not None:
        return Layout(base, classes, train, None, validation, (*notes, "no test/: tested on val/"))
    if test is None:
        notes = (*notes, "no test/ and no val/: tested on 20 % of each class in train/")
    return Layout(base, classes, train, validation, test, notes)


def tiny_imagenet_folders(base: Path) -> Layout:
    """The layout of Tiny ImageNet as its .zip unpacks.

    Raises:
        DataError: `val_annotations.txt` is not there, or names a class that `train/` lacks.
    """
    folders = _folders(base / "train") if (base / "train").is_dir() else []
    ids = [path.name for path in folders]
    train = [(path, label) for label, folder in enumerate(folders) for path in sorted(folder.glob("images/*.JPEG"))]
    test = _annotated(base / "val" / "val_annotations.txt", ids)
    return Layout(base, _readable_names(base / "words.txt", ids), train, None, test, ())


def _split(folder: Path, classes: Sequence[str]) -> tuple[Listed, list[Path]]:
    """A split's images in order of class and path, and the files that are no images by their ending."""
    images: Listed = []
    others: list[Path] = []
    for class_folder in _folders(folder):
        if class_folder.name not in classes:
            raise DataError(
                f"{class_folder}: class '{class_folder.name}' is not in train/, so training never saw it; "
                "remove the folder or add training images"
            )
        label = classes.index(class_folder.name)
        for path in sorted(class_folder.rglob("*")):
            if path.name.startswith(".") or not path.is_file():
                continue
            if path.suffix.lower() in ENDINGS:
                images.append((path, label))
            else:
                others.append(path)
    return images, others


def _folders(folder: Path) -> list[Path]:
    """Folders in a folder, sorted by name, hidden ones apart."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _annotated(path: Path, ids: Sequence[str]) -> Listed:
    """The files and classes that val_annotations.txt lists: file, class and four corners a line, apart by tabs."""
    if not path.is_file():
        raise DataError(f"{path}: not there; unpack the whole of tiny-imagenet-200.zip again")
    listed: Listed = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        name, _, rest = line.partition("\t")
        label = rest.partition("\t")[0]
        if not name or label not in ids:
            raise DataError(
                f"{path}:{number}: class '{label}' is not in train/, so training never saw it; unpack the .zip again"
            )
        listed.append((path.parent / "images" / name, ids.index(label)))
    return listed


def _readable_names(words: Path, ids: Sequence[str]) -> tuple[str, ...]:
    """Each id with the first of its names in words.txt; ids alone where there is no such file."""
    if not words.is_file():
        return tuple(ids)
    rows = (line.partition("\t") for line in words.read_text(encoding="utf-8").splitlines())
    names = {key: text.partition(",")[0] for key, _, text in rows}
    return tuple(f"{key} {names[key]}" if key in names else key for key in ids)
