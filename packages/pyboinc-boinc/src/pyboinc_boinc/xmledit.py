"""XML files edited in place: the bytes of the wanted element change, and no others.

Comments, order, indentation, line ends and unknown elements stay as their author left them. expat, the parser of Python's
standard library, tells where each element begins and ends in the bytes, and what its text says once entities and CDATA are
resolved; an edit puts new bytes between such places. (xml.etree and minidom write the whole file anew; lxml keeps comments
but not the quotes, the entities and the white space within tags, and would be the one compiled dependency of an admin's tool.)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.parsers import expat
from xml.sax.saxutils import escape

from pyboinc.errors import PyBoincError

INDENT = b"    "
_TAG = re.compile(rb"""<(?:"[^"]*"|'[^']*'|[^>"'])*>""")
_PIECE = re.compile(rb"<!--.*?-->|<\?.*?\?>|<!\[CDATA\[.*?\]\]>|[^<]+", re.DOTALL)
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")

Node = tuple[str, "str | list[Node]"]
"""An element to add: its name, and its text or its children."""


class XmlError(PyBoincError):
    """A file is not XML that BOINC could read, or an edit would make it so. The text names file and line."""


@dataclass(frozen=True, slots=True)
class Element:
    """An element as it stands in the file.

    text (str): its own text, without that of its children.  line (int): where it begins.  start, inner, inner_end, end (int):
    the offsets of ``<name>``, of what follows, of ``</name>`` and of what follows that; in ``<name/>`` the last three are one.
    """

    name: str
    text: str
    line: int
    start: int
    inner: int
    inner_end: int
    end: int
    children: tuple[Element, ...]

    def all(self, name: str) -> list[Element]:
        """Its children of that name."""
        return [child for child in self.children if child.name == name]

    def last(self, name: str) -> Element | None:
        """The child of that name; of several the last, which is the one that BOINC's scheduler and daemons heed."""
        return next(iter(reversed(self.all(name))), None)


@dataclass(frozen=True)
class Document:
    """The bytes of a file and the elements in them. Edits give a new document; elements belong to the one they were found in."""

    path: str
    data: bytes
    root: Element
    encoding: str

    def set_text(self, element: Element, text: str) -> Document:
        """Give an element without children another text; comments in it and white space around the text stay."""
        if element.children:
            raise XmlError(f"{self.path}, line {element.line}: <{element.name}> holds elements, not a text")
        value = self._escaped(text)
        if element.text.strip() == text:
            return self
        if element.inner == element.end:
            return self._replaced(element.start, element.end, self._opened(element, value))
        pieces = [match[0] for match in _PIECE.finditer(self.data, element.inner, element.inner_end)]
        values = [at for at, piece in enumerate(pieces) if piece.strip() and not piece.startswith((b"<!--", b"<?"))]
        if values:
            first, *others = values
            old = pieces[first]
            blank = len(old) - len(old.lstrip())
            pieces[first] = old[:blank] + value + old[len(old.rstrip()) :]
            for other in others:
                pieces[other] = b""
        elif any(piece.strip() for piece in pieces):
            pieces.insert(0, value)
        else:
            pieces = [value]
        return self._replaced(element.inner, element.inner_end, b"".join(pieces))

    def add(self, parent: Element, node: Node) -> Document:
        """Add an element as the last child, indented as its siblings are."""
        outer = self._indent(parent)
        indent = self._indent(parent.children[-1]) if parent.children else None if outer is None else outer + self._unit()
        made = self._render(node, indent)
        if indent is not None:
            made = self._newline() + indent + made
        close = b"" if indent is None else self._newline() + (outer or b"")
        if parent.inner == parent.end:
            return self._replaced(parent.start, parent.end, self._opened(parent, made + close))
        kept = parent.inner + len(self.data[parent.inner : parent.inner_end].rstrip())
        blank = self.data[kept : parent.inner_end]
        return self._replaced(kept, parent.inner_end, made + (blank if b"\n" in blank or indent is None else close))

    def _replaced(self, start: int, end: int, data: bytes) -> Document:
        return parse(self.path, self.data[:start] + data + self.data[end:])

    def _opened(self, element: Element, inside: bytes) -> bytes:
        """``<name/>`` as ``<name>inside</name>``."""
        return self.data[element.start : element.end - 2].rstrip() + b">" + inside + b"</" + element.name.encode(self.encoding) + b">"

    def _escaped(self, text: str) -> bytes:
        if _UNFIT.search(text) or text != text.strip():
            raise XmlError(f"{self.path}: {text!r} can't be a value there: one line, without white space around it or control characters")
        return escape(text).encode(self.encoding, "xmlcharrefreplace")

    def _render(self, node: Node, indent: bytes | None) -> bytes:
        name, content = node
        tag = name.encode(self.encoding)
        if isinstance(content, str):
            return b"<" + tag + b">" + self._escaped(content) + b"</" + tag + b">"
        deeper = None if indent is None else indent + self._unit()
        inside = b"".join((b"" if deeper is None else self._newline() + deeper) + self._render(each, deeper) for each in content)
        return b"<" + tag + b">" + inside + (b"" if indent is None else self._newline() + indent) + b"</" + tag + b">"

    def _indent(self, element: Element) -> bytes | None:
        """The white space before an element that begins its line, else None."""
        before = self.data[self.data.rfind(b"\n", 0, element.start) + 1 : element.start]
        return None if before.strip() else before

    def _unit(self) -> bytes:
        indents = [self._indent(child) for child in self.root.children]
        return next((indent for indent in indents if indent), INDENT)

    def _newline(self) -> bytes:
        return b"\r\n" if b"\r\n" in self.data else b"\n"


