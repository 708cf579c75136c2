//! Encrypted connections to a server that proves who it is.

use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use data_encoding::HEXLOWER_PERMISSIVE;
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, PeerMisbehaved, RootCertStore,
    SignatureScheme, version,
};

use super::error::ClientError;
use crate::source::dolt::server::small_file::read_small_file;

/// Largest file of certificates that is read, in bytes.
const LARGEST_FILE: u64 = 4 << 20;

/// How the server has to prove who it is.
#[derive(Debug, Clone, Default)]
pub struct TlsOptions {
    /// The file of authorities that sign the server's certificate; by default those of the system.
    pub ca: Option<PathBuf>,
    /// The server's certificate itself, instead of its signer.
    pub pin: Option<Pin>,
    /// The name in the certificate; by default the host of the URL.
    pub name: Option<String>,
}

/// The SHA-256 of one certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin([u8; 32]);

/// The error for a text that is not a [`Pin`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a pin is sha256: and 64 hex digits: what `openssl x509 -in CERT -noout -fingerprint -sha256` prints"
)]
pub struct PinError;

impl FromStr for Pin {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, PinError> {
        let digits = text.strip_prefix("sha256:").ok_or(PinError)?.replace(':', "");
        let digest = HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).map_err(|_| PinError)?;
        digest.try_into().map(Self).map_err(|_| PinError)
    }
}

/// Why connections cannot be encrypted as requested.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read the certificates in {0}")]
    File(PathBuf, #[source] io::Error),
    #[error("there is no certificate in {0}")]
    Empty(PathBuf),
    #[error("this machine has no certificate authorities")]
    NoAuthorities,
    #[error("{0:?} is no name that a certificate can have")]
    Name(String),
    #[error(transparent)]
    Library(#[from] Error),
}

impl TlsError {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::File(..) | Self::Empty(_) => "Name a file with certificates in PEM format.",
            Self::NoAuthorities => {
                "Install the package ca-certificates, or name who signed the server's certificate: --tls-ca FILE."
            }
            Self::Name(_) | Self::Library(_) => {
                "Name the host that stands in the certificate: --tls-name HOST."
            }
        }
    }
}

/// How to encrypt connections to one server.
#[derive(Clone)]
pub struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Tls {
    /// Reads the certificates. `host` is that of the URL.
    pub fn new(options: &TlsOptions, host: &str) -> Result<Self, TlsError> {
        let host = options.name.as_deref().unwrap_or(host);
        let name = ServerName::try_from(host.to_owned()).map_err(|_| TlsError::Name(host.to_owned()))?;
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&version::TLS13])?;
        let config = match options.pin {
            Some(pin) => {
                config.dangerous().with_custom_certificate_verifier(Arc::new(Pinned { pin, provider }))
            }
            None => config.with_root_certificates(authorities(options.ca.as_deref())?),
        };
        Ok(Self { connector: TlsConnector::from(Arc::new(config.with_no_client_auth())), name })
    }

    pub async fn encrypt(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, ClientError> {
        self.connector.connect(self.name.clone(), stream).await.map_err(|error| {
            match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
                Some(_) => ClientError::Tls(Arc::new(error)),
                None => error.into(),
            }
        })
    }
}

/// What to do about a certificate that was refused.
pub fn hint(error: &io::Error) -> Option<&'static str> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    let Error::InvalidCertificate(problem) = error else {
        return Some("Does the server speak TLS 1.3 at that port?");
    };
    Some(match problem {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "Connect by a name that is in the certificate, or say which one to expect: --tls-name HOST."
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "The server's certificate has to be renewed."
        }
        CertificateError::ApplicationVerificationFailure => {
            "Another server answers, or it has a new certificate: on the server, \
             `openssl x509 -in CERT -noout -fingerprint -sha256` prints what --tls-pin has to say."
        }
        _ => {
            "Name who signed the server's certificate (--tls-ca FILE), or the certificate itself (--tls-pin sha256:HEX, \
             which `openssl x509 -in CERT -noout -fingerprint -sha256` prints on the server)."
        }
    })
}

fn authorities(file: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    match file {
        Some(path) => {
            let unread = |error: io::Error| TlsError::File(path.to_owned(), error);
            let text = read_small_file(path, LARGEST_FILE, |_| Ok(())).map_err(unread)?;
            for certificate in CertificateDer::pem_slice_iter(&text) {
                let certificate = certificate
                    .map_err(|error| unread(io::Error::new(io::ErrorKind::InvalidData, error.to_string())))?;
                store.add(certificate)?;
            }
            if store.is_empty() {
                return Err(TlsError::Empty(path.to_owned()));
            }
        }
        None => {
            // Files that cannot be read are skipped.
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if store.is_empty() {
                return Err(TlsError::NoAuthorities);
            }
        }
    }
    Ok(store)
}

/// Accepts one certificate, whatever it says, from a server that has its key.
#[derive(Debug)]
struct Pinned {
    pin: Pin,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if Sha256::digest(certificate)[..] == self.pin.0 {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_read_as_openssl_prints_them() {
        let digest = [0xab; 32];
        let plain = format!("sha256:{}", "ab".repeat(32));
        let colons = format!("sha256:{}", ["AB"; 32].join(":"));
        assert_eq!(plain.parse(), Ok(Pin(digest)));
        assert_eq!(colons.parse(), Ok(Pin(digest)));
        for wrong in
            ["", "ab", "sha256:", "sha256:ab", &plain[1..], &format!("{plain}00"), &plain.replace('a', "g")]
        {
            assert_eq!(wrong.parse::<Pin>(), Err(PinError), "{wrong}");
        }
    }
}
