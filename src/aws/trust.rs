//! The certification authorities that the functions trust when they call AWS.

use std::{fs, path::PathBuf};

use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use thiserror::Error;

/// The roots of all certificates of AWS's commercial regions, as Amazon Trust Services publishes them.
///
/// <https://www.amazontrust.com/repository/>
const AMAZON: &str = include_str!("amazon-roots.pem");

/// The certification authorities of a process.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Amazon's own roots. To read and decode the system's store takes longer than the rest of a start.
    Amazon,
    /// The system's store, or the one that `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
    System,
    /// The certificates of `AWS_CA_BUNDLE`, and no others.
    Bundle(PathBuf),
}

impl Trust {
    /// Makes the trust store.
    ///
    /// # Errors
    /// If the bundle cannot be read, or has a certificate that is not valid.
    pub(super) fn context(self) -> Result<TlsContext, BadBundle> {
        let store = match self {
            Self::Amazon => TrustStore::empty().with_pem_certificate(AMAZON),
            Self::System => TrustStore::default(),
            Self::Bundle(path) => match read(&path) {
                Ok(pem) => TrustStore::empty().with_pem_certificate(pem),
                Err(reason) => return Err(BadBundle { path, reason }),
            },
        };
        // `build` fails for no store.
        Ok(TlsContext::builder().with_trust_store(store).build().unwrap_or_default())
    }
}

/// Why the certificates of `AWS_CA_BUNDLE` cannot be used.
#[derive(Debug, Error)]
#[error("AWS_CA_BUNDLE {path:?} {reason}")]
pub struct BadBundle {
    path: PathBuf,
    reason: String,
}

/// Reads a bundle. It is checked here, because the SDK panics on one that is not valid.
fn read(path: &PathBuf) -> Result<Vec<u8>, String> {
    let pem = fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| format!("is not valid PEM: {error}"))?;
        webpki::anchor_from_trusted_cert(&certificate)
            .map_err(|error| format!("has a certificate that is not valid: {error}"))?;
        count += 1;
    }
    if count == 0 { Err("has no certificate".to_owned()) } else { Ok(pem) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use sha2::{Digest, Sha256};

    use super::*;

    /// The SHA-256 of each root's public key (`SubjectPublicKeyInfo`), from the repository's page.
    const KEYS: [&str; 5] = [
        "fbe3018031f9586bcbf41727e417b7d1c45c2f47f93be372a17b96b50757d5a2",
        "7f4296fc5b6a4e3b35d3c369623e364ab1af381d8fa7121533c9d6c633ea2461",
        "36abc32656acfc645c61b71613c4bf21c787f5cabbee48348d58597803d7abc9",
        "f7ecded5c66047d28ed6466b543c40e0743abe81d109254dcf845d4c2c7853c5",
        "2b071c59a0a0ae76b0eadb2bad23bad4580b69c3601b630c2eaf0613afa83f92",
    ];

    /// A DER sequence of this content.
    fn sequence(content: &[u8]) -> Vec<u8> {
        let length = content.len();
        let head = match u8::try_from(length) {
            Ok(short @ ..128) => vec![0x30, short],
            Ok(long) => vec![0x30, 0x81, long],
            Err(_) => [&[0x30, 0x82][..], &u16::try_from(length).unwrap().to_be_bytes()].concat(),
        };
        [&head, content].concat()
    }

    #[test]
    fn amazons_roots_have_the_keys_that_amazon_publishes() {
        let roots = CertificateDer::pem_slice_iter(AMAZON.as_bytes()).map(Result::unwrap);
        let keys: Vec<_> = roots
            .map(|root| {
                let anchor = webpki::anchor_from_trusted_cert(&root).unwrap();
                hex::encode(Sha256::digest(sequence(&anchor.subject_public_key_info)))
            })
            .collect();
        assert_eq!(keys, KEYS);
    }

    #[test]
    fn bundle_that_is_not_valid_is_refused_with_its_name() {
        let missing = Trust::Bundle("/nowhere/bundle.pem".into()).context().unwrap_err().to_string();
        assert!(missing.starts_with(r#"AWS_CA_BUNDLE "/nowhere/bundle.pem" cannot be read"#), "{missing}");
        for (text, reason) in [
            ("", "has no certificate"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "is not valid"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n", "is not valid PEM"),
        ] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let error = Trust::Bundle(file.path().into()).context().unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(AMAZON.as_bytes()).unwrap();
        assert!(Trust::Bundle(file.path().into()).context().is_ok());
    }
}
