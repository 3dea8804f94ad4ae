//! The order in which octoDNS wants keys, and refuses a file that has another: as people count, `a2` before `a10`.

use std::cmp::Ordering;

use crate::config::write::yaml::Yaml;

/// Brings the keys of a tree's maps into octoDNS's order.
pub(super) fn sort(tree: &mut Yaml) {
    match tree {
        Yaml::Scalar(_) | Yaml::Bool(_) | Yaml::Null => {}
        Yaml::List(items) => items.iter_mut().for_each(sort),
        Yaml::Map(entries) => {
            entries.sort_by(|(a, _), (b, _)| natural(a, b));
            for (_, value) in entries {
                sort(value);
            }
        }
    }
}

/// Texts and the numbers between them, in turn.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let ((text_a, rest_a), (text_b, rest_b)) = (cut(a, false), cut(b, false));
        let ((number_a, next_a), (number_b, next_b)) = (cut(rest_a, true), cut(rest_b, true));
        let order = text_a.cmp(text_b).then_with(|| value(number_a).cmp(&value(number_b)));
        if order.is_ne() || (next_a.is_empty() && next_b.is_empty()) {
            return order;
        }
        (a, b) = (next_a, next_b);
    }
}

/// The digits at the start, or what is none.
fn cut(text: &str, digits: bool) -> (&str, &str) {
    let end = text.find(|letter: char| letter.is_ascii_digit() != digits);
    text.split_at(end.unwrap_or(text.len()))
}

/// What orders numbers of any length; nothing comes before all.
fn value(digits: &str) -> Option<(usize, &str)> {
    let short = digits.trim_start_matches('0');
    (!digits.is_empty()).then_some((short.len(), short))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_as_people_count() {
        let ordered = [
            "", "1", "2", "10", "*", "A", "_sip", "a", "a1", "a1b", "a2", "a10", "a10.b9",
            "a10.b10", "ab",
        ];
        for (index, a) in ordered.iter().enumerate() {
            for (other, b) in ordered.iter().enumerate() {
                assert_eq!(natural(a, b), index.cmp(&other), "{a} {b}");
            }
        }
        // Which stay as they were.
        assert_eq!(natural("010", "10"), Ordering::Equal);
    }
}
