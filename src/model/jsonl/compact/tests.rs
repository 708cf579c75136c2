//! Valid and invalid JSON texts, judged by fixed expectations and by serde_json.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

fn compact(text: &str) -> Result<String, JsonError> {
    let mut out = b"x".to_vec();
    let result = compact_json(text, &mut out);
    let out = String::from_utf8(out).expect("JSON is UTF-8");
    let appended = out.strip_prefix('x').expect("what stood there stays");
    assert!(result.is_ok() || appended.is_empty(), "an error leaves {appended:?}");
    result.map(|()| appended.to_owned())
}

fn problem(text: &str) -> (usize, &'static str) {
    let error = compact(text).expect_err(text);
    (error.offset, error.problem)
}

#[test]
fn white_space_goes_and_everything_else_stays() {
    let text = " {\"b\" : [ 1.50 , -0 , 1E+05 ,\t{ } , [ ] ] ,\r\n\"a b\" : null , \"b\": [true,false] } ";
    assert_eq!(compact(text).unwrap(), r#"{"b":[1.50,-0,1E+05,{},[]],"a b":null,"b":[true,false]}"#);
    let digits = "123456789012345678901234567890.000000000000000000000000000001e-9999";
    assert_eq!(compact(digits).unwrap(), digits);
}

#[test]
fn strings_get_their_one_spelling() {
    let text = r#""\u003c\/\u00e9\u00E9\ud834\udd1e\u000a\u0022\u005c\u0001\u007f\b\f\n\r\t\"\\é""#;
    assert_eq!(compact(text).unwrap(), "\"</éé𝄞\\n\\\"\\\\\\u0001\u{7f}\\b\\f\\n\\r\\t\\\"\\\\é\"");
    assert_eq!(compact(r#"{"\u0061\n":1}"#).unwrap(), r#"{"a\n":1}"#);
}

#[test]
fn errors_tell_the_place() {
    for (text, expected) in [
        ("", (0, "a value is missing")),
        ("  ", (2, "a value is missing")),
        ("[1,]", (3, "this starts no value")),
        ("[1 2]", (3, "expected ',' or ']'")),
        ("[1}", (2, "expected ',' or ']'")),
        ("[[1]", (4, "expected ',' or ']'")),
        ("{\"a\":1,}", (7, "expected a key in double quotes")),
        ("{\"a\":1]", (6, "expected ',' or '}'")),
        ("{\"a\" 1}", (5, "expected ':' after a key")),
        ("{\"a\":}", (5, "this starts no value")),
        ("{a:1}", (1, "expected a key in double quotes")),
        ("1 2", (2, "something follows the value")),
        ("[]]", (2, "something follows the value")),
        ("01", (1, "something follows the value")),
        ("-", (1, "a digit is missing")),
        ("1.", (2, "a digit is missing")),
        ("1e+", (3, "a digit is missing")),
        ("+1", (0, "this starts no value")),
        ("NaN", (0, "this starts no value")),
        ("nul", (0, "this starts no value")),
        ("trueish", (4, "something follows the value")),
        ("\u{feff}1", (0, "this starts no value")),
        ("\u{a0}1", (0, "this starts no value")),
        ("\"a", (2, "the string does not end")),
        ("\"a\\", (2, "the string does not end")),
        ("\"a\n\"", (2, "a control character must be escaped in a string")),
        (r#""\x41""#, (1, "no such escape")),
        (r#""\u12""#, (1, "'\\u' needs four hex digits")),
        (r#""\u+123""#, (1, "'\\u' needs four hex digits")),
        (r#""\u00é""#, (1, "'\\u' needs four hex digits")),
        (r#""ab\ud834""#, (3, "half of a surrogate pair")),
        (r#""\ud834\n""#, (1, "half of a surrogate pair")),
        (r#""\ud834\ud834""#, (1, "half of a surrogate pair")),
        (r#""\ud834\u""#, (7, "'\\u' needs four hex digits")),
        (r#""\udd1e""#, (1, "half of a surrogate pair")),
    ] {
        assert_eq!(problem(text), expected, "{text}");
    }
}

#[test]
fn depth_costs_no_stack() {
    let depth = 1_000_000;
    let nested = "[".repeat(depth) + &"]".repeat(depth);
    assert_eq!(compact(&nested).unwrap(), nested);
    assert_eq!(problem(&"[{\"a\":".repeat(depth)), (6 * depth, "a value is missing"));
}

#[test]
fn brackets_are_told_apart_at_every_depth() {
    for depth in 1..300 {
        let kinds: Vec<bool> = (0..depth).map(|i| i * i % 7 < 3).collect();
        let opening: String = kinds.iter().map(|&object| if object { "{\"k\":" } else { "[" }).collect();
        let closing: String = kinds.iter().rev().map(|&object| if object { '}' } else { ']' }).collect();
        let nested = format!("{opening}0{closing}");
        assert_eq!(compact(&nested).unwrap(), nested);
        let wrong = nested.replacen(['}', ']'], if kinds[depth - 1] { "]" } else { "}" }, 1);
        assert!(compact(&wrong).is_err(), "{wrong}");
    }
}

/// JSON values as (a spelling with white space and needless escapes, the compact spelling).
fn spellings() -> impl Strategy<Value = (String, String)> {
    let scalar = prop_oneof![
        "null|true|false|-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][-+]?[0-9]{1,3})?"
            .prop_map(|text| (text.clone(), text)),
        string_spellings(),
    ];
    scalar.prop_recursive(6, 64, 8, |inner| {
        let array = (vec(inner.clone(), 0..8), space()).prop_map(|(items, space)| {
            let spaced: Vec<String> = items.iter().map(|(spaced, _)| format!("{space}{spaced}")).collect();
            let compact: Vec<&str> = items.iter().map(|(_, compact)| compact.as_str()).collect();
            (format!("[{}{space}]", spaced.join(&format!("{space},"))), format!("[{}]", compact.join(",")))
        });
        let object = (vec((string_spellings(), inner), 0..8), space()).prop_map(|(members, space)| {
            let spaced: Vec<String> = members
                .iter()
                .map(|((key, _), (value, _))| format!("{space}{key}{space}:{space}{value}"))
                .collect();
            let compact: Vec<String> =
                members.iter().map(|((_, key), (_, value))| format!("{key}:{value}")).collect();
            (
                format!("{{{}{space}}}", spaced.join(&format!("{space},"))),
                format!("{{{}}}", compact.join(",")),
            )
        });
        prop_oneof![array, object]
    })
}

fn space() -> impl Strategy<Value = String> {
    "[ \t\r\n]{0,3}"
}

fn string_spellings() -> impl Strategy<Value = (String, String)> {
    vec((any::<char>(), any::<bool>()), 0..12).prop_map(|chars| {
        let plain: String = chars.iter().map(|(char, _)| char).collect();
        let mut escaped = String::from("\"");
        for (char, escape) in chars {
            if escape || char.is_control() || matches!(char, '"' | '\\') {
                let mut units = [0; 2];
                char.encode_utf16(&mut units).iter().for_each(|unit| escaped += &format!("\\u{unit:04X}"));
            } else {
                escaped.push(char);
            }
        }
        (escaped + "\"", serde_json::to_string(&plain).unwrap())
    })
}

fn agrees_with_serde_json(text: &str) {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) => {
            let compact = compact(text).expect("serde_json takes it");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&compact).unwrap(), value);
        }
        // serde_json must fit 1e999 into a float; the code under test need not.
        Err(error) if error.to_string().contains("number out of range") => {}
        Err(error) => assert!(compact(text).is_err(), "serde_json refuses {text:?}: {error}"),
    }
}

proptest! {
    #[test]
    fn every_spelling_comes_down_to_the_compact_one((spaced, expected) in spellings()) {
        prop_assert_eq!(compact(&spaced).unwrap(), expected.clone());
        prop_assert_eq!(compact(&expected).unwrap(), expected);
    }

    #[test]
    fn accepts_what_serde_json_accepts_and_means_the_same(
        text in "[\\[\\]{}:,\"\\\\ud8cD0-9aeE+.\\- ntrfls\n]{0,24}|\\PC*",
    ) {
        agrees_with_serde_json(&text);
    }

    #[test]
    fn a_damaged_value_is_treated_as_serde_json_does(
        (mut text, _) in spellings(),
        place: prop::sample::Index,
        with in "\\PC|[\\[\\]{},:\"\\\\]|",
    ) {
        let place = text.floor_char_boundary(place.index(text.len() + 1));
        let end = text.ceil_char_boundary((place + 1).min(text.len()));
        text.replace_range(place..end, &with);
        agrees_with_serde_json(&text);
    }
}
