//! Keys and certificates of one control plane: its own authority, one server certificate for all parts, one client
//! certificate for each user, and the keys that sign ServiceAccount tokens. They live as long as its directory.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

use crate::error::{Error, Trying};

/// Who a client certificate stands for.
pub(crate) struct User {
    /// The name of its files and of its kubeconfig.
    pub file: &'static str,
    name: &'static str,
    group: Option<&'static str>,
}

/// May do everything, by the group that RBAC can't take away.
pub(crate) const ADMIN: User = User {
    file: "admin",
    name: "admin",
    group: Some("system:masters"),
};

/// The identity that the API server's built-in roles expect of the controller manager.
pub(crate) const CONTROLLER_MANAGER: User = User {
    file: "controller-manager",
    name: "system:kube-controller-manager",
    group: None,
};

/// Writes all keys and certificates into the directory.
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

/// The authority that signed every certificate of this control plane.
pub(crate) fn authority_file(directory: &Path) -> PathBuf {
    directory.join("ca.crt")
}

/// The server certificate of all parts, for 127.0.0.1 and the names that a cluster's API server has.
pub(crate) fn server_certificate(directory: &Path) -> PathBuf {
    directory.join("server.crt")
}

/// The key of [`server_certificate`].
pub(crate) fn server_key(directory: &Path) -> PathBuf {
    directory.join("server.key")
}

/// A user's certificate.
pub(crate) fn user_certificate(directory: &Path, user: &User) -> PathBuf {
    directory.join(format!("{}.crt", user.file))
}

/// The key of [`user_certificate`].
pub(crate) fn user_key(directory: &Path, user: &User) -> PathBuf {
    directory.join(format!("{}.key", user.file))
}

/// The key that signs ServiceAccount tokens.
pub(crate) fn token_signing_key(directory: &Path) -> PathBuf {
    directory.join("service-accounts.key")
}

/// The key that ServiceAccount tokens are checked with.
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
    fs::write(path, contents).trying(|| format!("writing {}", path.display()))
}
