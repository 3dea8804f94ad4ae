//! Lookup: names, aliases, wildcards, cuts.

use super::Row;

pub(super) const ROWS: &[Row] = &[
    Row {
        case: "data, no data, no name",
        standard: "RFC 1034 §4.3.2, RFC 1034 §6.2",
        ours: "the RRset; NOERROR or NXDOMAIN with the SOA",
        tests: &[
            "rfc1034_4_3_2_data_no_data_and_no_name",
            "rfc1034_6_2_the_sample_queries",
            "rfc1034_4_3_2_every_answer_is_that_of_the_plain_algorithm",
        ],
    },
    Row {
        case: "CNAME whose target is in the zone, a chain of them",
        standard: "RFC 1034 §4.3.2 3a, RFC 2181 §10.1",
        ours: "the whole chain in the answer, in order, AA",
        tests: &["rfc1034_4_3_2_a_chain_of_cnames_is_followed_inside_the_zone"],
    },
    Row {
        case: "chain that ends in a name that is not there",
        standard: "RFC 2308 §2.1, RFC 6604 §3",
        ours: "NXDOMAIN with the chain in the answer and the SOA",
        tests: &[
            "rfc2308_2_1_a_chain_that_ends_in_no_name_is_nxdomain",
            "rfc6604_3_a_target_that_is_not_there_is_nxdomain_with_the_chain",
        ],
    },
    Row {
        case: "chain that ends in no data",
        standard: "RFC 2308 §2.2",
        ours: "NOERROR, chain, SOA",
        tests: &["rfc2308_2_2_a_chain_that_ends_in_no_data"],
    },
    Row {
        case: "chain that leaves the zone for another of our zones",
        standard: "RFC 1034 §4.3.2, RFC 9499 §4",
        ours: "not followed (as Knot and BIND; NSD does): the resolver asks again. A bound of 16 inside one zone",
        tests: &[
            "rfc1034_4_3_2_and_rfc9499_4_a_chain_that_leaves_the_zone_is_left_to_the_resolver",
            "a_chain_is_followed_sixteen_times",
        ],
    },
    Row {
        case: "chain that loops",
        standard: "RFC 1034 §3.6.2",
        ours: "what was collected before the loop, NOERROR; `check` warns in a master file, and takes it for a mistake in YAML",
        tests: &[
            "rfc1034_3_6_2_a_chain_that_loops_is_given_up_to_the_loop",
            "rfc1034_3_6_2_a_loop_through_a_pool_ends",
            "rfc1034_3_6_2_a_cname_stands_alone_and_leads_somewhere",
            "what_every_server_loads_is_a_warning",
        ],
    },
    Row {
        case: "CNAME asked for by type CNAME or ANY, a synthesised one too",
        standard: "RFC 1034 §3.6.2, RFC 6672 §3.1",
        ours: "the CNAME, not followed (a synthesised one with its DNAME)",
        tests: &["rfc1034_3_6_2_a_cname_that_is_asked_for_is_not_followed"],
    },
    Row {
        case: "CNAME into a delegation",
        standard: "RFC 1034 §4.3.2",
        ours: "AA, the CNAME, and the referral",
        tests: &["rfc1034_4_3_2_a_cname_into_a_delegation_brings_the_referral"],
    },
    Row {
        case: "empty non-terminal",
        standard: "RFC 4592 §2.2.2, RFC 8020 §2",
        ours: "NOERROR, no data, SOA: never NXDOMAIN",
        tests: &[
            "rfc4592_2_2_2_an_empty_non_terminal_exists",
            "rfc4592_2_2_2_every_name_between_a_name_and_the_apex_exists",
            "rfc8020_2_no_name_means_that_nothing_is_below_it_either",
        ],
    },
    Row {
        case: "wildcard, and a name that exists beneath it",
        standard: "RFC 4592 §2.2.1, §3.3.1",
        ours: "an existing name, an empty non-terminal too, stops the wildcard; the closest encloser decides",
        tests: &[
            "rfc4592_2_2_1_the_closest_encloser_decides",
            "rfc4592_3_3_1_wildcards_at_many_depths",
            "rfc4592_2_2_1_a_wildcard_stops_at_a_cut_and_at_a_dname",
        ],
    },
    Row {
        case: "wildcard in the middle (`a.*.example`), `*` asked itself",
        standard: "RFC 4592 §2.1.3, §2.3, §4.9",
        ours: "an ordinary label there, but `*.example` is then an empty non-terminal and the source of synthesis: `b.example` is NODATA; asked itself, it answers itself",
        tests: &[
            "rfc4592_2_1_3_an_asterisk_elsewhere_is_a_label_like_any_other",
            "rfc4592_2_3_a_wildcard_label_asked_itself_answers_itself",
            "rfc4592_4_9_a_wildcard_that_is_an_empty_non_terminal_makes_no_data",
        ],
    },
    Row {
        case: "wildcard CNAME (to itself, to nothing), wildcard with no such type, NS at a wildcard",
        standard: "RFC 4592 §3.3.1, §3.3.3, §4.2, §4.3, §4.4 to §4.6",
        ours: "synthesised and chased, the loop bounded; no data; the last is a mistake in our YAML, loads from a master file with a warning, and is answered only when asked for, never as a referral",
        tests: &[
            "rfc4592_3_3_3_a_wildcard_cname_is_made_and_chased",
            "rfc1034_3_6_2_a_chain_that_loops_is_given_up_to_the_loop",
            "rfc4592_4_2_ns_at_a_wildcard_is_data_and_no_referral",
            "rfc4592_4_2_no_name_servers_at_a_wildcard",
            "rfc4592_4_4_to_4_6_dname_srv_and_ds_at_a_wildcard",
        ],
    },
    Row {
        case: "DNAME: below it, at it, name too long after it",
        standard: "RFC 6672 §2.2, §2.3, §3.1, §3.2, §6",
        ours: "DNAME and synthesised CNAME (its TTL the DNAME's); at it, its own data; YXDOMAIN",
        tests: &[
            "rfc6672_2_2_below_a_dname_names_are_put_under_its_target",
            "rfc6672_2_2_a_name_that_gets_too_long_is_yxdomain",
            "rfc6672_2_2_the_table_of_substitutions",
            "rfc6672_2_3_a_dname_at_the_apex",
            "rfc6672_3_2_dnames_chain_and_follow_cnames",
            "rfc6672_6_1_an_organisation_is_renamed",
        ],
    },
    Row {
        case: "delegation: at the cut, below it",
        standard: "RFC 1034 §4.2.1, RFC 2181 §6.1",
        ours: "referral: NS in authority, glue in additional, no AA",
        tests: &["rfc1034_4_2_1_at_and_below_a_cut_there_are_referrals"],
    },
    Row {
        case: "DS at the cut; the child's NS asked at the parent; DS for an apex whose parent is not ours",
        standard: "RFC 4035 §3.1.4.1",
        ours: "DS from the parent with AA; NS is a referral; NODATA from the child",
        tests: &["rfc4035_3_1_4_1_ds_is_the_parents"],
    },
    Row {
        case: "parent and child both ours",
        standard: "RFC 1034 §4.3.2 2",
        ours: "the deepest zone answers, but DS is the parent's",
        tests: &[
            "rfc1034_4_3_2_three_zones_deep_each_has_its_own",
            "rfc4035_3_1_4_1_ds_is_the_parents",
        ],
    },
    Row {
        case: "glue: in-domain needed, sibling, out of bailiwick",
        standard: "RFC 9471 §2, §3.1, §3.2",
        ours: "all in-domain glue or TC; sibling glue when it fits, without TC; never out of our zones",
        tests: &[
            "rfc9471_2_the_kinds_of_glue",
            "rfc9471_3_glue_below_the_cut_and_of_siblings_never_of_others",
            "rfc9471_3_1_glue_that_is_needed_and_does_not_fit_truncates",
            "rfc9471_3_1_over_tcp_the_glue_of_forty_servers_is_whole",
        ],
    },
    Row {
        case: "occluded data below a cut or a DNAME",
        standard: "RFC 2136 §7.18, RFC 6672 §2.4, RFC 5936 §3.5",
        ours: "never answered, kept for transfer; `check` warns",
        tests: &[
            "rfc2136_7_18_and_rfc6672_2_4_occluded_data_is_never_answered",
            "rfc5936_3_3_and_3_5_glue_and_what_is_occluded_are_whole",
            "rfc2136_7_18_what_a_cut_or_a_dname_hides_is_told",
        ],
    },
    Row {
        case: "NS at the apex, MX, SRV: additional addresses",
        standard: "RFC 1035 §3.3, RFC 2782",
        ours: "left out by default (minimal responses), there with `full`",
        tests: &[
            "rfc1035_3_3_minimal_responses_have_what_was_asked_for_alone",
            "rfc1035_3_3_full_responses_name_the_servers_and_the_addresses_of_targets",
            "rfc2782_and_rfc9460_4_1_targets_of_srv_and_https_have_their_addresses",
        ],
    },
    Row {
        case: "SOA in negative answers: TTL",
        standard: "RFC 2308 §3, §5",
        ours: "the lesser of the SOA's TTL and its MINIMUM",
        tests: &[
            "rfc2308_3_and_5_the_soa_of_a_negative_answer_has_the_lesser_ttl",
            "rfc2308_2_the_whole_soa_stands_in_a_negative_answer",
            "rfc2308_2_the_examples_of_no_name_and_no_data",
        ],
    },
    Row {
        case: "one TTL in an RRset; a record written twice",
        standard: "RFC 2181 §5, §5.2",
        ours: "`check` says so, the lowest is taken; one record",
        tests: &[
            "rfc2181_5_2_an_rrset_has_one_ttl_the_lowest",
            "rfc2181_5_2_one_ttl_in_a_set",
            "rfc2181_5_a_record_that_is_written_twice_is_one",
        ],
    },
    Row {
        case: "ANY",
        standard: "RFC 8482 §4.1 to §4.4",
        ours: "one RRset of the name; the whole over TCP when so configured",
        tests: &[
            "rfc8482_4_1_any_gives_one_rrset",
            "rfc8482_4_any_over_a_stream_is_whole_where_it_is_so_configured",
        ],
    },
    Row {
        case: "RRSIG, MAILA, MAILB, OPT or TSIG as a question's type",
        standard: "RFC 1035 §3.2.3, RFC 6891 §6.1.1, RFC 8945 §4.2",
        ours: "no data or one RRset; NOTIMP; FORMERR",
        tests: &["rfc1035_3_2_3_types_that_only_a_question_has"],
    },
    Row {
        case: "AXFR and IXFR over UDP",
        standard: "RFC 5936 §4.2, RFC 1995 §2",
        ours: "NOTIMP; the SOA alone",
        tests: &[
            "rfc5936_4_2_axfr_over_udp_is_not_implemented",
            "rfc1995_2_ixfr_over_udp_is_the_soa_alone",
        ],
    },
    Row {
        case: "class CH, class ANY, others",
        standard: "RFC 1035 §3.2.4, RFC 4892 §3",
        ours: "CH: `version.bind`, `id.server` if configured, else REFUSED; ANY as IN with AA clear; REFUSED",
        tests: &[
            "rfc1035_3_2_4_classes",
            "rfc4892_3_each_name_has_the_text_that_the_operator_gives",
            "rfc4892_3_a_server_says_nothing_of_itself_unless_it_is_told_to",
        ],
    },
    Row {
        case: "root zone, a zone of one label, names of 255 bytes, labels of 63, escaped dots, bytes above 127",
        standard: "RFC 1035 §2.3.4, RFC 2181 §11, RFC 4343 §3",
        ours: "all work; compared without case in ASCII only",
        tests: &[
            "the_root_is_a_zone_like_any_other",
            "a_zone_of_one_label",
            "rfc1035_2_3_4_names_of_255_bytes_and_labels_of_63",
            "rfc1035_2_3_4_a_wildcard_and_a_dname_fill_a_name_to_the_last_byte",
            "rfc2181_11_escaped_dots_are_no_ends_of_labels",
            "rfc2181_11_any_byte_may_stand_in_a_label",
        ],
    },
    Row {
        case: "reverse zones: classless blocks, names of addresses",
        standard: "RFC 2317 §4, RFC 1035 §3.5, RFC 3596 §2.5",
        ours: "a CNAME leads into the block; `reverse: true` makes PTR of A and AAAA, and leaves what the file has",
        tests: &[
            "rfc2317_4_a_cname_leads_into_a_block_that_is_delegated",
            "rfc2317_4_what_the_file_has_stays",
            "rfc1035_3_5_and_rfc3596_2_5_an_address_has_a_name",
        ],
    },
    Row {
        case: "types that nobody knows",
        standard: "RFC 3597 §4, §5, RFC 6895 §3.1",
        ours: "read and written as `TYPEnnn \\\\# …`, answered like any; names in them are never compressed",
        tests: &[
            "rfc3597_5_every_type_is_read_in_the_generic_form",
            "rfc3597_5_any_type_has_a_number_for_a_name",
            "rfc3597_4_names_in_rdata_are_compressed_for_types_of_rfc1035_alone",
            "rfc6895_3_1_types_of_questions_are_not_types_of_records",
        ],
    },
    Row {
        case: "a zone that is signed already",
        standard: "RFC 4035 §5",
        ours: "refused with a mistake that says why, SERVFAIL: served without its proofs it would be bogus",
        tests: &[
            "rfc4035_5_a_zone_that_is_signed_is_refused",
            "rfc4035_5_a_zone_that_is_signed_is_refused_in_either_format",
            "rfc4035_5_a_change_does_not_make_a_zone_a_signed_one",
            "rfc4035_5_a_zone_that_is_signed_is_servfail_and_the_log_says_why",
        ],
    },
];
