"""Where the files of an image folder are, by split and class; none is opened."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from suites.tasks.errors import DataError
from suites.tasks.image_files import ENDINGS, named
from suites.tasks.paths import shown

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
    left_out: tuple[str, ...]
    """Notes on what lies there and is in no split."""
    notes: tuple[str, ...]
    """Whatever else there is to say."""


def class_folders(base: Path) -> Layout:
    """The layout of `base` with `train/<class>/<image>`, and `val/` and `test/` likewise where they exist.

    Raises:
        DataError: there is no `train/`, or another split has a class that `train/` lacks, or no image.
        OSError: a folder can't be listed.
    """
    if not (base / "train").is_dir():
        raise DataError(f"{shown(base)}: has no train/; it needs train/<class>/<image>")
    names = tuple(path.name for path in _folders(base / "train"))
    splits = {name: _split(base / name, names) for name in ("train", "val", "test") if (base / name).is_dir()}
    left_out = _left_out(list(splits.values()))
    files = {name: split.images for name, split in splits.items()}
    classes = tuple(shown(name) for name in names)
    train, validation, test = files["train"], files.get("val"), files.get("test")
    for name in ("val", "test"):
        if name in files and not files[name]:
            raise DataError("; ".join([_no_image_in(base / name), *left_out]))
    if test is None and validation is not None:
        return Layout(base, classes, train, None, validation, left_out, ("no test/: tested on val/",))
    notes = ("no test/ and no val/: tested on 20 % of each class in train/",) if test is None else ()
    return Layout(base, classes, train, validation, test, left_out, notes)


def tiny_imagenet_folders(base: Path) -> Layout:
    """The layout of Tiny ImageNet as its .zip unpacks.

    Raises:
        DataError: `val_annotations.txt` is not there or no text, or names a class that `train/` lacks.
        OSError: a folder can't be listed.
    """
    folders = _folders(base / "train") if (base / "train").is_dir() else []
    ids = [shown(path.name) for path in folders]
    train = [(path, label) for label, folder in enumerate(folders) for path in _jpegs(folder / "images")]
    test = _annotated(base / "val" / "val_annotations.txt", ids)
    return Layout(base, _readable_names(base / "words.txt", ids), train, None, test, (), ())


@dataclass
class _Split:
    """What lies below a split's folder, hidden files apart."""

    images: Listed = field(default_factory=list)
    """In order of class and path."""
    others: list[Path] = field(default_factory=list)
    """Files in class folders that are no images by their ending."""
    loose: list[Path] = field(default_factory=list)
    """Images in no class folder."""
    no_files: list[Path] = field(default_factory=list)
    """Links that lead to no file, pipes and the like."""


def _split(folder: Path, classes: Sequence[str]) -> _Split:
    """Sort what lies below a split's folder."""
    split = _Split()
    for path in _visible(folder):
        if path.is_dir():
            continue
        if not path.is_file():
            split.no_files.append(path)
        elif path.suffix.lower() in ENDINGS:
            split.loose.append(path)
    for class_folder in _folders(folder):
        if class_folder.name not in classes:
            name = shown(class_folder.name)
            raise DataError(
                f"{shown(class_folder)}: class '{name}' is not in train/, so training never saw it; "
                "remove the folder or add training images"
            )
        label = classes.index(class_folder.name)
        for path in _below(class_folder):
            if not path.is_file():
                split.no_files.append(path)
            elif path.suffix.lower() in ENDINGS:
                split.images.append((path, label))
            else:
                split.others.append(path)
    return split


def _left_out(splits: Sequence[_Split]) -> tuple[str, ...]:
    """Notes on what is not among the images of the splits."""
    kinds = {
        "files left out that are no images by their ending": [path for split in splits for path in split.others],
        "images left out that lie in no class folder": [path for split in splits for path in split.loose],
        "left out, being no files (broken links, links to folders, pipes)": [
            path for split in splits for path in split.no_files
        ],
    }
    return tuple(note for what, paths in kinds.items() for note in named(what, [shown(path) for path in paths]))


def _no_image_in(folder: Path) -> str:
    """What is wrong with a split of no images."""
    what = "has no <class>/<image> in it" if any(folder.iterdir()) else "is empty"
    return f"{shown(folder)}: {what}; put <class>/<image> there, or remove the folder"


def _visible(folder: Path) -> list[Path]:
    """What is in a folder, sorted by name, hidden ones apart."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _folders(folder: Path) -> list[Path]:
    """Folders in a folder, sorted by name, hidden ones apart."""
    return [path for path in _visible(folder) if path.is_dir()]


def _below(folder: Path) -> list[Path]:
    """Everything below a folder that is no folder, hidden ones apart; a link to one is not followed.

    Raises `OSError` for a folder that can't be listed, which `Path.rglob` would pass over.
    """

    def stop(error: OSError) -> None:
        raise error

    found = [
        Path(place, name)
        for place, folders, files in os.walk(folder, onerror=stop)
        for name in (*files, *(name for name in folders if Path(place, name).is_symlink()))
        if not name.startswith(".")
    ]
    return sorted(found)


def _jpegs(folder: Path) -> list[Path]:
    """The images of a class of Tiny ImageNet."""
    return sorted(path for path in folder.iterdir() if path.suffix == ".JPEG")


def _annotated(path: Path, ids: Sequence[str]) -> Listed:
    """The files and classes that val_annotations.txt lists: file, class and four corners a line, apart by tabs."""
    if not path.is_file():
        raise DataError(f"{path}: not there; unpack the whole of tiny-imagenet-200.zip again")
    listed: Listed = []
    for number, line in enumerate(_lines(path), start=1):
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
    rows = (line.partition("\t") for line in _lines(words))
    names = {key: text.partition(",")[0] for key, _, text in rows}
    return tuple(f"{key} {names[key]}" if key in names else key for key in ids)


def _lines(path: Path) -> list[str]:
    """The lines of a text file."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: no text in UTF-8 ({error.reason} at byte {error.start}); unpack the .zip again"
        ) from error
