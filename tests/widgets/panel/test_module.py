"""Small ES modules become one plain module, style sheets hold for their panel alone."""

import re
import shutil
import subprocess
from pathlib import Path

import bertlab_widgets
import pytest
from bertlab_widgets.panel import ModuleError, joined, module_text, page_text, style_text

ROOT = Path(bertlab_widgets.__file__).parent
KINDS = [
    getattr(bertlab_widgets, name) for name in bertlab_widgets.__all__ if name.endswith("Panel") and name != "Panel"
]
each_panel = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
NODE = shutil.which("node")


def written(folder, **modules):
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text)
    return folder


def run(text, tmp_path):
    if NODE is None:
        pytest.skip("running JavaScript needs node")
    path = tmp_path / "all.mjs"
    path.write_text(text)
    return subprocess.run([NODE, str(path)], capture_output=True, text=True, timeout=60, check=True).stdout.strip()


def test_modules_that_import_each_other_become_one_and_keep_their_own_names(tmp_path):
    written(
        tmp_path,
        one="const size = 1;\nexport function one() {\n  return size;\n}\n",
        two='import {\n  one as first,\n} from "./one.js";\nconst size = 2;\nexport const two = () => size + first();',
        entry='import { two } from "./two.js";\nimport { one } from "./one.js";\nconst all = [one(), two()];\n'
        "export { all };\n",
    )
    text, (name,) = joined(tmp_path / "entry.js")
    assert text.count("=> {\n") >= 3 and text.index("size = 1") < text.index("size = 2")
    assert run(f"{text}console.log({name}.all.join());", tmp_path) == "1,3"


@pytest.mark.parametrize(
    "modules, words",
    [
        ({"entry": 'import { a } from "./gone.js";\n'}, "gone.js, which is not there"),
        (
            {"entry": 'import { a } from "./b.js";\n', "b": 'import { c } from "./entry.js";\nexport const a = c;\n'},
            "itself",
        ),
        ({"entry": "export default 3;\n"}, "a form of import or export"),
        ({"entry": 'import * as all from "./b.js";\n', "b": ""}, "a form of import or export"),
        ({"entry": 'import { html } from "lit";\n'}, "a form of import or export"),
    ],
)
def test_what_cannot_be_joined_is_an_error_that_names_the_file(tmp_path, modules, words):
    with pytest.raises(ModuleError, match=words):
        joined(written(tmp_path, **modules) / "entry.js")


@each_panel
def test_a_panel_is_one_plain_module_that_imports_nothing(kind):
    for text in (module_text(kind.script_path()), page_text(kind.script_path())):
        assert not re.search(r"^\s*import\b", text, re.MULTILINE)
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", "") and "https://" not in text
    assert text.count("const renderPage") == 1 and "export " not in text


@each_panel
def test_a_panels_style_sheet_holds_for_that_panel_alone(kind):
    common, sheet = style_text(None), kind.style()
    own = sheet.removeprefix(common).strip()
    assert sheet.startswith(common)
    name = re.search(r'name: "(\w+)"', kind.script_path().read_text())[1]
    assert own.startswith(f'.bertlab[data-panel="{name}"] {{') and own.endswith("}")
    assert own.count("{") == own.count("}") and ".bertlab" not in own[10:]


def test_every_script_sheet_and_list_of_presets_goes_into_the_wheel():
    named = {path.name for path in ROOT.rglob("*.js")} | {path.name for path in ROOT.rglob("*.css")}
    assert {"frame.js", "dom.js", "masks.js", "panel.css", "heads.css"} <= named
    for kind in KINDS:
        folder = kind.script_path().parent
        assert (folder / "presets.json").is_file() and kind.script_path().with_suffix(".css").is_file()
