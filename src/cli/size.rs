//! Sizes on the command line.

/// Parses `256M`, `1G`, `512KiB`, `1048576`: binary multiples, as in `-o size=` of tmpfs.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a size; write it like 256M, 1G or 1048576");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text[digits.len()..].to_ascii_lowercase();
    let unit = unit.strip_suffix("ib").or_else(|| unit.strip_suffix('b')).unwrap_or(&unit);
    let shift = match unit {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return Err(wrong()),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let bytes = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
    bytes.ok_or_else(|| format!("`{text}` is too large; write it like 256M or 1G"))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", 0),
            ("1048576", 1 << 20),
            ("256M", 256 << 20),
            ("1g", 1 << 30),
            ("512KiB", 512 << 10),
            ("7b", 7),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in ["", "M", "1.5G", "-1", "+1", "1X", "1 G", "ü"] {
            let message = parse(text).expect_err("not a size");
            assert!(message.contains("not a size"), "{text}: {message}");
        }
        for text in ["99999999999T", "18446744073709551616", "16777216T"] {
            let message = parse(text).expect_err("too large");
            assert!(message.contains("too large"), "{text}: {message}");
        }
    }
}
