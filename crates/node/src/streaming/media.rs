//! What kind of thing an item is, as far as the page may show it.
//!
//! A media type is a stranger's word. It never decides more than which of a few harmless ways is tried: types that a
//! media or image element decodes are served to such elements and to nothing else; documents are shown in a frame
//! that reaches neither the page nor the network; everything else is only saved. SVG is a document here, not an image:
//! it is markup.

/// How an item is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Video,
    Audio,
    Image,
    Document(Document),
}

/// A document, by what has to be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    Text,
    Html,
    Svg,
}

const VIDEO: [&str; 6] = ["video/mp4", "video/webm", "video/ogg", "video/quicktime", "video/x-m4v", "video/x-matroska"];
const AUDIO: [&str; 11] = [
    "audio/mpeg",
    "audio/mp4",
    "audio/x-m4a",
    "audio/aac",
    "audio/ogg",
    "audio/opus",
    "audio/webm",
    "audio/flac",
    "audio/x-flac",
    "audio/wav",
    "audio/x-wav",
];
const IMAGE: [&str; 7] =
    ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp", "image/apng"];
const TEXT: [&str; 7] =
    ["text/plain", "text/markdown", "text/csv", "text/css", "text/javascript", "application/json", "application/toml"];

impl Shown {
    /// How a content of this media type is shown; `None` for what is only saved. Parameters are ignored.
    pub fn of(media_type: &str) -> Option<Self> {
        let essence = essence(media_type);
        let is_one_of = |types: &[&str]| types.contains(&essence.as_str());
        match essence.as_str() {
            "text/html" | "application/xhtml+xml" => Some(Self::Document(Document::Html)),
            "image/svg+xml" => Some(Self::Document(Document::Svg)),
            _ if is_one_of(&VIDEO) => Some(Self::Video),
            _ if is_one_of(&AUDIO) => Some(Self::Audio),
            _ if is_one_of(&IMAGE) => Some(Self::Image),
            _ if is_one_of(&TEXT) => Some(Self::Document(Document::Text)),
            _ => None,
        }
    }
}

/// The type as `/stream` says it: from our own list, never a stranger's text. `None` for what it does not serve.
pub fn streamed_as(media_type: &str) -> Option<&'static str> {
    let essence = essence(media_type);
    VIDEO.into_iter().chain(AUDIO).chain(IMAGE).find(|known| *known == essence)
}

/// The type of a file by the end of its name, among those that are shown; empty for all others. An index of a folder
/// has no types, and a wrong guess costs no more than a wrong type from a stranger does.
pub fn of_name(name: &str) -> &'static str {
    let Some((_, extension)) = name.rsplit_once('.') else { return "" };
    match extension.to_ascii_lowercase().as_str() {
        "mp4" => "video/mp4",
        "m4v" => "video/x-m4v",
        "webm" => "video/webm",
        "ogv" => "video/ogg",
        "mov" => "video/quicktime",
        "mkv" => "video/x-matroska",
        "mp3" => "audio/mpeg",
        "m4a" => "audio/mp4",
        "aac" => "audio/aac",
        "ogg" | "oga" => "audio/ogg",
        "opus" => "audio/opus",
        "flac" => "audio/flac",
        "wav" => "audio/wav",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "bmp" => "image/bmp",
        "svg" => "image/svg+xml",
        "htm" | "html" => "text/html",
        "txt" | "log" => "text/plain",
        "md" => "text/markdown",
        "csv" => "text/csv",
        "css" => "text/css",
        "js" => "text/javascript",
        "json" => "application/json",
        "toml" => "application/toml",
        _ => "",
    }
}

fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_can_carry_a_script_is_streamed() {
        let scriptable = [
            "text/html",
            "TEXT/HTML; charset=utf-8",
            "application/xhtml+xml",
            "image/svg+xml",
            "text/xml",
            "application/xml",
            "application/pdf",
            "text/javascript",
            "application/wasm",
            "multipart/x-mixed-replace",
            "text/plain",
            "",
            "video/",
            "video/mp4\r\nx: y",
        ];
        for media_type in scriptable {
            assert_eq!(streamed_as(media_type), None, "{media_type:?}");
        }
    }

    #[test]
    fn a_name_only_says_what_can_be_shown() {
        for (name, media_type) in
            [("a.PNG", "image/png"), ("x.tar.gz", ""), ("png", ""), ("a.html", "text/html"), ("", "")]
        {
            assert_eq!(of_name(name), media_type, "{name:?}");
            assert!(media_type.is_empty() || Shown::of(media_type).is_some());
        }
    }

    #[test]
    fn parameters_and_case_do_not_matter() {
        assert_eq!(streamed_as("Video/WebM; codecs=\"vp9, opus\""), Some("video/webm"));
        assert_eq!(Shown::of("text/html;charset=utf-8"), Some(Shown::Document(Document::Html)));
        assert_eq!(Shown::of("image/svg+xml"), Some(Shown::Document(Document::Svg)));
        assert_eq!(Shown::of("application/zip"), None);
    }

    #[test]
    fn what_is_streamed_is_what_media_and_image_elements_show() {
        for media_type in VIDEO.into_iter().chain(AUDIO).chain(IMAGE).chain(TEXT) {
            let element = matches!(Shown::of(media_type), Some(Shown::Video | Shown::Audio | Shown::Image));
            assert_eq!(streamed_as(media_type).is_some(), element, "{media_type}");
        }
    }
}
