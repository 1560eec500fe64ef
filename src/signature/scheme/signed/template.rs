//! The text that describes a signed content, such as `v0:{time}:{body}`.

use std::{fmt, str::FromStr};

use super::{MAX_PARTS, Part, Signed, SignedError};

impl FromStr for Signed {
    type Err = SignedError;

    /// Reads a text such as `v0:{time}:{body}`, of `{body}`, `{time}`, `{id}`, `{id:36}` (an id of this width), `{url}`
    /// and anything else.
    fn from_str(text: &str) -> Result<Self, SignedError> {
        let (before, after) = text.split_once("{body}").ok_or(SignedError::NoBody)?;
        if after.contains("{body}") {
            return Err(SignedError::Twice);
        }
        Ok(Self { before: parse(before)?.into(), after: parse(after)?.into() })
    }
}

fn parse(text: &str) -> Result<Vec<Part>, SignedError> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (part, end) = match rest.strip_prefix('{') {
            None => {
                let end = rest.find('{').unwrap_or(rest.len());
                (Part::Text(rest[..end].to_owned().into()), end)
            }
            Some(name) => {
                let name = &name[..name.find('}').ok_or(SignedError::Unknown)?];
                let part = match name.split_once(':') {
                    None if name == "id" => Part::Id,
                    None if name == "time" => Part::Time,
                    None if name == "url" => Part::Url,
                    Some(("id", width)) => match width.parse() {
                        Ok(width @ 1..=256) => Part::IdOfWidth(width),
                        _ => return Err(SignedError::Unknown),
                    },
                    _ => return Err(SignedError::Unknown),
                };
                (part, name.len() + 2)
            }
        };
        parts.push(part);
        rest = &rest[end..];
    }
    if parts.len() > MAX_PARTS { Err(SignedError::TooMany) } else { Ok(parts) }
}

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.before.iter().try_for_each(|part| part.fmt(f))?;
        f.write_str("{body}")?;
        self.after.iter().try_for_each(|part| part.fmt(f))
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Id => f.write_str("{id}"),
            Self::IdOfWidth(width) => write!(f, "{{id:{width}}}"),
            Self::Time => f.write_str("{time}"),
            Self::Url => f.write_str("{url}"),
        }
    }
}
