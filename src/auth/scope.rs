//! Scopes: what a token is for (distribution, docs/spec/auth/scope.md).

use std::fmt;

/// More scopes in one set than any request needs: a limit for what servers ask for.
const MOST_SCOPES: usize = 32;
/// Longer scopes are ignored.
const MOST_BYTES: usize = 4096;

/// `type:name:actions`, the actions sorted and without duplicates; `*` includes the others. A string in another form,
/// such as the `aws` of ECR public, is kept whole.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Scope {
    kind: String,
    name: String,
    actions: Vec<String>,
}

impl Scope {
    pub(crate) fn repository(name: &str, actions: &[&str]) -> Scope {
        Scope::new("repository", name, actions.iter().copied())
    }

    /// The scope for listing all repositories.
    pub(crate) fn catalog() -> Scope {
        Scope::new("registry", "catalog", ["*"])
    }

    /// Parses one scope. The name may contain a host with its port: it ends at the last colon. Empty strings, those
    /// without actions and those with invalid characters are None.
    pub(crate) fn parse(text: &str) -> Option<Scope> {
        if text.is_empty() || text.len() > MOST_BYTES || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let Some((kind, (name, actions))) =
            text.split_once(':').and_then(|(kind, rest)| Some((kind, rest.rsplit_once(':')?)))
        else {
            return Some(Scope { kind: text.to_owned(), name: String::new(), actions: Vec::new() });
        };
        let scope = Scope::new(kind, name, actions.split(','));
        (!kind.is_empty() && !name.is_empty() && !scope.actions.is_empty()).then_some(scope)
    }

    fn new<'a>(kind: &str, name: &str, actions: impl IntoIterator<Item = &'a str>) -> Scope {
        let actions = actions.into_iter().filter(|action| !action.is_empty()).map(str::to_owned).collect();
        let mut scope = Scope { kind: kind.to_owned(), name: name.to_owned(), actions };
        scope.settle();
        scope
    }

    fn settle(&mut self) {
        if self.actions.iter().any(|action| action == "*") {
            self.actions = vec!["*".to_owned()];
        }
        self.actions.sort_unstable();
        self.actions.dedup();
    }

    fn is_about_the_same(&self, other: &Scope) -> bool {
        (&self.kind, &self.name) == (&other.kind, &other.name)
    }

    /// Whether it includes the other scope.
    fn covers(&self, other: &Scope) -> bool {
        let allows = |action| self.actions.iter().any(|own| own == "*" || own == action);
        self.is_about_the_same(other) && other.actions.iter().all(allows)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.as_str() {
            "" => out.write_str(&self.kind),
            name => write!(out, "{}:{name}:{}", self.kind, self.actions.join(",")),
        }
    }
}

/// Scopes requested together. The first one added stays first: some token servers read only that one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ScopeSet {
    scopes: Vec<Scope>,
}

impl ScopeSet {
    pub(crate) fn new() -> ScopeSet {
        ScopeSet::default()
    }

    /// Adds a scope; actions on a resource that is already in the set are merged.
    pub(crate) fn add(&mut self, scope: Scope) {
        if let Some(known) = self.scopes.iter_mut().find(|known| known.is_about_the_same(&scope)) {
            known.actions.extend(scope.actions);
            known.settle();
        } else if self.scopes.len() < MOST_SCOPES {
            self.scopes.push(scope);
        }
    }

    /// Adds scopes separated by spaces, as in a challenge. Anything else is skipped.
    pub(crate) fn add_text(&mut self, text: &str) {
        text.split_ascii_whitespace().filter_map(Scope::parse).for_each(|scope| self.add(scope));
    }

    pub(crate) fn union(&mut self, other: &ScopeSet) {
        other.scopes.iter().cloned().for_each(|scope| self.add(scope));
    }

    /// The same without the actions that occur nowhere in another set.
    pub(crate) fn limited_to(&self, other: &ScopeSet) -> ScopeSet {
        let allowed: Vec<&str> = other.scopes.iter().flat_map(|scope| &scope.actions).map(String::as_str).collect();
        let limit = |scope: &Scope| {
            // A scope without actions cannot be limited.
            if scope.actions.is_empty() || allowed.contains(&"*") {
                return Some(scope.clone());
            }
            let all = scope.actions.iter().any(|action| action == "*");
            let left = allowed.iter().copied().filter(|action| all || scope.actions.iter().any(|own| own == action));
            Some(Scope::new(&scope.kind, &scope.name, left)).filter(|scope| !scope.actions.is_empty())
        };
        ScopeSet { scopes: self.scopes.iter().filter_map(limit).collect() }
    }

    /// Whether a token for this set is sufficient for the other one.
    pub(crate) fn contains(&self, other: &ScopeSet) -> bool {
        other.scopes.iter().all(|wanted| self.scopes.iter().any(|scope| scope.covers(wanted)))
    }

    /// Whether some of it is more than reading a repository.
    pub(crate) fn writes(&self) -> bool {
        self.scopes.iter().any(|scope| scope.kind == "repository" && scope.actions != ["pull"])
    }

