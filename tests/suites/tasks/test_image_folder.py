from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torchvision.transforms.functional import pil_to_tensor

from suites.tasks.errors import DataError, DataMissing
from suites.tasks.image_folder import TINY_IMAGENET, image_folder
from tests.suites.tasks.loaded import image_input, pixels_of


@pytest.fixture
def draw() -> Callable[..., Path]:
    """Writes an image of seeded noise; the n-th call draws the n-th image."""
    noise = np.random.default_rng(0)

    def write(path: Path, height: int = 12, width: int = 12) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(path)
        return path

    return write


@pytest.fixture
def folder(tmp_path: Path, draw: Callable[..., Path]) -> Path:
    """An image folder with all three splits of cats and dogs: 6, 2 and 3 of each."""
    for split, count in (("train", 6), ("val", 2), ("test", 3)):
        for name in ("dog", "cat"):
            for i in range(count):
                draw(tmp_path / split / name / f"{i}.png")
    return tmp_path


@pytest.fixture
def close(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Makes a folder one that can't be listed: `chmod` would not keep out root, who may run the tests."""

    def shut(folder: Path) -> None:
        for name in ("scandir", "listdir"):
            listing = getattr(os, name)

            def refuse(place: Path | str = ".", listing: Callable[..., object] = listing) -> object:
                if Path(place) == folder:
                    raise PermissionError(errno.EACCES, "Permission denied", str(place))
                return listing(place)

            monkeypatch.setattr(os, name, refuse)

    return shut


class TestImageFolder:
    def test_files_classes_and_order_are_those_of_torchvisions_image_folder(self, folder: Path) -> None:
        data = image_folder(folder).load(None, 12)
        for split, name in ((data.train, "train"), (data.validation, "val"), (data.tests[12], "test")):
            theirs = torchvision.datasets.ImageFolder(folder / name)
            ours = split.batch(torch.arange(len(split)))
            assert torch.equal(ours.inputs, torch.stack([pil_to_tensor(image) for image, _ in theirs]))
            assert ours.labels.tolist() == theirs.targets == split.labels().tolist()
            assert data.classes == tuple(theirs.classes)
        assert data.notes == ()

    def test_a_batch_comes_in_the_order_asked_for(self, folder: Path) -> None:
        train = image_folder(folder).load(None, 12).train
        both, one = train.batch(torch.tensor([7, 2])), train.batch(torch.tensor([2]))
        assert torch.equal(both.inputs[1], one.inputs[0]) and both.labels.tolist() == [1, 0]

    def test_mean_and_std_are_those_of_the_training_images(self, folder: Path) -> None:
        data = image_folder(folder).load(None, 12)
        values = data.train.batch(torch.arange(12)).inputs.numpy() / 255
        assert image_input(data).mean == pytest.approx(values.mean(axis=(0, 2, 3)))
        assert image_input(data).std == pytest.approx(values.std(axis=(0, 2, 3)))

    def test_an_oblong_image_is_cut_to_its_middle_before_it_is_resized(
        self, folder: Path, draw: Callable[..., Path]
    ) -> None:
        stored = pil_to_tensor(Image.open(draw(folder / "test" / "cat" / "a.png", height=12, width=20)))
        ours = image_folder(folder).load(None, 12).tests[12].batch(torch.tensor([3]))
        assert torch.equal(ours.inputs[0], stored[:, :, 4:16])

    def test_an_image_is_turned_as_its_exif_says(self, folder: Path, draw: Callable[..., Path]) -> None:
        path = draw(folder / "test" / "cat" / "a.png")
        image = Image.open(path)
        stored, exif = pil_to_tensor(image), image.getexif()
        exif[0x0112] = 3  # orientation: upside down
        image.save(path, exif=exif)
        ours = image_folder(folder).load(None, 12).tests[12].batch(torch.tensor([3]))
        assert torch.equal(ours.inputs[0], stored.flip(1, 2))

    def test_grey_and_transparent_images_become_rgb(self, folder: Path) -> None:
        for mode in ("L", "RGBA", "P"):
            Image.new(mode, (9, 9), color=7).save(folder / "test" / "dog" / f"{mode}.png")
        assert image_folder(folder).load(None, 12).tests[12].batch(torch.arange(9)).inputs.shape == (9, 3, 12, 12)

    def test_images_that_cannot_be_decoded_are_left_out_counted_and_named(self, folder: Path) -> None:
        cut = folder / "train" / "cat" / "3.png"
        cut.write_bytes(cut.read_bytes()[:-200])  # its header is whole
        for i in range(6):
            (folder / "train" / "dog" / f"bad{i}.jpg").write_text("no image")
        data = image_folder(folder).load(None, 12)
        assert len(data.train) == 11
        (note,) = data.notes
        assert f"decoded: 7: {cut}" in note and "bad3.jpg" in note and note.endswith("and 2 more")

    def test_images_of_16_bits_are_left_out_and_never_made_white(self, folder: Path) -> None:
        deep = folder / "train" / "cat" / "deep.png"
        Image.fromarray(np.full((9, 9), 4000, dtype=np.uint16)).save(deep)
        data = image_folder(folder).load(None, 12)
        assert data.notes == (
            f"images left out that can't be decoded: 1: {deep} (more than 8 bits a channel, mode I;16; convert it to "
            "8 bits)",
        )

    def test_whatever_pillow_raises_for_a_corrupt_file_is_its_reason(self, folder: Path) -> None:
        corrupt = folder / "train" / "cat" / "a.tif"
        Image.new("RGB", (9, 9)).save(corrupt)
        offset_as_number, offset_as_fraction = b"\x11\x01\x04\x00", b"\x11\x01\x05\x00"
        corrupt.write_bytes(corrupt.read_bytes().replace(offset_as_number, offset_as_fraction))
        with Image.open(corrupt) as image, pytest.raises(TypeError):
            image.load()
        (note,) = image_folder(folder).load(None, 12).notes
        assert note.startswith(f"images left out that can't be decoded: 1: {corrupt} ('IFDRational' object")

    def test_files_with_another_ending_are_named(self, folder: Path) -> None:
        (folder / "train" / "cat" / "labels.txt").write_text("x")
        (folder / "train" / "cat" / ".hidden").write_text("x")
        (note,) = image_folder(folder).load(None, 12).notes
        assert note == f"files left out that are no images by their ending: 1: {folder / 'train/cat/labels.txt'}"

    def test_images_in_no_class_folder_are_counted_and_named(self, folder: Path, draw: Callable[..., Path]) -> None:
        loose = [draw(folder / split / "0.png") for split in ("train", "test")]
        (note,) = image_folder(folder).load(None, 12).notes
        assert note == f"images left out that lie in no class folder: 2: {loose[0]}, {loose[1]}"

    def test_what_is_no_file_is_counted_and_named(self, folder: Path) -> None:
        entries = [folder / "train" / name for name in ("owl", "cat/gone.png", "cat/others", "cat/pipe.png")]
        entries[0].symlink_to("nowhere")  # a class folder that isn't here
        entries[1].symlink_to("nowhere.png")
        entries[2].symlink_to(folder / "train" / "dog")
        os.mkfifo(entries[3])
        data = image_folder(folder).load(None, 12)
        assert len(data.train) == 12 and data.classes == ("cat", "dog")
        (note,) = data.notes
        assert note.endswith(f": 4: {', '.join(map(str, entries))}")

    @pytest.mark.parametrize("place", ["train", "train/cat", "train/cat/sub/subsub"])
    def test_a_folder_that_cannot_be_listed_is_an_error(
        self, folder: Path, draw: Callable[..., Path], close: Callable[[Path], None], place: str
    ) -> None:
        draw(folder / "train" / "cat" / "sub" / "subsub" / "0.png")
        close(folder / place)
        with pytest.raises(DataError, match=f"^{folder / place}: can't be read .Permission denied"):
            image_folder(folder).load(None, 12)

    def test_a_name_that_no_folder_can_have_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"n{300}: can't be read .File name too long"):
            image_folder(tmp_path / ("n" * 300)).load(None, 12)
        with pytest.raises(DataMissing, match="~no such user/x: no home folder of that user"):
            image_folder("~no such user/x")

    def test_names_that_are_no_utf8_are_read_and_shown_with_their_bytes(
        self, folder: Path, draw: Callable[..., Path]
    ) -> None:
        before = image_folder(folder).load(None, 12).digest
        umlaut = os.fsdecode(b"\xe4")
        for split in ("train", "val", "test"):
            for i in range(2):
                draw(folder / split / umlaut / f"{i}{umlaut}.png")
        (folder / "train" / umlaut / f"bad{umlaut}.png").write_text("no image")
        data = image_folder(folder).load(None, 12)
        assert data.classes == ("cat", "dog", r"\xe4") and data.digest != before
        (note,) = data.notes
        assert r"train/\xe4/bad\xe4.png (no image that Pillow knows)" in note
        json.dumps([note, data.classes], ensure_ascii=False).encode()  # as records and cards are written
        (folder / "train" / umlaut / f"0{umlaut}.png").rename(folder / "train" / umlaut / "0.png")
        assert image_folder(folder).load(None, 12).digest != data.digest

    def test_a_file_that_changed_since_it_was_read_is_named(self, folder: Path) -> None:
        data = image_folder(folder).load(None, 12)
        (folder / "train" / "cat" / "0.png").write_text("gone")
        with pytest.raises(DataError, match=r"train/cat/0\.png.*can't be now"):
            data.train.batch(torch.tensor([0]))

    def test_copies_of_a_test_image_are_left_out_of_training_and_validation(self, folder: Path) -> None:
        leaked = folder / "test" / "dog" / "1.png"
        shutil.copy(leaked, folder / "train" / "dog" / "again.png")
        shutil.copy(leaked, folder / "val" / "dog" / "again.png")
        shutil.copy(folder / "val" / "cat" / "1.png", folder / "train" / "cat" / "again.png")
        data = image_folder(folder).load(None, 12)
        assert (len(data.train), len(data.validation), len(data.tests[12])) == (12, 4, 6)
        assert data.notes == ("images left out of training or validation as exact copies of held-out ones: 3",)

    def test_without_a_test_folder_val_is_the_test(self, folder: Path) -> None:
        shutil.rmtree(folder / "test")
        data = image_folder(folder).load(None, 12)
        assert (len(data.train), len(data.validation), len(data.tests[12])) == (10, 2, 4)
        assert data.notes == ("no test/: tested on val/",)

    def test_with_training_images_alone_a_test_is_held_out(self, folder: Path) -> None:
        shutil.rmtree(folder / "test")
        shutil.rmtree(folder / "val")
        data = image_folder(folder).load(None, 12)
        assert (len(data.train), len(data.validation), len(data.tests[12])) == (8, 2, 2)
        assert len(set(pixels_of(data))) == 12 and "20 %" in data.notes[0]

    def test_the_baseline_is_the_most_frequent_class(self, folder: Path, draw: Callable[..., Path]) -> None:
        draw(folder / "train" / "dog" / "more.png")
        draw(folder / "test" / "dog" / "more.png")
        draw(folder / "test" / "dog" / "still more.png")
        assert image_folder(folder).load(None, 12).info.baseline.accuracy == pytest.approx(5 / 8)

    def test_the_digest_follows_content_label_and_size_but_not_the_place(self, folder: Path, tmp_path: Path) -> None:
        first = image_folder(folder).load(None, 12).digest
        assert image_folder(folder).load(None, 16).digest != first
        moved = shutil.copytree(folder, tmp_path / "elsewhere")
        assert image_folder(moved).load(None, 12).digest == first
        shutil.move(moved / "train" / "cat" / "0.png", moved / "train" / "dog" / "9.png")
        assert image_folder(moved).load(None, 12).digest != first

    def test_a_class_that_training_never_saw_is_named(self, folder: Path, draw: Callable[..., Path]) -> None:
        draw(folder / "test" / "owl" / "0.png")
        with pytest.raises(DataError, match="test/owl: class 'owl' is not in train/"):
            image_folder(folder).load(None, 12)

    @pytest.mark.parametrize(
        ("emptied", "message"),
        [
            (["train"], "1 test examples are of class 'owl', which training never saw"),
            (["train", "test"], "class 'owl' has no training examples"),
            (["test"], "class 'owl' has no test examples"),
        ],
    )
    def test_an_empty_class_is_named(
        self, folder: Path, draw: Callable[..., Path], emptied: list[str], message: str
    ) -> None:
        for split in ("train", "test"):
            owl = draw(folder / split / "owl" / "0.png")
            if split in emptied:
                owl.unlink()
        with pytest.raises(DataError, match=f"{folder}: {message}"):
            image_folder(folder).load(None, 12)

    def test_one_class_only_is_an_error(self, folder: Path) -> None:
        for split in ("train", "val", "test"):
            shutil.rmtree(folder / split / "cat")
        with pytest.raises(DataError, match="two classes or more; found: 'dog'"):
            image_folder(folder).load(None, 12)

    def test_an_error_for_want_of_images_says_what_was_left_out(self, folder: Path, draw: Callable[..., Path]) -> None:
        for path in (folder / "train" / "cat").iterdir():
            path.write_text("no image")
        loose = draw(folder / "train" / "0.png")
        with pytest.raises(DataError) as error:
            image_folder(folder).load(None, 12)
        assert "two classes or more; found: 'dog'; images left out that lie in no class folder: 1: " in str(error.value)
        assert str(loose) in str(error.value)
        assert "can't be decoded: 6: " in str(error.value) and "cat/0.png (no image that" in str(error.value)

    def test_nothing_to_validate_on_says_what_was_left_out(self, folder: Path) -> None:
        for path in (folder / "val").rglob("*.png"):
            path.write_text("no image")
        with pytest.raises(DataError, match=r"nothing to validate on.*can't be decoded: 4: .*val/cat/0\.png"):
            image_folder(folder).load(None, 12)

    @pytest.mark.parametrize("split", ["val", "test"])
    def test_a_split_without_images_is_named(self, folder: Path, draw: Callable[..., Path], split: str) -> None:
        shutil.rmtree(folder / split)
        (folder / split).mkdir()
        with pytest.raises(DataError, match=f"^{folder / split}: is empty; put <class>/<image> there, or remove"):
            image_folder(folder).load(None, 12)
        loose = draw(folder / split / "0.png")
        with pytest.raises(DataError, match=rf"{split}: has no <class>/<image> in it; .* no class folder: 1: {loose}"):
            image_folder(folder).load(None, 12)

    def test_a_folder_that_is_none_or_has_no_train_says_what_it_needs(self, tmp_path: Path) -> None:
        with pytest.raises(DataMissing, match=r"no folder .*nowhere.*train/<class>/<image>"):
            image_folder(tmp_path / "nowhere").load(None, 12)
        with pytest.raises(DataError, match="has no train/"):
            image_folder(tmp_path).load(None, 12)

    def test_nothing_to_validate_on_is_an_error(self, tmp_path: Path, draw: Callable[..., Path]) -> None:
        for split in ("train", "test"):
            for name in ("cat", "dog"):
                draw(tmp_path / split / name / "0.png")
        with pytest.raises(DataError, match="nothing to validate on"):
            image_folder(tmp_path).load(None, 12)


