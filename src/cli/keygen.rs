//! `rotadns keygen`: all that an admin API on a network needs, in one go.
//!
//! A certificate authority that is used once, a certificate that it has signed, and a token for each role. The
//! authority's key is not kept: what could sign another certificate is nowhere.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{Write as _, stdout};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

use crate::digest::hex;
use crate::health::source::Source;
use crate::health::sources::BESIDE_MAX;

/// How long the certificates are valid.
const YEARS: i16 = 10;
/// The random bytes of a token.
const TOKEN_BYTES: usize = 32;
/// By what this machine calls itself, besides what it is told.
const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// What the token of a prober is for where no prober is named.
const PROBER: &str = "prober";
/// The most probers that a server hears.
const PROBERS_MAX: usize = BESIDE_MAX;

/// A file to be written: its name, its text, and who may read it.
struct NewFile {
    name: String,
    text: String,
    mode: u32,
}

/// What keys are wished for.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    /// The folder to write them to
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The names and addresses by which servers are reached; as often as there are any
    #[arg(long = "for", value_name = "IP-or-NAME", required = true, value_parser = subject)]
    names: Vec<String>,
    /// The name of a prober beside, which gets a token of its own; as often as there are any
    #[arg(long = "prober", value_name = "NAME", value_parser = prober)]
    probers: Vec<String>,
    /// Who reports on backends that report by themselves, such as a deploy script, and gets a token for that; as often as there are any
    #[arg(long = "push", value_name = "NAME", value_parser = prober)]
    pushers: Vec<String>,
    /// Leave all as it is where the folder has every file already
    #[arg(long)]
    keep: bool,
}

/// Writes the files, and says what they are for.
pub(super) fn run(flags: &Flags) -> anyhow::Result<bool> {
    let Flags { folder, names, probers, pushers, keep } = flags;
    for (flag, named) in [("prober", probers), ("push", pushers)] {
        let mut met = HashSet::new();
        if let Some(twice) = named.iter().find(|name| !met.insert(*name)) {
            bail!("--{flag} {twice} stands there twice; each has a name of its own");
        }
    }
    if probers.len() > PROBERS_MAX {
        bail!("a server hears at most {PROBERS_MAX} probers beside; name fewer");
    }
    let files = files(names, probers, pushers)?;
    let is_there = |file: &NewFile| fs::symlink_metadata(folder.join(&file.name)).is_ok();
    if *keep && files.iter().all(is_there) {
        writeln!(stdout(), "{}: all keys are there already, and stay", folder.display())?;
        return Ok(true);
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("{}: the folder cannot be made", folder.display()))?;
    if let Some(file) = files.iter().find(|file| is_there(file)) {
        bail!(
            "{}: is there already, and keys are not overwritten; take another folder",
            folder.join(&file.name).display()
        );
    }
    for NewFile { name, text, mode } in &files {
        let path = folder.join(name);
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(*mode)
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .with_context(|| format!("{}: cannot be written", path.display()))?;
    }
    // Without what a shell adds to the end, as it is pasted into a config file.
    let shown: PathBuf = folder.components().collect();
    let guide = guide(&shown.display().to_string(), names, probers, pushers);
    writeln!(stdout(), "{guide}")?;
    Ok(true)
}

fn files(names: &[String], probers: &[String], pushers: &[String]) -> anyhow::Result<Vec<NewFile>> {
    let [ca, certificate, key] = certificates(names)?;
    let open = |name: &str, text| NewFile { name: name.into(), text, mode: 0o644 };
    let secret = |name: String, text| NewFile { name, text, mode: 0o600 };
    let mut files = vec![
        open("ca.pem", ca),
        open("certificate.pem", certificate),
        secret("key.pem".into(), key),
    ];
    let mut all = String::from(
        "# ROLE NAME TOKEN; `read` looks, `feed` tells what a prober found, `operate` steers,\n\
         # `push` reports on backends that report by themselves.\n",
    );
    let mut add = |role: &str, name: &str, file: String| -> anyhow::Result<()> {
        let token = token()?;
        all += &[role, " ", name, " ", &token, "\n"].concat();
        files.push(secret(file, token + "\n"));
        Ok(())
    };
    add("read", "reader", "token-read".into())?;
    add("operate", "operator", "token-operate".into())?;
    if probers.is_empty() {
        add("feed", PROBER, "token-feed".into())?;
    }
    for name in probers {
        add("feed", name, format!("token-feed-{name}"))?;
    }
    for name in pushers {
        add("push", name, format!("token-push-{name}"))?;
    }
    files.push(secret("tokens".into(), all));
    Ok(files)
}

fn token() -> anyhow::Result<String> {
    let mut bytes = [0; TOKEN_BYTES];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| anyhow::anyhow!("the system gives no random numbers"))?;
    Ok(hex(&bytes))
}

