//! `mount -t asof` and lines of fstab, through the helper that `make install` puts into /sbin. Each test has its own mount
//! namespace with the helper in /sbin, so that the machine does not change. Needs root.

use std::fs;
use std::path::Path;

use crate::support::command::{Outcome, Run, run, shell};
use crate::support::files::read_text;
use crate::support::histories;
use crate::support::mount::{Mount, asof};
use crate::support::server::Server;
use crate::support::user::public_dir;
use crate::support::{archives, temp_dir};

/// Mounts the helper over /sbin, then runs the rest of the script.
const PREFACE: &str = r#"
set -euo pipefail
sbin=$(realpath /sbin)
mkdir "$DIR/sbin" "$DIR/sbin.was"
mount --bind "$sbin" "$DIR/sbin.was"
for program in "$DIR"/sbin.was/*; do ln -s "$program" "$DIR/sbin/"; done
ln -sf "$HELPER" "$DIR/sbin/mount.asof"
ln -sf "$ASOF" "$DIR/sbin/asof"
mount --bind "$DIR/sbin" "$sbin"
"#;

fn helper() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("mount-helpers/mount.asof")
}

/// Two users with accounts, eve and bob (`$EVE` and `$BOB` run a command as them); eve's folder of archives in
/// `$DIR/backup`, her empty folder `$DIR/mnt`, and a line of fstab for both.
const USERS: &str = r#"
umask 022
chmod 755 "$DIR"
printf '%s\n' "eve:x:54001:54001::$DIR/eve:/bin/sh" "bob:x:54002:54002::$DIR/bob:/bin/sh" | cat /etc/passwd - > "$DIR/passwd"
mount --bind "$DIR/passwd" /etc/passwd
EVE="setpriv --reuid 54001 --regid 54001 --clear-groups -- env HOME=$DIR/eve"
BOB="setpriv --reuid 54002 --regid 54002 --clear-groups -- env HOME=$DIR/bob"
mkdir "$DIR/eve" "$DIR/bob" "$DIR/mnt"
chown 54001:54001 "$DIR/eve" "$DIR/mnt"
chown 54002:54002 "$DIR/bob"
echo "$DIR/backup $DIR/mnt asof noauto,user${OPTIONS:-} 0 0" > "$DIR/fstab"
touch /etc/fstab
mount --bind "$DIR/fstab" /etc/fstab
# As it is on machines with users.
if [ "$(stat -c %a /dev/fuse)" != 666 ]; then
  mknod -m 666 "$DIR/fuse" c 10 229
  mount --bind "$DIR/fuse" /dev/fuse
fi
cd "$DIR"
"#;

/// Runs the script as root in a mount namespace; if the tests do not run as root, prints that it did not run.
fn in_namespace(test: &str, dir: &Path, script: &str) -> Option<Outcome> {
    if !rustix::process::getuid().is_root() {
        crate::support::tell(&format!("NOT RUN: {test}: mount -t asof needs root"));
        return None;
    }
    let script = format!("{PREFACE}\n{script}");
    let run: Run = run("unshare").args(["--mount", "bash", "-c", &script]);
    Some(run.env("DIR", dir).env("HELPER", helper()).env("ASOF", asof()).env("HOME", dir).outcome())
}

#[test]
fn mount_by_type() {
    let dir = temp_dir();
    fs::create_dir_all(dir.path().join("mnt")).expect("the folder is ours");
    fs::create_dir_all(dir.path().join("backup")).expect("the folder is ours");
    archives::write_zip(&dir.path().join("backup/2026-01-02T150405.zip"), &[("t.jsonl", b"{}\n")]);
    let script = r#"
        mount -t asof "$DIR/backup" "$DIR/mnt" -o ro,noatime,cache_size=16M
        findmnt -n -o FSTYPE "$DIR/mnt"
        cat "$DIR"/mnt/*/latest/t.jsonl
        umount "$DIR/mnt"
        ! findmnt -n "$DIR/mnt"
    "#;
    if let Some(outcome) = in_namespace("mount_by_type", dir.path(), script) {
        assert_eq!(outcome.expect_status(0).text(), "fuse.asof\n{}\n");
    }
}

