//! What the pages answer, asked without a browser: headers, forged forms, guesses, streams, limits.

mod assets;
mod clinic;
mod enumeration;
mod forgery;
mod headers;
mod limits;
mod sessions;
