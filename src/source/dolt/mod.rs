//! Dolt databases, over a server or from the files of a store.

pub(crate) mod common;
pub mod server;
pub mod store;
