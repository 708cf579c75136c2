use proptest::prelude::*;

use super::super::{LineLayout, Value};
use super::*;
use crate::model::row::{Row, text_of};

fn line(names: &[&str], values: &[Value<'_>]) -> Vec<u8> {
    let layout = LineLayout::new(names);
    let mut out = Vec::new();
    let mut writer = layout.line(&mut out);
    values.iter().for_each(|value| writer.value(value).expect("these values render"));
    writer.end().expect("every column has a value");
    out
}

fn first_value(order: &KeyOrder, key: &LineKey) -> Option<KeyValue> {
    order.values(key)?.into_iter().next()
}

fn one(kind: KeyKind, value: Value<'_>) -> (LineKey, KeyValue) {
    let order = KeyOrder::new(vec![KeyColumn { place: 0, kind }]).expect("one column is an order");
    let key = order.key_of(&line(&["k"], &[value])).expect("the value is of its kind");
    let first = first_value(&order, &key).expect("a key holds its first value");
    (key, first)
}

fn key(kind: KeyKind, value: Value<'_>) -> LineKey {
    one(kind, value).0
}

#[test]
fn keys_stand_anywhere_in_any_order_among_any_values() {
    let names = ["{\"a\":[", "json", "q", "p\\", "last"];
    let text = "x\"},{\u{0}\\";
    let json = "{\"a\":[{\"}\":\"]\\\"\"},[]],\"b\":\"{\"}";
    let values = [Value::Text(text), Value::Json(json), Value::Int(-5), Value::Null, Value::Text(text)];
    let columns = [(4, KeyKind::Text), (2, KeyKind::Integer)];
    let order =
        KeyOrder::new(columns.map(|(place, kind)| KeyColumn { place, kind }).to_vec()).expect("an order");
    let whole = line(&names, &values);
    let key = order.key_of(&whole).expect("a line");
    assert_eq!(first_value(&order, &key), Some(KeyValue::Text(text.to_owned())));
    assert_eq!(order.key_of(whole.strip_suffix(b"\n").expect("a line ends")), Some(key.clone()));
    let alone = |kind, value| self::key(kind, value).as_bytes().to_vec();
    let parts = [alone(KeyKind::Text, Value::Text(text)), alone(KeyKind::Integer, Value::Int(-5))].concat();
    assert_eq!(key.as_bytes(), parts, "the most significant column comes first");
    for end in 0..whole.len() - 2 {
        assert_eq!(order.key_of(&whole[..end]), None, "a line cut at {end}");
    }
}

#[test]
fn what_is_no_line_of_the_kind_has_no_key() {
    let order = |kind| KeyOrder::new(vec![KeyColumn { place: 1, kind }]).expect("one column is an order");
    for kind in [KeyKind::Integer, KeyKind::Decimal, KeyKind::Text, KeyKind::Binary] {
        let values = ["null}", "}", "[1]}", "\"x", r#""\u00"}"#, r#""\q"}"#, "1e5}", r#""\ud800"}"#];
        let lines = ["", "{}", "[1,2]", "{\"a\":1}", "{\"a\":1 \"b\":1}"].map(str::to_owned);
        for text in lines.into_iter().chain(values.map(|value| format!("{{\"a\":1,\"b\":{value}"))) {
            assert_eq!(order(kind).key_of(text.as_bytes()), None, "{kind:?} {text}");
        }
    }
    for (kind, value) in [
        (KeyKind::Integer, "18446744073709551616"),
        (KeyKind::Integer, "-9223372036854775809"),
        (KeyKind::Integer, "1.5"),
        (KeyKind::Decimal, "1."),
        (KeyKind::Decimal, "\"1\""),
        (KeyKind::Binary, "\"AA\""),
        (KeyKind::DateTime, "\"2026-01\""),
        (KeyKind::DateTime, "\"2026-01-02T03:04:05\""),
        (KeyKind::DateTime, "\"2026-01-02T03:04:65Z\""),
        (KeyKind::DateTime, "\"2026-01-02T03:04:05.Z\""),
        (KeyKind::DateTime, "\"2026-01-02T03:04:05.1234567Z\""),
        (KeyKind::Time, "\"12:34\""),
        (KeyKind::Time, "\"99999999999999999999:00:00\""),
    ] {
        let text = format!("{{\"a\":1,\"b\":{value}}}\n");
        assert_eq!(order(kind).key_of(text.as_bytes()), None, "{kind:?} {value}");
    }
}

#[test]
fn texts_that_are_no_values_have_no_key() {
    let key = |kind, text: &str| {
        let order = KeyOrder::new(vec![KeyColumn { place: 0, kind }]).expect("one column is an order");
        order.key_of_texts(&[text.to_owned()])
    };
    for (kind, text) in [
        (KeyKind::Integer, ""),
        (KeyKind::Integer, "x"),
        (KeyKind::Integer, "--5"),
        (KeyKind::Integer, "5,\"b\":6"),
        (KeyKind::Integer, "\"5\""),
        (KeyKind::Decimal, "\"NaN\""),
        (KeyKind::Decimal, "nan"),
        (KeyKind::Decimal, "-"),
        (KeyKind::Binary, "A"),
        (KeyKind::DateTime, "2026"),
        (KeyKind::Time, "1"),
    ] {
        assert_eq!(key(kind, text), None, "{kind:?} {text}");
    }
    for (kind, text, other) in [
        (KeyKind::Integer, "5", "05"),
        (KeyKind::Decimal, "1.0", "1.00"),
        (KeyKind::DateTime, "2026-01-02", "2026-01-02T00:00:00Z"),
    ] {
        let key = |text| key(kind, text).expect("a value");
        assert_eq!(key(text), key(other), "{kind:?} {text}");
    }
}

#[test]
fn an_order_has_columns_each_at_a_place_of_its_own() {
    let column = |place| KeyColumn { place, kind: KeyKind::Integer };
    assert_eq!(KeyOrder::new(vec![]), None);
    assert_eq!(KeyOrder::new(vec![column(1), column(0), column(1)]), None);
    assert_eq!(KeyOrder::new((0..17).map(column).collect()), None);
    assert!(KeyOrder::new((0..16).map(column).collect()).is_some());
}

#[test]
fn first_values_are_as_sql_writes_them() {
    let number = |text: &str| KeyValue::Number(text.to_owned());
    let time = |text: &str| KeyValue::Time(text.to_owned());
    let date_time =
        |day, hour, micros| Value::DateTime { year: 2026, month: 1, day, hour, minute: 0, second: 0, micros };
    for (kind, value, expected) in [
        (KeyKind::Integer, Value::Int(i64::MIN), number("-9223372036854775808")),
        (KeyKind::Integer, Value::UInt(u64::MAX), number("18446744073709551615")),
        (KeyKind::Decimal, Value::Decimal("-0.00"), number("0")),
        (KeyKind::Decimal, Value::Decimal("-0.50"), number("-0.5")),
        (KeyKind::Decimal, Value::Decimal("1200.00"), number("1200")),
        (KeyKind::Decimal, Value::Decimal("-12.034"), number("-12.034")),
        (KeyKind::Binary, Value::Bytes(&[0, 0, 1, 255, 0]), KeyValue::Bytes(vec![0, 0, 1, 255, 0])),
        (KeyKind::DateTime, Value::Date { year: 0, month: 0, day: 0 }, time("0000-00-00")),
        (KeyKind::DateTime, date_time(2, 0, 0), time("2026-01-02")),
        (KeyKind::DateTime, date_time(2, 3, 500), time("2026-01-02 03:00:00.000500")),
        (
            KeyKind::Time,
            Value::Time { negative: true, hours: 838, minutes: 59, seconds: 59, micros: 1 },
            time("-838:59:59.000001"),
        ),
    ] {
        assert_eq!(one(kind, value).1, expected);
    }
}

/// The order of Dolt 2.2.0: NaN last.
#[test]
fn what_is_not_finite_stands_around_all_decimals() {
    let texts = ["-Infinity", "Infinity", "NaN"].map(Value::Text);
    let [below, above, nan] = texts.map(|text| one(KeyKind::Decimal, text));
    let numbers = ["-99999.5", "-0.01", "0", "0.01", "99999.5"];
    let numbers = numbers.map(|text| one(KeyKind::Decimal, Value::Decimal(text)).0);
    let all: Vec<_> = [&[below.0][..], &numbers, &[above.0, nan.0.clone()]].concat();
    assert!(all.is_sorted_by(|a, b| a < b), "{all:?}");
    assert_eq!((below.1, nan.1), (KeyValue::Text("-Infinity".to_owned()), KeyValue::Text("NaN".to_owned())));
}

/// Numbers of all sizes as DECIMAL(65,10) renders them, and their values in units of the last digit.
fn decimals() -> impl Strategy<Value = (i128, String)> {
    (any::<i128>(), 0_u32..127).prop_map(|(any, shift)| {
        let units = any >> shift;
        let size = units.unsigned_abs();
        let sign = if units < 0 { "-" } else { "" };
        (units, format!("{sign}{}.{:010}", size / 10_000_000_000, size % 10_000_000_000))
    })
}

proptest! {
    #[test]
    fn integers_compare_as_numbers(a in any::<i64>(), b in any::<u64>(), c in any::<i64>()) {
        let (a_key, b_key) = (key(KeyKind::Integer, Value::Int(a)), key(KeyKind::Integer, Value::UInt(b)));
        prop_assert_eq!(a_key.cmp(&b_key), i128::from(a).cmp(&i128::from(b)));
        prop_assert_eq!(a_key.cmp(&key(KeyKind::Integer, Value::Int(c))), a.cmp(&c));
    }

    #[test]
    fn decimals_compare_as_numbers((a, a_text) in decimals(), (b, b_text) in decimals()) {
        let decimal = |text| key(KeyKind::Decimal, Value::Decimal(text));
        prop_assert_eq!(decimal(&a_text).cmp(&decimal(&b_text)), a.cmp(&b), "{} {}", a_text, b_text);
    }

    #[test]
    fn texts_compare_by_bytes_also_before_further_columns(
        a in "[\\x00\\x01aé\u{10ffff}\"\\\\]{0,4}", b in "[\\x00\\x01aé\u{10ffff}\"\\\\]{0,4}", x: i64, y: i64,
    ) {
        let columns = [(0, KeyKind::Text), (1, KeyKind::Integer)];
        let columns = columns.map(|(place, kind)| KeyColumn { place, kind });
        let order = KeyOrder::new(columns.to_vec()).expect("an order");
        let key = |text, n| order.key_of(&line(&["t", "n"], &[Value::Text(text), Value::Int(n)]));
        prop_assert_eq!(key(&a, x).cmp(&key(&b, y)), (a.as_bytes(), x).cmp(&(b.as_bytes(), y)));
        let first = key(&a, x).and_then(|key| first_value(&order, &key));
        prop_assert_eq!(first, Some(KeyValue::Text(a)));
    }

    #[test]
    fn bytes_compare_as_they_are(a in "[\\x00\\x01\u{7f}]{0,4}", b: Vec<u8>, c: Vec<u8>) {
        let binary = |bytes: &[u8]| key(KeyKind::Binary, Value::Bytes(bytes));
        prop_assert_eq!(binary(a.as_bytes()).cmp(&binary(&b)), a.as_bytes().cmp(&b[..]));
        prop_assert_eq!(binary(&b).cmp(&binary(&c)), b.cmp(&c));
    }

    #[test]
    fn times_compare_as_durations(
        a in -3_020_399_000_000_i64..=3_020_399_000_000, b in -3_020_399_000_000_i64..=3_020_399_000_000,
    ) {
        let time = |micros: i64| {
            let size = micros.unsigned_abs();
            let (seconds, negative) = (size / 1_000_000, micros < 0);
            let (minutes, hours) = ((seconds / 60 % 60) as u8, (seconds / 3600) as u32);
            let (micros, seconds) = ((size % 1_000_000) as u32, (seconds % 60) as u8);
            key(KeyKind::Time, Value::Time { negative, hours, minutes, seconds, micros })
        };
        prop_assert_eq!(time(a).cmp(&time(b)), a.cmp(&b));
    }

    #[test]
    fn moments_compare_as_they_follow(a: [u8; 6], b: [u8; 6], micros in 0_u32..3, others in 0_u32..3) {
        let moment = |m: [u8; 6], micros: u32| {
            let fields = (i32::from(m[0]), m[1] % 13, m[2] % 32, m[3] % 24, m[4] % 60, m[5] % 60);
            let micros = [0, 1, 500_000][micros as usize];
            let (year, month, day, hour, minute, second) = fields;
            let value = Value::DateTime { year, month, day, hour, minute, second, micros };
            (key(KeyKind::DateTime, value), (fields, micros))
        };
        let ((a_key, a), (b_key, b)) = (moment(a, micros), moment(b, others));
        prop_assert_eq!(a_key.cmp(&b_key), a.cmp(&b));
    }

    #[test]
    fn all_values_are_those_of_each_column(
        text in "[\\x00\\x01aé\"]{0,4}", bytes: Vec<u8>, (_, decimal) in decimals(), number: i64,
    ) {
        let values = [
            (KeyKind::Text, Value::Text(&text)),
            (KeyKind::Decimal, Value::Decimal(&decimal)),
            (KeyKind::Binary, Value::Bytes(&bytes)),
            (KeyKind::Time, Value::Time { negative: true, hours: 1, minutes: 2, seconds: 3, micros: 4 }),
            (KeyKind::DateTime, Value::Date { year: 2026, month: 1, day: 2 }),
            (KeyKind::Decimal, Value::Decimal("0.0")),
            (KeyKind::Decimal, Value::Text("NaN")),
            (KeyKind::Integer, Value::Int(number)),
        ];
        let columns = values.iter().enumerate().map(|(place, &(kind, _))| KeyColumn { place, kind });
        let order = KeyOrder::new(columns.collect()).expect("an order");
        let line = line(&["a", "b", "c", "d", "e", "f", "g", "h"], &values.each_ref().map(|(_, value)| *value));
        let key = order.key_of(&line).expect("each value is of its kind");
        let each: Vec<_> = values.iter().map(|&(kind, value)| one(kind, value).1).collect();
        prop_assert_eq!(order.values(&key), Some(each));
        let row = Row::parse(&line).expect("a row");
        let mut texts: Vec<_> = row.columns().map(|(_, value)| text_of(value)).collect();
        prop_assert_eq!(order.key_of_texts(&texts), Some(key.clone()));
        texts.pop();
        prop_assert_eq!(order.key_of_texts(&texts), None);
        for end in 0..key.as_bytes().len() {
            prop_assert_eq!(order.values(&LineKey::from_bytes(&key.as_bytes()[..end])), None);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, text in "[{}\\[\\]:,\"\\\\a1.-]{0,30}") {
        for kind in [
            KeyKind::Integer, KeyKind::Decimal, KeyKind::Text, KeyKind::Binary, KeyKind::DateTime, KeyKind::Time,
        ] {
            let order = KeyOrder::new(vec![KeyColumn { place: 0, kind }]).expect("an order");
            let _ = order.key_of(&bytes);
            let _ = order.key_of(text.as_bytes());
            let _ = order.key_of(format!("{{\"a\":{text}}}").as_bytes());
            let _ = first_value(&order, &LineKey::from_bytes(&bytes));
            let _ = order.values(&LineKey::from_bytes(&bytes));
        }
    }
}
