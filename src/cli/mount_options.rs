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
            "allow_other" => self.allow_other = true,
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
            "exclude" => self.reading.exclude.push(needed()?.to_owned()),
            "password_file" => drop(self.reading.server.password_file.get_or_insert(needed()?.into())),
            "tls_ca" => drop(self.reading.server.tls_ca.get_or_insert(needed()?.into())),
            "tls_pin" => {
                let pin = needed()?.parse().map_err(|error: PinError| Failure::usage(error.to_string()))?;
                self.reading.server.tls_pin.get_or_insert(pin);
            }
            "tls_name" => drop(self.reading.server.tls_name.get_or_insert(needed()?.to_owned())),
            "cache_dir" => drop(self.reading.cache_dir.get_or_insert(needed()?.into())),
            "log_file" => drop(self.log_file.get_or_insert(needed()?.into())),
            _ if FOR_OTHERS.contains(&key) || key.starts_with("x-") || key.starts_with("comment") => {}
            _ => {
                return Err(Failure::usage(format!("unknown mount option `{key}`")).hint(
                    "asof knows allow_other, nonempty, follow_links, cache_size=, disk_cache_size=, timezone=, exclude=, password_file=, tls_ca=, tls_pin=, tls_name=, cache_dir= and log_file=",
                ));
            }
        }
        Ok(())
    }
}
