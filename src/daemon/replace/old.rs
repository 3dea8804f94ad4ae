//! The server that is replaced: it waits for who is to take its place, and goes on unless that one serves.

use std::fs::File;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;

use anyhow::{Context as _, anyhow, bail};
use tokio::sync::{Notify, OwnedRwLockWriteGuard};
use tracing::{debug, error, info, warn};

use super::message::{Here, Kind, Line, Message, Told, told};
use super::{REST_MAX, SOCKETS_MAX, STEP, TAKE_MAX, VERSION};
use crate::admin::listen::unix::{self, SocketFile};
use crate::authority::secondary::life::Pen;
use crate::daemon::given::{self, Given, Socket};
use crate::daemon::reload::{Editor, Resting};
use crate::daemon::supervisor;
use crate::state::publisher::Publisher;

/// What a server has that another one takes.
pub(in crate::daemon) struct Ground {
    pub(in crate::daemon) here: Here,
    /// Once more, all sockets that it serves.
    pub(in crate::daemon) sockets: Given,
    pub(in crate::daemon) lock: Option<File>,
    pub(in crate::daemon) editor: Editor,
    pub(in crate::daemon) publisher: Publisher,
    pub(in crate::daemon) pen: Pen,
    /// Set where files of sockets are the other one's.
    pub(in crate::daemon) left: Vec<Arc<AtomicBool>>,
    /// Where this one waits for who takes its place.
    pub(in crate::daemon) file: Option<SocketFile>,
}

/// A server that can be replaced.
pub(in crate::daemon) struct Replaceable(Arc<Shared>);

struct Shared {
    /// `None` once it is given away, or about to end. Held while somebody takes it.
    ground: Mutex<Option<Ground>>,
    /// Who takes it at the moment.
    current: Mutex<Option<UnixStream>>,
    /// Who has taken it, and waits for the word that all is theirs.
    taken: Mutex<Option<Line>>,
    /// Woken when it is given away.
    replaced: Notify,
}

impl Shared {
    fn ground(&self) -> MutexGuard<'_, Option<Ground>> {
        self.ground.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn taken(&self) -> MutexGuard<'_, Option<Line>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> MutexGuard<'_, Option<UnixStream>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Replaceable {
    /// Waits for who is to take the server's place, at the socket of the state folder: at the one that it has been given, or a new one.
    pub(in crate::daemon) fn start(
        path: PathBuf,
        given: Option<UnixListener>,
        mut ground: Ground,
    ) -> anyhow::Result<Self> {
        let (listener, file) = match given {
            Some(listener) => (listener, SocketFile::of(&path)),
            None => unix::open(&path).map_err(|error| anyhow!(error))?,
        };
        listener.set_nonblocking(false)?;
        let kind = given::Kind::Unix(listener.try_clone()?, path);
        ground.sockets.add(Socket { kind, is_kept: false });
        ground.left.push(file.is_left());
        ground.file = Some(file);
        let shared = Arc::new(Shared {
            ground: Mutex::new(Some(ground)),
            current: Mutex::default(),
            taken: Mutex::default(),
            replaced: Notify::new(),
        });
        let serving = Arc::clone(&shared);
        Builder::new().name("replace".into()).spawn(move || wait(&listener, &serving))?;
        Ok(Self(shared))
    }

    /// Returns when another process has taken over.
    pub(in crate::daemon) async fn replaced(&self) {
        self.0.replaced.notified().await;
    }

    /// Gives nothing away from now on. Says whether all is given away already.
    pub(in crate::daemon) fn close(&self) -> bool {
        // Who takes it has said that it serves, or comes too late.
        if let Some(current) = &*self.0.current() {
            let _ = current.shutdown(Shutdown::Read);
        }
        *self.0.ground() = None;
        self.0.taken().is_some()
    }

    /// Says to who has taken over that nobody else answers from now on, so that zones may change.
    pub(in crate::daemon) fn all_is_theirs(&self) {
        if let Some(mut line) = self.0.taken().take()
            && let Err(error) = line.send(&Message::Yours, &[], STEP)
        {
            error!("the server that has taken over was lost: {}", told(&error));
        }
    }
}

/// Gives all away to the first who can serve.
fn wait(listener: &UnixListener, shared: &Shared) {
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                warn!("this server cannot be replaced any more while it runs: {error}");
                return;
            }
        };
        let mut ground = shared.ground();
        let Some(taken) = &*ground else { return };
        *shared.current() = stream.try_clone().ok();
        let mut line = Line::new(stream);
        // Who takes over waits for a word: it is not to take a mistake of ours for our end.
        let given = catch_unwind(AssertUnwindSafe(|| give(&mut line, taken)))
            .unwrap_or_else(|_| Err(anyhow!("the hand-over panicked; please report this")));
        *shared.current() = None;
        match given {
            Ok(false) => {}
            Ok(true) => {
                for is_left in &taken.left {
                    is_left.store(true, Ordering::Relaxed);
                }
                *ground = None;
                *shared.taken() = Some(line);
                shared.replaced.notify_one();
                return;
            }
            Err(why) => {
                warn!("not replaced, and serving on: {why:#}");
                let refused = Message::Refused { why: format!("{why:#}") };
                // It may have ended.
                let _ = line.send(&refused, &[], STEP);
            }
        }
    }
}

