"""Where h11, httptools and http.client answer differently from the head reader, and the clause that decides it.

Ours is the strict reader beside h11 and httptools, and the default one beside http.client, which is lenient.
`test_peers` fails where a library differs and it is not here, and where it is here and no longer differs.
"""

from dataclasses import dataclass
from http.client import parse_headers
from io import BytesIO


@dataclass(frozen=True, slots=True)
class Difference:
    """What one library does otherwise with some cases.

    how: `reads` where we refuse or wait, `refuses` or `waits` where we do not; or what it reads differently.
    clause: what decides it.
    why: how the clause decides it, in few words.
    """

    peer: str
    how: str
    clause: str
    why: str
    cases: tuple[str, ...]


H11 = (
    Difference("h11", "reads", "RFC 9110 section 5.3", "no sender may send two; they look at no field's sense",
               ("location_conflict", "location_conflict_in_case", "location_conflict_of_three", "location_empty",
                "location_of_spaces", "location_empty_in_201", "location_empty_and_not")),
    Difference("h11", "reads", "RFC 9112 section 2.2", "a recipient may take LF for a line end; no sender may",
               ("bare_lf", "bare_lf_after_status_line", "bare_lf_after_field", "bare_lf_at_end", "each_once")),
    Difference("h11", "waits", "RFC 9112 section 2.2", "CR CR LF is no line end and a bare CR is invalid",
               ("cr_cr_lf_at_end",)),
    Difference("h11", "reads", "RFC 9110 section 5.5", "may keep control bytes in a safe context; they stay invalid",
               ("control_in_value", "control_in_reason", "delete_in_value")),
    Difference("h11", "reads", "RFC 9110 section 2.5", "reads any version of this form as its own",
               ("http_2_0", "http_1_2", "http_0_9")),
    Difference("h11", "reads", "RFC 9112 section 4", "a server MUST send the space even without a reason",
               ("no_reason_no_space",)),
    Difference("h11", "reads", "RFC 9110 section 15", "status codes are in the range 100 to 599",
               ("status_600", "status_999")),
    Difference("h11", "reads", "RFC 9112 section 5.2", "a user agent MUST unfold what no sender may generate",
               ("fold", "fold_by_tab", "fold_trims", "fold_of_nothing", "fold_after_empty_value",
                "fold_looks_like_a_field", "only_whitespace_before_colon")),
    Difference("h11", "reads", "RFC 9110 section 8.6", "may take one for many if all are the same; MUST NOT be sent",
               ("length_twice", "length_list")),
    Difference("h11", "reads", "RFC 9110 section 8.6", "numbers may be large, and Python's are; llhttp refuses it",
               ("length_overflow",)),
    Difference("h11", "reads", "RFC 9112 section 6.3", "Transfer-Encoding overrides; ought to be handled as an error",
               ("length_then_chunked", "chunked_then_length")),
    Difference("h11", "reads", "RFC 9112 section 6.1", "Transfer-Encoding before HTTP/1.1 means faulty framing",
               ("chunked_in_http_1_0",)),
    Difference("h11", "reads", "RFC 9110 section 8.6", "MUST NOT be sent in 1xx or 204",
               ("length_in_204", "length_in_interim")),
    Difference("h11", "reads", "RFC 9112 section 6.1", "MUST NOT be sent in 1xx or 204", ("chunked_in_204",)),
    Difference("h11", "fields", "RFC 9112 section 7", "names of codings have no case; h11 shows lower",
               ("chunked_upper",)),
    Difference("h11", "refuses", "RFC 9112 section 6.1", "knows no coding but chunked; all of these are allowed",
               ("gzip_then_chunked", "coding_until_close", "chunked_not_last", "coding_with_parameter",
                "codings_in_two_fields")),
    Difference("h11", "refuses", "RFC 9110 section 15.2.2", "a 101 that it did not ask for by Upgrade",
               ("switching_101",)),
    Difference("h11", "waits", "RFC 9112 section 2.3", "looks at a first line when it has all lines; may never end",
               ("html", "html_after_interim")),
)  # fmt: skip

HTTPTOOLS = (
    Difference("httptools", "reads", "RFC 9110 section 5.3", "no sender may send two; they look at no field's sense",
               ("location_conflict", "location_conflict_in_case", "location_conflict_of_three", "location_empty",
                "location_of_spaces", "location_empty_in_201", "location_empty_and_not")),
    Difference("httptools", "fields", "RFC 9112 section 5.1", "whitespace after a value is not part of it",
               ("value_in_whitespace",)),
    Difference("httptools", "refuses", "RFC 9112 section 2.2", "refuses a bare CR before its line has ended",
               ("cr_only_lines",)),
    Difference("httptools", "reads", "RFC 9112 section 4", "a reason has no control bytes",
               ("nul_in_reason", "control_in_reason")),
    Difference("httptools", "reads", "RFC 9112 section 2.2", "empty lines are ignored before requests, not responses",
               ("leading_crlf", "leading_lf", "leading_crlf_after_interim")),
    Difference("httptools", "waits", "RFC 9112 section 2.2", "empty lines are ignored before requests, not responses",
               ("end_after_empty_line",)),
    Difference("httptools", "reads", "RFC 9110 section 2.5", "this syntax is that of HTTP/1.0 and HTTP/1.1 only",
               ("http_2_0", "http_0_9")),
    Difference("httptools", "reads", "RFC 9112 section 4", "a server MUST send the space even without a reason",
               ("no_reason_no_space",)),
    Difference("httptools", "reads", "RFC 9110 section 15", "status codes are in the range 100 to 599",
               ("status_000", "status_099", "status_600", "status_999")),
    Difference("httptools", "reads", "RFC 9112 section 6.1", "chunked MUST NOT be applied more than once",
               ("chunked_twice", "chunked_twice_in_two_fields")),
    Difference("httptools", "reads", "RFC 9112 section 7.1", "chunked has no parameters; treat them as an error",
               ("chunked_with_parameter",)),
    Difference("httptools", "reads", "RFC 9110 section 5.6.1.1", "a sender MUST NOT generate empty list elements",
               ("coding_list_with_gap", "coding_list_open")),
    Difference("httptools", "reads", "RFC 9112 section 7", "a transfer coding is a token", ("coding_not_a_token",)),
    Difference("httptools", "reads", "RFC 9112 section 6.1", "Transfer-Encoding before HTTP/1.1 means faulty framing",
               ("chunked_in_http_1_0",)),
    Difference("httptools", "reads", "RFC 9110 section 8.6", "MUST NOT be sent in 1xx or 204",
               ("length_in_204", "length_in_interim")),
    Difference("httptools", "reads", "RFC 9112 section 6.1", "MUST NOT be sent in 1xx or 204", ("chunked_in_204",)),
    Difference("httptools", "reads", "RFC 9112 section 2.3", "the name is HTTP; llhttp reads Icecast's too",
               ("icy_misspelt",)),
)  # fmt: skip

