//! `checks:` and checks that stand inline in a pool.

pub(in crate::config) mod agent;
pub(in crate::config) mod database;
pub(in crate::config) mod dns;
pub(in crate::config) mod exec;
pub(in crate::config) mod file;
pub(in crate::config) mod flap;
pub(in crate::config) mod grpc;
pub(in crate::config) mod icmp;
pub(in crate::config) mod load;
pub(in crate::config) mod push;
pub(in crate::config) mod several;
pub(in crate::config) mod tls;
pub(in crate::config) mod udp;

use std::num::{NonZeroU8, NonZeroU16};
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use self::several::Several;
use self::tls::read_tls_keys;
use super::{CheckRef, Field, fields, map, number, request, scalar, texts};
use crate::config::error::{Mistakes, Problem};
use crate::config::model::{Check, CheckKind, HttpCheck, SeveralChecks, Tls};
use crate::config::nearest::listed;
use crate::config::node::{Kind, Node};
use crate::config::value;

/// How often a target is probed unless its check says otherwise.
pub(in crate::config) const INTERVAL: Duration = Duration::from_secs(10);
/// How often while it is changing side.
pub(in crate::config) const FAST_INTERVAL: Duration = Duration::from_secs(1);
/// How long a probe may take.
pub(in crate::config) const TIMEOUT: Duration = Duration::from_secs(2);
/// Passes that bring a target up.
pub(in crate::config) const RISE: NonZeroU8 = NonZeroU8::new(2).expect("two is not zero");
/// Failures that take it down.
pub(in crate::config) const FALL: NonZeroU8 = NonZeroU8::new(3).expect("three is not zero");
/// The shortest of all three times: nobody probes a machine more often than that.
const SPAN_MIN: Duration = Duration::from_millis(10);
/// The longest of all three times.
const SPAN_MAX: Duration = Duration::from_secs(86_400);

/// The most header fields of a request; servers refuse more at about that number, and no check needs it.
const CHECK_HEADERS_MAX: usize = 64;

/// The most bytes that a check sends or looks for; they fit one datagram.
const CHECK_BYTES_MAX: usize = 1024;

/// A check, as written: the checks that it names are not found yet.
#[derive(Clone)]
pub(crate) struct CheckSpec<'n> {
    /// All but its parts.
    pub(crate) check: Check,
    /// What it is made of; of a plain check nothing.
    pub(crate) parts: Vec<CheckRef<'n>>,
}

/// Reads what stands under the name of a kind; `None` where it has a mistake.
enum Reader {
    Plain(fn(&Node<'_>, &Path, &mut Mistakes<'_>) -> Option<CheckKind>),
    Several(for<'n> fn(&'n Node<'_>, &Path, &mut Mistakes<'_>) -> Option<Several<'n>>),
}

/// The kinds of checks, each with the reader of its settings.
const KINDS: &[(&str, Reader)] = &[
    ("tcp", Reader::Plain(read_tcp)),
    ("http", Reader::Plain(read_http)),
    ("https", Reader::Plain(read_https)),
    ("tls", Reader::Plain(tls::read)),
    ("agent", Reader::Plain(agent::read)),
    ("postgres", Reader::Plain(database::read_postgres)),
    ("redis", Reader::Plain(database::read_redis)),
    ("mysql", Reader::Plain(database::read_mysql)),
    ("push", Reader::Plain(push::read)),
    ("all", Reader::Several(several::read_all)),
    ("any", Reader::Several(several::read_any)),
    ("at_least", Reader::Several(several::read_at_least)),
    ("dns", Reader::Plain(dns::read)),
    ("udp", Reader::Plain(udp::read)),
    ("icmp", Reader::Plain(icmp::read)),
    ("grpc", Reader::Plain(grpc::read)),
    ("exec", Reader::Plain(exec::read)),
    ("file", Reader::Plain(file::read)),
];

/// What stands beside the kind.
const SETTINGS: [&str; 6] = ["interval", "timeout", "rise", "fall", "fast_interval", "flap"];

