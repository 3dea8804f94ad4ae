//! An agent: a process beside a service, which says a line about it to whoever connects and tells who he is.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::waiting::{PATIENCE, until};

/// An agent that answers as long as the test runs.
#[derive(Clone)]
pub(super) struct Agent(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// What it says, with the end of the line.
    words: String,
    is_stopped: bool,
    /// How often each has heard it.
    heard: HashMap<String, u32>,
}

impl Agent {
    /// Listens here.
    pub(super) fn start(address: Ipv4Addr, port: u16) -> Self {
        let agent = Self(Arc::default());
        let listener = TcpListener::bind(SocketAddr::from((address, port))).expect("a free port");
        let own = agent.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if own.state().is_stopped {
                    return;
                }
                // One that goes away in between is none of its business.
                let _ = own.answer(stream);
            }
        });
        agent
    }

    /// Says something else from now on, and waits until each of these has taken it in.
    pub(super) fn say(&self, words: &str, to: &[&str]) {
        *self.state() = State { words: words.to_owned(), ..State::default() };
        // Whoever asks for the second time has done with the first answer.
        until(&format!("{to:?} hear {words:?} twice"), PATIENCE, || {
            let state = self.state();
            to.iter().all(|who| state.heard.get(*who).is_some_and(|heard| *heard > 1)).then_some(())
        });
    }

    /// Listens no more, once somebody has connected who hears nothing.
    pub(super) fn stop(&self) {
        self.state().is_stopped = true;
    }

    fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut who = Vec::new();
        let mut byte = [0];
        while byte != *b"\n" && stream.read(&mut byte)? == 1 {
            who.extend_from_slice(&byte);
        }
        let words = {
            let mut state = self.state();
            let who = String::from_utf8_lossy(&who).trim().to_owned();
            *state.heard.entry(who).or_default() += 1;
            state.words.clone()
        };
        stream.write_all(words.as_bytes())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
