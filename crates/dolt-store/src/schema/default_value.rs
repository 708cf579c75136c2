//! DEFAULT values as `SHOW CREATE TABLE` prints them.
//!
//! Schemas hold the SQL of a default. The server evaluates literals of some types and prints the result: quoted
//! numbers, the number of an ENUM's member. It prints texts as they are, and expressions as `expression` says.

use super::expression;
use super::sql_type::{SqlType, unescaped};
use crate::sql::canonical_decimal;

/// What stands after `DEFAULT` for the SQL that a schema holds. `None` for a literal whose value for the type is not
/// known here.
pub fn shown(sql: &str, sql_type: &SqlType) -> Option<String> {
    if sql.eq_ignore_ascii_case("null") {
        return Some("NULL".to_owned());
    }
    if let Some(now) = current_timestamp(sql) {
        return Some(now);
    }
    if !is_literal(sql) {
        return Some(expression::shown(sql));
    }
    let literal = unquoted(sql);
    let value = match sql_type.base.as_str() {
        "tinyint" | "smallint" | "mediumint" | "int" | "integer" | "bigint" | "bool" | "boolean" | "year" => {
            integer(&literal)?.to_string()
        }
        "float" => float(&literal.parse::<f32>().ok()?),
        "double" | "real" => float(&literal.parse::<f64>().ok()?),
        // Versions before 2 print it like this, but no other text that is not finite.
        "decimal" | "numeric" if literal == "NaN" => literal,
        "decimal" | "numeric" => canonical_decimal(&literal)?,
        "bit" => return Some(format!("b'{:b}'", bits(sql, &literal)?)),
        "enum" => {
            let member = sql_type.members.iter().position(|member| *member == literal)?;
            (member + 1).to_string()
        }
        "set" => set(&literal, &sql_type.members)?.to_string(),
        "time" => time(&literal)?,
        _ => return Some(sql.to_owned()),
    };
    Some(format!("'{value}'"))
}

/// `NOW(3)`, with or without parentheses around it, under the name that the server prints.
fn current_timestamp(sql: &str) -> Option<String> {
    let inner = sql.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(sql);
    let (name, digits) = match inner.split_once('(') {
        Some((name, digits)) => (name, digits.strip_suffix(')')?),
        None => (inner, ""),
    };
    let is_name = ["now", "current_timestamp"].iter().any(|known| name.eq_ignore_ascii_case(known));
    match (is_name, digits) {
        (false, _) => None,
        (true, "" | "0") => Some("CURRENT_TIMESTAMP".to_owned()),
        (true, "1" | "2" | "3" | "4" | "5" | "6") => Some(format!("CURRENT_TIMESTAMP({digits})")),
        (true, _) => None,
    }
}

fn is_literal(sql: &str) -> bool {
    let lower = sql.to_ascii_lowercase();
    matches!(lower.as_str(), "true" | "false")
        || lower.starts_with(['\'', '"', '-', '+', '.', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
        || lower.starts_with("b'")
        || lower.starts_with("x'")
}

/// The text of a literal without its quotes and escapes.
fn unquoted(sql: &str) -> String {
    let Some(quote @ ('\'' | '"')) = sql.chars().next() else { return sql.to_owned() };
    let Some(inner) = sql.get(1..sql.len() - 1).filter(|_| sql.ends_with(quote)) else {
        return sql.to_owned();
    };
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => text.extend(chars.next().map(unescaped)),
            // A quote in the text is doubled.
            char if char == quote => text.extend(chars.next()),
            other => text.push(other),
        }
    }
    text
}

fn integer(literal: &str) -> Option<i128> {
    match literal.to_ascii_lowercase().as_str() {
        "true" => Some(1),
        "false" => Some(0),
        number => number.parse().ok(),
    }
}

/// The number of a BIT: decimal, `b'101'`, `x'ff'` or `0xff`.
fn bits(sql: &str, literal: &str) -> Option<u64> {
    let lower = sql.to_ascii_lowercase();
    let inside = |prefix: &str| lower.strip_prefix(prefix).map(|rest| rest.trim_end_matches('\''));
    if let Some(digits) = inside("b'").or(inside("0b")) {
        return u64::from_str_radix(digits, 2).ok();
    }
    if let Some(digits) = inside("x'").or(inside("0x")) {
        return u64::from_str_radix(digits, 16).ok();
    }
    u64::try_from(integer(literal)?).ok()
}

fn set(literal: &str, members: &[String]) -> Option<u64> {
    if literal.is_empty() {
        return Some(0);
    }
    let bit = |name: &str| {
        let place = members.iter().position(|member| member == name)?;
        1_u64.checked_shl(u32::try_from(place).ok()?)
    };
    literal.split(',').try_fold(0, |bits, name| Some(bits | bit(name)?))
}

