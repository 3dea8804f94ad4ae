//! Zones handed out over TLS (RFC 9103): to kdig, and to BIND as a secondary.

use std::process::Command;
use std::time::Duration;

use super::{ORIGIN, SECRET, assert_identical, dig, primary, serial};
use crate::peers::bind_with;
use crate::servers::{Folder, ROTADNS, Server, free_port, installed};
use crate::waiting::until;

/// What the certificates are for.
pub(crate) const NAME: &str = "ns1.example.com";
/// How long a secondary may take until it has a version.
const TAKES_MAX: Duration = Duration::from_secs(40);

/// A certificate for [`NAME`], its key, and the authority that made it.
pub(crate) fn keys(folder: &Folder) -> String {
    let keys = folder.path.join("keys");
    let made = Command::new(ROTADNS).arg("keygen").arg(&keys).args(["--for", NAME]).output();
    let made = made.expect("the binary that is tested");
    assert!(made.status.success(), "{made:?}");
    keys.display().to_string()
}

fn zone(text: &str) -> String {
    let hosts =
        crate::world::text((0..2000).map(|host| format!("  host{host}: {{TXT: number {host}}}\n")));
    format!(
        "zone: {ORIGIN}\nns: [ns1]\nrecords:\n  ns1: {{A: 192.0.2.53}}\n  text: {{TXT: {text}}}\n{hosts}"
    )
}

/// RotaDNS with the zone, and the port where it speaks TLS.
fn serving(keys: &str, told: &[u16]) -> (Server, u16) {
    let port = free_port();
    let tls = format!(
        "tls: {{listen: \"127.0.0.1:{port}\", certificate: {keys}/certificate.pem, key: {keys}/key.pem}}\n"
    );
    (primary(&zone("one"), told, &tls), port)
}

#[test]
fn rfc9103_7_a_zone_is_the_same_over_tls_and_for_who_may_alone() {
    let folder = Folder::new();
    let keys = keys(&folder);
    let (ours, port) = serving(&keys, &[]);
    let kdig = |name: &str, more: &[&str]| {
        let output = Command::new(installed("kdig", "knot-dnsutils"))
            .args(["@127.0.0.1", "-p", &port.to_string(), "+retry=0", "+time=10"])
            .arg(format!("+tls-ca={keys}/ca.pem"))
            .arg(format!("+tls-hostname={name}"))
            .args([ORIGIN, "AXFR"])
            .args(more)
            .output()
            .expect("kdig runs");
        String::from_utf8([output.stdout, output.stderr].concat()).expect("kdig prints text")
    };
    let signed = format!("hmac-sha256:transfer.example:{SECRET}");
    let over_tls = kdig(NAME, &["-y", &signed]);
    assert_eq!(over_tls.lines().filter(|line| line.contains("SOA")).count(), 2, "{over_tls}");
    // The last SOA is the first one, and counts once; the signatures are of the messages.
    let end = over_tls.lines().collect::<Vec<_>>();
    let end = end.iter().rposition(|line| line.contains("SOA")).expect("it ends in an SOA");
    let records = over_tls.lines().take(end).filter(|line| !line.contains("TSIG"));
    let records = records.collect::<Vec<_>>().join("\n");
    let over_tcp = dig(ours.v4(), Some(("transfer.example", SECRET)), "AXFR");
    assert_identical(&records, &over_tcp, "kdig");

    let unsigned = kdig(NAME, &[]);
    assert!(unsigned.contains("REFUSED") && !unsigned.contains("SOA"), "{unsigned}");
    // It is TLS that kdig speaks, as another name is another server.
    let elsewhere = kdig("ns2.example.com", &["-y", &signed]);
    assert!(!elsewhere.contains("SOA"), "{elsewhere}");
}

#[test]
fn rfc9103_7_bind_takes_the_zone_over_tls_and_then_what_has_changed() {
    let folder = Folder::new();
    let keys = keys(&folder);
    let port = free_port();
    let (ours, tls) = serving(&keys, &[port]);
    let rest = format!(
        r#"key "transfer.example" {{ algorithm hmac-sha256; secret "{SECRET}"; }};
tls rotadns {{ ca-file "{keys}/ca.pem"; remote-hostname "{NAME}"; }};
zone "{ORIGIN}" {{
  type secondary;
  file "example.com.db";
  primaries {{ 127.0.0.1 port {tls} key transfer.example tls rotadns; }};
  allow-notify {{ key transfer.example; }};
}};
"#
    );
    let theirs = bind_with(folder, port, "notify no; allow-transfer { 127.0.0.1; };", &rest);
    let has_the_same = || {
        let version = serial(&ours).expect("it is ours");
        until(&format!("BIND has version {version}"), TAKES_MAX, || {
            (serial(&theirs) == Some(version)).then_some(())
        });
        let key = Some(("transfer.example", SECRET));
        let (ours, theirs) = (dig(ours.v4(), key, "AXFR"), dig(theirs.v4(), None, "AXFR"));
        assert_identical(&ours, &theirs, "BIND over TLS");
    };
    has_the_same();
    let first = serial(&ours).expect("it is ours");
    ours.replace_file(&format!("zones/{ORIGIN}.yaml"), &zone("two"));
    until("the change is served", TAKES_MAX, || (serial(&ours) != Some(first)).then_some(()));
    has_the_same();
    assert!(ours.said().contains(&format!("handing out changes since {first}")), "{}", ours.said());
}