#[test]
fn a_line_of_fstab_with_two_sources() {
    let server = Server::start();
    histories::tour(&mut server.client(), "tour");
    let dir = temp_dir();
    fs::create_dir_all(dir.path().join("mnt")).expect("the folder is ours");
    fs::create_dir_all(dir.path().join("backup")).expect("the folder is ours");
    archives::write_zip(&dir.path().join("backup/2026-01-02T150405.zip"), &[("t.jsonl", b"{}\n")]);
    let line = format!(
        "{};b={}/backup {}/mnt asof noauto,nofail,_netdev,user,x-systemd.automount,timezone=Europe/Berlin 0 0\n",
        server.url("tour"),
        dir.path().display(),
        dir.path().display()
    );
    fs::write(dir.path().join("fstab"), line).expect("the folder is ours");
    let script = r#"
        mount -T "$DIR/fstab" "$DIR/mnt"
        ls "$DIR/mnt"
        readlink "$DIR/mnt/tour/asof/2026-01-05T13:00"
        umount "$DIR/mnt"
    "#;
    if let Some(outcome) = in_namespace("a_line_of_fstab", dir.path(), script) {
        assert_eq!(outcome.expect_status(0).text(), "b\ntour\n2026-01-05T120000Z\n");
    }
}

#[test]
fn a_failure_reaches_the_caller_of_mount() {
    let dir = temp_dir();
    fs::create_dir_all(dir.path().join("mnt")).expect("the folder is ours");
    let script = r#"mount -t asof /no/such/folder "$DIR/mnt""#;
    if let Some(outcome) = in_namespace("a_failure", dir.path(), script) {
        assert!(!outcome.status.success());
        assert!(
            outcome.stderr.contains("/no/such/folder") && outcome.stderr.contains("hint: "),
            "{}",
            outcome.stderr
        );
    }
}

#[test]
fn the_helper_passes_everything_on() {
    let dir = temp_dir();
    let fake = "#!/bin/sh\nfor word; do printf '<%s>' \"$word\"; done\n";
    fs::write(dir.path().join("asof"), fake).expect("the folder is ours");
    run("chmod").arg("+x").arg(dir.path().join("asof")).ok();
    // The helper as `make install` writes it for this folder.
    let installed = dir.path().join("mount.asof");
    let script = fs::read_to_string(helper()).expect("the helper is in the repository");
    let bin = format!("bin={}", dir.path().display());
    assert!(script.contains("\nbin=/usr/local/bin\n"), "`make install` looks for this line");
    fs::write(&installed, script.replace("bin=/usr/local/bin", &bin)).expect("the folder is ours");
    let call = |args: &str| shell(&format!("sh {} {args}", installed.display())).outcome();
    let said = |args: &str| call(args).expect_status(0).text();
    assert_eq!(said("src /mnt"), "<mount><--><src></mnt>");
    assert_eq!(said("src /mnt -o rw,a=b -n -s"), "<mount><-o><rw,a=b><--><src></mnt>");
    assert_eq!(said("'a b;n=c*' '/m n t' -v -o x -o y"), "<mount><-o><x,y><--><a b><n=c*></m n t>");
    assert_eq!(said("src /mnt -f"), "", "a fake mount does nothing");
    call("src").expect_status(1);
    call("src /mnt --no-such").expect_status(1);
}

#[test]
fn the_type_can_be_searched_for() {
    let dir = temp_dir();
    archives::write_zip(&dir.path().join("2026-01-02T150405.zip"), &[("t.jsonl", b"{}\n")]);
    let mount = Mount::new(&[format!("b={}", dir.path().display())]);
    let found = run("findmnt").args(["-n", "-o", "TARGET", "-t", "fuse.asof"]).ok();
    assert!(found.lines().any(|line| Path::new(line.trim()) == mount.root()), "{found}");
    assert_eq!(read_text(mount.path("b/latest/t.jsonl")), "{}\n");
}

