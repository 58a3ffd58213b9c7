//! Whether the time of a refused sign-in tells that an account exists: Welch's t over interleaved pairs, a known login and an
//! unknown one, each with a wrong password. |t| below 4.5 is the usual bound of such leakage tests.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use identity::{Connection, DemoOnly, Identity, SignInRefusal};
use server::accounts::{Account, Accounts};

use crate::{BenchError, stages};

pub const PAIRS: u32 = 10_000;
pub const T_MAX: f64 = 4.5;
const WRONG: &str = "not the password of anybody";
/// Logins of either kind, taken in turn, so that none is asked often enough to be delayed.
const LOGINS: u32 = 64;
/// Between two attempts, by the house's clock: a round over all logins takes longer than failures are remembered.
const APART_MS: i64 = 15_000;
const WARM_UP: u32 = 32;

/// Times of one kind of attempt.
#[derive(Default)]
struct Sample {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Sample {
    /// Welford's recurrence.
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let off = value - self.mean;
        self.mean += off / self.count;
        self.squares += off * (value - self.mean);
    }

    fn variance_of_mean(&self) -> f64 {
        self.squares / (self.count - 1.0) / self.count
    }
}

/// Prints the table, and fails where the bound is not kept.
pub async fn run(pairs: u32) -> Result<String, BenchError> {
    let failed = |what: String| BenchError::Process(format!("sign-in: {what}"));
    let folder = tempfile::tempdir().map_err(|e| failed(e.to_string()))?;
    let clock = Arc::new(AtomicI64::new(stages::NOW_MS));
    let shown = clock.clone();
    let house = stages::house(folder.path(), Arc::new(move || shown.load(Ordering::Relaxed))).await;
    let house = house.map_err(|e| failed(e.to_string()))?;
    let demo = DemoOnly::of(house.class).ok_or_else(|| failed("a demo".into()))?;
    let made = |n| Account::new(format!("known.{n:04}"), "Bench".into(), "nurse");
    let users = (0..LOGINS).map(made).collect::<Result<_, _>>().map_err(|e| failed(e.to_string()))?;
    let accounts = Accounts { users, api_token: None };
    server::identity::seed(&house.identity, &demo, &accounts).await.map_err(|e| failed(e.to_string()))?;

    let (mut known, mut unknown) = (Sample::default(), Sample::default());
    for pair in 0..pairs + WARM_UP {
        let mut took = [0.0; 2];
        // Each goes first half of the time: what the first leaves in caches tells nothing.
        for is_known in [pair % 2 == 0, pair % 2 != 0] {
            clock.fetch_add(APART_MS, Ordering::Relaxed);
            let name = if is_known { "known" } else { "wrong" };
            let login = format!("{name}.{:04}", pair % LOGINS);
            took[usize::from(is_known)] = attempt(&house.identity, &login, pair).await?;
        }
        if pair >= WARM_UP {
            unknown.add(took[0]);
            known.add(took[1]);
        }
    }
    let t = (known.mean - unknown.mean) / (known.variance_of_mean() + unknown.variance_of_mean()).sqrt();
    let table = format!(
        "| refused sign-in, {pairs} interleaved pairs | ms, mean |\n|---|---|\n| known login | {:.3} |\n| unknown login | {:.3} |\n\n\
         Welch's t = {t:.2}, bound ±{T_MAX}\n",
        known.mean, unknown.mean
    );
    if t.abs() < T_MAX {
        Ok(table)
    } else {
        Err(failed(format!("t = {t:.2}: the time tells who has an account\n{table}")))
    }
}

/// Milliseconds until the refusal.
async fn attempt(identity: &Identity, login: &str, pair: u32) -> Result<f64, BenchError> {
    // An address of its own for each pair: failures of an address delay, too.
    let address = IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 | pair));
    let from = Connection { number: u64::from(pair) + 1, address, user_agent: "bench/1", request_id: 1 };
    let started = Instant::now();
    let refused = identity.sign_in_password(login, WRONG, None, &from).await;
    let took = started.elapsed().as_secs_f64() * 1e3;
    match refused {
        Err(SignInRefusal::DoesNotMatch) => Ok(took),
        Err(other) => Err(BenchError::Process(format!("sign-in: {other}"))),
        Ok(_) => Err(BenchError::Process("sign-in: a wrong password was taken".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_knows_its_mean_and_spread() {
        let mut sample = Sample::default();
        [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0].into_iter().for_each(|value| sample.add(value));
        assert!((sample.mean - 5.0).abs() < 1e-12);
        assert!((sample.variance_of_mean() - 32.0 / 7.0 / 8.0).abs() < 1e-12);
    }
}
