//! Small pieces that several screens share. They draw what they are given and know nothing of the node.

pub(crate) mod bar;
pub(crate) mod chosen;
pub(crate) mod copy_button;
pub(crate) mod drop_zone;
pub(crate) mod icon;
pub(crate) mod identicon;
pub(crate) mod map;
pub(crate) mod notice;
pub(crate) mod path_glyph;
pub(crate) mod qr_code;
pub(crate) mod sparkline;
pub(crate) mod switch;
