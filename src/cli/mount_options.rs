//! `-o`: options as mount(8) and fstab hand them over.
//!
//! Each is honoured, or harmless and accepted, or refused with a word: none is taken and ignored that would change what a user
//! may do.

use std::path::Path;

use super::mount::MountArgs;
use super::{Failure, size};
use crate::source::dolt::server::PinError;

/// What mount(8), systemd and other tools put into fstab's fourth field for themselves, and what says nothing of a tree that is
/// read-only and keeps no times of access.
const FOR_OTHERS: [&str; 36] = [
    "ro",
    "rw",
    "defaults",
    "auto",
    "noauto",
    "user",
    "nouser",
    "users",
    "owner",
    "group",
    "uhelper",
    "helper",
    "_netdev",
    "nofail",
    "loud",
    "silent",
    "nosuid",
    "nodev",
    "atime",
    "noatime",
    "relatime",
    "norelatime",
    "nodiratime",
    "diratime",
    "strictatime",
    "lazytime",
    "nolazytime",
    "sync",
    "async",
    "dirsync",
    "mand",
    "nomand",
    "iversion",
    "noiversion",
    "default_permissions",
    "seclabel",
];

/// What other FUSE programs take to be faster or fresher. Here every answer is right for as long as the kernel keeps it, so that
/// none of it changes what is read.
const OF_FUSE: [&str; 33] = [
    "kernel_cache",
    "auto_cache",
    "noauto_cache",
    "direct_io",
    "attr_timeout",
    "ac_attr_timeout",
    "entry_timeout",
    "negative_timeout",
    "noforget",
    "remember",
    "big_writes",
    "large_read",
    "async_read",
    "sync_read",
    "async_dio",
    "atomic_o_trunc",
    "max_write",
    "max_readahead",
    "max_background",
    "congestion_threshold",
    "max_threads",
    "max_idle_threads",
    "clone_fd",
    "splice_read",
    "no_splice_read",
    "splice_write",
    "no_splice_write",
    "splice_move",
    "no_splice_move",
    "use_ino",
    "readdir_ino",
    "hard_remove",
    "intr",
];

/// The options by which SELinux labels a mount.
const OF_SELINUX: [&str; 4] = ["context", "fscontext", "defcontext", "rootcontext"];

/// Where the kernel shows that it has SELinux.
const SELINUX: &str = "/sys/fs/selinux";

/// The smallest and largest `max_read=`, in bytes: a page, and what requests may have.
const MAX_READ: std::ops::RangeInclusive<u32> = 4096..=1 << 20;

impl MountArgs {
    /// Takes the options of every `-o` over into the arguments. An option given by its own flag wins.
    pub(super) fn apply_options(&mut self) -> Result<(), Failure> {
        for list in std::mem::take(&mut self.options) {
            for option in split(&list).into_iter().filter(|option| !option.is_empty()) {
                self.apply(&option)?;
            }
        }
        self.apply_allow_root()
    }

    fn apply(&mut self, option: &str) -> Result<(), Failure> {
        let (key, value) = option.split_once('=').map_or((option, None), |(k, v)| (k, Some(v)));
        let needed = || value.ok_or_else(|| Failure::usage(format!("-o {key} needs a value: -o {key}=...")));
        match key {
            "allow_other" => self.modes.allow_other = true,
            "allow_root" => self.session.allow_root = true,
            "mode" => drop(self.modes.mode.get_or_insert(permissions(key, needed()?)?)),
            "umask" => drop(self.modes.umask.get_or_insert(permissions(key, needed()?)?)),
            "fmask" => drop(self.modes.fmask.get_or_insert(permissions(key, needed()?)?)),
            "dmask" => drop(self.modes.dmask.get_or_insert(permissions(key, needed()?)?)),
            "uid" => drop(self.modes.uid.get_or_insert(number("user", needed()?)?)),
            "gid" => drop(self.modes.gid.get_or_insert(number("group", needed()?)?)),
            "nonempty" => self.non_empty = true,
            // The last one of both holds, as for mount(8).
            "exec" => self.session.options.no_exec = false,
            "noexec" => self.session.options.no_exec = true,
            "fsname" => self.session.source_name = Some(needed()?.to_owned()),
            "subtype" if value == Some("asof") => {}
            "max_read" => {
                let bytes = needed()?.parse().ok().filter(|bytes| MAX_READ.contains(bytes));
                let usage = || Failure::usage("-o max_read needs a number of bytes from 4096 to 1048576");
                self.session.options.for_kernel.push(format!("max_read={}", bytes.ok_or_else(usage)?));
            }
            _ if OF_SELINUX.contains(&key) => self.for_selinux(key, value)?,
            "follow_links" => self.reading.follow_links = true,
            "cache_size" => {
                let bytes = size::parse(needed()?).map_err(Failure::usage)?;
                self.reading.cache_size.get_or_insert(bytes);
            }
            "disk_cache_size" => {
                let bytes = size::parse(needed()?).map_err(Failure::usage)?;
                self.disk_cache_size.get_or_insert(bytes);
            }
            "timezone" => drop(self.reading.timezone.get_or_insert(needed()?.to_owned())),
            "undated" => drop(self.reading.undated.get_or_insert(needed()?.parse().map_err(Failure::usage)?)),
            "secret" => self.reading.secret.push(needed()?.to_owned()),
            "exclude" => self.reading.exclude.push(needed()?.to_owned()),
            "password_file" => drop(self.reading.server.password_file.get_or_insert(needed()?.into())),
            "tls_ca" => drop(self.reading.server.tls_ca.get_or_insert(needed()?.into())),
            "tls_pin" => {
                let pin = needed()?.parse().map_err(|error: PinError| Failure::usage(error.to_string()))?;
                self.reading.server.tls_pin.get_or_insert(pin);
            }
            "tls_name" => drop(self.reading.server.tls_name.get_or_insert(needed()?.to_owned())),
            "cache_dir" => drop(self.reading.cache_dir.get_or_insert(needed()?.into())),
            "query_seconds" => {
                let seconds = needed()?.parse().ok().filter(|seconds| *seconds > 0);
                let usage = || Failure::usage("-o query_seconds needs a number of seconds, 1 at least");
                self.reading.query_seconds.get_or_insert(seconds.ok_or_else(usage)?);
            }
            "log_file" => drop(self.log_file.get_or_insert(needed()?.into())),
            _ if is_harmless(key) => {}
            _ => return Err(refused(key)),
        }
        Ok(())
    }

