"""Any answers at all: a rendering gives them back from every file, or one sentence refuses them.

`--hypothesis-seed=N` repeats a run; without it each run takes a random seed, and prints it.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from scaffold.template.questions import choices
from support.answers import ACCOUNTS, LONGEST, MAILS, PACKAGES, Answers, Tally, verify

# What breaks a format or looks like one, divided by spaces.
SEEN = r"""
' " \' \" ` ``` ~~~ \ \\ \n \x41 \u0041 {{ }} {% %} {# #} {%raw%} {{self}} {{7*7}} ${{github.token}}
$(id) ${HOME} `id` ;rm & | > >> $1$ !! - a: #c : yes null ~ 1e3 0x1f 12:30:45 2024-01-01 << = ---
... &a *b !t %YAML ? @x [a,b] {a:b} k='v' [t] None f'{x}' __class__ *a* _a_ a_b ~~a~~ [x](y) ![x](y)
[x]: <b> </div> <details> <script> <?x <!DOCTYPE &amp; &#35; &lt 1. 1) 12. <!-- --> results:end ###
# ## === + ++ | |-| *** ___ -d'1' http://x.org ada@x.org <a@b.org> , ; ( ) (PhD) [ ] =?utf-8?q?x?=
../.. C:\x /etc FROM RUN import Predict: ]]> %s %(a)s {0} \N{DASH} \ud800 \u202e
"""
SPACED = ["\n", "\r", "\r\n", "\t", "\f", " ", "  ", "    ", " #", " -d '1'", "x\ny", "-d '{}'"]
SPACED += ["<!-- results:start -->", "<!-- results:end -->", "# results:start", "## Ask it"]
# What is not seen, as escapes: controls, spaces, directions, joiners, halves of pairs.
UNSEEN = "\0\x1b\x7f\x85\xa0\xad\u200b\u200d\u200e\u2028\u2029\u202e\u2066\u2069\u3000\ufe0f\ufeff"
UNSEEN += "\ud800\udcff\ufffe\uffff\U000e0001"
OTHER = ["\U0001f600", "\U0001f468\u200d\U0001f469", "e\u0301", "\u0130", "\u00df", "\u65e5\u672c"]
LONG = ["a" * 40, "a" * 81, "a" * 600, "a b " * 200, "\u65e5" * 79]

NO_PACKAGES = ["numpy", "json", "class", "con", "lpt1", "Churn", "a__b", "_a", "a-", "python"]
NO_PACKAGES += ["flask", "scikit_learn", "test_api", "x" * 41, "../x", "x\n"]
NO_MAILS = ["a..b@x.org", ".a@x.org", "a@b", "a@-b.org", '"a b"@x.org', "x@y.org\n", " a@x.org"]
NO_MAILS += ["a" * 65 + "@x.org", "ada@" + "x" * 64 + ".org", "ada@" + "x." * 130 + "org"]
NO_ACCOUNTS = ["a" * 40, "-a", "a--b", "a_b", "{{a}}", "a\n"]

ANYTHING = st.text(st.characters(exclude_categories=()), max_size=60)
ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=80)
WORDS = st.lists(
    st.sampled_from(["Churn", "radar", "of", "bank", "2", "\u00e9t\u00e9"]), min_size=1, max_size=6
)
ORDINARY = WORDS.map(" ".join)
VISIBLE = st.sampled_from([*SEEN.split(), *OTHER]) | ORDINARY | st.just(" ")
PIECE = VISIBLE | st.sampled_from([*SPACED, *UNSEEN, *LONG])
COMPOSED = st.lists(VISIBLE, min_size=1, max_size=5).map("".join).map(str.strip)
HOSTILE = st.lists(PIECE, min_size=1, max_size=5).map("".join)
TEXT = st.one_of(HOSTILE, HOSTILE.map(str.strip), ANYTHING)


def mostly(good: st.SearchStrategy[Any], all_: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Nine of ten are good: else hardly any whole set would be accepted."""
    return st.integers(0, 9).flatmap(lambda number: good if number else all_)


ANSWERS = st.fixed_dictionaries(
    {
        "variant": st.sampled_from(choices("variant")),
        "framework": st.sampled_from(["sklearn", "sklearn", "pytorch", "lightgbm"]),
    },
    optional={
        "license": st.sampled_from(choices("license")),
        "deploy": st.lists(st.sampled_from(choices("deploy")), unique=True),
        **{name: mostly(ASCII.map(str.strip) | COMPOSED, TEXT) for name in LONGEST},
        "package_name": mostly(st.sampled_from(PACKAGES), st.sampled_from(NO_PACKAGES) | TEXT),
        "author_email": mostly(st.sampled_from(MAILS), st.sampled_from(NO_MAILS) | TEXT),
        "github_user": mostly(st.sampled_from(ACCOUNTS), st.sampled_from(NO_ACCOUNTS) | TEXT),
    },
)