/// What may stand in a check: a kind, and the settings.
pub(in crate::config) const CHECK_KEYS: [&str; KINDS.len() + SETTINGS.len()] = {
    let mut keys = [""; KINDS.len() + SETTINGS.len()];
    let mut at = 0;
    while at < keys.len() {
        keys[at] = if at < KINDS.len() { KINDS[at].0 } else { SETTINGS[at - KINDS.len()] };
        at += 1;
    }
    keys
};

/// What may stand in a check that is part of another: a kind.
pub(in crate::config) const PART_KEYS: [&str; KINDS.len()] = {
    let mut keys = [""; KINDS.len()];
    let mut at = 0;
    while at < keys.len() {
        keys[at] = KINDS[at].0;
        at += 1;
    }
    keys
};

/// The names of all kinds.
pub(in crate::config) fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|(name, _)| *name)
}

/// What may stand in `tcp`.
pub(in crate::config) const TCP_KEYS: [&str; 1] = ["port"];
/// What may stand in `http`.
pub(in crate::config) const HTTP_KEYS: [&str; 7] =
    ["port", "path", "status", "host", "headers", "body", "load"];
/// What may stand in `https`.
pub(in crate::config) const HTTPS_KEYS: [&str; 11] =
    ["port", "path", "status", "host", "headers", "body", "load", "sni", "ca", "verify", "days"];

/// Reads one check; `None` where it has a mistake.
pub(super) fn check<'n>(
    node: &'n Node<'_>,
    file: &Path,
    mistakes: &mut Mistakes<'_>,
) -> Option<Box<CheckSpec<'n>>> {
    let found = fields(node, "a check", CHECK_KEYS, mistakes)?;
    let (kinds, settings) = found.split_at(KINDS.len());
    let &[interval, timeout, rise, fall, fast, flap] = settings else {
        unreachable!("{SETTINGS:?} are as many")
    };
    let kind = kind(node, kinds, file, mistakes);
    // Defaults give way to a shorter interval, what was written does not.
    let interval_set = span("the interval", interval, mistakes);
    let period = interval_set.unwrap_or(INTERVAL);
    let timeout_set = span("the timeout", timeout, mistakes);
    let fast_set = span("the fast interval", fast, mistakes);
    if let (Some(timeout), Some((_, node))) = (timeout_set.filter(|set| *set > period), timeout) {
        mistakes.add(node.span, Problem::TimeoutTooLong { timeout, interval: period });
    }
    if let (Some(fast), Some((_, node))) = (fast_set.filter(|set| *set > period), fast) {
        mistakes.add(node.span, Problem::FastIntervalTooLong { fast, interval: period });
    }
    let (kind, parts) = kind?;
    let check = Check {
        kind,
        interval: period,
        fast_interval: fast_set.unwrap_or(FAST_INTERVAL.min(period)),
        timeout: timeout_set.unwrap_or(TIMEOUT.min(period)),
        rise: streak("a number of passes", rise, mistakes).unwrap_or(RISE),
        fall: streak("a number of failures", fall, mistakes).unwrap_or(FALL),
        flap: flap.and_then(|(_, node)| flap::flap(node, mistakes)),
    };
    Some(Box::new(CheckSpec { check, parts }))
}

/// Reads a check that is part of another, which says when it is made.
fn part<'n>(
    node: &'n Node<'_>,
    file: &Path,
    mistakes: &mut Mistakes<'_>,
) -> Option<Box<CheckSpec<'n>>> {
    let kinds = fields(node, "a check within a check", PART_KEYS, mistakes)?;
    let (kind, parts) = kind(node, &kinds, file, mistakes)?;
    let check = Check {
        kind,
        interval: INTERVAL,
        fast_interval: FAST_INTERVAL,
        timeout: TIMEOUT,
        rise: RISE,
        fall: FALL,
        flap: None,
    };
    Some(Box::new(CheckSpec { check, parts }))
}

