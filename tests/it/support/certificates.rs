//! Certificates for tests.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};

pub type Files = [PathBuf; 2];

/// A certificate authority for tests.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub file: PathBuf,
}

impl Authority {
    /// A new authority, with its files in `folder`.
    pub fn new(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("the library makes keys");
        let file = folder.join(format!("{name}.pem"));
        std::fs::write(&file, params.self_signed(&key).expect("it signs").pem()).expect("the folder is ours");
        Self { issuer: Issuer::new(params, key), file }
    }

    /// A certificate for `name`, valid until that year, and its key: both as files.
    pub fn certify(&self, folder: &Path, name: &str, until: i32) -> Files {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().expect("the library makes keys");
        let certificate = params.signed_by(&key, &self.issuer).expect("it signs");
        let files = ["crt", "key"].map(|ending| folder.join(format!("{name}-{until}.{ending}")));
        std::fs::write(&files[0], certificate.pem()).expect("the folder is ours");
        std::fs::write(&files[1], key.serialize_pem()).expect("the folder is ours");
        files
    }
}
