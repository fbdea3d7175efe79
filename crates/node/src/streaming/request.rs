//! How a request of the service worker is answered: status, headers, and which bytes follow.
//!
//! `/save/<id>` of a folder is an archive of it; `?files=0-4,7` chooses some of its files by their places in the index,
//! and `?file=7` is that file itself, in `/stream` too.
//!
//! `/stream/<id>` is for the page's own media and image elements and for nothing else: only types from our list, marked
//! so that a browser neither guesses another type nor runs anything. `/save/<id>` is a download whatever it holds.
//! One byte range is answered (RFC 9110, section 14); several at once are refused, since no player asks for them and
//! they would let one request read a file many times over.

use super::media;
use super::outgoing::{Archiving, Outgoing, archive_len, parts};
use crate::handle::Handle;
use content::folder::FILES_MAX;
use content::{ContentId, Details};
use core::ops::Range;
use protocol::Code;

/// What the answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Stream,
    Save,
}

/// A request, as the service worker passes it on.
#[derive(Clone, Debug)]
pub struct Request {
    pub purpose: Purpose,
    pub id: ContentId,
    /// Which part of a folder.
    pub part: Part,
    pub method: String,
    pub range: Option<String>,
    pub if_range: Option<String>,
    /// What asks: `video`, `image`, `document`, or empty for a script's `fetch` (Fetch, `RequestDestination`).
    pub destination: String,
}

/// The part of an item that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it: a file as it is, a folder as an archive.
    All,
    /// One file of a folder.
    File(u32),
    /// Some files of a folder, as an archive.
    Files(Vec<Range<u32>>),
}

/// The head of an answer, and which bytes of the file follow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    /// Empty for an answer without a body.
    pub body: Range<u64>,
}

impl Part {
    /// Reads the query of an address, with its question mark; `None` for one that we do not write.
    pub fn parse(query: &str) -> Option<Self> {
        let Some(query) = query.strip_prefix('?') else { return query.is_empty().then_some(Self::All) };
        let (name, value) = query.split_once('=')?;
        let place = |text: &str| number(text).and_then(|place| u32::try_from(place).ok());
        match name {
            "file" => Some(Self::File(place(value)?)),
            "files" => {
                let run = |text: &str| {
                    let (first, last) = text.split_once('-').unwrap_or((text, text));
                    Some(place(first)?..place(last)?.checked_add(1)?)
                };
                // Runs are in order and apart, so there are no more of them than files.
                let runs: Option<Vec<Range<u32>>> = value.split(',').take(FILES_MAX + 1).map(run).collect();
                let runs = runs?;
                let ordered = runs.windows(2).all(|pair| pair[0].end <= pair[1].start);
                (ordered && runs.iter().all(|run| !run.is_empty())).then_some(Self::Files(runs))
            }
            _ => None,
        }
    }

    /// The query of the address that asks for these files of a folder, given in order.
    pub fn files_query(files: impl IntoIterator<Item = u32>) -> String {
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for file in files {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == file => *last = file,
                _ => runs.push((file, file)),
            }
        }
        let text =
            |(first, last): (u32, u32)| if first == last { first.to_string() } else { format!("{first}-{last}") };
        format!("?files={}", runs.into_iter().map(text).collect::<Vec<_>>().join(","))
    }
}

/// No page, frame, script or style may be made of what is served here, wherever it is opened.
const POLICY: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";

/// The elements and calls that `/stream` serves: none of them runs what it gets.
const STREAM_DESTINATIONS: [&str; 4] = ["", "audio", "image", "video"];

impl Request {
    /// The whole answer: its head, and the bytes behind it as they are wished for.
    ///
    /// # Errors
    /// As [`Handle::open`] and [`Reader::folder`](super::Reader::folder).
    pub async fn answered_by(&self, handle: &Handle) -> Result<(Head, Outgoing), Code> {
        let mut reader = handle.open(self.id).await?;
        if reader.details().index_len.is_some() {
            let folder = reader.folder().await?;
            let chosen = match &self.part {
                Part::File(place) => {
                    reader = reader.file(folder.entries().get(*place as usize).ok_or(Code::NoProvider)?);
                    let head = self.answer(reader.details());
                    return Ok((head.clone(), Outgoing::Bytes { reader, range: head.body }));
                }
                Part::All => None,
                Part::Files(runs) => Some(runs.as_slice()),
            };
            let name = reader.details().name.clone();
            let parts = parts(&folder, &name, chosen);
            let head = self.answer_archive(&name, archive_len(&parts));
            let parts = if head.body.is_empty() { Vec::new() } else { parts };
            return Ok((head, Outgoing::Archive(Archiving::new(reader, parts))));
        }
        let head = self.answer(reader.details());
        Ok((head.clone(), Outgoing::Bytes { reader, range: head.body }))
    }