def parse(path: str, data: bytes) -> Document:
    """Raises XmlError that names the line."""
    if b"\0" in data:
        raise XmlError(f"{path}: is not in UTF-8, and BOINC's scheduler reads nothing else")
    reader = _Reader(path, data)
    try:
        reader.parser.Parse(data, True)
        return Document(path, data, reader.root(), reader.encoding)
    except expat.ExpatError as error:
        raise XmlError(f"{path}, line {error.lineno}, column {error.offset + 1}: {expat.ErrorString(error.code)}") from None
    except (ValueError, LookupError) as error:  # an encoding that expat or Python doesn't know
        raise XmlError(f"{path}: {error}") from None


@dataclass(slots=True)
class _Open:
    name: str
    line: int
    start: int
    inner: int
    text: list[str]
    children: list[Element]


class _Reader:
    def __init__(self, path: str, data: bytes) -> None:
        self.encoding = "utf-8"
        self._path = path
        self._data = data
        self._stack = [_Open("", 0, 0, 0, [], [])]
        self.parser = parser = expat.ParserCreate()
        parser.XmlDeclHandler = self._declared
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = lambda text: self._stack[-1].text.append(text)

    def root(self) -> Element:
        return self._stack[0].children[0]

    def _declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        self.encoding = encoding or self.encoding

    def _doctype(self, *_about: object) -> None:
        line = self.parser.CurrentLineNumber
        raise XmlError(f"{self._path}, line {line}: has a document type (<!DOCTYPE), which BOINC's scheduler can't read: remove it")

    def _start(self, name: str, _attributes: object) -> None:
        start = self.parser.CurrentByteIndex
        tag = _TAG.match(self._data, start)
        assert tag is not None
        self._stack.append(_Open(name, self.parser.CurrentLineNumber, start, tag.end(), [], []))

    def _end(self, _name: str) -> None:
        done = self._stack.pop()
        if self._data[done.inner - 2 : done.inner] == b"/>":
            inner_end = end = done.inner
        else:
            inner_end = self.parser.CurrentByteIndex
            end = self._data.index(b">", inner_end) + 1
        element = Element(done.name, "".join(done.text), done.line, done.start, done.inner, inner_end, end, tuple(done.children))
        self._stack[-1].children.append(element)
