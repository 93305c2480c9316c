"""What breaks when one makes the usual mistakes? Read `snippets` first (each mistake as code), then `panel`."""

from .panel import BugLabPanel

__all__ = ["BugLabPanel"]
