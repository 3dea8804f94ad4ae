//! Any text as a zone file: a zone, or mistakes that have their place.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (zone, mistakes) = rotadns::config::read_zone(Path::new("example.com.yaml"), text);
    assert!(zone.is_some() || !mistakes.is_empty());
    if let Some(zone) = zone {
        // What is read can be built, or is told.
        let _ = rotadns::zone::build::from_model(&zone, 1, None);
    }
});
