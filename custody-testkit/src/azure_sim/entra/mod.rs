//! Entra's token endpoint and the instance metadata service.

mod metadata;
mod token;
mod token_endpoint;

pub(crate) use self::metadata::answer as answer_metadata;
pub(crate) use self::token::{Principal, TokenFault, principal_of};
pub(crate) use self::token_endpoint::answer as answer_entra;
