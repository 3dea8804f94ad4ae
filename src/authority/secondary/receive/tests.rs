//! Transfers as rows, their messages as [`scripted::message`] has them.

use super::*;
use crate::authority::secondary::scripted::{self, origin};

const ID: u16 = 0x1234;

fn message(records: &str, qtype: u16) -> Vec<u8> {
    scripted::message(ID, qtype, records)
}

/// What comes of these messages; `|` is between two.
fn run(want: Want, limits: Limits, messages: &str) -> String {
    let mut transfer = Transfer::new(origin(), ID, want, limits);
    let mut messages = messages.split('|').peekable();
    while let Some(records) = messages.next() {
        match transfer.take(&message(records, want.qtype())) {
            Err(failure) => return format!("failed: {failure}"),
            Ok(Progress::More) => {}
            Ok(Progress::Done) => {
                assert!(messages.peek().is_none(), "nobody reads on");
                let outside = transfer.amount().outside;
                let (received, serial) = transfer.finish().expect("it is done");
                return format!("{serial}: {}, {outside} outside", told(received));
            }
        }
    }
    "more".to_owned()
}

fn told(received: Received) -> String {
    let records = |records: &[Record]| {
        let one = |record: &Record| match record.rtype {
            rtype::SOA => format!("S{}", serial_of(record).expect("an SOA")),
            _ => format!("{}{}", char::from(record.owner[1]), record.rdata[3]),
        };
        records.iter().map(one).collect::<Vec<_>>().join(" ")
    };
    match received {
        Received::UpToDate => "up to date".to_owned(),
        Received::Whole(builder) => match builder.finish(Vec::new()) {
            Ok((zone, _)) => format!("{} names", zone.names),
            Err(mistakes) => format!("{} mistakes", mistakes.len()),
        },
        Received::Differences(differences) => {
            let one = |Difference { removed, added }: &Difference| {
                format!("-({}) +({})", records(removed), records(added))
            };
            differences.iter().map(one).collect::<Vec<_>>().join(" ")
        }
    }
}

const OTHER_START: &str = "failed: its differences begin at serial 4, and we have 5";
const SOA_DIFFERS: &str =
    "failed: the zone changed on the way: the SOA at the end is not the first one";
const BEHIND_THE_END: &str = "failed: there are records behind the SOA that ends the transfer";

#[test]
fn rfc5936_2_2_a_zone_goes_from_soa_to_soa() {
    for (messages, expected) in [
        ("S7 N a1 a2 b1 S7", "7: 3 names, 0 outside"),
        ("S7|N|a1 b1|S7", "7: 3 names, 0 outside"),
        ("S7 N S7", "7: 1 names, 0 outside"),
        ("S7 S7", "7: 1 mistakes, 0 outside"),
        ("S7 N !1 a1 S7", "7: 2 names, 1 outside"),
        ("S7 N a1", "more"),
        ("N S7", "failed: the transfer does not begin with the zone's SOA"),
        ("!1 S7", "failed: the transfer does not begin with the zone's SOA"),
        ("S7 N S8", SOA_DIFFERS),
        ("S7 N S7 a1", BEHIND_THE_END),
        ("S7 N S7 !1", BEHIND_THE_END),
        ("S7 N||S7", "failed: it sent a message without records"),
        ("", "failed: it sent a message without records"),
    ] {
        assert_eq!(run(Want::Whole, Limits::default(), messages), expected, "{messages}");
    }
}

