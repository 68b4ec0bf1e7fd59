use serde::Serialize;
use serde_json::Value;

/// The first place at which two records differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    /// The field, as `jq` writes it: `items[0].source.length`.
    pub(super) place: String,
    pub(super) expected: String,
    pub(super) found: String,
}

impl Difference {
    /// Compares two records field by field; `place` is what the comparison begins at.
    pub(super) fn between<T: Serialize>(place: &str, expected: &T, found: &T) -> Option<Self> {
        match (serde_json::to_value(expected), serde_json::to_value(found)) {
            (Ok(expected), Ok(found)) => Self::of_values(place, &expected, &found),
            (expected, found) => Some(Self {
                place: place.to_owned(),
                expected: expected.map_or_else(|error| error.to_string(), |value| shown(Some(&value))),
                found: found.map_or_else(|error| error.to_string(), |value| shown(Some(&value))),
            }),
        }
    }

    fn of_values(place: &str, expected: &Value, found: &Value) -> Option<Self> {
        match (expected, found) {
            (Value::Object(expected), Value::Object(found)) => {
                let names: std::collections::BTreeSet<&String> =
                    expected.keys().chain(found.keys()).collect();
                names.into_iter().find_map(|name| {
                    let place = if place.is_empty() {
                        name.clone()
                    } else {
                        format!("{place}.{name}")
                    };
                    Self::of_options(&place, expected.get(name), found.get(name))
                })
            }
            (Value::Array(expected), Value::Array(found)) => (0..expected.len().max(found.len()))
                .find_map(|i| Self::of_options(&format!("{place}[{i}]"), expected.get(i), found.get(i))),
            (expected, found) if expected == found => None,
            (expected, found) => Some(Self {
                place: place.to_owned(),
                expected: shown(Some(expected)),
                found: shown(Some(found)),
            }),
        }
    }

    fn of_options(place: &str, expected: Option<&Value>, found: Option<&Value>) -> Option<Self> {
        match (expected, found) {
            (Some(expected), Some(found)) => Self::of_values(place, expected, found),
            (expected, found) => Some(Self {
                place: place.to_owned(),
                expected: shown(expected),
                found: shown(found),
            }),
        }
    }
}

const MAX_SHOWN_CHARS: usize = 400;

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(
        || "nothing".into(),
        |value| value.to_string().chars().take(MAX_SHOWN_CHARS).collect(),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_difference_is_named_by_its_path() {
        let expected = json!({"a": [1, {"b": "x"}], "c": 1});
        assert_eq!(Difference::between("", &expected, &expected), None);
        let found = json!({"a": [1, {"b": "y"}], "c": 2});
        let difference = Difference::between("", &expected, &found).unwrap();
        assert_eq!(
            (difference.place.as_str(), difference.found.as_str()),
            ("a[1].b", "\"y\"")
        );
        let shorter = json!({"a": [1], "c": 1});
        let difference = Difference::between("top", &expected, &shorter).unwrap();
        assert_eq!(
            (difference.place.as_str(), difference.found.as_str()),
            ("top.a[1]", "nothing")
        );
    }
}
