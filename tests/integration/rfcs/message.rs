//! Messages: what is copied, what is refused, what is dropped.

use super::Row;

pub(super) const ROWS: &[Row] = &[
    Row {
        case: "case of the question",
        standard: "RFC 4343 §3, §4",
        ours: "echoed byte for byte; owner names in the answer point to it",
        tests: &["rfc4343_4_the_case_of_the_question_comes_back"],
    },
    Row {
        case: "ID and RD copied; RA, Z, AD and CD clear",
        standard: "RFC 1035 §4.1.1, RFC 4035 §3.1.6",
        ours: "so (NSD, Knot and PowerDNS clear CD, BIND copies it)",
        tests: &[
            "rfc1035_4_1_1_id_opcode_and_rd_are_copied_other_flags_are_clear",
            "rfc4035_3_1_6_cd_and_ad_are_clear_whatever_was_asked_with",
        ],
    },
    Row {
        case: "QR set in a query",
        standard: "RFC 1035 §4.1.1",
        ours: "dropped, never answered (loops); over TCP it ends the connection",
        tests: &[
            "rfc1035_4_1_1_a_response_is_never_answered",
            "rfc1035_4_1_1_a_response_ends_the_connection_after_the_answers_before_it",
        ],
    },
    Row {
        case: "source port 0",
        standard: "RFC 768",
        ours: "dropped and counted: it says that no answer is expected, and there is nobody to answer",
        tests: &["rfc768_a_query_without_a_source_port_is_dropped"],
    },
    Row {
        case: "shorter than a header; cut short inside",
        standard: "RFC 1035 §4.1",
        ours: "dropped; FORMERR with the ID when the header is whole",
        tests: &[
            "rfc1035_4_1_less_than_a_header_is_dropped_and_less_than_a_question_is_formerr",
            "a_formerr_comes_with_the_question_where_there_is_a_whole_one",
        ],
    },
    Row {
        case: "QDCOUNT 0; 2 and more",
        standard: "RFC 9619 §4, RFC 7873 §5.4",
        ours: "0 with a cookie option: answered; else FORMERR",
        tests: &[
            "rfc9619_4_one_question_no_more_and_no_less",
            "rfc7873_5_4_a_cookie_can_be_asked_for_without_a_question",
        ],
    },
    Row {
        case: "answer or authority records in a query",
        standard: "RFC 1035 §4.1",
        ours: "ignored when they parse (NOTIFY, UPDATE, IXFR use them), FORMERR when not",
        tests: &["rfc1035_4_1_records_in_a_query_are_passed_over_when_they_are_whole"],
    },
    Row {
        case: "bytes after the message",
        standard: "practice",
        ours: "FORMERR, as Knot; NSD ignores them",
        tests: &["practice_bytes_behind_the_message_are_formerr"],
    },
    Row {
        case: "compression pointer in the question; forward, to itself",
        standard: "RFC 1035 §4.1.4",
        ours: "FORMERR",
        tests: &[
            "rfc1035_4_1_4_a_question_has_no_pointer",
            "rfc1035_4_1_4_pointers_lead_back_and_names_are_bounded",
        ],
    },
    Row {
        case: "compression in answers",
        standard: "RFC 1035 §4.1.4, RFC 3597 §4, RFC 4343 §4.1",
        ours: "owners are pointers; names of one RRset share their tails, whatever their case; in types of RFC 1035 alone",
        tests: &[
            "rfc1035_4_1_4_names_of_one_rrset_share_their_tails",
            "rfc1035_4_1_4_servers_below_their_cut_end_where_the_question_has_it",
            "rfc3597_4_names_in_rdata_are_compressed_for_types_of_rfc1035_alone",
            "rfc4343_4_1_tails_are_shared_whatever_their_case",
        ],
    },
    Row {
        case: "unknown opcode; IQUERY; STATUS",
        standard: "RFC 8906 §3.1, RFC 3425 §3",
        ours: "NOTIMP, the body not parsed: the header alone, and so no OPT",
        tests: &[
            "rfc8906_3_1_an_unknown_opcode_is_notimp_the_header_alone",
            "rfc3425_3_iquery_is_not_implemented",
        ],
    },
    Row {
        case: "NOTIFY, UPDATE for what is not ours or not allowed",
        standard: "RFC 1996 §3, RFC 2136 §3.1, §3.3",
        ours: "NOTAUTH; REFUSED",
        tests: &[
            "rfc1996_3_and_rfc2136_3_notify_and_update_are_refused_or_notauth",
            "rfc1996_3_11_a_notify_is_for_primaries",
            "rfc2136_3_1_and_3_3_an_update_is_for_who_may",
            "rfc2136_3_1_1_what_is_updated_is_a_zone",
            "rfc2136_3_1_2_counts_other_than_one_zone_are_formerr",
        ],
    },
];
