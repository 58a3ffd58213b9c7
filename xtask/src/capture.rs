//! Every packet of this machine into a file, for the test that looks for what must not be on the wire: until its input ends.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

/// `AF_PACKET` and `SOCK_RAW` of Linux; elsewhere there is no such socket, and the kernel says so.
const PACKETS: i32 = 17;
const RAW: i32 = 3;
/// `ETH_P_ALL` as the kernel wants it: big end first.
const EVERYTHING: i32 = 0x0003_u16.to_be() as i32;
const PACKET_BYTES_MAX: usize = 128 * 1024;
const BUFFER_BYTES: usize = 32 * 1024 * 1024;
const LOOK_EVERY: Duration = Duration::from_millis(100);
const REST: Duration = Duration::from_secs(1);

/// Says one line once packets are kept. Needs CAP_NET_RAW, and says so where it is not given.
#[expect(clippy::print_stdout, reason = "whoever started it waits for the line")]
pub fn run(file: &str) -> Result<(), String> {
    let what = |error: std::io::Error| format!("packets cannot be captured here: {error}");
    let mut socket =
        Socket::new(Domain::from(PACKETS), Type::from(RAW), Some(Protocol::from(EVERYTHING))).map_err(what)?;
    socket.set_recv_buffer_size(BUFFER_BYTES).map_err(what)?;
    socket.set_read_timeout(Some(LOOK_EVERY)).map_err(what)?;
    let mut kept = File::create(file).map_err(|error| format!("{file}: {error}"))?;
    let is_over = Arc::new(AtomicBool::new(false));
    let seen = is_over.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        seen.store(true, Ordering::Relaxed);
    });
    println!("capturing");
    let mut packet = vec![0; PACKET_BYTES_MAX];
    let mut ended = None;
    loop {
        match socket.read(&mut packet) {
            Ok(length) => kept.write_all(&packet[..length]).map_err(|error| format!("{file}: {error}"))?,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(what(error)),
        }
        // What is in the kernel's buffer when the input ends was on the wire before: it is read first.
        if is_over.load(Ordering::Relaxed) && ended.get_or_insert_with(Instant::now).elapsed() > REST {
            return Ok(());
        }
    }
}
