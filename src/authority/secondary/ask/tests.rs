//! Primaries that answer well, wrongly, too much, too slowly, or not at all.

use std::fmt::Write as _;

use super::super::scripted::{Asked, Says, Scripted, clock, key, message, origin, zone};
use super::*;

fn asking() -> Asking {
    let millis = Duration::from_millis;
    Asking {
        origin: origin(),
        patience: Patience {
            datagrams: [millis(100), millis(200)],
            connect: millis(1000),
            idle: millis(300),
            whole: millis(2000),
        },
        limits: Limits { bytes: 1 << 20, records: 10_000 },
        clock,
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(work)
}

/// What comes of asking for the zone.
fn transferred(
    want: Want,
    is_signed: bool,
    script: impl Fn(Asked) -> Says + Send + Sync + 'static,
) -> String {
    run(async {
        let scripted = Scripted::start(script).await;
        let key = is_signed.then(|| Arc::new(key()));
        let primary = Primary { address: scripted.address, key, tls: None };
        match asking().transfer(&primary, want).await {
            Err(failure) => failure.to_string(),
            Ok(Transferred { received, serial, amount }) => {
                let what = match received {
                    Received::UpToDate => "up to date",
                    Received::Whole(_) => "whole",
                    Received::Differences(_) => "differences",
                };
                format!("{what} {serial}, {} messages, {} records", amount.messages, amount.records)
            }
        }
    })
}

fn soa(is_signed: bool, script: impl Fn(Asked) -> Says + Send + Sync + 'static) -> String {
    run(async {
        let scripted = Scripted::start(script).await;
        let key = is_signed.then(|| Arc::new(key()));
        let primary = Primary { address: scripted.address, key, tls: None };
        match asking().soa(&primary).await {
            Err(failure) => failure.to_string(),
            Ok(soa) => soa.serial.to_string(),
        }
    })
}

#[test]
fn zones_and_differences_come_signed_and_unsigned() {
    for is_signed in [false, true] {
        let whole = zone("S5", &["S5 N", "a1", "b1 S5"]);
        assert_eq!(transferred(Want::Whole, is_signed, whole), "whole 5, 3 messages, 5 records");
        let differences = zone("S5", &["S5 S4 a1 S5 a2 S5"]);
        assert_eq!(
            transferred(Want::Since(4), is_signed, differences),
            "differences 5, 1 messages, 6 records"
        );
        assert_eq!(soa(is_signed, zone("S5", &[])), "5");
    }
}

#[test]
fn rfc1995_3_an_ixfr_names_the_version_that_we_have() {
    let script = |asked: Asked| -> Says {
        // Behind the question: the owner, ten bytes, two names.
        let at = 12 + 9 + 4 + 9 + 10 + 2;
        assert_eq!(asked.bytes[at..at + 4], 4_u32.to_be_bytes());
        zone("S4", &["S4"])(asked)
    };
    assert_eq!(transferred(Want::Since(4), false, script), "up to date 4, 1 messages, 1 records");
}

#[test]
fn an_answer_to_soa_is_believed_when_all_of_it_fits() {
    type Change = fn(&mut Vec<u8>);
    let changes: [(Change, &str); 7] = [
        (|_| {}, "5"),
        (|bytes| bytes[0] ^= 1, "it answers with an ID that is not ours"),
        (|bytes| bytes[2] &= !4, "it is not authoritative for the zone"),
        (|bytes| bytes[3] = 5, "it answers REFUSED: it does not let us transfer the zone"),
        (|bytes| bytes[13] ^= 1, "it answers a question that is not ours"),
        (|bytes| bytes.truncate(20), "it sent what is no DNS message, or a record that is none"),
        (|bytes| bytes.clear(), "it closed the connection before the end"),
    ];
    for (change, expected) in changes {
        let script = move |asked: Asked| -> Says {
            let mut bytes = message(asked.id, asked.qtype, "S5");
            change(&mut bytes);
            let bytes = if bytes.is_empty() { None } else { Some(bytes) };
            Box::new(bytes.into_iter())
        };
        assert_eq!(soa(false, script), expected);
    }
    assert_eq!(soa(false, zone("N", &[])), "its answer has no SOA of the zone");
    let unsigned =
        |asked: Asked| -> Says { Box::new(std::iter::once(message(asked.id, asked.qtype, "S5"))) };
    assert_eq!(soa(true, unsigned), "TSIG: it is not signed where it must be");
}

#[test]
fn a_truncated_answer_is_asked_for_over_tcp() {
    let count = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let script = move |asked: Asked| -> Says {
        let mut bytes = message(asked.id, asked.qtype, "S5");
        if count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 {
            bytes[2] |= 2;
        }
        Box::new(std::iter::once(bytes))
    };
    assert_eq!(soa(false, script), "5");
}

#[test]
fn whoever_guesses_wrongly_does_not_end_a_check() {
    let script = |asked: Asked| -> Says {
        let wrong = message(asked.id ^ 1, asked.qtype, "S9");
        let right = message(asked.id, asked.qtype, "S5");
        Box::new([wrong, right].into_iter())
    };
    assert_eq!(soa(false, script), "5");
}

#[test]
fn a_primary_that_is_not_there_is_told() {
    let told = run(async {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let address = listener.expect("a port").local_addr().expect("it is bound");
        let primary = Primary { address, key: None, tls: None };
        let checked = asking().soa(&primary).await.expect_err("nobody is there");
        let asked = asking().transfer(&primary, Want::Whole).await;
        [checked.to_string(), asked.err().expect("nobody is there").to_string()]
    });
    for told in told {
        assert!(told.starts_with("no connection: "), "{told}");
    }
}

/// A message of as many records as fit.
fn full(asked: &Asked) -> Vec<u8> {
    let mut records = String::new();
    (0..1000).for_each(|_| write!(records, "a1 ").expect("a String"));
    message(asked.id, asked.qtype, &records)
}

#[test]
fn what_has_no_end_is_given_up() {
    let endless = |asked: Asked| -> Says {
        let (first, rest) = (message(asked.id, asked.qtype, "S5 N"), full(&asked));
        Box::new(std::iter::once(first).chain(std::iter::repeat(rest)))
    };
    let told = transferred(Want::Whole, false, endless);
    assert_eq!(told, "the zone has more than 10000 records");
    let never_closed = zone("S5", &["S5 N a1", ""]);
    assert_eq!(transferred(Want::Whole, false, never_closed), "it sent a message without records");
    let silent = |asked: Asked| -> Says {
        Box::new([message(asked.id, asked.qtype, "S5 N"), Vec::new()].into_iter())
    };
    assert_eq!(transferred(Want::Whole, false, silent), "it sent nothing for 300ms");
    let closed = zone("S5", &["S5 N a1"]);
    let told = transferred(Want::Whole, false, closed);
    assert_eq!(told, "it closed the connection before the end");
}

#[test]
fn what_trickles_without_end_is_given_up() {
    let trickle = |asked: Asked| -> Says {
        let (first, rest) =
            (message(asked.id, asked.qtype, "S5 N"), message(asked.id, asked.qtype, "a1"));
        let slowly = std::iter::repeat_with(move || {
            std::thread::sleep(Duration::from_millis(20));
            rest.clone()
        });
        Box::new(std::iter::once(first).chain(slowly))
    };
    let told = transferred(Want::Whole, false, trickle);
    assert_eq!(told, "it has not come to an end within 2s");
}

#[test]
fn answers_that_are_not_ours_are_refused() {
    type Change = fn(&mut Vec<u8>);
    let changes: [(Change, &str); 4] = [
        (|bytes| bytes[0] ^= 1, "it answers with an ID that is not ours"),
        (|bytes| bytes[13] ^= 1, "it answers a question that is not ours"),
        (|bytes| bytes[2] |= 2, "it sent a truncated message over TCP"),
        (|bytes| bytes.truncate(40), "it sent what is no DNS message, or a record that is none"),
    ];
    for (change, expected) in changes {
        // The second message: the first one is fine.
        let script = move |asked: Asked| -> Says {
            let mut second = message(asked.id, asked.qtype, "N a1 S5");
            change(&mut second);
            Box::new([message(asked.id, asked.qtype, "S5"), second].into_iter())
        };
        assert_eq!(transferred(Want::Whole, false, script), expected);
    }
}

/// A transfer of so many messages, of which these are signed.
fn signed_at(count: usize, is_signed: fn(usize) -> bool) -> impl Fn(Asked) -> Says + Send + Sync {
    move |mut asked: Asked| -> Says {
        let mut signer = asked.signer.take().expect("it is signed");
        let mut messages = Vec::new();
        for place in 0..count {
            let records = match place {
                0 => "S5 N",
                _ if place == count - 1 => "S5",
                _ => "a1",
            };
            let mut bytes = message(asked.id, asked.qtype, records);
            if is_signed(place) {
                signer.sign(&mut bytes, clock());
            }
            messages.push(bytes);
        }
        Box::new(messages.into_iter())
    }
}

#[test]
fn rfc8945_5_3_1_a_chain_that_breaks_is_not_believed() {
    let unsigned = "TSIG: it is not signed where it must be";
    assert_eq!(
        transferred(Want::Whole, true, signed_at(3, |_| true)),
        "whole 5, 3 messages, 4 records"
    );
    // Our signer does not cover what it does not sign, so that any gap is a break.
    let told = transferred(Want::Whole, true, signed_at(5, |place| place != 2));
    assert_eq!(told, "TSIG: its MAC is wrong");
    for count in [3, 102, 110] {
        let first_alone = signed_at(count, |place| place == 0);
        assert_eq!(transferred(Want::Whole, true, first_alone), unsigned, "{count} messages");
    }
    assert_eq!(transferred(Want::Whole, true, signed_at(3, |_| false)), unsigned);
    let changed = |asked: Asked| -> Says {
        let messages = zone("S5", &["S5 N", "a1", "S5"])(asked);
        Box::new(messages.enumerate().map(|(place, mut bytes)| {
            if place == 1 {
                bytes[40] ^= 1;
            }
            bytes
        }))
    };
    assert_eq!(transferred(Want::Whole, true, changed), "TSIG: its MAC is wrong");
}
