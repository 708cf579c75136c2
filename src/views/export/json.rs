//! JSON as Go's `encoding/json` writes it, so that exports equal those of `bd export` byte by byte.
//!
//! Beyond what JSON requires, Go escapes `<`, `>` and `&` (for HTML) and U+2028 and U+2029 (for JavaScript), in
//! strings and in JSON that it passes on.

use std::fmt::Display;

use crate::model::jsonl::json_string;

pub fn push_text(text: &str, out: &mut Vec<u8>) {
    let mut plain = Vec::with_capacity(text.len() + 2);
    json_string(text, &mut plain);
    push_json(&plain, out);
}

pub fn quoted(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    push_text(text, &mut out);
    out
}

/// Appends JSON text. The escaped characters can only occur in its strings.
pub fn push_json(json: &[u8], out: &mut Vec<u8>) {
    push_escaped(json, true, out);
}

/// Appends JSON text as Dolt returns it: U+2028 and U+2029 escaped, but nothing for HTML.
pub fn push_dolt_json(json: &[u8], out: &mut Vec<u8>) {
    push_escaped(json, false, out);
}

fn push_escaped(json: &[u8], for_html: bool, out: &mut Vec<u8>) {
    let mut copied = 0;
    let mut at = 0;
    while at < json.len() {
        let (escape, len): (&[u8], usize) = match &json[at..] {
            [b'<', ..] if for_html => (b"\\u003c", 1),
            [b'>', ..] if for_html => (b"\\u003e", 1),
            [b'&', ..] if for_html => (b"\\u0026", 1),
            [0xe2, 0x80, 0xa8, ..] => (b"\\u2028", 3),
            [0xe2, 0x80, 0xa9, ..] => (b"\\u2029", 3),
            _ => {
                at += 1;
                continue;
            }
        };
        out.extend_from_slice(&json[copied..at]);
        out.extend_from_slice(escape);
        at += len;
        copied = at;
    }
    out.extend_from_slice(&json[copied..]);
}

pub struct ObjectWriter<'o> {
    out: &'o mut Vec<u8>,
    has_fields: bool,
}

impl<'o> ObjectWriter<'o> {
    pub fn begin(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, has_fields: false }
    }

    /// Starts a field; append its value to the result.
    pub fn field(&mut self, name: &str) -> &mut Vec<u8> {
        if self.has_fields {
            self.out.push(b',');
        }
        self.has_fields = true;
        push_text(name, self.out);
        self.out.push(b':');
        self.out
    }

    pub fn text(&mut self, name: &str, text: &str) {
        push_text(text, self.field(name));
    }

    /// The same, unless the text is empty or missing.
    pub fn text_if_any(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.text(name, text);
        }
    }

    /// A field that holds a number, or anything else that is written as it is displayed.
    pub fn shown(&mut self, name: &str, value: impl Display) {
        self.field(name).extend_from_slice(value.to_string().as_bytes());
    }

    pub fn shown_if_any(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.shown(name, value);
        }
    }

    /// A field that holds a list of JSON texts, unless there are none.
    pub fn list_if_any(&mut self, name: &str, items: impl ExactSizeIterator<Item: AsRef<[u8]>>) {
        if items.len() == 0 {
            return;
        }
        let out = self.field(name);
        out.push(b'[');
        for (at, item) in items.enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(item.as_ref());
        }
        out.push(b']');
    }

    pub fn end(self) {
        self.out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_as_go_does() {
        // As json.Marshal of Go 1.26 prints them.
        for (plain, escaped) in [
            ("", r#""""#),
            ("a<b>&c", r#""a\u003cb\u003e\u0026c""#),
            ("\u{2028}x\u{2029}", r#""\u2028x\u2029""#),
            ("\u{2027}\u{202a}é𝄞\u{7f}", "\"\u{2027}\u{202a}é𝄞\u{7f}\""),
            ("\u{8}\u{c}\n\r\t\u{0}\u{1f}", r#""\b\f\n\r\t\u0000\u001f""#),
            (r#"\"/"#, r#""\\\"/""#),
        ] {
            assert_eq!(String::from_utf8_lossy(&quoted(plain)), escaped);
        }
    }

    #[test]
    fn json_is_passed_on_with_its_strings_escaped() {
        let json = "{\"a<\":[1,\"\u{2028}&\"]}".as_bytes();
        let (mut go, mut dolt) = (Vec::new(), Vec::new());
        push_json(json, &mut go);
        push_dolt_json(json, &mut dolt);
        assert_eq!(String::from_utf8_lossy(&go), r#"{"a\u003c":[1,"\u2028\u0026"]}"#);
        assert_eq!(String::from_utf8_lossy(&dolt), r#"{"a<":[1,"\u2028&"]}"#);
    }
}
