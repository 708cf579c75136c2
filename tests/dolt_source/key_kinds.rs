//! Tables with keys of every type, and random values of them.

use super::random::Random;
use super::sql::{Client, ident, quote};

/// What is told of versions of tables with such a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// All.
    Ordered,
    /// How they differ, but not in which order their rows stand.
    Unordered,
    /// Nothing: different keys may compare as equal.
    Nothing,
}

use Told::{Nothing, Ordered, Unordered};

/// Types of columns, what is told of them, and how to make a value.
pub type Kind = (&'static str, Told, fn(&mut Random) -> String);

pub const KINDS: &[Kind] = &[
    ("tinyint", Ordered, |r| r.within(-128..128).to_string()),
    ("int", Ordered, |r| (r.next() as i32 >> r.below(31)).to_string()),
    ("bigint", Ordered, |r| (r.next().cast_signed() >> r.below(63)).to_string()),
    ("bigint unsigned", Ordered, |r| (r.next() >> r.below(63)).to_string()),
    ("year", Ordered, |r| (r.below(2) * (1901 + r.below(255))).to_string()),
    ("decimal(12,4)", Ordered, |r| decimal(r, 8, 4)),
    ("decimal(65,30)", Ordered, |r| decimal(r, 18, 18)),
    ("decimal(20,0)", Ordered, |r| decimal(r, 18, 1)),
    ("varchar(40)", Ordered, text),
    ("varchar(40) COLLATE utf8mb4_bin", Ordered, text),
    ("char(12)", Ordered, text),
    ("char(12) COLLATE utf8mb4_bin", Ordered, text),
    ("varbinary(40)", Ordered, bytes),
    ("binary(9)", Ordered, bytes),
    ("date", Ordered, |r| quote(&date(r))),
    ("datetime", Ordered, |r| quote(&moment(r, 1000, 9999))),
    ("datetime(6)", Ordered, |r| quote(&moment(r, 1000, 9999))),
    ("datetime(3)", Ordered, |r| quote(&moment(r, 1969, 1971))),
    ("timestamp(6)", Ordered, |r| quote(&moment(r, 1971, 2037))),
    ("time", Ordered, time),
    ("time(6)", Ordered, time),
    ("varchar(40) COLLATE utf8mb4_0900_ai_ci", Nothing, text),
    ("varchar(40) CHARACTER SET latin1", Nothing, |r| {
        format!("'{}'", ["a", "B", "é", "z", " "][r.below(5) as usize])
    }),
    ("float", Nothing, |r| format!("{}e{}", r.within(-999..999), r.within(-20..20))),
    ("double", Nothing, |r| format!("{}e{}", r.within(-999..999), r.within(-200..200))),
    ("bit(20)", Unordered, |r| (r.next() & 0xf_ffff).to_string()),
    ("enum('z','m','a','b')", Unordered, |r| quote(["z", "m", "a", "b"][r.below(4) as usize])),
    ("set('x','y','a','b')", Unordered, |r| r.below(16).to_string()),
];

fn decimal(random: &mut Random, whole: u32, fraction: u32) -> String {
    let sign = if random.below(2) == 0 { "-" } else { "" };
    let digits =
        |random: &mut Random, most| random.next() % 10_u64.pow(random.below(u64::from(most)) as u32 + 1);
    let (whole, fraction) = (digits(random, whole), digits(random, fraction));
    format!("{sign}{whole}.{fraction}")
}

/// Short texts of characters that are near each other, special in JSON, in SQL or in some collation.
fn text(random: &mut Random) -> String {
    const CHARS: [&str; 22] = [
        "a",
        "A",
        "b",
        "é",
        "e",
        " ",
        "\t",
        "\0",
        "\u{1}",
        "\n",
        "\"",
        "'",
        "\\",
        "{",
        "\u{7f}",
        "\u{80}",
        "\u{d7ff}",
        "\u{e000}",
        "\u{ffff}",
        "\u{10000}",
        "\u{10ffff}",
        "~",
    ];
    let text: String = (0..random.below(6)).map(|_| *random.one_of(&CHARS)).collect();
    quote(&text)
}

fn bytes(random: &mut Random) -> String {
    let byte =
        |random: &mut Random| format!("{:02x}", [0, 1, 0x20, 0x61, 0x7f, 0xff][random.below(6) as usize]);
    let bytes: String = (0..random.below(6)).map(|_| byte(random)).collect();
    format!("x'{bytes}'")
}

fn date(random: &mut Random) -> String {
    match random.below(8) {
        0 => "0000-00-00".to_owned(),
        _ => {
            format!("{:04}-{:02}-{:02}", random.within(1..10_000), random.within(1..13), random.within(1..29))
        }
    }
}

fn moment(random: &mut Random, from: i64, to: i64) -> String {
    if random.below(8) == 0 && from != 1971 {
        return "0000-00-00 00:00:00".to_owned();
    }
    let date =
        format!("{:04}-{:02}-{:02}", random.within(from..to + 1), random.within(1..13), random.within(1..29));
    let (hour, minute, second) = (random.below(3) * 11, random.below(60), random.below(60));
    let fraction = ["", ".5", ".000001", ".050", ".999999"][random.below(5) as usize];
    format!("{date} {hour:02}:{minute:02}:{second:02}{fraction}")
}

fn time(random: &mut Random) -> String {
    let sign = if random.below(2) == 0 { "-" } else { "" };
    let hours = [0, 1, 9, 10, 99, 100, 838][random.below(7) as usize];
    let (minute, second) = (random.below(3), random.below(60));
    let fraction =
        if hours == 838 { "" } else { ["", ".5", ".000001", ".050", ".4"][random.below(5) as usize] };
    format!("'{sign}{hours:02}:{minute:02}:{second:02}{fraction}'")
}

/// Rows with random keys, which may meet those that are there.
fn fill(
    client: &mut Client,
    table: &str,
    random: &mut Random,
    value: fn(&mut Random) -> String,
    rows: usize,
) {
    let row =
        |random: &mut Random| format!("({}, {}, {})", random.below(1000), value(random), random.below(3));
    let rows: Vec<_> = (0..rows).map(|_| row(random)).collect();
    client.rows(&format!("INSERT IGNORE INTO {} VALUES {}", ident(table), rows.join(",")));
}

/// The table for a place in [`KINDS`]; the key is the column of that kind alone, before another one, or after it.
pub fn table_name(at: usize, shape: usize) -> String {
    format!("k{at:02}_{shape}")
}

/// Tables whose key is one column of a kind, and such whose key is that column and another one, in either order: four
/// versions, each with `rows` rows more.
pub fn history(client: &mut Client, seed: u64, rows: usize) {
    let mut random = Random::new(seed);
    client.new_database("k");
    for (at, (kind, ..)) in KINDS.iter().enumerate() {
        for (shape, key) in ["`k\"`", "`k\"`, n", "n, `k\"`"].iter().enumerate() {
            let table = table_name(at, shape);
            // Indexes that begin as the key does: rows must not come in their order.
            client.rows(&format!(
                "CREATE TABLE {table} (v int, `k\"` {kind}, n int, PRIMARY KEY ({key}), KEY a (n, v), KEY b (`k\"`, v))"
            ));
        }
    }
    for round in 0..4 {
        for (at, (_, _, value)) in KINDS.iter().enumerate() {
            for shape in 0..3 {
                let table = table_name(at, shape);
                if round > 0 {
                    client.rows(&format!("DELETE FROM {table} WHERE v % 3 = {round}"));
                    client.rows(&format!("UPDATE {table} SET v = v + 1 WHERE v % 5 = {round}"));
                }
                fill(client, &table, &mut random, *value, rows);
            }
        }
        client.commit(&format!("round {round}"), &format!("2026-01-0{}T00:00:00", round + 1));
    }
}
