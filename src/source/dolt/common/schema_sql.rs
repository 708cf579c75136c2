//! `schema.sql`: the statements that make the tables and views of one revision that `dolt sql` accepts.

use super::create_table;
use super::ident;
use super::listing::Listing;
use super::programs::{Program, append, comment_out, views_in_order};
use super::sql_dump::comment;
use super::views::StoredView;
use crate::model::content_id::ContentId;

/// The name of the file. No table's file is called so: theirs end in `.jsonl`.
pub const SCHEMA_FILE: &str = "schema.sql";
/// The name of the file in identities. A change of what is written takes a new name: lengths are kept on disk.
const SCHEMA_IDENTITY: &[u8] = b"dolt-schema-3";

/// The identity of the file where `origin` changed the definitions last. It names the tables that are left out.
pub fn schema_id<'t>(database: &str, origin: &str, excluded: impl Iterator<Item = &'t str>) -> ContentId {
    let mut parts = vec![SCHEMA_IDENTITY, database.as_bytes(), origin.as_bytes()];
    parts.extend(excluded.map(|table| table.as_bytes()));
    ContentId::of(&parts)
}

/// The file for these `CREATE TABLE` statements, which are those of the tables by name, and the views of the listing.
pub fn compose(tables: &[String], listing: &Listing) -> String {
    let mut file = String::new();
    for name in &listing.excluded {
        comment(
            &mut file,
            &format!("The rows of table {} are not shown: it is excluded by a pattern.", ident(name)),
        );
    }
    for (name, reason) in &listing.views.left_out {
        comment(&mut file, &format!("The rows of view {} are not shown: it {reason}.", ident(name)));
    }
    if tables.iter().any(|statement| statement.contains(" FOREIGN KEY ")) {
        comment(&mut file, "Tables come by name, so some refer to tables that come later.");
        file.push_str("SET FOREIGN_KEY_CHECKS = 0;\n");
    }
    for shown in tables {
        match create_table::read(shown) {
            Some(created) => end_statement(&created.statement, &mut file),
            None => end_statement(shown, &mut file),
        }
    }
    let names = listing.tables.iter().chain(&listing.excluded).map(|name| &**name);
    let (views, broken) = views_in_order(listing.stored.iter().map(program).collect(), names);
    for view in &views {
        let definition = view.definition.trim_end().trim_end_matches(';');
        // What may be a comment would hide the semicolon behind it.
        if definition.contains([';', '#']) || definition.contains("--") {
            append(&view.definition, &mut file);
        } else {
            end_statement(&view.definition, &mut file);
        }
    }
    for (view, missing) in &broken {
        comment_out(view, missing, &mut file);
    }
    file
}

fn end_statement(statement: &str, file: &mut String) {
    file.push_str(statement.trim_end().trim_end_matches(';').trim_end());
    file.push_str(";\n");
}

/// In which mode a view was made, and when, does not count here.
fn program(view: &StoredView) -> Program {
    Program {
        name: view.name.as_ref().to_owned(),
        definition: view.definition.as_ref().to_owned(),
        sql_mode: None,
        made: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::dolt::common::views::sort_out;

    fn listing() -> Listing {
        let view =
            |name: &str, definition: &str| StoredView { name: name.into(), definition: definition.into() };
        let stored = vec![
            view("a", "create view a as select * from b;"),
            view("b", "create view b as select * from t"),
            view("d", "create view d as select a from b, c"),
            view("c", "select ';' from B -- that's all"),
            view("now\n", "create view `now\n` as select now()"),
            view("widow", "create view widow as select\n1 from gone"),
        ];
        let tables = vec!["t".into()];
        let views = sort_out(&stored, &tables);
        Listing { tables, excluded: vec!["secret".into()], views, stored }
    }

    #[test]
    fn tables_then_views_each_after_what_it_reads() {
        let file =
            compose(&["CREATE TABLE `secret` (x int)".into(), "CREATE TABLE `t` (x int)".into()], &listing());
        let expected = "-- The rows of table `secret` are not shown: it is excluded by a pattern.\n\
            -- The rows of view `c` are not shown: it has a definition that is no CREATE VIEW.\n\
            -- The rows of view `d` are not shown: it reads view c, which has a definition that is no CREATE VIEW.\n\
            -- The rows of view `now ` are not shown: it calls now.\n\
            -- The rows of view `widow` are not shown: it reads gone, which is no table shown.\n\
            CREATE TABLE `secret` (x int);\nCREATE TABLE `t` (x int);\n\
            create view b as select * from t;\ncreate view a as select * from b;\n\
            DELIMITER ;;\nCREATE VIEW `c` AS select ';' from B -- that's all\n;;\nDELIMITER ;\n\
            create view d as select a from b, c;\ncreate view `now\n` as select now();\n\
            -- View `widow` cannot be made: it reads `gone`, which is not there. It was:\n\
            -- create view widow as select\n-- 1 from gone\n";
        assert_eq!(file, expected);
    }

    #[test]
    fn foreign_keys_are_not_checked_while_loading() {
        let table = "CREATE TABLE `t` (x int, CONSTRAINT c FOREIGN KEY (x) REFERENCES u (y))".to_owned();
        let file = compose(&[table], &Listing::default());
        assert!(file.contains("SET FOREIGN_KEY_CHECKS = 0;\nCREATE TABLE `t`"), "{file}");
    }
}
