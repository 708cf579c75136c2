//! What both ways to a Dolt database share: over a server, and from its files.
//!
//! | file | concern |
//! | --- | --- |
//! | `lineage` | which commit last changed which table: the identity of contents |
//! | `listing`, `views` | the tables and views of one revision |
//! | `schema_sql` | `schema.sql` from its statements |
//! | `create_table`, `sql_dump` | a whole commit as SQL, around its rows |
//! | `programs`, `making_order` | its views, triggers, events and procedures, and in which order these can be made |
//! | `identifier` | names in SQL |
//! | `leftovers` | databases that test runs left behind |

pub mod create_table;
pub mod identifier;
pub mod leftovers;
pub mod lineage;
pub mod listing;
pub mod making_order;
pub mod programs;
pub mod schema_sql;
pub mod sql_dump;
pub mod views;
