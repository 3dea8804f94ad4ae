//! Lines of agents, and what a run of them comes to.

use tokio::net::TcpListener;

use super::super::tests::{port, target};
use super::super::{Checker, Found};
use super::*;
use crate::config::model::CheckKind;
use crate::health::target::Outcome;

/// `U` or `D`, the wish (`.`, `d`, `m`) and the share, after each of these lines.
fn states(lines: &[&str]) -> Vec<String> {
    let mut said = Said::default();
    let mut shown = Vec::new();
    for text in lines {
        let line = Line::read(text);
        said = said.after(&line);
        let (outcome, told) = match said.verdict(&line, text) {
            Ok(passed) => ('U', passed.told),
            Err(Trouble::Said(_, told)) => ('D', told),
            Err(trouble) => panic!("{trouble:?}"),
        };
        let wish = match told.wish {
            Wish::Serve => '.',
            Wish::Drain => 'd',
            Wish::Maintenance => 'm',
        };
        let share = told.share.map_or(String::new(), |share| share.to_string());
        shown.push(format!("{outcome}{wish}{share}"));
    }
    shown
}

#[test]
fn each_word_changes_one_thing() {
    for (line, expected) in [
        ("up", "U."),
        ("UP", "U."),
        ("down", "D."),
        ("stopped", "D."),
        ("fail", "D."),
        ("failed", "D."),
        ("ready", "U."),
        ("drain", "Ud"),
        ("maint", "Um"),
        ("Maint", "Um"),
        ("75%", "U.75"),
        ("0%", "Ud0"),
        ("100%", "U.100"),
        ("200%", "U.200"),
        ("99999999999%", "U.1000"),
        ("maxconn:30", "U."),
        ("", "U."),
        ("hello", "U."),
        ("%", "U."),
        ("-5%", "U."),
        ("75%x", "U."),
        ("7.5%", "U."),
    ] {
        assert_eq!(states(&[line]), [expected], "{line:?}");
    }
}

#[test]
fn words_stand_in_any_order_between_blanks_tabs_and_commas() {
    for (line, expected) in [
        ("up 75%", "U.75"),
        ("75%,up", "U.75"),
        (" \t,75%\tup , ", "U.75"),
        ("down drain 10% maxconn:3", "Dd10"),
        // Of one kind the last counts.
        ("up down", "D."),
        ("down up", "U."),
        ("drain ready", "U."),
        ("10% 20%", "U.20"),
        // A description is not read as words, wherever it stands.
        ("up # down maint 5%", "U."),
        ("# down", "U."),
        ("up #down", "U."),
        ("up#down", "U."),
        ("hello drain", "Ud"),
    ] {
        assert_eq!(states(&[line]), [expected], "{line:?}");
    }
}

#[test]
fn what_a_line_leaves_out_stays_as_it_was() {
    for (lines, expected) in [
        (&["down", "75%", "up", "ready"][..], &["D.", "D.75", "U.75", "U.75"][..]),
        // `up` takes back `down`, and neither `drain` nor `maint`.
        (&["drain", "up", "down", "up", "ready"], &["Ud", "Ud", "Dd", "Ud", "U."]),
        (&["maint", "up 50%", "ready"], &["Um", "Um50", "U.50"]),
        (&["maint", "drain", "ready"], &["Um", "Ud", "U."]),
        // A share of nothing is as `drain`, until there is another share.
        (&["0%", "up", "ready", "1%"], &["Ud0", "Ud0", "Ud0", "U.1"]),
        (&["maint 0%", "ready", "100%"], &["Um0", "Ud0", "U.100"]),
    ] {
        assert_eq!(states(lines), expected, "{lines:?}");
    }
}

