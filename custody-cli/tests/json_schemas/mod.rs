//! The schemas of `docs/schemas/`, held against documents.

use std::fs;
use std::path::Path;

use jsonschema::{Registry, Validator};
use serde_json::{Value, json};

/// The schemas, by file name.
pub(crate) struct Schemas(Registry<'static>);

impl Schemas {
    pub(crate) fn load() -> Self {
        let mut registry = Registry::new();
        for entry in fs::read_dir(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../docs")
                .join("schemas"),
        )
        .unwrap()
        {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let schema: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
                jsonschema::meta::validate(&schema)
                    .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                let id = schema["$id"].as_str().unwrap().to_owned();
                assert_eq!(
                    id.rsplit('/').next(),
                    path.file_name().and_then(|name| name.to_str())
                );
                registry = registry.add(id, schema).unwrap();
            }
        }
        Self(registry.prepare().unwrap())
    }

    fn validator(&self, schema: &str) -> Validator {
        let reference = json!({"$ref": format!("https://custody.invalid/schemas/{schema}.schema.json")});
        jsonschema::options()
            .with_registry(&self.0)
            .build(&reference)
            .unwrap()
    }

    /// The document fits; and it does not fit when any of its objects has a member more, or when any of its members is
    /// of another kind.
    pub(crate) fn hold(&self, schema: &str, document: &Value) {
        let validator = self.validator(schema);
        let faults: Vec<String> = validator
            .iter_errors(document)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{schema}: {faults:#?}\n{document:#}");
        for pointer in objects(document, String::new()) {
            let mut altered = document.clone();
            let object = altered.pointer_mut(&pointer).unwrap().as_object_mut().unwrap();
            // Maps of names and values take any name, but texts only.
            object.insert("surplus".into(), json!(1));
            assert!(
                !validator.is_valid(&altered),
                "{schema}: a surplus member of {pointer:?} was taken"
            );
        }
        for member in document.as_object().unwrap().keys() {
            let mut altered = document.clone();
            altered[member] = json!({"another": ["kind", "of value"]});
            assert!(
                !validator.is_valid(&altered),
                "{schema}: another kind of {member} was taken"
            );
        }
    }
}

/// JSON pointers to every object in a document.
fn objects(value: &Value, pointer: String) -> Vec<String> {
    match value {
        Value::Object(members) => {
            let below = members.iter().flat_map(|(name, member)| {
                let name = name.replace('~', "~0").replace('/', "~1");
                objects(member, format!("{pointer}/{name}"))
            });
            let below: Vec<String> = below.collect();
            [vec![pointer], below].concat()
        }
        Value::Array(values) => values
            .iter()
            .enumerate()
            .flat_map(|(i, value)| objects(value, format!("{pointer}/{i}")))
            .collect(),
        _ => Vec::new(),
    }
}
