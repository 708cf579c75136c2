//! Servers that files and the environment name.

use std::ffi::OsString;
use std::path::Path;

use super::found_source::FoundSource;
use super::owners::is_ours_below;
use crate::cli::failure::Failure;
use crate::cli::wire::{check_server_url, read_small_file};

/// The variables of a program that name its server.
pub(super) struct ServerVariables {
    program: &'static str,
    host: &'static str,
    port: &'static str,
    user: &'static str,
    database: Option<&'static str>,
    tls: Option<&'static str>,
    /// The port if no variable names one.
    default_port: u16,
}

pub(super) const BEADS: ServerVariables = ServerVariables {
    program: "Beads",
    host: "BEADS_DOLT_SERVER_HOST",
    port: "BEADS_DOLT_SERVER_PORT",
    user: "BEADS_DOLT_SERVER_USER",
    database: Some("BEADS_DOLT_SERVER_DATABASE"),
    tls: Some("BEADS_DOLT_SERVER_TLS"),
    default_port: 3308,
};

pub(super) const GAS_TOWN: ServerVariables = ServerVariables {
    program: "Gas Town",
    host: "GT_DOLT_HOST",
    port: "GT_DOLT_PORT",
    user: "GT_DOLT_USER",
    database: None,
    tls: None,
    default_port: 3307,
};

const LOOPBACK: &str = "127.0.0.1";
const USER: &str = "root";

/// A longer file is no port file.
const LONGEST_FILE: u64 = 256;

impl ServerVariables {
    /// The server that the variables name; `None` if neither host nor port is set.
    pub fn server(&self, variable: &impl Fn(&str) -> Option<String>) -> Result<Option<FoundSource>, Failure> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let named = [self.host, self.port].into_iter().find(|name| set(name).is_some());
        let Some(named) = named else { return Ok(None) };
        let what = format!("the server that {named} names");
        self.with_defaults(&set, self.default_port, what).map(Some)
    }

    /// The server that the program would use: what no variable says is its default.
    pub fn default_server(
        &self,
        variable: &impl Fn(&str) -> Option<String>,
        port: Option<u16>,
    ) -> Result<FoundSource, Failure> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let what = format!("the server of {}, as you may not read its files", self.program);
        self.with_defaults(&set, port.unwrap_or(self.default_port), what)
    }

    fn with_defaults(
        &self,
        set: &impl Fn(&str) -> Option<String>,
        default_port: u16,
        what: String,
    ) -> Result<FoundSource, Failure> {
        let host = set(self.host).unwrap_or_else(|| LOOPBACK.to_owned());
        let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host };
        let port = match set(self.port) {
            Some(port) => port.parse().map_err(|_| {
                Failure::usage(format!("{} is no port: `{port}`", self.port))
                    .hint("unset it, or name the source as dolt://HOST:PORT")
            })?,
            None => default_port,
        };
        let user = set(self.user).unwrap_or_else(|| USER.to_owned());
        let database = self.database.and_then(set).map(|name| format!("/{name}")).unwrap_or_default();
        let is_on = |value: String| matches!(&*value.to_ascii_lowercase(), "1" | "true" | "yes" | "on");
        let tls = if self.tls.and_then(set).is_some_and(is_on) { "?tls" } else { "" };
        let url = format!("dolt://{user}@{host}:{port}{database}{tls}");
        check_server_url(&url)?;
        Ok(FoundSource { argument: OsString::from(url), what: what.into() })
    }
}

/// The server at a port of this machine.
pub(super) fn on_loopback(port: u16, what: &'static str) -> FoundSource {
    FoundSource { argument: format!("dolt://{USER}@{LOOPBACK}:{port}").into(), what: what.into() }
}

