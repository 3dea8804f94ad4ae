//! Names: presentation format, limits, hashes.

use super::*;

fn name(text: &str) -> Name {
    Name::parse_absolute(text).expect(text)
}

#[test]
fn presentation_format_reads_and_prints() {
    for (text, printed) in [
        (".", "."),
        ("Example.COM.", "example.com."),
        ("a\\.b.example.", "a\\.b.example."),
        ("\\097.example.", "a.example."),
        ("\\255\\000.example.", "\\255\\000.example."),
        ("*.example.", "*.example."),
        ("\\@.example.", "\\@.example."),
    ] {
        assert_eq!(name(text).to_string(), printed, "{text}");
    }
}

#[test]
fn relative_names_take_the_origin() {
    let origin = name("example.com.");
    for (text, expected) in [("www", "www.example.com."), ("@", "example.com."), ("www.", "www.")] {
        assert_eq!(Name::parse(text, &origin).expect(text), name(expected), "{text}");
    }
}

#[test]
fn rfc1035_2_3_4_limits_hold() {
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}.", "a".repeat(61));
    assert_eq!(name(&longest).as_wire().len(), NAME_MAX);
    let cases = [
        (format!("{label}.{label}.{label}.{}.", "a".repeat(62)), NameError::NameTooLong),
        (format!("{label}a."), NameError::LabelTooLong),
        ("a..b.".into(), NameError::EmptyLabel),
        (".a.".into(), NameError::EmptyLabel),
        (String::new(), NameError::Empty),
        ("a\\".into(), NameError::Escape),
        ("a\\25".into(), NameError::Escape),
        ("a\\256.".into(), NameError::Escape),
    ];
    for (text, error) in cases {
        assert_eq!(Name::parse_absolute(&text), Err(error), "{text}");
    }
}

#[test]
fn below_means_at_a_label() {
    for (below, above, expected) in [
        ("www.example.com.", "example.com.", true),
        ("example.com.", "example.com.", true),
        ("wwwexample.com.", "example.com.", false),
        ("a.", ".", true),
        (".", "a.", false),
    ] {
        assert_eq!(name(below).is_at_or_below(&name(above)), expected, "{below} {above}");
    }
}

#[test]
fn a_suffix_hash_is_the_hash_of_the_suffix() {
    let whole = name("a.long-label-of-many-bytes.example.com.");
    let parent = whole.parent().expect("it has four labels");
    assert_eq!(hash(whole.as_wire()), hash_label(hash(parent.as_wire()), b"\x01a"));
    assert_ne!(hash(whole.as_wire()), hash(parent.as_wire()));
}
