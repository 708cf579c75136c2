//! Histories with extreme values: every type that a key can have, texts and bytes from empty to 5 MB, deep and large
//! JSON.

use super::sql::{Client, quote};

/// Lengths in bytes around those at which Dolt changes how it stores a text, up to 5 MB.
const LENGTHS: [usize; 19] = [
    0,
    1,
    20,
    200,
    1000,
    2000,
    2047,
    2048,
    2049,
    4000,
    4095,
    4096,
    4097,
    16_383,
    16_384,
    65_535,
    100_000,
    1_000_000,
    5 << 20,
];

/// A table for every type that a key can have, each with additional key columns.
pub fn every_key(client: &mut Client, database: &str) {
    client.new_database(database);
    let keys = [
        ("tinyint", "(-128),(127),(0),(-1),(1)"),
        ("smallint unsigned", "(65535),(0),(256),(255)"),
        ("mediumint", "(-8388608),(8388607),(0)"),
        ("int", "(-2147483648),(2147483647),(0),(-1)"),
        ("bigint", "(-9223372036854775808),(9223372036854775807),(0)"),
        ("bigint unsigned", "(18446744073709551615),(0),(9223372036854775808)"),
        ("decimal(20,5)", "(-1.5),(1.5),(0),(99999.99999),(-0.00001)"),
        ("float", "(-1.5),(0.1),(0),(1e30)"),
        ("double", "(-1.5),(0.1),(0),(1e300)"),
        ("bit(20)", "(b'0'),(b'1'),(b'11111111111111111111')"),
        ("year", "(1901),(2155),(2000)"),
        ("date", "('1000-01-01'),('9999-12-31'),('2026-01-01')"),
        ("datetime", "('2026-01-01 00:00:00'),('1000-01-01 00:00:00')"),
        ("datetime(6)", "('2026-01-01 00:00:00.000001'),('2026-01-01 00:00:00')"),
        ("timestamp", "('2026-01-01 00:00:00'),('1970-01-01 00:00:01')"),
        ("time(6)", "('-838:59:59'),('00:00:00.000001'),('838:59:59'),('-00:00:01')"),
        ("char(10)", "('b'),('a'),('B'),(''),('é')"),
        ("varchar(50)", "('b'),('a'),('B'),(''),('é'),('a b')"),
        ("varchar(50) collate utf8mb4_0900_ai_ci", "('b'),('a'),('C'),(''),('é')"),
        ("varchar(50) collate utf8mb4_general_ci", "('b'),('a'),('C'),(''),('é')"),
        ("binary(4)", "(x'00000001'),(x'ffffffff'),('ab')"),
        ("varbinary(20)", "(x'00'),(x'ff'),(''),('ab')"),
        ("enum('z','m','a')", "('a'),('z'),('m')"),
        ("set('x','y','z')", "('x'),('x,y'),('z'),('')"),
    ];
    for (at, (kind, values)) in keys.iter().enumerate() {
        client.run(&[
            &format!(
                "CREATE TABLE k{at:02} (id {kind} PRIMARY KEY, v varchar(20) DEFAULT 'v', KEY by_v (v, id))"
            ),
            &format!("INSERT INTO k{at:02} (id) VALUES {values}"),
        ]);
    }
    client.run(&[
        "CREATE TABLE many (a varchar(10), v text, b datetime(3), c decimal(10,3), w int UNIQUE, PRIMARY KEY (c, a, b))",
        "INSERT INTO many VALUES ('x','1','2026-01-01',1.5,1),('x','2','2026-01-01 00:00:00.5',1.5,2),
           ('a','3','2026-01-01',-1.5,3)",
        "CREATE TABLE counted (id bigint unsigned PRIMARY KEY AUTO_INCREMENT, v int CHECK (v > 0))",
        "INSERT INTO counted (v) VALUES (1),(2),(3)",
    ]);
    client.commit("every key", "2026-10-01T00:00:00");
    client.run(&[
        "UPDATE many SET c = c * 2 WHERE a = 'x'",
        "DELETE FROM k16 WHERE id = ''",
        "INSERT INTO counted (v) VALUES (4)",
    ]);
    client.commit("other keys", "2026-10-02T00:00:00");
}

/// Texts and bytes of each of [`LENGTHS`], changed, shortened and deleted.
pub fn lengths(client: &mut Client, database: &str) {
    client.new_database(database);
    client.run(&["CREATE TABLE texts (id int PRIMARY KEY, t longtext, s varchar(16000), b longblob)"]);
    for (id, len) in LENGTHS.into_iter().enumerate() {
        let text = format!("left(repeat(concat(sha2('{id}',512),' é \\n'),{}),{len})", len / 100 + 1);
        let short = len.min(16_000);
        client.rows(&format!(
            "INSERT INTO texts VALUES ({id},{text},left({text},{short}),unhex(repeat('00ff80c3a9',{})))",
            len / 5
        ));
    }
    client.commit("all lengths", "2026-10-03T00:00:00");
    client.run(&[
        "UPDATE texts SET t = concat(t, ' more') WHERE id % 2 = 0",
        "UPDATE texts SET b = NULL, s = '' WHERE id % 3 = 0",
        "INSERT INTO texts VALUES (100,NULL,NULL,NULL)",
    ]);
    client.commit("longer ones", "2026-10-04T00:00:00");
    client.run(&["UPDATE texts SET t = left(t, 10)", "ALTER TABLE texts DROP COLUMN b"]);
    client.commit("short ones", "2026-10-05T00:00:00");
}

/// JSON as deep as MySQL accepts, and so large that Dolt stores it in many chunks, with scattered changes.
pub fn documents(client: &mut Client, database: &str) {
    client.new_database(database);
    client.run(&[
        "CREATE TABLE docs (id int PRIMARY KEY, j json)",
        "INSERT INTO docs VALUES (1, concat(repeat('[',99),repeat(']',99))),
          (2, concat(repeat('{\"a\":',99),'[]',repeat('}',99)))",
    ]);
    let field = |at: usize| {
        format!("\"key {at} é\": {{\"n\": {at}, \"t\": [\"{}\", {at}.50, null]}}", "x".repeat(at % 90))
    };
    let fields: Vec<_> = (0..12_000).map(field).collect();
    let large = quote(&format!("{{{}}}", fields.join(", ")));
    let list: Vec<_> = (0..40_000).map(|at| format!("{}", at * 7919)).collect();
    client.rows(&format!("INSERT INTO docs VALUES (3, {large}), (4, '[{}]')", list.join(",")));
    client.commit("documents", "2026-10-06T00:00:00");
    client.run(&[
        "UPDATE docs SET j = json_set(j, '$.\"key 6000 é\".n', 'changed') WHERE id = 3",
        "UPDATE docs SET j = json_set(j, '$[20000]', json_object('b', 1, 'a', 2)) WHERE id = 4",
        "INSERT INTO docs VALUES (5, NULL), (6, json_quote(repeat('long \"text\" ', 100000)))",
    ]);
    client.commit("changed here and there", "2026-10-07T00:00:00");
    client.run(&["UPDATE docs SET j = json_remove(j, '$.\"key 11999 é\"') WHERE id = 3"]);
    client.commit("less", "2026-10-08T00:00:00");
}
