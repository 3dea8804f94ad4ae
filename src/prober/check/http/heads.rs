//! The bound on what comes before a body.
//!
//! A server may send any number of interim answers (RFC 9110 §15.2), each of which costs the work of its
//! parsing. So the bytes up to the head of the final one are counted.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most bytes of all heads together; what was read of the body with them counts too.
pub(super) const HEADS_MAX: usize = 64 * 1024;

/// A connection of which so much may be read until the head of the answer is there.
pub(super) struct Heads<S> {
    stream: S,
    left: Left,
}

/// How much may be read; without a bound once the head is there.
#[derive(Clone)]
pub(super) struct Left(Arc<AtomicUsize>);

/// More than [`HEADS_MAX`] bytes came before the body.
#[derive(Debug)]
pub(super) struct TooLong;

impl<S> Heads<S> {
    pub(super) fn new(stream: S) -> (Self, Left) {
        let left = Left(Arc::new(AtomicUsize::new(HEADS_MAX)));
        (Self { stream, left: left.clone() }, left)
    }
}

impl Left {
    /// The head is there: from here on, who reads the body bounds it.
    pub(super) fn lift(&self) {
        self.0.store(usize::MAX, Ordering::Relaxed);
    }
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the heads of the answer have more than {} KiB", HEADS_MAX / 1024)
    }
}

impl std::error::Error for TooLong {}

impl<S: AsyncRead + Unpin> AsyncRead for Heads<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let left = self.left.0.load(Ordering::Relaxed);
        if left == 0 {
            return Poll::Ready(Err(io::Error::other(TooLong)));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let read = buffer.filled().len() - before;
        self.left.0.store(left.saturating_sub(read), Ordering::Relaxed);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Heads<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
