use azure_core::Bytes;
use azure_core::http::RequestContent;
use serde::Serialize;
use zeroize::Zeroize as _;

/// Room for what a vault takes, so that writing leaves no smaller copies behind.
const CAPACITY_BYTES: usize = 64 * 1024;

/// The body of a request that holds a secret. Wiped when it is dropped after the call, where the layers below hold it no
/// more; what they made of it is not.
pub(super) struct SecretBody(Bytes);

impl SecretBody {
    /// The parameters in JSON; none where they cannot be written. The library's error could quote them.
    pub(super) fn of(parameters: &impl Serialize) -> Option<Self> {
        let mut json = Vec::with_capacity(CAPACITY_BYTES);
        if serde_json::to_writer(&mut json, parameters).is_err() {
            json.zeroize();
            return None;
        }
        Some(Self(json.into()))
    }

    pub(super) fn content<T>(&self) -> RequestContent<T> {
        self.0.clone().into()
    }
}

impl Drop for SecretBody {
    fn drop(&mut self) {
        if let Ok(mut bytes) = std::mem::take(&mut self.0).try_into_mut() {
            bytes.as_mut().zeroize();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_the_parameters_in_json_and_another_holder_keeps_it() {
        let body = SecretBody::of(&serde_json::json!({"value": "CANARY"})).unwrap();
        let held = body.0.clone();
        drop(body);
        assert_eq!(held, Bytes::from_static(br#"{"value":"CANARY"}"#));
    }
}