#[test]
fn rfc1995_4_differences_are_read_in_order() {
    for (messages, expected) in [
        ("S6 S5 a1 S6 a2 S6", "6: -(S5 a1) +(S6 a2), 0 outside"),
        ("S6|S5|a1|S6|a2|S6", "6: -(S5 a1) +(S6 a2), 0 outside"),
        ("S6 S5 S6 S6", "6: -(S5) +(S6), 0 outside"),
        ("S7 S5 a1 S6 a2 S6 a2 S7 b1 S7", "7: -(S5 a1) +(S6 a2) -(S6 a2) +(S7 b1), 0 outside"),
        ("S6 S5 !1 S6 !2 S6", "6: -(S5) +(S6), 2 outside"),
        ("S6 S5 a1 S6 a2", "more"),
        ("S6 S4 a1 S6 a2 S6", OTHER_START),
        ("S6 S5 S6 S6 S6", BEHIND_THE_END),
        ("S7 S5 a1 S6 a2 S8", "failed: its differences lead from serial 6 to 8"),
        ("S7 S5 S5 S7", "failed: its differences lead from serial 5 to 5"),
        ("S7 S5 S4 S7", "failed: its differences lead from serial 5 to 4"),
        ("S7 S5 S8 S7", "failed: its differences lead from serial 5 to 8"),
    ] {
        assert_eq!(run(Want::Since(5), Limits::default(), messages), expected, "{messages}");
    }
    let round = run(Want::Since(u32::MAX), Limits::default(), "S0 S4294967295 a1 S0 a2 S0");
    assert_eq!(round, "0: -(S4294967295 a1) +(S0 a2), 0 outside", "RFC 1982");
}

#[test]
fn rfc1995_4_a_whole_zone_may_come_in_place_of_differences() {
    for (messages, expected) in [
        ("S7 N a1 S7", "7: 2 names, 0 outside"),
        ("S7|N a1|S7", "7: 2 names, 0 outside"),
        ("S7|N a1|S8", SOA_DIFFERS),
    ] {
        assert_eq!(run(Want::Since(5), Limits::default(), messages), expected, "{messages}");
    }
}

#[test]
fn rfc1995_2_a_lone_soa_says_that_there_is_nothing_new() {
    for (messages, expected) in
        [("S5", "5: up to date, 0 outside"), ("S4", "4: up to date, 0 outside"), ("S6", "more")]
    {
        assert_eq!(run(Want::Since(5), Limits::default(), messages), expected, "{messages}");
    }
}

#[test]
fn what_comes_has_limits() {
    let records = Limits { records: 4, ..Limits::default() };
    assert_eq!(run(Want::Whole, records, "S7 N a1 S7"), "7: 2 names, 0 outside");
    let refused = "failed: the zone has more than 4 records";
    assert_eq!(run(Want::Whole, records, "S7 N|a1|a2|a3"), refused);
    assert_eq!(run(Want::Since(5), records, "S7 S5 a1 S6 a2 S6"), refused);
    let bytes = Limits { bytes: 100, ..Limits::default() };
    assert_eq!(
        run(Want::Whole, bytes, "S7 N !1 !1"),
        "failed: the zone takes more than 100 bytes, the limit for zones from elsewhere"
    );
}

#[test]
fn a_message_that_is_not_the_answer_is_refused() {
    type Change = fn(&mut Vec<u8>);
    let changes: [(Change, &str); 7] = [
        (|bytes| bytes[0] = 0, "it answers with an ID that is not ours"),
        (|bytes| bytes[2] = 0, "it sent something other than a response"),
        (|bytes| bytes[2] |= 0x28, "it sent something other than a response"),
        (|bytes| bytes[2] |= 2, "it sent a truncated message over TCP"),
        (|bytes| bytes[3] = 5, "it answers REFUSED: it does not let us transfer the zone"),
        (|bytes| bytes[13] = b'x', "it answers a question that is not ours"),
        (|bytes| bytes.truncate(30), "it sent what is no DNS message, or a record that is none"),
    ];
    for (change, expected) in changes {
        let mut transfer = Transfer::new(origin(), ID, Want::Whole, Limits::default());
        let mut bytes = message("S7 N", rtype::AXFR);
        change(&mut bytes);
        let failure = transfer.take(&bytes).expect_err(expected);
        assert_eq!(failure.to_string(), expected);
    }
}

#[test]
fn differences_without_end_have_a_limit() {
    let mut transfer = Transfer::new(origin(), ID, Want::Since(0), Limits::default());
    transfer.take(&message("S1000000", rtype::IXFR)).expect("the first SOA");
    for serial in 0..DIFFERENCES_MAX {
        let step = format!("S{serial} S{}", serial + 1);
        assert!(transfer.take(&message(&step, rtype::IXFR)).is_ok());
    }
    let failure = transfer.take(&message(&format!("S{DIFFERENCES_MAX}"), rtype::IXFR));
    assert_eq!(failure.expect_err("enough").to_string(), "there are too many differences");
}
