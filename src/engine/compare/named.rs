//! Looks up one row of two trees by its name, and reads nothing else of them.

use std::num::NonZeroUsize;
use std::sync::Arc;

use bytes::Bytes;

use super::rows::is_wanted;
use crate::content::shared_load::SharedResult;
use crate::content::tree::{LookedUp, SoughtRow};
use crate::content::{Content, FileEntry};
use crate::engine::Engine;
use crate::engine::read::cancellable;
use crate::engine::read::tree::TreeReader;
use crate::memory::{Cancel, Recent};
use crate::model::content_id::ContentId;

/// How many contents' answers about the row are kept: the later content of a pair is often the earlier one of the next.
const KEPT: NonZeroUsize = NonZeroUsize::new(64).expect("64 is not 0");

/// The bytes of the row's lines that are kept for that, at most.
const KEPT_LINES: u64 = 8 << 20;

/// A row before and after a change, as lines without line feeds.
pub type RowSides = [Option<Bytes>; 2];

/// A file before and after a change.
pub type FilePair = [Option<FileEntry>; 2];

impl Engine {
    /// The row whose key has this name ([`crate::model::row::key_name`]), in pairs of contents of one table. `None` for
    /// a pair that has to be compared to find it: not both are trees that know the order of their keys, or their keys
    /// differ. A row that is the same in both is returned as if it were in neither.
    pub async fn named_rows(&self, pairs: Vec<FilePair>, name: &str) -> SharedResult<Vec<Option<RowSides>>> {
        let mut contents = pairs.iter().flatten().flatten().map(|file| &file.content);
        let Some(tree) = contents.find(|content| content.tree().is_some()).cloned() else {
            return Ok(vec![None; pairs.len()]);
        };
        let (pages, mut sought) = (Arc::clone(&self.pages), SoughtRow::of(name));
        let look_up = move |cancel: &Cancel| {
            let mut told = Recent::<ContentId, Arc<ToldRow>>::of_at_most(KEPT);
            let mut tell = |file: Option<&FileEntry>| -> SharedResult<Option<Arc<ToldRow>>> {
                let Some(file) = file else { return Ok(None) };
                if let Some(known) = told.get(&file.id) {
                    return Ok(Some(Arc::clone(known)));
                }
                let open = |content: &Content| TreeReader::open(content, &pages).transpose();
                let row = match open(&file.content)? {
                    Some(tree) => ToldRow { row: tree.look_up(&mut sought)?, key: tree.key().to_vec() },
                    None => ToldRow::default(),
                };
                let line = row.line().map_or(0, Bytes::len) as u64;
                let row = Arc::new(row);
                told.put(file.id, Arc::clone(&row), line);
                told.shrink_to(KEPT_LINES);
                Ok(Some(row))
            };
            let pair = |[before, now]: &FilePair| {
                is_wanted(cancel)?;
                Ok(both(tell(before.as_ref())?, tell(now.as_ref())?))
            };
            pairs.iter().map(pair).collect()
        };
        cancellable(&tree, look_up).await
    }
}

/// What a content says of the row.
#[derive(Default)]
struct ToldRow {
    row: LookedUp,
    /// The columns of its key.
    key: Vec<String>,
}

impl ToldRow {
    fn line(&self) -> Option<&Bytes> {
        self.row.as_ref()?.as_ref()
    }
}

fn both(before: Option<Arc<ToldRow>>, now: Option<Arc<ToldRow>>) -> Option<RowSides> {
    let has_one_key = before.as_ref().zip(now.as_ref()).is_none_or(|(before, now)| before.key == now.key);
    let row = |told: Option<Arc<ToldRow>>| told.map_or(Some(None), |told| told.row.clone());
    let sides = [row(before)?, row(now)?];
    // Nearly all pairs have equal sides, and each side may hold a copy of its own.
    let is_same = sides[0] == sides[1];
    has_one_key.then(|| if is_same { [None, None] } else { sides })
}
