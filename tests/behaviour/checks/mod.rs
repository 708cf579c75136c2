//! What every source has to do, one kind of promise per file.

pub mod capabilities;
pub mod contents;
pub mod damage;
pub mod identity;
pub mod listing;
pub mod polling;
