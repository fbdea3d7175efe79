//! Who this relay is: its key and its WebRTC certificate, kept in the data folder.
//!
//! Every address the relay ever told ends in its peer id, and the webrtc-direct ones in a hash of the
//! certificate, so both outlive a restart. Files are written whole (a new file, then a rename) and can be read
//! by their owner only. A file that does not parse stops the start: silently becoming another relay would
//! break every link that names the old one.

use crate::error::StartError;
use libp2p::identity::Keypair;
use libp2p_webrtc::tokio::Certificate;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The key, as libp2p's protobuf encoding.
const KEY_FILE: &str = "relay.key";

/// The certificate and its private key, PEM.
const CERTIFICATE_FILE: &str = "webrtc.pem";

/// Both halves of who we are.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) key: Keypair,
    pub(crate) certificate: Certificate,
}

impl Identity {
    /// Reads both from `folder`, or makes them on the first start.
    pub(crate) fn load_or_create(folder: &Path) -> Result<Self, StartError> {
        fs::create_dir_all(folder).map_err(|source| data_error(folder, source))?;
        Ok(Self { key: key(folder)?, certificate: certificate(folder)? })
    }
}

fn key(folder: &Path) -> Result<Keypair, StartError> {
    let path = folder.join(KEY_FILE);
    match fs::read(&path) {
        Ok(bytes) => Keypair::from_protobuf_encoding(&bytes).map_err(|_| StartError::CorruptKey { path }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = Keypair::generate_ed25519();
            let bytes = key.to_protobuf_encoding().map_err(|_| StartError::CorruptKey { path: path.clone() })?;
            write_secret(&path, &bytes).map_err(|source| data_error(folder, source))?;
            Ok(key)
        }
        Err(source) => Err(data_error(folder, source)),
    }
}

fn certificate(folder: &Path) -> Result<Certificate, StartError> {
    let path = folder.join(CERTIFICATE_FILE);
    match fs::read(&path) {
        Ok(bytes) => str::from_utf8(&bytes)
            .ok()
            .and_then(|pem| Certificate::from_pem(pem).ok())
            .ok_or(StartError::CorruptCertificate { path }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let certificate = Certificate::generate(&mut rand::rng()).map_err(StartError::Certificate)?;
            write_secret(&path, certificate.serialize_pem().as_bytes()).map_err(|source| data_error(folder, source))?;
            Ok(certificate)
        }
        Err(source) => Err(data_error(folder, source)),
    }
}

pub(crate) fn data_error(folder: &Path, source: io::Error) -> StartError {
    StartError::Data { path: folder.to_owned(), source }
}

/// Writes beside `path` and renames, so that a crash leaves the old file or the new one.
pub(crate) fn write_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    let unfinished = PathBuf::from(unfinished);
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Err(_) | Ok(()) => {}
    }
    let mut file = create_private(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)
}

#[cfg(unix)]
fn create_private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_start_finds_what_the_first_one_made() {
        let folder = empty_folder("identity-again");
        let first = Identity::load_or_create(&folder).expect("the folder is writable");
        let second = Identity::load_or_create(&folder).expect("the files are there");
        assert_eq!(first.key.public(), second.key.public());
        assert_eq!(first.certificate.fingerprint(), second.certificate.fingerprint());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_the_secrets() {
        use std::os::unix::fs::PermissionsExt;
        let folder = empty_folder("identity-mode");
        Identity::load_or_create(&folder).expect("the folder is writable");
        for name in [KEY_FILE, CERTIFICATE_FILE] {
            let mode = fs::metadata(folder.join(name)).expect("the file was made").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn a_damaged_file_is_refused_and_left_alone() {
        let folder = empty_folder("identity-damaged");
        Identity::load_or_create(&folder).expect("the folder is writable");
        fs::write(folder.join(CERTIFICATE_FILE), b"-----BEGIN").expect("writable");
        assert!(matches!(Identity::load_or_create(&folder), Err(StartError::CorruptCertificate { .. })));
        fs::write(folder.join(KEY_FILE), b"not a key").expect("writable");
        assert!(matches!(Identity::load_or_create(&folder), Err(StartError::CorruptKey { .. })));
        assert_eq!(fs::read(folder.join(KEY_FILE)).expect("still there"), b"not a key");
    }

    fn empty_folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("relay-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("the temporary folder is writable");
        folder
    }
}
