//! Any bytes as a master file: records that print and read the same again, or mistakes; and a zone of them, or what is
//! wrong with it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rotadns::name::Name;
use rotadns::{rdata, zone::build::Builder};

fuzz_target!(|text: &[u8]| {
    let origin = Name::parse_absolute("example.com.").expect("a name");
    let mut builder = Builder::new(origin.clone());
    let mut left = 10_000_u32;
    let mistakes = rotadns::zonefile::read(text, &origin, |record| {
        // A $GENERATE makes many records of few bytes: enough of them are enough.
        if left == 0 {
            return;
        }
        left -= 1;
        builder.add(record.owner, record.rtype, record.ttl, record.rdata, record.line);
        let printed = rdata::print(record.rtype, record.rdata).to_string();
        let mut again = Vec::new();
        rdata::parse(record.rtype, &printed, &origin, &mut again).expect("what we print we read");
        assert_eq!(again, record.rdata, "{printed}");
    });
    if mistakes.is_empty() {
        let _ = builder.finish(Vec::new());
    }
});
