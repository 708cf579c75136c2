//! The answer to a query, packet by packet.

use std::sync::Arc;

use mysql_common::constants::StatusFlags;
use mysql_common::io::ParseBuf;
use mysql_common::packets::Column;
use mysql_common::proto::Text;
use mysql_common::row::{Row, RowDeserializer};
use mysql_common::value::ServerSide;

use super::error::ClientError;
use super::greeting::refusal;
use super::packets::{Packets, Stream};

/// Largest packet, hence row, in bytes: what MySQL's servers allow by default.
pub const LARGEST_PACKET: u32 = 64 << 20;

/// Most columns of an answer. A table has 4,096 at most, and a difference shows each twice.
const MOST_COLUMNS: u64 = 16 * 1024;

/// Most bytes that describe the columns of one answer.
const MOST_DESCRIPTION: usize = 16 << 20;

/// The end of rows looks like a row that begins with a very long value; that one is longer than this.
const LONGEST_END: usize = 1 << 10;

/// Reads what precedes the rows; `None` where the answer has no rows.
pub async fn columns<S: Stream>(packets: &mut Packets<S>) -> Result<Option<Arc<[Column]>>, ClientError> {
    let packet = packets.read(LARGEST_PACKET as usize).await?;
    match packet[0] {
        0x00 => return end(packet).map(|()| None),
        0xff => return Err(refusal(packet)),
        // LOCAL INFILE.
        0xfb => return Err(ClientError::WantsFile),
        _ => {}
    }
    let mut rest = ParseBuf(packet);
    let count = rest.checked_eat_lenenc_int().filter(|_| rest.is_empty());
    let count = count.ok_or(ClientError::Protocol("no number of columns"))?;
    if !(1..=MOST_COLUMNS).contains(&count) {
        return Err(ClientError::Protocol("an impossible number of columns"));
    }
    let mut left = MOST_DESCRIPTION;
    let mut columns = Vec::new();
    for _ in 0..count {
        let packet = packets.read(left).await?;
        if packet[0] == 0xff {
            return Err(refusal(packet));
        }
        left = left.saturating_sub(packet.len());
        columns.push(whole(packet, |rest| rest.parse::<Column>(()).ok(), "no column")?);
    }
    Ok(Some(columns.into()))
}

/// Reads the next row; `None` after the last one.
pub async fn row<S: Stream>(
    packets: &mut Packets<S>,
    columns: &Arc<[Column]>,
) -> Result<(Option<Row>, usize), ClientError> {
    let packet = packets.read(LARGEST_PACKET as usize).await?;
    match packet[0] {
        0xff => return Err(refusal(packet)),
        0xfe if packet.len() <= LONGEST_END => return end(packet).map(|()| (None, 0)),
        _ => {}
    }
    let size = packet.len();
    let read = |rest: &mut ParseBuf<'_>| {
        rest.parse::<RowDeserializer<ServerSide, Text>>(Arc::clone(columns)).ok().map(Row::from)
    };
    Ok((Some(whole(packet, read, "no row of these columns")?), size))
}

/// Reads the end of an answer. No further answer may follow, because one query was sent.
fn end(packet: &[u8]) -> Result<(), ClientError> {
    let mut rest = ParseBuf(&packet[1..]);
    let numbers = (rest.checked_eat_lenenc_int(), rest.checked_eat_lenenc_int());
    let (Some(_), Some(_), Some(status)) = (numbers.0, numbers.1, rest.checked_eat_u16_le()) else {
        return Err(ClientError::Protocol("no end of an answer"));
    };
    if StatusFlags::from_bits_truncate(status).contains(StatusFlags::SERVER_MORE_RESULTS_EXISTS) {
        return Err(ClientError::Protocol("a second answer to one query"));
    }
    Ok(())
}

fn whole<T>(
    packet: &[u8],
    read: impl FnOnce(&mut ParseBuf<'_>) -> Option<T>,
    otherwise: &'static str,
) -> Result<T, ClientError> {
    let mut rest = ParseBuf(packet);
    let read = read(&mut rest).filter(|_| rest.is_empty());
    read.ok_or(ClientError::Protocol(otherwise))
}
