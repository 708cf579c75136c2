//! The password of a server: where it may come from, and who can see it.

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::support::certificates::Authority;
use crate::support::command::{Outcome, Run, run};
use crate::support::mount::{asof, quiet_environment};
use crate::support::server::{Server, free_port};
use crate::support::{archives, tell, temp_dir};

#[allow(dead_code)]
#[path = "../dolt_source/fake.rs"]
mod fake;

/// An ordinary user with a name, which `fusermount3` needs.
const NOBODY: u32 = 65534;

const PASSWORD: &str = "correct-horse-battery-staple";

/// Runs `asof` with the test's own home.
fn program(home: &Path) -> Run {
    run(asof()).env("HOME", home).env("NO_COLOR", "1")
}

#[track_caller]
fn refused(run: Run, words: &[&str]) -> Outcome {
    let outcome = run.within(Duration::from_secs(10)).outcome();
    assert!(!outcome.status.success(), "{}", outcome.stderr);
    for word in words {
        assert!(outcome.stderr.contains(word), "no {word:?} in: {}", outcome.stderr);
    }
    assert!(!outcome.stderr.contains(PASSWORD), "{}", outcome.stderr);
    outcome
}

fn backup() -> tempfile::TempDir {
    let dir = temp_dir();
    for folder in ["backup", "mnt", "bin"] {
        fs::create_dir(dir.path().join(folder)).expect("the folder is ours");
    }
    archives::write_zip(&dir.path().join("backup/2026-01-02T150405.zip"), &[("t.jsonl", b"{}\n")]);
    dir
}

