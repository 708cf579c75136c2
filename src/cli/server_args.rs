//! How to log in to Dolt servers, the same for all commands.

use std::path::PathBuf;

use super::Failure;
use crate::source::dolt::server::{Pin, TlsOptions};

/// Password and encryption.
#[derive(Debug, Default, clap::Args)]
pub(super) struct ServerArgs {
    /// Read the server's password from this file, which nobody else may read (or set ASOF_DOLT_PASSWORD)
    #[arg(long, value_name = "PATH")]
    pub password_file: Option<PathBuf>,
    /// Encrypt connections to servers, whose certificates have to be signed by one in this file
    ///
    /// `?tls` at the end of a URL encrypts too, and takes the certificate authorities of the system.
    #[arg(long, value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
    /// Encrypt connections to a server with this certificate (sha256:HEX), no matter who signed it
    ///
    /// On the server, `openssl x509 -in CERT -noout -fingerprint -sha256` prints the digits.
    #[arg(long, value_name = "PIN")]
    pub tls_pin: Option<Pin>,
    /// Encrypt connections to a server whose certificate has this name and not the host of the URL
    #[arg(long, value_name = "HOST")]
    pub tls_name: Option<String>,
}

impl ServerArgs {
    /// Whom encrypted connections have to lead to; `None` where no option asks for encryption.
    pub fn tls(&self) -> Result<Option<TlsOptions>, Failure> {
        if self.tls_pin.is_some() && (self.tls_ca.is_some() || self.tls_name.is_some()) {
            return Err(Failure::usage("--tls-pin goes without --tls-ca and --tls-name")
                .hint("the signer and the name of a pinned certificate do not matter"));
        }
        if self.tls_ca.is_none() && self.tls_pin.is_none() && self.tls_name.is_none() {
            return Ok(None);
        }
        // The process in the background works in another folder.
        let ca = self.tls_ca.as_ref().map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone()));
        Ok(Some(TlsOptions { ca, pin: self.tls_pin, name: self.tls_name.clone() }))
    }
}
