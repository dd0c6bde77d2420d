//! Lists of names, page by page: the catalog and tags.

pub mod catalog;
pub(crate) mod cursor;
pub(crate) mod name_list;
pub(crate) mod names;
pub(crate) mod page;
pub(crate) mod pages;
pub mod tags;
