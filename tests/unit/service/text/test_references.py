import html

import pytest

from service.text.attributes import readable_attributes
from service.text.markup import Run, parse_html
from service.text.references import unescaped

LONG = "1" * 5000


@pytest.mark.parametrize(
    "source",
    ["&#65;", "&#0065", "&#000;", "&#1114111;", "&#1114112;", "&#99999999", "&#;", "&#a", "&#x41;", "&amp;#65;"],
)
def test_references_are_what_they_are_to_the_standard_library(source: str) -> None:
    assert unescaped(source) == html.unescape(source)


@pytest.mark.parametrize(
    ("source", "text"),
    [(f"a&#{LONG};b", "a\ufffdb"), (f"a&#{'0' * 5000}65;b", "aAb"), (f"&#{'0' * 5000};", "\ufffd")],
)
def test_a_number_may_have_more_digits_than_python_reads(source: str, text: str) -> None:
    assert unescaped(source) == text


def test_html_may_have_references_of_any_length() -> None:
    (run,) = parse_html(f"Q&A &#{LONG};")
    assert isinstance(run, Run)
    assert run.text == "Q&A \ufffd"
    assert run.escape(f"Q&A &#{LONG};") == f"Q&A &amp;#{LONG};"
    (attribute,) = readable_attributes(f'<img alt="Dog &#{LONG};">')
    assert attribute.text == "Dog \ufffd"
