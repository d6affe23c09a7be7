"""Placeholders: what is one, what is none, and that odd text takes no time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_store import placeholders
from model_store.placeholders import find_placeholders

# Of each kind, and what is nearly one; with characters that Python and the patterns' library take for different things.
_SCRAPS = (
    *(
        "`a`",
        "www.x",
        "www.\x1c",
        "http://b",
        "mailto:c",
        "d.com",
        "e@f.gh",
        "{i}",
        "$1",
        "%J_K%",
        "%s",
        "&lt;",
        "[1]",
        "__L__",
    ),
    *(
        "#fff",
        "#g",
        "@h",
        ":smile:",
        "/m/n",
        "C:\\o",
        "\\\\p\\q",
        "r.txt",
        "--s",
        "-t",
        "u_v",
        "w()",
        "<b>",
        "\ufffc",
        "\ue000",
    ),
    *(
        "\U000f0000",
        "\U00100000",
        "\u00b2",
        "\u0301",
        " ",
        "x",
        "\u0436",
        ".",
        ":",
        "-",
        "(",
        ")",
        "\u2028",
        "\x1c",
        "1",
    ),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Cannot open %s: %(name)s, %1$s of %d%%", ["%s", "%(name)s", "%1$s", "%d", "%%"]),
        ("%-5.2lf and %dx%d, %qs, %@", ["%-5.2lf", "%d", "%d", "%qs", "%@"]),
        ("50% of users, 100%-го, a 5% discount", []),
        (
            "Hi {0} {name}, ${x} #{y} %{z} {{ w }} {0:.2f} {}",
            ["{0}", "{name}", "${x}", "#{y}", "%{z}", "{{ w }}", "{0:.2f}", "{}"],
        ),
        ("{n, plural, one {# file} other {# files}} gone", ["{n, plural, one {# file} other {# files}}"]),
        ("$1 for $HOME, %APPDATA%; it costs $5.50", ["$1", "$HOME", "%APPDATA%"]),
        ("See https://a.b/c?d=e. Or www.x.org, HTTP://B.C!", ["https://a.b/c?d=e", "www.x.org", "HTTP://B.C"]),
        ("[url=http://a.b]here [it](http://c.d),(e)", ["http://a.b", "http://c.d"]),
        (
            "(see www.a.org/x_(y), http://[::1]:8/?a[]=1) c.d.org/e(f)",
            ["www.a.org/x_(y)", "http://[::1]:8/?a[]=1", "c.d.org/e(f)"],
        ),
        ("at code.google.com/p/x, or example.org. But no end.of, a.b.q, com", ["code.google.com/p/x", "example.org"]),
        ("Mail me+x@mail.example.org, or me@", ["me+x@mail.example.org"]),
        ("@jean and @a_b@c.org, (@d.e). x@y @@z @ 5", ["@jean", "@a_b@c.org", "@d.e"]),
        (
            "#Fediverse, #1 of #2024Wahl; C# #\u00e9t\u00e9! \uff03Caf\u00e9 a#b &#x # y",
            ["#Fediverse", "#2024Wahl", "#\u00e9t\u00e9", "\uff03Caf\u00e9"],
        ),
        ("Run `ls -la` or ``a`b`` now; type `q", ["`ls -la`", "``a`b``"]),
        ("[X12X] of [X3X], __PH0__, [sic], snake__", ["[X12X]", "[X3X]", "__PH0__"]),
        ("Use #ff00aa or #FFF, not a#fff; &#12;", ["#ff00aa", "#FFF", "&#12;"]),
        (":smile: :thumbs_up: at 10:30:45, a:b:c, std::vector::x, Note: see: that", [":smile:", ":thumbs_up:"]),
        ("&lt;b&gt; &#39; &#x2014; AT&T; R&D", ["&lt;", "&gt;", "&#39;", "&#x2014;"]),
        ("in /etc/fstab, ~/x or ../y; and/or, km/h", ["/etc/fstab", "~/x", "../y"]),
        ("C:\\Windows\\x.txt on \\\\host\\share", ["C:\\Windows\\x.txt", "\\\\host\\share"]),
        (
            "C:\\x\\({n, plural, one {# file} other {# files}}) and C:\\{ab {c}}\\d, not C:\\x{y",
            ["C:\\x\\({n, plural, one {# file} other {# files}}", "C:\\{ab {c}}\\d", "C:\\x"],
        ),
        (
            "http://a.b/{n, select, x {y} other {z}}. www.x.org/({a b})/{c}, --to={n, plural, one {# a}}, --x={y",
            ["http://a.b/{n, select, x {y} other {z}}", "www.x.org/({a b})/{c}", "--to={n, plural, one {# a}}", "--x"],
        ),
        ("config.json, the end.of it", ["config.json"]),
        ("use --force=yes or -f, pre-built - yes", ["--force=yes", "-f"]),
        ("foo_bar calls baz()", ["foo_bar", "baz()"]),
        ('<b>x</b> <br/> <x id="1"/> a < b > c', ["<b>", "</b>", "<br/>", '<x id="1"/>']),
        ("an icon \ue000 and \ufffc", ["\ue000", "\ufffc"]),
        ("Nothing here, really: 1/2, 3.5, a.b and «c».", []),
    ],
)
def test_kinds(text: str, expected: list[str]) -> None:
    assert [text[each.start : each.end] for each in find_placeholders(text)] == expected


@given(st.text(alphabet="aZ0_.%{}$<>/&;`[]X@:\\-( )\n", max_size=60))
def test_they_are_in_order_and_never_empty(text: str) -> None:
    end = 0
    for each in find_placeholders(text):
        assert end <= each.start < each.end <= len(text)
        end = each.end


@given(st.lists(st.sampled_from(_SCRAPS), max_size=5).map("".join))
def test_what_has_no_sign_of_one_has_none(text: str) -> None:
    thorough = [(match.start(), match.end()) for match in placeholders._ANY.finditer(text)]
    assert [(each.start, each.end) for each in find_placeholders(text)] == thorough


_ODD = [
    "{",
    "{a",
    "{{}",
    "a.",
    "a.com",
    "a-",
    "_",
    "%0",
    "<a ",
    "`",
    "a@",
    "/a",
    "C:\\",
    "http://.",
    "a.com/(",
    "a.com/{a",
    "a.com/({",
    "C:\\{a",
    "--a={a",
    "%(a",
    "#a",
    "#1",
    "@a.",
    "@a@",
]


@pytest.mark.parametrize("odd", _ODD)
def test_time_is_not_quadratic(odd: str) -> None:
    def seconds(repeated: int) -> float:
        started = time.thread_time()
        find_placeholders(odd * repeated)
        return time.thread_time() - started

    # The best of three, since Python's collector of cycles may pass over all that a process has loaded meanwhile.
    assert min(seconds(32_000) for _round in range(3)) < 10 * seconds(8_000) + 0.5  # four times as long, not sixteen
