//! `tls`, and the keys about TLS that other kinds have as well.

use std::path::Path;

use super::{Field, port_or, request, scalar};
use crate::config::error::{Mistakes, Problem};
use crate::config::model::{CheckKind, Tls, TlsCheck, Verify};
use crate::config::node::Node;
use crate::config::spec::{choice, fields, number};

/// What may stand in `tls`.
pub(in crate::config) const TLS_KEYS: [&str; 5] = ["port", "sni", "ca", "verify", "days"];

/// What may stand in `tls` of other kinds.
pub(in crate::config) const TLS_MAP_KEYS: [&str; 3] = ["sni", "ca", "verify"];

/// The most days before its end that a certificate can count as degraded: none lasts longer than ten years.
const DAYS_MAX: u32 = 3653;

pub(super) fn read(node: &Node<'_>, file: &Path, mistakes: &mut Mistakes<'_>) -> Option<CheckKind> {
    let [port, sni, ca, verify, days] = fields(node, "`tls`", TLS_KEYS, mistakes)?;
    let port = port_or(443, port, mistakes);
    let tls = read_tls_keys([sni, ca, verify], file, mistakes)?;
    let days = read_days(days, &tls, mistakes);
    Some(CheckKind::Tls(TlsCheck { port: port?, tls, days }))
}

/// `sni`, `ca` and `verify`.
pub(super) fn read_tls_keys(
    [sni, ca, verify]: [Option<Field<'_>>; 3],
    file: &Path,
    mistakes: &mut Mistakes<'_>,
) -> Option<Tls> {
    let sni = sni.and_then(|(_, node)| read_sni(node, mistakes));
    let verify = match (ca, verify.and_then(|(_, node)| boolean(node, mistakes))) {
        (Some((key, _)), Some(false)) => {
            mistakes.add(key.span, Problem::CaWithoutVerify);
            Verify::Off
        }
        (None, Some(false)) => Verify::Off,
        (Some((_, node)), _) => read_ca(node, file, mistakes)?,
        (None, _) => Verify::System,
    };
    Some(Tls { sni, verify })
}

/// Whether `tls` of a kind that may do without is `false`.
pub(super) fn is_off(node: &Node<'_>) -> bool {
    node.scalar().is_some_and(|text| text.text == "false")
}

/// `tls` of such a kind, where it is on: `true`, or a map of how.
pub(super) fn read_tls(node: &Node<'_>, file: &Path, mistakes: &mut Mistakes<'_>) -> Option<Tls> {
    if node.scalar().is_some() {
        return boolean(node, mistakes).map(|_| Tls { sni: None, verify: Verify::System });
    }
    let keys = fields(node, "`tls`", TLS_MAP_KEYS, mistakes)?;
    read_tls_keys(keys, file, mistakes)
}

pub(super) fn read_days(days: Option<Field<'_>>, tls: &Tls, mistakes: &mut Mistakes<'_>) -> u16 {
    let days = days.and_then(|(_, node)| number(node, "a number of days", 0..=DAYS_MAX, mistakes));
    days.unwrap_or(tls.usual_days())
}

pub(super) fn boolean(node: &Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<bool> {
    choice(node, "yes or no", &[("true", true), ("false", false)], mistakes)
}

fn read_ca(node: &Node<'_>, file: &Path, mistakes: &mut Mistakes<'_>) -> Option<Verify> {
    let text = scalar(node, "the path of a file", mistakes)?;
    let path = file.parent().unwrap_or(Path::new("")).join(text.text);
    if !path.is_file() {
        mistakes.add(text.span, Problem::MissingCa { path });
        return None;
    }
    Some(Verify::Ca(path))
}

fn read_sni(node: &Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<String> {
    let text = scalar(node, "a name", mistakes)?;
    if !request::is_server_name(text.text) {
        mistakes.add(text.span, Problem::BadServerName { text: text.text.into() });
        return None;
    }
    Some(text.text.to_owned())
}
