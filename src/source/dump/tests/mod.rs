//! Readers of dumps against the real programs.
