use serde_json::{Value, json};

use super::{Outcome, Refusal, VaultCall};
use crate::azure_sim::http::{Answer, encode};

/// The most that one page holds. Source: the data plane's API description, 7.5, `maxresults`.
const MAX_RESULTS: usize = 25;

/// One page of a list, whose entries are in order of the first members.
pub(super) fn answer(call: &VaultCall<'_>, path: &str, entries: Vec<(String, Value)>) -> Outcome<Answer> {
    let query = &call.call.query;
    let most = match query.value("maxresults") {
        None => MAX_RESULTS,
        Some(text) => text
            .parse()
            .ok()
            .filter(|most| (1..=MAX_RESULTS).contains(most))
            .ok_or_else(|| Refusal::parameter("maxresults is 1 to 25."))?,
    };
    let after = query.value("$skiptoken").unwrap_or_default();
    let mut rest = entries
        .into_iter()
        .filter(|(key, _)| after.is_empty() || key.as_str() > after);
    let page: Vec<(String, Value)> = rest.by_ref().take(most).collect();
    let next = match (rest.next(), page.last()) {
        (Some(_), Some((last, _))) => {
            let version = query.value("api-version").unwrap_or_default();
            Some(format!(
                "{}/{path}?api-version={}&$skiptoken={}&maxresults={most}",
                call.base,
                encode(version),
                encode(last)
            ))
        }
        _ => None,
    };
    let value: Vec<Value> = page.into_iter().map(|(_, entry)| entry).collect();
    let mut body = json!({"value": value});
    if let Some(next) = next {
        body["nextLink"] = json!(next);
    }
    Ok(Answer::json(200, &body))
}