/// Whether all was given away; `false` where nobody wanted it.
fn give(line: &mut Line, ground: &Ground) -> anyhow::Result<bool> {
    let user = line.user().context("who asks cannot be told")?;
    if user != 0 && user != rustix::process::geteuid().as_raw() {
        bail!("user {user} is neither the server's nor root");
    }
    let version = match line.receive(STEP) {
        Ok((Message::Hello { version }, _)) => version,
        Ok(_) => bail!("it does not say hello"),
        Err(error) => {
            debug!("somebody asked nothing: {}", told(&error));
            return Ok(false);
        }
    };
    if version != VERSION {
        bail!(
            "the new server speaks version {version} of the hand-over, and the running one version {VERSION}; stop that one, \
             and start the new one"
        );
    }
    line.send(&Message::Here(ground.here.clone()), &[], STEP).map_err(lost)?;
    let supervisor = match line.receive(STEP) {
        Ok((Message::Take { supervisor }, _)) => supervisor,
        Ok(_) => bail!("it does not say what it wants"),
        // It only wanted to know.
        Err(_) => return Ok(false),
    };
    info!("another process takes over");
    let rest = AtRest::begin(ground)?;
    give_sockets(line, ground)?;
    let supervision = supervisor::supervision();
    let lock: Vec<BorrowedFd<'_>> = ground.lock.iter().map(AsFd::as_fd).collect();
    line.send(&Message::All(supervision.clone()), &lock, STEP).map_err(lost)?;
    match line.receive(TAKE_MAX).map_err(lost)? {
        (Message::Serving, _) => {}
        (Message::Refused { why }, _) => bail!("the new server could not take over: {why}"),
        _ => bail!("it does not say that it serves"),
    }
    // From here on the new one is the server.
    let is_ours =
        supervision.socket.is_some() && (supervisor.is_none() || supervisor == supervision.socket);
    if let Some(new) = line.process().ok().filter(|_| is_ours) {
        supervisor::main_process(new);
    }
    rest.for_good();
    Ok(true)
}

fn give_sockets(line: &mut Line, ground: &Ground) -> anyhow::Result<()> {
    for some in ground.sockets.sockets().chunks(SOCKETS_MAX) {
        let told = some.iter().map(|Socket { kind, is_kept }| Told {
            kind: match kind {
                given::Kind::Udp(_) => Kind::Udp,
                given::Kind::Tcp(_) => Kind::Tcp,
                given::Kind::Unix(_, path) => Kind::Unix(path.clone()),
            },
            is_kept: *is_kept,
        });
        let descriptors: Vec<BorrowedFd<'_>> =
            some.iter().map(|socket| socket.kind.as_fd()).collect();
        line.send(&Message::Sockets(told.collect()), &descriptors, STEP).map_err(lost)?;
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "it is for map_err")]
fn lost(error: io::Error) -> anyhow::Error {
    anyhow!("the new server was lost: {}", told(&error))
}

/// A server that answers and leaves the state folder to another. It takes that back when this is dropped.
struct AtRest<'g> {
    publisher: &'g Publisher,
    held: Option<(Resting, OwnedRwLockWriteGuard<()>)>,
}

impl<'g> AtRest<'g> {
    fn begin(ground: &'g Ground) -> anyhow::Result<Self> {
        let loader = ground.editor.rest(REST_MAX);
        let loader = loader.context("the running server is busy with its zones; try again")?;
        let pen = ground.pen.take(STEP);
        let pen = pen.context("the running server is busy with zones from elsewhere; try again")?;
        ground.publisher.rest();
        Ok(Self { publisher: &ground.publisher, held: Some((loader, pen)) })
    }

    /// Never takes it back.
    fn for_good(mut self) {
        std::mem::forget(self.held.take());
    }
}

impl Drop for AtRest<'_> {
    fn drop(&mut self) {
        if self.held.is_some() {
            self.publisher.go_on();
        }
    }
}