/// The shortest digits that read back, with an exponent for a number below 10^-4 or from a million on.
fn float(number: &impl std::fmt::LowerExp) -> String {
    let text = format!("{number:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits),
    };
    if !(-4..6).contains(&exponent) {
        let exponent_sign = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{digits}e{exponent_sign}{:02}", exponent.unsigned_abs());
    }
    let digits: String = digits.chars().filter(|char| *char != '.').collect();
    let point = exponent + 1;
    let placed = match usize::try_from(point) {
        Ok(point) if point >= digits.len() => format!("{digits}{}", "0".repeat(point - digits.len())),
        Ok(point) if point > 0 => format!("{}.{}", &digits[..point], &digits[point..]),
        _ => format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize)),
    };
    format!("{sign}{placed}")
}

/// `H:MM:SS`, `H:MM` or the same digits without colons, with a fraction or not: shown with two digits for
/// hours and six for a fraction that is not zero.
fn time(literal: &str) -> Option<String> {
    let (sign, text) = match literal.strip_prefix('-') {
        Some(text) => ("-", text),
        None => ("", literal),
    };
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let parts = clock.split(':').map(|part| part.parse::<u32>().ok()).collect::<Option<Vec<_>>>()?;
    let (hours, minutes, seconds) = match parts[..] {
        [hours, minutes, seconds] => (hours, minutes, seconds),
        [hours, minutes] => (hours, minutes, 0),
        [digits] => (digits / 10_000, digits / 100 % 100, digits % 100),
        _ => return None,
    };
    let is_fraction = fraction.len() <= 6 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if hours > 838 || minutes > 59 || seconds > 59 || !is_fraction {
        return None;
    }
    let shown = format!("{hours:02}:{minutes:02}:{seconds:02}");
    Some(match fraction.trim_end_matches('0') {
        "" if (hours, minutes, seconds) == (0, 0, 0) => shown,
        "" => format!("{sign}{shown}"),
        _ => format!("{sign}{shown}.{fraction:0<6}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a server of version 1.88.1 printed them.
    #[test]
    fn literals_by_type_and_expressions() {
        for (sql, sql_type, expected) in [
            ("5", "int", "'5'"),
            ("-7", "int", "'-7'"),
            ("18446744073709551615", "bigint unsigned", "'18446744073709551615'"),
            ("true", "tinyint(1)", "'1'"),
            ("2020", "year", "'2020'"),
            ("1.5", "float", "'1.5'"),
            ("0.1", "float", "'0.1'"),
            ("3", "double", "'3'"),
            ("-2.5e-300", "double", "'-2.5e-300'"),
            ("1000.00000", "decimal(20,5)", "'1000'"),
            ("4.50", "decimal(10,2)", "'4.5'"),
            ("-0.00", "decimal(10,2)", "'0'"),
            ("1.23e-7", "decimal(30,10)", "'0.000000123'"),
            ("'NaN'", "decimal(10,2)", "'NaN'"),
            ("5", "bit(3)", "b'101'"),
            ("'b'", "enum('a','b')", "'2'"),
            ("'x,y'", "set('x','y')", "'3'"),
            ("''", "set('x','y')", "'0'"),
            ("'12:34:56'", "time(6)", "'12:34:56'"),
            ("'-1:02:03.5'", "time(6)", "'-01:02:03.500000'"),
            ("'101112'", "time(6)", "'10:11:12'"),
            ("5", "time(6)", "'00:00:05'"),
            ("'1:2'", "time(6)", "'01:02:00'"),
            ("1000000", "double", "'1e+06'"),
            ("123456", "double", "'123456'"),
            ("12345678", "float", "'1.2345678e+07'"),
            ("1234567.5", "double", "'1.2345675e+06'"),
            ("0.0001", "double", "'0.0001'"),
            ("0.00001", "double", "'1e-05'"),
            ("'b,a'", "set('a','b')", "'3'"),
            ("'it''s'", "varchar(20)", "'it''s'"),
            ("0x6162", "varbinary(10)", "0x6162"),
            ("'2020-01-02'", "date", "'2020-01-02'"),
            ("NULL", "int", "NULL"),
            ("(uuid())", "varchar(40)", "(uuid())"),
            ("((`i1` + 1))", "int", "((`i1` + 1))"),
            ("CURRENT_TIMESTAMP(3)", "timestamp(3)", "CURRENT_TIMESTAMP(3)"),
            ("NOW()", "datetime(0)", "CURRENT_TIMESTAMP"),
            ("(now(6))", "datetime(6)", "CURRENT_TIMESTAMP(6)"),
        ] {
            let parsed = SqlType::parse(sql_type).expect(sql_type);
            assert_eq!(shown(sql, &parsed).as_deref(), Some(expected), "{sql} {sql_type}");
        }
    }

    #[test]
    fn what_is_not_known_is_no_guess() {
        for (sql, sql_type) in [("'b'", "enum('a')"), ("'noon'", "time(6)")] {
            assert_eq!(shown(sql, &SqlType::parse(sql_type).expect("a type")), None, "{sql}");
        }
    }
}
