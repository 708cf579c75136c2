//! Where rendered text goes: into memory, or only into a count of its bytes.

use std::io::{self, Write};

/// Takes text piece by piece.
pub trait Out {
    /// Appends bytes.
    fn put(&mut self, bytes: &[u8]);

    /// The number of bytes so far.
    fn written(&self) -> usize;

    /// Takes back all but the first `len` bytes.
    fn cut_back(&mut self, len: usize);
}

impl Out for Vec<u8> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    #[inline]
    fn written(&self) -> usize {
        self.len()
    }

    fn cut_back(&mut self, len: usize) {
        self.truncate(len);
    }
}

/// Counts bytes.
#[derive(Debug, Default)]
pub struct Tally(usize);

impl Out for Tally {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }

    #[inline]
    fn written(&self) -> usize {
        self.0
    }

    fn cut_back(&mut self, len: usize) {
        self.0 = len;
    }
}

/// Adapts an [`Out`] for code that writes through [`Write`].
pub(in crate::model) struct AsWriter<'o, O>(pub &'o mut O);

impl<O: Out> Write for AsWriter<'_, O> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.put(bytes);
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.put(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::line::append_value;
    use super::super::{LineLayout, Value};
    use super::*;

    /// Checks that a value appended to bytes has the length that a tally counts.
    fn same(value: Value<'_>) {
        let (mut bytes, mut tally) = (b"before".to_vec(), Tally(6));
        let (rendered, counted) = (append_value(&value, &mut bytes), append_value(&value, &mut tally));
        assert_eq!(rendered, counted);
        assert!(rendered.is_err() || bytes.written() == tally.written(), "{value:?}");
        let layout = LineLayout::new(["a", "\"b"]);
        let (mut of_bytes, mut of_tally) = (layout.line(&mut bytes), layout.line(&mut tally));
        let _ =
            (of_bytes.value(&value), of_bytes.value(&value), of_tally.value(&value), of_tally.value(&value));
        assert_eq!(of_bytes.end(), of_tally.end());
        assert!(rendered.is_err() || bytes.written() == tally.written(), "a line of {value:?}");
    }

    proptest! {
        #[test]
        fn as_many_bytes_are_counted_as_are_written(
            text in "(?s).{0,80}", json in "[\\[\\]{}\", :a1\\\\nu0]{0,12}", bytes in prop::collection::vec(any::<u8>(), 0..50),
            number in any::<i64>(), float in any::<f64>(), short in any::<f32>(),
            date in (-1_i32..10_001, 0_u8..14, 0_u8..33), clock in (0_u8..25, 0_u8..61, 0_u8..61, 0_u32..1_000_002),
        ) {
            let ((year, month, day), (hour, minute, second, micros)) = (date, clock);
            for micros in [0, micros / 1000 * 1000, micros] {
                same(Value::DateTime { year, month, day, hour, minute, second, micros });
                let (minutes, seconds) = (minute, second);
                same(Value::Time { negative: number < 0, hours: hour.into(), minutes, seconds, micros });
            }
            same(Value::Date { year, month, day });
            for value in [
                Value::Text(&text), Value::Json(&json), Value::Decimal(&json), Value::Bytes(&bytes), Value::Null,
                Value::Int(number), Value::Int(number % 1000), Value::UInt(number.cast_unsigned()),
                Value::F64(float), Value::F32(short), Value::Decimal(&number.to_string()),
            ] {
                same(value);
            }
            let quoted = serde_json::to_string(&text).expect("it is text");
            same(Value::Json(&quoted));
        }
    }
}
