//! The objects in chunks, from the store's root down to the rows.
//!
//! ```text
//! store root -> refs -> commit -> root value -> table -> leaves -> rows
//!                 \-> tag, working set -^          \-> schema
//! ```

pub mod address_map;
pub mod commit;
pub mod prolly;
pub mod root_value;
pub mod store_root;
pub mod table;
