//! Encrypted connections to a real server, and the certificates that are believed.

use std::path::Path;
use std::process::Command;

use asof::content::{ErrorKind, SourceError};
use asof::source::Source;
use asof::source::dolt::server::{DoltOptions, DoltSqlSource, TlsOptions};

use crate::support::certificates::{Authority, Files};
use crate::support::server::Server;
use crate::support::{temp_dir, wait};

/// A server with a user whose password only an encrypted connection may carry.
struct Encrypted {
    server: Server,
    folder: tempfile::TempDir,
    authority: Authority,
}

impl Encrypted {
    fn start() -> Self {
        let folder = temp_dir();
        let authority = Authority::new(folder.path(), "ca");
        let mut server = Server::start();
        let mut client = server.client();
        client.new_database("d");
        client.run(&[
            "CREATE USER 'me'@'%' IDENTIFIED WITH caching_sha2_password BY 'sec ret'",
            "GRANT ALL ON *.* TO 'me'@'%'",
        ]);
        drop(client);
        server.kill();
        Self { server, folder, authority }
    }

    /// Starts the server with this certificate.
    fn serve(&mut self, [certificate, key]: &Files) {
        let (certificate, key) = (certificate.display(), key.display());
        self.server.kill();
        self.server.configure_listener(&format!("tls_cert: '{certificate}', tls_key: '{key}'"));
        self.server.start_again();
    }

    fn url(&self) -> String {
        format!("dolt://me@127.0.0.1:{}/d", self.server.port)
    }

    fn poll(&self, tls: Option<TlsOptions>) -> Result<(), SourceError> {
        let options = DoltOptions { password: Some("sec ret".into()), tls, ..DoltOptions::default() };
        let source = DoltSqlSource::new(&self.url(), options).expect("the URL is right");
        wait(source.poll()).map(|databases| assert_eq!(databases.expect("the first poll lists").len(), 1))
    }

    #[track_caller]
    fn refused(&self, tls: TlsOptions, hint: &str) {
        let error = self.poll(Some(tls)).expect_err("the certificate is not right");
        assert_eq!(error.kind, ErrorKind::Refused, "{}", error.chain());
        assert!(
            error.hint.as_deref().is_some_and(|text| text.contains(hint)),
            "{} {:?}",
            error.chain(),
            error.hint
        );
    }
}

fn signed_by(authority: &Authority) -> TlsOptions {
    TlsOptions { ca: Some(authority.file.clone()), ..TlsOptions::default() }
}

fn pin(certificate: &Path) -> TlsOptions {
    let openssl = ["x509", "-noout", "-fingerprint", "-sha256", "-in"];
    let output = Command::new("openssl").args(openssl).arg(certificate).output().expect("openssl is there");
    let printed = String::from_utf8(output.stdout).expect("it prints text");
    let digits = printed.trim().rsplit_once('=').expect("it prints a fingerprint").1;
    TlsOptions {
        pin: Some(format!("sha256:{digits}").parse().expect("it is a pin")),
        ..TlsOptions::default()
    }
}

#[test]
fn certificates_are_checked() {
    let mut it = Encrypted::start();
    let folder = it.folder.path().to_owned();
    let good = it.authority.certify(&folder, "127.0.0.1", 2100);
    it.serve(&good);
    it.poll(Some(signed_by(&it.authority)))
        .unwrap_or_else(|error| panic!("{} {:?}", error.chain(), error.hint));
    it.poll(Some(pin(&good[0]))).unwrap_or_else(|error| panic!("{} {:?}", error.chain(), error.hint));
    it.refused(signed_by(&Authority::new(&folder, "other")), "--tls-ca");
    it.refused(TlsOptions::default(), "--tls-ca");
    it.refused(pin(&it.authority.file), "fingerprint");
    let named = TlsOptions { name: Some("elsewhere.example".to_owned()), ..signed_by(&it.authority) };
    it.refused(named, "--tls-name");
    // The password is asked for, so that it is refused without encryption.
    let error = it.poll(None).expect_err("nothing is encrypted");
    assert_eq!(error.kind, ErrorKind::Refused, "{}", error.chain());

    let elsewhere = it.authority.certify(&folder, "elsewhere.example", 2100);
    it.serve(&elsewhere);
    it.refused(signed_by(&it.authority), "--tls-name");
    it.poll(Some(pin(&elsewhere[0]))).expect("a pinned certificate may have any name");
    let named = TlsOptions { name: Some("elsewhere.example".to_owned()), ..signed_by(&it.authority) };
    it.poll(Some(named)).expect("that is its name");

    let expired = it.authority.certify(&folder, "127.0.0.1", 2020);
    it.serve(&expired);
    it.refused(signed_by(&it.authority), "renewed");
}

#[test]
fn a_server_without_encryption_is_not_talked_to() {
    let server = Server::start();
    let folder = temp_dir();
    let authority = Authority::new(folder.path(), "ca");
    let options = DoltOptions { tls: Some(signed_by(&authority)), ..DoltOptions::default() };
    let source = DoltSqlSource::new(&server.url(""), options).expect("the URL is right");
    let error = wait(source.poll()).err().expect("it offers no TLS");
    assert_eq!(error.kind, ErrorKind::Refused, "{}", error.chain());
    assert!(error.chain().contains("offers no TLS"), "{}", error.chain());
}

#[test]
fn files_that_hold_no_certificate_are_named() {
    let folder = temp_dir();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "no certificate\n").expect("the folder is ours");
    let pipe = folder.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).expect("the folder is ours");
    for file in [empty, pipe, folder.path().join("missing.pem"), "/dev/zero".into()] {
        let tls = TlsOptions { ca: Some(file.clone()), ..TlsOptions::default() };
        let options = DoltOptions { tls: Some(tls), ..DoltOptions::default() };
        let error = DoltSqlSource::new("dolt://127.0.0.1", options).err().expect("it is no such file");
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(error.chain().contains(&file.display().to_string()), "{}", error.chain());
        assert!(error.hint.is_some());
    }
}
