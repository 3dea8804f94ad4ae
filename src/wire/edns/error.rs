//! What a response code does not tell, beside it (RFC 8914).

/// A number of RFC 8914 §4 and a sentence for people, which goes first where there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extended {
    /// The number.
    pub code: u16,
    /// The sentence; empty says nothing more.
    pub text: &'static str,
}

const fn extended(code: u16, text: &'static str) -> Extended {
    Extended { code, text }
}

/// What has no number of its own (§4.1).
pub const OTHER: Extended = extended(0, "");
/// A pool's addresses are a guess (§4.1).
pub const GUESS: Extended =
    extended(0, "no backend passes its check: every address is given as a guess");
/// Too few of a pool's backends are in service for the rest to carry the load (§4.1).
pub const PANIC: Extended =
    extended(0, "too few backends pass their check: every address is given as a guess");
/// A pool's addresses are those that were right before (§4.4).
pub const STALE: Extended =
    extended(3, "no backend passes its check: those that were in service last");
/// An alias whose target nobody here knows (§4.1).
pub const ASTRAY: Extended =
    extended(0, "an alias leads to a name that no zone here answers for, or in a circle");
/// The zone did not load (§4.15).
pub const NOT_READY: Extended = extended(14, "the zone did not load");
/// The zone is one of other servers', and none of them has given it yet (§4.15).
pub const NOT_COME: Extended = extended(14, "the zone has not come from its primaries yet");
/// Who asks may not (§4.19).
pub const PROHIBITED: Extended = extended(18, "");
/// The name is in no zone here (§4.21).
pub const NOT_AUTHORITATIVE: Extended = extended(20, "");
/// This type is not served, or not over UDP (§4.22).
pub const NOT_SUPPORTED: Extended = extended(21, "");
/// The zone's primaries were out of reach for too long (§4.25).
pub const EXPIRED: Extended = extended(24, "the zone has expired");
