"""The runner of the pages notices every way in which a page can be wrong."""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path

import pytest
from tests.docs.pages import all_pages, blocks_of, needs
from tests.docs.runner import PageError, PageRun, compare
from tests.docs.turns import PORT, having_its_ports

from secretsource import get_secret
from secretsource.exceptions import ConfigurationError, SecretNotFound

PAGE = Path("page.md")


@pytest.fixture
def run(tmp_path: Path) -> PageRun:
    """A reader in an empty folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    return PageRun(folder)


def fenced(language: str, *lines: str) -> str:
    """A block of a page."""
    return "\n".join([f"```{language}", *lines, "```", ""])


# What goes well


def test_blocks_share_one_namespace_and_are_counted(run: PageRun) -> None:
    """A later block goes on where the one before ended, and each is noted with what was done."""
    run.read(PAGE, fenced("python", "x = 1") + "\nText.\n\n" + fenced("python", "print(x + 1)") + fenced("text", "2"))
    assert [(block.language, done) for block, done in run.done] == [
        ("python", "run"),
        ("python", "run"),
        ("text", "compared"),
    ]


def test_what_a_page_starts_ends_with_it(run: PageRun) -> None:
    """Also when a block fails."""
    ended: list[str] = []
    run.names["ended"] = ended
    with pytest.raises(ZeroDivisionError):
        run.read(PAGE, fenced("python", "servers.callback(ended.append, 'a server')", "1 / 0"))
    assert ended == ["a server"]


def test_a_file_is_written_and_can_be_imported(run: PageRun) -> None:
    """Python that begins with a file name is not run in the page, but can be imported by it."""
    run.read(
        PAGE, fenced("python", "# shop.py", "price = 3") + fenced("python", "import shop", "assert shop.price == 3")
    )
    assert [done for _, done in run.done] == ["written", "run"]
    assert "shop" not in sys.modules


def test_the_default_resolver_starts_anew_with_each_file(run: PageRun) -> None:
    """A secret in a file of the page is found at once, and is forgotten after the page."""
    read = fenced("python", "from secretsource import get_secret", "assert get_secret('PAGE_KEY') == 'a'")
    run.read(PAGE, fenced("dotenv", "# .env", "PAGE_KEY=a") + read)
    with pytest.raises(SecretNotFound):
        get_secret("PAGE_KEY")


def test_commands_share_the_environment_and_the_status(run: PageRun) -> None:
    """`export` holds for the commands after it, and `$?` is the status of the one before."""
    commands = ["$ export PAGE_WORD='two words'", "$ echo $PAGE_WORD", "two words", "$ exit 3", "$ echo $?", "3"]
    run.read(PAGE, fenced("console", *commands))
    assert "PAGE_WORD" not in os.environ


def test_a_command_may_go_on_in_the_next_line(run: PageRun) -> None:
    """A backslash at the end of a line joins the next to it."""
    run.read(PAGE, fenced("console", "$ echo one \\", "    two", "one two"))
    assert [done for _, done in run.done] == ["run"]


def test_commands_see_a_terminal(run: PageRun) -> None:
    """What a page shows is what a person sees."""
    run.read(PAGE, fenced("console", "$ python -c 'import sys; print(sys.stdout.isatty())'", "True"))
    assert [done for _, done in run.done] == ["run"]


def test_the_reader_leaves_everything_as_it_was(run: PageRun) -> None:
    """Folder, path and environment are as before, whatever the page did."""
    before = (Path.cwd(), list(sys.path), dict(os.environ))
    run.read(PAGE, fenced("python", "import os, sys", "os.environ['A_B_C'] = 'x'", "sys.path.append('y')"))
    assert (Path.cwd(), list(sys.path), dict(os.environ)) == before


def test_a_setup_comment_is_run_unseen(run: PageRun) -> None:
    """Python in a comment prepares the page."""
    run.read(PAGE, "<!-- setup\nx = 1\n-->\n" + fenced("python", "assert x == 1"))
    assert [block.language for block, _ in run.done] == ["setup", "python"]


def test_a_marked_block_is_left_alone(run: PageRun) -> None:
    """A block that is marked as not run may hold anything."""
    run.read(PAGE, "<!-- not run: a picture -->\n" + fenced("text", "o-o"))
    assert [(block.not_run, done) for block, done in run.done] == [("a picture", "marked")]


def test_a_page_says_what_it_needs() -> None:
    """The worlds of a page are read from its top."""
    assert needs("<!-- needs: aws, vault -->\n# Page\n") == {"aws", "vault"}
    assert needs("# Page\n") == set()


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("took … ms", "took 0.3 ms\n"),
        ("first\n…\nlast", "first\nsecond\nthird\nlast\n"),
        ("first\n…", "first\nsecond\n"),
        ("…", ""),
        ("a.b", "a.b  \n\n"),
    ],
)
def test_an_ellipsis_stands_for_what_differs(shown: str, printed: str) -> None:
    """Within a line it stands for anything on it, and alone for any lines; blanks at the end do not count."""
    block = blocks_of(PAGE, fenced("text", "x"))[0]
    compare(block, shown, printed)
    with pytest.raises(PageError, match="differs"):
        compare(block, f"{shown}\nmore", printed)


# What goes wrong


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        (fenced("rust", "fn main() {}"), "nobody knows how to run this"),
        (fenced("", "?"), "nobody knows how to run this"),
        (fenced("python", "print(1)") + fenced("text", "2"), "its output differs"),
        (fenced("python", "print(1)"), "does not show what it prints"),
        (fenced("python", "print(1)") + fenced("python", "x = 1"), "does not show what it prints"),
        (fenced("text", "1"), "nothing was printed"),
        (fenced("console", "echo"), "begins with"),
        (fenced("console", "$ echo a", "b"), "echo a differs"),
        (fenced("console", "$ pip install 'secretsource[awss]'"), "there are no extras {'awss'}"),
        (fenced("console", "$ make coffee"), "make has no such target"),
        (fenced("toml", "ttl = 1"), "say which file"),
        (fenced("dotenv", "A=b"), "say which file"),
        (fenced("json", '{"Statement": [{"Action": "secretsmanager:GetSecret"}]}'), "AWS has no action"),
    ],
)
def test_a_wrong_page_fails(run: PageRun, page: str, complaint: str) -> None:
    """A block that does not do what the page shows is an error that names it."""
    with pytest.raises(PageError, match=r"^page\.md:\d+ ") as caught:
        run.read(PAGE, page)
    assert complaint in str(caught.value)


def test_a_wrong_configuration_fails(run: PageRun) -> None:
    """Every environment of a configuration is loaded, not only the one that is chosen."""
    lines = ['environment = "a"', "[environments.a]", 'providers = ["env"]', "[environments.b]", 'providers = ["nev"]']
    with pytest.raises(ConfigurationError, match="nev"):
        run.read(PAGE, fenced("toml", "# secretsource.toml", *lines))


def test_an_error_names_the_line_of_the_page(run: PageRun) -> None:
    """A traceback leads to the page itself."""
    with pytest.raises(ZeroDivisionError) as caught:
        run.read(PAGE, "# Page\n\n" + fenced("python", "x = 1", "x / 0"))
    assert (Path(caught.traceback[-1].path).name, caught.traceback[-1].lineno + 1) == ("page.md", 5)


@pytest.mark.parametrize("page", ["```python\nx = 1\n", "<!-- setup\nx = 1\n", "  ```python\n  x = 1\n  ```\n"])
def test_a_block_that_is_not_seen_is_an_error(page: str) -> None:
    """A fence that is indented, or is not closed, would hide its block from the runner."""
    with pytest.raises(ValueError, match=r"page\.md:1: (a|the) block"):
        blocks_of(PAGE, page)


def test_pages_that_name_a_port_take_turns(tmp_path: Path) -> None:
    """While a page that listens at a port runs, no other one does that names this port."""
    text = 'curl -s http://127.0.0.1:8811/livez\nServer(("127.0.0.1", 9911), Hooks)\nhttps://127.0.0.1:8811/docs'
    with having_its_ports(text, tmp_path) as ports:
        assert ports == [8811, 9911]
        for turn in tmp_path.iterdir():
            with turn.open() as other, pytest.raises(BlockingIOError):
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    for turn in tmp_path.iterdir():
        with turn.open() as other:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_page_that_serves_names_its_port() -> None:
    """So that it has a turn."""
    serving = [page for page in all_pages() if '"serve"' in page.read_text()]
    assert serving
    assert [page for page in serving if not PORT.search(page.read_text())] == []
