//! What a misspelt word was probably meant to be.

/// Words longer than this are names that nobody guesses.
const WORD_MAX: usize = 64;
/// How many known words are compared at most, so that a file of many mistakes costs little.
const KNOWN_MAX: usize = 500;

/// The known word that is fewest edits away; `None` where all of them are too far to be meant.
///
/// A third of the letters may differ, one in the shortest words. Case does not count.
pub(crate) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let word: Vec<char> = letters(word);
    if word.is_empty() || word.len() > WORD_MAX {
        return None;
    }
    let far = (word.len() / 3).max(1);
    known
        .into_iter()
        .take(KNOWN_MAX)
        .filter(|known| known.len() <= 4 * WORD_MAX)
        .map(|known| (letters(known), known))
        .filter(|(letters, _)| letters.len().abs_diff(word.len()) <= far)
        .map(|(letters, known)| (edits(&word, &letters), known))
        .filter(|&(edits, _)| edits <= far)
        .min_by_key(|&(edits, _)| edits)
        .map(|(_, known)| known)
}

/// Words for a sentence: `a`, `b`, `c`.
pub(crate) fn listed<'k>(known: impl Iterator<Item = &'k str>) -> String {
    known.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn letters(word: &str) -> Vec<char> {
    word.chars().flat_map(char::to_lowercase).collect()
}

/// Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`.
fn edits(a: &[char], b: &[char]) -> usize {
    // Three rows of the table are enough: this one, the last, and the one before for swaps.
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, y) in b.iter().enumerate() {
            let mut cost = (last[j] + usize::from(x != y)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                cost = cost.min(before[j - 1] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_hand_is_seen_through() {
        let known = ["policy", "backends", "ttl", "web", "check"];
        for (word, expected) in [
            ("wbe", Some("web")),
            ("polcy", Some("policy")),
            ("Backend", Some("backends")),
            ("tll", Some("ttl")),
            ("chekc", Some("check")),
            ("mail", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }
}
