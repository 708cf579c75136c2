//! Which series of backups a file belongs to: what is the same in the names of all its files.
//!
//! Besides the time, some things in a name change from one backup to the next: the version of the program that made it, the
//! day of the week, a number that its writer adds. They are cut out where it is sure what they are. In doubt they stay: two
//! databases taken for one are worse than one taken for two.

use jiff::civil::{Date, ISOWeekDate};

use crate::model::name_time::{NameTime, is_short_for, month_name_of};

/// What separates the words of a name.
const SEPARATORS: [char; 4] = ['-', '_', ' ', '.'];

/// The parts of a backup that UpdraftPlus writes one file for.
const UPDRAFT_PARTS: [&str; 7] = ["db", "plugins", "themes", "uploads", "others", "mu-plugins", "wpcore"];

/// A name without its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Series {
    pub(super) before: String,
    pub(super) after: String,
}

impl Series {
    /// Takes the time out of a name that has lost its ending.
    pub(super) fn of(stem: &str, time: &NameTime) -> Self {
        let (mut before, mut after) = (String::new(), String::new());
        let mut from = 0;
        let end = std::iter::once(stem.len()..stem.len());
        for range in time.all.iter().cloned().chain(end) {
            let piece = trimmed(stem.get(from..range.start).unwrap_or_default());
            add(if from < time.range.end { &mut before } else { &mut after }, piece);
            from = range.end;
        }
        let day = time.day();
        if let Some(day) = day {
            without_day_before(&mut before, day);
            without_day_behind(&before, &mut after, day);
        }
        without_number_of(&before, &mut after);
        Self { before, after }
    }

    /// What the series is called: empty where nothing remains.
    pub(super) fn name(&self) -> String {
        let mut name = without_versions(&self.before);
        add(&mut name, &without_versions(&self.after));
        if name.is_empty() {
            name = self.before.clone();
            add(&mut name, &self.after);
        }
        name
    }
}

fn trimmed(piece: &str) -> &str {
    let is_cut = |char: char| SEPARATORS.contains(&char) || "()[]{},@".contains(char);
    piece.trim_matches(is_cut)
}

fn add(name: &mut String, piece: &str) {
    if !name.is_empty() && !piece.is_empty() {
        name.push('-');
    }
    name.push_str(piece);
}

/// `Wed_` before a Wednesday.
fn without_day_before(before: &mut String, day: Date) {
    let start = before.rfind(SEPARATORS).map_or(0, |at| at + 1);
    if is_short_for(&before[start..], &day.strftime("%A").to_string()) {
        before.truncate(start);
        before.truncate(trimmed(before).len());
    }
}

/// `_Wednesday` behind a Wednesday, `_January` behind a day in January: AutoMySQLBackup and its kin. Their weekly backups have
/// the number of the week there.
fn without_day_behind(before: &str, after: &mut String, day: Date) {
    let end = after.find(SEPARATORS).unwrap_or(after.len());
    let word = &after[..end];
    let week = ISOWeekDate::from_date(day).week();
    let is_week = before.to_ascii_lowercase().starts_with("weekly") && word.parse() == Ok(week);
    let is_named =
        is_short_for(word, &day.strftime("%A").to_string()) || is_short_for(word, month_name_of(day));
    if is_week || is_named {
        *after = trimmed(&after[end..]).to_owned();
    }
}

/// What some writers add to tell two backups of one moment apart.
fn without_number_of(writer: &str, after: &mut String) {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match writer {
        // Confluence.
        "xmlexport" if is_number(after) => after.clear(),
        // PG Back Web.
        "dump" if is_uuid(after) => after.clear(),
        // UpdraftPlus: `<site>_<twelve hexadecimal digits>-<part>`.
        "backup" => {
            let Some((site, rest)) = after.rsplit_once('_') else { return };
            let is_updraft = rest.split_once('-').is_some_and(|(id, part)| {
                let part = part.trim_end_matches(|char: char| char.is_ascii_digit());
                id.len() == 12 && is_hexadecimal(id) && UPDRAFT_PARTS.contains(&part)
            });
            if is_updraft {
                let part = rest.split_once('-').map_or("", |(_, part)| part);
                *after = format!("{site}-{part}");
            }
        }
        _ => {}
    }
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]) && parts.into_iter().all(is_hexadecimal)
}

/// The same without the versions of programs among its words.
fn without_versions(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let start = rest.find(|char| !['-', '_', ' '].contains(&char)).unwrap_or(rest.len());
        let end = rest[start..].find(['-', '_', ' ']).map_or(rest.len(), |at| start + at);
        if !is_version(&rest[start..end]) {
            kept.push_str(&rest[..end]);
        }
        rest = &rest[end..];
    }
    trimmed(&kept).to_owned()
}

/// `v4.0.0.746`, `pg14.5`, `v20251220000000`, `10.1.0`. Four numbers without a `v` may be an address, and two may be anything.
fn is_version(word: &str) -> bool {
    let has_letter = word.strip_prefix(['v', 'V']).or_else(|| word.strip_prefix("pg"));
    let numbers: Vec<&str> = has_letter.unwrap_or(word).split('.').collect();
    let are_numbers =
        numbers.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    let is_long = |part: &&str| part.len() >= 8;
    are_numbers
        && match has_letter {
            Some(_) => numbers.len() > 1 || numbers.iter().any(is_long),
            None => numbers.len() == 3,
        }
}

