//! Any packet, over UDP, TCP and TLS, to zones that have some of everything: an answer that ends within its limits, or none.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use rotadns::config::model::access::{Access, Allow, ZoneAccess};
use rotadns::engine::choose::ready::{Memory, Ready, Standing};
use rotadns::engine::settings::{AnyAnswer, Cookies, Places, Policy, Responses, Settings};
use rotadns::engine::snapshot::Chunks;
use rotadns::engine::{Context, OUT_TCP, OUT_UDP, Plan, Snapshot, Transport, View, respond};
use rotadns::name::Name;
use rotadns::wire::tsig::key::{Algorithm, Key, Keys};
use rotadns::zone::Zone;
use rotadns::zone::build::{Builder, from_model};

const BALANCED: &str = "zone: example.com
ns: [ns1, ns.example.net.]
pools:
  web: {backends: {a: 192.0.2.1, b: {address: [192.0.2.2, '2001:db8::2']}, c: 192.0.2.3}}
  far: {backends: {a: {target: www}, b: {target: www.example.net.}}}
records:
  '@': {alias: www, MX: 10 mail, TXT: v=spf1 -all}
  ns1: {A: 192.0.2.53}
  www: {pool: web}
  to: {CNAME: www}
  far: {pool: far}
  '*.wild': {pool: web, TXT: [a, b]}
  old: {DNAME: wild}
  sub: {NS: [ns.sub, ns.wild]}
  ns.sub: {pool: web}
";

/// What YAML does not take.
const PLAIN: &str = "$TTL 60
@ SOA ns host 7 7200 600 86400 300
@ NS ns
ns A 192.0.2.53
* CNAME a.b
a.b CNAME c.d
d DNAME b
loop CNAME loop
down DNAME x.down
sub NS ns.sub
sub NS ns
ns.sub AAAA 2001:db8::1
*.w NS ns
many TXT one
many TXT two
many MX 10 sub
many SRV 1 2 3 ns
";

fn view(zone: Zone) -> View {
    let ready = zone.pools.iter().map(|pool| {
        let standings = vec![Standing::UP; pool.endpoints().count()];
        Arc::new(Ready::new(pool, &standings, &Memory::default(), None))
    });
    let ready = Chunks::new(ready.collect::<Vec<_>>());
    View::Served { zone: Arc::new(zone), ready }
}

fn name(text: &str) -> Name {
    Name::parse_absolute(text).expect("a name")
}

/// The same zones with what an operator can set, and without.
static SNAPSHOTS: LazyLock<[Snapshot; 2]> = LazyLock::new(|| {
    let (model, mistakes) = rotadns::config::read_zone(Path::new("example.com.yaml"), BALANCED);
    let model = model.unwrap_or_else(|| panic!("{mistakes:?}"));
    let (balanced, _) = from_model(&model, 7, None).expect("no mistakes");
    let mut builder = Builder::new(name("example.net."));
    let mistakes = rotadns::zonefile::read(PLAIN.as_bytes(), &name("example.net."), |record| {
        builder.add(record.owner, record.rtype, record.ttl, record.rdata, record.line);
    });
    assert!(mistakes.is_empty(), "{mistakes:?}");
    let (plain, _) = builder.finish(Vec::new()).expect("no mistakes");
    let views = vec![view(balanced), view(plain), View::Broken(name("example.org."))];
    let bare = Snapshot::new(views).expect("each zone once");
    let local = || vec![Allow { address: Some("127.0.0.0/8".parse().expect("it")), key: None }];
    let general = ZoneAccess { transfer: local(), update: local(), ..ZoneAccess::default() };
    let settings = Settings {
        nsid: Some("fuzz-1".into()),
        version: Some("RotaDNS".into()),
        identity: Some("fuzz-1".into()),
        cookies: Cookies { policy: Policy::Require, secrets: vec![[9; 16]] },
        keepalive: 300,
        responses: Responses::Full,
        any: AnyAnswer::Full,
        keys: Keys::new(vec![Key::new(name("k."), Algorithm::Sha256, &[7; 32])]),
        access: Access { general, ..Access::default() },
        places: Places::default(),
    };
    let set = bare.clone().with_settings(Arc::new(settings));
    [bare, set]
});

fuzz_target!(|message: &[u8]| {
    let mut plan = Box::<Plan>::default();
    for snapshot in &*SNAPSHOTS {
        for (transport, room, most) in [
            (Transport::Udp, OUT_UDP, 1232),
            (Transport::Tcp, OUT_TCP, 65_535),
            (Transport::Tls, OUT_TCP, 65_535),
        ] {
            let mut out = vec![0; room];
            let context = Context {
                client: IpAddr::V4(Ipv4Addr::LOCALHOST),
                transport,
                draw: 1,
                now: 1_800_000_000,
            };
            let answer = respond(snapshot, &context, message, &mut plan, &mut out);
            assert!(answer.is_none_or(|len| (12..=most).contains(&len)), "{transport:?} {answer:?}");
            if let Some(len) = answer {
                // RFC 1035 §4.1.1: who answers says so, and to which query.
                assert!(out[..2] == message[..2] && out[2] & 0x80 != 0, "{:?}", &out[..len]);
            }
        }
    }
});
