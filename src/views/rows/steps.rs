//! Long work in steps, off the threads that run tasks.
//!
//! Between two steps a task waits for a source or for its reader, and holds no thread. If the result is no longer
//! wanted, the task is dropped: the current step ends when it next checks its [`Cancel`].

use std::sync::Arc;

use crate::content::blocking::broken_off;
use crate::memory::Cancel;
use crate::util::tasks::in_place;
use crate::views::error::{DerivedError, LABEL};

/// Runs a step with `state` on a thread that may block, and returns the state and the result.
pub async fn step<S: Send + 'static, T: Send + 'static>(
    state: S,
    step: impl FnOnce(&mut S) -> Result<T, DerivedError> + Send + 'static,
) -> Result<(S, T), DerivedError> {
    last_step(state, move |mut state| {
        let outcome = step(&mut state)?;
        Ok((state, outcome))
    })
    .await
}

/// Runs the last step, which consumes `state`.
pub async fn last_step<S: Send + 'static, T: Send + 'static>(
    state: S,
    step: impl FnOnce(S) -> Result<T, DerivedError> + Send + 'static,
) -> Result<T, DerivedError> {
    in_place(LABEL, move || step(state), |why| Arc::new(broken_off(LABEL, why)).into()).await
}

pub fn is_wanted(cancel: &Cancel) -> Result<(), DerivedError> {
    match cancel.is_cancelled() {
        true => Err(Arc::new(broken_off(LABEL, "it is no longer wanted".to_owned())).into()),
        false => Ok(()),
    }
}