    /// Whether some of it is about another repository.
    pub(crate) fn reaches_beyond(&self, repository: &str) -> bool {
        self.scopes.iter().any(|scope| scope.kind == "repository" && scope.name != repository)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.scopes.is_empty()
    }

    /// The scopes, in the order in which to request them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.scopes.iter()
    }

    /// A cache key: equal for equal scopes in any order.
    pub(crate) fn key(&self) -> String {
        let mut texts: Vec<String> = self.scopes.iter().map(Scope::to_string).collect();
        texts.sort_unstable();
        texts.join(" ")
    }
}

impl From<Scope> for ScopeSet {
    fn from(scope: Scope) -> ScopeSet {
        ScopeSet { scopes: vec![scope] }
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.scopes.iter().enumerate() {
            write!(out, "{}{scope}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> ScopeSet {
        let mut set = ScopeSet::new();
        set.add_text(text);
        set
    }

    #[test]
    fn scopes_become_canonical() {
        for (text, expected) in [
            ("repository:a/b:pull", "repository:a/b:pull"),
            ("repository:a:push,pull,push,pull", "repository:a:pull,push"),
            ("repository:a:pull,*,push", "repository:a:*"),
            ("repository:a:,pull,,", "repository:a:pull"),
            ("repository:host:5000/a/b:push,pull", "repository:host:5000/a/b:pull,push"),
            ("repository(plugin):a:pull", "repository(plugin):a:pull"),
            ("registry:catalog:*", "registry:catalog:*"),
            ("aws", "aws"),
            ("a:b", "a:b"),
        ] {
            assert_eq!(Scope::parse(text).unwrap().to_string(), expected, "{text}");
        }
        let long = "x".repeat(MOST_BYTES + 1);
        for text in
            ["", "repository:a:", "repository:a:,", ":a:pull", "repository::pull", "a b", "a\u{e9}", "a\n", "\0", &long]
        {
            assert_eq!(Scope::parse(text), None, "{text}");
        }
        assert_eq!(
            Scope::repository("h:5000/a", &["push", "pull"]),
            Scope::parse("repository:h:5000/a:pull,push").unwrap()
        );
        assert_eq!(Scope::catalog(), Scope::parse("registry:catalog:*").unwrap());
    }

    #[test]
    fn a_union_keeps_its_first_scope_first() {
        let mut both = ScopeSet::from(Scope::repository("target", &["pull", "push"]));
        both.add(Scope::repository("a-source", &["pull"]));
        both.add_text("aws  repository:target:delete bad:scope: repository:target:pull");
        assert_eq!(both.to_string(), "repository:target:delete,pull,push repository:a-source:pull aws");
        assert_eq!(both.key(), "aws repository:a-source:pull repository:target:delete,pull,push");
        let mut other = set("aws");
        other.union(&both);
        assert_eq!(other.key(), both.key());
        assert_ne!(other.to_string(), both.to_string());
        assert_eq!(other.iter().count(), 3);
        both.add_text("repository:target:*");
        assert!(both.to_string().starts_with("repository:target:* "));
        assert_eq!(ScopeSet::new().key(), "");
        assert!(ScopeSet::new().is_empty() && !both.is_empty());
    }

    #[test]
    fn more_serves_for_less() {
        for (more, less, serves) in [
            ("repository:a:pull,push", "repository:a:pull", true),
            ("repository:a:*", "repository:a:delete,pull", true),
            ("repository:a:pull repository:b:pull", "repository:b:pull", true),
            ("repository:a:pull", "", true),
            ("aws", "aws", true),
            ("", "repository:a:pull", false),
            ("repository:a:pull", "repository:a:pull,push", false),
            ("repository:a:pull,push", "repository:a:*", false),
            ("repository:a:pull", "repository:b:pull", false),
            ("repository:a:pull", "repository(plugin):a:pull", false),
            ("repository:a:pull", "repository:a:pull repository:b:pull", false),
            ("repository:a:*", "aws", false),
        ] {
            assert_eq!(set(more).contains(&set(less)), serves, "{more} / {less}");
        }
    }

    #[test]
    fn a_set_is_limited_by_actions() {
        for (text, wanted, expected) in [
            ("repository:b:pull,push", "repository:a:pull", "repository:b:pull"),
            ("repository:b:pull,push repository:c:push aws", "repository:a:pull", "repository:b:pull aws"),
            ("repository:b:delete", "repository:a:pull", ""),
            ("repository:b:*", "repository:a:pull", "repository:b:pull"),
            ("repository:b:pull,push", "registry:catalog:*", "repository:b:pull,push"),
            ("repository:b:pull", "", ""),
        ] {
            assert_eq!(set(text).limited_to(&set(wanted)).to_string(), expected, "{text} / {wanted}");
        }
    }

    #[test]
    fn a_server_cannot_make_a_set_grow_for_ever() {
        let text: String = (0..1000).map(|n| format!("repository:r{n}:pull ")).collect();
        assert_eq!(set(&text).iter().count(), MOST_SCOPES);
    }
}
