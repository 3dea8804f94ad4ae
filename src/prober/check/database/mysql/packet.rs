//! Packets of MySQL's protocol: what is read of them, within bounds, and how they are sent.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::prober::check::Trouble;
use crate::prober::check::database::{Duplex, io_trouble};

/// The largest packet that is read; a row of the status has some thousand bytes.
const PACKET_MAX: usize = 256 * 1024;

/// A connection, and the number of its next packet.
pub(super) struct Packets<S> {
    stream: S,
    next: u8,
}

impl<S: Duplex> Packets<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, next: 0 }
    }

    /// The connection, with its number, behind a handshake that `wrap` makes.
    pub(super) async fn wrapped<T, F: Future<Output = Result<T, Trouble>>>(
        self,
        wrap: impl FnOnce(S) -> F,
    ) -> Result<Packets<T>, Trouble> {
        Ok(Packets { stream: wrap(self.stream).await?, next: self.next })
    }

    /// The next packet, not empty.
    pub(super) async fn read(&mut self) -> Result<Vec<u8>, Trouble> {
        let mut head = [0; 4];
        self.fill(&mut head).await?;
        let [low, middle, high, number] = head;
        let length = u32::from_le_bytes([low, middle, high, 0]) as usize;
        if length == 0 || length > PACKET_MAX || number != self.next {
            return Err(not_mysql());
        }
        self.next = number.wrapping_add(1);
        let mut packet = vec![0; length];
        self.fill(&mut packet).await?;
        Ok(packet)
    }

    async fn fill(&mut self, buffer: &mut [u8]) -> Result<(), Trouble> {
        self.stream.read_exact(buffer).await.map(drop).map_err(|error| io_trouble(&error))
    }

    /// Sends an answer.
    pub(super) async fn write(&mut self, packet: &[u8]) -> Result<(), Trouble> {
        let length = u32::try_from(packet.len()).expect("our packets are small").to_le_bytes();
        let mut bytes = vec![length[0], length[1], length[2], self.next];
        bytes.extend_from_slice(packet);
        self.next = self.next.wrapping_add(1);
        self.stream.write_all(&bytes).await.map_err(|error| io_trouble(&error))?;
        self.stream.flush().await.map_err(|error| io_trouble(&error))
    }

    /// Sends a command, which begins a new exchange.
    pub(super) async fn command(&mut self, command: u8, text: &str) -> Result<(), Trouble> {
        self.next = 0;
        let mut packet = vec![command];
        packet.extend_from_slice(text.as_bytes());
        self.write(&packet).await
    }

    /// Waits until the other side hangs up.
    pub(super) async fn end(&mut self) {
        let mut rest = [0; 64];
        while self.stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    }
}

/// What came is not of this protocol, or not of what we speak of it.
pub(super) fn not_mysql() -> Trouble {
    Trouble::Failed("the answer is not of MySQL".into())
}

/// The fields of a packet, from its start.
pub(super) struct Fields<'p>(pub(super) &'p [u8]);

impl<'p> Fields<'p> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'p [u8], Trouble> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(not_mysql)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Trouble> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn short(&mut self) -> Result<u16, Trouble> {
        let bytes = self.take(2)?;
        Ok(u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    /// A text up to its zero byte; what is left where there is none, as some servers end a packet.
    pub(super) fn zero_ended(&mut self) -> &'p [u8] {
        let end = self.0.iter().position(|byte| *byte == 0);
        let text = &self.0[..end.unwrap_or(self.0.len())];
        self.0 = &self.0[end.map_or(self.0.len(), |end| end + 1)..];
        text
    }

    /// A number whose first byte may say that two, three or eight follow.
    pub(super) fn number(&mut self) -> Result<usize, Trouble> {
        let count = match self.byte()? {
            small @ 0..=0xfa => return Ok(small.into()),
            0xfc => 2,
            0xfd => 3,
            0xfe => 8,
            _ => return Err(not_mysql()),
        };
        let mut bytes = [0; 8];
        bytes[..count].copy_from_slice(self.take(count)?);
        usize::try_from(u64::from_le_bytes(bytes)).map_err(|_| not_mysql())
    }

    /// A text with its length; `None` is NULL.
    pub(super) fn text(&mut self) -> Result<Option<&'p [u8]>, Trouble> {
        if self.0.first() == Some(&0xfb) {
            self.0 = &self.0[1..];
            return Ok(None);
        }
        let length = self.number()?;
        self.take(length).map(Some)
    }
}

/// An error that the server tells.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) code: u16,
    pub(super) message: String,
}

impl Told {
    /// From a packet that begins with 0xff.
    pub(super) fn read(packet: &[u8]) -> Result<Self, Trouble> {
        let mut fields = Fields(&packet[1..]);
        let code = fields.short()?;
        // The state of SQL, in five letters, is there once both know that the other knows it.
        if fields.0.first() == Some(&b'#') {
            fields.take(6)?;
        }
        Ok(Self { code, message: String::from_utf8_lossy(fields.0).into_owned() })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    #[test]
    fn numbers_are_as_long_as_their_first_byte_says() {
        for (bytes, expected) in [
            (&[7][..], Some(7)),
            (&[0xfa], Some(250)),
            (&[0xfc, 1, 2], Some(0x201)),
            (&[0xfd, 1, 2, 3], Some(0x3_0201)),
            (&[0xfe, 1, 0, 0, 0, 0, 0, 0, 0], Some(1)),
            (&[0xfc, 1], None),
            (&[0xff], None),
            (&[], None),
        ] {
            assert_eq!(Fields(bytes).number().ok(), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_text_that_says_it_is_longer_than_its_packet_is_none() {
        for bytes in
            [&[3, b'a', b'b'][..], &[0xfe, 255, 255, 255, 255, 255, 255, 255, 255, b'a'], &[]]
        {
            assert_eq!(Fields(bytes).text(), Err(not_mysql()), "{bytes:?}");
        }
        assert_eq!(Fields(&[0xfb]).text(), Ok(None));
        assert_eq!(Fields(&[2, b'a', b'b', b'c']).text(), Ok(Some(&b"ab"[..])));
    }

    #[tokio::test]
    async fn a_packet_is_neither_huge_nor_empty_nor_out_of_order() {
        for head in [[0, 0, 0, 0], [255, 255, 255, 0], [1, 0, 0, 1]] {
            let (mut theirs, ours) = duplex(64);
            theirs.write_all(&head).await.unwrap();
            theirs.write_all(&[0]).await.unwrap();
            assert_eq!(Packets::new(ours).read().await, Err(not_mysql()), "{head:?}");
        }
    }
}
