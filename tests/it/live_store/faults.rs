//! The connection from the mount to the server, which fails every 20 seconds in a different way.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::support::server::Server;

/// The pause between two faults.
const EVERY: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Weather {
    /// They pass data.
    Fair = 0,
    /// They stay open and pass nothing.
    Still = 1,
    /// New ones are closed at once.
    Closed = 2,
    /// Answers pass byte by byte.
    Trickle = 3,
}

/// Passes connections on to the server.
pub struct Way {
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    weather: AtomicU8,
    open: Mutex<Vec<TcpStream>>,
    faults: AtomicUsize,
}

impl Way {
    pub fn to(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has free ports");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let shared = Arc::new(Shared {
            weather: AtomicU8::new(Weather::Fair as u8),
            open: Mutex::default(),
            faults: AtomicUsize::new(0),
        });
        let (server, accepting) = (server.port, Arc::clone(&shared));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if accepting.is(Weather::Closed) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                let copy = |stream: &TcpStream| stream.try_clone().expect("an open socket can be shared");
                accepting.open.lock().unwrap_or_else(PoisonError::into_inner).push(copy(&client));
                let (asked, answered) = (Arc::clone(&accepting), Arc::clone(&accepting));
                let (from, to) = (copy(&server), copy(&client));
                std::thread::spawn(move || asked.pass(client, server, false));
                std::thread::spawn(move || answered.pass(from, to, true));
            }
        });
        Self { port, shared }
    }

    /// Fails in one way after the other until the test is over; then works again.
    pub fn fail(&self, is_over: &AtomicBool) {
        let kinds: [(Weather, u64); 4] =
            [(Weather::Fair, 0), (Weather::Still, 8), (Weather::Closed, 5), (Weather::Trickle, 8)];
        for (weather, seconds) in kinds.iter().cycle() {
            if !goes_on(EVERY, is_over) {
                break;
            }
            self.shared.weather.store(*weather as u8, Ordering::SeqCst);
            // Cuts only connections that are in use now; the other faults leave connections open.
            if matches!(weather, Weather::Fair | Weather::Closed) {
                self.shared.cut();
            }
            self.shared.faults.fetch_add(1, Ordering::SeqCst);
            let goes_on = goes_on(Duration::from_secs(*seconds), is_over);
            self.shared.weather.store(Weather::Fair as u8, Ordering::SeqCst);
            if !goes_on {
                break;
            }
        }
    }

    pub fn faults(&self) -> usize {
        self.shared.faults.load(Ordering::SeqCst)
    }
}

/// Waits, and returns whether the test is not over.
fn goes_on(time: Duration, is_over: &AtomicBool) -> bool {
    let begun = std::time::Instant::now();
    while begun.elapsed() < time && !is_over.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(50));
    }
    !is_over.load(Ordering::Relaxed)
}

impl Shared {
    fn is(&self, weather: Weather) -> bool {
        self.weather.load(Ordering::SeqCst) == weather as u8
    }

    /// Closes all connections.
    fn cut(&self) {
        for stream in self.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream, is_answer: bool) {
        let mut buffer = [0; 65536];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            while self.is(Weather::Still) {
                std::thread::sleep(Duration::from_millis(20));
            }
            let mut rest = &buffer[..length];
            while is_answer && self.is(Weather::Trickle) && !rest.is_empty() {
                if to.write_all(&rest[..1]).is_err() {
                    break;
                }
                rest = &rest[1..];
                std::thread::sleep(Duration::from_millis(10));
            }
            if to.write_all(rest).is_err() {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }
}