    /// SELinux's labels go to the kernel, where it has SELinux. Else nothing would be labelled in silence.
    fn for_selinux(&mut self, key: &str, value: Option<&str>) -> Result<(), Failure> {
        if !Path::new(SELINUX).exists() {
            return Err(Failure::usage(format!("-o {key}: this kernel runs without SELinux"))
                .hint("leave it out on this machine"));
        }
        let option = match value {
            // The kernel takes a comma in a value that is quoted.
            Some(value) if value.contains(',') => format!("{key}=\"{value}\""),
            Some(value) => format!("{key}={value}"),
            None => key.to_owned(),
        };
        self.session.options.for_kernel.push(option);
        Ok(())
    }

    /// `allow_root` lets other users in, and shows everything to its owner alone, which root may read.
    fn apply_allow_root(&mut self) -> Result<(), Failure> {
        if !self.session.allow_root {
            return Ok(());
        }
        let modes = &mut self.modes;
        let is_wider = modes.allow_other || modes.are_chosen() || modes.fmask.or(modes.dmask).is_some();
        if is_wider || modes.gid.is_some() {
            return Err(Failure::usage(
                "-o allow_root lets in root and you alone: allow_other, mode=, umask=, fmask=, dmask= and gid= say otherwise",
            )
            .hint("leave out one of both"));
        }
        modes.allow_other = true;
        modes.mode = Some(0o400);
        Ok(())
    }
}

/// Splits a list at its commas, but for those between double quotes, which are taken off: `context="a:b:c,d"`.
fn split(list: &str) -> Vec<String> {
    let mut options = vec![String::new()];
    let mut is_quoted = false;
    for char in list.chars() {
        match char {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => options.push(String::new()),
            _ => options.last_mut().expect("there is always one").push(char),
        }
    }
    options
}

fn is_harmless(key: &str) -> bool {
    FOR_OTHERS.contains(&key) || OF_FUSE.contains(&key) || key.starts_with("x-") || key.starts_with("comment")
}

fn refused(key: &str) -> Failure {
    match key {
        "suid" | "dev" => Failure::usage(format!("-o {key}: files of a mount never have such rights"))
            .hint(format!("leave it out; no{key} always holds")),
        "subtype" => Failure::usage("-o subtype=: the type of these mounts is always fuse.asof")
            .hint("`asof umount` and `findmnt -t fuse.asof` find them by it"),
        "auto_unmount" => Failure::usage("-o auto_unmount: asof unmounts by itself, at every signal but SIGKILL")
            .hint("leave it out; after SIGKILL, `asof umount` takes the dead mount down"),
        "remount" => Failure::usage("-o remount: a mount of asof cannot be changed")
            .hint("unmount it, and mount it with other options"),
        _ => Failure::usage(format!("unknown mount option `{key}`")).hint(
            "asof knows allow_other, allow_root, mode=, umask=, fmask=, dmask=, uid=, gid=, secret=, nonempty, noexec, fsname=, \
             max_read=, context=, follow_links, cache_size=, disk_cache_size=, timezone=, undated=, exclude=, password_file=, \
             tls_ca=, tls_pin=, tls_name=, cache_dir=, query_seconds= and log_file=",
        ),
    }
}

/// Permission bits, in octal as chmod(1) takes them.
fn permissions(key: &str, value: &str) -> Result<u16, Failure> {
    let bits = u16::from_str_radix(value, 8).ok().filter(|bits| *bits <= 0o777);
    bits.ok_or_else(|| {
        Failure::usage(format!(
            "`{value}` are no permissions: -o {key}= takes three octal digits, such as 022"
        ))
    })
}

/// A user or group by its number. Names are for mount(8) and getent(1) to look up.
fn number(what: &str, value: &str) -> Result<u32, Failure> {
    // The largest number means "nobody" to the kernel.
    let number = value.parse().ok().filter(|number| *number != u32::MAX);
    number.ok_or_else(|| {
        let database = if what == "user" { "passwd" } else { "group" };
        Failure::usage(format!("`{value}` is no number of a {what}"))
            .hint(format!("`getent {database} NAME` prints the number in its third field"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_within_quotes_belong_to_the_value() {
        assert_eq!(split("ro,context=\"a:b:s0:c1,c2\",noexec"), ["ro", "context=a:b:s0:c1,c2", "noexec"]);
        assert_eq!(split(""), [""]);
    }

    #[test]
    fn what_is_accepted_in_silence_changes_nothing_that_a_user_may_do() {
        for key in
            ["noexec", "exec", "suid", "dev", "uid", "allow_root", "context", "auto_unmount", "remount"]
        {
            assert!(!is_harmless(key), "{key}");
        }
        for key in [
            "default_permissions",
            "x-systemd.automount",
            "x-gvfs-hide",
            "comment",
            "_netdev",
            "kernel_cache",
        ] {
            assert!(is_harmless(key), "{key}");
        }
    }
}
