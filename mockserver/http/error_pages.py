"""The HTML pages of Google's outermost server (GFE), which answers if a request reaches no API.

Clients cannot parse them as JSON; the Python and Node SDKs show the raw page as the error message.
"""

from html import escape

CONTENT_TYPE = "text/html; charset=UTF-8"

_LOGO = "//www.google.com/images/branding/googlelogo"
_STYLE = (
    "*{margin:0;padding:0}html,code{font:15px/22px arial,sans-serif}"
    "html{background:#fff;color:#222;padding:15px}"
    "body{margin:7% auto 0;max-width:390px;min-height:180px;padding:30px 0 15px}"
    "* > body{background:url(//www.google.com/images/errors/robot.png) 100% 5px no-repeat;"
    "padding-right:205px}"
    "p{margin:11px 0 22px;overflow:hidden}ins{color:#777;text-decoration:none}a img{border:0}"
    "@media screen and (max-width:772px)"
    "{body{background:none;margin-top:0;max-width:none;padding-right:0}}"
    f"#logo{{background:url({_LOGO}/1x/googlelogo_color_150x54dp.png) no-repeat;margin-left:-5px}}"
    "@media only screen and (min-resolution:192dpi)"
    f"{{#logo{{background:url({_LOGO}/2x/googlelogo_color_150x54dp.png) no-repeat 0% 0%/100% 100%;"
    f"-moz-border-image:url({_LOGO}/2x/googlelogo_color_150x54dp.png) 0}}}}"
    "@media only screen and (-webkit-min-device-pixel-ratio:2)"
    f"{{#logo{{background:url({_LOGO}/2x/googlelogo_color_150x54dp.png) no-repeat;"
    "-webkit-background-size:100% 100%}}"
    "#logo{display:inline-block;height:54px;width:150px}"
)


def not_found_page(target: str) -> bytes:
    """Return the page for 404: no route.

    `target` is the path with its query, as sent [seen: `?alt=json&amp;pretty...`].
    """
    return _page(404, "Not Found", f"The requested URL <code>{escape(target)}</code> was not found on this server.")


def malformed_request_page() -> bytes:
    """Return the page for 400: a GET with a body, or a request that is not HTTP [measured]."""
    return _page(400, "Bad Request", "Your client has issued a malformed or illegal request.")


def length_required_page() -> bytes:
    """Return the page for 411: a POST without Content-Length that is not chunked [measured; markup seen]."""
    return _page(411, "Length Required", "POST requests require a <code>Content-length</code> header.")


def _page(status: int, title: str, sentence: str) -> bytes:
    return f"""\
<!DOCTYPE html>
<html lang=en>
  <meta charset=utf-8>
  <meta name=viewport content="initial-scale=1, minimum-scale=1, width=device-width">
  <title>Error {status} ({title})!!1</title>
  <style>
    {_STYLE}
  </style>
  <a href=//www.google.com/><span id=logo aria-label=Google></span></a>
  <p><b>{status}.</b> <ins>That’s an error.</ins>
  <p>{sentence}  <ins>That’s all we know.</ins>
""".encode()
