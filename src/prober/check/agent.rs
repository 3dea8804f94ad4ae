//! The agent check: a process beside the service says how the service is, in `HAProxy`'s agent-check protocol.
//!
//! The agent is connected to, may be sent a text, and says one line of words:
//!
//! | word | what it changes | until |
//! |---|---|---|
//! | `up` | the target passes | `down`, `stopped`, `fail` |
//! | `down`, `stopped`, `fail` (`failed`) | the target fails; what follows `#` says why | `up` |
//! | `drain`, `maint` | the target asks to be left out | `ready` |
//! | `ready` | takes `drain` and `maint` back | |
//! | `75%` | the share of its weight that it gets; `0%` is as `drain` | another share |
//! | `maxconn:30` | nothing: DNS counts no connections | |
//!
//! What a line does not say stays as it was, so what an agent means is a function of all that it has said (`Said`). Of
//! several words of one kind the last counts. As in `HAProxy`, unknown words change nothing. Unlike there, where other checks
//! see whether a server can be reached, an agent that cannot be, or says no whole line, fails.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Deadline, Passed, Trouble, tcp, tls};
use crate::config::model::AgentCheck;
use crate::health::told::{SHARE_MAX, Told, Wish};

/// The longest line of an agent, in bytes.
const LINE_MAX: usize = 1024;
/// The most agents whose words hold beyond the line that said them; of more, those words hold for one probe.
const AGENTS_MAX: usize = 100_000;

/// What agents have said that still holds.
#[derive(Debug, Default)]
pub struct Agents(Mutex<HashMap<(IpAddr, AgentCheck), Said>>);

/// What an agent means, after all that it has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Said {
    is_up: bool,
    wish: Wish,
    share: Option<u16>,
}

/// What one line says; `None` of what it leaves out.
#[derive(Debug, Default, PartialEq, Eq)]
struct Line<'l> {
    is_up: Option<bool>,
    wish: Option<Wish>,
    share: Option<u16>,
    /// The first word that means nothing.
    unknown: Option<&'l str>,
}

/// Asks an agent once.
pub async fn check(
    check: &AgentCheck,
    address: IpAddr,
    source: Option<IpAddr>,
    agents: &Agents,
    deadline: Deadline,
) -> Result<Passed, Trouble> {
    let at = SocketAddr::new(address, check.port.get());
    let mut stream = tcp::connect(at, source, deadline).await?;
    let exchange = async {
        stream.write_all(&check.send).await?;
        let mut line = Vec::new();
        let mut part = [0; LINE_MAX];
        while line.len() <= LINE_MAX {
            let end = stream.read(&mut part).await?;
            if end == 0 {
                break;
            }
            line.extend_from_slice(&part[..end]);
            if let Some(end) = line.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
                line.truncate(end);
                return Ok((line, true));
            }
        }
        Ok((line, false))
    };
    let (line, is_whole) = deadline
        .within("no line of the agent", exchange)
        .await?
        .map_err(|error| tls::trouble(&error))?;
    let unfinished = match line.len() {
        LINE_MAX.. => format!("the line of the agent has more than {LINE_MAX} bytes"),
        0 => "the agent said nothing".into(),
        _ => "the line of the agent does not end".into(),
    };
    if !is_whole {
        return Err(Trouble::Failed(unfinished));
    }
    let text = String::from_utf8_lossy(&line);
    let line = Line::read(&text);
    agents.heard(address, check, &line).verdict(&line, &text)
}

impl Agents {
    /// Forgets what was said of addresses that are probed no more.
    pub fn keep(&self, addresses: &HashSet<IpAddr>) {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.retain(|(address, _), _| addresses.contains(address));
    }

    /// Takes in a line, and gives what holds now.
    fn heard(&self, address: IpAddr, check: &AgentCheck, line: &Line<'_>) -> Said {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (address, check.clone());
        let said = all.get(&key).copied().unwrap_or_default().after(line);
        // What an agent means that has said nothing needs no place.
        if said == Said::default() {
            all.remove(&key);
        } else if all.len() < AGENTS_MAX || all.contains_key(&key) {
            all.insert(key, said);
        }
        said
    }
}

impl Default for Said {
    fn default() -> Self {
        Self { is_up: true, wish: Wish::Serve, share: None }
    }
}

impl Said {
    /// What holds after one more line.
    fn after(self, line: &Line<'_>) -> Self {
        Self {
            is_up: line.is_up.unwrap_or(self.is_up),
            wish: line.wish.unwrap_or(self.wish),
            share: line.share.or(self.share),
        }
    }

    /// What a probe that heard `line` last found.
    fn verdict(self, line: &Line<'_>, text: &str) -> Result<Passed, Trouble> {
        let Self { is_up, wish, share } = self;
        let nothing = share == Some(0);
        let told = Told {
            share,
            wish: if nothing { wish.max(Wish::Drain) } else { wish },
            ..Told::default()
        };
        let mut detail = text.trim().to_owned();
        if detail.is_empty() {
            detail = "an empty line".into();
        }
        for (is_held, word, until) in [
            (line.is_up.is_none() && !is_up, "down", "up"),
            (line.wish.is_none() && wish == Wish::Drain, "drain", "ready"),
            (line.wish.is_none() && wish == Wish::Maintenance, "maint", "ready"),
        ] {
            if is_held {
                detail = format!("{detail} (`{word}` holds until `{until}`)");
            }
        }
        if let Some(unknown) = line.unknown {
            detail = format!("{detail} (`{unknown}` is no word of the protocol)");
        }
        if is_up { Ok(Passed { detail, told }) } else { Err(Trouble::Said(detail, told)) }
    }
}

impl<'l> Line<'l> {
    /// Reads a line without its end.
    fn read(text: &'l str) -> Self {
        let mut line = Self::default();
        for word in text.split([' ', '\t', ',']).filter(|word| !word.is_empty()) {
            if word.starts_with('#') {
                break; // a description, which is shown with the line
            }
            line.take(word);
        }
        line
    }

    fn take(&mut self, word: &'l str) {
        match word.to_ascii_lowercase().as_str() {
            "up" => self.is_up = Some(true),
            "down" | "stopped" | "fail" | "failed" => self.is_up = Some(false),
            "ready" => self.wish = Some(Wish::Serve),
            "drain" => self.wish = Some(Wish::Drain),
            "maint" => self.wish = Some(Wish::Maintenance),
            word if word.starts_with("maxconn:") => {}
            lower => match percent(lower) {
                Some(share) => self.share = Some(share),
                None => self.unknown = self.unknown.or(Some(word)),
            },
        }
    }
}

/// `75%`, at most [`SHARE_MAX`].
fn percent(word: &str) -> Option<u16> {
    let digits = word.strip_suffix('%')?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(SHARE_MAX).min(SHARE_MAX))
}

#[cfg(test)]
mod tests;
