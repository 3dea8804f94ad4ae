//! The server that takes another's place.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::bail;
use tracing::{debug, info, warn};

use super::message::{Here, Kind, Line, Message, Told, told};
use super::{REST_MAX, STEP, VERSION, place};
use crate::daemon::given::{self, Given, Socket};
use crate::daemon::load::{Guard, Loader, Round};
use crate::daemon::{folder, secondary, supervisor};
use crate::state::overlays::Overlays;
use crate::state::persist::Serials;

/// How often it is looked whether a server that ends has left its lock.
const LOCK_LOOK: Duration = Duration::from_millis(50);

/// A server that runs, and whose place is to be taken.
pub(in crate::daemon) struct Predecessor {
    path: PathBuf,
    /// What it is.
    pub(in crate::daemon) here: Here,
    /// The serials as they were when loading began.
    then: Serials,
}

/// How a server begins.
pub(in crate::daemon) enum Beginning {
    /// Nobody serves.
    Alone {
        /// The lock of the state folder, where there could be one.
        lock: Option<File>,
    },
    /// Somebody does.
    InPlaceOf(Predecessor),
}

/// What a running server has given. It takes all back unless it is told that we serve.
struct Taken {
    line: Line,
    given: Given,
    listener: Option<UnixListener>,
    lock: Option<File>,
}

/// What a server has begun with, whoever had it before.
pub(in crate::daemon) struct Begun {
    /// Who is to be told that we serve.
    line: Option<Line>,
    /// Whether zones were loaded while another server ran.
    pub(in crate::daemon) is_replacing: bool,
    /// The sockets that nobody serves here yet.
    pub(in crate::daemon) given: Given,
    /// Where it waited for who takes its place.
    pub(in crate::daemon) listener: Option<UnixListener>,
    /// The lock of the state folder, where there could be one.
    pub(in crate::daemon) lock: Option<File>,
    /// The serials as they were when loading began.
    then: Serials,
}

impl Beginning {
    /// What is known of zones' serials and updates; of another server's, what it has now.
    pub(in crate::daemon) fn state(&mut self, state: &Path) -> (Serials, Overlays) {
        let serials = folder::serials(state);
        match self {
            Self::Alone { .. } => (serials, Overlays::new(state)),
            Self::InPlaceOf(predecessor) => {
                predecessor.then = serials.clone();
                let overlays = Overlays::copied(state).unwrap_or_else(|error| {
                    debug!("updates are read when the running server has let go of them: {error}");
                    Overlays::nothing(state)
                });
                (serials.unwritten(), overlays)
            }
        }
    }

    /// Takes over from the server that runs, if one does; `given` is what whoever supervises this one has opened.
    pub(in crate::daemon) fn take_over(self, state: &Path, given: Given) -> anyhow::Result<Begun> {
        let predecessor = match self {
            Self::Alone { lock } => {
                let (line, is_replacing, then) = (None, false, Serials::default());
                return Ok(Begun { line, is_replacing, given, listener: None, lock, then });
            }
            Self::InPlaceOf(predecessor) => predecessor,
        };
        let is_replacing = true;
        let (taken, then) = (predecessor.take()?, predecessor.then);
        if let Some(Taken { line, given: mut its, listener, lock }) = taken {
            its.add_others(given);
            return Ok(Begun { line: Some(line), is_replacing, given: its, listener, lock, then });
        }
        info!("the server before has ended meanwhile");
        let lock = lock_soon(state)?;
        Ok(Begun { line: None, is_replacing, given, listener: None, lock, then })
    }
}

/// The lock of a server that is about to end.
fn lock_soon(state: &Path) -> anyhow::Result<Option<File>> {
    let mut left = STEP;
    loop {
        match folder::lock(state) {
            Err(_) if !left.is_zero() => {
                thread::sleep(LOCK_LOOK);
                left = left.saturating_sub(LOCK_LOOK);
            }
            locked => return locked,
        }
    }
}

impl Begun {
    /// Makes what was loaded beside the other server what it has come to since, and looks at all files again.
    pub(in crate::daemon) fn renew(
        &self,
        loader: &mut Loader,
        elsewhere: &mut secondary::Begun,
        state: &Path,
    ) -> Round {
        loader.take_over(&self.then, folder::serials(state), Overlays::new(state));
        elsewhere.look_again(loader);
        let round = loader.load(Guard::On);
        // Should this one hang from here on, the other one can open them again.
        loader.rest();
        round
    }

