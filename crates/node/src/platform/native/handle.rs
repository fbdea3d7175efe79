//! Sharing and saving by path.

use super::FileHandle;
use crate::handle::Handle;
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
        Ok(self.share_file(FileHandle::open(path)?, name, media_type))
    }

    /// The bytes of a content that is here and verified.
    ///
    /// # Errors
    /// `NoProvider` while some of it is missing; the code of a read that failed.
    pub async fn bytes(&self, id: ContentId) -> Result<Vec<u8>, Code> {
        let file = self.whole(id).await?;
        let bytes = file.read(0..file.len()).await?;
        Ok(bytes.to_vec())
    }
}
