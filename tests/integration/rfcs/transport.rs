//! Transports: connections, addresses, TLS.

use super::Row;

pub(super) const ROWS: &[Row] = &[
    Row {
        case: "TCP: length split over packets",
        standard: "RFC 7766 §8",
        ours: "read as it comes, byte by byte if need be",
        tests: &[
            "rfc7766_8_a_query_may_come_byte_by_byte",
            "rfc7766_8_a_message_may_come_a_byte_at_a_time",
        ],
    },
    Row {
        case: "TCP: many queries at once; the order of their answers",
        standard: "RFC 7766 §6.2.1.1, §7",
        ours: "all are answered; what waits for a disk, as an update does, holds up none behind it, and a transfer holds up its own connection alone",
        tests: &[
            "rfc7766_6_2_1_1_queries_are_pipelined_in_one_segment",
            "rfc7766_6_2_1_1_a_thousand_pipelined_queries_are_answered",
            "rfc7766_7_what_is_answered_later_holds_up_no_query_behind_it",
        ],
    },
    Row {
        case: "TCP: length 0; a length that never comes; half-closed by the client",
        standard: "RFC 7766 §6.2.3, §6.2.4, §8",
        ours: "closed; idle limit; what was asked is still answered (our choice: an end of file may be a half-close)",
        tests: &[
            "rfc7766_8_a_length_of_zero_ends_the_connection_after_the_answers_before_it",
            "a_length_that_never_comes_ends_at_the_limit",
            "rfc7766_6_2_3_idle_connections_expire",
            "rfc7766_6_2_4_what_was_asked_before_a_half_close_is_answered",
            "a_client_that_has_asked_all_it_wants_still_gets_its_answers",
        ],
    },
    Row {
        case: "TCP: over the cap of connections",
        standard: "RFC 7766 §6.1, §10",
        ours: "the idlest is shed; of one client's, the newest is refused",
        tests: &[
            "rfc7766_10_over_the_cap_the_idlest_is_shed",
            "rfc7766_6_1_the_newest_of_a_client_over_its_cap_is_refused",
        ],
    },
    Row {
        case: "answer leaves from the address that was asked",
        standard: "RFC 2181 §4.1",
        ours: "also with a wildcard listen",
        tests: &["rfc2181_4_1_a_reply_comes_from_the_address_that_was_asked"],
    },
    Row {
        case: "DNS over TLS",
        standard: "RFC 7858 §3",
        ours: "on a port of its own, by the name that its certificate has",
        tests: &["rfc7858_dns_over_tls_is_served_by_the_name_that_the_certificate_has"],
    },
];
