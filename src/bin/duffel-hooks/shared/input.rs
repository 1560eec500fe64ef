//! The input of a command.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use super::{Result, samples};

/// Reads the exact bytes of a body: from a file, from the standard input for `-`, or from a sample by its type.
pub(crate) fn read_body(path: &Path) -> Result<Vec<u8>> {
    if path == Path::new("-") {
        let mut body = Vec::new();
        io::stdin().read_to_end(&mut body)?;
        return Ok(body);
    }
    fs::read(path).or_else(|error| {
        let sample =
            path.to_str().and_then(samples::find).filter(|_| error.kind() == io::ErrorKind::NotFound);
        sample.map(|body| body.as_bytes().to_vec()).ok_or_else(|| {
            let kinds = samples::kinds();
            format!("cannot read the body from {}: {error} (samples: {kinds})", path.display()).into()
        })
    })
}