    /// Tells the other server that we serve, and returns when all is ours. An error says that it is not, and that the other one serves on.
    pub(in crate::daemon) fn serving(&mut self) -> anyhow::Result<()> {
        let Some(line) = &mut self.line else { return Ok(()) };
        // Where it is not sent, why is said.
        let sent = line.send(&Message::Serving, &[], STEP);
        match (line.receive(STEP), sent) {
            (Ok((Message::Yours, _)), _) => Ok(()),
            (Ok((Message::Refused { why }, _)), _) => {
                bail!("the running server has given this one up: {why}")
            }
            (Ok(_), _) => bail!("the running server says something else than that all is ours"),
            (Err(error), Ok(())) if error.kind() == io::ErrorKind::UnexpectedEof => {
                warn!("the server before ended while it handed over");
                Ok(())
            }
            (Err(error), _) => bail!("the running server was lost: {}", told(&error)),
        }
    }
}

impl Predecessor {
    /// The server that runs over this state folder; `None` where there is none that could be replaced.
    pub(in crate::daemon) fn find(state: &Path) -> anyhow::Result<Option<Self>> {
        let path = place(state);
        let found = speak(&path)?;
        Ok(found.map(|(_, here)| {
            info!(process = here.pid, "a server runs, whose place is taken when this one is ready");
            Self { path, here, then: Serials::default() }
        }))
    }

    /// Has it come to rest and give what it has; `None` where it has ended meanwhile.
    fn take(&self) -> anyhow::Result<Option<Taken>> {
        let Some((mut line, _)) = speak(&self.path)? else { return Ok(None) };
        let supervisor = std::env::var("NOTIFY_SOCKET").ok();
        line.send(&Message::Take { supervisor }, &[], STEP)?;
        let mut given = Given::default();
        let mut listener = None;
        loop {
            let (message, descriptors) = match line.receive(REST_MAX + STEP + STEP) {
                Ok(received) => received,
                Err(error) => bail!("the running server does not hand over: {}", told(&error)),
            };
            match message {
                Message::Sockets(all) => {
                    for (told, descriptor) in all.into_iter().zip(descriptors) {
                        let socket = socket(told, descriptor);
                        match socket.kind {
                            given::Kind::Unix(its, path) if path == self.path => {
                                listener = Some(its);
                            }
                            kind => given.add(Socket { kind, ..socket }),
                        }
                    }
                }
                Message::All(supervision) => {
                    supervisor::inherit(supervision);
                    let lock = descriptors.into_iter().next().map(File::from);
                    return Ok(Some(Taken { line, given, listener, lock }));
                }
                Message::Refused { why } => bail!("the running server does not hand over: {why}"),
                _ => bail!("the running server says something else than what it has"),
            }
        }
    }
}

/// Finds out who is there; `None` where nobody is.
fn speak(path: &Path) -> anyhow::Result<Option<(Line, Here)>> {
    let stream = match UnixStream::connect(path) {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Ok(None);
        }
        Err(error) => {
            bail!("{}: the running server cannot be asked: {error}", path.display())
        }
    };
    let mut line = Line::new(stream);
    let asked = line.send(&Message::Hello { version: VERSION }, &[], STEP);
    match (line.receive(STEP), asked) {
        (Ok((Message::Here(here), _)), _) => Ok(Some((line, here))),
        (Ok((Message::Refused { why }, _)), _) => {
            bail!("the running server does not hand over: {why}")
        }
        (Ok(_), _) => bail!("the running server does not say who it is"),
        (Err(error), _) => bail!("the running server does not say who it is: {}", told(&error)),
    }
}

fn socket(Told { kind, is_kept }: Told, descriptor: OwnedFd) -> Socket {
    let kind = match kind {
        Kind::Udp => given::Kind::Udp(descriptor.into()),
        Kind::Tcp => given::Kind::Tcp(descriptor.into()),
        Kind::Unix(path) => given::Kind::Unix(descriptor.into(), path),
    };
    Socket { kind, is_kept }
}
