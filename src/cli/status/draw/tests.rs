//! What `rotadns status` shows of canned answers, at several widths.

use serde_json::json;

use super::*;

/// A server in trouble: a pool that guesses, a backend that is drained, a prober that is lost.
pub(super) fn trouble() -> View {
    let address = |in_service| {
        json!([{
            "address": "192.0.2.1", "in_service": in_service, "in_answers": in_service, "basis": "judged",
            "changes": 1, "reports": []
        }])
    };
    let view = json!({
        "status": {
            "version": "0.1.0",
            "started": "2026-11-21T09:00:00Z",
            "now": "2026-11-21T12:12:31Z",
            "listen": ["127.0.0.1:5300"],
            "listen_tls": ["127.0.0.1:853"],
            "snapshot": {"generation": 42, "published": "2026-11-21T12:12:00Z", "digest": "00"},
            "config_digest": "00",
            "zones": {"served": 2, "stale": 1, "broken": 0},
            "pools": {"in_service": 1, "all_down": 1},
            "backends": {"up": 1, "down": 1, "drained": 1},
            "probers": [
                {"name": "inside", "state": "live", "heard": "2026-11-21T12:12:30Z", "targets": 3,
                 "missing": 0, "unknown": 0, "reports": 9000, "rejected": 0},
                {"name": "west", "state": "lost", "heard": "2026-11-21T12:10:00Z", "targets": 2,
                 "missing": 1, "unknown": 0, "reports": 70, "rejected": 2}
            ],
            "secondaries": [
                {"zone": "example.org.", "primaries": ["192.0.2.53:53"], "primary": "192.0.2.53:53", "serial": 7,
                 "refreshed": "2026-11-21T12:12:01Z", "expires": "2026-11-28T12:12:31Z", "is_expired": false,
                 "failure": null, "transferred_whole": 1, "transferred_differences": 2, "failed": 0, "notified": 2},
                {"zone": "example.net.", "primaries": ["192.0.2.54:53"], "primary": null, "serial": null,
                 "refreshed": null, "expires": null, "is_expired": true, "failure": "192.0.2.54:53: no connection",
                 "transferred_whole": 0, "transferred_differences": 0, "failed": 9, "notified": 0}
            ],
            "overrides": 1,
            "queries": 1_234_567,
            "alarms": ["the prober west has not been heard for 2 min 31 s"]
        },
        "pools": [
            {
                "key": "example.com/web", "zone": "example.com.", "pool": "web", "policy": "round_robin",
                "answers": 8, "ttl": 30, "ttl_now": 5, "source": "in_service", "check": "http :8080/healthz",
                "backends": [
                    {"key": "example.com/web/web-1", "state": "up", "reason": "2 checks passed",
                     "since": "2026-11-21T09:00:01Z", "weight": 1, "answers": 10, "share": 0.75,
                     "share_due": 1.0, "safe_to_stop": null, "addresses": address(true)},
                    {"key": "example.com/web/web-2", "state": "drained", "reason": "drained by anna\u{1b}[2J",
                     "since": "2026-11-21T12:12:00Z", "weight": 1, "answers": 3, "share": 0.25,
                     "share_due": 0.0, "safe_to_stop": "2026-11-21T12:12:40Z", "addresses": address(false)}
                ]
            },
            {
                "key": "example.com/db", "zone": "example.com.", "pool": "db", "policy": "fixed",
                "answers": 1, "ttl": 30, "ttl_now": 30, "source": "all_down", "check": null,
                "backends": [
                    {"key": "example.com/db/db-1", "state": "down",
                     "reason": "3 checks failed: connection refused", "since": null, "weight": 1,
                     "answers": 0, "share": 0.0, "share_due": 0.0, "safe_to_stop": null,
                     "addresses": address(false)}
                ]
            }
        ]
    });
    View {
        status: serde_json::from_value(view["status"].clone()).expect("a status"),
        pools: serde_json::from_value(view["pools"].clone()).expect("pools"),
    }
}

#[test]
fn alarms_come_first_then_pools_that_guess() {
    let expected = "\
ALARM the prober west has not been heard for 2 min 31 s

RotaDNS 0.1.0 on 127.0.0.1:5300 (UDP, TCP), 127.0.0.1:853 (TLS), up 3 h 12 min; zones: 2 served, 1
stale; backends: 1 up, 1 down, 1 drained; overrides: 1; queries: 1,234,567; snapshot 42, 31 s old

POOL             HANDS OUT        UP      TTL        POLICY       CHECK
example.com/db   all: none is up  0 of 1  30 s       fixed        none
example.com/web  what is up       1 of 2  5 of 30 s  round_robin  http :8080/healthz

BACKEND                STATE    FOR         SHARE   DUE      WHY
example.com/db/db-1    down                 0.0 %   0.0 %    3 checks failed: connection refused
example.com/web/web-1  up       3 h 12 min  75.0 %  100.0 %  2 checks passed
example.com/web/web-2  drained  31 s        25.0 %  0.0 %    drained by anna\\u{1b}[2J; safe to stop
                                                             in 9 s

PROBER  STATE  HEARD           TARGETS  MISSING  UNKNOWN  REJECTED
inside  live   1 s ago         3        0        0        0
west    lost   2 min 31 s ago  2        1        0        2

ZONE          SECONDARY OF   SERIAL  REFRESHED  EXPIRES
example.org.  192.0.2.53:53  7       30 s ago   in 7 d 0 h
example.net.  192.0.2.54:53  none    never      SERVFAIL
";
    assert_eq!(view(&trouble(), Screen::plain(Some(100))), expected);
}

#[test]
fn a_backend_is_told_apart_by_how_its_pool_is_seen() {
    let mut seen = trouble();
    let mut face = seen.pools[0].clone();
    face.key.push_str(" (private)");
    seen.pools.push(face);
    let text = view(&seen, Screen::plain(None));
    let own = &seen.pools[0].backends[0].key;
    for name in [format!("\n{own}  "), format!("\n{own} (private)  ")] {
        assert_eq!(text.matches(&name).count(), 1, "{name}: {text}");
    }
}

#[test]
fn a_narrow_screen_has_what_is_needed_first() {
    let expected = "\
BACKEND                STATE    FOR         WHY
example.com/db/db-1    down                 3 checks failed:
                                            connection refused
";
    let text = view(&trouble(), Screen::plain(Some(66)));
    assert!(text.contains(expected), "{text}");
}

#[test]
fn it_is_as_wide_as_the_screen_and_a_line_each_where_that_has_no_end() {
    for width in [60, 100, 200] {
        let text = view(&trouble(), Screen::plain(Some(width)));
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest.is_some_and(|longest| longest <= usize::from(width)), "{text}");
    }
    let text = view(&trouble(), Screen::plain(None));
    assert_eq!(text.lines().count(), 20, "{text}");
}

#[test]
fn a_name_is_whole_while_something_else_can_be_left_out() {
    for width in 54..=120 {
        let text = view(&trouble(), Screen::plain(Some(width)));
        for name in ["example.com/web ", "example.com/db/db-1 ", "example.com/web/web-2 "] {
            assert!(text.contains(name), "{name} at {width}:\n{text}");
        }
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest.is_some_and(|longest| longest <= usize::from(width)), "{text}");
    }
}