/// What other users can see of the process that serves the mount, and of the program that it runs to mount.
const WATCHED: &str = r#"
set -euo pipefail
cat > "$DIR/bin/fusermount3" <<'SEE'
#!/bin/bash
tr '\0' '\n' < /proc/self/environ >> "$DIR/seen"
tr '\0' '\n' < /proc/self/cmdline >> "$DIR/seen"
cat >> "$DIR/seen" < /dev/stdin
exec /usr/bin/fusermount3 "$@"
SEE
chmod 755 "$DIR/bin/fusermount3"
export PATH="$DIR/bin:$PATH"
"$ASOF" mount $FOREGROUND "$DIR/backup" "$DIR/mnt" &
for _ in $(seq 200); do ! mountpoint -q "$DIR/mnt" || break; sleep 0.05; done
cat "$DIR"/mnt/*/latest/t.jsonl
for process in $(pgrep -x asof); do
  tr '\0' '\n' < "/proc/$process/cmdline" | grep -qF "$DIR/mnt" || continue
  echo "core $(awk '/Max core/ { print $5, $6 }' "/proc/$process/limits")"
  echo "owner $(stat -c %U "/proc/$process/environ")"
done
"#;

/// The same for root, who can inspect every process.
const AS_ROOT: &str = r#"
for process in $(pgrep -x asof); do
  tr '\0' '\n' < "/proc/$process/cmdline" | grep -qF "$DIR/mnt" || continue
  cat "/proc/$process/cmdline" "/proc/$process/environ" >> "$DIR/seen"
  echo looked
done
"#;

/// Mounts as an ordinary user, through `fusermount3`, and checks as root what can be seen meanwhile.
#[test]
fn a_password_in_the_environment_is_seen_by_nobody() {
    if !rustix::process::getuid().is_root() {
        return tell(
            "NOT RUN: a_password_in_the_environment_is_seen_by_nobody: needs root, to become another user",
        );
    }
    for foreground in ["", "-f"] {
        let dir = backup();
        let own: Vec<PathBuf> = ["", "backup", "mnt", "bin"].map(|name| dir.path().join(name)).into();
        own.iter().for_each(|path| chown(path, Some(NOBODY), Some(NOBODY)).expect("root may"));
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("root may");
        let script = format!(
            r#"
            mknod "$DIR/fuse" c 10 229
            chmod 666 "$DIR/fuse"
            mount --bind "$DIR/fuse" /dev/fuse
            cp "$ASOF" "$DIR/bin/asof"
            export ASOF="$DIR/bin/asof"
            setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups env ASOF_DOLT_PASSWORD={PASSWORD} bash -c "$WATCHED"
            {AS_ROOT}
            umount "$DIR/mnt"
            "#
        );
        let outcome = run("unshare")
            .args(["--mount", "bash", "-euc", &script])
            .env("DIR", dir.path())
            .env("ASOF", asof())
            .env("HOME", dir.path())
            .env("WATCHED", WATCHED)
            .env("FOREGROUND", foreground)
            .outcome()
            .expect_status(0);
        assert_eq!(outcome.text(), "{}\ncore 0 0\nowner root\nlooked\n", "{}", outcome.stderr);
        let seen = fs::read(dir.path().join("seen")).expect("fusermount3 was run");
        let seen = String::from_utf8_lossy(&seen);
        assert!(seen.contains("ASOF_PASSWORD_OVER_STDIN"), "this is what asof was started with: {seen}");
        assert!(!seen.contains(PASSWORD), "{seen}");
    }
}

#[test]
fn a_password_reaches_the_server_by_each_way() {
    let server = Server::start();
    let mut client = server.client();
    client.new_database("d");
    let user = format!("CREATE USER 'me'@'%' IDENTIFIED BY '{PASSWORD}'");
    client.run(&[&user, "GRANT ALL ON *.* TO 'me'@'%'"]);
    let dir = temp_dir();
    let file = dir.path().join("password");
    fs::write(&file, format!("{PASSWORD}\n")).expect("the folder is ours");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("the file is ours");
    std::os::unix::fs::symlink(&file, dir.path().join("link")).expect("the folder is ours");
    let url = format!("dolt://me@127.0.0.1:{}", server.port);
    let list = || program(dir.path()).args(["ls", "--from", &url]);
    refused(list(), &["ASOF_DOLT_PASSWORD"]);
    assert!(list().env("ASOF_DOLT_PASSWORD", PASSWORD).ok().contains('d'));
    assert!(list().arg("--password-file").arg(&file).ok().contains('d'));
    assert!(list().arg("--password-file").arg(dir.path().join("link")).ok().contains('d'));
    refused(list().env("ASOF_DOLT_PASSWORD", "x".repeat(40_000)), &["longer than"]);
}

#[test]
fn a_password_file_is_private() {
    let dir = temp_dir();
    let url = format!("dolt://127.0.0.1:{}", free_port());
    let with = |file: &Path| program(dir.path()).args(["ls", "--from", &url, "--password-file"]).arg(file);
    let file = dir.path().join("password");
    fs::write(&file, PASSWORD).expect("the folder is ours");
    let mode = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("the file is ours");
    for open in [0o644, 0o604, 0o602, 0o666] {
        mode(open);
        refused(with(&file), &["others may use", "chmod 600"]);
    }
    mode(0o600);
    refused(with(&file), &["Connection refused"]);
    if rustix::process::getuid().is_root() {
        mode(0o640);
        refused(with(&file), &["Connection refused"]);
        chown(&file, None, Some(12345)).expect("root may");
        refused(with(&file), &["others may use", "chmod 600"]);
        mode(0o600);
        chown(&file, Some(12345), None).expect("root may");
        refused(with(&file), &["belongs to another user"]);
        chown(&file, Some(0), Some(0)).expect("root may");
    } else {
        tell("NOT RUN: a_password_file_is_private: files of other users need root");
    }
    fs::write(&file, vec![b'x'; 65 * 1024]).expect("the folder is ours");
    refused(with(&file), &["more than"]);
    fs::write(&file, [0xff, 0xfe]).expect("the folder is ours");
    refused(with(&file), &["not UTF-8"]);
    let pipe = dir.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).expect("the folder is ours");
    refused(with(&pipe), &["no regular file"]);
    refused(with(dir.path()), &["no regular file"]);
    refused(with(Path::new("/dev/zero")), &["no regular file"]);
    refused(with(&dir.path().join("missing")), &["cannot read the password file"]);
}

#[test]
fn a_password_in_a_url_is_never_repeated() {
    let dir = backup();
    let urls = [
        "dolt://root%3ASECRET@127.0.0.1",
        "dolt://root%253aSECRET@127.0.0.1/db",
        "dolt://root:SECRET@127.0.0.1",
        "dolt://root:a/SECRET@127.0.0.1",
        "dolt://root:1/SECRET@127.0.0.1",
        "dolt://root:SECRET/x@127.0.0.1",
        "dolt://root:SECRET?x@127.0.0.1",
        "dolt:root:SECRET@127.0.0.1",
        "dolt:/root:SECRET@127.0.0.1",
        "DOLT:/root:SECRET@127.0.0.1",
        "name=dolt://root%3ASECRET@127.0.0.1",
    ];
    for url in urls {
        let log = dir.path().join("log");
        let mounted =
            program(dir.path()).args(["mount", "--log-file"]).arg(&log).arg(url).arg(dir.path().join("mnt"));
        let commands = [
            program(dir.path()).args(["ls", "--from", url]).env("ASOF_LOG", "trace"),
            program(dir.path()).args(["verify", "--json", "-q", url]),
            mounted,
        ];
        for command in commands {
            let outcome = command.within(Duration::from_secs(10)).outcome();
            assert!(!outcome.status.success(), "{url}");
            let said = outcome.stderr + &String::from_utf8_lossy(&outcome.stdout);
            assert!(!said.contains("SECRET"), "{url}: {said}");
        }
        let log = fs::read_to_string(&log).unwrap_or_default();
        assert!(!log.contains("SECRET"), "{url}: {log}");
    }
}

/// The network address of this machine.
fn own_address() -> Option<std::net::IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Sends nothing.
    socket.connect("192.0.2.1:9").ok()?;
    socket
        .local_addr()
        .ok()
        .map(|address| address.ip())
        .filter(|ip| !ip.is_loopback() && !ip.is_unspecified())
}

#[test]
fn a_log_in_over_a_network_without_encryption_is_said() {
    let Some(address) = own_address() else {
        return tell(
            "NOT RUN: a_log_in_over_a_network_without_encryption_is_said: this machine has no network",
        );
    };
    let dir = temp_dir();
    for (tls, offer) in [(true, "The server offers it."), (false, "?tls")] {
        let fake = fake::Fake::start_at("0.0.0.0", move |wire| {
            if tls {
                wire.greet_with_tls("mysql_native_password")
            } else {
                wire.greet("mysql_native_password")
            }?;
            wire.receive()?;
            wire.send(b"\xff\x15\x04#28000Access denied")
        });
        let list = |host: &str| {
            let url = format!("dolt://me@{host}:{}", fake.port);
            program(dir.path()).args(["ls", "--from", &url])
        };
        let far = refused(
            list(&address.to_string()).env("ASOF_DOLT_PASSWORD", PASSWORD),
            &["is not encrypted", offer],
        );
        assert_eq!(far.stderr.matches("is not encrypted").count(), 1, "{}", far.stderr);
        for quiet in [list("127.0.0.1").env("ASOF_DOLT_PASSWORD", PASSWORD), list(&address.to_string())] {
            let outcome = refused(quiet, &["Access denied"]);
            assert!(!outcome.stderr.contains("is not encrypted"), "{}", outcome.stderr);
        }
    }
}

#[test]
fn connections_are_encrypted_by_url_and_by_options() {
    let dir = temp_dir();
    let authority = Authority::new(dir.path(), "ca");
    let [certificate, key] = authority.certify(dir.path(), "127.0.0.1", 2100);
    let mut server = Server::start();
    let mut client = server.client();
    client.new_database("d");
    drop(client);
    server.kill();
    server.configure_listener(&format!(
        "tls_cert: '{}', tls_key: '{}'",
        certificate.display(),
        key.display()
    ));
    server.start_again();
    let url = format!("dolt://127.0.0.1:{}/d", server.port);
    let encrypted = format!("{url}?tls");
    let list = |url: &str| program(dir.path()).args(["ls", "--from", url]);
    refused(list(&encrypted), &["cannot be encrypted", "--tls-ca"]);
    assert!(list(&encrypted).env("SSL_CERT_FILE", &authority.file).ok().contains('d'));
    assert!(list(&url).arg("--tls-ca").arg(&authority.file).ok().contains('d'));
    let pin = "sha256:".to_owned() + &"00".repeat(32);
    refused(list(&url).args(["--tls-pin", &pin]), &["cannot be encrypted", "openssl"]);
    refused(list(&url).args(["--tls-pin", "00"]), &["a pin is"]);
    refused(list(&url).args(["--tls-pin", &pin, "--tls-name", "x"]), &["--tls-pin cannot be combined with"]);
    refused(list(&format!("{url}?tls=skip-verify")), &["always checks the certificate"]);
    let mountpoint = dir.path().join("mnt");
    fs::create_dir(&mountpoint).expect("the folder is ours");
    let mount = |options: &str| program(dir.path()).args(["mount", "-o", options, &url]).arg(&mountpoint);
    refused(mount(&format!("tls_pin={pin}")), &["cannot be encrypted"]);
    refused(mount("tls_pin=00"), &["a pin is"]);
    refused(
        mount(&format!("tls_name=elsewhere.example,tls_ca={}", authority.file.display())),
        &["--tls-name"],
    );
    mount(&format!("tls_name=127.0.0.1,tls_ca={}", authority.file.display())).ok();
    assert!(mountpoint.join("d/latest").exists());
    program(dir.path()).arg("umount").arg(&mountpoint).ok();
}

/// The peak memory of a process, in KiB, while it exists.
fn peak_memory(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok())
}

#[test]
fn a_server_that_sends_without_an_end_takes_little_memory() {
    let scripts: [fn(&mut fake::Wire) -> Option<()>; 3] = [
        |wire| (0..).try_for_each(|_: u64| wire.send(&vec![1; 0xff_ffff])),
        |wire| {
            wire.be_dolt()?;
            (0..).try_for_each(|_: u64| wire.send(&vec![1; 0xff_ffff]))
        },
        |wire| {
            wire.be_dolt()?;
            wire.send(b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f")
        },
    ];
    let dir = temp_dir();
    for (n, script) in scripts.into_iter().enumerate() {
        let fake = fake::Fake::start(script);
        let mut list = quiet_environment(std::process::Command::new(asof()), dir.path());
        list.args(["ls", "--from", &fake.url("")]).stderr(std::process::Stdio::null());
        let mut child = list.spawn().expect("asof starts");
        let (begun, mut peak) = (Instant::now(), 0);
        let status = loop {
            peak = peak.max(peak_memory(child.id()).unwrap_or_default());
            if let Some(status) = child.try_wait().expect("it is our child") {
                break status;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{n}: it takes and takes");
            std::thread::sleep(Duration::from_millis(5));
        };
        assert_eq!(status.code(), Some(1), "{n}");
        assert!((1..320 << 10).contains(&peak), "{n}: {peak} KiB");
    }
}
