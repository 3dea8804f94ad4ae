//! Which batches are taken.

use std::fmt::Write as _;

use super::*;

const LEASE: Duration = Duration::from_secs(10);
const SECOND: Duration = Duration::from_secs(1);

/// `SESSION.SEQUENCE PART REPORTS`, such as `7.0 whole_end 1+ 2-3`: a report is the last byte of an address, `+` up, `-` down or `?` not
/// judged, and the streak.
fn batch(text: &str) -> Batch {
    let mut words = text.split(' ');
    let mut word = || words.next().expect("three words at least");
    let (session, sequence) = word().split_once('.').expect("SESSION.SEQUENCE");
    let part = match word() {
        "whole" => Part::Whole,
        "whole_end" => Part::WholeEnd,
        _ => Part::News,
    };
    let report = |text: &str| {
        let at = text.find(['+', '-', '?']).expect("a side");
        let streak = text[at + 1..].parse().unwrap_or(0);
        let health = match &text[at..=at] {
            "+" => WireHealth::Up(streak),
            "-" => WireHealth::Down(streak),
            _ => WireHealth::Unknown,
        };
        Report {
            address: [192, 0, 2, text[..at].parse().expect("a byte")].into(),
            check: "00000000000000aa".into(),
            health,
            detail: "found".into(),
            told: None,
            took_us: 900,
            age_ms: 20,
        }
    };
    Batch {
        version: VERSION,
        prober: "probe-1".into(),
        session: session.parse().expect("a number"),
        sequence: sequence.parse().expect("a number"),
        part,
        reports: words.map(report).collect(),
    }
}

/// A server that has every target but the one whose address ends with 9.
fn here(version: u64) -> Here<'static> {
    let is_known = &|key: &TargetKey| !key.address.to_string().ends_with(".9");
    Here { version, is_known, lease: LEASE }
}

/// What becomes of a batch, in a few words.
fn take(receiver: &mut Receiver, batch: &Batch, version: u64, now: Duration) -> String {
    match receiver.take(batch, None, here(version), (now, 1_000_000)) {
        Err(Refusal::OutOfOrder(Expected { session, next, why })) => {
            format!("{why:?}, not {session}.{next}")
        }
        Err(refusal) => refusal.to_string(),
        Ok(Accepted { brings, next, again, .. }) => {
            let (what, reports, unknown) = match brings {
                Brings::Nothing => (" nothing", Vec::new(), 0),
                Brings::News(reports) => ("", reports, 0),
                Brings::Whole { reports, unknown } => (" whole", reports, unknown),
            };
            let mut text = format!("next {next}{what}");
            for Found { key, health, .. } in reports {
                let address = key.address.to_string();
                let byte = address.rsplit('.').next().unwrap_or_default();
                let side = match health {
                    Health::Unknown => "?".to_owned(),
                    Health::Up { failed } => format!("+{failed}"),
                    Health::Down { passed } => format!("-{passed}"),
                };
                let _ = write!(text, " {byte}{side}");
            }
            if unknown > 0 {
                let _ = write!(text, " unknown {unknown}");
            }
            text + if again { " again" } else { "" }
        }
    }
}

#[track_caller]
fn check(rows: &[(&str, &str)]) {
    let mut receiver = Receiver::default();
    for (text, expected) in rows {
        assert_eq!(take(&mut receiver, &batch(text), 1, SECOND), *expected, "{text}");
    }
}

#[test]
fn a_session_is_a_whole_report_and_then_news() {
    check(&[
        ("7.0 whole 1+ 2-1", "next 1 nothing"),
        ("7.1 whole 3+", "next 2 nothing"),
        ("7.2 whole_end 4? 5-", "next 3 whole 1+0 2-1 3+0 4? 5-0"),
        ("7.3 news 1+1 4+", "next 4 1+1 4+0"),
        ("7.4 news", "next 5"),
    ]);
}

#[test]
fn what_comes_twice_is_taken_once() {
    check(&[
        ("7.0 whole 1+", "next 1 nothing"),
        ("7.0 whole 1+", "next 1 nothing"),
        ("7.1 whole_end 2+", "next 2 whole 1+0 2+0"),
        ("7.1 whole_end 2+", "next 2"),
        ("7.0 whole 1+", "next 2"),
        ("7.2 news 1-", "next 3 1-0"),
        ("7.2 news 1-", "next 3"),
    ]);
}

