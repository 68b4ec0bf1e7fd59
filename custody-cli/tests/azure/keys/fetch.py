"""Reads what a capture left in the security team's vault, with Microsoft's own clients and by what custody documents.

items.json has the capture's items, each with the name of its disk snapshot in Azure. The key of each comes into a file
`<snapshot>.BEK`. Ends with "all held", or with what did not hold.
"""

import base64
import json
import os
import pathlib

from azure.core.exceptions import ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.keyvault.keys.crypto import CryptographyClient, KeyWrapAlgorithm
from azure.keyvault.secrets import SecretClient
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

env = os.environ
UNVERIFIED = {"verify_challenge_resource": False}  # the addresses are loopback's


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def unwrapped(wrapped, who):
    """A key that the security team's own key wrapped, as docs/keys.md says."""
    path = wrapped["attributes"]["kid"].split("/", 3)[3]
    crypto = CryptographyClient(f"{env['SIM_VAULT'].rstrip('/')}/{path}", credential=who, **UNVERIFIED)
    value = decoded(wrapped["value"])
    if "enc" not in wrapped["attributes"]:
        return crypto.unwrap_key(KeyWrapAlgorithm.rsa_oaep_256, value).key
    header, content_key, nonce, ciphertext, tag = value.decode().split(".")
    assert json.loads(decoded(header))["enc"] == "A256GCM"
    content_key = crypto.unwrap_key(KeyWrapAlgorithm.rsa_oaep_256, decoded(content_key)).key
    return AESGCM(content_key).decrypt(decoded(nonce), decoded(ciphertext) + decoded(tag), header.encode())


def main():
    who = ClientSecretCredential(
        env["SIM_TENANT"], env["SIM_CLIENT"], env["SIM_SECRET"], authority=env["SIM_LOGIN"], disable_instance_discovery=True
    )
    vault = SecretClient(env["SIM_VAULT"], who, **UNVERIFIED)
    keys = 0
    for item in json.loads(pathlib.Path("items.json").read_text()):
        snapshot = item["snapshot"]
        for suffix, what in [("hash-SHA256", "stored_file"), ("hash-SHA256-data", "disk_data")]:
            digest = vault.get_secret(f"{snapshot}-{suffix}")
            assert digest.value == item["digests"][what].upper(), digest.name
            assert digest.properties.content_type == "text/plain"
            tags = digest.properties.tags
            assert tags["case"] == "C-1" and tags["object"] == item["object"], tags
            assert tags["disk unique id"], tags
            data = snapshot.rsplit("-data-", 1)
            assert tags.get("lun") == (data[1] if len(data) == 2 else None), tags
        try:
            kept = vault.get_secret(snapshot)
        except ResourceNotFoundError:
            continue  # its disk is not encrypted
        keys += 1
        if kept.properties.content_type == "BEK":
            # As the runbook's users know it: the key file in base64, under the tags of its source.
            key = base64.b64decode(kept.value, validate=True)
            tags = kept.properties.tags
            assert tags["MachineName"] == "WEB-01" and tags["DiskEncryptionKeyFileName"].endswith(".BEK"), tags
            assert "DiskEncryptionKeyEncryptionKeyURL" not in tags, "it is not wrapped any more"
            record = json.loads(vault.get_secret(f"{snapshot}-custody-record").value)
        else:
            record = json.loads(kept.value)
            key = unwrapped(record["key"], who)
        assert record["item"] == item["item"], record["item"]
        pathlib.Path(f"{snapshot}.BEK").write_bytes(key)
    assert keys == 2, keys
    print("all held")


if __name__ == "__main__":
    main()
