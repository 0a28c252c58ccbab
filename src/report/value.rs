//! A value for programs, before it has a format. Commands build these; `json` writes them. Kept apart from serde so that no
//! inner type is ever serialized by accident: what a script sees is spelled out by hand.

/// A tree of plain values; objects keep the order in which they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A length of time in milliseconds; programs get seconds.
    Millis(u64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// Named values.
    Object(Vec<(&'static str, Value)>),
}

/// Builds a `Value::Object` from `"name" => value` pairs.
macro_rules! object {
    ($($name:literal => $value:expr),* $(,)?) => {
        $crate::report::Value::Object(vec![$(($name, $crate::report::Value::from($value))),*])
    };
}
pub(crate) use object;

impl Value {
    /// Adds a named value to an object; anything else is left as it is.
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Value {
        if let Value::Object(entries) = &mut self {
            entries.push((name, value.into()));
        }
        self
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

macro_rules! from_integer {
    ($($kind:ty),*) => {$(
        impl From<$kind> for Value {
            fn from(value: $kind) -> Value {
                // Counts and sizes here are far below 2^63; a number that is not becomes text rather than a wrong number.
                i64::try_from(value).map_or_else(|_| Value::Text(value.to_string()), Value::Int)
            }
        }
    )*};
}
from_integer!(i64, u64, u32, usize);

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::Text(value)
    }
}

impl From<&std::path::Path> for Value {
    fn from(value: &std::path::Path) -> Value {
        Value::Text(value.to_string_lossy().into_owned())
    }
}

impl From<std::time::Duration> for Value {
    fn from(value: std::time::Duration) -> Value {
        Value::Millis(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(value: Vec<T>) -> Value {
        Value::List(value.into_iter().map(Into::into).collect())
    }
}
