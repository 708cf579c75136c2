//! The crate as its users call it: from a folder to values, with a way of their own to open files.

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use dolt_store::files::{FileAccess, StoreFolder};
use dolt_store::objects::{Commit, Refs, RootValue, StoredTable};
use dolt_store::rows::{RowReader, Value, ValueRoom};
use dolt_store::schema::Schema;
use dolt_store::testing::{NotedAccess, address_of, write_sample_store};
use dolt_store::{Chunks, ErrorKind, RowsError, Store, StoreError};

fn sample_store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_sample_store(folder.path());
    let store = Store::open(folder.path()).expect("it is whole");
    (folder, store)
}

fn table_of(store: &Store) -> Result<(StoredTable, Schema), RowsError> {
    let refs = Refs::read(store, &store.root())?;
    let head = refs.branches.get(refs.main_branch(None).expect("there is one")).expect("it is there");
    let root = RootValue::read(store, &Commit::read(store, head)?.root)?;
    let table = StoredTable::read(store, root.tables.get("sample").expect("it is there"))?;
    let schema = Schema::load(store, "sample", &table.schema)?;
    Ok((table, schema))
}

#[test]
fn a_visitor_that_fails_names_the_row_and_the_column() {
    let (_folder, store) = sample_store();
    let (table, schema) = table_of(&store).expect("it is whole");
    let reader = RowReader::new(&schema).expect("it is known");
    let (_, message) = table.leaves(&store).next().expect("it has rows").expect("it is whole");
    let leaf = reader.leaf(&message).expect("a leaf");
    let row = reader.row(&leaf, 1).expect("it is whole");
    let refuse = |value: &Value<'_>| match value {
        Value::Null => Err(io::Error::other("no NULL is wanted")),
        _ => Ok(()),
    };
    let read = reader.each_value(&row, &store, &mut ValueRoom::default(), refuse);
    let error = read.expect_err("it has NULLs").with_key(|row| Some(format!("number {row}")));
    let text = error.to_string();
    assert_eq!(text, r#"row 1 of the leaf, whose key is number 1, column "n" of table "sample""#);
}

#[test]
fn files_are_opened_through_the_access_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_sample_store(folder.path());
    let access = Arc::new(NotedAccess::at(SystemTime::UNIX_EPOCH));
    let files = StoreFolder::with_access(folder.path(), Arc::clone(&access) as Arc<dyn FileAccess>);
    let store = Store::open_files(Arc::new(files)).expect("it is whole");
    assert!(store.chunk(&store.root()).is_ok());
    let opened = access.opened.lock().expect("no test panics here").clone();
    for name in ["manifest", "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"] {
        assert!(opened.contains(&folder.path().join(name)), "{name} in {opened:?}");
    }
}

#[test]
fn what_is_missing_is_an_error_of_its_kind() {
    let (folder, store) = sample_store();
    let missing = store.chunk(&address_of(b"nowhere")).expect_err("it is nowhere");
    assert!(matches!(missing, StoreError::MissingChunk { .. }), "{missing}");
    assert_eq!(missing.kind(), ErrorKind::Missing);
    let none = Store::open(folder.path().join("none")).err().expect("there is no such folder");
    assert_eq!(none.kind(), ErrorKind::Missing, "{none}");
}
