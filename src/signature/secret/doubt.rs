//! Doubts that a secret was pasted correctly, in words that reveal nothing of it.

use std::fmt;

/// A reason to check a secret again. No known provider makes such a secret, but nothing forbids it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    WhiteSpace,
    Invisible,
    NotAscii,
    Quotes,
    Assignment,
}

impl Doubt {
    pub(super) fn about(text: &str) -> impl Iterator<Item = Self> {
        [
            (Self::WhiteSpace, text.contains(char::is_whitespace)),
            (Self::Invisible, text.contains(|c| !char::is_whitespace(c) && (c.is_control() || is_format(c)))),
            (Self::NotAscii, text.contains(|c: char| !c.is_ascii() && !c.is_whitespace() && !is_format(c))),
            (Self::Quotes, text.starts_with(QUOTES) || text.ends_with(QUOTES)),
            (Self::Assignment, is_assignment(text)),
        ]
        .into_iter()
        .filter_map(|(doubt, applies)| applies.then_some(doubt))
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WhiteSpace => "has white space within it",
            Self::Invisible => "has control characters or invisible characters within it",
            Self::NotAscii => "has characters within it that are not ASCII",
            Self::Quotes => "begins or ends with a quotation mark",
            Self::Assignment => "begins with NAME=",
        })
    }
}

const QUOTES: [char; 2] = ['"', '\''];

/// Returns `true` for characters that may be pasted along with a secret, invisibly, and never belong to it.
pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}'..='\u{200d}' | '\u{2060}')
}

/// Returns `true` for the format characters (Unicode's category Cf) that are pasted by mistake.
fn is_format(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}'
            | '\u{2066}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0001}'..='\u{e007f}'
    )
}

/// Returns `true` for `NAME=…`, but not for base64 with padding.
fn is_assignment(text: &str) -> bool {
    let Some((name, value)) = text.split_once('=') else { return false };
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name && !value.trim_start_matches('=').is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_looks_wrong_is_doubted() {
        let doubts = |text: &str| Doubt::about(text).collect::<Vec<_>>();
        for correct in [
            "54vFWvaSbbzYpxXPeB4YEw==",
            "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "shpss_0123456789abcdef",
            "It's-a-secret,to=",
            "a=",
            "ab==",
        ] {
            assert_eq!(doubts(correct), [], "{correct}");
        }
        assert_eq!(doubts("a\nb"), [Doubt::WhiteSpace]);
        assert_eq!(doubts("a\u{200b}b"), [Doubt::Invisible]);
        assert_eq!(doubts("a\0b"), [Doubt::Invisible]);
        assert_eq!(doubts("\u{fe}b"), [Doubt::NotAscii]);
        assert_eq!(doubts("\"hush\""), [Doubt::Quotes]);
        assert_eq!(doubts("'hush'"), [Doubt::Quotes]);
        assert_eq!(doubts("hush\""), [Doubt::Quotes]);
        assert_eq!(doubts("WEBHOOK_SECRET=hush"), [Doubt::Assignment]);
        assert_eq!(doubts("secret=='h u'"), [Doubt::WhiteSpace, Doubt::Quotes, Doubt::Assignment]);
    }
}
