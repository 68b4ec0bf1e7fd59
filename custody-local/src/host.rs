use std::collections::BTreeMap;
use std::ffi::CStr;

use custody_core::digest::Sha256Digest;
use custody_core::visible;

const USERS_FILE: &str = "/etc/passwd";
/// Source: systemd's machine-id(5), version 257, read 2026-11-21: the id is confidential and only a keyed or hashed
/// form of it may be shown.
const MACHINE_ID_FILE: &str = "/etc/machine-id";
const MACHINE_ID_PREFIX: &[u8] = b"custody machine-id\n";
/// Source: proc_pid_loginuid(5), Linux man-pages 6.9, read 2026-11-21.
const LOGIN_UID_FILE: &str = "/proc/self/loginuid";
const NOBODY_LOGGED_IN: u32 = u32::MAX;

/// What this host's operating system says of itself and of who runs this process.
///
/// Nothing is read from the environment: what a shell states is the caller's to pass on as stated. A fact that
/// cannot be read is left out. Values are escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Host {
    /// Who, as the operating system authenticated them, for the custody log: `os-uid`, `os-user`; and, where the
    /// kernel's audit keeps it over `su` and `sudo`, `os-login-uid` and `os-login-user`.
    pub authenticated: BTreeMap<String, String>,
    /// Where, for the custody log: `host`, `os`, `kernel`, `architecture`, `machine-id-sha256` (SHA-256 of
    /// `custody machine-id`, a line feed and the machine id: tells hosts apart, does not tell the id).
    pub place: BTreeMap<String, String>,
}

impl Host {
    /// Looks now. Reads a few small files; blocks for as long.
    #[must_use]
    pub fn observe() -> Self {
        let users = std::fs::read(USERS_FILE).unwrap_or_default();
        let uid = rustix::process::geteuid().as_raw();
        let mut authenticated = BTreeMap::new();
        let mut person = |prefix: &str, uid: u32| {
            authenticated.insert(format!("{prefix}uid"), uid.to_string());
            if let Some(name) = user_name(&users, uid) {
                authenticated.insert(format!("{prefix}user"), name);
            }
        };
        person("os-", uid);
        if let Some(login) = login_uid() {
            person("os-login-", login);
        }
        let uname = rustix::system::uname();
        let mut place = BTreeMap::new();
        let mut fact = |name: &str, value: &CStr| {
            if !value.is_empty() {
                place.insert(name.to_owned(), visible::escape_bytes(value.to_bytes()));
            }
        };
        fact("host", uname.nodename());
        fact("os", uname.sysname());
        fact("kernel", uname.release());
        fact("architecture", uname.machine());
        if let Ok(id) = std::fs::read(MACHINE_ID_FILE)
            && !id.trim_ascii().is_empty()
        {
            let digest = Sha256Digest::of_parts(&[MACHINE_ID_PREFIX, id.trim_ascii()]);
            place.insert("machine-id-sha256".into(), digest.to_string());
        }
        Self { authenticated, place }
    }
}

fn login_uid() -> Option<u32> {
    let text = std::fs::read_to_string(LOGIN_UID_FILE).ok()?;
    text.trim().parse().ok().filter(|uid| *uid != NOBODY_LOGGED_IN)
}

/// The name of a user in the form of passwd(5). Users of a directory service are not in it; their number is.
fn user_name(users: &[u8], uid: u32) -> Option<String> {
    users.split(|byte| *byte == b'\n').find_map(|line| {
        let mut fields = line.split(|byte| *byte == b':');
        let name = fields.next()?;
        let number = std::str::from_utf8(fields.nth(1)?).ok()?;
        (number.parse() == Ok(uid) && !name.is_empty()).then(|| visible::escape_bytes(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_number_and_its_name_is_escaped() {
        let users = b"root:x:0:0::/root:/bin/sh\nbroken\nm\xffax:x:1000:1000::/home/max:/bin/sh\n";
        assert_eq!(user_name(users, 0).as_deref(), Some("root"));
        assert_eq!(user_name(users, 1000).as_deref(), Some("m\\x{ff}ax"));
        assert_eq!(user_name(users, 1), None);
    }

    #[test]
    fn the_host_names_itself_and_who_runs_this() {
        let host = Host::observe();
        let uid = rustix::process::geteuid().as_raw().to_string();
        assert_eq!(host.authenticated.get("os-uid"), Some(&uid));
        assert!(host.place.contains_key("host") && host.place.contains_key("kernel"));
        let id = std::fs::read_to_string(MACHINE_ID_FILE).unwrap_or_default();
        let shown = format!("{host:?}");
        assert!(
            id.trim().is_empty() || !shown.contains(id.trim()),
            "the machine id itself is confidential"
        );
    }
}
