//! The helper that runs programs for the checks of a server: the same binary, which the server starts, and no command for
//! people.

use std::io::stdin;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::prober::check::exec;
use crate::sys::priority;

/// What the process is called, as in `ps`.
const NAME: &std::ffi::CStr = c"rotadns-exec";

/// What becomes of the process, where it is to be a helper.
#[must_use]
pub fn run() -> Option<ExitCode> {
    (std::env::args_os().nth(1)? == exec::WORD).then(|| match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rotadns: the helper that runs programs: {error:#}");
            ExitCode::FAILURE
        }
    })
}

fn serve() -> anyhow::Result<()> {
    let stream = UnixStream::from(stdin().as_fd().try_clone_to_owned()?);
    stream.local_addr().context("it is for a server to start, and for nobody else")?;
    rustix::thread::set_name(NAME)?;
    // As the prober's own thread; what was started nicer than that may not become less so.
    let _ = priority::behind_answers();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // What is meant for the server reaches whole groups of processes: the helper ends when the server does. A signal that
        // is taken is not passed on to programs, as one that is ignored would be.
        let kinds = [SignalKind::hangup(), SignalKind::terminate(), SignalKind::interrupt()];
        let _taken = kinds.map(signal);
        exec::serve(stream).await?;
        Ok(())
    })
}
