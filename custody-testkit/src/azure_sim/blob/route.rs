use super::authorization::{Need, Target, permit};
use super::properties::describe;
use super::reading::{View, page_list, serve};
use super::refusal::Refused;
use super::state::{BlobPlace, Kind};
use super::worm::{self, Change};
use super::writing::{container_of, existing, written};
use super::{
    append_blob, block_blob, conditions, container, copy, delegation_key, immutability, listing, page_blob,
};
use crate::azure_sim::fault::FaultAction;
use crate::azure_sim::http::{Answer, Call, decode};
use crate::azure_sim::world::World;

/// Answers a call to an account's blobs.
pub(crate) fn answer(world: &mut World, call: &Call, account: &str, bends: &[FaultAction]) -> Answer {
    let answer = decide(world, call, account, bends).unwrap_or_else(|refused| refused.answer(call));
    let version = call
        .header("x-ms-version")
        .or_else(|| call.query.value("sv"))
        .unwrap_or("2024-08-04")
        .to_string();
    let answer = answer
        .with_header("server", "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0")
        .with_header("x-ms-version", version);
    if answer.status != 401 {
        return answer;
    }
    let tenant = world.scenario.tenant();
    let login = format!(
        "https://{}/{tenant}/oauth2/authorize",
        world.scenario.cloud.login_host
    );
    let resource = &world.scenario.cloud.storage_audience;
    answer.with_header(
        "www-authenticate",
        format!("Bearer authorization_uri={login} resource_id={resource}"),
    )
}

fn decide(world: &mut World, call: &Call, account: &str, bends: &[FaultAction]) -> Result<Answer, Refused> {
    let path = decode(&call.path);
    let (container, blob) = path
        .trim_start_matches('/')
        .split_once('/')
        .unwrap_or((path.trim_start_matches('/'), ""));
    let place = BlobPlace {
        account: account.into(),
        container: container.into(),
        blob: blob.into(),
    };
    let permit = |world: &World, need: Need| {
        permit(
            world,
            call,
            Target {
                account,
                container: &place.container,
                blob: &place.blob,
            },
            need,
        )
    };
    let comp = call.query.value("comp").unwrap_or_default().to_lowercase();
    let restype = call.query.value("restype").unwrap_or_default().to_lowercase();
    if place.container.is_empty() {
        return match (call.method.as_str(), restype.as_str(), comp.as_str()) {
            ("POST", "service", "userdelegationkey") => {
                let who = permit(world, Need::DelegationKey)?;
                delegation_key::issue(world, call, account, &who)
            }
            ("GET", _, "list") => {
                permit(world, Need::ReadContainer)?;
                listing::containers(world, call, account)
            }
            _ => Err(unsupported()),
        };
    }
    if place.blob.is_empty() || restype == "container" {
        return match (call.method.as_str(), comp.as_str()) {
            ("GET", "list") => {
                permit(world, Need::List)?;
                listing::blobs(world, call, &place)
            }
            ("GET" | "HEAD", "") => {
                permit(world, Need::ReadContainer)?;
                container::properties(world, &place)
            }
            ("PUT", "") => {
                permit(world, Need::WriteContainer)?;
                container::create(world, call, &place)
            }
            ("DELETE", "") => {
                permit(world, Need::WriteContainer)?;
                container::delete(world, &place)
            }
            _ => Err(unsupported()),
        };
    }
    on_blob(world, call, &place, &comp, bends, &permit)
}

