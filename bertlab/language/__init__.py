"""The language in which panels, checks and the launcher speak: English, or any folder beside this file.

    from bertlab import language
    language.use("zh")        # what is made from now on speaks Chinese; BERTLAB_LANGUAGE=zh does so from the start

A sentence stands in the code in English, inside `say("Head {head} is off.", head=3)`. `tools/languages.py` collects
these with Babel into `LANGUAGE/LC_MESSAGES/bertlab.po`, where they are translated, and compiles that for gettext; so
adding a language is adding a folder. What has no translation is said in English.
"""

from bertlab.language.catalogue import (
    SOURCE,
    current,
    direction,
    known,
    mark,
    say,
    say_n,
    translations,
    use,
    written,
)

__all__ = ["SOURCE", "current", "direction", "known", "mark", "say", "say_n", "translations", "use", "written"]
