//! Passes connections on to a server, and makes them fail.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How a connection fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is closed before the server hears anything.
    Break,
    /// It stays open, and neither side hears of the other any more.
    Stall,
    /// It is closed after so many bytes of the answer.
    BreakAnswer(usize),
    /// It stays open, and nothing comes after so many bytes of the answer.
    StallAnswer(usize),
}

/// How all connections fare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// They pass on what comes.
    Fair = 0,
    /// They stay open, and nothing passes until the weather changes.
    Still = 1,
    /// New ones are closed at once.
    Closed = 2,
    /// Answers pass byte by byte, a hundred a second.
    Trickle = 3,
}

/// A proxy in front of a server.
pub struct Proxy {
    pub port: u16,
    rule: Arc<Rule>,
}

#[derive(Default)]
struct Rule {
    broken_by: Mutex<Option<(String, Fault)>>,
    weather: AtomicU8,
    open: Mutex<Vec<TcpStream>>,
    times: AtomicUsize,
}

impl Proxy {
    pub fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has free ports");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let rule = Arc::<Rule>::default();
        let shared = Arc::clone(&rule);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if shared.is(Weather::Closed) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                let (from, to) = (clone(&server), clone(&client));
                locked(&shared.open).push(clone(&client));
                let fault = Arc::<Mutex<Option<Fault>>>::default();
                let (rule, met) = (Arc::clone(&shared), Arc::clone(&fault));
                let answers = Arc::clone(&shared);
                std::thread::spawn(move || pass_answers(from, to, &fault, &answers));
                std::thread::spawn(move || pass_queries(client, server, &rule, &met));
            }
        });
        Self { port, rule }
    }

    /// From now on, a client that sends this text loses its connection.
    pub fn break_by(&self, text: Option<&str>) {
        self.fail_by(text.map(|text| (text, Fault::Break)));
    }

    /// From now on, a connection over which a client sends this text fails with this fault.
    pub fn fail_by(&self, rule: Option<(&str, Fault)>) {
        *locked(&self.rule.broken_by) = rule.map(|(text, fault)| (text.to_owned(), fault));
    }

    /// Changes how all connections fare.
    pub fn set(&self, weather: Weather) {
        self.rule.weather.store(weather as u8, Ordering::SeqCst);
    }

    /// Closes all connections.
    pub fn cut(&self) {
        for stream in locked(&self.rule.open).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// How many connections failed.
    pub fn failed(&self) -> usize {
        self.rule.times.load(Ordering::SeqCst)
    }
}

impl Rule {
    fn is(&self, weather: Weather) -> bool {
        self.weather.load(Ordering::SeqCst) == weather as u8
    }

    /// Waits while nothing passes.
    fn wait(&self) {
        while self.is(Weather::Still) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn clone(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("an open socket can be shared")
}

fn pass_queries(mut from: TcpStream, mut to: TcpStream, rule: &Rule, met: &Mutex<Option<Fault>>) {
    let mut buffer = [0; 65536];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        rule.wait();
        let sent = String::from_utf8_lossy(&buffer[..length]);
        let broken_by = locked(&rule.broken_by).clone();
        if let Some((_, fault)) = broken_by.filter(|(text, _)| sent.contains(text.as_str())) {
            rule.times.fetch_add(1, Ordering::SeqCst);
            *locked(met) = Some(fault);
        }
        let fault = *locked(met);
        match fault {
            Some(Fault::Break) => break,
            Some(Fault::Stall) => {}
            None | Some(Fault::BreakAnswer(_) | Fault::StallAnswer(_)) => {
                if to.write_all(&buffer[..length]).is_err() {
                    break;
                }
            }
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

fn pass_answers(mut from: TcpStream, mut to: TcpStream, met: &Mutex<Option<Fault>>, rule: &Rule) {
    let mut buffer = [0; 65536];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let mut fault = locked(met);
        let passed = match &mut *fault {
            None => length,
            Some(Fault::Break | Fault::Stall) => 0,
            Some(Fault::BreakAnswer(left) | Fault::StallAnswer(left)) => {
                let passed = length.min(*left);
                *left -= passed;
                passed
            }
        };
        let is_broken = matches!(*fault, Some(Fault::BreakAnswer(0)));
        drop(fault);
        rule.wait();
        let mut rest = &buffer[..passed];
        while rule.is(Weather::Trickle) && !rest.is_empty() && to.write_all(&rest[..1]).is_ok() {
            rest = &rest[1..];
            std::thread::sleep(Duration::from_millis(10));
        }
        if to.write_all(rest).is_err() || is_broken {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
