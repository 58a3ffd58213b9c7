//! Asks at the terminal for what must not be seen: passwords and codes. Never from standard input, never echoed.

use std::fs::File;
use std::io::{Read, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::ServerError;

const TERMINAL: &str = "/dev/tty";
const SECRET_BYTES_MAX: usize = 1024;
const INTERRUPT: u8 = 3;
const END: u8 = 4;
const BACKSPACES: [u8; 2] = [8, 127];
const CLEAR_LINE: u8 = 21;

/// The terminal with echo off; as it was again when this is dropped.
struct Quiet {
    terminal: File,
    before: Termios,
}

/// One line, without its end.
pub fn secret(what: &str) -> Result<Zeroizing<String>, ServerError> {
    let missing =
        || ServerError::Usage(format!("there is no terminal to ask for the {what} at: name a file or descriptor"));
    let terminal = File::options().read(true).write(true).open(TERMINAL).map_err(|_| missing())?;
    let before = tcgetattr(&terminal).map_err(|_| missing())?;
    let mut quiet = before.clone();
    // Byte by byte and without signals, so that ^C, too, leaves the terminal as it was.
    quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
    tcsetattr(&terminal, OptionalActions::Flush, &quiet).map_err(|_| missing())?;
    let mut held = Quiet { terminal, before };
    let _ = write!(held.terminal, "{what}: ").and_then(|()| held.terminal.flush());
    let typed = line(&mut held.terminal);
    let _ = writeln!(held.terminal);
    let typed = typed.ok_or_else(|| ServerError::Refused("cancelled".into()))?;
    let text = std::str::from_utf8(&typed).map_err(|_| ServerError::Refused(format!("the {what} is not UTF-8")))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// None when interrupted, ended or too long.
fn line(from: &mut impl Read) -> Option<Zeroizing<Vec<u8>>> {
    let mut typed = Zeroizing::new(Vec::with_capacity(SECRET_BYTES_MAX));
    let mut byte = [0; 1];
    while typed.len() < SECRET_BYTES_MAX {
        from.read_exact(&mut byte).ok()?;
        match byte[0] {
            b'\n' | b'\r' => return Some(typed),
            INTERRUPT => return None,
            END if typed.is_empty() => return None,
            CLEAR_LINE => typed.clear(),
            other if BACKSPACES.contains(&other) => {
                // A character may be several bytes.
                while typed.pop().is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000) {}
            }
            other => typed.push(other),
        }
    }
    None
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Flush, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_can_be_corrected_and_cancelled() {
        let typed = |bytes: &[u8]| line(&mut &*bytes).map(|line| String::from_utf8_lossy(&line).into_owned());
        assert_eq!(typed(b"horse\n").as_deref(), Some("horse"));
        assert_eq!(typed("hörs\u{7f}\u{7f}\u{7f}at\r".as_bytes()).as_deref(), Some("hat"));
        assert_eq!(typed(b"wrong\x15right\n").as_deref(), Some("right"));
        assert_eq!(typed(b"ho\x03"), None);
        assert_eq!(typed(&[b'a'; SECRET_BYTES_MAX + 1]), None);
    }
}
