//! Numbers in JSON text.

/// The length of the JSON number at the start of `bytes`, or the offset of a missing digit.
pub(super) fn number_len(bytes: &[u8]) -> Result<usize, usize> {
    let digits_from = |start: usize| start + bytes[start..].iter().take_while(|b| b.is_ascii_digit()).count();
    let required = |start: usize| Some(digits_from(start)).filter(|&end| end > start).ok_or(start);

    let start = usize::from(bytes.first() == Some(&b'-'));
    let mut end = match bytes.get(start) {
        Some(b'0') => start + 1,
        _ => required(start)?,
    };
    if bytes.get(end) == Some(&b'.') {
        end = required(end + 1)?;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let signed = matches!(bytes.get(end + 1), Some(b'+' | b'-'));
        end = required(end + 1 + usize::from(signed))?;
    }
    Ok(end)
}
