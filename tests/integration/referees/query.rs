//! What is asked of all servers alike: a question and the way that it travels, or bytes that are no query.

use std::fmt;

use rotadns::name::Name;
use rotadns::rdata;

/// RD, as `dig` and resolvers set it.
pub(crate) const RD: u16 = 0x0100;
pub(crate) const AD: u16 = 0x0020;
pub(crate) const CD: u16 = 0x0010;
/// The bit that is to be zero (RFC 1035 §4.1.1).
pub(crate) const Z: u16 = 0x0040;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

/// An OPT record (RFC 6891 §6.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edns {
    pub payload: u16,
    pub version: u8,
    /// DO and 15 bits that nobody knows.
    pub flags: u16,
    /// As they stand in RDATA.
    pub options: &'static [u8],
}

impl Edns {
    pub(crate) const fn of(payload: u16) -> Self {
        Self { payload, version: 0, flags: 0, options: &[] }
    }
}

/// How a question travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    pub transport: Transport,
    /// The header's bits besides QR, the opcode and the rcode.
    pub flags: u16,
    pub class: u16,
    pub edns: Option<Edns>,
}

const IN: u16 = 1;

impl Way {
    pub(crate) const UDP: Self =
        Self { transport: Transport::Udp, flags: RD, class: IN, edns: None };
    pub(crate) const TCP: Self = Self { transport: Transport::Tcp, ..Self::UDP };

    pub(crate) const fn edns(self, edns: Edns) -> Self {
        Self { edns: Some(edns), ..self }
    }

    /// An answer over UDP is at most that long (RFC 6891 §6.2.3).
    pub(crate) fn limit(self) -> usize {
        match (self.transport, self.edns) {
            (Transport::Tcp, _) => 65_535,
            (Transport::Udp, None) => 512,
            (Transport::Udp, Some(edns)) => usize::from(edns.payload.clamp(512, 1232)),
        }
    }
}

/// As `dig` is told: `+tcp +bufsize=512`.
impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What `dig` does over UDP only when told.
        f.write_str(if self.transport == Transport::Tcp { "+tcp" } else { "+notcp +ignore" })?;
        for (bit, set, clear) in [
            (RD, "", " +norec"),
            (AD, " +adflag", " +noad"),
            (CD, " +cdflag", ""),
            (Z, " +zflag", ""),
        ] {
            f.write_str(if self.flags & bit == 0 { clear } else { set })?;
        }
        match self.class {
            IN => {}
            3 => f.write_str(" -c CH")?,
            4 => f.write_str(" -c HS")?,
            255 => f.write_str(" -c ANY")?,
            other => write!(f, " -c CLASS{other}")?,
        }
        let Some(Edns { payload, version, flags, options }) = self.edns else {
            return f.write_str(" +noedns");
        };
        write!(f, " +edns={version} +noednsneg +nocookie +bufsize={payload}")?;
        if flags & 0x8000 != 0 {
            f.write_str(" +dnssec")?;
        }
        if flags & 0x7fff != 0 {
            write!(f, " +ednsflags={:#x}", flags & 0x7fff)?;
        }
        let mut rest = options;
        while let [c0, c1, l0, l1, after @ ..] = rest {
            let (data, next) = after.split_at(usize::from(u16::from_be_bytes([*l0, *l1])));
            write!(f, " +ednsopt={}:", u16::from_be_bytes([*c0, *c1]))?;
            data.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
            rest = next;
        }
        Ok(())
    }
}

/// What is sent.
#[derive(Clone, Debug)]
pub(crate) enum Query {
    Question {
        name: Vec<u8>,
        rtype: u16,
        way: Way,
    },
    /// A message that no client builds: what is wrong with it, and its bytes behind the ID.
    Message {
        what: &'static str,
        bytes: Vec<u8>,
    },
}

impl Query {
    pub(crate) fn transport(&self) -> Transport {
        match self {
            Self::Question { way, .. } => way.transport,
            Self::Message { .. } => Transport::Udp,
        }
    }

    pub(crate) fn limit(&self) -> usize {
        match self {
            Self::Question { way, .. } => way.limit(),
            Self::Message { .. } => 1232,
        }
    }

    pub(crate) fn to_bytes(&self, id: u16) -> Vec<u8> {
        let (name, rtype, way) = match self {
            Self::Question { name, rtype, way } => (name, rtype, way),
            Self::Message { bytes, .. } => return [&id.to_be_bytes(), bytes.as_slice()].concat(),
        };
        let mut query = Vec::with_capacity(64);
        for field in [id, way.flags, 1, 0, 0, u16::from(way.edns.is_some())] {
            query.extend_from_slice(&field.to_be_bytes());
        }
        query.extend_from_slice(name);
        query.extend_from_slice(&rtype.to_be_bytes());
        query.extend_from_slice(&way.class.to_be_bytes());
        if let Some(Edns { payload, version, flags, options }) = way.edns {
            query.extend_from_slice(&[0, 0, 41]);
            query.extend_from_slice(&payload.to_be_bytes());
            query.extend_from_slice(&[0, version]);
            query.extend_from_slice(&flags.to_be_bytes());
            query.extend_from_slice(&(options.len() as u16).to_be_bytes());
            query.extend_from_slice(options);
        }
        query
    }

    /// The command that asks it again.
    pub(crate) fn dig(&self, port: u16) -> String {
        match self {
            Self::Question { rtype, way, .. } => {
                let (name, rtype) = (self.name(), rdata::type_name(*rtype));
                format!("dig @127.0.0.1 -p {port} -q '{name}' -t {rtype} {way}")
            }
            Self::Message { what, bytes } => format!("{what}: ID {bytes:02x?} to port {port}"),
        }
    }

    /// The name asked for in presentation format; of a message what is wrong with it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Question { name, .. } => presentation(name),
            Self::Message { what, .. } => (*what).to_owned(),
        }
    }
}

/// A name in wire form as text, its case kept.
pub(crate) fn presentation(wire: &[u8]) -> String {
    let mut text = String::new();
    rotadns::name::write_presentation(wire, &mut text).expect("a String takes it");
    text
}

/// A name of the test's own in wire form, its case kept.
pub(crate) fn wire(text: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    rotadns::name::parse_into(text.as_bytes(), Name::root().as_wire(), &mut wire)
        .unwrap_or_else(|error| panic!("{text}: {error}"));
    wire
}
