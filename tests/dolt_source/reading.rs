//! Reads a content in two ways: in one go from its source, and as a mount does it, through an engine.

use std::sync::Arc;

use asof::content::{Content, Sink, SourceError};
use asof::engine::Engine;
use asof::model::content_id::ContentId;

/// Into how many reads a long content is divided, about; a short one is read by [`SHORT_STEP`].
const STEPS: u64 = 31;
/// Length in bytes of a read of a short content.
const SHORT_STEP: u64 = 7_777;

/// The whole content, as its source gives it.
pub async fn from_source(content: &Content) -> Result<Vec<u8>, SourceError> {
    let (sink, mut pieces) = Sink::new(8);
    let content = content.clone();
    let reading = tokio::spawn(async move { content.read(sink).await });
    let mut all = Vec::new();
    while let Some(piece) = pieces.recv().await {
        all.extend_from_slice(&piece);
    }
    reading.await.expect("reading does not panic")?;
    Ok(all)
}

/// The whole content as a mount gives it: measured, opened, and read in pieces that end anywhere.
///
/// # Panics
/// Where it is not as long as the engine says.
pub async fn by_engine(
    engine: &Engine,
    id: ContentId,
    content: &Content,
) -> Result<Vec<u8>, Arc<SourceError>> {
    let len = engine.len(id, content).await?;
    let reader = engine.open(id, content).await?;
    // Odd, and longer for a longer content, since each read may render a part of some megabytes again.
    let step = ((SHORT_STEP + len / STEPS) | 1) as usize;
    let mut all = Vec::new();
    loop {
        let piece = reader.read(all.len() as u64, step).await?;
        if piece.is_empty() {
            break;
        }
        let end = all.len() + piece.len();
        let is_right_size = piece.len() == step || end as u64 == len;
        assert!(is_right_size, "{}: {} bytes up to {end} of {len}", content.describe(), piece.len());
        all.extend_from_slice(&piece);
    }
    assert_eq!(all.len() as u64, len, "the size of {}", content.describe());
    Ok(all)
}

/// The whole content as a mount gives it. Compares what the engine puts together from pages with
/// what the source gives in one go.
///
/// # Errors
/// Those of each way.
///
/// # Panics
/// Where the ways differ, be it that one of them fails and the other does not.
pub async fn checked(
    engine: &Engine,
    id: ContentId,
    content: &Content,
) -> Result<Vec<u8>, Vec<Arc<SourceError>>> {
    let mounted = by_engine(engine, id, content).await;
    if content.tree().is_none() {
        return mounted.map_err(|error| vec![error]);
    }
    match (mounted, from_source(content).await) {
        (Ok(mounted), Ok(given)) => {
            let differing = mounted.iter().zip(&given).position(|(a, b)| a != b);
            let is_same = differing.is_none() && mounted.len() == given.len();
            let lens = (mounted.len(), given.len());
            assert!(is_same, "{}: {lens:?} bytes, the first other is {differing:?}", content.describe());
            Ok(mounted)
        }
        (Err(mounted), Err(given)) => Err(vec![mounted, Arc::new(given)]),
        (Err(error), Ok(_)) => panic!("{}: only parts fail: {}", content.describe(), error.chain()),
        (Ok(_), Err(error)) => panic!("{}: only parts can be read: {}", content.describe(), error.chain()),
    }
}
