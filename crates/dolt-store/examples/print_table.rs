//! Prints a table of the newest commit of the main branch: `print_table FOLDER TABLE`.

use std::error::Error;
use std::fmt::Write;

use dolt_store::Store;
use dolt_store::objects::{Commit, Refs, RootValue, StoredTable};
use dolt_store::rows::{RowReader, ValueRoom};
use dolt_store::schema::Schema;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(name)) = (arguments.next(), arguments.next()) else {
        return Err("usage: print_table FOLDER TABLE".into());
    };
    let store = Store::open(folder)?;
    let refs = Refs::read(&store, &store.root())?;
    let branch = refs.main_branch(store.files().checked_out()?.as_deref()).ok_or("there is no branch")?;
    let commit = Commit::read(&store, &refs.branches[branch])?;
    let root = RootValue::read(&store, &commit.root)?;
    let table = root.tables.get(&name).ok_or("there is no such table")?;
    let table = StoredTable::read(&store, table)?;
    let reader = RowReader::new(&Schema::load(&store, &name, &table.schema)?)?;
    println!("{}", reader.columns().collect::<Vec<_>>().join("\t"));
    let mut room = ValueRoom::default();
    for leaf in table.leaves(&store) {
        let leaf = reader.leaf(&leaf?.1)?;
        reader.check_addresses(&leaf, &store)?;
        for number in 0..leaf.len() {
            let row = reader.row(&leaf, number)?;
            let mut line = String::new();
            reader.each_value(&row, &store, &mut room, |value| write!(line, "{value:?}\t"))?;
            println!("{} x {}", reader.times(&row)?, line.trim_end());
        }
    }
    Ok(())
}
