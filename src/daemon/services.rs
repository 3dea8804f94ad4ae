//! Who does what is no look-up: transfers, updates and notifies, each by its own part.

use std::sync::Arc;

use tracing::info;

use super::clock::seconds;
use super::reload::Editor;
use super::secondary::Notified;
use crate::authority::answer::answer;
use crate::authority::{Messages, Reply, Request, Services, transfer};
use crate::engine::{Service, View};
use crate::wire::rcode;

/// All of them.
pub(super) struct All {
    pub(super) notified: Notified,
    pub(super) editor: Editor,
}

impl Services for All {
    fn transfer(&self, request: Request) -> Messages {
        let place = request.snapshot.catalog().place(&request.zone);
        let view = place.and_then(|place| request.snapshot.zone(place as u32));
        match view.and_then(View::zone) {
            Some(zone) => {
                let signed = request.signed.as_ref();
                let (form, messages) =
                    transfer::messages(Arc::clone(zone), &request.message, signed, seconds);
                let (serial, client) = (zone.serial, request.client);
                info!(zone = %zone.origin, serial, %client, "handing out {form}");
                messages
            }
            // The zone that the engine has found is there.
            None => Box::new(std::iter::once(failure(&request))),
        }
    }

    fn hand(&self, request: Request, reply: Reply) {
        match request.service {
            Service::Notify => self.notified.hear(&request, reply),
            Service::Update => self.editor.update(request, reply),
            // A transfer has more messages than one, and is not handed over here.
            Service::Transfer => reply.send(failure(&request)),
        }
    }
}

/// That we cannot do it now.
fn failure(request: &Request) -> Vec<u8> {
    answer(request, rcode::SERVFAIL, None, seconds())
}
