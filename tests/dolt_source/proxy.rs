//! A way to the server that can be made to break.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What becomes of a connection.
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

/// Passes connections on to a server, and breaks those that send a certain text.
pub struct Proxy {
    pub port: u16,
    rule: Arc<Rule>,
}

#[derive(Default)]
struct Rule {
    broken_by: Mutex<Option<(String, Fault)>>,
    trickles: AtomicBool,
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
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                let (from, to) = (clone(&server), clone(&client));
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

    /// From now on, a connection over which a client sends this text fails so.
    pub fn fail_by(&self, rule: Option<(&str, Fault)>) {
        *self.rule.broken_by.lock().expect("no thread panics") =
            rule.map(|(text, fault)| (text.to_owned(), fault));
    }

    /// From now on, answers come byte by byte, a hundred a second.
    pub fn trickle(&self) {
        self.rule.trickles.store(true, Ordering::SeqCst);
    }

    /// How many connections failed.
    pub fn failed(&self) -> usize {
        self.rule.times.load(Ordering::SeqCst)
    }
}

fn clone(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("an open socket can be shared")
}

fn pass_queries(mut from: TcpStream, mut to: TcpStream, rule: &Rule, met: &Mutex<Option<Fault>>) {
    let mut buffer = [0; 65536];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let sent = String::from_utf8_lossy(&buffer[..length]);
        let broken_by = rule.broken_by.lock().expect("no thread panics").clone();
        if let Some((_, fault)) = broken_by.filter(|(text, _)| sent.contains(text.as_str())) {
            rule.times.fetch_add(1, Ordering::SeqCst);
            *met.lock().expect("no thread panics") = Some(fault);
        }
        let fault = *met.lock().expect("no thread panics");
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
        let mut fault = met.lock().expect("no thread panics");
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
        let at_once = if rule.trickles.load(Ordering::SeqCst) { 1 } else { buffer.len() };
        let is_sent = buffer[..passed].chunks(at_once).all(|bytes| {
            if at_once == 1 {
                std::thread::sleep(Duration::from_millis(10));
            }
            to.write_all(bytes).is_ok()
        });
        if !is_sent || is_broken {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
