//! A bound on what a target may send to one probe, whatever the library that reads it does with lengths.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much may be read, and how a target is told of that sent more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    /// Bytes.
    pub most: usize,
    /// What comes before "more than": `it sends`.
    pub words: &'static str,
}

/// A connection of which so much is read, and what one read took beyond it.
pub(super) struct Bounded<S> {
    stream: S,
    bound: Bound,
    left: Left,
}

/// How much may be read yet.
#[derive(Clone)]
pub(super) struct Left(Arc<AtomicUsize>);

/// More than a bound came.
#[derive(Debug)]
pub(super) struct TooMuch(Bound);

impl<S> Bounded<S> {
    pub(super) fn new(stream: S, bound: Bound) -> Self {
        Self { stream, bound, left: Left(Arc::new(AtomicUsize::new(bound.most))) }
    }

    /// How much may be read yet, for who lifts the bound.
    pub(super) fn left(&self) -> Left {
        self.left.clone()
    }
}

impl Left {
    /// From here on, somebody else bounds what is read.
    pub(super) fn lift(&self) {
        self.0.store(usize::MAX, Ordering::Relaxed);
    }
}

impl TooMuch {
    /// What it is that a read failed with, if it is that.
    pub(super) fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl fmt::Display for TooMuch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Bound { most, words } = self.0;
        write!(f, "{words} more than {} KiB", most / 1024)
    }
}

impl std::error::Error for TooMuch {}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let left = self.left.0.load(Ordering::Relaxed);
        if left == 0 {
            return Poll::Ready(Err(io::Error::other(TooMuch(self.bound))));
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let read = buffer.filled().len() - before;
        self.left.0.store(left.saturating_sub(read), Ordering::Relaxed);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
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

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn what_comes_has_an_end() {
        let bound = Bound { most: 1024 * 1024, words: "it sends" };
        let mut endless = Bounded::new(tokio::io::repeat(7), bound);
        let mut read = Vec::new();
        let error = endless.read_to_end(&mut read).await.unwrap_err();
        assert_eq!(TooMuch::of(&error).unwrap().to_string(), "it sends more than 1024 KiB");
        assert!(read.len() < 2 * bound.most, "{}", read.len());
    }
}
