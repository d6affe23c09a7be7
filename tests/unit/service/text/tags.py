"""Tags as an HTML5 tokenizer that is not ours sees them, and pieces to make tag soup of."""

from __future__ import annotations

import re

from html5lib._tokenizer import HTMLTokenizer
from html5lib.constants import tokenTypes

SOUP = [
    *(
        "one two",
        " three. Four ",
        "\n",
        "&lt;b&gt;",
        "&amp;",
        "&",
        "&#x27;",
        "&nbsp;",
        "&foo",
        "&#",
        "5 < 6",
        "<",
        ">",
        "$5 {0} %s",
    ),
    *(
        "<b>",
        "</b>",
        "<i class='x>y'>",
        "</i>",
        '<a href="/?a=1&b=2" title="t">',
        "</a>",
        "<u/>",
        "</p>",
        "<p>",
        "<div\nid=x>",
    ),
    *(
        "</div>",
        "<br>",
        "<br/>",
        "<img src=x>",
        "<IMG SRC='a b'>",
        "<B>",
        "</B >",
        "<!-- c -->",
        "<!-- <b> -->",
        "<!doctype html>",
    ),
    *("<code>ls -l</code>", "<code>", "</code>", "<span translate=no>", "</span>", "<pre>x\n y</pre>", "<td>", "<li>"),
    *(
        "<script>if (a < b) '<b>'</script>",
        "<style>p > a {}</style>",
        "<textarea><b></textarea>",
        "<svg><path d=''/></svg>",
    ),
    *("<x-y z>", "</x-y>", "<a-b.c:d>", "<?pi?>", "<![CDATA[x]]>", "</", "</>", "</ a>", "\ue000", "word"),
]

# With attributes that people read.
ATTRIBUTES = [
    '<img src="a.png" alt="A &quot;cat&quot;">',
    "<img alt='It is >' title=T&amp;C>",
    "<a title=word href=/x?title=no>",
    '<input placeholder = "Your name" value="x"/>',
    '<p aria-label="one" title>',
    "<img alt=\"broken'><b title='x\">",
    "<img\nALT='big'\ttitle = \"a\u00a0b\">",
    '<a ="title" title==x>',
    "<a href=\"never ends <abbr title='The file'>",
    "<img alt=cat>",
]


def tags_of(html: str) -> list[tuple[str, str, str]]:
    """Kind, name and attributes of each tag and comment."""
    kinds = {tokenTypes[kind]: kind for kind in ("StartTag", "EndTag", "Comment", "Doctype")}
    return [
        (kinds[token["type"]], str(token.get("name", "")), str(token.get("data", "")))
        for token in HTMLTokenizer(html)
        if token["type"] in kinds
    ]


def words_of(text: str) -> list[tuple[int, int]]:
    """The words and punctuation marks of a text."""
    return [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]


def kind_and_name(tag: tuple[str, str, str]) -> tuple[str, str]:
    """Of a tag, without its attributes."""
    return tag[:2]
