//! A server that is nobody's friend: it plays one script to each client and records what it hears.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a MySQL server can do, as its greeting says: everything but TLS and compression.
const CAPABILITIES: u32 = 0xdfff_f7df;
/// The capability of TLS.
const TLS: u32 = 0x0800;

/// The challenge in every greeting.
pub const CHALLENGE: &[u8; 20] = b"abcdefghijklmnopqrst";

/// `OK`, the end of a log-in and of a statement.
pub const OK: &[u8] = &[0, 0, 0, 2, 0, 0, 0];

/// A listening server.
pub struct Fake {
    pub port: u16,
    heard: Arc<Mutex<Vec<u8>>>,
    sent: Arc<Mutex<u64>>,
}

/// One client's connection.
pub struct Wire {
    stream: TcpStream,
    sequence: u8,
    heard: Arc<Mutex<Vec<u8>>>,
    sent: Arc<Mutex<u64>>,
}

impl Fake {
    /// Listens, and plays `script` to everybody. What comes after the script is recorded until the client leaves.
    pub fn start(script: impl Fn(&mut Wire) -> Option<()> + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1", script)
    }

    /// The same at an address.
    pub fn start_at(host: &str, script: impl Fn(&mut Wire) -> Option<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((host, 0)).expect("there are free ports");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let fake = Self { port, heard: Arc::default(), sent: Arc::default() };
        let (heard, sent, script) = (Arc::clone(&fake.heard), Arc::clone(&fake.sent), Arc::new(script));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a limit above 0");
                stream.set_write_timeout(Some(Duration::from_secs(20))).expect("a limit above 0");
                let (heard, sent) = (Arc::clone(&heard), Arc::clone(&sent));
                let mut wire = Wire { stream, sequence: 0, heard, sent };
                let script = Arc::clone(&script);
                std::thread::spawn(move || {
                    if script(&mut wire).is_some() {
                        while wire.receive_some().is_some() {}
                    }
                });
            }
        });
        fake
    }

    /// The source that it is.
    pub fn url(&self, parameters: &str) -> String {
        format!("dolt://me@127.0.0.1:{}{parameters}", self.port)
    }

    /// All that clients have sent.
    pub fn heard(&self) -> Vec<u8> {
        self.heard.lock().expect("no thread panics").clone()
    }

    /// How many bytes clients took.
    pub fn sent(&self) -> u64 {
        *self.sent.lock().expect("no thread panics")
    }
}

impl Wire {
    /// Sends bytes as they are. `None` where the client is gone.
    pub fn raw(&mut self, bytes: &[u8]) -> Option<()> {
        self.stream.write_all(bytes).ok()?;
        *self.sent.lock().expect("no thread panics") += bytes.len() as u64;
        Some(())
    }

    /// Sends one packet.
    pub fn send(&mut self, payload: &[u8]) -> Option<()> {
        let mut packet = (payload.len() as u32).to_le_bytes().to_vec();
        packet[3] = self.sequence;
        packet.extend(payload);
        self.sequence = self.sequence.wrapping_add(1);
        self.raw(&packet)
    }

    /// Receives one packet; the next one that is sent answers it.
    pub fn receive(&mut self) -> Option<Vec<u8>> {
        let mut header = [0; 4];
        self.stream.read_exact(&mut header).ok()?;
        let mut payload = vec![0; u32::from_le_bytes([header[0], header[1], header[2], 0]) as usize];
        self.stream.read_exact(&mut payload).ok()?;
        self.sequence = header[3].wrapping_add(1);
        let mut heard = self.heard.lock().expect("no thread panics");
        heard.extend(header);
        heard.extend(&payload);
        Some(payload)
    }

    fn receive_some(&mut self) -> Option<()> {
        let mut buffer = [0; 4096];
        let length = self.stream.read(&mut buffer).ok().filter(|&length| length > 0)?;
        self.heard.lock().expect("no thread panics").extend(&buffer[..length]);
        Some(())
    }

    /// Greets as a server of MySQL 8 does, which wants that method.
    pub fn greet(&mut self, method: &str) -> Option<()> {
        self.send(&greeting(method, CAPABILITIES))
    }

    /// Greets as one that has TLS.
    pub fn greet_with_tls(&mut self, method: &str) -> Option<()> {
        self.send(&greeting(method, CAPABILITIES | TLS))
    }

    /// Greets and lets the client in.
    pub fn let_in(&mut self) -> Option<()> {
        self.greet("mysql_native_password")?;
        self.receive()?;
        self.send(OK)
    }

    /// Answers the questions before the first list as Dolt does, and returns at the next one.
    pub fn be_dolt(&mut self) -> Option<Vec<u8>> {
        self.let_in()?;
        self.receive()?;
        self.send(OK)?;
        self.receive()?;
        self.columns(&["dolt_version()"])?;
        self.row(&["1.88.1"])?;
        self.end(2)?;
        self.receive()
    }

    /// Sends the description of columns of text.
    pub fn columns(&mut self, names: &[&str]) -> Option<()> {
        self.send(&[names.len() as u8])?;
        names.iter().try_for_each(|name| self.send(&column(name)))
    }

    /// Sends a row.
    pub fn row(&mut self, values: &[&str]) -> Option<()> {
        let mut payload = Vec::new();
        values.iter().for_each(|value| lenenc(value.as_bytes(), &mut payload));
        self.send(&payload)
    }

    /// Sends the end of rows with a status.
    pub fn end(&mut self, status: u16) -> Option<()> {
        let [low, high] = status.to_le_bytes();
        self.send(&[0xfe, 0, 0, low, high, 0, 0])
    }
}

/// The request to log in by another method.
pub fn switch(method: &str, challenge: &[u8]) -> Vec<u8> {
    [&[0xfe], method.as_bytes(), &[0], challenge].concat()
}

/// The description of a column of text.
pub fn column(name: &str) -> Vec<u8> {
    let mut payload = Vec::new();
    for text in ["def", "", "", "", name, name] {
        lenenc(text.as_bytes(), &mut payload);
    }
    payload.extend([0x0c, 45, 0, 0xff, 0xff, 0, 0, 253, 0, 0, 0, 0, 0]);
    payload
}

/// A greeting.
pub fn greeting(method: &str, capabilities: u32) -> Vec<u8> {
    let [a, b, c, d] = capabilities.to_le_bytes();
    let mut payload = b"\x0a8.0.33\0\x07\0\0\0".to_vec();
    payload.extend(&CHALLENGE[..8]);
    payload.extend([0, a, b, 45, 2, 0, c, d, 21]);
    payload.extend([0; 10]);
    payload.extend(&CHALLENGE[8..]);
    payload.push(0);
    payload.extend(method.as_bytes());
    payload.push(0);
    payload
}

/// Everything but TLS.
pub fn plain_greeting(method: &str) -> Vec<u8> {
    greeting(method, CAPABILITIES)
}

fn lenenc(bytes: &[u8], out: &mut Vec<u8>) {
    match bytes.len() {
        short @ 0..251 => out.push(short as u8),
        long => {
            out.push(0xfd);
            out.extend(&(long as u32).to_le_bytes()[..3]);
        }
    }
    out.extend(bytes);
}