#[cfg(test)]
mod tests {
    use crate::source::dated_names::parse_file_name;

    #[test]
    fn the_database_of_a_series_is_the_same_in_all_its_names() {
        for (name, database) in [
            ("app-2026-01-21_08-05.zip", "app"),
            ("app-2026-01-21_23-45.zip", "app"),
            ("gitea-dump-1712042310.zip", "gitea-dump"),
            ("gitea-dump-1735010112.zip", "gitea-dump"),
            ("1511088993_2017_11_19_10.1.0_gitlab_backup.tar", "gitlab_backup"),
            ("1511188993_2017_11_20_10.10.12_gitlab_backup.tar", "gitlab_backup"),
            ("db_intranet-202108.sql.gz", "db_intranet"),
            ("db_intranet-202132.sql.gz", "db_intranet"),
            ("db_intranet-20210813-133946.sql.gz", "db_intranet"),
            ("so-postgres-backup-2026_04_09.sql.gz", "so-postgres-backup"),
            ("sonarr_backup_v4.0.0.746_2026.01.21_20.00.00.zip", "sonarr_backup"),
            ("sonarr_backup_v4.0.1.9_2026.02.21_20.00.00.zip", "sonarr_backup"),
            ("backup-example.com-02.15.2018_06-50-03.tar.gz", "backup-example.com"),
            ("backup-2.15.2018_06-50-03_alice.tar.gz", "backup-alice"),
            ("backup-12.15.2018_06-50-03_alice.tar.gz", "backup-alice"),
            ("daily_mydb_2026-01-21_06h25m_Wednesday.sql.gz", "daily_mydb"),
            ("daily_mydb_2026-01-22_06h25m_Thursday.sql.gz", "daily_mydb"),
            ("weekly_mydb_2026-01-21_06h25m_04.sql.gz", "weekly_mydb"),
            ("weekly_mydb_2026-03-01_06h25m_9.sql.gz", "weekly_mydb"),
            ("monthly_mydb_2026-01-01_06h25m_January.sql.gz", "monthly_mydb"),
            ("monthly_mydb_2026-05-01_06h25m_May.sql.gz", "monthly_mydb"),
            ("2026-01-21T20-30-00.123Z.zip", ""),
            ("20260121.zip", ""),
            ("2026-Jan-21--2000.zip", ""),
            ("Automatic_backup_2026.1.2_2026-01-21_05.32_12345678.tar", "Automatic_backup"),
            ("Automatic_backup_2026.10.12_2026-10-30_05.32_02345678.tar", "Automatic_backup"),
            ("nightly.2026-01-21.zip", "nightly"),
            ("nightly.20260122.zip", "nightly"),
            ("xmlexport-20260121-200000-123.zip", "xmlexport"),
            ("xmlexport-20260122-200000-7.zip", "xmlexport"),
            ("backup_2026-01-21-2000_My_Site_0123456789ab-plugins.zip", "backup-My_Site-plugins"),
            ("backup_2026-01-22-2000_My_Site_ba9876543210-plugins.zip", "backup-My_Site-plugins"),
            ("dump-20260121-200000-7f9c24e8-3b12-4c1d-9a55-0e1f2a3b4c5d.zip", "dump"),
            ("dump-20260122-200000-0b9c24e8-3b12-4c1d-9a55-0e1f2a3b4c5d.zip", "dump"),
            ("immich-db-backup-1737504000000.sql.gz", "immich-db-backup"),
            ("immich-db-backup-20260121T020000-v1.125.0-pg14.5.sql.gz", "immich-db-backup"),
            ("forum-2026-01-21-033000-v20251220000000.tar.gz", "forum"),
            ("forum-2026-01-28-033000-v20260101000000.tar.gz", "forum"),
            ("autobackup_8.0.7_20240123_0000_1705968000023.zip", "autobackup"),
            ("autobackup_8.1.0_20240124_0000_1706054400001.zip", "autobackup"),
            ("duplicati-20260121T200000Z.dlist.zip", "duplicati-dlist"),
            ("vzdump-lxc-100-2026_01_21-20_00_00.tar.zst", "vzdump-lxc-100"),
            ("2026-01-21__20-00__mydb.sql.gz", "mydb"),
            ("mydb_Wed_2026-01-21.sql.gz", "mydb"),
            ("mydb.Jan-22-2026.sql.gz", "mydb"),
            ("20260121_site_20260121200000_archive.zip", "site-archive"),
            // Versions of four numbers may be addresses, two numbers anything: these are kept.
            ("10.0.0.5_2026-01-21.zip", "10.0.0.5"),
            ("10.0.0.6_2026-01-21.zip", "10.0.0.6"),
            ("pg-15.4_2026-01-21.sql", "pg-15.4"),
            ("tenant-0123456789ab_2026-01-21.sql", "tenant-0123456789ab"),
            ("2026-01-21_tenant_17.sql", "tenant_17"),
            ("1.2.3_2026-01-21.zip", "1.2.3"),
        ] {
            let parsed = parse_file_name(name).unwrap_or_else(|why| panic!("{name}: {why}"));
            assert_eq!((parsed.prefix.as_str(), parsed.time.is_some()), (database, true), "{name}");
        }
    }
}
