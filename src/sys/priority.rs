//! Who goes first on a core: what answers, before what works for it.
//!
//! Under load the kernel shares a core by niceness; when a packet comes while another thread runs, it lets that one run
//! on for a slice of some milliseconds first. So what works behind the answers is nice, and what answers asks for a
//! slice so short that it need not wait (Linux 6.12; before, it is asked for in vain).

use std::io;
use std::time::Duration;

/// How nice the threads behind the answers are (setpriority(2)): at 10, those that answer get nine tenths of a core
/// that they share.
const NICE: i32 = 10;
/// The shortest slice that can be asked for.
const SLICE: Duration = Duration::from_micros(100);

/// Makes the calling thread one that works behind the answers. Elsewhere than on Linux that would be the whole
/// process, so there it does nothing.
pub fn behind_answers() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::setpriority_process(None, NICE)?;
    Ok(())
}

/// Makes the calling thread one that answers.
#[cfg(target_os = "linux")]
pub fn answering() -> io::Result<()> {
    use std::mem::{size_of, zeroed};

    use libc::{SYS_sched_getattr, SYS_sched_setattr, c_uint, sched_attr, syscall};

    let size = size_of::<sched_attr>() as c_uint;
    // SAFETY: it is a plain C struct, for which all zeroes is a value.
    let mut attributes: sched_attr = unsafe { zeroed() };
    // SAFETY: the kernel writes at most `size` bytes into a struct of that size, which nobody else has.
    if unsafe { syscall(SYS_sched_getattr, 0, &raw mut attributes, size, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    attributes.sched_runtime = SLICE.as_nanos() as u64;
    // SAFETY: the kernel reads a struct that states its size.
    if unsafe { syscall(SYS_sched_setattr, 0, &raw const attributes, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_answers_keeps_its_niceness() {
        let nice = || rustix::process::getpriority_process(None).expect("every thread has one");
        std::thread::spawn(move || {
            let before = nice();
            answering().expect("a shorter slice is no privilege");
            assert_eq!(nice(), before);
            behind_answers().expect("to be nicer is no privilege");
            assert_eq!(nice(), NICE.max(before));
        })
        .join()
        .expect("it holds");
    }
}
