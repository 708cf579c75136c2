//! sidecars
