"""Makes a copy of a report in which nothing acts: what a browser may show to an instructor.

A browser's viewer runs a PDF's scripts, opens their dialogs and fills its forms, and no frame forbids it: in one with a
sandbox Chromium shows no PDF at all. So scripts, forms, attached files and links out are taken out of the copy. Pages,
their pictures and the links within the report stay. Runs in the sandbox, under its limits.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject

MOST_BYTES = 32 * 2**20  # of the copy
# Keys of any dictionary (ISO 32000-1: 7.7.2 catalog, 12.5 annotations, 12.6 actions, 12.7 forms, 13 multimedia).
ACTIVE = (
    *("/OpenAction", "/AA", "/Next", "/PA", "/URI", "/JS", "/JavaScript", "/AcroForm", "/XFA", "/EmbeddedFiles"),
    *("/AF", "/Collection", "/EF", "/RichMediaContent", "/RichMediaSettings", "/Requirements"),
)
ACTION = "/A"  # of an annotation, or of an outline's entry
KEPT_ACTIONS = ("/GoTo",)
KEPT_ANNOTATIONS = (
    *("/Link", "/Text", "/FreeText", "/Line", "/Square", "/Circle", "/Polygon", "/PolyLine", "/Highlight"),
    *("/Underline", "/Squiggly", "/StrikeOut", "/Stamp", "/Caret", "/Ink"),
)


def write_still_copy(report: Path, copy: Path) -> None:
    """Write the copy; any exception says that there is none. What pypdf can't read is tried as pdfium rewrites it."""
    try:
        writer = without_actions(PdfReader(report))
    except Exception:
        rewritten = io.BytesIO()
        with pypdfium2.PdfDocument(report) as document:
            document.save(rewritten)
        writer = without_actions(PdfReader(rewritten))
    content = io.BytesIO()
    writer.write(content)
    if len(content.getvalue()) > MOST_BYTES:
        raise ValueError(f"the copy has {len(content.getvalue()):,} bytes, at most {MOST_BYTES:,} are shown")
    copy.write_bytes(content.getvalue())


def without_actions(reader: PdfReader) -> PdfWriter:
    """Copy a document, and take out all that acts."""
    writer = PdfWriter(clone_from=reader)
    for dictionary in _dictionaries(writer.root_object):
        for key in ACTIVE:
            dictionary.pop(key, None)
        if ACTION in dictionary and not _is_kept(dictionary[ACTION]):
            dictionary.pop(ACTION)
        if "/Annots" in dictionary:
            dictionary[NameObject("/Annots")] = ArrayObject(filter(_is_still, _array(dictionary["/Annots"])))
    return writer


def _is_kept(action: Any) -> bool:
    action = action.get_object()
    return isinstance(action, DictionaryObject) and action.get("/S") in KEPT_ACTIONS


def _is_still(annotation: Any) -> bool:
    annotation = annotation.get_object()
    return isinstance(annotation, DictionaryObject) and annotation.get("/Subtype") in KEPT_ANNOTATIONS


def _array(value: Any) -> ArrayObject:
    value = value.get_object()
    return value if isinstance(value, ArrayObject) else ArrayObject()


def _dictionaries(root: DictionaryObject) -> Iterator[DictionaryObject]:
    """Yield all dictionaries that can be reached, streams' among them, each once; what is taken out is not reached."""
    seen: set[int] = set()
    left: list[Any] = [root]
    while left:
        value = left.pop().get_object()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, DictionaryObject):
            yield value
            left.extend(value.raw_get(key) for key in list(value))
        elif isinstance(value, ArrayObject):
            left.extend(list.__iter__(value))
