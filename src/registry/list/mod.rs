//! Lists of names, page by page: the catalog and tags.

pub mod catalog;
pub mod cursor;
pub mod name_list;
pub mod names;
pub mod page;
pub mod pages;
pub mod tags;