# Newer Pythons unfold a value whose first line is empty; the other folds they leave as they are.
UNFOLDS = parse_headers(BytesIO(b"A:\r\n b\r\n\r\n"))["A"] == "b"

HTTP_CLIENT = (
    Difference("http.client", "reason", "RFC 9112 section 4", "spaces may be part of a reason", ("reason_of_spaces",)),
    Difference("http.client", "fields", "RFC 9112 section 5.1", "whitespace after a value is not part of it",
               ("value_in_whitespace",)),
    Difference("http.client", "status, fields", "RFC 9110 section 15.2", "any 1xx is interim; it passes over 100 only",
               ("interim_103_with_fields", "interim_twice", "anomaly_in_interim", "length_in_interim")),
    Difference("http.client", "fields", "RFC 9112 section 2.2", "a bare CR is no line end",
               ("bare_cr_in_value", "bare_cr_in_name", "bare_cr_before_name")),
    Difference("http.client", "reads", "RFC 9112 section 2.2", "a bare CR is no line end", ("cr_only_lines",)),
    Difference("http.client", "reason", "RFC 9112 section 2.2", "a bare CR is replaced by SP", ("bare_cr_in_reason",)),
    Difference("http.client", "fields", "RFC 9110 section 5.5", "NUL is replaced by SP, or the message rejected",
               ("nul_in_value",)),
    Difference("http.client", "reason", "RFC 9110 section 5.5", "NUL is replaced by SP, or the message rejected",
               ("nul_in_reason",)),
    Difference("http.client", "fields", "RFC 9112 section 5", "it drops all from the first odd line on; we go on",
               ("nul_in_name", "control_in_name", "missing_colon_first", "missing_colon_and_fold", "name_empty",
                "name_with_space", "name_not_ascii")),
    Difference("http.client", "fields", "RFC 9112 section 5.1", "whitespace before the colon is to be left out",
               ("space_before_colon", "tab_before_colon")),
    Difference("http.client", "fields", "RFC 9112 section 5.2", "a fold is replaced by SP before the value is used",
               ("fold", "fold_by_tab", "fold_trims", "fold_of_nothing", "fold_looks_like_a_field",
                "only_whitespace_before_colon", *(() if UNFOLDS else ("fold_after_empty_value",)))),
    Difference("http.client", "refuses", "RFC 9112 section 2.2", "empty lines before a response: browsers read on",
               ("leading_crlf", "leading_lf", "leading_crlf_after_interim")),
    Difference("http.client", "refuses", "RFC 9112 section 4", "whitespace may be ignored before the status line",
               ("leading_mixture",)),
    Difference("http.client", "refuses", "RFC 9112 section 4", "may be split at whitespace; curl reads on without it",
               ("no_space_before_reason",)),
    Difference("http.client", "refuses", "RFC 9112 section 2.3", "not the name of a version; curl or browsers read on",
               ("http_2", "http_3", "http_1", "http_01_1", "lower_case", "icy")),
    Difference("http.client", "refuses", "RFC 9110 section 2.5", "another major version; curl reads on", ("http_2_0",)),
    Difference("http.client", "version", "RFC 9112 section 2.3", "it shows the version it takes it for, we the bytes",
               ("http_1_2", "http_0_9", "http_1_10")),
    Difference("http.client", "refuses", "RFC 9110 section 15", "an invalid status code is to be treated as a 5xx",
               ("status_000", "status_099")),
    Difference("http.client", "reads", "RFC 9112 section 8", "a head that the stream cut short is incomplete",
               ("end_in_status_line_end", "end_after_status_line", "end_in_field", "end_after_field",
                "end_in_last_line_end")),
    Difference("http.client", "refuses", "RFC 9112 section 8", "the stream ended; it cannot say that it waits",
               ("nothing", "end_in_name", "end_in_version", "end_in_status_line", "end_after_interim",
                "end_after_empty_line")),
)  # fmt: skip

DIFFERENCES = {(case, entry.peer): entry for entry in (*H11, *HTTPTOOLS, *HTTP_CLIENT) for case in entry.cases}
