//! Rows: from a table's schema and the leaves of its prolly tree to JSON lines, without a server.
//!
//! [`schema::Schema`] reads a schema's chunk, [`renderer::RowRenderer`] renders the rows of one leaf as the
//! server would send them, [`schema_sql`] writes the `CREATE TABLE` statement that the server shows.

mod blob;
mod civil;
mod collation;
mod decimal;
mod decode;
mod default_value;
mod encoding;
pub mod error;
mod expression;
pub mod foreign_key;
mod leaf;
mod out_of_line;
pub mod renderer;
pub mod schema;
pub mod schema_sql;
mod sql_type;
mod tuple;

pub use blob::read_blob;
pub use error::{RowsError, ValueProblem};
pub use foreign_key::ForeignKey;
pub use renderer::RowRenderer;
pub use schema::Schema;

#[cfg(test)]
mod later_versions;
#[cfg(test)]
mod tests;
