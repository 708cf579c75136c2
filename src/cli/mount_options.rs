//! `-o`: options as mount(8) and fstab pass them.
//!
//! asof honours an option, accepts it because it has no effect here, or refuses it with a message. It never ignores an
//! option that would change what a user may do.

use std::path::Path;
use std::str::FromStr;

use super::failure::Failure;
use super::mount::MountArgs;
use super::reading::ReadingArgs;
use super::size;
use crate::fuse::{Modes, session};

/// Options that mount(8), systemd and other tools put into the fourth field of fstab for themselves, and options that mean
/// nothing for a tree that is read-only and has no access times.
const FOR_OTHERS: &str = "
    ro rw defaults auto noauto user nouser users owner group uhelper helper _netdev nofail loud silent nosuid nodev
    atime noatime relatime norelatime nodiratime diratime strictatime lazytime nolazytime sync async dirsync mand nomand
    iversion noiversion default_permissions seclabel";

/// Options that make other FUSE programs faster or fresher. Here they change nothing that is read, because every answer stays
/// correct as long as the kernel caches it.
const OF_FUSE: &str = "
    kernel_cache auto_cache noauto_cache direct_io attr_timeout ac_attr_timeout entry_timeout negative_timeout noforget
    remember big_writes large_read async_read sync_read async_dio atomic_o_trunc max_write max_readahead max_background
    congestion_threshold max_threads max_idle_threads clone_fd splice_read no_splice_read splice_write no_splice_write
    splice_move no_splice_move use_ino readdir_ino hard_remove intr";

const OF_SELINUX: [&str; 4] = ["context", "fscontext", "defcontext", "rootcontext"];

/// Exists if the kernel runs SELinux.
const SELINUX: &str = "/sys/fs/selinux";

/// The smallest and largest `max_read=`, in bytes: a page, and the largest request of FUSE.
const MAX_READ: std::ops::RangeInclusive<u32> = 4096..=1 << 20;

/// What `-o` says beyond the long options.
#[derive(Debug, Default)]
pub(super) struct MountOptions {
    pub modes: Modes,
    /// `allow_root`: only root and the user.
    allow_root: bool,
    /// `nonempty`: the mountpoint may contain files.
    pub non_empty: bool,
    /// `fsname=`: the source that `mount` shows instead of the sources' own names.
    pub source_name: Option<String>,
    pub session: session::Options,
}

/// Applies every `-o` of `args`. Sets long options in `args`, unless their own flag is given; returns the rest.
pub(super) fn apply(args: &mut MountArgs) -> Result<MountOptions, Failure> {
    let mut options = MountOptions::default();
    for list in std::mem::take(&mut args.options) {
        for option in split(&list).into_iter().filter(|option| !option.is_empty()) {
            let (key, value) = option.split_once('=').map_or((&*option, None), |(k, v)| (k, Some(v)));
            if !options.set(key, value)? && !set_flag(args, key, value)? && !is_harmless(key) {
                return Err(refused(key));
            }
        }
    }
    options.apply_allow_root()?;
    Ok(options)
}

fn needed<'v>(key: &str, value: Option<&'v str>) -> Result<&'v str, Failure> {
    value.ok_or_else(|| Failure::usage(format!("-o {key} needs a value: -o {key}=...")))
}

