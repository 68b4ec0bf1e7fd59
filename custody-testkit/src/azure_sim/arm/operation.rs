use serde_json::{Value, json};

use super::{ArmCall, Outcome, Refusal};
use crate::azure_sim::address::Service;
use crate::azure_sim::clock::long_date;
use crate::azure_sim::fault::FaultAction;
use crate::azure_sim::http::Answer;
use crate::azure_sim::keyed;
use crate::azure_sim::scenario::LroStyle;
use crate::azure_sim::world::World;

/// A long operation. Its result may carry a shared access signature: it is not printable.
#[derive(Clone)]
pub(crate) struct Operation {
    /// What its address must carry besides its number.
    poll_token: String,
    polls_left: u32,
    started: jiff::Timestamp,
    /// What the call would have answered had it been quick; null for nothing.
    result: Value,
    /// Whether the status has the result.
    with_output: bool,
    /// Why it failed.
    failure: Option<String>,
    /// What happens when it is done.
    effect: Option<Effect>,
}

/// What happens when an operation is done.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// A snapshot is there.
    SnapshotReady(String),
    /// A snapshot, restore point or collection is gone.
    Removed(String),
    /// A restore point is there.
    RestorePointReady(String),
}

/// How the call that starts an operation answers.
pub(crate) struct Start {
    /// The resource's region.
    pub(crate) location: String,
    /// 200, 201 or 202.
    pub(crate) status: u16,
    /// The body of the first answer; null for none.
    pub(crate) body: Value,
    /// The result.
    pub(crate) result: Value,
    pub(crate) effect: Option<Effect>,
    /// The counter that the compute provider reports for such a call.
    pub(crate) counter: &'static str,
}

/// Starts an operation, in the style that the scenario or a fault wants.
pub(crate) fn start(world: &mut World, arm: &ArmCall<'_>, start: Start) -> Answer {
    let lro = world.scenario.timing.long_running.clone();
    let bent = |bend: &FaultAction| {
        if let FaultAction::Style(style) = bend {
            Some(*style)
        } else {
            None
        }
    };
    let style = arm.bends.iter().find_map(bent).unwrap_or(lro.style);
    let failure = arm.bends.iter().find_map(|bend| match bend {
        FaultAction::OperationFails(code) => Some(code.clone()),
        _ => None,
    });
    let counter = format!(
        "Microsoft.Compute/{0}3Min;996,Microsoft.Compute/{0}30Min;7996",
        start.counter
    );
    if style == LroStyle::Direct && failure.is_none() {
        finish(world, start.effect.as_ref());
        let answer = match &start.result {
            Value::Null => Answer::empty(200),
            result => Answer::json(200, result),
        };
        return answer.with_header("x-ms-ratelimit-remaining-resource", counter);
    }
    let number = world.fresh_guid("operation");
    let poll_token = world.fresh_guid("poll");
    let with_output = style != LroStyle::OutputMissingOnce || start.result["accessSAS"].is_null();
    if !with_output {
        world.answered_next.insert(arm.path.key());
    }
    let operation = Operation {
        poll_token: poll_token.clone(),
        polls_left: lro.polls,
        started: arm.call.at,
        result: start.result,
        with_output,
        failure,
        effect: start.effect,
    };
    world.operations.insert(number.clone(), operation);

    let base = world.addresses.base(arm.call.way, &Service::Arm);
    let subscription = arm.path.subscription.as_deref().unwrap_or_default();
    let address = format!(
        "{base}/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{}/DiskOperations/{number}?p={poll_token}",
        start.location
    );
    let version = &arm.api_version;
    let signed = if lro.long_urls {
        long_signature(&number)
    } else {
        String::new()
    };
    let mut answer = match &start.body {
        Value::Null => Answer::empty(start.status),
        body => Answer::json(start.status, body),
    };
    answer.set_header(
        "location",
        format!("{address}&monitor=true&api-version={version}{signed}"),
    );
    if style != LroStyle::Location {
        answer.set_header(
            "azure-asyncoperation",
            format!("{address}&api-version={version}{signed}"),
        );
    }
    if let Some(seconds) = lro.retry_after {
        answer.set_header("retry-after", seconds.to_string());
    }
    answer.with_header("x-ms-ratelimit-remaining-resource", counter)
}

/// The parameters that addresses of operations carry since 2024: an instant, a certificate, a signature, a digest.
fn long_signature(number: &str) -> String {
    const CERTIFICATE_BYTES: usize = 3300;
    let mut certificate = Vec::new();
    while certificate.len() < CERTIFICATE_BYTES {
        certificate.extend_from_slice(&keyed::mac(number.as_bytes(), &certificate));
    }
    let signature: Vec<u8> = (0..8_u8)
        .flat_map(|part| keyed::mac(number.as_bytes(), &[part]))
        .collect();
    let digest = keyed::mac(number.as_bytes(), b"digest");
    format!(
        "&t={}&c={}&s={}&h={}",
        u64::from_be_bytes(digest[..8].try_into().expect("eight bytes")),
        keyed::base64url(&certificate),
        keyed::base64url(&signature),
        keyed::base64url(&digest)
    )
}