/// Reads the one kind among these fields, and what it is made of.
fn kind<'n>(
    node: &Node<'_>,
    kinds: &[Option<Field<'n>>],
    file: &Path,
    mistakes: &mut Mistakes<'_>,
) -> Option<(CheckKind, Vec<CheckRef<'n>>)> {
    let named = kinds.iter().zip(KINDS).filter_map(|(field, (_, read))| Some(((*field)?, read)));
    match named.collect::<Vec<_>>()[..] {
        [] => {
            mistakes.add(node.span, Problem::NoKind { kinds: listed(self::kinds()) });
            None
        }
        [((_, node), Reader::Plain(read))] => Some((read(node, file, mistakes)?, Vec::new())),
        [((_, node), Reader::Several(read))] => {
            let (least, parts) = read(node, file, mistakes)?;
            Some((CheckKind::Several(SeveralChecks { least, of: Vec::new() }), parts))
        }
        [_, ((second, _), _), ..] => {
            let kinds = listed(kinds.iter().flatten().map(|(key, _)| key.text));
            mistakes.add(second.span, Problem::TwoKinds { kinds });
            None
        }
    }
}

fn span(
    what: &'static str,
    field: Option<Field<'_>>,
    mistakes: &mut Mistakes<'_>,
) -> Option<Duration> {
    let text = scalar(field?.1, "a duration", mistakes)?;
    let span = mistakes.take(text.span, value::duration(text.text))?;
    if (SPAN_MIN..=SPAN_MAX).contains(&span) {
        return Some(span);
    }
    let problem =
        Problem::BadSpan { what, text: text.text.into(), least: SPAN_MIN, most: SPAN_MAX };
    mistakes.add(text.span, problem);
    None
}

fn streak(
    what: &'static str,
    field: Option<Field<'_>>,
    mistakes: &mut Mistakes<'_>,
) -> Option<NonZeroU8> {
    number::<u8>(field?.1, what, 1..=255, mistakes).and_then(NonZeroU8::new)
}

fn read_tcp(node: &Node<'_>, _: &Path, mistakes: &mut Mistakes<'_>) -> Option<CheckKind> {
    let [port] = fields(node, "`tcp`", TCP_KEYS, mistakes)?;
    let port = needed(port, node, ("`tcp`", "port"), mistakes)?;
    Some(CheckKind::Tcp { port: read_port(port, mistakes)? })
}

/// Tells of a kind that this build lacks.
fn is_built(
    kind: &'static str,
    feature: &'static str,
    is_built: bool,
    node: &Node<'_>,
    mistakes: &mut Mistakes<'_>,
) -> Option<()> {
    if !is_built {
        mistakes.add(node.span, Problem::NotBuilt { kind, feature });
    }
    is_built.then_some(())
}

/// The value of a key that a check cannot do without.
fn needed<'n>(
    field: Option<Field<'n>>,
    node: &Node<'_>,
    (place, key): (&'static str, &'static str),
    mistakes: &mut Mistakes<'_>,
) -> Option<&'n Node<'n>> {
    if field.is_none() {
        mistakes.add(node.span, Problem::MissingKey { place, key });
    }
    field.map(|(_, node)| node)
}

/// The port of a kind that has a usual one.
fn port_or(
    usual: u16,
    field: Option<Field<'_>>,
    mistakes: &mut Mistakes<'_>,
) -> Option<NonZeroU16> {
    match field {
        Some((_, node)) => read_port(node, mistakes),
        None => NonZeroU16::new(usual),
    }
}

fn read_http(node: &Node<'_>, _: &Path, mistakes: &mut Mistakes<'_>) -> Option<CheckKind> {
    let found = fields(node, "`http`", HTTP_KEYS, mistakes)?;
    http_check(found, 80, (None, 0), mistakes)
}

fn read_https(node: &Node<'_>, file: &Path, mistakes: &mut Mistakes<'_>) -> Option<CheckKind> {
    let [port, path, status, host, headers, body, load, sni, ca, verify, days] =
        fields(node, "`https`", HTTPS_KEYS, mistakes)?;
    let tls = read_tls_keys([sni, ca, verify], file, mistakes)?;
    let days = tls::read_days(days, &tls, mistakes);
    let tls = (Some(tls), days);
    http_check([port, path, status, host, headers, body, load], 443, tls, mistakes)
}

