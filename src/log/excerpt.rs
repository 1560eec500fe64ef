//! Foreign texts in the log.

/// The most characters of a foreign text that the log shows.
pub const MAX_EXCERPT: usize = 128;

/// Returns the beginning of a foreign text, such as an event's type, which may be of any length and content.
pub(crate) fn excerpt(text: &str) -> String {
    let mut characters = text.chars();
    let mut excerpt: String = characters.by_ref().take(MAX_EXCERPT).collect();
    if characters.next().is_some() {
        excerpt.push('…');
    }
    printable(&excerpt)
}

/// Escapes invisible characters: those that begin a line, move the cursor or reverse the text after them.
pub(super) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control()
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
        {
            printable.extend(character.escape_default());
        } else {
            printable.push(character);
        }
    }
    printable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_bounded_and_printable() {
        assert_eq!(excerpt("order.created"), "order.created");
        assert_eq!(excerpt("é".repeat(128).as_str()), "é".repeat(128));
        assert_eq!(excerpt("é".repeat(129).as_str()), "é".repeat(128) + "…");
        assert_eq!(
            excerpt("a\nb\r\t\0\u{1b}\u{85}\u{2028}\u{202e}"),
            r"a\nb\r\t\u{0}\u{1b}\u{85}\u{2028}\u{202e}"
        );
    }
}
