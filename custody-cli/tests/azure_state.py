"""What Microsoft's own clients find after a capture: nothing left at the machine's side, nothing else changed there, and
blobs in the container that nobody can delete or overwrite.

    azure_state.py source                       prints what could change at the machine's side, as JSON
    azure_state.py store CONTAINER FOLDER       checks every blob of the container and downloads it below FOLDER

Addresses and credentials come by environment.
"""

import json
import os
import pathlib
import sys

from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.mgmt.compute import ComputeManagementClient
from azure.storage.blob import BlobServiceClient

env = os.environ


def credential():
    secret = pathlib.Path(env["SIM_SECRET_FILE"]).read_text().strip()
    return ClientSecretCredential(
        env["SIM_TENANT"], env["SIM_CLIENT"], secret, authority=env["SIM_LOGIN"], disable_instance_discovery=True
    )


def source():
    compute = ComputeManagementClient(
        credential(),
        env["SIM_SUBSCRIPTION"],
        base_url=env["SIM_MANAGEMENT"],
        credential_scopes=["https://management.azure.com/.default"],
    )
    machines = [machine.as_dict() for machine in compute.virtual_machines.list_all()]
    disks = [disk.as_dict() for disk in compute.disks.list()]
    # A grant of access shows in a disk's or snapshot's state.
    assert not [disk["name"] for disk in disks if "SAS" in str(disk)], disks
    snapshots = [snapshot.as_dict() for snapshot in compute.snapshots.list()]
    points = [collection.as_dict() for collection in compute.restore_point_collections.list_all()]
    found = {"machines": machines, "disks": disks, "snapshots": snapshots, "restorePoints": points}
    print(json.dumps(found, sort_keys=True, indent=1, default=str))


def refused(call):
    try:
        call()
    except HttpResponseError as error:
        code = str(getattr(error.error_code, "value", error.error_code))
        assert error.status_code == 409 and code.startswith("BlobImmutable"), (error.status_code, code)
    else:
        raise AssertionError("it was allowed")


def store(container, folder):
    service = BlobServiceClient(env["SIM_BLOB"], credential=credential())
    client = service.get_container_client(container)
    properties = client.get_container_properties()
    assert properties.has_immutability_policy, properties
    count = 0
    for listed in client.list_blobs():
        blob = client.get_blob_client(listed.name)
        assert blob.get_blob_properties().copy.status in (None, "success"), listed.name
        refused(blob.delete_blob)
        refused(lambda: blob.upload_blob(b"x", overwrite=True))
        refused(lambda: blob.set_blob_metadata({"a": "b"}))
        path = pathlib.Path(folder, listed.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            blob.download_blob().readinto(file)
        count += 1
    assert count, "the container is empty"
    print(f"{count} blobs, none of which can be deleted or overwritten")


if __name__ == "__main__":
    {"source": source, "store": store}[sys.argv[1]](*sys.argv[2:])