/// The port in a file that a program writes below its folder while its server runs: a number alone, or `PID:PORT:SECRET` as in
/// Dolt's `sql-server.info`. `None` if there is no such file, or another user could have chosen it: whoever answers at the port
/// gets the password.
pub(super) fn port_below(folder: &Path, name: &str) -> Option<u16> {
    let file = folder.join(name);
    let check = |_: &std::fs::Metadata| match is_ours_below(folder, &file) {
        true => Ok(()),
        false => Err(std::io::Error::from(std::io::ErrorKind::PermissionDenied)),
    };
    let bytes = read_small_file(&file, LONGEST_FILE, check).ok()?;
    let text = std::str::from_utf8(&bytes).ok()?.trim();
    text.split(':').nth(usize::from(text.contains(':')))?.parse().ok().filter(|port| *port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argument(variables: &ServerVariables, set: &[(&str, &str)]) -> Option<String> {
        let variable =
            |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        let found = variables.server(&variable).expect("the variables name a server");
        found.map(|source| source.argument.into_string().expect("URLs are UTF-8"))
    }

    #[test]
    fn variables_name_a_server_by_its_host_or_port() {
        assert_eq!(argument(&GAS_TOWN, &[]), None);
        assert_eq!(argument(&GAS_TOWN, &[("GT_DOLT_USER", "me"), ("GT_DOLT_HOST", "")]), None);
        for (set, url) in [
            (&[("GT_DOLT_PORT", "4000")][..], "dolt://root@127.0.0.1:4000"),
            (&[("GT_DOLT_HOST", "db"), ("GT_DOLT_USER", "me")], "dolt://me@db:3307"),
            (&[("GT_DOLT_HOST", "::1")], "dolt://root@[::1]:3307"),
        ] {
            assert_eq!(argument(&GAS_TOWN, set).as_deref(), Some(url));
        }
        let beads = [("HOST", "db"), ("DATABASE", "app"), ("TLS", "true")];
        let names = beads.map(|(name, value)| (format!("BEADS_DOLT_SERVER_{name}"), value));
        let set: Vec<(&str, &str)> = names.iter().map(|(name, value)| (&**name, *value)).collect();
        assert_eq!(argument(&BEADS, &set).as_deref(), Some("dolt://root@db:3308/app?tls"));
    }

    #[test]
    fn a_variable_that_makes_no_url_is_a_mistake() {
        for set in [("GT_DOLT_PORT", "http"), ("GT_DOLT_PORT", "70000"), ("GT_DOLT_HOST", "a b/c?d")] {
            let variable = |name: &str| (name == set.0).then(|| set.1.to_owned());
            assert!(GAS_TOWN.server(&variable).is_err(), "{set:?}");
        }
    }

    #[test]
    fn a_port_file_is_a_number_or_that_of_dolt() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("port");
        for (text, port) in [
            ("40123\n", Some(40123)),
            ("812:3307:0a0b-0c", Some(3307)),
            ("", None),
            ("0", None),
            ("port", None),
            ("99999", None),
            ("812:", None),
        ] {
            std::fs::write(&file, text).expect("written");
            assert_eq!(port_below(folder.path(), "port"), port, "{text:?}");
        }
        assert_eq!(port_below(folder.path(), "."), None);
        assert_eq!(port_below(folder.path(), "none"), None);
    }

    #[test]
    fn no_port_is_taken_that_another_user_could_have_chosen() {
        assert!(rustix::process::geteuid().is_root(), "this test runs as root, to make files of other users");
        let top = tempfile::tempdir().expect("a folder");
        let folder = top.path().join(".beads");
        std::fs::create_dir_all(folder.join("x")).expect("made");
        std::fs::write(folder.join("x/port"), "4000").expect("written");
        std::os::unix::fs::symlink("x/port", folder.join("link")).expect("made");
        let port = |name| port_below(&folder, name);
        assert_eq!((port("x/port"), port("link")), (Some(4000), Some(4000)));
        let give = |path: &Path| std::os::unix::fs::lchown(path, Some(4000), None).expect("root may");
        give(&folder.join("link"));
        assert_eq!((port("x/port"), port("link")), (Some(4000), None));
        give(&folder.join("x"));
        assert_eq!(port("x/port"), None);
    }
}
