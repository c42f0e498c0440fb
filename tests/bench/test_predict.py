from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from baselines.errors import UsageError
from bench import model_folder
from bench.model_card import ImageForm, SequenceForm
from bench.prediction_forms import Letters, Pictures
from bench.prediction_inputs import as_given
from bench.predictor import Prediction, Predictor
from bench.training.data import pictures
from suites.tasks.dna import ALPHABET, encode
from suites.tasks.image_files import ImageFiles
from tests.bench import trained
from tests.bench.trained import Learnt

Make = Callable[[Path], Learnt]


def _strings(learnt: Learnt) -> list[str]:
    test: Any = learnt.data.tests[64]
    return [
        "".join(ALPHABET[base] for base in row[:length])
        for row, length in zip(test.bases.tolist(), test.lengths.tolist(), strict=True)
    ]


def _answers(predictions: list[Prediction]) -> list[tuple[str, Any]]:
    return [(prediction.label, prediction.probability) for prediction in predictions]


def _stored(learnt: Learnt) -> list[tuple[str, Any]]:
    """What the trainer answered to the test examples: label and probability."""
    labels = [learnt.data.classes[index] for index in learnt.answers.predicted]
    assert len(set(labels)) > 1, "a model with one answer to all shows nothing"
    return [
        (label, pytest.approx(share, abs=1e-5)) for label, share in zip(labels, learnt.answers.probability, strict=True)
    ]


def test_images_get_the_answers_that_the_training_run_stored(digits: Learnt) -> None:
    assert _answers(Predictor.load(digits.folder).predict(trained.pixels(digits), batch=50)) == _stored(digits)


def test_a_prediction_ranks_all_classes(digits: Learnt) -> None:
    (answer,) = Predictor.load(digits.folder).predict(trained.pixels(digits, 1))
    shares = list(answer.probabilities.values())
    assert set(answer.probabilities) == set("0123456789") and shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1) and answer.probabilities[answer.label] == answer.probability == shares[0]


def test_array_picture_and_file_are_one_input(digits: Learnt, tmp_path: Path) -> None:
    (array,) = trained.pixels(digits, 1)
    picture = Image.fromarray(array)
    picture.save(tmp_path / "digit.png")
    given = [array, array[:, :, None], picture, tmp_path / "digit.png", str(tmp_path / "digit.png")]
    first, *others = Predictor.load(digits.folder).predict(given)
    assert all(other == first for other in others)


def test_dna_gets_the_answers_of_the_trainers_evaluation(dna: Learnt) -> None:
    assert _answers(Predictor.load(dna.folder).predict(_strings(dna), batch=5)) == _stored(dna)


def test_whole_numbers_of_different_lengths_get_the_answers_of_the_trainers_evaluation(tokens: Learnt) -> None:
    rows = tokens.data.tests[32].batch(torch.arange(40)).inputs.tolist()
    given = [[value for value in row if value] for row in rows]
    predictor = Predictor.load(tokens.folder)
    assert _answers(predictor.predict(given)) == _stored(tokens)
    beyond, alone = predictor.predict([given[0] * 9, given[1]])  # longer than in training: read whole
    assert beyond != predictor.predict([(given[0] * 9)[:32]])[0]
    assert alone.label == predictor.predict([given[1]])[0].label


def test_dna_is_read_as_in_training_whatever_way_it_is_written(dna: Learnt, tmp_path: Path) -> None:
    text = "ACGTTTGACRGATTACA" * 2
    files = [tmp_path / name for name in ("a.fasta", "a.csv", "a.fa.gz")]
    files[0].write_text(f">one\n{text[:9]}\n{text[9:]}\n\n>two\nAC\n")
    files[1].write_text(f"id,sequence\n1,<{text}>\n2,AC\n")
    files[2].write_bytes(gzip.compress(files[0].read_bytes()))
    written = [text, text.lower(), text.replace("T", "U"), text.replace("R", "N"), f"<{text}>"]
    first, *others = Predictor.load(dna.folder).predict(written)
    assert all(other == first for other in others)
    answers = Predictor.load(dna.folder).predict(files)
    assert len(answers) == 6
    np.testing.assert_allclose([one.probability for one in answers[::2]], [first.probability] * 3, atol=1e-6)


