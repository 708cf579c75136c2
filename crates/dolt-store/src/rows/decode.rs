//! From a field of a tuple to its value.

use std::str;

use super::{Value, civil, decimal, out_of_line};
use crate::chunks::Chunks;
use crate::rows_error::{RowsError, ValueProblem};
use crate::schema::{Column, ColumnEncoding, sql_type};

/// The most digits after the point that a DECIMAL may have in MySQL, and in Dolt.
const MAX_SCALE: u32 = 30;

/// How the values of one column are read.
#[derive(Debug)]
pub struct Decoder {
    encoding: ColumnEncoding,
    /// What the encoding alone does not determine.
    detail: Detail,
}

#[derive(Debug)]
enum Detail {
    None,
    /// Digits after the point of a DECIMAL.
    Scale(usize),
    /// Digits of a second that a DATETIME shows.
    Digits(u32),
    /// The members of an ENUM or SET.
    Members(Vec<String>),
    /// The members of an ENUM or SET are given as numbers.
    Numbers,
}

/// A buffer for values that are not in their field as they are; reused from value to value.
#[derive(Debug, Default)]
pub struct ValueRoom {
    bytes: Vec<u8>,
    text: String,
}

impl Decoder {
    pub fn new(table: &str, column: &Column) -> Result<Self, RowsError> {
        let encoding = column.known_encoding(table)?;
        let sql_type = column.parsed_type(table)?;
        let base = sql_type.base.as_str();
        if !fits(encoding, base) {
            let problem = format!(
                "is of type {} in encoding {}, which do not go together",
                column.sql_type, column.encoding
            );
            return Err(column.unsupported(table, problem));
        }
        let detail = match encoding {
            ColumnEncoding::Decimal => {
                let scale = sql_type.arguments.get(1).copied().unwrap_or(0);
                if scale > MAX_SCALE {
                    let problem = format!(
                        "is of type {}, and no DECIMAL has more than {MAX_SCALE} digits after the point",
                        column.sql_type
                    );
                    return Err(column.unsupported(table, problem));
                }
                Detail::Scale(scale as usize)
            }
            ColumnEncoding::Datetime => Detail::Digits(sql_type.arguments.first().copied().unwrap_or(0)),
            ColumnEncoding::Enum | ColumnEncoding::Set => Detail::Members(sql_type.members),
            _ => Detail::None,
        };
        Ok(Self { encoding, detail })
    }

    /// The same decoder, but the values of an ENUM or SET are the numbers of their members, by which they compare.
    pub fn numbered(self) -> Self {
        let is_numbered = matches!(self.encoding, ColumnEncoding::Enum | ColumnEncoding::Set);
        Self { detail: if is_numbered { Detail::Numbers } else { self.detail }, ..self }
    }

    /// Reads a field that is not NULL.
    #[inline]
    pub fn value<'v>(
        &'v self,
        field: &'v [u8],
        chunks: &dyn Chunks,
        room: &'v mut ValueRoom,
    ) -> Result<Value<'v>, ValueProblem> {
        use ColumnEncoding::*;
        Ok(match self.encoding {
            Int8 => Value::Int(i8::from_le_bytes(fixed(field, "TINYINT")?).into()),
            UInt8 => Value::UInt(u8::from_le_bytes(fixed(field, "TINYINT UNSIGNED")?).into()),
            Int16 => Value::Int(i16::from_le_bytes(fixed(field, "SMALLINT")?).into()),
            UInt16 => Value::UInt(u16::from_le_bytes(fixed(field, "SMALLINT UNSIGNED")?).into()),
            Int32 => Value::Int(i32::from_le_bytes(fixed(field, "INT")?).into()),
            UInt32 => Value::UInt(u32::from_le_bytes(fixed(field, "INT UNSIGNED")?).into()),
            Int64 => Value::Int(i64::from_le_bytes(fixed(field, "BIGINT")?)),
            UInt64 | Bit64 => Value::UInt(u64::from_le_bytes(fixed(field, "BIGINT UNSIGNED or BIT")?)),
            Float32 => Value::F32(f32::from_le_bytes(fixed(field, "FLOAT")?)),
            Float64 => Value::F64(f64::from_le_bytes(fixed(field, "DOUBLE")?)),
            Year => Value::UInt(match u8::from_le_bytes(fixed(field, "YEAR")?) {
                255 => 0,
                years => 1901 + u64::from(years),
            }),
            Date => civil::date(u32::from_le_bytes(fixed(field, "DATE")?)),
            Time => civil::time(i64::from_le_bytes(fixed(field, "TIME")?)),
            Datetime => {
                let micros = i64::from_le_bytes(fixed(field, "DATETIME")?);
                civil::date_time(micros, if let Detail::Digits(digits) = self.detail { digits } else { 0 })
            }
            Enum if self.is_numbered() => Value::UInt(u16::from_le_bytes(fixed(field, "ENUM")?).into()),
            Set if self.is_numbered() => Value::UInt(u64::from_le_bytes(fixed(field, "SET")?)),
            Enum => Value::Text(self.enum_member(u16::from_le_bytes(fixed(field, "ENUM")?))?),
            Set => Value::Text(self.set_members(u64::from_le_bytes(fixed(field, "SET")?), &mut room.text)?),
            Decimal => {
                if let Some(name) = decimal::not_finite(field) {
                    return Ok(Value::NotFinite(name));
                }
                room.text.clear();
                let scale = if let Detail::Scale(scale) = self.detail { scale } else { 0 };
                decimal::write(field, scale, &mut room.text)
                    .ok_or_else(|| ValueProblem::malformed(field, "DECIMAL"))?;
                Value::Decimal(&room.text)
            }
            String => Value::Text(text(terminated(field)?)?),
            Bytes => Value::Bytes(terminated(field)?),
            Geometry => Value::Geometry(field),
            StringAddr => Value::Text(text(out_of_line::addressed(field, false, chunks, &mut room.bytes)?)?),
            BytesAddr => Value::Bytes(out_of_line::addressed(field, false, chunks, &mut room.bytes)?),
            GeomAddr => Value::Geometry(out_of_line::addressed(field, false, chunks, &mut room.bytes)?),
            JsonAddr => Value::Json(text(out_of_line::addressed(field, true, chunks, &mut room.bytes)?)?),
            StringAdaptive => Value::Text(text(out_of_line::adaptive(field, chunks, &mut room.bytes)?)?),
            BytesAdaptive => Value::Bytes(out_of_line::adaptive(field, chunks, &mut room.bytes)?),
            GeomAdaptive => Value::Geometry(out_of_line::adaptive(field, chunks, &mut room.bytes)?),
            JsonAdaptive => Value::Json(text(out_of_line::adaptive(field, chunks, &mut room.bytes)?)?),
        })
    }

    /// Whether fields are read as adaptive values.
    pub fn is_adaptive(&self) -> bool {
        use ColumnEncoding::*;
        matches!(self.encoding, StringAdaptive | BytesAdaptive | GeomAdaptive | JsonAdaptive)
    }

    fn is_numbered(&self) -> bool {
        matches!(self.detail, Detail::Numbers)
    }

    fn members(&self) -> &[String] {
        if let Detail::Members(members) = &self.detail { members } else { &[] }
    }

    /// Members count from 1; 0 stands for an invalid text.
    fn enum_member(&self, number: u16) -> Result<&str, ValueProblem> {
        let Some(place) = usize::from(number).checked_sub(1) else { return Ok("") };
        let member = self.members().get(place).ok_or(ValueProblem::NoMember { number: number.into() })?;
        Ok(member)
    }

    fn set_members<'r>(&self, bits: u64, text: &'r mut std::string::String) -> Result<&'r str, ValueProblem> {
        text.clear();
        let members = u32::try_from(self.members().len()).unwrap_or(u32::MAX);
        if bits.checked_shr(members).unwrap_or(0) != 0 {
            return Err(ValueProblem::NoMember { number: bits });
        }
        let set = self.members().iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
        for (nth, (_, member)) in set.enumerate() {
            if nth > 0 {
                text.push(',');
            }
            text.push_str(member);
        }
        Ok(text)
    }
}

