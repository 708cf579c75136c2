//! The seeds of the fuzz target `zip`: `cargo test --lib make_the_corpus_of_zips -- --ignored`.

use std::fs;
use std::path::Path;

use super::build::{Packed, zip};
use super::{cut, methods, odd};

/// In a longer input, the fuzzer would need too long to change every byte.
const LONGEST: usize = 3000;

/// Makes these inputs again and leaves all others.
#[test]
#[ignore = "writes into fuzz/corpus"]
fn make_the_corpus_of_zips() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/zip");
    fs::create_dir_all(&folder).expect("the source tree is writable");
    let seed = |name: &str, bytes: &[u8]| {
        if bytes.len() <= LONGEST {
            let name: String = name.chars().filter(|char| *char != ',').collect();
            fs::write(folder.join(name.replace(' ', "-")), bytes).expect("the source tree is writable");
        }
    };
    for (name, zip) in odd::odd_zips().into_iter().chain(methods::by_each_method(b"{\"id\":1}\n{\"id\":1}\n"))
    {
        seed(name, &zip);
    }
    for (number, inner) in cut::inner_zips().into_iter().enumerate() {
        let outer = zip(&[Packed::stored("a", b"a"), Packed::stored("inner.zip", &inner)]);
        seed(&format!("cut {number}"), &outer[..outer.len() - 10]);
    }
}
