"""What the tests of data stand on."""

import pytest
from bertlab_widgets import DataPanel
from panel_checks import TEXT
from set_cases import COLUMNS, ROWS


@pytest.fixture
def panel(lab):
    return DataPanel(lab, TEXT, data=ROWS, columns=COLUMNS)
