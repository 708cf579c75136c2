//! The lengths of versions that nobody has read: they follow from those of others.

use std::sync::Arc;
use std::time::Instant;

use tokio::runtime::Handle;

use super::kin::Kin;
use super::report::steps_are_wrong;
use super::steps;
use super::versions::{Versions, relatives};
use crate::content::versioned::Family;
use crate::content::{Content, SourceError, chain};
use crate::model::content_id::ContentId;
use crate::util::tasks;

/// Who got so many lengths at once is on a walk through all versions, and will want the next ones soon.
const WALK: usize = 32;

/// For fewer versions than this it is cheaper to make each from the one before than to read one as a whole, which is what
/// the first lengths that follow have to be checked by.
const WORTH_PROVING: usize = 8;

/// What came of asking for steps.
enum Learned {
    /// Nothing that helps.
    Nothing,
    /// They are not those of the versions themselves.
    Wrong,
    /// So many lengths, up to that of this content.
    UpTo(Content, usize),
}

/// A table, by one version of it.
struct Table {
    content: Content,
    family: Arc<Family>,
    kin: Arc<Kin>,
}

/// The length of a version that follows from those of others. `None` for the first version of a table that is asked
/// for, and where it cannot be told.
///
/// # Errors
/// That of a source that does not answer, also to those who waited for the one who asked it.
pub(super) async fn len(
    versions: &Arc<Versions>,
    id: ContentId,
    content: &Content,
) -> Result<Option<u64>, Arc<SourceError>> {
    let Some((_, family)) = relatives(content).await else { return Ok(None) };
    let kin = versions.families.kin(family.id);
    let begun = Instant::now();
    // Others who ask meanwhile find what this one learns.
    let mut steps = kin.steps.lock().await;
    if let Some(len) = versions.lengths.get(id) {
        return Ok(Some(len));
    }
    steps.failure_since(begun)?;
    let Some(count) = steps.worth_asking() else { return Ok(None) };
    let table = Table { content: content.clone(), family, kin: Arc::clone(&kin) };
    match learn(versions, &table, Some(id), count, steps.are_proven()).await {
        Ok(Learned::Nothing) => {
            steps.told_nothing();
            Ok(None)
        }
        Ok(Learned::Wrong) => {
            steps.are_wrong();
            Ok(None)
        }
        Ok(Learned::UpTo(content, count)) => {
            steps.went_well();
            if count >= WALK {
                go_on(versions, Table { content, ..table });
            }
            Ok(versions.lengths.get(id))
        }
        Err(error) => steps.failed(error),
    }
}

/// Learns the next lengths while those that were learned are looked at.
fn go_on(versions: &Arc<Versions>, table: Table) {
    let versions = Arc::clone(versions);
    let learning = tasks::spawn(&Handle::current(), async move {
        let mut steps = table.kin.steps.lock().await;
        let Some(count) = steps.worth_asking() else { return };
        match learn(&versions, &table, None, count, steps.are_proven()).await {
            Ok(Learned::UpTo(..)) => steps.went_well(),
            Ok(Learned::Wrong) => steps.are_wrong(),
            // It was the last version. Whoever asks for another one learns why it cannot be told.
            Ok(Learned::Nothing) => {}
            Err(error) => tracing::debug!(reason = chain(&*error), "lengths are not learned ahead"),
        }
    });
    learning.detach();
}

/// Asks for steps around a version, and checks where they lead: to the farthest version, by way of `id`'s where that is
/// wanted.
async fn learn(
    versions: &Arc<Versions>,
    table: &Table,
    id: Option<ContentId>,
    count: usize,
    are_proven: bool,
) -> Result<Learned, Arc<SourceError>> {
    let Some(versioned) = table.content.versioned() else { return Ok(Learned::Nothing) };
    let taken = versioned.steps(count).await.map_err(Arc::new)?;
    let derived = steps::derive(&taken, |id| versions.lengths.get(id));
    let contents = |of| match Some(of) == id {
        true => Some(&table.content),
        false => taken.iter().find(|step| step.to == of).map(|step| &step.content),
    };
    let way = derived.way_by(id, |end| contents(end).is_some());
    // One by itself is had as quickly as it is checked.
    let fewest = if are_proven { 2 } else { WORTH_PROVING };
    let Some(&(end, len)) = way.last().filter(|_| way.len() >= fewest) else { return Ok(Learned::Nothing) };
    let Some(content) = contents(end) else { return Ok(Learned::Nothing) };
    let read = match are_proven {
        true => versions.get(end, content).await?,
        // What tells changes must not be all that vouches for itself.
        false => versions.get_whole(end, content, &table.family, &table.kin).await?,
    };
    if read.len() != len {
        steps_are_wrong(&**content, len);
        return Ok(Learned::Wrong);
    }
    let learned = Learned::UpTo(content.clone(), way.len());
    versions.lengths.derive(way, content.is_immutable_by_id());
    Ok(learned)
}
