//! Comparing two contents of one table, row by row.

pub mod change;
pub mod diff;
mod found;
pub mod key;
pub mod lines;
pub mod names;
pub mod order;
mod ordered;
mod pairs;
mod record;
mod sides;
pub mod steps;
