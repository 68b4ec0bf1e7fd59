"""Reads what custody kept in a vault, with Microsoft's own clients and by what custody documents alone.

Every address, credential and expectation comes by environment. Ends with "all held", or with what did not hold.
"""

import base64
import json
import os

from azure.identity import ClientSecretCredential
from azure.keyvault.keys.crypto import CryptographyClient, KeyWrapAlgorithm
from azure.keyvault.secrets import SecretClient

env = os.environ
UNVERIFIED = {"verify_challenge_resource": False}  # the addresses are loopback's


def main():
    who = ClientSecretCredential(
        env["SIM_TENANT"], env["SIM_CLIENT"], env["SIM_SECRET"], authority=env["SIM_LOGIN"], disable_instance_discovery=True
    )
    vault = SecretClient(env["SIM_VAULT"], who, **UNVERIFIED)
    for number, key in enumerate(env["KEYS"].split()):
        # As the runbook's users read a key: the value is the key file in base64, the tags are the source's.
        kept = vault.get_secret(f"{env['NAME']}-{number}")
        assert kept.value == key and kept.properties.content_type == "BEK"
        assert kept.properties.tags["MachineName"] == "WEB-01"
        assert kept.properties.tags["DiskEncryptionKeyFileName"].endswith(".BEK")
        assert kept.properties.tags["VolumeLetter"] == ["F:\\", "G:\\"][number], kept.properties.tags
        assert "DiskEncryptionKeyEncryptionKeyURL" not in kept.properties.tags
        record = json.loads(vault.get_secret(f"{env['NAME']}-{number}-custody-record").value)
        assert ("original" in record) == (number == 1) and "key" not in record
        # The wrapped form: the record names the key that wrapped it; its vault unwraps it.
        wrapped = json.loads(vault.get_secret(f"{env['NAME']}-{number}-wrapped").value)["key"]
        path = wrapped["attributes"]["kid"].split("/", 3)[3]
        crypto = CryptographyClient(f"{env['SIM_VAULT']}/{path}", credential=who, **UNVERIFIED)
        value = base64.urlsafe_b64decode(wrapped["value"] + "==")
        assert crypto.unwrap_key(KeyWrapAlgorithm.rsa_oaep_256, value).key == base64.b64decode(key)
    digest = vault.get_secret(f"{env['NAME']}-0-hash-SHA256")
    assert digest.value == env["DIGEST"].upper() and digest.properties.content_type == "text/plain"
    assert digest.properties.tags["case"] == "2026-0042"
    print("all held")


if __name__ == "__main__":
    main()
