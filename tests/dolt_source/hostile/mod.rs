//! Servers that want the password, a file of this machine, its memory or its time.

mod limits;
mod secrets;

use std::time::{Duration, Instant};

use asof::content::SourceError;
use asof::source::Source;
use asof::source::dolt::server::{DoltOptions, DoltSqlSource};

use crate::fake::{CHALLENGE, Fake};
use crate::support::wait;

const PASSWORD: &str = "correct horse battery staple";

fn source(url: &str) -> DoltSqlSource {
    let options = DoltOptions {
        password: Some(PASSWORD.into()),
        connect_timeout: Duration::from_secs(2),
        query_timeout: Duration::from_secs(2),
        largest_list: 1 << 20,
        ..DoltOptions::default()
    };
    DoltSqlSource::new(url, options).expect("the URL is right")
}

/// What a poll of the fake fails with, after at most `limit`.
#[track_caller]
fn failure(fake: &Fake, parameters: &str, limit: Duration) -> SourceError {
    let begun = Instant::now();
    let error = wait(source(&fake.url(parameters)).poll()).err().expect("the server is no good one");
    assert!(begun.elapsed() < limit, "{:?}: {}", begun.elapsed(), error.chain());
    let said = format!("{} {:?}", error.chain(), error.hint);
    assert!(said.len() < 4000, "a message as long as the server likes: {} bytes", said.len());
    assert!(!said.contains(PASSWORD), "{said}");
    assert_keeps_the_password(&fake.heard());
    error
}

/// Neither as it is nor under any challenge that the server chose.
#[track_caller]
fn assert_keeps_the_password(heard: &[u8]) {
    let holds = |needle: &[u8]| heard.windows(needle.len()).any(|window| window == needle);
    assert!(!holds(PASSWORD.as_bytes()), "the password went out in the clear");
    let mask = CHALLENGE.iter().cycle();
    let masked: Vec<_> = PASSWORD.bytes().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
    assert!(!holds(&masked), "the password went out under a mask that the server knows");
}

/// Whether nothing was heard after the last packet that the script waited for.
fn heard_after(fake: &Fake, packets: usize) -> Vec<u8> {
    // What is on its way arrives.
    std::thread::sleep(Duration::from_millis(100));
    let heard = fake.heard();
    let mut rest = &heard[..];
    for _ in 0..packets {
        let length = u32::from_le_bytes([rest[0], rest[1], rest[2], 0]) as usize;
        rest = &rest[4 + length..];
    }
    rest.to_vec()
}

const SOON: Duration = Duration::from_millis(1500);
