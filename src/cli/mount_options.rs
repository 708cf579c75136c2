//! `-o`: options as mount(8) and fstab hand them over.

use super::mount::MountArgs;
use super::{Failure, size};
use crate::source::dolt_sql::PinError;

/// What mount(8), systemd and other tools put into fstab's fourth field for themselves.
const FOR_OTHERS: [&str; 27] = [
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
    "_netdev",
    "nofail",
    "suid",
    "nosuid",
    "dev",
    "nodev",
    "exec",
    "noexec",
    "atime",
    "noatime",
    "relatime",
    "norelatime",
    "nodiratime",
    "strictatime",
    "lazytime",
    "sync",
    "async",
];

impl MountArgs {
    /// Takes the options of every `-o` over into the arguments. An option given by its own flag wins.
    pub(super) fn apply_options(&mut self) -> Result<(), Failure> {
        for list in std::mem::take(&mut self.options) {
            for option in list.split(',').filter(|o| !o.is_empty()) {
                self.apply(option)?;
            }
        }
        Ok(())
    }

    fn apply(&mut self, option: &str) -> Result<(), Failure> {
        let (key, value) = option.split_once('=').map_or((option, None), |(k, v)| (k, Some(v)));
        let needed = || value.ok_or_else(|| Failure::usage(format!("-o {key} needs a value: -o {key}=...")));
        match key {
            "allow_other" => self.modes.allow_other = true,
            "mode" => drop(self.modes.mode.get_or_insert(permissions(key, needed()?)?)),
            "umask" => drop(self.modes.umask.get_or_insert(permissions(key, needed()?)?)),
            "fmask" => drop(self.modes.fmask.get_or_insert(permissions(key, needed()?)?)),
            "dmask" => drop(self.modes.dmask.get_or_insert(permissions(key, needed()?)?)),
            "gid" => drop(self.modes.gid.get_or_insert(group(needed()?)?)),
            "nonempty" => self.non_empty = true,
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
            _ if FOR_OTHERS.contains(&key) || key.starts_with("x-") || key.starts_with("comment") => {}
            _ => {
                return Err(Failure::usage(format!("unknown mount option `{key}`")).hint(
                    "asof knows allow_other, mode=, umask=, fmask=, dmask=, gid=, secret=, nonempty, follow_links, cache_size=, disk_cache_size=, timezone=, exclude=, password_file=, tls_ca=, tls_pin=, tls_name=, cache_dir=, query_seconds= and log_file=",
                ));
            }
        }
        Ok(())
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

/// A group by its number. Names are for mount(8) and getent(1) to look up.
fn group(value: &str) -> Result<u32, Failure> {
    // The largest number means "no group" to the kernel.
    let number = value.parse().ok().filter(|number| *number != u32::MAX);
    number.ok_or_else(|| {
        Failure::usage(format!("`{value}` is no number of a group"))
            .hint("`getent group NAME` prints the number in its third field")
    })
}
