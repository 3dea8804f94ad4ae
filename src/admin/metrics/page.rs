//! The two text formats: Prometheus's own, and OpenMetrics.
//!
//! They differ in little, which is all in this file:
//!
//! ```text
//!                     Prometheus 0.0.4                  OpenMetrics 1.0.0
//! a counter's family  # TYPE rotadns_x_total counter    # TYPE rotadns_x counter
//! what is an info     # TYPE rotadns_x_info gauge       # TYPE rotadns_x info
//! a unit              -                                 # UNIT rotadns_x_seconds seconds
//! the end             -                                 # EOF
//! ```
//!
//! Written here and not by `prometheus-client`: that has no encoder for the first of the two, and one for the second
//! that goes through a call for each label of each sample, where a scrape of ten thousand pools has half a million.
//! Here the labels of a backend are text once, and a sample is a few copies.

use std::fmt::{Display, Write};

/// What a scraper wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus's text format, 0.0.4.
    Prometheus,
    /// OpenMetrics, 1.0.0.
    OpenMetrics,
}

impl Format {
    /// What an `Accept` header asks for; Prometheus's own where it does not ask for OpenMetrics.
    #[must_use]
    pub fn accepted(accept: Option<&str>) -> Self {
        let wants = |entry: &str| {
            let mut parts = entry.split(';').map(str::trim);
            let is_open = parts.next() == Some("application/openmetrics-text");
            is_open && !parts.any(|part| matches!(part, "q=0" | "q=0.0"))
        };
        match accept {
            Some(accept) if accept.split(',').any(wants) => Self::OpenMetrics,
            _ => Self::Prometheus,
        }
    }

    /// What it is called in `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// What kind of values a family has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
    Info,
}

/// All samples of one name, with what they mean.
pub(super) struct Family {
    /// With its suffix: `_total`, `_info`.
    name: String,
    /// The family's header, then its samples.
    text: String,
}

impl Family {
    /// A family of this name, which has no prefix and no suffix yet. `help` has neither quotes nor backslashes.
    pub(super) fn new(format: Format, kind: Kind, name: &str, help: &str) -> Self {
        let family = format!("rotadns_{name}");
        let suffix = match kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram => "",
        };
        let sample = format!("{family}{suffix}");
        let (named, kind) = match (format, kind) {
            (Format::Prometheus, Kind::Counter) => (&sample, "counter"),
            (Format::OpenMetrics, Kind::Counter) => (&family, "counter"),
            (Format::OpenMetrics, Kind::Info) => (&family, "info"),
            (_, Kind::Gauge | Kind::Info) => (&sample, "gauge"),
            (_, Kind::Histogram) => (&sample, "histogram"),
        };
        let mut text = format!("# HELP {named} {help}\n# TYPE {named} {kind}\n");
        let unit = ["seconds", "bytes", "ratio"]
            .into_iter()
            .find(|unit| family.strip_suffix(unit).is_some_and(|before| before.ends_with('_')));
        if let (Format::OpenMetrics, Some(unit)) = (format, unit) {
            let _ = writeln!(text, "# UNIT {named} {unit}");
        }
        Self { name: sample, text }
    }

    /// One sample; `labels` is text as [`Labels`] makes it.
    pub(super) fn sample(&mut self, labels: &str, value: impl Display) {
        self.part("", labels, "", value);
    }

    /// One sample of a histogram, or one with a label more.
    pub(super) fn part(&mut self, suffix: &str, labels: &str, more: &str, value: impl Display) {
        self.text.push_str(&self.name);
        self.text.push_str(suffix);
        if !labels.is_empty() || !more.is_empty() {
            self.text.push('{');
            self.text.push_str(labels);
            if !labels.is_empty() && !more.is_empty() {
                self.text.push(',');
            }
            self.text.push_str(more);
            self.text.push('}');
        }
        // Writing to a text cannot fail.
        let _ = writeln!(self.text, " {value}");
    }

    /// A family without labels is one sample.
    pub(super) fn only(mut self, value: impl Display) -> Self {
        self.sample("", value);
        self
    }
}

/// Labels as text: `zone="example.com",pool="web"`.
#[derive(Clone, Default)]
pub(super) struct Labels(String);

impl Labels {
    /// The same with a label more.
    pub(super) fn with(&self, name: &str, value: &str) -> Self {
        let mut text = self.0.clone();
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(name);
        text.push_str("=\"");
        for char in value.chars() {
            match char {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                char => text.push(char),
            }
        }
        text.push('"');
        Self(text)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Puts families together.
pub(super) fn page(format: Format, families: Vec<Family>) -> String {
    let size = families.iter().map(|family| family.text.len()).sum::<usize>();
    let mut page = String::with_capacity(size + EOF.len());
    for family in families {
        page.push_str(&family.text);
    }
    if format == Format::OpenMetrics {
        page.push_str(EOF);
    }
    page
}

const EOF: &str = "# EOF\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scraper_gets_what_it_accepts() {
        let prometheus =
            "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5";
        for (accept, expected) in [
            (None, Format::Prometheus),
            (Some("*/*"), Format::Prometheus),
            (Some("text/plain; version=0.0.4"), Format::Prometheus),
            (Some(prometheus), Format::OpenMetrics),
            (Some("text/plain, application/openmetrics-text"), Format::OpenMetrics),
            (Some("application/openmetrics-text; q=0"), Format::Prometheus),
        ] {
            assert_eq!(Format::accepted(accept), expected, "{accept:?}");
        }
    }

    #[test]
    fn the_formats_differ_in_headers_and_in_the_end() {
        let families = |format| {
            let labels = Labels::default().with("a", "x").with("b", "q\"b\\n\n");
            let mut size = Family::new(format, Kind::Gauge, "size_bytes", "Its size");
            size.sample(labels.as_str(), 7);
            let mut took = Family::new(format, Kind::Histogram, "took_seconds", "How long it took");
            took.part("_bucket", "", "le=\"+Inf\"", 2);
            let all = Family::new(format, Kind::Counter, "things", "All things").only(3);
            page(format, vec![all, size, took])
        };
        assert_eq!(
            families(Format::Prometheus),
            "# HELP rotadns_things_total All things\n# TYPE rotadns_things_total counter\nrotadns_things_total 3\n\
             # HELP rotadns_size_bytes Its size\n# TYPE rotadns_size_bytes gauge\n\
             rotadns_size_bytes{a=\"x\",b=\"q\\\"b\\\\n\\n\"} 7\n\
             # HELP rotadns_took_seconds How long it took\n# TYPE rotadns_took_seconds histogram\n\
             rotadns_took_seconds_bucket{le=\"+Inf\"} 2\n"
        );
        let open = families(Format::OpenMetrics);
        assert!(open.starts_with("# HELP rotadns_things All things\n# TYPE rotadns_things counter\nrotadns_things_total 3\n"));
        assert!(open.contains("# UNIT rotadns_size_bytes bytes\n"), "{open}");
        assert!(open.ends_with("} 2\n# EOF\n"), "{open}");
    }
}
