//! One suite of checks for every source: what `asof::source` promises, tried on real sources of every kind.
//!
//! A source takes part by a [`fixture::Fixture`]: it makes a real source with the same small history, and says which
//! [`asof::source::Capabilities`] it expects. Each check is written once; a check of a capability runs where the source
//! declares it, and fails where a source can do what it does not declare.

mod checks;
mod fixture;
mod reading;
mod sources;
mod support;

use sources::{dolt, files, git, postgres, sqlite, zips};

/// Runs every check on one source.
macro_rules! behaviour {
    ($($source:ident: $fixture:ty;)*) => { $(
        mod $source {
            use super::*;

            type Fixture = $fixture;

            behaviour! { checks of Fixture:
                capabilities: are_as_expected, a_working_set_is_listed_where_there_is_one,
                    sql_dumps_are_written_where_they_are_declared, versions_are_given_where_they_are_declared,
                    commits_say_who_made_them, branches_and_tags_name_snapshots, lost_commits_are_found,
                    permissions_decide_who_may_read;
                listing: paths_are_sorted_and_safe, listing_again_gives_the_same, rows_are_those_that_were_written,
                    tables_name_their_keys, hostile_names_are_made_safe, a_snapshot_that_is_not_there_is_missing;
                identity: equal_ids_are_equal_bytes, a_table_that_did_not_change_keeps_its_id,
                    ids_survive_a_restart;
                contents: stated_lengths_hold, every_way_of_reading_gives_the_same_bytes,
                    a_reader_that_leaves_ends_the_work;
                polling: nothing_new_is_none, a_commit_is_news, earlier_views_go_on, news_come_soon_where_it_is_watched,
                    two_polls_while_writing_see_whole_states;
                damage: damage_is_said_and_the_rest_is_alive;
            }
        }
    )* };
    (checks of $fixture:ident: $($module:ident: $($check:ident),*;)*) => { $(
        mod $module {
            $(
                #[test]
                fn $check() {
                    crate::checks::$module::$check::<super::$fixture>();
                }
            )*
        }
    )* };
}

behaviour! {
    dolt_server: dolt::OverServer;
    dolt_store: dolt::Store;
    dolt_store_in_git: dolt::StoreInGit;
    git_repository: git::Repository;
    zip_folder: zips::Folder;
    thrum_backups: zips::Thrum;
    jsonl_exports: files::Exports;
    sqlite_files: sqlite::Files;
    pg_dumps: postgres::Dumps;
}
