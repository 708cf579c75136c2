//! The Dolt source against a real server, through the library alone: identities, contents, history, faults.

mod contents;
mod faults;
mod identity;
mod polling;
mod proxy;
mod support;
mod versions;
