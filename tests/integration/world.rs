//! Zones in, questions in, answers out on one line: the one helper that knows the API.
//!
//! ```text
//!   World::of("example.com.", "www A 192.0.2.2").check(&[
//!       ("www.example.com. A +edns", "NOERROR aa edns=1232 | www.example.com. 3600 A 192.0.2.2"),
//!   ]);
//! ```
//!
//! A question is a name, a type, perhaps a class, and options: `+tcp`, `+tls`, `+edns` or `+edns=4096`,
//! `+version=1`, `+option=3:` with data in hex, `+do`, `+rd`, `+cd`, `+ad`, `+draw=3`. An answer is its response code and flags, then
//! answer, authority and additional section, empty ones at the end left out. Of an SOA's data only
//! the serial is shown. hickory-proto reads our bytes, and so is the second opinion on them.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::Message;
use hickory_proto::rr::{RData, Record};
use rotadns::config::model::{Backend, Endpoint, Face, Role, SetState, WhenAllDown};
use rotadns::engine::choose::ready::{Group, Lineup, Memory, Ready, Standing};
use rotadns::engine::settings::Settings;
use rotadns::engine::snapshot::Chunks;
use rotadns::engine::{
    Context, OUT_TCP, OUT_UDP, Plan, Service, Snapshot, Transport, View, prepare, respond,
};
use rotadns::health::sources::Moment;
use rotadns::name::{self, Name};
use rotadns::zone::Zone;
use rotadns::zone::build::{Builder, Built, from_model};

/// What a zone needs besides what a test is about: `NS` and `SOA`, both of TTL 3600, the SOA's minimum 300.
pub(crate) const HEAD: &str =
    "$TTL 3600\n@ SOA ns1 host 7 7200 600 86400 300\n@ NS ns1\nns1 A 192.0.2.53\n";

/// The zones of a server.
#[derive(Clone)]
pub(crate) struct World(Vec<View>, Arc<Settings>);

impl World {
    /// A zone of these records in master-file format, with [`HEAD`] before them.
    pub(crate) fn of(origin: &str, records: &str) -> Self {
        Self::bare(origin, &format!("{HEAD}{records}"))
    }

    /// A zone of this master file and nothing else.
    pub(crate) fn bare(origin: &str, text: &str) -> Self {
        let (zone, _) = build(origin, text.as_bytes()).expect("the zone has no mistakes");
        Self::with(view(zone, &Health::default()))
    }

    /// The zone example.com of this YAML, without its first line, and what is known of its addresses:
    /// `down 192.0.2.1 192.0.2.2; last 192.0.2.1; changing 192.0.2.3=4s; primary 192.0.2.1; replica 192.0.2.2=3s; held db-1`.
    pub(crate) fn yaml(body: &str, health: &str) -> Self {
        let text =
            format!("zone: example.com\nns: [ns.example.net.]\nsoa: {{minimum: 5m}}\n{body}");
        Self::file("example.com.yaml", &text, health)
    }

    /// The zone of this file of our own, and the same of its addresses.
    pub(crate) fn file(name: &str, text: &str, health: &str) -> Self {
        let (model, mistakes) = rotadns::config::read_zone(Path::new(name), text);
        let model = model.unwrap_or_else(|| panic!("{mistakes:?}"));
        let (zone, _) = from_model(&model, 7, None).expect("the zone has no mistakes");
        Self::with(view(zone, &Health::parse(health)))
    }

    /// A zone whose file could not be read.
    pub(crate) fn broken(origin: &str) -> Self {
        Self::with(View::Broken(parse(origin)))
    }

    /// A zone that came from elsewhere, and has expired.
    pub(crate) fn expired(origin: &str) -> Self {
        Self::with(View::Expired(parse(origin)))
    }

    fn with(view: View) -> Self {
        Self(vec![view], Arc::default())
    }

    /// The same, as an operator sets it.
    pub(crate) fn set(mut self, settings: Settings) -> Self {
        self.1 = Arc::new(settings);
        self
    }

    /// Both.
    pub(crate) fn and(mut self, other: World) -> Self {
        self.0.extend(other.0);
        self
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let snapshot = Snapshot::new(self.0.clone()).expect("no zone is there twice");
        snapshot.with_settings(Arc::clone(&self.1))
    }

    /// The answer's bytes; `None` where there is none.
    pub(crate) fn send(&self, query: &[u8], transport: Transport, draw: u64) -> Option<Vec<u8>> {
        self.send_from(IpAddr::V4(Ipv4Addr::LOCALHOST), query, transport, draw)
    }

