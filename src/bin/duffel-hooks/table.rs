//! Tables for people: columns as wide as what is in them.

use std::io::{self, Write};

/// On which side the cells of a column stand.
#[derive(Clone, Copy)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Writes a table with a line of headings.
pub(crate) fn write<const N: usize>(
    out: &mut impl Write,
    columns: [(&str, Align); N],
    rows: &[[String; N]],
) -> io::Result<()> {
    let headings = columns.map(|(heading, _)| heading.to_owned());
    let rows: Vec<_> = [&headings].into_iter().chain(rows).map(|row| row.each_ref().map(printable)).collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in &rows {
        let cells = row.iter().zip(widths).zip(columns).map(|((cell, width), (_, align))| match align {
            Align::Left => format!("{cell:<width$}"),
            Align::Right => format!("{cell:>width$}"),
        });
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

/// What comes from elsewhere must not command the terminal.
fn printable(text: &String) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let mut out = Vec::new();
        let rows = [["a\x1b[2J".to_owned(), "1".to_owned()], ["long enough".to_owned(), "10".to_owned()]];
        write(&mut out, [("NAME", Align::Left), ("N", Align::Right)], &rows).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "NAME          N\na\u{fffd}[2J         1\nlong enough  10\n"
        );
    }
}
