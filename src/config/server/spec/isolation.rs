//! `isolation:` of `prober:`, when a prober is taken as cut off.

use std::num::NonZeroU16;
use std::time::Duration;

use crate::config::error::Problem;
use crate::config::model::probers::Isolation;
use crate::config::node::{Kind, Node};
use crate::config::server::{Prober, Reader};
use crate::config::value;

/// The shortest and the longest of both times.
const SPANS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(86_400));
/// What `isolation` may be.
const SHAPES: &str = "`off` or a map such as `{share: 0.5}`";

impl Reader<'_> {
    /// Sets what `isolation` says.
    pub(super) fn isolation(&mut self, prober: &mut Prober, node: &Node<'_>) {
        if node.scalar().is_some_and(|word| word.text == "off") {
            prober.isolation = None;
            return;
        }
        if !matches!(node.kind, Kind::Map(_)) {
            let found = node.describe();
            self.add(node.span, Problem::Expected { what: SHAPES, found });
            return;
        }
        let [share, targets, window, hold_max] =
            self.fields(node, "`isolation`", ["share", "targets", "window", "hold_max"]);
        let mut isolation = Isolation::default();
        self.set(&mut isolation.share, share, value::share);
        self.set(&mut isolation.targets, targets, |text| {
            let what = "a number of targets";
            let number: u16 = value::number(what, text, 2..=u16::MAX.into())?;
            Ok(NonZeroU16::new(number).unwrap_or(NonZeroU16::MIN))
        });
        self.set(&mut isolation.window, window, |text| value::span("the window", text, SPANS));
        self.set(&mut isolation.hold_max, hold_max, |text| {
            value::span("the longest hold", text, SPANS)
        });
        prober.isolation = Some(isolation);
    }
}
