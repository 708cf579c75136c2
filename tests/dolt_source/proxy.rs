//! A way to the server that can be made to break.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Passes connections on to a server, and breaks those that send a certain text.
pub struct Proxy {
    pub port: u16,
    broken_by: Arc<Mutex<Option<String>>>,
}

impl Proxy {
    pub fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has free ports");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let broken_by = Arc::<Mutex<Option<String>>>::default();
        let rule = Arc::clone(&broken_by);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                let (from, to) = (clone(&server), clone(&client));
                std::thread::spawn(move || pass(from, to, &Mutex::default()));
                let rule = Arc::clone(&rule);
                std::thread::spawn(move || pass(client, server, &rule));
            }
        });
        Self { port, broken_by }
    }

    /// From now on, a client that sends this text loses its connection.
    pub fn break_by(&self, text: Option<&str>) {
        *self.broken_by.lock().expect("no thread panics") = text.map(str::to_owned);
    }
}

fn clone(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("an open socket can be shared")
}

fn pass(mut from: TcpStream, mut to: TcpStream, broken_by: &Mutex<Option<String>>) {
    let mut buffer = [0; 65536];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let sent = String::from_utf8_lossy(&buffer[..length]);
        let rule = broken_by.lock().expect("no thread panics").clone();
        if rule.is_some_and(|text| sent.contains(&text)) || to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
