//! Names in SQL.

pub use dolt_store::sql::ident;
