//! Transfers, notifies, signatures, updates.

use super::Row;

pub(super) const ROWS: &[Row] = &[
    Row {
        case: "AXFR: first and last SOA, glue and occluded data whole, many records a message",
        standard: "RFC 5936 §2.2, §3.1 to §3.5",
        ours: "so",
        tests: &[
            "rfc5936_2_2_the_soa_comes_first_and_last_and_everything_else_once",
            "rfc5936_2_2_1_the_question_stands_in_the_first_message_and_many_records_in_each",
            "rfc5936_2_2_a_transfer_is_message_after_message_as_the_client_takes_them",
            "rfc5936_3_3_and_3_5_glue_and_what_is_occluded_are_whole",
            "rfc5936_3_4_the_case_of_the_question_is_not_that_of_the_zone",
        ],
    },
    Row {
        case: "AXFR of a zone that did not load or has expired; of no zone of ours; by who may not",
        standard: "RFC 5936 §2.2.1, §5",
        ours: "SERVFAIL; NOTAUTH; REFUSED",
        tests: &[
            "rfc5936_2_2_1_of_a_zone_that_is_not_served_nothing_is_transferred",
            "rfc5936_5_a_transfer_is_for_who_may",
            "a_zone_is_given_to_who_has_address_and_key_and_to_nobody_else",
        ],
    },
    Row {
        case: "IXFR: same or newer serial; gap in the journal; longer than the zone",
        standard: "RFC 1995 §2, §3, §4",
        ours: "one SOA; AXFR form",
        tests: &[
            "rfc1995_2_who_has_this_version_or_a_newer_one_gets_the_soa_alone",
            "rfc1995_4_differences_come_step_by_step_between_two_soas",
            "rfc1995_4_who_has_a_version_that_is_not_known_gets_the_whole_zone",
            "rfc1995_4_a_way_that_is_longer_than_the_zone_is_not_gone",
            "rfc1995_3_a_request_without_a_serial_is_malformed",
        ],
    },
    Row {
        case: "transfers in: AXFR, IXFR, what does not fit, limits",
        standard: "RFC 5936 §2.2, RFC 1995 §2, §4",
        ours: "believed when signed rightly and whole; differences that do not fit are asked for as a whole zone",
        tests: &[
            "rfc5936_2_2_a_zone_goes_from_soa_to_soa",
            "rfc5936_2_2_2_a_question_may_be_left_out_but_not_be_another",
            "rfc1995_2_a_lone_soa_says_that_there_is_nothing_new",
            "rfc1995_4_differences_are_read_in_order",
            "rfc1995_4_a_whole_zone_may_come_in_place_of_differences",
            "rfc1995_4_what_does_not_fit_is_asked_for_as_a_whole",
        ],
    },
    Row {
        case: "transfers over TLS, out and in",
        standard: "RFC 9103 §7, RFC 8310 §8.1",
        ours: "the same zone, by TLS 1.3 and the name in the primary's certificate; SOA is asked for there too, NOTIFY stays in the clear",
        tests: &[
            "rfc9103_7_a_zone_is_the_same_over_tls_and_for_who_may_alone",
            "rfc9103_7_bind_takes_the_zone_over_tls_and_then_what_has_changed",
            "rfc9103_7_a_zone_and_its_changes_come_over_tls",
            "rfc9103_7_bind_is_a_primary_over_tls",
            "rfc8310_8_1_a_primary_whose_certificate_is_for_another_name_is_not_believed",
        ],
    },
    Row {
        case: "a secondary's REFRESH, RETRY and EXPIRE",
        standard: "RFC 1034 §4.3.5",
        ours: "as the SOA says, bounded on both sides; EXPIRE goes on over a restart",
        tests: &[
            "rfc1034_4_3_5_refresh_after_success_and_retry_after_failure",
            "rfc1034_4_3_5_a_zone_expires_after_the_last_success_and_comes_back",
            "a_zone_outlives_its_primary_by_expire_over_a_restart_too",
        ],
    },
    Row {
        case: "NOTIFY out: what it says, again until acknowledged",
        standard: "RFC 1996 §3.6, §3.7, §4.7",
        ours: "the new SOA, told again in growing steps, then given up and counted",
        tests: &[
            "rfc1996_3_6_it_is_told_again_until_it_is_acknowledged_or_given_up",
            "rfc1996_3_7_a_notify_has_the_new_soa",
            "rfc1996_4_7_who_acknowledges_is_told_once_and_of_a_new_version_again",
        ],
    },
    Row {
        case: "NOTIFY in",
        standard: "RFC 1996 §3.7, §3.11, §4.4",
        ours: "from primaries alone; brings the check forward once; its serial is a hint",
        tests: &[
            "rfc1996_3_11_a_notify_comes_from_a_primary",
            "rfc1996_3_11_a_notify_brings_the_check_forward_once",
            "rfc1996_3_7_a_serial_is_a_hint_and_may_be_left_out",
            "rfc1996_4_4_a_notify_during_a_check_is_heard_after_it",
        ],
    },
    Row {
        case: "serials compared around 2^32",
        standard: "RFC 1982 §3.2",
        ours: "so",
        tests: &[
            "rfc1982_after_the_last_number_comes_the_first",
            "rfc1982_serials_go_round",
            "rfc1982_differences_go_over_the_last_serial",
            "rfc1982_3_2_a_number_that_comes_again_is_another_version",
        ],
    },
    Row {
        case: "TSIG: unknown key, bad time, bad MAC, truncated MAC, chain",
        standard: "RFC 8945 §5.1, §5.2, §5.3",
        ours: "BADKEY, BADTIME with our time signed, BADSIG, BADTRUNC; we sign every message, and accept up to 99 unsigned between",
        tests: &[
            "rfc8945_5_1_tsig_elsewhere_than_at_the_end_is_formerr",
            "rfc8945_5_2_1_an_unknown_key_is_badkey_unsigned",
            "rfc8945_5_2_2_a_wrong_mac_is_badsig_unsigned",
            "rfc8945_5_2_3_a_wrong_time_is_badtime_signed_with_our_time",
            "rfc8945_5_2_4_a_mac_cut_short_is_badtrunc",
            "rfc8945_5_3_the_answer_to_a_signed_query_is_signed",
            "rfc8945_5_3_1_every_message_is_signed_and_covers_the_one_before",
            "rfc8945_5_3_1_up_to_99_messages_between_go_unsigned",
            "rfc8945_5_signed_queries_are_answered_signed",
        ],
    },
    Row {
        case: "UPDATE: prerequisites, delete last NS or SOA, CNAME conflicts, serial",
        standard: "RFC 2136 §2.4, §3.2 to §3.8",
        ours: "as written there; atomic",
        tests: &[
            "rfc2136_2_4_each_prerequisite_holds_or_has_its_code",
            "rfc2136_3_2_all_prerequisites_hold_together",
            "rfc2136_3_4_1_what_is_wrong_anywhere_stops_all",
            "rfc2136_3_4_2_2_adding",
            "rfc2136_3_4_2_3_deleting_rrsets",
            "rfc2136_3_4_2_4_deleting_one_record",
            "rfc2136_3_4_2_updates_are_made_in_their_order",
            "rfc2136_3_6_the_serial_rises_where_anything_changed",
            "rfc2136_3_8_nsupdate_is_told_what_is_in_the_way",
            "nothing_that_was_acknowledged_is_lost_in_a_crash",
        ],
    },
    Row {
        case: "zone that did not load, secondary that has not got it yet, or that expired",
        standard: "RFC 8914 §4.15, §4.25",
        ours: "SERVFAIL, extended error 14, 14, 24",
        tests: &[
            "practice_a_zone_that_could_not_be_read_is_servfail",
            "rfc8914_4_15_and_4_25_a_zone_that_has_not_come_is_told_from_one_that_has_expired",
            "rfc8914_4_each_reason_has_its_number",
        ],
    },
];