    /// The head for an archive of `length` bytes. It is made while it is sent, so it has no ranges.
    fn answer_archive(&self, name: &str, length: u64) -> Head {
        if self.method != "GET" && self.method != "HEAD" {
            return refused(405, ("allow", "GET, HEAD".to_owned()));
        }
        if self.purpose == Purpose::Stream {
            return refused(403, ("x-reason", "a folder is saved, not shown".to_owned()));
        }
        let mut headers = common();
        headers.extend([
            ("content-type", "application/zip".to_owned()),
            ("content-length", length.to_string()),
            ("accept-ranges", "none".to_owned()),
            ("content-disposition", disposition(&format!("{name}.zip"))),
        ]);
        Head { status: 200, headers, body: if self.method == "HEAD" { 0..0 } else { 0..length } }
    }

    /// The head for one file.
    pub fn answer(&self, file: &Details) -> Head {
        if self.method != "GET" && self.method != "HEAD" {
            return refused(405, ("allow", "GET, HEAD".to_owned()));
        }
        let media_type = match self.purpose {
            Purpose::Save => "application/octet-stream",
            Purpose::Stream if !STREAM_DESTINATIONS.contains(&self.destination.as_str()) => {
                return refused(403, ("x-reason", "only media and image elements are served here".to_owned()));
            }
            Purpose::Stream => match media::streamed_as(&file.media_type) {
                Some(media_type) => media_type,
                None => return refused(403, ("x-reason", "this type is saved, not shown".to_owned())),
            },
        };
        let etag = match &self.part {
            Part::File(place) => format!("\"{}.{place}\"", self.id),
            Part::All | Part::Files(_) => format!("\"{}\"", self.id),
        };
        let (status, body) = match self.wanted(&etag, file.length) {
            Wanted::Whole => (200, 0..file.length),
            Wanted::Part(part) => (206, part),
            Wanted::Unsatisfiable => {
                return refused(416, ("content-range", format!("bytes */{}", file.length)));
            }
        };
        let mut headers = common();
        headers.extend([
            ("content-type", media_type.to_owned()),
            ("content-length", (body.end - body.start).to_string()),
            ("accept-ranges", "bytes".to_owned()),
            ("etag", etag),
        ]);
        if status == 206 {
            headers.push(("content-range", format!("bytes {}-{}/{}", body.start, body.end - 1, file.length)));
        }
        if self.purpose == Purpose::Save {
            headers.push(("content-disposition", disposition(&file.name)));
        }
        let body = if self.method == "HEAD" { 0..0 } else { body };
        Head { status, headers, body }
    }

    fn wanted(&self, etag: &str, length: u64) -> Wanted {
        match (&self.range, &self.if_range) {
            // A range is only defined for GET (RFC 9110, section 14.2).
            _ if self.method != "GET" => Wanted::Whole,
            (None, _) => Wanted::Whole,
            (Some(_), Some(version)) if version.trim() != etag => Wanted::Whole,
            (Some(range), _) => Wanted::parse(range, length),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Whole,
    Part(Range<u64>),
    Unsatisfiable,
}

impl Wanted {
    /// Reads a `Range` header for a content of `length` bytes. A unit that is not bytes, or a spec that is not
    /// well-formed, asks for the whole, as the RFC wants; several ranges are refused.
    fn parse(header: &str, length: u64) -> Self {
        let Some((unit, spec)) = header.trim().split_once('=') else { return Self::Whole };
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return Self::Whole;
        }
        if spec.contains(',') {
            return Self::Unsatisfiable;
        }
        let Some((first, last)) = spec.split_once('-') else { return Self::Whole };
        let (first, last) = (first.trim(), last.trim());
        match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => Self::part(first, last.saturating_add(1), length),
            (Some(first), None) if last.is_empty() => Self::part(first, length, length),
            (None, Some(0)) if first.is_empty() => Self::Unsatisfiable,
            (None, Some(suffix)) if first.is_empty() => Self::part(length.saturating_sub(suffix), length, length),
            _ => Self::Whole,
        }
    }

