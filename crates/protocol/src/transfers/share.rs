//! The person's own files: hashed by the node, then offered.

use super::{Context, Transfers};
use crate::{Code, Output, ShareToken};
use clock::Time;
use content::{LinkKey, Manifest, Outboard};
use std::sync::Arc;

/// A file on its way to a content id.
#[derive(Debug)]
pub(crate) struct Hashing {
    pub(crate) key: u64,
    pub(crate) since: Time,
    pub(crate) name: String,
    pub(crate) media_type: String,
    pub(crate) length: u64,
    pub(crate) hashed: u64,
    /// It could not be read; stays on the screen until the person puts it away.
    pub(crate) failed: Option<Code>,
}

impl Transfers {
    /// A file was chosen.
    pub(crate) fn share(
        &mut self,
        ctx: &mut Context<'_>,
        token: ShareToken,
        name: String,
        media_type: String,
        length: u64,
    ) {
        if self.is_full() {
            self.forget_failed_hashing();
        }
        if self.is_full() || self.hashing.contains_key(&token) {
            ctx.notices.raise(ctx.now, Code::LimitReached, Some(name));
            ctx.out.push(Output::ForgetShare { token });
            return;
        }
        ctx.out.push(Output::Hash { token, name: name.clone(), media_type: media_type.clone() });
        let key = self.new_key();
        self.hashing.insert(token, Hashing { key, since: ctx.now, name, media_type, length, hashed: 0, failed: None });
    }

    pub(crate) fn cancel_share(&mut self, ctx: &mut Context<'_>, token: ShareToken) {
        if self.hashing.remove(&token).is_some() {
            ctx.out.push(Output::ForgetShare { token });
        }
    }

    /// The same, by the key that the screen knows.
    pub(crate) fn cancel_reading(&mut self, ctx: &mut Context<'_>, key: u64) {
        let token = self.hashing.iter().find(|(_, hashing)| hashing.key == key).map(|(token, _)| *token);
        token.into_iter().for_each(|token| self.cancel_share(ctx, token));
    }

    pub(crate) fn on_share_progress(&mut self, token: ShareToken, hashed: u64) {
        if let Some(hashing) = self.hashing.get_mut(&token) {
            hashing.hashed = hashed.min(hashing.length);
        }
    }

    pub(crate) fn on_share_failed(&mut self, token: ShareToken, code: Code) {
        if let Some(hashing) = self.hashing.get_mut(&token) {
            hashing.failed = Some(code);
        }
    }

    /// Hashing is done. The same file again is the same item, moved to the front.
    pub(crate) fn on_shared(
        &mut self,
        ctx: &mut Context<'_>,
        token: ShareToken,
        manifest: Manifest,
        link_key: Option<LinkKey>,
        outboard: Arc<Outboard>,
    ) {
        let Some(hashing) = self.hashing.remove(&token) else {
            // Cancelled while the last bytes were hashed; if nothing else has these bytes, the handle goes too.
            if !self.contents.contains_key(&manifest.root) {
                ctx.out.push(Output::Drop { root: manifest.root });
            }
            return;
        };
        ctx.out.push(Output::Keep { manifest: manifest.clone(), outboard: Arc::clone(&outboard) });
        self.hold_own(ctx, hashing.key, manifest, link_key, outboard, Some(ctx.now - hashing.since));
    }

    fn forget_failed_hashing(&mut self) {
        let failed = self.hashing.iter().find(|(_, hashing)| hashing.failed.is_some()).map(|(token, _)| *token);
        failed.and_then(|token| self.hashing.remove(&token));
    }
}