#[test]
fn a_batch_that_is_missing_is_asked_for() {
    check(&[
        ("7.1 news 1+", "NotTheBeginning, not 0.0"),
        ("7.0 news 1+", "NotTheBeginning, not 0.0"),
        ("7.0 whole_end 1+", "next 1 whole 1+0"),
        ("7.2 news 1-", "Gap, not 7.1"),
        ("7.1 news 1-1", "next 2 1-1"),
        ("7.2 whole_end 1+", "Part, not 7.2"),
        ("8.1 news", "NotTheBeginning, not 7.2"),
        ("8.0 whole 1+", "next 1 nothing"),
        ("8.1 news 1+", "Part, not 8.1"),
    ]);
}

#[test]
fn the_past_does_not_come_back() {
    check(&[
        ("7.0 whole_end 1+", "next 1 whole 1+0"),
        ("8.0 whole_end 1-", "next 1 whole 1-0"),
        ("7.0 whole_end 1+", "OldSession, not 8.1"),
        ("7.1 news 1+", "OldSession, not 8.1"),
    ]);
}

#[test]
fn other_targets_of_the_server_ask_for_everything_again() {
    let mut receiver = Receiver::default();
    for (text, version, expected) in [
        ("7.0 whole", 1, "next 1 nothing"),
        ("7.1 whole_end 1+", 2, "next 2 whole 1+0 again"),
        ("7.2 news", 2, "next 3 again"),
        ("8.0 whole_end 1+", 2, "next 1 whole 1+0"),
        ("8.1 news", 2, "next 2"),
    ] {
        assert_eq!(take(&mut receiver, &batch(text), version, SECOND), expected, "{text}");
    }
}

#[test]
fn a_session_ends_with_its_lease() {
    let mut receiver = Receiver::default();
    for (second, text, expected) in [
        (0, "7.0 whole_end 1+", "next 1 whole 1+0"),
        (9, "7.1 news", "next 2"),
        (18, "7.2 news 1-", "next 3 1-0"),
        (28, "7.3 news 1+", "Silence, not 7.3"),
        (28, "8.0 whole_end 1+", "next 1 whole 1+0"),
    ] {
        assert_eq!(take(&mut receiver, &batch(text), 1, SECOND * second), expected, "{text}");
    }
}

#[test]
fn what_waits_for_its_end_is_bounded_by_what_is_known_here() {
    check(&[
        ("7.0 whole 9+ 1-", "next 1 nothing"),
        ("7.1 whole 9- 1+", "next 2 nothing"),
        ("7.2 whole_end 2+", "next 3 whole 1+0 2+0 unknown 2"),
    ]);
    let mut receiver = Receiver::default();
    let one = batch("7.0 whole 9+").reports.remove(0);
    for sequence in 0..(WHOLE_MAX / BATCH_MAX) as u64 {
        let (part, reports) = (Part::Whole, vec![one.clone(); BATCH_MAX]);
        let batch = Batch { sequence, part, reports, ..batch("7.0 whole") };
        take(&mut receiver, &batch, 1, SECOND);
    }
    let waits = receiver.sessions.values().next().and_then(|session| session.whole.as_ref());
    assert_eq!(waits.map(|waits| (waits.told, waits.found.len())), Some((WHOLE_MAX, 0)));
}

#[test]
fn what_will_not_be_told_to_its_end_goes_with_the_lease() {
    let mut receiver = Receiver::default();
    let named = |name: &str, text: &str| Batch { prober: name.into(), ..batch(text) };
    let waits = |receiver: &Receiver| -> usize {
        let whole = receiver.sessions.values().filter_map(|session| session.whole.as_ref());
        whole.map(|whole| whole.found.len()).sum()
    };
    take(&mut receiver, &named("a", "7.0 whole 1+ 2+"), 1, SECOND);
    take(&mut receiver, &named("b", "7.0 whole_end 3+"), 1, SECOND * 5);
    assert_eq!(waits(&receiver), 2);
    // Whoever is heard next.
    take(&mut receiver, &named("b", "7.1 news"), 1, SECOND * 11);
    assert_eq!(waits(&receiver), 0);
    let late = take(&mut receiver, &named("a", "7.1 whole_end 3+"), 1, SECOND * 12);
    assert_eq!(late, "Silence, not 7.1");
}