@pytest.fixture
def tiny_imagenet(tmp_path: Path, draw: Callable[..., Path]) -> Path:
    """A data root with a Tiny ImageNet of two classes, in the layout of the published .zip."""
    base = tmp_path / "tiny-imagenet-200"
    for wnid in ("n02", "n01"):
        for i in range(10):
            draw(base / "train" / wnid / "images" / f"{wnid}_{i}.JPEG")
        (base / "train" / wnid / f"{wnid}_boxes.txt").write_text("")
    for i in range(4):
        draw(base / "val" / "images" / f"val_{i}.JPEG")
    rows = [f"val_{i}.JPEG\t{'n02' if i else 'n01'}\t0\t0\t62\t62\n" for i in range(4)]
    (base / "val" / "val_annotations.txt").write_text("".join(rows))
    (base / "words.txt").write_text("n01\tgoldfish, Carassius auratus\nn02\tbullfrog\n")
    return tmp_path


class TestTinyImageNet:
    def test_the_annotated_validation_split_is_the_test(self, tiny_imagenet: Path) -> None:
        data = TINY_IMAGENET.load(tiny_imagenet, 12)
        assert data.tests[12].labels().tolist() == [0, 1, 1, 1]
        assert data.classes == ("n01 goldfish", "n02 bullfrog")
        stored = Image.open(tiny_imagenet / "tiny-imagenet-200" / "val" / "images" / "val_3.JPEG")
        assert torch.equal(data.tests[12].batch(torch.tensor([3])).inputs[0], pil_to_tensor(stored))
        assert (len(data.train), len(data.validation)) == (18, 2)
        assert data.info.baseline == TINY_IMAGENET.info.baseline

    def test_an_annotation_of_a_class_without_training_images_is_named_by_line(self, tiny_imagenet: Path) -> None:
        listing = tiny_imagenet / "tiny-imagenet-200" / "val" / "val_annotations.txt"
        listing.write_text(listing.read_text() + "val_9.JPEG\tn99\t0\t0\t1\t1\n")
        with pytest.raises(DataError, match=r"val_annotations\.txt:5: class 'n99' is not in train/"):
            TINY_IMAGENET.load(tiny_imagenet, 12)

    def test_the_digest_follows_the_annotations(self, tiny_imagenet: Path) -> None:
        first = TINY_IMAGENET.load(tiny_imagenet, 12).digest
        listing = tiny_imagenet / "tiny-imagenet-200" / "val" / "val_annotations.txt"
        listing.write_text(listing.read_text().replace("val_3.JPEG\tn02", "val_3.JPEG\tn01"))
        assert TINY_IMAGENET.load(tiny_imagenet, 12).digest != first

    def test_an_annotated_image_that_is_not_there_is_counted_and_named(self, tiny_imagenet: Path) -> None:
        (tiny_imagenet / "tiny-imagenet-200" / "val" / "images" / "val_2.JPEG").unlink()
        data = TINY_IMAGENET.load(tiny_imagenet, 12)
        assert len(data.tests[12]) == 3 and "decoded: 1: " in data.notes[0] and "val_2.JPEG" in data.notes[0]

    def test_no_annotations_is_an_error(self, tiny_imagenet: Path) -> None:
        (tiny_imagenet / "tiny-imagenet-200" / "val" / "val_annotations.txt").unlink()
        with pytest.raises(DataError, match=r"val_annotations\.txt: not there"):
            TINY_IMAGENET.load(tiny_imagenet, 12)

    @pytest.mark.parametrize(
        ("name", "content"), [("val/val_annotations.txt", b"\x89PNG"), ("words.txt", b"n01\t\xe4\n")]
    )
    def test_a_file_that_is_no_utf8_is_named(self, tiny_imagenet: Path, name: str, content: bytes) -> None:
        path = tiny_imagenet / "tiny-imagenet-200" / name
        path.write_bytes(content)
        with pytest.raises(DataError, match=f"^{path}: no text in UTF-8 .*unpack the .zip again"):
            TINY_IMAGENET.load(tiny_imagenet, 12)

    def test_a_class_whose_images_cannot_be_listed_is_an_error(
        self, tiny_imagenet: Path, close: Callable[[Path], None]
    ) -> None:
        images = tiny_imagenet / "tiny-imagenet-200" / "train" / "n02" / "images"
        close(images)
        with pytest.raises(DataError, match=f"^{images}: can't be read .Permission denied"):
            TINY_IMAGENET.load(tiny_imagenet, 12)
