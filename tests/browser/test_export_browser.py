"""Exported pages on a telephone: no kernel, no network, 360 pixels."""

import pytest
from lab_page import ROOT

TEXT = "the animal did not cross the street because it was too tired."


@pytest.fixture
def lab(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tests" / "widgets")
    from small_lab import small_lab

    return small_lab()


@pytest.fixture
def phone(browser):
    page = browser.new_page(viewport={"width": 360, "height": 740})
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("request", lambda request: request.url.startswith("http") and page.problems.append(request.url))
    yield page
    page.close()


def fits(page):
    return page.evaluate("document.documentElement.scrollWidth") <= 360


def opened(page, panel, path):
    page.goto(f"file://{panel.export(path)}")
    page.locator(".bertlab .strip .chip").first.wait_for()
    return page.locator(".bertlab")


EXPORTED = ["TokenizerPanel", "MaskPanel", "HeadsPanel", "IntervenePanel", "ComparePanel", "TrainPanel"]


@pytest.mark.parametrize("name", EXPORTED)
def test_every_look_fits_the_screen(phone, lab, tmp_path, name):
    import bertlab_widgets

    panel = getattr(bertlab_widgets, name)(lab, TEXT)
    if name == "MaskPanel":
        panel.masked = [3]
    drawn = opened(phone, panel, tmp_path / "page.html")
    looks = drawn.get_by_role("tab")
    assert looks.count() >= 2
    for look in looks.all():
        look.click()
        phone.wait_for_timeout(100)
        assert fits(phone), look.inner_text()
    assert not phone.problems and not drawn.locator(".error").is_visible()


def test_the_page_of_the_heads_shows_every_mode_and_the_tokens_across(phone, lab, tmp_path):
    from bertlab_widgets import HeadsPanel

    panel = HeadsPanel(lab, TEXT, layer=1, head=2, selected=[3])
    panel.sweep()
    assert panel.wait(60)
    expected = {}
    for mode in ("norm", "rollout", "gradient", "attention"):
        panel.mode = mode
        expected[mode] = panel.tokens[int(panel.data()["shown"][3].abs().argmax())]["text"]
    drawn = opened(phone, panel, tmp_path / "heads.html")
    menu = drawn.get_by_label("Weights")
    for mode, token in expected.items():
        menu.select_option(mode)
        drawn.locator(".answer", has_text=f"on {token}").wait_for()
        assert fits(phone)
    drawn.get_by_label("Tokens", exact=True).select_option("horizontal")
    phone.wait_for_timeout(100)
    assert fits(phone) and drawn.locator("canvas").nth(2).is_visible()
    drawn.get_by_role("tab", name="Switch off").click()
    drawn.get_by_role("img", name="Effect of switching each head off").wait_for()
    assert fits(phone) and not phone.problems
