"""The course as static pages: `bertlab site FOLDER` builds what any web server, or a folder alone, can show.

`build` runs the chapters and writes the pages; `in_kernel` puts every panel into a page of its own while they run.
"""

from .build import build

__all__ = ["build"]
