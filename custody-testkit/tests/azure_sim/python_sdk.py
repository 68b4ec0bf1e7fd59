"""Drives the simulated Azure with Microsoft's own clients: azure-identity, azure-mgmt-compute, azure-storage-blob.

Every address and credential comes by environment. Ends with "all held", or with the assertion that did not hold.
"""

import datetime
import hashlib
import os

from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.compute.models import CreationData, GrantAccessData, Snapshot
from azure.storage.blob import (
    BlobClient,
    BlobSasPermissions,
    BlobServiceClient,
    ImmutabilityPolicy,
    generate_blob_sas,
)

env = os.environ
GROUP, DISK, SNAPSHOT = "production", "web-01-data-0", "202611220000-web-01-data-0"


def credential(secret):
    return ClientSecretCredential(
        env["SIM_TENANT"],
        env["SIM_CLIENT"],
        secret,
        authority=env["SIM_LOGIN"],
        disable_instance_discovery=True,
    )


def refused(status, code, call):
    try:
        call()
    except HttpResponseError as error:
        found = error.error_code if hasattr(error, "error_code") and error.error_code else error.error.code
        assert (error.status_code, str(getattr(found, "value", found))) == (status, code), (error.status_code, found)
        return
    raise AssertionError(f"not refused: expected {code}")


def sign_in():
    try:
        credential("wrong").get_token("https://management.azure.com/.default")
    except ClientAuthenticationError as error:
        assert "AADSTS7000215" in str(error), error
    else:
        raise AssertionError("a wrong secret was accepted")
    return credential(env["SIM_SECRET"])


def take(compute):
    machine = compute.virtual_machines.get(GROUP, "web-01", expand="instanceView")
    assert machine.instance_view.statuses[-1].code == "PowerState/running"
    ids = [machine.storage_profile.os_disk.managed_disk.id]
    ids += [disk.managed_disk.id for disk in machine.storage_profile.data_disks]
    assert len(ids) == 3 and "/shared-disks/" in ids[2].lower(), ids
    disk = compute.disks.get(GROUP, DISK)
    snapshot = compute.snapshots.begin_create_or_update(
        GROUP,
        SNAPSHOT,
        Snapshot(
            location=disk.location,
            tags={"case": "c1"},
            creation_data=CreationData(create_option="Copy", source_resource_id=disk.id),
        ),
        polling_interval=0,
    ).result()
    assert snapshot.provisioning_state == "Succeeded", snapshot
    assert snapshot.creation_data.source_unique_id == disk.unique_id
    assert [one.name for one in compute.snapshots.list_by_resource_group(GROUP)] == [SNAPSHOT]
    access = compute.snapshots.begin_grant_access(
        GROUP, SNAPSHOT, GrantAccessData(access="Read", duration_in_seconds=3600), polling_interval=0
    ).result()
    assert access.access_sas, "no address"
    return access.access_sas


def read_export(address):
    export = BlobClient.from_blob_url(address)
    size = export.get_blob_properties().size
    data = export.download_blob(max_concurrency=2).readall()
    assert len(data) == size
    assert hashlib.sha256(data[:-512]).hexdigest() == env["SIM_EXPECTED"]
    assert data[-512:-504] == b"conectix"
    ranges, _ = export.get_page_ranges()
    assert ranges[0] == {"start": 1 << 20, "end": (3 << 20) - 1}, ranges
    return data


def archive(service, address, data):
    blob = service.get_blob_client("immutable", "cases/c1/disk.vhd")
    blob.start_copy_from_url(address, metadata={"case": "c1"})
    seen = []
    for _ in range(10):
        properties = blob.get_blob_properties()
        seen.append(properties.copy.status)
        assert properties.size == len(data), "a pending copy shows its whole length"
        if properties.copy.status != "pending":
            break
    assert seen[0] == "pending" and seen[-1] == "success", seen
    assert blob.download_blob().readall() == data
    refused(409, "BlobImmutableDueToPolicy", blob.delete_blob)
    refused(409, "BlobImmutableDueToPolicy", lambda: blob.set_blob_metadata({"a": "b"}))
    refused(409, "BlobImmutableDueToPolicy", lambda: blob.start_copy_from_url(address))
    container = service.get_container_client("immutable").get_container_properties()
    assert container.has_immutability_policy and not container.has_legal_hold
    assert [one.name for one in service.get_container_client("immutable").walk_blobs()] == ["cases/"]


