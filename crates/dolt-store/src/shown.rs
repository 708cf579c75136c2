//! Shows paths in messages.

use std::fmt;
use std::path::Path;

/// Shows a path with its bytes that are not UTF-8 as `\xff`, so that no two paths look alike.
pub fn shown(path: &Path) -> impl fmt::Display {
    let mut text = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn every_byte_shows() {
        let path = Path::new(OsStr::from_bytes(b"/a\xff/\xc3\xa9"));
        assert_eq!(shown(path).to_string(), "/a\\xff/é");
    }
}
