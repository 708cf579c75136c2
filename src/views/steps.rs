//! Work that takes long, in steps off the threads that run tasks.
//!
//! Between two steps a task waits for a source or for its reader, and holds no thread. A caller that no longer wants the
//! outcome drops the task: the step under way ends at the next look at its [`Cancel`].

use std::io;
use std::sync::Arc;

use super::DerivedError;
use crate::content::SourceError;
use crate::content::blocking::broken_off;
use crate::memory::Cancel;
use crate::util::tasks::in_place;

/// What a failure of work that was ended is called.
const LABEL: &str = "asof";

/// Does a step with `state` on a thread that may block, and gives both it and what came of the step.
///
/// # Errors
/// Those of `step`; where it panics.
pub(super) async fn step<S: Send + 'static, T: Send + 'static>(
    mut state: S,
    step: impl FnOnce(&mut S) -> Result<T, DerivedError> + Send + 'static,
) -> Result<(S, T), DerivedError> {
    let work = move || {
        let outcome = step(&mut state)?;
        Ok((state, outcome))
    };
    in_place(LABEL, work, |why| Arc::new(broken_off(LABEL, why)).into()).await
}

/// Looks whether the work is still wanted.
///
/// # Errors
/// Where it is not: nobody sees it.
pub(super) fn is_wanted(cancel: &Cancel) -> Result<(), DerivedError> {
    if cancel.is_cancelled() { Err(ended()) } else { Ok(()) }
}

fn ended() -> DerivedError {
    Arc::new(broken_off(LABEL, "nobody waits for it any more".to_owned())).into()
}

impl From<io::Error> for DerivedError {
    /// A failure of a temporary file.
    fn from(error: io::Error) -> Self {
        Arc::new(SourceError::of_temporary_file(error)).into()
    }
}
