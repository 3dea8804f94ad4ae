//! Answers as bytes.

use super::*;
use crate::wire::edns::Options;

/// The question `a.example. A`, its apex at 14.
const QUERY: &[u8] = b"\0\x07\0\0\0\x01\0\0\0\0\0\0\x01a\x07example\0\0\x01\0\x01";

fn write(limit: usize, reserved: usize, work: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut buf = vec![0xee; 4096];
    let mut writer =
        Writer::new(&mut buf, QUERY, QUERY.len(), limit, reserved).expect("there is room");
    writer.set_apex(14);
    work(&mut writer);
    let len = writer.finish(0x8000);
    buf.truncate(len);
    buf
}

fn head(rtype: u16) -> RecordHead {
    RecordHead { owner: 12, rtype, ttl: 60 }
}

fn add(writer: &mut Writer<'_>, rtype: u16, rdatas: &[&[u8]]) -> Result<[u16; 4], Full> {
    let size = rdatas.iter().map(|rdata| rdata.len()).sum();
    let mut names = [0; 4];
    let shape = (rdatas.len() as u16, size);
    writer.rrset(Section::Answer, head(rtype), rdatas.iter().copied(), shape, &mut names)?;
    Ok(names)
}

#[test]
fn an_rrset_is_written_whole_or_not_at_all() {
    // 27 of the question, 16 for each A record.
    for (limit, reserved, fits) in [(59, 0, true), (58, 0, false), (70, 11, true), (69, 11, false)]
    {
        let written = write(limit, reserved, |writer| {
            let result = add(writer, rtype::A, &[&[192, 0, 2, 1], &[192, 0, 2, 2]]);
            assert_eq!(result.is_ok(), fits);
        });
        assert_eq!(written.len(), if fits { 59 } else { 27 });
        assert_eq!(written[6..8], [0, if fits { 2 } else { 0 }]);
    }
}

#[test]
fn names_say_where_they_stand() {
    let in_zone = |label: u8| [1, label, template::MARKER[0], template::MARKER[1]];
    write(512, 0, |writer| {
        let apex: &[u8] = &template::MARKER;
        let names = add(writer, rtype::NS, &[&in_zone(b'b'), apex, &in_zone(b'b'), b"\x01c\0"]);
        // 27 + 12 is the first's; the apex and what is there already stand where they stood.
        let fourth = 39 + 4 + 12 + 2 + 12 + 2 + 12;
        assert_eq!(names, Ok([39, 14, 39, fourth]));
    });
}

#[test]
fn rfc6672_3_1_the_cname_of_a_dname() {
    let written = write(512, 0, |writer| {
        assert_eq!(writer.synthesised(head(rtype::DNAME), 2, b"\x03net\0"), Ok(27 + 12));
    });
    assert_eq!(written[27..], *b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x07\x01a\x03net\0");
}

#[test]
fn ready_records_take_their_owner() {
    let record = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01";
    for owner in [12, 14] {
        let written = write(512, 0, |writer| {
            let result = writer.ready(Section::Additional, (owner, u32::MAX), &record.repeat(2), 2);
            assert_eq!(result, Ok(()));
        });
        for record in written[27..].chunks(16) {
            assert_eq!(record[..2], [0xc0, owner as u8]);
        }
        assert_eq!(written[4..12], [0, 1, 0, 0, 0, 0, 0, 2]);
    }
    write(27 + 31, 0, |writer| {
        let result = writer.ready(Section::Additional, (12, u32::MAX), &record.repeat(2), 2);
        assert_eq!(result, Err(Full));
    });
}

#[test]
fn rfc6891_6_1_3_opt_has_the_upper_bits_of_the_response_code() {
    let edns = Edns { payload: 4096, version: 9, dnssec_ok: true, options: Options::default() };
    let written = write(512, reserved(Some(edns)), |writer| writer.opt(edns, 16));
    assert_eq!(written[27..], [0, 0, 41, 4, 0xd0, 1, 0, 0x80, 0, 0, 0]);
    assert_eq!(written[27..].len(), OPT_LEN);
    assert_eq!(reserved(None), 0);
}