def test_a_long_sequence_is_cropped_as_the_task_crops() -> None:
    form: dict[str, Any] = {"length": 4, "channels": 5, "vocabulary": None, "pooling": "avg", "padding": None}
    for crop, kept in (("start", "AACC"), ("centre", "CCGG")):
        letters = Letters(SequenceForm(**form, letters=ALPHABET, crop=crop, reverse_complement=False))
        assert torch.equal(letters.example("AACCGGTT"), encode([kept], 4)[0][0])


def test_files_of_any_shape_become_the_pixels_of_an_image_folder_task(tmp_path: Path) -> None:
    """The oracle is the task's own decoding: turned by EXIF, the middle square, bicubic."""
    pixels = np.random.default_rng(0).integers(256, size=(50, 90, 3), dtype=np.uint8)
    turned = Image.Exif()
    turned[0x0112] = 6  # orientation: turned by a quarter
    path = tmp_path / "wide.png"
    Image.fromarray(pixels).save(path, exif=turned)
    form = ImageForm(
        channels=3,
        size=24,
        mean=(0.5, 0.4, 0.3),
        std=(0.2, 0.3, 0.4),
        crop_padding=0,
        flip=False,
        decoded_to_size=True,
    )
    trained_on = pictures(ImageFiles((path,), torch.zeros(1), 24).batch(torch.tensor([0])), form.input).inputs[0]
    assert torch.equal(Pictures(form).example(path), trained_on)


