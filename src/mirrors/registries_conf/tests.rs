use super::*;
use crate::error::Code;
use crate::mirrors::rules::Rules;
use crate::reference::Repository;

fn parse(text: &str) -> Result<RegistriesConf> {
    RegistriesConf::parse("/r.conf", text)
}

/// What is asked for a name, in order: host, repository there, what it may be asked.
fn asked(conf: &RegistriesConf, name: &str) -> Option<Vec<String>> {
    let repository = Repository::parse(name, None).unwrap();
    let rules = Rules(vec![conf.rules()]);
    let list = rules.of(&repository)?.endpoints.iter().map(|endpoint| {
        let host = match &endpoint.base {
            EndpointBase::Origin => "origin",
            EndpointBase::At { host, .. } => host,
        };
        let may = [(endpoint.may.by_digest, "d"), (endpoint.may.by_tag, "t"), (endpoint.may.push, "p")];
        let may: String = may.iter().filter(|(yes, _)| *yes).map(|(_, letter)| *letter).collect();
        let insecure = if endpoint.tls.insecure { " insecure" } else { "" };
        format!("{host}/{} {may}{insecure}", endpoint.rename.apply(repository.remote_name()).unwrap_or_default())
    });
    Some(list.collect())
}

#[test]
fn mirrors_are_asked_in_order_and_the_location_last() {
    let conf = parse(
        "[[registry]]\nprefix = \"example.com/foo\"\nlocation = \"internal.example.com/bar/\"\ninsecure = true\n\
         [[registry.mirror]]\nlocation = \"m1.example.com:5000/x\"\npull-from-mirror = \"digest-only\"\n\
         [[registry.mirror]]\nlocation = \"m2.example.com\"\npull-from-mirror = \"tag-only\"\ninsecure = true\n\
         [[registry]]\nlocation = \"docker.io\"\nmirror-by-digest-only = true\n\
         [[registry.mirror]]\nlocation = \"docker.io/mirrored\"\n",
    );
    let conf = conf.unwrap();
    let wanted = [
        "m1.example.com:5000/x/a d",
        "m2.example.com/a t insecure",
        "internal.example.com/bar/a dt insecure",
        "origin/foo/a p insecure",
    ];
    assert_eq!(asked(&conf, "example.com/foo/a").unwrap(), wanted);
    assert_eq!(asked(&conf, "example.com/other/a"), None);
    assert_eq!(asked(&conf, "mongo").unwrap(), ["origin/mirrored/library/mongo d", "origin/library/mongo dtp"]);
}

#[test]
fn subdomains_keep_the_whole_name() {
    let conf = parse(
        "[[registry]]\nprefix = \"*.example.com\"\n[[registry.mirror]]\nlocation = \"m.io/all\"\n\
         [[registry]]\nprefix = \"*.b.io\"\nlocation = \"docker.io/b\"",
    );
    let conf = conf.unwrap();
    assert_eq!(asked(&conf, "a.example.com/x/y").unwrap(), ["m.io/all/x/y dt", "origin/x/y dtp"]);
    assert_eq!(asked(&conf, "a.example.com:443/x").unwrap(), ["m.io/all/x dt", "origin/x dtp"]);
    assert_eq!(asked(&conf, "a.b.io/x").unwrap(), ["registry-1.docker.io/b/x dt", "origin/x p"]);
    assert_eq!(asked(&conf, "example.com/x"), None);
}

/// What the mirrors and the location are for is not read; all else is asked at the registry itself.
#[test]
fn mirrors_of_subdomains_are_for_names_without_a_port() {
    let of = |more: &str| parse(&format!("[[registry]]\nprefix = \"*.example.com\"\n{more}")).unwrap();
    let mirror = "[[registry.mirror]]\nlocation = \"m.io\"\n";
    for (more, itself) in [
        (mirror.to_owned(), "origin/x p"),
        ("location = \"b.io\"\n".to_owned(), "origin/x p"),
        (format!("mirror-by-digest-only = true\n{mirror}"), "origin/x tp"),
        (format!("insecure = true\n{mirror}pull-from-mirror = \"tag-only\"\n"), "origin/x dp insecure"),
    ] {
        let conf = of(&more);
        assert_eq!(asked(&conf, "a.example.com:5000/x").unwrap(), [itself], "{more}");
        let (rules, name) = (Rules(vec![conf.rules()]), Repository::parse("a.example.com:5000/x", None).unwrap());
        let rule = rules.of(&name).unwrap();
        let why = rule.unreadable.as_ref().map(|it| (it.why.code(), it.why.message().contains("without a port")));
        assert_eq!((why, rule.wrong.is_none()), (Some((Code::InvalidReference, true)), true), "{more}");
    }
}

