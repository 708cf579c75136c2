//! Questions about the whole history of a database: what each snapshot changed (`asof log`), where two snapshots
//! differ (`asof diff`), and which rows hold a text (`asof find`).
//!
//! Only what differs between two contents is read ([`crate::engine::differing`]).

mod count;
mod diff;
mod find;
mod find_in_file;
mod log;
mod matcher;
mod row_key;
mod table;

pub use count::count;
pub use diff::{Comparison, DiffSide, DiffSides, FileSizes};
pub use find::{FoundLine, FoundRow, SourceFindings, UnreadVersion, WantedText, main_line, search};
pub use log::{ChangeSize, CountedChange, DatabaseLog, SnapshotChanges, newest_first};
pub use matcher::{Matcher, Pattern};
pub use row_key::{RowKey, RowSearch};
pub use table::{ROWS, is_called, table_name};
