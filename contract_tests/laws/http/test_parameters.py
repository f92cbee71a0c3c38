"""System parameters: what they ask of an answer's form, and how they are refused."""

from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.http.parameters import (
    NAMES,
    InvalidParameters,
    SystemParameters,
    parse_query,
    split_query,
    unsupported_alt,
)
from mockserver.protojson.writing import Style
from mockserver.rpc.errors import Code


def form_of(query: str, verb: str = "GET") -> SystemParameters:
    """The system parameters of a query."""
    return split_query(parse_query(query), verb=verb)[0]


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("", {}),
        ("alt=json", {}),
        ("alt=", {}),
        ("alt=JSON", {}),
        ("alt=sse", {"alt": "sse"}),
        ("alt=Sse", {"alt": "sse"}),
        ("alt=media", {"alt": "media"}),
        ("alt=proto", {"alt": "proto"}),
        ("alt=sse&alt=zzz", {"alt": "sse"}),
        ("%24alt=json%3Benum-encoding%3Dint", {"style": Style(enum_as_int=True)}),  # Python and Go
        ("$alt=json%3Benum-encoding=int", {"style": Style(enum_as_int=True)}),  # Node
        ("$alt=json;enum-encoding=int", {"style": Style(enum_as_int=True)}),
        ("alt=sse&$alt=json;enum-encoding=int", {"alt": "sse", "style": Style(enum_as_int=True)}),
        ("prettyPrint=false", {"style": Style(pretty=False)}),
        ("prettyPrint=0", {"style": Style(pretty=False)}),
        ("prettyPrint=FALSE", {}),
        ("prettyPrint=no", {}),
        ("prettyPrint=", {}),
        ("prettyPrint=false&prettyPrint=true", {"style": Style(pretty=False)}),
        ("prettyPrint=&prettyPrint=false", {}),
        ("fields=a%2Cb&fields=c", {"fields": "a,b"}),
        ("callback=cb", {"callback": "cb"}),
        ("callback=a.b[0]$_", {"callback": "a.b[0]$_"}),
        ("callback=&callback=cb", {}),
        ("callback=cb&alt=sse", {"alt": "sse"}),
        ("$.xgafv=1", {"xgafv": "1"}),
        ("%24.xgafv=2&$.xgafv=1", {"xgafv": "1"}),
        ("key=K&access_token=T&oauth_token=T&quotaUser=q&upload_protocol=raw&uploadType=media", {}),
    ],
)
def test_a_query_asks_for_a_form(query: str, asked: dict[str, Any]) -> None:
    """The first of a repeated parameter counts, of $.xgafv the last; both spellings of the escapes."""
    assert SystemParameters(**asked) == form_of(query)


def test_a_callback_counts_on_get_only() -> None:
    """On a POST it is not even looked at [measured]."""
    assert SystemParameters() == form_of("callback=cb", "POST") == form_of("callback=a b", "POST")


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("alt=zzz", "Invalid value \"zzz\" for query parameter 'alt'"),
        ("alt=ZZZ", "Invalid value \"ZZZ\" for query parameter 'alt'"),
        ("alt=sse?key=K", "Invalid value \"sse?key=K\" for query parameter 'alt'"),
        ("alt=zzz&callback=a%20b", "Invalid value \"zzz\" for query parameter 'alt'"),
        ("$.xgafv=9", "Invalid query parameters. Invalid value '9' for system query parameter : $.xgafv"),
        ("$.xgafv=", "Invalid query parameters. Invalid value '' for system query parameter : $.xgafv"),
        ("$.xgafv=1&$.xgafv=01", "Invalid query parameters. Invalid value '01' for system query parameter : $.xgafv"),
        ("alt=zzz&$.xgafv=9", "Invalid query parameters. Invalid value '9' for system query parameter : $.xgafv"),
        (
            "callback=a%20b",
            "Invalid JSONP callback name: 'a b'; only alphabet, number, '_', '$', '.', '[' and ']' are allowed.",
        ),
    ],
)
def test_a_value_that_is_none_is_refused(query: str, sentence: str) -> None:
    """$.xgafv before alt before callback; the value is echoed as sent."""
    with pytest.raises(InvalidParameters) as caught:
        split_query(parse_query(query))

    assert (Code.INVALID_ARGUMENT, sentence, ()) == (caught.value.code, caught.value.message, caught.value.details)


def test_a_refusal_tells_how_to_answer() -> None:
    """The other parameters hold for the refusal too: the older envelope, the call."""
    with pytest.raises(InvalidParameters) as older:
        split_query(parse_query("$.xgafv=1&alt=zzz"))
    with pytest.raises(InvalidParameters) as called:
        split_query(parse_query("$.xgafv=9&callback=cb"))

    assert older.value.parameters.xgafv == "1"
    assert called.value.parameters.callback == "cb"


@pytest.mark.parametrize("query", ["callback=alert(1)", "$.xgafv=9&callback=alert(1)"])
def test_what_is_no_name_is_not_called(query: str) -> None:
    """A page that loads the refusal as a script must not run what its link says."""
    with pytest.raises(InvalidParameters) as caught:
        split_query(parse_query(query))

    assert caught.value.parameters.callback is None


def test_bytes_are_not_to_be_had() -> None:
    """`alt=media` is known, and refused when the method has only messages."""
    assert unsupported_alt("media").message == 'Unsupported alt type "media" for non byte stream request.'


@pytest.mark.parametrize(
    ("query", "pairs"),
    [
        ("pageSize=1&key=K&page_token=", [("pageSize", "1"), ("page_token", "")]),
        ("a=1&a=2", [("a", "1"), ("a", "2")]),
        ("page_token=TOK?key=K", [("page_token", "TOK?key=K")]),  # the official "next page" sample
        ("updateMask=a%2Cb&x", [("updateMask", "a,b"), ("x", "")]),
        ("a=b+c%20d&&%zz=%ff", [("a", "b c d"), ("%zz", "\ufffd")]),
        ("{%22a%22:1}", [('{"a":1}', "")]),
    ],
)
def test_what_is_no_system_parameter_is_the_methods(query: str, pairs: list[tuple[str, str]]) -> None:
    """Decoded, in order, with repeats and empty values; a second "?" is a character like any other."""
    assert pairs == split_query(parse_query(query))[1] == split_query(parse_query(query.encode()))[1]


@given(st.lists(st.tuples(st.text().filter(lambda name: name not in NAMES), st.text())))
def test_method_parameters_come_through_unchanged(pairs: list[tuple[str, str]]) -> None:
    """Whatever was encoded is decoded."""
    parameters, method = split_query(parse_query(urlencode(pairs)))

    assert SystemParameters() == parameters
    assert pairs == method


@given(st.text().filter(lambda text: text.lower() not in {"", "json", "sse", "media", "proto"}))
def test_every_other_format_is_refused_in_its_own_words(text: str) -> None:
    """Unless it is one of the four with options behind it."""
    query = f"alt={quote(text)}"
    if text.partition(";")[0].lower() in {"", "json", "sse", "media", "proto"}:
        assert form_of(query).alt in {"json", "sse", "media", "proto"}
    else:
        with pytest.raises(InvalidParameters) as caught:
            split_query(parse_query(query))
        assert caught.value.code is Code.INVALID_ARGUMENT