#[test]
fn subdomains_without_mirrors_are_those_with_ports_too() {
    let conf = parse(
        "[[registry]]\nprefix = \"*.example.com\"\ninsecure = true\n[[registry]]\nprefix = \"*.shut.io\"\nblocked = true\n\
         [[registry.mirror]]\nlocation = \"m.io\"\n",
    );
    let conf = conf.unwrap();
    assert_eq!(asked(&conf, "a.example.com:5000/x").unwrap(), ["origin/x dtp insecure"]);
    assert_eq!(asked(&conf, "a.shut.io/x").unwrap(), ["m.io/x dt"]);
    let (rules, ported) = (Rules(vec![conf.rules()]), Repository::parse("a.shut.io:5000/x", None).unwrap());
    let rule = rules.of(&ported).unwrap();
    assert!(rule.blocked && rule.endpoints.is_empty() && rule.wrong.is_none());
}

#[test]
fn what_is_blocked_has_its_mirrors_only() {
    let conf = parse(
        "[[registry]]\nlocation = \"quay.io\"\nblocked = true\n[[registry.mirror]]\nlocation = \"m.io/quay\"\n\
         [[registry]]\nlocation = \"evil.io\"\nblocked = true\n",
    );
    let conf = conf.unwrap();
    assert_eq!(asked(&conf, "quay.io/a").unwrap(), ["m.io/quay/a dt"]);
    assert!(asked(&conf, "evil.io/a").unwrap().is_empty());
    assert!(conf.rules().iter().all(|rule| rule.blocked));
}

#[test]
fn later_files_replace_prefixes_searches_and_aliases() {
    let mut conf = parse(
        "unqualified-search-registries = [\"a.io\", \"b.io\"]\nshort-name-mode = \"enforcing\"\n\
         [aliases]\nfedora = \"registry.fedoraproject.org/fedora\"\ngone = \"x.io/gone\"\n\
         [[registry]]\nlocation = \"a.io\"\ninsecure = true\n[[registry]]\nlocation = \"b.io\"\n",
    );
    let later = "unqualified-search-registries = [\"c.io\"]\n[aliases]\ngone = \"\"\nmongo = \"docker.io/mongo\"\n\
                 [[registry]]\nlocation = \"a.io\"\n";
    let conf = conf.as_mut().unwrap();
    let several = conf.short_names.resolve("x/y").unwrap_err();
    assert!(several.message().contains("a.io/x/y, b.io/x/y") && several.hint().is_some(), "{several}");
    conf.merge("/later.conf", later).unwrap();
    assert_eq!(asked(conf, "a.io/x").unwrap(), ["origin/x dtp"]);
    assert_eq!(asked(conf, "b.io/x").unwrap(), ["origin/x dtp"]);
    let resolved = |name: &str| {
        let (repository, source) = conf.short_names.resolve(name).unwrap();
        let RuleSource::File { path, line } = source else { panic!() };
        format!("{} {path}:{line}", repository.canonical_name())
    };
    assert_eq!(resolved("fedora"), "registry.fedoraproject.org/fedora /r.conf:4");
    assert_eq!(resolved("mongo"), "docker.io/mongo /later.conf:4");
    assert_eq!(resolved("gone"), "c.io/gone /later.conf:1");
    assert_eq!(conf.short_names.mode().as_str(), "enforcing");
    assert!(ShortNames::default().resolve("a").unwrap_err().message().contains("no registries to search"));
}

