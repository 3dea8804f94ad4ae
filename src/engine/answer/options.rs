//! The options of an answer's OPT: those that are needed have room kept, the others come where there is some.

use crate::engine::choose::ready::Source;
use crate::engine::plan::Plan;
use crate::engine::settings::Settings;
use crate::engine::{Context, Transport};
use crate::wire::edns::error::{self, Extended};
use crate::wire::edns::{OPTION_HEAD, Options, option};
use crate::wire::encode::Writer;

/// What answers over TLS are a multiple of, so that their length says little (RFC 8467 §4.1).
const PADDED_TO: usize = 468;
const ZEROS: [u8; PADDED_TO] = [0; PADDED_TO];

/// The room that is kept before records are written: for what an answer has to have.
#[cold]
pub(super) fn needed(context: &Context, options: &Options, plan: &Plan) -> usize {
    let cookie = plan.cookie.map_or(0, |cookie| OPTION_HEAD + cookie.len());
    let subnet = plan.subnet.map_or(0, |subnet| OPTION_HEAD + subnet.data_len());
    let keepalive = if is_kept_alive(context, options) { OPTION_HEAD + 2 } else { 0 };
    cookie + subnet + keepalive
}

/// The room that is kept before records are written that an answer can do without.
#[cold]
pub(super) fn welcome(settings: &Settings, options: &Options) -> usize {
    let nsid = settings.nsid.as_ref().filter(|_| options.nsid);
    nsid.map_or(0, |nsid| OPTION_HEAD + nsid.len())
}

/// Writes them all. What is needed has its room; of the rest each is left out that has none.
#[cold]
pub(super) fn write(
    (settings, context): (&Settings, &Context),
    (options, plan): (&Options, &Plan),
    guess: Option<Source>,
    writer: &mut Writer<'_>,
    signed: usize,
) {
    if let Some(cookie) = &plan.cookie {
        let _ = writer.option(option::COOKIE, &[cookie]);
    }
    if let Some(subnet) = plan.subnet {
        let data = subnet.answered(plan.scope);
        let _ = writer.option(option::CLIENT_SUBNET, &[&data[..subnet.data_len()]]);
    }
    if is_kept_alive(context, options) {
        let _ = writer.option(option::KEEPALIVE, &[&settings.keepalive.to_be_bytes()]);
    }
    if let Some(nsid) = settings.nsid.as_ref().filter(|_| options.nsid) {
        let _ = writer.option(option::NSID, &[nsid.as_bytes()]);
    }
    if let Some(Extended { code, text }) = plan.error.or_else(|| guess.and_then(guessed)) {
        let code = code.to_be_bytes();
        // The sentence goes first.
        let _ = writer
            .option(option::EXTENDED_ERROR, &[&code, text.as_bytes()])
            .or_else(|_| writer.option(option::EXTENDED_ERROR, &[&code]));
    }
    if context.transport == Transport::Tls && options.padding {
        let over = (writer.end() + OPTION_HEAD + signed) % PADDED_TO;
        let zeros = (PADDED_TO - over) % PADDED_TO;
        let _ = writer.option(option::PADDING, &[&ZEROS[..zeros]]);
    }
}

/// Over a stream, and only where it is asked for (RFC 7828 §3.2.2, §3.3.2).
fn is_kept_alive(context: &Context, options: &Options) -> bool {
    context.transport.is_stream() && options.keepalive() == Some(true)
}

/// What is said of addresses that are not known to be right.
fn guessed(source: Source) -> Option<Extended> {
    match source {
        Source::InService | Source::Fallback | Source::Nothing => None,
        Source::AllDown => Some(error::GUESS),
        Source::Panic => Some(error::PANIC),
        Source::Last => Some(error::STALE),
    }
}
