# SPDX-License-Identifier: Apache-2.0
"""How the documents become a site: Sphinx, Markdown by MyST, furo's look. `make docs` builds it into build/docs.

Nothing is fetched: no other project's inventory, no font, no script from elsewhere (tests/docs/test_site.py).
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from xsavvy.version import __version__  # noqa: E402  # found by the line above

project = "xsavvy"
author = "The xsavvy authors"
project_copyright = "the xsavvy authors"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "docs.made.extension",
]
exclude_patterns = ["answers", "made", "patches", "**/__pycache__"]
source_suffix = {".md": "markdown"}
root_doc = "index"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
# `sh`, `console` and `text` blocks are what they are; Pygments need not understand every line of one.
highlight_language = "text"
# Types of the standard library have no page here, and nothing is fetched to find theirs.
nitpick_ignore_regex = [("py:class", r"(collections(\.abc)?|pathlib|enum)\.\w+")]
suppress_warnings = ["misc.highlighting_failure"]

# Docstrings are plain sentences in which `x` stands for code.
default_role = "literal"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80

html_theme = "furo"
html_title = "xsavvy"
html_static_path = ["static"]
html_css_files = ["xsavvy.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {
    "sidebar_hide_name": False,
    "light_css_variables": {"font-stack": "system-ui, 'DejaVu Sans', sans-serif"},
    "dark_css_variables": {},
}
