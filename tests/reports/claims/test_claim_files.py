"""Claims files: what is wrong in one is said in one line, with its place and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from baselines.errors import UsageError
from reports.claims.claim import COLUMNS, Wanted
from reports.claims.documents import load_document, load_documents
from reports.claims.kinds import KINDS
from reports.claims.names import check_names
from reports.frame import COLUMNS as FRAME

RATIO = """
document: mine
title: Mine
claims:
  - id: faster
    sentence: It is faster.
    kind: ratio
    metric: latency
    ours: {model: vio_tiny}
    theirs: {model: vit_tiny_patch16_224}
    at: {mode: forward}
    at_most: 1
    command: vio-bench run --suite scaling
"""


def written(tmp_path: Path, text: str, name: str = "mine.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def refusal(tmp_path, text):
    with pytest.raises(UsageError) as caught:
        load_document(written(tmp_path, text))
    said = str(caught.value)
    assert "\n" not in said and said.startswith(f"{tmp_path / 'mine.yaml'}")
    return said.removeprefix(f"{tmp_path / 'mine.yaml'}")


def test_a_claim_is_read_with_its_document_and_its_defaults(tmp_path):
    (claim,) = load_document(written(tmp_path, RATIO)).claims
    assert (claim.document, claim.title, claim.margin, claim.claimed, claim.sign) == ("mine", "Mine", 0.05, 1, -1)
    assert claim.theirs == [{"model": Wanted(one_of=("vit_tiny_patch16_224",))}]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: ratio", "kind: ration", ":7:11: unknown kind 'ration'; did you mean ratio?"),
        ("kind: ratio", "place: here", ":5:5: 'kind' is missing; known: bound, capability,"),
        ("at_most: 1", "at_mots: 1", ":12:14: claim 'faster': unknown key 'at_mots' of kind ratio; did you"),
        ("at_most: 1", "at_most: 1\n    at_least: 2", "give exactly one of at_most and at_least"),
        ("at_most: 1", "at_most: 0", "a ratio is above 0"),
        ("at_most: 1", "at_most: much", ":12:14: claim 'faster': at_most: Input should be a valid number"),
        ("{model: vio_tiny}", "{modle: vio_tiny}", ":9:19: claim 'faster': ours.modle: unknown column 'modle'"),
        ("{model: vit_tiny_patch16_224}", "{modle: a}", ":10:21: claim 'faster': theirs.modle: unknown column 'modle'"),
        ("{model: vit_tiny_patch16_224}", "[{model: a}, {modle: b}]", ":10:34: claim 'faster': theirs.1.modle: "),
        ("{model: vio_tiny}", "{model: 5}", ":9:5: claim 'faster': ours: model: write a name, not 5"),
        ("{model: vio_tiny}", "{tokens: big}", "tokens: write a whole number, not 'big'"),
        ("{model: vio_tiny}", "{}", "ours: Dictionary should have at least 1 item"),
        ("{model: vio_tiny}", "{tokens: {at_laest: 5}}", "unknown key 'at_laest' of kind ratio; did you mean at_least"),
        ("{mode: forward}", "{model: {at_least: 5}}", "at: model: write a value or a list of values"),
        ("metric: latency", "metric: accuracy", ":8:13: claim 'faster': metric: accuracy is a share of the examples"),
        ("sentence: It is faster.", "place: there", ":5:5: claim 'faster': 'sentence' is missing; a claim of kind"),
        ("id: faster", "id: Fast er", ":5:9: id: String should match pattern"),
        ("id: faster", "id: faster\n    document: other", ":6:15: 'document' stands once, at the top of the file"),
        ("document: mine", "documant: mine", ":2:11: unknown key 'documant'; did you mean document?"),
        ("title: Mine", "title: 5", ":3:8: 'title' is missing or no text"),
    ],
)  # fmt: skip
def test_a_mistake_is_shown_at_its_line_with_what_would_be_right(tmp_path, old, new, said):
    assert old in RATIO
    assert said in refusal(tmp_path, RATIO.replace(old, new, 1))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ": empty; a claims file is a mapping with document, title and claims"),
        ("# nothing\n", ": empty; a claims file is"),
        ("- a\n- b\n", ":1:1: a claims file is a mapping"),
        ("document: [\n", "not YAML"),
        ("document: a\ntitle: b\n", ":1:1: 'claims' must be a list with at least one claim"),
        ("document: a\ntitle: b\nclaims: []\n", ":3:1: 'claims' must be a list with at least one claim"),
        ("document: a\ntitle: b\nclaims: [fast]\n", ":3:10: a claim is a mapping with id, sentence, kind and command"),
        ("document: a\ndocument: b\n", "'document' stands here twice"),
    ],
)
def test_a_file_that_is_no_claims_file_says_what_one_is(tmp_path, text, said):
    assert said in refusal(tmp_path, text)


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match=r"can't read .*nothing\.yaml"):
        load_documents([tmp_path / "nothing.yaml"])


def test_an_id_stands_once_over_all_documents_and_a_document_too(tmp_path):
    first, second = (
        written(tmp_path, RATIO),
        written(tmp_path, RATIO.replace("document: mine", "document: b"), "b.yaml"),
    )
    with pytest.raises(UsageError, match=r"b\.yaml:5:9: id 'faster' stands at .*mine\.yaml:5:9 too; choose another"):
        load_documents([first, second])
    again = written(tmp_path, RATIO.replace("id: faster", "id: fast"), "c.yaml")
    with pytest.raises(UsageError, match=r"c\.yaml:2:11: document 'mine' is already that of .*mine\.yaml"):
        load_documents([first, again])
    twice = RATIO + RATIO.split("claims:\n")[1]
    with pytest.raises(UsageError, match=r"mine\.yaml:14:9: id 'faster' stands at .*mine\.yaml:5:9 too"):
        load_documents([written(tmp_path, twice)])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "metric: latency",
            "metric: latancy",
            r":8:13: claim 'faster': unknown metric 'latancy'; did you mean latency\?",
        ),
        ("{model: vit_tiny_patch16_224}", "{model: vit_tinny}", r":10:21: claim 'faster': unknown model 'vit_tinny'"),
        (
            "{model: vit_tiny_patch16_224}",
            "[{family: vit}, {model: vit_tinny}]",
            r":10:37: .*unknown model 'vit_tinny'",
        ),
    ],
)
def test_names_that_nobody_knows_are_told_from_those_that_a_run_does_not_have(tmp_path, made, old, new, said):
    def find_model(name):
        if name != "vit_tiny_patch16_224":
            raise UsageError(f"unknown model '{name}': did you mean vit_tiny_patch16_224?")

    run = made.run()
    run.add(made.cell("vio_tiny"), {"latency": made.noisy(0.01, 1)})
    fine = load_document(written(tmp_path, RATIO))
    check_names([fine], run.results(), find_model)
    mine = RATIO.replace("{model: vio_tiny}", "{model: 'my.module:factory'}").replace(
        "metric: latency", "metric: warmth"
    )
    check_names(
        [load_document(written(tmp_path, mine))], run.results(), find_model
    )  # a plug-in's metric, a user's model
    wrong = load_document(written(tmp_path, RATIO.replace(old, new)))
    with pytest.raises(UsageError, match=said):
        check_names([wrong], run.results(), find_model)


def test_selections_speak_of_columns_of_the_table():
    types = {"string": str, "Int64": int, "int64": int, "bool": bool}
    assert {name: types[FRAME[name]] for name in COLUMNS} == COLUMNS


def test_every_kind_can_be_loaded_and_says_what_its_fields_are():
    for name in KINDS:
        form = KINDS.load(name).form
        assert {"id", "sentence", "kind", "command"} <= set(form.model_fields)
        assert all(field.description for field in form.model_fields.values())


@pytest.mark.parametrize(
    ("wanted", "holds", "fails"),
    [
        (Wanted(one_of=("a", "b")), "b", "c"),
        (Wanted(one_of=(True,)), True, False),
        (Wanted(at_least=196), 196, 195),
        (Wanted(at_most=196), 196, 197),
        (Wanted(at_least=1), 1, None),
    ],
)
def test_what_a_column_must_be(wanted, holds, fails):
    assert wanted.holds(holds) and not wanted.holds(fails)
