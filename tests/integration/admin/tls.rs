//! TLS, with what `rotadns keygen` makes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use super::serve;
use crate::http::Http;
use crate::servers::{Folder, ROTADNS};
use crate::waiting::until;

const PATIENCE: Duration = Duration::from_secs(10);

fn keygen(folder: &Path, names: &[&str]) -> Output {
    let mut command = Command::new(ROTADNS);
    command.arg("keygen").arg(folder);
    command.args(names.iter().flat_map(|name| ["--for", name]));
    command.output().expect("the binary that is tested")
}

#[test]
fn keygen_writes_all_that_a_server_on_a_network_needs() {
    let folder = Folder::new();
    let keys = folder.path.join("keys");
    let output = keygen(&keys, &["ns1.example.com", "192.0.2.53"]);
    assert!(output.status.success(), "{output:?}");
    let guide = String::from_utf8_lossy(&output.stdout);
    let token = |role: &str| {
        let text = fs::read_to_string(keys.join(format!("token-{role}"))).expect("a token");
        assert!(!guide.contains(text.trim()), "tokens are not shown");
        text.trim().to_owned()
    };
    for file in ["key.pem", "tokens", "token-read", "token-feed", "token-operate"] {
        let mode = fs::metadata(keys.join(file)).expect(file).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let again = keygen(&keys, &["ns1.example.com"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("keys are not overwritten"));
    let kept =
        Command::new(ROTADNS).arg("keygen").arg(&keys).args(["--keep", "--for", "ns1"]).output();
    assert!(kept.expect("the binary that is tested").status.success());
    assert_eq!(keygen(&keys.join("more"), &["a/b"]).status.code(), Some(2));

    let shown = keys.display();
    let (server, plain) = serve(&format!(
        ", tokens: {shown}/tokens, tls: {{certificate: {shown}/certificate.pem, key: {shown}/key.pem}}"
    ));
    let tls = Http::tls(server.admin(), &keys.join("ca.pem"));
    assert_eq!(tls.get("/healthz").status, 200);
    assert_eq!(tls.get("/v1/status").status, 401);
    assert_eq!(tls.bearer(&token("read")).get("/v1/status").status, 200);
    let reload =
        |role: &str| tls.bearer(&token(role)).post("/v1/reload", &serde_json::json!({})).status;
    assert_eq!((reload("read"), reload("operate")), (403, 200));
    // A name of the certificate is one of ours, any other is somebody's trick.
    for (host, expected) in [("ns1.example.com:8053", 200), ("ns2.example.com:8053", 421)] {
        assert_eq!(tls.with("Host", host).get("/healthz").status, expected, "{host}");
    }
    // Without TLS nothing is answered.
    let mut stream = plain.connect();
    let _ = stream.write_all((plain.head("GET", "/healthz") + "\r\n").as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");
}

#[test]
fn a_certificate_that_was_renewed_is_shown() {
    let folder = Folder::new();
    let (old, new) = (folder.path.join("old"), folder.path.join("new"));
    for keys in [&old, &new] {
        assert!(keygen(keys, &["192.0.2.53"]).status.success());
    }
    let shown = old.display();
    let (server, _) =
        serve(&format!(", tls: {{certificate: {shown}/certificate.pem, key: {shown}/key.pem}}"));
    let trusting = |keys: &Path| Http::tls(server.admin(), &keys.join("ca.pem"));
    assert_eq!(trusting(&old).get("/healthz").status, 200);
    let newer = trusting(&new);
    for file in ["certificate.pem", "key.pem"] {
        fs::rename(new.join(file), old.join(file)).expect("both are in one folder");
    }
    until("the new one is shown", PATIENCE, || newer.try_get("/healthz").map(drop));
}
