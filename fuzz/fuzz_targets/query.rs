//! Any packet, over UDP and TCP, to a zone that has some of everything: an answer that ends within its limits, or none.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use rotadns::engine::choose::ready::{Ready, Standing};
use rotadns::engine::snapshot::Chunks;
use rotadns::engine::{Context, OUT_TCP, Plan, Snapshot, Transport, View, respond};

const ZONE: &str = "zone: example.com
ns: [ns1, ns.example.net]
pools:
  web: {backends: {a: 192.0.2.1, b: {address: [192.0.2.2, '2001:db8::2']}, c: 192.0.2.3}}
records:
  '@': {pool: web, MX: 10 mail, TXT: v=spf1 -all}
  ns1: {A: 192.0.2.53}
  www: {CNAME: '@'}
  '*.wild': {A: 192.0.2.4, TXT: [a, b]}
  old: {DNAME: new}
  sub: {NS: [ns.sub, ns.other]}
  ns.sub: {A: 192.0.2.5}
  loop: {CNAME: loop2}
  loop2: {CNAME: loop}
";

static SNAPSHOT: LazyLock<Snapshot> = LazyLock::new(|| {
    let (model, mistakes) = rotadns::config::read_zone(Path::new("example.com.yaml"), ZONE);
    let model = model.unwrap_or_else(|| panic!("{mistakes:?}"));
    let (zone, _) = rotadns::zone::build::from_model(&model, 7, None).expect("no mistakes");
    let ready = zone.pools.iter().map(|pool| {
        let up = Standing { in_service: true, is_set_down: false, may_change_in: None };
        let standings = vec![up; pool.endpoints().count()];
        Arc::new(Ready::new(pool, &standings, &[], None))
    });
    let ready = Chunks::new(ready.collect::<Vec<_>>());
    Snapshot::new(vec![View::Served { zone: Arc::new(zone), ready }]).expect("one zone")
});

fuzz_target!(|message: &[u8]| {
    let mut plan = Box::<Plan>::default();
    let mut out = vec![0; OUT_TCP];
    for (transport, most) in [(Transport::Udp, 1232), (Transport::Tcp, 65_535)] {
        let context = Context {
            client: IpAddr::V4(Ipv4Addr::LOCALHOST),
            transport,
            draw: 1,
            now: 1_800_000_000,
        };
        let answer = respond(&SNAPSHOT, &context, message, &mut plan, &mut out);
        assert!(answer.is_none_or(|len| (12..=most).contains(&len)), "{transport:?} {answer:?}");
    }
});
