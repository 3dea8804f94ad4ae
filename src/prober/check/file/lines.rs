//! The lines of such a file.
//!
//! ```text
//! # by name in the pool, or by address
//! web-1        up load=40
//! 192.0.2.2    drain
//! # as gdnsd has it; a TTL behind the slash counts for nothing
//! 2001:db8::3  => DOWN/30
//! # whoever has no line
//! @            up
//! ```

use std::collections::HashMap;
use std::iter::Peekable;
use std::net::IpAddr;

/// What comes before how busy a backend is.
const LOAD: &str = "load=";
/// Whoever has no line of its own.
const OTHERS: &str = "@";

/// What a file says of whom.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lines(HashMap<String, Line>);

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Which it is, from 1.
    pub(super) at: usize,
    pub(super) state: State,
    /// In percent.
    pub(super) load: Option<u8>,
}

/// How a backend is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Up,
    Degraded,
    Drain,
    Maintenance,
    Down,
}

impl State {
    const WORDS: [(&str, Self); 5] = [
        ("up", Self::Up),
        ("degraded", Self::Degraded),
        ("drain", Self::Drain),
        ("maint", Self::Maintenance),
        ("down", Self::Down),
    ];

    /// As files have it, in whatever case.
    fn parse(text: &str) -> Option<Self> {
        let is_it = |(word, _): &&(&str, Self)| word.eq_ignore_ascii_case(text);
        Self::WORDS.iter().find(is_it).map(|(_, state)| *state)
    }

    pub(super) fn word(self) -> &'static str {
        let is_it = |(_, state): &&(&str, Self)| *state == self;
        Self::WORDS.iter().find(is_it).map_or("", |(word, _)| word)
    }
}

impl Lines {
    /// Reads all of a file, or says why it is none, without a word of it.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut found = HashMap::new();
        for (at, text) in (1..).zip(text.lines()) {
            let text = text.split(['#', ';']).next().unwrap_or_default().replace("=>", " = ");
            let words = text.split(|letter: char| letter.is_whitespace() || letter == ',');
            let mut words = words.filter(|word| !word.is_empty()).peekable();
            // gdnsd takes several on a line.
            while let Some(backend) = words.next() {
                let line = line(at, &mut words).filter(|_| backend != "=").ok_or_else(|| {
                    format!("line {at} does not say how a backend is, such as `web-1 up`")
                })?;
                let backend = unquoted(backend);
                // However an address is written, it is the same.
                let address = backend.parse::<IpAddr>().map(|address| address.to_string());
                let backend = address.unwrap_or_else(|_| backend.to_owned());
                if let Some(Line { at: first, .. }) = found.insert(backend, line) {
                    return Err(format!("line {at} is for the same backend as line {first}"));
                }
            }
        }
        Ok(Self(found))
    }

    /// What is said of a backend: by its name, by its address, or of all others.
    pub(super) fn of(&self, name: Option<&str>, address: IpAddr) -> Option<&Line> {
        let Self(lines) = self;
        let by_address = || lines.get(&address.to_string());
        name.and_then(|name| lines.get(name)).or_else(by_address).or_else(|| lines.get(OTHERS))
    }
}

/// What follows a backend: `STATE`, `= STATE/TTL`, `STATE load=40`.
fn line<'t>(at: usize, words: &mut Peekable<impl Iterator<Item = &'t str>>) -> Option<Line> {
    words.next_if_eq(&"=");
    let state = unquoted(words.next()?);
    let (state, ttl) =
        state.split_once('/').map_or((state, None), |(state, ttl)| (state, Some(ttl)));
    if ttl.is_some_and(|ttl| ttl.parse::<u32>().is_err()) {
        return None;
    }
    let load = match words.next_if(|word| word.starts_with(LOAD)) {
        Some(word) => {
            let load = word.strip_prefix(LOAD)?.parse::<u8>().ok();
            Some(load.filter(|load| *load <= 100)?)
        }
        None => None,
    };
    Some(Line { at, state: State::parse(state)?, load })
}

fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_a_backend_is() {
        let said = |state, load| Some((state, load));
        for (text, expected) in [
            ("web-1 up", said(State::Up, None)),
            ("  web-1\tDOWN  # since noon", said(State::Down, None)),
            ("web-1 degraded load=100", said(State::Degraded, Some(100))),
            ("web-1 drain load=0", said(State::Drain, Some(0))),
            ("web-1 Maint", said(State::Maintenance, None)),
            ("web-1 => UP", said(State::Up, None)),
            ("web-1=>DOWN/30,", said(State::Down, None)),
            ("\"web-1\" => \"UP/300\"; b", said(State::Up, None)),
            ("web-1 = UP/0", said(State::Up, None)),
            ("web-1", None),
            ("web-1 =>", None),
            ("=> UP", None),
            ("web-1 => UP/soon", None),
            ("web-1 => UP/-1", None),
            ("web-1 sideways", None),
            ("web-1 up load=101", None),
            ("web-1 up load=1 more", None),
            ("web-1 up 40", None),
            ("web 1 => UP", None),
            ("= UP", None),
            ("a up web-1", None),
            ("web-1 => UP, b => UP load=1 c DOWN/0", said(State::Up, None)),
        ] {
            let found = Lines::read(text).map(|lines| lines.of(Some("web-1"), ADDRESS).copied());
            let expected = expected.map(|(state, load)| Some(Line { at: 1, state, load }));
            let wrong = "line 1 does not say how a backend is, such as `web-1 up`";
            assert_eq!(found, expected.ok_or(wrong.to_owned()), "{text}");
        }
    }

    const ADDRESS: IpAddr = IpAddr::V6(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

    #[test]
    fn a_name_is_above_an_address_and_that_above_what_holds_for_others() {
        let file = "# all\n\n@ drain\n2001:DB8:0::1 down, b up\na up";
        let lines = Lines::read(file).expect("it is good");
        let other = "192.0.2.1".parse().expect("an address");
        for (name, address, at) in [
            (Some("a"), ADDRESS, 5),
            (Some("b"), ADDRESS, 4),
            (Some("c"), ADDRESS, 4),
            (None, ADDRESS, 4),
            (Some("c"), other, 3),
        ] {
            assert_eq!(lines.of(name, address).map(|line| line.at), Some(at), "{name:?} {address}");
        }
        let lines = Lines::read("a up").expect("it is good");
        assert_eq!(lines.of(Some("b"), other), None);
    }

    #[test]
    fn a_file_that_says_two_things_of_one_backend_says_nothing() {
        let found = Lines::read("192.0.2.1 up\nb up\n192.0.2.1 down\n");
        assert_eq!(found, Err("line 3 is for the same backend as line 1".into()));
        let found = Lines::read("2001:db8::1 up\n2001:db8:0::1 up\n");
        assert_eq!(found, Err("line 2 is for the same backend as line 1".into()));
    }
}
