//! What the machine has: programs on the PATH, their versions, and whether we may install system packages.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The first program of that name on the PATH.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(format!("{program}{}", std::env::consts::EXE_SUFFIX)))
        .find(|file| file.is_file())
}

/// What a program answers on standard output, when it ends well.
pub(crate) fn answer(program: impl AsRef<Path>, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program.as_ref()).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The second word of `PROGRAM --version`, as Cargo's tools print it.
pub(crate) fn version(program: &str) -> Option<String> {
    answer(program, &["--version"])?.split_whitespace().nth(1).map(str::to_owned)
}

/// How we may become root for the package manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Privilege {
    /// We are root.
    Root,
    /// `sudo` works without a question.
    Sudo,
    /// Somebody else has to install system packages.
    None,
}

/// Finds out without asking for a password.
pub(crate) fn privilege() -> Privilege {
    if answer("id", &["-u"]).as_deref() == Some("0") {
        Privilege::Root
    } else if which("sudo").is_some() && answer("sudo", &["-n", "true"]).is_some() {
        Privilege::Sudo
    } else {
        Privilege::None
    }
}
