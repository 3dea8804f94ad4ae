//! Vectors made by dnspython 2.3.0 (key `Key.Example.`, time 1,800,000,000), and what follows from them.

use std::sync::Arc;

use super::chain::{Broken, Signer, UNSIGNED_MAX, Verifier};
use super::key::{Algorithm, Key, Keys};
use super::*;
use crate::name::Name;

const NOW: u64 = 1_800_000_000;
/// Where the question of each message below ends and its TSIG record begins.
const AT: usize = 29;
const REQUEST: &str = "123400000001000000000001076578616d706c6503636f6d0000060001034b6579074578616d706c650000fa00ff00000000003d0b686d61632d7368613235360000006b49d200012c002079c8846129acd0f4dd8d27828509177e7bfb86ab0c2d97ad99c7261773a854da123400000000";
const ANSWERS: [&str; 3] = [
    "123484000001000000000001076578616d706c6503636f6d0000060001034b6579074578616d706c650000fa00ff00000000003d0b686d61632d7368613235360000006b49d200012c0020473a32a484810de12eaf3f96ed9298811def51dd35e407171a1953d9044f2d0c123400000000",
    "123484000001000000000001076578616d706c6503636f6d0000060001034b6579074578616d706c650000fa00ff00000000003d0b686d61632d7368613235360000006b49d200012c00208e6c510c2969e8a7ecdc247c6e49ab971e07fdfc2442cd42db6f5836a6b944e2123400000000",
    "123484000001000000000001076578616d706c6503636f6d0000060001034b6579074578616d706c650000fa00ff00000000003d0b686d61632d7368613235360000006b49d200012c002055bfe7d12c64b1bc9ac96cdc4a1115ed875d6a2b9787a63fabe5eaccff46d6a9123400000000",
];

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2).map(|two| std::str::from_utf8(two).expect("hex"));
    digits.map(|two| u8::from_str_radix(two, 16).expect("hex")).collect()
}

fn name(text: &str) -> Name {
    Name::parse_absolute(text).expect(text)
}

fn key() -> Key {
    Key::new(name("key.example."), Algorithm::Sha256, b"0123456789abcdef0123456789abcdef")
}

fn keys() -> Keys {
    Keys::new(vec![Key::new(name("other."), Algorithm::Sha512, b"other"), key()])
}

/// The message without its TSIG record.
fn bare(message: &str) -> Vec<u8> {
    let mut message = bytes(message);
    message.truncate(AT);
    message[11] = 0;
    message
}

/// The case of the key's name is that of the writer; ours is the lower one.
fn lower(message: &str) -> Vec<u8> {
    bytes(&message.replace("034b6579074578616d706c65", "036b6579076578616d706c65"))
}

#[test]
fn rfc8945_5_2_a_right_signature_is_taken_within_its_time() {
    let request = bytes(REQUEST);
    for now in [NOW, NOW - 300, NOW + 300] {
        let signed = verify(&keys(), &request, AT, now).expect("it is right");
        assert_eq!(signed.key.name(), &name("key.example."));
    }
}

#[test]
fn rfc8945_5_2_what_is_wrong_is_told_apart() {
    let outcome = |request: &[u8], now| match verify(&keys(), request, AT, now) {
        Ok(_) => "fine",
        Err(Failed::Malformed) => "FORMERR",
        Err(Failed::BadKey) => "BADKEY",
        Err(Failed::BadSig) => "BADSIG",
        Err(Failed::BadTime(_)) => "BADTIME",
        Err(Failed::BadTrunc(_)) => "BADTRUNC",
    };
    let changed = |at: usize, byte: u8| {
        let mut request = bytes(REQUEST);
        request[at] = byte;
        request
    };
    // The record: name 13, type to RDLENGTH 10, algorithm 13, time 6, fudge 2, MAC size 2, MAC 32.
    let mac = AT + 13 + 10 + 13 + 10;
    let cut = |len: usize| {
        let mut request = bytes(REQUEST);
        request.drain(mac + len..mac + 32);
        request[mac - 1] = len as u8;
        request[AT + 13 + 9] -= (32 - len) as u8;
        request
    };
    for (request, now, expected) in [
        (bytes(REQUEST), NOW, "fine"),
        (bytes(REQUEST), NOW + 301, "BADTIME"),
        (bytes(REQUEST), NOW - 301, "BADTIME"),
        (changed(AT + 1, b'l'), NOW, "BADKEY"),
        (changed(AT + 13 + 10 + 8, b'3'), NOW, "BADKEY"),
        (changed(mac, 0), NOW, "BADSIG"),
        (changed(mac + 31, 0), NOW, "BADSIG"),
        (changed(2, 1), NOW, "BADSIG"),
        (changed(13, b'f'), NOW, "BADSIG"),
        (changed(0, 0x99), NOW, "fine"), // a forwarder's ID: the original one is signed
        (changed(AT + 13 + 3, 1), NOW, "FORMERR"), // class
        (cut(16), NOW, "BADTRUNC"),
        (cut(16), NOW + 301, "BADTIME"),
        (cut(15), NOW, "FORMERR"),
        (cut(0), NOW, "FORMERR"),
        (bytes(REQUEST)[..mac].to_vec(), NOW, "FORMERR"),
    ] {
        assert_eq!(outcome(&request, now), expected, "{request:02x?} at {now}");
    }
}

#[test]
fn rfc8945_5_3_an_answer_is_signed_in_place() {
    let request = lower(REQUEST);
    let outcome = verify(&keys(), &request, AT, NOW);
    let answer = bare(ANSWERS[0]);
    let mut buf = vec![0; AT + room(&outcome, &request, AT)];
    buf[..AT].copy_from_slice(&answer);
    let len = finish(&outcome, &request, AT, &mut buf, AT, NOW).expect("room was kept");
    assert_eq!(buf[..len], lower(ANSWERS[0]));
    assert_eq!(len, buf.len());
    assert_eq!(finish(&outcome, &request, AT, &mut buf[..len - 1], AT, NOW), None);
}

