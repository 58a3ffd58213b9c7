//! The code that an authenticator app would show.

use totp_rs::{Algorithm, Builder};

const STEP_S: i64 = 30;

/// Of a secret in base 32, some 30-second steps from `now_ms`: each step is taken once, so who needs two asks for the next.
pub fn totp_code(secret: &str, now_ms: i64, steps_ahead: i64) -> Option<String> {
    let secret = server::accounts::from_base32(secret)?;
    let totp = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_secret(secret).build().ok()?;
    let seconds = now_ms / 1_000 + steps_ahead * STEP_S;
    Some(totp.generate(seconds.max(0) as u64).to_string())
}
