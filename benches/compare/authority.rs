//! A certificate authority of one run, and the certificate of this machine.

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring},
};

/// Where systems have the bundle of the authorities that they trust.
const BUNDLES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

pub struct Authority {
    /// The authority and Amazon's, which are part of the receiver.
    pub with_amazon: PathBuf,
    /// The authority and all that the system trusts.
    pub bundle: PathBuf,
    pub acceptor: TlsAcceptor,
}

impl Authority {
    pub fn new(folder: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "benchmark");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);

        let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())
            .unwrap();
        // As SQS and DynamoDB.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];

        let (with_amazon, bundle) = (folder.join("amazon.pem"), folder.join("bundle.pem"));
        let amazon = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/aws/amazon-roots.pem");
        fs::write(&with_amazon, fs::read_to_string(amazon).unwrap_or_default() + &pem).unwrap();
        fs::write(&bundle, system() + &pem).unwrap();
        Self { with_amazon, bundle, acceptor: TlsAcceptor::from(Arc::new(config)) }
    }

    /// The number of certificates in the bundle.
    pub fn certificates(&self) -> usize {
        fs::read_to_string(&self.bundle).unwrap().matches("BEGIN CERTIFICATE").count()
    }
}

fn system() -> String {
    let chosen = env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let known = BUNDLES.iter().map(PathBuf::from);
    chosen.into_iter().chain(known).find_map(|path| fs::read_to_string(path).ok()).unwrap_or_default()
}
