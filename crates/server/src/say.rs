//! What a command says to the person at the terminal. A closed pipe is no error of ours.

use std::io::Write;

pub fn line(text: impl AsRef<str>) {
    let _ = writeln!(std::io::stdout(), "{}", text.as_ref());
}

pub fn error(text: impl AsRef<str>) {
    let _ = writeln!(std::io::stderr(), "{}", text.as_ref());
}