    /// The same for somebody else than this machine.
    pub(crate) fn send_from(
        &self,
        client: IpAddr,
        query: &[u8],
        transport: Transport,
        draw: u64,
    ) -> Option<Vec<u8>> {
        let context = Context { client, transport, draw, now: NOW };
        let room = if transport == Transport::Udp { OUT_UDP } else { OUT_TCP };
        // Filled, so that a byte that was never written is seen.
        let mut out = vec![0xee; room];
        let mut plan = Box::<Plan>::default();
        let len = respond(&self.snapshot(), &context, query, &mut plan, &mut out)?;
        out.truncate(len);
        Some(out)
    }

    /// What a question is handed on to instead of being answered.
    pub(crate) fn service(&self, query: &[u8], transport: Transport) -> Option<Service> {
        let client = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let mut plan = Box::<Plan>::default();
        let context = Context { client, transport, draw: 0, now: NOW };
        prepare(&self.snapshot(), &context, query, &mut plan);
        plan.service()
    }

    /// The bytes of the answer to a question.
    pub(crate) fn bytes(&self, question: &str) -> Vec<u8> {
        let ask = Ask::parse(question);
        self.send(&ask.query, ask.transport, ask.draw).expect("a good question is answered")
    }

    /// The answer to a question, on one line.
    pub(crate) fn ask(&self, question: &str) -> String {
        render(&self.bytes(question))
    }

    /// Compares the answer to each question.
    #[track_caller]
    pub(crate) fn check(&self, rows: &[(&str, &str)]) {
        for (question, expected) in rows {
            assert_eq!(self.ask(question), *expected, "\nquestion: {question}");
        }
    }
}

/// The zone of this apex in a snapshot that serves it.
pub(crate) fn view_of(snapshot: &Snapshot, origin: &str) -> Arc<Zone> {
    let place = snapshot.catalog().place(&parse(origin)).expect("the zone is there");
    let view = snapshot.zone(place as u32).expect("the catalog knows places");
    Arc::clone(view.zone().expect("it is served"))
}

/// Builds a zone of a master file.
pub(crate) fn build(origin: &str, text: &[u8]) -> Built {
    let origin = parse(origin);
    let mut builder = Builder::new(origin.clone());
    let mistakes = rotadns::zonefile::read(text, &origin, |record| {
        builder.add(record.owner, record.rtype, record.ttl, record.rdata, record.line);
    });
    assert!(mistakes.is_empty(), "{mistakes:?}");
    builder.finish(Vec::new())
}

pub(crate) fn parse(text: &str) -> Name {
    Name::parse_absolute(text).expect(text)
}

/// A master file of these lines.
pub(crate) fn text(lines: impl Iterator<Item = String>) -> String {
    lines.collect()
}

/// What is known of addresses.
#[derive(Default)]
struct Health {
    down: Vec<IpAddr>,
    last: Vec<Endpoint>,
    changing: Vec<(IpAddr, Duration)>,
    /// What addresses say that they are, and how far they are behind.
    roles: Vec<(IpAddr, Role, Option<Duration>)>,
    /// The backend that was primary last.
    held: Option<String>,
}

impl Health {
    fn parse(text: &str) -> Self {
        let mut health = Self::default();
        let address = |word: &str| word.parse::<IpAddr>().expect("an address");
        for part in text.split(';').filter(|part| !part.trim().is_empty()) {
            let mut words = part.split_whitespace();
            match words.next() {
                Some("down") => health.down.extend(words.map(address)),
                Some("last") => {
                    health.last.extend(words.map(|word| Endpoint::Address(address(word))));
                }
                Some("changing") => health.changing.extend(words.map(|word| {
                    let (one, seconds) = word.split_once('=').expect("an address and a time");
                    let seconds = seconds.trim_end_matches('s').parse().expect("seconds");
                    (address(one), Duration::from_secs(seconds))
                })),
                Some("held") => health.held = words.next().map(str::to_owned),
                Some(role @ ("primary" | "replica")) => health.roles.extend(words.map(|word| {
                    let (one, lag) = word.split_once('=').unwrap_or((word, ""));
                    let lag = lag.strip_suffix('s').map(|lag| lag.parse().expect("seconds"));
                    let role = if role == "primary" { Role::Primary } else { Role::Replica };
                    (address(one), role, lag.map(Duration::from_secs))
                })),
                other => panic!("{other:?} is not known here"),
            }
        }
        health
    }
}

fn view(zone: Zone, health: &Health) -> View {
    let ready: Vec<_> =
        (0..zone.pools.len()).map(|at| Arc::new(ready(&zone, at, health))).collect();
    View::Served { zone: Arc::new(zone), ready: Chunks::new(ready) }
}

fn ready(zone: &Zone, index: usize, health: &Health) -> Ready {
    seen(zone, index, health).0
}

