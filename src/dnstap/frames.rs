//! Frame Streams: how dnstap's messages follow each other in a file or on a socket
//! (<https://farsightsec.github.io/fstrm/>).
//!
//! ```text
//!   a file     START data data ... STOP
//!   a socket   READY ▶  ◀ ACCEPT  START ▶ data ▶ data ▶ ... STOP ▶  ◀ FINISH
//! ```
//!
//! Numbers are of four bytes, the highest first. A control frame begins with 0, its length and its kind.

use std::io::{self, Read, Write};

/// What is in the frames.
const CONTENT: &[u8] = b"protobuf:dnstap.Dnstap";
/// The field of a control frame that says it.
const CONTENT_TYPE: u32 = 1;
/// The largest control frame that is taken, in bytes; the specification's own bound.
const CONTROL_MAX: u32 = 512;

/// Kinds of control frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Control {
    Accept = 1,
    Start = 2,
    Stop = 3,
    Ready = 4,
    Finish = 5,
}

/// Writes a control frame; all but STOP and FINISH say what is in the frames.
pub(super) fn control(to: &mut impl Write, kind: Control) -> io::Result<()> {
    let mut frame = (kind as u32).to_be_bytes().to_vec();
    if !matches!(kind, Control::Stop | Control::Finish) {
        frame.extend(CONTENT_TYPE.to_be_bytes());
        frame.extend((CONTENT.len() as u32).to_be_bytes());
        frame.extend(CONTENT);
    }
    to.write_all(&0_u32.to_be_bytes())?;
    to.write_all(&(frame.len() as u32).to_be_bytes())?;
    to.write_all(&frame)
}

/// Writes a data frame. One without content would be the begin of a control frame; no message is empty.
pub(super) fn data(to: &mut impl Write, content: &[u8]) -> io::Result<()> {
    to.write_all(&(content.len() as u32).to_be_bytes())?;
    to.write_all(content)
}

/// Reads the control frame that is expected next.
pub(super) fn expect(from: &mut impl Read, kind: Control) -> io::Result<()> {
    let strange = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    if number(from)? != 0 {
        return Err(strange("the collector sends data".to_owned()));
    }
    let length = number(from)?;
    if !(4..=CONTROL_MAX).contains(&length) {
        return Err(strange(format!("the collector sends a control frame of {length} bytes")));
    }
    let mut frame = vec![0; length as usize];
    from.read_exact(&mut frame)?;
    let (found, fields) = frame.split_at(4);
    if found != (kind as u32).to_be_bytes() {
        return Err(strange(format!("the collector does not say {kind:?}")));
    }
    // Whoever accepts something says what; who names nothing takes everything.
    let takes = fields.is_empty() || fields.windows(CONTENT.len()).any(|field| field == CONTENT);
    if kind == Control::Accept && !takes {
        return Err(strange("the collector does not take dnstap".to_owned()));
    }
    Ok(())
}

fn number(from: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes)?;
    Ok(u32::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_frame_is_as_the_specification_has_it() {
        let mut start = Vec::new();
        control(&mut start, Control::Start).expect("memory takes it");
        assert_eq!(
            start,
            b"\0\0\0\0\0\0\0\x22\0\0\0\x02\0\0\0\x01\0\0\0\x16protobuf:dnstap.Dnstap"
        );
        let mut stop = Vec::new();
        control(&mut stop, Control::Stop).expect("memory takes it");
        assert_eq!(stop, b"\0\0\0\0\0\0\0\x04\0\0\0\x03");
    }

    #[test]
    fn strangers_on_the_socket_are_told_from_a_collector() {
        let mut accept = Vec::new();
        control(&mut accept, Control::Accept).expect("memory takes it");
        assert!(expect(&mut accept.as_slice(), Control::Accept).is_ok());
        let accepts_all = b"\0\0\0\0\0\0\0\x04\0\0\0\x01";
        assert!(expect(&mut accepts_all.as_slice(), Control::Accept).is_ok());
        for (frame, why) in [
            (&b"HTTP/1.1 400"[..], "sends data"),
            (b"\0\0\0\0\xff\xff\xff\xff", "of 4294967295 bytes"),
            (b"\0\0\0\0\0\0\0\x04\0\0\0\x05", "does not say Accept"),
            (b"\0\0\0\0\0\0\0\x0d\0\0\0\x01\0\0\0\x01\0\0\0\x01x", "does not take dnstap"),
        ] {
            let error = expect(&mut &*frame, Control::Accept).expect_err("it is none");
            assert!(error.to_string().contains(why), "{error}");
        }
        assert!(expect(&mut &b"\0\0"[..], Control::Accept).is_err(), "it ends too soon");
    }
}
