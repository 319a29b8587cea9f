r"""Text from strangers, made harmless before it reaches a terminal or a log.

Escaped are characters that move the cursor, turn the order of what stands around them, end a line, or are not seen:
two names that look the same are the same. Text in any script stays as it is, but for joiners (U+200C, U+200D).
"""

from collections.abc import Iterator

CONTROLS = (*range(0x20), *range(0x7F, 0xA0))  # C0, DEL, C1
UNSEEN = (  # Unicode's format characters without those that are drawn; line and paragraph separators; fillers
    *(0xAD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5),
    *range(0x180B, 0x1810),
    *range(0x200B, 0x2010),
    *range(0x2028, 0x202F),
    *range(0x2060, 0x2070),
    *(0x3164, 0xFEFF, 0xFFA0),
    *range(0xFFF9, 0xFFFC),
    *range(0x13430, 0x13440),
    *range(0x1BCA0, 0x1BCA4),
    *range(0x1D173, 0x1D17B),
    *range(0xE0000, 0xE0080),  # tags
)
SURROGATES = range(0xD800, 0xE000)  # from JSON; no encoding has bytes for them
NO_TEXT = {0xDC00 + byte: f"\\x{byte:02x}" for byte in range(0x80, 0x100)}  # as file names have them (PEP 383)


def escapes() -> Iterator[tuple[int, str]]:
    """Yield each character that is escaped, and as what."""
    yield from ((code, f"\\x{code:02x}") for code in CONTROLS)
    for code in (*UNSEEN, *SURROGATES):
        yield code, f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
    yield from NO_TEXT.items()


HARMLESS = dict(escapes())


def printable(text: str) -> str:
    r"""Return text with control characters, and bytes of a file's name that are no text, as \xNN.

    What is not seen or turns the order of the text is \uNNNN or \UNNNNNNNN.
    """
    return text.translate(HARMLESS)
