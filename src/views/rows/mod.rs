//! Comparing two contents of one table, row by row.

pub mod change;
pub mod diff;
pub mod key;
pub mod lines;
pub mod names;
pub mod order;
mod pairs;
mod sides;
pub mod steps;
