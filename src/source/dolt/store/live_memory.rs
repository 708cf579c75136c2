//! The last listing of a working set: listing it again while nothing changed costs a few `stat`.

use std::collections::HashMap;
use std::sync::Arc;

use dolt_store::Address;
use jiff::Timestamp;

use crate::content::FileEntry;
use crate::model::access::Audience;
use crate::model::content_id::ContentId;

/// What is kept between two listings.
#[derive(Default)]
pub struct LiveMemory {
    pub last: Option<LastListing>,
    /// When each changed content of the last listing was first seen.
    pub first_seen: HashMap<ContentId, Timestamp>,
}

/// The files, and what they depend on.
pub struct LastListing {
    pub store_root: Address,
    pub head: Arc<str>,
    pub audience: Audience,
    pub files: Arc<[FileEntry]>,
}
