//! The Dolt source against a real server, through the library alone: identities, contents, history, faults.

mod contents;
mod encrypted;
mod fake;
mod faults;
mod hostile;
mod identity;
mod polling;
mod support;
mod versions;
