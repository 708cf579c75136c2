use super::*;
use crate::testing::{Field, items, message, next_random};

fn sample() -> Bytes {
    let (keys, offsets) = items(&[b"a", b"", b"ccc"]);
    message(
        b"TEST",
        &[
            (0, Field::U64(1 << 40)),
            (1, Field::Bytes("text é".into())),
            (2, Field::U8(1)),
            (4, keys),
            (5, offsets),
            (6, Field::Bytes([[1; 20], [2; 20]].concat())),
            (7, Field::Strings(vec!["x", "", "yz"])),
            (8, Field::U16(260)),
        ],
    )
}

#[test]
fn fields_are_found_by_slot() {
    let message = Message::parse_as(sample(), b"TEST").expect("a message");
    assert_eq!(message.u64(0), Ok(1 << 40));
    assert_eq!(message.string(1).as_deref(), Ok("text é"));
    assert_eq!((message.bool(2), message.u8(3), message.bool(3)), (Ok(true), Ok(0), Ok(false)));
    assert_eq!(message.items(4, 5), Ok(vec![Bytes::from("a"), Bytes::new(), Bytes::from("ccc")]));
    assert_eq!(message.addresses(6), Ok(vec![Address::new([1; 20]), Address::new([2; 20])]));
    assert_eq!(message.strings(7), Ok(vec!["x".into(), String::new(), "yz".into()]));
    assert_eq!((message.u16(8), message.u16_or(9, 7)), (Ok(260), Ok(7)));
    assert!(message.has(8) && !message.has(3) && !message.has(9));
    assert_eq!((message.bytes(3), message.u16s(20)), (Ok(Bytes::new()), Ok(vec![])));
    assert_eq!(message.address(3), Ok(None));
}

#[test]
fn what_is_no_such_message_is_refused() {
    let wrong = Message::parse_as(sample(), b"OTHR").expect_err("another kind");
    assert_eq!(wrong.to_string(), "it is a TEST message, not OTHR");
    let message = Message::parse(sample()).expect("a message");
    assert_eq!(message.check_fields(9), Ok(()));
    assert!(matches!(message.check_fields(8), Err(MessageError::UnknownFields { found: 9, known: 8 })));
    assert!(matches!(message.address(6), Err(MessageError::Invalid(_))), "two are not one");
    assert!(matches!(message.addresses(1), Err(MessageError::Invalid(_))), "7 bytes are no address");
    for len in 0..sample().len() {
        assert!(Message::parse(sample().slice(..len)).is_err(), "{len} bytes");
    }
}

#[test]
fn no_bytes_at_all_make_it_panic() {
    let whole = sample();
    let mut state = 88_172_645_463_325_252;
    for _ in 0..20_000 {
        let mut bytes = whole.to_vec();
        for _ in 0..1 + next_random(&mut state) % 4 {
            let at = next_random(&mut state) as usize % (bytes.len() - PREFIX_LEN) + PREFIX_LEN;
            bytes[at] = next_random(&mut state) as u8;
        }
        let Ok(message) = Message::parse(Bytes::from(bytes)) else { continue };
        for slot in 0..12 {
            let _ = (message.u8(slot), message.u16(slot), message.u64(slot), message.i64(slot));
            let _ = (message.bytes(slot), message.string(slot), message.strings(slot), message.u16s(slot));
            let _ = (message.addresses(slot), message.address(slot), message.u64s(slot));
            let _ = (message.items(slot, slot + 1), message.table(slot), message.tables(slot));
        }
    }
}
