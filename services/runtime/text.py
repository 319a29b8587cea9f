"""Text from strangers, made harmless before it reaches a terminal or a log."""

CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
NO_TEXT = {0xDC00 + byte: f"\\x{byte:02x}" for byte in range(0x80, 0x100)}  # as file names have them (PEP 383)
HARMLESS = CONTROLS | NO_TEXT


def printable(text: str) -> str:
    r"""Return text with control characters (C0, DEL, C1), and bytes of a file's name that are no text, as \xNN."""
    return text.translate(HARMLESS)