/// mount(8) drops root rights before it runs the helper, so the mount reads and writes only what the user may.
#[test]
fn a_user_mounts_a_line_of_fstab_with_no_more_rights_than_their_own() {
    let dir = public_dir();
    fs::create_dir_all(dir.path().join("backup")).expect("the folder is ours");
    archives::write_zip(&dir.path().join("backup/2026-01-02T150405.zip"), &[("t.jsonl", b"{}\n")]);
    let script = format!(
        "{USERS}{}",
        r#"
        # A hostile environment: programs of eve's own, files that shells read when they start.
        mkdir evil
        printf '#!/bin/sh\ntouch "$DIR/eve/was-run"\n' > evil/asof
        chmod +x evil/asof; cp evil/asof evil/startup
        set +e
        $EVE env PATH="$DIR/evil:$PATH" ENV="$DIR/evil/startup" BASH_ENV="$DIR/evil/startup" IFS=/ mount "$DIR/mnt"; echo "mount $?"
        ls eve/was-run 2>/dev/null
        findmnt -n -o FSTYPE,OPTIONS mnt | tr , '\n' | grep -E 'fuse|user_id'
        $EVE cat mnt/backup/latest/t.jsonl
        ls eve/.local/state/asof | wc -l
        $BOB ls mnt >/dev/null 2>&1; echo "bob $?"
        for how in 'umount' 'asof umount' 'asof umount --lazy' 'fusermount3 -u'; do
          $BOB $how "$DIR/mnt" > said 2>&1; echo "$how $?"
          grep -q 'asof: cannot unmount .*: user 54001 mounted it, and you are user 54002' said && echo said so
          findmnt -n "$DIR/mnt" >/dev/null || echo "bob took it down"
        done
        $EVE asof umount "$DIR/mnt"; echo "eve $?"
        findmnt -n "$DIR/mnt" >/dev/null || echo gone
        # What eve may not read, she does not read so either; and she writes no log where she may not.
        chmod 700 backup
        $EVE mount "$DIR/mnt" 2>said; echo "mount $?"; grep -o 'Permission denied' said
        chmod 755 backup
        for option in log_file=/etc/cron.d/x password_file=$DIR/passwd.root cache_dir=/etc/x; do
          touch passwd.root; chmod 600 passwd.root
          $EVE mount -t asof -o "$option" "$DIR/backup" "$DIR/mnt" 2>said
          echo "$option $?" | sed "s:$DIR:DIR:"
          ls -d /etc/cron.d/x /etc/x 2>/dev/null
          findmnt -n "$DIR/mnt" >/dev/null && $EVE asof umount "$DIR/mnt"
        done
        true
        "#
    );
    let Some(outcome) = in_namespace("a_user_mounts_a_line_of_fstab", dir.path(), &script) else { return };
    let expected = "mount 0\nfuse.asof ro\nuser_id=54001\n{}\n1\nbob 2\numount 32\nasof umount 1\nsaid so\n\
                    asof umount --lazy 1\nsaid so\nfusermount3 -u 1\neve 0\ngone\nmount 1\nPermission denied\n\
                    log_file=/etc/cron.d/x 1\npassword_file=DIR/passwd.root 1\ncache_dir=/etc/x 0\n";
    assert_eq!(outcome.expect_status(0).text(), expected);
}

#[test]
fn a_user_takes_down_no_mount_of_root() {
    let dir = public_dir();
    fs::create_dir_all(dir.path().join("backup")).expect("the folder is ours");
    archives::write_zip(&dir.path().join("backup/2026-01-02T150405.zip"), &[("t.jsonl", b"{}\n")]);
    let script = format!(
        "{USERS}{}",
        r#"
        set +e
        for options in ro allow_other; do
          mount -t asof -o $options "$DIR/backup" "$DIR/mnt" || exit 1
          for who in "$EVE" "$BOB"; do
            $who asof umount "$DIR/mnt" 2>said; echo "$?"
            grep -c 'user 0 mounted it, and you are user 5400' said
            $who umount "$DIR/mnt" 2>/dev/null; echo "$?"
          done
          cat mnt/backup/latest/t.jsonl
          asof umount "$DIR/mnt"; echo "$?"
        done
        # And root takes down what eve mounted.
        $EVE asof mount "$DIR/backup" "$DIR/mnt"; asof umount "$DIR/mnt"; echo "$?"
        true
        "#
    );
    let Some(outcome) = in_namespace("a_user_takes_down_no_mount_of_root", dir.path(), &script) else {
        return;
    };
    let once = "1\n1\n32\n1\n1\n32\n{}\n0\n";
    assert_eq!(outcome.expect_status(0).text(), format!("{once}{once}0\n"));
}

#[test]
fn hostile_words_stay_words() {
    let dir = public_dir();
    let script = format!(
        "{USERS}{}",
        r#"
        set +e
        # Each of them would make a file if it were run, taken for an option, or for a pattern.
        for source in '$(touch made)' '`touch made`' ';touch made' '--log-file=made' '-o log_file=made' '* ?' "a' b\" c"; do
          mkdir -p "$DIR/w"; mount.asof "$source" "$DIR/w" -o 'ro' >/dev/null 2>said; echo "$?"
          mount.asof "$DIR/backup" "$source" -o 'ro' >/dev/null 2>said; echo "$?"
        done
        for options in 'x;touch made' '$(touch made)' '--log-file=made'; do
          mount.asof "$DIR/backup" "$DIR/w" -o "$options" >/dev/null 2>said; echo "$?"
        done
        ls made 2>/dev/null
        true
        "#
    );
    fs::create_dir_all(dir.path().join("backup")).expect("the folder is ours");
    archives::write_zip(&dir.path().join("backup/2026-01-02T150405.zip"), &[("t.jsonl", b"{}\n")]);
    let Some(outcome) = in_namespace("hostile_words_stay_words", dir.path(), &script) else { return };
    let text = outcome.expect_status(0).text();
    assert!(text.lines().all(|status| matches!(status, "1" | "2")) && text.lines().count() == 17, "{text}");
}
