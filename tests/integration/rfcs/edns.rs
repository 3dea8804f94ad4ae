//! EDNS: OPT, payload sizes, options.

use super::Row;

pub(super) const ROWS: &[Row] = &[
    Row {
        case: "OPT in the query",
        standard: "RFC 6891 §6.1.1, §7, RFC 3225 §3",
        ours: "OPT in the answer, whatever the rcode (an unknown opcode's apart); none without",
        tests: &["rfc6891_6_1_1_opt_is_answered_with_opt_whatever_the_response_code"],
    },
    Row {
        case: "version above 0",
        standard: "RFC 6891 §6.1.3",
        ours: "BADVERS, our version 0, no answer",
        tests: &[
            "rfc6891_6_1_3_a_version_above_ours_is_badvers",
            "rfc6891_6_1_3_options_of_another_version_mean_nothing",
        ],
    },
    Row {
        case: "two OPTs; OPT outside additional; OPT whose owner is not the root; option longer than it can be",
        standard: "RFC 6891 §6.1.1, §6.1.2",
        ours: "FORMERR",
        tests: &[
            "rfc6891_6_1_1_there_is_one_opt_owned_by_the_root_in_its_section",
            "rfc6891_6_1_2_unknown_options_are_ignored_and_options_are_whole",
        ],
    },
    Row {
        case: "unknown options, unknown flags",
        standard: "RFC 6891 §6.1.2, §6.1.4",
        ours: "ignored; flags clear in the answer; DO copied",
        tests: &[
            "rfc6891_6_1_2_unknown_options_are_ignored_and_options_are_whole",
            "rfc6891_6_1_4_unknown_flags_are_ignored_and_clear_in_the_answer",
        ],
    },
    Row {
        case: "payload size under 512; above ours",
        standard: "RFC 6891 §6.2.3, §6.2.5",
        ours: "512; ours (1232)",
        tests: &["rfc6891_6_2_5_answers_stay_within_the_payload"],
    },
    Row {
        case: "answer over the limit",
        standard: "RFC 2181 §9, RFC 9471 §3.1, §3.2, RFC 8945 §5.3",
        ours: "whole RRsets only; TC when the answer, a negative answer's SOA or needed glue did not fit, never for optional extras; OPT and TSIG always fit",
        tests: &[
            "rfc2181_9_what_does_not_fit_is_left_out_whole",
            "rfc2181_9_a_negative_answer_without_its_soa_is_truncated",
            "rfc2181_9_what_was_not_asked_for_never_truncates",
            "rfc2181_9_a_whole_answer_is_the_same_over_both_transports",
            "rfc9471_3_1_glue_that_is_needed_and_does_not_fit_truncates",
            "rfc8945_5_3_an_answer_stays_within_its_limit_with_its_signature",
        ],
    },
    Row {
        case: "cookies: client's alone; both right; server's wrong; lengths that cannot be",
        standard: "RFC 7873 §5.2, RFC 9018 §4, §5",
        ours: "a fresh one; the answer; BADCOOKIE only where required by policy, else answered with a fresh one; FORMERR; secrets are rolled without a cookie lost",
        tests: &[
            "rfc7873_5_2_3_a_client_cookie_alone_gets_a_fresh_one",
            "rfc9018_4_3_a_right_cookie_comes_back_or_a_fresh_one_when_it_is_old",
            "rfc7873_5_2_4_a_wrong_cookie_gets_a_fresh_one_and_badcookie_where_one_is_required",
            "rfc7873_5_2_2_lengths_that_cannot_be_are_formerr",
            "rfc9018_a_examples",
            "rfc9018_5_a_secret_is_exchanged_while_the_server_answers",
        ],
    },
    Row {
        case: "client subnet: family, prefix, bits past the prefix, a scope in a query",
        standard: "RFC 7871 §6, §7.2.1",
        ours: "FORMERR when wrong; scope 0 where the answer does not depend on it; else as many bits as decided, more than were \
               sent too",
        tests: &[
            "rfc7871_6_a_broken_client_subnet_is_formerr",
            "rfc7871_7_2_1_client_subnet_comes_back_with_scope_0",
            "rfc7871_7_2_1_the_scope_is_what_decided",
            "rfc7871_7_2_1_all_addresses_within_the_scope_get_the_same",
        ],
    },
    Row {
        case: "NSID",
        standard: "RFC 5001 §2.1",
        ours: "given if asked and set",
        tests: &["rfc5001_2_1_nsid_is_given_to_who_asks"],
    },
    Row {
        case: "keepalive",
        standard: "RFC 7828 §3",
        ours: "our idle limit over TCP and TLS when asked; ignored on UDP; FORMERR with a time in a query",
        tests: &["rfc7828_3_keepalive_is_for_streams_and_on_request"],
    },
    Row {
        case: "padding",
        standard: "RFC 7830 §3, RFC 8467 §4.1",
        ours: "blocks of 468 bytes when asked, on encrypted transports only",
        tests: &["rfc7830_3_and_rfc8467_4_1_answers_are_padded_where_nobody_reads_along"],
    },
    Row {
        case: "CHAIN, key tag",
        standard: "RFC 7901 §5, RFC 8145 §4.1",
        ours: "passed over, as unknown ones",
        tests: &["rfc7901_5_chain_and_rfc8145_4_1_key_tags_are_passed_over"],
    },
    Row {
        case: "extended errors",
        standard: "RFC 8914 §2, §3, §4",
        ours: "beside, never instead of, the rcode; a text goes before anything of the answer",
        tests: &[
            "rfc8914_4_each_reason_has_its_number",
            "rfc8914_2_without_edns_there_is_none",
            "rfc8914_3_the_text_goes_before_anything_of_the_answer",
            "rfc8914_4_1_and_4_4_addresses_that_are_a_guess_say_so",
            "rfc8914_4_1_an_alias_that_nobody_can_follow_says_so",
        ],
    },
];