def write_every_kind(service):
    pages = service.get_blob_client("plain", "pages")
    pages.create_page_blob(4 << 40)
    pages.upload_page(b"p" * 512, offset=1 << 30, length=512, validate_content=True)
    assert pages.get_page_ranges()[0] == [{"start": 1 << 30, "end": (1 << 30) + 511}]
    assert pages.download_blob(offset=1 << 30, length=512).readall() == b"p" * 512
    log = service.get_blob_client("immutable", "cases/c1/log.jsonl")
    log.create_append_blob()
    log.append_block(b"one\n", appendpos_condition=0)
    refused(412, "AppendPositionConditionNotMet", lambda: log.append_block(b"two\n", appendpos_condition=0))
    blocks = service.get_blob_client("plain", "blocks")
    blocks.upload_blob(b"b" * (9 << 20), max_concurrency=2)
    try:
        blocks.upload_blob(b"x")
    except ResourceExistsError:
        pass
    else:
        raise AssertionError("overwritten")
    big = service.get_blob_client("plain", "staged")
    for number in range(3):
        big.stage_block(f"{number:04}", bytes([number]) * 100)
    big.commit_block_list([f"{number:04}" for number in (2, 0)])
    assert big.download_blob().readall() == b"\x02" * 100 + b"\x00" * 100
    committed, uncommitted = big.get_block_list("all")
    assert len(committed) == 2 and not uncommitted
    listed = service.get_container_client("plain").list_blobs(results_per_page=1)
    assert [one.name for one in listed] == ["blocks", "pages", "staged"]


def protect_a_version(service):
    blob = service.get_blob_client("versions", "a")
    blob.upload_blob(b"evidence")
    version = blob.get_blob_properties().version_id
    assert version
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    told = blob.set_immutability_policy(ImmutabilityPolicy(expiry_time=until, policy_mode="Unlocked"))
    assert told["immutability_policy_mode"] == "unlocked", told
    assert blob.get_blob_properties().immutability_policy.policy_mode == "unlocked"
    blob.set_legal_hold(True)
    refused(409, "BlobImmutableDueToLegalHold", lambda: blob.delete_blob(version_id=version))
    blob.set_legal_hold(False)
    blob.delete_immutability_policy()


def sign_for_an_investigator(service):
    now = datetime.datetime.now(datetime.timezone.utc)
    key = service.get_user_delegation_key(now - datetime.timedelta(minutes=5), now + datetime.timedelta(hours=9))
    blob = service.get_blob_client("plain", "staged")

    def signed(**more):
        query = generate_blob_sas(
            "socevidence",
            "plain",
            "staged",
            user_delegation_key=key,
            permission=BlobSasPermissions(read=True),
            expiry=now + datetime.timedelta(hours=8),
            protocol="https",
            **more,
        )
        return BlobClient.from_blob_url(f"{blob.url}?{query}")

    assert len(signed(ip="127.0.0.1", correlation_id="11111111-1111-4111-8111-111111111111").download_blob().readall()) == 200
    refused(403, "AuthorizationSourceIPMismatch", signed(ip="10.0.0.1").download_blob)
    refused(403, "AuthorizationPermissionMismatch", signed().delete_blob)


def clean_up(compute):
    refused(409, "OperationNotAllowed", lambda: compute.snapshots.begin_delete(GROUP, SNAPSHOT))
    compute.snapshots.begin_revoke_access(GROUP, SNAPSHOT, polling_interval=0).result()
    compute.snapshots.begin_delete(GROUP, SNAPSHOT, polling_interval=0).result()
    try:
        compute.snapshots.get(GROUP, SNAPSHOT)
    except ResourceNotFoundError as error:
        assert error.error.code == "ResourceNotFound"
    else:
        raise AssertionError("the snapshot is still there")


def main():
    who = sign_in()
    compute = ComputeManagementClient(
        who,
        env["SIM_SUBSCRIPTION"],
        base_url=env["SIM_MANAGEMENT"],
        credential_scopes=["https://management.azure.com/.default"],
    )
    service = BlobServiceClient(env["SIM_BLOB"], credential=who)
    address = take(compute)
    data = read_export(address)
    archive(service, address, data)
    write_every_kind(service)
    protect_a_version(service)
    sign_for_an_investigator(service)
    clean_up(compute)
    print("all held")


if __name__ == "__main__":
    main()
