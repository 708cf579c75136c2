//! Runs every recipe of docs/RESTORE.md with real programs, and compares the result with the original by an oracle
//! independent of the page and of asof. Without a `bd` in `BD`, a line says that `beads_tracker` did not run.

mod dolt;
mod files;
mod jsonl;
mod lost;
mod overwritten;
mod parts;
mod postgres;
mod rows;
mod tracker;
mod whole;

use std::collections::BTreeSet;

use crate::support::recipes::{names_used, page, read};

/// Defines a test for each recipe, from a function of the same name in a module, and the list of all.
macro_rules! recipes {
    ($($module:ident::$recipe:ident,)+) => {
        const TESTED: &[&str] = &[$(stringify!($recipe)),+];

        $(
            #[test]
            fn $recipe() {
                $module::$recipe(stringify!($recipe));
            }
        )+
    };
}

recipes! {
    rows::find_the_moment,
    files::one_file,
    rows::row_as_of,
    parts::parts_as_of,
    rows::row_from_history,
    whole::dolt_from_sql,
    rows::rows_from_restored,
    parts::parts_from_restored,
    whole::in_place,
    jsonl::dolt_from_jsonl,
    lost::find_the_lost,
    lost::lost_branch,
    lost::lost_sql,
    files::sqlite_from_sql,
    files::sqlite_file,
    postgres::postgres,
    files::thrum,
    tracker::beads_tracker,
    whole::dolt_without_a_mount,
    files::sqlite_without_a_mount,
    postgres::postgres_without_a_mount,
}

#[test]
fn every_recipe_has_a_test_and_every_test_a_recipe() {
    let page = page();
    let on_the_page: BTreeSet<&str> = page.recipes.keys().map(String::as_str).collect();
    assert_eq!(on_the_page, TESTED.iter().copied().collect(), "recipes of docs/RESTORE.md, and those tested");
    for check in page.checks.keys() {
        assert!(page.recipes.contains_key(check), "{check} is a check of no recipe");
    }
    for (name, commands) in page.recipes.iter().chain(&page.checks) {
        let unknown: Vec<_> = names_used(commands).difference(&page.names).cloned().collect();
        assert!(unknown.is_empty(), "{name} uses {unknown:?}, which the page does not tell to set");
    }
}

#[test]
fn a_block_says_what_it_is() {
    let page = read(
        "# P\n<!-- names -->\n```sh\nexport DB=/x # y\n```\n<!-- recipe: a -->\n```sh\nls \"$DB\"\ncat ${T}\n```\n",
    );
    assert_eq!((page.names.len(), page.recipes["a"].as_str()), (1, "ls \"$DB\"\ncat ${T}"));
    assert_eq!(names_used(&page.recipes["a"]), ["DB", "T"].map(String::from).into());
    for text in [
        "```sh\nls\n```\n",
        "<!-- recipe: a -->\n\n```sh\nls\n```\n",
        "<!-- recipe: a -->\n```\nls\n```\n",
        "<!-- other -->\n```sh\nls\n```\n",
        "<!-- check: a -->\n```sh\nls\n```\n<!-- check: a -->\n```sh\nls\n```\n",
    ] {
        assert!(std::panic::catch_unwind(|| read(text)).is_err(), "{text}");
    }
}
