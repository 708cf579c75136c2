//! Reading a content from end to end into a segment list.

use super::source_read::SourceRead;
use crate::content::{Content, SourceError};
use crate::engine::pages::SegmentList;
use crate::engine::pages::builder::ListBuilder;
use crate::engine::pages::cache::Cache;
use crate::engine::pages::segmenter::Segmenter;
use crate::model::jsonl::line_key::KeyOrder;

/// Reads a whole content. `order` is the order in which its lines are expected.
///
/// # Errors
/// What the source says.
pub(crate) async fn read(
    content: &Content,
    order: Option<&KeyOrder>,
    cache: &Cache,
) -> Result<SegmentList, SourceError> {
    let source = content.clone();
    let mut reading = SourceRead::start(cache.budget(), |sink| async move { source.read(sink).await });
    let (mut segmenter, mut list) = (Segmenter::default(), ListBuilder::new(order, cache));
    while let Some(piece) = reading.next().await {
        segmenter.push(&piece, |segment| list.push(segment));
    }
    reading.verdict(&**content).await?;
    segmenter.finish(|segment| list.push(segment));
    Ok(list.into_list())
}