/// A pool, its standings, and the pools within it.
fn seen(zone: &Zone, index: usize, health: &Health) -> (Ready, Vec<Standing>, Vec<Group>) {
    let pool = &zone.pools[index];
    if let Some(Face { of, site: Some(_), .. }) = pool.face {
        return (ready(zone, of, health).at_site(pool), Vec::new(), Vec::new());
    }
    let fallback = match pool.when_all_down {
        WhenAllDown::Fallback(other) => Some(ready(zone, other, health)),
        _ => None,
    };
    let standing = |(backend, endpoint): (&Backend, Endpoint)| {
        let probed = backend.probe_of(&endpoint);
        let is_down = probed.is_some_and(|address| health.down.contains(&address));
        let told = health.roles.iter().find(|(address, ..)| Some(*address) == probed);
        let mut changing = health.changing.iter();
        Standing {
            in_service: match backend.state {
                SetState::Up => true,
                SetState::Down => false,
                SetState::Auto => !is_down,
            },
            role: told.map(|(_, role, _)| *role),
            lag: told.and_then(|(.., lag)| *lag),
            is_set_down: backend.state == SetState::Down,
            may_change_in: changing
                .find(|(changing, _)| Some(*changing) == probed)
                .map(|(_, time)| *time),
            ..Standing::UP
        }
    };
    let standings: Vec<Standing> = pool.endpoints().map(standing).collect();
    let (last, primary) = (health.last.clone(), health.held.clone());
    let inner = pool.backends.iter().filter_map(|backend| {
        let place = backend.inner()?;
        let (ready, standings, groups) = seen(zone, place, health);
        let standing = Standing {
            in_service: match backend.state {
                SetState::Up => true,
                SetState::Down => false,
                SetState::Auto => Group::is_in_service(&ready),
            },
            is_set_down: backend.state == SetState::Down,
            ..Standing::UP
        };
        let lineup = Lineup { endpoints: &standings, groups: &groups };
        Some(Group::new(standing, &zone.pools[place], lineup, &ready))
    });
    let groups: Vec<Group> = inner.collect();
    let lineup = Lineup { endpoints: &standings, groups: &groups };
    let mut memory = Memory { last, primary, ..Memory::default() };
    memory.note(pool, lineup, Moment::default());
    let ready = Ready::new(pool, lineup, &memory, fallback.as_ref());
    (ready, standings, groups)
}

/// A question as bytes, and how it is sent.
pub(crate) struct Ask {
    pub(crate) query: Vec<u8>,
    pub(crate) transport: Transport,
    pub(crate) draw: u64,
}

/// When every question is asked, in seconds since 1970.
pub(crate) const NOW: u64 = 1_800_000_000;

/// The ID of every question.
pub(crate) const ID: u16 = 0xbeef;

impl Ask {
    pub(crate) fn parse(question: &str) -> Self {
        let mut words = question.split_whitespace();
        let name = words.next().expect("a question has a name");
        let rtype = number_of_type(words.next().expect("a question has a type"));
        let (mut class, mut flags, mut transport, mut draw) = (1, 0, Transport::Udp, 0);
        let (mut payload, mut version, mut dnssec_ok) = (None, 0, 0);
        let mut options = Vec::new();
        for word in words {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            let number = || value.parse::<u16>().expect("a number");
            match key {
                "IN" => {}
                "CH" => class = 3,
                "HS" => class = 4,
                "NONE" => class = 254,
                "ANY" => class = 255,
                "+tcp" => transport = Transport::Tcp,
                "+tls" => transport = Transport::Tls,
                "+edns" if value.is_empty() => payload = Some(1232),
                "+edns" => payload = Some(number()),
                "+version" => version = number() as u8,
                "+option" => options.extend(option(value)),
                "+do" => dnssec_ok = 0x80,
                "+rd" => flags |= 0x0100,
                "+ad" => flags |= 0x0020,
                "+cd" => flags |= 0x0010,
                "+draw" => draw = value.parse().expect("a number"),
                _ => panic!("{word} is no option of a question"),
            }
        }
        if version > 0 || dnssec_ok > 0 || !options.is_empty() {
            payload = payload.or(Some(1232));
        }
        let mut query = header(flags, [1, 0, 0, u16::from(payload.is_some())]);
        name::parse_into(name.as_bytes(), &[0], &mut query).expect(name);
        query.extend(rtype.to_be_bytes());
        query.extend(u16::to_be_bytes(class));
        if let Some(payload) = payload {
            query.extend([0, 0, 41]);
            query.extend(payload.to_be_bytes());
            query.extend([0, version, dnssec_ok, 0]);
            query.extend((options.len() as u16).to_be_bytes());
            query.extend(options);
        }
        Self { query, transport, draw }
    }
}

/// An EDNS option: its number, a colon, its data in hexadecimal digits.
fn option(text: &str) -> Vec<u8> {
    let (code, digits) = text.split_once(':').expect("a number, a colon and data");
    let data = unhex(digits);
    let code: u16 = code.parse().expect("a number");
    [code.to_be_bytes(), (data.len() as u16).to_be_bytes()]
        .into_iter()
        .flatten()
        .chain(data)
        .collect()
}

