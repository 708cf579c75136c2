//! Packets of MySQL's protocol over a stream, with a limit on their size.

use bytes::{BufMut, BytesMut};
use mysql_common::proto::codec::PacketCodec;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use zeroize::Zeroize;

use super::error::ClientError;

/// Size of one read, in bytes.
const READ: usize = 64 * 1024;

/// A packet buffer larger than this is freed after use.
const LARGE: usize = 1 << 20;

/// What carries bytes to a server.
pub trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for S {}

/// Packets over a stream.
pub struct Packets<S> {
    stream: S,
    codec: PacketCodec,
    received: BytesMut,
    packet: Vec<u8>,
}

impl<S: Stream> Packets<S> {
    pub fn new(stream: S) -> Self {
        Self { stream, codec: PacketCodec::default(), received: BytesMut::new(), packet: Vec::new() }
    }

    /// Continues over the stream that `change` makes of this one.
    ///
    /// # Errors
    /// [`ClientError::Protocol`] where the server sent more than was read, which would count as sent over the new stream.
    /// Errors of `change`.
    pub async fn over<T: Stream>(
        self,
        change: impl AsyncFnOnce(S) -> Result<T, ClientError>,
    ) -> Result<Packets<T>, ClientError> {
        if !self.received.is_empty() {
            return Err(ClientError::Protocol("bytes before the encryption that was agreed on"));
        }
        let Self { stream, codec, received, packet } = self;
        Ok(Packets { stream: change(stream).await?, codec, received, packet })
    }

    /// The next packet of at most `most` bytes; never an empty one. A larger one fails as soon as its length is known.
    pub async fn read(&mut self, most: usize) -> Result<&[u8], ClientError> {
        if self.packet.capacity() > LARGE {
            self.packet = Vec::new();
        }
        self.packet.clear();
        self.codec.max_allowed_packet = most;
        let too_large = |error| ClientError::of_packet(error, most);
        while !self.codec.decode(&mut self.received, &mut self.packet).map_err(too_large)? {
            self.received.reserve(READ);
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(ClientError::Closed);
            }
        }
        if self.packet.is_empty() {
            return Err(ClientError::Protocol("an empty packet"));
        }
        Ok(&self.packet)
    }

    pub async fn write(&mut self, payload: &[u8]) -> Result<(), ClientError> {
        let mut framed = BytesMut::new();
        self.codec.max_allowed_packet = usize::MAX;
        let framing = self.codec.encode(&mut &*payload, &mut framed);
        framing.map_err(|error| ClientError::of_packet(error, usize::MAX))?;
        let written = self.stream.write_all(&framed).await;
        // It may be a password.
        framed[..].zeroize();
        written?;
        Ok(self.stream.flush().await?)
    }

    /// Sends a command, which begins an exchange.
    pub async fn command(&mut self, code: u8, operand: &[u8]) -> Result<(), ClientError> {
        self.codec.reset_seq_id();
        let mut payload = Vec::with_capacity(1 + operand.len());
        payload.put_u8(code);
        payload.put_slice(operand);
        self.write(&payload).await
    }
}
