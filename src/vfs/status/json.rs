//! `status.json`: the sources and databases of the mount. Nothing in it changes while nothing happens, so it holds no ages.

use serde_json::{Value, json};

use crate::catalog::{Catalog, Database, SourceState};
use crate::model::time::Timestamp;

/// `arguments` name the sources, where they can be written; `started` is when the mount began.
pub(super) fn text(catalog: &Catalog, arguments: &[Option<String>], started: Timestamp) -> Vec<u8> {
    let arguments = arguments.iter().map(Option::as_deref).chain(std::iter::repeat(None));
    let sources = catalog.sources();
    let sources: Vec<Value> =
        sources.iter().zip(arguments).map(|(state, named)| source(state, named)).collect();
    let databases: Vec<Value> =
        catalog.state().databases().map(|database| self::database(database)).collect();
    let object = json!({
        "asof": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
        "started": started.to_string(),
        "sources": sources,
        "databases": databases,
    });
    let mut text =
        serde_json::to_vec_pretty(&object).expect("plain strings and numbers always serialise into memory");
    text.push(b'\n');
    text
}

fn source(state: &SourceState, named: Option<&str>) -> Value {
    let failure = state.failure.as_ref();
    json!({
        "source": named,
        "label": &*state.label,
        "answers": state.since.is_some() && failure.is_none(),
        "since": state.since.map(|since| Timestamp::from(since).to_string()),
        "reason": failure.map(|failure| &failure.reason),
        "hint": failure.and_then(|failure| failure.hint.as_ref()),
    })
}

fn database(database: &Database) -> Value {
    let mut sources: Vec<&str> = database.views().iter().map(|view| &*view.label).collect();
    sources.dedup();
    json!({
        "name": &*database.name,
        "sources": sources,
        "snapshots": database.snapshots().len(),
        "newest": database.latest().map(|snapshot| snapshot.meta.time.to_string()),
        "branches": database.branches().count(),
        "tags": database.tags().count(),
    })
}
