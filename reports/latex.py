"""Tables for a paper: LaTeX with booktabs, each file fit for an `\\input`, whatever the names in it hold."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from reports.flags import Flags
from reports.format import counted, one_line
from reports.text_tables import TextTable

HEADER = "% \\usepackage{booktabs,graphicx,longtable}\n"

_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "%": r"\%", "&": r"\&", "#": r"\#", "$": r"\$", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\symbol{34}", "`": r"\symbol{96}", "‘": r"\symbol{96}", "’": "'",
    "[": "{[}", "]": "{]}", "*": "{*}",  # after the end of a row these would be read as its arguments
    "–": "--", "—": "---", "−": "$-$", "±": r"$\pm$", "×": r"$\times$", "→": r"$\rightarrow$", "µ": r"$\mu$",
    "…": r"\ldots{}", "≥": r"$\geq$", "≤": r"$\leq$", "≈": r"$\approx$", "∝": r"$\propto$", "·": r"$\cdot$",
}  # fmt: skip
_JOINED = "-–—'’,"
"""Signs that a font would draw as one where two of them follow each other."""
_PLAIN_LETTERS = range(0xC0, 0x180)
"""Latin letters with accents, which LaTeX reads as they are."""
_NOT_PLAIN = {0xD7, 0xF7, 0x132, 0x133, 0x138, 0x149, 0x17F}
_WIDEST = 88
"""Characters to a row from which a table is scaled down to the text's width."""


def escape(text: str) -> str:
    """Any text as text in LaTeX: no command, no comment, no cell, no missing character.

    What a plain LaTeX has no sign for is given by its code point, `U+4E2D`; raised letters, as marks of warnings are,
    stay raised.
    """
    line = one_line(text)
    return "".join(
        _sign(character) + ("{}" if character in _JOINED and following in _JOINED else "")
        for character, following in zip(line, f"{line[1:]} ", strict=False)
    )


def _sign(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isascii() or (ord(character) in _PLAIN_LETTERS and ord(character) not in _NOT_PLAIN):
        return character
    plain = unicodedata.normalize("NFKD", character)
    if unicodedata.decomposition(character).startswith("<super>") and plain.isascii():
        return f"\\textsuperscript{{{plain}}}"
    return f"U+{ord(character):04X}"


def tabular(table: TextTable, label: str, notes: Iterable[str] = ()) -> str:
    """A float with caption, label, booktabs rules and notes below; scaled down where it is wider than the text."""
    columns = "l" + "r" * (len(table.columns) - 1)
    body = [
        f"\\begin{{tabular}}{{@{{}}{columns}@{{}}}}", r"\toprule", _row(table.columns), r"\midrule",
        *map(_row, table.rows), r"\bottomrule", r"\end{tabular}",
    ]  # fmt: skip
    if max(sum(map(len, row)) + 2 * len(row) for row in (table.columns, *table.rows)) > _WIDEST:
        body = [r"\resizebox{\linewidth}{!}{%", *body, "}"]
    lines = [
        r"\begin{table}[htbp]", r"\centering", r"\footnotesize", f"\\caption{{{_caption(table)}}}",
        f"\\label{{{label}}}", *body, *(f"\\par {escape(note)}" for note in notes), r"\end{table}",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def long_table(table: TextTable, label: str, widths: Mapping[int, float]) -> str:
    """A table of sentences that may go on over pages; columns in ``widths`` wrap at so many shares of the text's."""
    columns = "".join(
        f"p{{{widths[index]:g}\\linewidth}}" if index in widths else "l" for index in range(len(table.columns))
    )
    head = [r"\toprule", _row(table.columns), r"\midrule"]
    lines = [
        r"{\footnotesize", f"\\begin{{longtable}}{{@{{}}{columns}@{{}}}}",
        f"\\caption{{{_caption(table)}}}\\label{{{label}}}\\\\", *head, r"\endfirsthead", *head, r"\endhead",
        r"\bottomrule", r"\endlastfoot", *map(_row, table.rows), r"\end{longtable}}",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return " & ".join(map(escape, cells)) + r" \\"


def _caption(table: TextTable) -> str:
    return escape(". ".join(filter(None, [table.title.rstrip("."), table.caption])))


def notes_on(table: TextTable, flags: Flags) -> list[str]:
    """The warnings whose marks stand in a table, each in words."""
    marks = {mark for row in table.rows for cell in row for mark in cell.split(" ")[1:]}
    return [
        f"{flag.mark} {flag.message}{', for one' if len(flag.cells) > 1 else ''} "
        f"({counted(len(flag.cells), 'cell')} of the run). {flag.advice[:1].upper()}{flag.advice[1:]}."
        for flag in flags
        if flag.mark in marks
    ]


def write_latex(path: Path, tables: Iterable[str]) -> Path:
    """Write tables into one file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([HEADER, *tables]), encoding="utf-8", newline="\n")
    return path
