//! Questions about the server itself (RFC 4892).

use rotadns::engine::settings::Settings;

use crate::world::{World, decode};

fn world(version: Option<&str>, identity: Option<&str>) -> World {
    let settings = Settings {
        version: version.map(Into::into),
        identity: identity.map(Into::into),
        ..Settings::default()
    };
    World::of("example.com.", "www A 192.0.2.1\n").set(settings)
}

#[test]
fn rfc4892_3_a_server_says_nothing_of_itself_unless_it_is_told_to() {
    world(None, None).check(&[
        ("version.bind. TXT CH", "REFUSED"),
        ("id.server. TXT CH +edns", "REFUSED edns=1232"),
        ("www.example.com. A CH", "REFUSED"),
    ]);
}

#[test]
fn rfc4892_3_each_name_has_the_text_that_the_operator_gives() {
    let world = world(Some("RotaDNS"), Some("ams-1"));
    for (question, expected) in [
        ("version.bind. TXT CH", Some("RotaDNS")),
        ("VERSION.server. TXT CH +edns", Some("RotaDNS")),
        ("version.bind. ANY CH", Some("RotaDNS")),
        ("id.server. TXT CH +tcp", Some("ams-1")),
        ("hostname.bind. TXT CH", Some("ams-1")),
        // The name is there and has nothing else.
        ("version.bind. A CH", None),
    ] {
        let message = decode(&world.bytes(question));
        assert!(message.metadata.authoritative, "{question}");
        assert_eq!(u16::from(message.metadata.response_code), 0, "{question}");
        let texts: Vec<String> =
            message.answers.iter().map(|record| record.data.to_string()).collect();
        assert_eq!(texts, expected.into_iter().collect::<Vec<_>>(), "{question}");
        for record in &message.answers {
            assert_eq!(u16::from(record.dns_class), 3, "{question}: class CH");
            assert_eq!(record.ttl, 0, "{question}");
            assert_eq!(record.name, message.queries[0].name);
        }
    }
    world.check(&[
        ("authors.bind. TXT CH", "REFUSED"),
        ("bind. TXT CH", "REFUSED"),
        ("www.example.com. A CH", "REFUSED"),
        ("version.bind. TXT", "REFUSED"),
        ("version.bind. TXT HS", "REFUSED"),
    ]);
    // One of the two alone.
    self::world(Some("RotaDNS"), None).check(&[("id.server. TXT CH", "REFUSED")]);
}

#[test]
fn the_longest_text_fits_without_edns() {
    let text = "x".repeat(255);
    let message = decode(&world(Some(&text), None).bytes("version.bind. TXT CH"));
    assert!(!message.metadata.truncation);
    assert_eq!(message.answers[0].data.to_string(), text);
}
