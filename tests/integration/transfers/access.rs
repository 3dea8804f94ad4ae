//! Nothing is handed out without an entry that allows it.

use super::{OTHER, SECRET, dig, primary};
use crate::http::Http;

const ZONE: &str = "zone: example.com\nns: [ns.example.net.]\nrecords: {hidden: {A: 192.0.2.1}}\n";

#[test]
fn a_zone_is_given_to_who_has_address_and_key_and_to_nobody_else() {
    let server = primary(ZONE, &[], "");
    let wrong = "d3JvbmdzZWNyZXR3cm9uZ3NlY3JldHdyb25nc2VjcmV0IQ==";
    for (key, expected) in [
        (None, "REFUSED"),
        (Some(("other.example", OTHER)), "REFUSED"),
        (Some(("transfer.example", wrong)), "NOTAUTH"),
        (Some(("nobody.example", SECRET)), "NOTAUTH"),
        (Some(("transfer.example", SECRET)), "NOERROR"),
    ] {
        for rtype in ["AXFR", "IXFR=1"] {
            let told = dig(server.v4(), key, rtype);
            let is_given = told.contains("hidden.example.com.");
            assert_eq!(is_given, expected == "NOERROR", "{key:?} {rtype}: {told}");
            // Of a transfer that fails dig prints no header.
            let is_told =
                told.contains(&format!("status: {expected}")) || told.contains("Transfer failed");
            assert!(is_given || is_told, "{key:?} {rtype}: {told}");
        }
    }
}

#[test]
fn a_key_is_not_enough_from_elsewhere() {
    let server = primary(
        ZONE,
        &[],
        "per_zone: {example.com: {secondaries: {allow: [{address: 192.0.2.0/24, key: transfer.example}]}}}\n",
    );
    let told = dig(server.v4(), Some(("transfer.example", SECRET)), "AXFR");
    assert!(!told.contains("hidden") && told.contains("Transfer failed"), "{told}");
}

#[test]
fn who_may_not_is_counted_and_the_log_says_who_it_was() {
    let server = primary(ZONE, &[], "");
    for _ in 0..3 {
        dig(server.v4(), Some(("other.example", OTHER)), "AXFR");
    }
    let page = Http::unix(server.file("admin.sock")).get("/metrics").body;
    for (kind, count) in [("transfer", 3), ("update", 0), ("notify", 0)] {
        let line = format!("rotadns_requests_denied_total{{kind=\"{kind}\"}} {count}");
        assert!(page.lines().any(|found| found == line), "{line}: {page}");
    }
    let said = server.said();
    let told: Vec<&str> =
        said.lines().filter(|line| line.contains("transfer refused: no entry of")).collect();
    assert!((1..=3).contains(&told.len()), "one a minute and thread: {said}");
    for word in ["zone=example.com.", "client=127.0.0.1", "other.example."] {
        assert!(told[0].contains(word), "{word}: {said}");
    }
}

#[test]
fn without_a_word_about_secondaries_nobody_gets_anything() {
    let name = "example.com.yaml";
    let files = [crate::servers::ZoneFile { name, text: ZONE }];
    let server = crate::servers::Server::rotadns(&files);
    let told = dig(server.v4(), None, "AXFR");
    assert!(!told.contains("hidden") && told.contains("Transfer failed"), "{told}");
}