def _corrupt(folder: Path) -> Path:
    path = folder / "torn.png"
    Image.fromarray(np.random.default_rng(0).integers(256, size=(64, 64), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    return path


def _corrupt_tiff(folder: Path) -> Path:
    """One for which Pillow raises a TypeError: the offset of its pixels is a fraction."""
    Image.new("L", (8, 8)).save(folder / "a.tif")
    (folder / "a.tif").write_bytes((folder / "a.tif").read_bytes().replace(b"\x11\x01\x04\0", b"\x11\x01\x05\0"))
    return folder / "a.tif"


def _colour(folder: Path) -> Path:
    Image.new("RGB", (8, 8)).save(folder / "colour.png")
    return folder / "colour.png"


def _deep(folder: Path) -> Path:
    Image.fromarray(np.full((8, 8), 4000, np.uint16)).save(folder / "deep.png")
    return folder / "deep.png"


def _text(folder: Path, name: str, content: str) -> Path:
    (folder / name).write_text(content)
    return folder / name


@pytest.mark.parametrize(
    ("make", "bad", "message"),
    [
        (trained.digits, _corrupt, "torn.png: can't be decoded"),
        (trained.digits, _corrupt_tiff, "a.tif: can't be decoded .'IFDRational' object"),
        (trained.digits, lambda f: _text(f, "a.png", "no image"), "a.png: no image that Pillow knows"),
        (trained.digits, lambda f: f / "none.png", "none.png: can't be decoded .No such file"),
        (trained.digits, _colour, r"colour.png: has colours \(RGB\), and the model reads grey"),
        (trained.digits, _deep, "deep.png: can't be decoded .more than 8 bits a channel, mode I;16"),
        (trained.digits, lambda _: np.zeros((8, 8, 3), np.uint8), "input 2: has 3 channels, and the model reads 1"),
        (trained.digits, lambda _: np.zeros((8, 8)), r"must be uint8 \(H, W\)"),
        (trained.digits, lambda _: [1, 2], "the model reads images, not list"),
        (trained.dna, lambda _: "ACGJ", "letters that are no DNA: 'J'"),
        (trained.dna, lambda _: "AC\u00dfT", "letters that are no DNA: '\u00df'"),
        (trained.dna, lambda _: "", "input 2: an empty sequence"),
        (trained.dna, lambda _: [1, 2], "the model reads DNA, not list"),
        (trained.dna, lambda f: _text(f, "a.fa", ">a\nACGT\n>b\nQQ\n"), "a.fa:3 b: letters that are no DNA"),
        (trained.dna, lambda f: _text(f, "a.fa", "ACGT\n"), "a.fa:1: a sequence without a header"),
        (trained.dna, lambda f: _text(f, "a.fa", ""), "a.fa: no sequence in it"),
        (trained.dna, lambda f: _text(f, "a.fa.gz", ">a\nACGT\n"), "a.fa.gz: can't be read"),
        (trained.dna, lambda f: _text(f, "a.csv", "id,seq\n1,AC\n"), r"no single column 'sequence' \(id, seq\)"),
        (trained.dna, lambda f: _text(f, "a.csv", "sequence,id\nAC\n"), "a.csv:2: 1 fields, but the header has 2"),
        (trained.dna, _colour, "colour.png: the model reads sequences, not an image"),
        (trained.tokens, lambda _: [3, 16], "tokens are whole numbers from 0 to 15, got 16"),
        (trained.tokens, lambda _: "[1.5]", "not a list of whole numbers"),
        (trained.tokens, lambda _: [1.5], "not a list of whole numbers"),
        (trained.tokens, lambda _: "[1, 2", "not a list of whole numbers in JSON"),
        (trained.tokens, lambda _: [0, 0], "an empty sequence"),
        (trained.tokens, lambda f: _text(f, "a.jsonl", "[1, 2]\n\n{}\n"), "a.jsonl:3: not a list of whole numbers"),
    ],
)
def test_a_bad_input_is_named_and_the_others_are_answered(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, make: Make, bad: Callable[[Path], Any], message: str
) -> None:
    learnt = make(tmp_path_factory.getbasetemp())
    good = {"vio_nano": np.zeros((8, 8), np.uint8), "vio_dna": "ACGT", "vio_seq_mamba": [1, 2, 3]}[learnt.cell.model]
    predictor = Predictor.load(learnt.folder)
    given = [good, bad(tmp_path), good]
    with pytest.raises(UsageError, match=message):
        predictor.predict(given)
    answers = predictor.answer(given)
    errors = [answer for answer in answers if answer.error is not None]
    assert len(errors) == 1 and answers[0].prediction == answers[-1].prediction is not None


@pytest.mark.parametrize("one", ["ACGT", "photo.png", Path("photo.png"), Image.new("L", (8, 8)), np.zeros((8, 8))])
@pytest.mark.parametrize("make", [trained.digits, trained.dna])
def test_an_input_by_itself_is_refused(tmp_path_factory: pytest.TempPathFactory, make: Make, one: Any) -> None:
    predictor = Predictor.load(make(tmp_path_factory.getbasetemp()).folder)
    with pytest.raises(UsageError, match=rf"got one {type(one).__name__}; give a list: predict\(\[x\]\)"):
        predictor.predict(one)


@pytest.mark.parametrize("batch", [0, -1])
def test_a_batch_of_nothing_is_refused(dna: Learnt, batch: int) -> None:
    with pytest.raises(UsageError, match=f"at least 1, got {batch}"):
        Predictor.load(dna.folder).predict(["ACGT"], batch=batch)


@pytest.mark.parametrize("device", ["cuda:99", "cdua"])
def test_a_device_that_is_not_here_is_refused(dna: Learnt, device: str) -> None:
    with pytest.raises(UsageError, match=f"device '{device}' can't be used here"):
        Predictor.load(dna.folder, device)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "id,seq\n1,AC\n", ":1: no single column 'sequence'"),
        ("a.csv", "sequence,id\nAC\n", ":2: 1 fields"),
        ("a.fa", "ACGT\n", ":1: a sequence without a header"),
        ("a.fa", "", ": no sequence in it"),
        ("a.fa.gz", "", ": no sequence in it"),
        ("a.fa.gz", ">a\nACGT\n", ": can't be read"),
        (
            "a.docx",
            "ACGT",
            ": the model reads sequences, not '.docx'; give a file that ends in .fasta, .fa, .fna, .csv",
        ),
        ("a.gz", "ACGT", ": the model reads sequences, not '.gz'; give a file that ends in .fasta"),
        ("plain", "ACGT", ": the model reads sequences, not a file without an ending; give a file that ends in .fasta"),
        (".", None, ": the model reads sequences, not a folder; give a file that ends in .fasta"),
        ("missing", None, r": can't be read \(No such file"),
    ],
)
def test_a_bad_file_is_named_once(dna: Learnt, tmp_path: Path, name: str, content: str | None, message: str) -> None:
    path = tmp_path / name if content is None else _text(tmp_path, name, content)
    with pytest.raises(UsageError, match=f"^{path}{message}") as caught:
        Predictor.load(dna.folder).predict([path])
    assert str(caught.value).count(str(path)) == 1


