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
html_theme_options = {"source_repository": "https://github.com/xscaler/xscaler-istio/"}
html_show_copyright = False
# A page's source is on GitHub, in the form in which it is written.
html_show_sourcelink = False
html_copy_source = False
extensions = ["myst_parser"]
# Anchors as GitHub makes them, down to this level.
myst_heading_anchors = 4
nitpicky = True


def setup(app: Sphinx) -> None:
    """Know the languages of blocks that Pygments does not."""
    app.add_lexer("logql", TextLexer)
