//! How the values of a column are laid out in tuples.

/// The encodings of `serial/encoding.fbs` that columns of MySQL-flavoured tables have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnEncoding {
    /// One byte, signed.
    Int8,
    /// One byte.
    UInt8,
    /// Two bytes, signed; this and all that follow are little-endian.
    Int16,
    /// Two bytes.
    UInt16,
    /// Four bytes, signed; MEDIUMINT too.
    Int32,
    /// Four bytes.
    UInt32,
    /// Eight bytes, signed.
    Int64,
    /// Eight bytes; BIT too.
    UInt64,
    /// IEEE 754, four bytes.
    Float32,
    /// IEEE 754, eight bytes.
    Float64,
    /// Eight bytes; BIT in stores of early versions.
    Bit64,
    /// One byte: years since 1901; 255 is the year 0.
    Year,
    /// Four bytes: year in the upper two, month, day.
    Date,
    /// Eight bytes: microseconds, signed.
    Time,
    /// Eight bytes: microseconds since 1970 in UTC, signed.
    Datetime,
    /// Two bytes: the place in the type's list from 1; 0 is the empty text.
    Enum,
    /// Eight bytes: one bit for each member of the type's list.
    Set,
    /// Bytes, then a NUL.
    Bytes,
    /// UTF-8, then a NUL.
    String,
    /// Exponent (i32), sign (i8), big-endian coefficient.
    Decimal,
    /// SRID, then WKB, in the tuple: early versions only.
    Geometry,
    /// The address of a tree of bytes.
    BytesAddr,
    /// The address of a tree of UTF-8.
    StringAddr,
    /// The address of a tree of JSON text.
    JsonAddr,
    /// The address of a tree of SRID and WKB.
    GeomAddr,
    /// In the tuple or out of line, whichever is shorter: UTF-8.
    StringAdaptive,
    /// The same for bytes.
    BytesAdaptive,
    /// The same for SRID and WKB.
    GeomAdaptive,
    /// The same for JSON text.
    JsonAdaptive,
}

impl ColumnEncoding {
    /// The encoding with this number; the error describes a known encoding that columns of MySQL-flavoured tables never
    /// have, or whose form in old stores could not be checked.
    pub fn from_number(number: u8) -> Result<Self, &'static str> {
        Ok(match number {
            1 => Self::Int8,
            2 => Self::UInt8,
            3 => Self::Int16,
            4 => Self::UInt16,
            7 => Self::Int32,
            8 => Self::UInt32,
            9 => Self::Int64,
            10 => Self::UInt64,
            11 => Self::Float32,
            12 => Self::Float64,
            13 => Self::Bit64,
            15 => Self::Year,
            16 => Self::Date,
            17 => Self::Time,
            18 => Self::Datetime,
            19 => Self::Enum,
            20 => Self::Set,
            21 => Self::BytesAddr,
            23 => Self::StringAddr,
            24 => Self::JsonAddr,
            26 => Self::GeomAddr,
            128 => Self::String,
            129 => Self::Bytes,
            130 => Self::Decimal,
            133 => Self::Geometry,
            135 => Self::StringAdaptive,
            136 => Self::BytesAdaptive,
            138 => Self::GeomAdaptive,
            139 => Self::JsonAdaptive,
            14 => return Err("the hash of a row without a key"),
            22 => return Err("the address of a commit"),
            25 => return Err("a cell of a spatial index"),
            27 | 134 | 137 => return Err("a type of Doltgres"),
            131 => return Err("JSON in the tuple, as versions before 1.0 wrote it"),
            _ => return Err("unknown here"),
        })
    }
}