@pytest.mark.parametrize("name", ["A.FASTA", "A.CSV", "A.FASTA.GZ", "A.Csv.Gz"])
def test_endings_are_known_in_capitals_too(dna: Learnt, tmp_path: Path, name: str) -> None:
    content = (b"sequence\n" if ".CSV" in name.upper() else b">one\n") + b"ACGTACGT\n"
    (tmp_path / name).write_bytes(gzip.compress(content) if name.lower().endswith("gz") else content)
    predictor = Predictor.load(dna.folder)
    assert predictor.predict([tmp_path / name]) == predictor.predict(["ACGTACGT"])


def test_an_empty_word_is_an_empty_input_and_not_the_working_folder(digits: Learnt, dna: Learnt) -> None:
    for learnt, message in ((digits, "input 1: an empty name"), (dna, "input 1: an empty sequence")):
        predictor = Predictor.load(learnt.folder)
        with pytest.raises(UsageError, match=message):
            predictor.predict([as_given("", predictor.card.input)])


def test_a_long_word_of_letters_beyond_ascii_is_no_file(dna: Learnt) -> None:
    word = "ü" * 200  # more bytes than a file's name may have
    assert as_given(word, model_folder.read_card(dna.folder).input) == word


def test_a_card_that_asks_too_much_of_its_model_is_one_error(tokens: Learnt) -> None:
    card = model_folder.read_card(tokens.folder)
    wide = card.model_copy(update={"input": card.input.model_copy(update={"vocabulary": 1000})})
    with pytest.raises(UsageError, match=r"vio_seq_mamba fails at inputs \(1, 32\)"):
        Predictor(trained.fresh(tokens.cell), wide).predict([[999]])


def test_a_model_of_images_neither_grey_nor_in_colour_is_refused(digits: Learnt) -> None:
    card = model_folder.read_card(digits.folder)
    form = card.input.model_copy(update={"channels": 2})
    with pytest.raises(UsageError, match="images of 2 channels; predict is for grey or colour ones"):
        Predictor(trained.fresh(digits.cell), card.model_copy(update={"input": form}))


def test_a_list_on_the_command_line_is_no_file_though_it_has_a_dot(tokens: Learnt, dna: Learnt) -> None:
    form = model_folder.read_card(tokens.folder).input
    assert as_given("[1.0]", form) == "[1.0]"
    assert as_given("a.json", form) == Path("a.json")
    assert as_given("a.fa", model_folder.read_card(dna.folder).input) == Path("a.fa")


def test_a_model_that_answers_at_every_place_is_refused(tokens: Learnt, tmp_path: Path) -> None:
    card = model_folder.read_card(tokens.folder)
    form = card.input.model_copy(update={"pooling": ""})
    with pytest.raises(UsageError, match="answers at every place"):
        Predictor(trained.fresh(tokens.cell), card.model_copy(update={"input": form}))
