//! `schema.sql`: the statements that make the tables and views of one revision.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::identifier::ident;
use super::listing::Listing;
use super::views::StoredView;

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
    for statement in tables {
        statement_line(&mut file, statement);
    }
    for view in in_order(listing) {
        statement_line(&mut file, &view.definition);
    }
    file
}

fn statement_line(file: &mut String, statement: &str) {
    file.push_str(statement.trim_end().trim_end_matches(';').trim_end());
    file.push_str(";\n");
}

/// Names may hold line breaks, which would end the comment.
fn comment(file: &mut String, text: &str) {
    let text = text.replace(['\n', '\r'], " ");
    // Writing to a String cannot fail.
    let _ = writeln!(file, "-- {text}");
}

/// Views by name, those that a view reads before it; those that cannot be read at all come last.
fn in_order(listing: &Listing) -> Vec<&StoredView> {
    let mut done = BTreeSet::new();
    let mut ordered = Vec::with_capacity(listing.stored.len());
    for shown in &listing.views.shown {
        // A view's definitions are listed itself first, then what it reads, so the reverse makes sense to a loader.
        for definition in shown.definitions.iter().rev() {
            let view = listing.stored.iter().find(|view| view.definition == *definition);
            ordered.extend(view.filter(|view| done.insert(&view.name)));
        }
    }
    ordered.extend(listing.stored.iter().filter(|view| !done.contains(&view.name)));
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::dolt::views::sort_out;

    fn listing() -> Listing {
        let view =
            |name: &str, definition: &str| StoredView { name: name.into(), definition: definition.into() };
        let stored = vec![
            view("a", "create view a as select * from b;"),
            view("b", "create view b as select * from t"),
            view("now\n", "create view `now\n` as select now()"),
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
            -- The rows of view `now ` are not shown: it calls now.\n\
            CREATE TABLE `secret` (x int);\nCREATE TABLE `t` (x int);\n\
            create view b as select * from t;\ncreate view a as select * from b;\n\
            create view `now\n` as select now();\n";
        assert_eq!(file, expected);
    }

    #[test]
    fn foreign_keys_are_not_checked_while_loading() {
        let table = "CREATE TABLE `t` (x int, CONSTRAINT c FOREIGN KEY (x) REFERENCES u (y))".to_owned();
        let file = compose(&[table], &Listing::default());
        assert!(file.contains("SET FOREIGN_KEY_CHECKS = 0;\nCREATE TABLE `t`"), "{file}");
    }
}
