//! `isolation:` of `prober:`, when a prober is taken as cut off.

use std::fmt;
use std::num::NonZeroU16;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_yaml::Spanned;

use super::{Text, place, width};
use crate::config::error::Problem;
use crate::config::model::probers::Isolation;
use crate::config::server::{Prober, Reader};
use crate::config::value;

/// The shortest and the longest of both times.
const SPANS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(86_400));
/// What `isolation` may be.
const SHAPES: &str = "`off` or a map such as `{share: 0.5}`";

/// `off`, or a map of settings.
pub(super) enum IsolationSpec {
    Word(String),
    Settings(Box<Settings>),
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Settings {
    share: Option<Text>,
    targets: Option<Text>,
    window: Option<Text>,
    hold_max: Option<Text>,
}

impl<'de> Deserialize<'de> for IsolationSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shapes;
        impl<'de> Visitor<'de> for Shapes {
            type Value = IsolationSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(SHAPES)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<IsolationSpec, E> {
                Ok(IsolationSpec::Word(text.to_owned()))
            }

            // YAML 1.1 has `off` as a boolean.
            fn visit_bool<E: de::Error>(self, on: bool) -> Result<IsolationSpec, E> {
                Ok(IsolationSpec::Word(if on { "on" } else { "off" }.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<IsolationSpec, A::Error> {
                Settings::deserialize(de::value::MapAccessDeserializer::new(map))
                    .map(|settings| IsolationSpec::Settings(Box::new(settings)))
            }
        }
        deserializer.deserialize_any(Shapes)
    }
}

impl Reader<'_> {
    /// Sets what `isolation` says.
    pub(super) fn isolation(&mut self, prober: &mut Prober, spec: &Spanned<IsolationSpec>) {
        let settings = match &spec.value {
            IsolationSpec::Word(word) if word == "off" => {
                prober.isolation = None;
                return;
            }
            IsolationSpec::Word(word) => {
                let found = "a single value";
                self.add(place(spec, width(word)), Problem::Expected { what: SHAPES, found });
                return;
            }
            IsolationSpec::Settings(settings) => settings,
        };
        let mut isolation = Isolation::default();
        self.set(&mut isolation.share, settings.share.as_ref(), value::share);
        self.set(&mut isolation.targets, settings.targets.as_ref(), |text| {
            let what = "a number of targets";
            let number: u16 = value::number(what, text, 2..=u16::MAX.into())?;
            Ok(NonZeroU16::new(number).unwrap_or(NonZeroU16::MIN))
        });
        self.set(&mut isolation.window, settings.window.as_ref(), |text| {
            value::span("the window", text, SPANS)
        });
        self.set(&mut isolation.hold_max, settings.hold_max.as_ref(), |text| {
            value::span("the longest hold", text, SPANS)
        });
        prober.isolation = Some(isolation);
    }
}
