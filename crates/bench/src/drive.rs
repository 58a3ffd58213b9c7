//! Drives a target with many keep-alive connections for a bounded time and keeps latencies and a sample of answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Barrier;

use crate::BenchError;
use crate::wire::Target;

/// Answers kept per connection and run, checked after the clock has stopped.
const SAMPLES_MAX: usize = 6;
/// One answer in so many is kept.
const SAMPLE_EVERY: u64 = 97;
/// A run that has not ended so long after its time is a failure.
const GRACE: Duration = Duration::from_secs(30);
/// Failed exchanges after which a connection gives up.
const ERRORS_MAX: u64 = 100;
/// Digits of the number in a stamped request.
pub const STAMP: &str = "0000000000";

/// What the connections send.
#[derive(Clone)]
pub enum Work {
    /// One of the prebuilt requests, at random
    Pick(Arc<Vec<Vec<u8>>>),
    /// The same request with a fresh number at each of the offsets
    Stamp { template: Arc<Vec<u8>>, offsets: Arc<Vec<usize>>, next: Arc<AtomicU64> },
}

pub struct Sample {
    /// Index of the picked request, or the number stamped into it
    pub which: u64,
    pub head: Vec<u8>,
    pub body: Vec<u8>,
}

#[derive(Default)]
pub struct Run {
    pub answers: u64,
    /// Lost connections and statuses other than the expected one
    pub errors: u64,
    pub seconds: f64,
    pub latencies_us: Vec<u32>,
    pub samples: Vec<Sample>,
    /// The first unexpected status with its body, for the message
    pub first_error: Option<String>,
}

pub struct Load {
    pub connections: usize,
    pub duration: Duration,
    pub status: u16,
}

impl Work {
    /// Stamps every run of ten zeros in `request`.
    pub fn stamp(request: Vec<u8>, next: &Arc<AtomicU64>) -> Self {
        let mut offsets = Vec::new();
        let mut at = 0;
        while at + STAMP.len() <= request.len() {
            if &request[at..at + STAMP.len()] == STAMP.as_bytes() {
                offsets.push(at);
                at += STAMP.len();
            } else {
                at += 1;
            }
        }
        Self::Stamp { template: Arc::new(request), offsets: Arc::new(offsets), next: Arc::clone(next) }
    }
}

impl Run {
    pub fn per_second(&self) -> f64 {
        let answers = self.answers as f64;
        answers / self.seconds
    }

    /// The run's latency at `share` (0.5, 0.99) in µs; 0 without answers. Sorts on first use.
    pub fn quantile_us(&mut self, share: f64) -> u32 {
        self.latencies_us.sort_unstable();
        let at = (self.latencies_us.len() as f64 * share) as usize;
        self.latencies_us.get(at.min(self.latencies_us.len().saturating_sub(1))).copied().unwrap_or_default()
    }
}

pub async fn drive(target: &Target, work: &Work, load: &Load) -> Result<Run, BenchError> {
    let barrier = Arc::new(Barrier::new(load.connections));
    let mut tasks = Vec::with_capacity(load.connections);
    for seat in 0..load.connections {
        let seed = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seat as u64 + 1);
        let task = one(target.clone(), work.clone(), load.duration, load.status, seed, Arc::clone(&barrier));
        tasks.push(tokio::spawn(task));
    }
    let mut total = Run { seconds: load.duration.as_secs_f64(), ..Run::default() };
    let all = async {
        for task in tasks {
            let run = task.await.map_err(|e| BenchError::Process(e.to_string()))?;
            total.answers += run.answers;
            total.errors += run.errors;
            total.latencies_us.extend_from_slice(&run.latencies_us);
            total.samples.extend(run.samples);
            total.first_error = total.first_error.take().or(run.first_error);
        }
        Ok::<(), BenchError>(())
    };
    tokio::time::timeout(load.duration + GRACE, all)
        .await
        .map_err(|_| BenchError::Process("a run did not end in time".to_owned()))??;
    Ok(total)
}

