"""The site of docs/, built into site/ by `make docs`. Everything it needs is in it: no page asks another host for anything."""

import re
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.domains.python import PyObject
from sphinx.ext.autodoc.mock import MockFinder
from sphinx.transforms import SphinxTransform
from sphinx.util import inspect, logging

from mi_core import __version__

sys.path.insert(0, str(Path(__file__).parent))
from undocumented import is_constructed, undocumented

# docstrings can be read without these, which take seconds to load
sys.meta_path.insert(0, MockFinder(["keras", "tensorflow", "torch", "lightning", "transformers"]))

project = "ksg-mi"
author = "the authors of ksg-mi"
release = __version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]

html_theme = "furo"
html_title = "ksg-mi"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False

nb_execution_mode = "off"  # notebooks show the outputs that they hold: make notebooks
myst_heading_anchors = 4  # links name headings as GitHub does

default_role = "py:obj"  # `name` in a docstring is code, and a link where the reference has the name
autodoc_typehints = "none"  # docstrings give shapes and units
autodoc_default_options = {"member-order": "bysource", "exclude-members": "quantity, scale"}
napoleon_numpy_docstring = False
napoleon_attr_annotations = False
napoleon_use_ivar = True  # attributes stand in one list, as parameters do
next(field for field in PyObject.doc_field_types if field.name == "variable").label = "Attributes"
smartquotes = False  # "ksg1" and --cca are copied as they stand
toc_object_entries_show_parents = "hide"

copybutton_prompt_text = "$ "  # copied are commands, without prompt and output
copybutton_exclude = ".linenos, .gp, .go"


class LinkedNames(SphinxTransform):
    """Makes public names that a page sets as code, such as `mi_core.rank`, links to the reference."""

    default_priority = 500

    def apply(self, **kwargs: Any) -> None:
        """Wrap each name in a reference, which stays plain code where the reference has no such name."""
        for literal in list(self.document.findall(nodes.literal)):
            name = re.fullmatch(r"((?:mi_core|trainer)\.[\w.]+)(\(\))?", literal.astext())
            if name and not isinstance(literal.parent, nodes.reference | nodes.title | addnodes.pending_xref):
                link = addnodes.pending_xref("", refdomain="py", reftype="obj", reftarget=name[1], refdoc=self.env.docname)
                literal.replace_self(link)
                link += literal


class Dashes(SphinxTransform):
    """Sets a dash between a parameter and its description, where Sphinx leaves two hyphens to smartquotes."""

    default_priority = 500

    def apply(self, **kwargs: Any) -> None:
        """Replace them."""
        for text in list(self.document.findall(lambda node: isinstance(node, nodes.Text) and node == " -- ")):
            text.parent.replace(text, nodes.Text(" \N{EN DASH} "))


def with_links(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Make the sources that a docstring names links."""
    for at, line in enumerate(lines):
        line = re.sub(r"\bdoi:(10\.\d+/(?:[^\s,;()]|\([^\s()]*\))*[^\s,;.:()])", r"`doi:\1 <https://doi.org/\1>`__", line)
        lines[at] = re.sub(r"\barXiv:(\d+\.\d+)", r"`arXiv:\1 <https://arxiv.org/abs/\1>`__", line)


def check_described(app: Sphinx, what: str, name: str, obj: Any, *_: Any) -> None:
    """Warn, which ends the build, of parameters that the reference does not describe."""
    if what in ("class", "function") and (missing := undocumented(obj)):
        logging.getLogger(__name__).warning("the docstring of %s describes no %s", name, ", ".join(sorted(missing)))


def constructor(app: Sphinx, what: str, name: str, obj: Any, *_: Any) -> tuple[str, None] | None:
    """The signature of a class that readers construct, as its `__init__` has it; none of one whose objects they are handed."""
    if what != "class":
        return None
    if not is_constructed(obj) and name != "trainer.Settings":
        return "", None
    return inspect.stringify_signature(inspect.signature(obj.__init__, bound_method=True), show_annotation=False), None


def setup(app: Sphinx) -> None:
    """Add what this site has of its own."""
    app.add_transform(LinkedNames)
    app.add_transform(Dashes)
    app.connect("autodoc-process-docstring", check_described)
    app.connect("autodoc-process-docstring", with_links)
    app.connect("autodoc-process-signature", constructor)