/// Whether columns of a type are stored in an encoding.
fn fits(encoding: ColumnEncoding, base: &str) -> bool {
    use ColumnEncoding::*;
    match encoding {
        Int8 | UInt8 => matches!(base, "tinyint" | "bool" | "boolean"),
        Int16 | UInt16 => base == "smallint",
        Int32 | UInt32 => matches!(base, "int" | "integer" | "mediumint"),
        Int64 => base == "bigint",
        UInt64 => matches!(base, "bigint" | "bit"),
        Bit64 => base == "bit",
        Float32 => base == "float",
        Float64 => matches!(base, "double" | "real"),
        Year => base == "year",
        Date => base == "date",
        Time => base == "time",
        Datetime => matches!(base, "datetime" | "timestamp"),
        Enum => base == "enum",
        Set => base == "set",
        Decimal => matches!(base, "decimal" | "numeric"),
        String => matches!(base, "char" | "varchar"),
        Bytes => matches!(base, "binary" | "varbinary"),
        StringAddr | StringAdaptive => matches!(base, "tinytext" | "text" | "mediumtext" | "longtext"),
        BytesAddr | BytesAdaptive => {
            matches!(base, "tinyblob" | "blob" | "mediumblob" | "longblob" | "vector")
        }
        JsonAddr | JsonAdaptive => base == "json",
        Geometry | GeomAddr | GeomAdaptive => sql_type::is_spatial(base),
    }
}

#[inline]
fn fixed<const N: usize>(field: &[u8], kind: &'static str) -> Result<[u8; N], ValueProblem> {
    field.try_into().map_err(|_| ValueProblem::malformed(field, kind))
}

#[inline]
fn text(bytes: &[u8]) -> Result<&str, ValueProblem> {
    str::from_utf8(bytes).map_err(|_| ValueProblem::NotUtf8)
}

#[inline]
fn terminated(field: &[u8]) -> Result<&[u8], ValueProblem> {
    match field {
        [bytes @ .., 0] => Ok(bytes),
        _ => Err(ValueProblem::malformed(field, "bytes that a NUL ends")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoder(sql_type: &str, encoding: u8) -> Result<Decoder, RowsError> {
        let column = Column { sql_type: sql_type.to_owned(), encoding, ..Column::default() };
        Decoder::new("t", &column)
    }

    /// Values used to be padded with as many zeros as the type asked for, even four thousand million.
    #[test]
    fn a_decimal_with_more_digits_than_there_can_be_is_refused() {
        assert!(decoder("decimal(65,30)", 130).is_ok());
        for sql_type in ["decimal(65,31)", "decimal(10,4000000000)"] {
            let error = decoder(sql_type, 130).expect_err("no DECIMAL has so many");
            assert!(error.to_string().contains("digits after the point"), "{error}");
        }
    }
}