/// An authority, a certificate that it has signed, and the key of that.
fn certificates(names: &[String]) -> anyhow::Result<[String; 3]> {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    // Clocks differ, and nobody was born on the 29th of February.
    let begin = today.yesterday()?.first_of_month();
    let end = Date::new(begin.year() + YEARS, begin.month(), 1)?;
    let time = |date: Date| {
        date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    };

    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, "RotaDNS admin API");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    (authority.not_before, authority.not_after) = (time(begin), time(end));
    let authority_key = KeyPair::generate()?;
    let ca = authority.self_signed(&authority_key)?.pem();

    let mut all: Vec<String> = names.to_vec();
    all.extend(LOCAL.map(str::to_owned).into_iter().filter(|local| !names.contains(local)));
    let mut params = CertificateParams::new(all)?;
    params.distinguished_name.push(DnType::CommonName, names[0].clone());
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    (params.not_before, params.not_after) = (time(begin), time(end));
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &Issuer::new(authority, authority_key))?.pem();
    Ok([ca, certificate, key.serialize_pem()])
}

/// A name or an address that a certificate can be for.
fn subject(text: &str) -> Result<String, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    let is_label = |label: &str| {
        let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(is_fine)
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.len() <= 253 && name.split('.').all(is_label) {
        Ok(name.to_ascii_lowercase())
    } else {
        Err("neither an address nor a host name, such as 192.0.2.53 or ns1.example.com".into())
    }
}

/// A name that a prober beside can have.
fn prober(text: &str) -> Result<String, String> {
    Source::beside(text).map(|source| source.to_string()).map_err(|bad| bad.to_string())
}

fn guide(folder: &str, names: &[String], probers: &[String], pushers: &[String]) -> String {
    let server = match names[0].parse() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => names[0].clone(),
    };
    let (prober, token) = match probers.first() {
        None => (PROBER, "token-feed".to_owned()),
        Some(name) => (name.as_str(), format!("token-feed-{name}")),
    };
    let pushers = pushers.iter().map(|name| {
        format!("{folder}/ca.pem, {folder}/token-push-{name}\n    belong to {name}, which reports on backends whose check is `push`.\n")
    });
    let pushers: String = pushers.collect();
    format!(
        "\
{folder}/certificate.pem, {folder}/key.pem, {folder}/tokens
    belong on the server, for `rotadns serve`; the user it runs as must be able to read them:
        admin:
          listen: 0.0.0.0:8053
          tokens: {folder}/tokens
          tls: {{certificate: {folder}/certificate.pem, key: {folder}/key.pem}}
{folder}/ca.pem, {folder}/{token}
    belong on the machine of the prober {prober}, for `rotadns probe`; each prober has a token of its name:
        feed: {{name: {prober}, to: [{{server: https://{server}:8053, ca: {folder}/ca.pem, token: {folder}/{token}}}]}}
{folder}/ca.pem, {folder}/token-operate or {folder}/token-read
    are for people and programs:
        curl --cacert {folder}/ca.pem -H \"Authorization: Bearer $(cat {folder}/token-read)\" https://{server}:8053/v1/status
{pushers}
In {folder}/tokens, add a line for each further person, prober or program, so that it can be taken away alone."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_for_names_and_addresses() {
        for (text, expected) in [
            ("192.0.2.53", Some("192.0.2.53")),
            ("2001:DB8::1", Some("2001:db8::1")),
            ("NS1.example.com.", Some("ns1.example.com")),
            ("server", Some("server")),
            ("", None),
            ("a..b", None),
            ("https://ns1.example.com", None),
            ("192.0.2.53:8053", None),
            ("*.example.com", None),
        ] {
            assert_eq!(subject(text).ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn no_two_tokens_are_the_same_and_secrets_are_their_owners() {
        let probers = ["probe-1", "probe-2"].map(str::to_owned);
        let files = files(&["ns1.example.com".to_owned()], &probers, &["deploy".to_owned()])
            .expect("keys can be made");
        let mode =
            |wanted: &str| files.iter().find(|file| file.name == wanted).map(|file| file.mode);
        for (name, expected) in [
            ("ca.pem", 0o644),
            ("key.pem", 0o600),
            ("tokens", 0o600),
            ("token-feed-probe-2", 0o600),
            ("token-push-deploy", 0o600),
        ] {
            assert_eq!(mode(name), Some(expected), "{name}");
        }
        let tokens = files.last().map(|file| file.text.as_str()).expect("the tokens come last");
        let tokens = crate::admin::guard::tokens::Tokens::parse(tokens);
        assert!(tokens.is_ok(), "{tokens:?}");
    }
}
