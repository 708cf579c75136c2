//! The pure core: names, times, keys, rows, JSONL, SQL and terminal text. No I/O, no clock, no threads.

pub mod access;
pub mod content_id;
pub mod history;
pub mod jsonl;
pub mod name_time;
pub mod names;
pub mod number;
pub mod period;
pub mod row;
pub mod secrets;
pub mod shell;
pub mod snapshot_name;
pub mod sql_literal;
pub mod terminal;
pub mod time;
pub mod time_expr;
