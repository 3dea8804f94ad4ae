//! What the prober and the helper say to each other over their socket: JSON, each message behind its length.

use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::super::{Obstacle, Trouble};
use super::obstacle;
use crate::sys::user::User;

/// The most bytes of what the prober says: a program, its words and its variables.
pub(super) const REQUEST_MAX: usize = 1024 * 1024;
/// The most bytes of what the helper says: a program's first line, each byte of which JSON may write as six.
pub(super) const ANSWER_MAX: usize = 64 * 1024;
/// The bytes of a length, the most significant first.
const LENGTH: usize = 4;

/// The first message to the helper: what it may run, whatever it is asked later. Its answer is `Result<(), String>`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Rules {
    /// Programs, and folders of them.
    pub allow: Vec<PathBuf>,
    /// The variables that may be set for them.
    pub env: Vec<String>,
    /// The most that run at once.
    pub at_once: NonZeroUsize,
    /// Whom the helper becomes before it runs any.
    pub user: Option<User>,
}

/// What the prober wants; the number is its name for one program.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// A program is to be run.
    Run(u64, Order),
    /// Nobody waits for it any more.
    Drop(u64),
}

/// A program to be run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    /// The program and its arguments.
    pub words: Vec<String>,
    /// Variables beside `PATH`.
    pub env: Vec<(String, String)>,
    /// How long it may run.
    pub timeout: Duration,
}

/// What came of one program.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    pub number: u64,
    pub came: Came,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Came {
    /// It ended by itself.
    Ended(Ended),
    /// It did not, in its time; in words.
    Failed(String),
    /// The helper was held up by so much, so that this says nothing of the program.
    Late(Duration),
    /// No file descriptor is free.
    Files,
    /// The kernel has no memory.
    Memory,
    /// It cannot be run, or may not.
    NotRun(String),
}

/// How a program ended by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ended {
    /// `None` where a signal ended it.
    pub code: Option<i32>,
    /// That signal; 0 where there was none.
    pub signal: i32,
    /// The first line of what it wrote.
    pub said: String,
}

impl From<Result<Ended, Trouble>> for Came {
    fn from(ran: Result<Ended, Trouble>) -> Self {
        match ran {
            Ok(ended) => Self::Ended(ended),
            Err(Trouble::Failed(why) | Trouble::Said(why, _)) => Self::Failed(why),
            Err(Trouble::Obstacle(Obstacle::Late(late))) => Self::Late(late),
            Err(Trouble::Obstacle(Obstacle::Files)) => Self::Files,
            Err(Trouble::Obstacle(Obstacle::Memory)) => Self::Memory,
            Err(Trouble::Obstacle(other)) => Self::NotRun(other.to_string()),
        }
    }
}

impl From<Came> for Result<Ended, Trouble> {
    fn from(came: Came) -> Self {
        Err(match came {
            Came::Ended(ended) => return Ok(ended),
            Came::Failed(why) => Trouble::Failed(why),
            Came::Late(late) => Trouble::Obstacle(Obstacle::Late(late)),
            Came::Files => Trouble::Obstacle(Obstacle::Files),
            Came::Memory => Trouble::Obstacle(Obstacle::Memory),
            Came::NotRun(why) => obstacle(why),
        })
    }
}

/// A message as it is sent, of so many bytes at most.
pub(super) fn frame(message: &impl Serialize, most: usize) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; LENGTH];
    serde_json::to_writer(&mut frame, message)?;
    let length = frame.len() - LENGTH;
    match u32::try_from(length) {
        Ok(short) if length <= most => frame[..LENGTH].copy_from_slice(&short.to_be_bytes()),
        _ => return Err(too_long(most)),
    }
    Ok(frame)
}

/// The next message; `None` at the end.
pub(super) async fn next<T: DeserializeOwned>(
    from: &mut (impl AsyncRead + Unpin),
    most: usize,
) -> io::Result<Option<T>> {
    let mut length = [0; LENGTH];
    match from.read_exact(&mut length).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut message = vec![0; length_of(length, most)?];
    from.read_exact(&mut message).await?;
    Ok(Some(serde_json::from_slice(&message)?))
}

/// As [`next`], for who may wait.
pub(super) fn first<T: DeserializeOwned>(from: &mut impl io::Read, most: usize) -> io::Result<T> {
    let mut length = [0; LENGTH];
    from.read_exact(&mut length)?;
    let mut message = vec![0; length_of(length, most)?];
    from.read_exact(&mut message)?;
    Ok(serde_json::from_slice(&message)?)
}

fn length_of(length: [u8; LENGTH], most: usize) -> io::Result<usize> {
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length <= most { Ok(length) } else { Err(too_long(most)) }
}

fn too_long(most: usize) -> io::Error {
    io::Error::other(format!("a message has more than {most} bytes"))
}

#[cfg(test)]
mod tests {
    use super::super::program::OUTPUT_MAX;
    use super::*;

    #[test]
    fn the_longest_line_of_a_program_is_an_answer() {
        let said = "\u{1}".repeat(OUTPUT_MAX);
        let came = Came::Ended(Ended { code: Some(0), signal: 0, said });
        let answer = Answer { number: u64::MAX, came };
        assert!(frame(&answer, ANSWER_MAX).is_ok());
    }

    #[tokio::test]
    async fn a_message_has_an_end() {
        let sent = frame(&Request::Drop(7), REQUEST_MAX).expect("a short one");
        let read = |bytes: Vec<u8>, most| async move {
            let found: io::Result<Option<Request>> = next(&mut &bytes[..], most).await;
            match found {
                Ok(Some(Request::Drop(number))) => format!("drop {number}"),
                Ok(other) => format!("{other:?}"),
                Err(error) => error.to_string(),
            }
        };
        assert_eq!(read(sent.clone(), REQUEST_MAX).await, "drop 7");
        assert_eq!(read(Vec::new(), REQUEST_MAX).await, "None");
        assert_eq!(read(sent.clone(), 3).await, "a message has more than 3 bytes");
        let cut = sent[..sent.len() - 1].to_vec();
        assert_eq!(read(cut, REQUEST_MAX).await, "early eof");
        let long = Order { words: vec!["x".repeat(100)], env: vec![], timeout: Duration::ZERO };
        let error = frame(&Request::Run(1, long), 100).expect_err("it is longer").to_string();
        assert_eq!(error, "a message has more than 100 bytes");
    }
}
