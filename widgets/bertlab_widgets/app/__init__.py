"""All the panels as one application: one text, one selection, one panel at a time under tabs.

`tabs` lists the panels in their groups; `application` shows them.
"""

from .application import FIRST_TEXT, Application, TabBar, application
from .tabs import GROUPS, PANELS, Tab

__all__ = ["Application", "FIRST_TEXT", "GROUPS", "PANELS", "Tab", "TabBar", "application"]
