//! A decision as text: its steps, the pools that had a say, and the answer as `dig` prints it.

use std::fmt::Write as _;

use crate::admin::model::{Candidate, ExplainedPool, Explanation, Step};
use crate::cli::screen::Column::{Broken, Name, Whole};
use crate::cli::screen::{Screen, Tone};
use crate::cli::words;

/// Draws all of it.
pub(super) fn explanation(explained: &Explanation, screen: Screen) -> String {
    let mut text = screen.paint(Tone::Strong, &explained.question);
    text.push_str("\n\n");
    let mut steps = screen.grid(&[Whole("STEP"), Broken("WHAT WAS DECIDED, AND WHY")]);
    for Step { stage, said } in &explained.steps {
        steps.row([(stage, Tone::Faint), (said, Tone::Plain)]);
    }
    text.push_str(&steps.lines());
    for pool in &explained.pools {
        let _ = write!(text, "\n{}", candidates(pool, screen));
    }
    let _ = write!(text, "\n{}", answer(explained, screen));
    text
}

fn candidates(ExplainedPool { key, source, candidates }: &ExplainedPool, screen: Screen) -> String {
    let (source, tone) = words::source(*source);
    let mut text =
        format!("{} hands out {}\n", screen.paint(Tone::Strong, key), screen.paint(tone, source));
    let mut grid = screen.grid(&[
        Whole(""),
        Name("BACKEND"),
        Whole("ADDRESS"),
        Whole("IN THIS ANSWER"),
        Broken("WHY"),
    ]);
    for Candidate { backend, address, pool, eligible, reason, chosen } in candidates {
        let pool = pool.as_ref().map(|pool| format!("pool {pool}"));
        let address = pool.as_ref().unwrap_or(address);
        let mark = if *eligible { ("✓", Tone::Good) } else { ("✗", Tone::Bad) };
        let chosen = if *chosen { ("yes", Tone::Good) } else { ("no", Tone::Plain) };
        grid.row([
            mark,
            (backend, Tone::Plain),
            (address, Tone::Plain),
            chosen,
            (reason, Tone::Plain),
        ]);
    }
    text.push_str(&grid.lines());
    text
}

fn answer(explained: &Explanation, screen: Screen) -> String {
    let mut flags = "qr".to_owned();
    for (is_set, flag) in [(explained.authoritative, " aa"), (explained.truncated, " tc")] {
        if is_set {
            flags.push_str(flag);
        }
    }
    let tone = if explained.rcode == "NOERROR" { Tone::Good } else { Tone::Bad };
    let rcode = screen.paint(tone, &explained.rcode);
    let mut text = format!(";; status: {rcode}, flags: {flags}\n");
    let sections = [
        ("ANSWER", &explained.answer),
        ("AUTHORITY", &explained.authority),
        ("ADDITIONAL", &explained.additional),
    ];
    for (title, records) in sections.into_iter().filter(|(_, records)| !records.is_empty()) {
        let title = screen.paint(Tone::Faint, &format!(";; {title} SECTION:"));
        let _ = writeln!(text, "{title}");
        for record in records {
            let _ = writeln!(text, "{}", screen.paint(Tone::Plain, record));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn steps_pools_and_the_answer_are_drawn() {
        let explained: Explanation = serde_json::from_value(json!({
            "question": "www.example.com. IN A",
            "steps": [
                {"stage": "zone", "said": "example.com. is the closest zone"},
                {"stage": "draw", "said": "turn 3 of the rotation"}
            ],
            "rcode": "NOERROR", "authoritative": true, "truncated": false,
            "answer": ["www.example.com. 30 IN A 192.0.2.1"], "authority": [], "additional": [],
            "pools": [{"key": "example.com/web", "source": "in_service", "candidates": [
                {"backend": "web-1", "address": "192.0.2.1", "eligible": true, "reason": "2 checks passed",
                 "chosen": true},
                {"backend": "web-2", "address": "2001:db8::2", "eligible": false,
                 "reason": "set down by anna\u{1b}[2J", "chosen": false}
            ]}]
        }))
        .expect("an explanation");
        let expected = "\
www.example.com. IN A

STEP  WHAT WAS DECIDED, AND WHY
zone  example.com. is the closest zone
draw  turn 3 of the rotation

example.com/web hands out what is up
   BACKEND  ADDRESS      IN THIS ANSWER  WHY
✓  web-1    192.0.2.1    yes             2 checks passed
✗  web-2    2001:db8::2  no              set down by anna\\u{1b}[2J

;; status: NOERROR, flags: qr aa
;; ANSWER SECTION:
www.example.com. 30 IN A 192.0.2.1
";
        assert_eq!(explanation(&explained, Screen::plain(None)), expected);
    }
}