/// One connection. Answers that arrive after the deadline are not counted.
async fn one(target: Target, work: Work, duration: Duration, status: u16, seed: u64, barrier: Arc<Barrier>) -> Run {
    let mut run = Run::default();
    let mut connection = target.connect().await;
    barrier.wait().await;
    let deadline = Instant::now() + duration;
    let mut random = seed;
    let mut stamped = match &work {
        Work::Pick(_) => Vec::new(),
        Work::Stamp { template, .. } => template.as_ref().clone(),
    };
    let mut before = Instant::now();
    while before < deadline && run.errors < ERRORS_MAX {
        let open = match &mut connection {
            Ok(open) => open,
            Err(error) => {
                run.errors += 1;
                run.first_error.get_or_insert_with(|| error.to_string());
                tokio::time::sleep(Duration::from_millis(1)).await;
                connection = target.connect().await;
                before = Instant::now();
                continue;
            }
        };
        let (which, request) = match &work {
            Work::Pick(requests) => {
                random = xorshift(random);
                let which = random % requests.len() as u64;
                let request = requests[which as usize].as_slice();
                (which, request)
            }
            Work::Stamp { offsets, next, .. } => {
                let number = next.fetch_add(1, Ordering::Relaxed);
                for &offset in offsets.iter() {
                    write_number(&mut stamped[offset..offset + STAMP.len()], number);
                }
                (number, stamped.as_slice())
            }
        };
        let failed = match open.exchange(request).await {
            Ok(answer) if answer.status == status => {
                let now = Instant::now();
                if now > deadline {
                    break;
                }
                if run.answers % SAMPLE_EVERY == 0 && run.samples.len() < SAMPLES_MAX {
                    run.samples.push(Sample { which, head: answer.head.to_vec(), body: answer.body.to_vec() });
                }
                run.answers += 1;
                run.latencies_us.push(u32::try_from((now - before).as_micros()).unwrap_or(u32::MAX));
                before = now;
                continue;
            }
            Ok(answer) => {
                let body = String::from_utf8_lossy(&answer.body[..answer.body.len().min(300)]).into_owned();
                run.first_error.get_or_insert_with(|| format!("status {}: {body}", answer.status));
                None
            }
            Err(error) => Some(error),
        };
        run.errors += 1;
        if let Some(error) = failed {
            run.first_error.get_or_insert_with(|| error.to_string());
            connection = target.connect().await;
        }
        before = Instant::now();
    }
    run
}

fn xorshift(mut x: u64) -> u64 {
    x ^= x << 13;
    x ^= x >> 7;
    x ^ (x << 17)
}

fn write_number(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::control;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_control_answers_with_the_stored_bytes_and_every_answer_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let (bytes, ready) = (folder.path().join("bytes"), folder.path().join("ready"));
        let stored = b"HTTP/1.1 200 OK\r\nETag: W/\"1\"\r\nContent-Length: 99\r\n\r\n{\"a\":1}";
        std::fs::write(&bytes, stored).unwrap();
        let (at, ready_at) = (bytes.clone(), ready.clone());
        let serving = tokio::spawn(async move { control::serve(&at, &ready_at).await });
        while !ready.exists() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let known: control::Ready = serde_json::from_slice(&std::fs::read(&ready).unwrap()).unwrap();
        let ca_cert = folder.path().join("ca.pem");
        std::fs::write(&ca_cert, known.certificate_pem).unwrap();
        let target = Target::new(&known.url, &ca_cert, "token").unwrap();
        let work = Work::Pick(Arc::new(vec![target.get("Patient/1")]));
        let duration = Duration::from_millis(200);
        let run = drive(&target, &work, &Load { connections: 4, duration, status: 200 }).await.unwrap();
        assert!(run.answers > 0 && run.errors == 0);
        assert_eq!(run.latencies_us.len() as u64, run.answers);
        assert_eq!(run.samples[0].body, b"{\"a\":1}");
        assert_eq!(crate::wire::header(&run.samples[0].head, "etag"), Some("W/\"1\""));
        let unexpected = drive(&target, &work, &Load { connections: 1, duration, status: 201 }).await.unwrap();
        assert!(unexpected.answers == 0 && unexpected.errors > 0);
        serving.abort();
    }

    #[test]
    fn every_stamp_in_a_request_becomes_the_number() {
        let work = Work::stamp(format!("a {STAMP} b {STAMP}").into_bytes(), &Arc::new(AtomicU64::new(1)));
        let Work::Stamp { template, offsets, .. } = work else { panic!("a stamp") };
        let mut request = template.as_ref().clone();
        for &offset in offsets.iter() {
            write_number(&mut request[offset..offset + STAMP.len()], 1234);
        }
        assert_eq!(request, b"a 0000001234 b 0000001234");
    }
}
