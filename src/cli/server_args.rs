//! Flags that say how to log in to a server.

use std::path::PathBuf;

use super::failure::Failure;
use super::user_folders::absolute;
use super::wire::{Pin, TlsOptions};

/// Password and encryption.
#[derive(Debug, Default, clap::Args)]
pub(super) struct ServerArgs {
    /// Read the server's password from this file, which only you may read (or set ASOF_DOLT_PASSWORD)
    #[arg(long, value_name = "PATH")]
    pub password_file: Option<PathBuf>,
    /// Encrypt connections to servers; one of the certificates in this file must have signed the server's
    ///
    /// `?tls` at the end of a URL also encrypts, and uses the system's certificate authorities.
    #[arg(long, value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
    /// Encrypt connections to a server with this certificate (sha256:HEX), no matter who signed it
    ///
    /// On the server, `openssl x509 -in CERT -noout -fingerprint -sha256` prints the hex digits.
    #[arg(long, value_name = "PIN")]
    pub tls_pin: Option<Pin>,
    /// Encrypt connections to a server whose certificate has this name instead of the URL's host
    #[arg(long, value_name = "HOST")]
    pub tls_name: Option<String>,
}

impl ServerArgs {
    /// How to recognise the server of an encrypted connection; `None` if no flag asks for encryption.
    pub fn tls(&self) -> Result<Option<TlsOptions>, Failure> {
        let (ca, pin, name) = (self.tls_ca.as_deref().map(absolute), self.tls_pin, self.tls_name.clone());
        match (pin.is_some(), ca.is_some() || name.is_some()) {
            (true, true) => Err(Failure::usage("--tls-pin cannot be combined with --tls-ca or --tls-name")
                .hint("with a pinned certificate, signer and name do not matter")),
            (false, false) => Ok(None),
            _ => Ok(Some(TlsOptions { ca, pin, name })),
        }
    }
}
