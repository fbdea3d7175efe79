//! Sharing and saving by path.

use super::FileHandle;
use crate::handle::Handle;
use crate::seal::Seal;
use content::ContentId;
use protocol::{Code, ShareToken};
use std::path::PathBuf;

/// Nothing outside the process tells a native node anything.
pub(crate) fn attach(_: &Handle) {}

impl Handle {
    /// Shares the file at `path` under `name`.
    ///
    /// # Errors
    /// As opening the file.
    pub fn share_path(&self, path: PathBuf, name: String, media_type: String) -> std::io::Result<ShareToken> {
        Ok(self.share_file(FileHandle::open(path)?, name, media_type, None))
    }

    /// As [`share_path`](Self::share_path), by a private link: only those who have it can read the file.
    ///
    /// # Errors
    /// As opening the file, or when there is no randomness for its key.
    pub fn share_path_privately(&self, path: PathBuf, name: String, media_type: String) -> std::io::Result<ShareToken> {
        let file = FileHandle::open(path)?;
        let seal = Seal::fresh(file.len()).map_err(|code| std::io::Error::other(code.as_str()))?;
        Ok(self.share_file(file.sealed(seal), name, media_type, None))
    }

    /// The bytes of a content that is here and verified.
    ///
    /// # Errors
    /// `NoProvider` while some of it is missing; the code of a read that failed.
    pub async fn bytes(&self, id: ContentId) -> Result<Vec<u8>, Code> {
        let whole = self.whole(id).await?;
        let bytes = match whole.plain() {
            Some(file) => file.read(0..file.len()).await?,
            None => whole.read(0..whole.details().length).await?,
        };
        Ok(bytes.to_vec())
    }
}
