//! The local inspector of `serve`.

mod browser;
