//! Logs in without revealing the password.
//!
//! Two methods prove that the client knows the password by an answer to the server's challenge. `caching_sha2_password` may
//! ask for the password itself, which is sent over verified TLS only: not over a local connection either, because any user of
//! a machine can listen on a free port. No other method is known here, and no key that a server sends is used.

use mysql_common::constants::CapabilityFlags;
use mysql_common::packets::HandshakeResponse;
use mysql_common::proto::MySerialize;
use zeroize::Zeroizing;

use super::error::{ClientError, short_text};
use super::greeting::{CHALLENGE, Greeting, Method, refusal};
use super::packets::{Packets, Stream};
use crate::source::dolt::server::password::Password;

/// Largest packet before a user is logged in, in bytes.
pub const LARGEST: usize = 16 * 1024;

/// Most packets of a server during a log-in: a method, another one instead, its question, the outcome.
const MOST_ANSWERS: usize = 4;

/// Logs in. `is_verified` means that the connection is encrypted and the server has proven who it is.
pub async fn log_in<S: Stream>(
    packets: &mut Packets<S>,
    greeting: &Greeting,
    capabilities: CapabilityFlags,
    user: &str,
    password: Option<&Password>,
    is_verified: bool,
) -> Result<(), ClientError> {
    // A server that wants an unknown method may name another one next.
    let mut method = greeting.method.unwrap_or(Method::Native);
    let answer = method.answer(password, &greeting.challenge);
    let response = HandshakeResponse::new(
        Some(&answer[..]),
        (8, 0, 0),
        Some(user.as_bytes()),
        None::<&[u8]>,
        Some(method.plugin()),
        capabilities,
        None,
        super::LARGEST_PACKET,
    );
    let mut payload = Vec::new();
    response.serialize(&mut payload);
    packets.write(&payload).await?;
    let (mut has_switched, mut has_asked) = (false, false);
    for _ in 0..MOST_ANSWERS {
        let packet = packets.read(LARGEST).await?;
        match (packet[0], &packet[1..]) {
            (0x00, _) => return Ok(()),
            (0xff, _) => return Err(refusal(packet)),
            (0xfe, request) if !has_switched => {
                has_switched = true;
                let (named, challenge) = switch(request)?;
                method = named;
                let answer = method.answer(password, &challenge);
                packets.write(&answer).await?;
            }
            // The answer to the challenge was right; the end of the log-in follows.
            (0x01, [0x03]) if method == Method::Sha2 => {}
            (0x01, [0x04]) if method == Method::Sha2 && !has_asked => {
                if !is_verified {
                    return Err(ClientError::WantsPassword);
                }
                has_asked = true;
                let password = password.map(Password::reveal).unwrap_or_default();
                let mut clear = Zeroizing::new(Vec::with_capacity(password.len() + 1));
                clear.extend_from_slice(password.as_bytes());
                clear.push(0);
                packets.write(&clear).await?;
            }
            _ => return Err(ClientError::Protocol("an unexpected packet during log-in")),
        }
    }
    Err(ClientError::Protocol("a log-in without an end"))
}

/// The other method that a server asks for, and its challenge.
fn switch(request: &[u8]) -> Result<(Method, [u8; CHALLENGE]), ClientError> {
    if request.is_empty() {
        return Err(ClientError::Method("mysql_old_password".to_owned()));
    }
    let mut parts = request.splitn(2, |&byte| byte == 0);
    let name = parts.next().unwrap_or_default();
    let method = Method::named(name).ok_or_else(|| ClientError::Method(short_text(name)))?;
    let challenge = parts.next().and_then(|data| data.get(..CHALLENGE)?.try_into().ok());
    Ok((method, challenge.ok_or(ClientError::Protocol("a challenge that is too short"))?))
}
