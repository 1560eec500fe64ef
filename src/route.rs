//! Routes: the source or the health check that a path names, after the prefixes that gateways put in front of it.

use thiserror::Error;

const SOURCES: &str = "/webhooks/";
const HEALTH: &str = "/health";

/// The target of a path.
pub(crate) enum Route<S> {
    /// A source, which accepts deliveries by POST.
    Source(S),
    /// The health check, by GET and HEAD.
    Health,
}

/// The base path of a custom domain, as in `/in`:
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-mappings.html>.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BasePath(String);

impl BasePath {
    /// Accepts segments of letters, digits and `$-_.+!*'()~`, each after a slash.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let is_segment = |segment: &str| {
            let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"$-_.+!*'()~".contains(&byte);
            !segment.is_empty() && segment.bytes().all(is_valid)
        };
        text.strip_prefix('/')?.split('/').all(is_segment).then(|| Self(text.to_owned()))
    }
}

/// A path with the prefixes that may stand in front of it.
pub(crate) struct Path<'a> {
    given: &'a str,
    stage: Option<String>,
    base: Option<&'a str>,
}

impl<'a> Path<'a> {
    pub(crate) fn new(given: &'a str, stage: Option<&str>, base: Option<&'a BasePath>) -> Self {
        let stage = stage.map(|stage| format!("/{stage}"));
        Self { given, stage, base: base.map(|base| base.0.as_str()) }
    }

    /// Finds the target of the path as it was given, or else without stage, base path, or both.
    ///
    /// A stage and a source may both be called `webhooks`, so a prefix is only cut off if the path has no target with
    /// it.
    pub(crate) fn find<S>(&self, source: impl Fn(&str) -> Option<S>) -> Option<Route<S>> {
        self.readings().find_map(|path| {
            let path = path.strip_suffix('/').unwrap_or(path);
            if path == HEALTH {
                return Some(Route::Health);
            }
            path.strip_prefix(SOURCES).and_then(&source).map(Route::Source)
        })
    }

    /// Returns the reason why nothing was found.
    pub(crate) fn unknown(&self) -> Unknown {
        if self.readings().any(|path| path.starts_with(SOURCES)) {
            Unknown::Source
        } else if self.given.contains(SOURCES) {
            Unknown::Prefix
        } else {
            Unknown::Path
        }
    }

    fn readings(&self) -> impl Iterator<Item = &'a str> {
        let given = single_slash(self.given);
        let (stage, base) = (self.stage.as_deref(), self.base);
        let (without_stage, without_base) = (without(given, stage), without(given, base));
        let without_both = without_stage
            .and_then(|path| without(path, base))
            .or_else(|| without_base.and_then(|path| without(path, stage)));
        [Some(given), without_stage, without_base, without_both].into_iter().flatten()
    }
}

/// Cuts a prefix of whole segments off.
fn without<'p>(path: &'p str, prefix: Option<&str>) -> Option<&'p str> {
    path.strip_prefix(prefix?).filter(|rest| rest.starts_with('/')).map(single_slash)
}

/// Reduces two leading slashes to one: a base URL that ends in a slash, with a path after it, has two.
fn single_slash(path: &str) -> &str {
    if path.starts_with("//") { &path[1..] } else { path }
}

/// The reason why a path has no target.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum Unknown {
    #[error("unknown source")]
    Source,
    #[error("unknown path: what precedes /webhooks/ is neither the gateway's stage nor BASE_PATH")]
    Prefix,
    #[error("unknown path")]
    Path,
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 3] = ["duffel", "webhooks", "health"];

    fn found(path: &str, stage: &str, base: &str) -> Result<String, Unknown> {
        let base = BasePath::new(base);
        let path = Path::new(path, Some(stage).filter(|stage| !stage.is_empty()), base.as_ref());
        match path.find(|name| NAMES.iter().find(|source| **source == name)) {
            Some(Route::Source(source)) => Ok((*source).to_owned()),
            Some(Route::Health) => Ok("the health check".to_owned()),
            None => Err(path.unknown()),
        }
    }

    #[test]
    fn stage_and_base_path_are_cut_off_in_either_order() {
        for path in [
            "/webhooks/duffel",
            "/webhooks/duffel/",
            "//webhooks/duffel",
            "/prod/webhooks/duffel",
            "/prod//webhooks/duffel/",
            "/in/v1/webhooks/duffel",
            "/in/v1/prod/webhooks/duffel",
            "/prod/in/v1/webhooks/duffel",
            "//in/v1//webhooks/duffel",
        ] {
            assert_eq!(found(path, "prod", "/in/v1").as_deref(), Ok("duffel"), "{path}");
        }
    }

    #[test]
    fn a_stage_and_a_source_may_share_a_name() {
        let webhooks = |path| found(path, "webhooks", "");
        assert_eq!(webhooks("/webhooks/duffel").as_deref(), Ok("duffel"));
        assert_eq!(webhooks("/webhooks/webhooks").as_deref(), Ok("webhooks"));
        assert_eq!(webhooks("/webhooks/webhooks/duffel").as_deref(), Ok("duffel"));
        assert_eq!(webhooks("/webhooks/webhooks/webhooks").as_deref(), Ok("webhooks"));
        assert_eq!(found("/duffel/webhooks/webhooks", "duffel", "").as_deref(), Ok("webhooks"));
        assert_eq!(found("/webhooks/webhooks/duffel", "", "/webhooks").as_deref(), Ok("duffel"));
    }

    #[test]
    fn the_health_check_is_found_like_a_source() {
        for path in ["/health", "/health/", "/prod/health", "/in/health"] {
            assert_eq!(found(path, "prod", "/in").as_deref(), Ok("the health check"), "{path}");
        }
        assert_eq!(found("/webhooks/health", "webhooks", "").as_deref(), Ok("health"));
        assert_eq!(found("/health/health", "health", "").as_deref(), Ok("the health check"));
    }

    #[test]
    fn other_paths_have_no_target() {
        for (path, unknown) in [
            ("/webhooks/duffel//", Unknown::Source),
            ("/webhooks//duffel", Unknown::Source),
            ("/webhooks/", Unknown::Source),
            ("/webhooks/Duffel", Unknown::Source),
            ("/webhooks/duffe%6c", Unknown::Source),
            ("/webhooks/../webhooks/duffel", Unknown::Source),
            ("/webhooks/duffel/health", Unknown::Source),
            ("/webhooks/nobody/webhooks/duffel", Unknown::Source),
            ("/prod/webhooks/nobody", Unknown::Source),
            ("///webhooks/duffel", Unknown::Prefix),
            ("/prod/prod/webhooks/duffel", Unknown::Prefix),
            ("/production/webhooks/duffel", Unknown::Prefix),
            ("/prodwebhooks/duffel", Unknown::Path),
            ("/in/in/webhooks/duffel", Unknown::Prefix),
            ("/other/webhooks/duffel", Unknown::Prefix),
            ("/healthy", Unknown::Path),
            ("/webhooks", Unknown::Path),
            ("/", Unknown::Path),
            ("", Unknown::Path),
        ] {
            assert_eq!(found(path, "prod", "/in"), Err(unknown), "{path}");
        }
    }

    #[test]
    fn a_base_path_consists_of_segments() {
        for text in ["/in", "/a/b.c", "/v1_$-(x)"] {
            assert!(BasePath::new(text).is_some(), "{text}");
        }
        for text in ["", "/", "in", "/in/", "//in", "/a//b", "/a b", "/a?b", "/a%20", "/é", "/a#b"] {
            assert!(BasePath::new(text).is_none(), "{text}");
        }
    }
}
