//! Balanced names: what pools make of RRsets.

use super::Row;

pub(super) const ROWS: &[Row] = &[
    Row {
        case: "no backend eligible, `when_all_down: none`",
        standard: "RFC 2308 §2.2, §5",
        ours: "NODATA with SOA, negative TTL at most the pool's `min_ttl`",
        tests: &[
            "when_all_down_says_what_is_handed_out",
            "rfc2308_2_2_no_target_is_no_data_of_any_type_for_a_short_while",
            "rfc2308_5_any_of_an_empty_pool_is_no_data_for_as_short_as_a",
        ],
    },
    Row {
        case: "AAAA asked, backends have only A",
        standard: "RFC 4074 §4",
        ours: "NODATA, never NXDOMAIN",
        tests: &["rfc4074_4_aaaa_of_a_pool_without_any_is_no_data_and_never_nxdomain"],
    },
    Row {
        case: "no AAAA passes while A do",
        standard: "practice",
        ours: "NODATA for AAAA at the negative TTL above: all-down and panic look at the pool, not at one family",
        tests: &["all_down_and_panic_look_at_the_pool_and_not_at_one_family"],
    },
    Row {
        case: "A and AAAA asked in pairs, as stub resolvers do",
        standard: "practice",
        ours: "one rotation for each owner and type: pairs do not pin every second backend",
        tests: &["a_and_aaaa_asked_in_pairs_each_go_through_all_backends"],
    },
    Row {
        case: "pool at a wildcard, at the apex, behind a CNAME, as glue",
        standard: "practice",
        ours: "as any RRset",
        tests: &["a_pool_stands_wherever_an_rrset_can", "glue_can_come_from_a_pool"],
    },
    Row {
        case: "the same question to two of our servers with the same health",
        standard: "practice",
        ours: "the same set; rotation may differ",
        tests: &["the_same_question_with_the_same_draw_has_the_same_bytes"],
    },
    Row {
        case: "CNAME from a pool",
        standard: "RFC 1034 §4.3.2, RFC 6604 §3",
        ours: "one target an answer, followed inside its zone",
        tests: &[
            "rfc1034_4_3_2_a_pool_of_targets_is_a_cname_and_is_followed_in_its_zone",
            "rfc6604_3_a_target_that_is_not_there_is_nxdomain_with_the_chain",
        ],
    },
    Row {
        case: "SRV and the hints of HTTPS and SVCB from a pool",
        standard: "RFC 2782, RFC 9460 §2.2, §7.3",
        ours: "port and weight of each backend in service; the addresses that A and AAAA would have",
        tests: &[
            "rfc2782_srv_has_the_weight_port_and_host_of_each_backend_in_service",
            "rfc9460_7_3_hints_are_the_addresses_that_the_pool_hands_out",
            "rfc9460_2_2_hints_stand_in_the_order_of_their_keys",
        ],
    },
];