/// Bytes from hexadecimal digits.
pub(crate) fn unhex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).expect("digits"));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("two digits")).collect()
}

/// The options of an answer's OPT, which stands last, in their order.
pub(crate) fn options(answer: &[u8]) -> Vec<(u16, Vec<u8>)> {
    decode(answer);
    let head = [0, 0, 41, 0x04, 0xd0];
    let at = answer.windows(head.len()).rposition(|window| window == head).expect("an OPT");
    let mut rest = &answer[at + 11..];
    let mut found = Vec::new();
    while let Some((&[c0, c1, l0, l1], data)) = rest.split_first_chunk() {
        let (data, more) = data.split_at(usize::from(u16::from_be_bytes([l0, l1])));
        found.push((u16::from_be_bytes([c0, c1]), data.to_vec()));
        rest = more;
    }
    assert!(rest.is_empty(), "nothing follows OPT");
    found
}

/// A header with the ID [`ID`].
pub(crate) fn header(flags: u16, counts: [u16; 4]) -> Vec<u8> {
    [ID, flags].into_iter().chain(counts).flat_map(u16::to_be_bytes).collect()
}

/// The number of a type; those too that only a question can have.
pub(crate) fn number_of_type(text: &str) -> u16 {
    match text {
        "OPT" => 41,
        "TSIG" => 250,
        "IXFR" => 251,
        "AXFR" => 252,
        "MAILB" => 253,
        "MAILA" => 254,
        "ANY" => 255,
        _ => rotadns::rdata::parse_type(text).unwrap_or_else(|| panic!("{text} is no type")),
    }
}

/// An answer on one line, read by hickory-proto.
pub(crate) fn render(bytes: &[u8]) -> String {
    let message = decode(bytes);
    assert_eq!(message.metadata.id, ID, "the ID comes back");
    // The response code's upper bits stand in OPT (RFC 6891 §6.1.3).
    let high = message.edns.as_ref().map_or(0, |edns| u16::from(edns.rcode_high()));
    let mut line = rcode(high << 4 | u16::from(bytes[3] & 0xf)).to_owned();
    let metadata = &message.metadata;
    for (is_set, flag) in [
        (metadata.authoritative, " aa"),
        (metadata.truncation, " tc"),
        (metadata.recursion_desired, " rd"),
        (metadata.recursion_available, " ra"),
        (bytes[3] & 0x40 != 0, " z"),
        (metadata.authentic_data, " ad"),
        (metadata.checking_disabled, " cd"),
    ] {
        line += if is_set { flag } else { "" };
    }
    if let Some(edns) = &message.edns {
        write!(line, " edns={}", edns.max_payload()).expect("a String takes all");
        line += if edns.flags().dnssec_ok { " do" } else { "" };
        assert_eq!((edns.version(), edns.flags().z), (0, 0));
    }
    let sections = [&message.answers, &message.authorities, &message.additionals];
    for section in sections {
        let records: Vec<String> = section.iter().map(show).collect();
        write!(line, " | {}", records.join(", ")).expect("a String takes all");
    }
    line.trim_end_matches([' ', '|']).to_owned()
}

/// Reads an answer, and requires that nothing stands behind it.
pub(crate) fn decode(bytes: &[u8]) -> Message {
    let message = Message::from_vec(bytes).unwrap_or_else(|error| panic!("{error}: {bytes:02x?}"));
    let counts = [&message.answers, &message.authorities].map(|section| section.len() as u16);
    let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    assert_eq!(counts, [word(6), word(8)]);
    assert_eq!(bytes[2] & 0x80, 0x80, "an answer says that it is one");
    message
}

fn rcode(number: u16) -> &'static str {
    match number {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        6 => "YXDOMAIN",
        9 => "NOTAUTH",
        16 => "BADVERS",
        23 => "BADCOOKIE",
        _ => panic!("response code {number}"),
    }
}

fn show(record: &Record) -> String {
    let rdata = match &record.data {
        RData::SOA(soa) => soa.serial.to_string(),
        RData::Unknown { code, rdata } => {
            rotadns::rdata::print(u16::from(*code), &rdata.anything).to_string()
        }
        other => other.to_string(),
    };
    format!("{} {} {} {rdata}", owner(record), record.ttl, record.record_type())
}

/// The owner in presentation format, its case kept.
pub(crate) fn owner(record: &Record) -> String {
    let mut text = String::new();
    name::write_presentation(&wire(&record.name), &mut text).expect("a String takes all");
    text
}

/// The wire form of a name that hickory-proto has read.
pub(crate) fn wire(name: &hickory_proto::rr::Name) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in name {
        wire.push(label.len() as u8);
        wire.extend_from_slice(label);
    }
    wire.push(0);
    wire
}
