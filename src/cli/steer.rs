//! `rotadns drain`, `up`, `down` and `auto`: a hand on backends, whatever their checks say.

use std::collections::BTreeSet;
use std::env;
use std::fmt::Write as _;
use std::io::{Write as _, stdout};
use std::time::Duration;

use anyhow::{Result, bail};
use jiff::Timestamp;
use tokio::time::sleep;

use super::client::{Client, NO_QUERY, To};
use super::screen::{Screen, Tone, clock, now, span};
use super::words;
use crate::admin::model::{Backend, BackendState, Status, Steer, Steered};
use crate::rdata;

/// How long `--wait` goes without asking whether the backends are drained still.
const LOOK: Duration = Duration::from_secs(5);
/// What is added to a wait, so that it does not end just before its time.
const MARGIN: Duration = Duration::from_millis(100);
/// The longest that a hand lasts by itself: ten years.
const SECONDS_MAX: u64 = 10 * 365 * 86_400;

/// What a hand does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hand {
    Drain,
    Up,
    Down,
    Auto,
}

/// The flags of all four.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    /// The backends, ZONE/POOL/BACKEND; `*` and `?` stand for any part of a name
    #[arg(value_name = "PATTERN", required = true)]
    patterns: Vec<String>,
    /// Why, for whoever looks at it later
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Who wants it [default: `$SUDO_USER` or `$USER`]
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
    /// Print what became of it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    to: To,
}

/// The flags of those that can end by themselves.
#[derive(Debug, clap::Args)]
pub(super) struct Lasting {
    /// How long, such as 90s or 1h30m; then it is as if `auto` were said [default: until `auto`]
    #[arg(long = "for", value_name = "DURATION", value_parser = seconds)]
    seconds: Option<u64>,
    #[command(flatten)]
    flags: Flags,
}

/// The flags of `drain`.
#[derive(Debug, clap::Args)]
pub(super) struct Drain {
    /// Return when it is safe to stop all of them
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    lasting: Lasting,
}

/// Takes backends out of answers, to stop them.
pub(super) fn drain(Drain { wait, lasting }: &Drain) -> Result<bool> {
    let client = lasting.flags.to.client()?;
    let steered = steer(Hand::Drain, lasting.seconds, &lasting.flags, &client)?;
    if *wait {
        wait_until_safe(&client, &lasting.flags, &steered)?;
    }
    Ok(true)
}

/// Puts backends on one side.
pub(super) fn set(hand: Hand, Lasting { seconds, flags }: &Lasting) -> Result<bool> {
    steer(hand, *seconds, flags, &flags.to.client()?)?;
    Ok(true)
}

/// Takes the hand away.
pub(super) fn auto(flags: &Flags) -> Result<bool> {
    steer(Hand::Auto, None, flags, &flags.to.client()?)?;
    Ok(true)
}

fn steer(hand: Hand, seconds: Option<u64>, flags: &Flags, client: &Client) -> Result<Steered> {
    let path = match hand {
        Hand::Drain => "/v1/backends/drain",
        Hand::Up => "/v1/backends/up",
        Hand::Down => "/v1/backends/down",
        Hand::Auto => "/v1/backends/auto",
    };
    let wish = Steer {
        backends: flags.patterns.clone(),
        seconds,
        author: flags.author.clone().or_else(user),
        reason: flags.reason.clone(),
    };
    let shown = client.waiting(flags.json);
    let steered: Steered = client.post(path, &wish)?;
    drop(shown);
    let screen = Screen::of_stdout();
    let mut out = std::io::stdout().lock();
    if flags.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&steered)?)?;
    } else {
        let text = told(&steered, server_time(client)?, now(), screen);
        out.write_all(text.as_bytes())?;
    }
    out.flush()?;
    for warning in &steered.warnings {
        eprintln!("{}", Screen::of_stderr().paint(Tone::Bad, &format!("WARNING: {warning}")));
    }
    Ok(steered)
}

/// Whoever types this, be it as root.
fn user() -> Option<String> {
    let names = ["SUDO_USER", "USER", "LOGNAME"].into_iter();
    names.filter_map(|name| env::var(name).ok()).find(|name| !name.is_empty())
}

/// A number of seconds, written as in zone files.
fn seconds(text: &str) -> Result<u64, String> {
    let span = rdata::parse_duration(text).filter(|span| span.subsec_nanos() == 0);
    let seconds = span.map(|span| span.as_secs());
    seconds.filter(|seconds| (1..=SECONDS_MAX).contains(seconds)).ok_or_else(|| {
        format!("`{text}` is no duration from 1s to ten years; write one such as 90s, 30m or 1h30m")
    })
}

fn server_time(client: &Client) -> Result<Timestamp> {
    let status: Status = client.get("/v1/status", NO_QUERY)?;
    Ok(status.now)
}

