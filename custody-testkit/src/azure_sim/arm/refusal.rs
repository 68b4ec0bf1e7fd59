use serde_json::json;

use crate::azure_sim::entra::Principal;
use crate::azure_sim::http::Answer;

/// Why ARM, or a provider behind it, refuses.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    status: u16,
    code: String,
    message: String,
    target: Option<String>,
    from_gateway: bool,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
            target: None,
            from_gateway: false,
        }
    }

    /// Names the part of the request that is wrong.
    pub(crate) fn at(mut self, target: &str) -> Self {
        self.target = Some(target.into());
        self
    }

    /// ARM itself refuses, before any provider was asked.
    pub(crate) fn by_gateway(mut self) -> Self {
        self.from_gateway = true;
        self
    }

    pub(crate) fn not_found(kind: &str, name: &str, group: &str) -> Self {
        let message = format!(
            "The Resource '{kind}/{name}' under resource group '{group}' was not found. For more details please go to \
             https://aka.ms/ARMResourceNotFoundFix"
        );
        Self::new(404, "ResourceNotFound", message).by_gateway()
    }

    pub(crate) fn unauthorized(principal: &Principal, action: &str, scope: &str) -> Self {
        let (client, object) = (&principal.client_id, &principal.object_id);
        let message = format!(
            "The client '{client}' with object id '{object}' does not have authorization to perform action '{action}' \
             over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your \
             credentials."
        );
        Self::new(403, "AuthorizationFailed", message).by_gateway()
    }

    pub(crate) fn parameter(name: &str, message: impl Into<String>) -> Self {
        Self::new(400, "InvalidParameter", message).at(name)
    }

    pub(crate) fn not_allowed(message: impl Into<String>) -> Self {
        Self::new(409, "OperationNotAllowed", message)
    }

    pub(crate) fn answer(self) -> Answer {
        let mut error = json!({"code": self.code, "message": self.message});
        if let Some(target) = self.target {
            error["target"] = json!(target);
        }
        let answer = Answer::json(self.status, &json!({"error": error}));
        let answer = if self.from_gateway {
            answer.with_header("x-ms-failure-cause", "gateway")
        } else {
            answer
        };
        if self.status == 401 {
            return answer.with_header("www-authenticate", "Bearer error=\"invalid_token\"");
        }
        answer
    }
}
