"""Style and scripts of the page, inlined, and the policy that lets nothing else run and nothing be fetched."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

_STYLES = ("page.css", "verdicts.css", "tables.css", "figures.css", "print.css")
_SCRIPT = "report.js"
_BUNDLE = Path("html", "dt_bundle.js")
_EXPORTS = re.compile(r"export\{[^}]*\bas jQuery\b[^}]*\};?")


@dataclass(frozen=True)
class Assets:
    """What the page carries within itself."""

    style: str
    script: str

    @property
    def policy(self) -> str:
        """A Content-Security-Policy: this style and this script, by their hashes, pictures in data URLs, no more."""
        return (
            f"default-src 'none'; style-src '{_hash(self.style)}'; script-src '{_hash(self.script)}'; "
            "img-src data:; base-uri 'none'; form-action 'none'"
        )


@cache
def assets() -> Assets:
    """The style sheets, and DataTables with the few lines that put it to use, as one module."""
    folder = files("reports") / "static"
    style = "\n".join((folder / name).read_text(encoding="utf-8") for name in _STYLES)
    script = _datatables() + "\n" + (folder / _SCRIPT).read_text(encoding="utf-8")
    return Assets(style, script.replace("</script", "<\\/script").replace("<!--", "<\\!--"))


def _datatables() -> str:
    """itables' offline bundle of DataTables, whose jQuery gets the name ``jQuery`` in place of an export.

    Found without importing itables, which would import much that is not needed here.
    """
    found = importlib.util.find_spec("itables")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("the HTML report needs the package itables: pip install itables")
    bundle = Path(found.submodule_search_locations[0], _BUNDLE).read_text(encoding="utf-8")
    exports = _EXPORTS.search(bundle)
    inner = re.search(r"([\w$]+) as jQuery\b", exports[0]) if exports else None
    if exports is None or inner is None:
        raise RuntimeError("this version of itables bundles DataTables in another way; install one of constraints.txt")
    return f"{bundle[: exports.start()]}const jQuery = {inner[1]};{bundle[exports.end() :]}"


def _hash(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"
