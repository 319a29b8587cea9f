"""Text from strangers, made harmless before it reaches a terminal or a log."""

CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}


def printable(text: str) -> str:
    r"""Return text with each control character (C0, DEL, C1) as \xNN."""
    return text.translate(CONTROLS)
