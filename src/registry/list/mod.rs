//! Lists of names, page by page: the catalog, and what lists of tags and referrers are read with too.

pub(crate) mod catalog;
pub(crate) mod cursor;
pub(crate) mod name_list;
pub(crate) mod names;
pub(crate) mod page;
pub(crate) mod pages;
