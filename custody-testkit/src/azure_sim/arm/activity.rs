use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{ArmCall, Outcome, Refusal};
use crate::azure_sim::clock::long_date;
use crate::azure_sim::http::Answer;
use crate::azure_sim::keyed;
use crate::azure_sim::world::World;

/// A line of the Activity Log.
#[derive(Clone, Debug)]
pub(crate) struct ActivityEvent {
    at: Timestamp,
    subscription: String,
    body: Value,
}

/// Notes what a changing call did.
pub(crate) fn record(world: &mut World, arm: &ArmCall<'_>, status: u16) {
    let Some(action) = arm.path.action(&arm.call.method) else {
        return;
    };
    let (Some(subscription), scope) = (arm.path.subscription.clone(), arm.path.resource_id()) else {
        return;
    };
    let event = world.fresh_guid("event");
    let body = json!({
        "id": format!("{scope}/events/{event}/ticks/{}", arm.call.at.as_millisecond()), "eventDataId": event,
        "authorization": {"action": action, "scope": scope, "role": "simulated"},
        "caller": arm.principal.object_id, "channels": "Operation", "level": "Informational",
        "claims": {"appid": arm.principal.client_id, "oid": arm.principal.object_id, "tid": arm.principal.tenant},
        "correlationId": arm.correlation, "operationId": arm.correlation, "tenantId": arm.principal.tenant,
        "eventName": {"value": "EndRequest", "localizedValue": "End request"},
        "category": {"value": "Administrative", "localizedValue": "Administrative"},
        "httpRequest": {
            "clientRequestId": arm.call.header("x-ms-client-request-id").unwrap_or_default(),
            "clientIpAddress": arm.call.from.to_string(), "method": arm.call.method
        },
        "operationName": {"value": action, "localizedValue": action},
        "resourceGroupName": arm.path.group.as_deref().unwrap_or_default(),
        "resourceProviderName": {"value": arm.path.kind_as_given().split('/').next().unwrap_or_default()},
        "resourceId": scope, "subscriptionId": subscription,
        "status": {"value": if status == 202 { "Accepted" } else { "Succeeded" }},
        "subStatus": {"value": status.to_string()},
        "eventTimestamp": long_date(arm.call.at), "submissionTimestamp": long_date(arm.call.at),
        "properties": {"statusCode": status.to_string(), "serviceRequestId": keyed::guid(&event)}
    });
    world.activity.push(ActivityEvent {
        at: arm.call.at,
        subscription,
        body,
    });
}

/// How many lines an answer has at most.
const PAGE_EVENTS: usize = 200;

/// The log, filtered by one of the patterns that it allows.
///
/// Source: Activity Logs API description, api-version 2015-04-01: time range, and at most one of four fields.
pub(crate) fn list(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let refuse = |why: &str| Refusal::new(400, "BadRequest", why);
    let filter = arm
        .call
        .query
        .value("$filter")
        .ok_or_else(|| refuse("The $filter parameter is required."))?;
    let filter = Filter::parse(filter).ok_or_else(|| refuse("The $filter is not of an allowed pattern."))?;
    let visible_until = arm.call.at
        - SignedDuration::from_secs(
            i64::try_from(world.scenario.timing.activity_delay_seconds).unwrap_or(i64::MAX / 2),
        );
    let subscription = arm.path.subscription.as_deref().unwrap_or_default();
    let mut found: Vec<&Value> = world
        .activity
        .iter()
        .filter(|event| event.subscription.eq_ignore_ascii_case(subscription) && event.at <= visible_until)
        .filter(|event| filter.takes(event))
        .map(|event| &event.body)
        .collect();
    found.reverse();
    let skip: usize = arm
        .call
        .query
        .value("$skipToken")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let page: Vec<&Value> = found.iter().skip(skip).take(PAGE_EVENTS).copied().collect();
    let mut body = json!({"value": page});
    if skip + PAGE_EVENTS < found.len() {
        let base = world
            .addresses
            .base(arm.call.way, &crate::azure_sim::address::Service::Arm);
        let filter = crate::azure_sim::http::encode(arm.call.query.value("$filter").unwrap_or_default());
        body["nextLink"] = json!(format!(
            "{base}{}?api-version={}&$filter={filter}&$skipToken={}",
            arm.call.path,
            arm.api_version,
            skip + PAGE_EVENTS
        ));
    }
    Ok(Answer::json(200, &body))
}

struct Filter {
    from: Timestamp,
    to: Option<Timestamp>,
    field: Option<(String, String)>,
}

impl Filter {
    fn parse(text: &str) -> Option<Self> {
        const FIELDS: [(&str, &str); 4] = [
            ("resourcegroupname", "resourceGroupName"),
            ("resourceuri", "resourceId"),
            ("resourceid", "resourceId"),
            ("correlationid", "correlationId"),
        ];
        let (mut from, mut to, mut field) = (None, None, None);
        for part in text.split(" and ") {
            let mut words = part.split_whitespace();
            let (name, comparison) = (words.next()?.to_lowercase(), words.next()?);
            let value = words.collect::<Vec<_>>().join(" ").trim_matches('\'').to_string();
            match (name.as_str(), comparison) {
                ("eventtimestamp", "ge") => from = Some(value.parse().ok()?),
                ("eventtimestamp", "le") => to = Some(value.parse().ok()?),
                ("eventchannels", "eq") => {}
                ("resourceprovider", "eq") if field.is_none() => {
                    field = Some(("provider".to_string(), value));
                }
                (name, "eq") if field.is_none() => {
                    let (_, member) = FIELDS.iter().find(|(known, _)| *known == name)?;
                    field = Some(((*member).to_string(), value));
                }
                _ => return None,
            }
        }
        Some(Self {
            from: from?,
            to,
            field,
        })
    }

    fn takes(&self, event: &ActivityEvent) -> bool {
        let same = |member: &str, value: &str| {
            let found = match member {
                "provider" => &event.body["resourceProviderName"]["value"],
                member => &event.body[member],
            };
            found
                .as_str()
                .is_some_and(|found| found.eq_ignore_ascii_case(value))
        };
        event.at >= self.from
            && self.to.is_none_or(|to| event.at <= to)
            && self
                .field
                .as_ref()
                .is_none_or(|(member, value)| same(member, value))
    }
}
