//! Which media type a file name says.
//!
//! A short list of what a page is built from and what a sample may be. The unknown is bytes: with `nosniff` a
//! browser will then neither run nor render it.

/// The type by the name's extension.
pub(crate) fn of(name: &str) -> &'static str {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
    match extension.as_str() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "wasm" => "application/wasm",
        "webmanifest" => "application/manifest+json",
        "txt" | "md" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "mp3" => "audio/mpeg",
        "ogg" | "oga" | "opus" => "audio/ogg",
        "flac" => "audio/flac",
        "wav" => "audio/wav",
        "m4a" => "audio/mp4",
        "mp4" | "m4v" => "video/mp4",
        "webm" => "video/webm",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        _ => "application/octet-stream",
    }
}

/// The type without its parameters, as a content's description has it.
pub(crate) fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or(media_type).trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wasm_streams_and_the_unknown_is_bytes() {
        assert_eq!(of("app_bg.WASM"), "application/wasm");
        assert_eq!(of("app.js"), "text/javascript; charset=utf-8");
        assert_eq!(of("LICENSE"), "application/octet-stream");
        assert_eq!(of("archive.tar.unknown"), "application/octet-stream");
        assert_eq!(essence(of("a.txt")), "text/plain");
    }
}