def search(template: Path, folder: Path, examples: int, number: int) -> Tally:
    """Try as many sets of answers."""
    tally = Tally()

    @seed(number)
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(ANSWERS)
    def run(answers: Answers) -> None:
        verify(template, folder, answers, tally)

    run()
    print(f"{tally.accepted} accepted and checked, {tally.refused} refused")  # noqa: T201 - asked for
    return tally


def test_any_answers(trimmed: Path, tmp_path: Path, number: int) -> None:
    # Of forty sets few are refused, sometimes one: their share is the long search's.
    tally = search(trimmed, tmp_path / "made", 40, number)
    assert tally.accepted > 8


# A quarter of an hour on a core of its own.
@pytest.mark.timeout(5400)
@pytest.mark.slow
def test_ten_thousand_answers(trimmed: Path, tmp_path: Path, number: int) -> None:
    count = int(os.environ.get("SCAFFOLD_ANSWERS", "10000"))
    tally = search(trimmed, tmp_path / "made", count, number)
    assert tally.accepted > 0.3 * count
    assert tally.refused > 0.1 * count


# What the property must catch: a place of the template, how it is broken, and answers that show it.
PYPROJECT, README = "template/pyproject.toml.jinja", "includes/readme.md"
CI = "template/.github/workflows/ci.yml.jinja"
SPACE = "template/*/deploy/huggingface/README.md.jinja"
VALIDATE, ASCII_ = "includes/validate.jinja", "to_json(ensure_ascii=False)"
QUOTE: Answers = {"project_name": 'a "b"', "description": 'a "b"', "author_name": "Ada (D)"}
QUOTE |= {"author_email": "a@x.org", "deploy": ["azureml", "huggingface"], "package_name": "yes"}
BROKEN: list[tuple[str, str, str, Answers]] = [
    (PYPROJECT, f"description | {ASCII_}", "'\"' ~ description ~ '\"'", {}),
    (PYPROJECT, f"description | {ASCII_}", "description | replace('b', 'c') | to_json", {}),
    (PYPROJECT, '" if author_name |', '" if false and author_name |', {"author_name": "Ada: D"}),
    (PYPROJECT, "command | to_json", "'x' | to_json", {}),
    (README, "markdown.plain(description)", "description", {"description": "<details>"}),
    (README, "markdown.plain(project_name)", "project_name", {"project_name": "*x*"}),
    (README, "<!-- results:end -->\n", "", {}),
    (SPACE, f"project_name | {ASCII_}", "project_name", {"project_name": "a: b"}),
    (SPACE, f"project_name | {ASCII_}", "'x'", {}),
    ("template/*/deploy/azureml/endpoint.yml.jinja", " | to_json", "", {}),
    (
        "template/.github/workflows/ci.yml.jinja",
        "run: uv sync",
        "run: '{{ project_name }}' #",
        {"project_name": "x("},
    ),
    ("template/Dockerfile.jinja", "# The API", "{{ description }}", {}),
    ("includes/licenses/MIT.txt", "{{ author_name }}", "somebody", {"license": "MIT"}),
    (VALIDATE, "{{ what }} begins or ends with a space; leave that out.", "", {"description": " "}),
    (VALIDATE, "character; write", "character. Write", {"description": "a\nb"}),
    (VALIDATE, "\\\\ufffe\\\\uffff", "", {"project_name": "\uffff"}),
    (VALIDATE, "{%- elif value != value.strip() -%}", "{%- else -%}", {}),
    ("template/*_copier_conf*", "_copier_answers", "dict(_copier_answers, variant=1)", {}),
]


@pytest.mark.parametrize("number", range(len(BROKEN)))
def test_the_property_can_fail(trimmed: Path, tmp_path: Path, number: int) -> None:
    pattern, old, new, answers = BROKEN[number]
    copy = tmp_path / "template"
    shutil.copytree(trimmed, copy)
    (path,) = copy.glob(pattern)
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    pair = {"variant": "nlp", "framework": "sklearn"}
    with pytest.raises((AssertionError, ValueError, yaml.YAMLError, subprocess.SubprocessError)):
        verify(copy, tmp_path / "made", pair | QUOTE | answers)
    verify(trimmed, tmp_path / "sound", pair | QUOTE | answers)