#[test]
fn what_is_wrong_has_its_line() {
    let registry = |rest: &str| format!("[[registry]]\nlocation = \"a.io\"\n{rest}");
    let mirror = |rest: &str| registry(&format!("[[registry.mirror]]\n{rest}"));
    for (text, line, what) in [
        (registry("insecure = \"yes\""), 3, "'insecure' must be true or false"),
        (registry("pull-from-mirror = \"all\""), 1, "belongs to mirrors"),
        (mirror("insecure = true"), 3, "no 'location'"),
        (mirror("location = \"https://m.io\""), 4, "URL"),
        (mirror("location = \"m.io\"\npull-from-mirror = \"never\""), 5, "all, digest-only or tag-only"),
        (
            registry(
                "mirror-by-digest-only = true\n[[registry.mirror]]\nlocation = \"m.io\"\npull-from-mirror = \"all\"",
            ),
            6,
            "exclude",
        ),
        (registry("[[registry]]\nlocation = \"a.io\"\nprefix = \"b.io\"\nblocked = true"), 3, "twice"),
        ("[[registry]]\nprefix = \"a.io\"".into(), 2, "must begin with '*.'"),
        ("[[registry]]\nprefix = \"*.a.io/x\"".into(), 2, "like *.example.com"),
        ("[[registry]]\nprefix = \"*.\"".into(), 2, "like *.example.com"),
        ("[[registry]]\ninsecure = true".into(), 1, "neither"),
        ("\n[registry]\nlocation = \"a.io\"".into(), 2, "[[registry]]"),
        ("[registries.search]\nregistries = [\"a.io\"]".into(), 1, "version 1"),
        ("short-name-mode = \"maybe\"".into(), 1, "short-name-mode"),
        ("unqualified-search-registries = [\"a.io/x\"]".into(), 1, "unqualified-search-registries"),
        ("[aliases]\n\"a.io/x\" = \"b.io/x\"".into(), 2, "without registry"),
        ("[aliases]\nx = \"b\"".into(), 2, "REGISTRY/NAME"),
        ("[aliases]\nx = \"b.io/x:tag\"".into(), 2, "REGISTRY/NAME"),
    ] {
        let said = parse(&text).unwrap_err().to_string();
        assert!(said.starts_with(&format!("/r.conf, line {line}: ")) && said.contains(what), "{text}: {said}");
        assert!(!said.contains("secret"), "{said}");
    }
}

/// A typo in one product's file does not stop what others pull.
#[test]
fn a_location_that_cannot_be_asked_is_wrong_for_its_own_names() {
    let text = |location: &str| {
        format!(
            "[[registry]]\nlocation = \"a.io\"\n[[registry.mirror]]\nlocation = \"{location}\"\n\
             [[registry]]\nlocation = \"b.io\"\n[[registry.mirror]]\nlocation = \"m.io\"\n"
        )
    };
    for (location, what) in [
        ("m.io/Foo", "not a repository's name"),
        ("m.io/x:v1", "not a repository's name"),
        ("harbor/x", "not a registry"),
        ("user:secret@m.io", "'@'"),
    ] {
        let rules = parse(&text(location)).unwrap().rules();
        let wrong = rules[0].wrong.as_ref().unwrap().message();
        assert!(wrong.starts_with("/r.conf, line 4: ") && wrong.contains(what) && !wrong.contains("secret"), "{wrong}");
        assert!(rules[0].endpoints.is_empty() && rules[1].wrong.is_none() && rules[1].endpoints.len() == 2);
    }
    let wildcard = parse("[[registry]]\nlocation = \"*.a.io\"\nblocked = true\n").unwrap().rules();
    assert!(wildcard[0].wrong.is_some() && wildcard[0].blocked);
}

#[test]
fn what_is_too_much_is_refused() {
    let registries = |range: std::ops::Range<usize>| -> String {
        range.map(|number| format!("[[registry]]\nlocation = \"r{number}.io\"\n")).collect()
    };
    let mirrors =
        format!("[[registry]]\nlocation = \"a.io\"\n{}", "[[registry.mirror]]\nlocation = \"m.io\"\n".repeat(101));
    for (text, what) in [(registries(0..5001), "more than 5000 registries"), (mirrors, "more than 100 mirrors")] {
        let error = parse(&text).unwrap_err();
        assert!(error.code() == Code::LimitExceeded && error.message().contains(what), "{error}");
    }
    let mut conf = parse(&registries(0..5000)).unwrap();
    conf.merge("/l.conf", &registries(4990..5000)).unwrap();
    let error = conf.merge("/l.conf", &registries(5000..5001)).unwrap_err();
    assert!(error.message().contains("/l.conf: there are more than 5000 registries with those"), "{error}");
}

#[test]
fn what_no_name_has_and_what_nobody_knows_is_left_out() {
    let conf = parse(
        "credential-helpers = [\"pass\"]\nfuture = 1\n[[registry]]\nlocation = \"a.io/x:tag\"\n\
         [[registry]]\nlocation = \"word\"\n[[registry]]\nPrefix = \"b.io\"\nLocation = \"c.io\"\nodd = {}\n",
    );
    assert_eq!(conf.unwrap().rules().len(), 1);
    assert!(parse("").unwrap().rules().is_empty());
}