fn on_blob(
    world: &mut World,
    call: &Call,
    place: &BlobPlace,
    comp: &str,
    bends: &[FaultAction],
    permit: &dyn Fn(&World, Need) -> Result<crate::azure_sim::entra::Principal, Refused>,
) -> Result<Answer, Refused> {
    let exists = world.accounts.get(&place.account).is_some_and(|account| {
        account
            .blob(&place.container, &place.blob)
            .is_some_and(|blob| blob.current.is_some())
    });
    // What is new may be made by who may create; what is there is changed by who may write.
    let put = if exists { Need::Write } else { Need::Create };
    match (call.method.as_str(), comp) {
        ("GET" | "HEAD", "") => {
            permit(world, Need::Read)?;
            read(world, call, place, false)
        }
        ("GET", "pagelist") => {
            permit(world, Need::Read)?;
            read(world, call, place, true)
        }
        ("GET", "blocklist") => {
            permit(world, Need::Read)?;
            block_blob::block_list(world, call, place)
        }
        ("HEAD" | "GET", "metadata") => {
            permit(world, Need::Read)?;
            let whole = read(world, call, place, false)?;
            Ok(Answer {
                payload: crate::azure_sim::http::Payload::Bytes(bytes::Bytes::new()),
                ..whole
            })
        }
        ("PUT", "") if call.header("x-ms-copy-source").is_some() => {
            permit(world, put)?;
            copy::start(world, call, place, bends)
        }
        ("PUT", "") => {
            permit(world, put)?;
            match call.header("x-ms-blob-type").unwrap_or_default() {
                "PageBlob" => page_blob::create(world, call, place),
                "AppendBlob" => append_blob::create(world, call, place),
                "BlockBlob" => block_blob::put(world, call, place),
                _ => Err(Refused::new(
                    400,
                    "MissingRequiredHeader",
                    "A required HTTP header was not specified: x-ms-blob-type.",
                )),
            }
        }
        ("PUT", "page") => {
            permit(world, Need::Write)?;
            page_blob::put_page(world, call, place)
        }
        ("PUT", "block") => {
            permit(world, put)?;
            block_blob::put_block(world, call, place)
        }
        ("PUT", "blocklist") => {
            permit(world, put)?;
            block_blob::put_block_list(world, call, place)
        }
        ("PUT", "appendblock") => {
            permit(world, Need::Add)?;
            append_blob::append(world, call, place)
        }
        ("PUT", "seal") => {
            permit(world, Need::Write)?;
            append_blob::seal(world, call, place)
        }
        ("PUT", "metadata") => {
            permit(world, Need::Write)?;
            set_metadata(world, call, place)
        }
        ("PUT", "copy") => {
            permit(world, Need::Write)?;
            copy::abort(world, call, place)
        }
        ("PUT", "immutabilitypolicies") => {
            permit(world, Need::Immutability)?;
            immutability::set_policy(world, call, place)
        }
        ("DELETE", "immutabilitypolicies") => {
            permit(world, Need::Immutability)?;
            immutability::delete_policy(world, call, place)
        }
        ("PUT", "legalhold") => {
            permit(world, Need::Immutability)?;
            immutability::set_hold(world, call, place)
        }
        ("DELETE", "") => {
            permit(
                world,
                if call.query.has("versionid") {
                    Need::DeleteVersion
                } else {
                    Need::Delete
                },
            )?;
            delete(world, call, place)
        }
        _ => Err(unsupported()),
    }
}

fn unsupported() -> Refused {
    Refused::new(
        405,
        "UnsupportedHttpVerb",
        "The resource doesn't support specified Http Verb, or the simulator does not.",
    )
}

fn read(world: &mut World, call: &Call, place: &BlobPlace, pages: bool) -> Result<Answer, Refused> {
    copy::advance(world, call.at, Some(place));
    let container = container_of(world, place)?;
    let id = call.query.value("versionid");
    let found = container
        .blobs
        .get(&place.blob)
        .and_then(|blob| Some((blob, blob.version(id)?)));
    let (blob, version) = found.ok_or_else(Refused::no_blob)?;
    let is_current = blob
        .current
        .as_ref()
        .is_some_and(|current| current.etag == version.etag);
    conditions::check(call, Some(version))?;
    if pages && version.kind != Kind::Page {
        return Err(Refused::kind());
    }
    let view = View {
        content: &version.content,
        content_type: &version.content_type,
        etag: &version.etag,
        md5: version.content_md5.as_deref(),
    };
    let mut answer = if pages {
        page_list(call, &view)?
    } else {
        serve(call, &view)?
    };
    if pages {
        answer.set_header(
            "last-modified",
            crate::azure_sim::clock::http_date(version.modified),
        );
    } else {
        describe(&mut answer, container, version, is_current);
    }
    Ok(answer)
}

fn set_metadata(world: &mut World, call: &Call, place: &BlobPlace) -> Result<Answer, Refused> {
    let etag = world.fresh_etag();
    let version = existing(world, call, place, None, Change::Properties)?;
    version.metadata = call.metadata();
    version.touch(etag, call.at);
    Ok(written(version, 200))
}

fn delete(world: &mut World, call: &Call, place: &BlobPlace) -> Result<Answer, Refused> {
    let id = call.query.value("versionid").map(str::to_string);
    let versioning = world
        .accounts
        .get(&place.account)
        .is_some_and(|account| account.settings.versioning);
    let keeps = versioning && id.is_none();
    let container = container_of(world, place)?;
    let blob = container.blobs.get(&place.blob).ok_or_else(Refused::no_blob)?;
    let version = blob.version(id.as_deref()).ok_or_else(Refused::no_blob)?;
    conditions::check(call, Some(version))?;
    super::writing::refuse_pending(version)?;
    // Where versions are kept, deleting the current one only makes it a previous one.
    if !(keeps && container.version_level_worm) {
        worm::permit(container, version, Change::Delete, call.at)?;
    }
    let blob = container
        .blobs
        .get_mut(&place.blob)
        .ok_or_else(Refused::no_blob)?;
    match id {
        Some(id) => {
            blob.previous
                .retain(|version| version.id.as_deref() != Some(id.as_str()));
            if blob
                .current
                .as_ref()
                .is_some_and(|current| current.id.as_deref() == Some(id.as_str()))
            {
                blob.current = None;
            }
        }
        None => {
            let gone = blob.current.take();
            if keeps {
                blob.previous.extend(gone);
            }
        }
    }
    if blob.current.is_none() && blob.previous.is_empty() {
        container.blobs.remove(&place.blob);
    }
    Ok(Answer::empty(202).with_header("x-ms-delete-type-permanent", (!keeps).to_string()))
}
