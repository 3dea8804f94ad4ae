//! A stream whose other end must read: one that takes too little for too long is closed.
//!
//! It is written in small pieces. A kernel without preemption copies megabytes in one call and lets nobody else
//! run on that core meanwhile, not even a worker that has a query to answer.

use std::future::Future as _;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// How long a client that is behind may take for the next [`LEAST`] bytes.
const PATIENCE: Duration = Duration::from_secs(10);
/// What a client that is behind must take in that time.
const LEAST: usize = 64 * 1024;
/// The most bytes that the kernel is given at once.
const PIECE: usize = 64 * 1024;

/// A stream whose other end must read.
pub struct Paced<S> {
    stream: S,
    /// Runs while the stream takes less than it is given.
    behind: Option<Behind>,
}

struct Behind {
    timer: Pin<Box<Sleep>>,
    taken: usize,
}

impl<S> Paced<S> {
    /// Watches over a stream.
    pub fn new(stream: S) -> Self {
        Self { stream, behind: None }
    }

    /// Notes what came of giving `offered` bytes.
    fn pace(
        &mut self,
        offered: usize,
        result: Poll<io::Result<usize>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let taken = match &result {
            Poll::Ready(Ok(taken)) => *taken,
            Poll::Ready(Err(_)) => return result,
            Poll::Pending => 0,
        };
        if taken == offered {
            self.behind = None;
            return result;
        }
        let behind = self
            .behind
            .get_or_insert_with(|| Behind { timer: Box::pin(sleep(PATIENCE)), taken: 0 });
        behind.taken += taken;
        // Polled where nothing is taken alone: the stream itself wakes us otherwise.
        if result.is_pending() && behind.timer.as_mut().poll(cx).is_ready() {
            if behind.taken < LEAST {
                let error = "the client does not read what it asked for";
                return Poll::Ready(Err(io::Error::new(ErrorKind::TimedOut, error)));
            }
            behind.taken = 0;
            behind.timer.as_mut().reset(Instant::now() + PATIENCE);
            // Set anew, so that it wakes us; it cannot be over.
            let _ = behind.timer.as_mut().poll(cx);
        }
        result
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let piece = &bytes[..bytes.len().min(PIECE)];
        let result = Pin::new(&mut self.stream).poll_write(cx, piece);
        self.pace(piece.len(), result, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // As many whole slices as a piece holds; where the first is larger, a piece of it.
        let mut offered = 0;
        let whole = slices.iter().take_while(|slice| {
            offered += slice.len();
            offered <= PIECE
        });
        match whole.count() {
            0 => {
                let first = slices.first().map_or(&[][..], |slice| slice);
                self.poll_write(cx, first)
            }
            count => {
                let slices = &slices[..count];
                let result = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
                self.pace(slices.iter().map(|slice| slice.len()).sum(), result, cx)
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const PIPE: usize = 1024;

    #[tokio::test]
    async fn what_is_large_is_written_in_pieces() {
        let (ours, mut theirs) = duplex(64 * PIECE);
        let mut paced = Paced::new(ours);
        let (small, large) = ([1; 100], vec![2; 3 * PIECE]);
        for (parts, taken) in [
            (vec![&small[..], &small], 200),
            (vec![&small[..], &large], 100),
            (vec![&large[..], &small], PIECE),
        ] {
            let slices: Vec<IoSlice<'_>> = parts.into_iter().map(IoSlice::new).collect();
            assert_eq!(paced.write_vectored(&slices).await.expect("there is room"), taken);
        }
        assert_eq!(paced.write(&large).await.expect("there is room"), PIECE);
        drop(paced);
        let mut all = Vec::new();
        theirs.read_to_end(&mut all).await.expect("it ends");
        assert_eq!(all.len(), 300 + 2 * PIECE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_closed() {
        let (ours, _theirs) = duplex(PIPE);
        let began = Instant::now();
        let error = Paced::new(ours).write_all(&[0; 4 * PIPE]).await.expect_err("nobody reads");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(began.elapsed().as_secs(), PATIENCE.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_a_byte_now_and_then_is_closed() {
        let (ours, mut theirs) = duplex(PIPE);
        let drip = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if theirs.read_u8().await.is_err() {
                    return;
                }
            }
        });
        let began = Instant::now();
        let error = Paced::new(ours).write_all(&vec![0; 400 * PIPE]).await.expect_err("too slow");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(began.elapsed() < 2 * PATIENCE, "{:?}", began.elapsed());
        drip.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_is_slow_but_reads_gets_everything() {
        let (ours, mut theirs) = duplex(PIPE);
        let reads = tokio::spawn(async move {
            let mut total = 0;
            let mut buffer = [0; PIPE];
            loop {
                tokio::time::sleep(Duration::from_millis(50)).await;
                match theirs.read(&mut buffer).await.expect("a pipe") {
                    0 => return total,
                    read => total += read,
                }
            }
        });
        let size = 1000 * PIPE;
        let mut paced = Paced::new(ours);
        paced.write_all(&vec![0; size]).await.expect("it is read");
        drop(paced);
        assert_eq!(reads.await.expect("it ends"), size);
    }
}
