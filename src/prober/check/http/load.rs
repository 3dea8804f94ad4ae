//! How busy a server says it is.

use hyper::HeaderMap;

use crate::config::model::{LoadFrom, LoadPlace};

/// The load in percent, from the header or the body of an answer; else what is wrong with it, for people.
pub(super) fn load(from: &LoadFrom, headers: &HeaderMap, body: &[u8]) -> Result<u8, String> {
    let (said, place) = match &from.place {
        LoadPlace::Header(name) => {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            (value.and_then(number), format!("the header {name}"))
        }
        LoadPlace::Json(pointer) => {
            let value = serde_json::from_slice::<serde_json::Value>(body).ok();
            let value = value.as_ref().and_then(|value| value.pointer(pointer));
            let value = value.and_then(|value| match value {
                serde_json::Value::String(text) => number(text),
                value => value.as_f64(),
            });
            (value, format!("{pointer} of the body"))
        }
    };
    let said = said.filter(|said| said.is_finite() && *said >= 0.0);
    said.map(|said| percent(said, from.full)).ok_or_else(|| format!("no load in {place}"))
}

/// A number, perhaps with the sign of a percentage.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    text.strip_suffix('%').unwrap_or(text).trim_end().parse().ok()
}

/// Whoever does more than all that it can is full.
#[expect(clippy::cast_sign_loss, reason = "it is between 0 and 100")]
fn percent(said: f64, full: u32) -> u8 {
    (said / f64::from(full) * 100.0).round().clamp(0.0, 100.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_read_from_a_header_or_a_field() {
        let header = |full| LoadFrom { place: LoadPlace::Header("X-Load".into()), full };
        let json = |pointer: &str| LoadFrom { place: LoadPlace::Json(pointer.into()), full: 1 };
        for (from, said, expected) in [
            (header(100), "37", Ok(37)),
            (header(100), " 12.6% ", Ok(13)),
            (header(100), "250", Ok(100)),
            (header(8), "2", Ok(25)),
            (header(1), "0.5", Ok(50)),
            (header(100), "-1", Err("no load in the header X-Load")),
            (header(100), "NaN", Err("no load in the header X-Load")),
            (header(100), "busy", Err("no load in the header X-Load")),
            (json("/a/0"), r#"{"a": [0.25]}"#, Ok(25)),
            (json(""), "0.5", Ok(50)),
            (json("/a"), r#"{"a": "0.75"}"#, Ok(75)),
            (json("/b"), r#"{"a": 1}"#, Err("no load in /b of the body")),
            (json("/a"), r#"{"a": true}"#, Err("no load in /a of the body")),
            (json("/a"), r#"{"a": 1"#, Err("no load in /a of the body")),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("x-load", said.parse().expect("a value"));
            let found = load(&from, &headers, said.as_bytes());
            assert_eq!(found, expected.map_err(str::to_owned), "{from:?} {said}");
        }
        let none = load(&header(100), &HeaderMap::new(), b"");
        assert_eq!(none, Err("no load in the header X-Load".into()));
    }
}
