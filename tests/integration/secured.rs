//! DNS over TLS, and signed queries, by other people's clients.

use std::process::Command;

use crate::servers::{Folder, ROTADNS, Server, ZoneFile, free_port, installed};

const ZONE: ZoneFile<'_> = ZoneFile {
    name: "example.com.zone",
    text: "$TTL 60\n@ SOA ns1 host 7 7200 600 86400 300\n@ NS ns1\nns1 A 192.0.2.53\nwww A 192.0.2.1\n",
};
/// Base 64 of `0123456789abcdef0123456789abcdef`.
const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

fn run(mut command: Command) -> String {
    let output = command.output().expect("it is installed");
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn rfc7858_dns_over_tls_is_served_by_the_name_that_the_certificate_has() {
    let folder = Folder::new();
    let keys = folder.path.join("keys");
    let made = Command::new(ROTADNS)
        .arg("keygen")
        .arg(&keys)
        .args(["--for", "ns1.example.com"])
        .output()
        .expect("the binary that is tested");
    assert!(made.status.success(), "{made:?}");
    let (port, shown) = (free_port(), keys.display());
    let settings = format!(
        "tls: {{listen: \"127.0.0.1:{port}\", certificate: {shown}/certificate.pem, key: {shown}/key.pem}}\n"
    );
    let _server = Server::rotadns_with(&["127.0.0.1".parse().expect("it")], &settings, &[ZONE]);
    let ask = |name: &str, more: &[&str]| {
        let mut kdig = Command::new(installed("kdig", "knot-dnsutils"));
        kdig.args(["@127.0.0.1", "-p", &port.to_string(), "+retry=0", "+time=5", "+short"]);
        kdig.arg(format!("+tls-ca={shown}/ca.pem")).arg(format!("+tls-hostname={name}"));
        kdig.args(["www.example.com", "A"]).args(more);
        run(kdig)
    };
    assert_eq!(ask("ns1.example.com", &[]).trim(), "192.0.2.1");
    assert_eq!(ask("ns1.example.com", &["+keepopen", "ns1.example.com", "A"]).lines().count(), 2);
    assert!(!ask("ns2.example.com", &[]).contains("192.0.2.1"), "another name is another server");
}

#[test]
fn rfc8945_5_signed_queries_are_answered_signed() {
    let settings = format!(
        "keys: {{k.example: {{secret: {SECRET}}}, k384.example: {{algorithm: hmac-sha384, secret: {SECRET}}}, \
         k512.example: {{algorithm: hmac-sha512, secret: {SECRET}}}}}\n"
    );
    let server = Server::rotadns_with(&["127.0.0.1".parse().expect("it")], &settings, &[ZONE]);
    let port = server.port().to_string();
    let dig = |key: &str, more: &[&str]| {
        let mut dig = Command::new(installed("dig", "bind9-dnsutils"));
        dig.args(["@127.0.0.1", "-p", &port, "+tries=1", "+time=5", "-y", key]);
        dig.args(["www.example.com", "A"]).args(more);
        run(dig)
    };
    for (algorithm, name) in [
        ("hmac-sha256", "k.example"),
        ("hmac-sha384", "k384.example"),
        ("hmac-sha512", "k512.example"),
    ] {
        for more in [&[][..], &["+tcp"]] {
            let said = dig(&format!("{algorithm}:{name}:{SECRET}"), more);
            assert!(said.contains("192.0.2.1") && said.contains("NOERROR"), "{said}");
            // dig checks the signature, and says so where it is wrong.
            assert!(
                !said.contains("tsig verify failure") && said.contains("TSIG PSEUDOSECTION"),
                "{said}"
            );
        }
    }
    for (key, error) in [
        (format!("hmac-sha256:other.example:{SECRET}"), "BADKEY"),
        (format!("hmac-sha512:k.example:{SECRET}"), "BADKEY"),
        ("hmac-sha256:k.example:AAAAAAAAAAAAAAAAAAAAAA==".to_owned(), "BADSIG"),
    ] {
        let said = dig(&key, &[]);
        assert!(said.contains("NOTAUTH") && said.contains(error), "{said}");
        assert!(!said.contains("192.0.2.1"), "{said}");
    }
}