#[test]
fn what_holds_is_told_with_what_was_said() {
    let told = |lines: &[&str]| {
        let mut said = Said::default();
        let mut detail = String::new();
        for text in lines {
            let line = Line::read(text);
            said = said.after(&line);
            detail = match said.verdict(&line, text) {
                Ok(passed) => passed.detail,
                Err(Trouble::Said(detail, _)) => detail,
                Err(trouble) => panic!("{trouble:?}"),
            };
        }
        detail
    };
    for (lines, expected) in [
        (&["up 75%"][..], "up 75%"),
        (&["down # no disk"], "down # no disk"),
        (&[""], "an empty line"),
        (&["drain", "up"], "up (`drain` holds until `ready`)"),
        (&["maint down", "5%"], "5% (`down` holds until `up`) (`maint` holds until `ready`)"),
        (&["hello"], "hello (`hello` is no word of the protocol)"),
    ] {
        assert_eq!(told(lines), expected, "{lines:?}");
    }
}

/// An agent that says these bytes to each who comes, after it has read `sent` bytes.
async fn probed(checker: &Checker, send: &[u8], says: &[u8]) -> (Outcome, String, Told) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its own");
    let check = AgentCheck { port: port(address), send: send.to_vec() };
    let agent = async {
        let (mut stream, _) = listener.accept().await.expect("the probe");
        let mut heard = vec![0; send.len()];
        stream.read_exact(&mut heard).await.expect("what is sent");
        assert_eq!(heard, send);
        let _ = stream.write_all(says).await;
        let _ = stream.shutdown().await;
        let _ = stream.read(&mut [0]).await;
    };
    let target = target(address, CheckKind::Agent(check));
    let (found, ()) = tokio::join!(checker.check(&target), agent);
    let Found { outcome, detail, told } = found.expect("no obstacle");
    (outcome, detail.to_string(), told)
}

#[tokio::test]
async fn an_agent_is_asked_over_tcp() {
    use Outcome::{Fail, Pass};
    let checker = Checker::new(Vec::new());
    let long = [b'x'; LINE_MAX + 1];
    for (send, says, outcome, detail) in [
        (&b""[..], &b"up 75%\n"[..], Pass, "up 75%"),
        (b"state\n", b"up\r\ndown\n", Pass, "up"),
        (b"", b"stopped # for the night\n", Fail, "stopped # for the night"),
        (b"", b"up", Fail, "the line of the agent does not end"),
        (b"", b"", Fail, "the agent said nothing"),
        (b"", &long, Fail, "the line of the agent has more than 1024 bytes"),
        (b"", b"up \xff\n", Pass, "up \u{fffd} (`\u{fffd}` is no word of the protocol)"),
    ] {
        let (found, said, _) = probed(&checker, send, says).await;
        assert_eq!((found, said.as_str()), (outcome, detail));
    }
}

#[tokio::test]
async fn what_an_agent_said_holds_from_one_probe_to_the_next() {
    let checker = Checker::new(Vec::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its own");
    let check = AgentCheck { port: port(address), send: Vec::new() };
    let target = target(address, CheckKind::Agent(check));
    let ask = async |says: &[u8]| {
        let agent = async {
            let (mut stream, _) = listener.accept().await.expect("the probe");
            let _ = stream.write_all(says).await;
            let _ = stream.read(&mut [0]).await;
        };
        let (found, ()) = tokio::join!(checker.check(&target), agent);
        found.expect("no obstacle").told
    };
    assert_eq!(ask(b"drain 40%\n").await.wish, Wish::Drain);
    let told = ask(b"up\n").await;
    assert_eq!((told.wish, told.share), (Wish::Drain, Some(40)));
    // It goes with the target.
    checker.keep(&[]);
    assert_eq!(ask(b"up\n").await, Told::default());
    assert_eq!(ask(b"maint\n").await.wish, Wish::Maintenance);
    checker.keep(std::slice::from_ref(&target));
    assert_eq!(ask(b"down\n").await.wish, Wish::Maintenance, "a failure tells it as well");
    assert_eq!(ask(b"up ready\n").await.wish, Wish::Serve);
}

#[tokio::test]
async fn an_agent_that_is_not_there_fails() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its own");
    drop(listener);
    let check = AgentCheck { port: port(address), send: Vec::new() };
    let target = target(address, CheckKind::Agent(check));
    let found = Checker::new(Vec::new()).check(&target).await.expect("no obstacle");
    assert_eq!((found.outcome, &*found.detail), (Outcome::Fail, "connection refused"));
}
