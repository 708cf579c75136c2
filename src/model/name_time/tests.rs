//! Names that backup programs write, and the times in them.

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;

/// The time in a name under the conventions of its neighbours, as clock time or with `Z`; `-` for none.
fn among(name: &str, neighbours: &[&str]) -> String {
    let mut conventions = Conventions::default();
    for shown in neighbours.iter().filter_map(|name| find(name)?.shows()) {
        conventions.learn(shown);
    }
    match find(name).and_then(|time| time.under(&conventions)) {
        Some(ParsedTime::Instant(time)) => time.to_string(),
        Some(ParsedTime::Civil(civil)) => civil.to_string(),
        None => "-".to_owned(),
    }
}

fn check(cases: &[(&str, &str)]) {
    let wrong: Vec<String> = cases
        .iter()
        .filter(|(name, expected)| among(name, &[]) != *expected)
        .map(|(name, expected)| format!("{name}: {} is not {expected}", among(name, &[])))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn days_as_backup_programs_write_them() {
    check(&[
        ("20260121", "2026-01-21T00:00:00"),
        ("nightly.2026-01-21", "2026-01-21T00:00:00"),
        ("so-postgres-backup-2026_04_09", "2026-04-09T00:00:00"),
        ("2026.01.21", "2026-01-21T00:00:00"),
        ("backup-2026 01 21", "2026-01-21T00:00:00"),
        ("backup (2026-01-21)", "2026-01-21T00:00:00"),
        ("backup20260121", "2026-01-21T00:00:00"),
        ("dump2026-01-21", "2026-01-21T00:00:00"),
        ("büro20260121", "2026-01-21T00:00:00"),
        ("备份_20260121", "2026-01-21T00:00:00"),
        ("2026-01-21-full", "2026-01-21T00:00:00"),
        ("2026-1-5", "2026-01-05T00:00:00"),
        ("2026_1_21", "2026-01-21T00:00:00"),
        ("2026-W04-3", "2026-01-21T00:00:00"),
        ("2026W043", "2026-01-21T00:00:00"),
        ("weekly-2026-W04", "2026-01-19T00:00:00"),
        ("Jan-21-2026", "2026-01-21T00:00:00"),
        ("January 21, 2026", "2026-01-21T00:00:00"),
        ("21Jan2026", "2026-01-21T00:00:00"),
        ("PG_db.21-January-2026", "2026-01-21T00:00:00"),
        ("2026-Jan-21", "2026-01-21T00:00:00"),
        ("site_21.01.2026", "2026-01-21T00:00:00"),
        ("site_01-21-2026", "2026-01-21T00:00:00"),
        ("site_1.21.2026", "2026-01-21T00:00:00"),
        ("site_05-05-2026", "2026-05-05T00:00:00"),
        ("2026-01-21Z", "2026-01-21T00:00:00Z"),
        // Counters and words after a day.
        ("2026-01-21-1", "2026-01-21T00:00:00"),
        ("2026-01-21.2", "2026-01-21T00:00:00"),
        ("20260121_deadbeef", "2026-01-21T00:00:00"),
        ("20260121_1a2b3c4d", "2026-01-21T00:00:00"),
    ]);
}

#[test]
fn months_and_weeks() {
    check(&[
        ("db_intranet-202108", "2021-08-01T00:00:00"),
        ("db_intranet-202132", "2021-08-09T00:00:00"),
        ("db_intranet-202153", "-"),
        ("db_intranet-202053", "2020-12-28T00:00:00"),
        ("202108", "2021-08-01T00:00:00"),
        ("report-2026-01", "2026-01-01T00:00:00"),
        ("report-202100", "-"),
        ("report-202199", "-"),
        // Either 3 December 2020 or December 2012.
        ("report-201203", "-"),
        ("backup-260121", "-"),
        ("app-2026.01", "-"),
        ("202108-full", "-"),
    ]);
    let weeks = ["db-202131", "db-202132"];
    assert_eq!(among("db-202108", &weeks), "2021-02-22T00:00:00");
    assert_eq!(among("db-202101", &weeks), "2021-01-04T00:00:00");
}

#[test]
fn days_whose_order_only_their_neighbours_show() {
    assert_eq!(among("site-01-02-2026", &[]), "-");
    assert_eq!(among("site-01-02-2026", &["site-21-01-2026"]), "2026-02-01T00:00:00");
    assert_eq!(among("site-01-02-2026", &["site-01-21-2026"]), "2026-01-02T00:00:00");
    assert_eq!(among("site-01-02-2026", &["site-01-21-2026", "site-21-01-2026"]), "-");
    assert_eq!(among("site-01-21-2026", &["site-21-01-2026"]), "2026-01-21T00:00:00");
    assert_eq!(among("site-01-02-2026_06-50-03", &["site-01-21-2026"]), "2026-01-02T06:50:03");
}

#[test]
fn times_of_day_as_backup_programs_write_them() {
    check(&[
        ("app-2026-01-21_08-05", "2026-01-21T08:05:00"),
        ("app-2026-01-21_23-45", "2026-01-21T23:45:00"),
        ("app-2026-01-21T08-05", "2026-01-21T08:05:00"),
        ("app-2026-01-21-08-05-09", "2026-01-21T08:05:09"),
        ("20260121_200000", "2026-01-21T20:00:00"),
        ("TeamCity_Backup_20260121_200000", "2026-01-21T20:00:00"),
        ("20260121200000", "2026-01-21T20:00:00"),
        ("20260121200000123", "2026-01-21T20:00:00.123"),
        ("202601212000", "2026-01-21T20:00:00"),
        ("2026012120", "2026-01-21T20:00:00"),
        ("sonarr_backup_v4.0.0.746_2026.01.21_20.00.00", "2026-01-21T20:00:00"),
        ("mealie_2026.01.21.20.00.00", "2026-01-21T20:00:00"),
        ("backup-example.com-02.15.2018_06-50-03", "2018-02-15T06:50:03"),
        ("backup-2.15.2018_06-50-03_user", "2018-02-15T06:50:03"),
        ("daily_mydb_2026-01-21_06h25m_Wednesday", "2026-01-21T06:25:00"),
        ("run_20260121_06h25m30s", "2026-01-21T06:25:30"),
        ("run_2026-01-21_06h25m30", "2026-01-21T06:25:30"),
        ("run_2026-01-21_06h25min", "2026-01-21T06:25:00"),
        ("run_2026-01-21_06h", "2026-01-21T06:00:00"),
        // Home Assistant writes seconds and microseconds after the minutes.
        ("Automatic_backup_2026.1.2_2026-01-21_05.32_12345678", "2026-01-21T05:32:12.345678"),
        ("Automatic_backup_2026.10.12_2026-10-30_05.32_12345678", "2026-10-30T05:32:12.345678"),
        ("vzdump-qemu-100-2026_01_21-20_00_00", "2026-01-21T20:00:00"),
        ("xmlexport-20260121-200000-123", "2026-01-21T20:00:00"),
        ("2026-Jan-21--2000", "2026-01-21T20:00:00"),
        ("db_2026-01-21__20-00", "2026-01-21T20:00:00"),
        ("backup_2026-01-21-2000_Site_0123456789ab-db", "2026-01-21T20:00:00"),
        ("BACKUPSET_2026-01-21_20-00_", "2026-01-21T20:00:00"),
        ("orca-db-2025-10-31-14-30", "2025-10-31T14:30:00"),
        ("backup-2026-1-5-14-3", "2026-01-05T14:03:00"),
        ("db 2026-01-21 at 20.00.00", "2026-01-21T20:00:00"),
        ("db_2026-01-21_at_2000", "2026-01-21T20:00:00"),
        ("db@2026-01-21@20:00", "2026-01-21T20:00:00"),
        ("2025:10:18:14:30:45", "2025-10-18T14:30:45"),
        ("db_2026-01-21_20", "2026-01-21T20:00:00"),
        ("db_2026-01-21T20", "2026-01-21T20:00:00"),
        ("db_2026-01-21_08-05-PM", "2026-01-21T20:05:00"),
        ("db_2026-01-21_8.05pm", "2026-01-21T20:05:00"),
        ("db_2026-01-21_12-05-00_AM", "2026-01-21T00:05:00"),
        ("db_2026-01-21_0805PM", "2026-01-21T20:05:00"),
        ("db_2026-01-21_8pm", "2026-01-21T20:00:00"),
        ("db_20260121_200000.123", "2026-01-21T20:00:00.123"),
        ("db_20260121_200000,123456789", "2026-01-21T20:00:00.123456789"),
        ("immich-db-backup-20260121T020000-v1.125.0-pg14.5", "2026-01-21T02:00:00"),
        ("discourse-2026-01-21-033000-v20251220000000", "2026-01-21T03:30:00"),
        ("db-20260121-200000-1", "2026-01-21T20:00:00"),
    ]);
}

#[test]
fn zones() {
    check(&[
        ("2026-01-21T20-30-00.123Z", "2026-01-21T20:30:00.123Z"),
        ("2026-01-21T20-30-00-123Z", "2026-01-21T20:30:00.123Z"),
        ("2026-01-21T20_30_00Z", "2026-01-21T20:30:00Z"),
        ("duplicati-20260121T200000Z.dlist", "2026-01-21T20:00:00Z"),
        ("db-2026-01-21T20:00:00+01:00", "2026-01-21T19:00:00Z"),
        ("db-20260121T200000+0100", "2026-01-21T19:00:00Z"),
        ("db-2026-01-21_20-00-00+01-00", "2026-01-21T19:00:00Z"),
        ("db-2026-01-21_20-00-00_+0100", "2026-01-21T19:00:00Z"),
        ("db-2026-01-21_20-00-00+01", "2026-01-21T19:00:00Z"),
        ("db-20260121-1430-0530", "2026-01-21T20:00:00Z"),
        ("db-20260121-200000-0500", "2026-01-22T01:00:00Z"),
        ("db-2026-01-21T20:00:00-05", "2026-01-22T01:00:00Z"),
        ("db-2026-01-21_20-00_UTC", "2026-01-21T20:00:00Z"),
        ("db-2026-01-21_20-00-00_GMT+0100", "2026-01-21T19:00:00Z"),
        ("db-2026-01-21_20-00-00_CET", "2026-01-21T19:00:00Z"),
        ("db-2026-01-21_20-00-00-EST", "2026-01-22T01:00:00Z"),
        ("20260121200000Z", "2026-01-21T20:00:00Z"),
        // Several zones share this abbreviation.
        ("db-2026-01-21_20-00-00_IST", "-"),
        ("db-2026-01-21_20-00-00+99", "-"),
        ("db-20260121T200000-05", "-"),
        // Numbers, not offsets.
        ("db-2026-01-21_20-00-00-0042", "2026-01-21T20:00:00"),
        ("db-20260121-200000-05", "2026-01-21T20:00:00"),
    ]);
}

#[test]
fn seconds_since_1970() {
    check(&[
        ("gitea-dump-1712042310", "2024-04-02T07:18:30Z"),
        ("gitea-dump-1712042400", "2024-04-02T07:20:00Z"),
        ("gitea-dump-1735010112", "2024-12-24T03:15:12Z"),
        ("1393513186_gitlab_backup", "2014-02-27T14:59:46Z"),
        ("1511088993_2017_11_19_10.1.0_gitlab_backup", "2017-11-19T10:56:33Z"),
        ("1511088993_2017_11_19_10.10.12_gitlab_backup", "2017-11-19T10:56:33Z"),
        ("immich-db-backup-1737504000000", "2025-01-22T00:00:00Z"),
        ("autobackup_8.0.7_20240123_0000_1705968000023", "2024-01-23T00:00:00.023Z"),
        // A number next to a date is not a time.
        ("tenant-1234567890-2026-01-21", "2026-01-21T00:00:00"),
        // Uncertain.
        ("db-1985010203", "-"),
        ("db-2712042310", "-"),
        ("db-171204231", "-"),
        ("db-1712042310a", "-"),
        ("a1712042310", "-"),
        ("db-17120423101234567", "-"),
    ]);
}

#[test]
fn what_is_no_time_for_sure() {
    for name in ["", "backup", "issues-3", "v2.0", "2026", "17671223", "20261301", "20260230", "03152026"] {
        check(&[(name, "-")]);
    }
    check(&[
        ("app-1.2.3", "-"),
        ("app-2026.1.2", "-"),
        ("app-v20260121", "-"),
        ("invoice-12345678", "-"),
        ("2026-02-30", "-"),
        ("20260121abc", "-"),
        ("x20260121", "-"),
        ("9920260121", "-"),
        ("21-Jan-26", "-"),
        ("db-2026-01-21_25-05", "-"),
        ("db-2026-01-21_08-60", "-"),
        ("db-2026-01-21T25", "-"),
        ("db-20260121-9876", "-"),
        ("db-2026-01-21_13-05-PM", "-"),
        ("db-2026-01-21-14-3", "-"),
        // The end of one period, or the time of the backup.
        ("db_2025-01-01_2026-01-21", "-"),
        ("BACKUPSET_2011-01-01_10-00_2011-01-03_10-00_", "-"),
        ("vzdump-qemu-10-20-2026_01_21-20_00_00", "-"),
    ]);
}

#[test]
fn what_stands_in_several_places_is_cut_out_of_all() {
    let rest = |name: &str| {
        let all = find(name).map(|time| time.all).unwrap_or_default();
        let kept = |(at, char): (usize, char)| (!all.iter().any(|range| range.contains(&at))).then_some(char);
        name.char_indices().filter_map(kept).collect::<String>()
    };
    assert_eq!(rest("1511088993_2017_11_19_10.1.0_gitlab_backup"), "__10.1.0_gitlab_backup");
    assert_eq!(rest("20260121_site_20260121200000_archive"), "_site__archive");
    assert_eq!(rest("sales-2024-12-31_made-20260121-2000"), "sales-2024-12-31_made-");
}

proptest! {
    #[test]
    fn any_name_is_read_without_panic(name in "\\PC*|[-0-9TZ:+. _,hmapJané]{0,40}") {
        if let Some(time) = find(&name) {
            prop_assert!(time.all.contains(&time.range));
            prop_assert!(time.all.is_sorted_by_key(|range| range.start));
            for range in &time.all {
                prop_assert!(name.get(range.clone()).is_some());
            }
            let _moment = time.under(&Conventions::default()).map(|time| time.resolve(&TimeZone::UTC));
        }
    }

    #[test]
    fn every_second_is_read_in_every_spelling(second in 1_000_000_000..2_000_000_000_i64) {
        let utc = Offset::UTC.to_datetime(Timestamp::from_second(second).expect("in range"));
        for format in [
            "%Y-%m-%d_%H-%M-%S", "%Y%m%d-%H%M%S", "%Y%m%d%H%M%S", "%Y.%m.%d_%H.%M.%S", "%Y-%m-%dT%H%M%S",
            "%Y_%m_%d-%H_%M_%S", "%d-%b-%Y_%H%M%S", "%Y-%m-%d_%Hh%Mm%Ss", "%Y-%m-%d_%I-%M-%S-%p",
        ] {
            let name = format!("db-{}-full", utc.strftime(format));
            prop_assert_eq!(find(&name).and_then(|time| time.under(&Conventions::default())), Some(ParsedTime::Civil(utc)), "{}", name);
        }
        let zoned = find(&format!("db-{second}")).and_then(|time| time.under(&Conventions::default()));
        if let Some(time) = zoned {
            prop_assert_eq!(time, ParsedTime::Instant(Timestamp::from_second(second).expect("in range").into()));
        }
    }
}
