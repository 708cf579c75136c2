//! Rows: from the leaves of a table's prolly tree to typed values.
//!
//! | module | concern |
//! | --- | --- |
//! | `tuple`, `leaf` | the fields of a key or a value; the tuples of a leaf |
//! | `value`, `decode` | typed values; from a field to its value |
//! | `civil`, `decimal` | dates and times; decimal numbers |
//! | `out_of_line`, `blob` | values in chunks of their own |
//! | `reader` | the rows of one table |

mod blob;
mod civil;
mod decimal;
mod decode;
mod leaf;
mod out_of_line;
mod reader;
#[cfg(test)]
mod tests;
mod tuple;
mod value;

pub use blob::read_blob;
pub use decode::ValueRoom;
pub use leaf::{Leaf, NodeKeys};
pub use reader::{LeafRow, RowReader};
pub use tuple::Tuple;
pub use value::Value;
