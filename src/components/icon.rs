//! Line icons on a 24 grid, and the mark.

use leptos::prelude::*;

/// One path each, stroked.
pub(crate) mod glyph {
    pub(crate) const UPLOAD: &str =
        "M12 15V4m-4.5 4.5L12 4l4.5 4.5M5 15v3.5A1.5 1.5 0 0 0 6.5 20h11a1.5 1.5 0 0 0 1.5-1.5V15";
    pub(crate) const FILE: &str = "M7 3.5h6.5L18 8v12.5H7zM13.5 3.5V8H18";
    pub(crate) const FOLDER: &str = "M3.5 6h6l2 2.5h9v10.5h-17z";
    pub(crate) const FOLD: &str = "M9 6l6 6-6 6";
    pub(crate) const COPY: &str = "M9 9h10.5v10.5H9zM6 15H4.5V4.5H15V6";
    pub(crate) const CHECK: &str = "M5 12.5l4.5 4.5L19 7.5";
    pub(crate) const CROSS: &str = "M6 6l12 12M18 6L6 18";
    pub(crate) const ARROW: &str = "M4 12h15m-5.5-5.5L19 12l-5.5 5.5";
    pub(crate) const EYE: &str = "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM15 \
                                  12a3 3 0 1 1-6 0a3 3 0 0 1 6 0z";
    pub(crate) const LIBRARY: &str = "M4 4.5h4v15H4zM8 4.5h4.5v15H8zM14 5.5l3.6-1 3.9 14.5-3.6 1z";
    pub(crate) const NETWORK: &str = "M20.5 12a8.5 8.5 0 1 1-17 0a8.5 8.5 0 0 1 17 0zM15 12a3 3 0 1 1-6 0a3 3 0 \
                                      0 1 6 0z";
    pub(crate) const LEDGER: &str =
        "M12 6.5C10 5 7 4.5 4 5v13.5c3-.5 6 0 8 1.5c2-1.5 5-2 8-1.5V5c-3-.5-6 0-8 1.5zM12 6.5V20";
    pub(crate) const PULSE: &str = "M3 12h4l3-7 4 14 3-7h4";
    pub(crate) const INFO: &str = "M20.5 12a8.5 8.5 0 1 1-17 0a8.5 8.5 0 0 1 17 0zM12 11v5.5M12 7.6v.1";
    pub(crate) const WARNING: &str = "M12 4L2.8 20h18.4zM12 10v4.5M12 17.2v.1";
    pub(crate) const CLOCK: &str = "M20.5 12a8.5 8.5 0 1 1-17 0a8.5 8.5 0 0 1 17 0zM12 7v5.5l3.5 2";
    pub(crate) const PAUSE: &str = "M8.5 5v14M15.5 5v14";
    pub(crate) const PLAY: &str = "M7.5 5l11 7-11 7z";
    pub(crate) const SAVE: &str = "M12 4v11m-4.5-4.5L12 15l4.5-4.5M5 19.5h14";
    pub(crate) const TRASH: &str = "M5 7h14M9.5 7V4.5h5V7M7 7l1 12.5h8L17 7M10.5 10.5v5.5M13.5 10.5v5.5";
    pub(crate) const PIN: &str = "M9 3.5h6M10 3.5v6l-3.5 4.5h11L14 9.5v-6M12 14v6.5";
    pub(crate) const SEND: &str = "M8.7 10.7l6.6-3.4M8.7 13.3l6.6 3.4M9 12a2.5 2.5 0 1 1-5 0a2.5 2.5 0 0 1 5 \
                                   0zM20 6a2.5 2.5 0 1 1-5 0a2.5 2.5 0 0 1 5 0zM20 18a2.5 2.5 0 1 1-5 0a2.5 2.5 0 0 1 5 0z";
}

/// An icon beside a word; it says nothing by itself.
pub(crate) fn icon(path: &'static str) -> impl IntoView {
    view! { <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=path /></svg> }
}

/// Where the mark's seven specks are on a grid of 24; the last is the head.
pub(crate) const MARK: [(f64, f64, f64); 7] = [
    (13.0, 12.0, 2.5),
    (8.4, 8.4, 2.0),
    (4.9, 4.2, 1.5),
    (13.6, 18.0, 2.0),
    (8.9, 18.5, 1.55),
    (4.7, 17.2, 1.1),
    (18.4, 14.6, 3.1),
];

/// The specks of the mark, for an SVG with a 24 grid.
pub(crate) fn mark_specks() -> impl IntoView {
    MARK.into_iter()
        .enumerate()
        .map(|(i, (x, y, r))| view! { <circle class:head=i == 6 cx=x cy=y r=r /> })
        .collect_view()
}

/// The mark: a bird of seven specks.
pub(crate) fn mark() -> impl IntoView {
    view! { <svg class="mark" viewBox="0 0 24 24" aria-hidden="true">{mark_specks()}</svg> }
}
