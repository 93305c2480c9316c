"""What is said stands in the language that was chosen; what has no translation is said in English."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from bertlab import language

KIT = Path(__file__).resolve().parents[2] / "widgets" / "bertlab_widgets" / "kit"


@pytest.fixture
def spoken(tmp_path):
    """`spoken(code, {message: translation})`: speaks a language made for one test; English again afterwards."""

    def speak(code, messages):
        catalogue = Catalog(locale=code)
        for message, text in messages.items():
            catalogue.add(message, text)
        folder = tmp_path / code / "LC_MESSAGES"
        folder.mkdir(parents=True)
        with open(folder / "bertlab.mo", "wb") as file:
            write_mo(file, catalogue)
        language.use(code, tmp_path)

    yield speak
    language.use("en")


def test_english_is_spoken_where_nothing_else_was_chosen():
    assert language.current() == "en" and language.direction() == "ltr"
    assert language.say("Head {head} is off.", head="3.1") == "Head 3.1 is off."
    assert language.say("") == ""
    assert language.say("{braces} stay where no value is given") == "{braces} stay where no value is given"


def test_a_number_of_things_chooses_its_form():
    assert language.say_n("{count} head", "{count} heads", 1) == "1 head"
    assert language.say_n("{count:,} head of {model}", "{count:,} heads of {model}", 1200, model="m") == (
        "1,200 heads of m"
    )


def test_a_translation_may_turn_the_order_of_its_values(spoken):
    spoken(
        "de",
        {"{a} of {b}": "von {b} sind es {a}", ("{count} head", "{count} heads"): ("{count} Kopf", "{count} Köpfe")},
    )
    assert language.say("{a} of {b}", a=1, b=2) == "von 2 sind es 1"
    assert language.say_n("{count} head", "{count} heads", 2) == "2 Köpfe"
    assert language.say("not translated: {a}", a=1) == "not translated: 1"


def test_a_translation_that_names_what_is_not_there_gives_way_to_english(spoken):
    spoken("de", {"{a} is": "{b} ist", "{c:.2f} is": "{c:q} ist"})
    assert language.say("{a} is", a=1) == "1 is"
    assert language.say("{c:.2f} is", c=0.5) == "0.50 is"


@pytest.mark.parametrize("given", ["de", "de-AT", "de_AT.UTF-8"])
def test_a_language_is_found_by_its_locale(spoken, given, tmp_path):
    spoken("de", {"a": "b"})
    language.use("en")
    language.use(given, tmp_path)
    assert language.current() == "de" and language.say("a") == "b"


def test_hebrew_and_arabic_are_written_from_the_right(spoken):
    spoken("he", {"a": "א"})
    assert language.direction() == "rtl"


def test_an_unknown_language_names_those_that_there_are():
    with pytest.raises(LookupError, match="'tlh' was given; there are en"):
        language.use("tlh")
    assert language.current() == "en"


def test_the_environment_chooses_and_an_unknown_language_there_is_only_warned_of():
    code = "from bertlab import language; print(language.current())"
    for chosen in ("en", "tlh"):
        done = subprocess.run(
            [sys.executable, "-c", code], env={"BERTLAB_LANGUAGE": chosen, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout == "en\n"
        assert ("BERTLAB_LANGUAGE" in done.stderr) == (chosen == "tlh")


def test_javascript_gets_only_what_it_says(spoken):
    spoken("de", {"a": "A", "b": "B", ("{count} x", "{count} xs"): ("{count} X", "{count} Xe")})
    assert language.translations(["a", "{count} x", "c"]) == {"a": "A", "{count} x": ["{count} X", "{count} Xe"]}


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_javascript_says_the_same_as_python():
    words = {
        "language": "ru",
        "direction": "ltr",
        "messages": {"a {b}": "{b} А", "{count} x": ["{count} икс", "{count} икса", "{count} иксов"]},
    }
    code = f"""
        import {{ speak, say, sayN, mark }} from "{(KIT / "language.js").as_uri()}";
        const said = () => [say("a {{b}}", {{ b: 1 }}), say("none {{b}}", {{ b: 2 }}),
          sayN("{{count}} x", "{{count}} xs", 1),
          sayN("{{count}} x", "{{count}} xs", 3),
          sayN("{{count}} x", "{{count}} xs", 5), mark("m")];
        const english = said();
        speak({json.dumps(words)});
        const russian = said();
        speak({{}});
        console.log(JSON.stringify([english, russian, said()]));"""
    done = subprocess.run(["node", "--input-type=module", "-e", code], capture_output=True, text=True, check=True)
    english, russian, again = json.loads(done.stdout)
    assert english == again == ["a 1", "none 2", "1 x", "3 xs", "5 xs", "m"]
    assert russian == ["1 А", "none 2", "1 икс", "3 икса", "5 иксов", "m"]
