//! `dnstap:`.

use std::num::NonZeroU32;

use super::answers::said;
use crate::config::error::Problem;
use crate::config::node::Node;
use crate::config::server::Reader;
use crate::config::server::dnstap::{Dnstap, IDENTITY_MAX, To};
use crate::config::value;

impl Reader<'_> {
    /// `None` where it has a mistake, which is told.
    pub(super) fn dnstap(&mut self, node: &Node<'_>) -> Option<Dnstap> {
        let [socket, file, sample, identity] =
            self.fields(node, "`dnstap`", ["socket", "file", "sample", "identity"]);
        let to = match (socket, file) {
            (Some(_), None) => self.path_of(socket).map(To::Socket),
            (None, Some(_)) => self.path_of(file).map(To::File),
            (Some(_), Some(file)) => {
                self.add(file.span, Problem::TwoLogs);
                None
            }
            (None, None) => {
                self.missing(node, "`dnstap`", "socket");
                None
            }
        };
        let mut tap = Dnstap { to: to?, sample: NonZeroU32::MIN, identity: None };
        self.set(&mut tap.sample, sample, |text| {
            let number = value::number("one of how many", text, 1..=u32::MAX)?;
            Ok(NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN))
        });
        self.set(&mut tap.identity, identity, |text| said("`identity`", text, IDENTITY_MAX));
        Some(tap)
    }
}
