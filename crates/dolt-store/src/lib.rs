#![doc = include_str!("../README.md")]
// A cast that could change a number is an error; tests may cast.
#![cfg_attr(
    not(test),
    warn(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)
)]

mod address;
mod chunks;
mod error;
pub mod files;
pub mod message;
mod number;
pub mod objects;
#[doc(hidden)]
pub mod probe;
pub mod rows;
mod rows_error;
pub mod schema;
pub mod sql;
mod store;
#[doc(hidden)]
#[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss)]
pub mod testing;

pub use address::{Address, InvalidAddress};
pub use chunks::manifest::{FileSpec, StoreManifest};
pub use chunks::{Chunks, FileFlaw};
pub use error::{ErrorKind, InChunk, StoreError};
pub use rows_error::{RowsError, ValueProblem};
pub use store::Store;