/// A look at an operation.
pub(crate) fn poll(world: &mut World, arm: &ArmCall<'_>) -> Outcome {
    let number = arm.path.name().to_string();
    let missing = || {
        Refusal::new(
            404,
            "NotFound",
            format!("The operation '{number}' was not found."),
        )
    };
    let operation = world.operations.get_mut(&number).ok_or_else(missing)?;
    if !arm.call.query.is("p", &operation.poll_token) {
        return Err(missing());
    }
    let monitor = arm.call.query.is("monitor", "true");
    let running = operation.polls_left > 0;
    if running {
        operation.polls_left -= 1;
    } else {
        let failed = operation.failure.is_some();
        let effect = operation.effect.take();
        if !failed {
            finish(world, effect.as_ref());
        } else {
            give_up(world, effect.as_ref());
        }
    }
    let operation = world.operations.get(&number).cloned().ok_or_else(missing)?;
    let answer = if monitor {
        location_answer(&operation, running)?
    } else {
        status_answer(&operation, &number, running, arm)
    };
    let answer = answer.with_header(
        "x-ms-ratelimit-remaining-resource",
        "Microsoft.Compute/GetOperation3Min;49961,Microsoft.Compute/GetOperation30Min;399941",
    );
    match world.scenario.timing.long_running.retry_after.filter(|_| running) {
        Some(seconds) => Ok(answer.with_header("retry-after", seconds.to_string())),
        None => Ok(answer),
    }
}

fn location_answer(operation: &Operation, running: bool) -> Outcome {
    if running {
        return Ok(Answer::empty(202));
    }
    match (&operation.failure, &operation.result) {
        (Some(code), _) => Err(Refusal::new(409, code, "The operation failed.")),
        (None, Value::Null) => Ok(Answer::empty(200)),
        (None, result) => Ok(Answer::json(200, result)),
    }
}

fn status_answer(operation: &Operation, number: &str, running: bool, arm: &ArmCall<'_>) -> Answer {
    let mut status =
        json!({"startTime": long_date(operation.started), "status": "InProgress", "name": number});
    if !running {
        status["endTime"] = json!(long_date(arm.call.at));
        match &operation.failure {
            Some(code) => {
                status["status"] = json!("Failed");
                status["error"] = json!({"code": code, "message": "The operation failed."});
            }
            None => {
                status["status"] = json!("Succeeded");
                if operation.with_output && !operation.result.is_null() {
                    status["properties"] = json!({"output": operation.result});
                }
            }
        }
    }
    Answer::json(200, &status)
}

/// Looks at a resource count as looks at the operation that makes it: who polls the resource gets there too.
pub(crate) fn look_at_resource(world: &mut World, key: &str) {
    let about = |operation: &Operation| {
        operation.failure.is_none()
            && match &operation.effect {
                Some(Effect::SnapshotReady(id) | Effect::Removed(id) | Effect::RestorePointReady(id)) => {
                    id == key
                }
                None => false,
            }
    };
    let Some(operation) = world.operations.values_mut().find(|operation| about(operation)) else {
        return;
    };
    if operation.polls_left > 0 {
        operation.polls_left -= 1;
        return;
    }
    let effect = operation.effect.take();
    finish(world, effect.as_ref());
}

/// What a failed operation was to make is there, and says that it failed.
fn give_up(world: &mut World, effect: Option<&Effect>) {
    match effect {
        Some(Effect::SnapshotReady(id)) => {
            if let Some(snapshot) = world.snapshots.get_mut(id) {
                snapshot.provisioning = "Failed";
            }
        }
        Some(Effect::RestorePointReady(id)) => {
            if let Some(point) = world.restore_points.get_mut(id) {
                point.provisioning = "Failed";
            }
        }
        Some(Effect::Removed(_)) | None => {}
    }
}

fn finish(world: &mut World, effect: Option<&Effect>) {
    match effect {
        Some(Effect::SnapshotReady(id)) => {
            if let Some(snapshot) = world.snapshots.get_mut(id) {
                snapshot.provisioning = "Succeeded";
            }
        }
        Some(Effect::RestorePointReady(id)) => {
            if let Some(point) = world.restore_points.get_mut(id) {
                point.provisioning = "Succeeded";
            }
        }
        Some(Effect::Removed(id)) => {
            world.snapshots.remove(id);
            world.restore_points.remove(id);
            world.resources.remove(id);
        }
        None => {}
    }
}