#[test]
fn rfc8945_5_3_2_errors_of_key_and_mac_go_unsigned_and_that_of_the_time_signed() {
    let request = bytes(REQUEST);
    let other_keys = Keys::new(vec![Key::new(name("key.example."), Algorithm::Sha256, b"?")]);
    for (keys, now, error, mac_len, other) in [
        (Keys::default(), NOW, error::BADKEY, 0, None),
        (other_keys, NOW, error::BADSIG, 0, None),
        (keys(), NOW + 400, error::BADTIME, 32, Some(NOW + 400)),
    ] {
        let outcome = verify(&keys, &request, AT, now);
        let mut buf = vec![0; 512];
        buf[..AT].copy_from_slice(&bare(ANSWERS[0]));
        let len = finish(&outcome, &request, AT, &mut buf, AT, now).expect("room");
        assert_eq!(len - AT, room(&outcome, &request, AT));
        let record = Record::read(&buf[..len], AT).expect("ours can be read");
        assert_eq!((record.error, record.mac.len()), (error, mac_len));
        assert_eq!(record.time, NOW, "the request's own");
        assert_eq!(len, AT + 13 + 10 + 13 + 16 + mac_len + other.map_or(0, |_| 6));
        if let Some(time) = other {
            assert_eq!(buf[len - 6..len], time.to_be_bytes()[2..]);
            let Err(Failed::BadTime(signed)) = outcome else { panic!("{outcome:?}") };
            let mut verifier = Verifier::new(signed.key.clone(), &signed.mac);
            let refused = verifier.take(&buf[..len], Some(AT), NOW);
            assert_eq!(refused, Err(Broken::Refused(error::BADTIME)), "and its MAC is right");
        }
    }
}

#[test]
fn rfc8945_5_3_1_each_message_covers_the_one_before() {
    let signed = verify(&keys(), &lower(REQUEST), AT, NOW).expect("it is right");
    let mut chain = Signer::new(&signed);
    for expected in ANSWERS {
        let mut message = bare(expected);
        chain.sign(&mut message, NOW);
        assert_eq!(message, lower(expected));
    }
}

#[test]
fn rfc8945_5_3_1_a_chain_that_was_changed_is_not_believed() {
    let mut request = bare(REQUEST);
    let mac = sign_request(&key(), &mut request, NOW);
    assert_eq!(request, lower(REQUEST));
    let verifier = || Verifier::new(Arc::new(key()), &mac);
    let [first, second, third] = ANSWERS.map(bytes);

    let mut whole = verifier();
    assert_eq!(whole.finish(), Err(Broken::Unsigned), "nothing has come");
    for message in [&first, &second, &third] {
        assert_eq!(whole.take(message, Some(AT), NOW), Ok(()));
    }
    assert_eq!(whole.finish(), Ok(()));

    let mut without_second = verifier();
    without_second.take(&first, Some(AT), NOW).expect("it is right");
    assert_eq!(without_second.take(&third, Some(AT), NOW), Err(Broken::BadSig));

    let mut late = verifier();
    assert_eq!(late.take(&first, Some(AT), NOW + 301), Err(Broken::BadTime));
    let mut unsigned = verifier();
    assert_eq!(unsigned.take(&first[..AT], None, NOW), Err(Broken::Unsigned), "the first");
    let mut other = Verifier::new(Arc::new(Key::new(name("k."), Algorithm::Sha256, b"")), &mac);
    assert_eq!(other.take(&first, Some(AT), NOW), Err(Broken::OtherKey));
}

#[test]
fn rfc8945_5_3_1_up_to_99_messages_between_go_unsigned() {
    let signed = verify(&keys(), &lower(REQUEST), AT, NOW).expect("it is right");
    for (unsigned, expected) in [(UNSIGNED_MAX, Ok(())), (UNSIGNED_MAX + 1, Err(Broken::Unsigned))]
    {
        let mut request = bare(REQUEST);
        let mac = sign_request(&key(), &mut request, NOW);
        let mut verifier = Verifier::new(Arc::new(key()), &mac);
        verifier.take(&bytes(ANSWERS[0]), Some(AT), NOW).expect("it is right");
        let between = bare(ANSWERS[1]);
        let taken = (0..unsigned).try_for_each(|_| verifier.take(&between, None, NOW));
        assert_eq!(taken, expected);
        if taken.is_ok() {
            assert_eq!(verifier.finish(), Err(Broken::Unsigned), "the last one must be signed");
            // By hand: the prior MAC, all that came unsigned, the last message, the timers.
            let mut digest = signed.key.digest();
            digest.update_mac(&Mac::new(&bytes(ANSWERS[0])[AT + 46..AT + 78]));
            (0..unsigned).for_each(|_| digest.update(&between));
            digest.update(&between);
            let stamp = Stamp { time: NOW, fudge: FUDGE, error: 0, other: None };
            stamp.digest_timers(&mut digest);
            let mut last = between.clone();
            append_to(&mut last, &key(), &stamp, &digest.finish());
            assert_eq!(verifier.take(&last, Some(AT), NOW), Ok(()));
            assert_eq!(verifier.finish(), Ok(()));
        }
    }
}

#[test]
fn a_key_never_shows_its_secret() {
    let shown = format!("{:?}", Key::new(name("k."), Algorithm::Sha256, b"hunter2"));
    assert_eq!(shown, "Key(k., Sha256)");
}
