//! How much an answer says, as the operator sets it.

/// The longest text that a server says of itself: one character string (RFC 1035 §3.3.14).
pub const TEXT_MAX: usize = 255;
/// The longest name of a server among those of its name, so that it fits into most answers (RFC 5001).
pub const NSID_MAX: usize = 128;
/// The most secrets of cookies: one that signs and the one before it.
pub const SECRETS_MAX: usize = 2;

/// What is done about cookies (RFC 7873 §5.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Who sends one gets one, and is answered in any case.
    #[default]
    Answer,
    /// Over UDP, who sends one without our part of it gets that, and no answer yet.
    Require,
    /// They are an option that is not known here.
    Off,
}

/// What an answer has beside what was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Responses {
    /// Nothing that can be asked for.
    #[default]
    Minimal,
    /// The zone's name servers, and addresses of the names in the answer.
    Full,
}

/// What is answered to ANY over a stream (RFC 8482).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnyAnswer {
    /// One RRset, as over UDP.
    #[default]
    One,
    /// All of them.
    Full,
}
