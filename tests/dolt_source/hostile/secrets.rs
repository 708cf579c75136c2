//! Nothing that a server asks for leaves this machine.

use std::time::Duration;

use asof::content::ErrorKind;

use super::{SOON, failure, heard_after};
use crate::fake::{CHALLENGE, Fake, OK, Wire, greeting, switch};

#[test]
fn a_server_that_asks_for_the_password_gets_nothing() {
    let scripts: [fn(&mut Wire) -> Option<()>; 4] = [
        |wire| {
            wire.greet("caching_sha2_password")?;
            wire.receive()?;
            wire.send(&[1, 4])
        },
        |wire| {
            wire.greet("caching_sha2_password")?;
            wire.receive()?;
            // The key comes before it is asked for.
            wire.send(&[1, 4])?;
            wire.send(b"\x01-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAK\n-----END PUBLIC KEY-----\n")
        },
        |wire| {
            wire.greet("caching_sha2_password")?;
            wire.receive()?;
            // A challenge that was right is asked on about.
            wire.send(&[1, 3])?;
            wire.send(&[1, 4])
        },
        |wire| {
            wire.greet_with_tls("caching_sha2_password")?;
            wire.receive()?;
            wire.send(&[1, 4])
        },
    ];
    for (n, script) in scripts.into_iter().enumerate() {
        let fake = Fake::start(script);
        let error = failure(&fake, "", SOON);
        assert_eq!(error.kind, ErrorKind::Refused, "{n}: {}", error.chain());
        assert!(error.chain().contains("asks for the password"), "{n}: {}", error.chain());
        assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("?tls")), "{n}: {:?}", error.hint);
        assert_eq!(heard_after(&fake, 1), b"", "{n}");
    }
}

#[test]
fn a_server_that_asks_for_the_password_after_a_switch_gets_nothing() {
    let fake = Fake::start(|wire| {
        wire.greet("mysql_native_password")?;
        wire.receive()?;
        wire.send(&switch("caching_sha2_password", CHALLENGE))?;
        wire.receive()?;
        wire.send(&[1, 4])
    });
    let error = failure(&fake, "", SOON);
    assert!(error.chain().contains("asks for the password"), "{}", error.chain());
    assert_eq!(heard_after(&fake, 2), b"");
}

#[test]
fn methods_that_give_the_password_away_are_refused() {
    let methods = [
        "mysql_clear_password",
        "mysql_old_password",
        "sha256_password",
        "client_ed25519",
        "parsec",
        "dialog",
        "auth_gssapi_client",
        "authentication_ldap_sasl_client",
        "authentication_webauthn_client",
        "",
        "\u{1b}[31mnobody knows",
    ];
    for method in methods {
        let fake = Fake::start(move |wire| {
            wire.greet(method)?;
            wire.receive()?;
            wire.send(&switch(method, CHALLENGE))
        });
        let error = failure(&fake, "", SOON);
        assert_eq!(error.kind, ErrorKind::Refused, "{method}: {}", error.chain());
        assert!(error.chain().contains("asks to log in by"), "{method}: {}", error.chain());
        assert_eq!(heard_after(&fake, 1), b"", "{method}");
    }
    // The oldest form of the request, which names nothing.
    let fake = Fake::start(|wire| {
        wire.greet("mysql_native_password")?;
        wire.receive()?;
        wire.send(&[0xfe])
    });
    assert!(failure(&fake, "", SOON).chain().contains("mysql_old_password"));
    assert_eq!(heard_after(&fake, 1), b"");
}

#[test]
fn log_ins_that_the_protocol_does_not_have_end() {
    let answers: [&[&[u8]]; 9] = [
        // A second switch.
        &[
            b"\xfemysql_native_password\0abcdefghijklmnopqrst\0",
            b"\xfecaching_sha2_password\0abcdefghijklmnopqrst\0",
        ],
        // Challenges that are too short.
        &[b"\xfemysql_native_password\0\0"],
        &[b"\xfecaching_sha2_password\0abc\0"],
        &[b"\xfemysql_native_password"],
        // A question of another method, a key unasked, a file, nothing, more and more.
        &[b"\x01\x04"],
        &[b"\x01-----BEGIN PUBLIC KEY-----"],
        &[b"\xfb/etc/passwd"],
        &[b""],
        &[b"\x02\x02\x02"],
    ];
    for (n, answers) in answers.into_iter().enumerate() {
        let fake = Fake::start(move |wire| {
            wire.greet("mysql_native_password")?;
            for answer in answers {
                wire.receive()?;
                wire.send(answer)?;
            }
            Some(())
        });
        let error = failure(&fake, "", SOON);
        assert_eq!(error.kind, ErrorKind::Unavailable, "{n}: {}", error.chain());
        assert_eq!(heard_after(&fake, answers.len()), b"", "{n}");
    }
    let fake = Fake::start(|wire| {
        wire.greet("caching_sha2_password")?;
        wire.receive()?;
        (0..1000).try_for_each(|_| wire.send(&[1, 3]))
    });
    assert!(failure(&fake, "", SOON).chain().contains("without an end"));
}

#[test]
fn encryption_that_was_asked_for_is_not_done_without() {
    let fake = Fake::start(|wire| wire.greet("caching_sha2_password"));
    let error = failure(&fake, "?tls", SOON);
    assert_eq!(error.kind, ErrorKind::Refused, "{}", error.chain());
    assert!(error.chain().contains("no TLS"), "{}", error.chain());
    assert_eq!(heard_after(&fake, 0), b"", "not even the user's name goes out");

    let answers: [&[u8]; 4] = [OK, &[1, 4], b"\x15\x03\x03\0\x02\x02\x28", b"garbage garbage garbage"];
    for answer in answers {
        let fake = Fake::start(move |wire| {
            wire.greet_with_tls("caching_sha2_password")?;
            wire.receive()?;
            wire.send(answer)?;
            wire.raw(answer)
        });
        failure(&fake, "?tls", Duration::from_secs(4));
        let heard = fake.heard();
        assert!(!heard.windows(3).any(|window| window == b"me\0"), "no log-in goes out");
    }

    // What was sent before the encryption does not count as if it had been encrypted.
    let fake = Fake::start(|wire| {
        let mut both = Vec::new();
        for (sequence, payload) in [(0, greeting("mysql_native_password", 0xffff_ffff)), (2, OK.to_vec())] {
            both.extend([payload.len() as u8, 0, 0, sequence]);
            both.extend(payload);
        }
        wire.raw(&both)
    });
    assert!(failure(&fake, "?tls", SOON).chain().contains("before the encryption"));
}

#[test]
fn no_file_of_this_machine_is_sent() {
    let scripts: [fn(&mut Wire) -> Option<()>; 2] = [
        |wire| {
            wire.let_in()?;
            wire.receive()?;
            wire.send(b"\xfb/etc/passwd")
        },
        |wire| {
            wire.be_dolt()?;
            wire.send(b"\xfb/etc/passwd")
        },
    ];
    for script in scripts {
        let fake = Fake::start(script);
        let error = failure(&fake, "", SOON);
        assert_eq!(error.kind, ErrorKind::Refused, "{}", error.chain());
        assert!(error.chain().contains("a file of this machine"), "{}", error.chain());
        let heard = fake.heard();
        assert!(!heard.windows(5).any(|window| window == b"root:"), "the file went out");
    }
}
