//! Random descriptions and contents, made of the bytes of an input.

use super::description::{Content, Description, Part};

/// The time of receipt.
pub const NOW: u64 = 1_795_262_400;

/// Choices, made of the bytes of an input; of zeros once they are used up.
pub struct Choices<'a>(pub &'a [u8]);

impl Choices<'_> {
    fn of(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count
    }

    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn one<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.of(all.len())]
    }

    fn text(&mut self, alphabet: &str, length: usize) -> String {
        let characters: Vec<char> = alphabet.chars().collect();
        (0..length).map(|_| characters[self.of(characters.len())]).collect()
    }
}

impl Description {
    pub fn choose(choices: &mut Choices) -> Self {
        let algorithm = choices.one(&["hmac-sha256", "hmac-sha1", "hmac-sha384", "hmac-sha512"]);
        let is_labelled = choices.of(2) == 1;
        let labels = match (is_labelled, choices.of(2)) {
            (false, _) => Vec::new(),
            (true, 0) => vec!["v1"],
            (true, _) => vec!["h0", "h1"],
        };
        let time =
            choices.one(if is_labelled { &["element", "header", "nowhere"] } else { &["header", "nowhere"] });
        let mut parts = vec![Part::Body];
        if time != "nowhere" && choices.of(4) > 0 {
            let at = choices.of(2);
            parts.insert(at, Part::Time);
        }
        if choices.of(3) == 0 {
            let width = choices.one(&[None, Some(4)]);
            let at = choices.of(parts.len() + 1);
            parts.insert(at, Part::Id(width));
        }
        // A text at any place, or at none.
        for at in (0..=parts.len()).rev() {
            let text = choices.one(&["", ".", ":", "-", "v0:", "1", "a.", ".1", "{}"]);
            if !text.is_empty() && text != "{}" {
                parts.insert(at, Part::Text(text.to_owned()));
            }
        }
        Self {
            algorithm,
            encoding: choices.one(&["hex", "base64", "base64url"]),
            secret_encoding: choices.one(&["raw", "base64", "hex", "whsec"]),
            separator: choices.one(&[',', ';', ' ', '&']),
            prefix: choices.one(&["", "v0=", "sha256="]).to_owned(),
            labels,
            time,
            unit: choices.one(&["s", "ms", "rfc3339"]),
            parts,
            key: (0..=choices.of(40)).map(|_| choices.byte() ^ 0x5a).collect(),
        }
    }

    pub fn content(&self, choices: &mut Choices) -> Content {
        let width = self.parts.iter().find_map(|part| match part {
            Part::Id(width) => *width,
            _ => None,
        });
        let length = width.unwrap_or(1 + choices.of(6));
        let id = choices.text("ab7", length);
        let seconds = NOW - choices.of(1000) as u64;
        let time = match self.unit {
            "s" => seconds.to_string(),
            "ms" => format!("{seconds}{:03}", choices.of(1000)),
            _ => date(seconds, choices.one(&["", ".5", ".123456789"])),
        };
        // It may look like any of the other parts.
        let length = choices.of(8);
        let start = choices.text("ab7.:-{", length);
        let middle =
            choices.one(&["", "1795262400", "17952624001234", "2026-11-21T12:00:00Z", "aaaa", "v0:", "."]);
        let length = 1 + choices.of(8);
        let body = format!("{start}{middle}{}", choices.text("ab7.:-{", length));
        Content { id, time, body: body.into_bytes() }
    }
}

/// A date in the day of [`NOW`].
pub fn date(seconds: u64, fraction: &str) -> String {
    let day = seconds % 86_400;
    format!("2026-11-21T{:02}:{:02}:{:02}{fraction}Z", day / 3600, day / 60 % 60, day % 60)
}
