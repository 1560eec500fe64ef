//! The access token to Duffel's API, which is never printed.

use std::fmt;

use http::HeaderValue;
use thiserror::Error;

/// An access token to Duffel's API. Its mode, test or live, is the mode of everything that it gives access to.
#[derive(Clone)]
pub struct AccessToken {
    authorization: HeaderValue,
}

impl AccessToken {
    /// Takes the text of a token without the white space around it.
    ///
    /// # Errors
    /// If it cannot be a token; the error shows nothing of it.
    pub fn new(text: &str) -> Result<Self, AccessTokenError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(AccessTokenError::Blank);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(AccessTokenError::Illegal);
        }
        let bearer = HeaderValue::try_from(format!("Bearer {text}"));
        let mut authorization = bearer.map_err(|_| AccessTokenError::Illegal)?;
        authorization.set_sensitive(true);
        Ok(Self { authorization })
    }

    pub(super) fn into_header(self) -> HeaderValue {
        self.authorization
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(..)")
    }
}

/// Why a text is not a valid access token; never shows the text.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum AccessTokenError {
    #[error("the access token is blank")]
    Blank,
    #[error("the access token has white space within it, or other characters that no token has")]
    Illegal,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_trimmed_and_checked() {
        let header = AccessToken::new(" duffel_test_x-Y_z\n").unwrap().into_header();
        assert_eq!(header, "Bearer duffel_test_x-Y_z");
        assert!(header.is_sensitive());
        for (text, error) in [
            (" \n", AccessTokenError::Blank),
            ("duffel_test_x y", AccessTokenError::Illegal),
            ("duffel_test_x\ny", AccessTokenError::Illegal),
            ("duffel_test_é", AccessTokenError::Illegal),
        ] {
            assert_eq!(AccessToken::new(text).err(), Some(error));
        }
    }

    #[test]
    fn a_token_is_not_printed() {
        let token = AccessToken::new("duffel_test_x").unwrap();
        assert_eq!(format!("{token:?}"), "AccessToken(..)");
    }
}
