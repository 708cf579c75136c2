//! The seeds of the fuzz targets of dumps: `cargo test --lib make_the_corpus_of_dumps -- --ignored`.

use std::fs;
use std::path::Path;

use super::damage::{SMALL, Writer};
use super::server::Server;
use super::{made_by, shell, stdout_of};

fn seed(target: &str, name: &str, bytes: &[u8]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    fs::create_dir_all(&folder).expect("the source tree is writable");
    fs::write(folder.join(name), bytes).expect("the source tree is writable");
}

/// Makes these inputs again and leaves all others.
#[test]
#[ignore = "writes into fuzz/corpus"]
fn make_the_corpus_of_dumps() {
    let server = Server::start();
    server.create("small", SMALL);
    for (name, option) in [("plain", "--compress=0"), ("gzip", "--compress=9"), ("inserts", "--inserts")] {
        seed("pg_dump", name, &server.dump("small", &[option]));
    }
    seed("pg_dump", "pipe", &stdout_of(server.client("pg_dump").args(["-Fc", "small"])));
    for minor in 12..=16 {
        seed("pg_dump", &format!("minor-{minor}"), &Writer::table(minor, "1\tone\n2\t\\N\n\\.\n\n\n", None));
    }
    let rows = "COPY (SELECT * FROM a) TO STDOUT; COPY (SELECT * FROM b) TO STDOUT; COPY (SELECT 't'::bool, \
                E'\\\\x00ff'::bytea, '12:34:56.7'::time, 'NaN'::float, E'a\\tb\\\\\\n', 'infinity'::date) TO STDOUT";
    let mut psql = server.client("psql");
    seed("copy_text", "rows", &stdout_of(psql.args(["-X", "-q", "-d", "small", "-c", rows])));
    let script =
        String::from_utf8(stdout_of(server.client("pg_dump").args(["-s", "small"]))).expect("it is UTF-8");
    for (number, part) in
        script.split_inclusive(";\n").filter(|part| part.contains("CREATE TABLE")).enumerate()
    {
        seed("copy_text", &format!("table-{number}"), part.as_bytes());
    }
    seed("copy_text", "copy", b"COPY public.\"T \"\"x\"\"\" (id, \"V\") FROM stdin;\n");
    let folder = made_by(
        r#"mkdir in; echo one > in/a; ln in/a in/hard; ln -s a in/link; mkdir in/sub; echo two > in/sub/b
        truncate -s 20000 in/sparse; echo x >> in/sparse; echo long > "in/$(printf 'n%.0s' $(seq 150))"
        for format in gnu posix; do tar -b 1 -C in -S --format=$format -cf $format.tar .; done
        tar -b 1 -C in --format=ustar -cf ustar.tar a hard link sub
        (cd in; sha256sum a b.txt ./sub/b 2>/dev/null || true; sha256sum --tag a; printf '\\%s  a\\nb\r\n' $(sha256sum < a | head -c 64)) > SUMS"#,
    );
    for format in ["gnu", "posix", "ustar"] {
        seed(
            "tar",
            format,
            &fs::read(folder.path().join(format!("{format}.tar"))).expect("it was just made"),
        );
    }
    let pack = r#"cd "$0"; tar -b 1 -C in --format=ustar -cf t.tar a link; for p in gzip bzip2 xz zstd "xz --format=lzma" lz4 lzip
        do $p -c < t.tar > "packed-${p##*=}" 2>/dev/null || rm "packed-${p##*=}"; done"#;
    shell(pack, &[folder.path()]);
    for name in ["gzip", "bzip2", "xz", "zstd", "lzma", "lz4", "lzip"] {
        if let Ok(bytes) = fs::read(folder.path().join(format!("packed-{name}"))) {
            seed("packed", name, &bytes);
            seed("tar", &format!("{name}-packed"), &bytes);
        }
    }
    let sums = fs::read(folder.path().join("SUMS")).expect("it was just made");
    seed("sha256sum", "list", &sums);
    seed("sha256sum", "lone", &sums[..64]);
}