/// A line for each backend. The server's clock may differ from ours; a time is told by ours.
fn told(steered: &Steered, server: Timestamp, here: Timestamp, screen: Screen) -> String {
    let mut text = String::new();
    for backend in &steered.backends {
        let (state, tone) = words::state(backend.state);
        let key = screen.paint(Tone::Strong, &backend.key);
        let state = screen.paint(tone, state);
        let reason = screen.paint(Tone::Plain, &backend.reason);
        let _ = write!(text, "{key}: {state} ({reason})");
        let _ = writeln!(text, "{}", safety(backend, server, here));
    }
    text
}

/// When it is safe to stop a backend that is out of service.
fn safety(backend: &Backend, server: Timestamp, here: Timestamp) -> String {
    if !matches!(backend.state, BackendState::Drained | BackendState::Down) {
        return String::new();
    }
    match backend.safe_to_stop {
        Some(safe) if safe > server => format!(
            "; safe to stop at {} (in {})",
            clock(ours(safe, server, here), here),
            span(server, safe)
        ),
        None if is_handed_out(backend) => "; NOT safe to stop: answers have it still".into(),
        _ => "; safe to stop now".into(),
    }
}

fn is_handed_out(backend: &Backend) -> bool {
    backend.addresses.iter().any(|address| address.in_answers)
}

/// A time of the server's clock by ours.
fn ours(at: Timestamp, server: Timestamp, here: Timestamp) -> Timestamp {
    here.checked_add(server.until(at).unwrap_or_default()).unwrap_or(at)
}

/// Waits until no cache has any of them, or somebody puts one back.
fn wait_until_safe(client: &Client, flags: &Flags, steered: &Steered) -> Result<()> {
    let keys: BTreeSet<&str> = steered.backends.iter().map(|backend| &*backend.key).collect();
    let shown = client.waiting(flags.json);
    loop {
        let server = server_time(client)?;
        let mut longest = Duration::ZERO;
        for pattern in &flags.patterns {
            let found: Vec<Backend> = client.get("/v1/backends", &[("match", pattern)])?;
            for backend in found.iter().filter(|backend| keys.contains(&*backend.key)) {
                let Backend { key, reason, state, .. } = backend;
                if *state != BackendState::Drained {
                    bail!("{key} is drained no more: {} ({reason})", words::state(*state).0);
                }
                let left = match backend.safe_to_stop {
                    Some(safe) => Duration::try_from(server.until(safe)?).unwrap_or_default(),
                    None if is_handed_out(backend) => LOOK,
                    None => Duration::ZERO,
                };
                longest = longest.max(left);
            }
        }
        if longest.is_zero() {
            break;
        }
        let here = now();
        let safe = here.checked_add(longest).unwrap_or(here);
        shown.say(format!("safe to stop at {}", clock(safe, here)));
        let pause = (longest + MARGIN).min(LOOK);
        client.runtime().block_on(async { sleep(pause).await });
    }
    drop(shown);
    if !flags.json {
        writeln!(stdout(), "safe to stop now")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("a time")
    }

    #[test]
    fn durations_are_whole_seconds_as_in_zone_files() {
        for (text, expected) in [("90s", Some(90)), ("1h30m", Some(5400)), ("2", Some(2))] {
            assert_eq!(seconds(text).ok(), expected, "{text}");
        }
        for text in ["", "0", "500ms", "-1s", "1x", "11000d"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn it_says_when_it_is_safe_to_stop() {
        let backend = |state, safe: Option<i64>, in_answers| Backend {
            key: "example.com/web/web-1".into(),
            state,
            reason: "drained by anna".into(),
            since: None,
            weight: 1,
            set: None,
            answers: 0,
            share: 0.0,
            share_due: 0.0,
            safe_to_stop: safe.map(at),
            pool: None,
            addresses: vec![crate::admin::model::Address {
                address: "192.0.2.1".to_owned(),
                in_service: false,
                in_answers,
                basis: crate::admin::model::Basis::Override,
                changes: 0,
                is_degraded: false,
                held_until: None,
                role: None,
                lag_ms: None,
                reports: Vec::new(),
                history: Vec::new(),
                failures: Vec::new(),
            }],
        };
        let drained = BackendState::Drained;
        // The server's clock is an hour ahead; only what lies between its times counts.
        let (server, here) = (at(3600), at(0));
        let wall = clock(at(31), here);
        for (backend, expected) in [
            (backend(drained, Some(3631), false), format!("; safe to stop at {wall} (in 31 s)")),
            (backend(drained, Some(3600), false), "; safe to stop now".into()),
            (backend(drained, None, false), "; safe to stop now".into()),
            (backend(drained, None, true), "; NOT safe to stop: answers have it still".into()),
            (backend(BackendState::Up, None, true), String::new()),
        ] {
            assert_eq!(safety(&backend, server, here), expected);
        }
    }
}