/// Sets the long option that `key` names; false if it names none.
fn set_flag(args: &mut MountArgs, key: &str, value: Option<&str>) -> Result<bool, Failure> {
    let needed = || needed(key, value);
    let ReadingArgs { cache_size, cache_dir, exclude, secret, source } = &mut args.reading;
    match key {
        "follow_links" => source.follow_links = true,
        "timezone" => set(&mut source.timezone, needed()?)?,
        "undated" => set(&mut source.undated, needed()?)?,
        "password_file" => set(&mut source.password_file, needed()?)?,
        "tls_ca" => set(&mut source.tls_ca, needed()?)?,
        "tls_pin" => set(&mut source.tls_pin, needed()?)?,
        "tls_name" => set(&mut source.tls_name, needed()?)?,
        "query_seconds" => {
            let seconds = needed()?.parse().ok().filter(|seconds| *seconds > 0);
            let usage = || Failure::usage("-o query_seconds needs a number of seconds, at least 1");
            source.query_seconds.get_or_insert(seconds.ok_or_else(usage)?);
        }
        "secret" => secret.push(needed()?.to_owned()),
        "exclude" => exclude.push(needed()?.to_owned()),
        "cache_dir" => set(cache_dir, needed()?)?,
        "cache_size" => {
            cache_size.get_or_insert(size::parse(needed()?).map_err(Failure::usage)?);
        }
        "disk_cache_size" => {
            args.disk_cache_size.get_or_insert(size::parse(needed()?).map_err(Failure::usage)?);
        }
        "log_file" => set(&mut args.log_file, needed()?)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// Sets a flag, unless it is already set.
fn set<T: FromStr<Err: ToString>>(flag: &mut Option<T>, value: &str) -> Result<(), Failure> {
    let value = value.parse().map_err(|error: T::Err| Failure::usage(error.to_string()))?;
    flag.get_or_insert(value);
    Ok(())
}

impl MountOptions {
    /// Sets the option that `key` names; false if it is not one of these.
    fn set(&mut self, key: &str, value: Option<&str>) -> Result<bool, Failure> {
        let needed = || needed(key, value);
        match key {
            "allow_other" => self.modes.allow_other = true,
            "allow_root" => self.allow_root = true,
            "mode" => drop(self.modes.mode.get_or_insert(permissions(key, needed()?)?)),
            "umask" => drop(self.modes.umask.get_or_insert(permissions(key, needed()?)?)),
            "fmask" => drop(self.modes.fmask.get_or_insert(permissions(key, needed()?)?)),
            "dmask" => drop(self.modes.dmask.get_or_insert(permissions(key, needed()?)?)),
            "uid" => drop(self.modes.uid.get_or_insert(number("user", needed()?)?)),
            "gid" => drop(self.modes.gid.get_or_insert(number("group", needed()?)?)),
            "nonempty" => self.non_empty = true,
            // The last one wins, as in mount(8).
            "exec" => self.session.no_exec = false,
            "noexec" => self.session.no_exec = true,
            "fsname" => self.source_name = Some(needed()?.to_owned()),
            "subtype" if value == Some("asof") => {}
            "max_read" => {
                let bytes = needed()?.parse().ok().filter(|bytes| MAX_READ.contains(bytes));
                let usage = || Failure::usage("-o max_read needs a number of bytes from 4096 to 1048576");
                self.session.for_kernel.push(format!("max_read={}", bytes.ok_or_else(usage)?));
            }
            _ if OF_SELINUX.contains(&key) => self.label(key, value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Passes a SELinux label to the kernel. A kernel without SELinux would ignore it silently, so this is an error there.
    fn label(&mut self, key: &str, value: Option<&str>) -> Result<(), Failure> {
        if !Path::new(SELINUX).exists() {
            return Err(Failure::usage(format!("-o {key}: this kernel runs without SELinux"))
                .hint("leave it out on this machine"));
        }
        self.session.for_kernel.push(match value {
            // The kernel accepts a comma in a quoted value.
            Some(value) if value.contains(',') => format!("{key}=\"{value}\""),
            Some(value) => format!("{key}={value}"),
            None => key.to_owned(),
        });
        Ok(())
    }

    /// `allow_root` lets other users in, but makes everything readable only by its owner, and thus by root.
    fn apply_allow_root(&mut self) -> Result<(), Failure> {
        if !self.allow_root {
            return Ok(());
        }
        let modes = &mut self.modes;
        let is_wider = modes.allow_other || modes.are_chosen() || modes.fmask.or(modes.dmask).is_some();
        if is_wider || modes.gid.is_some() {
            return Err(Failure::usage(
                "-o allow_root admits only root and you: allow_other, mode=, umask=, fmask=, dmask= and gid= contradict it",
            )
            .hint("leave out one of them"));
        }
        modes.allow_other = true;
        modes.mode = Some(0o400);
        Ok(())
    }
}

/// Splits a list at its commas, except between double quotes, which it removes: `context="a:b:c,d"`.
fn split(list: &str) -> Vec<String> {
    let mut options = vec![String::new()];
    let mut is_quoted = false;
    for char in list.chars() {
        match char {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => options.push(String::new()),
            _ => options.last_mut().expect("the list is never empty").push(char),
        }
    }
    options
}

fn is_harmless(key: &str) -> bool {
    let mut harmless = FOR_OTHERS.split_ascii_whitespace().chain(OF_FUSE.split_ascii_whitespace());
    harmless.any(|option| option == key) || key.starts_with("x-") || key.starts_with("comment")
}

fn refused(key: &str) -> Failure {
    match key {
        "suid" | "dev" => Failure::usage(format!("-o {key}: files in a mount never have such rights"))
            .hint(format!("leave it out; no{key} always applies")),
        "subtype" => Failure::usage("-o subtype=: the type of these mounts is always fuse.asof")
            .hint("`asof umount` and `findmnt -t fuse.asof` rely on it"),
        "auto_unmount" => Failure::usage("-o auto_unmount: asof unmounts at every signal except SIGKILL anyway")
            .hint("leave it out; after SIGKILL, `asof umount` removes the dead mount"),
        "remount" => Failure::usage("-o remount: asof cannot change a mount")
            .hint("unmount it, and mount it again with other options"),
        _ => Failure::usage(format!("unknown mount option `{key}`")).hint(
            "asof knows allow_other, allow_root, mode=, umask=, fmask=, dmask=, uid=, gid=, secret=, nonempty, noexec, fsname=, \
             max_read=, context=, follow_links, cache_size=, timezone=, undated=, exclude=, password_file=, \
             tls_ca=, tls_pin=, tls_name=, cache_dir=, query_seconds= and log_file=",
        ),
    }
}

/// Parses permission bits, in octal as in chmod(1).
fn permissions(key: &str, value: &str) -> Result<u16, Failure> {
    let bits = u16::from_str_radix(value, 8).ok().filter(|bits| *bits <= 0o777);
    bits.ok_or_else(|| {
        Failure::usage(format!(
            "`{value}` is not a valid mode: -o {key}= takes three octal digits, such as 022"
        ))
    })
}

/// Parses the number of a user or group. mount(8) and getent(1) look up names.
fn number(what: &str, value: &str) -> Result<u32, Failure> {
    // The kernel takes the largest number for "no user".
    let number = value.parse().ok().filter(|number| *number != u32::MAX);
    number.ok_or_else(|| {
        let database = if what == "user" { "passwd" } else { "group" };
        Failure::usage(format!("`{value}` is not a {what} number"))
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
}
