//! A random history of values of every type, which one version of Dolt begins and others continue: long texts, bytes,
//! JSON and geometry around the lengths at which Dolt stores them out of line, non-finite decimals, keys of several
//! types.

use jiff::{SignedDuration, Timestamp};

use super::random::Random;
use super::server::Dolt;
use super::sql::{Client, quote};

/// Lengths around those at which a value moves out of its row, or could be mistaken for an address.
const LENGTHS: [u64; 12] = [0, 1, 18, 19, 20, 21, 22, 200, 255, 2_000, 2_100, 9_000];

pub struct Kinds {
    random: Random,
    now: Timestamp,
    /// The added columns, each by the Dolt of its turn.
    columns: usize,
}

impl Kinds {
    /// Makes the database and its tables.
    pub fn begin(client: &mut Client, database: &str, seed: u64) -> Self {
        client.new_database(database);
        client.run(&[
            "CREATE TABLE kinds (id int PRIMARY KEY, t text, lt longtext, tt tinytext, b blob, lb longblob, j json,
               g geometry, p point, n decimal(12,3), n0 decimal(20,0), v varchar(300), vb varbinary(300),
               d datetime(6), tm time(6), f float, bi bit(9), e enum('a','ü',''), s set('x','y'), KEY by_n (n))",
            "CREATE TABLE by_decimal (n decimal(9,2), w varchar(9), t mediumtext, PRIMARY KEY (n, w))",
            "CREATE TABLE no_key (t text, j json, n decimal(5,1))",
        ]);
        client.commit("tables of every kind", "2026-07-01T00:00:00");
        let now = "2026-07-01T00:00:00Z".parse().expect("a time");
        Self { random: Random::new(seed), now, columns: 0 }
    }

    /// Adds commits with the client's version of Dolt.
    pub fn carry_on(&mut self, client: &mut Client, dolt: Dolt, commits: usize) {
        for at in 0..commits {
            for _ in 0..=self.random.below(3) {
                let statement = self.change(dolt);
                client.rows(&statement);
            }
            if at == 0 {
                self.add_columns(client);
            }
            self.now += SignedDuration::from_millis(self.random.within(0..7_200_000));
            let date = self.now.strftime("%Y-%m-%dT%H:%M:%S%.3f").to_string();
            client.commit(&format!("{dolt:?} {at}"), &date);
        }
    }

    /// Adds columns and a table in the encodings of this Dolt, next to those of others.
    fn add_columns(&mut self, client: &mut Client) {
        self.columns += 1;
        let at = self.columns;
        client.run(&[
            &format!("ALTER TABLE kinds ADD COLUMN t{at} text, ADD COLUMN j{at} json"),
            &format!("UPDATE kinds SET t{at} = concat('added ', id), j{at} = json_array(id) WHERE id % 3 = {}", at % 3),
            &format!("CREATE TABLE made{at} (id int PRIMARY KEY, t text NOT NULL, b blob, j json, KEY by_t (t(9)))"),
            &format!("INSERT INTO made{at} VALUES (1,'',x'','null'),(2,'nineteen bytes long',x'00','[]'),(3,repeat('é',3000),NULL,NULL)"),
            "ALTER TABLE kinds MODIFY COLUMN tt text",
        ]);
    }

    fn change(&mut self, dolt: Dolt) -> String {
        match self.random.below(10) {
            0..5 => {
                let rows = 1 + self.random.below(6);
                let rows: Vec<_> = (0..rows).map(|_| self.row(dolt)).collect();
                let columns = "id,t,lt,tt,b,lb,j,g,p,n,n0,v,vb,d,tm,f,bi,e,s";
                format!("REPLACE INTO kinds ({columns}) VALUES {}", rows.join(","))
            }
            5 => {
                let (n, t) = (self.decimal(dolt, 2), self.text());
                format!("REPLACE INTO by_decimal VALUES ({n},'w{}',{t})", self.random.below(3))
            }
            6 => {
                let (t, j, n) = (self.text(), self.json(), self.decimal(dolt, 1));
                format!("INSERT INTO no_key VALUES ({t},{j},{n}),({t},{j},{n})")
            }
            7 => format!("UPDATE kinds SET t = {}, b = {} WHERE id % 4 = 1", self.text(), self.bytes()),
            8 => format!("DELETE FROM kinds WHERE id = {}", self.random.below(60)),
            _ => format!(
                "UPDATE kinds SET lt = concat(coalesce(lt,''),'+') WHERE id < {}",
                self.random.below(60)
            ),
        }
    }

    fn row(&mut self, dolt: Dolt) -> String {
        let values = [
            self.random.below(60).to_string(),
            self.text(),
            self.text(),
            self.short_text(),
            self.bytes(),
            self.bytes(),
            self.json(),
            self.line(),
            self.null_or(|random| format!("point({},-1.5)", random.below(9))),
            self.decimal(dolt, 3),
            self.decimal(dolt, 0),
            self.short_text(),
            self.null_or(|random| format!("unhex('{:04x}')", random.below(65_536))),
            self.null_or(|random| {
                format!("'2026-01-0{} 00:00:00.{:06}'", 1 + random.below(9), random.below(999_999))
            }),
            self.null_or(|random| format!("'-{:02}:00:00.5'", random.below(60))),
            self.null_or(|random| format!("{}.5", random.within(-9..9))),
            self.random.below(512).to_string(),
            quote(["a", "ü", ""][self.random.below(3) as usize]),
            quote(["", "x", "y", "x,y"][self.random.below(4) as usize]),
        ];
        format!("({})", values.join(","))
    }

    fn null_or(&mut self, value: impl FnOnce(&mut Random) -> String) -> String {
        if self.random.below(5) == 0 { "NULL".to_owned() } else { value(&mut self.random) }
    }

    /// A text of one of the lengths in bytes; ASCII, so that every length is possible.
    fn text(&mut self) -> String {
        let len = *self.random.one_of(&LENGTHS);
        self.null_or(|random| format!("left(repeat('{} ',{}),{len})", random.below(1000), len + 1))
    }

    fn short_text(&mut self) -> String {
        let len = *self.random.one_of(&LENGTHS[..8]);
        self.null_or(|random| format!("left(repeat('{} ',{}),{len})", random.below(1000), len + 1))
    }

    /// Bytes, half of which begin with zero.
    fn bytes(&mut self) -> String {
        let len = *self.random.one_of(&LENGTHS);
        self.null_or(|random| {
            let first = random.below(2) * 0x80;
            let byte = |at| if at == 0 { first } else { random.below(256) };
            let digits: String = (0..len).map(byte).map(|byte| format!("{byte:02x}")).collect();
            format!("x'{digits}'")
        })
    }

    fn json(&mut self) -> String {
        let len = *self.random.one_of(&LENGTHS);
        self.null_or(|random| match random.below(3) {
            0 => format!("json_object('b',{},'a',repeat('x',{len}))", random.below(100)),
            1 => format!("json_quote(repeat('y',{len}))"),
            _ => quote(
                ["null", "[]", "{\"a\": [1.50, null, \"é\"]}", "12345678901234567890"]
                    [random.below(4) as usize],
            ),
        })
    }

    /// A line of few points, or of so many that it is stored out of line.
    fn line(&mut self) -> String {
        let count = *self.random.one_of(&[2, 3, 200]);
        self.null_or(|random| {
            let points: Vec<_> = (0..count).map(|at| format!("point({at},{})", random.below(99))).collect();
            format!("linestring({})", points.join(","))
        })
    }

    /// A number, or a non-finite one if this Dolt can store it.
    fn decimal(&mut self, dolt: Dolt, digits: usize) -> String {
        if dolt == Dolt::New && self.random.below(4) == 0 {
            return "'NaN'".to_owned();
        }
        format!("{}.{:0<digits$}", self.random.within(-900..900), self.random.below(10))
    }
}
