//! Keys and certificates of one control plane: a certificate authority, one server certificate for all parts, one
//! client certificate per user, and the key pair of ServiceAccount tokens. They live as long as its directory.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

use crate::error::{Error, IoContext};

/// User that a client certificate authenticates.
pub(crate) struct User {
    /// Base name of the user's files and kubeconfig.
    pub file: &'static str,
    name: &'static str,
    group: Option<&'static str>,
}

/// Administrator. The API server grants `system:masters` everything, whatever RBAC says.
pub(crate) const ADMIN: User = User {
    file: "admin",
    name: "admin",
    group: Some("system:masters"),
};

/// User that the API server's built-in roles are bound to for the controller manager.
pub(crate) const CONTROLLER_MANAGER: User = User {
    file: "controller-manager",
    name: "system:kube-controller-manager",
    group: None,
};

/// Generates all keys and certificates and writes them to `directory`.
pub(crate) fn write(directory: &Path) -> Result<(), Error> {
    let authority = authority()?;
    write_file(&authority_file(directory), &authority.pem())?;
    write_server(directory, &authority)?;
    for user in [ADMIN, CONTROLLER_MANAGER] {
        write_user(directory, &authority, &user)?;
    }
    let tokens = KeyPair::generate()?;
    write_file(&token_signing_key(directory), &tokens.serialize_pem())?;
    write_file(&token_public_key(directory), &tokens.public_key_pem())
}

/// Returns the path of the certificate authority that signs every certificate of this control plane.
pub(crate) fn authority_file(directory: &Path) -> PathBuf {
    directory.join("ca.crt")
}

/// Returns the path of the server certificate of all parts, valid for 127.0.0.1 and the API server's in-cluster names.
pub(crate) fn server_certificate(directory: &Path) -> PathBuf {
    directory.join("server.crt")
}

/// Returns the path of the key of [`server_certificate`].
pub(crate) fn server_key(directory: &Path) -> PathBuf {
    directory.join("server.key")
}

/// Returns the path of a user's certificate.
pub(crate) fn user_certificate(directory: &Path, user: &User) -> PathBuf {
    directory.join(format!("{}.crt", user.file))
}

/// Returns the path of the key of [`user_certificate`].
pub(crate) fn user_key(directory: &Path, user: &User) -> PathBuf {
    directory.join(format!("{}.key", user.file))
}

/// Returns the path of the key that signs ServiceAccount tokens.
pub(crate) fn token_signing_key(directory: &Path) -> PathBuf {
    directory.join("service-accounts.key")
}

/// Returns the path of the key that verifies ServiceAccount tokens.
pub(crate) fn token_public_key(directory: &Path) -> PathBuf {
    directory.join("service-accounts.pub")
}

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>, Error> {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "control-plane");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

fn write_server(directory: &Path, authority: &CertifiedIssuer<'_, KeyPair>) -> Result<(), Error> {
    let names = [
        "127.0.0.1",
        "localhost",
        "kubernetes.default",
        "kubernetes.default.svc",
    ];
    let mut params = CertificateParams::new(names.map(str::to_owned))?;
    params
        .distinguished_name
        .push(DnType::CommonName, "control-plane-server");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, authority)?;
    write_file(&server_certificate(directory), &certificate.pem())?;
    write_file(&server_key(directory), &key.serialize_pem())
}

fn write_user(
    directory: &Path,
    authority: &CertifiedIssuer<'_, KeyPair>,
    user: &User,
) -> Result<(), Error> {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, user.name);
    if let Some(group) = user.group {
        params
            .distinguished_name
            .push(DnType::OrganizationName, group);
    }
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, authority)?;
    write_file(&user_certificate(directory, user), &certificate.pem())?;
    write_file(&user_key(directory, user), &key.serialize_pem())
}

fn write_file(path: &Path, contents: &str) -> Result<(), Error> {
    fs::write(path, contents).during(|| format!("writing {}", path.display()))
}
