"""Drives the simulated key vaults with Microsoft's own clients: azure-keyvault-secrets and azure-keyvault-keys.

Every address and credential comes by environment. Ends with "all held", or with the assertion that did not hold.
"""

import base64
import hashlib
import os

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.keyvault.keys import JsonWebKey, KeyClient
from azure.keyvault.keys.crypto import CryptographyClient, EncryptionAlgorithm, KeyWrapAlgorithm, SignatureAlgorithm
from azure.keyvault.secrets import SecretClient
from cryptography.hazmat.primitives.asymmetric import rsa

env = os.environ
UNVERIFIED = {"verify_challenge_resource": False}  # the addresses are loopback's


def refused(status, inner, call):
    try:
        call()
    except HttpResponseError as error:
        found = error.error.innererror["code"] if error.error and error.error.innererror else None
        assert (error.status_code, found) == (status, inner), (error.status_code, found, error)
        return
    raise AssertionError(f"not refused: expected {inner}")


def keep_secrets(vault):
    first = vault.set_secret("key-1", "one", content_type="BEK", tags={"MachineName": "WEB-01"})
    second = vault.set_secret("key-1", "two")
    assert vault.get_secret("key-1").value == "two"
    found = vault.get_secret("key-1", first.properties.version)
    assert (found.value, found.properties.content_type, found.properties.tags) == ("one", "BEK", {"MachineName": "WEB-01"})
    assert {one.version for one in vault.list_properties_of_secret_versions("key-1")} == {
        first.properties.version,
        second.properties.version,
    }
    for number in range(30):
        vault.set_secret(f"many-{number:02}", "x")
    assert len([one.name for one in vault.list_properties_of_secrets(max_page_size=7)]) == 31
    vault.update_secret_properties("key-1", enabled=False)
    refused(403, "SecretDisabled", lambda: vault.get_secret("key-1"))
    vault.update_secret_properties("key-1", enabled=True)
    try:
        vault.get_secret("absent")
    except ResourceNotFoundError as error:
        assert error.error.code == "SecretNotFound"
    else:
        raise AssertionError("found what is not there")


def delete_and_recover(vault):
    vault.begin_delete_secret("key-1").wait()
    refused(409, "ObjectIsDeletedButRecoverable", lambda: vault.set_secret("key-1", "three"))
    assert [one.name for one in vault.list_deleted_secrets()] == ["key-1"]
    assert vault.get_deleted_secret("key-1").scheduled_purge_date
    vault.begin_recover_deleted_secret("key-1").wait()
    assert vault.get_secret("key-1").value == "two"
    backup = vault.backup_secret("key-1")
    vault.begin_delete_secret("key-1").wait()
    vault.purge_deleted_secret("key-1")
    assert vault.restore_secret_backup(backup).name == "key-1"
    return backup


def use_keys(vault, who):
    kek = vault.create_rsa_key("kek", size=2048)
    crypto = CryptographyClient(kek, credential=who, **UNVERIFIED)
    remote = CryptographyClient(kek.id, credential=who, **UNVERIFIED)
    for algorithm in (KeyWrapAlgorithm.rsa_oaep, KeyWrapAlgorithm.rsa_oaep_256, KeyWrapAlgorithm.rsa1_5):
        # Wrapped by Python's own cryptography with the public key; unwrapped by the vault.
        wrapped = crypto.wrap_key(algorithm, b"key bytes")
        assert remote.unwrap_key(algorithm, wrapped.encrypted_key).key == b"key bytes"
    sealed = remote.encrypt(EncryptionAlgorithm.rsa_oaep, b"text")
    assert remote.decrypt(EncryptionAlgorithm.rsa_oaep, sealed.ciphertext).plaintext == b"text"
    digest = hashlib.sha256(b"checkpoint").digest()
    for key, algorithm in (
        (vault.create_ec_key("p256", curve="P-256"), SignatureAlgorithm.es256),
        (kek, SignatureAlgorithm.rs256),
    ):
        signature = CryptographyClient(key.id, credential=who, **UNVERIFIED).sign(algorithm, digest).signature
        # Verified by Python's own cryptography with the public key.
        assert CryptographyClient(key, credential=who, **UNVERIFIED).verify(algorithm, digest, signature).is_valid
    numbers = rsa.generate_private_key(65537, 2048).private_numbers()

    def part(value):
        return value.to_bytes((value.bit_length() + 7) // 8, "big")

    imported = vault.import_key(
        "imported",
        JsonWebKey(
            kty="RSA",
            key_ops=["wrapKey", "unwrapKey"],
            n=part(numbers.public_numbers.n),
            e=part(numbers.public_numbers.e),
            d=part(numbers.d),
            p=part(numbers.p),
            q=part(numbers.q),
            dp=part(numbers.dmp1),
            dq=part(numbers.dmq1),
            qi=part(numbers.iqmp),
        ),
    )
    assert imported.key.n == part(numbers.public_numbers.n) and imported.key.d is None
    assert {one.name for one in vault.list_properties_of_keys()} == {"escrow", "imported", "kek", "p256"}


def move_keys(vault, abroad, secret_backup, secrets_abroad):
    backup = vault.backup_key("kek")
    refused(400, None, lambda: abroad.restore_key_backup(backup))
    refused(400, None, lambda: secrets_abroad.restore_secret_backup(secret_backup))
    vault.begin_delete_key("kek").wait()
    vault.begin_recover_deleted_key("kek").wait()
    assert vault.get_key("kek").key.kty == "RSA"


def read_the_owners_vault(who):
    """The two keys of the lab's disks, the wrapped one unwrapped as the documentation says."""
    vault = SecretClient(env["SIM_OWNERS"], who, **UNVERIFIED)
    found = {one.name: vault.get_secret(one.name) for one in vault.list_properties_of_secrets()}
    plain = next(one for one in found.values() if one.properties.content_type == "BEK")
    assert base64.b64decode(plain.value) == b"plain-canary"
    wrapped = next(one for one in found.values() if one.properties.content_type == "Wrapped BEK")
    # The tag has production's address: the key's name and version follow its host.
    path = wrapped.properties.tags["DiskEncryptionKeyEncryptionKeyURL"].split("/", 3)[3]
    crypto = CryptographyClient(f"{env['SIM_OWNERS']}/{path}", credential=who, **UNVERIFIED)
    value = base64.urlsafe_b64decode(wrapped.value + "==")
    assert crypto.unwrap_key(KeyWrapAlgorithm.rsa_oaep, value).key == b"wrapped-canary"


def main():
    who = ClientSecretCredential(
        env["SIM_TENANT"],
        env["SIM_CLIENT"],
        env["SIM_SECRET"],
        authority=env["SIM_LOGIN"],
        disable_instance_discovery=True,
    )
    secrets, keys = (client(env["SIM_VAULT"], who, **UNVERIFIED) for client in (SecretClient, KeyClient))
    keep_secrets(secrets)
    backup = delete_and_recover(secrets)
    use_keys(keys, who)
    abroad = env["SIM_ABROAD"]
    move_keys(keys, KeyClient(abroad, who, **UNVERIFIED), backup, SecretClient(abroad, who, **UNVERIFIED))
    read_the_owners_vault(who)
    print("all held")


if __name__ == "__main__":
    main()