    fn part(start: u64, end: u64, length: u64) -> Self {
        if start < length { Self::Part(start..end.min(length)) } else { Self::Unsatisfiable }
    }
}

/// Digits only: no sign, no space. Above `u64` is past the end of any content.
fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

fn common() -> Vec<(&'static str, String)> {
    vec![
        ("content-security-policy", POLICY.to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
        ("cross-origin-resource-policy", "same-origin".to_owned()),
        // The bytes are kept once, by the node: the browser's own cache would be a second copy that nobody counts.
        ("cache-control", "no-store".to_owned()),
    ]
}

fn refused(status: u16, header: (&'static str, String)) -> Head {
    let mut headers = common();
    headers.push(("content-length", "0".to_owned()));
    headers.push(header);
    Head { status, headers, body: 0..0 }
}

/// `attachment` with the name twice (RFC 6266): plain for old readers, and exact in UTF-8. A manifest's name is one
/// path component without control characters already; what file systems refuse is left to the browser that writes it.
fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_graphic() && !"\"\\%/:*?<>|;".contains(c) || c == ' ' { c } else { '_' })
        .collect();
    let mut exact = String::new();
    for byte in name.bytes() {
        // `attr-char` of RFC 8187.
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            exact.push(char::from(byte));
        } else {
            exact.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(media_type: &str, name: &str, length: u64) -> Details {
        Details { length, index_len: None, media_type: media_type.into(), name: name.into() }
    }

    fn get(purpose: Purpose, range: Option<&str>) -> Request {
        Request {
            purpose,
            id: ContentId([1; 32]),
            part: Part::All,
            method: "GET".into(),
            range: range.map(Into::into),
            if_range: None,
            destination: String::new(),
        }
    }

    fn header<'a>(head: &'a Head, name: &str) -> Option<&'a str> {
        head.headers.iter().find(|(found, _)| *found == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn one_range_is_answered_with_its_part() {
        for (range, body, said) in [
            ("bytes=0-", 0..10, "bytes 0-9/10"),
            ("bytes=0-0", 0..1, "bytes 0-0/10"),
            ("bytes=2-5", 2..6, "bytes 2-5/10"),
            ("bytes=9-", 9..10, "bytes 9-9/10"),
            ("bytes=-3", 7..10, "bytes 7-9/10"),
            ("bytes=-30", 0..10, "bytes 0-9/10"),
            ("bytes=2-99999999999999999999999", 2..10, "bytes 2-9/10"),
            ("Bytes = 2-3", 2..4, "bytes 2-3/10"),
        ] {
            let head = get(Purpose::Stream, Some(range)).answer(&file("video/webm", "a", 10));
            assert_eq!((head.status, head.body.clone()), (206, body.clone()), "{range}");
            assert_eq!(header(&head, "content-range"), Some(said), "{range}");
            assert_eq!(header(&head, "content-length"), Some((body.end - body.start).to_string().as_str()));
        }
    }

    #[test]
    fn what_lies_outside_and_several_ranges_are_refused_with_the_length() {
        for range in ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=0-1,3-4", "bytes=99999999999999999999999-"] {
            let head = get(Purpose::Stream, Some(range)).answer(&file("video/webm", "a", 10));
            assert_eq!((head.status, head.body.clone()), (416, 0..0), "{range}");
            assert_eq!(header(&head, "content-range"), Some("bytes */10"), "{range}");
        }
        let empty = get(Purpose::Stream, Some("bytes=0-")).answer(&file("image/png", "a", 0));
        assert_eq!(empty.status, 416);
    }

    #[test]
    fn what_is_no_byte_range_asks_for_the_whole() {
        for range in ["", "bytes", "bytes=", "bytes=-", "bytes=5-2", "bytes=+1-2", "bytes=1 -x", "lines=0-1"] {
            let head = get(Purpose::Stream, Some(range)).answer(&file("video/webm", "a", 10));
            assert_eq!((head.status, head.body), (200, 0..10), "{range:?}");
        }
    }

    #[test]
    fn head_says_what_get_would_and_has_no_body() {
        let request = Request { method: "HEAD".into(), ..get(Purpose::Stream, Some("bytes=2-5")) };
        let head = request.answer(&file("audio/ogg", "a", 10));
        assert_eq!((head.status, head.body.clone()), (200, 0..0));
        assert_eq!(header(&head, "content-length"), Some("10"));
        assert_eq!(header(&head, "accept-ranges"), Some("bytes"));
        let post = Request { method: "POST".into(), ..get(Purpose::Stream, None) };
        assert_eq!(post.answer(&file("audio/ogg", "a", 10)).status, 405);
    }

    #[test]
    fn a_range_of_another_version_is_the_whole() {
        let other = Request { if_range: Some("\"x\"".into()), ..get(Purpose::Stream, Some("bytes=2-5")) };
        assert_eq!(other.answer(&file("video/webm", "a", 10)).status, 200);
        let same = format!("\"{}\"", ContentId([1; 32]));
        let same = Request { if_range: Some(same), ..get(Purpose::Stream, Some("bytes=2-5")) };
        assert_eq!(same.answer(&file("video/webm", "a", 10)).status, 206);
    }

    #[test]
    fn documents_and_frames_get_nothing_from_the_stream() {
        for media_type in ["text/html", "image/svg+xml", "application/pdf", ""] {
            assert_eq!(get(Purpose::Stream, None).answer(&file(media_type, "a", 10)).status, 403, "{media_type}");
        }
        for destination in ["document", "iframe", "object", "embed", "script", "style", "worker", "track", "manifest"] {
            let request = Request { destination: destination.into(), ..get(Purpose::Stream, None) };
            assert_eq!(request.answer(&file("video/webm", "a", 10)).status, 403, "{destination}");
        }
    }

    #[test]
    fn a_folder_is_saved_as_an_archive_and_never_streamed() {
        let head = get(Purpose::Save, Some("bytes=2-5")).answer_archive("birds", 1234);
        assert_eq!((head.status, head.body.clone()), (200, 0..1234));
        assert_eq!(header(&head, "content-type"), Some("application/zip"));
        assert!(header(&head, "content-disposition").is_some_and(|said| said.contains("filename=\"birds.zip\"")));
        assert_eq!(get(Purpose::Stream, None).answer_archive("birds", 1234).status, 403);
        let head = Request { method: "HEAD".into(), ..get(Purpose::Save, None) }.answer_archive("birds", 1234);
        assert_eq!((head.status, head.body), (200, 0..0));
    }

    #[test]
    fn a_part_of_a_folder_reads_back_as_it_was_written() {
        let query = Part::files_query([0, 1, 2, 7, 9, 10]);
        assert_eq!(query, "?files=0-2,7,9-10");
        assert_eq!(Part::parse(&query), Some(Part::Files(vec![0..3, 7..8, 9..11])));
        assert_eq!((Part::parse(""), Part::parse("?file=7")), (Some(Part::All), Some(Part::File(7))));
        for wrong in [
            "?",
            "?files=",
            "?files=3-1",
            "?files=4,2",
            "?files=0-3,2",
            "?file=-1",
            "?file=a",
            "?file=4294967296",
            "file=1",
        ] {
            assert_eq!(Part::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn every_answer_forbids_guessing_and_running() {
        let item = file("video/webm", "a", 10);
        let page = file("text/html", "a.html", 10);
        let refused = get(Purpose::Stream, None).answer(&page);
        let answers = [get(Purpose::Stream, None).answer(&item), get(Purpose::Save, None).answer(&page), refused];
        for head in answers {
            assert_eq!(header(&head, "x-content-type-options"), Some("nosniff"));
            assert!(header(&head, "content-security-policy").is_some_and(|policy| policy.contains("sandbox;")));
            assert_ne!(header(&head, "content-type"), Some("text/html"));
        }
    }

    #[test]
    fn a_saved_item_is_an_attachment_under_its_own_name() {
        let head = get(Purpose::Save, None).answer(&file("text/html", "naïve \"a\";%.html", 10));
        assert_eq!(header(&head, "content-type"), Some("application/octet-stream"));
        assert_eq!(
            header(&head, "content-disposition"),
            Some("attachment; filename=\"na_ve _a___.html\"; filename*=UTF-8''na%C3%AFve%20%22a%22%3B%25.html")
        );
    }
}
