"""LaTeX tables: whatever a name holds is text, and nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import reports
from reports.latex import escape, long_table, tabular
from reports.text_tables import TextTable

HOSTILE = [
    r"\input{/etc/passwd}", "100 % of a_b & c # d $x^2$ {e} ~f~ \\", "<script>alert(1)</script>",
    '=HYPERLINK("http://x")', "[red] *stars* `ticks` ''quotes'' --dash--- ,,low,, ?`!`",
    "é ü ł 中文 \u202egnp.exe ᵃ ² µ ± × → ≥", "@|<>\"'", "a\nb\r\n\\par c",
]  # fmt: skip
_TEXT = re.compile(
    r"(?:[A-Za-z0-9 .,:;!?'()/+=@À-ž-]|--|\\[%&#$_{}]|\\text(?:backslash|asciitilde|asciicircum|less|greater|bar)\{\}"
    r"|\\textsuperscript\{[A-Za-z0-9+=()-]+\}|\\symbol\{\d+\}|\\ldots\{\}|\{[\[\]*]\}|\{\}|\$(?:-|\\[a-z]+)\$)*"
)
"""Signs that are text, and the commands that stand for one; nothing else."""


@given(st.text(max_size=60))
def test_any_text_is_text(text):
    assert _TEXT.fullmatch(escape(text)), escape(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text(text):
    assert _TEXT.fullmatch(escape(text)), escape(text)
    assert "\n" not in escape(text)


def test_signs_keep_their_meaning():
    assert escape(r"a_b\c") == r"a\_b\textbackslash{}c"
    assert escape("50 % ± 2, 1–2") == r"50 \% $\pm$ 2, 1--2"
    assert escape("ᵃ x²") == r"\textsuperscript{a} x\textsuperscript{2}"
    assert escape("a--b ''c''") == "a-{}-b '{}'c'{}'"  # neither a dash nor a quotation mark
    assert escape("中") == "U+4E2D"


def test_a_row_has_as_many_cells_as_the_table_has_columns():
    table = TextTable("t & t", ["a", "b & c"], [["x & y", r"\\"], ["[1]", "*"]])
    for text in (tabular(table, "tab:x", ["note & note"]), long_table(table, "tab:x", {1: 0.5})):
        rows = [line for line in text.splitlines() if line.endswith(r"\\") and "caption" not in line]
        assert rows and all(len(re.findall(r"(?<!\\)&", row)) == 1 for row in rows)
        assert text.count(r"\begin") == text.count(r"\end{t") + text.count(r"\end{l")


@pytest.fixture(scope="module")
def hostile_tables(made, tmp_path_factory) -> Path:
    run = made.run(question=HOSTILE[0])
    for size in (128, 224, 448):
        for model in HOSTILE:
            figures = {"latency": made.noisy(size / 1e4, len(model)), "macs": made.count(size * size)}
            run.add(made.cell(model, size), figures, family=HOSTILE[2], warnings=[made.warning(message=HOSTILE[1])])
    folder = run.save(tmp_path_factory.mktemp("hostile") / "run")
    reports.write_report(folder, ["latex"])
    return folder / "tables"


def test_hostile_names_in_a_run_stay_names_and_warnings_stand_below_their_table(hostile_tables):
    text = (hostile_tables / "comparison.tex").read_text()
    assert {path.name for path in hostile_tables.iterdir()} >= {"comparison.tex", "exponents.tex", "claims.tex"}
    assert r"\input{" not in text and "<script" not in text and r"\textbackslash{}input\{/etc/passwd\}" in text
    tables = text.split(r"\end{table}")[:-1]
    assert len(tables) == 3 and all(
        re.search(r"\\textsuperscript\{a\}.*\n(.*\n)*\\par \\textsuperscript\{a\} 100", t) for t in tables
    )
    assert text.isascii() or set(re.findall(r"[^\x00-\x7f]", text)) <= set("éüł")


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no pdflatex here")
def test_the_tables_compile_as_an_input(hostile_tables, tmp_path):
    inputs = "".join(f"\\input{{{path.as_posix()}}}\n" for path in sorted(hostile_tables.glob("*.tex")))
    packages = r"\usepackage{booktabs,graphicx,longtable}"
    (tmp_path / "paper.tex").write_text(
        f"\\documentclass{{article}}\n{packages}\n\\begin{{document}}\n{inputs}\\end{{document}}\n"
    )
    command = ["pdflatex", "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, errors="replace")
    assert done.returncode == 0, "\n".join(line for line in done.stdout.splitlines() if line.startswith(("!", "l.")))
    assert "Missing character" not in done.stdout
