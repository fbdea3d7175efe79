//! Just enough JSON for `RTCIceCandidate.toJSON()`: one flat object of strings, numbers and nulls.
//!
//! Nothing nested is accepted, so there is no recursion, and nothing is stored but the four members we know.

/// A member's value. Numbers keep only what an index needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Bool,
    Number(Option<u16>),
    Text(String),
}

/// Why a text is not a flat object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a flat JSON object, at byte {at}")]
pub(crate) struct JsonError {
    /// Where reading stopped.
    pub at: usize,
}

/// A text that is one JSON value: an object's members in order, or nothing for `null` and `""`.
pub(super) fn parse(text: &str) -> Result<Option<Vec<(String, Value)>>, JsonError> {
    let mut reader = Reader { text, at: 0 };
    reader.space();
    let value = if reader.peek() == Some('{') {
        Some(reader.object()?)
    } else {
        match reader.value()? {
            Value::Null => None,
            Value::Text(text) if text.is_empty() => None,
            _ => return Err(reader.error()),
        }
    };
    reader.space();
    if reader.peek().is_some() { Err(reader.error()) } else { Ok(value) }
}

/// Writes a string with its quotes.
pub(super) fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn error(&self) -> JsonError {
        JsonError { at: self.at }
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn next(&mut self) -> Result<char, JsonError> {
        let c = self.peek().ok_or(self.error())?;
        self.at += c.len_utf8();
        Ok(c)
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\r' | '\n')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, wanted: char) -> Result<(), JsonError> {
        self.space();
        if self.peek() == Some(wanted) {
            self.at += wanted.len_utf8();
            return Ok(());
        }
        Err(self.error())
    }

    fn object(&mut self) -> Result<Vec<(String, Value)>, JsonError> {
        let mut members = Vec::new();
        self.expect('{')?;
        self.space();
        if self.peek() == Some('}') {
            self.at += 1;
            return Ok(members);
        }
        loop {
            self.space();
            let name = self.string()?;
            self.expect(':')?;
            self.space();
            members.push((name, self.value()?));
            self.space();
            match self.next()? {
                ',' => {}
                '}' => return Ok(members),
                _ => return Err(self.error()),
            }
        }
    }

    fn value(&mut self) -> Result<Value, JsonError> {
        match self.peek() {
            Some('"') => Ok(Value::Text(self.string()?)),
            Some('n') => self.word("null", Value::Null),
            Some('t') => self.word("true", Value::Bool),
            Some('f') => self.word("false", Value::Bool),
            Some('-' | '0'..='9') => Ok(self.number()),
            _ => Err(self.error()),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, JsonError> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.error());
        }
        self.at += word.len();
        Ok(value)
    }

    fn number(&mut self) -> Value {
        let rest = &self.text[self.at..];
        let len = rest.find(|c: char| !matches!(c, '-' | '+' | '.' | 'e' | 'E' | '0'..='9')).unwrap_or(rest.len());
        self.at += len;
        Value::Number(rest[..len].parse().ok())
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.expect('"')?;
        let mut text = String::new();
        loop {
            match self.next()? {
                '"' => return Ok(text),
                '\\' => text.push(self.escape()?),
                c if c < ' ' => return Err(self.error()),
                c => text.push(c),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        Ok(match self.next()? {
            c @ ('"' | '\\' | '/') => c,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let high = self.hex4()?;
                let code = if (0xd800..0xdc00).contains(&high) {
                    if self.next()? != '\\' || self.next()? != 'u' {
                        return Err(self.error());
                    }
                    let low = self.hex4()?;
                    if !(0xdc00..0xe000).contains(&low) {
                        return Err(self.error());
                    }
                    0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)
                } else {
                    high
                };
                char::from_u32(code).ok_or(self.error())?
            }
            _ => return Err(self.error()),
        })
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let mut code = 0;
        for _ in 0..4 {
            code = code << 4 | self.next()?.to_digit(16).ok_or(self.error())?;
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(value: &str) -> Value {
        Value::Text(value.to_owned())
    }

    #[test]
    fn a_flat_object_is_read_in_order() {
        let members = parse(r#" {"a":"x\"\u00e9\ud83d\ude00","b":0,"c":null,"d":true,"e":1.5} "#).expect("valid");
        let expected = [
            ("a", text("x\"\u{e9}\u{1f600}")),
            ("b", Value::Number(Some(0))),
            ("c", Value::Null),
            ("d", Value::Bool),
            ("e", Value::Number(None)),
        ];
        assert_eq!(members, Some(expected.map(|(name, value)| (name.to_owned(), value)).to_vec()));
    }

    #[test]
    fn null_and_the_empty_string_are_nothing() {
        assert_eq!(parse("null"), Ok(None));
        assert_eq!(parse(r#""""#), Ok(None));
        assert_eq!(parse("{}"), Ok(Some(vec![])));
    }

    #[test]
    fn everything_else_is_refused() {
        for bad in [
            "",
            "1",
            "true",
            r#""x""#,
            "[]",
            r#"{"a":[]}"#,
            r#"{"a":{}}"#,
            r#"{"a"}"#,
            "{",
            r#"{"a":1,}"#,
            "nullx",
            r#""\ud800""#,
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn prop_written_text_reads_back(value: String) {
            let mut json = String::from("{\"a\":");
            write_text(&mut json, &value);
            json.push('}');
            prop_assert_eq!(parse(&json), Ok(Some(vec![("a".to_owned(), Value::Text(value))])));
        }

        #[test]
        fn prop_any_text_parses_or_fails(value: String) {
            let _either = parse(&value);
        }
    }
}
