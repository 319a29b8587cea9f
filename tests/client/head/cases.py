"""Bytes in, verdict out: every case of the head reader, in one table that several tests share.

`test_reader` holds the reader to the table, `test_strict` its strict mode, `test_peers` compares the libraries
that come nearest over the same bytes (where they differ is in `differences`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

Fields = tuple[tuple[bytes, bytes], ...]

AB: Fields = ((b"A", b"b"),)


@dataclass(frozen=True, slots=True)
class Case:
    """The default reader's result for some bytes, after which the stream ends.

    error, offset: why it refuses them and where; None where it reads them.
    anomalies: each departure and its offset. Strict mode refuses wherever there is one.
    interim: the status codes of the interim heads.
    """

    name: str
    data: bytes
    error: str | None = None
    offset: int = 0
    version: str = "HTTP/1.1"
    status: int = 200
    reason: bytes = b"OK"
    headers: Fields = AB
    interim: tuple[int, ...] = ()
    anomalies: Mapping[str, int] = field(default_factory=dict)
    rest: bytes = b""


def head(status_line: bytes) -> bytes:
    """A status line and one field."""
    return status_line + b"\r\nA: b\r\n\r\n"


def ok(*lines: bytes) -> bytes:
    """Field lines, after a correct status line."""
    return b"".join(line + b"\r\n" for line in (b"HTTP/1.1 200 OK", *lines, b""))


def fields(*pairs: bytes) -> Fields:
    """Names and values in turn."""
    return tuple(zip(pairs[::2], pairs[1::2], strict=True))


FINE = (
    Case("plain", head(b"HTTP/1.1 200 OK")),
    Case("http_1_0", head(b"HTTP/1.0 200 OK"), version="HTTP/1.0"),
    Case("no_fields", ok(), headers=()),
    Case("content_follows", ok(b"A: b") + b"<html>\r\n\r\n", rest=b"<html>\r\n\r\n"),
    Case("reason_empty", head(b"HTTP/1.1 200 "), reason=b""),
    Case("reason_of_spaces", head(b"HTTP/1.1 200  O K "), reason=b" O K "),
    Case("reason_obs_text", head(b"HTTP/1.1 200 \xe9"), reason=b"\xe9"),
    Case("status_599", head(b"HTTP/1.1 599 X"), status=599, reason=b"X"),
    Case("value_obs_text", ok(b"A: caf\xe9 \xff"), headers=fields(b"A", b"caf\xe9 \xff")),
    Case("value_empty", ok(b"A:"), headers=fields(b"A", b"")),
    Case("value_of_whitespace", ok(b"A: \t "), headers=fields(b"A", b"")),
    Case("value_without_space", ok(b"A:b")),
    Case("value_in_whitespace", ok(b"A: \t b \t"), headers=AB),
    Case("value_with_tab", ok(b"A: b\tc"), headers=fields(b"A", b"b\tc")),
    Case("value_with_colon", ok(b"A: b:c"), headers=fields(b"A", b"b:c")),
    Case("name_of_every_tchar", ok(b"!#$%&'*+-.^_`|~0aZ: b"), headers=fields(b"!#$%&'*+-.^_`|~0aZ", b"b")),
    Case("same_name_twice", ok(b"A: b", b"a: c"), headers=fields(b"A", b"b", b"a", b"c")),
    Case("interim_100", ok().replace(b"200", b"100") + ok(b"A: b"), interim=(100,)),
    Case("interim_103_with_fields", ok(b"B: c").replace(b"200", b"103") + ok(b"A: b"), interim=(103,)),
    Case("interim_twice", ok().replace(b"200", b"102") * 2 + ok(b"A: b"), interim=(102, 102)),
    Case("switching_101", ok(b"Upgrade: x").replace(b"200", b"101") + b"\0x", status=101,
         headers=fields(b"Upgrade", b"x"), rest=b"\0x"),
    Case("length_0", ok(b"Content-Length: 0"), headers=fields(b"Content-Length", b"0")),
    Case("length_leading_zeros", ok(b"Content-Length: 007"), headers=fields(b"Content-Length", b"007")),
    Case("length_in_304", ok(b"Content-Length: 7").replace(b"200", b"304"), status=304,
         headers=fields(b"Content-Length", b"7")),
    Case("length_largest", ok(b"Content-Length: 18446744073709551615"),
         headers=fields(b"Content-Length", b"18446744073709551615")),
    Case("chunked", ok(b"Transfer-Encoding: chunked"), headers=fields(b"Transfer-Encoding", b"chunked")),
    Case("chunked_upper", ok(b"TRANSFER-ENCODING: CHUNKED"), headers=fields(b"TRANSFER-ENCODING", b"CHUNKED")),
    Case("gzip_then_chunked", ok(b"Transfer-Encoding: gzip, chunked"),
         headers=fields(b"Transfer-Encoding", b"gzip, chunked")),
    Case("coding_until_close", ok(b"Transfer-Encoding: gzip"), headers=fields(b"Transfer-Encoding", b"gzip")),
    Case("chunked_not_last", ok(b"Transfer-Encoding: chunked, gzip"),
         headers=fields(b"Transfer-Encoding", b"chunked, gzip")),
    Case("coding_with_parameter", ok(b'Transfer-Encoding: x;a="1,2" ; b=c, chunked'),
         headers=fields(b"Transfer-Encoding", b'x;a="1,2" ; b=c, chunked')),
    Case("codings_in_two_fields", ok(b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked"),
         headers=fields(b"Transfer-Encoding", b"gzip", b"Transfer-Encoding", b"chunked")),
)  # fmt: skip

LINES = (
    Case("bare_lf", b"HTTP/1.1 200 OK\nA: b\n\n", anomalies={"bare_lf": 15}),
    Case("bare_lf_after_status_line", b"HTTP/1.1 200 OK\nA: b\r\n\r\n", anomalies={"bare_lf": 15}),
    Case("bare_lf_after_field", b"HTTP/1.1 200 OK\r\nA: b\n\r\n", anomalies={"bare_lf": 21}),
    Case("bare_lf_at_end", b"HTTP/1.1 200 OK\r\nA: b\r\n\n", anomalies={"bare_lf": 23}),
    Case("bare_cr_in_value", ok(b"A: b\rB: c"), headers=fields(b"A", b"b B: c"), anomalies={"bare_cr": 21}),
    Case("bare_cr_in_name", ok(b"A\rB: c"), headers=fields(b"A B", b"c"),
         anomalies={"bare_cr": 18, "invalid_field_name": 17}),
    Case("bare_cr_before_name", ok(b"A: b", b"\rB: c"), headers=fields(b"A", b"b B: c"),
         anomalies={"bare_cr": 23, "obs_fold": 23}),
    Case("bare_cr_in_reason", head(b"HTTP/1.1 200 O\rK"), reason=b"O K", anomalies={"bare_cr": 14}),
    Case("cr_cr_lf_after_field", ok(b"A: b\r"), anomalies={"bare_cr": 21}),
    Case("cr_cr_lf_at_end", b"HTTP/1.1 200 OK\r\nA: b\r\n\r\r\n", anomalies={"bare_cr": 23}),
    Case("cr_only_lines", b"HTTP/1.1 200 OK\rA: b\r\r", error="truncated_head", offset=22),
    Case("nul_in_value", ok(b"A: b\0c"), headers=fields(b"A", b"b c"), anomalies={"nul_byte": 21}),
    Case("nul_in_name", ok(b"A\0: b"), anomalies={"nul_byte": 18, "whitespace_before_colon": 18}),
    Case("nul_in_reason", head(b"HTTP/1.1 200 O\0K"), reason=b"O K", anomalies={"nul_byte": 14}),
    Case("control_in_value", ok(b"A: b\x1b[2J"), headers=fields(b"A", b"b\x1b[2J"), anomalies={"control_byte": 21}),
    Case("control_in_name", ok(b"A\x01: b"), headers=fields(b"A\x01", b"b"),
         anomalies={"control_byte": 18, "invalid_field_name": 17}),
    Case("control_in_reason", head(b"HTTP/1.1 200 O\x7fK"), reason=b"O\x7fK", anomalies={"control_byte": 14}),
    Case("delete_in_value", ok(b"A: \x7f"), headers=fields(b"A", b"\x7f"), anomalies={"control_byte": 20}),
    Case("each_once", b"HTTP/1.1 200 OK\nA: \x01\nB: \x02\n\n", headers=fields(b"A", b"\x01", b"B", b"\x02"),
         anomalies={"bare_lf": 15, "control_byte": 19}),
)  # fmt: skip

STATUS_LINES = (
    Case("leading_crlf", b"\r\n" + head(b"HTTP/1.1 200 OK"), anomalies={"leading_empty_line": 0}),
    Case("leading_lf", b"\n\n" + head(b"HTTP/1.1 200 OK"), anomalies={"leading_empty_line": 0}),
    Case("leading_space", b" " + head(b"HTTP/1.1 200 OK"), anomalies={"leading_whitespace": 0}),
    Case("leading_mixture", b"\t\r\n" + head(b"HTTP/1.1 200 OK"),
         anomalies={"leading_whitespace": 0, "leading_empty_line": 1}),
    Case("leading_crlf_after_interim", ok().replace(b"200", b"100") + b"\r\n" + ok(b"A: b"), interim=(100,),
         anomalies={"leading_empty_line": 19}),
    Case("anomaly_in_interim", b"HTTP/1.1 103 OK\r\nA : b\r\n\r\n" + ok(b"A: b"), interim=(103,),
         anomalies={"whitespace_before_colon": 18}),
    Case("http_2", head(b"HTTP/2 200 OK"), version="HTTP/2", anomalies={"invalid_version": 0}),
    Case("http_2_0", head(b"HTTP/2.0 200 OK"), version="HTTP/2.0", anomalies={"unknown_version": 0}),
    Case("http_3", head(b"HTTP/3 200 OK"), version="HTTP/3", anomalies={"invalid_version": 0}),
    Case("http_1", head(b"HTTP/1 200 OK"), version="HTTP/1", anomalies={"invalid_version": 0}),
    Case("http_1_2", head(b"HTTP/1.2 200 OK"), version="HTTP/1.2", anomalies={"unknown_version": 0}),
    Case("http_0_9", head(b"HTTP/0.9 200 OK"), version="HTTP/0.9", anomalies={"unknown_version": 0}),
    Case("http_1_10", head(b"HTTP/1.10 200 OK"), version="HTTP/1.10", anomalies={"invalid_version": 0}),
    Case("http_01_1", head(b"HTTP/01.1 200 OK"), version="HTTP/01.1", anomalies={"invalid_version": 0}),
    Case("lower_case", head(b"http/1.1 200 OK"), version="http/1.1", anomalies={"invalid_version": 0}),
    Case("icy", head(b"ICY 200 OK"), version="ICY", anomalies={"icy_status_line": 0}),
    Case("version_not_digits", head(b"HTTP/x.y 200 OK"), error="malformed_head", offset=0),
    Case("version_negative", head(b"HTTP/-1.1 200 OK"), error="malformed_head", offset=0),
    Case("version_missing", head(b"HTTP/ 200 OK"), error="malformed_head", offset=0),
    Case("two_spaces", head(b"HTTP/1.1  200 OK"), anomalies={"status_line_whitespace": 8}),
    Case("tab_before_status", head(b"HTTP/1.1\t200 OK"), anomalies={"status_line_whitespace": 8}),
    Case("tab_after_status", head(b"HTTP/1.1 200\tOK"), anomalies={"status_line_whitespace": 12}),
    Case("vertical_tab", head(b"HTTP/1.1\v200 OK"), anomalies={"control_byte": 8, "status_line_whitespace": 8}),
    Case("bare_cr_before_status", head(b"HTTP/1.1\r200 OK"), anomalies={"bare_cr": 8}),
    Case("no_reason_no_space", head(b"HTTP/1.1 200"), reason=b"", anomalies={"missing_reason_space": 12}),
    Case("no_space_before_reason", head(b"HTTP/1.1 200OK"), anomalies={"missing_reason_space": 12}),
    Case("status_000", head(b"HTTP/1.1 000 OK"), status=0, anomalies={"status_out_of_range": 9}),
    Case("status_099", head(b"HTTP/1.1 099 OK"), status=99, anomalies={"status_out_of_range": 9}),
    Case("status_600", head(b"HTTP/1.1 600 OK"), status=600, anomalies={"status_out_of_range": 9}),
    Case("status_999", head(b"HTTP/1.1 999 OK"), status=999, anomalies={"status_out_of_range": 9}),
    Case("status_missing", head(b"HTTP/1.1"), error="malformed_head", offset=0),
    Case("status_missing_but_reason", head(b"HTTP/1.1 OK"), error="malformed_head", offset=0),
    Case("status_of_one_digit", head(b"HTTP/1.1 2 OK"), error="malformed_head", offset=0),
    Case("status_of_two_digits", head(b"HTTP/1.1 20 OK"), error="malformed_head", offset=0),
    Case("status_of_four_digits", head(b"HTTP/1.1 2000 OK"), error="malformed_head", offset=0),
    Case("status_negative", head(b"HTTP/1.1 -200 OK"), error="malformed_head", offset=0),
    Case("status_not_ascii", head(b"HTTP/1.1 \xb2\xb2\xb2 OK"), error="malformed_head", offset=0),
    Case("no_space_before_status", head(b"HTTP/1.1200 OK"), error="malformed_head", offset=0),
    Case("malformed_after_interim", ok().replace(b"200", b"100") + head(b"HTTP/1.1 X"), error="malformed_head",
         offset=19),
)  # fmt: skip

FIELD_LINES = (
    Case("fold", ok(b"A: b", b" c"), headers=fields(b"A", b"b c"), anomalies={"obs_fold": 23}),
    Case("fold_by_tab", ok(b"A: b", b"\tc", b"D: e"), headers=fields(b"A", b"b c", b"D", b"e"),
         anomalies={"obs_fold": 23}),
    Case("fold_trims", ok(b"A: b \t", b" \t c "), headers=fields(b"A", b"b c"), anomalies={"obs_fold": 25}),
    Case("fold_of_nothing", ok(b"A: b", b"  ", b"\tc"), headers=fields(b"A", b"b c"), anomalies={"obs_fold": 23}),
    Case("fold_after_empty_value", ok(b"A:", b" b"), anomalies={"obs_fold": 21}),
    Case("fold_looks_like_a_field", ok(b"A: b", b" C: d"), headers=fields(b"A", b"b C: d"),
         anomalies={"obs_fold": 23}),
    Case("whitespace_before_first_field", ok(b" X: y", b"\tz", b"A: b"),
         anomalies={"whitespace_before_first_field": 17}),
    Case("whitespace_line_only", ok(b" "), headers=(), anomalies={"whitespace_before_first_field": 17}),
    Case("missing_colon", ok(b"A: b", b"no colon"), anomalies={"missing_colon": 23}),
    Case("missing_colon_first", ok(b"<html>", b"A: b"), anomalies={"missing_colon": 17}),
    Case("missing_colon_and_fold", ok(b"X", b" y", b"A: b"), anomalies={"missing_colon": 17, "obs_fold": 20}),
    Case("name_empty", ok(b": b"), headers=fields(b"", b"b"), anomalies={"empty_field_name": 17}),
    Case("name_with_space", ok(b"A B: c"), headers=fields(b"A B", b"c"), anomalies={"invalid_field_name": 17}),
    Case("name_with_separator", ok(b"A(B): c"), headers=fields(b"A(B)", b"c"), anomalies={"invalid_field_name": 17}),
    Case("name_not_ascii", ok(b"caf\xe9: c"), headers=fields(b"caf\xe9", b"c"), anomalies={"invalid_field_name": 17}),
    Case("space_before_colon", ok(b"A : b"), anomalies={"whitespace_before_colon": 18}),
    Case("tab_before_colon", ok(b"A\t: b"), anomalies={"whitespace_before_colon": 18}),
    Case("only_whitespace_before_colon", ok(b"A: b", b" : c"), headers=fields(b"A", b"b : c"),
         anomalies={"obs_fold": 23}),
)  # fmt: skip

FRAMING = (
    *(
        Case(name, ok(*lines), headers=tuple((n, v.strip()) for n, _, v in (line.partition(b":") for line in lines)),
             anomalies=dict.fromkeys([anomaly], offset))
        for name, lines, anomaly, offset in (
            ("length_conflict", (b"Content-Length: 1", b"Content-Length: 2"), "content_length_conflict", 36),
            ("length_conflict_in_list", (b"Content-Length: 1, 2",), "content_length_conflict", 17),
            ("length_twice", (b"Content-Length: 1", b"Content-Length: 1"), "content_length_repeated", 36),
            ("length_twice_zeros", (b"Content-Length: 1", b"Content-Length: 01"), "content_length_repeated", 36),
            ("length_list", (b"Content-Length: 1, 1",), "content_length_repeated", 17),
            ("length_empty", (b"Content-Length:",), "content_length_invalid", 17),
            ("length_word", (b"Content-Length: x",), "content_length_invalid", 17),
            ("length_negative", (b"Content-Length: -1",), "content_length_invalid", 17),
            ("length_plus", (b"Content-Length: +1",), "content_length_invalid", 17),
            ("length_hexadecimal", (b"Content-Length: 0x1",), "content_length_invalid", 17),
            ("length_underscore", (b"Content-Length: 1_0",), "content_length_invalid", 17),
            ("length_two_numbers", (b"Content-Length: 1 2",), "content_length_invalid", 17),
            ("length_overflow", (b"Content-Length: 18446744073709551616",), "content_length_overflow", 17),
            ("length_of_5000_digits", (b"Content-Length: " + b"9" * 5000,), "content_length_overflow", 17),
            ("length_then_chunked", (b"Content-Length: 1", b"Transfer-Encoding: chunked"),
             "transfer_encoding_with_content_length", 36),
            ("chunked_then_length", (b"Transfer-Encoding: chunked", b"Content-Length: 1"),
             "transfer_encoding_with_content_length", 45),
            ("chunked_twice", (b"Transfer-Encoding: chunked, chunked",), "transfer_encoding_chunked_twice", 17),
            ("chunked_twice_in_two_fields", (b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
             "transfer_encoding_chunked_twice", 45),
            ("chunked_with_parameter", (b"Transfer-Encoding: chunked;a=b",), "transfer_encoding_invalid", 17),
            ("coding_empty", (b"Transfer-Encoding:",), "transfer_encoding_invalid", 17),
            ("coding_list_with_gap", (b"Transfer-Encoding: gzip, , chunked",), "transfer_encoding_invalid", 17),
            ("coding_list_open", (b"Transfer-Encoding: chunked,",), "transfer_encoding_invalid", 17),
            ("coding_not_a_token", (b"Transfer-Encoding: chun(ked",), "transfer_encoding_invalid", 17),
        )
    ),
    Case("chunked_in_http_1_0", b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", version="HTTP/1.0",
         headers=fields(b"Transfer-Encoding", b"chunked"), anomalies={"transfer_encoding_in_http_1_0": 17}),
    Case("length_in_204", ok(b"Content-Length: 0").replace(b"200", b"204"), status=204,
         headers=fields(b"Content-Length", b"0"), anomalies={"content_length_forbidden": 17}),
    Case("chunked_in_204", ok(b"Transfer-Encoding: chunked").replace(b"200", b"204"), status=204,
         headers=fields(b"Transfer-Encoding", b"chunked"), anomalies={"transfer_encoding_forbidden": 17}),
    Case("length_in_interim", ok(b"Content-Length: 0").replace(b"200", b"103") + ok(b"A: b"), interim=(103,),
         anomalies={"content_length_forbidden": 17}),
)  # fmt: skip

LOCATIONS = tuple(
    Case(name, b"".join(line + b"\r\n" for line in (b"HTTP/1.1 %d Found" % status, *lines, b"")), status=status,
         reason=b"Found", headers=tuple((n, v.strip()) for n, _, v in (line.partition(b":") for line in lines)),
         anomalies=anomalies)
    for name, status, lines, anomalies in (
        ("location", 302, (b"Location: /a",), {}),
        ("location_twice_the_same", 301, (b"Location: /a", b"location:/a"), {}),
        ("location_conflict", 302, (b"Location: /a", b"Location: /b"), {"location_conflict": 34}),
        ("location_conflict_in_case", 308, (b"Location: /a", b"A: b", b"LOCATION: /A"), {"location_conflict": 40}),
        ("location_conflict_of_three", 307, (b"Location: /a",) * 2 + (b"Location: /b",), {"location_conflict": 48}),
        ("location_empty", 303, (b"Location:",), {"location_empty": 20}),
        ("location_of_spaces", 302, (b"A: b", b"Location: \t "), {"location_empty": 26}),
        ("location_empty_in_201", 201, (b"Location:",), {"location_empty": 20}),
        ("location_empty_and_not", 302, (b"Location:", b"Location: /a"),
         {"location_empty": 20, "location_conflict": 31}),
        ("location_conflict_without_meaning", 200, (b"Location: /a", b"Location:"), {}),
        ("location_empty_without_meaning", 404, (b"Location:",), {}),
    )
)  # fmt: skip

ENDS = (
    Case("nothing", b"", error="closed", offset=0),
    Case("end_in_name", b"HT", error="truncated_head", offset=2),
    Case("end_in_version", b"HTTP/1.", error="truncated_head", offset=7),
    Case("end_in_status_line", b"HTTP/1.1 20", error="truncated_head", offset=11),
    Case("end_in_status_line_end", b"HTTP/1.1 200 OK\r", error="truncated_head", offset=16),
    Case("end_after_status_line", b"HTTP/1.1 200 OK\r\n", error="truncated_head", offset=17),
    Case("end_in_field", ok(b"A: b")[:-5], error="truncated_head", offset=20),
    Case("end_after_field", ok(b"A: b")[:-2], error="truncated_head", offset=23),
    Case("end_in_last_line_end", ok(b"A: b")[:-1], error="truncated_head", offset=24),
    Case("end_after_interim", ok().replace(b"200", b"100"), error="truncated_head", offset=19),
    Case("end_after_empty_line", b"\r\n", error="truncated_head", offset=2, anomalies={"leading_empty_line": 0}),
    Case("html", b"<html></html>", error="not_http", offset=0),
    Case("tls_alert", b"\x15\x03\x01\x00\x02\x02\x16", error="not_http", offset=0),
    Case("http_without_slash", head(b"HTTP 200 OK"), error="not_http", offset=4),
    Case("http_misspelt", head(b"HTPT/1.1 200 OK"), error="not_http", offset=2),
    Case("icy_misspelt", head(b"ICE/1.0 200 OK"), error="not_http", offset=2),
    Case("html_after_interim", ok().replace(b"200", b"100") + b"<html>", error="not_http", offset=19),
    Case("field_before_any", b"A: b\r\nHTTP/1.1 200 OK\r\n\r\n", error="not_http", offset=0),
    Case("nul_first", b"\0HTTP/1.1 200 OK\r\n\r\n", error="not_http", offset=0),
    Case("byte_order_mark", b"\xef\xbb\xbfHTTP/1.1 200 OK\r\n\r\n", error="not_http", offset=0),
)  # fmt: skip

CASES = (*FINE, *LINES, *STATUS_LINES, *FIELD_LINES, *FRAMING, *LOCATIONS, *ENDS)
