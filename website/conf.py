"""Sphinx' settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pygments.lexers.special import TextLexer

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "xscaler-istio"
html_title = project
html_theme = "furo"
html_baseurl = "https://xscaler.github.io/xscaler-istio/"
html_static_path = ["static"]
html_css_files = ["site.css"]
# Pages that have moved, by their old names: each leads to the new one.
_MOVED = {"options": "from-xscalers-page"}
templates_path = ["templates"]
html_additional_pages = dict.fromkeys(_MOVED, "moved.html")
html_context = {"moved": _MOVED}
html_theme_options = {"source_repository": "https://github.com/xscaler/xscaler-istio/"}
html_show_copyright = False
# GitHub has a page's source, as it is written.
html_show_sourcelink = False
html_copy_source = False
extensions = ["myst_parser"]
# Anchors for headings down to this level, as on GitHub.
myst_heading_anchors = 4
nitpicky = True


def setup(app: Sphinx) -> None:
    """Add the language of code blocks that Pygments lacks."""
    app.add_lexer("logql", TextLexer)
