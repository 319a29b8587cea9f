"""The body of a HAR entry: `response.content`, decoded from its content coding, as text or in Base64."""

import binascii
import codecs
import re
from base64 import b64decode
from collections.abc import Mapping

from services.client.record.har.values import Skipped, shown, text

CHARSET = re.compile(r";[ \t]*charset[ \t]*=[ \t]*\"?([A-Za-z0-9._:-]{1,40})", re.IGNORECASE)
SPACE = re.compile(r"[ \t\r\n]+")
# As browsers read them (Encoding standard, section 4.2). Python has codecs that take any time, and some for no text.
BROWSERS_NAMES = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "gb2312": "gbk",
    "iso8859-9": "cp1254",
    "shift_jis": "cp932",
}
CHARSETS = frozenset(
    {"utf-8", "gbk", "gb18030", "big5", "euc_jp", "cp932", "euc_kr", "koi8-r", "koi8-u", "cp866"}
    | {f"cp125{number}" for number in range(9)}
    | {f"iso8859-{number}" for number in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)}
)
UTF8 = "utf-8"


def body_of(content: Mapping[str, object], media_type: str) -> bytes | None:
    """Return the body; None where the file does not have it. Raises Skipped.

    `media_type`: of the Content-Type field. A text is encoded as that says, so that the two agree; where it cannot be,
    it is UTF-8.
    """
    body = content.get("text")
    if not isinstance(body, str):
        return None
    encoding = text(content.get("encoding")).lower()
    if encoding == "base64":
        return decoded(body)
    if encoding:
        raise Skipped(f"its content has the encoding {shown(encoding)}, and only base64 is known")
    try:
        return body.encode(charset_of(media_type or text(content.get("mimeType"))))
    except UnicodeEncodeError:
        return body.encode(UTF8, "replace")  # a lone surrogate is no character


def decoded(body: str) -> bytes:
    """Return what is in Base64, with or without line ends. Raises Skipped."""
    try:
        return b64decode(SPACE.sub("", body).encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise Skipped("its content is not Base64, though it says so") from error


def charset_of(media_type: str) -> str:
    """Return the name of the codec for a media type's charset; UTF-8 where there is none, or one that is not known."""
    found = CHARSET.search(media_type[:500])
    if not found:
        return UTF8
    try:
        name = codecs.lookup(found[1]).name
    except LookupError:
        return UTF8
    name = BROWSERS_NAMES.get(name, name)
    return name if name in CHARSETS else UTF8
