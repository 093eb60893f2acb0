"""The documents agree with the code: the tables, the files they name, and the links between them."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.parts import ROOT
from tests.tables import PAGES, TABLES
from worker.connections import load_connections
from worker.contract.assumptions import ASSUMPTIONS
from worker.jobs.job import State

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
MOST_AT_ROOT, MOST_IN_FOLDER, LONGEST_FILE = 9, 20, 300
ARCHITECTURE = ROOT / "docs" / "architecture.md"


def document(path: Path) -> str:
    """A document's name, for its test's."""
    return str(path.relative_to(ROOT))


def blocks(path: Path, language: str) -> list[str]:
    """A document's examples in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def headings(text: str) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_folders_and_files_of_the_product_stay_small() -> None:
    """Few files at the root, at most 20 in a folder (each command has its own in `cli`), and none is over 300 lines."""
    modules = [path for part in ("worker", "tasks") for path in (ROOT / part).rglob("*.py")]
    folders = Counter(path.parent for path in modules)
    assert folders[ROOT / "worker"] <= MOST_AT_ROOT
    crowded = {folder for folder, count in folders.items() if count > MOST_IN_FOLDER}
    assert crowded <= {ROOT / "worker" / "cli"}
    assert [path for path in modules if len(path.read_text("utf-8").splitlines()) > LONGEST_FILE] == []


@pytest.mark.parametrize("name", TABLES)
def test_page_holds_the_table_of_the_code(name: str) -> None:
    """A changed error or setting shows in its page; `python -m tests.tables` puts it there."""
    assert (PAGES / name).read_text(encoding="utf-8").endswith(f"\n\n{TABLES[name]()}\n")


def test_sample_of_check_write_names_the_files_that_it_names() -> None:
    """The lines change too often to be in the sample."""
    page = (PAGES / "check-write.md").read_text(encoding="utf-8")
    sample = page[page.index("✓ A write takes") :].partition("```")[0]
    shown = [each for each in ASSUMPTIONS if f" {each.says}" in sample]
    assert len(shown) == 3
    assert sorted(re.findall(r"(worker/[\w/]+\.py):…", sample)) == sorted(each.file for each in shown)


@pytest.mark.parametrize("path", [ROOT / "README.md", PAGES / "connections.md"], ids=document)
def test_example_of_a_connection_works_on_a_machine_of_ones_own(path: Path, tmp_path: Path) -> None:
    """Its secrets are in the environment, or in a file beside it, where a newcomer can put one."""
    example = next(block for block in blocks(path, "toml") if "[[connection]]" in block)
    (file := tmp_path / "connections.toml").write_text(
        example.replace('mapping = "mapping.toml"', ""), encoding="utf-8"
    )
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "stamped_private_key").write_text("key", encoding="utf-8")
    variables = {"IPAAS_TOKEN": "token", "STAMPED_PUBLIC_KEY": "key", "STAMPED_PRIVATE_KEY": "secret"}
    assert load_connections(file, variables).get(4021)


@pytest.mark.parametrize("path", [ROOT / "README.md", PAGES / "triggers.md"], ids=document)
def test_example_of_a_call_needs_no_new_curl(path: Path) -> None:
    """`--json` came with curl 7.82, and what is sent is a trigger."""
    first, *others = [block for block in blocks(path, "sh") if block.startswith("curl ")]
    assert len(others) == (0 if path.name == "README.md" else 1)  # Flower's REST call
    for call in (first, *others):
        assert "-H 'Content-Type: application/json' -d '" in call
        body = json.loads(call.partition("-d '")[2].strip().removesuffix("'"))
        trigger = body["args"][0] if call in others else body
        assert trigger["notifications"][0]["scope"] == "customer/updated"


def test_commands_of_the_readme_run_as_they_stand() -> None:
    """Each names the folder where it is installed; the sentence that says so covers the other pages."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "put it before each `stamped-sync` and `celery`" in readme
    commands = re.findall(r"`((?:stamped-sync|celery) [^`]+)`", readme) + [
        line for block in blocks(ROOT / "README.md", "sh") for line in re.findall(r"^(?:stamped-sync|celery) .*", block)
    ]
    assert commands == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=document)
def test_every_link_leads_somewhere(path: Path) -> None:
    """To a file of the project, and to a heading in it if one is named."""
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", path.read_text(encoding="utf-8")):
        file, _, heading = target.partition("#")
        aim = path.parent / file if file else path
        assert aim.exists(), target
        assert not heading or heading in headings(aim.read_text(encoding="utf-8")), target


def test_architecture_names_every_folder_and_no_file_that_is_gone() -> None:
    """A folder that is added gets its line, and a file that is moved its new place."""
    text = ARCHITECTURE.read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:worker|tasks|tests)/[\w./-]*)`", text))
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
    folders = {f"worker/{each.parent.name}/" for each in ROOT.glob("worker/*/__init__.py")}
    assert folders - named == set()


def test_architecture_shows_the_layers_that_are_checked() -> None:
    """Its diagram is the list of layers in pyproject.toml."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.search(r"^layers = \[\n(.+?)^\]", project, re.MULTILINE | re.DOTALL)
    assert listed
    layers = [line.strip(' ",').replace("worker.", "") for line in listed[1].splitlines()]
    diagram = ARCHITECTURE.read_text(encoding="utf-8").partition("```text\n")[2].partition("```")[0]
    assert [line.strip() for line in diagram.splitlines()][: len(layers)] == layers


def test_operators_guide_says_what_each_state_means() -> None:
    """In the words that the pages and the command line have."""
    guide = " ".join((ROOT / "docs" / "operating.md").read_text(encoding="utf-8").split())
    missing = [state for state in State if not re.search(rf"\*{state}\* (job|one) {re.escape(state.sentence)}", guide)]
    assert missing == []
