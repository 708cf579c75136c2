//! What a server sends has limits, and what is no protocol ends.

use std::time::{Duration, Instant};

use asof::content::ErrorKind;
use asof::source::Source;
use asof::source::dolt::server::{DoltOptions, DoltSqlSource};

use super::{PASSWORD, SOON, assert_keeps_the_password, failure};
use crate::fake::{CHALLENGE, Fake, OK, Wire, column, plain_greeting, switch};
use crate::support::random::Random;
use crate::support::wait;

#[test]
fn lengths_and_counts_have_limits() {
    const CHUNK: usize = 0xff_ffff;
    type Script = fn(&mut Wire) -> Option<()>;
    // What is sent, and the most that is taken of it.
    let scripts: [(&str, Script, u64); 9] = [
        ("a greeting of 16 MiB", |wire| wire.send(&vec![10; CHUNK - 1]), 8 << 20),
        (
            "an answer to the log-in of 16 MiB",
            |wire| {
                wire.greet("mysql_native_password")?;
                wire.receive()?;
                wire.send(&vec![0; CHUNK - 1])
            },
            8 << 20,
        ),
        (
            "a packet without an end",
            |wire| {
                wire.be_dolt()?;
                (0..64).try_for_each(|_| wire.send(&vec![1; CHUNK]))
            },
            96 << 20,
        ),
        (
            "as many columns as can be said",
            |wire| {
                wire.be_dolt()?;
                wire.send(b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff")
            },
            1 << 20,
        ),
        (
            "a million columns",
            |wire| {
                wire.be_dolt()?;
                wire.send(b"\xfd\x40\x42\x0f")?;
                (0..1_000_000).try_for_each(|_| wire.send(&column("c")))
            },
            8 << 20,
        ),
        (
            "columns with long names",
            |wire| {
                wire.be_dolt()?;
                wire.send(b"\xfc\x00\x10")?;
                let name = "n".repeat(60_000);
                (0..4096).try_for_each(|_| wire.send(&column(&name)))
            },
            32 << 20,
        ),
        (
            "a list without an end",
            |wire| {
                wire.be_dolt()?;
                wire.columns(&["Database"])?;
                (0u64..).try_for_each(|n| wire.row(&[&format!("database{n}")]))
            },
            16 << 20,
        ),
        (
            "a name of 16 MB",
            |wire| {
                wire.be_dolt()?;
                wire.columns(&["Database"])?;
                wire.row(&[&"n".repeat(16_000_000)])?;
                wire.end(2)
            },
            32 << 20,
        ),
        (
            "an error of 16 MB",
            |wire| {
                wire.be_dolt()?;
                wire.send(&[b"\xff\x51\x04#HY000", &[b'e'; 16_000_000][..]].concat())
            },
            32 << 20,
        ),
    ];
    for (name, script, most) in scripts {
        let fake = Fake::start(script);
        failure(&fake, "", Duration::from_secs(8));
        assert!(fake.sent() < most, "{name}: {} bytes were taken", fake.sent());
    }
}

#[test]
fn answers_that_the_protocol_does_not_have_end() {
    type Script = fn(&mut Wire) -> Option<()>;
    let scripts: [(&str, Script); 8] = [
        ("an empty packet", |wire| wire.send(b"")),
        ("an empty row", |wire| {
            wire.columns(&["a"])?;
            wire.send(b"")
        }),
        ("a row that is too short", |wire| {
            wire.columns(&["a", "b"])?;
            wire.row(&["x"])
        }),
        ("a row that is too long", |wire| {
            wire.columns(&["a"])?;
            wire.row(&["x", "y"])
        }),
        ("a value longer than its row", |wire| {
            wire.columns(&["a"])?;
            wire.send(b"\xfd\xff\xff\xffx")
        }),
        ("a second answer", |wire| {
            wire.columns(&["a"])?;
            wire.end(0x0a)?;
            wire.columns(&["a"])?;
            wire.end(2)
        }),
        ("an end without a status", |wire| {
            wire.columns(&["a"])?;
            wire.send(b"\xfe")
        }),
        ("a column of nothing", |wire| {
            wire.send(&[1])?;
            wire.send(b"\x03def")
        }),
    ];
    for (name, script) in scripts {
        let fake = Fake::start(move |wire| {
            wire.be_dolt()?;
            script(wire)
        });
        let error = failure(&fake, "", SOON);
        assert!(error.chain().contains("breaks the protocol"), "{name}: {}", error.chain());
    }
}

#[test]
fn a_server_that_is_slow_is_not_waited_for() {
    type Script = fn(&mut Wire) -> Option<()>;
    let drip: Script = |wire| {
        let greeting = plain_greeting("mysql_native_password");
        wire.raw(&[greeting.len() as u8, 0, 0, 0])?;
        greeting.iter().try_for_each(|byte| {
            std::thread::sleep(Duration::from_millis(200));
            wire.raw(&[*byte])
        })
    };
    let scripts: [Script; 4] = [
        |_| Some(()),
        drip,
        |wire| wire.greet("mysql_native_password"),
        |wire| {
            wire.be_dolt()?;
            wire.columns(&["Database"])
        },
    ];
    for script in scripts {
        let fake = Fake::start(script);
        let error = failure(&fake, "", Duration::from_secs(6));
        assert_eq!(error.kind, ErrorKind::TimedOut, "{}", error.chain());
    }
}

/// What a good server says in one session, with random bytes changed, left out and added.
#[test]
fn no_garbage_panics_hangs_or_gets_the_password() {
    for seed in 0..300 {
        let fake = Fake::start(move |wire| {
            let mut random = Random::new(seed);
            let mut spoil = |mut payload: Vec<u8>| {
                for _ in 0..random.below(3) {
                    let at = random.below(payload.len().max(1) as u64) as usize;
                    match random.below(4) {
                        0 => payload.truncate(at),
                        1 => payload.insert(at, random.next() as u8),
                        _ if at < payload.len() => payload[at] = random.next() as u8,
                        _ => {}
                    }
                }
                payload
            };
            let method = if seed % 2 == 0 { "mysql_native_password" } else { "caching_sha2_password" };
            wire.send(&spoil(plain_greeting(method)))?;
            wire.receive()?;
            wire.send(&spoil(switch("caching_sha2_password", CHALLENGE)))?;
            wire.receive()?;
            wire.send(&spoil(vec![1, 3]))?;
            wire.send(&spoil(OK.to_vec()))?;
            wire.receive()?;
            wire.send(&spoil(OK.to_vec()))?;
            for _ in 0..3 {
                wire.receive()?;
                wire.send(&spoil(vec![1]))?;
                wire.send(&spoil(column("a")))?;
                wire.send(&spoil(b"\x06beads\xc3".to_vec()))?;
                wire.send(&spoil(b"\xfe\0\0\x02\0\0\0".to_vec()))?;
            }
            // Ends here, so that a client that waits for more is not waited for.
            None
        });
        let limits = DoltOptions {
            password: Some(PASSWORD.into()),
            connect_timeout: Duration::from_millis(500),
            query_timeout: Duration::from_millis(500),
            ..DoltOptions::default()
        };
        let source = DoltSqlSource::new(&fake.url(""), limits).expect("the URL is right");
        let begun = Instant::now();
        let _ = wait(source.poll());
        assert!(begun.elapsed() < Duration::from_secs(8), "seed {seed}");
        assert_keeps_the_password(&fake.heard());
    }
}
