"""All the panels as one application: one text, one selection, one panel at a time under a row of tabs."""

from .application import FIRST_TEXT, PANELS, Application, TabBar, application

__all__ = ["Application", "FIRST_TEXT", "PANELS", "TabBar", "application"]
