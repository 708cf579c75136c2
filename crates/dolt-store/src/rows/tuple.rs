//! Tuples: the fields of a key or a value.
//!
//! ```text
//! field 0 | field 1 | ... | offset of 1 | ... | count
//! ```
//!
//! Offsets and the count are u16, little-endian. A field of no bytes is NULL, and so is one past the count:
//! rows written before a column was added end early.

use std::ops::Range;

/// A tuple whose offsets were checked.
#[derive(Debug, Clone, Copy)]
pub struct Tuple<'b> {
    /// The fields, without the offsets.
    fields: &'b [u8],
    offsets: &'b [[u8; 2]],
    count: usize,
}

impl<'b> Tuple<'b> {
    /// Reads the frame of a tuple. `None` if the offsets run backwards or out of the tuple.
    #[inline]
    pub fn parse(bytes: &'b [u8]) -> Option<Self> {
        let (rest, count) = bytes.split_last_chunk::<2>()?;
        let count = usize::from(u16::from_le_bytes(*count));
        let split = rest.len().checked_sub(2 * count.saturating_sub(1))?;
        let (fields, offsets) = rest.split_at(split);
        let (offsets, _) = offsets.as_chunks::<2>();
        let ends = offsets.iter().map(|&offset| usize::from(u16::from_le_bytes(offset)));
        let is_sound = ends.chain([fields.len()]).is_sorted();
        (is_sound && (count > 0 || fields.is_empty())).then_some(Self { fields, offsets, count })
    }

    /// The bytes of a field. `None` for NULL.
    #[inline]
    pub fn field(&self, index: usize) -> Option<&'b [u8]> {
        self.fields.get(self.range(index)?)
    }

    /// Where in the tuple a field is. `None` for NULL.
    #[inline]
    pub fn range(&self, index: usize) -> Option<Range<usize>> {
        if index >= self.count {
            return None;
        }
        let start = index.checked_sub(1).map_or(Some(0), |before| self.offset(before))?;
        let end = self.offset(index).unwrap_or(self.fields.len());
        Some(start..end).filter(|range| !range.is_empty())
    }

    /// Where field `index + 1` starts.
    fn offset(&self, index: usize) -> Option<usize> {
        self.offsets.get(index).map(|&offset| u16::from_le_bytes(offset).into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn write(fields: &[Option<Vec<u8>>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut offsets = Vec::new();
        for (index, field) in fields.iter().enumerate() {
            if index > 0 {
                offsets.extend_from_slice(&(bytes.len() as u16).to_le_bytes());
            }
            bytes.extend_from_slice(field.as_deref().unwrap_or_default());
        }
        bytes.extend(offsets);
        bytes.extend_from_slice(&(fields.len() as u16).to_le_bytes());
        bytes
    }

    #[test]
    fn an_empty_tuple_has_only_nulls() {
        let tuple = Tuple::parse(&[0, 0]).expect("an empty tuple");
        assert_eq!((tuple.field(0), tuple.field(9)), (None, None));
    }

    #[test]
    fn bytes_that_are_not_a_tuple_are_refused() {
        for bytes in [&[][..], &[1], &[1, 0, 0], &[5, 0], &[7, 9, 0, 2, 0], &[1, 2, 2, 0, 1, 0, 3, 0]] {
            assert!(Tuple::parse(bytes).is_none(), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn fields_come_back(fields in prop::collection::vec(
            prop::option::of(prop::collection::vec(any::<u8>(), 1..20)), 0..12)) {
            let bytes = write(&fields);
            let tuple = Tuple::parse(&bytes).expect("a tuple");
            for (index, field) in fields.iter().enumerate() {
                prop_assert_eq!(tuple.field(index), field.as_deref());
            }
            prop_assert_eq!(tuple.field(fields.len()), None);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), index in 0_usize..40) {
            if let Some(tuple) = Tuple::parse(&bytes) {
                let _ = tuple.field(index);
            }
        }
    }
}
