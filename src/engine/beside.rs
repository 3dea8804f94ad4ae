//! What goes beside a question: a signature, the version of EDNS, its options. Few queries have any of it.
//!
//! ```text
//! a signature that is wrong       NOTAUTH     RFC 8945 §5.2; FORMERR where it cannot be read
//! EDNS version above 0            BADVERS     RFC 6891 §6.1.3
//! keepalive that is not empty     FORMERR     over a stream; without meaning over UDP (RFC 7828 §3.2.1)
//! client subnet that is broken    FORMERR     RFC 7871 §6
//! a cookie of a wrong length      FORMERR     RFC 7873 §5.2.2
//! a cookie without our part       BADCOOKIE   over UDP, where the operator wants it; else answered with a fresh one
//! a cookie and no question        NOERROR     RFC 7873 §5.4; BADCOOKIE where our part of it is wrong
//! ```

use super::Context;
use super::plan::Plan;
use super::settings::{Cookies, Policy};
use super::snapshot::Snapshot;
use crate::wire::edns::cookie::{self, COOKIE_LEN, Client, Judged, Sent, Server};
use crate::wire::rcode;
use crate::wire::tsig::{self, Failed};

/// Looks at all of it; `false` where the plan is a refusal or there is no question, and so is finished.
#[cold]
pub(super) fn look(
    snapshot: &Snapshot,
    context: &Context,
    message: &[u8],
    plan: &mut Plan,
) -> bool {
    let Some(&query) = plan.query() else { return false };
    if let Some(at) = query.tsig {
        let outcome = tsig::verify(&snapshot.settings().keys, message, at, context.now);
        plan.rcode = outcome.as_ref().map_or_else(Failed::rcode, |_| rcode::NOERROR);
        if plan.signature.insert(outcome).is_err() {
            return false;
        }
    }
    let Some(edns) = query.edns else { return true };
    if edns.version > 0 {
        plan.rcode = rcode::BADVERS;
        return false;
    }
    let options = edns.options;
    if context.transport.is_stream() && options.keepalive() == Some(false) {
        plan.rcode = rcode::FORMERR;
        return false;
    }
    match options.subnet(message) {
        None => {}
        Some(Ok(subnet)) => plan.subnet = Some(subnet),
        Some(Err(_)) => {
            plan.rcode = rcode::FORMERR;
            return false;
        }
    }
    let cookies = &snapshot.settings().cookies;
    let found = match options.cookie(message) {
        Some(sent) if cookies.policy != Policy::Off => found(cookies, context, sent),
        _ => Found::Nothing,
    };
    let answer = match found {
        Found::Nothing => None,
        Found::Malformed => {
            plan.rcode = rcode::FORMERR;
            return false;
        }
        Found::Fresh(cookie) | Found::Right(cookie) | Found::Wrong(cookie) => Some(cookie),
    };
    plan.cookie = answer;
    if !query.has_question() {
        plan.rcode = match found {
            Found::Nothing => rcode::FORMERR,
            Found::Wrong(_) => rcode::BADCOOKIE,
            _ => rcode::NOERROR,
        };
        return false;
    }
    let is_missing = matches!(found, Found::Fresh(_) | Found::Wrong(_));
    if is_missing && cookies.policy == Policy::Require && !context.transport.is_stream() {
        plan.rcode = rcode::BADCOOKIE;
        return false;
    }
    true
}

/// What a query's cookie comes to, with the one that goes into the answer.
#[derive(Clone, Copy)]
enum Found {
    /// There is none, or we have no secret.
    Nothing,
    /// FORMERR.
    Malformed,
    /// The client's part alone.
    Fresh([u8; COOKIE_LEN]),
    /// Ours is right.
    Right([u8; COOKIE_LEN]),
    /// Ours is wrong, or was right once.
    Wrong([u8; COOKIE_LEN]),
}

fn found(cookies: &Cookies, context: &Context, sent: Sent) -> Found {
    let Some(secret) = cookies.secrets.first() else { return Found::Nothing };
    // The address as it was sent to: an IPv6 socket shows IPv4 clients in another form.
    let (address, now) = (context.client.to_canonical(), context.now);
    let fresh = |client: Client| whole(client, &cookie::make(secret, client, address, now));
    match sent {
        Sent::Malformed => Found::Malformed,
        Sent::Client(client) => Found::Fresh(fresh(client)),
        Sent::Foreign(client) => Found::Wrong(fresh(client)),
        Sent::Both(client, server) => {
            match cookie::judge(&cookies.secrets, client, &server, address, now) {
                None => Found::Nothing,
                Some(Judged::Right(server)) => Found::Right(whole(client, &server)),
                Some(Judged::Wrong(server)) => Found::Wrong(whole(client, &server)),
            }
        }
    }
}

fn whole(client: Client, server: &Server) -> [u8; COOKIE_LEN] {
    let mut whole = [0; COOKIE_LEN];
    whole[..client.len()].copy_from_slice(&client);
    whole[client.len()..].copy_from_slice(server);
    whole
}
