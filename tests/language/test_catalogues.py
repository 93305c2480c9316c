"""Every catalogue is whole: each message has a translation with the same values, and what gettext reads was compiled
from it. `python tools/languages.py` brings a catalogue up to date and says what is missing."""

from datetime import datetime, timezone

import catalogues  # noqa: F401  it puts tools/ on the path
import languages
import pytest

SOURCE = languages.collected()


@pytest.mark.parametrize("language", languages.languages())
def test_every_message_has_a_translation_that_names_the_same_values(language):
    assert not languages.untranslated(languages.updated(language, SOURCE))


@pytest.mark.parametrize("language", languages.languages())
def test_the_catalogue_holds_what_the_code_says_and_is_compiled(language):
    path = languages.catalogue_file(language)
    assert path.read_bytes() == languages.as_text(languages.updated(language, SOURCE))
    assert path.with_suffix(".mo").read_bytes() == languages.compiled(languages.read(language))


def test_a_catalogue_is_compiled_to_the_same_bytes_on_every_day():
    first, second = languages.collected(), languages.collected()
    second.creation_date = datetime(2031, 5, 6, tzinfo=timezone.utc)
    assert languages.compiled(first) == languages.compiled(second)