/// What HTTP and HTTPS have in common: port, path, status, host, headers, body, load.
fn http_check(
    [port, path, status, host, headers, body, load]: [Option<Field<'_>>; 7],
    port_default: u16,
    (tls, days): (Option<Tls>, u16),
    mistakes: &mut Mistakes<'_>,
) -> Option<CheckKind> {
    let port = port_or(port_default, port, mistakes);
    Some(CheckKind::Http(HttpCheck {
        path: path
            .and_then(|(_, node)| read_path(node, mistakes))
            .unwrap_or_else(|| "/".to_owned()),
        host: host.and_then(|(_, node)| read_host(node, mistakes)),
        headers: headers.map(|(_, node)| read_headers(node, mistakes)).unwrap_or_default(),
        status: match status {
            Some((_, node)) => read_status(node, mistakes),
            None => vec![200..=299],
        },
        body: body.and_then(|(_, node)| read_body(node, mistakes)),
        load: load.and_then(|(_, node)| load::load(node, mistakes)),
        port: port?,
        tls,
        days,
    }))
}

fn read_port(node: &Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<NonZeroU16> {
    number::<u16>(node, "a port", 1..=65535, mistakes).and_then(NonZeroU16::new)
}

/// Bytes that are sent or expected, as a text with escapes.
fn read_bytes(node: &Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<Vec<u8>> {
    let text = scalar(node, "a text", mistakes)?;
    let bytes = mistakes.take(text.span, value::escaped(text.text))?;
    if bytes.len() > CHECK_BYTES_MAX {
        mistakes.add(text.span, Problem::SaidTooLong { what: "a text", most: CHECK_BYTES_MAX });
        return None;
    }
    Some(bytes)
}

fn read_path(node: &Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<String> {
    let text = scalar(node, "a path", mistakes)?;
    if !request::is_path(text.text) {
        mistakes.add(text.span, Problem::BadPath { text: text.text.into() });
        return None;
    }
    Some(text.text.to_owned())
}

fn read_host(node: &Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<String> {
    let text = scalar(node, "a host", mistakes)?;
    if !request::is_host(text.text) {
        mistakes.add(text.span, Problem::BadHost { text: text.text.into() });
        return None;
    }
    Some(text.text.to_owned())
}

fn read_headers(node: &Node<'_>, mistakes: &mut Mistakes<'_>) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    for (name, node) in map(node, "a map of header fields", mistakes).into_iter().flatten() {
        let Some(content) = scalar(node, "the field's value", mistakes) else { continue };
        if !request::is_header_name(name.text) {
            mistakes.add(name.span, Problem::BadHeader { text: name.text.into() });
        } else if !request::is_header_value(content.text) {
            // The value may be a token, and a sentence would repeat it.
            mistakes.add(content.span, Problem::BadHeader { text: format!("{}: …", name.text) });
        } else if headers.len() == CHECK_HEADERS_MAX {
            mistakes.add(name.span, Problem::TooManyHeaders { most: CHECK_HEADERS_MAX });
            break;
        } else {
            headers.push((name.text.to_owned(), content.text.to_owned()));
        }
    }
    headers
}

fn read_status(node: &Node<'_>, mistakes: &mut Mistakes<'_>) -> Vec<RangeInclusive<u16>> {
    let found = texts(node, "a status or a list of them", mistakes);
    if found.is_empty() && matches!(&node.kind, Kind::List(_)) {
        mistakes.add(node.span, Problem::NoValues);
    }
    let mut ranges = Vec::new();
    for text in found {
        let (low, high) = text.text.split_once('-').unwrap_or((text.text, text.text));
        let code = |text: &str| value::number::<u16>("a status", text.trim(), 100..=599).ok();
        match (code(low), code(high)) {
            (Some(low), Some(high)) if low <= high => ranges.push(low..=high),
            _ => mistakes.add(text.span, Problem::BadStatus { text: text.text.into() }),
        }
    }
    ranges
}

fn read_body(node: &Node<'_>, mistakes: &mut Mistakes<'_>) -> Option<String> {
    let text = scalar(node, "a text", mistakes)?;
    if text.text.is_empty() {
        mistakes.add(text.span, Problem::EmptyText { what: "the body's text" });
    }
    Some(text.text.to_owned())
}
