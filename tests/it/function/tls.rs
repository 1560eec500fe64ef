//! Calls to AWS over TLS: which certificates the function trusts.

use std::{path::PathBuf, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use super::{Delivery, Env, function};
use crate::support::{
    ministack::Backend,
    proxy::{PING, Proxy},
    test_receiver::{self, ORDER_CREATED, SECRET},
};

/// A private certification authority, and its certificate as a file.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A server with a certificate for a host.
    fn server(&self, host: &str) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new([host.to_owned()]).unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        Arc::new(config).into()
    }
}

/// An `Env` whose calls go to a server with TLS, with these variables.
async fn env(tls: TlsAcceptor, variables: &[(&str, &str)]) -> Env {
    let (backend, proxy) = (Backend::new().await, Proxy::with_tls(tls).await);
    let variables = [&[("WEBHOOK_SECRET", SECRET)], variables].concat();
    let function = function(&backend, &proxy, &variables).await;
    Env { backend, proxy, function }
}

#[tokio::test]
async fn private_authority_is_trusted_if_a_variable_names_it() {
    let authority = Authority::new("private");
    let file = authority.file();
    for variable in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
        let env = env(authority.server("localhost"), &[(variable, file.to_str().unwrap())]).await;
        let delivery = Delivery::new(ORDER_CREATED);
        assert_eq!(env.deliver(&delivery).await, test_receiver::answer(202, "accepted"), "{variable}");
        assert_eq!(env.deliver(&delivery).await, test_receiver::answer(200, "duplicate"), "{variable}");
        assert_eq!(env.message().await.body(), Some(ORDER_CREATED));
        let connections = env.proxy.connections();
        assert!(
            connections.iter().all(|requests| requests[0] == PING),
            "a delivery did a handshake: {connections:?}"
        );
    }
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_whose_certificate_is_not_valid() {
    let (trusted, other) = (Authority::new("trusted"), Authority::new("other"));
    let (bundle, other_bundle) = (trusted.file(), other.file());
    for (name, server, variables) in [
        ("of no authority that is trusted", trusted.server("localhost"), vec![]),
        ("of another authority", other.server("localhost"), vec![("AWS_CA_BUNDLE", &bundle)]),
        ("for another host", trusted.server("example.com"), vec![("AWS_CA_BUNDLE", &bundle)]),
        (
            "of an authority that is only in the system's store",
            trusted.server("localhost"),
            vec![("AWS_CA_BUNDLE", &other_bundle), ("SSL_CERT_FILE", &bundle)],
        ),
    ] {
        let variables: Vec<_> =
            variables.into_iter().map(|(name, path)| (name, path.to_str().unwrap())).collect();
        let mut env = env(server, &variables).await;
        let answer = env.deliver(&Delivery::new(ORDER_CREATED)).await;
        assert_eq!(answer, test_receiver::answer(503, "unavailable"), "{name}");
        assert_eq!(env.proxy.connections(), Vec::<Vec<String>>::new(), "{name}");
        assert_eq!(env.backend.queued().await, 0, "{name}");
        let log = env.function.lines().join("\n");
        assert!(log.contains("certificate"), "{name}: {log}");
    }
}

#[tokio::test]
async fn start_without_a_usable_bundle_fails_and_says_so() {
    let authority = Authority::new("private");
    let variables = [("AWS_CA_BUNDLE", "/nowhere/bundle.pem")];
    let mut env = env(authority.server("localhost"), &variables).await;
    let (status, lines) = env.function.exit().await;
    assert_eq!(status.code(), Some(1));
    assert!(lines[0].contains("AWS_CA_BUNDLE") && lines[0].contains("/nowhere/bundle.pem"), "{lines:?}");
}