#[test]
fn a_prober_that_is_forgotten_begins_anew() {
    let mut receiver = Receiver::default();
    take(&mut receiver, &batch("7.0 whole_end"), 1, SECOND);
    receiver.forget(&Source::beside("probe-1").expect("a name"));
    let after = take(&mut receiver, &batch("7.1 news 1+"), 1, SECOND);
    assert_eq!(after, "NotTheBeginning, not 0.0");
}

#[test]
fn only_as_many_probers_as_there_are_places() {
    let mut receiver = Receiver::default();
    let named = |name: String| Batch { prober: name, ..batch("7.0 whole_end") };
    for place in 0..BESIDE_MAX as u32 {
        let now = SECOND * place;
        assert_eq!(take(&mut receiver, &named(format!("p{place}")), 1, now), "next 1 whole");
    }
    // The first was heard last at second 0, and is lost at second 10.
    let late =
        |receiver: &mut Receiver, at: u32| take(receiver, &named("late".into()), 1, SECOND * at);
    let refused = "this server hears 15 probers beside, as many as it can; stop one of them";
    assert_eq!(late(&mut receiver, 9), refused);
    assert_eq!(late(&mut receiver, 10), "next 1 whole");
    assert_eq!(take(&mut receiver, &named("p0".into()), 1, SECOND * 10), refused);
}

#[test]
fn what_cannot_be_is_refused_with_a_reason() {
    let fine = || batch("7.0 whole_end 1+");
    let one = fine().reports.remove(0);
    for (batch, token, reason) in [
        (
            Batch { version: 2, ..fine() },
            None,
            "version 2 of a feed is not known here; it is version 1",
        ),
        (
            Batch { prober: "inside".into(), ..fine() },
            None,
            "\"inside\" is not a prober's name: up to 63 letters, digits, `.`, `_` and `-`, and not `inside`",
        ),
        (
            fine(),
            Some("probe-2"),
            "the token is for the prober `probe-2`, not for `probe-1`; each has a token of its name",
        ),
        (
            Batch { reports: vec![one.clone(); BATCH_MAX + 1], ..fine() },
            None,
            "1001 reports are too many for a batch; it has at most 1000",
        ),
        (
            Batch { reports: vec![Report { check: "web".into(), ..one.clone() }], ..fine() },
            Some("probe-1"),
            "`web` is not the key of a check: 16 hex digits",
        ),
    ] {
        let mut receiver = Receiver::default();
        let refusal = receiver.take(&batch, token, here(1), (SECOND, 0)).expect_err(reason);
        assert_eq!(refusal.to_string(), reason);
        assert!(receiver.sessions.is_empty(), "{reason}");
    }
}

#[test]
fn a_whole_report_has_an_end() {
    let mut receiver = Receiver::default();
    let one = batch("7.0 whole 1+").reports.remove(0);
    let part = |sequence| Batch {
        sequence,
        part: Part::Whole,
        reports: vec![one.clone(); BATCH_MAX],
        ..batch("7.0 whole")
    };
    let batches = (WHOLE_MAX / BATCH_MAX) as u64;
    for sequence in 0..batches {
        let next = format!("next {} nothing", sequence + 1);
        assert_eq!(take(&mut receiver, &part(sequence), 1, SECOND), next);
    }
    assert_eq!(
        take(&mut receiver, &part(batches), 1, SECOND),
        "a whole report has at most 100000 targets; use several probers"
    );
    assert!(receiver.sessions.is_empty(), "nothing of it is kept");
}

#[test]
fn a_report_is_told_by_the_clock_of_the_server() {
    let mut batch = batch("7.0 whole_end 1+");
    batch.reports[0].took_us = u64::MAX;
    batch.reports[0].detail = "a\nb".into();
    let accepted = Receiver::default().take(&batch, None, here(1), (SECOND, 1_000_000));
    let Brings::Whole { reports, .. } = accepted.expect("it is fine").brings else {
        panic!("it is whole")
    };
    let found = &reports[0];
    assert_eq!((found.at, found.took, &*found.detail), (999_980, TOOK_MAX, "ab"));
}
